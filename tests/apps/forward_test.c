/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The bridge's inner part on rings in memory: every packet comes out once, in order and whole,
 * by exchange and by copy, with full outputs, parts and differing buffer sizes.
 */
#include <string.h>

#include "../../apps/bridge/forward.h"
#include "../../apps/common/random.h"
#include "check.h"
#include "fakeport.h"

#define SLOTS 32

struct pair {
	struct fakeport a, b; /* b is a view of a if memory is shared */
	int shared;
	struct direction dir;
};

static void open_pair(struct pair *p, int shared, unsigned buf_b)
{
	memset(p, 0, sizeof(*p));
	p->shared = shared;
	fakeport_open(&p->a, 2, SLOTS, 512);
	if (shared) {
		p->b = p->a;
		p->a.d.last_tx_ring = p->a.d.last_rx_ring = 0;
		p->b.d.first_tx_ring = p->b.d.first_rx_ring = 1;
	} else {
		fakeport_open(&p->b, 2, SLOTS, buf_b);
	}
	p->dir = (struct direction){
		.from = &p->a.d,
		.to = &p->b.d,
		.zero_copy = shared,
		.batch = 100,
	};
}

static void close_pair(struct pair *p)
{
	fakeport_close(&p->a);
	if (!p->shared)
		fakeport_close(&p->b);
}

/* No buffer is in two slots, or in none: exchanges keep the set. */
static void check_buffers(struct pair *p)
{
	unsigned char seen[2 + 4 * SLOTS] = { 0 };

	for (unsigned r = 0; r < 2; r++) {
		for (unsigned i = 0; i < SLOTS; i++) {
			seen[NETMAP_TXRING(p->a.d.nifp, r)->slot[i].buf_idx]++;
			seen[NETMAP_RXRING(p->a.d.nifp, r)->slot[i].buf_idx]++;
		}
	}
	for (unsigned i = 2; i < sizeof(seen); i++)
		CHECK(seen[i] == 1, "buffer %u is in %u slots", i, seen[i]);
}

/*
 * A random stream: packets of 1 to 4 slots with their number in each byte. The receiver puts
 * parts together again and compares.
 */
struct stream {
	unsigned next_in, next_out; /* numbers */
	unsigned len[4096];
	struct rng rng;
};

static void put_packet(struct stream *s, struct netmap_ring *rx)
{
	unsigned parts = 1 + (unsigned)rng_below(&s->rng, 4), len;
	uint8_t data[512];

	if (nm_ring_space(rx) + parts >= SLOTS || s->next_in == 4096)
		return;
	memset(data, (uint8_t)s->next_in, sizeof(data));
	s->len[s->next_in] = 0;
	while (parts--) {
		len = 1 + (unsigned)rng_below(&s->rng, 512);
		CHECK(fakeport_deliver(rx, data, len, parts ? NS_MOREFRAG : 0));
		s->len[s->next_in] += len;
	}
	s->next_in++;
}

static void take_packets(struct stream *s, struct netmap_ring *tx, uint32_t *from)
{
	unsigned len = 0;

	for (; *from != tx->head; *from = nm_ring_next(tx, *from)) {
		const struct netmap_slot *slot = &tx->slot[*from];
		const uint8_t *data = (uint8_t *)NETMAP_BUF(tx, slot->buf_idx);

		for (unsigned i = 0; i < slot->len; i++)
			CHECK(data[i] == (uint8_t)s->next_out, "packet %u", s->next_out);
		len += slot->len;
		if (slot->flags & NS_MOREFRAG)
			continue;
		CHECK(len == s->len[s->next_out], "packet %u has %u bytes", s->next_out, len);
		s->next_out++;
		len = 0;
	}
	CHECK(len == 0, "half a packet went out");
}

static void test_stream(int shared, unsigned buf_b, int slow)
{
	struct netmap_ring *rx, *tx;
	struct stream s = { 0 };
	uint32_t from;
	struct pair p;

	open_pair(&p, shared, buf_b);
	rx = NETMAP_RXRING(p.a.d.nifp, 0);
	/* One output ring, so that there is one order to check. */
	p.b.d.last_tx_ring = p.b.d.first_tx_ring;
	tx = NETMAP_TXRING(p.b.d.nifp, p.b.d.first_tx_ring);
	from = tx->head;
	rng_seed(&s.rng, 5);
	for (int round = 0; round < 20000 && s.next_out < 4000; round++) {
		put_packet(&s, rx);
		forward(&p.dir);
		if (!slow || rng_below(&s.rng, 5) == 0) {
			take_packets(&s, tx, &from);
			fakeport_consume(tx);
		}
		if (shared && round % 64 == 0)
			check_buffers(&p);
	}
	CHECK(s.next_out >= 4000 || s.next_out == s.next_in, "%u of %u", s.next_out, s.next_in);
	CHECK(s.next_out > 3000);
	CHECK(p.dir.dropped == 0 && p.dir.too_large == 0);
	close_pair(&p);
}

/* A full output: either the packets wait, or they are dropped and counted. */
static void test_full(int drop)
{
	struct netmap_ring *rx;
	uint8_t data[512] = { 0 };
	struct pair p;
	unsigned n = 0;

	open_pair(&p, 0, 512);
	p.dir.drop = drop;
	rx = NETMAP_RXRING(p.a.d.nifp, 0);
	for (int i = 0; i < 10; i++) {
		while (fakeport_deliver(rx, data, 60, 0))
			n++;
		forward(&p.dir);
	}
	CHECK(p.dir.packets == 2 * (SLOTS - 1), "both output rings are full");
	if (drop) {
		CHECK(p.dir.dropped == n - p.dir.packets && !p.dir.blocked && nm_ring_empty(rx));
	} else {
		CHECK(p.dir.dropped == 0 && p.dir.blocked && nm_ring_space(rx) == SLOTS - 1);
		/* poll() is to wait for more room than there is, not for what is there. */
		CHECK(NETMAP_TXRING(p.b.d.nifp, 0)->cur == NETMAP_TXRING(p.b.d.nifp, 0)->tail);
	}
	close_pair(&p);
}

/* A packet that has not arrived whole stays, and poll() waits for the rest. */
static void test_partial(void)
{
	struct netmap_ring *rx;
	uint8_t data[512] = { 0 };
	struct pair p;

	open_pair(&p, 0, 512);
	rx = NETMAP_RXRING(p.a.d.nifp, 0);
	fakeport_deliver(rx, data, 60, 0);
	fakeport_deliver(rx, data, 60, NS_MOREFRAG);
	CHECK(forward(&p.dir) == 1 && rx->head == 1 && rx->cur == 2 && !p.dir.blocked);
	fakeport_deliver(rx, data, 60, 0);
	CHECK(forward(&p.dir) == 1 && rx->head == 3 && rx->cur == 3);
	close_pair(&p);
}

/* A packet that no output ring can hold must not stop all others. */
static void test_too_large(void)
{
	struct netmap_ring *rx;
	uint8_t data[512] = { 0 };
	struct pair p;

	open_pair(&p, 0, 64); /* 512 bytes take 8 slots there */
	rx = NETMAP_RXRING(p.a.d.nifp, 0);
	for (int i = 0; i < 4; i++)
		fakeport_deliver(rx, data, 512, i < 3 ? NS_MOREFRAG : 0);
	fakeport_deliver(rx, data, 60, 0);
	CHECK(forward(&p.dir) == 1 && p.dir.too_large == 1 && nm_ring_empty(rx));
	close_pair(&p);
}

int main(void)
{
	test_stream(1, 512, 0);
	test_stream(1, 512, 1);
	test_stream(0, 512, 0);
	test_stream(0, 512, 1);
	test_stream(0, 200, 1);
	test_full(0);
	test_full(1);
	test_partial();
	test_too_large();
	return check_result();
}
