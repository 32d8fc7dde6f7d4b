// SPDX-License-Identifier: BSD-2-Clause
/*
 * Slots with every kind of nonsense, while another port's traffic goes on: the
 * host must survive, count, and keep the other's packets right.
 */
#include "fixture.h"

#include <errno.h>
#include <libnmcore.h>
#include <net/netmap_user.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

static bool stopping;

static void *scribble(void *arg)
{
	struct port *p = arg;
	unsigned int seed = 1;

	while (!__atomic_load_n(&stopping, __ATOMIC_RELAXED)) {
		ring_scribble(port_txring(p, 0), &seed);
		ring_scribble(port_rxring(p, 0), &seed);
	}
	return NULL;
}

static void sync_all(struct port *p)
{
	/* errors are expected: the ring starts over */
	port_ioctl(p, NIOCTXSYNC, NULL);
	port_ioctl(p, NIOCRXSYNC, NULL);
	port_events(p, POLLIN | POLLOUT);
}

static void test_concurrent(void)
{
	struct port bad, other;
	pthread_t thread;
	double end;

	check(!port_open(&bad, "nt0", NR_REG_ALL_NIC, 0, 0), "%s", port_error(&bad));
	check(!port_open(&other, "nt1", NR_REG_ALL_NIC, 0, 0), "%s", port_error(&other));
	check(!pthread_create(&thread, NULL, scribble, &bad));
	for (end = now() + 3; now() < end;) {
		sync_all(&bad);
		/* the other's sends arrive where they may; what it gets is not checked */
		port_send(&other, 0, 50, 60, 0);
		port_ioctl(&other, NIOCRXSYNC, NULL);
		port_rxring(&other, 0)->head = port_rxring(&other, 0)->cur =
			port_rxring(&other, 0)->tail;
	}
	__atomic_store_n(&stopping, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	port_close(&bad);
	port_close(&other);
}

/* One wrong slot of each kind: dropped and counted, the good ones around it sent. */
static void test_tx_slots(void)
{
	struct port p;
	struct netmap_ring *r;
	int raw = raw_open("nt1");
	uint32_t seq = 0;

	check(!port_open(&p, "nt0", NR_REG_ALL_NIC, 0, 0), "%s", port_error(&p));
	r = port_txring(&p, 0);
	for (int kind = 0; kind < 6; kind++) {
		for (int k = 0; k < 3; k++) {
			struct netmap_slot *s = &r->slot[r->head];

			frame_make((uint8_t *)NETMAP_BUF(r, s->buf_idx), 60, seq++);
			s->len = 60;
			s->flags = 0;
			if (k == 1) {
				uint32_t keep = s->buf_idx;

				switch (kind) {
				case 0:
					s->buf_idx = 0;
					break;
				case 1:
					s->buf_idx = 1;
					break;
				case 2:
					s->buf_idx = 0xffffffff;
					break;
				case 3:
					s->buf_idx = 10000000;
					break;
				case 4:
					s->len = 1793;
					break;
				case 5:
					s->len = 13;
					break;
				}
				r->head = r->cur = nm_ring_next(r, r->head);
				check(!port_ioctl(&p, NIOCTXSYNC, NULL));
				s->buf_idx = keep;
			} else {
				r->head = r->cur = nm_ring_next(r, r->head);
			}
		}
		check(!port_ioctl(&p, NIOCTXSYNC, NULL));
	}
	check(raw_receive(raw, 100, 200) == 12);
	check(state_has("bad-slot"));
	/* all slots come back */
	for (int i = 0; i < 1000 && nm_ring_space(r) < r->num_slots - 1; i++) {
		usleep(1000);
		port_ioctl(&p, NIOCTXSYNC, NULL);
	}
	check(nm_ring_space(r) == r->num_slots - 1);
	/* the same buffer in every slot: sent as often */
	for (int i = 0; i < 20; i++) {
		r->slot[r->head].buf_idx = r->slot[0].buf_idx;
		r->slot[r->head].len = 60;
		r->head = r->cur = nm_ring_next(r, r->head);
	}
	check(!port_ioctl(&p, NIOCTXSYNC, NULL));
	for (int i = 0; i < 1000 && nm_ring_space(r) < r->num_slots - 1; i++) {
		usleep(1000);
		port_ioctl(&p, NIOCTXSYNC, NULL);
	}
	check(nm_ring_space(r) == r->num_slots - 1);
	check(raw_receive(raw, 100, 200) == 20);
	port_close(&p);
	close(raw);
}

/* rx slots that come back with nonsense: the queue loses those buffers, no more. */
static void test_rx_slots(void)
{
	struct port p;
	struct netmap_ring *r;
	int raw = raw_open("nt1");
	uint32_t got = 0;

	check(!port_open(&p, "nt0", NR_REG_ALL_NIC, 0, 0), "%s", port_error(&p));
	r = port_rxring(&p, 0);
	for (uint32_t i = 0; i < r->num_slots; i += 4)
		r->slot[i].buf_idx = i % 8 ? 0xdeadbeef : r->slot[1].buf_idx;
	for (int i = 0; i < 60; i++) {
		check(raw_send(raw, 50, 60, i * 50) == 50);
		got += port_receive(&p, 50, 300);
	}
	check(got == 3000, "received %u", got);
	check(state_has("bad-slot"));
	port_close(&p);
	/* and all of it is back for the next */
	check(!port_open(&p, "nt0", NR_REG_ALL_NIC, 0, 0), "%s", port_error(&p));
	check(raw_send(raw, 500, 60, 0) == 500);
	check(port_receive(&p, 500, 300) == 500);
	port_close(&p);
	close(raw);
}

/* Packets in several slots are put together; what does not fit a frame is dropped. */
static void test_fragments(void)
{
	struct port p, q;
	struct netmap_ring *r, *rx;
	uint8_t frame[1500];
	uint32_t seq;

	check(!port_open(&p, "nt0", NR_REG_ALL_NIC, 0, 0), "%s", port_error(&p));
	check(!port_open(&q, "nt1", NR_REG_ALL_NIC, 0, 0), "%s", port_error(&q));
	r = port_txring(&p, 0);
	frame_make(frame, sizeof(frame), 77);
	for (int i = 0; i < 3; i++) {
		struct netmap_slot *s = &r->slot[r->head];

		memcpy(NETMAP_BUF(r, s->buf_idx), frame + i * 500, 500);
		s->len = 500;
		s->flags = i < 2 ? NS_MOREFRAG : 0;
		r->head = r->cur = nm_ring_next(r, r->head);
		/* half a packet waits for the rest */
		check(!port_ioctl(&p, NIOCTXSYNC, NULL));
	}
	check(port_wait(&q, POLLIN, 500) & POLLIN);
	rx = port_rxring(&q, 0);
	check(nm_ring_space(rx) == 1 && rx->slot[rx->head].len == 1500);
	check(frame_check((uint8_t *)NETMAP_BUF(rx, rx->slot[rx->head].buf_idx), 1500, &seq));
	check(seq == 77);
	for (int i = 0; i < 4; i++) {
		struct netmap_slot *s = &r->slot[r->head];

		s->len = 500;
		s->flags = i < 3 ? NS_MOREFRAG : 0;
		r->head = r->cur = nm_ring_next(r, r->head);
	}
	check(!port_ioctl(&p, NIOCTXSYNC, NULL));
	check(nm_ring_space(r) == r->num_slots - 1);
	check(state_has("too-long"));
	port_close(&p);
	port_close(&q);
}

/* A packet of two slots, where the second came back with nonsense: a hole, and all goes on. */
static void test_rx_second_slot(void)
{
	struct port p;
	struct netmap_ring *r;
	int raw;

	check(!sh("ip link set nt0 mtu 4000 && ip link set nt1 mtu 4000"));
	raw = raw_open("nt1");
	net_by_stack(true);
	check(!port_open(&p, "nt0", NR_REG_ALL_NIC, 0, 0), "%s", port_error(&p));
	r = port_rxring(&p, 0);
	r->slot[1].buf_idx = 0xdeadbeef;
	check(raw_send(raw, 10, 3000, 0) == 10);
	for (int i = 0; i < 1000 && nm_ring_space(r) < 20; i++) {
		usleep(1000);
		port_ioctl(&p, NIOCRXSYNC, NULL);
	}
	check(nm_ring_space(r) == 20, "%u slots", nm_ring_space(r));
	for (int i = 0; i < 20; i++)
		check(r->slot[i].flags == (i % 2 ? 0 : NS_MOREFRAG));
	check(r->slot[0].len + r->slot[1].len < 3000 && !r->slot[1].len);
	for (int i = 2; i < 20; i += 2)
		check(r->slot[i].len + r->slot[i + 1].len == 3000);
	check(state_has("bad-slot 1"));
	port_close(&p);
	close(raw);
}

int main(void)
{
	nmcore_set("verbose", 0);
	net_setup(1);
	test_tx_slots();
	test_rx_slots();
	test_fragments();
	test_concurrent();
	test_tx_slots();
	/* (frames of AF_XDP are in one slot) */
	if (host_is("kernel"))
		test_rx_second_slot();
	return 0;
}
