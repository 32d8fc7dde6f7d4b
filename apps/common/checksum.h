/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The Internet checksum (RFC 1071), as a running sum of 16-bit words in memory order. The
 * sum does not depend on the byte order, so nothing here swaps bytes.
 */
#ifndef APPS_CHECKSUM_H
#define APPS_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t csum_add(uint64_t sum, const void *data, size_t len)
{
	const uint8_t *p = data;

	for (; len >= 4; p += 4, len -= 4) {
		uint32_t w;

		memcpy(&w, p, 4);
		sum += w;
	}
	if (len >= 2) {
		uint16_t w;

		memcpy(&w, p, 2);
		sum += w;
		p += 2;
		len -= 2;
	}
	if (len) {
		uint16_t w = 0;

		memcpy(&w, p, 1); /* the missing byte counts as zero */
		sum += w;
	}
	return sum;
}

static inline uint16_t csum_fold(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* The value of a checksum field over what was summed up. */
static inline uint16_t csum_finish(uint64_t sum)
{
	return (uint16_t)~csum_fold(sum);
}

/*
 * RFC 1624: the new value of a checksum after `old` became `new` somewhere. Words of
 * 32 bits stand for their two halves.
 */
static inline uint16_t csum_update(uint16_t csum, uint32_t old, uint32_t new)
{
	return csum_finish((uint64_t)(uint16_t)~csum + (uint32_t)~old + new);
}

#endif
