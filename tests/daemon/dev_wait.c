// SPDX-License-Identifier: BSD-2-Clause
/* An unmodified program: waiting in every way, alone and with others, and being interrupted. */
#include "dev.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/time.h>
#include <sys/wait.h>

/* After a while, a packet from b to a. */
static void *send_later(void *arg)
{
	t_sleep(*(double *)arg);
	sendit(&b, 1);
	return NULL;
}

static const wait_fn ways[] = { by_poll,    by_poll_alone, by_ppoll,	   by_select,
				by_pselect, by_epoll,	   by_epoll_pwait, by_nested };
#define WAYS (sizeof(ways) / sizeof(ways[0]))

static void waits_in_all_ways(void)
{
	double later = 0.15, start;
	pthread_t t;
	uint32_t n;
	size_t i;

	setup();
	for (i = 0; i < WAYS; i++) {
		start = t_now();
		t_eq(ways[i](a.fd, POLLIN, 0), 0);
		t_check(t_now() - start < 0.5);
		t_eq(ways[i](a.fd, POLLOUT, 0), POLLOUT);
		t_eq(ways[i](a.fd, POLLIN | POLLOUT, -1), POLLOUT);
		start = t_now();
		t_eq(ways[i](a.fd, POLLIN, 200), 0);
		t_check(t_now() - start > 0.19 && t_now() - start < 2, "%g s for 0.2",
			t_now() - start);
		start = t_now();
		t_check(!pthread_create(&t, NULL, send_later, &later));
		t_eq(ways[i](a.fd, POLLIN, i % 2 ? 20000 : -1), POLLIN);
		t_check(t_now() - start > 0.14 && t_now() - start < 10);
		t_eq(ways[i](a.fd, POLLIN | POLLOUT, 0), POLLIN | POLLOUT);
		t_check(!pthread_join(t, NULL));
		t_check(take(&a, &n)); /* the wait has done the sync */
		t_eq(ways[i](a.fd, POLLIN, 0), 0);
		/* and the other one: what is in the ring is sent */
		put(&a, 9);
		t_eq(ways[i](a.fd, POLLOUT, 1000), POLLOUT);
		expect(&b, 9);
	}
}

/* Others among ours: each wakes us, and what is told is what there is. */
static void mixed(void)
{
	struct pollfd p[5] = { { .events = POLLIN },
			       { .events = POLLIN },
			       { .fd = -1 },
			       { .events = POLLOUT },
			       { .events = POLLIN } };
	int q[2], r[2], ep, n;
	struct epoll_event ev[4], one = { .events = EPOLLIN, .data.u32 = 1 },
				  two = { .events = EPOLLIN, .data.u32 = 2 };
	fd_set rs;
	struct timeval tv;
	uint32_t num;
	char c = 0;

	setup();
	t_check(!pipe(q) && !pipe(r));
	p[0].fd = q[0];
	p[1].fd = a.fd;
	p[3].fd = q[1];
	p[4].fd = 999; /* not open */
	t_eq(poll(p, 5, 1000), 2);
	t_eq(p[3].revents, POLLOUT);
	t_eq(p[4].revents, POLLNVAL);
	p[3].fd = -1;
	t_eq(poll(p, 4, 50), 0);
	t_eq(write(q[1], &c, 1), 1);
	t_eq(poll(p, 4, 5000), 1);
	t_eq(p[0].revents, POLLIN);
	t_eq(p[1].revents, 0);
	sendit(&b, 1);
	t_eq(poll(p, 4, 5000), 2);
	t_eq(read(q[0], &c, 1), 1);
	t_eq(poll(p, 4, 5000), 1);
	t_eq(p[1].revents, POLLIN);
	t_check(take(&a, &num));

	ep = epoll_of(a.fd, EPOLLIN);
	t_check(!epoll_ctl(ep, EPOLL_CTL_MOD, a.fd, &one));
	t_check(!epoll_ctl(ep, EPOLL_CTL_ADD, r[0], &two));
	t_eq(epoll_ctl(ep, EPOLL_CTL_ADD, a.fd, &one), -1);
	t_eq(errno, EEXIST);
	t_eq(epoll_wait(ep, ev, 4, 20), 0);
	t_eq(write(r[1], &c, 1), 1);
	t_eq(epoll_wait(ep, ev, 4, 5000), 1);
	t_eq(ev[0].data.u32, 2);
	sendit(&b, 2);
	t_eq(epoll_wait(ep, ev, 4, 5000), 2);
	t_eq(ev[0].data.u32 + ev[1].data.u32, 3);
	/* With room for one, both get their turn. */
	for (n = 0, num = 0; n < 10; n++) {
		t_eq(epoll_wait(ep, ev, 1, 5000), 1);
		num |= ev[0].data.u32;
	}
	t_eq(num, 3);
	t_check(!epoll_ctl(ep, EPOLL_CTL_DEL, r[0], NULL));
	t_eq(epoll_wait(ep, ev, 4, 5000), 1);
	t_eq(ev[0].data.u32, 1);
	t_check(!epoll_ctl(ep, EPOLL_CTL_DEL, a.fd, NULL));
	t_eq(epoll_wait(ep, ev, 4, 20), 0);
	t_eq(epoll_ctl(ep, EPOLL_CTL_DEL, a.fd, NULL), -1);
	t_eq(errno, ENOENT);

	t_check(take(&a, &num));
	FD_ZERO(&rs);
	FD_SET(a.fd, &rs);
	FD_SET(r[0], &rs);
	tv = (struct timeval){ 5, 0 };
	t_eq(select(64, &rs, NULL, NULL, &tv), 1);
	t_check(FD_ISSET(r[0], &rs) && !FD_ISSET(a.fd, &rs));
	t_check(tv.tv_sec >= 3, "the rest of the time is told");
}

static volatile sig_atomic_t signals;

static void on_signal(int sig)
{
	(void)sig;
	signals++;
}

static void signals_interrupt(void)
{
	struct sigaction sa = { .sa_handler = on_signal };
	struct itimerval it = { .it_value = { 0, 100000 } };
	struct epoll_event ev;
	sigset_t none, alrm;
	struct pollfd p;
	fd_set r;
	int ep;

	setup();
	sigaction(SIGALRM, &sa, NULL);
	p = (struct pollfd){ .fd = a.fd, .events = POLLIN };
	setitimer(ITIMER_REAL, &it, NULL);
	t_eq(poll(&p, 1, 20000), -1);
	t_eq(errno, EINTR);
	/* the channel is none the worse */
	sendit(&b, 1);
	expect(&a, 1);
	FD_ZERO(&r);
	FD_SET(a.fd, &r);
	setitimer(ITIMER_REAL, &it, NULL);
	t_eq(select(a.fd + 1, &r, NULL, NULL, NULL), -1);
	t_eq(errno, EINTR);
	ep = epoll_of(a.fd, EPOLLIN);
	setitimer(ITIMER_REAL, &it, NULL);
	t_eq(epoll_wait(ep, &ev, 1, 20000), -1);
	t_eq(errno, EINTR);
	t_eq(signals, 3);
	/* Blocked, but let in while waiting. */
	sigemptyset(&none);
	sigemptyset(&alrm);
	sigaddset(&alrm, SIGALRM);
	sigprocmask(SIG_BLOCK, &alrm, NULL);
	raise(SIGALRM);
	t_eq(signals, 3);
	t_eq(ppoll(&p, 1, NULL, &none), -1);
	t_eq(errno, EINTR);
	t_eq(signals, 4);
	raise(SIGALRM);
	t_eq(epoll_pwait(ep, &ev, 1, -1, &none), -1);
	t_eq(signals, 5);
	raise(SIGALRM);
	t_eq(pselect(a.fd + 1, &r, NULL, NULL, NULL, &none), -1);
	t_eq(signals, 6);
	/* Hundreds of them, at any point of a call. */
	sigprocmask(SIG_UNBLOCK, &alrm, NULL);
	it.it_value = it.it_interval = (struct timeval){ 0, 300 };
	setitimer(ITIMER_REAL, &it, NULL);
	for (uint32_t i = 0; i < 3000; i++) {
		sendit(&b, i);
		while (poll(&p, 1, 5000) < 0)
			t_eq(errno, EINTR);
		expect(&a, i);
	}
	it.it_value = it.it_interval = (struct timeval){ 0, 0 };
	setitimer(ITIMER_REAL, &it, NULL);
	t_check(signals > 50);
}

/* A sender and a receiver thread, and one that polls, all of one descriptor. */
static uint32_t done;

static void *receives(void *arg)
{
	struct pollfd p = { .fd = a.fd, .events = POLLIN };
	uint32_t n, next = 0, want = *(uint32_t *)arg;
	double end = t_now() + 50;

	while (next < want) {
		t_check(t_now() < end, "%u of %u came", next, want);
		t_check(poll(&p, 1, 10000) == 1, "%u of %u came", next, want);
		while (take(&a, &n))
			t_eq(n, next++);
	}
	__atomic_store_n(&done, 1, __ATOMIC_RELEASE);
	return NULL;
}

static void threads(void)
{
	struct pollfd p;
	uint32_t n = 0, want = (uint32_t)t_rounds(200000), i;
	pthread_t t;

	daemon_start(NULL);
	a = port_slots("x{1", 64, NR_NO_TX_POLL);
	b = port_slots("x}1", 64, 0);
	p = (struct pollfd){ .fd = b.fd, .events = POLLOUT };
	t_check(!pthread_create(&t, NULL, receives, &want));
	while (n < want) {
		t_check(poll(&p, 1, 10000) == 1, "%u sent", n);
		for (i = 0; i < 17 && n < want && !nm_ring_empty(b.tx); i++)
			put(&b, n++);
		t_check(!ioctl(b.fd, NIOCTXSYNC, NULL));
		if (n % 7 == 0)
			t_check(!ioctl(a.fd, NIOCTXSYNC, NULL));
	}
	t_check(!pthread_join(t, NULL) && done);
}

/*
 * A stream through the smallest rings there are, so that both ends fall asleep all the time:
 * a wakeup that is lost is the end of it.
 */
static int kept_set;

static int by_kept_epoll(int fd, int events, int ms)
{
	struct epoll_event ev;

	(void)fd;
	(void)events;
	return epoll_wait(kept_set, &ev, 1, ms) == 1 ? events : 0;
}

static void stream(wait_fn wait, uint32_t edge, uint32_t want)
{
	uint32_t n = 0, got;
	int status;
	pid_t pid;

	a = port_slots("small{1", 8, 0);
	b = port_slots("small}1", 8, 0);
	pid = fork();
	if (!pid) {
		if (wait == by_kept_epoll)
			kept_set = epoll_of(b.fd, EPOLLIN | edge);
		while (n < want) {
			t_check(wait(b.fd, POLLIN, 30000) == POLLIN, "asleep after %u of %u", n,
				want);
			while (take(&b, &got))
				t_eq(got, n++);
		}
		t_check(!ioctl(b.fd, NIOCRXSYNC, NULL));
		_exit(0);
	}
	if (wait == by_kept_epoll)
		kept_set = epoll_of(a.fd, EPOLLOUT | edge);
	while (n < want) {
		t_check(wait(a.fd, POLLOUT, 30000) == POLLOUT, "asleep after %u of %u", n, want);
		while (n < want && !nm_ring_empty(a.tx))
			put(&a, n++);
		if (n % 3 == 0) /* else the next wait sends it */
			t_check(!ioctl(a.fd, NIOCTXSYNC, NULL));
	}
	while (nm_tx_pending(a.tx) && waitpid(pid, &status, WNOHANG) != pid)
		t_check(!ioctl(a.fd, NIOCTXSYNC, NULL));
	t_check(!ioctl(a.fd, NIOCTXSYNC, NULL));
	t_check(waitpid(pid, &status, 0) != pid || !status);
	if (wait == by_kept_epoll)
		close(kept_set);
	port_end(&a);
	port_end(&b);
}

static void million_wakeups(void)
{
	uint32_t want = (uint32_t)t_rounds(200000);
	double start;

	daemon_start(NULL);
	start = t_now();
	stream(by_poll_alone, 0, want);
	t_note("poll: %.1f us a packet", (t_now() - start) / want * 1e6);
	start = t_now();
	stream(by_poll, 0, want);
	t_note("poll with others: %.1f us", (t_now() - start) / want * 1e6);
	start = t_now();
	stream(by_select, 0, want);
	t_note("select: %.1f us", (t_now() - start) / want * 1e6);
	start = t_now();
	stream(by_kept_epoll, 0, want);
	t_note("epoll: %.1f us", (t_now() - start) / want * 1e6);
	start = t_now();
	stream(by_kept_epoll, EPOLLET, want);
	t_note("epoll with EPOLLET: %.1f us", (t_now() - start) / want * 1e6);
}

T_MAIN(T_CASE(waits_in_all_ways), T_CASE(mixed), T_CASE(signals_interrupt), T_LONG(threads, 120),
       T_LONG(million_wakeups, 900))
