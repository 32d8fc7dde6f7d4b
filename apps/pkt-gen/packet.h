/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The packet that is sent: a template that is always complete and valid, and steps from one
 * variant to the next by changing only the bytes that differ, checksums included.
 */
#ifndef PKTGEN_PACKET_H
#define PKTGEN_PACKET_H

#include <stddef.h>
#include <stdint.h>

#include "../common/random.h"
#include "address.h"
#include "stamp.h"

#define PACKET_MAX 65535 /* what one IP packet, or 64 slots, can hold */
#define PACKET_MIX 64	 /* most sizes in a mix, with their weights */

struct packet_spec {
	int af;
	uint8_t proto; /* IPPROTO_UDP or IPPROTO_TCP */
	uint8_t src_mac[6], dst_mac[6];
	struct endpoint src, dst;
	int random_src, random_dst;
	unsigned size_min, size_max;   /* without CRC and virtio-net header */
	unsigned mix_size[PACKET_MIX]; /* a round of sizes, instead of the two above */
	unsigned mix_count;
	unsigned vnet_len; /* bytes of an empty virtio-net header before the packet */
	int stamped;	   /* numbered, with a time stamp */
	enum stamp_kind kind;
	uint16_t stream;
	uint64_t seed;
};

/* One of the four fields that a range may cover. */
struct packet_field {
	uint64_t first, last, now;
	int random, changing;
};

struct packet {
	/* What packet_next() must do. */
	unsigned varies;
#define PACKET_VARY_SIZE   1
#define PACKET_VARY_FIELDS 2
#define PACKET_VARY_STAMP  4
	unsigned len; /* of this variant, with the virtio-net header */
	unsigned vnet_len;
	unsigned hot_len;	  /* only the first hot_len bytes ever change */
	unsigned ip, l4, payload; /* offsets in the frame */
	int af;
	uint8_t proto;
	struct packet_field src_addr, dst_addr, src_port, dst_port;
	unsigned size_min, size_max, mix_count, mix_next;
	unsigned mix_size[PACKET_MIX];
	struct rng rng;
	uint32_t seq;
	/* Sum of the payload's words after the stamp, up to each even length. */
	uint16_t *prefix_sum;
	uint8_t frame[PACKET_MAX + 64] __attribute__((aligned(64)));
};

/* Least size that these headers need. */
unsigned packet_min_size(int af, uint8_t proto, int stamped);
/* 0, or -1 and *why. The spec's endpoints must be of its address family. */
int packet_init(struct packet *p, const struct packet_spec *spec, const char **why);
void packet_free(struct packet *p);
/* Changes the template into the next packet. Not called if nothing varies. */
void packet_next(struct packet *p, uint64_t ts_ns);
/* For ping: sets the number and the time. */
void packet_stamp(struct packet *p, uint32_t seq, uint64_t ts_ns);

#endif
