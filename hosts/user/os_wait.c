// SPDX-License-Identifier: BSD-2-Clause
/*
 * Wait queues and pollers.
 *
 * A wakeup takes the records off the queue: the eventfd stays readable until
 * the poller polls again, and until then further wakeups find an empty queue,
 * which costs them next to nothing.
 */
#include "poller.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Queues share these; a record keeps its lock, which outlives any queue. */
#define LOCKS 64

static struct padded_lock {
	struct nm_os_lock lock;
} __attribute__((aligned(NM_CACHELINE))) locks[LOCKS];

struct nm_os_wait {
	struct nm_os_wait *next, **prevp; /* on the queue; prevp NULL: on none */
	struct nm_os_lock *lock;
	struct nm_os_poller *poller;
	struct nm_os_wait *sibling; /* next record of the poller */
};

static struct nm_os_lock *lock_of(const struct nm_os_waitq *q)
{
	uint64_t h = (uintptr_t)q >> 4;

	return &locks[(h * 0x9e3779b97f4a7c15u) >> 58].lock;
}

/* The queue's first pointer is read without the lock, by nm_os_wake(). */
static void enqueue(struct nm_os_waitq *q, struct nm_os_wait *w)
{
	w->next = q->first;
	w->prevp = &q->first;
	if (w->next)
		w->next->prevp = &w->next;
	nm_store(&q->first, w);
}

static void dequeue(struct nm_os_wait *w)
{
	if (w->next)
		w->next->prevp = w->prevp;
	nm_store(w->prevp, w->next);
	w->prevp = NULL;
}

void nm_os_waitq_init(struct nm_os_waitq *q)
{
	nm_store(&q->first, NULL);
}

static void signal_poller(struct nm_os_poller *p)
{
	const uint64_t one = 1;

	if (nm_xchg(&p->signaled, 1))
		return;
	/* A descriptor that is full is readable; one without a reader has nobody to wake.
	 */
	if (write(p->fd, &one, sizeof(one)) < 0 && errno != EAGAIN && errno != EPIPE)
		nm_os_log(NM_LOG_ERROR, "wakeup lost: write failed: %s", strerror(errno));
}

void nm_os_wake_slow(struct nm_os_waitq *q)
{
	struct nm_os_lock *lock = lock_of(q);

	nm_os_lock(lock);
	while (q->first) {
		struct nm_os_wait *w = q->first;

		dequeue(w);
		/* Under the lock: a poller that found itself dequeued may go away. */
		signal_poller(w->poller);
	}
	nm_os_unlock(lock);
}

/* Who still waits is told: it polls again, and finds out that the ring is gone. */
void nm_os_waitq_fini(struct nm_os_waitq *q)
{
	nm_os_wake_slow(q);
}

void nm_os_poll_wait(struct nm_os_poller *p, struct nm_os_waitq *q)
{
	struct nm_os_wait *w = p->spare;

	if (w) {
		p->spare = w->sibling;
	} else {
		w = calloc(1, sizeof(*w));
		if (!w) {
			signal_poller(p); /* to poll again is better than to miss a wakeup */
			return;
		}
		w->poller = p;
	}
	w->sibling = p->used;
	p->used = w;
	w->lock = lock_of(q);
	nm_os_lock(w->lock);
	enqueue(q, w);
	nm_os_unlock(w->lock);
	nm_fence(); /* pairs with the one in nm_os_wake() */
}

void nm_poller_init(struct nm_os_poller *p)
{
	memset(p, 0, sizeof(*p));
	p->fd = p->epfd = -1;
}

void nm_poller_init_fd(struct nm_os_poller *p, int fd)
{
	nm_poller_init(p);
	p->fd = fd;
	p->foreign = true;
}

void nm_poller_init_sleeper(struct nm_os_poller *p)
{
	nm_poller_init(p);
	p->sleeper = true;
}

static int open_fds(int *fd, int *epfd, bool direct)
{
	struct epoll_event ev = { .events = EPOLLIN };
	int error;

	*epfd = -1;
	*fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (*fd < 0)
		return -errno;
	if (!direct)
		return 0;
	*epfd = epoll_create1(EPOLL_CLOEXEC);
	if (*epfd >= 0 && !epoll_ctl(*epfd, EPOLL_CTL_ADD, *fd, &ev))
		return 0;
	error = -errno;
	if (*epfd >= 0)
		close(*epfd);
	close(*fd);
	return error;
}

int nm_poller_open(struct nm_os_poller *p, bool direct)
{
	static struct nm_os_lock opening; /* two threads may ask for it at once */
	int fd, epfd, error = 0;

	if (nm_likely(nm_load_acquire(&p->fd) >= 0))
		return 0;
	nm_os_lock(&opening);
	if (p->fd < 0) {
		error = open_fds(&fd, &epfd, direct);
		if (!error) {
			p->epfd = epfd;
			nm_store_release(&p->fd, fd);
		}
	}
	nm_os_unlock(&opening);
	return error;
}

int nm_poller_fd(const struct nm_os_poller *p)
{
	return p->epfd >= 0 ? p->epfd : p->fd;
}

__thread struct nm_os_poller *nm_poller_mine __attribute__((tls_model("initial-exec")));

struct nm_poller_watch {
	uint64_t id;
	int fd;
	uint32_t poll; /* the last one that asked for it */
};

/* Queues are asked for in the same order each time: the next one is the likely one. */
static struct nm_poller_watch *watch_find(struct nm_os_poller *p, uint64_t id)
{
	for (uint32_t i = 0; i < p->nwatch; i++) {
		struct nm_poller_watch *w = &p->watch[(p->likely + i) % p->nwatch];

		if (w->id != id)
			continue;
		p->likely = (w - p->watch + 1) % p->nwatch;
		return w;
	}
	return NULL;
}

static struct nm_poller_watch *watch_new(struct nm_os_poller *p)
{
	struct nm_poller_watch *more;

	if (p->nwatch == p->room) {
		more = realloc(p->watch, (p->room * 2 + 4) * sizeof(*more));
		if (!more)
			return NULL;
		p->watch = more;
		p->room = p->room * 2 + 4;
	}
	return &p->watch[p->nwatch];
}

/* What had this number before was closed, and left by itself. */
static void watch_forget(struct nm_os_poller *p, int fd)
{
	for (uint32_t i = 0; i < p->nwatch;) {
		if (p->watch[i].fd == fd)
			p->watch[i] = p->watch[--p->nwatch];
		else
			i++;
	}
}

/* Those after the first few have their thread to wake it. */
static bool sleep_on(struct nm_os_poller *p, int fd)
{
	if (p->nfew == NM_POLLER_FEW)
		return false;
	p->few[p->nfew++] = (struct pollfd){ .fd = fd, .events = POLLIN };
	return true;
}

int nm_poller_sleep(struct nm_os_poller *p, int timeout_ms)
{
	struct pollfd all[1 + NM_POLLER_FEW] = { { .fd = p->fd, .events = POLLIN } };

	memcpy(&all[1], p->few, p->nfew * sizeof(all[0]));
	return poll(all, 1 + p->nfew, timeout_ms);
}

bool nm_poller_watch(int fd, uint64_t id)
{
	struct epoll_event ev = { .events = EPOLLIN };
	struct nm_os_poller *p = nm_poller_mine;
	struct nm_poller_watch *w;

	if (p && p->sleeper)
		return sleep_on(p, fd);
	if (!p || p->epfd < 0)
		return false;
	w = watch_find(p, id);
	if (!w) {
		w = watch_new(p);
		if (!w || epoll_ctl(p->epfd, EPOLL_CTL_ADD, fd, &ev) < 0)
			return false;
		watch_forget(p, fd);
		w = &p->watch[p->nwatch++];
		w->id = id;
		w->fd = fd;
	}
	w->poll = p->poll;
	return true;
}

void nm_poller_settle(struct nm_os_poller *p)
{
	for (uint32_t i = 0; i < p->nwatch;) {
		struct nm_poller_watch *w = &p->watch[i];

		if (w->poll == p->poll) {
			i++;
			continue;
		}
		epoll_ctl(p->epfd, EPOLL_CTL_DEL, w->fd, NULL);
		*w = p->watch[--p->nwatch];
	}
}

void nm_poller_reset(struct nm_os_poller *p)
{
	uint64_t count;
	struct nm_os_wait *w;

	while ((w = p->used)) {
		nm_os_lock(w->lock);
		if (w->prevp)
			dequeue(w);
		nm_os_unlock(w->lock);
		p->used = w->sibling;
		w->sibling = p->spare;
		p->spare = w;
	}
	/* On no queue any more: nobody can signal now. */
	if (nm_load(&p->signaled)) {
		if (!p->foreign && read(p->fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
			nm_os_log(NM_LOG_ERROR, "reading an eventfd failed: %s", strerror(errno));
		nm_store(&p->signaled, 0);
	}
	p->nfew = 0;
	p->poll++;
}

static void free_records(struct nm_os_wait *w)
{
	struct nm_os_wait *next;

	for (; w; w = next) {
		next = w->sibling;
		free(w);
	}
}

void nm_poller_fini(struct nm_os_poller *p)
{
	nm_poller_reset(p);
	nm_poller_abandon(p);
}

void nm_poller_abandon(struct nm_os_poller *p)
{
	free_records(p->used);
	free_records(p->spare);
	free(p->watch);
	if (p->epfd >= 0)
		close(p->epfd);
	if (p->fd >= 0 && !p->foreign)
		close(p->fd);
	nm_poller_init(p);
}

void nm_poller_forked(void)
{
	for (int i = 0; i < LOCKS; i++)
		nm_os_lock_init(&locks[i].lock);
}
