// SPDX-License-Identifier: BSD-2-Clause
/* An unmodified program: what epoll does beyond waiting; and a daemon that goes away. */
#include "dev.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>

static void edges_and_one_shots(void)
{
	struct epoll_event ev[2], et = { .events = EPOLLIN | EPOLLOUT | EPOLLET },
				  shot = { .events = EPOLLIN | EPOLLONESHOT };
	uint32_t n;
	int ep;

	setup();
	ep = epoll_of(a.fd, EPOLLIN | EPOLLOUT | EPOLLET);
	t_eq(epoll_wait(ep, ev, 2, 1000), 1);
	t_eq(ev[0].events, EPOLLOUT);
	t_eq(epoll_wait(ep, ev, 2, 50), 0); /* told; nothing has changed */
	sendit(&b, 1);
	t_eq(epoll_wait(ep, ev, 2, 5000), 1);
	t_check(ev[0].events & EPOLLIN);
	t_eq(epoll_wait(ep, ev, 2, 50), 0); /* not taken, but told */
	sendit(&b, 2);
	t_eq(epoll_wait(ep, ev, 2, 5000), 1);
	t_check(ev[0].events & EPOLLIN);
	t_check(take(&a, &n) && n == 1 && take(&a, &n) && n == 2);
	epoll_wait(ep, ev, 2, 20); /* what we did may be news, too */
	t_eq(epoll_wait(ep, ev, 2, 50), 0);
	t_check(!epoll_ctl(ep, EPOLL_CTL_MOD, a.fd, &et)); /* this arms it again */
	t_eq(epoll_wait(ep, ev, 2, 1000), 1);

	t_check(!epoll_ctl(ep, EPOLL_CTL_MOD, a.fd, &shot));
	t_eq(epoll_wait(ep, ev, 2, 20), 0);
	sendit(&b, 3);
	t_eq(epoll_wait(ep, ev, 2, 5000), 1);
	t_eq(ev[0].events, EPOLLIN);
	t_eq(epoll_wait(ep, ev, 2, 50), 0);
	sendit(&b, 4);
	t_eq(epoll_wait(ep, ev, 2, 50), 0);
	t_check(!epoll_ctl(ep, EPOLL_CTL_MOD, a.fd, &shot));
	t_eq(epoll_wait(ep, ev, 2, 5000), 1);
	/* Closing takes it out of the set. */
	t_check(!epoll_ctl(ep, EPOLL_CTL_MOD, a.fd, &et));
	port_end(&a);
	t_eq(epoll_wait(ep, ev, 2, 20), 0);
}

/* A set changes while another thread waits for it. */
static int shared_set;

static void *waits(void *arg)
{
	struct epoll_event ev;

	(void)arg;
	return (void *)(intptr_t)epoll_wait(shared_set, &ev, 1, 10000);
}

static void sets_change_while_waited_for(void)
{
	struct epoll_event ev = { .events = EPOLLOUT };
	pthread_t t;
	void *n;
	int i, c;

	setup();
	c = port("vale0:c").fd;
	for (i = 0; i < 20; i++) {
		shared_set = epoll_of(c, EPOLLIN);
		t_check(!pthread_create(&t, NULL, waits, NULL));
		t_sleep(i % 2 ? 0.02 : 0);
		if (i % 4 < 2)
			t_check(!epoll_ctl(shared_set, EPOLL_CTL_ADD, a.fd, &ev));
		else
			t_check(!epoll_ctl(shared_set, EPOLL_CTL_MOD, c, &ev));
		t_check(!pthread_join(t, &n));
		t_eq((intptr_t)n, 1);
		close(shared_set);
	}
}

static void daemon_goes_away(void)
{
	struct epoll_event ev;
	struct pollfd p;
	pid_t pid = daemon_start(NULL);
	pthread_t t;
	void *n;

	a = port("vale0:a");
	shared_set = epoll_of(a.fd, EPOLLIN);
	t_check(!pthread_create(&t, NULL, waits, NULL));
	t_sleep(0.1);
	daemon_kill(pid, SIGKILL);
	t_check(!pthread_join(t, &n));
	t_eq((intptr_t)n, 1);
	t_eq(epoll_wait(shared_set, &ev, 1, 20000), 1);
	t_check(ev.events & EPOLLERR);
	p = (struct pollfd){ .fd = a.fd, .events = POLLIN };
	t_eq(poll(&p, 1, 20000), 1);
	t_check(p.revents & POLLERR);
	/* select: readable, so that it is looked at */
	t_eq(by_select(a.fd, POLLIN, 20000), POLLIN);
	t_eq(by_pselect(a.fd, POLLIN, 20000), POLLIN);
	t_eq(ioctl(a.fd, NIOCTXSYNC, NULL), -1);
	t_eq(errno, ENXIO);
	port_end(&a);
	a = port("vale0:a"); /* there is another one now */
	sendit(&a, 1);
	port_end(&a);
	daemon_await_end(20);
}

T_MAIN(T_CASE(edges_and_one_shots), T_CASE(sets_change_while_waited_for), T_CASE(daemon_goes_away))
