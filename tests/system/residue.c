// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a sender has in its buffers around its packets stays with it: ports of a switch do not
 * trust each other.
 */
#include "port.h"

#define SECRET 0x5e
#define BEFORE 0xb4 /* what the receiver's buffers have */

static struct nmport_d *a, *b, *c;

static void fill_slots(struct netmap_ring *ring, int byte)
{
	uint32_t i;

	for (i = 0; i < ring->num_slots; i++)
		memset(NETMAP_BUF(ring, ring->slot[i].buf_idx), byte, ring->nr_buf_size);
}

/* A frame whose own bytes are neither, in a buffer full of the secret. */
static void put_among_secrets(unsigned int to, unsigned int len, unsigned int flags)
{
	struct netmap_ring *ring = port_tx(a, 0);
	struct netmap_slot *slot = &ring->slot[ring->head];
	char *buf = NETMAP_BUF(ring, slot->buf_idx);

	t_check(!nm_ring_empty(ring));
	memset(buf, SECRET, ring->nr_buf_size);
	memset(buf, 0x11, len);
	if (len >= 18) /* room for a number */
		frame_make(buf, len, to, 1, 0x11111111);
	slot->len = len;
	slot->flags = flags;
	ring->head = ring->cur = nm_ring_next(ring, ring->head);
}

/* Each slot received, to the end of its buffer; they are as they were before, then. */
static unsigned int expect_no_secret(struct nmport_d *d)
{
	struct netmap_ring *ring = port_rx(d, 0);
	unsigned int n = 0, i;

	port_rxsync(d);
	for (; !nm_ring_empty(ring); n++) {
		struct netmap_slot *slot = &ring->slot[ring->head];
		unsigned char *buf = (unsigned char *)NETMAP_BUF(ring, slot->buf_idx);

		for (i = slot->len; i < ring->nr_buf_size; i++)
			t_check(buf[i] != SECRET, "byte %u behind a packet of %u", i, slot->len);
		memset(buf, BEFORE, ring->nr_buf_size);
		ring->head = ring->cur = nm_ring_next(ring, ring->head);
	}
	return n;
}

static void three(const char *conf)
{
	char spec[64];

	host_start(0);
	snprintf(spec, sizeof(spec), "vale9:a%s", conf);
	a = port_open(spec);
	snprintf(spec, sizeof(spec), "vale9:b%s", conf);
	b = port_open(spec);
	c = port_open("vale9:c");
	send_frame(b, STATION_ALL, 2, 0);
	take_all(a);
	take_all(c);
	fill_slots(port_rx(b, 0), BEFORE);
	fill_slots(port_rx(c, 0), BEFORE);
}

static void close_three(void)
{
	port_close(a);
	port_close(b);
	port_close(c);
}

/* To one station and to all, at every place in a cache line where a packet can end. */
static void behind_packets_of_any_length(void)
{
	unsigned int len, batch;

	three("");
	for (len = 18; len <= 1600; len += len < 300 ? 1 : 37) {
		for (batch = 0; batch < 3; batch++)
			put_among_secrets(2, len + batch, 0);
		put_among_secrets(STATION_ALL, len, 0);
		port_txsync(a);
		t_eq(expect_no_secret(b), 4);
		t_eq(expect_no_secret(c), 1);
	}
	close_three();
}

static void behind_fragments(void)
{
	unsigned int len, first;

	three("");
	for (first = 60; first < 130; first += 3) {
		for (len = 1; len < 130; len++) {
			put_among_secrets(2, first, NS_MOREFRAG);
			put_among_secrets(2, len, 0);
			port_txsync(a);
			t_eq(expect_no_secret(b), 2);
		}
	}
	close_three();
}

static void behind_indirect_packets(void)
{
	static char far[4096];
	struct netmap_ring *ring;
	struct netmap_slot *slot;
	unsigned int len;

	three("");
	memset(far, SECRET, sizeof(far));
	for (len = 60; len < 200; len++) {
		ring = port_tx(a, 0);
		slot = &ring->slot[ring->head];
		memset(far, 0x11, len);
		frame_make(far, len, 2, 1, 0x11111111);
		slot->ptr = (uintptr_t)far;
		slot->len = len;
		slot->flags = NS_INDIRECT;
		ring->head = ring->cur = nm_ring_next(ring, ring->head);
		port_txsync(a);
		t_eq(expect_no_secret(b), 1);
	}
	close_three();
}

/* Where the receiver's packets have a header and the sender's have none. */
static void behind_packets_with_a_header_added(void)
{
	struct nmreq_port_hdr hdr = { .nr_hdr_len = 12 };
	unsigned int len;

	three("");
	port_close(b);
	b = port_prepare("vale9:b");
	b->reg.nr_flags |= NR_ACCEPT_VNET_HDR;
	port_register(b);
	t_eq(host_request(NETMAP_REQ_PORT_HDR_SET, "vale9:b", &hdr), 0);
	fill_slots(port_rx(b, 0), BEFORE);
	for (len = 18; len <= 300; len++) {
		put_among_secrets(STATION_ALL, len, 0);
		port_txsync(a);
		t_eq(expect_no_secret(b), 1);
		t_eq(expect_no_secret(c), 1);
	}
	close_three();
}

T_MAIN(T_CASE(behind_packets_of_any_length), T_CASE(behind_fragments),
       T_CASE(behind_indirect_packets), T_CASE(behind_packets_with_a_header_added))
