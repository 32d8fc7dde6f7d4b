/* SPDX-License-Identifier: BSD-2-Clause */
/* An AF_XDP socket with its own UMEM and all four rings. */
#ifndef NM_XSK_H
#define NM_XSK_H

#include "os.h"

#include <linux/if_xdp.h>

/* A ring shared with the kernel: one side moves producer, the other consumer. */
struct xsk_ring {
	uint32_t *producer, *consumer, *flags;
	void *entries; /* struct xdp_desc (rx, tx) or uint64_t addresses (fill,
			  completion) */
	uint32_t mask;
	uint32_t mine; /* our own side's pointer */
	void *map;
	size_t map_size;
};

struct xsk {
	int fd;
	/* by one thread at a time each: rx and fill by the receiver, the others by the
	 * sender */
	struct xsk_ring rx __attribute__((aligned(NM_CACHELINE)));
	struct xsk_ring fill;
	struct xsk_ring tx __attribute__((aligned(NM_CACHELINE)));
	struct xsk_ring completion;
};

struct xsk_conf {
	unsigned int ifindex;
	uint32_t queue;
	void *umem;
	uint64_t umem_size;
	uint32_t chunk;
	uint32_t rx_slots, tx_slots; /* rings have room for as many at least */
};

/* Socket, memory and rings; -errno. */
int xsk_open(struct xsk *x, const struct xsk_conf *conf);
/* bind_flags: XDP_ZEROCOPY or XDP_COPY; waits a little for a queue that is being closed.
 */
int xsk_bind(struct xsk *x, const struct xsk_conf *conf, uint16_t bind_flags);
void xsk_close(struct xsk *x);

int xsk_statistics(const struct xsk *x, struct xdp_statistics *st);

/* Entries that the kernel produced and we have not consumed; pairs with its release. */
static inline uint32_t xsk_ready(const struct xsk_ring *r)
{
	return nm_load_acquire(r->producer) - r->mine;
}

static inline bool xsk_needs_wakeup(const struct xsk_ring *r)
{
	return nm_load(r->flags) & XDP_RING_NEED_WAKEUP;
}

#endif /* NM_XSK_H */
