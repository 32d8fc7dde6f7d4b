// SPDX-License-Identifier: BSD-2-Clause
/*
 * Ports on network cards, by their own drivers. NETMAP_CARDS names them, each two after the other
 * at the ends of one wire: "eth0 eth1 eth2 eth3". (No others are touched: a machine may need its
 * own.) In a network namespace of its own a card would not have come back when the next test wants
 * it, so this one is in everybody's.
 */
#include "kern.h"

#include <errno.h>
#include <net/if.h>
#include <net/ethernet.h>
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH  100
#define ROUNDS 10

static char left[IF_NAMESIZE], right[IF_NAMESIZE];

static bool has_carrier(const char *ifname)
{
	return !sh("grep -q 1 /sys/class/net/%s/carrier 2>/dev/null", ifname);
}

static void up(const char *ifname)
{
	double end = t_now() + t_patience(10);

	/* nothing but the test sends */
	sh("sysctl -qw net.ipv6.conf.%s.disable_ipv6=1 2>/dev/null", ifname);
	t_check(!sh("ip link set %s up", ifname));
	while (!has_carrier(ifname) && t_now() < end)
		t_sleep(0.01);
	t_check(has_carrier(ifname), "%s finds no carrier", ifname);
}

/* The n-th pair, both up. */
static void wire(unsigned int n)
{
	char names[4][IF_NAMESIZE] = { "" };
	const char *cards = getenv("NETMAP_CARDS");

	if (access(NETMAP_DEVICE_NAME, F_OK))
		t_skip("there is no " NETMAP_DEVICE_NAME ": load netmap.ko");
	if (!cards)
		t_skip("NETMAP_CARDS names no cards");
	sscanf(cards, "%15s %15s %15s %15s", names[0], names[1], names[2], names[3]);
	if (!*names[2 * n + 1])
		t_skip("NETMAP_CARDS names no pair %u", n + 1);
	strcpy(left, names[2 * n]);
	strcpy(right, names[2 * n + 1]);
	up(left);
	up(right);
}

/* The number that kport_send() put into a packet. */
static uint32_t number_in(struct netmap_ring *ring, uint32_t slot)
{
	uint32_t number;

	memcpy(&number, NETMAP_BUF(ring, ring->slot[slot].buf_idx) + 14, sizeof(number));
	return number;
}

/* Takes `n` packets, which come soon, and are numbered from `first` on. */
static void want(struct kport *p, uint32_t first, uint32_t n)
{
	struct pollfd pfd = { .fd = p->fd, .events = POLLIN };
	struct netmap_ring *ring = p->rx;
	uint32_t got = 0;

	while (got < n) {
		t_eq(poll(&pfd, 1, t_patience(5) * 1000), 1);
		t_check(!(pfd.revents & POLLERR), "%s", dev_error(p->fd));
		for (; !nm_ring_empty(ring); got++) {
			t_eq(ring->slot[ring->head].len, 60);
			t_eq(number_in(ring, ring->head), first + got);
			ring->head = ring->cur = nm_ring_next(ring, ring->head);
		}
	}
	dev_sync(p->fd, NIOCRXSYNC);
}

static void give(struct kport *p, uint32_t first, uint32_t n)
{
	double end = t_now() + t_patience(5);

	for (; n; n--, first++)
		while (!kport_send(p, first))
			t_check(t_now() < end, "no room in the ring, packet %u", first);
}

static void exchange(struct kport *a, struct kport *b)
{
	uint32_t i;

	for (i = 0; i < ROUNDS; i++) {
		give(a, i * BATCH, BATCH);
		want(b, i * BATCH, BATCH);
		give(b, i * BATCH, BATCH);
		want(a, i * BATCH, BATCH);
	}
}

static void is_listed(const char *what, bool wanted)
{
	t_check(listing_has(what) == wanted, "%s in the listing: %s", what, wanted ? "no" : "yes");
}

/* Ports at both ends, with XDP if the driver has it. */
static void both_ends(bool xdp)
{
	struct kport a, b;

	kport_open(&a, left);
	kport_open(&b, right);
	is_listed("XDP, driver", xdp);
	exchange(&a, &b);
	kport_close(&a);
	kport_close(&b);
	expect_nothing_left();
}

static void xdp(bool on)
{
	t_check(!sh("echo %d >/sys/module/netmap/parameters/xdp", on));
}

/* The other end is the system's; then the card is given back. */
static void with_sockets(void)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	struct timeval patience = { .tv_sec = t_patience(5) };
	char buf[2048];
	struct kport a;
	int fd = socket(AF_PACKET, SOCK_RAW, at.sll_protocol), i;

	at.sll_ifindex = if_nametoindex(right);
	t_check(fd >= 0 && !bind(fd, (struct sockaddr *)&at, sizeof(at)));
	t_check(!setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)));
	kport_open(&a, left);
	give(&a, 0, BATCH);
	for (i = 0; i < BATCH; i++)
		t_check(recv(fd, buf, sizeof(buf), 0) == 60, "packet %d: errno %d", i, errno);
	raw_send(right, BATCH);
	for (i = 0;
	     i < BATCH && poll(&(struct pollfd){ a.fd, POLLIN, 0 }, 1, t_patience(5) * 1000) == 1;)
		i += kport_take(&a);
	t_eq(i, BATCH);
	kport_close(&a);
	/* (what was sent above came back to the sender's end, too: as outgoing) */
	while (recv(fd, buf, sizeof(buf), MSG_DONTWAIT) > 0)
		;
	raw_send(left, BATCH);
	for (i = 0; i < BATCH; i++)
		t_check(recv(fd, buf, sizeof(buf), 0) == 60, "packet %d: errno %d", i, errno);
	close(fd);
	expect_nothing_left();
}

/* A card in a switch, and a port of that. */
static void in_a_switch(void)
{
	struct nmreq_vale_attach attach = { .reg.nr_mode = NR_REG_ALL_NIC };
	struct nmreq_vale_detach detach = { 0 };
	struct kport a, b;
	char name[32];
	int error;

	snprintf(name, sizeof(name), "vale0:%s", left);
	kport_open(&a, "vale0:a");
	error = dev_request(a.fd, NETMAP_REQ_VALE_ATTACH, name, &attach);
	t_check(!error, "%s", dev_error(a.fd));
	kport_open(&b, right);
	exchange(&a, &b);
	t_eq(dev_request(a.fd, NETMAP_REQ_VALE_DETACH, name, &detach), 0);
	kport_close(&a);
	kport_close(&b);
	expect_nothing_left();
}

static void first_pair(void)
{
	wire(0);
	both_ends(true);
	with_sockets();
	in_a_switch();
}

static void first_pair_emulated(void)
{
	wire(0);
	xdp(false);
	both_ends(false);
	with_sockets();
	in_a_switch();
	xdp(true);
}

/* (e1000e has no XDP) */
static void second_pair(void)
{
	wire(1);
	both_ends(false);
	with_sockets();
	in_a_switch();
}

T_MAIN(T_CASE(first_pair), T_CASE(first_pair_emulated), T_CASE(second_pair))
