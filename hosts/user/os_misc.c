// SPDX-License-Identifier: BSD-2-Clause
/* Objects, clocks, workers, log. */
#include "fault.h"
#include "os.h"

#include <signal.h>
#include <stdlib.h>
#include <time.h>

static long fail_after = -1;
static long allocs;

void nmcore_fail_alloc_after(long n)
{
	nm_store(&allocs, 0);
	nm_store(&fail_after, n);
}

long nmcore_allocs(void)
{
	return nm_load(&allocs);
}

bool nm_fault(void)
{
	long n = nm_fetch_add(&allocs, 1), limit = nm_load(&fail_after);

	return limit >= 0 && n >= limit;
}

/* At a cache line, since the core's types ask for that. */
void *nm_os_alloc(size_t size)
{
	size_t room = (size + NM_CACHELINE - 1) & ~(size_t)(NM_CACHELINE - 1);
	void *p;

	if (nm_fault() || room < size)
		return NULL;
	p = aligned_alloc(NM_CACHELINE, room ? room : NM_CACHELINE);
	if (p)
		memset(p, 0, room);
	return p;
}

void nm_os_free(void *p)
{
	free(p);
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * UINT64_C(1000000000) + ts.tv_nsec;
}

uint64_t nm_os_now(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

uint64_t nm_os_now_coarse(void)
{
	return clock_ns(CLOCK_MONOTONIC_COARSE);
}

void nm_os_wallclock(int64_t *sec, int64_t *usec)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	*sec = ts.tv_sec;
	*usec = ts.tv_nsec / 1000;
}

static void *thread_main(void *arg)
{
	struct nm_os_thread *t = arg;

	t->fn(t->arg);
	return NULL;
}

/* Signals are the program's business: no worker of ours takes one. */
int nm_os_thread_start(struct nm_os_thread *t, void (*fn)(void *), void *arg, const char *name)
{
	sigset_t all, old;
	int error;

	t->fn = fn;
	t->arg = arg;
	nm_store(&t->stopping, 0);
	snprintf(t->name, sizeof(t->name), "%s", name);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	error = pthread_create(&t->id, NULL, thread_main, t);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (!error)
		pthread_setname_np(t->id, t->name);
	return -error;
}

bool nm_os_thread_stopping(struct nm_os_thread *t)
{
	return nm_load_acquire(&t->stopping);
}

int nm_os_thread_bind(struct nm_os_thread *t, uint32_t cpu)
{
	cpu_set_t set;

	if (cpu >= CPU_SETSIZE)
		return -EINVAL;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return -pthread_setaffinity_np(t->id, sizeof(set), &set);
}

void nm_os_thread_stop(struct nm_os_thread *t)
{
	nm_store_release(&t->stopping, 1);
	pthread_join(t->id, NULL);
}

int nm_os_verbose = NM_LOG_WARN;

void nm_os_log(enum nm_os_loglevel level, const char *fmt, ...)
{
	static const char *const tag[] = { "error: ", "warning: ", "", "debug: " };
	char line[512];
	va_list ap;

	if ((int)level > nm_load(&nm_os_verbose))
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	fprintf(stderr, "netmap: %s%s\n", tag[level], line);
}

/* struct nm_os_out is a stdio stream under another name. */
void nm_os_print(struct nm_os_out *out, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf((FILE *)out, fmt, ap);
	va_end(ap);
}
