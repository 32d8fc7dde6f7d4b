// SPDX-License-Identifier: BSD-2-Clause
#include "xdp.h"
#include "bpf.h"

#include <linux/if_link.h>

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

#define COUNT(insns) (sizeof(insns) / sizeof((insns)[0]))

#define MARKED 21 /* instructions */
#define ADDRS  12 /* bytes of the mark to compare: its addresses */

/*
 * if (the packet begins with the mark) { take it off; return XDP_PASS; }
 * In halves of words, which are aligned on any machine.
 */
static uint32_t add_marked(struct bpf_insn *insns, const struct xdp_mark *mark)
{
	const struct bpf_insn begin[] = {
		BPF_LOAD(BPF_W, BPF_REG_2, BPF_REG_1, offsetof(struct xdp_md, data)),
		BPF_LOAD(BPF_W, BPF_REG_3, BPF_REG_1, offsetof(struct xdp_md, data_end)),
		BPF_MOVE(BPF_REG_4, BPF_REG_2),
		BPF_ADD_TO(BPF_REG_4, sizeof(mark->header)),
		BPF_SKIP_IF(BPF_JGT, BPF_REG_4, BPF_REG_3, MARKED - 5),
	};
	const struct bpf_insn end[] = {
		BPF_SET(BPF_REG_2, sizeof(mark->header)),
		BPF_DO(BPF_FUNC_xdp_adjust_head),
		BPF_SET(BPF_REG_0, XDP_PASS),
		BPF_RETURN(),
	};
	uint32_t n = COUNT(begin);
	uint16_t half;

	memcpy(insns, begin, sizeof(begin));
	for (int i = 0; i < ADDRS; i += 2) {
		memcpy(&half, mark->header + i, sizeof(half));
		insns[n++] = (struct bpf_insn)BPF_LOAD(BPF_H, BPF_REG_4, BPF_REG_2, i);
		insns[n] = (struct bpf_insn)BPF_SKIP_IF_K(BPF_JNE, BPF_REG_4, half, MARKED - 1 - n);
		n++;
	}
	memcpy(insns + n, end, sizeof(end));
	return n + COUNT(end);
}

/* return bpf_redirect_map(&map, ctx->rx_queue_index, XDP_PASS if there is no socket); */
static int load_prog(int map_fd, const struct xdp_mark *mark)
{
	const struct bpf_insn redirect[] = {
		BPF_LOAD(BPF_W, BPF_REG_2, BPF_REG_6, offsetof(struct xdp_md, rx_queue_index)),
		BPF_SET_MAP(BPF_REG_1, map_fd),
		BPF_SET(BPF_REG_3, XDP_PASS),
		BPF_DO(BPF_FUNC_redirect_map),
		BPF_RETURN(),
	};
	struct bpf_insn insns[1 + MARKED + COUNT(redirect)] = {
		BPF_MOVE(BPF_REG_6, BPF_REG_1),
	};
	uint32_t n = 1;

	if (mark)
		n += add_marked(insns + n, mark);
	memcpy(insns + n, redirect, sizeof(redirect));
	return bpf_load(BPF_PROG_TYPE_XDP, insns, n + COUNT(redirect));
}

int xdp_load(struct xdp_prog *x, uint32_t queues, const struct xdp_mark *mark)
{
	x->prog_fd = x->link_fd = -1;
	x->map_fd = make_map(queues);
	if (x->map_fd < 0)
		return x->map_fd;
	x->prog_fd = load_prog(x->map_fd, mark);
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
