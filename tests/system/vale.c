// SPDX-License-Identifier: BSD-2-Clause
/* VALE: who gets a packet. Stations are numbers: 1 is behind port a, and so on. */
#include "port.h"

#include <errno.h>

static struct nmport_d *a, *b, *c;

static void three_ports(unsigned int age)
{
	host_start(age);
	a = port_open("vale1:a");
	b = port_open("vale1:b");
	c = port_open("vale1:c");
}

/* Everybody has been heard. */
static void all_known(void)
{
	struct nmport_d *p[] = { a, b, c };
	unsigned int i;

	for (i = 0; i < 3; i++)
		send_frame(p[i], STATION_ALL, i + 1, 1000 + i);
	for (i = 0; i < 3; i++)
		t_eq(take_all(p[i]), 2);
}

static void close_three(void)
{
	port_close(a);
	port_close(b);
	port_close(c);
}

static void unknown_is_flooded(void)
{
	three_ports(0);
	send_frame(a, 9, 1, 5);
	expect_frame(b, 5);
	expect_frame(c, 5);
	expect_none(a);
	close_three();
}

static void known_is_not(void)
{
	uint32_t i;

	three_ports(0);
	all_known();
	for (i = 0; i < 3000; i++) {
		send_frame(a, 2, 1, i);
		expect_frame(b, i);
		expect_none(c);
		send_frame(b, 3, 2, i);
		expect_frame(c, i);
		expect_none(a);
	}
	close_three();
}

static void broadcast_and_multicast(void)
{
	struct netmap_ring *ring;
	char *buf;

	three_ports(0);
	all_known();
	send_frame(b, STATION_ALL, 2, 6);
	expect_frame(a, 6);
	expect_frame(c, 6);
	expect_none(b);
	/* a group address is not learned as a source, and always floods */
	ring = port_tx(b, 0);
	put_frame(b, 1, 2, 7, 60, 0);
	buf = NETMAP_BUF(ring, ring->slot[ring->head - 1].buf_idx);
	buf[0] |= 1;
	buf[6] |= 1;
	port_txsync(b);
	expect_frame(a, 7);
	expect_frame(c, 7);
	close_three();
}

static void sender_gets_nothing_back(void)
{
	three_ports(0);
	all_known();
	/* station 1 is where this comes from: there is no way to it */
	send_frame(a, 1, 1, 8);
	expect_none(a);
	expect_none(b);
	expect_none(c);
	t_eq(port_counter("vale1:a", "tx", "no-destination"), 1);
	close_three();
}

static void station_moves(void)
{
	three_ports(0);
	all_known();
	send_frame(c, STATION_ALL, 2, 1); /* station 2 is behind c now */
	take_all(a);
	take_all(b);
	send_frame(a, 2, 1, 2);
	expect_frame(c, 2);
	expect_none(b);
	close_three();
}

static void stations_leave_with_their_port(void)
{
	three_ports(0);
	all_known();
	port_close(b);
	b = port_open("vale1:b");
	send_frame(a, 2, 1, 2); /* nobody knows 2 any more */
	expect_frame(b, 2);
	expect_frame(c, 2);
	close_three();
}

static void silent_stations_age(void)
{
	three_ports(2);
	all_known();
	send_frame(a, 2, 1, 1);
	expect_frame(b, 1);
	expect_none(c);
	t_sleep(3.2);
	send_frame(a, 2, 1, 2);
	expect_frame(b, 2);
	expect_frame(c, 2);
	close_three();
}

/* Both stations are heard for longer than it takes to forget them. The longest pause. */
static double keep_talking(uint32_t *number)
{
	double start = t_now(), last = start, longest = 0;

	while (t_now() < start + 4.5) {
		send_frame(b, 1, 2, *number);
		expect_frame(a, (*number)++);
		if (t_now() - last > longest)
			longest = t_now() - last;
		last = t_now();
		t_sleep(0.1);
	}
	take_all(c);
	send_frame(a, 2, 1, *number);
	return t_now() - last > longest ? t_now() - last : longest;
}

static void heard_stations_do_not(void)
{
	uint32_t number = 0;
	int tries = 0;

	three_ports(2);
	all_known();
	while (keep_talking(&number) > 1) { /* it may be forgotten meanwhile, rightly */
		if (++tries == 3)
			t_skip("this machine lets its programs wait for seconds");
		expect_frame(b, number++);
		take_all(c);
	}
	expect_frame(b, number);
	expect_none(c);
	close_three();
}

static void no_learn(void)
{
	three_ports(0);
	put_frame(a, STATION_ALL, 1, 1, 60, NS_NO_LEARN);
	port_txsync(a);
	expect_frame(b, 1);
	expect_frame(c, 1);
	send_frame(b, 1, 2, 2); /* 1 is unknown */
	expect_frame(a, 2);
	expect_frame(c, 2);
	/* amid others, in one batch, with the same addresses */
	put_frame(c, STATION_ALL, 5, 3, 60, NS_NO_LEARN);
	put_frame(c, STATION_ALL, 5, 4, 60, 0);
	port_txsync(c);
	t_eq(take_all(a), 2);
	t_eq(take_all(b), 2);
	send_frame(a, 5, 1, 5);
	expect_frame(c, 5);
	expect_none(b);
	close_three();
}

static unsigned int index_of(const char *name)
{
	struct nmreq_vale_list list = { 0 };

	t_eq(host_request(NETMAP_REQ_VALE_LIST, name, &list), 0);
	return list.nr_port_idx;
}

static void port_override(void)
{
	unsigned int to_c;

	three_ports(0);
	all_known();
	to_c = index_of("vale1:c") << NS_PORT_SHIFT;
	t_check(to_c);
	put_frame(a, 2, 1, 1, 60, to_c); /* station 2 is behind b, but c it is */
	port_txsync(a);
	expect_frame(c, 1);
	expect_none(b);
	/* the same addresses in one batch, with and without */
	put_frame(a, 2, 1, 2, 60, 0);
	put_frame(a, 2, 1, 3, 60, to_c);
	put_frame(a, 2, 1, 4, 60, 0);
	port_txsync(a);
	expect_frame(c, 3);
	t_eq(take_all(b), 2);
	/* a run that ends in an override to where it goes anyway is no precedent */
	put_frame(a, 3, 1, 5, 60, 0);
	put_frame(a, 2, 1, 6, 60, to_c);
	put_frame(a, 2, 1, 7, 60, 0);
	port_txsync(a);
	t_eq(take_all(c), 2);
	expect_frame(b, 7);
	/* a port that is not there, and the sender itself */
	put_frame(a, 2, 1, 8, 60, 200 << NS_PORT_SHIFT);
	put_frame(a, 2, 1, 9, 60, index_of("vale1:a") << NS_PORT_SHIFT);
	port_txsync(a);
	expect_none(a);
	expect_none(b);
	expect_none(c);
	t_eq(port_counter("vale1:a", "tx", "no-destination"), 2);
	close_three();
}

static void order_is_kept(void)
{
	/* unicast and broadcast of one sender arrive in its order */
	uint32_t n = 0, want = 0, i;
	struct got g;
	int round;

	three_ports(0);
	all_known();
	for (round = 0; round < 200; round++) {
		for (i = 0; i < 300; i++)
			put_frame(a, t_random() % 3 ? 2 : STATION_ALL, 1, n++, 60, 0);
		port_txsync(a);
		while (take_slot(b, 0, &g))
			t_eq(g.number, want++);
		take_all(c);
	}
	t_eq(n, want);
	close_three();
}

static void switches_are_apart(void)
{
	struct nmport_d *p[20], *q[20];
	char name[32];
	uint32_t i, j;

	host_start(0);
	for (i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "vale%u:p", i);
		p[i] = port_open(name);
		snprintf(name, sizeof(name), "vale%u:q", i);
		q[i] = port_open(name);
	}
	for (i = 0; i < 20; i++) {
		send_frame(p[i], STATION_ALL, 1, i);
		for (j = 0; j < 20; j++)
			if (j != i)
				expect_none(q[j]);
		expect_frame(q[i], i);
	}
	for (i = 0; i < 20; i++) {
		port_close(p[i]);
		port_close(q[i]);
	}
}

static void full_ring_drops_and_counts(void)
{
	uint32_t n = 0, want = 0, slots, i;
	struct got g;

	three_ports(0);
	all_known();
	slots = port_rx(b, 0)->num_slots;
	for (i = 0; i < 3; i++) {
		while (!nm_ring_empty(port_tx(a, 0)))
			put_frame(a, 2, 1, n++, 60, 0);
		port_txsync(a);
	}
	while (take_slot(b, 0, &g))
		t_eq(g.number, want++);
	t_eq(want, slots - 1);
	t_eq(port_counter("vale1:b", "rx", "no-room"), n - want);
	t_eq(port_counter("vale1:a", "tx", "packets"), n + 1);
	/* room again */
	port_rxsync(b);
	send_frame(a, 2, 1, 77);
	expect_frame(b, 77);
	close_three();
}

static void counters_add_up(void)
{
	uint32_t i;

	three_ports(0);
	all_known();
	for (i = 0; i < 1000; i++) {
		put_frame(a, 2, 1, i, 60 + i, 0);
		port_txsync(a);
		t_eq(take_all(b), 1);
	}
	t_eq(port_counter("vale1:a", "tx", "packets"), 1001);
	t_eq(port_counter("vale1:b", "rx", "packets"), 1002);
	t_eq(port_counter("vale1:b", "rx", "bytes"), 1000 * 60 + 999 * 500 + 120);
	t_eq(port_counter("vale1:a", "tx", "bytes"), 1000 * 60 + 999 * 500 + 60);
	t_eq(port_counter("vale1:c", "rx", "packets"), 2);
	close_three();
}

static void short_frames_are_refused(void)
{
	struct netmap_ring *ring;
	unsigned int len;

	three_ports(0);
	for (len = 0; len < 14; len++) {
		put_frame(a, STATION_ALL, 1, len, 60, 0);
		ring = port_tx(a, 0);
		ring->slot[ring->head - 1].len = len;
		port_txsync(a);
		expect_none(b);
	}
	t_eq(port_counter("vale1:a", "tx", "bad-slot"), 14);
	put_frame(a, STATION_ALL, 1, 99, 18, 0);
	port_txsync(a);
	expect_frame(b, 99);
	close_three();
}

static void every_length_arrives_whole(void)
{
	unsigned int len, max;
	struct got g;

	three_ports(0);
	all_known();
	max = port_tx(a, 0)->nr_buf_size;
	for (len = 18; len <= max; len++) {
		put_frame(a, 2, 1, len, len, 0);
		port_txsync(a);
		t_check(take_slot(b, 0, &g));
		t_eq(g.len, len);
		t_check(frame_ok(g.data, len, 2, 1), "length %u", len);
	}
	close_three();
}

T_MAIN(T_CASE(unknown_is_flooded), T_CASE(known_is_not), T_CASE(broadcast_and_multicast),
       T_CASE(sender_gets_nothing_back), T_CASE(station_moves),
       T_CASE(stations_leave_with_their_port), T_CASE(silent_stations_age),
       T_CASE(heard_stations_do_not), T_CASE(no_learn), T_CASE(port_override),
       T_CASE(order_is_kept), T_CASE(switches_are_apart), T_CASE(full_ring_drops_and_counts),
       T_CASE(counters_add_up), T_CASE(short_frames_are_refused),
       T_CASE(every_length_arrives_whole))
