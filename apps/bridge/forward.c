/* SPDX-License-Identifier: BSD-2-Clause */
#include "forward.h"

/* Pairs with the framework's release of tail: slots before it are ours, contents and all. */
static uint32_t ring_tail(const struct netmap_ring *r)
{
	return __atomic_load_n(&r->tail, __ATOMIC_ACQUIRE);
}

static uint32_t ring_room(const struct netmap_ring *r)
{
	uint32_t tail = ring_tail(r), head = r->head;

	return tail - head + (tail < head ? r->num_slots : 0);
}

static void set_head(struct netmap_ring *r, uint32_t head)
{
	r->cur = head;
	__atomic_store_n(&r->head, head, __ATOMIC_RELEASE);
}

/*
 * Slots of the packet at head. 0: it has not arrived completely. *need: slots that it takes
 * on the other side, where buffers may be smaller.
 */
static unsigned packet_slots(const struct direction *d, struct netmap_ring *rx, uint32_t head,
			     uint32_t tail, unsigned tx_buf, unsigned *need)
{
	unsigned slots = 0;

	*need = 0;
	while (head != tail) {
		const struct netmap_slot *slot = &rx->slot[head];

		slots++;
		*need +=
			d->zero_copy || slot->len <= tx_buf ? 1 : (slot->len + tx_buf - 1) / tx_buf;
		if (!(slot->flags & NS_MOREFRAG))
			return slots;
		head = nm_ring_next(rx, head);
	}
	return 0;
}

static void exchange(struct netmap_slot *rs, struct netmap_slot *ts)
{
	uint32_t idx = ts->buf_idx;

	ts->buf_idx = rs->buf_idx;
	ts->len = rs->len;
	ts->ptr = rs->ptr;
	ts->flags = (uint16_t)(NS_BUF_CHANGED | (rs->flags & NS_MOREFRAG));
	rs->buf_idx = idx;
	rs->flags = NS_BUF_CHANGED;
}

/* One slot of a packet, into as many as it takes. Returns the new transmit head. */
static uint32_t copy_slot(struct netmap_ring *rx, const struct netmap_slot *rs,
			  struct netmap_ring *tx, uint32_t th)
{
	const char *data = NETMAP_BUF_OFFSET(rx, rs);
	unsigned left = rs->len;

	do {
		struct netmap_slot *ts = &tx->slot[th];
		unsigned n = left < tx->nr_buf_size ? left : tx->nr_buf_size;

		nm_pkt_copy(data, NETMAP_BUF_OFFSET(tx, ts), (int)n);
		data += n;
		left -= n;
		ts->len = (uint16_t)n;
		ts->flags = (uint16_t)(left ? NS_MOREFRAG : rs->flags & NS_MOREFRAG);
		th = nm_ring_next(tx, th);
	} while (left);
	return th;
}

/* The ring of `to` with the most room of those from next_tx on that has `need` slots. */
static struct netmap_ring *find_room(struct direction *d, unsigned need)
{
	unsigned first = d->to->first_tx_ring, n = d->to->last_tx_ring + 1u - first;

	for (unsigned i = 0; i < n; i++) {
		unsigned r = (d->next_tx + i) % n;
		struct netmap_ring *tx = NETMAP_TXRING(d->to->nifp, first + r);

		if (ring_room(tx) >= need) {
			d->next_tx = r;
			return tx;
		}
		/* Not enough: have poll() wait for more than there is. */
		tx->cur = ring_tail(tx);
	}
	return NULL;
}

static int can_ever_fit(const struct direction *d, unsigned need)
{
	for (unsigned r = d->to->first_tx_ring; r <= d->to->last_tx_ring; r++)
		if (need < NETMAP_TXRING(d->to->nifp, r)->num_slots && need < NETMAP_MAX_FRAGS)
			return 1;
	return 0;
}

static void move(struct direction *d, struct netmap_ring *rx, uint32_t *head, unsigned slots,
		 struct netmap_ring *tx)
{
	uint32_t th = tx->head, rh = *head;

	while (slots--) {
		struct netmap_slot *rs = &rx->slot[rh];

		d->bytes += rs->len;
		rh = nm_ring_next(rx, rh);
		__builtin_prefetch(&rx->slot[rh]);
		if (d->zero_copy) {
			exchange(rs, &tx->slot[th]);
			th = nm_ring_next(tx, th);
		} else {
			th = copy_slot(rx, rs, tx, th);
		}
	}
	*head = rh;
	set_head(tx, th);
}

static uint32_t skip(struct netmap_ring *rx, uint32_t head, unsigned slots)
{
	while (slots--)
		head = nm_ring_next(rx, head);
	return head;
}

static unsigned forward_ring(struct direction *d, struct netmap_ring *rx, unsigned limit)
{
	uint32_t head = rx->head, tail = ring_tail(rx);
	unsigned moved = 0, slots, need;
	struct netmap_ring *tx = NULL;
	/* All rings of a port have buffers of one size. */
	unsigned tx_buf = NETMAP_TXRING(d->to->nifp, d->to->first_tx_ring)->nr_buf_size;

	while (head != tail && moved < limit) {
		slots = packet_slots(d, rx, head, tail, tx_buf, &need);
		if (slots == 0)
			break;
		if (!tx || ring_room(tx) < need)
			tx = find_room(d, need);
		if (tx) {
			move(d, rx, &head, slots, tx);
			moved++;
			continue;
		}
		if (!can_ever_fit(d, need)) {
			d->too_large++;
		} else if (d->drop) {
			d->dropped++;
		} else {
			d->blocked = 1;
			break;
		}
		head = skip(rx, head, slots);
	}
	set_head(rx, head);
	/* Part of a packet is there: wait for the rest. */
	if (head != tail && !d->blocked && moved < limit)
		rx->cur = tail;
	return moved;
}

unsigned forward(struct direction *d)
{
	unsigned moved = 0;

	d->blocked = 0;
	for (unsigned r = d->from->first_rx_ring; r <= d->from->last_rx_ring; r++) {
		struct netmap_ring *rx = NETMAP_RXRING(d->from->nifp, r);

		moved += forward_ring(d, rx, d->batch);
	}
	if (moved) {
		d->packets += moved;
		d->batches++;
		/* Spread the next batch, as far as rings go. */
		if (d->to->last_tx_ring != d->to->first_tx_ring)
			d->next_tx++;
	}
	return moved;
}
