// SPDX-License-Identifier: BSD-2-Clause
/*
 * epoll(7) asks a descriptor for its wait queues once, when it is added, and relies on them
 * from then on: whatever is ready at that moment, and whatever it is asked for later.
 */
#include "kern.h"

#include <sys/epoll.h>
#include <unistd.h>

static struct kport a, b;
static int ep;

static void begin(void)
{
	kern_start();
	kport_open(&a, "x{1");
	kport_open(&b, "x}1");
	ep = epoll_create1(EPOLL_CLOEXEC);
	t_check(ep >= 0);
}

static void end(void)
{
	close(ep);
	kport_close(&a);
	kport_close(&b);
	expect_nothing_left();
}

static void ctl(int op, uint32_t events)
{
	struct epoll_event ev = { .events = events };

	t_check(!epoll_ctl(ep, op, b.fd, &ev));
}

static uint32_t wait_ms(int ms)
{
	struct epoll_event ev = { 0 };
	int n = epoll_wait(ep, &ev, 1, ms);

	t_check(n >= 0);
	return n ? ev.events : 0;
}

static void send_later(void *arg)
{
	(void)arg;
	t_sleep(0.2);
	kport_send(&a, 1);
	for (;;)
		pause();
}

/* The event that comes while we are asleep for it. */
static void must_be_woken_to_read(void)
{
	pid_t pid = keep_doing(send_later, NULL);
	double start = t_now();

	t_eq(wait_ms(10000), EPOLLIN);
	t_check(t_now() - start > 0.1, "that was one before");
	stop_doing(pid);
	t_eq(kport_take(&b), 1);
	t_eq(wait_ms(0), 0);
}

static void added_while_ready(void)
{
	begin();
	t_check(kport_send(&a, 1));
	ctl(EPOLL_CTL_ADD, EPOLLIN);
	t_eq(wait_ms(0), EPOLLIN);
	t_eq(kport_take(&b), 1);
	t_eq(wait_ms(0), 0);
	must_be_woken_to_read();
	end();
}

static void added_while_idle(void)
{
	begin();
	ctl(EPOLL_CTL_ADD, EPOLLIN);
	t_eq(wait_ms(0), 0);
	must_be_woken_to_read();
	must_be_woken_to_read();
	end();
}

static void edge_triggered(void)
{
	begin();
	ctl(EPOLL_CTL_ADD, EPOLLIN | EPOLLET);
	must_be_woken_to_read();
	must_be_woken_to_read();
	end();
}

/* b's transmit ring, until it is full: the other end does not read. */
static void fill(void)
{
	uint32_t i;

	for (i = 0; kport_send(&b, i); i++)
		;
}

static void read_later(void *arg)
{
	(void)arg;
	t_sleep(0.2);
	kport_take(&a);
	for (;;)
		pause();
}

/* Asked for something else than when it was added. */
static void asked_for_more_later(void)
{
	pid_t pid;

	begin();
	ctl(EPOLL_CTL_ADD, EPOLLIN);
	fill();
	ctl(EPOLL_CTL_MOD, EPOLLOUT);
	t_eq(wait_ms(0), 0);
	pid = keep_doing(read_later, NULL);
	t_eq(wait_ms(10000), EPOLLOUT);
	stop_doing(pid);
	ctl(EPOLL_CTL_MOD, EPOLLIN);
	must_be_woken_to_read();
	end();
}

/* The descriptor ends while it is watched, and watchers end while it lives. */
static void ends_while_watched(void)
{
	int other = epoll_create1(EPOLL_CLOEXEC), i;
	struct epoll_event ev = { .events = EPOLLIN };

	begin();
	for (i = 0; i < 50; i++) {
		ctl(EPOLL_CTL_ADD, EPOLLIN | EPOLLOUT);
		t_check(!epoll_ctl(other, EPOLL_CTL_ADD, ep, &ev));
		if (i % 2)
			kport_send(&a, i);
		if (i % 3) {
			t_check(!close(ep));
			ep = epoll_create1(EPOLL_CLOEXEC);
		} else {
			kport_close(&b);
			kport_open(&b, "x}1");
			t_check(!close(ep));
			ep = epoll_create1(EPOLL_CLOEXEC);
		}
	}
	close(other);
	end();
}

T_MAIN(T_CASE(added_while_ready), T_CASE(added_while_idle), T_CASE(edge_triggered),
       T_CASE(asked_for_more_later), T_CASE(ends_while_watched))
