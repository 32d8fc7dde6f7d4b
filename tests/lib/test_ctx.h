/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A context for tests: keeps the last message, counts what is allocated, and can make the
 * n-th allocation fail. Include after cmocka.h.
 */
#ifndef TESTS_LIB_TEST_CTX_H
#define TESTS_LIB_TEST_CTX_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libnetmap.h"

static char last_msg[1024];
static int messages, allocated, fail_after = -1, locks;

static void keep_msg(struct nmctx *ctx, const char *msg)
{
	(void)ctx;
	snprintf(last_msg, sizeof(last_msg), "%s", msg);
	messages++;
}

static void *count_malloc(struct nmctx *ctx, size_t size)
{
	(void)ctx;
	if (fail_after == 0)
		return NULL;
	if (fail_after > 0)
		fail_after--;
	allocated++;
	return malloc(size);
}

static void count_free(struct nmctx *ctx, void *p)
{
	(void)ctx;
	allocated--;
	free(p);
}

static void count_lock(struct nmctx *ctx, int lock)
{
	(void)ctx;
	locks += lock ? 1 : -1;
	assert_in_range(locks, 0, 1);
}

static struct nmctx test_ctx = {
	.verbose = 1,
	.error = keep_msg,
	.malloc = count_malloc,
	.free = count_free,
	.lock = count_lock,
};

/* In cmocka's setup of each test. */
static inline int use_test_ctx(void **state)
{
	(void)state;
	nmctx_set_default(&test_ctx);
	last_msg[0] = '\0';
	messages = 0;
	fail_after = -1;
	return 0;
}

/* In the teardown: whatever the test did, nothing may be left over. */
static inline int nothing_left(void **state)
{
	(void)state;
	assert_int_equal(allocated, 0);
	assert_int_equal(locks, 0);
	assert_null(test_ctx.mem_descs);
	return 0;
}

static inline void assert_says(const char *part)
{
	if (strstr(last_msg, part) == NULL)
		fail_msg("message \"%s\" does not say \"%s\"", last_msg, part);
}

#endif
