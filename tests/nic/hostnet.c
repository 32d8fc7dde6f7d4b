// SPDX-License-Identifier: BSD-2-Clause
#include "hostnet.h"

#include <arpa/inet.h>
#include <net/netmap_user.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ETH_LEN	 14
#define IP_LEN	 20
#define UDP_LEN	 8
#define HEADERS	 (ETH_LEN + IP_LEN + UDP_LEN)
#define FAR_MAC	 "02:00:00:00:00:01"
#define FAR_PORT 9

static uint8_t host_mac[6];

void hostnet_setup(void)
{
	unsigned int m[6];
	FILE *f;

	check(!sh("ip addr add " HOST_ADDR "/24 dev nt0"));
	check(!sh("ip neigh replace " FAR_ADDR " lladdr " FAR_MAC " dev nt0 nud permanent"));
	f = popen("ip link show dev nt0 | sed -n 's/.*link.ether \\([0-9a-f:]*\\).*/\\1/p'", "r");
	check(f && fscanf(f, "%x:%x:%x:%x:%x:%x", &m[0], &m[1], &m[2], &m[3], &m[4], &m[5]) == 6);
	pclose(f);
	for (int i = 0; i < 6; i++)
		host_mac[i] = (uint8_t)m[i];
}

static struct sockaddr_in addr_of(const char *ip, uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };

	inet_pton(AF_INET, ip, &a.sin_addr);
	return a;
}

int udp_open(uint16_t port)
{
	struct sockaddr_in me = addr_of(HOST_ADDR, port), far = addr_of(FAR_ADDR, FAR_PORT);
	int fd = socket(AF_INET, SOCK_DGRAM, 0), room = 4 << 20;

	check(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room));
	check(!bind(fd, (struct sockaddr *)&me, sizeof(me)));
	check(!connect(fd, (struct sockaddr *)&far, sizeof(far)));
	return fd;
}

static void payload_make(uint8_t *p, uint32_t len, uint32_t seq)
{
	for (uint32_t i = 4; i < len; i++)
		p[i] = (uint8_t)(seq * 3 + i);
	memcpy(p, &seq, 4);
}

static bool payload_ok(const uint8_t *p, uint32_t len, uint32_t *seq)
{
	if (len < 4)
		return false;
	memcpy(seq, p, 4);
	for (uint32_t i = 4; i < len; i++)
		if (p[i] != (uint8_t)(*seq * 3 + i))
			return false;
	return true;
}

void udp_send(int fd, uint32_t n, uint32_t len, uint32_t seq)
{
	uint8_t buf[65536];

	for (uint32_t i = 0; i < n; i++) {
		payload_make(buf, len, seq + i);
		check(send(fd, buf, len, 0) == (ssize_t)len);
	}
}

uint32_t udp_receive(int fd, uint32_t n, uint32_t seq, int ms)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	uint8_t buf[65536];
	uint32_t got, number;
	ssize_t len;

	for (got = 0; got < n && poll(&pfd, 1, ms) > 0; got++) {
		len = recv(fd, buf, sizeof(buf), 0);
		check(len > 0 && payload_ok(buf, (uint32_t)len, &number));
		check(number == seq + got, "%u, not %u", number, seq + got);
	}
	return got;
}

static uint32_t sum(uint32_t s, const uint8_t *p, uint32_t len)
{
	for (; len > 1; p += 2, len -= 2)
		s += (uint32_t)p[0] << 8 | p[1];
	if (len)
		s += (uint32_t)p[0] << 8;
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return s;
}

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* Of an IP packet that has its length: over pseudo header and all of UDP. */
static uint32_t udp_sum(const uint8_t *ip, uint32_t len)
{
	return sum(IPPROTO_UDP + len, ip + 12, 8) + sum(0, ip + IP_LEN, len);
}

uint32_t udp_frame(uint8_t *buf, uint16_t port, uint32_t len, uint32_t seq, bool bad)
{
	uint8_t *ip = buf + ETH_LEN, *udp = ip + IP_LEN;
	uint32_t s;

	memset(buf, 0, HEADERS);
	memcpy(buf, host_mac, 6);
	memcpy(buf + 6, "\x02\0\0\0\0\x01\x08", 7);
	ip[0] = 0x45;
	put16(ip + 2, IP_LEN + UDP_LEN + len);
	ip[8] = 64;
	ip[9] = IPPROTO_UDP;
	inet_pton(AF_INET, FAR_ADDR, ip + 12);
	inet_pton(AF_INET, HOST_ADDR, ip + 16);
	put16(ip + 10, ~sum(0, ip, IP_LEN));
	put16(udp, FAR_PORT);
	put16(udp + 2, port);
	put16(udp + 4, UDP_LEN + len);
	payload_make(udp + UDP_LEN, len, seq);
	s = udp_sum(ip, UDP_LEN + len);
	s = ~((s & 0xffff) + (s >> 16)) & 0xffff;
	if (bad)
		s ^= 0x0100;
	put16(udp + 6, s ? s : 0xffff);
	return HEADERS + len;
}

bool udp_frame_is(const uint8_t *buf, uint32_t len)
{
	const uint8_t *ip = buf + ETH_LEN;

	return len >= HEADERS && buf[12] == 8 && buf[13] == 0 && ip[0] == 0x45 &&
	       ip[9] == IPPROTO_UDP && ip[IP_LEN + 2] == 0 && ip[IP_LEN + 3] == FAR_PORT;
}

bool udp_frame_ok(const uint8_t *buf, uint32_t frame_len, uint32_t *seq)
{
	const uint8_t *ip = buf + ETH_LEN, *udp = ip + IP_LEN;
	uint32_t len = (uint32_t)udp[4] << 8 | udp[5], s;

	if (!udp_frame_is(buf, frame_len) || sum(0, ip, IP_LEN) != 0xffff ||
	    ((uint32_t)ip[2] << 8 | ip[3]) != IP_LEN + len || frame_len != ETH_LEN + IP_LEN + len ||
	    !(udp[6] | udp[7]))
		return false;
	s = udp_sum(ip, len);
	if ((s & 0xffff) + (s >> 16) != 0xffff)
		return false;
	return payload_ok(udp + UDP_LEN, len - UDP_LEN, seq);
}

struct netmap_ring *host_txring(struct port *p, uint32_t i)
{
	return NETMAP_TXRING(p->nifp, p->nifp->ni_tx_rings + i);
}

struct netmap_ring *host_rxring(struct port *p, uint32_t i)
{
	return NETMAP_RXRING(p->nifp, p->nifp->ni_rx_rings + i);
}

void ring_send(struct port *p, struct netmap_ring *r, uint16_t port, uint32_t n, uint32_t len,
	       uint32_t seq)
{
	for (uint32_t i = 0; i < n; i++) {
		struct netmap_slot *s = &r->slot[r->head];

		check(!nm_ring_empty(r));
		s->len = (uint16_t)udp_frame((uint8_t *)NETMAP_BUF(r, s->buf_idx), port, len,
					     seq + i, false);
		s->flags = 0;
		r->head = r->cur = nm_ring_next(r, r->head);
	}
	check(!port_ioctl(p, NIOCTXSYNC, NULL), "%s", port_error(p));
}

static uint32_t take_ring(struct netmap_ring *r)
{
	uint32_t got = 0, seq;

	for (; !nm_ring_empty(r); r->head = r->cur = nm_ring_next(r, r->head)) {
		struct netmap_slot *s = &r->slot[r->head];
		const uint8_t *buf = (uint8_t *)NETMAP_BUF(r, s->buf_idx);

		if (!udp_frame_is(buf, s->len))
			continue;
		check(udp_frame_ok(buf, s->len, &seq), "a frame of %u bytes", s->len);
		got++;
	}
	return got;
}

uint32_t ring_receive(struct port *p, uint32_t n, int ms, uint32_t *from)
{
	const ssize_t *ofs = p->nifp->ring_ofs + p->nifp->ni_tx_rings + p->nifp->ni_host_tx_rings +
			     p->nifp->ni_rx_rings;
	uint32_t got = 0, k;

	while (got < n && (port_wait(p, POLLIN, ms) & POLLIN)) {
		for (uint32_t i = 0; i < p->nifp->ni_host_rx_rings; i++) {
			if (!ofs[i])
				continue;
			k = take_ring(host_rxring(p, i));
			got += k;
			if (from)
				from[i] += k;
		}
	}
	port_ioctl(p, NIOCRXSYNC, NULL);
	return got;
}
