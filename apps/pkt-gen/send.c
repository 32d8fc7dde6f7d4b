/* SPDX-License-Identifier: BSD-2-Clause */
/* The loop of tx mode around tx_fill(): pace, sync, wait for room, and the end. */
#include <stdio.h>
#include <string.h>

#include "../common/clock.h"
#include "../common/signals.h"
#include "dump.h"
#include "rate.h"
#include "tx.h"
#include "worker.h"

/* How long to wait for a receiver that takes nothing, before giving up on the last packets. */
#define DRAIN_PATIENCE_MS 1000

static void dump_filled(struct worker *w, struct netmap_ring *ring, uint32_t from)
{
	for (uint32_t i = from; i != ring->head; i = nm_ring_next(ring, i)) {
		struct netmap_slot *slot = &ring->slot[i];
		const uint8_t *data = slot->flags & NS_INDIRECT ?
					      (const uint8_t *)(uintptr_t)slot->ptr :
					      (uint8_t *)NETMAP_BUF_OFFSET(ring, slot);

		dump_packet(w->port, "tx", data, slot->len);
	}
}

/* One burst into each ring that has room. */
static unsigned fill_rings(struct worker *w, struct tx *t, unsigned limit, uint64_t now)
{
	unsigned sum = 0;

	for (unsigned r = w->port->first_tx_ring; r <= w->port->last_tx_ring && limit; r++) {
		struct netmap_ring *ring = NETMAP_TXRING(w->port->nifp, r);
		unsigned n = limit < w->o->burst ? limit : w->o->burst;
		uint32_t head = ring->head;

		n = tx_fill(t, ring, r, n, now);
		if (w->o->dump)
			dump_filled(w, ring, head);
		sum += n;
		limit -= n;
	}
	return sum;
}

/* How many may go now; sleeps first if none may. */
static unsigned grant(struct pacer *p, uint64_t left, unsigned burst)
{
	unsigned want = left < burst ? (unsigned)left : burst, n;
	uint64_t when;

	if (p->rate <= 0)
		return want;
	while ((n = pacer_grant(p, want, now_ns(), &when)) == 0 && !stop_requested) {
		uint64_t soon = now_ns() + NS_PER_SEC / 10; /* look at the stop flag */

		sleep_until_ns(when < soon ? when : soon);
	}
	return n;
}

static int send_all(struct worker *w, struct tx *t)
{
	const unsigned rings = t->rings;
	unsigned burst = w->o->burst * rings;
	uint64_t done = 0, left, skipped;
	struct pacer pacer;
	unsigned n;

	pacer_init(&pacer, w->rate, burst, now_ns());
	w->first_ns = now_ns();
	while (!stop_requested && (!w->count || done < w->count)) {
		left = w->count ? w->count - done : UINT64_MAX;
		n = grant(&pacer, left, burst);
		if (n == 0)
			break;
		t->bytes = 0;
		skipped = t->skipped;
		n = fill_rings(w, t, n, w->o->check ? now_ns() : 0);
		if (n == 0) {
			if (port_poll(w->port, POLLOUT, 100) < 0)
				return -1;
			continue;
		}
		if (port_txsync(w->port))
			return -1;
		done += n;
		pacer_sent(&pacer, n);
		n -= (unsigned)(t->skipped - skipped);
		count_batch(&w->c, n, t->bytes);
		if (t->skipped == done && t->skipped >= t->file->count)
			break; /* the whole file is too large for this port */
	}
	return 0;
}

void tx_run(struct worker *w)
{
	struct tx t = {
		.packet = w->file ? NULL : w->packet,
		.file = w->file,
		.rubbish = w->o->rubbish,
		.indirect = w->o->indirect,
		.frags = w->o->frags,
		.frag_size = w->o->frag_size,
		.offset = w->o->offset,
	};
	const char *why;
	int left;

	if (tx_init(&t, w->port, &why)) {
		w->failed = 1;
		snprintf(w->why, sizeof(w->why), "%s: %s", port_name(w->port), why);
		return;
	}
	if (send_all(w, &t)) {
		worker_fail(w, "sending");
	} else {
		left = port_drain(w->port, DRAIN_PATIENCE_MS);
		if (left < 0)
			worker_fail(w, "sending the last packets");
		else
			w->stuck = (uint64_t)left;
	}
	w->last_ns = now_ns();
	w->skipped = t.skipped;
	tx_free(&t);
}
