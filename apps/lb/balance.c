/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>

#include "balance.h"

/* Buffers taken from the longest queue at a time, so that looking for it is seldom. */
#define STEAL_AT_ONCE 32

static struct netmap_ring *any_ring(const struct balancer *b)
{
	return NETMAP_RXRING(b->input->nifp, b->input->first_rx_ring);
}

/* ---- extra buffers -------------------------------------------------------------------- */

int balancer_init(struct balancer *b)
{
	uint32_t idx = b->input->nifp->ni_bufs_head, next;
	struct netmap_ring *ring = any_ring(b);

	b->spare = calloc((size_t)b->extra + 1, sizeof(*b->spare));
	if (!b->spare)
		return -1;
	for (; idx && b->spares < b->extra; idx = next) {
		b->spare[b->spares++] = idx;
		memcpy(&next, NETMAP_BUF(ring, idx), sizeof(next));
	}
	/* We hold the list now. It is put back at the end. */
	b->input->nifp->ni_bufs_head = idx;
	b->extra = b->spares;
	for (unsigned i = 0; i < b->outputs; i++) {
		struct output *o = &b->output[i];

		o->room = b->extra;
		o->queue = calloc((size_t)o->room + 1, sizeof(*o->queue));
		if (!o->queue)
			return -1;
	}
	return 0;
}

static struct waiting *queue_first(struct output *o)
{
	return &o->queue[o->first];
}

static void queue_pop(struct output *o)
{
	o->first = o->first + 1 == o->room ? 0 : o->first + 1;
	o->count--;
}

static void queue_push(struct output *o, struct waiting w)
{
	unsigned at = o->first + o->count;

	o->queue[at >= o->room ? at - o->room : at] = w;
	if (++o->count > o->longest)
		o->longest = o->count;
}

/* The oldest packet of a queue makes room: all its slots. */
static void give_up_oldest(struct balancer *b, struct output *o)
{
	int more = 1;

	while (o->count && more) {
		struct waiting *w = queue_first(o);

		more = w->flags & NS_MOREFRAG;
		b->spare[b->spares++] = w->buf_idx;
		queue_pop(o);
	}
}

/* Newer packets are worth more than old ones: the longest queue loses its oldest. */
static int steal(struct balancer *b, unsigned need)
{
	struct output *longest = &b->output[0];
	unsigned want = need;

	for (unsigned i = 1; i < b->outputs; i++)
		if (b->output[i].count > longest->count)
			longest = &b->output[i];
	if (longest->count > 4 * STEAL_AT_ONCE && want < STEAL_AT_ONCE)
		want = STEAL_AT_ONCE;
	while (b->spares < want && longest->count) {
		give_up_oldest(b, longest);
		longest->stolen++;
	}
	return b->spares >= need;
}

void balancer_finish(struct balancer *b)
{
	struct netmap_ring *ring = any_ring(b);

	for (unsigned i = 0; i < b->outputs; i++) {
		struct output *o = &b->output[i];

		while (o->count) {
			give_up_oldest(b, o);
			o->dropped++;
		}
		free(o->queue);
		o->queue = NULL;
	}
	while (b->spares) {
		uint32_t idx = b->spare[--b->spares];

		memcpy(NETMAP_BUF(ring, idx), &b->input->nifp->ni_bufs_head, sizeof(idx));
		b->input->nifp->ni_bufs_head = idx;
	}
	free(b->spare);
	b->spare = NULL;
}

unsigned balancer_waiting(const struct balancer *b)
{
	unsigned n = 0;

	for (unsigned i = 0; i < b->outputs; i++)
		n += b->output[i].count;
	return n;
}

/* ---- into a pipe ------------------------------------------------------------------------ */

static uint32_t ring_room(const struct netmap_ring *r)
{
	uint32_t tail = __atomic_load_n(&r->tail, __ATOMIC_ACQUIRE), head = r->head;

	return tail - head + (tail < head ? r->num_slots : 0);
}

static void set_head(struct netmap_ring *r, uint32_t head)
{
	r->cur = head;
	__atomic_store_n(&r->head, head, __ATOMIC_RELEASE);
}

/*
 * Room for `need` slots? A ring learns of room by a sync; one for each batch will do.
 * -1: the pipe failed.
 */
static int has_room(struct balancer *b, struct output *o, unsigned need)
{
	if (ring_room(o->ring) >= need)
		return 1;
	if (o->synced)
		return 0;
	o->synced = 1;
	o->touched = 0;
	if (b->sync(o))
		return -1;
	return ring_room(o->ring) >= need;
}

/* What waited goes into the ring, whole packets only. */
static void drain_output(struct balancer *b, struct output *o)
{
	uint32_t head = o->ring->head;
	unsigned room = ring_room(o->ring), slots;

	while (o->count) {
		for (slots = 1; slots < o->count; slots++) {
			unsigned at = o->first + slots - 1;

			if (!(o->queue[at >= o->room ? at - o->room : at].flags & NS_MOREFRAG))
				break;
		}
		if (slots > room)
			break;
		room -= slots;
		o->packets++;
		while (slots--) {
			struct netmap_slot *ts = &o->ring->slot[head];
			struct waiting w = *queue_first(o);

			if (o->shared) {
				b->spare[b->spares++] = ts->buf_idx;
				ts->buf_idx = w.buf_idx;
				ts->flags = (uint16_t)(w.flags | NS_BUF_CHANGED);
			} else {
				nm_pkt_copy(NETMAP_BUF(any_ring(b), w.buf_idx),
					    NETMAP_BUF(o->ring, ts->buf_idx), w.len);
				b->spare[b->spares++] = w.buf_idx;
				ts->flags = w.flags;
			}
			ts->len = w.len;
			o->bytes += w.len;
			queue_pop(o);
			head = nm_ring_next(o->ring, head);
		}
	}
	if (head != o->ring->head) {
		set_head(o->ring, head);
		o->touched = 1;
	}
}

static void put_in_ring(struct output *o, struct netmap_ring *rx, uint32_t at, unsigned slots,
			int exchange)
{
	uint32_t head = o->ring->head;

	o->packets++;
	while (slots--) {
		struct netmap_slot *rs = &rx->slot[at], *ts = &o->ring->slot[head];

		if (exchange) {
			uint32_t idx = ts->buf_idx;

			ts->buf_idx = rs->buf_idx;
			rs->buf_idx = idx;
			rs->flags |= NS_BUF_CHANGED;
			ts->flags = (uint16_t)(NS_BUF_CHANGED | (rs->flags & NS_MOREFRAG));
		} else {
			nm_pkt_copy(NETMAP_BUF(rx, rs->buf_idx), NETMAP_BUF(o->ring, ts->buf_idx),
				    rs->len);
			ts->flags = rs->flags & NS_MOREFRAG;
		}
		ts->len = rs->len;
		o->bytes += rs->len;
		at = nm_ring_next(rx, at);
		head = nm_ring_next(o->ring, head);
	}
	set_head(o->ring, head);
	o->touched = 1;
}

static void put_in_queue(struct balancer *b, struct output *o, struct netmap_ring *rx, uint32_t at,
			 unsigned slots, int last)
{
	o->queued++;
	while (slots--) {
		struct netmap_slot *rs = &rx->slot[at];
		struct waiting w = {
			.buf_idx = b->spare[--b->spares],
			.len = rs->len,
			.flags = rs->flags & NS_MOREFRAG,
		};

		/* Extra buffers have the input's memory: the last group can always exchange. */
		if (last) {
			uint32_t idx = rs->buf_idx;

			rs->buf_idx = w.buf_idx;
			rs->flags |= NS_BUF_CHANGED;
			w.buf_idx = idx;
		} else {
			nm_pkt_copy(NETMAP_BUF(rx, rs->buf_idx), NETMAP_BUF(rx, w.buf_idx),
				    rs->len);
		}
		queue_push(o, w);
		at = nm_ring_next(rx, at);
	}
}

static int deliver(struct balancer *b, struct output *o, struct netmap_ring *rx, uint32_t at,
		   unsigned slots, int last)
{
	int room = 0;

	for (uint32_t i = at, n = slots; n; n--, i = nm_ring_next(rx, i)) {
		if (rx->slot[i].len > o->ring->nr_buf_size) {
			o->too_large++;
			return 0;
		}
	}
	if (slots >= o->ring->num_slots) {
		o->too_large++;
		return 0;
	}
	/* No overtaking: as long as something waits, all else waits behind it. */
	if (o->count == 0) {
		room = has_room(b, o, slots);
		if (room < 0)
			return -1;
	}
	if (room) {
		put_in_ring(o, rx, at, slots, last && o->shared);
		return 0;
	}
	if (slots <= o->room && (b->spares >= slots || steal(b, slots)))
		put_in_queue(b, o, rx, at, slots, last);
	else
		o->dropped++;
	return 0;
}

/* ---- from the input ----------------------------------------------------------------------- */

static unsigned packet_slots(struct netmap_ring *rx, uint32_t at, uint32_t tail)
{
	unsigned n = 0;

	for (; at != tail; at = nm_ring_next(rx, at)) {
		n++;
		if (!(rx->slot[at].flags & NS_MOREFRAG))
			return n;
	}
	return 0; /* the rest has yet to come */
}

static int run_ring(struct balancer *b, struct netmap_ring *rx)
{
	uint32_t tail = __atomic_load_n(&rx->tail, __ATOMIC_ACQUIRE), at = rx->head;
	unsigned done = 0, slots;
	uint64_t hash;

	while (at != tail && done < b->batch) {
		struct netmap_slot *slot = &rx->slot[at];

		slots = packet_slots(rx, at, tail);
		if (slots == 0)
			break;
		/* Headers are read one packet ahead of their turn. */
		__builtin_prefetch(NETMAP_BUF(rx, rx->slot[nm_ring_next(rx, at)].buf_idx) + 12);
		hash = flow_hash(&b->flow, (uint8_t *)NETMAP_BUF(rx, slot->buf_idx), slot->len);
		for (unsigned i = 0; i < slots; i++)
			b->bytes += rx->slot[(at + i) % rx->num_slots].len;
		for (unsigned g = 0; g < b->groups; g++) {
			struct group *group = &b->group[g];

			if (deliver(b, &group->output[flow_pick(hash, group->count)], rx, at, slots,
				    g + 1 == b->groups))
				return -1;
		}
		while (slots--)
			at = nm_ring_next(rx, at);
		done++;
	}
	set_head(rx, at);
	if (at != tail && done < b->batch)
		rx->cur = tail;
	return (int)done;
}

int balancer_drain(struct balancer *b)
{
	for (unsigned i = 0; i < b->outputs; i++) {
		struct output *o = &b->output[i];

		o->synced = 0;
		if (o->count == 0)
			continue;
		/* With poll() behind us, the ring may know of room already. */
		if (has_room(b, o, 1) < 0)
			return -1;
		drain_output(b, o);
	}
	return 0;
}

int balancer_run(struct balancer *b)
{
	int sum = 0, n;

	if (balancer_drain(b))
		return -1;
	for (unsigned r = b->input->first_rx_ring; r <= b->input->last_rx_ring; r++) {
		n = run_ring(b, NETMAP_RXRING(b->input->nifp, r));
		if (n < 0)
			return -1;
		sum += n;
	}
	for (unsigned i = 0; i < b->outputs; i++) {
		struct output *o = &b->output[i];

		if (o->touched && b->sync(o))
			return -1;
		o->touched = 0;
	}
	b->packets += (unsigned)sum;
	b->batches += sum > 0;
	return sum;
}
