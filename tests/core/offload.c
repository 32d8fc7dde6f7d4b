// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a virtio-net header asks for, against an independent idea of what must come out; and
 * between ports of a switch that have such headers and ports that have not.
 */
#include "client.h"
#include "offload.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/if_ether.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>

/* ---- packets, and whether they are right ---- */

static uint16_t ones(const void *data, size_t len, uint32_t sum)
{
	const uint8_t *p = data;

	for (; len > 1; p += 2, len -= 2)
		sum += p[0] << 8 | p[1];
	if (len)
		sum += p[0] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

struct shape {
	bool v6, udp;
	uint32_t vlans;	   /* tags */
	uint32_t l4_extra; /* bytes of TCP options */
	uint32_t payload;
};

struct made {
	uint8_t pkt[65600];
	uint32_t len, l3, l4, hlen;
};

static uint32_t pseudo_sum(const struct made *m, bool v6, uint32_t l4_len, uint8_t proto)
{
	uint32_t sum = l4_len + proto;

	return v6 ? ones(m->pkt + m->l3 + 8, 32, sum) : ones(m->pkt + m->l3 + 12, 8, sum);
}

/* With the sum of the pseudo header where the checksum belongs, as senders leave it. */
static void make(struct made *m, const struct shape *s)
{
	uint8_t proto = s->udp ? IPPROTO_UDP : IPPROTO_TCP;
	uint32_t i, l4_len;
	uint8_t *p = m->pkt;
	uint16_t type = htons(s->v6 ? ETHERTYPE_IPV6 : ETHERTYPE_IP);

	memset(p, 0, 200);
	memset(p, 0xff, 6);
	memset(p + 6, 2, 6);
	m->l3 = 14 + 4 * s->vlans;
	for (i = 0; i < s->vlans; i++)
		memcpy(p + 12 + 4 * i, "\x81\x00\x00\x05", 4);
	memcpy(p + m->l3 - 2, &type, 2);
	m->l4 = m->l3 + (s->v6 ? 40 : 20);
	m->hlen = m->l4 + (s->udp ? 8 : 20 + s->l4_extra);
	m->len = m->hlen + s->payload;
	l4_len = m->len - m->l4;
	for (i = 0; i < s->payload; i++)
		p[m->hlen + i] = i * 7 + (i >> 8);
	if (s->v6) {
		p[m->l3] = 0x60;
		p[m->l3 + 4] = l4_len >> 8;
		p[m->l3 + 5] = l4_len;
		p[m->l3 + 6] = proto;
		for (i = 8; i < 40; i++)
			p[m->l3 + i] = i;
	} else {
		p[m->l3] = 0x45;
		p[m->l3 + 2] = (m->len - m->l3) >> 8;
		p[m->l3 + 3] = m->len - m->l3;
		p[m->l3 + 4] = 0xff; /* identification: 0xfff0 and on, so that it wraps */
		p[m->l3 + 5] = 0xf0;
		p[m->l3 + 8] = 64;
		p[m->l3 + 9] = proto;
		for (i = 12; i < 20; i++)
			p[m->l3 + i] = i * 11;
	}
	if (s->udp) {
		p[m->l4 + 4] = l4_len >> 8;
		p[m->l4 + 5] = l4_len;
	} else {
		memcpy(p + m->l4 + 4, "\xff\xff\xff\x00", 4); /* sequence number near its end */
		p[m->l4 + 12] = (20 + s->l4_extra) / 4 << 4;
		p[m->l4 + 13] = 0x80 | 0x10 | 0x08 | 0x01; /* CWR ACK PSH FIN */
	}
	i = pseudo_sum(m, s->v6, l4_len, proto);
	p[m->l4 + (s->udp ? 6 : 16)] = i >> 8;
	p[m->l4 + (s->udp ? 7 : 17)] = i;
}

static void vnet_header(uint8_t *v, const struct made *m, const struct shape *s, uint16_t mss)
{
	memset(v, 0, 12);
	v[0] = NM_VNET_NEEDS_CSUM;
	if (mss)
		v[1] = s->udp ? NM_VNET_GSO_UDP_L4 : s->v6 ? NM_VNET_GSO_TCPV6 : NM_VNET_GSO_TCPV4;
	v[2] = m->hlen;
	v[3] = m->hlen >> 8;
	v[4] = mss;
	v[5] = mss >> 8;
	v[6] = m->l4;
	v[8] = s->udp ? 6 : 16;
}

/* A segment by itself is a packet as a NIC would have sent it. */
static void check_segment(const uint8_t *seg, uint32_t len, const struct made *m,
			  const struct shape *s, uint32_t k, uint32_t n, uint32_t mss)
{
	const uint8_t *ip = seg + m->l3, *l4 = seg + m->l4;
	uint32_t l4_len = len - m->l4, sum;
	uint8_t proto = s->udp ? IPPROTO_UDP : IPPROTO_TCP;

	t_check(!memcmp(seg, m->pkt, m->l3), "link header of segment %u", k);
	if (s->v6) {
		t_eq(ip[4] << 8 | ip[5], l4_len);
		sum = ones(ip + 8, 32, l4_len + proto);
	} else {
		t_eq(ip[2] << 8 | ip[3], len - m->l3);
		t_eq(ip[4] << 8 | ip[5], (0xfff0 + k) & 0xffff);
		t_eq(ones(ip, 20, 0), 0xffff);
		sum = ones(ip + 12, 8, l4_len + proto);
	}
	t_eq(ones(l4, l4_len, sum), 0xffff);
	if (s->udp) {
		t_eq(l4[4] << 8 | l4[5], l4_len);
	} else {
		t_eq((uint32_t)l4[4] << 24 | l4[5] << 16 | l4[6] << 8 | l4[7],
		     (uint32_t)(0xffffff00u + k * mss));
		t_eq(l4[13] & 0x10, 0x10);
		t_eq(!!(l4[13] & 0x09), k == n - 1);
		t_eq(!!(l4[13] & 0x80), k == 0);
	}
	t_check(!memcmp(seg + m->hlen, m->pkt + m->hlen + k * mss, len - m->hlen),
		"payload of segment %u", k);
}

static struct made m;

static void cut_and_check(const struct shape *s, uint16_t mss)
{
	uint32_t k, len, bytes = 0, want;
	struct nm_offload o;
	uint8_t v[12], *seg;

	make(&m, s);
	vnet_header(v, &m, s, mss);
	t_eq(nm_offload_init(&o, v, m.pkt, m.len), 0);
	want = mss ? (s->payload + mss - 1) / mss : 1;
	t_eq(o.segments, want ? want : 1);
	for (k = 0; k < o.segments; k++) {
		len = nm_offload_len(&o, k);
		seg = malloc(len); /* no byte more */
		t_check(seg && len >= m.hlen);
		nm_offload_write(&o, k, seg);
		if (mss) {
			check_segment(seg, len, &m, s, k, o.segments, mss);
		} else {
			t_eq(len, m.len);
			t_eq(ones(seg + m.l4, len - m.l4,
				  pseudo_sum(&m, s->v6, len - m.l4,
					     s->udp ? IPPROTO_UDP : IPPROTO_TCP)),
			     0xffff);
		}
		bytes += len - m.hlen;
		free(seg);
	}
	t_eq(bytes, s->payload);
}

static void segments_and_sums(void)
{
	struct shape s;
	int i;

	for (i = 0; i < 3000; i++) {
		s = (struct shape){ .v6 = i & 1,
				    .udp = i & 2,
				    .vlans = i / 4 % 3,
				    .l4_extra = i & 2 ? 0 : t_random() % 11 * 4,
				    .payload = t_random() % 9000 };
		cut_and_check(&s, i % 5 ? 1 + t_random() % 3000 : 0);
	}
	for (i = 0; i < 4; i++) {
		s = (struct shape){ .v6 = i & 1, .udp = i & 2, .payload = 65000 };
		cut_and_check(&s, 1460);
		cut_and_check(&s, 0);
		s.payload = 0;
		cut_and_check(&s, 1460);
	}
}

/* A packet that a stack left to hardware is known by what is in the checksum's place. */
static void unfinished_ones_are_known(void)
{
	uint8_t v[NM_VNET_LEN], was[NM_VNET_LEN], whole[12], *tight;
	uint32_t i, n, wrong = 0;
	struct nm_offload o;
	struct shape s;

	for (i = 0; i < 3000; i++) {
		s = (struct shape){ .v6 = i & 1,
				    .udp = i & 2,
				    .vlans = i / 4 % 3,
				    .payload = 1 + t_random() % 1400 };
		make(&m, &s);
		tight = malloc(m.len); /* no byte more is looked at */
		memcpy(tight, m.pkt, m.len);
		t_check(nm_offload_unfinished(tight, m.len, v));
		vnet_header(whole, &m, &s, 0);
		t_eq(v[0], NM_VNET_NEEDS_CSUM);
		t_check(!memcmp(v + 6, whole + 6, 4));
		free(tight);
		/* cut off anywhere it is not known, or known for what it is */
		n = t_random() % m.len;
		tight = malloc(n + 1);
		memcpy(tight, m.pkt, n);
		memcpy(was, v, sizeof(v));
		if (nm_offload_unfinished(tight, n, v))
			t_check(n >= m.l4 + 8 && !memcmp(v, was, sizeof(v)));
		free(tight);
		/* complete, it is one of 65536 that looks like that */
		tight = malloc(m.len);
		t_eq(nm_offload_init(&o, whole, m.pkt, m.len), 0);
		nm_offload_write(&o, 0, tight);
		wrong += nm_offload_unfinished(tight, m.len, v);
		/* any other protocol has no such place; nor has a fragment */
		m.pkt[m.l3 + (s.v6 ? 6 : 9)] = 1;
		t_check(!nm_offload_unfinished(m.pkt, m.len, v));
		make(&m, &s);
		m.pkt[m.l3 + 6] = s.v6 ? 44 : 0x20;
		t_check(!nm_offload_unfinished(m.pkt, m.len, v));
		free(tight);
	}
	t_check(wrong < 5, "%u of 3000 were taken for unfinished", wrong);
	/* nonsense */
	for (i = 0; i < 100000; i++) {
		n = t_random() % 200;
		tight = malloc(n + 1);
		make(&m, &s);
		memcpy(tight, m.pkt, n);
		while (n && t_random() % 4)
			tight[t_random() % n] = (uint8_t)t_random();
		if (nm_offload_unfinished(tight, n, v))
			t_check((v[6] | v[7] << 8) + (v[8] | v[9] << 8) + 2u <= n);
		free(tight);
	}
}

static void nothing_asked_for(void)
{
	struct shape s = { .payload = 100 };
	uint8_t v[12] = { 0 }, copy[200];
	struct nm_offload o;

	make(&m, &s);
	t_eq(nm_offload_init(&o, NULL, m.pkt, m.len), 0);
	t_eq(o.segments, 1);
	t_eq(nm_offload_len(&o, 0), m.len);
	nm_offload_write(&o, 0, copy);
	t_check(!memcmp(copy, m.pkt, m.len));
	t_eq(nm_offload_init(&o, v, m.pkt, m.len), 0);
	nm_offload_write(&o, 0, copy);
	t_check(!memcmp(copy, m.pkt, m.len));
	t_eq(nm_offload_init(&o, NULL, m.pkt, 13), -EINVAL);
}

/* Any header before any packet: refused, or all of it inside the packet. */
static void nonsense(void)
{
	uint32_t i, k, len, total, refused = 0, rounds = t_rounds(300000);
	uint8_t v[12], *pkt, *seg;
	struct nm_offload o;
	struct shape s;

	for (i = 0; i < rounds; i++) {
		s = (struct shape){ .v6 = t_random() & 1,
				    .udp = t_random() & 1,
				    .vlans = t_random() % 3,
				    .payload = t_random() % 200 };
		make(&m, &s);
		vnet_header(v, &m, &s, t_random() % 100);
		len = t_random() & 1 ? m.len : t_random() % (m.len + 1);
		pkt = malloc(len ? len : 1);
		t_check(pkt);
		memcpy(pkt, m.pkt, len);
		for (k = t_random() % 4; k; k--)
			v[t_random() % 10] = t_random();
		for (k = t_random() % 4; k && len; k--)
			pkt[t_random() % len] = t_random();
		if (nm_offload_init(&o, v, pkt, len)) {
			refused++;
		} else {
			for (k = total = 0; k < o.segments; k++) {
				t_check(nm_offload_len(&o, k) <= len);
				seg = malloc(nm_offload_len(&o, k));
				nm_offload_write(&o, k, seg);
				total += nm_offload_len(&o, k) - o.hlen;
				free(seg);
			}
			t_eq(total, len - o.hlen);
		}
		free(pkt);
	}
	t_check(refused > rounds / 100 && refused < rounds);
}

/* ---- on a switch ---- */

static void set_header(const char *name, uint32_t len)
{
	struct nmreq_port_hdr hdr = { .nr_hdr_len = len };
	struct nmcore *nm = nmcore_open();

	t_eq(client_request(nm, NETMAP_REQ_PORT_HDR_SET, name, &hdr), 0);
	nmcore_close(nm);
}

/* What is at p, in slots of at most `part` bytes. */
static void put_bytes(struct client *c, const uint8_t *p, uint32_t len, uint32_t part)
{
	struct netmap_slot *slot;
	uint32_t n;

	for (; len; p += n, len -= n) {
		t_check(!nm_ring_empty(c->tx));
		slot = &c->tx->slot[c->tx->head];
		n = len < part ? len : part;
		memcpy(NETMAP_BUF(c->tx, slot->buf_idx), p, n);
		slot->len = n;
		slot->flags = n < len ? NS_MOREFRAG : 0;
		c->tx->head = c->tx->cur = nm_ring_next(c->tx, c->tx->head);
	}
}

static const uint8_t *take_packet(struct client *c, uint32_t *len)
{
	struct netmap_slot *slot;
	const uint8_t *p;

	client_sync(c, NIOCRXSYNC);
	if (nm_ring_empty(c->rx))
		return NULL;
	slot = &c->rx->slot[c->rx->head];
	p = (const uint8_t *)NETMAP_BUF(c->rx, slot->buf_idx);
	*len = slot->len;
	t_check(!(slot->flags & NS_MOREFRAG));
	c->rx->head = c->rx->cur = nm_ring_next(c->rx, c->rx->head);
	return p;
}

static void between_ports(uint32_t from_len, uint32_t to_len)
{
	struct shape s = { .payload = 20000 };
	struct client from, to;
	uint8_t bytes[65600 + 12];
	uint32_t len, k, hlen;
	const uint8_t *p;

	client_open(&from, "vale0:guest", NULL);
	client_open(&to, "vale0:host", NULL);
	set_header("vale0:guest", from_len);
	set_header("vale0:host", to_len);
	/* cut into segments, whatever the slots it comes in */
	make(&m, &s);
	vnet_header(bytes, &m, &s, 1000);
	memcpy(bytes + from_len, m.pkt, m.len);
	put_bytes(&from, bytes, from_len + m.len, 1999);
	client_sync(&from, NIOCTXSYNC);
	for (k = 0; k < 20; k++) {
		p = take_packet(&to, &len);
		t_check(p, "segment %u", k);
		for (hlen = 0; hlen < to_len && hlen < 10; hlen++)
			t_eq(p[hlen], 0);
		if (to_len == 12)
			t_eq(p[10] | p[11] << 8, 1);
		check_segment(p + to_len, len - to_len, &m, &s, k, 20, 1000);
	}
	t_check(!take_packet(&to, &len));
	/* a header that lies about its packet */
	bytes[6] = 0xff;
	bytes[7] = 0xff;
	put_bytes(&from, bytes, from_len + m.len, 1999);
	/* not even a header */
	put_bytes(&from, bytes, from_len - 1, 1999);
	/* one segment too long for a buffer */
	vnet_header(bytes, &m, &s, 3000);
	put_bytes(&from, bytes, from_len + m.len, 1999);
	client_sync(&from, NIOCTXSYNC);
	t_check(!take_packet(&to, &len));
	/* the other way: a header that asks for nothing comes before it */
	s.payload = 500;
	make(&m, &s);
	memset(bytes, 0, 12);
	memcpy(bytes + to_len, m.pkt, m.len);
	put_bytes(&to, bytes, to_len + m.len, 1999);
	client_sync(&to, NIOCTXSYNC);
	p = take_packet(&from, &len);
	t_check(p);
	t_eq(len, from_len + m.len);
	t_check(!memcmp(p + from_len, m.pkt, m.len));
	client_close(&from);
	client_close(&to);
	expect_nothing_left();
}

static void header_to_none(void)
{
	between_ports(12, 0);
}

static void old_header_to_none(void)
{
	between_ports(10, 0);
}

static void long_header_to_old(void)
{
	between_ports(12, 10);
}

static void old_header_to_long(void)
{
	between_ports(10, 12);
}

/* Ports of one kind pass everything as it is, header and all. */
static void same_header(void)
{
	struct shape s = { .payload = 1000 };
	struct client a, b;
	uint8_t bytes[2000];
	uint32_t len;
	const uint8_t *p;

	client_open(&a, "vale0:a", NULL);
	client_open(&b, "vale0:b", NULL);
	set_header("vale0:a", 12);
	set_header("vale0:b", 12);
	make(&m, &s);
	vnet_header(bytes, &m, &s, 300);
	memcpy(bytes + 12, m.pkt, m.len);
	put_bytes(&a, bytes, 12 + m.len, 2000);
	client_sync(&a, NIOCTXSYNC);
	p = take_packet(&b, &len);
	t_check(p && len == 12 + m.len && !memcmp(p, bytes, len));
	client_close(&a);
	client_close(&b);
	expect_nothing_left();
}

/* No room for all segments: none is there, and it is counted. */
static void no_room_for_all(void)
{
	struct nmreq_register small = { .nr_mode = NR_REG_ALL_NIC, .nr_rx_slots = 8 };
	struct shape s = { .payload = 10000 };
	struct client a, b;
	uint8_t bytes[12000];
	uint32_t len;

	client_open(&a, "vale0:a", NULL);
	client_open(&b, "vale0:b", &small);
	set_header("vale0:a", 12);
	make(&m, &s);
	vnet_header(bytes, &m, &s, 1000);
	memcpy(bytes + 12, m.pkt, m.len);
	put_bytes(&a, bytes, 12 + m.len, 2000);
	client_sync(&a, NIOCTXSYNC);
	t_check(!take_packet(&b, &len));
	s.payload = 7000;
	make(&m, &s);
	vnet_header(bytes, &m, &s, 1000);
	memcpy(bytes + 12, m.pkt, m.len);
	put_bytes(&a, bytes, 12 + m.len, 2000);
	client_sync(&a, NIOCTXSYNC);
	for (len = 0; len < 7; len++)
		t_check(take_packet(&b, &(uint32_t){ 0 }), "segment %u", len);
	client_close(&a);
	client_close(&b);
	expect_nothing_left();
}

T_MAIN(T_CASE(segments_and_sums), T_CASE(unfinished_ones_are_known), T_CASE(nothing_asked_for),
       T_CASE(nonsense), T_CASE(header_to_none), T_CASE(old_header_to_none),
       T_CASE(long_header_to_old), T_CASE(old_header_to_long), T_CASE(same_header),
       T_CASE(no_room_for_all))
