/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Host rings: the side of a NIC port on which the network stack of the machine is, as if it
 * hung on a wire of its own. What is sent there the stack receives, as from the interface;
 * what the stack sends through the interface is received there.
 *
 * And the way past the rings of the other side: slots of a receive ring that a client gives
 * back marked NS_FORWARD, while the ring has NR_FORWARD, go from the wire to the stack, or
 * from the stack to the wire.
 */
#ifndef NM_HOST_H
#define NM_HOST_H

#include "port.h"

/* Part of a packet. Clients can change the bytes while they are read. */
struct nm_piece {
	const void *data;
	uint32_t len;
};

/* A new kring: what being (or having) a host ring makes of it. */
void nm_host_kring_init(struct nm_kring *kr);

/* The number of a host ring among those of its port. */
static inline uint32_t nm_host_id(const struct nm_kring *kr)
{
	return kr->id - kr->port->nrings[kr->dir];
}

#endif /* NM_HOST_H */
