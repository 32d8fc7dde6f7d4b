// SPDX-License-Identifier: BSD-2-Clause
/* Packets in and out of a veth interface; our counts against the kernel's. */
#include "fixture.h"

#include <errno.h>
#include <libnmcore.h>
#include <net/netmap_user.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void test_tx(void)
{
	struct net_counters before, after;
	struct port p;
	int raw = raw_open("nt1");

	check(!port_open(&p, "nt0", NR_REG_ALL_NIC, 0, 0), "%s", port_error(&p));
	before = net_counters("nt1");
	check(port_send(&p, 0, 5000, 60, 0) == 5000);
	check(raw_receive(raw, 5000, 500) == 5000);
	check(port_send(&p, 0, 3000, 1514, 0) == 3000);
	check(raw_receive(raw, 3000, 500) == 3000);
	check(port_stat("nt0", "tx") == 8000, "listing: %ld", port_stat("nt0", "tx"));
	after = net_counters("nt1");
	check(after.rx_packets - before.rx_packets == 8000, "kernel counts %lu",
	      (unsigned long)(after.rx_packets - before.rx_packets));
	port_close(&p);
	close(raw);
}

static void test_rx(void)
{
	struct net_counters before, after;
	struct port p;
	int raw = raw_open("nt1");
	uint32_t got = 0;

	check(!port_open(&p, "nt0", NR_REG_ALL_NIC, 0, 0), "%s", port_error(&p));
	before = net_counters("nt1");
	for (int i = 0; i < 50; i++) {
		check(raw_send(raw, 100, i % 2 ? 60 : 1514, i * 100) == 100);
		got += port_receive(&p, 100, 500);
	}
	after = net_counters("nt1");
	check(got == 5000, "received %u", got);
	check(port_stat("nt0", "rx") == 5000, "listing: %ld", port_stat("nt0", "rx"));
	check(after.tx_packets - before.tx_packets == 5000);
	port_close(&p);
	close(raw);
}

static void test_both(void)
{
	struct port a, b;
	uint32_t got = 0;

	check(!port_open(&a, "nt0", NR_REG_ALL_NIC, 0, 0), "%s", port_error(&a));
	check(!port_open(&b, "nt1", NR_REG_ALL_NIC, 0, 0), "%s", port_error(&b));
	check(a.reg.nr_mem_id == b.reg.nr_mem_id, "NIC ports share memory");
	for (int i = 0; i < 100; i++) {
		check(port_send(&a, 0, 200, 60, i * 200) == 200);
		got += port_receive(&b, 200, 500);
		check(port_send(&b, 0, 200, 300, i * 200) == 200);
		got += port_receive(&a, 200, 500);
	}
	check(got == 40000, "received %u", got);
	if (host_is("embedded"))
		check(state_has("AF_XDP"));
	port_close(&a);
	port_close(&b);
}

/* A ring holds one packet less than it has slots, wherever in it they begin. */
static void test_full(void)
{
	int raw = raw_open("nt1");
	struct port p;
	uint32_t n, i;

	check(!port_open(&p, "nt0", NR_REG_ALL_NIC, 0, 0), "%s", port_error(&p));
	n = port_rxring(&p, 0)->num_slots;
	for (i = 0; i < 3; i++) {
		check(raw_send(raw, n + 50, 60, 0) == n + 50);
		/* what was sent has been put there, or dropped */
		while (port_stat("nt0", "rx") < (long)(i + 1) * (n - 1))
			usleep(1000);
		check(!port_ioctl(&p, NIOCRXSYNC, NULL));
		check(nm_ring_space(port_rxring(&p, 0)) == n - 1, "%u of %u slots",
		      nm_ring_space(port_rxring(&p, 0)), n);
		check(port_receive(&p, n - 1, 500) == n - 1);
		check(port_receive(&p, 1, 100) == 0);
	}
	check(port_stat("nt0", "rx") == 3 * (n - 1));
	check(state_has("no-room"));
	port_close(&p);
	close(raw);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		nmcore_set("verbose", atoi(argv[1]));
	net_setup(1);
	test_tx();
	test_rx();
	test_both();
	test_both(); /* once more: all was given back */
	/* (AF_XDP has queues besides) */
	if (host_is("kernel"))
		test_full();
	return 0;
}
