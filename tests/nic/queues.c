// SPDX-License-Identifier: BSD-2-Clause
/* Several queues: all of them, one of them, and the rest of the traffic to the host. */
#include "fixture.h"

#include <errno.h>
#include <libnmcore.h>
#include <net/netmap_user.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define QUEUES 4

static void test_all(void)
{
	struct port a, b;

	check(!port_open(&a, "nt0", NR_REG_ALL_NIC, 0, 0), "%s", port_error(&a));
	check(!port_open(&b, "nt1", NR_REG_ALL_NIC, 0, 0), "%s", port_error(&b));
	check(a.nifp->ni_tx_rings == QUEUES && a.nifp->ni_rx_rings == QUEUES);
	for (uint32_t q = 0; q < QUEUES; q++) {
		/* veth keeps the queue: what is sent on tx queue q arrives on rx queue q
		 */
		check(port_send(&a, q, 500, 60 + q, q * 1000) == 500);
		check(port_wait(&b, 1, 1000));
		for (uint32_t i = 0; i < QUEUES; i++)
			check(nm_ring_empty(port_rxring(&b, i)) == (i != q), "queue %u, ring %u", q,
			      i);
		check(port_receive(&b, 500, 500) == 500);
	}
	if (host_is("embedded"))
		check(state_has("4 queues"));
	port_close(&a);
	port_close(&b);
}

static void test_one(void)
{
	struct port a[2], b;
	uint32_t got;

	check(!port_open(&b, "nt1", NR_REG_ALL_NIC, 0, 0), "%s", port_error(&b));
	check(!port_open(&a[0], "nt0", NR_REG_ONE_NIC, 1, 0), "%s", port_error(&a[0]));
	check(!port_open(&a[1], "nt0", NR_REG_ONE_NIC, 3, 0), "%s", port_error(&a[1]));
	check(port_send(&b, 1, 300, 60, 0) == 300);
	check(port_send(&b, 3, 200, 60, 0) == 200);
	got = port_receive(&a[0], 300, 300);
	check(got == 300, "ring 1 received %u", got);
	got = port_receive(&a[1], 200, 300);
	check(got == 200, "ring 3 received %u", got);
	check(port_send(&a[1], 3, 100, 60, 0) == 100);
	check(port_receive(&b, 100, 300) == 100);
	port_close(&a[0]);
	/* the other goes on */
	check(port_send(&b, 3, 200, 60, 0) == 200);
	check(port_receive(&a[1], 200, 300) == 200);
	port_close(&a[1]);
	port_close(&b);
}

/* Queues that nobody has opened stay the host's, and so does reception for a sender. */
static void test_rest(void)
{
	struct port one, sender, b;
	int raw = raw_open("nt0");

	check(!port_open(&b, "nt1", NR_REG_ALL_NIC, 0, 0), "%s", port_error(&b));
	check(!port_open(&one, "nt0", NR_REG_ONE_NIC, 0, 0), "%s", port_error(&one));
	check(!port_open(&sender, "nt0", NR_REG_ONE_NIC, 2, NR_TX_RINGS_ONLY), "%s",
	      port_error(&sender));
	check(port_send(&b, 1, 100, 60, 0) == 100);
	check(port_send(&b, 2, 100, 60, 0) == 100);
	check(port_send(&b, 0, 100, 60, 0) == 100);
	/* where it is emulated, taps see packets before the port does */
	check(raw_receive(raw, 1000, 300) == (getenv("NIC_EMULATED") ? 300 : 200));
	check(port_receive(&one, 1000, 300) == 100);
	check(port_send(&sender, 2, 100, 60, 0) == 100);
	check(port_receive(&b, 1000, 300) == 100);
	port_close(&one);
	port_close(&sender);
	port_close(&b);
	close(raw);
}

static void test_wrong(void)
{
	struct port p, q;

	check(port_open(&p, "nt0", NR_REG_ONE_NIC, QUEUES, 0) && p.error == EINVAL);
	check(strstr(port_error(&p), "ring"), "%s", port_error(&p));
	port_close(&p);
	check(!port_open(&p, "nt0", NR_REG_ONE_NIC, 0, NR_EXCLUSIVE), "%s", port_error(&p));
	check(port_open(&q, "nt0", NR_REG_ALL_NIC, 0, 0) && q.error == EBUSY);
	port_close(&q);
	check(!port_open(&q, "nt0", NR_REG_ONE_NIC, 1, 0), "%s", port_error(&q));
	port_close(&q);
	port_close(&p);
}

/* The first to open a port says how long its rings are, but not how many. */
static void test_slots(void)
{
	const struct nmreq_register wish = {
		.nr_tx_slots = 512,
		.nr_rx_slots = 2048,
		.nr_tx_rings = 1,
		.nr_rx_rings = 1,
	};
	struct port a, b, c;
	uint32_t got;

	check(!port_open_wish(&a, "nt0", NR_REG_ALL_NIC, 0, 0, &wish), "%s", port_error(&a));
	check(!port_open(&b, "nt1", NR_REG_ALL_NIC, 0, 0), "%s", port_error(&b));
	check(a.reg.nr_tx_slots == 512 && a.reg.nr_rx_slots == 2048);
	check(a.nifp->ni_tx_rings == QUEUES && a.nifp->ni_rx_rings == QUEUES);
	check(port_txring(&a, 1)->num_slots == 512 && port_rxring(&a, 1)->num_slots == 2048);
	/* all that a ring promises fits in, while nobody reads */
	check(port_send(&b, 1, 2000, 60, 0) == 2000);
	got = port_receive(&a, 2000, 500);
	check(got == 2000, "received %u", got);
	/* a port that is open has the rings it has */
	check(!port_open(&c, "nt0", NR_REG_NIC_SW, 0, 0), "%s", port_error(&c));
	check(c.reg.nr_tx_slots == 512 && c.reg.nr_rx_slots == 2048);
	port_close(&c);
	port_close(&a);
	check(!port_open(&a, "nt0", NR_REG_ALL_NIC, 0, 0), "%s", port_error(&a));
	check(a.reg.nr_tx_slots == 1024 && a.reg.nr_rx_slots == 1024);
	port_close(&a);
	port_close(&b);
}

int main(void)
{
	nmcore_set("verbose", 0);
	net_setup(QUEUES);
	test_all();
	test_one();
	test_rest();
	test_wrong();
	test_slots();
	return 0;
}
