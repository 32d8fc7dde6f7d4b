// SPDX-License-Identifier: BSD-2-Clause
/* Pointers of a ring that the client shares, so that it need not call for a sync. */
#include "kring.h"

#define CSB_TRIES 8 /* no client moves head that often in a moment, unless to annoy */

void nm_csb_collect(struct nm_kring *kr)
{
	/* pairs with the client's release: it is done with those slots */
	uint32_t head = nm_load_acquire(&kr->csb->atok.head), n = kr->num_slots;

	/* the same rule as in begin(); what breaks it is refused there, in words */
	if (nm_likely(head < n &&
		      nm_dist(kr->hwcur, head, n) <= nm_dist(kr->hwcur, nm_load(&kr->hwtail), n)))
		nm_store_release(&kr->hwcur, head);
}

/*
 * The client may have seen all that was published, and given back what was collected. While
 * another thread of it is at that, its pointers and ours may be of different times: they
 * fit if its own did not move meanwhile.
 */
void nm_csb_begin(struct nm_kring *kr, uint32_t *head, uint32_t *cur)
{
	const struct netmap_ring *ring = kr->ring;
	uint32_t h, c, tries = 0;

	do {
		h = *head;
		c = *cur;
		nm_os_lock(&kr->lock);
		nm_csb_collect(kr);
		nm_store(&kr->rhead, kr->hwcur);
		nm_store(&kr->rtail, nm_load(&kr->hwtail));
		kr->begun = kr->hwcur;
		nm_os_unlock(&kr->lock);
		*head = nm_load_acquire(&ring->head);
		*cur = nm_load(&ring->cur);
	} while (nm_unlikely(h != *head || c != *cur) && ++tries < CSB_TRIES);
}

void nm_csb_give_back(struct nm_kring *kr)
{
	nm_os_lock(&kr->lock);
	/* otherwise another thread of the client gave back more, meanwhile, without a call */
	if (kr->hwcur == kr->begun) {
		nm_store_release(&kr->hwcur, kr->rhead);
		nm_store(&kr->csb->atok.head, kr->rhead);
	}
	nm_os_unlock(&kr->lock);
}

bool nm_csb_tail_is_news(const struct nm_kring *kr, uint32_t tail)
{
	uint32_t head = nm_load(&kr->ring->head), old = nm_load(&kr->ring->tail);
	uint32_t n = kr->num_slots;

	return head >= n || old >= n || nm_dist(head, tail, n) >= nm_dist(head, old, n);
}
