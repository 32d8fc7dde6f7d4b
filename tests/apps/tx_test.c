/* SPDX-License-Identifier: BSD-2-Clause */
/* pkt-gen's ring filling: what is in the slots is what should be sent, in every mode. */
#include <netinet/in.h>
#include <string.h>

#include "../../apps/pkt-gen/frame.h"
#include "../../apps/pkt-gen/rx.h"
#include "../../apps/pkt-gen/tx.h"
#include "check.h"
#include "fakeport.h"

#define SLOTS 64
#define BUF   512

static struct packet packet;

static struct packet_spec spec_of(unsigned size)
{
	struct packet_spec s = {
		.af = AF_INET,
		.proto = IPPROTO_UDP,
		.size_min = size,
		.size_max = size,
		.kind = STAMP_DATA,
		.stream = 5,
		.seed = 1,
	};
	const char *why;

	endpoint_parse("10.0.0.1:1", 1, &s.src, &why);
	endpoint_parse("10.0.0.2:1", 1, &s.dst, &why);
	return s;
}

static void open_tx(struct tx *t, struct fakeport *p, const struct packet_spec *s)
{
	const char *why;

	CHECK(packet_init(&packet, s, &why) == 0);
	t->packet = &packet;
	if (!t->frags)
		t->frags = 1;
	fakeport_open(p, 1, SLOTS, BUF);
	CHECK(tx_init(t, &p->d, &why) == 0, "%s", why);
}

static void close_tx(struct tx *t, struct fakeport *p)
{
	tx_free(t);
	packet_free(&packet);
	fakeport_close(p);
}

/* Every slot from `from` on holds the template. */
static void check_slots(struct netmap_ring *r, uint32_t from, const char *when)
{
	for (uint32_t i = from; i != r->head; i = nm_ring_next(r, i))
		CHECK(r->slot[i].len == packet.len && !(r->slot[i].flags & ~NS_REPORT) &&
			      memcmp(NETMAP_BUF(r, r->slot[i].buf_idx), packet.frame, packet.len) ==
				      0,
		      "slot %u, %s", i, when);
}

static void test_fixed(void)
{
	struct packet_spec s = spec_of(60);
	struct tx t = { 0 };
	struct netmap_ring *r;
	struct fakeport p;
	uint32_t from, tmp;

	open_tx(&t, &p, &s);
	r = fakeport_tx(&p, 0);
	CHECK(tx_fill(&t, r, 0, 1000, 0) == SLOTS - 1, "no more than the ring holds");
	CHECK(t.bytes == 60 * (SLOTS - 1));
	CHECK(tx_fill(&t, r, 0, 1000, 0) == 0, "full");
	check_slots(r, 0, "first lap");
	for (int lap = 0; lap < 10; lap++) {
		fakeport_consume(r);
		from = r->head;
		CHECK(tx_fill(&t, r, 0, 17, 0) == 17);
		check_slots(r, from, "later laps");
	}
	/* As on a pipe: the buffers that come back are others, with foreign contents. */
	fakeport_consume(r);
	for (uint32_t i = 0; i + 1 < SLOTS; i += 2) {
		tmp = r->slot[i].buf_idx;
		r->slot[i].buf_idx = r->slot[i + 1].buf_idx;
		r->slot[i + 1].buf_idx = tmp;
		memset(NETMAP_BUF(r, r->slot[i].buf_idx), 0xee, 60);
		memset(NETMAP_BUF(r, r->slot[i + 1].buf_idx), 0xee, 60);
	}
	from = r->head;
	CHECK(tx_fill(&t, r, 0, 1000, 0) == SLOTS - 1);
	check_slots(r, from, "exchanged buffers");
	close_tx(&t, &p);
}

static void check_numbers(struct netmap_ring *r, uint32_t from, uint32_t *seq)
{
	for (uint32_t i = from; i != r->head; i = nm_ring_next(r, i)) {
		uint8_t *f = (uint8_t *)NETMAP_BUF(r, r->slot[i].buf_idx), *at;
		struct frame_faults faults = { 0 };
		struct stamp st = { 0 };

		frame_check(f, r->slot[i].len, &faults);
		CHECK(faults.checked && !faults.length && !faults.ip_csum && !faults.l4_csum,
		      "slot %u of %u bytes", i, r->slot[i].len);
		at = frame_find_stamp(f, r->slot[i].len);
		CHECK(at && stamp_read(at, &st) == 0 && st.seq == *seq && st.stream == 5,
		      "number %u", st.seq);
		(*seq)++;
	}
}

static void test_varying(unsigned low, unsigned high)
{
	struct packet_spec s = spec_of(high);
	struct tx t = { 0 };
	struct netmap_ring *r;
	struct fakeport p;
	uint32_t seq = 0;

	s.size_min = low;
	s.stamped = 1;
	s.random_src = 1;
	open_tx(&t, &p, &s);
	r = fakeport_tx(&p, 0);
	for (int lap = 0; lap < 50; lap++) {
		uint32_t from = r->head;

		CHECK(tx_fill(&t, r, 0, 40, 1000) == 40);
		check_numbers(r, from, &seq);
		fakeport_consume(r);
	}
	close_tx(&t, &p);
}

/* The parts of a packet, joined, are the packet. */
static void test_frags(unsigned size, unsigned frags, unsigned frag_size)
{
	struct tx t = { .frags = frags, .frag_size = frag_size };
	struct packet_spec s = spec_of(size);
	uint8_t whole[65536];
	struct netmap_ring *r;
	struct fakeport p;
	unsigned n, len = 0, parts = 0;

	open_tx(&t, &p, &s);
	r = fakeport_tx(&p, 0);
	n = tx_fill(&t, r, 0, 1000, 0);
	CHECK(n == (SLOTS - 1) / frags, "%u packets", n);
	CHECK(t.bytes == (uint64_t)n * size);
	for (uint32_t i = 0; i != r->head; i++) {
		memcpy(whole + len, NETMAP_BUF(r, r->slot[i].buf_idx), r->slot[i].len);
		len += r->slot[i].len;
		parts++;
		if (r->slot[i].flags & NS_MOREFRAG)
			continue;
		CHECK(len == size && parts == frags, "%u bytes in %u parts", len, parts);
		CHECK(memcmp(whole, packet.frame, size) == 0);
		len = parts = 0;
	}
	close_tx(&t, &p);
}

static void test_refusals(void)
{
	struct packet_spec s = spec_of(BUF + 1);
	struct fakeport p;
	const char *why;

	fakeport_open(&p, 1, SLOTS, BUF);
	CHECK(packet_init(&packet, &s, &why) == 0);
	for (int i = 0; i < 3; i++) {
		struct tx t = {
			.packet = &packet,
			.frags = i == 1 ? SLOTS : 1,
			.offset = i == 2 ? BUF : 0,
		};

		CHECK(tx_init(&t, &p.d, &why) != 0, "%d", i);
	}
	packet_free(&packet);
	fakeport_close(&p);
}

/* A file: order, contents, wrap-around, and packets that no ring can hold. */
static void test_file(void)
{
	static uint8_t data[100000];
	struct pcapfile_packet packets[4] = {
		{ .offset = 0, .len = 100 },
		{ .offset = 100, .len = BUF + 7 },
		{ .offset = 1000, .len = 60000 },
		{ .offset = 61000, .len = 1 },
	};
	struct pcapfile file = { .packet = packets, .count = 4, .data = data };
	struct tx t = { .file = &file, .frags = 1 };
	struct netmap_ring *r;
	struct fakeport p;
	const char *why;
	unsigned n;

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7 + i / 251);
	fakeport_open(&p, 1, SLOTS, BUF);
	CHECK(tx_init(&t, &p.d, &why) == 0);
	r = fakeport_tx(&p, 0);
	n = tx_fill(&t, r, 0, 5, 0);
	CHECK(n == 5 && t.skipped == 1, "%u, %u left out", n, (unsigned)t.skipped);
	/* 100; 512 and 7; (left out); 1; 100 again */
	CHECK(r->head == 5);
	CHECK(r->slot[0].len == 100 && r->slot[1].len == BUF && r->slot[2].len == 7 &&
	      r->slot[3].len == 1 && r->slot[4].len == 100);
	CHECK((r->slot[1].flags & NS_MOREFRAG) && !(r->slot[2].flags & NS_MOREFRAG));
	CHECK(memcmp(NETMAP_BUF(r, r->slot[1].buf_idx), data + 100, BUF) == 0);
	CHECK(memcmp(NETMAP_BUF(r, r->slot[2].buf_idx), data + 100 + BUF, 7) == 0);
	tx_free(&t);
	fakeport_close(&p);
}

static void test_rx(void)
{
	struct netmap_ring *r;
	struct fakeport p;
	uint8_t data[BUF] = { 0 };
	uint64_t bytes = 0;

	fakeport_open(&p, 1, SLOTS, BUF);
	r = fakeport_rx(&p, 0);
	CHECK(rx_take(r, 10, &bytes) == 0);
	for (int i = 0; i < 5; i++)
		CHECK(fakeport_deliver(r, data, 100, 0));
	CHECK(rx_take(r, 2, &bytes) == 2 && bytes == 200 && r->head == 2 && r->cur == 2);
	CHECK(rx_take(r, 10, &bytes) == 3 && bytes == 500);
	/* Half a packet stays in the ring, and poll() waits for the rest of it. */
	fakeport_deliver(r, data, 100, 0);
	fakeport_deliver(r, data, 200, NS_MOREFRAG);
	fakeport_deliver(r, data, 200, NS_MOREFRAG);
	bytes = 0;
	CHECK(rx_take(r, 10, &bytes) == 1 && bytes == 100 && r->head == 6 && r->cur == 8);
	fakeport_deliver(r, data, 50, 0);
	CHECK(rx_take(r, 10, &bytes) == 1 && bytes == 550 && r->head == 9 && r->cur == 9);
	/* Around the end of the ring. */
	for (int i = 0; i < 1000; i++) {
		fakeport_deliver(r, data, 60, 0);
		CHECK(rx_take(r, 10, &bytes) == 1);
	}
	fakeport_close(&p);
}

int main(void)
{
	test_fixed();
	test_varying(60, 60);
	test_varying(60, 500);
	test_varying(130, 131);
	test_frags(1000, 2, 0);
	test_frags(1500, 7, 0);
	test_frags(600, 3, 100);
	test_refusals();
	test_file();
	test_rx();
	return check_result();
}
