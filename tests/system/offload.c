// SPDX-License-Identifier: BSD-2-Clause
/*
 * Ports of a switch with and without virtio-net headers: what a header asks for is done on
 * the way to a port that has none. Sums are checked by the rule that data with its checksum
 * adds up to all ones.
 */
#include "port.h"

#include <errno.h>

#define HDR  12
#define ETH  14
#define IP   20
#define TCP  20
#define UDP  8
#define L4   (ETH + IP)
#define DATA (L4 + TCP)

static struct nmport_d *a, *b; /* with a header, and without */

static void put16(unsigned char *p, unsigned int v)
{
	p[0] = v >> 8;
	p[1] = v;
}

static void put32(unsigned char *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}

static unsigned int get16(const unsigned char *p)
{
	return p[0] << 8 | p[1];
}

static uint32_t get32(const unsigned char *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static unsigned int add(unsigned int sum, const unsigned char *p, unsigned int len)
{
	unsigned int i;

	for (i = 0; i < len; i++)
		sum += i % 2 ? p[i] : p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static unsigned int pseudo(const unsigned char *pkt, unsigned int l4_len)
{
	return add(l4_len + pkt[ETH + 9], pkt + ETH + 12, 8);
}

/* Ethernet, IPv4 and the first bytes of TCP or UDP; payload bytes count up. */
static void packet_make(unsigned char *p, unsigned int len, unsigned char proto)
{
	unsigned int i;

	frame_make(p, 60, 2, 1, 0);
	for (i = ETH; i < len; i++)
		p[i] = i * 7;
	put16(p + 12, 0x0800);
	memset(p + ETH, 0, IP);
	p[ETH] = 0x45;
	put16(p + ETH + 2, len - ETH);
	put16(p + ETH + 4, 0x1234);
	p[ETH + 8] = 64;
	p[ETH + 9] = proto;
	put32(p + ETH + 12, 0x0a000001);
	put32(p + ETH + 16, 0x0a000002);
	put16(p + ETH + 10, ~add(0, p + ETH, IP) & 0xffff);
}

static void vnet_make(unsigned char *h, int flags, int gso, int mss, int start, int at)
{
	memset(h, 0, HDR);
	h[0] = flags;
	h[1] = gso;
	h[2] = DATA;
	h[4] = mss;
	h[5] = mss >> 8;
	h[6] = start;
	h[7] = start >> 8;
	h[8] = at;
}

/* Sends header and packet: `first` bytes in a slot, then slots of at most `piece` bytes. */
static void send_split(const unsigned char *buf, unsigned int len, unsigned int first,
		       unsigned int piece)
{
	struct netmap_ring *r = port_tx(a, 0);
	unsigned int n;

	for (; len; len -= n, buf += n, first = piece) {
		struct netmap_slot *s = &r->slot[r->head];

		n = len < first ? len : first;
		memcpy(NETMAP_BUF(r, s->buf_idx), buf, n);
		s->len = n;
		s->flags = n < len ? NS_MOREFRAG : 0;
		r->head = r->cur = nm_ring_next(r, r->head);
	}
	port_txsync(a);
}

static void send_pieces(const unsigned char *buf, unsigned int len, unsigned int piece)
{
	send_split(buf, len, piece, piece);
}

static void pair_open(void)
{
	struct nmreq_port_hdr hdr = { .nr_hdr_len = HDR };

	host_start(0);
	a = port_open("vale6:a");
	b = port_open("vale6:b");
	t_eq(host_request(NETMAP_REQ_PORT_HDR_SET, "vale6:a", &hdr), 0);
	hdr.nr_hdr_len = 0;
	t_eq(host_request(NETMAP_REQ_PORT_HDR_GET, "vale6:a", &hdr), 0);
	t_eq(hdr.nr_hdr_len, HDR);
}

static void pair_close(void)
{
	port_close(a);
	port_close(b);
}

static void header_is_added(void)
{
	struct got g;
	int i;

	pair_open();
	send_frame(b, STATION_ALL, 2, 77);
	t_check(take_slot(a, 0, &g));
	t_eq(g.len, HDR + 60);
	for (i = 0; i < HDR; i++)
		t_eq(g.data[i], i == 10); /* nothing asked for, in one buffer */
	t_check(frame_ok(g.data + HDR, 60, STATION_ALL, 2));
	t_eq(frame_number(g.data + HDR, 60), 77);
	pair_close();
}

static void checksum_is_completed(void)
{
	unsigned char buf[HDR + 300], *p = buf + HDR;
	unsigned int len, piece;
	struct got g;

	pair_open();
	for (len = L4 + UDP + 1; len <= 300; len += 37) {
		for (piece = HDR + ETH; piece < 400; piece += 61) {
			packet_make(p, len, 17);
			put16(p + L4 + 6, pseudo(p, len - L4));
			vnet_make(buf, 1, 0, 0, L4, 6);
			/* the header in a slot of its own, or with what follows */
			send_split(buf, HDR + len, len % 2 ? HDR : piece, piece);
			t_check(take_slot(b, 0, &g), "%u bytes in pieces of %u", len, piece);
			t_eq(g.len, len);
			t_eq(add(pseudo((void *)g.data, len - L4), (void *)(g.data + L4), len - L4),
			     0xffff);
			t_check(!memcmp(g.data + L4 + UDP, p + L4 + UDP, len - L4 - UDP));
			expect_none(b);
		}
	}
	pair_close();
}

static void check_segment(const struct got *g, unsigned int k, unsigned int n,
			  const unsigned char *p, unsigned int mss)
{
	const unsigned char *s = (const void *)g->data;

	t_eq(get16(s + ETH + 2), g->len - ETH);
	t_eq(get16(s + ETH + 4), 0x1234 + k);
	t_eq(add(0, s + ETH, IP), 0xffff);
	t_eq(get32(s + L4 + 4), 1000000 + k * mss);
	t_eq(s[L4 + 13], k + 1 < n ? 0x10 : 0x18); /* PSH comes last */
	t_eq(add(pseudo(s, g->len - L4), s + L4, g->len - L4), 0xffff);
	t_check(!memcmp(s + DATA, p + DATA + k * mss, g->len - DATA));
}

static void segments_are_cut(void)
{
	static const unsigned int mss[] = { 1400, 1000, 536, 3000 };
	unsigned char buf[HDR + DATA + 3000], *p = buf + HDR;
	unsigned int i, k, n, left;
	struct got g;

	pair_open();
	for (i = 0; i < 3; i++) {
		packet_make(p, DATA + 3000, 6);
		put32(p + L4 + 4, 1000000);
		p[L4 + 12] = TCP / 4 << 4;
		p[L4 + 13] = 0x18; /* ACK, PSH */
		vnet_make(buf, 1, 1, mss[i], L4, 16);
		send_pieces(buf, sizeof(buf), 1100);
		n = (3000 + mss[i] - 1) / mss[i];
		for (k = 0, left = 3000; k < n; k++, left -= g.len - DATA) {
			t_check(take_slot(b, 0, &g), "segment %u of %u", k, n);
			t_eq(g.len, DATA + (left < mss[i] ? left : mss[i]));
			check_segment(&g, k, n, p, mss[i]);
		}
		expect_none(b);
	}
	/* one that is longer than a buffer is dropped, and counted */
	vnet_make(buf, 1, 1, mss[3], L4, 16);
	send_pieces(buf, sizeof(buf), 1100);
	expect_none(b);
	pair_close();
}

static void wrong_headers_are_dropped(void)
{
	unsigned char buf[HDR + 200], good[HDR + 200];
	struct got g;
	int i, v;

	pair_open();
	packet_make(good + HDR, 200, 6);
	put16(good + HDR + L4 + 16, 0);
	good[HDR + L4 + 12] = TCP / 4 << 4;
	vnet_make(good, 1, 1, 50, L4, 16);
	/* any byte of the headers at its extremes: a packet or none, never a wrong access */
	for (i = 0; i < HDR + DATA; i++) {
		for (v = 0; v < 256; v += 85) {
			memcpy(buf, good, sizeof(buf));
			buf[i] = v;
			send_pieces(buf, sizeof(buf), 500);
			while (take_slot(b, 0, &g))
				t_check(g.len <= 200);
		}
	}
	/* a sum that begins, or goes, behind the end; a header alone */
	vnet_make(good, 1, 0, 0, 200, 0);
	send_pieces(good, sizeof(good), 500);
	vnet_make(good, 1, 0, 0, 190, 9);
	send_pieces(good, sizeof(good), 500);
	send_pieces(good, HDR, 500);
	expect_none(b);
	/* after all that, a good one still passes */
	packet_make(good + HDR, 200, 17);
	vnet_make(good, 0, 0, 0, 0, 0);
	send_pieces(good, sizeof(good), 500);
	t_check(take_slot(b, 0, &g));
	t_eq(g.len, 200);
	pair_close();
}

static void wrong_lengths_are_refused(void)
{
	struct nmreq_port_hdr hdr = { .nr_hdr_len = 11 };

	host_start(0);
	a = port_open("vale6:a");
	t_eq(host_request(NETMAP_REQ_PORT_HDR_SET, "vale6:a", &hdr), EINVAL);
	hdr.nr_hdr_len = 10;
	t_eq(host_request(NETMAP_REQ_PORT_HDR_SET, "vale6:a", &hdr), 0);
	/* who does not know of headers can not open such a port */
	t_eq(port_open_errno("vale6:a"), EIO);
	port_close(a);
}

T_MAIN(T_CASE(header_is_added), T_CASE(checksum_is_completed), T_CASE(segments_are_cut),
       T_CASE(wrong_headers_are_dropped), T_CASE(wrong_lengths_are_refused))
