// SPDX-License-Identifier: BSD-2-Clause
/*
 * NIC ports by themselves: the same three jobs as xsk-bare, through the core
 * in this process.
 *
 *   bench-nic txonly|rxdrop|l2fwd IFNAME [-q queue] [-l length] [-b batch] [-t seconds]
 * [-g]
 */
#include <libnmcore.h>
#include <net/netmap.h>
#include <net/netmap_user.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE 5 /* seconds until the first packet */

struct bench {
	unsigned int queue, len, batch;
	double seconds;
	struct nmcore *nm;
	struct netmap_ring *tx, *rx;
	unsigned long long packets;
	bool waited; /* time passed: look at the clock */
	unsigned long long sum;
};

static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

static double clock_s(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static void die(struct bench *b, const char *what)
{
	fprintf(stderr, "bench-nic: %s: %s: %s\n", what, strerror(errno),
		b->nm ? nmcore_error(b->nm) : "");
	exit(1);
}

static void open_port(struct bench *b, const char *ifname)
{
	struct nmreq_register reg = { .nr_mode = NR_REG_ONE_NIC, .nr_ringid = b->queue };
	struct nmreq_header hdr = {
		.nr_version = NETMAP_API,
		.nr_reqtype = NETMAP_REQ_REGISTER,
		.nr_body = (uintptr_t)&reg,
	};
	struct netmap_if *nifp;
	uint64_t size;
	char *mem;
	int fd;

	snprintf(hdr.nr_name, sizeof(hdr.nr_name), "%s", ifname);
	b->nm = nmcore_open();
	if (!b->nm || nmcore_ioctl(b->nm, NIOCCTRL, &hdr) < 0)
		die(b, ifname);
	fd = nmcore_memfd(b->nm, &size);
	mem = fd < 0 ? MAP_FAILED : mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (mem == MAP_FAILED)
		die(b, "memory");
	nifp = NETMAP_IF(mem, reg.nr_offset);
	b->tx = NETMAP_TXRING(nifp, b->queue);
	b->rx = NETMAP_RXRING(nifp, b->queue);
}

static void frames(struct bench *b)
{
	for (unsigned int i = 0; i < b->tx->num_slots; i++) {
		char *p = NETMAP_BUF(b->tx, b->tx->slot[i].buf_idx);

		memset(p, 0xff, 6);
		memcpy(p + 6,
		       "\x02"
		       "bench",
		       6);
		p[12] = (char)0x88;
		p[13] = (char)0xb5;
	}
}

static unsigned int min(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

static void tx_round(struct bench *b)
{
	unsigned int n = min(nm_ring_space(b->tx), b->batch);

	for (unsigned int i = 0; i < n; i++) {
		b->tx->slot[b->tx->head].len = b->len;
		b->tx->head = nm_ring_next(b->tx, b->tx->head);
	}
	b->tx->cur = b->tx->head;
	if (nmcore_ioctl(b->nm, NIOCTXSYNC, NULL) < 0)
		die(b, "txsync");
	b->packets += n;
}

static void wait_rx(struct bench *b)
{
	b->waited = true;
	nmcore_wait(b->nm, POLLIN, 100);
}

static unsigned int look(struct bench *b, struct netmap_slot *s)
{
	unsigned int word;

	memcpy(&word, NETMAP_BUF(b->rx, s->buf_idx), sizeof(word));
	return word;
}

static void rx_round(struct bench *b, bool forward)
{
	unsigned int n;

	if (nmcore_ioctl(b->nm, NIOCRXSYNC, NULL) < 0)
		die(b, "rxsync");
	n = min(nm_ring_space(b->rx), b->batch);
	if (!n) {
		wait_rx(b);
		return;
	}
	if (forward)
		n = min(nm_ring_space(b->tx), n);
	for (unsigned int i = 0; i < n; i++) {
		struct netmap_slot *r = &b->rx->slot[b->rx->head];

		b->sum += look(b, r);
		if (forward) {
			struct netmap_slot *t = &b->tx->slot[b->tx->head];
			uint32_t idx = t->buf_idx;

			t->buf_idx = r->buf_idx;
			t->len = r->len;
			r->buf_idx = idx;
			t->flags = r->flags = NS_BUF_CHANGED;
			b->tx->head = b->tx->cur = nm_ring_next(b->tx, b->tx->head);
		}
		b->rx->head = b->rx->cur = nm_ring_next(b->rx, b->rx->head);
	}
	if (forward && nmcore_ioctl(b->nm, NIOCTXSYNC, NULL) < 0)
		die(b, "txsync");
	b->packets += n;
}

static void run(struct bench *b, char mode)
{
	double start = 0, t = clock_s(CLOCK_MONOTONIC), end = t + PATIENCE, used = 0;

	while (!stop && t < end) {
		b->waited = false;
		for (int i = 0; i < 64 && !b->waited; i++)
			mode == 't' ? tx_round(b) : rx_round(b, mode == 'l');
		t = clock_s(CLOCK_MONOTONIC);
		if (!start && b->packets) {
			start = t;
			end = t + b->seconds;
			used = clock_s(CLOCK_PROCESS_CPUTIME_ID);
			b->packets = 0;
		}
	}
	used = clock_s(CLOCK_PROCESS_CPUTIME_ID) - used;
	printf("%llu packets in %.3f s: %.3f Mpps, %.1f ns of CPU each\n", b->packets,
	       start ? t - start : 0, start ? b->packets / (t - start) / 1e6 : 0,
	       b->packets ? used * 1e9 / b->packets : 0);
}

static int usage(void)
{
	fprintf(stderr, "usage: bench-nic txonly|rxdrop|l2fwd IFNAME [-q queue] [-l length] "
			"[-b batch] [-t seconds] [-g]\n");
	return 2;
}

int main(int argc, char **argv)
{
	static struct bench b = { .len = 60, .batch = 64, .seconds = 3 };
	int opt;

	if (argc < 3 || !strchr("trl", argv[1][0]))
		return usage();
	optind = 3;
	while ((opt = getopt(argc, argv, "q:l:b:t:g")) != -1) {
		switch (opt) {
		case 'q':
			b.queue = strtoul(optarg, NULL, 0);
			break;
		case 'l':
			b.len = strtoul(optarg, NULL, 0);
			break;
		case 'b':
			b.batch = strtoul(optarg, NULL, 0);
			break;
		case 't':
			b.seconds = strtod(optarg, NULL);
			break;
		case 'g':
			nmcore_set("nic-mode", 3);
			break;
		default:
			return usage();
		}
	}
	nmcore_set("verbose", 0);
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	open_port(&b, argv[2]);
	frames(&b);
	run(&b, argv[1][0]);
	nmcore_close(b.nm);
	return 0;
}
