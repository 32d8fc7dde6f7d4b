// SPDX-License-Identifier: BSD-2-Clause
/*
 * The data path of a switch, in phases over a chunk of a source ring:
 *
 *   collect  read each slot once, validate it, prefetch the header
 *   route    read addresses, learn, look up, queue the packet by destination
 *   deliver  for each destination: reserve room once, copy, publish, wake once
 *
 * Several senders may deliver to one ring: each reserves its own run of slots
 * under the ring's lock, copies without it, and runs are published in the
 * order of their reservation, by whoever completes the oldest.
 */
#include "vale.h"

#define CHUNK	256 /* slots at a time: their headers fit the first-level cache */
#define NONE	0xffff
#define ETH_LEN 14

/* A slot of the chunk; dst, frags and next are those of a packet's first slot. */
struct ft {
	char *buf;
	uint16_t len;
	uint16_t next; /* next packet for the same destination */
	uint8_t frags;
	uint8_t dst;
	bool more;
	bool no_learn;
};

struct queue {
	uint16_t head, tail;
	uint16_t slots;
};

struct nm_vale_work {
	struct ft ft[CHUNK];
	uint32_t n;			   /* slots collected */
	struct queue queue[NM_VALE_BROADCAST + 1]; /* by destination */
	uint32_t ndst;
	uint8_t dst[NM_VALE_BROADCAST + 1]; /* destinations with a queue */
};

struct nm_vale_work *nm_vale_work_new(void)
{
	struct nm_vale_work *w = nm_os_alloc(sizeof(*w));
	int i;

	if (w)
		for (i = 0; i <= NM_VALE_BROADCAST; i++)
			w->queue[i].head = NONE;
	return w;
}

void nm_vale_work_free(struct nm_vale_work *work)
{
	nm_os_free(work);
}

static void drop(struct nm_kring *kr, enum nm_drop cause, uint64_t n)
{
	nm_stat_add(&kr->stats.drops[cause], n);
}

/* ---- collect ---- */

/* The payload of NS_INDIRECT is the sender's: fetch it into the slot's own buffer. */
static bool fetch_indirect(struct nm_vale_src *src, const struct netmap_slot *slot,
			   const struct ft *f)
{
	if (f->len > src->kr->mem->conf.buf_len)
		return false;
	return !nm_os_copyin(src->kr->user, f->buf, nm_load(&slot->ptr), f->len);
}

/* One slot into *f; false if it is invalid. */
static bool collect_slot(struct nm_vale_src *src, uint32_t i, uint32_t nbufs, struct ft *f)
{
	struct nm_kring *kr = src->kr;
	const struct netmap_slot *slot = &kr->ring->slot[i];
	union nm_slot s = nm_slot_get(slot);

	f->len = s.len;
	f->more = s.flags & NS_MOREFRAG;
	f->dst = s.flags >> NS_PORT_SHIFT;
	f->no_learn = s.flags & NS_NO_LEARN;
	if (nm_unlikely(s.idx - NM_BUF_FIRST >= nbufs - NM_BUF_FIRST ||
			s.len > kr->mem->conf.stride))
		return false;
	f->buf = nm_mem_buf(kr->mem, s.idx);
	nm_prefetch(f->buf);
	return nm_likely(!(s.flags & NS_INDIRECT)) || fetch_indirect(src, slot, f);
}

/*
 * One packet from slot i on into ft[w->n...]. Returns the slot after it; i
 * itself if the rest of it is not there yet, or does not fit this chunk.
 */
static uint32_t collect_packet(struct nm_vale_src *src, uint32_t i, uint32_t to,
			       uint32_t nbufs)
{
	struct nm_vale_work *w = src->work;
	struct ft *first = &w->ft[w->n];
	uint32_t frags = 0, j = i;
	bool ok = true, more;

	do {
		if (j == to || w->n + frags == CHUNK)
			return i;
		ok &= collect_slot(src, j, nbufs, first + frags);
		more = first[frags].more;
		j = nm_next(j, src->kr->num_slots);
		if (++frags == NETMAP_MAX_FRAGS && more) {
			/* no packet is that long: what we have of it goes */
			ok = false;
			break;
		}
	} while (more);
	if (nm_unlikely(!ok)) {
		drop(src->kr, NM_DROP_BADSLOT, 1);
		return j;
	}
	first->frags = frags;
	w->n += frags;
	return j;
}

static uint32_t collect(struct nm_vale_src *src, uint32_t from, uint32_t to)
{
	uint32_t nbufs = nm_mem_nbufs_committed(src->kr->mem), next;

	src->work->n = 0;
	while (from != to) {
		next = collect_packet(src, from, to, nbufs);
		if (next == from)
			break;
		from = next;
	}
	return from;
}

/* ---- route ---- */

static uint64_t load_mac(const char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	v = __builtin_bswap64(v);
#endif
	return v & 0xffffffffffffull;
}

static bool mac_is_group(uint64_t mac)
{
	return mac & 1;
}

/* Where the Ethernet header is: behind a virtio-net header, maybe in the next slot. */
static const char *eth_header(const struct ft *f, uint32_t hdr_len)
{
	if (nm_likely(f->len >= hdr_len + ETH_LEN))
		return f->buf + hdr_len;
	if (f->len == hdr_len && f->frags > 1 && f[1].len >= ETH_LEN)
		return f[1].buf;
	return NULL;
}

static void enqueue(struct nm_vale_work *w, uint32_t dst, uint32_t i)
{
	struct queue *q = &w->queue[dst];

	w->ft[i].next = NONE;
	if (q->head == NONE) {
		q->head = i;
		q->slots = 0;
		w->dst[w->ndst++] = dst;
	} else {
		w->ft[q->tail].next = i;
	}
	q->tail = i;
	q->slots += w->ft[i].frags;
}

/*
 * Addresses repeat from packet to packet: the last answers are kept for the
 * chunk, so a flow costs one look-up.
 */
static void route(struct nm_vale_src *src, uint32_t now)
{
	struct nm_vale_work *w = src->work;
	struct nm_switch *sw = src->vp->sw;
	uint32_t self = src->vp->index, hdr_len = nm_load(&src->vp->port->hdr_len);
	uint64_t last_from = 1, last_to = 0;
	uint32_t last_dst = NM_VALE_BROADCAST, i, dst, nodest = 0;

	w->ndst = 0;
	for (i = 0; i < w->n; i += w->ft[i].frags) {
		struct ft *f = &w->ft[i];
		const char *eth = eth_header(f, hdr_len);
		uint64_t to, from;

		if (nm_unlikely(!eth)) {
			drop(src->kr, NM_DROP_BADSLOT, 1);
			continue;
		}
		to = load_mac(eth);
		from = load_mac(eth + 6);
		if (from != last_from && !mac_is_group(from) && !f->no_learn) {
			nm_fdb_learn(sw->fdb, from, self, now);
			last_from = from;
		}
		dst = f->dst;
		if (nm_likely(!dst)) {
			if (to != last_to) {
				last_to = to;
				last_dst = mac_is_group(to) ?
						   NM_VALE_BROADCAST :
						   nm_fdb_find(sw->fdb, to, now);
			}
			dst = last_dst;
		}
		if (nm_unlikely(dst == self)) {
			nodest++;
			continue;
		}
		enqueue(w, dst, i);
	}
	if (nm_unlikely(nodest))
		drop(src->kr, NM_DROP_NODEST, nodest);
}

/* ---- deliver ---- */

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
	return nm_dist(out->lease, nm_load_acquire(&out->hwcur), out->num_slots);
}

/* Reserves up to `want` slots: how many, the first in *start. */
static uint32_t reserve(struct nm_kring *out, uint32_t want, uint32_t *start)
{
	uint32_t n = out->num_slots, room;

	nm_os_lock(&out->lock);
	/* equal pointers: nothing reserved, everything free but the spare slot */
	room = out_room(out);
	room = room ? room - 1 : n - 1;
	want = want < room ? want : room;
	*start = out->lease;
	out->lease = nm_add(out->lease, want, n);
	nm_os_unlock(&out->lock);
	return want;
}

/* What delivering to one ring came to. */
struct tally {
	uint32_t slots; /* written */
	uint64_t packets, bytes;
	uint64_t drops[NM_DROPS];
};

/* Slots [start + used, start + taken) were reserved for nothing. */
static uint32_t give_back(struct nm_kring *out, uint32_t start, uint32_t taken,
			  uint32_t used)
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
static bool publish(struct nm_kring *out, uint32_t start, uint32_t taken,
		    const struct tally *t)
{
	uint32_t n = out->num_slots, run = t->slots, tail;
	bool moved = false;
	int i;

	nm_os_lock(&out->lock);
	if (run < taken)
		run = give_back(out, start, taken, run);
	tail = out->hwtail;
	if (tail != start) {
		out->done[start] = run;
	} else if (run) {
		do {
			tail = nm_add(tail, run, n);
			run = out->done[tail];
			out->done[tail] = 0;
		} while (run);
		/* pairs with the receiver's acquire in rxsync */
		nm_store_release(&out->hwtail, tail);
		moved = true;
	}
	nm_stat_add(&out->stats.packets, t->packets);
	nm_stat_add(&out->stats.bytes, t->bytes);
	for (i = 0; i < NM_DROPS; i++)
		if (nm_unlikely(t->drops[i]))
			drop(out, i, t->drops[i]);
	nm_os_unlock(&out->lock);
	return moved;
}

/* A packet's slots into the out ring from slot j on. */
static uint32_t copy_packet(struct nm_kring *out, const struct ft *f, uint32_t j,
			    uint32_t nbufs, struct tally *t)
{
	uint32_t k, frags = f->frags;

	for (k = 0; k < frags; k++, f++) {
		struct netmap_slot *slot = &out->ring->slot[j];
		union nm_slot s = nm_slot_get(slot);

		s.len = f->len;
		s.flags = frags << NS_PORT_SHIFT | (f->more ? NS_MOREFRAG : 0);
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

/* Takes the earlier of two queues' heads, so that a port sees the sender's order. */
static uint32_t pop(const struct nm_vale_work *w, uint32_t *a, uint32_t *b)
{
	uint32_t *from = *a < *b ? a : b, i = *from;

	*from = w->ft[i].next;
	return i;
}

/* Queues a and b (broadcast) to one ring. */
static void deliver_ring(struct nm_vale_src *src, struct nm_vport *vp,
			 struct nm_kring *out, const struct queue *qa,
			 const struct queue *qb)
{
	struct nm_vale_work *w = src->work;
	uint32_t a = qa->head, b = qb->head;
	uint32_t want = (a != NONE ? qa->slots : 0) + (b != NONE ? qb->slots : 0);
	uint32_t nbufs = nm_mem_nbufs_committed(out->mem), start, taken, j;
	struct tally t = { 0 };

	taken = reserve(out, want, &start);
	if (nm_unlikely(taken < want) && vp->reclaim) {
		/* give the consumer a push, and try for the rest */
		t.slots = 0;
		publish(out, start, taken, &t);
		vp->reclaim(out);
		taken = reserve(out, want, &start);
	}
	for (j = start; a != NONE || b != NONE;) {
		const struct ft *f = &w->ft[pop(w, &a, &b)];

		if (nm_unlikely(too_long(f, vp->buf_len))) {
			t.drops[NM_DROP_TOOLONG]++;
		} else if (nm_unlikely(f->frags > taken - t.slots)) {
			t.drops[NM_DROP_NOROOM]++;
		} else {
			j = copy_packet(out, f, j, nbufs, &t);
			t.slots += f->frags;
		}
	}
	if (publish(out, start, taken, &t))
		out->notify(out);
}

static void deliver_port(struct nm_vale_src *src, uint32_t dst, const struct queue *qa,
			 const struct queue *qb)
{
	struct nm_vport *vp = nm_load_acquire(&src->vp->sw->port[dst]);
	struct nm_kring *out;
	uint32_t i, lost = 0;

	out = vp && !nm_load(&vp->port->gone) ? out_ring(vp, src->kr->id) : NULL;
	if (nm_likely(out)) {
		deliver_ring(src, vp, out, qa, qb);
		return;
	}
	/* a flood passes by those who do not listen; a packet for them is lost */
	for (i = qa->head; i != NONE; i = src->work->ft[i].next)
		lost++;
	if (lost)
		drop(src->kr, NM_DROP_NODEST, lost);
}

static void deliver_flood(struct nm_vale_src *src, const struct queue *flood)
{
	struct nm_vale_work *w = src->work;
	struct nm_switch *sw = src->vp->sw;
	uint32_t active = nm_load(&sw->active), dst;

	for (dst = 1; dst <= active; dst++)
		if (dst != src->vp->index && nm_load(&sw->port[dst]))
			deliver_port(src, dst, &w->queue[dst], flood);
}

static void deliver(struct nm_vale_src *src)
{
	static const struct queue empty = { .head = NONE };
	struct nm_vale_work *w = src->work;
	struct queue *flood = &w->queue[NM_VALE_BROADCAST];
	uint32_t i;

	if (nm_unlikely(flood->head != NONE))
		deliver_flood(src, flood);
	for (i = 0; i < w->ndst; i++) {
		uint32_t dst = w->dst[i];

		if (dst != NM_VALE_BROADCAST &&
		    (flood->head == NONE || !nm_load(&src->vp->sw->port[dst])))
			deliver_port(src, dst, &w->queue[dst], &empty);
	}
	for (i = 0; i < w->ndst; i++)
		w->queue[w->dst[i]].head = NONE;
}

uint32_t nm_vale_forward(struct nm_vale_src *src, uint32_t from, uint32_t to)
{
	uint32_t now = nm_os_now_coarse() / 1000000000, next, i;
	struct nm_vale_work *w = src->work;
	uint64_t packets = 0, bytes = 0;

	while (from != to) {
		next = collect(src, from, to);
		if (next == from)
			break;
		for (i = 0; i < w->n; i++) {
			packets += !w->ft[i].more;
			bytes += w->ft[i].len;
		}
		route(src, now);
		deliver(src);
		from = next;
	}
	nm_stat_add(&src->kr->stats.packets, packets);
	nm_stat_add(&src->kr->stats.bytes, bytes);
	return from;
}
