/* SPDX-License-Identifier: BSD-2-Clause */
/* Frames as they come in: what they are, and whether they are right. */
#ifndef PKTGEN_FRAME_H
#define PKTGEN_FRAME_H

#include <stddef.h>
#include <stdint.h>

/* The stamp in the payload of a UDP or TCP packet (stamp.h), or NULL. */
uint8_t *frame_find_stamp(uint8_t *frame, size_t len);
/* Makes the answer to a ping out of it, in place: addresses and ports change sides. */
void frame_turn(uint8_t *frame, uint8_t *stamp);

struct frame_faults {
	uint64_t checked; /* frames with an IP header; others cannot be judged */
	uint64_t length;  /* a header says more bytes than there are */
	uint64_t ip_csum;
	uint64_t l4_csum;
};

void frame_check(const uint8_t *frame, size_t len, struct frame_faults *f);

#endif
