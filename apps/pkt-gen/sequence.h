/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Checks the numbers of received packets, for any number of senders: what was lost, what
 * came late or twice. A number may come up to SEQUENCE_WINDOW behind the highest one seen;
 * what is further behind is a sender that started over.
 */
#ifndef PKTGEN_SEQUENCE_H
#define PKTGEN_SEQUENCE_H

#include <stdint.h>

#define SEQUENCE_WINDOW 4096

struct sequence_stream {
	uint32_t first; /* number seen */
	uint32_t next;	/* one beyond the highest number seen */
	uint32_t restarts;
	uint64_t received; /* different packets */
	uint64_t lost;	   /* numbers passed over, less those that came late */
	uint64_t reordered;
	uint64_t duplicates;
	uint64_t max_late; /* the largest distance of a late packet */
	uint64_t seen[SEQUENCE_WINDOW / 64];
};

struct sequence {
	struct sequence_stream **stream; /* by sender, made when it is first heard of */
	unsigned streams;
	uint64_t lost;	     /* of all streams, so far */
	uint64_t unnumbered; /* packets without a number */
	uint64_t out_of_memory;
};

struct sequence_totals {
	uint64_t received, lost, reordered, duplicates, max_late, restarts, unnumbered;
	unsigned streams;
};

int sequence_init(struct sequence *s);
void sequence_free(struct sequence *s);
void sequence_check(struct sequence *s, uint16_t stream, uint32_t seq);
void sequence_add(const struct sequence *s, struct sequence_totals *t);

#endif
