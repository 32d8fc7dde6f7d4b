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

/*
 * Slots at a time: few enough that the headers seen by route() are still in
 * the first-level cache when deliver() copies, and a packet of most fragments
 * fits.
 */
#define CHUNK	NETMAP_MAX_FRAGS
#define WAKES	8
#define NONE	0xffff
#define ETH_LEN 14

/* A slot of the chunk; frags is that of a packet's first slot. */
struct ft {
	char *buf;
	uint16_t len;
	uint16_t flags;
	uint8_t frags;
};

/* Consecutive packets of the chunk for one destination: slots [first, end). */
struct run {
	uint16_t first, end;
	uint16_t next; /* of the same destination */
};

struct queue {
	uint16_t head, tail; /* runs */
	uint16_t slots;
};

struct nm_vale_work {
	struct ft ft[CHUNK];
	uint32_t n; /* slots collected */
	uint32_t longest;
	uint64_t packets, bytes;
	struct run run[CHUNK];
	uint32_t nruns;
	struct queue queue[NM_VALE_BROADCAST + 1]; /* by destination */
	uint32_t ndst;
	uint8_t dst[NM_VALE_BROADCAST + 1]; /* destinations with a queue */
	uint32_t nwakes;
	struct nm_kring *wake[WAKES]; /* rings with news, told at the end */
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

static bool slot_ok(union nm_slot s, const struct nm_mem *mem, uint32_t nbufs)
{
	return s.idx - NM_BUF_FIRST < nbufs - NM_BUF_FIRST && s.len <= mem->conf.stride;
}

static void ft_set(struct nm_vale_work *w, struct ft *f, union nm_slot s,
		   const struct nm_mem *mem)
{
	f->buf = nm_mem_buf(mem, s.idx);
	f->len = s.len;
	f->flags = s.flags;
	f->frags = 1;
	w->bytes += s.len;
	w->longest = s.len > w->longest ? s.len : w->longest;
	nm_prefetch(f->buf);
	if (s.len > 2 * NM_CACHELINE) {
		/* the first lines start the processor's own prefetcher early */
		nm_prefetch(f->buf + NM_CACHELINE);
		nm_prefetch(f->buf + 2 * NM_CACHELINE);
	}
}

/* The payload of NS_INDIRECT is the sender's: fetch it into the slot's own buffer. */
static bool fetch_indirect(struct nm_vale_src *src, const struct netmap_slot *slot,
			   const struct ft *f)
{
	if (f->len > src->kr->mem->conf.buf_len)
		return false;
	return !nm_os_copyin(src->kr->user, f->buf, nm_load(&slot->ptr), f->len);
}

/*
 * One packet from slot i on, of any form, into ft[w->n...]. Returns the slot
 * after it; i itself if the rest of it is not there yet, or does not fit.
 */
static uint32_t collect_packet(struct nm_vale_src *src, uint32_t i, uint32_t to,
			       uint32_t nbufs)
{
	struct nm_vale_work *w = src->work;
	struct nm_kring *kr = src->kr;
	struct ft *first = &w->ft[w->n];
	uint64_t bytes = w->bytes;
	uint32_t frags = 0, j = i;
	bool ok = true, more;

	do {
		const struct netmap_slot *slot = &kr->ring->slot[j];
		union nm_slot s = nm_slot_get(slot);

		if (j == to || w->n + frags == CHUNK) {
			w->bytes = bytes;
			return i;
		}
		ok = ok && slot_ok(s, kr->mem, nbufs);
		if (ok) {
			ft_set(w, &first[frags], s, kr->mem);
			if (s.flags & NS_INDIRECT)
				ok = fetch_indirect(src, slot, &first[frags]);
		}
		more = s.flags & NS_MOREFRAG;
		j = nm_next(j, kr->num_slots);
		if (++frags == NETMAP_MAX_FRAGS && more) {
			/* no packet is that long: what we have of it goes */
			ok = false;
			more = false;
		}
	} while (more);
	w->packets++;
	if (nm_unlikely(!ok)) {
		w->bytes = bytes;
		drop(kr, NM_DROP_BADSLOT, 1);
		return j;
	}
	first->frags = frags;
	w->n += frags;
	return j;
}

static uint32_t collect(struct nm_vale_src *src, uint32_t from, uint32_t to)
{
	struct nm_vale_work *w = src->work;
	struct nm_kring *kr = src->kr;
	uint32_t nbufs = nm_mem_nbufs_committed(kr->mem), next;

	w->n = 0;
	w->longest = 0;
	while (from != to && w->n < CHUNK) {
		union nm_slot s = nm_slot_get(&kr->ring->slot[from]);

		if (nm_likely(slot_ok(s, kr->mem, nbufs) &&
			      !(s.flags & (NS_MOREFRAG | NS_INDIRECT)))) {
			ft_set(w, &w->ft[w->n++], s, kr->mem);
			w->packets++;
			from = nm_next(from, kr->num_slots);
			continue;
		}
		next = collect_packet(src, from, to, nbufs);
		if (next == from)
			break;
		from = next;
	}
	return from;
}

/* ---- route ---- */

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define le64(v) __builtin_bswap64(v)
#else
#define le64(v) (v)
#endif
#define MAC_MASK 0xffffffffffffull

/* The addresses as they lie in memory: 12 bytes in two words. */
struct addresses {
	uint64_t to_from;
	uint32_t from;
};

static struct addresses addresses_load(const char *eth)
{
	struct addresses a;

	memcpy(&a.to_from, eth, sizeof(a.to_from));
	memcpy(&a.from, eth + sizeof(a.to_from), sizeof(a.from));
	return a;
}

static uint64_t mac_load(const char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return le64(v) & MAC_MASK;
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

/* Learns the sender, and looks the destination up. */
static uint32_t lookup(struct nm_vale_src *src, const struct ft *f, const char *eth,
		       uint32_t now)
{
	struct nm_fdb *fdb = src->sw->fdb;
	uint64_t to = mac_load(eth), from = mac_load(eth + 6);

	if (!mac_is_group(from) && !(f->flags & NS_NO_LEARN))
		nm_fdb_learn(fdb, from, src->vp->index, now);
	if (f->flags & NS_PORT_MASK)
		return f->flags >> NS_PORT_SHIFT;
	return mac_is_group(to) ? NM_VALE_BROADCAST : nm_fdb_find(fdb, to, now);
}

/* A new run for dst, that begins with the packet at i. */
static struct run *run_new(struct nm_vale_work *w, uint32_t dst, uint32_t i)
{
	struct queue *q = &w->queue[dst];
	struct run *r = &w->run[w->nruns];

	r->first = i;
	r->next = NONE;
	if (q->head == NONE) {
		q->head = w->nruns;
		q->slots = 0;
		w->dst[w->ndst++] = dst;
	} else {
		w->run[q->tail].next = w->nruns;
	}
	q->tail = w->nruns++;
	return r;
}

static void run_end(struct nm_vale_work *w, struct run *r, uint32_t dst, uint32_t end)
{
	if (!r)
		return;
	r->end = end;
	w->queue[dst].slots += end - r->first;
}

/*
 * Addresses repeat from packet to packet: a packet like the one before it
 * costs a comparison, and makes that one's run longer.
 */
static void route(struct nm_vale_src *src, uint32_t now)
{
	struct nm_vale_work *w = src->work;
	uint32_t self = src->vp->index, hdr_len = nm_load(&src->vp->port->hdr_len);
	struct addresses last = { 0, 0 };
	uint32_t i, dst = NM_VALE_NOWHERE, run_dst = NM_VALE_NOWHERE;
	struct run *run = NULL;
	bool precedent = false;

	w->ndst = w->nruns = 0;
	for (i = 0; i < w->n; i += w->ft[i].frags) {
		struct ft *f = &w->ft[i];
		const char *eth = eth_header(f, hdr_len);
		bool plain = !(f->flags & (NS_PORT_MASK | NS_NO_LEARN));
		struct addresses a;

		if (nm_unlikely(!eth)) {
			drop(src->kr, NM_DROP_BADSLOT, 1);
			dst = NM_VALE_NOWHERE;
			precedent = false;
		} else {
			a = addresses_load(eth);
			if (a.to_from != last.to_from || a.from != last.from || !plain ||
			    !precedent) {
				dst = lookup(src, f, eth, now);
				last = a;
				/* what a packet's flags say holds for no other */
				precedent = plain;
				if (dst == self) {
					drop(src->kr, NM_DROP_NODEST, 1);
					dst = NM_VALE_NOWHERE;
					precedent = false;
				}
			}
		}
		if (dst == run_dst)
			continue;
		run_end(w, run, run_dst, i);
		run = dst == NM_VALE_NOWHERE ? NULL : run_new(w, dst, i);
		run_dst = dst;
	}
	run_end(w, run, run_dst, w->n);
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
			j = copy_packet(out, f, j, nbufs, t);
			t->slots += f->frags;
		}
	}
	return j;
}

/* Takes the earlier of two queues' heads, so that a port sees the sender's order. */
static const struct run *pop(const struct nm_vale_work *w, uint32_t *a, uint32_t *b)
{
	uint32_t *from = *a < *b ? a : b;
	const struct run *r = &w->run[*from];

	*from = r->next;
	return r;
}

/* One wakeup for a whole forward, however many chunks it has. */
static void wake_later(struct nm_vale_work *w, struct nm_kring *out)
{
	uint32_t i;

	for (i = 0; i < w->nwakes; i++)
		if (w->wake[i] == out)
			return;
	if (i == WAKES)
		out->notify(out);
	else
		w->wake[w->nwakes++] = out;
}

static void wake_all(struct nm_vale_work *w)
{
	while (w->nwakes) {
		struct nm_kring *out = w->wake[--w->nwakes];

		out->notify(out);
	}
}

/* Queues a and b (broadcast) to one ring. */
static void deliver_ring(struct nm_vale_src *src, struct nm_vport *vp,
			 struct nm_kring *out, const struct queue *qa,
			 const struct queue *qb)
{
	struct nm_vale_work *w = src->work;
	uint32_t a = qa->head, b = qb->head;
	uint32_t want = (a != NONE ? qa->slots : 0) + (b != NONE ? qb->slots : 0);
	uint32_t start, taken, j;
	struct tally t = { 0 };

	taken = reserve(out, want, &start);
	if (nm_unlikely(taken < want) && vp->reclaim) {
		/* give the consumer a push, and try for the rest */
		t.slots = 0;
		publish(out, start, taken, &t);
		vp->reclaim(out);
		taken = reserve(out, want, &start);
	}
	for (j = start; a != NONE || b != NONE;)
		j = copy_run(w, pop(w, &a, &b), vp, out, j, taken, &t);
	if (publish(out, start, taken, &t))
		wake_later(w, out);
}

static void deliver_port(struct nm_vale_src *src, uint32_t dst, const struct queue *qa,
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
		drop(src->kr, NM_DROP_NODEST, lost);
}

static void deliver_flood(struct nm_vale_src *src, const struct queue *flood)
{
	struct nm_vale_work *w = src->work;
	struct nm_switch *sw = src->sw;
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
		    (flood->head == NONE || !nm_load(&src->sw->port[dst])))
			deliver_port(src, dst, &w->queue[dst], &empty);
	}
	for (i = 0; i < w->ndst; i++)
		w->queue[w->dst[i]].head = NONE;
}

uint32_t nm_vale_forward(struct nm_vale_src *src, uint32_t from, uint32_t to)
{
	uint32_t now = nm_os_now_coarse() / 1000000000, next;
	struct nm_vale_work *w = src->work;

	w->packets = w->bytes = 0;
	while (from != to) {
		next = collect(src, from, to);
		if (next == from)
			break;
		route(src, now);
		deliver(src);
		from = next;
	}
	wake_all(w);
	nm_stat_add(&src->kr->stats.packets, w->packets);
	nm_stat_add(&src->kr->stats.bytes, w->bytes);
	return from;
}
