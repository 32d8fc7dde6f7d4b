// SPDX-License-Identifier: BSD-2-Clause
/*
 * The data path of a switch, in phases over a chunk of a source ring:
 *
 *   collect  read each slot once, validate it, prefetch the header
 *   route    read addresses, learn, look up, queue the packet by destination
 *   deliver  for each destination: reserve room, copy; at the end publish and wake, once
 */
#include "work.h"

#define ETH_LEN 14

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
	if (work)
		nm_os_free(work->linear);
	nm_os_free(work);
}

/* ---- collect ---- */

static bool slot_ok(union nm_slot s, const struct nm_mem *mem, uint32_t nbufs)
{
	return s.idx - NM_BUF_FIRST < nbufs - NM_BUF_FIRST && s.len <= mem->conf.stride;
}

static void ft_set(struct nm_vale_work *w, struct ft *f, union nm_slot s, const struct nm_mem *mem)
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

/* What is left of a packet that was dropped before its last slot came: up to that. */
static uint32_t skip_rest(struct nm_vale_src *src, uint32_t i, uint32_t to)
{
	struct nm_kring *kr = src->kr;

	while (src->work->skipping && i != to) {
		src->work->skipping = nm_slot_get(&kr->ring->slot[i]).flags & NS_MOREFRAG;
		i = nm_next(i, kr->num_slots);
	}
	return i;
}

/*
 * One packet from slot i on, of any form, into ft[w->n...]. Returns the slot
 * after it; i itself if the rest of it is not there yet, or does not fit.
 */
static uint32_t collect_packet(struct nm_vale_src *src, uint32_t i, uint32_t to, uint32_t nbufs)
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

		if (j == to && frags == kr->num_slots - 1) {
			/* it fills the ring: the rest of it could never come */
			w->skipping = true;
			break;
		}
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
			/* no packet is that long */
			w->skipping = true;
			break;
		}
	} while (more);
	w->packets++;
	if (nm_unlikely(!ok || w->skipping)) {
		w->bytes = bytes;
		nm_drop_add(kr, NM_DROP_BADSLOT, 1);
		return skip_rest(src, j, to);
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
	if (nm_unlikely(w->skipping))
		from = skip_rest(src, from, to);
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
static uint32_t lookup(struct nm_vale_src *src, const struct ft *f, const char *eth, uint32_t now)
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
			nm_drop_add(src->kr, NM_DROP_BADSLOT, 1);
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
					nm_drop_add(src->kr, NM_DROP_NODEST, 1);
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

static void deliver_flood(struct nm_vale_src *src, const struct queue *flood)
{
	struct nm_vale_work *w = src->work;
	struct nm_switch *sw = src->sw;
	uint32_t active = nm_load(&sw->active), dst;

	for (dst = 1; dst <= active; dst++)
		if (dst != src->vp->index && nm_load(&sw->port[dst]))
			nm_deliver_port(src, dst, &w->queue[dst], flood);
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
			nm_deliver_port(src, dst, &w->queue[dst], &empty);
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
	nm_deliver_flush(w);
	/* an interface's rx ring has counted what it received */
	if (src->kr->dir == NM_TX) {
		nm_stat_add(&src->kr->stats.packets, w->packets);
		nm_stat_add(&src->kr->stats.bytes, w->bytes);
	}
	return from;
}
