/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How exact is nmreplay? Both ends of the wire are in this program's hands, on one clock.
 *
 *	bench-link delay TX RX [options]	what is sent into TX comes out of RX later
 *	bench-link rate RX [options]		what comes out of RX should come at a rate
 *
 *	-r RATE		packets a second
 *	-d DELAY	delay: what was asked of the emulator
 *	-t SECONDS	for how long
 *	-l LENGTH	of a packet
 *	-i		nmreplay's loop is a thread of this program, in the embedded host:
 *			nothing is between it and us but the rings
 *
 * delay: for each packet, how much later than asked it came. rate: how far the packets of
 * the whole run are from the rate, and each from its place in time, counted from
 * the earliest one. JSON on one line.
 */
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../apps/common/clock.h"
#include "../apps/common/signals.h"
#include "../apps/common/units.h"
#include "../apps/nmreplay/program.h"

#define WAIT_NS (2 * NS_PER_SEC) /* for packets that do not come */
#define SLOTS	4096

struct bench {
	int inside, rate_only;
	double rate, delay_ns, seconds;
	unsigned len;
	uint64_t want; /* packets of the run */
	struct nmport_d *tx, *rx;

	uint64_t sent, got;
	uint64_t first, last;
	uint64_t *at; /* rate: when each came */
	struct histogram late;
};

static struct nmport_d *open_port(const char *name)
{
	struct nmport_d *d = port_prepare(name);

	if (!d)
		exit(EXIT_FAILURE);
	/* Room for what comes while this program does not have the processor. */
	d->reg.nr_tx_slots = d->reg.nr_rx_slots = SLOTS;
	d->reg.nr_flags |= NR_NO_TX_POLL;
	if (port_open(d))
		exit(EXIT_FAILURE);
	return d;
}

/* ---- nmreplay in here
 * ------------------------------------------------------------------ */

static struct program inside;
static struct pcapfile_packet *packets;
static uint8_t content[2048];

static void *emulator(void *arg)
{
	(void)arg;
	emulate_run(&inside, 0, 1);
	return NULL;
}

static void *player(void *arg)
{
	(void)arg;
	replay_run(&inside);
	return NULL;
}

static void start_inside(const struct bench *b, const char *from, const char *to, pthread_t *thread)
{
	struct direction *d = &inside.dir[0];
	unsigned n = 1000;

	link_init(&d->link, 1);
	inside.dirs = 1;
	if (from) {
		d->from = open_port(from);
		d->link.delay = (struct delay){ .kind = DELAY_CONSTANT,
						.min_ns = b->delay_ns,
						.max_ns = b->delay_ns };
	} else {
		d->link.bandwidth =
			(struct bandwidth){ .kind = BANDWIDTH_PACKETS, .rate = b->rate };
		packets = calloc(n, sizeof(*packets));
		if (!packets)
			err(EXIT_FAILURE, "%u packets", n);
		for (unsigned i = 0; i < n; i++)
			packets[i].len = packets[i].wire_len = b->len;
		inside.file = (struct pcapfile){ .packet = packets, .count = n, .data = content };
		inside.count = b->want;
	}
	sender_init(&d->sender, open_port(to), &d->link, SENDER_BATCH);
	if (pthread_create(thread, NULL, from ? emulator : player, NULL))
		errx(EXIT_FAILURE, "no thread");
}

/* ---- the two ends
 * ---------------------------------------------------------------------- */

static void fail(const struct nmport_d *d, const char *what)
{
	errx(EXIT_FAILURE, "%s: %s: %s", port_name(d), what, port_error(d, errno));
}

/* All that is due by now, as far as there is room; each with the time in it. */
static void send_due(struct bench *b, uint64_t start, uint64_t now)
{
	struct netmap_ring *ring = NETMAP_TXRING(b->tx->nifp, b->tx->first_tx_ring);
	uint64_t due = (uint64_t)((double)(now - start) * b->rate / 1e9) + 1;
	uint32_t head = ring->head, tail = __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE);

	if (due > b->want)
		due = b->want;
	if (b->sent >= due)
		return;
	for (; b->sent < due && head != tail; b->sent++) {
		struct netmap_slot *slot = &ring->slot[head];

		slot->len = (uint16_t)b->len;
		slot->flags = 0;
		memcpy(NETMAP_BUF(ring, slot->buf_idx), &now, sizeof(now));
		head = nm_ring_next(ring, head);
	}
	ring->cur = head;
	__atomic_store_n(&ring->head, head, __ATOMIC_RELEASE);
	if (port_txsync(b->tx))
		fail(b->tx, "sending");
}

static void take_packet(struct bench *b, const char *data, uint64_t now)
{
	uint64_t stamp;

	if (b->rate_only) {
		b->at[b->got] = now;
	} else {
		memcpy(&stamp, data, sizeof(stamp));
		stamp += (uint64_t)b->delay_ns;
		histogram_add(&b->late, now > stamp ? now - stamp : 0);
	}
	if (!b->got++)
		b->first = now;
	b->last = now;
}

static void receive(struct bench *b)
{
	struct netmap_ring *ring = NETMAP_RXRING(b->rx->nifp, b->rx->first_rx_ring);
	uint32_t head, tail;
	uint64_t now;

	if (port_rxsync(b->rx))
		fail(b->rx, "receiving");
	now = now_ns();
	head = ring->head;
	tail = __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE);
	for (; head != tail && b->got < b->want; head = nm_ring_next(ring, head))
		take_packet(b, NETMAP_BUF(ring, ring->slot[head].buf_idx), now);
	ring->cur = head;
	__atomic_store_n(&ring->head, head, __ATOMIC_RELEASE);
}

static void run(struct bench *b)
{
	uint64_t start = now_ns(), now;
	uint64_t end = start + (uint64_t)(b->seconds * 1e9) + (uint64_t)b->delay_ns + WAIT_NS;

	while (b->got < b->want && (now = now_ns()) < end && !stop_requested) {
		if (b->tx)
			send_due(b, start, now);
		receive(b);
	}
}

/* ---- what came of it
 * ------------------------------------------------------------------- */

/* How far each packet is behind its place: packet i's is i / rate after the first's. */
static void places(struct bench *b)
{
	double earliest = 1e18, offset;
	uint64_t i;

	for (i = 0; i < b->got; i++) {
		offset = (double)(b->at[i] - b->first) - (double)i * 1e9 / b->rate;
		if (offset < earliest)
			earliest = offset;
	}
	for (i = 0; i < b->got; i++) {
		offset = (double)(b->at[i] - b->first) - (double)i * 1e9 / b->rate - earliest;
		histogram_add(&b->late, (uint64_t)(offset + 0.5));
	}
}

static void report(struct bench *b)
{
	const struct histogram *h = &b->late;
	double pps = 0;

	if (b->got < 2)
		errx(EXIT_FAILURE, "%llu of %llu packets came", (unsigned long long)b->got,
		     (unsigned long long)b->want);
	if (b->rate_only)
		places(b);
	if (b->last > b->first)
		pps = (double)(b->got - 1) * 1e9 / (double)(b->last - b->first);
	printf("{\"what\":\"%s\",\"asked_pps\":%.0f,\"sent\":%llu,\"got\":%llu,\"pps\":%."
	       "2f,"
	       "\"mean\":%.0f,\"p50\":%llu,\"p99\":%llu,\"p99.9\":%llu,\"max\":%llu}\n",
	       b->rate_only ? "rate" : "delay", b->rate, (unsigned long long)b->sent,
	       (unsigned long long)b->got, pps, histogram_mean(h),
	       (unsigned long long)histogram_percentile(h, 50),
	       (unsigned long long)histogram_percentile(h, 99),
	       (unsigned long long)histogram_percentile(h, 99.9), (unsigned long long)h->max);
}

static void usage(void)
{
	fprintf(stderr, "usage: bench-link delay TX RX | rate RX  [-r pps] [-d delay] "
			"[-t seconds] [-l length] [-i]\n");
	exit(2);
}

static int parse(struct bench *b, int argc, char **argv)
{
	double length = b->len;
	int o;

	if (argc < 3 || (strcmp(argv[1], "delay") != 0 && strcmp(argv[1], "rate") != 0))
		usage();
	b->rate_only = strcmp(argv[1], "rate") == 0;
	while ((o = getopt(argc - 1, argv + 1, "r:d:t:l:i")) != -1) {
		if (o == 'i')
			b->inside = 1;
		else if (parse_scaled(optarg, o == 'r' ? &b->rate :
					      o == 'd' ? &b->delay_ns :
					      o == 't' ? &b->seconds :
							 &length) ||
			 o == '?')
			usage();
	}
	b->len = (unsigned)length;
	b->want = (uint64_t)(b->rate * b->seconds);
	if (b->rate <= 0 || b->len < 60 || b->len > 1514 || b->want < 2)
		usage();
	optind++;
	if (argc - optind != (b->rate_only ? 1 : 2))
		usage();
	return optind;
}

int main(int argc, char **argv)
{
	struct bench b = { .rate = 1e5, .seconds = 1, .len = 60 };
	int at = parse(&b, argc, argv);
	pthread_t thread;
	const char *in, *out;

	signals_init();
	b.delay_ns *= 1e9;
	histogram_init(&b.late);
	if (b.rate_only) {
		b.at = calloc(b.want, sizeof(*b.at));
		if (!b.at)
			err(EXIT_FAILURE, "%llu packets", (unsigned long long)b.want);
		memset(b.at, 1, b.want * sizeof(*b.at)); /* no page fault later on */
	}
	in = b.rate_only ? NULL : argv[at];
	out = argv[argc - 1];
	if (in)
		b.tx = open_port(b.inside ? "bl{1" : in);
	b.rx = open_port(b.inside ? "bl{2" : out);
	if (b.inside)
		start_inside(&b, in ? "bl}1" : NULL, "bl}2", &thread);
	/* Whoever starts nmreplay waits for this line. */
	fprintf(stderr, "ready\n");
	run(&b);
	stop_requested = 1;
	if (b.inside)
		pthread_join(thread, NULL);
	report(&b);
	nmport_close(b.tx);
	nmport_close(b.rx);
	return 0;
}
