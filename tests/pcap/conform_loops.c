/* SPDX-License-Identifier: BSD-2-Clause */
/* Dispatch and loop, and the ways to end them; event loops of the program. */
#include "conform.h"

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/time.h>

static pcap_t *cap, *inj;
static int seen, break_at;

static void count(unsigned char *user, const struct pcap_pkthdr *h, const unsigned char *b)
{
	(void)user;
	(void)h;
	(void)b;
	if (++seen == break_at)
		pcap_breakloop(cap);
}

static void dispatches(void)
{
	char err[PCAP_ERRBUF_SIZE] = "";
	int r;

	send_packets(inj, 0, 10, 60);
	say("dispatch(3) = %d", pcap_dispatch(cap, 3, count, NULL));
	say("dispatch(3) = %d", pcap_dispatch(cap, 3, count, NULL));
	say("dispatch(-1) = %d", pcap_dispatch(cap, -1, count, NULL));
	send_packets(inj, 0, 10, 60);
	say("loop(4) = %d", pcap_loop(cap, 4, count, NULL));
	say("loop(6) = %d", pcap_loop(cap, 6, count, NULL));
	say("seen %d", seen);
	send_packets(inj, 0, 5, 60);
	say("dispatch(0) = %d", pcap_dispatch(cap, 0, count, NULL));
	pcap_setnonblock(cap, 1, err);
	say("dispatch of nothing = %d", pcap_dispatch(cap, -1, count, NULL));
	r = pcap_getnonblock(cap, err);
	say("getnonblock = %d", r);
	pcap_setnonblock(cap, 0, err);
}

static void breaks(void)
{
	char err[PCAP_ERRBUF_SIZE] = "";

	pcap_breakloop(cap);
	say("dispatch = %d", pcap_dispatch(cap, -1, count, NULL));
	pcap_breakloop(cap);
	say("loop = %d", pcap_loop(cap, -1, count, NULL));
	send_packets(inj, 0, 10, 60);
	seen = 0;
	break_at = 4;
	say("loop = %d", pcap_loop(cap, -1, count, NULL));
	say("seen %d", seen);
	break_at = 7;
	say("dispatch = %d", pcap_dispatch(cap, -1, count, NULL));
	say("seen %d", seen);
	break_at = 0;
	pcap_setnonblock(cap, 1, err);
	say("dispatch = %d", pcap_dispatch(cap, -1, count, NULL));
	say("seen %d", seen);
	say("dispatch = %d", pcap_dispatch(cap, -1, count, NULL));
	pcap_setnonblock(cap, 0, err);
}

static void on_alarm(int sig)
{
	(void)sig;
	pcap_breakloop(cap);
}

static void *breaker(void *arg)
{
	(void)arg;
	usleep(100000);
	pcap_breakloop(cap);
	return NULL;
}

static void waits(void)
{
	struct itimerval it = { .it_value = { 0, 100000 } };
	struct sigaction sa = { .sa_handler = on_alarm };
	pthread_t t;

	sigaction(SIGVTALRM, &sa, NULL);
	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &it, NULL);
	say("loop broken by signal = %d", pcap_loop(cap, -1, count, NULL));
	pthread_create(&t, NULL, breaker, NULL);
	say("loop broken by thread = %d", pcap_loop(cap, -1, count, NULL));
	pthread_join(t, NULL);
	signal(SIGALRM, SIG_DFL);
	alarm(200);
}

static int ready(int fd, int ms)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, ms);
}

static int ready_select(int fd, int ms)
{
	struct timeval tv = { 0, ms * 1000 };
	fd_set set;

	FD_ZERO(&set);
	FD_SET(fd, &set);
	return select(fd + 1, &set, NULL, NULL, &tv);
}

static int ready_epoll(int fd, int ms)
{
	struct epoll_event ev = { .events = EPOLLIN };
	int ep = epoll_create1(0), r;

	epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
	r = epoll_wait(ep, &ev, 1, ms);
	close(ep);
	return r;
}

static void event_loop(const char *how, int (*wait)(int, int))
{
	int fd = pcap_get_selectable_fd(cap), i, total = 0;

	say("%s: idle %d", how, wait(fd, 50));
	send_packets(inj, 0, 1, 60);
	say("%s: one packet %d", how, wait(fd, 1000));
	say("dispatch = %d", pcap_dispatch(cap, -1, count, NULL));
	say("%s: idle %d", how, wait(fd, 50));
	/* What a dispatch leaves behind keeps the descriptor ready. */
	send_packets(inj, 0, 20, 60);
	for (i = 0; i < 20 && wait(fd, 100) == 1; i++)
		total += pcap_dispatch(cap, 5, count, NULL);
	say("%s: total %d, idle %d", how, total, wait(fd, 50));
	/* One at a time: none may be slept over. */
	for (i = 0; i < 5; i++) {
		send_packets(inj, (unsigned int)i, 1, 60);
		if (wait(fd, 1000) != 1 || pcap_dispatch(cap, -1, count, NULL) != 1)
			break;
	}
	say("%s: %d single ones", how, i);
}

void conform_loops(void)
{
	char err[PCAP_ERRBUF_SIZE] = "";

	say("== loops");
	cap = open_active(dev_cap, 20);
	inj = open_active(dev_inj, 20);
	seen = 0;
	break_at = 0;
	dispatches();
	breaks();
	waits();
	pcap_setnonblock(cap, 1, err);
	event_loop("poll", ready);
	event_loop("select", ready_select);
	event_loop("epoll", ready_epoll);
	pcap_close(cap);
	pcap_close(inj);
}
