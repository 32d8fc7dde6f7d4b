/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>

#include "tx.h"

/* Slots that belong to us. The acquire pairs with the framework's release of tail. */
static unsigned ring_room(const struct netmap_ring *ring)
{
	uint32_t tail = __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE), head = ring->head;

	return tail - head + (tail < head ? ring->num_slots : 0);
}

int tx_init(struct tx *t, const struct nmport_d *port, const char **why)
{
	struct netmap_ring *ring = NETMAP_TXRING(port->nifp, port->first_tx_ring);
	unsigned max = t->packet ? t->packet->vnet_len + t->packet->size_max : 0;
	unsigned room = ring->nr_buf_size - (unsigned)t->offset;

	*why = "no memory";
	t->first_ring = port->first_tx_ring;
	t->rings = (unsigned)port->last_tx_ring - port->first_tx_ring + 1;
	if (t->offset >= ring->nr_buf_size) {
		*why = "the offset is beyond the end of the buffers";
		return -1;
	}
	if (t->frags > 1) {
		unsigned part = (max + t->frags - 1) / t->frags;

		if (!t->frag_size || t->frag_size > part)
			t->frag_size = part;
		/* The last part takes the rest. */
		if (t->frag_size > room || max - t->frag_size * (t->frags - 1) > room) {
			*why = "a part of the packet is larger than a buffer: -F splits it into "
			       "more";
			return -1;
		}
		if (t->frags >= ring->num_slots) {
			*why = "the ring has fewer slots than a packet needs: see -C";
			return -1;
		}
	} else if (!t->file && max > room) {
		*why = "the packet is larger than a buffer: -F 2 (or more) splits it";
		return -1;
	}
	t->filled = calloc(t->rings, sizeof(*t->filled));
	if (!t->filled)
		return -1;
	for (unsigned i = 0; i < t->rings; i++) {
		ring = NETMAP_TXRING(port->nifp, t->first_ring + i);
		t->filled[i] = calloc(ring->num_slots, sizeof(**t->filled));
		if (!t->filled[i]) {
			tx_free(t);
			return -1;
		}
	}
	return 0;
}

void tx_free(struct tx *t)
{
	for (unsigned i = 0; t->filled && i < t->rings; i++)
		free(t->filled[i]);
	free(t->filled);
	t->filled = NULL;
}

/* The same packet over and over: most of the time a slot needs its length and no more. */
static void fill_fixed(struct tx *t, struct netmap_ring *ring, uint32_t *filled, unsigned n)
{
	const struct packet *p = t->packet;
	const uint16_t len = (uint16_t)p->len;
	uint32_t head = ring->head;

	while (n--) {
		struct netmap_slot *slot = &ring->slot[head];
		uint32_t idx = slot->buf_idx;

		if (unlikely(filled[head] != idx)) {
			nm_pkt_copy(p->frame, NETMAP_BUF(ring, idx), len);
			filled[head] = idx;
		}
		slot->len = len;
		slot->flags = 0;
		head = nm_ring_next(ring, head);
	}
	ring->cur = head;
	__atomic_store_n(&ring->head, head, __ATOMIC_RELEASE);
}

/* Only the headers change: one or two cache lines are copied, all of it the first time. */
static void fill_varying(struct tx *t, struct netmap_ring *ring, uint32_t *filled, unsigned n,
			 uint64_t now)
{
	struct packet *p = t->packet;
	const unsigned all = p->vnet_len + p->size_max;
	/* The blocks may reach beyond the changing part: the same bytes are there already. */
	const unsigned hot = p->hot_len <= 64 ? 64 : 128;
	const int whole = hot > all || hot > ring->nr_buf_size;
	uint32_t head = ring->head;
	uint64_t bytes = 0;

	while (n--) {
		struct netmap_slot *slot = &ring->slot[head];
		uint32_t idx = slot->buf_idx;
		char *buf = NETMAP_BUF(ring, idx);

		head = nm_ring_next(ring, head);
		__builtin_prefetch(NETMAP_BUF(ring, ring->slot[head].buf_idx), 1);
		packet_next(p, now);
		if (unlikely(whole || filled[slot - ring->slot] != idx)) {
			nm_pkt_copy(p->frame, buf, (int)all);
			filled[slot - ring->slot] = idx;
		} else if (hot == 64) {
			memcpy(buf, p->frame, 64);
		} else {
			memcpy(buf, p->frame, 128);
		}
		slot->len = (uint16_t)p->len;
		slot->flags = 0;
		bytes += p->len;
	}
	t->bytes += bytes;
	ring->cur = head;
	__atomic_store_n(&ring->head, head, __ATOMIC_RELEASE);
}

static void fill_rubbish(struct tx *t, struct netmap_ring *ring, unsigned n)
{
	uint32_t head = ring->head;

	while (n--) {
		struct netmap_slot *slot = &ring->slot[head];

		slot->len = (uint16_t)t->packet->len;
		slot->flags = 0;
		head = nm_ring_next(ring, head);
	}
	ring->cur = head;
	__atomic_store_n(&ring->head, head, __ATOMIC_RELEASE);
}

/* The switch reads the template itself. It must not vary: several slots share it. */
static void fill_indirect(struct tx *t, struct netmap_ring *ring, unsigned n)
{
	uint32_t head = ring->head;

	t->bytes += (uint64_t)n * t->packet->len;
	while (n--) {
		struct netmap_slot *slot = &ring->slot[head];

		slot->ptr = (uintptr_t)t->packet->frame;
		slot->len = (uint16_t)t->packet->len;
		slot->flags = NS_INDIRECT;
		head = nm_ring_next(ring, head);
	}
	ring->cur = head;
	__atomic_store_n(&ring->head, head, __ATOMIC_RELEASE);
}

/*
 * Any packet, in as many slots as it takes, at any offset. Returns the slots used, 0 if there
 * are not enough.
 */
static unsigned put_packet(struct tx *t, struct netmap_ring *ring, unsigned room,
			   const uint8_t *data, unsigned len, unsigned part)
{
	uint32_t head = ring->head;
	unsigned used = 0;

	do {
		struct netmap_slot *slot = &ring->slot[head];
		unsigned n = len;

		if (used == room)
			return 0;
		used++;
		/* With -F, what is left after all other parts goes into the last one. */
		if (t->frags > 1 ? used < t->frags && n > part : n > part)
			n = part;
		if (ring->offset_mask)
			NETMAP_WOFFSET(ring, slot, t->offset);
		nm_pkt_copy(data, NETMAP_BUF(ring, slot->buf_idx) + t->offset, (int)n);
		data += n;
		len -= n;
		slot->len = (uint16_t)n;
		slot->flags = len ? NS_MOREFRAG : 0;
		head = nm_ring_next(ring, head);
	} while (len);
	ring->cur = head;
	__atomic_store_n(&ring->head, head, __ATOMIC_RELEASE);
	return used;
}

/* Packets from a file, in several slots, or at an offset: copied whole each time. */
static unsigned fill_copies(struct tx *t, struct netmap_ring *ring, unsigned limit, uint64_t now)
{
	unsigned room = ring_room(ring), sent = 0, used, slots, len;
	unsigned part = t->frags > 1 ? t->frag_size : ring->nr_buf_size - (unsigned)t->offset;
	const uint8_t *data;

	while (sent < limit && room) {
		if (t->file) {
			data = pcapfile_data(t->file, t->next);
			len = t->file->packet[t->next].len;
			slots = (len + part - 1) / part;
			if (slots >= NETMAP_MAX_FRAGS || slots >= ring->num_slots) {
				t->skipped++;
				t->next = (t->next + 1) % t->file->count;
				sent++;
				continue;
			}
			used = put_packet(t, ring, room, data, len, part);
			if (used)
				t->next = (t->next + 1) % t->file->count;
		} else {
			if (room < t->frags)
				break;
			if (t->packet->varies)
				packet_next(t->packet, now);
			len = t->packet->len;
			used = put_packet(t, ring, room, t->packet->frame, len, part);
		}
		if (!used)
			break;
		t->bytes += len;
		room -= used;
		sent++;
	}
	return sent;
}

unsigned tx_fill(struct tx *t, struct netmap_ring *ring, unsigned r, unsigned limit, uint64_t now)
{
	unsigned n = ring_room(ring);
	uint32_t head = ring->head;

	if (n > limit)
		n = limit;
	if (n == 0)
		return 0;
	if (t->file || t->frags > 1 || t->offset) {
		n = fill_copies(t, ring, limit, now);
	} else if (t->indirect) {
		fill_indirect(t, ring, n);
	} else if (t->rubbish) {
		fill_rubbish(t, ring, n);
		t->bytes += (uint64_t)n * t->packet->len;
	} else if (t->packet->varies) {
		fill_varying(t, ring, t->filled[r - t->first_ring], n, now);
	} else {
		fill_fixed(t, ring, t->filled[r - t->first_ring], n);
		t->bytes += (uint64_t)n * t->packet->len;
	}
	/* Have tail catch up with the end of the batch, rather than some time later. */
	if (ring->head != head) {
		uint32_t last = ring->head ? ring->head - 1 : ring->num_slots - 1;

		ring->slot[last].flags |= NS_REPORT;
	}
	return n;
}
