/* SPDX-License-Identifier: BSD-2-Clause */
/* Takes packets out of a link when their time has come, and hands them to a port. */
#ifndef NMREPLAY_SENDER_H
#define NMREPLAY_SENDER_H

#include <stdint.h>

#include "../common/histogram.h"
#include "../common/port.h"
#include "link.h"

#define SENDER_BATCH 1024

struct sender {
	struct nmport_d *port;
	struct link *link;
	unsigned batch;	    /* most packets to a sync */
	int full;	    /* the last try found no room in the ring */
	uint64_t too_large; /* packets that no ring of the port can hold */
	uint64_t batches;
	struct histogram late; /* ns from a packet's time to the end of its sync */
	uint64_t first_ns, last_ns;
};

void sender_init(struct sender *s, struct nmport_d *port, struct link *link, unsigned batch);
/* All that is due at `now`, up to a batch. Returns how many, or -1: the port failed. */
int sender_run(struct sender *s, uint64_t now);

#endif
