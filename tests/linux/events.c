// SPDX-License-Identifier: BSD-2-Clause
/*
 * What happens to an interface while it is somebody's port, or in a switch, and packets go
 * both ways: the port goes on, or says what happened; nothing of it stays behind.
 */
#include "kern.h"

#include <errno.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

static void wire(void *arg)
{
	(void)arg;
	raw_send("nt1", 10);
	raw_send("nt0", 10);
}

/* nt0 - nt1 in a namespace of our own, with traffic from sockets. */
static pid_t begin(unsigned int queues)
{
	kern_start();
	veth_make("nt0", "nt1", queues);
	return keep_doing(wire, NULL);
}

static int events_of(struct kport *p)
{
	struct pollfd fd = { .fd = p->fd, .events = POLLIN | POLLOUT };

	t_check(poll(&fd, 1, 0) >= 0);
	return fd.revents;
}

/* Uses the port for a while: packets still come. */
static void must_work(struct kport *p)
{
	double end = t_now() + t_patience(20);
	uint32_t i = 0, got = 0, n;

	while (got < 100 && t_now() < end) {
		kport_send(p, i++);
		n = kport_take(p);
		got += n;
		/* others have to get their turn, for anything to come */
		if (!n)
			t_sleep(0.001);
	}
	t_check(got >= 100, "only %u packets came", got);
}

/* The port says so, to every call. */
static void must_be_gone(struct kport *p, int error)
{
	double end = t_now() + t_patience(5);

	while (!(events_of(p) & POLLERR) && t_now() < end)
		t_sleep(0.01);
	t_check(events_of(p) & POLLERR);
	t_check(ioctl(p->fd, NIOCTXSYNC, NULL) < 0);
	t_eq(errno, error);
	t_check(ioctl(p->fd, NIOCRXSYNC, NULL) < 0);
	t_eq(errno, error);
	t_check(dev_error(p->fd)[0]);
	/* the memory is still ours */
	p->tx->head = p->tx->cur = p->tx->tail;
}

static bool free_of_us(const char *ifname)
{
	return sh("ip -d link show %s | grep -q 'promiscuity [1-9]'", ifname);
}

static void down_and_up(void)
{
	pid_t pid = begin(1);
	struct kport p;
	int i;

	for (i = 0; i < 5; i++) {
		kport_open(&p, "nt0");
		must_work(&p);
		t_check(!sh("ip link set nt0 down"));
		must_be_gone(&p, ENETDOWN);
		t_check(!sh("ip link set nt0 up"));
		kport_close(&p);
	}
	/* the other side only takes the carrier away */
	kport_open(&p, "nt0");
	t_check(!sh("ip link set nt1 down"));
	for (i = 0; i < 100; i++)
		kport_send(&p, i);
	kport_take(&p);
	t_check(!sh("ip link set nt1 up"));
	must_work(&p);
	kport_close(&p);
	stop_doing(pid);
	expect_nothing_left();
}

static void renamed(void)
{
	struct kport p, q;
	pid_t pid = begin(1);
	double end;

	kport_open(&p, "nt0");
	/* (an interface that is up keeps its name in older kernels) */
	if (sh("ip link set nt0 name nx0 2>/dev/null")) {
		t_check(!sh("ip link set nt0 down"));
		must_be_gone(&p, ENETDOWN);
		t_check(!sh("ip link set nt0 name nx0 && ip link set nx0 up"));
		kport_close(&p);
		kport_open(&p, "nx0");
	}
	must_work(&p);
	end = t_now() + t_patience(5);
	while (!listing_has("\"nx0\"") && t_now() < end)
		t_sleep(0.01);
	t_check(listing_has("\"nx0\"") && !listing_has("\"nt0\""));
	/* found by its new name, and a new interface by the old one */
	kport_open(&q, "nx0");
	kport_close(&q);
	t_eq(kport_try(&q, "nt0", 0), ENXIO);
	veth_make("nt0", "nt2", 1);
	kport_open(&q, "nt0");
	kport_close(&q);
	kport_close(&p);
	stop_doing(pid);
	expect_nothing_left();
}

static void deleted(void)
{
	struct kport p;
	pid_t pid = begin(1);
	int i;

	for (i = 0; i < 5; i++) {
		kport_open(&p, "nt0");
		must_work(&p);
		t_check(!sh("ip link del %s", i % 2 ? "nt0" : "nt1"));
		must_be_gone(&p, ENXIO);
		veth_make("nt0", "nt1", 1);
		if (i == 2) {
			/* while the old port is still held */
			struct kport q;

			kport_open(&q, "nt0");
			must_work(&q);
			kport_close(&q);
		}
		kport_close(&p);
	}
	stop_doing(pid);
	expect_nothing_left();
}

static void moved_away(void)
{
	struct kport p;
	pid_t pid = begin(1);
	int i;

	for (i = 0; i < 3; i++) {
		t_check(!sh("ip netns add kern-t"));
		kport_open(&p, "nt0");
		must_work(&p);
		t_check(!sh("ip link set nt0 netns kern-t"));
		must_be_gone(&p, ENXIO);
		kport_close(&p);
		/* there it is like new */
		t_check(!sh("ip netns exec kern-t ip link set nt0 up"));
		t_check(!sh("ip netns exec kern-t ip -d link show nt0 | "
			    "grep -q 'promiscuity 0'"));
		t_check(!sh("ip link del nt1"));
		t_check(!sh("ip netns del kern-t"));
		veth_make("nt0", "nt1", 1);
	}
	stop_doing(pid);
	expect_nothing_left();
}

/* Longer packets than there were before, shorter ones, and down to what is no Ethernet any more. */
static void mtu_changes(void)
{
	static const unsigned int mtu[] = { 9000, 1500, 68, 3000, 65535, 1280, 1500 };
	struct kport p;
	pid_t pid = begin(1);
	unsigned int i;

	kport_open(&p, "nt0");
	for (i = 0; i < sizeof(mtu) / sizeof(mtu[0]); i++) {
		/* (some are refused, as with any program that is in the driver) */
		sh("ip link set nt0 mtu %u 2>/dev/null; ip link set nt1 mtu %u 2>/dev/null", mtu[i],
		   mtu[i]);
		must_work(&p);
	}
	kport_close(&p);
	stop_doing(pid);
	expect_nothing_left();
}

static void queues_change(void)
{
	static const unsigned int n[] = { 1, 4, 2, 3, 1, 4 };
	struct kport p;
	pid_t pid = begin(4);
	unsigned int i;

	if (sh("ethtool -L nt0 rx 4 tx 4 2>/dev/null") > 1)
		t_skip("no ethtool, or a driver whose number of queues is fixed");
	kport_open(&p, "nt0");
	t_eq(p.nifp->ni_tx_rings, 4);
	for (i = 0; i < sizeof(n) / sizeof(n[0]); i++) {
		sh("ethtool -L nt0 rx %u tx %u 2>/dev/null", n[i], n[i]);
		sh("ethtool -L nt1 rx %u tx %u 2>/dev/null", n[i], n[i]);
		must_work(&p);
	}
	kport_close(&p);
	kport_open(&p, "nt0");
	must_work(&p);
	kport_close(&p);
	stop_doing(pid);
	expect_nothing_left();
}

/* The same with the interface in a switch, where no program is told. */
static void in_a_switch(void)
{
	struct nmreq_vale_attach attach = { .reg.nr_mode = NR_REG_ALL_NIC };
	static const char *const event[] = { "ip link set nt0 down", "ip link del nt0",
					     "ip link del nt1", "ip link set nt0 netns kern-s" };
	struct kport p;
	pid_t pid = begin(1);
	unsigned int i;
	double end;
	int error;

	t_check(!sh("ip netns add kern-s"));
	kport_open(&p, "vale0:p");
	for (i = 0; i < 4; i++) {
		error = dev_request(p.fd, NETMAP_REQ_VALE_ATTACH, "vale0:nt0", &attach);
		t_check(!error, "%s", dev_error(p.fd));
		must_work(&p);
		t_check(!sh("ip link set nt0 mtu %u", i % 2 ? 1400 : 1500));
		t_check(!sh("%s", event[i % 4]));
		/* it leaves the switch; the program's port goes on */
		end = t_now() + t_patience(5);
		while (listing_has("\"nt0\"") && t_now() < end)
			kport_send(&p, i);
		t_check(!listing_has("\"nt0\""), "%s: it is still there", event[i % 4]);
		sh("ip link del nt1 2>/dev/null");
		sh("ip link del nt0 2>/dev/null");
		sh("ip netns exec kern-s ip link del nt0 2>/dev/null");
		veth_make("nt0", "nt1", 1);
	}
	t_check(free_of_us("nt0"));
	kport_close(&p);
	stop_doing(pid);
	sh("ip netns del kern-s");
	expect_nothing_left();
}

/* Who is in a bridge or bond can not be had; who is a port can not be put into one. */
static void others_claims(void)
{
	struct kport p;
	pid_t pid = begin(1);

	t_check(!sh("ip link add br0 type bridge && ip link set nt0 master br0"));
	t_eq(kport_try(&p, "nt0", 0), EBUSY);
	t_check(!sh("ip link set nt0 nomaster"));
	kport_open(&p, "nt0");
	t_check(sh("ip link set nt0 master br0 2>/dev/null"));
	must_work(&p);
	kport_close(&p);
	t_check(!sh("ip link set nt0 master br0"));
	stop_doing(pid);
	expect_nothing_left();
}

T_MAIN(T_LONG(down_and_up, 180), T_CASE(renamed), T_LONG(deleted, 180), T_LONG(moved_away, 180),
       T_LONG(mtu_changes, 120), T_LONG(queues_change, 120), T_LONG(in_a_switch, 180),
       T_CASE(others_claims))
