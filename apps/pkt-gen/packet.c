/* SPDX-License-Identifier: BSD-2-Clause */
#include <arpa/inet.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "../common/checksum.h"
#include "packet.h"

/* Offsets of the fields, in their headers. */
enum {
	ETH_SIZE = 14,
	IP4_SIZE = 20,
	IP4_TOTAL = 2,
	IP4_CSUM = 10,
	IP4_SRC = 12,
	IP4_DST = 16,
	IP6_SIZE = 40,
	IP6_LEN = 4,
	IP6_SRC = 8,
	IP6_DST = 24,
	L4_SRC_PORT = 0,
	L4_DST_PORT = 2,
	UDP_SIZE = 8,
	UDP_LEN = 4,
	UDP_CSUM = 6,
	TCP_SIZE = 20,
	TCP_CSUM = 16,
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

static uint32_t get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, 4);
	return v;
}

static void put32(uint8_t *p, uint32_t v)
{
	memcpy(p, &v, 4);
}

unsigned packet_min_size(int af, uint8_t proto, int stamped)
{
	return ETH_SIZE + (af == AF_INET6 ? IP6_SIZE : IP4_SIZE) +
	       (proto == IPPROTO_TCP ? TCP_SIZE : UDP_SIZE) + (stamped ? STAMP_SIZE : 0);
}

/* ---- checksums of the template -------------------------------------------------- */

static uint8_t *l4_csum_at(struct packet *p)
{
	return p->frame + p->l4 + (p->proto == IPPROTO_TCP ? TCP_CSUM : UDP_CSUM);
}

/* `old` became `new` in what the checksum of the UDP or TCP header covers. */
static void l4_changed(struct packet *p, uint32_t old, uint32_t new)
{
	uint8_t *at = l4_csum_at(p);
	uint16_t c = csum_update(get16(at), old, new);

	/* In UDP, 0 stands for "none", and 0xffff is the same number. */
	if (c == 0 && p->proto == IPPROTO_UDP)
		c = 0xffff;
	put16(at, c);
}

static void ip4_changed(struct packet *p, uint32_t old, uint32_t new)
{
	uint8_t *at = p->frame + p->ip + IP4_CSUM;

	put16(at, csum_update(get16(at), old, new));
}

/* Both checksums from nothing; all else in the headers must be there. */
static void fill_checksums(struct packet *p)
{
	uint8_t *ip = p->frame + p->ip, *l4 = p->frame + p->l4;
	size_t l4_len = p->len - p->l4;
	uint64_t sum;

	put16(l4_csum_at(p), 0);
	if (p->af == AF_INET) {
		put16(ip + IP4_CSUM, 0);
		put16(ip + IP4_CSUM, csum_finish(csum_add(0, ip, IP4_SIZE)));
		sum = csum_add(0, ip + IP4_SRC, 8);
	} else {
		sum = csum_add(0, ip + IP6_SRC, 32);
	}
	sum += htons((uint16_t)l4_len) + htons(p->proto);
	sum = csum_add(sum, l4, l4_len);
	put16(l4_csum_at(p), csum_finish(sum));
	if (p->proto == IPPROTO_UDP && get16(l4_csum_at(p)) == 0)
		put16(l4_csum_at(p), 0xffff);
}

/* ---- what may change ------------------------------------------------------------- */

static uint16_t payload_sum(const struct packet *p, unsigned len)
{
	unsigned n = len - p->hot_len;
	uint16_t tail = 0;

	if (n & 1)
		memcpy(&tail, p->frame + len - 1, 1);
	return csum_fold((uint64_t)p->prefix_sum[n / 2] + tail);
}

static void set_len(struct packet *p, unsigned len)
{
	uint8_t *ip = p->frame + p->ip, *l4 = p->frame + p->l4;
	uint16_t old_l4 = htons((uint16_t)(p->len - p->l4));
	uint16_t new_l4 = htons((uint16_t)(len - p->l4));

	if (len == p->len)
		return;
	if (p->af == AF_INET) {
		uint16_t old = get16(ip + IP4_TOTAL), new = htons((uint16_t)(len - p->ip));

		put16(ip + IP4_TOTAL, new);
		ip4_changed(p, old, new);
	} else {
		put16(ip + IP6_LEN, new_l4);
	}
	l4_changed(p, old_l4, new_l4); /* in the pseudo header */
	if (p->proto == IPPROTO_UDP) {
		put16(l4 + UDP_LEN, new_l4);
		l4_changed(p, old_l4, new_l4);
	}
	l4_changed(p, payload_sum(p, p->len), payload_sum(p, len));
	p->len = len;
}

static void set_addr(struct packet *p, unsigned ofs4, unsigned ofs6, uint64_t v)
{
	uint8_t *at;
	uint32_t old, new;

	if (p->af == AF_INET) {
		at = p->frame + p->ip + ofs4;
		old = get32(at);
		new = htonl((uint32_t)v);
		put32(at, new);
		ip4_changed(p, old, new);
		l4_changed(p, old, new);
		return;
	}
	at = p->frame + p->ip + ofs6 + 8; /* the /64 before it stays */
	for (int i = 0; i < 2; i++, at += 4) {
		old = get32(at);
		new = htonl((uint32_t)(v >> (i ? 0 : 32)));
		put32(at, new);
		l4_changed(p, old, new);
	}
}

static void set_port(struct packet *p, unsigned ofs, uint64_t v)
{
	uint8_t *at = p->frame + p->l4 + ofs;
	uint16_t old = get16(at), new = htons((uint16_t)v);

	put16(at, new);
	l4_changed(p, old, new);
}

/* 1 if the field went round, and the next one has to step. */
static int field_step(struct packet_field *f, struct rng *rng)
{
	if (f->random) {
		f->now = f->first + rng_below(rng, f->last - f->first + 1);
		return 1;
	}
	if (f->now == f->last) {
		f->now = f->first;
		return 1;
	}
	f->now++;
	return 0;
}

/*
 * The four fields count like the digits of a number, source port first, so that a run of as
 * many packets as there are combinations has each of them once. Random ones are drawn anew
 * for each packet and let the next one step.
 */
static void next_fields(struct packet *p)
{
	int carry = 1;

	if (p->src_port.changing && (carry || p->src_port.random)) {
		carry &= field_step(&p->src_port, &p->rng);
		set_port(p, L4_SRC_PORT, p->src_port.now);
	}
	if (p->src_addr.changing && (carry || p->src_addr.random)) {
		carry &= field_step(&p->src_addr, &p->rng);
		set_addr(p, IP4_SRC, IP6_SRC, p->src_addr.now);
	}
	if (p->dst_port.changing && (carry || p->dst_port.random)) {
		carry &= field_step(&p->dst_port, &p->rng);
		set_port(p, L4_DST_PORT, p->dst_port.now);
	}
	if (p->dst_addr.changing && (carry || p->dst_addr.random)) {
		field_step(&p->dst_addr, &p->rng);
		set_addr(p, IP4_DST, IP6_DST, p->dst_addr.now);
	}
}

static void next_size(struct packet *p)
{
	unsigned size;

	if (p->mix_count) {
		size = p->mix_size[p->mix_next];
		if (++p->mix_next == p->mix_count)
			p->mix_next = 0;
	} else {
		size = p->size_min + (unsigned)rng_below(&p->rng, p->size_max - p->size_min + 1);
	}
	set_len(p, p->vnet_len + size);
}

void packet_stamp(struct packet *p, uint32_t seq, uint64_t ts_ns)
{
	uint8_t *at = p->frame + p->payload + STAMP_OFS_SEQ;
	uint32_t words[3] = { htonl(seq), (uint32_t)ts_ns, (uint32_t)(ts_ns >> 32) };

	/* The time is a 64-bit number in memory order, whatever that is here. */
	memcpy(&words[1], &ts_ns, 8);
	for (int i = 0; i < 3; i++, at += 4) {
		l4_changed(p, get32(at), words[i]);
		put32(at, words[i]);
	}
}

void packet_next(struct packet *p, uint64_t ts_ns)
{
	if (p->varies & PACKET_VARY_FIELDS)
		next_fields(p);
	if (p->varies & PACKET_VARY_SIZE)
		next_size(p);
	if (p->varies & PACKET_VARY_STAMP)
		packet_stamp(p, p->seq++, ts_ns);
}

/* ---- building it ------------------------------------------------------------------ */

static void field_init(struct packet_field *f, uint64_t first, uint64_t last, int random)
{
	f->first = first;
	f->last = last;
	f->now = first;
	f->random = random;
	f->changing = random || first != last;
}

/* Random addresses and ports stay in the range if there is one; else they may be any. */
static void endpoint_fields(const struct endpoint *e, int random, struct packet_field *addr,
			    struct packet_field *port)
{
	int one_addr = e->first == e->last, one_port = e->port_first == e->port_last;

	field_init(addr, e->first, e->last, 0);
	field_init(port, e->port_first, e->port_last, 0);
	if (!random)
		return;
	if (!one_addr)
		field_init(addr, e->first, e->last, 1);
	else if (e->af == AF_INET)
		field_init(addr, 0x01000000, 0xdfffffff, 1); /* all that is unicast */
	else
		field_init(addr, 1, UINT64_MAX - 1, 1);
	if (!one_port)
		field_init(port, e->port_first, e->port_last, 1);
	else
		field_init(port, 1, 65535, 1);
}

static void put_headers(struct packet *p, const struct packet_spec *s)
{
	uint8_t *eth = p->frame + p->vnet_len, *ip = p->frame + p->ip, *l4 = p->frame + p->l4;
	uint16_t l4_len = htons((uint16_t)(p->len - p->l4));

	memcpy(eth, s->dst_mac, 6);
	memcpy(eth + 6, s->src_mac, 6);
	if (p->af == AF_INET) {
		put16(eth + 12, htons(ETHERTYPE_IP));
		ip[0] = 0x45;
		ip[1] = 0x10; /* low delay, as programs like this have always said */
		put16(ip + IP4_TOTAL, htons((uint16_t)(p->len - p->ip)));
		put16(ip + 6, htons(0x4000)); /* don't fragment */
		ip[8] = 64;
		ip[9] = p->proto;
		put32(ip + IP4_SRC, htonl((uint32_t)p->src_addr.now));
		put32(ip + IP4_DST, htonl((uint32_t)p->dst_addr.now));
	} else {
		put16(eth + 12, htons(ETHERTYPE_IPV6));
		ip[0] = 0x60;
		put16(ip + IP6_LEN, l4_len);
		ip[6] = p->proto;
		ip[7] = 64;
		memcpy(ip + IP6_SRC, s->src.prefix, 8);
		memcpy(ip + IP6_DST, s->dst.prefix, 8);
		for (int i = 0; i < 8; i++) {
			ip[IP6_SRC + 8 + i] = (uint8_t)(p->src_addr.now >> (56 - 8 * i));
			ip[IP6_DST + 8 + i] = (uint8_t)(p->dst_addr.now >> (56 - 8 * i));
		}
	}
	put16(l4 + L4_SRC_PORT, htons((uint16_t)p->src_port.now));
	put16(l4 + L4_DST_PORT, htons((uint16_t)p->dst_port.now));
	if (p->proto == IPPROTO_UDP) {
		put16(l4 + UDP_LEN, l4_len);
	} else {
		l4[12] = (TCP_SIZE / 4) << 4;
		l4[13] = 0x10; /* ACK */
		put16(l4 + 14, htons(0xffff));
	}
}

static int fill_payload(struct packet *p, const struct packet_spec *s, unsigned max_len)
{
	static const char text[] = "netmap pkt-gen payload ";
	unsigned n = max_len - p->hot_len;
	uint64_t sum = 0;

	for (unsigned i = p->payload; i < max_len; i++)
		p->frame[i] = (uint8_t)text[(i - p->payload) % (sizeof(text) - 1)];
	if (s->stamped) {
		struct stamp st = { .kind = s->kind, .stream = s->stream };

		stamp_write(p->frame + p->payload, &st);
	}
	p->prefix_sum = malloc((n / 2 + 1) * sizeof(*p->prefix_sum));
	if (!p->prefix_sum)
		return -1;
	for (unsigned i = 0; i <= n / 2; i++) {
		p->prefix_sum[i] = csum_fold(sum);
		if (i < n / 2)
			sum += get16(p->frame + p->hot_len + 2 * i);
	}
	return 0;
}

int packet_init(struct packet *p, const struct packet_spec *s, const char **why)
{
	unsigned least = packet_min_size(s->af, s->proto, s->stamped), max = s->size_max;

	memset(p, 0, sizeof(*p));
	p->size_min = s->size_min;
	p->size_max = s->size_max;
	if (s->mix_count) {
		p->size_min = max = s->mix_size[0];
		for (unsigned i = 0; i < s->mix_count; i++) {
			p->mix_size[i] = s->mix_size[i];
			if (s->mix_size[i] > max)
				max = s->mix_size[i];
			if (s->mix_size[i] < p->size_min)
				p->size_min = s->mix_size[i];
		}
		p->size_max = max;
		p->mix_count = s->mix_count;
	}
	if (p->size_min < least || max > PACKET_MAX) {
		*why = "no such packet size";
		return -1;
	}
	p->af = s->af;
	p->proto = s->proto;
	p->vnet_len = s->vnet_len;
	p->ip = p->vnet_len + ETH_SIZE;
	p->l4 = p->ip + (s->af == AF_INET6 ? IP6_SIZE : IP4_SIZE);
	p->payload = p->l4 + (s->proto == IPPROTO_TCP ? TCP_SIZE : UDP_SIZE);
	p->hot_len = p->payload + (s->stamped ? STAMP_SIZE : 0);
	p->len = p->vnet_len + max;
	rng_seed(&p->rng, s->seed);
	endpoint_fields(&s->src, s->random_src, &p->src_addr, &p->src_port);
	endpoint_fields(&s->dst, s->random_dst, &p->dst_addr, &p->dst_port);
	if (p->size_min != p->size_max)
		p->varies |= PACKET_VARY_SIZE;
	if (p->src_addr.changing || p->dst_addr.changing || p->src_port.changing ||
	    p->dst_port.changing) {
		p->varies |= PACKET_VARY_FIELDS;
		/* packet_next() comes before each packet, the first one too. */
		if (!s->random_src) {
			p->src_addr.now = p->src_addr.last;
			p->src_port.now = p->src_port.last;
		}
		if (!s->random_dst) {
			p->dst_addr.now = p->dst_addr.last;
			p->dst_port.now = p->dst_port.last;
		}
	}
	if (s->stamped)
		p->varies |= PACKET_VARY_STAMP;
	put_headers(p, s);
	if (fill_payload(p, s, p->len)) {
		*why = "no memory";
		return -1;
	}
	fill_checksums(p);
	return 0;
}

void packet_free(struct packet *p)
{
	free(p->prefix_sum);
	p->prefix_sum = NULL;
}
