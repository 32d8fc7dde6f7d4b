/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A number for the flow of a packet, the same for both directions. The flow is the pair of
 * addresses, the protocol, and the pair of ports where there are some; behind any number of
 * VLAN tags, and, if asked, inside tunnels (GRE, VXLAN, IP in IP).
 *
 * Fragments but the first have no ports. The fragments of a packet follow the first one, as
 * long as it came first and not too many others came between; else only addresses count.
 *
 * ARP counts by its two IP addresses, all else by the pair of MAC addresses and the type.
 */
#ifndef LB_FLOW_H
#define LB_FLOW_H

#include <stddef.h>
#include <stdint.h>

#define FLOW_FRAGMENTS 4096 /* packets whose fragments are remembered; a power of two */

struct flow_fragment {
	uint64_t key;  /* of addresses, protocol and id of the packet; 0: unused */
	uint64_t hash; /* of its flow */
};

struct flow {
	uint64_t seed;
	int inner;	     /* look into tunnels */
	uint16_t vxlan_port; /* UDP port of VXLAN */
	struct flow_fragment fragment[FLOW_FRAGMENTS];
};

void flow_init(struct flow *f, uint64_t seed, int inner);
uint64_t flow_hash(struct flow *f, const uint8_t *frame, size_t len);

/* Which of n outputs a hash belongs to: its high bits, spread evenly. */
static inline unsigned flow_pick(uint64_t hash, unsigned n)
{
	return (unsigned)(((hash >> 32) * n) >> 32);
}

#endif
