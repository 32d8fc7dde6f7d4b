// SPDX-License-Identifier: BSD-2-Clause
/*
 * Between interfaces: by a program that exchanges buffers, and by a switch
 * that interfaces are attached to.
 */
#include "fixture.h"

#include <errno.h>
#include <libnmcore.h>
#include <net/netmap_user.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* How many. */
static uint32_t swap_all(struct netmap_ring *from, struct netmap_ring *to)
{
	uint32_t n = 0;

	for (; !nm_ring_empty(from) && !nm_ring_empty(to); n++) {
		struct netmap_slot *r = &from->slot[from->head], *t = &to->slot[to->head];
		uint32_t idx = t->buf_idx;

		t->buf_idx = r->buf_idx;
		t->len = r->len;
		t->flags |= NS_BUF_CHANGED;
		r->buf_idx = idx;
		r->flags |= NS_BUF_CHANGED;
		from->head = from->cur = nm_ring_next(from, from->head);
		to->head = to->cur = nm_ring_next(to, to->head);
	}
	return n;
}

/* nt1 - nt0 = (program) = nu0 - nu1 */
static void test_swap(void)
{
	struct port a, b;
	int left = raw_open("nt1"), right = raw_open("nu1");
	uint32_t got = 0, moved = 0;
	double end;

	check(!port_open(&a, "nt0", NR_REG_ALL_NIC, 0, 0), "%s", port_error(&a));
	check(!port_open(&b, "nu0", NR_REG_ALL_NIC, 0, 0), "%s", port_error(&b));
	check(a.reg.nr_mem_id == b.reg.nr_mem_id);
	for (uint32_t i = 0; i < 200; i++) {
		check(raw_send(left, 50, 60 + i, i * 50) == 50);
		for (end = now() + patience(5); moved < (i + 1) * 50 && now() < end;) {
			port_wait(&a, POLLIN, 100);
			moved += swap_all(port_rxring(&a, 0), port_txring(&b, 0));
			check(!port_ioctl(&b, NIOCTXSYNC, NULL));
		}
		got += raw_receive(right, 50, 100);
	}
	check(got == 10000, "forwarded %u", got);
	port_close(&a);
	port_close(&b);
	close(left);
	close(right);
}

static int vale(struct port *ctl, uint16_t what, const char *name)
{
	struct nmreq_vale_attach attach = { .reg.nr_mode = NR_REG_ALL_NIC };
	struct nmreq_vale_detach detach = { 0 };

	return port_request(ctl, what, name,
			    what == NETMAP_REQ_VALE_ATTACH ? (void *)&attach : (void *)&detach);
}

static double cpu(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* nt1 - nt0 = valeX = nu0 - nu1, and a program as third member */
static void test_switch(void)
{
	struct port ctl = { .fd = nmhost_open() };
	int left = raw_open("nt1"), right = raw_open("nu1");
	struct port third;
	uint32_t got = 0, seen = 0;
	double used;

	check(!vale(&ctl, NETMAP_REQ_VALE_ATTACH, "valeX:nt0"), "%s", port_error(&ctl));
	check(!vale(&ctl, NETMAP_REQ_VALE_ATTACH, "valeX:nu0"), "%s", port_error(&ctl));
	check(!port_open(&third, "valeX:p", NR_REG_ALL_NIC, 0, 0), "%s", port_error(&third));
	for (int i = 0; i < 100; i++) {
		/* broadcasts: the other interface and the program get each */
		check(raw_send(left, 50, 60 + i, i * 50) == 50);
		got += raw_receive(right, 50, 500);
		seen += port_receive(&third, 50, 500);
	}
	check(got == 5000, "forwarded %u", got);
	check(seen == 5000, "seen by the program %u", seen);
	check(port_stat("nt0", "rx") == 5000, "the listing counts %ld", port_stat("nt0", "rx"));
	check(port_stat("nu0", "tx") == 5000, "the listing counts %ld", port_stat("nu0", "tx"));
	check(port_send(&third, 0, 500, 200, 0) == 500);
	check(raw_receive(left, 500, 500) == 500);
	check(raw_receive(right, 500, 500) == 500);
	/* when nothing happens, nothing is done */
	used = cpu();
	usleep(1000000);
	/* (in a machine that is translated, to go to sleep is work) */
	check(cpu() - used < (getenv("T_SLOW") ? 0.1 : 0.01), "idle, %.3f s of CPU in a second",
	      cpu() - used);
	check(!vale(&ctl, NETMAP_REQ_VALE_DETACH, "valeX:nt0"), "%s", port_error(&ctl));
	/* without it the rest goes on */
	check(port_send(&third, 0, 100, 200, 0) == 100);
	check(raw_receive(right, 100, 500) == 100);
	check(!sh("ip link del nu0"));
	usleep(500000);
	check(port_send(&third, 0, 10, 200, 0) == 10);
	port_close(&third);
	port_close(&ctl);
	if (host_is("embedded"))
		check(nmcore_users() == 0, "%d users are left", nmcore_users());
	close(left);
	close(right);
}

int main(void)
{
	nmcore_set("verbose", 0);
	net_setup(1);
	check(!sh("ip link add nu0 type veth peer name nu1 && ip link set nu0 up && "
		  "ip link set nu1 up"));
	test_swap();
	test_switch();
	return 0;
}
