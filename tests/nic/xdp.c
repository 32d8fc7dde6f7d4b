// SPDX-License-Identifier: BSD-2-Clause
/* The kernel host's XDP ports: when a port is one, and who else wants the place in the driver. */
#include "hostnet.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <net/netmap_user.h>
#include <poll.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Packets go through the pair, whatever the ports are. */
static void works(void)
{
	struct port a, b;
	uint32_t got;

	check(!port_open(&a, "nt0", NR_REG_ALL_NIC, 0, 0), "%s", port_error(&a));
	check(!port_open(&b, "nt1", NR_REG_ALL_NIC, 0, 0), "%s", port_error(&b));
	for (uint32_t i = 0; i < 10; i++) {
		check(port_send(&a, 0, 500, 60, i * 500) == 500);
		got = port_receive(&b, 500, 1000);
		check(got == 500, "%u in round %u", got, i);
	}
	check(port_send(&b, 0, 300, 1514, 0) == 300);
	check(port_receive(&a, 300, 1000) == 300);
	port_close(&a);
	port_close(&b);
}

static void is(const char *text)
{
	struct port p;

	check(!port_open(&p, "nt0", NR_REG_ALL_NIC, 0, 0), "%s", port_error(&p));
	check(state_has(text));
	port_close(&p);
}

static void test_choice(void)
{
	is("XDP, driver veth");
	nic_xdp(false);
	is("emulated (parameter xdp=0), driver veth");
	works();
	nic_xdp(true);
	works();
}

static int bpf(int cmd, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

/* Another program in the driver, "pass": held by a descriptor, or -1. */
static int link_create(const char *ifname)
{
	struct bpf_insn pass[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = XDP_PASS },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr load = {
		.prog_type = BPF_PROG_TYPE_XDP,
		.insns = (uintptr_t)pass,
		.insn_cnt = 2,
		.license = (uintptr_t) "GPL",
	};
	union bpf_attr link = { .link_create = { .attach_type = BPF_XDP } };
	int prog = bpf(BPF_PROG_LOAD, &load), fd, error;

	if (prog < 0)
		skip("no BPF here: %s", strerror(errno));
	link.link_create.prog_fd = prog;
	link.link_create.target_ifindex = if_nametoindex(ifname);
	link.link_create.flags = XDP_FLAGS_DRV_MODE;
	fd = bpf(BPF_LINK_CREATE, &link);
	error = errno;
	close(prog);
	errno = error;
	return fd;
}

static void test_place_taken(void)
{
	int fd = link_create("nt0");

	check(fd >= 0, "%s", strerror(errno));
	is("emulated (has an XDP program already), driver veth");
	works();
	close(fd);
	usleep(100000);
	is("XDP, driver veth");
}

/* Whoever asks is told that it is ours. */
static void test_place_kept(void)
{
	struct port p;

	check(!port_open(&p, "nt0", NR_REG_ALL_NIC, 0, 0), "%s", port_error(&p));
	check(link_create("nt0") < 0 && errno == EBUSY, "%s", strerror(errno));
	port_close(&p);
	check(close(link_create("nt0")) == 0);
	usleep(100000);
}

/* Somebody with the right to do so takes our program out: the port is deaf, nothing breaks. */
static void test_put_out(void)
{
	struct port p;
	int raw = raw_open("nt1");

	check(!port_open(&p, "nt0", NR_REG_ALL_NIC, 0, 0), "%s", port_error(&p));
	if (sh("ip link set dev nt0 xdpdrv off"))
		skip("this ip(8) knows no XDP");
	check(port_send(&p, 0, 300, 60, 0) == 300);
	check(raw_receive(raw, 300, 500) == 300);
	/* what it hears comes by the rx handler now */
	check(raw_send(raw, 100, 60, 0) == 100);
	check(port_receive(&p, 100, 500) == 100);
	port_close(&p);
	close(raw);
	works();
}

/* The other end completes what XDP could not pass on, as long as the port is open. */
static void test_peer(void)
{
	struct port p;

	check(!sh("ethtool -k nt1 | grep -q 'tx-checksum-ip-generic: on'"));
	check(!port_open(&p, "nt0", NR_REG_ALL_NIC, 0, 0), "%s", port_error(&p));
	check(!sh("ethtool -k nt1 | grep -q 'tx-checksum-ip-generic: off'"));
	check(!sh("ethtool -k nt1 | grep -q 'tcp-segmentation-offload: off'"));
	check(!sh("ethtool -k nt1 | grep -q 'tx-vlan-offload: off'"));
	port_close(&p);
	check(!sh("ethtool -k nt1 | grep -q 'tx-checksum-ip-generic: on'"));
	check(!sh("ethtool -k nt1 | grep -q 'tcp-segmentation-offload: on'"));
	check(!sh("ethtool -k nt1 | grep -q 'tx-vlan-offload: on'"));
}

/* So what its stack sends is complete. */
static void test_complete(void)
{
	struct netmap_ring *r;
	uint32_t got = 0, seq;
	struct port p;
	int udp;

	hostnet_setup();
	udp = udp_open(5000);
	check(!port_open(&p, "nt1", NR_REG_ALL_NIC, 0, 0), "%s", port_error(&p));
	check(state_has("XDP, driver veth"));
	r = port_rxring(&p, 0);
	udp_send(udp, 100, 1000, 0);
	while (got < 100 && port_wait(&p, POLLIN, 500) & POLLIN)
		for (; !nm_ring_empty(r); r->head = r->cur = nm_ring_next(r, r->head)) {
			struct netmap_slot *s = &r->slot[r->head];
			const uint8_t *frame = (uint8_t *)NETMAP_BUF(r, s->buf_idx);

			if (udp_frame_is(frame, s->len))
				check(udp_frame_ok(frame, s->len, &seq) && seq == got++);
		}
	check(got == 100, "%u", got);
	port_close(&p);
	close(udp);
}

/* A driver that can not: long packets do not fit one page. */
static void test_refused(void)
{
	check(!sh("ip link set nt0 mtu 9000 && ip link set nt1 mtu 9000"));
	is("emulated (driver refused XDP), driver veth");
	works();
	check(!sh("ip link set nt0 mtu 1500 && ip link set nt1 mtu 1500"));
	is("XDP, driver veth");
}

int main(void)
{
	net_setup(1);
	test_choice();
	test_peer();
	test_complete();
	test_place_taken();
	test_place_kept();
	test_refused();
	test_put_out();
	return 0;
}
