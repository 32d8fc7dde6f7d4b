/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The lives of handles: closed by other threads and by callbacks, broken by signals, with
 * filters set and packets sent by other threads meanwhile, thousands of times. Run with our
 * library:
 *
 *	life CAPTURE INJECT [ROUNDS]
 */
#include <pcap/pcap.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *dev_cap, *dev_inj;
static char err[PCAP_ERRBUF_SIZE];
static pcap_t *cap, *inj;
static atomic_int seen;
static int number, rounds = 200;

#define CHECK(cond)                                                                               \
	do {                                                                                      \
		if (!(cond)) {                                                                    \
			printf("not ok %d - %s:%d: %s\n", number + 1, __func__, __LINE__, #cond); \
			exit(1);                                                                  \
		}                                                                                 \
	} while (0)

static pcap_t *open_port(const char *dev, int ms)
{
	pcap_t *p = pcap_open_live(dev, 2000, 1, ms, err);

	if (p == NULL) {
		printf("Bail out! %s\n", err);
		exit(1);
	}
	return p;
}

static void send_some(int n)
{
	unsigned char b[60] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0 };
	int i;

	for (i = 0; i < n; i++)
		CHECK(pcap_inject(inj, b, sizeof(b)) == sizeof(b));
}

static void count(unsigned char *user, const struct pcap_pkthdr *h, const unsigned char *b)
{
	(void)user;
	(void)h;
	(void)b;
	seen++;
}

/* ---- Close ----------------------------------------------------------------------------- */

static atomic_bool entering;

/* Not before it is in use: after a close, a handle is nobody's. */
static void *close_soon(void *arg)
{
	while (!entering)
		usleep(50);
	usleep((useconds_t)(2000 + rand() % 2000));
	pcap_close(arg);
	return NULL;
}

static void close_by_thread(void)
{
	pthread_t t;
	int i;

	for (i = 0; i < rounds / 4; i++) {
		cap = open_port(dev_cap, i % 2 ? 0 : 1);
		entering = false;
		pthread_create(&t, NULL, close_soon, cap);
		send_some(i % 40);
		entering = true;
		CHECK(pcap_loop(cap, -1, count, NULL) == PCAP_ERROR_BREAK);
		pthread_join(t, NULL);
	}
}

static void close_here(unsigned char *user, const struct pcap_pkthdr *h, const unsigned char *b)
{
	/* The packet is still there: the handle goes when the callback has returned. */
	pcap_close(cap);
	count(user, h, b);
	CHECK(h->len == 60 && b[0] == 2);
}

static void close_by_callback(void)
{
	int i;

	for (i = 0; i < rounds / 4; i++) {
		cap = open_port(dev_cap, 10);
		send_some(3);
		CHECK(pcap_loop(cap, -1, close_here, NULL) == PCAP_ERROR_BREAK);
	}
}

/* ---- Break ----------------------------------------------------------------------------- */

static void on_signal(int sig)
{
	(void)sig;
	pcap_breakloop(cap);
}

static void break_by_signal(void)
{
	struct sigaction sa = { .sa_handler = on_signal };
	struct itimerval it = { .it_value = { 0, 500 } }, off = { .it_value = { 0, 0 } };
	int i;

	/* With SA_RESTART too: the break must not depend on what poll(2) makes of it. */
	sa.sa_flags = SA_RESTART;
	sigaction(SIGALRM, &sa, NULL);
	cap = open_port(dev_cap, 0);
	for (i = 0; i < rounds; i++) {
		it.it_value.tv_usec = 1 + rand() % 300;
		setitimer(ITIMER_REAL, &it, NULL);
		CHECK(pcap_loop(cap, -1, count, NULL) == PCAP_ERROR_BREAK);
	}
	setitimer(ITIMER_REAL, &off, NULL);
	signal(SIGALRM, SIG_DFL);
	pcap_close(cap);
}

static atomic_bool stop;

static void *break_often(void *arg)
{
	while (!stop) {
		pcap_breakloop(arg);
		usleep(100);
	}
	return NULL;
}

/* All packets arrive, however often the loop is broken. */
static void break_by_thread(void)
{
	int total = 0, r, want = rounds * 20, sent = 0, quiet = 0;
	pthread_t t;

	cap = open_port(dev_cap, 1);
	stop = false;
	seen = 0;
	pthread_create(&t, NULL, break_often, cap);
	while (seen < want && quiet < 3000) {
		total = seen;
		if (sent < want) {
			send_some(20);
			sent += 20;
		}
		r = pcap_loop(cap, 50, count, NULL);
		CHECK(r == 0 || r == PCAP_ERROR_BREAK);
		quiet = seen == total ? quiet + 1 : 0;
	}
	stop = true;
	pthread_join(t, NULL);
	CHECK(seen == want);
	pcap_close(cap);
}

/* ---- Others in the same handle --------------------------------------------------------- */

static void *set_filters(void *arg)
{
	static const char *const exprs[] = { "", "ether[0] = 2", "greater 20", "less 2000" };
	struct bpf_program prog;
	unsigned int i;

	for (i = 0; !stop; i++) {
		pcap_t *dead = pcap_open_dead(DLT_EN10MB, 2000);

		CHECK(pcap_compile(dead, &prog, exprs[i % 4], 1, 0) == 0);
		CHECK(pcap_setfilter(arg, &prog) == 0);
		pcap_freecode(&prog);
		pcap_close(dead);
	}
	return NULL;
}

static void *send_back(void *arg)
{
	unsigned char b[60] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0 };
	struct pcap_stat st;

	while (!stop) {
		pcap_t *p = arg;

		CHECK(pcap_inject(p, b, sizeof(b)) == sizeof(b));
		CHECK(pcap_stats(p, &st) == 0);
		usleep(50);
	}
	return NULL;
}

/* One reads, one sets filters, one sends: on one handle. Every packet passes every filter. */
static void share(void)
{
	const unsigned char *data;
	struct pcap_pkthdr *h;
	pthread_t t[2];
	int got = 0, want = rounds * 50, sent = 0, quiet = 0, r;

	cap = open_port(dev_cap, 5);
	stop = false;
	pthread_create(&t[0], NULL, set_filters, cap);
	pthread_create(&t[1], NULL, send_back, cap);
	while (got < want && quiet < 400) {
		if (sent < want && sent - got < 400) {
			send_some(50);
			sent += 50;
		}
		r = pcap_next_ex(cap, &h, &data);
		CHECK(r >= 0);
		if (r == 1 && data[0] == 2 && data[5] == 2)
			got++;
		quiet = r == 1 ? 0 : quiet + 1;
	}
	stop = true;
	pthread_join(t[0], NULL);
	pthread_join(t[1], NULL);
	CHECK(got == want);
	pcap_close(cap);
}

/* ---- Bursts ---------------------------------------------------------------------------- */

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static int drain(int want)
{
	double end = now() + 2;
	int n = 0, r;

	while (n < want && now() < end) {
		r = pcap_dispatch(cap, -1, count, NULL);
		CHECK(r >= 0);
		n += r;
	}
	return n;
}

/* What a burst leaves behind leaves by itself, and soon; a packet alone leaves at once. */
static void bursts(void)
{
	double worst = 0, start;
	int i, n;

	cap = open_port(dev_cap, 1);
	for (i = 0; i < rounds / 2; i++) {
		n = 1 + rand() % 300;
		start = now();
		send_some(n);
		CHECK(drain(n) == n);
		if (now() - start > worst)
			worst = now() - start;
		if (i % 10 == 0)
			usleep(5000);
	}
	printf("# bursts of up to 300 packets were there after %.1f ms at most\n", worst * 1e3);
	pcap_close(cap);
}

/* A child may use a handle that the parent does not use any more. */
__attribute__((unused)) static void forked(void)
{
	int status, i;
	pid_t pid;

	/* Each time at another moment in the life of what looks after the burst. */
	for (i = 0; i < rounds / 5; i++) {
		cap = open_port(dev_cap, 1);
		send_some(100);
		CHECK(drain(100) == 100);
		usleep((useconds_t)(rand() % 300));
		fflush(stdout);
		pid = fork();
		if (pid == 0) {
			alarm(10);
			send_some(100);
			_exit(drain(100) == 100 ? 0 : 1);
		}
		CHECK(waitpid(pid, &status, 0) == pid);
		CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
		pcap_close(cap);
	}
}

/* Handles, threads and descriptors do not pile up. */
static int descriptors(void)
{
	int n = 0, i;

	for (i = 0; i < 1024; i++) {
		struct pollfd p = { .fd = i };

		if (poll(&p, 1, 0) >= 0 && !(p.revents & POLLNVAL))
			n++;
	}
	return n;
}

static void many(void)
{
	int i, before, after;
	pcap_if_t *list;

	cap = open_port(dev_cap, 1);
	pcap_get_selectable_fd(cap);
	pcap_close(cap);
	before = descriptors();
	for (i = 0; i < rounds; i++) {
		cap = open_port(dev_cap, 1);
		if (i % 3 == 0)
			CHECK(pcap_get_selectable_fd(cap) >= 0);
		if (i % 7 == 0) {
			CHECK(pcap_findalldevs(&list, err) == 0);
			pcap_freealldevs(list);
		}
		send_some(2);
		pcap_close(cap);
	}
	after = descriptors();
	CHECK(after <= before);
}

static void run(const char *name, void (*test)(void))
{
	inj = open_port(dev_inj, 1);
	test();
	pcap_close(inj);
	printf("ok %d - %s\n", ++number, name);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	if (argc < 3) {
		fprintf(stderr, "usage: life CAPTURE INJECT [ROUNDS]\n");
		return 2;
	}
	dev_cap = argv[1];
	dev_inj = argv[2];
	if (argc > 3)
		rounds = atoi(argv[3]);
	run("close by another thread", close_by_thread);
	run("close by a callback", close_by_callback);
	run("break by a signal", break_by_signal);
	run("break by another thread", break_by_thread);
	run("filters and packets by other threads", share);
	run("bursts", bursts);
#ifdef __SANITIZE_THREAD__
	printf("ok %d - after fork # SKIP the thread sanitizer starts no threads there\n",
	       ++number);
#else
	run("after fork", forked);
#endif
	run("many handles", many);
	printf("1..%d\n", number);
	return 0;
}
