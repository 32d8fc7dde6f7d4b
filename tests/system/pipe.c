// SPDX-License-Identifier: BSD-2-Clause
/* Pipes: nothing is lost, nothing is copied, and both ends know when to go on. */
#include "port.h"

#include <errno.h>

static struct nmport_d *a, *b;

static void two_ends(void)
{
	host_start(0);
	a = port_open("netmap:pp{1");
	b = port_open("netmap:pp}1");
}

static void close_two(void)
{
	port_close(a);
	port_close(b);
}

/* Random batches both ways, often into a full pipe: all arrives, in order. */
static void nothing_is_lost(void)
{
	struct nmport_d *d[2];
	uint32_t sent[2] = { 0, 0 }, got[2] = { 0, 0 }, n, i;
	struct got g;
	int round, e;

	two_ends();
	d[0] = a;
	d[1] = b;
	for (round = 0; round < 3000; round++) {
		e = t_random() & 1;
		n = t_random() % 700;
		for (i = 0; i < n && !nm_ring_empty(port_tx(d[e], 0)); i++, sent[e]++)
			put_frame(d[e], 2, 1, sent[e], 60 + sent[e] % 1000, 0);
		if (t_random() & 1)
			port_txsync(d[e]);
		n = t_random() % 700;
		for (i = 0; i < n && take_slot(d[!e], 0, &g); i++) {
			t_eq(g.number, got[e]);
			t_check(frame_ok(g.data, g.len, 2, 1));
			got[e]++;
		}
	}
	for (e = 0; e < 2; e++) {
		while (got[e] < sent[e]) {
			port_txsync(d[e]);
			t_check(take_slot(d[!e], 0, &g));
			t_eq(g.number, got[e]++);
		}
		expect_none(d[!e]);
	}
	t_check(sent[0] > 10000 && sent[1] > 10000);
	close_two();
}

static void full_pipe_holds_the_sender(void)
{
	uint32_t n = 0, want = 0, slots;
	struct got g;

	two_ends();
	slots = port_tx(a, 0)->num_slots;
	while (!nm_ring_empty(port_tx(a, 0))) {
		put_frame(a, 2, 1, n++, 60, 0);
		port_txsync(a);
		t_check(n < 10 * slots);
	}
	/* at least a ring full on its way */
	t_check(n >= slots - 1, "only %u packets", n);
	t_eq(port_poll(a, POLLOUT, 0), 0);
	while (take_slot(b, 0, &g))
		t_eq(g.number, want++);
	t_eq(want, n);
	port_rxsync(b);
	t_eq(port_poll(a, POLLOUT, 0), POLLOUT);
	close_two();
}

/* What the sender gave before the pipe was full arrives though it never syncs again. */
static void receiver_pulls(void)
{
	uint32_t n = 0, want = 0;
	struct got g;

	two_ends();
	while (!nm_ring_empty(port_tx(a, 0)))
		put_frame(a, 2, 1, n++, 60, 0);
	port_txsync(a);
	while (!nm_ring_empty(port_tx(a, 0)))
		put_frame(a, 2, 1, n++, 60, 0);
	port_txsync(a);
	while (want < n && take_slot(b, 0, &g)) {
		t_eq(g.number, want++);
		if (want % 100 == 0)
			port_rxsync(b);
	}
	port_rxsync(b);
	while (take_slot(b, 0, &g))
		t_eq(g.number, want++);
	t_eq(want, n);
	close_two();
}

static void buffers_are_exchanged(void)
{
	uint32_t mine, theirs;
	struct netmap_ring *tx, *rx;

	two_ends();
	tx = port_tx(a, 0);
	rx = port_rx(b, 0);
	t_check(a->mem == b->mem, "two memories");
	mine = tx->slot[0].buf_idx;
	theirs = rx->slot[0].buf_idx;
	t_check(mine != theirs);
	send_frame(a, 2, 1, 1);
	port_rxsync(b);
	t_eq(rx->slot[0].buf_idx, mine);
	t_check(rx->slot[0].flags & NS_BUF_CHANGED);
	t_eq(tx->slot[0].buf_idx, theirs);
	t_check(tx->slot[0].flags & NS_BUF_CHANGED);
	expect_frame(b, 1);
	close_two();
}

static void fragments_and_pointers_pass(void)
{
	struct netmap_ring *tx;
	struct got g;

	two_ends();
	tx = port_tx(a, 0);
	tx->slot[0].ptr = 0x123456789abcdefull;
	put_frame(a, 2, 1, 1, 100, NS_MOREFRAG);
	put_frame(a, 2, 1, 2, 60, 0);
	port_txsync(a);
	t_check(take_slot(b, 0, &g));
	t_check(g.flags & NS_MOREFRAG);
	t_eq(g.len, 100);
	t_eq(port_rx(b, 0)->slot[0].ptr, 0x123456789abcdefull);
	t_check(take_slot(b, 0, &g));
	t_check(!(g.flags & NS_MOREFRAG));
	close_two();
}

static void many_of_one_parent(void)
{
	enum { N = 40 };
	struct nmport_d *p[N], *q[N];
	char spec[32];
	uint32_t i, k;

	host_start(0);
	for (i = 0; i < N; i++) {
		snprintf(spec, sizeof(spec), "netmap:many{%u@conf:slots=128", i);
		p[i] = port_open(spec);
		snprintf(spec, sizeof(spec), "netmap:many}%u", i);
		q[i] = port_open(spec);
		t_eq(p[i]->reg.nr_mem_id, p[0]->reg.nr_mem_id);
	}
	for (k = 0; k < 100; k++)
		for (i = 0; i < N; i++) {
			send_frame(p[i], 2, 1, k * N + i);
			expect_frame(q[i], k * N + i);
			send_frame(q[i], 1, 2, k * N + i + 1);
			expect_frame(p[i], k * N + i + 1);
		}
	for (i = 0; i < N; i++)
		expect_none(q[i]);
	for (i = 0; i < N; i++) {
		port_close(i & 1 ? p[i] : q[i]);
		port_close(i & 1 ? q[i] : p[i]);
	}
}

/* A pipe of a switch's port: same memory as that port, and apart from its traffic. */
static void parent_is_a_vale_port(void)
{
	struct nmport_d *v, *w;

	host_start(0);
	v = port_open("vale3:x");
	w = port_open("vale3:y");
	a = port_open("vale3:x{7");
	b = port_open("vale3:x}7");
	t_eq(a->reg.nr_mem_id, v->reg.nr_mem_id);
	t_check(v->reg.nr_mem_id != w->reg.nr_mem_id);
	send_frame(a, 2, 1, 1);
	expect_frame(b, 1);
	send_frame(w, STATION_ALL, 1, 2);
	expect_frame(v, 2);
	expect_none(a);
	expect_none(b);
	port_close(v);
	/* the memory stays as long as the pipe */
	send_frame(b, 2, 1, 3);
	expect_frame(a, 3);
	close_two();
	port_close(w);
}

static void packets_wait_for_a_peer(void)
{
	uint32_t i, want = 0;
	struct got g;

	host_start(0);
	a = port_open("netmap:wait{1");
	for (i = 0; i < 100; i++)
		send_frame(a, 2, 1, i);
	b = port_open("netmap:wait}1");
	while (take_slot(b, 0, &g))
		t_eq(g.number, want++);
	t_eq(want, 100);
	close_two();
}

/* The peer goes and comes back: what it did not take is still there. */
static void peer_closes_and_returns(void)
{
	uint32_t i, n = 0, want = 0, slots;
	struct got g;

	two_ends();
	slots = port_tx(a, 0)->num_slots;
	for (i = 0; i < 50; i++)
		send_frame(a, 2, 1, n++);
	for (i = 0; i < 10; i++) {
		t_check(take_slot(b, 0, &g));
		t_eq(g.number, want++);
	}
	port_rxsync(b);
	port_close(b);
	for (i = 0; i < 50; i++)
		send_frame(a, 2, 1, n++);
	b = port_open("netmap:pp}1");
	while (take_slot(b, 0, &g))
		t_eq(g.number, want++);
	t_eq(want, n);
	/* once round, to be sure that no slot was left in the way */
	port_rxsync(b);
	for (i = 0; i < 3 * slots; i++) {
		send_frame(a, 2, 1, n++);
		t_check(take_slot(b, 0, &g));
		t_eq(g.number, want++);
	}
	close_two();
}

/* A client that leaves its pointers in disorder does not spoil the next one's. */
static void disorder_is_not_inherited(void)
{
	two_ends();
	port_tx(b, 0)->head = 77;
	port_tx(b, 0)->cur = 0xffffffff;
	port_rx(b, 0)->head = 0x80000000;
	*(uint32_t *)&port_rx(b, 0)->num_slots = 5;
	port_close(b);
	b = port_open("netmap:pp}1");
	t_eq(port_rx(b, 0)->num_slots, port_tx(a, 0)->num_slots);
	send_frame(b, 2, 1, 1);
	expect_frame(a, 1);
	send_frame(a, 2, 1, 2);
	expect_frame(b, 2);
	close_two();
}

static void geometry_is_mirrored(void)
{
	host_start(0);
	a = port_open("netmap:geo{1@conf:tx-rings=2,rx-rings=3,tx-slots=64,rx-slots=256");
	t_eq(a->reg.nr_tx_rings, 2);
	t_eq(a->reg.nr_rx_rings, 3);
	t_eq(a->reg.nr_tx_slots, 64);
	t_eq(a->reg.nr_rx_slots, 256);
	b = port_open("netmap:geo}1");
	t_eq(b->reg.nr_tx_rings, 3);
	t_eq(b->reg.nr_rx_rings, 2);
	t_eq(b->reg.nr_tx_slots, 256);
	t_eq(b->reg.nr_rx_slots, 64);
	close_two();
}

static void one_way_only(void)
{
	host_start(0);
	a = port_open("netmap:way{1/T");
	b = port_open("netmap:way}1/R");
	t_check(a->first_rx_ring > a->last_rx_ring);
	t_check(b->first_tx_ring > b->last_tx_ring);
	send_frame(a, 2, 1, 4);
	expect_frame(b, 4);
	close_two();
}

static void old_way_to_name_them(void)
{
	host_start(0);
	a = port_prepare("netmap:old");
	a->reg.nr_mode = NR_REG_PIPE_MASTER;
	a->reg.nr_ringid = 12;
	port_register(a);
	b = port_open("netmap:old}12");
	send_frame(a, 2, 1, 4);
	expect_frame(b, 4);
	close_two();
}

static void wrong_names(void)
{
	static const char *const name[] = { "{1", "}1", "x{", "x}", "{", "" };
	struct nmreq_register reg;
	unsigned int i;

	host_start(0);
	for (i = 0; i < sizeof(name) / sizeof(name[0]); i++) {
		memset(&reg, 0, sizeof(reg));
		reg.nr_mode = NR_REG_ALL_NIC;
		t_check(host_request(NETMAP_REQ_REGISTER, name[i], &reg) != 0, "'%s'", name[i]);
	}
}

T_MAIN(T_CASE(nothing_is_lost), T_CASE(full_pipe_holds_the_sender), T_CASE(receiver_pulls),
       T_CASE(buffers_are_exchanged), T_CASE(fragments_and_pointers_pass),
       T_CASE(many_of_one_parent), T_CASE(parent_is_a_vale_port), T_CASE(packets_wait_for_a_peer),
       T_CASE(peer_closes_and_returns), T_CASE(disorder_is_not_inherited),
       T_CASE(geometry_is_mirrored), T_CASE(one_way_only), T_CASE(old_way_to_name_them),
       T_CASE(wrong_names))
