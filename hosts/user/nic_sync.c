// SPDX-License-Identifier: BSD-2-Clause
#include "nic.h"

#include <sys/socket.h>

#define ETH_HEADER 14 /* no frame is shorter */

static uint64_t chunk(const struct nic_queue *q, uint32_t idx)
{
	return (uint64_t)idx << q->log2_stride;
}

static struct xdp_desc *desc_at(const struct xsk_ring *r, uint32_t i)
{
	return (struct xdp_desc *)r->entries + (i & r->mask);
}

static uint64_t *addr_at(const struct xsk_ring *r, uint32_t i)
{
	return (uint64_t *)r->entries + (i & r->mask);
}

/* ---- receive ---- */

/* The kernel can hold no more than the queue's own buffers: there is always room. */
static void fill_one(struct nic_queue *q, uint32_t idx)
{
	nm_store(&q->nics->owner[idx], q->tag);
	*addr_at(&q->xsk.fill, q->xsk.fill.mine++) = chunk(q, idx);
}

static void fill_done(struct nic_queue *q)
{
	nm_store_release(q->xsk.fill.producer, q->xsk.fill.mine);
	/* only drivers that fill these buffers themselves ever ask for that */
	if (nm_unlikely(xsk_needs_wakeup(&q->xsk.fill)))
		recvfrom(q->xsk.fd, NULL, 0, MSG_DONTWAIT, NULL, NULL);
}

void nic_fill(struct nic_queue *q, const uint32_t *idx, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		fill_one(q, idx[i]);
	fill_done(q);
}

/*
 * A packet into a slot. What the slot had goes to the kernel instead, unless
 * the client wrote nonsense there: then the queue is a buffer poorer.
 */
static bool deliver(struct nic_queue *q, struct netmap_slot *slot, struct xdp_desc d)
{
	uint32_t shift = q->mem->conf.shift;
	uint32_t old = nm_slot_get(slot).idx;
	union nm_slot s = { .idx = d.addr >> q->log2_stride, .len = d.len };
	uint32_t off = d.addr & (((uint64_t)1 << q->log2_stride) - 1);
	bool ok = nic_buf_ok(q, old);

	if (nm_likely(ok))
		fill_one(q, old);
	nm_store(&q->nics->owner[s.idx], 0);
	/* a driver with a headroom of its own */
	if (nm_unlikely(off != shift))
		memmove(nm_mem_buf(q->mem, s.idx), nm_mem_buf(q->mem, s.idx) + off - shift, d.len);
	nm_slot_set(slot, s);
	return ok;
}

int nic_rxsync(struct nm_kring *kr, int flags)
{
	struct nic_queue *q = kr->priv;
	struct xsk_ring *rx = &q->xsk.rx;
	uint32_t n = kr->num_slots, i = kr->hwtail, got = 0, bad = 0;
	uint32_t ready, room;
	uint64_t bytes = 0;

	(void)flags;
	nm_store(&kr->hwcur, kr->rhead);
	room = nm_dist(i, nm_prev(kr->hwcur, n), n);
	ready = xsk_ready(rx);
	if (ready > room)
		ready = room;
	for (; got < ready; got++, i = nm_next(i, n)) {
		struct xdp_desc d = *desc_at(rx, rx->mine + got);

		nm_prefetch(nm_mem_buf(q->mem, d.addr >> q->log2_stride));
		bytes += d.len;
		bad += !deliver(q, &kr->ring->slot[i], d);
	}
	if (got) {
		rx->mine += got;
		nm_store_release(rx->consumer, rx->mine);
		fill_done(q);
		nm_store(&kr->hwtail, i);
		nm_stat_add(&kr->stats.packets, got);
		nm_stat_add(&kr->stats.bytes, bytes);
		if (nm_unlikely(bad))
			nm_stat_add(&kr->stats.drops[NM_DROP_BADSLOT], bad);
	}
	nm_kring_end(kr, i);
	return 0;
}

/* ---- transmit ---- */

bool nic_kick(struct nic_queue *q)
{
	struct xsk_ring *tx = &q->xsk.tx;
	uint32_t done = nm_load_acquire(tx->consumer), before;
	uint32_t end = nm_load(tx->producer);

	if (!xsk_needs_wakeup(tx))
		return true;
	/* Copies move in small batches: go on for as long as it advances. */
	while (done != end) {
		before = done;
		if (sendto(q->xsk.fd, NULL, 0, MSG_DONTWAIT, NULL, 0) < 0 && errno != EAGAIN &&
		    errno != EBUSY && errno != ENOBUFS && errno != EINTR)
			return true; /* the interface is down or gone: told elsewhere */
		done = nm_load_acquire(tx->consumer);
		if (done == before)
			return false;
	}
	return true;
}

/* Completions come in any order; a buffer in several slots completes as often. */
static void complete(struct nic_queue *q)
{
	struct xsk_ring *c = &q->xsk.completion;
	uint32_t n = xsk_ready(c), nbufs = nm_mem_nbufs(q->mem);

	if (!n)
		return;
	for (uint32_t i = 0; i < n; i++) {
		uint64_t idx = *addr_at(c, c->mine + i) >> q->log2_stride;
		uint16_t slot = idx < nbufs ? q->slot_of[idx] : 0;

		if (nm_unlikely(!slot--))
			continue; /* sent by a user that is gone */
		q->slot_of[idx] = q->same[slot];
		q->finished[slot] = 1;
	}
	c->mine += n;
	nm_store_release(c->consumer, c->mine);
}

void nic_reap(struct nic_queue *q, struct nm_kring *kr)
{
	uint32_t tail = kr->hwtail, next;

	complete(q);
	while ((next = nm_next(tail, kr->num_slots)) != kr->hwcur && q->finished[next])
		tail = next;
	nm_store(&kr->hwtail, tail);
}

static bool slot_ok(const struct nic_queue *q, union nm_slot s)
{
	return nic_buf_ok(q, s.idx) && s.len <= q->mem->conf.buf_len && !(s.flags & NS_INDIRECT);
}

/*
 * A packet in several slots, from slot i on, is put together in its first
 * buffer. Returns the slot after it; -1 if the end of it is not there yet.
 */
static int64_t gather(struct nic_queue *q, struct nm_kring *kr, uint32_t i, uint32_t end,
		      union nm_slot *packet, enum nm_drop *cause)
{
	uint32_t n = kr->num_slots, len = packet->len, k;
	union nm_slot s = *packet;
	bool ok = slot_ok(q, s);

	for (k = nm_next(i, n); s.flags & NS_MOREFRAG; k = nm_next(k, n)) {
		if (k == end)
			return -1;
		s = nm_slot_get(&kr->ring->slot[k]);
		ok = ok && slot_ok(q, s);
		if (ok && len + s.len <= q->mem->conf.buf_len)
			memcpy(nm_mem_buf(q->mem, packet->idx) + len, nm_mem_buf(q->mem, s.idx),
			       s.len);
		len += s.len;
	}
	for (; i != k; i = nm_next(i, n))
		q->finished[i] = 1;
	*cause = !ok ? NM_DROP_BADSLOT : len > q->mem->conf.buf_len ? NM_DROP_TOOLONG : NM_DROPS;
	packet->len = len;
	return k;
}

static void send_slot(struct nic_queue *q, uint32_t i, union nm_slot s)
{
	struct xsk_ring *tx = &q->xsk.tx;

	*desc_at(tx, tx->mine++) = (struct xdp_desc){
		.addr = chunk(q, s.idx) + q->mem->conf.shift,
		.len = s.len,
	};
	q->same[i] = q->slot_of[s.idx];
	q->slot_of[s.idx] = i + 1;
	q->finished[i] = 0;
}

/* Gives [hwcur, rhead) to the kernel. */
static void submit(struct nic_queue *q, struct nm_kring *kr)
{
	uint32_t n = kr->num_slots, i = kr->hwcur, end = kr->rhead, packets = 0;
	uint64_t bytes = 0;

	while (i != end) {
		union nm_slot s = nm_slot_get(&kr->ring->slot[i]);
		enum nm_drop cause = NM_DROPS;
		int64_t next = nm_next(i, n);

		if (nm_unlikely(s.flags & NS_MOREFRAG)) {
			next = gather(q, kr, i, end, &s, &cause);
			if (next < 0)
				break;
		} else if (nm_unlikely(!slot_ok(q, s))) {
			cause = NM_DROP_BADSLOT;
		}
		if (nm_unlikely(cause == NM_DROPS && s.len < ETH_HEADER))
			cause = NM_DROP_BADSLOT;
		if (nm_likely(cause == NM_DROPS)) {
			send_slot(q, i, s);
			bytes += s.len;
			packets++;
		} else {
			q->finished[i] = 1;
			nm_stat_add(&kr->stats.drops[cause], 1);
		}
		i = next;
	}
	kr->hwcur = i;
	nm_store_release(q->xsk.tx.producer, q->xsk.tx.mine);
	nm_stat_add(&kr->stats.packets, packets);
	nm_stat_add(&kr->stats.bytes, bytes);
}

int nic_txsync(struct nm_kring *kr, int flags)
{
	struct nic_queue *q = kr->priv;

	(void)flags;
	if (kr->hwcur != kr->rhead)
		submit(q, kr);
	if (!nic_kick(q))
		nic_watch(q); /* it will go out even if nobody syncs again */
	nic_reap(q, kr);
	nm_kring_end(kr, kr->hwtail);
	return 0;
}
