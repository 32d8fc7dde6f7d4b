/* SPDX-License-Identifier: BSD-2-Clause */
#include "rx.h"

/*
 * Counts what is in the ring and gives it back. A packet that is not complete yet stays,
 * so that counts are of whole packets.
 */
unsigned rx_take(struct netmap_ring *ring, unsigned limit, uint64_t *bytes)
{
	uint32_t tail = __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE), head = ring->head;
	uint64_t sum = 0, part = 0;
	unsigned packets = 0;

	for (uint32_t i = head; i != tail && packets < limit;) {
		const struct netmap_slot *slot = &ring->slot[i];

		part += slot->len;
		i = nm_ring_next(ring, i);
		if (unlikely(slot->flags & NS_MOREFRAG))
			continue;
		packets++;
		sum += part;
		part = 0;
		head = i;
	}
	*bytes += sum;
	ring->cur = part ? tail : head; /* wait for the rest, not for what is here */
	__atomic_store_n(&ring->head, head, __ATOMIC_RELEASE);
	return packets;
}
