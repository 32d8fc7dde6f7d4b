/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <string.h>

#include "../common/clock.h"
#include "../common/signals.h"
#include "dump.h"
#include "rx.h"
#include "worker.h"

static void note(struct worker *w, uint8_t *data, size_t len, uint64_t now)
{
	unsigned skip = w->o->packet.vnet_len;
	struct stamp st;
	uint8_t *at;

	if (w->o->dump)
		dump_packet(w->port, "rx", data, len);
	if (len <= skip)
		return;
	data += skip;
	len -= skip;
	if (w->o->verify)
		frame_check(data, len, &w->faults);
	if (!w->o->check)
		return;
	at = frame_find_stamp(data, len);
	if (!at || stamp_read(at, &st) || st.kind != STAMP_DATA) {
		w->sequence.unnumbered++;
		return;
	}
	sequence_check(&w->sequence, st.stream, st.seq);
	/* From another machine the time means nothing: its clock counts from elsewhere. */
	if (now - st.ts_ns < 10 * NS_PER_SEC)
		histogram_add(&w->latency, now - st.ts_ns);
}

/* As rx_take(), and looks into each packet. Parts of a packet are joined in `whole`. */
static unsigned look_and_take(struct worker *w, struct netmap_ring *ring, unsigned limit,
			      uint64_t *bytes)
{
	uint32_t tail = __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE), i = ring->head;
	static __thread uint8_t whole[PACKET_MAX + 1];
	uint64_t now = now_ns();
	unsigned packets = 0;
	size_t len = 0;

	while (i != tail && packets < limit) {
		struct netmap_slot *slot = &ring->slot[i];
		uint8_t *data = (uint8_t *)NETMAP_BUF_OFFSET(ring, slot);
		size_t n = slot->len;

		i = nm_ring_next(ring, i);
		if (len || (slot->flags & NS_MOREFRAG)) {
			if (n > sizeof(whole) - len)
				n = sizeof(whole) - len;
			memcpy(whole + len, data, n);
			len += n;
			if (slot->flags & NS_MOREFRAG)
				continue;
			data = whole;
			n = len;
			len = 0;
		}
		note(w, data, n, now);
		packets++;
	}
	/* Counting again is cheap beside the above, and moves head past whole packets only. */
	return rx_take(ring, packets, bytes);
}

static int rings_are_empty(const struct nmport_d *d)
{
	for (unsigned r = d->first_rx_ring; r <= d->last_rx_ring; r++)
		if (!nm_ring_empty(NETMAP_RXRING(d->nifp, r)))
			return 0;
	return 1;
}

static unsigned take_all(struct worker *w, uint64_t left, uint64_t *bytes)
{
	const struct options *o = w->o;
	int look = o->check || o->verify || o->dump;
	unsigned sum = 0;

	for (unsigned r = w->port->first_rx_ring; r <= w->port->last_rx_ring && left; r++) {
		struct netmap_ring *ring = NETMAP_RXRING(w->port->nifp, r);
		unsigned limit = left < o->burst ? (unsigned)left : o->burst, n;

		n = look ? look_and_take(w, ring, limit, bytes) : rx_take(ring, limit, bytes);
		sum += n;
		left -= n;
	}
	return sum;
}

/* 1: go on, 0: end in good order, -1: the port failed. */
static int wait_for_packets(struct worker *w, uint64_t last)
{
	int n;

	if (w->o->busy)
		n = port_rxsync(w->port);
	else
		n = port_poll(w->port, POLLIN, 100);
	if (n < 0) {
		worker_fail(w, "receiving");
		return -1;
	}
	/* Only a poll that found nothing asks how late it is. */
	if ((n == 0) && w->o->idle_s > 0 && last && (double)(now_ns() - last) > w->o->idle_s * 1e9)
		return 0;
	return 1;
}

void rx_run(struct worker *w)
{
	uint64_t got = 0, last = 0, left;

	if (w->o->exit_if_empty) {
		if (port_rxsync(w->port)) {
			worker_fail(w, "receiving");
			return;
		}
		if (rings_are_empty(w->port))
			return;
	}
	if (w->o->idle_s > 0)
		last = now_ns();
	while (!stop_requested) {
		uint64_t bytes = 0;
		unsigned n;

		if (wait_for_packets(w, last) <= 0)
			break;
		left = w->count ? w->count - got : UINT64_MAX;
		n = take_all(w, left, &bytes);
		if (n == 0)
			continue;
		w->last_ns = last = now_ns();
		if (got == 0)
			w->first_ns = last;
		got += n;
		count_batch(&w->c, n, bytes);
		if (w->o->check)
			atomic_store_explicit(&w->c.lost, w->sequence.lost, memory_order_relaxed);
		if (w->count && got >= w->count)
			break;
	}
	if (!w->failed && port_rxsync(w->port) && errno != ENXIO)
		worker_fail(w, "giving back the slots");
}
