// SPDX-License-Identifier: BSD-2-Clause
#include "offload.h"

#define ETH_LEN	      14
#define ETH_IPV4      0x0800
#define ETH_IPV6      0x86dd
#define ETH_VLAN      0x8100
#define ETH_QINQ      0x88a8
#define PROTO_TCP     6
#define PROTO_UDP     17
#define TCP_LAST_ONLY 0x09 /* FIN, PSH: only the last segment says so */
#define TCP_CWR	      0x80 /* only the first */

static uint32_t get16(const uint8_t *p)
{
	return p[0] << 8 | p[1];
}

static uint32_t get32(const uint8_t *p)
{
	return get16(p) << 16 | get16(p + 2);
}

static uint32_t get16_le(const uint8_t *p)
{
	return p[1] << 8 | p[0];
}

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = v >> 8;
	p[1] = v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}

/* Ones' complement sum, RFC 1071. Only the last piece may be of odd length. */
static uint64_t sum_add(uint64_t sum, const uint8_t *p, uint32_t len)
{
	for (; len > 1; p += 2, len -= 2)
		sum += get16(p);
	return len ? sum + (p[0] << 8) : sum;
}

static uint32_t sum_fold(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum & 0xffff;
}

/* Where IP begins, behind VLAN tags; 0 if this is no IP. */
static uint32_t ip_offset(const uint8_t *pkt, uint32_t len, uint32_t *type)
{
	uint32_t off = ETH_LEN;

	*type = get16(pkt + 12);
	while (*type == ETH_VLAN || *type == ETH_QINQ) {
		if (off + 4 > len)
			return 0;
		*type = get16(pkt + off + 2);
		off += 4;
	}
	return *type == ETH_IPV4 || *type == ETH_IPV6 ? off : 0;
}

/* A packet to be cut: headers must be whole, and where the header says they are. */
static int init_gso(struct nm_offload *o, uint32_t gso, uint32_t mss)
{
	uint32_t type, l4 = o->csum_start, l4_len;

	o->l3 = ip_offset(o->pkt, o->len, &type);
	o->ipv4 = type == ETH_IPV4;
	o->tcp = gso != NM_VNET_GSO_UDP_L4;
	if (!o->l3 || !o->csum || !mss || (gso == NM_VNET_GSO_TCPV4 && !o->ipv4) ||
	    (gso == NM_VNET_GSO_TCPV6 && o->ipv4) ||
	    (gso != NM_VNET_GSO_TCPV4 && gso != NM_VNET_GSO_TCPV6 && gso != NM_VNET_GSO_UDP_L4))
		return -EINVAL;
	if (l4 < o->l3 + (o->ipv4 ? 20 : 40) || l4 + (o->tcp ? 20 : 8) > o->len)
		return -EINVAL;
	if (o->ipv4 && l4 != o->l3 + (o->pkt[o->l3] & 15) * 4)
		return -EINVAL;
	l4_len = o->tcp ? (o->pkt[l4 + 12] >> 4) * 4 : 8;
	if (l4_len < 8 || l4 + l4_len > o->len || (o->tcp && l4_len < 20))
		return -EINVAL;
	o->csum_at = l4 + (o->tcp ? 16 : 6);
	o->hlen = l4 + l4_len;
	o->mss = mss;
	o->segments = (o->len - o->hlen + mss - 1) / mss;
	if (!o->segments)
		o->segments = 1;
	return 0;
}

int nm_offload_init(struct nm_offload *o, const uint8_t *vnet, uint8_t *pkt, uint32_t len)
{
	uint32_t gso;

	memset(o, 0, sizeof(*o));
	o->pkt = pkt;
	o->len = len;
	o->segments = 1;
	if (len < ETH_LEN)
		return -EINVAL;
	if (!vnet)
		return 0;
	gso = vnet[1] & ~NM_VNET_GSO_ECN;
	o->csum = vnet[0] & NM_VNET_NEEDS_CSUM;
	if (o->csum) {
		o->csum_start = get16_le(vnet + 6);
		o->csum_at = o->csum_start + get16_le(vnet + 8);
		if (o->csum_start >= len || o->csum_at + 2 > len)
			return -EINVAL;
	}
	return gso == NM_VNET_GSO_NONE ? 0 : init_gso(o, gso, get16_le(vnet + 4));
}

uint32_t nm_offload_len(const struct nm_offload *o, uint32_t k)
{
	uint32_t rest;

	if (!o->mss)
		return o->len;
	rest = o->len - o->hlen - k * o->mss;
	return o->hlen + (rest < o->mss ? rest : o->mss);
}

/* The sum's field holds that of the pseudo header already. */
static void finish_csum(const struct nm_offload *o, uint8_t *dst)
{
	uint32_t sum = sum_fold(sum_add(0, dst + o->csum_start, o->len - o->csum_start));

	put16(dst + o->csum_at, sum ? sum : 0xffff);
}

static void fix_ip(const struct nm_offload *o, uint32_t k, uint8_t *ip, uint32_t len)
{
	if (!o->ipv4) {
		put16(ip + 4, len - 40);
		return;
	}
	put16(ip + 2, len);
	put16(ip + 4, get16(ip + 4) + k);
	put16(ip + 10, 0);
	put16(ip + 10, sum_fold(sum_add(0, ip, (ip[0] & 15) * 4)));
}

static void fix_l4(const struct nm_offload *o, uint32_t k, uint8_t *l4, uint32_t len)
{
	if (!o->tcp) {
		put16(l4 + 4, len);
		return;
	}
	put32(l4 + 4, get32(l4 + 4) + k * o->mss);
	if (k + 1 < o->segments)
		l4[13] &= ~TCP_LAST_ONLY;
	if (k)
		l4[13] &= ~TCP_CWR;
}

static void fix_csum(const struct nm_offload *o, uint8_t *dst, uint32_t len)
{
	const uint8_t *ip = dst + o->l3;
	uint32_t l4_len = len - o->csum_start;
	uint64_t sum = l4_len + (o->tcp ? PROTO_TCP : PROTO_UDP);

	/* the addresses of the pseudo header lie together in both versions */
	sum = o->ipv4 ? sum_add(sum, ip + 12, 8) : sum_add(sum, ip + 8, 32);
	put16(dst + o->csum_at, 0);
	sum = sum_fold(sum_add(sum, dst + o->csum_start, l4_len));
	put16(dst + o->csum_at, sum ? sum : 0xffff);
}

void nm_offload_write(const struct nm_offload *o, uint32_t k, uint8_t *dst)
{
	uint32_t len = nm_offload_len(o, k);

	if (!o->mss) {
		memcpy(dst, o->pkt, len);
		if (o->csum)
			finish_csum(o, dst);
		return;
	}
	memcpy(dst, o->pkt, o->hlen);
	memcpy(dst + o->hlen, o->pkt + o->hlen + k * o->mss, len - o->hlen);
	fix_ip(o, k, dst + o->l3, len - o->l3);
	fix_l4(o, k, dst + o->csum_start, len - o->csum_start);
	fix_csum(o, dst, len);
}

#define HEADERS_MAX 128 /* Ethernet, tags, IP with options, and as much of TCP as is needed */

static void put16_le(uint8_t *p, uint32_t v)
{
	p[0] = v;
	p[1] = v >> 8;
}

bool nm_offload_unfinished(const void *pkt, uint32_t len, uint8_t vnet[NM_VNET_LEN])
{
	uint32_t n = len < HEADERS_MAX ? len : HEADERS_MAX, type, ip, l4, at, proto, l4_len;
	uint8_t h[HEADERS_MAX];
	uint64_t sum;

	if (n < ETH_LEN)
		return false;
	memcpy(h, pkt, n);
	ip = ip_offset(h, n, &type);
	if (!ip || ip + (type == ETH_IPV4 ? 20 : 40) > n)
		return false;
	if (type == ETH_IPV4) {
		/* of fragments the first has a checksum, which is not about itself */
		if (get16(h + ip + 6) & 0x3fff)
			return false;
		proto = h[ip + 9];
		l4 = ip + (h[ip] & 15) * 4;
		l4_len = get16(h + ip + 2) - (l4 - ip);
		sum = sum_add(0, h + ip + 12, 8);
	} else {
		proto = h[ip + 6];
		l4 = ip + 40;
		l4_len = get16(h + ip + 4);
		sum = sum_add(0, h + ip + 8, 32);
	}
	at = proto == PROTO_TCP ? 16 : 6;
	if ((proto != PROTO_TCP && proto != PROTO_UDP) || l4 + at + 2 > n || l4_len > 0xffff)
		return false;
	/* what is there is the sum, not its complement */
	if (get16(h + l4 + at) != (~sum_fold(sum + proto + l4_len) & 0xffff))
		return false;
	memset(vnet, 0, NM_VNET_LEN);
	vnet[0] = NM_VNET_NEEDS_CSUM;
	put16_le(vnet + 6, l4);
	put16_le(vnet + 8, at);
	return true;
}
