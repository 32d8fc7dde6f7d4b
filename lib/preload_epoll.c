/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * epoll. The real set holds, in the place of a netmap descriptor, the pipe by which the
 * daemon wakes us. Before a wait the daemon is asked for each of ours, which arms those that
 * are not ready; and again whenever a pipe ended the wait. A set also has an event
 * descriptor, for what changes while others wait.
 *
 * EPOLLET: an event is told when the descriptor becomes ready, and again when its rings have
 * changed since, by the daemon or by the program. EPOLLONESHOT: as usual.
 */
#include <sys/eventfd.h>
#include <sys/syscall.h>

#include "preload.h"

struct reg {
	struct reg *next;
	int fd;
	struct nmc_file *file;
	struct epoll_event ev;
	struct nmc_waiter waiter;
	bool disabled;	 /* one shot, and fired */
	bool registered; /* the pipe is in the real set */
	uint32_t told;	 /* EPOLLET: what was told, when the rings were like this */
	uint64_t rings;
};

struct pl_epoll {
	struct pl_epoll *next, **prevp;
	uint32_t refs;
	int kick; /* eventfd in the real set */
	bool kicked;
	pthread_mutex_t lock;
	struct reg *regs;
	bool turn;
};

static struct pl_epoll *all; /* under pl_lock */

void pl_epoll_hold(struct pl_epoll *ep)
{
	__atomic_fetch_add(&ep->refs, 1, __ATOMIC_RELAXED);
}

static void reg_free(struct reg *g)
{
	nmc_waiter_free(g->file, g->fd, &g->waiter);
	nmc_file_put(g->file);
	free(g);
}

void pl_epoll_put(struct pl_epoll *ep)
{
	struct reg *g;
	bool last;

	pthread_mutex_lock(&pl_lock);
	last = __atomic_sub_fetch(&ep->refs, 1, __ATOMIC_ACQ_REL) == 0;
	if (last) {
		*ep->prevp = ep->next;
		if (ep->next != NULL)
			ep->next->prevp = ep->prevp;
	}
	pthread_mutex_unlock(&pl_lock);
	if (!last)
		return;
	while ((g = ep->regs) != NULL) {
		ep->regs = g->next;
		reg_free(g);
	}
	nmc_close(ep->kick);
	free(ep);
}

struct pl_epoll *pl_epoll_of(int fd)
{
	struct pl_fd *e = pl_entry(fd);
	struct pl_epoll *ep;

	if (e == NULL || __atomic_load_n(&e->ep, __ATOMIC_RELAXED) == NULL)
		return NULL;
	pthread_mutex_lock(&pl_lock);
	ep = e->ep;
	if (ep != NULL)
		pl_epoll_hold(ep);
	pthread_mutex_unlock(&pl_lock);
	return ep;
}

/* The set behind epfd, made when the first of ours comes in. With a reference. */
static struct pl_epoll *set_make(int epfd)
{
	struct epoll_event ev = { .events = EPOLLIN };
	struct pl_epoll *ep = calloc(1, sizeof(*ep)), *other = NULL;
	struct pl_fd *e;

	if (ep == NULL)
		return NULL;
	ep->refs = 2;
	pthread_mutex_init(&ep->lock, NULL);
	ep->kick = nmc_high_fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
	ev.data.ptr = ep;
	if (ep->kick < 0 || REAL(epoll_ctl)(epfd, EPOLL_CTL_ADD, ep->kick, &ev) < 0)
		goto fail;
	pthread_mutex_lock(&pl_lock);
	e = pl_entry_make(epfd);
	if (e != NULL && e->ep == NULL) {
		ep->next = all;
		ep->prevp = &all;
		if (ep->next != NULL)
			ep->next->prevp = &ep->next;
		all = ep;
		__atomic_store_n(&e->ep, ep, __ATOMIC_RELEASE);
		__atomic_fetch_add(&pl_active, 1, __ATOMIC_RELAXED);
	} else if (e != NULL) {
		other = e->ep;
		pl_epoll_hold(other);
	}
	pthread_mutex_unlock(&pl_lock);
	if (e != NULL && other == NULL)
		return ep;
fail:
	nmc_close(ep->kick);
	free(ep);
	return other;
}

/* Locked: has those look again who wait already, or are about to. */
static void kick(struct pl_epoll *ep)
{
	const uint64_t one = 1;

	ep->kicked = syscall(SYS_write, ep->kick, &one, sizeof(one)) == sizeof(one);
}

/* Locked, before a look: what changes after it must end the wait. */
static void unkick(struct pl_epoll *ep)
{
	uint64_t n;

	if (ep->kicked)
		syscall(SYS_read, ep->kick, &n, sizeof(n));
	ep->kicked = false;
}

static struct reg **find(struct pl_epoll *ep, int fd)
{
	struct reg **gp = &ep->regs;

	while (*gp != NULL && (*gp)->fd != fd)
		gp = &(*gp)->next;
	return gp;
}

/* ---- asking --------------------------------------------------------------------------- */

/* The pipe comes with the first look, and anew if the daemon has lost it (after a fork). */
static void watch_pipe(int epfd, struct reg *g)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = g };

	if (g->registered || g->waiter.fd < 0 || epfd < 0)
		return;
	g->registered =
		REAL(epoll_ctl)(epfd, EPOLL_CTL_ADD, g->waiter.fd, &ev) == 0 || errno == EEXIST;
}

static void unwatch_pipe(int epfd, struct reg *g)
{
	struct epoll_event none;

	if (g->registered)
		REAL(epoll_ctl)(epfd, EPOLL_CTL_DEL, g->waiter.fd, &none);
	g->registered = false;
}

static uint32_t poll_reg(int epfd, struct reg *g, uint32_t want)
{
	int pipe = g->waiter.fd;
	int got = nmc_poll_with(g->file, g->fd, pl_driver_events((int)want), &g->waiter);

	if (g->waiter.fd != pipe)
		g->registered = false;
	watch_pipe(epfd, g);
	return (uint32_t)pl_revents((int)want, got) & (want | EPOLLERR | EPOLLHUP);
}

/* What is to be told of it now; 0: nothing, and it is armed. */
static uint32_t look(int epfd, struct reg *g)
{
	uint32_t want = g->ev.events, ready;

	if (g->disabled)
		return 0;
	ready = poll_reg(epfd, g, want);
	if (!(want & EPOLLET) || ready == 0 || ready & ~g->told)
		return ready;
	if (g->rings == 0 || nmc_rings(g->file) != g->rings)
		return ready;
	/* All of it was told before, and nobody did anything since: wait for the rest. */
	return poll_reg(epfd, g, want & ~ready);
}

static void told(int epfd, struct reg *g, uint32_t events)
{
	if (g->ev.events & EPOLLET) {
		g->told = events;
		g->rings = nmc_rings(g->file);
	}
	if (g->ev.events & EPOLLONESHOT) {
		g->disabled = true;
		unwatch_pipe(epfd, g);
	}
}

/* Locked. Up to max events of ours; the list is turned, so that all get their turn. */
static int ask(struct pl_epoll *ep, int epfd, struct epoll_event *out, int max)
{
	struct reg *g, **gp, *last = NULL;
	int n = 0;
	uint32_t events;

	for (g = ep->regs; g != NULL && n < max; g = g->next) {
		events = look(epfd, g);
		if (events == 0)
			continue;
		out[n].events = events;
		out[n++].data = g->ev.data;
		told(epfd, g, events);
		last = g;
	}
	if (last == NULL || n < max || last->next == NULL)
		return n;
	/* What we did not come to is first next time. */
	g = last->next;
	last->next = NULL;
	for (gp = &g; *gp != NULL; gp = &(*gp)->next)
		;
	*gp = ep->regs;
	ep->regs = g;
	return n;
}

/* For poll() on the set itself: looking takes nothing away. */
bool pl_epoll_ready(struct pl_epoll *ep)
{
	struct reg *g;
	bool ready = false;

	pthread_mutex_lock(&ep->lock);
	unkick(ep);
	for (g = ep->regs; g != NULL; g = g->next)
		ready |= look(-1, g) != 0;
	pthread_mutex_unlock(&ep->lock);
	return ready;
}

/* ---- epoll_ctl ------------------------------------------------------------------------ */

static int reg_add(struct pl_epoll *ep, int epfd, int fd, struct nmc_file *f,
		   const struct epoll_event *ev)
{
	struct reg *g = calloc(1, sizeof(*g));

	if (g == NULL)
		return ENOMEM;
	g->fd = fd;
	g->file = f;
	g->ev = *ev;
	g->waiter.fd = -1;
	nmc_file_hold(f);
	if (look(epfd, g) != 0)
		kick(ep); /* for those who wait already */
	g->next = ep->regs;
	ep->regs = g;
	return 0;
}

static void reg_del(int epfd, struct reg **gp)
{
	struct reg *g = *gp;

	*gp = g->next;
	unwatch_pipe(epfd, g);
	reg_free(g);
}

static int control(struct pl_epoll *ep, int epfd, int op, int fd, struct nmc_file *f,
		   const struct epoll_event *ev)
{
	struct reg **gp = find(ep, fd), *g = *gp;

	if (op == EPOLL_CTL_ADD && g != NULL)
		return EEXIST;
	if (op != EPOLL_CTL_ADD && g == NULL)
		return ENOENT;
	if (op != EPOLL_CTL_DEL && ev == NULL)
		return EFAULT;
	switch (op) {
	case EPOLL_CTL_ADD:
		return reg_add(ep, epfd, fd, f, ev);
	case EPOLL_CTL_MOD:
		g->ev = *ev;
		g->disabled = false;
		g->told = 0;
		kick(ep); /* another one may be waiting for what it was before */
		return 0;
	case EPOLL_CTL_DEL:
		reg_del(epfd, gp);
		return 0;
	default:
		return EINVAL;
	}
}

PUBLIC int epoll_ctl(int epfd, int op, int fd, struct epoll_event *ev)
{
	struct nmc_file *f = pl_get(fd);
	struct pl_epoll *ep;
	int error;

	if (f == NULL)
		return REAL(epoll_ctl)(epfd, op, fd, ev);
	ep = pl_epoll_of(epfd);
	if (ep == NULL && op == EPOLL_CTL_ADD)
		ep = set_make(epfd);
	if (ep == NULL) {
		/* What is wrong with epfd, or with an empty set, the real one knows. */
		error = REAL(epoll_ctl)(epfd, EPOLL_CTL_DEL, fd, ev) < 0 ? errno : 0;
	} else {
		pthread_mutex_lock(&ep->lock);
		error = control(ep, epfd, op, fd, f, ev);
		pthread_mutex_unlock(&ep->lock);
		pl_epoll_put(ep);
	}
	nmc_file_put(f);
	if (error == 0)
		return 0;
	errno = error;
	return -1;
}

/*
 * A descriptor is closed: it leaves the sets. The pipe leaves the real set by being closed;
 * nobody else has it.
 */
void pl_epoll_closed(int fd)
{
	struct pl_epoll *ep;
	struct reg **gp, *g, *gone = NULL;

	pthread_mutex_lock(&pl_lock);
	for (ep = all; ep != NULL; ep = ep->next) {
		pthread_mutex_lock(&ep->lock);
		gp = find(ep, fd);
		g = *gp;
		if (g != NULL) {
			*gp = g->next;
			g->next = gone;
			gone = g;
		}
		pthread_mutex_unlock(&ep->lock);
	}
	pthread_mutex_unlock(&pl_lock);
	while ((g = gone) != NULL) {
		gone = g->next;
		reg_free(g);
	}
}

void pl_epoll_forked(void)
{
	struct pl_epoll *ep;

	for (ep = all; ep != NULL; ep = ep->next)
		pthread_mutex_init(&ep->lock, NULL);
}

/* ---- epoll_wait ----------------------------------------------------------------------- */

/* Takes what is about our own descriptors out of what the real wait returned. */
static int filter(struct pl_epoll *ep, struct epoll_event *ev, int n)
{
	struct reg *g;
	int i, kept = 0;

	pthread_mutex_lock(&ep->lock);
	for (i = 0; i < n; i++) {
		if (ev[i].data.ptr == ep)
			continue;
		for (g = ep->regs; g != NULL && g != ev[i].data.ptr; g = g->next)
			;
		if (g == NULL)
			ev[kept++] = ev[i];
	}
	pthread_mutex_unlock(&ep->lock);
	return kept;
}

/* One look at everything, without waiting. With little room, both kinds take turns. */
static int look_at_all(struct pl_epoll *ep, int epfd, struct epoll_event *out, int max)
{
	int ours, n = 0, others = 0;

	pthread_mutex_lock(&ep->lock);
	unkick(ep);
	ep->turn = !ep->turn;
	ours = max > 1 ? max - 1 : ep->turn;
	n = ask(ep, epfd, out, ours);
	pthread_mutex_unlock(&ep->lock);
	if (n < max) {
		others = REAL(epoll_wait)(epfd, out + n, max - n, 0);
		if (others < 0)
			return n > 0 ? n : -1;
		n += filter(ep, out + n, others);
	}
	if (n == 0 && ours == 0) {
		pthread_mutex_lock(&ep->lock);
		n = ask(ep, epfd, out, max);
		pthread_mutex_unlock(&ep->lock);
	}
	return n;
}

static int wait_for(struct pl_epoll *ep, int epfd, struct epoll_event *out, int max,
		    int64_t timeout, const sigset_t *mask)
{
	int64_t deadline = timeout > 0 ? pl_now() + timeout : 0, left;
	struct pollfd p = { .fd = epfd, .events = POLLIN };
	struct timespec ts;
	bool last = timeout == 0;
	int n;

	for (;;) {
		n = look_at_all(ep, epfd, out, max);
		if (n != 0 || last)
			return n;
		if (timeout > 0) {
			left = deadline - pl_now();
			ts = pl_timespec(left > 0 ? left : 0);
		}
		/* The set as a whole: what is in it is then looked at above. */
		n = REAL(ppoll)(&p, 1, timeout < 0 ? NULL : &ts, mask);
		if (n < 0)
			return -1;
		last = n == 0;
	}
}

/* -2: none of ours is in the set. */
static int ours(int epfd, struct epoll_event *out, int max, int64_t timeout, const sigset_t *mask)
{
	struct pl_epoll *ep;
	int n, e;

	if (__builtin_expect(__atomic_load_n(&pl_active, __ATOMIC_RELAXED) == 0, 1) || max <= 0)
		return -2;
	ep = pl_epoll_of(epfd);
	if (ep == NULL)
		return -2;
	n = wait_for(ep, epfd, out, max, timeout, mask);
	e = errno;
	pl_epoll_put(ep);
	errno = e;
	return n;
}

static int64_t ms_to_ns(int ms)
{
	return ms < 0 ? -1 : (int64_t)ms * 1000000;
}

PUBLIC int epoll_wait(int epfd, struct epoll_event *out, int max, int ms)
{
	int n = ours(epfd, out, max, ms_to_ns(ms), NULL);

	return n != -2 ? n : REAL(epoll_wait)(epfd, out, max, ms);
}

PUBLIC int epoll_pwait(int epfd, struct epoll_event *out, int max, int ms, const sigset_t *mask)
{
	int n = ours(epfd, out, max, ms_to_ns(ms), mask);

	return n != -2 ? n : REAL(epoll_pwait)(epfd, out, max, ms, mask);
}

int epoll_pwait2(int epfd, struct epoll_event *out, int max, const struct timespec *ts,
		 const sigset_t *mask);

PUBLIC int epoll_pwait2(int epfd, struct epoll_event *out, int max, const struct timespec *ts,
			const sigset_t *mask)
{
	int n = ours(epfd, out, max, pl_ns(ts), mask);

	return n != -2 ? n : REAL(epoll_pwait2)(epfd, out, max, ts, mask);
}
