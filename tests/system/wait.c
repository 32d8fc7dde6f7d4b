// SPDX-License-Identifier: BSD-2-Clause
/* Waiting for packets and for room: by poll, and by select and epoll on nmhost_wakefd(). */
#include "port.h"

#include <errno.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <unistd.h>

static struct nmport_d *a, *b;
static uint64_t rounds;

/*
 * A million rounds of ping-pong in all, each of which would hang if a wakeup were lost. Where
 * nothing but the core is between the two ends (and models and core tests look at that), the
 * fourth of it.
 */

enum how { BY_POLL, BY_SELECT, BY_EPOLL };

/* More than an fd_set has: the kernel goes by the first argument. */
#define FDS	  65536
#define LONG_BITS (8 * (int)sizeof(long))

/* Until a packet is there to take; fails after 10 s. */
static void wait_in(struct nmport_d *d, enum how how, int ep)
{
	struct epoll_event ev;
	struct timeval tv = { 10, 0 };
	unsigned long set[FDS / LONG_BITS];
	int fd, n;

	if (how == BY_POLL) {
		t_eq(port_poll(d, POLLIN, 10000), POLLIN);
		return;
	}
	while (!(nmhost_arm(d->fd, POLLIN) & POLLIN)) {
		fd = nmhost_wakefd(d->fd);
		if (how == BY_SELECT) {
			t_check(fd < FDS);
			memset(set, 0, sizeof(set));
			set[fd / LONG_BITS] = 1ul << fd % LONG_BITS;
			n = select(fd + 1, (fd_set *)set, NULL, NULL, &tv);
		} else {
			ev = (struct epoll_event){ .events = EPOLLIN };
			if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev))
				t_eq(errno, EEXIST);
			n = epoll_wait(ep, &ev, 1, 10000);
		}
		t_check(n == 1, "nothing came in 10 s");
	}
}

struct end {
	struct nmport_d *d;
	enum how how;
	bool first;
};

static void *play(void *arg)
{
	struct end *e = arg;
	int ep = epoll_create1(0);
	struct netmap_ring *rx = port_rx(e->d, 0);
	uint64_t i;

	t_check(ep >= 0);
	if (e->first)
		send_frame(e->d, 2, 1, 0);
	for (i = 0; i < rounds; i++) {
		wait_in(e->d, e->how, ep);
		t_eq(nm_ring_space(rx), 1);
		t_eq(frame_number(NETMAP_BUF(rx, rx->slot[rx->head].buf_idx), 60), (uint32_t)i);
		rx->head = rx->cur = nm_ring_next(rx, rx->head);
		/* sent by the poll that waits for the answer, or at once */
		put_frame(e->d, 2, 1, i + e->first, 60, 0);
		if (i & 1 || e->how != BY_POLL)
			port_txsync(e->d);
	}
	port_txsync(e->d);
	close(ep);
	return NULL;
}

static void ping_pong(const char *x, const char *y, enum how how_x, enum how how_y, uint64_t n)
{
	struct end e[2];
	pthread_t t[2];
	double start;
	int i;

	host_start(0);
	rounds = t_rounds(host_is("embedded") ? n / 4 : n);
	e[0] = (struct end){ port_open(x), how_x, true };
	e[1] = (struct end){ port_open(y), how_y, false };
	/* each knows the other, so that nothing is flooded */
	start = t_now();
	for (i = 0; i < 2; i++)
		t_check(!pthread_create(&t[i], NULL, play, &e[i]));
	for (i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	t_note("%llu rounds, %.2f us each", (unsigned long long)rounds,
	       (t_now() - start) * 1e6 / rounds);
	port_close(e[0].d);
	port_close(e[1].d);
}

static void pipe_by_poll(void)
{
	ping_pong("netmap:w{1", "netmap:w}1", BY_POLL, BY_POLL, 400000);
}

static void switch_by_poll(void)
{
	ping_pong("vale9:x", "vale9:y", BY_POLL, BY_POLL, 300000);
}

static void pipe_by_select_and_epoll(void)
{
	ping_pong("netmap:w{1", "netmap:w}1", BY_SELECT, BY_EPOLL, 100000);
}

static void switch_by_epoll_and_select(void)
{
	ping_pong("vale9:x", "vale9:y", BY_EPOLL, BY_SELECT, 100000);
}

static void several_rings_by_poll(void)
{
	ping_pong("vale9:x@conf:rings=3", "vale9:y@conf:rings=2", BY_POLL, BY_POLL, 100000);
}

/* ---- a stream through a small pipe: waiting for room, waiting for packets ---- */

static uint64_t total;

static void *stream_out(void *arg)
{
	struct nmport_d *d = arg;
	struct netmap_ring *tx = port_tx(d, 0);
	uint64_t sent = 0;

	while (sent < total) {
		while (sent < total && !nm_ring_empty(tx))
			put_frame(d, 2, 1, sent++, 60, 0);
		t_check(port_poll(d, POLLOUT, 10000) & POLLOUT, "no room for 10 s at %llu",
			(unsigned long long)sent);
	}
	port_txsync(d);
	return NULL;
}

static void stream_through_a_small_pipe(void)
{
	struct netmap_ring *rx;
	uint64_t got = 0;
	pthread_t t;

	host_start(0);
	a = port_open("netmap:s{1@conf:slots=16");
	b = port_open("netmap:s}1");
	rx = port_rx(b, 0);
	total = t_rounds(host_is("embedded") ? 1000000 : 3000000);
	t_check(!pthread_create(&t, NULL, stream_out, a));
	while (got < total) {
		t_check(port_poll(b, POLLIN, 10000) & POLLIN, "nothing for 10 s at %llu",
			(unsigned long long)got);
		for (; !nm_ring_empty(rx); rx->head = rx->cur = nm_ring_next(rx, rx->head))
			t_eq(frame_number(NETMAP_BUF(rx, rx->slot[rx->head].buf_idx), 60),
			     (uint32_t)got++);
	}
	pthread_join(t, NULL);
	port_close(a);
	port_close(b);
}

/* ---- what poll says ---- */

static void timeouts(void)
{
	double start;

	host_start(0);
	a = port_open("vale9:a");
	start = t_now();
	t_eq(port_poll(a, POLLIN, 0), 0);
	t_check(t_now() - start < 0.5);
	start = t_now();
	t_eq(port_poll(a, POLLIN, 300), 0);
	t_check(t_now() - start >= 0.299 && t_now() - start < 3);
	t_eq(port_poll(a, POLLIN | POLLOUT, 1000), POLLOUT);
	t_eq(port_poll(a, 0, 0), 0);
	port_close(a);
}

static void unbound_descriptor(void)
{
	struct pollfd p = { .events = POLLIN };

	host_start(0);
	p.fd = nmhost_open();
	t_eq(nmhost_poll(&p, 1, 1000), 1);
	t_check(p.revents & POLLERR);
	nmhost_close(p.fd);
}

static void *send_later(void *arg)
{
	t_sleep(0.3);
	send_frame(arg, STATION_ALL, 1, 1);
	return NULL;
}

/* Netmap descriptors beside others, in one call. */
static void mixed_descriptors(void)
{
	struct nmport_d *c;
	struct pollfd p[4];
	uint64_t one = 1;
	pthread_t t;
	int ev;

	host_start(0);
	a = port_open("vale9:a");
	b = port_open("vale9:b");
	c = port_open("netmap:mix{1");
	ev = eventfd(0, 0);
	t_check(ev >= 0);
	memset(p, 0, sizeof(p));
	p[0].fd = ev;
	p[1].fd = b->fd;
	p[2].fd = -1;
	p[3].fd = c->fd;
	p[0].events = p[1].events = p[2].events = p[3].events = POLLIN;
	t_eq(nmhost_poll(p, 4, 50), 0);
	t_check(!pthread_create(&t, NULL, send_later, a));
	t_eq(nmhost_poll(p, 4, 10000), 1);
	t_eq(p[1].revents, POLLIN);
	t_eq(p[0].revents, 0);
	pthread_join(t, NULL);
	expect_frame(b, 1);
	t_eq(write(ev, &one, 8), 8);
	t_eq(nmhost_poll(p, 4, 10000), 1);
	t_eq(p[0].revents, POLLIN);
	send_frame(a, STATION_ALL, 1, 2);
	t_eq(nmhost_poll(p, 4, 10000), 2);
	t_eq(p[1].revents, POLLIN);
	close(ev);
	port_close(a);
	port_close(b);
	port_close(c);
}

static void *wait_one(void *arg)
{
	t_eq(port_poll(arg, POLLIN, 20000), POLLIN);
	return NULL;
}

/* Everybody who waits for a ring is told, not only one of them. */
static void several_wait_for_one_port(void)
{
	struct nmport_d *same[8];
	pthread_t t[8];
	int i;

	host_start(0);
	a = port_open("vale9:a");
	for (i = 0; i < 8; i++) {
		same[i] = port_open("vale9:b");
		t_check(!pthread_create(&t[i], NULL, wait_one, same[i]));
	}
	t_sleep(0.5);
	send_frame(a, STATION_ALL, 1, 1);
	for (i = 0; i < 8; i++)
		pthread_join(t[i], NULL);
	for (i = 0; i < 8; i++)
		port_close(same[i]);
	port_close(a);
}

static double cpu_time(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return u.ru_utime.tv_sec + u.ru_stime.tv_sec +
	       (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* Who waits uses no processor. */
static void waiting_is_idle(void)
{
	double before;

	host_start(0);
	a = port_open("vale9:a");
	port_poll(a, POLLIN, 1);
	before = cpu_time();
	t_eq(port_poll(a, POLLIN, 2000), 0);
	t_check(cpu_time() - before < 0.05, "%.3f s of processor time in 2 s", cpu_time() - before);
	port_close(a);
}

T_MAIN(T_CASE(timeouts), T_CASE(unbound_descriptor), T_CASE(mixed_descriptors),
       T_CASE(several_wait_for_one_port), T_CASE(waiting_is_idle),
       T_LONG(stream_through_a_small_pipe, 200), T_LONG(several_rings_by_poll, 200),
       T_LONG(pipe_by_select_and_epoll, 200), T_LONG(switch_by_epoll_and_select, 200),
       T_LONG(pipe_by_poll, 300), T_LONG(switch_by_poll, 300))
