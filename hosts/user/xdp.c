// SPDX-License-Identifier: BSD-2-Clause
#include "xdp.h"

#include <linux/bpf.h>
#include <linux/if_link.h>
#include <sys/syscall.h>
#include <unistd.h>

static int bpf(int cmd, union bpf_attr *attr)
{
	int ret = syscall(SYS_bpf, cmd, attr, sizeof(*attr));

	return ret < 0 ? -errno : ret;
}

static int make_map(uint32_t queues)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = BPF_MAP_TYPE_XSKMAP;
	attr.key_size = sizeof(uint32_t);
	attr.value_size = sizeof(uint32_t);
	attr.max_entries = queues;
	strcpy(attr.map_name, "netmap");
	return bpf(BPF_MAP_CREATE, &attr);
}

/* return bpf_redirect_map(&map, ctx->rx_queue_index, XDP_PASS if there is no socket); */
static int load_prog(int map_fd)
{
	const struct bpf_insn insns[] = {
		{.code = BPF_LDX | BPF_MEM | BPF_W,
		 .dst_reg = BPF_REG_2,
		 .src_reg = BPF_REG_1,
		 .off = offsetof(struct xdp_md, rx_queue_index)},
		{.code = BPF_LD | BPF_IMM | BPF_DW,
		 .dst_reg = BPF_REG_1,
		 .src_reg = BPF_PSEUDO_MAP_FD,
		 .imm = map_fd},
		{.code = 0}, /* second half of the above */
		{.code = BPF_ALU64 | BPF_MOV | BPF_K,
		 .dst_reg = BPF_REG_3,
		 .imm = XDP_PASS},
		{.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_redirect_map},
		{.code = BPF_JMP | BPF_EXIT},
	};
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_XDP;
	attr.expected_attach_type = BPF_XDP;
	attr.insns = (uintptr_t)insns;
	attr.insn_cnt = sizeof(insns) / sizeof(insns[0]);
	attr.license = (uintptr_t) "Dual BSD/GPL";
	strcpy(attr.prog_name, "netmap");
	return bpf(BPF_PROG_LOAD, &attr);
}

int xdp_load(struct xdp_prog *x, uint32_t queues)
{
	x->prog_fd = x->link_fd = -1;
	x->map_fd = make_map(queues);
	if (x->map_fd < 0)
		return x->map_fd;
	x->prog_fd = load_prog(x->map_fd);
	if (x->prog_fd < 0) {
		int error = x->prog_fd;

		xdp_unload(x);
		return error;
	}
	return 0;
}

int xdp_attach(struct xdp_prog *x, unsigned int ifindex, uint32_t flags)
{
	union bpf_attr attr;
	int fd;

	memset(&attr, 0, sizeof(attr));
	attr.link_create.prog_fd = x->prog_fd;
	attr.link_create.target_ifindex = ifindex;
	attr.link_create.attach_type = BPF_XDP;
	attr.link_create.flags = flags;
	fd = bpf(BPF_LINK_CREATE, &attr);
	if (fd < 0)
		return fd;
	x->link_fd = fd;
	return 0;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* Explicitly, since closing a link that somebody else looks at would not do. */
void xdp_detach(struct xdp_prog *x)
{
	union bpf_attr attr;

	if (x->link_fd < 0)
		return;
	memset(&attr, 0, sizeof(attr));
	attr.link_detach.link_fd = x->link_fd;
	bpf(BPF_LINK_DETACH, &attr);
	close_fd(&x->link_fd);
}

void xdp_unload(struct xdp_prog *x)
{
	xdp_detach(x);
	close_fd(&x->prog_fd);
	close_fd(&x->map_fd);
}

int xdp_queue_set(struct xdp_prog *x, uint32_t queue, int xsk_fd)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = x->map_fd;
	attr.key = (uintptr_t)&queue;
	attr.value = (uintptr_t)&xsk_fd;
	return bpf(BPF_MAP_UPDATE_ELEM, &attr);
}

void xdp_queue_clear(struct xdp_prog *x, uint32_t queue)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = x->map_fd;
	attr.key = (uintptr_t)&queue;
	bpf(BPF_MAP_DELETE_ELEM, &attr);
}

void xdp_prog_name(uint32_t id, char name[16])
{
	struct bpf_prog_info info;
	union bpf_attr attr;
	int fd;

	name[0] = '\0';
	memset(&attr, 0, sizeof(attr));
	attr.prog_id = id;
	fd = bpf(BPF_PROG_GET_FD_BY_ID, &attr);
	if (fd < 0)
		return;
	memset(&info, 0, sizeof(info));
	memset(&attr, 0, sizeof(attr));
	attr.info.bpf_fd = fd;
	attr.info.info_len = sizeof(info);
	attr.info.info = (uintptr_t)&info;
	if (!bpf(BPF_OBJ_GET_INFO_BY_FD, &attr))
		snprintf(name, 16, "%s", info.name);
	close(fd);
}
