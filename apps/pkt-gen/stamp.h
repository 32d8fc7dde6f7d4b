/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The first 16 bytes of the payload of numbered packets. In network order, except for the
 * time, which only the machine that wrote it can read.
 */
#ifndef PKTGEN_STAMP_H
#define PKTGEN_STAMP_H

#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>

#define STAMP_MAGIC 0x6e6d /* "nm" */
#define STAMP_SIZE  16

/* The two top bits of the word after the magic; the other 14 tell one sender from another. */
enum stamp_kind {
	STAMP_DATA = 1,
	STAMP_PING = 2,
	STAMP_PONG = 3,
};

#define STAMP_STREAM_BITS 14
#define STAMP_STREAMS	  (1 << STAMP_STREAM_BITS)

struct stamp {
	enum stamp_kind kind;
	uint16_t stream;
	uint32_t seq;
	uint64_t ts_ns;
};

/* Offsets of what changes from packet to packet. */
#define STAMP_OFS_KIND 2
#define STAMP_OFS_SEQ  4
#define STAMP_OFS_TIME 8

static inline void stamp_write(uint8_t p[STAMP_SIZE], const struct stamp *s)
{
	uint16_t magic = htons(STAMP_MAGIC);
	uint16_t who = htons((uint16_t)(s->kind << STAMP_STREAM_BITS | s->stream));
	uint32_t seq = htonl(s->seq);

	memcpy(p, &magic, 2);
	memcpy(p + STAMP_OFS_KIND, &who, 2);
	memcpy(p + STAMP_OFS_SEQ, &seq, 4);
	memcpy(p + STAMP_OFS_TIME, &s->ts_ns, 8);
}

/* 0, or -1 if there is none. */
static inline int stamp_read(const uint8_t *p, struct stamp *s)
{
	uint16_t magic, who;
	uint32_t seq;

	memcpy(&magic, p, 2);
	memcpy(&who, p + STAMP_OFS_KIND, 2);
	if (magic != htons(STAMP_MAGIC))
		return -1;
	who = ntohs(who);
	memcpy(&seq, p + STAMP_OFS_SEQ, 4);
	memcpy(&s->ts_ns, p + STAMP_OFS_TIME, 8);
	s->kind = (enum stamp_kind)(who >> STAMP_STREAM_BITS);
	s->stream = who & (STAMP_STREAMS - 1);
	s->seq = ntohl(seq);
	return 0;
}

#endif
