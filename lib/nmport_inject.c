/* SPDX-License-Identifier: BSD-2-Clause */
/* Sending one packet: for programs that do not care about rings. */
#include <errno.h>

#include "libnetmap.h"

static size_t room_in(struct netmap_ring *ring, const struct netmap_slot *slot)
{
	size_t offset = NETMAP_ROFFSET(ring, slot);

	return offset < ring->nr_buf_size ? ring->nr_buf_size - offset : 0;
}

/* How many slots from cur on the packet takes; 0: the ring has no room for it now. */
static uint32_t slots_for(struct netmap_ring *ring, size_t size)
{
	uint32_t i = ring->cur, n = 0, max = nm_ring_space(ring);

	if (max > NETMAP_MAX_FRAGS)
		max = NETMAP_MAX_FRAGS;
	for (; n < max; i = nm_ring_next(ring, i)) {
		size_t room = room_in(ring, &ring->slot[i]);

		n++;
		if (size <= room)
			return n;
		size -= room;
	}
	return 0;
}

static void fill_slots(struct netmap_ring *ring, const char *buf, size_t size, uint32_t n)
{
	uint32_t i = ring->cur;

	for (; n > 0; n--, i = nm_ring_next(ring, i)) {
		struct netmap_slot *slot = &ring->slot[i];
		size_t room = room_in(ring, slot), part = size < room ? size : room;

		nm_pkt_copy(buf, NETMAP_BUF_OFFSET(ring, slot), (int)part);
		slot->len = (uint16_t)part;
		slot->flags = n > 1 ? NS_MOREFRAG : 0;
		buf += part;
		size -= part;
	}
	ring->head = ring->cur = i;
}

int nmport_inject(struct nmport_d *d, const void *buf, size_t size)
{
	uint32_t ri = d->cur_tx_ring, left, n;
	int fits = 0;

	if (d->nifp == NULL || d->last_tx_ring < d->first_tx_ring || size == 0) {
		errno = EINVAL;
		return -1;
	}
	for (left = (uint32_t)d->last_tx_ring - d->first_tx_ring + 1; left > 0; left--) {
		struct netmap_ring *ring = NETMAP_TXRING(d->nifp, ri);
		uint32_t slots = ring->num_slots - 1;

		n = slots_for(ring, size);
		if (n > 0) {
			fill_slots(ring, buf, size, n);
			d->cur_tx_ring = (uint16_t)ri;
			return 0;
		}
		if (slots > NETMAP_MAX_FRAGS)
			slots = NETMAP_MAX_FRAGS;
		fits |= size <= (size_t)slots * ring->nr_buf_size;
		if (ri++ == d->last_tx_ring)
			ri = d->first_tx_ring;
	}
	errno = fits ? EAGAIN : EMSGSIZE;
	return -1;
}
