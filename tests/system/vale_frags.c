// SPDX-License-Identifier: BSD-2-Clause
/* VALE: packets of several slots, payloads elsewhere in the sender, several rings. */
#include "port.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

static struct nmport_d *a, *b;
static char frame[65536];

static void two_ports(const char *conf)
{
	char spec[64];

	host_start(0);
	snprintf(spec, sizeof(spec), "vale2:a%s", conf);
	a = port_open(spec);
	snprintf(spec, sizeof(spec), "vale2:b%s", conf);
	b = port_open(spec);
	send_frame(b, STATION_ALL, 2, 0);
	t_eq(take_all(a), 1);
}

static void close_two(void)
{
	port_close(a);
	port_close(b);
}

/* A frame of `len` bytes in `frags` slots; the last has what is left. No sync. */
static void put_frags(uint32_t number, unsigned int len, unsigned int frags)
{
	struct netmap_ring *ring = port_tx(a, 0);
	unsigned int part = len / frags, i, n;

	t_check(nm_ring_space(ring) >= frags);
	frame_make(frame, len, 2, 1, number);
	for (i = 0; i < frags; i++) {
		struct netmap_slot *slot = &ring->slot[ring->head];

		n = i == frags - 1 ? len - part * i : part;
		memcpy(NETMAP_BUF(ring, slot->buf_idx), frame + part * i, n);
		slot->len = n;
		slot->flags = i == frags - 1 ? 0 : NS_MOREFRAG;
		ring->head = ring->cur = nm_ring_next(ring, ring->head);
	}
}

static void expect_frags(uint32_t number, unsigned int len, unsigned int frags)
{
	unsigned int at = 0, i;
	struct got g;

	for (i = 0; i < frags; i++) {
		t_check(take_slot(b, 0, &g), "slot %u of %u", i, frags);
		t_eq(!!(g.flags & NS_MOREFRAG), i < frags - 1);
		t_eq(g.flags >> NS_PORT_SHIFT, frags);
		memcpy(frame + at, g.data, g.len);
		at += g.len;
	}
	t_eq(at, len);
	t_eq(frame_number(frame, len), number);
	t_check(frame_ok(frame, len, 2, 1));
}

static void up_to_64_fragments(void)
{
	unsigned int frags;

	two_ports("");
	for (frags = 1; frags <= NETMAP_MAX_FRAGS; frags++) {
		put_frags(frags, frags * 100, frags);
		port_txsync(a);
		expect_frags(frags, frags * 100, frags);
	}
	close_two();
}

static void many_in_a_batch(void)
{
	uint32_t n = 0, first;
	unsigned int k;
	int round;

	two_ports("");
	for (round = 0; round < 100; round++) {
		first = n;
		for (k = 0; k < 30; k++, n++)
			put_frags(n, 60 + n % 1000 + n % 17 * 100, 1 + n % 17);
		port_txsync(a);
		for (; first < n; first++)
			expect_frags(first, 60 + first % 1000 + first % 17 * 100, 1 + first % 17);
		port_rxsync(b);
	}
	close_two();
}

static void the_rest_comes_later(void)
{
	struct netmap_ring *ring;

	two_ports("");
	put_frags(1, 3000, 3);
	ring = port_tx(a, 0);
	/* give two slots only */
	ring->head = ring->cur = ring->head - 1;
	port_txsync(a);
	expect_none(b);
	ring->head = ring->cur = ring->head + 1;
	port_txsync(a);
	expect_frags(1, 3000, 3);
	close_two();
}

static void too_many_fragments_are_dropped(void)
{
	unsigned int frags;

	two_ports("");
	for (frags = NETMAP_MAX_FRAGS + 1; frags < 4 * NETMAP_MAX_FRAGS; frags += 7) {
		put_frags(1, frags * 100, frags);
		put_frags(frags, 200, 2);
		port_txsync(a);
		expect_frags(frags, 200, 2);
		expect_none(b);
	}
	/* the end of it comes later */
	put_frags(1, 200 * 100, 200);
	port_tx(a, 0)->head -= 50;
	port_tx(a, 0)->cur -= 50;
	port_txsync(a);
	expect_none(b);
	port_tx(a, 0)->head += 50;
	port_tx(a, 0)->cur += 50;
	put_frags(3, 60, 1);
	port_txsync(a);
	expect_frags(3, 60, 1);
	expect_none(b);
	close_two();
}

/* A packet that no ring of this size can hold must not stop the ring for ever. */
static void packet_longer_than_the_ring(void)
{
	struct netmap_ring *ring;
	unsigned int i, n = 0;

	two_ports("@conf:slots=8");
	ring = port_tx(a, 0);
	for (i = 0; i < 30; i++) {
		port_txsync(a);
		while (!nm_ring_empty(ring)) {
			put_frame(a, 2, 1, 1, 60, n++ < 29 ? NS_MOREFRAG : 0);
			if (n == 30)
				break;
		}
		if (n == 30)
			break;
	}
	t_eq(n, 30);
	port_txsync(a);
	expect_none(b);
	put_frags(5, 60, 1);
	port_txsync(a);
	expect_frags(5, 60, 1);
	close_two();
}

static void all_or_nothing_when_there_is_no_room(void)
{
	unsigned int slots, i;

	two_ports("");
	slots = port_rx(b, 0)->num_slots;
	for (i = 0; i < slots - 3; i++) {
		put_frags(i, 60, 1);
		port_txsync(a);
	}
	/* two slots are free */
	put_frags(1000, 1000, 3);
	put_frags(1001, 1000, 2);
	port_txsync(a);
	for (i = 0; i < slots - 3; i++)
		expect_frags(i, 60, 1);
	expect_frags(1001, 1000, 2);
	expect_none(b);
	t_eq(port_counter("vale2:b", "rx", "no-room"), 1);
	close_two();
}

static void put_indirect(const void *from, unsigned int len, unsigned int flags)
{
	struct netmap_ring *ring = port_tx(a, 0);
	struct netmap_slot *slot = &ring->slot[ring->head];

	memset(NETMAP_BUF(ring, slot->buf_idx), 0xee, 64);
	slot->ptr = (uintptr_t)from;
	slot->len = len;
	slot->flags = NS_INDIRECT | flags;
	ring->head = ring->cur = nm_ring_next(ring, ring->head);
}

static void indirect(void)
{
	unsigned int len;

	two_ports("");
	for (len = 60; len <= 1514; len++) {
		frame_make(frame, len, 2, 1, len);
		put_indirect(frame, len, 0);
		port_txsync(a);
		expect_frags(len, len, 1);
	}
	/* header in the slot, payload elsewhere */
	put_frags(7, 3000, 2);
	port_tx(a, 0)->head -= 1;
	port_tx(a, 0)->cur -= 1;
	put_indirect(frame + 1500, 1500, 0);
	port_txsync(a);
	expect_frags(7, 3000, 2);
	close_two();
}

static void indirect_from_nowhere(void)
{
	char *page =
		mmap(NULL, 2 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	t_check(page != MAP_FAILED);
	t_check(!mprotect(page + 4096, 4096, PROT_NONE));
	two_ports("");
	put_indirect((void *)8, 60, 0);
	put_indirect((void *)(uintptr_t)-4096, 60, 0);
	put_indirect(page + 4096, 60, 0);
	put_indirect(page + 4096 - 30, 60, 0); /* half of it is there */
	frame_make(page + 4096 - 60, 60, 2, 1, 9);
	put_indirect(page + 4096 - 60, 60, 0);
	port_txsync(a);
	expect_frags(9, 60, 1);
	expect_none(b);
	t_eq(port_counter("vale2:a", "tx", "bad-slot"), 4);
	close_two();
}

/* Flows keep their ring: what goes out by ring i comes in by ring i. */
static void several_rings(void)
{
	struct netmap_ring *ring;
	struct got g;
	uint32_t i, r;

	two_ports("@conf:rings=4");
	t_eq(a->reg.nr_tx_rings, 4);
	t_eq(a->reg.nr_rx_rings, 4);
	t_eq(b->last_rx_ring, 3);
	for (i = 0; i < 1000; i++) {
		for (r = 0; r < 4; r++) {
			ring = port_tx(a, r);
			t_eq(ring->ringid, r);
			frame_make(NETMAP_BUF(ring, ring->slot[ring->head].buf_idx), 60, 2, 1,
				   i * 4 + r);
			ring->slot[ring->head].len = 60;
			ring->slot[ring->head].flags = 0;
			ring->head = ring->cur = nm_ring_next(ring, ring->head);
		}
		port_txsync(a);
		for (r = 0; r < 4; r++) {
			t_check(take_slot(b, r, &g));
			t_eq(g.number, i * 4 + r);
			t_check(!take_slot(b, r, &g));
		}
	}
	close_two();
}

/* Rings nobody has open get nothing: what is for them goes to one that is. */
static void only_some_rings_open(void)
{
	struct nmport_d *one;
	uint32_t i;

	two_ports("@conf:rings=4");
	port_close(b);
	/* keeps the geometry while b is away */
	one = port_open("vale2:b-2@conf:rings=4");
	t_eq(one->first_rx_ring, 2);
	t_eq(one->last_rx_ring, 2);
	for (i = 0; i < 100; i++) {
		send_frame(a, STATION_ALL, 1, i);
		expect_frame(one, i);
	}
	port_close(one);
	port_close(a);
}

T_MAIN(T_CASE(up_to_64_fragments), T_CASE(many_in_a_batch), T_CASE(the_rest_comes_later),
       T_CASE(too_many_fragments_are_dropped), T_CASE(packet_longer_than_the_ring),
       T_CASE(all_or_nothing_when_there_is_no_room), T_CASE(indirect),
       T_CASE(indirect_from_nowhere), T_CASE(several_rings), T_CASE(only_some_rings_open))
