/* SPDX-License-Identifier: BSD-2-Clause */
/* The life of a handle: made, entered and left by its users, closed, freed. */
#include "handle.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

pcap_t *handle_new(const char *device)
{
	pcap_t *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->device = strdup(device);
	if (p->device == NULL) {
		free(p);
		return NULL;
	}
	p->magic = NMP_MAGIC;
	p->breakfd = p->selectfd = p->morefd = p->wakefd = -1;
	inject_init(p);
	return p;
}

void handle_free(pcap_t *p)
{
	p->magic = 0;
	inject_fini(p);
	free(p->joined);
	free(p->device);
	free(p);
}

/* Notes what went wrong, for pcap_geterr(). Returns status. */
int handle_fail(pcap_t *p, int status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(p->err, PCAP_ERRBUF_SIZE, fmt, ap);
	va_end(ap);
	return status;
}

int handle_inactive(pcap_t *p)
{
	return handle_fail(p, PCAP_ERROR_NOT_ACTIVATED, "This handle hasn't been activated yet");
}

/*
 * One thread may close a handle while another is reading from it, or sending. The closer
 * sets `closing` and then looks for users; a user counts itself and then looks at
 * `closing`: with both in that order for everybody (SEQ_CST), one sees the other. False:
 * it is being closed, and the caller must not touch it again.
 */
bool handle_enter(pcap_t *p)
{
	__atomic_add_fetch(&p->users, 1, __ATOMIC_SEQ_CST);
	if (__builtin_expect(__atomic_load_n(&p->closing, __ATOMIC_SEQ_CST), 0)) {
		handle_leave(p);
		return false;
	}
	return true;
}

static void finish(pcap_t *p)
{
	if (p->active) {
		inject_stop(p);
		port_close(p);
		event_close(p);
		sys()->pcap_close(p->twin);
	}
	filter_free(p->filter);
	filter_free(p->old_filters);
	handle_free(p);
}

/* Whoever is the last to leave a handle that is closed, clears away. */
void handle_leave(pcap_t *p)
{
	if (__atomic_sub_fetch(&p->users, 1, __ATOMIC_SEQ_CST) == 0 &&
	    __builtin_expect(__atomic_load_n(&p->closing, __ATOMIC_SEQ_CST), 0))
		finish(p);
}

void netmap_pcap_close(pcap_t *p)
{
	bool inside;

	__atomic_add_fetch(&p->users, 1, __ATOMIC_SEQ_CST);
	__atomic_store_n(&p->closing, 1, __ATOMIC_SEQ_CST);
	event_break(p);
	/* From a callback, the caller itself is one of those who have to leave. */
	inside = __atomic_load_n(&p->reading, __ATOMIC_RELAXED) > 0 &&
		 pthread_equal(__atomic_load_n(&p->reader, __ATOMIC_RELAXED), pthread_self());
	while (!inside && __atomic_load_n(&p->users, __ATOMIC_SEQ_CST) > 1)
		usleep(100);
	handle_leave(p);
}

char *netmap_pcap_geterr(pcap_t *p)
{
	return p->err;
}

void netmap_pcap_perror(pcap_t *p, const char *prefix)
{
	fprintf(stderr, "%s: %s\n", prefix, p->err);
}
