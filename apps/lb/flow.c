/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "flow.h"

enum {
	TYPE_IP4 = 0x0800,
	TYPE_ARP = 0x0806,
	TYPE_VLAN = 0x8100,
	TYPE_IP6 = 0x86dd,
	TYPE_QINQ = 0x88a8,
	TYPE_QINQ_OLD = 0x9100,
	TYPE_ETHERNET = 0x6558, /* in GRE */

	PROTO_HOPOPTS = 0,
	PROTO_IPIP = 4,
	PROTO_TCP = 6,
	PROTO_UDP = 17,
	PROTO_DCCP = 33,
	PROTO_IP6 = 41,
	PROTO_ROUTING = 43,
	PROTO_FRAGMENT = 44,
	PROTO_GRE = 47,
	PROTO_AH = 51,
	PROTO_DSTOPTS = 60,
	PROTO_SCTP = 132,
	PROTO_UDPLITE = 136,

	MAX_TUNNELS = 4,
	MAX_TAGS = 4,
	MAX_EXTENSIONS = 8,
};

/* What is left of the packet. */
struct cursor {
	const uint8_t *p;
	size_t len;
};

struct endpoints {
	const uint8_t *src, *dst;
	size_t addr_len; /* 4, 6 or 16 */
	uint16_t src_port, dst_port;
	uint16_t proto;
};

static int parse_ethernet(struct flow *f, struct cursor c, int depth, uint64_t *hash);
static int parse_type(struct flow *f, uint16_t type, struct cursor c, int depth, uint64_t *hash);

void flow_init(struct flow *f, uint64_t seed, int inner)
{
	memset(f, 0, sizeof(*f));
	f->seed = seed;
	f->inner = inner;
	f->vxlan_port = 4789;
}

/* ---- hashing ---------------------------------------------------------------------- */

/* Both halves of the product depend on all bits of both factors. */
static uint64_t mix(uint64_t a, uint64_t b)
{
	unsigned __int128 m =
		(unsigned __int128)(a ^ 0x9e3779b97f4a7c15ULL) * (b ^ 0xd1b54a32d192ed03ULL);

	return (uint64_t)m ^ (uint64_t)(m >> 64);
}

static uint64_t load(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	memcpy(&v, p, n);
	return v;
}

static uint64_t hash_side(const struct flow *f, const uint8_t *addr, size_t len, uint16_t port)
{
	uint64_t h = mix(f->seed, (uint64_t)port << 16 | len);

	if (len == 16) {
		h = mix(h ^ load(addr, 8), 1);
		return mix(h ^ load(addr + 8, 8), 2);
	}
	return mix(h ^ load(addr, len), 3);
}

/* A sum does not know which side came first: that is all the symmetry there is. */
static uint64_t hash_flow(const struct flow *f, const struct endpoints *e)
{
	uint64_t sum = hash_side(f, e->src, e->addr_len, e->src_port) +
		       hash_side(f, e->dst, e->addr_len, e->dst_port);

	return mix(sum, f->seed + e->proto);
}

/* ---- fragments ---------------------------------------------------------------------- */

/* Unlike the flow, a packet has a direction. */
static uint64_t fragment_key(const struct flow *f, const struct endpoints *e, uint32_t id)
{
	uint64_t h = hash_side(f, e->src, e->addr_len, 0);

	h = mix(h ^ hash_side(f, e->dst, e->addr_len, 1), (uint64_t)id << 16 | e->proto);
	return h ? h : 1;
}

static void remember_fragment(struct flow *f, uint64_t key, uint64_t hash)
{
	f->fragment[key % FLOW_FRAGMENTS] = (struct flow_fragment){ .key = key, .hash = hash };
}

static int find_fragment(const struct flow *f, uint64_t key, uint64_t *hash)
{
	const struct flow_fragment *e = &f->fragment[key % FLOW_FRAGMENTS];

	if (e->key != key)
		return 0;
	*hash = e->hash;
	return 1;
}

/* ---- parsing -------------------------------------------------------------------------- */

/* 0 and the cursor is behind n bytes, or -1: there are not that many. */
static int advance(struct cursor *c, size_t n)
{
	if (c->len < n)
		return -1;
	c->p += n;
	c->len -= n;
	return 0;
}

static uint16_t be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)be16(p) << 16 | be16(p + 2);
}

static int has_ports(uint16_t proto)
{
	return proto == PROTO_TCP || proto == PROTO_UDP || proto == PROTO_SCTP ||
	       proto == PROTO_UDPLITE || proto == PROTO_DCCP;
}

/* GRE (RFC 2784, 2890), versions 0 and 1: flags tell which words come before the payload. */
static int parse_gre(struct flow *f, struct cursor c, int depth, uint64_t *hash)
{
	uint16_t flags, type;
	size_t n = 4;

	if (c.len < 4)
		return -1;
	flags = be16(c.p);
	type = be16(c.p + 2);
	if ((flags & 7) != 0 || (flags & 0x4000)) /* version 1 carries PPP; routing is retired */
		return -1;
	n += flags & 0x8000 ? 4 : 0; /* checksum */
	n += flags & 0x2000 ? 4 : 0; /* key */
	n += flags & 0x1000 ? 4 : 0; /* sequence number */
	if (advance(&c, n))
		return -1;
	if (type == TYPE_ETHERNET)
		return parse_ethernet(f, c, depth + 1, hash);
	return parse_type(f, type, c, depth + 1, hash);
}

/* RFC 7348: eight bytes, of which the first has the bit that says there is a network id. */
static int parse_vxlan(struct flow *f, struct cursor c, int depth, uint64_t *hash)
{
	if (advance(&c, 8)) /* the UDP header */
		return -1;
	if (c.len < 8 || !(c.p[0] & 0x08))
		return -1;
	advance(&c, 8);
	return parse_ethernet(f, c, depth + 1, hash);
}

/* What is in the tunnel, if it is one that we know and the packet in it makes sense. */
static int parse_tunnel(struct flow *f, const struct endpoints *e, struct cursor c, int depth,
			uint64_t *hash)
{
	if (!f->inner || depth >= MAX_TUNNELS)
		return -1;
	switch (e->proto) {
	case PROTO_GRE:
		return parse_gre(f, c, depth, hash);
	case PROTO_IPIP:
		return parse_type(f, TYPE_IP4, c, depth + 1, hash);
	case PROTO_IP6:
		return parse_type(f, TYPE_IP6, c, depth + 1, hash);
	case PROTO_UDP:
		if (e->dst_port == f->vxlan_port)
			return parse_vxlan(f, c, depth, hash);
	}
	return -1;
}

/*
 * From the transport header on. `fragment`: 0 no, 1 the first one of several, 2 a later one;
 * `id` is the packet's.
 */
static void parse_transport(struct flow *f, struct endpoints *e, struct cursor c, int fragment,
			    uint32_t id, int depth, uint64_t *hash)
{
	uint64_t key = fragment ? fragment_key(f, e, id) : 0;

	if (fragment == 2) {
		if (!find_fragment(f, key, hash))
			*hash = hash_flow(f, e);
		return;
	}
	if (has_ports(e->proto) && c.len >= 4) {
		e->src_port = be16(c.p);
		e->dst_port = be16(c.p + 2);
	}
	if (parse_tunnel(f, e, c, depth, hash))
		*hash = hash_flow(f, e);
	if (fragment == 1)
		remember_fragment(f, key, *hash);
}

static int parse_ip4(struct flow *f, struct cursor c, int depth, uint64_t *hash)
{
	struct endpoints e = { .addr_len = 4 };
	uint16_t fragment;
	uint32_t id;
	size_t ihl;

	if (c.len < 20 || c.p[0] >> 4 != 4)
		return -1;
	ihl = (size_t)(c.p[0] & 15) * 4;
	e.src = c.p + 12;
	e.dst = c.p + 16;
	e.proto = c.p[9];
	fragment = be16(c.p + 6);
	id = be16(c.p + 4);
	if (ihl < 20)
		return -1;
	if (advance(&c, ihl))
		c.len = 0;
	parse_transport(f, &e, c,
			fragment & 0x1fff ? 2 :
			fragment & 0x2000 ? 1 :
					    0,
			id, depth, hash);
	return 0;
}

static int parse_ip6(struct flow *f, struct cursor c, int depth, uint64_t *hash)
{
	struct endpoints e = { .addr_len = 16 };
	int fragment = 0;
	uint32_t id = 0;
	size_t n;

	if (c.len < 40 || c.p[0] >> 4 != 6)
		return -1;
	e.src = c.p + 8;
	e.dst = c.p + 24;
	e.proto = c.p[6];
	advance(&c, 40);
	for (int i = 0; i < MAX_EXTENSIONS && c.len >= 8; i++) {
		switch (e.proto) {
		case PROTO_HOPOPTS:
		case PROTO_ROUTING:
		case PROTO_DSTOPTS:
			n = (size_t)(c.p[1] + 1) * 8;
			break;
		case PROTO_AH:
			n = (size_t)(c.p[1] + 2) * 4;
			break;
		case PROTO_FRAGMENT:
			n = 8;
			id = be32(c.p + 4);
			fragment = be16(c.p + 2) & 0xfff8 ? 2 : c.p[3] & 1 ? 1 : 0;
			break;
		default:
			n = 0;
		}
		if (n == 0)
			break;
		e.proto = c.p[0];
		if (advance(&c, n)) {
			c.len = 0;
			break;
		}
		if (fragment == 2)
			break; /* what follows is the middle of something */
	}
	parse_transport(f, &e, c, fragment, id, depth, hash);
	return 0;
}

/* A question and its answer have the same two IP addresses. */
static int parse_arp(struct flow *f, struct cursor c, uint64_t *hash)
{
	struct endpoints e = { .addr_len = 4, .proto = TYPE_ARP };

	if (c.len < 28 || c.p[4] != 6 || c.p[5] != 4)
		return -1;
	e.src = c.p + 14;
	e.dst = c.p + 24;
	*hash = hash_flow(f, &e);
	return 0;
}

static int parse_type(struct flow *f, uint16_t type, struct cursor c, int depth, uint64_t *hash)
{
	switch (type) {
	case TYPE_IP4:
		return parse_ip4(f, c, depth, hash);
	case TYPE_IP6:
		return parse_ip6(f, c, depth, hash);
	case TYPE_ARP:
		return parse_arp(f, c, hash);
	}
	return -1;
}

static int parse_ethernet(struct flow *f, struct cursor c, int depth, uint64_t *hash)
{
	struct endpoints e = { .addr_len = 6 };
	uint16_t type;

	if (c.len < 14)
		return -1;
	e.dst = c.p;
	e.src = c.p + 6;
	type = be16(c.p + 12);
	advance(&c, 14);
	for (int i = 0; i < MAX_TAGS && c.len >= 4 &&
			(type == TYPE_VLAN || type == TYPE_QINQ || type == TYPE_QINQ_OLD);
	     i++) {
		type = be16(c.p + 2);
		advance(&c, 4);
	}
	if (parse_type(f, type, c, depth, hash)) {
		/* A length in place of a type is different in each packet. */
		e.proto = type < 1536 ? 0 : type;
		*hash = hash_flow(f, &e);
	}
	return 0;
}

uint64_t flow_hash(struct flow *f, const uint8_t *frame, size_t len)
{
	struct cursor c = { .p = frame, .len = len };
	uint64_t hash = 0;

	parse_ethernet(f, c, 0, &hash); /* less than a header: all such packets are one flow */
	return hash;
}
