/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ping: one packet goes, its answer comes, the time between is kept. pong: the other side.
 */
#include <stdio.h>
#include <string.h>

#include "../common/clock.h"
#include "../common/signals.h"
#include "dump.h"
#include "rate.h"
#include "worker.h"

#define ANSWER_TIMEOUT_NS NS_PER_SEC

static int send_ping(struct worker *w, uint32_t seq)
{
	struct packet *p = w->packet;
	struct netmap_ring *ring;
	struct netmap_slot *slot;

	for (unsigned r = w->port->first_tx_ring;; r++) {
		if (r > w->port->last_tx_ring)
			return 0; /* no room anywhere */
		ring = NETMAP_TXRING(w->port->nifp, r);
		if (!nm_ring_empty(ring))
			break;
	}
	slot = &ring->slot[ring->head];
	if (p->varies & ~PACKET_VARY_STAMP)
		packet_next(p, 0);
	packet_stamp(p, seq, now_ns());
	nm_pkt_copy(p->frame, NETMAP_BUF_OFFSET(ring, slot), (int)p->len);
	slot->len = (uint16_t)p->len;
	slot->flags = NS_REPORT;
	if (w->o->dump)
		dump_packet(w->port, "tx", p->frame, p->len);
	ring->head = ring->cur = nm_ring_next(ring, ring->head);
	return port_txsync(w->port) ? -1 : 1;
}

/* One packet that came in. 1: it answers the ping that was sent last. */
static int take_answer(struct worker *w, uint8_t *data, size_t len, uint32_t seq, uint64_t now)
{
	unsigned skip = w->o->packet.vnet_len;
	struct stamp st;
	uint8_t *at;

	if (w->o->dump)
		dump_packet(w->port, "rx", data, len);
	at = len > skip ? frame_find_stamp(data + skip, len - skip) : NULL;
	if (!at || stamp_read(at, &st) || st.kind != STAMP_PONG || st.stream != w->o->packet.stream)
		return 0;
	if (st.seq != seq) {
		w->late++; /* was given up on, and counts as lost */
		return 0;
	}
	histogram_add(&w->latency, now - st.ts_ns);
	pthread_mutex_lock(&w->lock);
	histogram_add(&w->recent, now - st.ts_ns);
	pthread_mutex_unlock(&w->lock);
	return 1;
}

static int take_answers(struct worker *w, uint32_t seq)
{
	uint64_t now = now_ns();
	int answered = 0;

	for (unsigned r = w->port->first_rx_ring; r <= w->port->last_rx_ring; r++) {
		struct netmap_ring *ring = NETMAP_RXRING(w->port->nifp, r);
		uint32_t i = ring->head;

		while (i != __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE)) {
			struct netmap_slot *slot = &ring->slot[i];

			answered |= take_answer(w, (uint8_t *)NETMAP_BUF_OFFSET(ring, slot),
						slot->len, seq, now);
			i = nm_ring_next(ring, i);
		}
		ring->head = ring->cur = i;
	}
	return answered;
}

/* 1: answered, 0: not in time, -1: the port failed. */
static int await_answer(struct worker *w, uint32_t seq)
{
	uint64_t end = now_ns() + ANSWER_TIMEOUT_NS;
	int n;

	do {
		if (w->o->busy)
			n = port_rxsync(w->port);
		else
			n = port_poll(w->port, POLLIN, 100);
		if (n < 0)
			return -1;
		if (take_answers(w, seq))
			return 1;
	} while (now_ns() < end && !stop_requested);
	return 0;
}

static int ping_all(struct worker *w)
{
	struct pacer pacer;
	uint32_t seq = 0;
	uint64_t when;
	int n;

	pacer_init(&pacer, w->rate, 1, now_ns());
	w->first_ns = now_ns();
	while (!stop_requested && (!w->count || seq < w->count)) {
		if (pacer_grant(&pacer, 1, now_ns(), &when) == 0) {
			uint64_t soon = now_ns() + NS_PER_SEC / 10;

			sleep_until_ns(when < soon ? when : soon);
			continue;
		}
		n = send_ping(w, seq);
		if (n < 0)
			return -1;
		if (n == 0) {
			if (port_poll(w->port, POLLOUT, 100) < 0)
				return -1;
			continue;
		}
		pacer_sent(&pacer, 1);
		n = await_answer(w, seq++);
		if (n < 0)
			return -1;
		if (n)
			count_batch(&w->c, 1, w->packet->len);
		else if (!stop_requested)
			atomic_store_explicit(&w->c.lost, ++w->lost, memory_order_relaxed);
	}
	return 0;
}

void ping_run(struct worker *w)
{
	if (w->packet->len > NETMAP_TXRING(w->port->nifp, w->port->first_tx_ring)->nr_buf_size) {
		w->failed = 1;
		snprintf(w->why, sizeof(w->why), "%s: a packet of %u bytes is larger than a buffer",
			 port_name(w->port), w->packet->len);
		return;
	}
	if (ping_all(w))
		worker_fail(w, "pinging");
	w->last_ns = now_ns();
}

/* ---- pong ----------------------------------------------------------------------- */

/*
 * The buffer with the ping goes into a transmit slot, and that slot's buffer takes its place:
 * a port's own rings always share their memory.
 */
static void send_back(struct netmap_slot *rx, struct netmap_slot *tx)
{
	uint32_t idx = tx->buf_idx;

	tx->buf_idx = rx->buf_idx;
	tx->len = rx->len;
	tx->ptr = rx->ptr; /* with offsets: where the packet starts */
	tx->flags = NS_BUF_CHANGED;
	rx->buf_idx = idx;
	rx->flags = NS_BUF_CHANGED;
}

static struct netmap_ring *ring_with_room(struct worker *w)
{
	for (unsigned r = w->port->first_tx_ring; r <= w->port->last_tx_ring; r++) {
		struct netmap_ring *ring = NETMAP_TXRING(w->port->nifp, r);

		if (!nm_ring_empty(ring))
			return ring;
	}
	return NULL;
}

/* Pings of one ring. Stops, with the rest left in the ring, when there is no room to answer. */
static unsigned answer_ring(struct worker *w, struct netmap_ring *ring, uint64_t left,
			    uint64_t *bytes)
{
	unsigned skip = w->o->packet.vnet_len, answered = 0;
	uint32_t i = ring->head;

	while (i != __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE) && answered < left) {
		struct netmap_slot *slot = &ring->slot[i];
		uint8_t *data = (uint8_t *)NETMAP_BUF_OFFSET(ring, slot), *at = NULL;
		struct netmap_ring *out;
		struct stamp st;

		if (slot->len > skip && !(slot->flags & NS_MOREFRAG))
			at = frame_find_stamp(data + skip, slot->len - skip);
		if (!at || stamp_read(at, &st) || st.kind != STAMP_PING) {
			w->skipped++;
			i = nm_ring_next(ring, i);
			continue;
		}
		out = ring_with_room(w);
		if (!out)
			break;
		if (w->o->dump)
			dump_packet(w->port, "rx", data, slot->len);
		frame_turn(data + skip, at);
		*bytes += slot->len;
		send_back(slot, &out->slot[out->head]);
		out->head = out->cur = nm_ring_next(out, out->head);
		answered++;
		i = nm_ring_next(ring, i);
	}
	ring->head = ring->cur = i;
	return answered;
}

void pong_run(struct worker *w)
{
	uint64_t done = 0, last = now_ns();

	while (!stop_requested && (!w->count || done < w->count)) {
		uint64_t bytes = 0, left = w->count ? w->count - done : UINT64_MAX;
		int n = w->o->busy ? port_rxsync(w->port) : port_poll(w->port, POLLIN, 100);
		unsigned answered = 0;

		if (n < 0)
			goto failed;
		for (unsigned r = w->port->first_rx_ring; r <= w->port->last_rx_ring; r++)
			answered += answer_ring(w, NETMAP_RXRING(w->port->nifp, r), left - answered,
						&bytes);
		if (answered == 0) {
			if (w->o->idle_s > 0 && (double)(now_ns() - last) > w->o->idle_s * 1e9)
				break;
			continue;
		}
		if (port_txsync(w->port))
			goto failed;
		last = w->last_ns = now_ns();
		if (done == 0)
			w->first_ns = last;
		done += answered;
		count_batch(&w->c, answered, bytes);
	}
	w->stuck = (uint64_t)port_drain(w->port, 1000);
	return;
failed:
	worker_fail(w, "answering");
}
