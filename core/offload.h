/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a virtio-net header asks for, done in software: a packet from a port
 * that has such headers to a port that has none may need its checksum, or has
 * to be cut into segments. The packet is a private copy: its owner can not
 * change it under us.
 */
#ifndef NM_OFFLOAD_H
#define NM_OFFLOAD_H

#include "os.h"

#define NM_OFFLOAD_MAX 65550 /* longest packet: 64 KiB of IP, and Ethernet */

/* Virtual I/O Device (VIRTIO) 1.1, 5.1.6: struct virtio_net_hdr, little-endian. */
#define NM_VNET_LEN	   10
#define NM_VNET_LEN_MAX	   12 /* with num_buffers */
#define NM_VNET_NEEDS_CSUM 1  /* flags */
#define NM_VNET_GSO_NONE   0  /* gso_type */
#define NM_VNET_GSO_TCPV4  1
#define NM_VNET_GSO_TCPV6  4
#define NM_VNET_GSO_UDP_L4 5
#define NM_VNET_GSO_ECN	   0x80

struct nm_offload {
	uint8_t *pkt;
	uint32_t len;
	bool csum;
	uint32_t csum_start, csum_at; /* where the sum begins, where it goes */
	bool tcp, ipv4;
	uint32_t l3, hlen; /* IP header; length of all headers, copied to each segment */
	uint32_t mss;	   /* payload of a segment; 0: the packet is not cut */
	uint32_t segments;
};

/*
 * Reads the virtio-net header `vnet` (NM_VNET_LEN bytes; NULL: nothing is
 * asked for) of a packet. Sets o->segments; -EINVAL when it makes no sense.
 */
int nm_offload_init(struct nm_offload *o, const uint8_t *vnet, uint8_t *pkt, uint32_t len);
/* Length of segment k, and its bytes at dst (room for that length). */
uint32_t nm_offload_len(const struct nm_offload *o, uint32_t k);
void nm_offload_write(const struct nm_offload *o, uint32_t k, uint8_t *dst);

/*
 * Whether a packet, `len` bytes of which are at pkt, has the sum of its pseudo header where
 * its checksum belongs, as one that a stack left to hardware. Then `vnet` says so. Others may
 * write to pkt meanwhile.
 */
bool nm_offload_unfinished(const void *pkt, uint32_t len, uint8_t vnet[NM_VNET_LEN]);

#endif /* NM_OFFLOAD_H */
