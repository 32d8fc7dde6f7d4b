/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * poll and select, on any mix of descriptors. Where a netmap descriptor is, the daemon is
 * asked what poll(2) asks the driver in the kernel; if nothing is ready, the real poll waits
 * for the pipe by which the daemon wakes us, in its place.
 */
#include <limits.h>
#include <sys/select.h>

#include "preload.h"

/*
 * glibc declares that poll() and its like only write to their first argument, and the
 * compiler believes it of ours too: with little optimization it warns of what we read there.
 */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#define IN_EVENTS  (POLLIN | POLLRDNORM)
#define OUT_EVENTS (POLLOUT | POLLWRNORM)
#define FEW	   32

/* One of ours among the descriptors: netmap, or an epoll set with such in it. */
struct special {
	nfds_t i;
	struct nmc_file *f;
	struct pl_epoll *ep;
};

int64_t pl_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

struct timespec pl_timespec(int64_t ns)
{
	struct timespec ts = { ns / 1000000000, ns % 1000000000 };

	return ts;
}

int64_t pl_ns(const struct timespec *ts)
{
	if (ts == NULL)
		return -1;
	if (ts->tv_sec > INT64_MAX / 2000000000)
		return INT64_MAX / 2;
	return (int64_t)ts->tv_sec * 1000000000 + ts->tv_nsec;
}

int pl_driver_events(int events)
{
	return (events & IN_EVENTS ? POLLIN : 0) | (events & OUT_EVENTS ? POLLOUT : 0);
}

int pl_revents(int events, int got)
{
	int r = got & (POLLERR | POLLHUP);

	if (got & IN_EVENTS)
		r |= events & IN_EVENTS;
	if (got & OUT_EVENTS)
		r |= events & OUT_EVENTS;
	return r;
}

static bool any_special(const struct pollfd *fds, nfds_t n)
{
	struct pl_fd *e;
	nfds_t i;

	if (__builtin_expect(__atomic_load_n(&pl_active, __ATOMIC_RELAXED) == 0, 1))
		return false;
	for (i = 0; i < n; i++) {
		e = fds[i].fd >= 0 ? pl_entry(fds[i].fd) : NULL;
		if (e != NULL && (e->file != NULL || e->ep != NULL))
			return true;
	}
	return false;
}

/* Takes references, so that nothing goes away while we wait. */
static unsigned int find_special(const struct pollfd *fds, nfds_t n, struct special *s)
{
	unsigned int count = 0;
	nfds_t i;

	for (i = 0; i < n; i++) {
		s[count].i = i;
		s[count].f = fds[i].fd >= 0 ? pl_get(fds[i].fd) : NULL;
		s[count].ep = fds[i].fd >= 0 && s[count].f == NULL ? pl_epoll_of(fds[i].fd) : NULL;
		count += s[count].f != NULL || s[count].ep != NULL;
	}
	return count;
}

static void release(struct special *s, unsigned int count)
{
	while (count-- > 0) {
		if (s[count].f != NULL)
			nmc_file_put(s[count].f);
		if (s[count].ep != NULL)
			pl_epoll_put(s[count].ep);
	}
}

/*
 * Asks for all of them, since this is what syncs their rings. Once one is ready, nobody will
 * wait, so the rest is not armed. An epoll set tells the real poll by itself, once its own
 * netmap descriptors were asked.
 */
static int ask(struct pollfd *fds, struct pollfd *w, struct special *s, unsigned int count,
	       bool arm)
{
	unsigned int k;
	int ready = 0, got, wake;

	for (k = 0; k < count; k++) {
		struct pollfd *p = &fds[s[k].i];

		if (s[k].ep != NULL) {
			p->revents = (short)(pl_epoll_ready(s[k].ep) ? p->events & IN_EVENTS : 0);
			ready += p->revents != 0;
			continue;
		}
		wake = -1;
		got = nmc_poll(s[k].f, p->fd, pl_driver_events(p->events),
			       arm && ready == 0 ? &wake : NULL);
		p->revents = (short)pl_revents(p->events, got);
		ready += p->revents != 0;
		w[s[k].i].fd = wake;
		w[s[k].i].events = POLLIN;
	}
	return ready;
}

/* Adds what the real poll said of the others. Counts all that are ready. */
static int collect(struct pollfd *fds, const struct pollfd *w, nfds_t n, struct special *s,
		   unsigned int count)
{
	unsigned int k = 0;
	int total = 0;
	nfds_t i;

	for (i = 0; i < n; i++) {
		if (k < count && s[k].i == i) {
			if (s[k].ep != NULL)
				fds[i].revents |= w[i].revents;
			k++;
		} else {
			fds[i].revents = w[i].revents;
		}
		total += fds[i].revents != 0;
	}
	return total;
}

/* Did another descriptor than ours end the wait? */
static bool others_woke(const struct pollfd *w, nfds_t n, const struct special *s,
			unsigned int count)
{
	unsigned int k = 0;
	nfds_t i;

	for (i = 0; i < n; i++) {
		if (k < count && s[k].i == i)
			k++;
		else if (w[i].revents != 0)
			return true;
	}
	return false;
}

static int wait_for(struct pollfd *fds, struct pollfd *w, nfds_t n, struct special *s,
		    unsigned int count, int64_t timeout, const sigset_t *mask)
{
	int64_t deadline = timeout > 0 ? pl_now() + timeout : 0;
	const struct timespec zero = { 0, 0 };
	struct timespec left;
	bool look = timeout == 0, last = look;
	int r, total;

	for (;;) {
		memcpy(w, fds, n * sizeof(*w));
		if (ask(fds, w, s, count, !look) > 0 || look) {
			for (r = 0; r < (int)count; r++)
				if (s[r].ep == NULL)
					w[s[r].i].fd = -1;
			if (REAL(ppoll)(w, n, &zero, NULL) < 0)
				return -1;
			total = collect(fds, w, n, s, count);
			if (total > 0 || last)
				return total;
			look = false; /* what woke us was taken by somebody else */
			continue;
		}
		if (timeout > 0) {
			int64_t ns = deadline - pl_now();

			left = pl_timespec(ns > 0 ? ns : 0);
		}
		r = REAL(ppoll)(w, n, timeout < 0 ? NULL : &left, mask);
		if (r < 0)
			return -1;
		last = r == 0;
		look = last || others_woke(w, n, s, count);
	}
}

int pl_poll(struct pollfd *fds, nfds_t n, int64_t timeout, const sigset_t *mask)
{
	struct pollfd few_w[FEW], *w = few_w;
	struct special few_s[FEW + 1], *s = few_s;
	unsigned int count;
	int ret = -1, e;

	if (n > FEW) {
		w = calloc(n, sizeof(*w));
		s = calloc(n + 1, sizeof(*s));
		if (w == NULL || s == NULL) {
			errno = ENOMEM;
			goto out;
		}
	}
	count = find_special(fds, n, s);
	ret = wait_for(fds, w, n, s, count, timeout, mask);
	e = errno;
	release(s, count);
	errno = e;
out:
	if (w != few_w)
		free(w);
	if (s != few_s)
		free(s);
	return ret;
}

static bool bad(const struct timespec *ts)
{
	return ts != NULL && (ts->tv_sec < 0 || ts->tv_nsec < 0 || ts->tv_nsec > 999999999);
}

/*
 * One descriptor, and it is ours: the daemon can wait in our place. -2: do it otherwise.
 * Not for 0 ms, which is no wait, nor for no events, which would be one for ever.
 */
static int wait_one(struct pollfd *p, int ms)
{
	struct nmc_file *f = ms != 0 && pl_driver_events(p->events) ? pl_get(p->fd) : NULL;
	int got, e;

	if (f == NULL)
		return -2;
	got = nmc_await(f, p->fd, pl_driver_events(p->events), ms);
	e = errno;
	nmc_file_put(f);
	errno = e;
	if (got < 0)
		return -1;
	p->revents = (short)pl_revents(p->events, got);
	return p->revents != 0;
}

PUBLIC int poll(struct pollfd *fds, nfds_t n, int ms)
{
	int ret;

	if (!any_special(fds, n))
		return REAL(poll)(fds, n, ms);
	if (n == 1 && (ret = wait_one(fds, ms)) != -2)
		return ret;
	return pl_poll(fds, n, ms < 0 ? -1 : (int64_t)ms * 1000000, NULL);
}

PUBLIC int ppoll(struct pollfd *fds, nfds_t n, const struct timespec *ts, const sigset_t *mask)
{
	if (!any_special(fds, n) || bad(ts))
		return REAL(ppoll)(fds, n, ts, mask);
	return pl_poll(fds, n, pl_ns(ts), mask);
}

/* What they become with _FORTIFY_SOURCE. The C library's own look at the size is kept. */
int __poll_chk(struct pollfd *fds, nfds_t n, int ms, size_t size);
int __ppoll_chk(struct pollfd *fds, nfds_t n, const struct timespec *ts, const sigset_t *mask,
		size_t size);

PUBLIC int __poll_chk(struct pollfd *fds, nfds_t n, int ms, size_t size)
{
	if (size / sizeof(*fds) < n || !any_special(fds, n))
		return REAL(__poll_chk)(fds, n, ms, size);
	return poll(fds, n, ms);
}

PUBLIC int __ppoll_chk(struct pollfd *fds, nfds_t n, const struct timespec *ts,
		       const sigset_t *mask, size_t size)
{
	if (size / sizeof(*fds) < n || !any_special(fds, n))
		return REAL(__ppoll_chk)(fds, n, ts, mask, size);
	return ppoll(fds, n, ts, mask);
}

/* ---- select -------------------------------------------------------------------------- */

/* Sets may be larger than FD_SETSIZE: so not by the macros, which check that. */
#define LONG_BITS (8 * (int)sizeof(long))

static bool in_set(int fd, const fd_set *set)
{
	return set != NULL && (((const unsigned long *)set)[fd / LONG_BITS] >> fd % LONG_BITS & 1);
}

static void mark(int fd, fd_set *set)
{
	((unsigned long *)set)[fd / LONG_BITS] |= 1ul << fd % LONG_BITS;
}

static bool special_in_sets(int n, const fd_set *r, const fd_set *w, const fd_set *x)
{
	struct pl_fd *e;
	int fd;

	if (__builtin_expect(__atomic_load_n(&pl_active, __ATOMIC_RELAXED) == 0, 1))
		return false;
	for (fd = 0; fd < n; fd++) {
		e = pl_entry(fd);
		if (e == NULL) {
			fd |= 1023; /* a chunk that was never used */
			continue;
		}
		if ((e->file != NULL || e->ep != NULL) &&
		    (in_set(fd, r) || in_set(fd, w) || in_set(fd, x)))
			return true;
	}
	return false;
}

static nfds_t from_sets(int n, const fd_set *r, const fd_set *w, const fd_set *x, struct pollfd *p)
{
	nfds_t count = 0;
	int fd, events;

	for (fd = 0; fd < n; fd++) {
		events = (in_set(fd, r) ? POLLIN : 0) | (in_set(fd, w) ? POLLOUT : 0) |
			 (in_set(fd, x) ? POLLPRI : 0);
		if (events == 0)
			continue;
		p[count].fd = fd;
		p[count].events = (short)events;
		p[count++].revents = 0;
	}
	return count;
}

/* The sets in the meaning of select(2): an error makes a descriptor readable and writable. */
static int to_sets(int n, fd_set *r, fd_set *w, fd_set *x, const struct pollfd *p, nfds_t count)
{
	size_t bytes = ((size_t)n + LONG_BITS - 1) / LONG_BITS * sizeof(long);
	int total = 0;
	nfds_t i;

	if (r != NULL)
		memset(r, 0, bytes);
	if (w != NULL)
		memset(w, 0, bytes);
	if (x != NULL)
		memset(x, 0, bytes);
	for (i = 0; i < count; i++) {
		if (p[i].events & POLLIN && p[i].revents & (POLLIN | POLLHUP | POLLERR)) {
			mark(p[i].fd, r);
			total++;
		}
		if (p[i].events & POLLOUT && p[i].revents & (POLLOUT | POLLERR)) {
			mark(p[i].fd, w);
			total++;
		}
		if (p[i].events & POLLPRI && p[i].revents & POLLPRI) {
			mark(p[i].fd, x);
			total++;
		}
	}
	return total;
}

static int select_by_poll(int n, fd_set *r, fd_set *w, fd_set *x, int64_t timeout,
			  const sigset_t *mask)
{
	struct pollfd *p = calloc((size_t)n, sizeof(*p));
	nfds_t count, i;
	int ret;

	if (p == NULL) {
		errno = ENOMEM;
		return -1;
	}
	count = from_sets(n, r, w, x, p);
	ret = pl_poll(p, count, timeout, mask);
	for (i = 0; ret > 0 && i < count; i++) {
		if (p[i].revents & POLLNVAL) {
			errno = EBADF;
			ret = -1;
		}
	}
	if (ret >= 0)
		ret = to_sets(n, r, w, x, p, count);
	free(p);
	return ret;
}

/* As Linux does it, the time that is left is told. */
PUBLIC int select(int n, fd_set *r, fd_set *w, fd_set *x, struct timeval *tv)
{
	int64_t timeout = -1, start, left;
	int ret;

	if (n <= 0 || !special_in_sets(n, r, w, x))
		return REAL(select)(n, r, w, x, tv);
	if (tv != NULL) {
		if (tv->tv_sec < 0 || tv->tv_usec < 0 || tv->tv_usec > 999999) {
			errno = EINVAL;
			return -1;
		}
		timeout = tv->tv_sec > INT_MAX ?
				  INT64_MAX / 2 :
				  (int64_t)tv->tv_sec * 1000000000 + (int64_t)tv->tv_usec * 1000;
	}
	start = pl_now();
	ret = select_by_poll(n, r, w, x, timeout, NULL);
	if (tv != NULL) {
		left = timeout - (pl_now() - start);
		if (left < 0)
			left = 0;
		tv->tv_sec = left / 1000000000;
		tv->tv_usec = left % 1000000000 / 1000;
	}
	return ret;
}

PUBLIC int pselect(int n, fd_set *r, fd_set *w, fd_set *x, const struct timespec *ts,
		   const sigset_t *mask)
{
	if (n <= 0 || bad(ts) || !special_in_sets(n, r, w, x))
		return REAL(pselect)(n, r, w, x, ts, mask);
	return select_by_poll(n, r, w, x, pl_ns(ts), mask);
}
