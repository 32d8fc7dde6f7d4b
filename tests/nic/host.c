// SPDX-License-Identifier: BSD-2-Clause
/* Host rings: what a program and the host's stack send each other, and past whom. */
#include "hostnet.h"

#include <errno.h>
#include <libnmcore.h>
#include <net/netmap_user.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PORT 5000

static void must_open(struct port *p, uint32_t mode, uint16_t ring, uint16_t host_rings)
{
	check(!port_open_host(p, "nt0", mode, ring, 0, host_rings), "%s", port_error(p));
}

/* Of every length, and more than a ring has slots. */
static void test_from_the_stack(void)
{
	int udp = udp_open(PORT);
	struct port p;

	must_open(&p, NR_REG_SW, 0, 0);
	check(p.nifp->ni_host_rx_rings == 1 && p.nifp->ni_host_tx_rings == 1);
	for (uint32_t len = 4; len <= 1472; len += len < 64 ? 1 : 88) {
		udp_send(udp, 40, len, len);
		check(ring_receive(&p, 40, 500, NULL) == 40, "payload of %u bytes", len);
	}
	for (uint32_t i = 0; i < 50; i++) {
		udp_send(udp, 50, 200, i * 50);
		check(ring_receive(&p, 50, 500, NULL) == 50);
	}
	check(port_stat("nt0", "rx") >= 2500);
	check(state_has("checksums completed") && state_lacks(" 0 checksums completed"));
	port_close(&p);
	close(udp);
}

/* What the stack leaves to be cut by hardware: UDP, since Linux 4.18. */
static void test_segments(void)
{
	int udp = udp_open(PORT), size = 1000;
	uint8_t buf[20000];
	struct port p;

	must_open(&p, NR_REG_SW, 0, 0);
	check(!setsockopt(udp, IPPROTO_UDP, UDP_SEGMENT, &size, sizeof(size)));
	for (uint32_t k = 0; k < 20; k++) {
		/* each segment has a number of its own, as udp_send() would make it */
		for (uint32_t i = 0; i < sizeof(buf); i++) {
			uint32_t seq = k * 20 + i / 1000;

			buf[i] = i % 1000 < 4 ? (uint8_t)(seq >> 8 * (i % 1000)) :
						(uint8_t)(seq * 3 + i % 1000);
		}
		check(send(udp, buf, sizeof(buf), 0) == sizeof(buf), "%s", strerror(errno));
		check(ring_receive(&p, 20, 500, NULL) == 20);
	}
	port_close(&p);
	close(udp);
}

static void test_to_the_stack(void)
{
	int udp = udp_open(PORT);
	struct netmap_ring *r;
	struct netmap_slot *s;
	struct port p;

	must_open(&p, NR_REG_SW, 0, 0);
	r = host_txring(&p, 0);
	for (uint32_t len = 4; len <= 1472; len += len < 64 ? 1 : 88) {
		ring_send(&p, r, PORT, 40, len, 0);
		check(udp_receive(udp, 40, 0, 500) == 40, "payload of %u bytes", len);
	}
	for (uint32_t i = 0; i < 50; i++) {
		ring_send(&p, r, PORT, 50, 200, i * 50);
		check(udp_receive(udp, 50, i * 50, 500) == 50);
	}
	check(port_stat("nt0", "tx") >= 2500);
	/* the stack looks at checksums: nobody vouches for what a program writes */
	s = &r->slot[r->head];
	s->len = (uint16_t)udp_frame((uint8_t *)NETMAP_BUF(r, s->buf_idx), PORT, 100, 0, true);
	r->head = r->cur = nm_ring_next(r, r->head);
	ring_send(&p, r, PORT, 1, 100, 1);
	check(udp_receive(udp, 2, 1, 200) == 1);
	/* in pieces */
	for (int i = 0; i < 3; i++) {
		uint8_t frame[200];
		uint32_t len = udp_frame(frame, PORT, 100, 2, false);

		s = &r->slot[r->head];
		memcpy(NETMAP_BUF(r, s->buf_idx), frame + i * 50, 50);
		s->len = i < 2 ? 50 : (uint16_t)(len - 100);
		s->flags = i < 2 ? NS_MOREFRAG : 0;
		r->head = r->cur = nm_ring_next(r, r->head);
		check(!port_ioctl(&p, NIOCTXSYNC, NULL));
	}
	check(udp_receive(udp, 1, 2, 200) == 1);
	port_close(&p);
	close(udp);
}

/* Flows are spread over rings, each on one; over those that are open. */
static void test_many_rings(void)
{
	uint32_t from[4] = { 0 }, rings = 0, i;
	int udp[64];
	struct port p, q;

	must_open(&p, NR_REG_SW, 0, 4);
	check(p.nifp->ni_host_rx_rings == 4 && p.nifp->ni_host_tx_rings == 4);
	for (i = 0; i < 64; i++) {
		uint32_t one[4] = { 0 };

		udp[i] = udp_open((uint16_t)(PORT + i));
		udp_send(udp[i], 10, 100, 0);
		check(ring_receive(&p, 10, 500, one) == 10);
		for (int k = 0; k < 4; k++) {
			check(one[k] == 0 || one[k] == 10, "a flow on two rings");
			from[k] += one[k];
		}
	}
	for (i = 0; i < 4; i++)
		rings += from[i] > 0;
	check(rings >= 3, "64 flows on %u rings", rings);
	for (i = 0; i < 4; i++) {
		ring_send(&p, host_txring(&p, i), (uint16_t)(PORT + i), 10, 100, i);
		check(udp_receive(udp[i], 10, i, 500) == 10);
	}
	/* a second program has one of them, and the first goes */
	must_open(&q, NR_REG_ONE_SW, 2, 0);
	check(q.nifp->ni_host_rx_rings == 4);
	port_close(&p);
	for (i = 0; i < 64; i++)
		udp_send(udp[i], 5, 100, 0);
	check(ring_receive(&q, 320, 500, NULL) == 320);
	ring_send(&q, host_txring(&q, 2), PORT, 10, 100, 0);
	check(udp_receive(udp[0], 10, 0, 500) == 10);
	/* and back to all */
	must_open(&p, NR_REG_SW, 0, 0);
	for (i = 0; i < 64; i++)
		udp_send(udp[i], 5, 100, 0);
	memset(from, 0, sizeof(from));
	rings = ring_receive(&p, 320, 500, from);
	check(rings == 320 && from[2] < 320, "%u frames, %u on ring 2", rings, from[2]);
	port_close(&q);
	port_close(&p);
	check(port_open_host(&p, "nt0", NR_REG_SW, 0, 0, 1000) < 0 && p.error == EINVAL);
	port_close(&p);
	check(port_open_host(&p, "nt0", NR_REG_ONE_SW, 1, 0, 1) < 0 && p.error == EINVAL);
	check(strstr(port_error(&p), "no host ring 1"), "%s", port_error(&p));
	port_close(&p);
	for (i = 0; i < 64; i++)
		close(udp[i]);
}

/* Frames from the wire by a plain socket at its other end, as seen there. */
static uint32_t wire_receive(int raw, uint32_t n, int ms)
{
	struct pollfd pfd = { .fd = raw, .events = POLLIN };
	uint8_t buf[4096];
	uint32_t got = 0;
	ssize_t len;

	while (got < n && poll(&pfd, 1, ms) > 0) {
		len = recv(raw, buf, sizeof(buf), MSG_DONTWAIT);
		got += len > 0 && udp_frame_is(buf, (uint32_t)len);
	}
	return got;
}

static void wire_send(int raw, uint32_t n, uint32_t seq)
{
	uint8_t buf[300];

	for (uint32_t i = 0; i < n; i++) {
		uint32_t len = udp_frame(buf, PORT, 100, seq + i, false);

		check(send(raw, buf, len, 0) == (ssize_t)len);
	}
}

/* What nobody opened stays as it was, each way. */
static void test_other_side(void)
{
	int udp = udp_open(PORT), raw = raw_open("nt1");
	struct port p;

	must_open(&p, NR_REG_ALL_NIC, 0, 0);
	udp_send(udp, 20, 100, 0);
	check(wire_receive(raw, 20, 500) == 20);
	port_close(&p);
	must_open(&p, NR_REG_SW, 0, 0);
	wire_send(raw, 20, 0);
	check(udp_receive(udp, 20, 0, 500) == 20);
	udp_send(udp, 20, 100, 0);
	check(ring_receive(&p, 20, 500, NULL) == 20);
	check(wire_receive(raw, 1, 100) == 0);
	port_close(&p);
	must_open(&p, NR_REG_NIC_SW, 0, 0);
	wire_send(raw, 20, 0);
	check(udp_receive(udp, 1, 0, 100) == 0);
	ring_send(&p, port_txring(&p, 0), PORT, 20, 100, 0);
	check(udp_receive(udp, 1, 0, 100) == 0);
	check(raw_receive(raw, 1, 100) == 0);
	port_close(&p);
	close(udp);
	close(raw);
}

/* Gives all that arrived back, every second one marked. */
static uint32_t give_back(struct port *p, struct netmap_ring *r, uint32_t n)
{
	uint32_t k = 0;

	while (k < n && (port_wait(p, POLLIN, 500) & POLLIN)) {
		for (; !nm_ring_empty(r); k++) {
			r->slot[r->head].flags |= k & 1 ? 0 : NS_FORWARD;
			r->head = r->cur = nm_ring_next(r, r->head);
		}
	}
	check(!port_ioctl(p, NIOCRXSYNC, NULL));
	return k;
}

static void test_forward(void)
{
	int udp = udp_open(PORT), raw = raw_open("nt1");
	struct netmap_ring *r;
	struct port p;

	/* wire to stack, with no host ring open */
	must_open(&p, NR_REG_ALL_NIC, 0, 0);
	r = port_rxring(&p, 0);
	wire_send(raw, 10, 0);
	check(give_back(&p, r, 10) == 10);
	check(udp_receive(udp, 1, 0, 100) == 0);
	r->flags |= NR_FORWARD;
	for (uint32_t i = 0; i < 20; i++) {
		/* two with one number, of which one arrives */
		wire_send(raw, 1, i);
		wire_send(raw, 1, i);
		check(give_back(&p, r, 2) == 2);
		check(udp_receive(udp, 1, i, 500) == 1);
		check(udp_receive(udp, 1, i, 5) == 0);
	}
	port_close(&p);
	/* stack to wire */
	must_open(&p, NR_REG_SW, 0, 0);
	r = host_rxring(&p, 0);
	r->flags |= NR_FORWARD;
	for (uint32_t i = 0; i < 20; i++) {
		udp_send(udp, 2, 100, i);
		check(give_back(&p, r, 2) == 2);
	}
	check(wire_receive(raw, 40, 200) == 20);
	port_close(&p);
	close(udp);
	close(raw);
}

int main(int argc, char **argv)
{
	nmcore_set("verbose", argc > 1 ? 3 : 0);
	(void)argv;
	net_setup(1);
	hostnet_setup();
	for (int by_stack = 0; by_stack < 2; by_stack++) {
		/* what is there to take packets must not take those that are made for the stack */
		net_by_stack(by_stack);
		test_from_the_stack();
		test_segments();
		test_to_the_stack();
		test_many_rings();
		test_other_side();
		test_forward();
	}
	net_by_stack(false);
	return 0;
}
