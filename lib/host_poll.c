/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * poll(2) for every host. In the kernel, poll() on a netmap descriptor runs the driver,
 * which does the syncs that netmap(4) promises. Hosts in user space have a function for
 * that, and a descriptor that wakes up who waits; the rest of poll() is put together from
 * these here.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>

#include "libnetmap.h"
#include "host.h"
#include "host_fd.h"

#define IN_EVENTS  (POLLIN | POLLRDNORM)
#define OUT_EVENTS (POLLOUT | POLLWRNORM)
#define FEW	   16

/* The host of fd if it has a poll of its own, else NULL: poll(2) will do. */
static const struct nm_host_ops *driver_of(int fd, void **state)
{
	const struct nm_host_ops *ops = fd >= 0 ? nm_host_of(fd, state) : NULL;

	return ops != NULL && ops->poll != NULL ? ops : NULL;
}

static int any_driver(const struct pollfd *fds, nfds_t n)
{
	void *state;
	nfds_t i;

	for (i = 0; i < n; i++) {
		if (driver_of(fds[i].fd, &state) != NULL)
			return 1;
	}
	return 0;
}

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static int ms_until(int64_t deadline)
{
	int64_t ms = (deadline - now_ns() + 999999) / 1000000;

	if (ms <= 0)
		return 0;
	return ms < INT_MAX ? (int)ms : INT_MAX;
}

/* What to ask the driver for, and what its answer means to who asked for events. */
static int driver_events(int events)
{
	return (events & IN_EVENTS ? POLLIN : 0) | (events & OUT_EVENTS ? POLLOUT : 0);
}

static short driver_revents(int events, int got)
{
	int r = got & (POLLERR | POLLHUP | POLLNVAL);

	if (got < 0)
		return POLLERR;
	if (got & IN_EVENTS)
		r |= events & IN_EVENTS;
	if (got & OUT_EVENTS)
		r |= events & OUT_EVENTS;
	return (short)r;
}

/*
 * Runs the drivers. As in the kernel, all of them run, but once one is ready nobody will
 * wait and the others are not armed. Fills w with what poll(2) can wait for in the place
 * of each; counts the ready ones.
 */
static int poll_drivers(struct pollfd *fds, struct pollfd *w, nfds_t n, int arm)
{
	const struct nm_host_ops *ops;
	int ready = 0, events, got;
	void *state;
	nfds_t i;

	for (i = 0; i < n; i++) {
		w[i] = fds[i];
		w[i].revents = 0;
		fds[i].revents = 0;
		ops = driver_of(fds[i].fd, &state);
		if (ops == NULL)
			continue;
		events = fds[i].events;
		got = ops->poll(state, fds[i].fd, driver_events(events), arm && ready == 0);
		w[i].fd = ops->wakefd(state, fds[i].fd);
		w[i].events = POLLIN;
		if (w[i].fd < 0 && got == 0)
			got = POLLERR; /* nothing could wake us: do not wait for it */
		fds[i].revents = driver_revents(events, got);
		ready += fds[i].revents != 0;
	}
	return ready;
}

/* Looks at the descriptors that have no driver, without waiting. Counts the ready ones.
 */
static int poll_plain(struct pollfd *fds, struct pollfd *w, nfds_t n)
{
	void *state;
	int plain = 0;
	nfds_t i;

	for (i = 0; i < n; i++) {
		if (driver_of(fds[i].fd, &state) != NULL)
			w[i].fd = -1;
		else
			plain += fds[i].fd >= 0;
	}
	if (plain == 0)
		return 0;
	plain = poll(w, n, 0);
	for (i = 0; i < n && plain > 0; i++) {
		if (w[i].fd >= 0)
			fds[i].revents = w[i].revents;
	}
	return plain;
}

/* Did a descriptor without a driver end the wait? */
static int plain_woke(const struct pollfd *fds, const struct pollfd *w, nfds_t n)
{
	void *state;
	nfds_t i;

	for (i = 0; i < n; i++) {
		if (w[i].revents != 0 && driver_of(fds[i].fd, &state) == NULL)
			return 1;
	}
	return 0;
}

static int poll_all(struct pollfd *fds, struct pollfd *w, nfds_t n, int timeout_ms)
{
	int64_t deadline = 0;	    /* known when we first have to wait */
	int look = timeout_ms == 0; /* do not wait (again) */
	int last = look;	    /* return, ready or not */
	int ready, plain, r;

	for (;;) {
		ready = poll_drivers(fds, w, n, !look);
		if (ready > 0 || look) {
			plain = poll_plain(fds, w, n);
			if (plain < 0)
				return -1;
			if (ready + plain > 0 || last)
				return ready + plain;
			/* What woke us is gone: somebody else took it. */
			look = 0;
			continue;
		}
		if (timeout_ms > 0 && deadline == 0)
			deadline = now_ns() + (int64_t)timeout_ms * 1000000;
		r = poll(w, n, timeout_ms < 0 ? -1 : ms_until(deadline));
		if (r < 0)
			return -1;
		look = last = r == 0;
		if (r > 0 && plain_woke(fds, w, n))
			look = 1;
	}
}

/* One descriptor and time to wait: the host may do better than what is put together here. */
static int wait_one(const struct nm_host_ops *ops, void *state, struct pollfd *fd, int timeout_ms)
{
	int got = ops->wait(state, fd->fd, driver_events(fd->events), timeout_ms);

	fd->revents = 0;
	if (got < 0)
		return -1;
	fd->revents = driver_revents(fd->events, got);
	return fd->revents != 0;
}

int nmhost_poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
	struct pollfd few[FEW], *w = few;
	const struct nm_host_ops *ops;
	void *state;
	int ret, e;

	ops = n == 1 && timeout_ms != 0 ? driver_of(fds->fd, &state) : NULL;
	if (ops != NULL && ops->wait != NULL)
		return wait_one(ops, state, fds, timeout_ms);

	if (!any_driver(fds, n))
		return poll(fds, n, timeout_ms);
	if (n > FEW) {
		w = calloc(n, sizeof(*w));
		if (w == NULL) {
			errno = ENOMEM;
			return -1;
		}
	}
	ret = poll_all(fds, w, n, timeout_ms);
	e = errno;
	if (w != few)
		free(w);
	errno = e;
	return ret;
}

int nmhost_wakefd(int fd)
{
	void *state;
	const struct nm_host_ops *ops = driver_of(fd, &state);

	return ops != NULL ? ops->wakefd(state, fd) : fd;
}

int nmhost_arm(int fd, int events)
{
	struct pollfd pfd = { .fd = fd, .events = (short)events };
	void *state;
	const struct nm_host_ops *ops = driver_of(fd, &state);

	/* In the kernel, whoever waits arms. */
	if (ops == NULL)
		return poll(&pfd, 1, 0) < 0 ? POLLERR : pfd.revents;
	return driver_revents(events, ops->poll(state, fd, driver_events(events), 1));
}
