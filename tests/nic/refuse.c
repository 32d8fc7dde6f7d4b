// SPDX-License-Identifier: BSD-2-Clause
/* What can not be opened, and whether the reason given is the right one. */
#include "fixture.h"
#include "fault.h"

#include <errno.h>
#include <libnmcore.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <net/if.h>
#include <net/netmap_user.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void refused(const char *name, int error, const char *why)
{
	struct port p;

	check(port_open(&p, name, NR_REG_ALL_NIC, 0, 0) < 0, "%s was opened", name);
	check(p.error == error, "%s: %s (%s)", name, strerror(p.error), port_error(&p));
	check(strstr(port_error(&p), why), "\"%s\" does not say \"%s\"", port_error(&p), why);
	port_close(&p);
}

static void works(void)
{
	struct port p;

	check(!port_open(&p, "nt0", NR_REG_ALL_NIC, 0, 0), "%s", port_error(&p));
	port_close(&p);
}

static void test_mtu(void)
{
	check(!sh("ip link set nt0 mtu 3000"));
	refused("nt0", EMSGSIZE, "ip link set dev nt0 mtu 1774");
	check(!sh("ip link set nt0 mtu 1774"));
	works();
	/* with larger buffers it goes */
	check(!sh("ip link set nt0 mtu 3000"));
	check(!nmcore_set("nic-buf-size", 4096));
	works();
	check(!nmcore_set("nic-buf-size", 2048));
	check(!sh("ip link set nt0 mtu 1500"));
}

static void test_down(void)
{
	check(!sh("ip link set nt0 down"));
	refused("nt0", ENETDOWN, "ip link set dev nt0 up");
	check(!sh("ip link set nt0 up"));
}

static void test_names(void)
{
	refused("nt9", ENXIO, "nt9");
	refused("an-interface-with-a-name-that-is-too-long", ENXIO, "an-interface");
}

/* In a child without one capability. */
static void without(int cap, const char *name)
{
	struct __user_cap_header_struct hdr = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];
	int status;
	pid_t pid = fork();

	if (!pid) {
		check(!syscall(SYS_capget, &hdr, data));
		data[cap / 32].effective &= ~(1u << (cap % 32));
		if (cap == CAP_BPF)
			data[0].effective &= ~(1u << CAP_SYS_ADMIN);
		check(!syscall(SYS_capset, &hdr, data));
		refused("nt0", EPERM, name);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	check(!status, "without %s", name);
}

static void test_capabilities(void)
{
	without(CAP_NET_RAW, "CAP_NET_RAW");
	without(CAP_NET_ADMIN, "CAP_NET_ADMIN");
	without(CAP_BPF, "CAP_BPF");
}

/* Another program on the interface: "return XDP_PASS". */
static void test_other_program(void)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = 2 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr;
	int prog, link;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_XDP;
	attr.expected_attach_type = BPF_XDP;
	attr.insns = (uintptr_t)insns;
	attr.insn_cnt = 2;
	attr.license = (uintptr_t) "GPL";
	strcpy(attr.prog_name, "somebody");
	prog = syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
	check(prog >= 0);
	memset(&attr, 0, sizeof(attr));
	attr.link_create.prog_fd = prog;
	attr.link_create.target_ifindex = if_nametoindex("nt0");
	attr.link_create.attach_type = BPF_XDP;
	link = syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));
	check(link >= 0);
	refused("nt0", EBUSY, "somebody");
	close(link);
	close(prog);
	works();
}

static void test_modes(void)
{
	struct port p;

	/* veth has no zero-copy */
	check(!nmcore_set("nic-mode", 1));
	refused("nt0", EOPNOTSUPP, "driver");
	check(!nmcore_set("nic-mode", 2));
	check(!port_open(&p, "nt0", NR_REG_ALL_NIC, 0, 0), "%s", port_error(&p));
	check(state_has("native copy"));
	port_close(&p);
	check(!nmcore_set("nic-mode", 3));
	check(!port_open(&p, "nt0", NR_REG_ALL_NIC, 0, 0), "%s", port_error(&p));
	check(state_has("generic copy"));
	check(nmcore_set("nic-mode", 0) < 0 && errno == EBUSY);
	port_close(&p);
	check(!nmcore_set("nic-mode", 0));
	check(nmcore_set("nic-mode", 4) < 0 && errno == EINVAL);
	check(nmcore_set("nic-buf-size", 3000) < 0 && errno == EINVAL);
	check(nmcore_set("no-such", 1) < 0 && errno == EINVAL);
}

static void test_memory(void)
{
	struct port p;

	/* a ring pair takes 3072 buffers: too many for this */
	check(!nmcore_set("nic-bufs", 256));
	check(port_open(&p, "nt0", NR_REG_ALL_NIC, 0, 0) < 0 && p.error == ENOMEM);
	check(strstr(port_error(&p), "limit"), "%s", port_error(&p));
	port_close(&p);
	check(!nmcore_set("nic-bufs", 8192));
	works();
}

static int register_nt0(struct nmcore *nm)
{
	struct nmreq_register reg = { .nr_mode = NR_REG_ALL_NIC };
	struct nmreq_header hdr = {
		.nr_version = NETMAP_API,
		.nr_reqtype = NETMAP_REQ_REGISTER,
		.nr_name = "nt0",
		.nr_body = (uintptr_t)&reg,
	};

	return nmcore_ioctl(nm, NIOCCTRL, &hdr) < 0 ? errno : 0;
}

/* Each allocation of a registration fails once: told, and nothing is left behind. */
static void test_faults(void)
{
	int error = -1;

	for (long n = 0; error; n++) {
		struct nmcore *nm = nmcore_open();

		check(nm);
		nmcore_fail_alloc_after(n);
		error = register_nt0(nm);
		nmcore_fail_alloc_after(-1);
		nmcore_close(nm);
		check(!error || error == ENOMEM, "allocation %ld: %s", n, strerror(error));
		check(error || n > 5, "only %ld allocations", n);
		check(sh("ip link show nt0 | grep -q xdp"), "allocation %ld", n);
	}
	nmcore_fail_alloc_after(0);
	check(!nmcore_open() && errno == ENOMEM);
	nmcore_fail_alloc_after(-1);
	works();
}

int main(void)
{
	nmcore_set("verbose", 0);
	net_setup(1);
	test_mtu();
	test_down();
	test_names();
	test_capabilities();
	test_other_program();
	test_modes();
	test_memory();
	test_faults();
	return 0;
}
