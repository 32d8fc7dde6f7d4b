/* SPDX-License-Identifier: BSD-2-Clause */
/* The data path's scratch memory: a chunk of a source ring on its way. */
#ifndef NM_VALE_WORK_H
#define NM_VALE_WORK_H

#include "vale.h"

/*
 * Slots at a time: few enough that the headers seen by route() are still in
 * the first-level cache when deliver() copies, and a packet of most fragments
 * fits.
 */
#define CHUNK NETMAP_MAX_FRAGS
#define DESTS 8 /* rings that a forward delivers to before it publishes */
#define NONE  0xffff

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

/* What delivering to one ring came to. */
struct tally {
	uint32_t slots; /* written */
	uint64_t packets, bytes;
	uint64_t drops[NM_DROPS];
};

/* Slots [start, start + taken) of a ring, reserved, and not yet published. */
struct delivery {
	struct nm_kring *out;
	uint32_t start, taken;
	struct tally t;
};

struct nm_vale_work {
	struct ft ft[CHUNK];
	uint32_t n;    /* slots collected */
	bool skipping; /* the rest of a packet that is too long is to come */
	uint32_t longest;
	uint64_t packets, bytes;
	struct run run[CHUNK];
	uint32_t nruns;
	struct queue queue[NM_VALE_BROADCAST + 1]; /* by destination */
	uint32_t ndst;
	uint8_t dst[NM_VALE_BROADCAST + 1]; /* destinations with a queue */
	uint32_t npending;
	struct delivery pending[DESTS];
	uint8_t *linear; /* a packet in one piece, for offloads */
};

/* Counts a drop on the ring that is to blame, or that was meant. */
static inline void nm_drop_add(struct nm_kring *kr, enum nm_drop cause, uint64_t n)
{
	nm_stat_add(&kr->stats.drops[cause], n);
}

/* Delivers the packets of queues qa and qb (a flood's) to member `dst`. */
void nm_deliver_port(struct nm_vale_src *src, uint32_t dst, const struct queue *qa,
		     const struct queue *qb);
/* Publishes what was delivered, and tells the receivers, each once. */
void nm_deliver_flush(struct nm_vale_work *w);

#endif /* NM_VALE_WORK_H */
