// SPDX-License-Identifier: BSD-2-Clause
/*
 * Delivery of packets to one member of a switch.
 *
 * Several senders may deliver to one ring: each reserves its own run of slots
 * under the ring's lock, copies without it, and runs are published in the
 * order of their reservation, by whoever completes the oldest.
 */
#include "work.h"
#include "../offload.h"

#define AHEAD 8 /* slots; rings have no fewer */

/* The out ring for this source: flows of one ring stay in order. */
static struct nm_kring *out_ring(struct nm_vport *vp, uint32_t hint)
{
	uint32_t i;

	for (i = 0; i < vp->nout; i++) {
		struct nm_kring *out = &vp->out[(hint + i) % vp->nout];

		if (nm_likely(nm_load_acquire(&out->open)))
			return out;
	}
	return NULL;
}

static uint32_t out_room(const struct nm_kring *out)
{
	/* the consumer's release of hwcur comes after its last look at those slots */
	uint32_t room = nm_dist(out->lease, nm_load_acquire(&out->hwcur), out->num_slots);

	/* equal pointers: nothing reserved, everything free but the spare slot */
	return room ? room - 1 : out->num_slots - 1;
}

/* Reserves up to `want` slots, or none if there are not `least`: how many, the first in *start. */
static uint32_t reserve(struct nm_kring *out, uint32_t want, uint32_t least, uint32_t *start)
{
	uint32_t room;

	nm_os_lock(&out->lock);
	room = out_room(out);
	if (room < want && out->csb) {
		/* only then: it is a line that the receiver writes */
		nm_csb_collect(out);
		room = out_room(out);
	}
	if (want > room)
		want = room < least ? 0 : room;
	*start = out->lease;
	out->lease = nm_add(out->lease, want, out->num_slots);
	nm_os_unlock(&out->lock);
	return want;
}

/* Slots [start + used, start + taken) were reserved for nothing. */
static uint32_t give_back(struct nm_kring *out, uint32_t start, uint32_t taken, uint32_t used)
{
	uint32_t n = out->num_slots, i;

	if (out->lease == nm_add(start, taken, n)) {
		out->lease = nm_add(start, used, n);
		return used;
	}
	/* a later reservation exists: they become empty packets */
	for (i = used; i < taken; i++) {
		struct netmap_slot *slot = &out->ring->slot[nm_add(start, i, n)];
		union nm_slot s = nm_slot_get(slot);

		s.len = 0;
		s.flags = 0;
		nm_slot_set(slot, s);
	}
	return taken;
}

/* Publishes our run, and those after it that were waiting for it; true if tail moved. */
static bool publish(struct nm_kring *out, uint32_t start, uint32_t taken, const struct tally *t)
{
	uint32_t n = out->num_slots, run = t->slots, tail;
	bool moved = false;
	int i;

	nm_os_lock(&out->lock);
	if (run < taken)
		run = give_back(out, start, taken, run);
	tail = out->hwtail;
	if (!run) {
		/* nothing of ours: `start` may be another sender's by now */
	} else if (tail != start) {
		out->done[start] = run;
	} else {
		do {
			tail = nm_add(tail, run, n);
			run = out->done[tail];
			out->done[tail] = 0;
		} while (run);
		/* pairs with the receiver's acquire in rxsync */
		nm_store_release(&out->hwtail, tail);
		if (out->csb)
			nm_csb_publish(out, tail);
		moved = true;
	}
	nm_stat_add(&out->stats.packets, t->packets);
	nm_stat_add(&out->stats.bytes, t->bytes);
	for (i = 0; i < NM_DROPS; i++)
		if (nm_unlikely(t->drops[i]))
			nm_drop_add(out, i, t->drops[i]);
	nm_os_unlock(&out->lock);
	return moved;
}

/* A packet's slots into the out ring from slot j on. */
static uint32_t copy_packet(struct nm_kring *out, const struct ft *f, uint32_t j, uint32_t nbufs,
			    struct tally *t)
{
	uint32_t k, frags = f->frags;

	for (k = 0; k < frags; k++, f++) {
		struct netmap_slot *slot = &out->ring->slot[j];
		union nm_slot s = nm_slot_get(slot);

		s.len = f->len;
		s.flags = frags << NS_PORT_SHIFT | (f->flags & NS_MOREFRAG);
		if (nm_likely(s.idx - NM_BUF_FIRST < nbufs - NM_BUF_FIRST)) {
			nm_os_copy_pkt(nm_mem_buf(out->mem, s.idx), f->buf, f->len);
			t->bytes += f->len;
		} else {
			/* the receiver broke its own slot: it gets nothing in it */
			s.len = 0;
			t->drops[NM_DROP_BADSLOT]++;
		}
		nm_slot_set(slot, s);
		j = nm_next(j, out->num_slots);
	}
	t->packets++;
	return j;
}

static bool too_long(const struct ft *f, uint32_t buf_len)
{
	uint32_t k;

	for (k = 0; k < f->frags; k++)
		if (f[k].len > buf_len)
			return true;
	return false;
}

/*
 * The buffer that slot j will be copied to was last touched by the receiver, on
 * another processor: fetch it for writing well before.
 */
static void fetch_ahead(const struct nm_kring *out, uint32_t j)
{
	const struct netmap_slot *slot = &out->ring->slot[nm_add(j, AHEAD, out->num_slots)];

	/* any index will do: nothing is read through it */
	nm_prefetchw(nm_mem_buf(out->mem, nm_slot_get(slot).idx));
}

/* A run into the out ring from slot j on; the slot after it. */
static uint32_t copy_run(struct nm_vale_work *w, const struct run *r, struct nm_vport *vp,
			 struct nm_kring *out, uint32_t j, uint32_t taken, struct tally *t)
{
	uint32_t nbufs = nm_mem_nbufs_committed(out->mem);
	const struct ft *f = &w->ft[r->first], *end = &w->ft[r->end];
	bool check = w->longest > vp->buf_len;

	for (; f < end; f += f->frags) {
		if (nm_unlikely(f->frags > taken - t->slots)) {
			t->drops[NM_DROP_NOROOM]++;
		} else if (nm_unlikely(check && too_long(f, vp->buf_len))) {
			t->drops[NM_DROP_TOOLONG]++;
		} else {
			fetch_ahead(out, j);
			j = copy_packet(out, f, j, nbufs, t);
			t->slots += f->frags;
		}
	}
	return j;
}

/* ---- pending deliveries ---- */

/*
 * A forward publishes once for each ring, at its end: a receiver that looks
 * meanwhile would get a few packets for the price of a whole batch, and go to
 * sleep again.
 */
static void flush_one(struct delivery *d)
{
	if (publish(d->out, d->start, d->taken, &d->t))
		d->out->notify(d->out);
	d->out = NULL;
}

void nm_deliver_flush(struct nm_vale_work *w)
{
	uint32_t i;

	for (i = 0; i < w->npending; i++)
		if (w->pending[i].out)
			flush_one(&w->pending[i]);
	w->npending = 0;
}

/*
 * Slots that were reserved: the receiver looked at them on another processor, so their
 * lines are not ours to write yet. All are asked for at once.
 */
static void fetch_slots(const struct nm_kring *out, uint32_t start, uint32_t n)
{
	const uint32_t step = NM_CACHELINE / sizeof(struct netmap_slot);
	uint32_t k;

	for (k = 0; k < n; k += step)
		nm_prefetchw(&out->ring->slot[nm_add(start, k, out->num_slots)]);
}

/* The pending delivery to `out`, or an empty place for one. */
static struct delivery *delivery_of(struct nm_vale_work *w, struct nm_kring *out)
{
	uint32_t i;

	for (i = 0; i < w->npending; i++)
		if (w->pending[i].out == out)
			return &w->pending[i];
	if (w->npending == DESTS)
		nm_deliver_flush(w);
	w->pending[w->npending].out = NULL;
	return &w->pending[w->npending++];
}

/* Reserves up to `want` slots more, but not less than `least`; how many. */
static uint32_t delivery_grow(struct delivery *d, struct nm_kring *out, uint32_t want,
			      uint32_t least)
{
	uint32_t start, got = reserve(out, want, least, &start);

	/* others may have reserved in between: then a new run begins */
	if (d->out && start != nm_add(d->start, d->taken, out->num_slots))
		flush_one(d);
	if (!d->out) {
		memset(d, 0, sizeof(*d));
		d->out = out;
		d->start = start;
	}
	d->taken += got;
	fetch_slots(out, start, got);
	return got;
}

/* ---- ports that differ in their virtio-net header ---- */

/* The packet in one piece without its header, which goes to vnet. 0: too long. */
static uint32_t linearize(struct nm_vale_work *w, const struct ft *f, uint32_t skip, uint8_t *vnet)
{
	uint32_t k, len = 0, part;

	if (f->len < skip || (!w->linear && !(w->linear = nm_os_alloc(NM_OFFLOAD_MAX))))
		return 0;
	memcpy(vnet, f->buf, skip);
	for (k = 0; k < f->frags; k++, skip = 0) {
		part = f[k].len - skip;
		if (part > NM_OFFLOAD_MAX - len)
			return 0;
		memcpy(w->linear + len, f[k].buf + skip, part);
		len += part;
	}
	return len;
}

/* Segment k, behind a header of `hdr` bytes that asks for nothing, into slot j. */
static void put_segment(struct nm_kring *out, const struct nm_offload *o, uint32_t k, uint32_t hdr,
			uint32_t j, struct tally *t)
{
	struct netmap_slot *slot = &out->ring->slot[j];
	union nm_slot s = nm_slot_get(slot);
	char *buf;

	s.len = 0;
	s.flags = 1 << NS_PORT_SHIFT;
	if (nm_likely(s.idx - NM_BUF_FIRST < nm_mem_nbufs_committed(out->mem) - NM_BUF_FIRST)) {
		buf = nm_mem_buf(out->mem, s.idx);
		memset(buf, 0, hdr);
		if (hdr == NM_VNET_LEN_MAX)
			buf[NM_VNET_LEN] = 1; /* num_buffers */
		nm_offload_write(o, k, (uint8_t *)buf + hdr);
		s.len = hdr + nm_offload_len(o, k);
		t->bytes += s.len;
		t->packets++;
	} else {
		t->drops[NM_DROP_BADSLOT]++;
	}
	nm_slot_set(slot, s);
	t->slots++;
}

/* One packet to a port with another header length: all of its segments, or none. */
static bool convert_packet(struct nm_vale_src *src, const struct ft *f, struct nm_vport *vp,
			   struct nm_kring *out, uint32_t src_hdr, uint32_t dst_hdr)
{
	struct nm_vale_work *w = src->work;
	uint8_t vnet[NM_VNET_LEN_MAX];
	struct tally t = { 0 };
	struct nm_offload o;
	uint32_t len = linearize(w, f, src_hdr, vnet), start = 0, taken = 0, k;

	if (nm_offload_init(&o, src_hdr ? vnet : NULL, w->linear, len)) {
		nm_drop_add(src->kr, NM_DROP_BADSLOT, 1);
		return false;
	}
	if (dst_hdr + nm_offload_len(&o, 0) > vp->buf_len) {
		t.drops[NM_DROP_TOOLONG]++;
	} else {
		taken = reserve(out, o.segments, o.segments, &start);
		if (!taken)
			t.drops[NM_DROP_NOROOM]++;
		else
			for (k = 0; k < o.segments; k++)
				put_segment(out, &o, k, dst_hdr, nm_add(start, k, out->num_slots),
					    &t);
	}
	return publish(out, start, taken, &t);
}

static void convert_run(struct nm_vale_src *src, const struct run *r, struct nm_vport *vp,
			struct nm_kring *out, uint32_t src_hdr, uint32_t dst_hdr)
{
	const struct ft *f = &src->work->ft[r->first], *end = &src->work->ft[r->end];

	for (; f < end; f += f->frags)
		if (convert_packet(src, f, vp, out, src_hdr, dst_hdr))
			out->notify(out);
}

/* Takes the earlier of two queues' heads, so that a port sees the sender's order. */
static const struct run *pop(const struct nm_vale_work *w, uint32_t *a, uint32_t *b)
{
	uint32_t *from = *a < *b ? a : b;
	const struct run *r = &w->run[*from];

	*from = r->next;
	return r;
}

/* Queues a and b (broadcast) to one ring. */
static void deliver_ring(struct nm_vale_src *src, struct nm_vport *vp, struct nm_kring *out,
			 const struct queue *qa, const struct queue *qb)
{
	struct nm_vale_work *w = src->work;
	uint32_t a = qa->head, b = qb->head;
	uint32_t want = (a != NONE ? qa->slots : 0) + (b != NONE ? qb->slots : 0);
	uint32_t src_hdr = nm_load(&src->vp->port->hdr_len);
	uint32_t dst_hdr = nm_load(&vp->port->hdr_len);
	struct delivery *d;
	uint32_t j;

	if (nm_unlikely(src_hdr != dst_hdr)) {
		while (a != NONE || b != NONE)
			convert_run(src, pop(w, &a, &b), vp, out, src_hdr, dst_hdr);
		return;
	}
	d = delivery_of(w, out);
	/* all or nothing: what is given back may have to become empty packets */
	if (nm_unlikely(delivery_grow(d, out, want, want) < want)) {
		/* the receiver may make room once it sees what it has */
		flush_one(d);
		if (vp->reclaim)
			vp->reclaim(out);
		delivery_grow(d, out, want, 0);
	}
	j = nm_add(d->start, d->t.slots, out->num_slots);
	while (a != NONE || b != NONE)
		j = copy_run(w, pop(w, &a, &b), vp, out, j, d->taken, &d->t);
	/* what is reserved and not used can only be given back while it is the last */
	if (nm_unlikely(d->t.slots < d->taken))
		flush_one(d);
}

void nm_deliver_port(struct nm_vale_src *src, uint32_t dst, const struct queue *qa,
		     const struct queue *qb)
{
	struct nm_vport *vp = nm_load_acquire(&src->sw->port[dst]);
	const struct nm_vale_work *w = src->work;
	struct nm_kring *out;
	uint64_t lost = 0;
	uint32_t i, k;

	out = vp && !nm_load(&vp->port->gone) ? out_ring(vp, src->kr->id) : NULL;
	if (nm_likely(out)) {
		deliver_ring(src, vp, out, qa, qb);
		return;
	}
	/* a flood passes by those who do not listen; a packet for them is lost */
	for (i = qa->head; i != NONE; i = w->run[i].next)
		for (k = w->run[i].first; k < w->run[i].end; k += w->ft[k].frags)
			lost++;
	if (lost)
		nm_drop_add(src->kr, NM_DROP_NODEST, lost);
}
