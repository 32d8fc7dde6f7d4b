/* SPDX-License-Identifier: BSD-2-Clause */
/* Moving packets from the receive rings of one port to the transmit rings of another. */
#ifndef BRIDGE_FORWARD_H
#define BRIDGE_FORWARD_H

#include <stdint.h>

#include <libnetmap.h>

struct direction {
	struct nmport_d *from, *to;
	int zero_copy;	/* exchange buffers: both ports have the same memory */
	int drop;	/* drop what finds no room, instead of leaving it in the ring */
	unsigned batch; /* most packets to move between two syncs */

	uint64_t packets, bytes, batches;
	uint64_t dropped;   /* for lack of room, with `drop` */
	uint64_t too_large; /* packets that no transmit ring could ever hold */
	int blocked;	    /* packets are left in `from`, because `to` is full */
	unsigned next_tx;   /* ring of `to` to go on with */
};

/* Moves what there is. Returns the number of packets; makes no system call. */
unsigned forward(struct direction *d);

#endif
