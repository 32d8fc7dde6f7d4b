/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One direction of an emulated link. Packets go in with the time of their arrival, and come out
 * at their time: behind the ones before them on the wire, after the delay, unless they are
 * dropped. Time is whatever the caller says it is.
 *
 * The order never changes, except for packets that the reorder model holds back.
 */
#ifndef NMREPLAY_LINK_H
#define NMREPLAY_LINK_H

#include <stddef.h>
#include <stdint.h>

#include "model.h"

struct link_packet {
	struct link_packet *next;
	const uint8_t *data; /* the caller's, or `copy` */
	uint64_t when;	     /* it comes out */
	uint32_t len;
	uint32_t room; /* bytes of `copy` */
	uint8_t copy[];
};

struct link_list {
	struct link_packet *first, **last;
};

struct link_counters {
	uint64_t in, in_bytes;
	uint64_t out, out_bytes;
	uint64_t lost; /* by the loss model */
	uint64_t queue_full;
	uint64_t no_memory; /* more packets under way than there is memory for */
	uint64_t duplicated, held;
};

struct link {
	/* set by the caller */
	struct bandwidth bandwidth;
	struct delay delay;
	struct loss loss;
	struct reorder reorder;
	double duplicate;   /* probability */
	double queue_bytes; /* most that waits for the wire; 0: no limit */
	size_t memory;	    /* most bytes of packets under way */
	struct rng rng;

	struct link_counters c;

	/* inner state */
	uint64_t base;	    /* of the first packet: from here on doubles are exact */
	double busy_until;  /* the wire is, with what it has accepted so far; from base on */
	uint64_t last_when; /* keeps the order */
	struct link_list under_way, held;
	struct link_packet *bare, *small, *large; /* free */
	size_t used;
};

void link_init(struct link *l, uint64_t seed);
void link_free(struct link *l);
/*
 * A packet arrives. With copy, its bytes are kept here; without, they must stay where they are.
 * Returns the time at which the wire is free again.
 */
uint64_t link_input(struct link *l, const uint8_t *data, unsigned len, uint64_t now, int copy);
/* The next packet to come out, or NULL; it stays until link_output_done(). */
struct link_packet *link_output(struct link *l);
void link_output_done(struct link *l, struct link_packet *p);

#endif
