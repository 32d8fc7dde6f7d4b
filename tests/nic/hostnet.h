/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host's stack as the other side of host rings: nt0 has the address HOST_ADDR, and knows
 * the station FAR_ADDR on its network, which nobody is: what is sent there can be looked at.
 */
#ifndef NM_TEST_NIC_HOSTNET_H
#define NM_TEST_NIC_HOSTNET_H

#include "fixture.h"

#define HOST_ADDR "10.78.0.2"
#define FAR_ADDR  "10.78.0.1"

void hostnet_setup(void); /* after net_setup() */

/* A UDP socket of the stack, at `port`, that sends to the far station's port 9. */
int udp_open(uint16_t port);
/* Sends n datagrams numbered from seq on, `len` bytes of payload. */
void udp_send(int fd, uint32_t n, uint32_t len, uint32_t seq);
/* Datagrams with consecutive numbers from seq on, until n or a silence of ms. */
uint32_t udp_receive(int fd, uint32_t n, uint32_t seq, int ms);

/*
 * Such a datagram as a frame: from the far station, for the stack's `port`. With a wrong
 * checksum if it is `bad`. Returns the frame's length.
 */
uint32_t udp_frame(uint8_t *buf, uint16_t port, uint32_t len, uint32_t seq, bool bad);
/* Is it a frame of udp_send(), complete with its checksums? */
bool udp_frame_ok(const uint8_t *buf, uint32_t frame_len, uint32_t *seq);
/* UDP to the far station's port 9, right or not. */
bool udp_frame_is(const uint8_t *buf, uint32_t frame_len);

struct netmap_ring *host_txring(struct port *p, uint32_t i);
struct netmap_ring *host_rxring(struct port *p, uint32_t i);

/* n frames as above into a ring, from its head on, and sync; all must find room. */
void ring_send(struct port *p, struct netmap_ring *r, uint16_t port, uint32_t n, uint32_t len,
	       uint32_t seq);
/*
 * Frames of udp_send() from the open host rx rings of `p`, each of which must be right,
 * until n or a silence of ms; in from[ring], if that is there, how many from which.
 */
uint32_t ring_receive(struct port *p, uint32_t n, int ms, uint32_t *from);

#endif /* NM_TEST_NIC_HOSTNET_H */
