// SPDX-License-Identifier: BSD-2-Clause
/*
 * The least that AF_XDP asks of a program, with libxdp: what NIC ports are
 * measured against.
 *
 *   xsk-bare txonly|rxdrop|l2fwd IFNAME [-q queue] [-l length] [-b batch] [-t seconds]
 *            [-r ring size] [-g]
 *
 * txonly sends the same frame as fast as it can; rxdrop looks at the first
 * word of what comes and forgets it; l2fwd sends it back. -g asks for generic
 * mode. One line at the end: packets, seconds, Mpps.
 */
#include <errno.h>
#include <linux/if_link.h>
#include <linux/if_xdp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <xdp/xsk.h>

#define PATIENCE 5 /* seconds until the first packet */

#define CHUNK  2048
#define CHUNKS 4096

enum mode { TXONLY, RXDROP, L2FWD };

struct bare {
	enum mode mode;
	const char *ifname;
	unsigned int queue, len, batch, ring;
	double seconds;
	bool generic;

	char *mem;
	struct xsk_umem *umem;
	struct xsk_socket *xsk;
	struct xsk_ring_prod fill, tx;
	struct xsk_ring_cons completion, rx;
	unsigned int in_flight;
	unsigned int next; /* chunk to send */
	unsigned long long packets;
	bool waited;		/* time passed: look at the clock */
	unsigned long long sum; /* of what was received, so that it is looked at */
};

static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* Processor time of this process, its softirqs included. */
static double cpu(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static void die(const char *what, int error)
{
	fprintf(stderr, "xsk-bare: %s: %s\n", what, strerror(error));
	exit(1);
}

static void fill_all(struct bare *b)
{
	unsigned int n = b->ring < CHUNKS ? b->ring : CHUNKS, idx;

	if (xsk_ring_prod__reserve(&b->fill, n, &idx) != n)
		die("fill ring", ENOSPC);
	for (unsigned int i = 0; i < n; i++)
		*xsk_ring_prod__fill_addr(&b->fill, idx++) = (unsigned long long)i * CHUNK;
	xsk_ring_prod__submit(&b->fill, n);
}

static void frames(struct bare *b)
{
	for (unsigned int i = 0; i < CHUNKS; i++) {
		char *p = b->mem + (size_t)i * CHUNK;

		memset(p, 0xff, 6);
		memcpy(p + 6,
		       "\x02"
		       "bench",
		       6);
		p[12] = (char)0x88;
		p[13] = (char)0xb5;
	}
}

static void open_socket(struct bare *b)
{
	struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	struct xsk_umem_config ucfg = {
		.fill_size = b->ring,
		.comp_size = b->ring,
		.frame_size = CHUNK,
	};
	struct xsk_socket_config scfg = {
		.rx_size = b->ring,
		.tx_size = b->ring,
		.libxdp_flags = b->mode == TXONLY ? XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD : 0,
		.xdp_flags = b->generic ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE,
		.bind_flags = XDP_COPY | XDP_USE_NEED_WAKEUP,
	};
	size_t size = (size_t)CHUNK * CHUNKS;
	int error;

	setrlimit(RLIMIT_MEMLOCK, &all);
	b->mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (b->mem == MAP_FAILED)
		die("memory", errno);
	frames(b);
	error = xsk_umem__create(&b->umem, b->mem, size, &b->fill, &b->completion, &ucfg);
	if (error)
		die("umem", -error);
	/* the kernel may still be closing the one before us */
	for (int tries = 0; tries < 40; tries++) {
		error = xsk_socket__create(&b->xsk, b->ifname, b->queue, b->umem, &b->rx, &b->tx,
					   &scfg);
		if (error != -EBUSY)
			break;
		usleep(50000);
	}
	if (error)
		die("socket", -error);
	if (b->mode != TXONLY)
		fill_all(b);
}

static void kick(struct bare *b)
{
	if (!b->in_flight || !xsk_ring_prod__needs_wakeup(&b->tx))
		return;
	if (sendto(xsk_socket__fd(b->xsk), NULL, 0, MSG_DONTWAIT, NULL, 0) < 0 && errno != EAGAIN &&
	    errno != EBUSY && errno != ENOBUFS)
		die("sendto", errno);
}

/* Takes back sent chunks; l2fwd gives them to the receiver again. */
static void reap(struct bare *b)
{
	unsigned int idx, fidx, n = xsk_ring_cons__peek(&b->completion, b->ring, &idx);

	if (!n)
		return;
	if (b->mode == L2FWD) {
		while (xsk_ring_prod__reserve(&b->fill, n, &fidx) != n)
			;
		for (unsigned int i = 0; i < n; i++)
			*xsk_ring_prod__fill_addr(&b->fill, fidx++) =
				*xsk_ring_cons__comp_addr(&b->completion, idx++);
		xsk_ring_prod__submit(&b->fill, n);
	} else {
		b->packets += n;
	}
	xsk_ring_cons__release(&b->completion, n);
	b->in_flight -= n;
}

static void tx_round(struct bare *b)
{
	unsigned int idx, n = xsk_ring_prod__reserve(&b->tx, b->batch, &idx);

	for (unsigned int i = 0; i < n; i++) {
		struct xdp_desc *d = xsk_ring_prod__tx_desc(&b->tx, idx++);

		d->addr = (unsigned long long)b->next * CHUNK;
		d->len = b->len;
		b->next = (b->next + 1) % CHUNKS;
	}
	xsk_ring_prod__submit(&b->tx, n);
	b->in_flight += n;
	kick(b);
	reap(b);
}

static void wait_rx(struct bare *b)
{
	struct pollfd pfd = { .fd = xsk_socket__fd(b->xsk), .events = POLLIN };

	b->waited = true;
	poll(&pfd, 1, 100);
}

static void rx_round(struct bare *b)
{
	unsigned int idx, out, n = xsk_ring_cons__peek(&b->rx, b->batch, &idx);

	if (!n) {
		if (b->mode == L2FWD) {
			kick(b);
			reap(b);
		}
		if (!b->in_flight)
			wait_rx(b);
		return;
	}
	if (b->mode == L2FWD)
		while (xsk_ring_prod__reserve(&b->tx, n, &out) != n) {
			kick(b);
			reap(b);
		}
	else
		while (xsk_ring_prod__reserve(&b->fill, n, &out) != n)
			;
	for (unsigned int i = 0; i < n; i++) {
		const struct xdp_desc *d = xsk_ring_cons__rx_desc(&b->rx, idx++);
		unsigned int word;

		memcpy(&word, b->mem + d->addr, sizeof(word));
		b->sum += word;
		if (b->mode == L2FWD)
			*xsk_ring_prod__tx_desc(&b->tx, out++) = *d;
		else
			*xsk_ring_prod__fill_addr(&b->fill, out++) = d->addr;
	}
	xsk_ring_cons__release(&b->rx, n);
	b->packets += n;
	if (b->mode == L2FWD) {
		xsk_ring_prod__submit(&b->tx, n);
		b->in_flight += n;
		kick(b);
		reap(b);
	} else {
		xsk_ring_prod__submit(&b->fill, n);
	}
}

/* The clock runs from the first packet on, which may take a while. */
static void run(struct bare *b)
{
	double start = 0, t = now(), end = t + PATIENCE, used = 0;

	while (!stop && t < end) {
		b->waited = false;
		for (int i = 0; i < 64 && !b->waited; i++)
			b->mode == TXONLY ? tx_round(b) : rx_round(b);
		t = now();
		if (!start && b->packets) {
			start = t;
			end = t + b->seconds;
			used = cpu();
			b->packets = 0;
		}
	}
	printf("%llu packets in %.3f s: %.3f Mpps, %.1f ns of CPU each\n", b->packets,
	       start ? t - start : 0, start ? b->packets / (t - start) / 1e6 : 0,
	       b->packets ? (cpu() - used) * 1e9 / b->packets : 0);
}

static int usage(void)
{
	fprintf(stderr, "usage: xsk-bare txonly|rxdrop|l2fwd IFNAME [-q queue] [-l length] "
			"[-b batch] [-t seconds] [-r ring size] [-g]\n");
	return 2;
}

int main(int argc, char **argv)
{
	static struct bare b = { .len = 60, .batch = 64, .ring = 2048, .seconds = 3 };
	int opt;

	if (argc < 3)
		return usage();
	if (!strcmp(argv[1], "txonly"))
		b.mode = TXONLY;
	else if (!strcmp(argv[1], "rxdrop"))
		b.mode = RXDROP;
	else if (!strcmp(argv[1], "l2fwd"))
		b.mode = L2FWD;
	else
		return usage();
	b.ifname = argv[2];
	optind = 3;
	while ((opt = getopt(argc, argv, "q:l:b:t:r:g")) != -1) {
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
		case 'r':
			b.ring = strtoul(optarg, NULL, 0);
			break;
		case 'g':
			b.generic = true;
			break;
		default:
			return usage();
		}
	}
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	open_socket(&b);
	run(&b);
	xsk_socket__delete(b.xsk);
	xsk_umem__delete(b.umem);
	return 0;
}
