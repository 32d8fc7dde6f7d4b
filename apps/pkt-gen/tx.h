/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Filling transmit rings. Nothing here makes a system call: the loop around it does, and so
 * does a benchmark that uses these functions.
 */
#ifndef PKTGEN_TX_H
#define PKTGEN_TX_H

#include <stdint.h>

#include <libnetmap.h>

#include "../common/pcapfile.h"
#include "packet.h"

struct tx {
	struct packet *packet;
	const struct pcapfile *file; /* send this instead, from packet `next` on */
	size_t next;
	int rubbish, indirect;
	unsigned frags, frag_size; /* frags > 1: slots of a packet, bytes in each but the last */
	uint64_t offset;

	/*
	 * filled[r][i]: the buffer that slot i of ring r had when it was filled. While it is
	 * still the same, the constant part of the packet is still there: buffers of
	 * a transmit ring are the program's own, and those that left it (by zero copy)
	 * have left the slot.
	 */
	uint32_t **filled;
	unsigned first_ring, rings;

	/* Sums of what was filled in, for the caller to read and reset. */
	uint64_t bytes;
	uint64_t skipped; /* packets of the file that cannot be sent through this port */
};

/* t->packet, file and the flags are set. 0, or -1 and *why. */
int tx_init(struct tx *t, const struct nmport_d *port, const char **why);
void tx_free(struct tx *t);
/* Fills up to `limit` packets into ring number r. Returns how many; 0: there is no room. */
unsigned tx_fill(struct tx *t, struct netmap_ring *ring, unsigned r, unsigned limit, uint64_t now);

#endif
