/* SPDX-License-Identifier: BSD-2-Clause */
#include <arpa/inet.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <string.h>

#include "../common/checksum.h"
#include "frame.h"
#include "stamp.h"

enum {
	ETHERTYPE_QINQ = 0x88a8,
	IP4_SIZE = 20,
	IP6_SIZE = 40,
	UDP_SIZE = 8,
	TCP_SIZE = 20,
	UDP_CSUM = 6,
	TCP_CSUM = 16,
};

struct parsed {
	int af;
	uint8_t proto;
	size_t ip, l4; /* offsets */
	size_t end;    /* of the IP packet; the frame may be padded */
};

static uint16_t get16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, 2);
	return v;
}

static void put16(uint8_t *p, uint16_t v)
{
	memcpy(p, &v, 2);
}

/* Offset of the IP header, behind VLAN tags if there are some; 0 if it is something else. */
static size_t find_ip(const uint8_t *f, size_t len, int *af)
{
	size_t at = 12;

	for (int tags = 0; tags < 3 && at + 2 <= len; tags++) {
		switch (ntohs(get16(f + at))) {
		case ETHERTYPE_IP:
			*af = AF_INET;
			return at + 2;
		case ETHERTYPE_IPV6:
			*af = AF_INET6;
			return at + 2;
		case ETHERTYPE_VLAN:
		case ETHERTYPE_QINQ:
			at += 4;
			break;
		default:
			return 0;
		}
	}
	return 0;
}

enum kind {
	KIND_OTHER,
	KIND_SHORT, /* IP, but shorter than its headers say */
	KIND_IP,    /* IP, of a protocol that we don't know, or a fragment */
	KIND_L4,    /* UDP or TCP */
};

static enum kind parse(const uint8_t *f, size_t len, struct parsed *p)
{
	p->ip = find_ip(f, len, &p->af);
	if (p->ip == 0)
		return KIND_OTHER;
	if (p->af == AF_INET) {
		size_t ihl;

		if (p->ip + IP4_SIZE > len)
			return KIND_SHORT;
		ihl = (size_t)(f[p->ip] & 0x0f) * 4;
		p->l4 = p->ip + ihl;
		p->end = p->ip + ntohs(get16(f + p->ip + 2));
		p->proto = f[p->ip + 9];
		if (ihl < IP4_SIZE || p->l4 > p->end || p->end > len)
			return KIND_SHORT;
		if (ntohs(get16(f + p->ip + 6)) & 0x3fff)
			return KIND_IP;
	} else {
		if (p->ip + IP6_SIZE > len)
			return KIND_SHORT;
		p->l4 = p->ip + IP6_SIZE;
		p->end = p->l4 + ntohs(get16(f + p->ip + 4));
		p->proto = f[p->ip + 6];
		if (p->end > len)
			return KIND_SHORT;
	}
	if (p->proto != IPPROTO_UDP && p->proto != IPPROTO_TCP)
		return KIND_IP;
	if (p->l4 + (p->proto == IPPROTO_UDP ? UDP_SIZE : TCP_SIZE) > p->end)
		return KIND_SHORT;
	return KIND_L4;
}

uint8_t *frame_find_stamp(uint8_t *f, size_t len)
{
	struct parsed p;
	size_t payload;

	if (parse(f, len, &p) != KIND_L4)
		return NULL;
	payload = p.l4 + (p.proto == IPPROTO_UDP ? UDP_SIZE : (size_t)(f[p.l4 + 12] >> 4) * 4);
	if (payload + STAMP_SIZE > p.end)
		return NULL;
	return ntohs(get16(f + payload)) == STAMP_MAGIC ? f + payload : NULL;
}

static void swap_bytes(uint8_t *a, uint8_t *b, size_t n)
{
	uint8_t t[16];

	memcpy(t, a, n);
	memcpy(a, b, n);
	memcpy(b, t, n);
}

/* Sums do not mind the order: only the change of the stamp's kind reaches a checksum. */
void frame_turn(uint8_t *f, uint8_t *stamp)
{
	uint16_t old, new;
	struct parsed p;
	uint8_t *csum;

	/* The stamp was found, so the headers before it are whole. */
	if (parse(f, SIZE_MAX / 2, &p) != KIND_L4)
		return;
	swap_bytes(f, f + 6, 6);
	if (p.af == AF_INET)
		swap_bytes(f + p.ip + 12, f + p.ip + 16, 4);
	else
		swap_bytes(f + p.ip + 8, f + p.ip + 24, 16);
	swap_bytes(f + p.l4, f + p.l4 + 2, 2);
	old = get16(stamp + STAMP_OFS_KIND);
	new = htons(
		(uint16_t)(STAMP_PONG << STAMP_STREAM_BITS | (ntohs(old) & (STAMP_STREAMS - 1))));
	put16(stamp + STAMP_OFS_KIND, new);
	csum = f + p.l4 + (p.proto == IPPROTO_TCP ? TCP_CSUM : UDP_CSUM);
	if (p.proto == IPPROTO_UDP && get16(csum) == 0)
		return; /* it was sent without one */
	new = csum_update(get16(csum), old, new);
	put16(csum, new == 0 && p.proto == IPPROTO_UDP ? 0xffff : new);
}

static int l4_sum_is_wrong(const uint8_t *f, const struct parsed *p)
{
	size_t len = p->end - p->l4;
	uint64_t sum;

	if (p->proto == IPPROTO_UDP && get16(f + p->l4 + UDP_CSUM) == 0)
		return p->af == AF_INET6; /* where it must be there */
	sum = p->af == AF_INET ? csum_add(0, f + p->ip + 12, 8) : csum_add(0, f + p->ip + 8, 32);
	sum += htons((uint16_t)len) + htons(p->proto);
	return csum_fold(csum_add(sum, f + p->l4, len)) != 0xffff;
}

void frame_check(const uint8_t *f, size_t len, struct frame_faults *faults)
{
	struct parsed p;
	enum kind kind = parse(f, len, &p);

	if (kind == KIND_OTHER)
		return;
	faults->checked++;
	if (kind == KIND_SHORT) {
		faults->length++;
		return;
	}
	if (p.af == AF_INET && csum_fold(csum_add(0, f + p.ip, p.l4 - p.ip)) != 0xffff)
		faults->ip_csum++;
	if (kind != KIND_L4)
		return;
	if (p.proto == IPPROTO_UDP && ntohs(get16(f + p.l4 + 4)) != p.end - p.l4)
		faults->length++;
	else if (l4_sum_is_wrong(f, &p))
		faults->l4_csum++;
}
