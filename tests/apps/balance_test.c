/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lb's delivery on rings in memory: each group gets each packet once, on the pipe of its flow,
 * in order; what finds no room waits, or gives way to newer packets; and no buffer is ever
 * lost or in two places, whatever happens.
 */
#include <string.h>

#include "../../apps/common/random.h"
#include "../../apps/lb/balance.h"
#include "check.h"
#include "fakeport.h"

#define SLOTS 16
#define PIPES 4 /* rings 1 .. 4 of the fake port are pipes, ring 0 is the input */
#define EXTRA 40

struct bed {
	struct fakeport fake, apart; /* apart: pipes with a memory of their own */
	struct nmport_d pipe[PIPES];
	struct output output[PIPES];
	struct group group[2];
	struct balancer b;
	int shared;
	int stuck;	      /* pipes whose receiver takes nothing, as bits */
	uint32_t seen[PIPES]; /* next slot that the receiver looks at */
	uint64_t next[PIPES]; /* numbers are increasing on each pipe */
	uint64_t got[PIPES];
};

static struct bed *bed;

/* The receivers: they look at the packets, and what they have seen is room again. */
static int sync_pipe(struct output *o)
{
	unsigned i = (unsigned)(o - bed->output);
	struct netmap_ring *r = o->ring;

	if (bed->stuck & (1 << i))
		return 0;
	for (; bed->seen[i] != r->head; bed->seen[i] = nm_ring_next(r, bed->seen[i])) {
		struct netmap_slot *slot = &r->slot[bed->seen[i]];
		uint64_t number;

		CHECK(slot->len >= 60, "%u", slot->len);
		memcpy(&number, NETMAP_BUF(r, slot->buf_idx) + 48, sizeof(number));
		CHECK(number >= bed->next[i], "pipe %u: %u after %u", i, (unsigned)number,
		      (unsigned)bed->next[i]);
		if (slot->flags & NS_MOREFRAG) {
			bed->next[i] = number;
			continue;
		}
		bed->next[i] = number + 1;
		bed->got[i]++;
	}
	r->tail = r->head ? r->head - 1 : r->num_slots - 1;
	return 0;
}

/* Room for the extra buffers is made by a larger number of rings than are used. */
static void open_bed(struct bed *t, int shared, unsigned first_group, unsigned extra)
{
	struct netmap_ring *r;
	uint32_t idx = 0;

	memset(t, 0, sizeof(*t));
	bed = t;
	t->shared = shared;
	fakeport_open(&t->fake, PIPES + 1 + (EXTRA + 2 * SLOTS - 1) / (2 * SLOTS), SLOTS, 256);
	fakeport_open(&t->apart, PIPES + 1, SLOTS, 256);
	t->fake.d.last_rx_ring = 0;
	r = fakeport_rx(&t->fake, 0);
	/* Buffers of the rings that nobody uses serve as extra buffers. */
	for (unsigned i = 0; i < extra; i++) {
		struct netmap_ring *unused =
			i & 1 ? fakeport_tx(&t->fake, PIPES + 1 + i / 2 / SLOTS) :
				fakeport_rx(&t->fake, PIPES + 1 + i / 2 / SLOTS);
		uint32_t buf = unused->slot[i / 2 % SLOTS].buf_idx;

		memcpy(NETMAP_BUF(r, buf), &idx, sizeof(idx));
		idx = buf;
	}
	t->fake.d.nifp->ni_bufs_head = idx;
	for (unsigned i = 0; i < PIPES; i++) {
		struct fakeport *p = shared ? &t->fake : &t->apart;

		t->output[i].shared = shared;
		t->output[i].ring = fakeport_tx(p, i + 1);
	}
	t->group[0] = (struct group){ .output = t->output, .count = first_group };
	t->group[1] =
		(struct group){ .output = t->output + first_group, .count = PIPES - first_group };
	t->b = (struct balancer){
		.input = &t->fake.d,
		.group = first_group ? t->group : t->group + 1,
		.groups = first_group ? 2 : 1,
		.output = t->output,
		.outputs = PIPES,
		.batch = 8,
		.extra = extra,
		.sync = sync_pipe,
	};
	flow_init(&t->b.flow, 1, 0);
	CHECK(balancer_init(&t->b) == 0);
	CHECK(t->b.spares == extra, "%u", t->b.spares);
}

/* All buffers of the region, in rings, queues and the spare list: each exactly once. */
static void check_buffers(struct bed *t, unsigned extra)
{
	static unsigned char seen[4096];
	unsigned rings = t->fake.d.nifp->ni_tx_rings, n = 0;
	struct netmap_ring *r = fakeport_rx(&t->fake, 0);

	memset(seen, 0, sizeof(seen));
	for (unsigned k = 0; k <= PIPES; k++)
		for (unsigned i = 0; i < SLOTS; i++) {
			seen[fakeport_tx(&t->fake, k)->slot[i].buf_idx]++;
			seen[fakeport_rx(&t->fake, k)->slot[i].buf_idx]++;
		}
	if (t->b.spare) {
		for (unsigned i = 0; i < t->b.spares; i++)
			seen[t->b.spare[i]]++;
		for (unsigned k = 0; k < PIPES; k++) {
			struct output *o = &t->output[k];

			for (unsigned i = 0; i < o->count; i++)
				seen[o->queue[(o->first + i) % o->room].buf_idx]++;
		}
	} else {
		uint32_t idx = t->fake.d.nifp->ni_bufs_head;

		for (; idx && n < 4096; n++) {
			seen[idx]++;
			memcpy(&idx, NETMAP_BUF(r, idx), sizeof(idx));
		}
		CHECK(n == extra, "%u extra buffers came back", n);
	}
	n = 0;
	for (unsigned i = 2; i < 2 + 2 * rings * SLOTS; i++) {
		CHECK(seen[i] <= 1, "buffer %u is in %u places", i, seen[i]);
		n += seen[i];
	}
	CHECK(n == 2 * (PIPES + 1) * SLOTS + extra, "%u buffers", n);
}

static void close_bed(struct bed *t, unsigned extra)
{
	balancer_finish(&t->b);
	check_buffers(t, extra);
	fakeport_close(&t->fake);
	fakeport_close(&t->apart);
}

/* A packet of 1 to 3 slots, of one of many flows, with its number in each slot. */
static int put_packet(struct bed *t, struct rng *rng, uint64_t number, unsigned max_parts)
{
	struct netmap_ring *rx = fakeport_rx(&t->fake, 0);
	unsigned parts = 1 + (unsigned)rng_below(rng, max_parts);
	uint8_t f[200] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45 };

	if (nm_ring_space(rx) + parts >= SLOTS)
		return 0;
	f[23] = 17;
	f[30] = 10;
	f[33] = (uint8_t)rng_next(rng);
	memcpy(f + 48, &number, sizeof(number));
	while (parts--)
		CHECK(fakeport_deliver(rx, f, 60 + (unsigned)rng_below(rng, 100),
				       parts ? NS_MOREFRAG : 0));
	return 1;
}

static uint64_t sum(const struct bed *t, unsigned from, unsigned to)
{
	uint64_t n = 0;

	for (unsigned i = from; i < to; i++)
		n += t->got[i] + t->output[i].dropped + t->output[i].stolen +
		     t->output[i].too_large;
	return n;
}

static void test_delivery(int shared, unsigned first_group, unsigned extra, int trouble)
{
	static struct bed t;
	struct rng rng;
	uint64_t number = 0;

	rng_seed(&rng, 21);
	open_bed(&t, shared, first_group, extra);
	for (int round = 0; round < 20000; round++) {
		while (rng_below(&rng, 4) && put_packet(&t, &rng, number, 3))
			number++;
		if (trouble && round % 100 == 0)
			t.stuck = (int)rng_below(&rng, 1 << PIPES);
		CHECK(balancer_run(&t.b) >= 0);
		if (shared && round % 16 == 0)
			check_buffers(&t, extra);
	}
	t.stuck = 0;
	for (int i = 0; i < 100; i++)
		CHECK(balancer_run(&t.b) >= 0);
	CHECK(balancer_waiting(&t.b) == 0);
	for (unsigned i = 0; i < PIPES; i++)
		sync_pipe(&t.output[i]); /* what came while they were stuck */
	CHECK(t.b.packets == number, "%u of %u taken", (unsigned)t.b.packets, (unsigned)number);
	if (first_group)
		CHECK(sum(&t, 0, first_group) == number, "first group");
	CHECK(sum(&t, first_group, PIPES) == number, "last group: %u of %u",
	      (unsigned)sum(&t, first_group, PIPES), (unsigned)number);
	for (unsigned i = 0; i < PIPES; i++) {
		struct output *o = &t.output[i];

		CHECK(t.got[i] == o->packets && o->packets > 1000);
		if (!trouble)
			CHECK(o->dropped + o->stolen + o->queued == 0, "pipe %u", i);
		else if (extra)
			CHECK(o->queued > 0 && o->stolen > 0 && o->dropped == 0, "pipe %u", i);
		else
			CHECK(o->dropped > 0 && o->stolen == 0);
	}
	close_bed(&t, extra);
}

/* The end finds packets waiting: their buffers come back, the packets are counted. */
static void test_end_while_waiting(void)
{
	static struct bed t;
	struct rng rng;
	uint64_t number = 0, lost = 0, inside = 0;

	rng_seed(&rng, 22);
	open_bed(&t, 1, 0, EXTRA);
	t.stuck = 15;
	for (int round = 0; round < 50; round++) {
		while (put_packet(&t, &rng, number, 1))
			number++;
		balancer_run(&t.b);
	}
	CHECK(balancer_waiting(&t.b) == EXTRA, "%u", balancer_waiting(&t.b));
	balancer_finish(&t.b);
	for (unsigned i = 0; i < PIPES; i++) {
		lost += t.output[i].dropped + t.output[i].stolen;
		inside += t.output[i].packets;
	}
	CHECK(inside == PIPES * (SLOTS - 1));
	CHECK(lost + inside == t.b.packets);
	check_buffers(&t, EXTRA);
	fakeport_close(&t.fake);
	fakeport_close(&t.apart);
}

int main(void)
{
	for (int shared = 0; shared < 2; shared++) {
		for (unsigned first = 0; first < 3; first += 2) {
			test_delivery(shared, first, 0, 0);
			test_delivery(shared, first, EXTRA, 0);
			test_delivery(shared, first, 0, 1);
			test_delivery(shared, first, EXTRA, 1);
		}
	}
	test_end_while_waiting();
	return check_result();
}
