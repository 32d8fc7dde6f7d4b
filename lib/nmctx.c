/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Contexts: where the library sends messages, gets memory, and how it locks the list of
 * memory regions. Everything else in lib/ goes through the functions of this file.
 */
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "libnetmap.h"

static pthread_mutex_t nmctx_mutex = PTHREAD_MUTEX_INITIALIZER;

static void nmctx_mutex_lock(struct nmctx *ctx, int lock)
{
	(void)ctx;
	if (lock)
		pthread_mutex_lock(&nmctx_mutex);
	else
		pthread_mutex_unlock(&nmctx_mutex);
}

/* Older programs wrote this to ask for the mutex, which is now always there. */
int nmctx_threadsafe = 1;

static struct nmctx nmctx_global = {
	.verbose = 1,
	.lock = nmctx_mutex_lock,
};

static struct nmctx *nmctx_default = &nmctx_global;

struct nmctx *nmctx_get(void)
{
	return __atomic_load_n(&nmctx_default, __ATOMIC_ACQUIRE);
}

struct nmctx *nmctx_set_default(struct nmctx *ctx)
{
	if (ctx == NULL)
		ctx = &nmctx_global;
	return __atomic_exchange_n(&nmctx_default, ctx, __ATOMIC_ACQ_REL);
}

void nmctx_set_threadsafe(void)
{
	struct nmctx *ctx = nmctx_get();

	if (ctx->lock == NULL)
		ctx->lock = nmctx_mutex_lock;
}

/*
 * Callers set errno first or after, as they like: what formatting and printing do to it
 * is undone here.
 */
void nmctx_ferror(struct nmctx *ctx, const char *fmt, ...)
{
	int saved_errno = errno;
	char msg[512], *c;
	va_list ap;

	if (!ctx->verbose)
		return;
	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	/* Messages quote what users typed: one line, and nothing a terminal would obey.
	 */
	for (c = msg; *c != '\0'; c++) {
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	}
	if (ctx->error != NULL)
		ctx->error(ctx, msg);
	else
		fprintf(stderr, "%s\n", msg);
	errno = saved_errno;
}

/* Sets errno on failure, whatever the callback did. */
void *nmctx_malloc(struct nmctx *ctx, size_t size)
{
	void *p = ctx->malloc != NULL ? ctx->malloc(ctx, size) : malloc(size);

	if (p == NULL)
		errno = ENOMEM;
	return p;
}

void nmctx_free(struct nmctx *ctx, void *p)
{
	if (p == NULL)
		return;
	if (ctx->free != NULL)
		ctx->free(ctx, p);
	else
		free(p);
}

void nmctx_lock(struct nmctx *ctx)
{
	if (ctx->lock != NULL)
		ctx->lock(ctx, 1);
}

void nmctx_unlock(struct nmctx *ctx)
{
	if (ctx->lock != NULL)
		ctx->lock(ctx, 0);
}
