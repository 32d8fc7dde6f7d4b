// SPDX-License-Identifier: BSD-2-Clause
/*
 * AF_XDP on both interfaces, queue 0: a socket that sends, and one that an XDP program in the
 * driver gives everything to.
 */
#include "pair.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <err.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <linux/if_xdp.h>
#include <net/if.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <xdp/xsk.h>

#define CHUNK  2048
#define CHUNKS 2048 /* of each side */
#define RING   2048

struct side {
	char *mem;
	struct xsk_umem *umem;
	struct xsk_socket *xsk;
	struct xsk_ring_prod fill, tx;
	struct xsk_ring_cons done, rx;
	unsigned free[CHUNKS], nfree;
	unsigned flying;
};

static struct side from, to;

static void side_open(struct side *s, const char *ifname, bool sends)
{
	struct xsk_umem_config ucfg = { .fill_size = RING, .comp_size = RING, .frame_size = CHUNK };
	struct xsk_socket_config scfg = {
		.rx_size = RING,
		.tx_size = RING,
		.libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD,
		.bind_flags = XDP_COPY | XDP_USE_NEED_WAKEUP,
	};
	size_t size = (size_t)CHUNK * CHUNKS;
	int error;

	s->mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (s->mem == MAP_FAILED)
		err(1, "memory");
	memset(s->mem, 0, size);
	error = xsk_umem__create(&s->umem, s->mem, size, &s->fill, &s->done, &ucfg);
	if (error)
		errx(1, "umem: %s", strerror(-error));
	error = xsk_socket__create(&s->xsk, ifname, 0, s->umem, sends ? NULL : &s->rx,
				   sends ? &s->tx : NULL, &scfg);
	if (error)
		errx(1, "AF_XDP on %s: %s", ifname, strerror(-error));
}

/* "return bpf_redirect_map(&map, 0, XDP_PASS)", in the driver of the interface. */
static void attach(const char *ifname)
{
	int map = bpf_map_create(BPF_MAP_TYPE_XSKMAP, "pair", 4, 4, 1, NULL), prog, error;
	int key = 0, fd = xsk_socket__fd(to.xsk);
	struct bpf_insn insns[] = {
		{ .code = BPF_LD | BPF_DW | BPF_IMM,
		  .dst_reg = 1,
		  .src_reg = BPF_PSEUDO_MAP_FD,
		  .imm = map },
		{ 0 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 2, .imm = 0 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 3, .imm = XDP_PASS },
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_redirect_map },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	if (map < 0 || bpf_map_update_elem(map, &key, &fd, 0) < 0)
		err(1, "map");
	prog = bpf_prog_load(BPF_PROG_TYPE_XDP, "pair", "GPL", insns,
			     sizeof(insns) / sizeof(insns[0]), NULL);
	if (prog < 0)
		err(1, "program");
	error = bpf_xdp_attach(if_nametoindex(ifname), prog, XDP_FLAGS_DRV_MODE, NULL);
	if (error)
		errx(1, "program on %s: %s", ifname, strerror(-error));
}

static void way_open(const char *a, const char *b)
{
	struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	unsigned idx;

	setrlimit(RLIMIT_MEMLOCK, &all);
	side_open(&from, a, true);
	side_open(&to, b, false);
	attach(b);
	for (from.nfree = 0; from.nfree < CHUNKS; from.nfree++)
		from.free[from.nfree] = from.nfree;
	if (xsk_ring_prod__reserve(&to.fill, CHUNKS, &idx) != CHUNKS)
		errx(1, "fill ring");
	for (unsigned i = 0; i < CHUNKS; i++)
		*xsk_ring_prod__fill_addr(&to.fill, idx++) = (uint64_t)i * CHUNK;
	xsk_ring_prod__submit(&to.fill, CHUNKS);
}

static void kick(void)
{
	if (sendto(xsk_socket__fd(from.xsk), NULL, 0, MSG_DONTWAIT, NULL, 0) < 0 &&
	    errno != EAGAIN && errno != EBUSY && errno != ENOBUFS)
		err(1, "sendto");
}

static void reap(void)
{
	unsigned idx, n = xsk_ring_cons__peek(&from.done, RING, &idx);

	for (unsigned k = 0; k < n; k++)
		from.free[from.nfree++] = *xsk_ring_cons__comp_addr(&from.done, idx++) / CHUNK;
	xsk_ring_cons__release(&from.done, n);
	from.flying -= n;
}

/* A kick moves 32 packets at most: as many kicks as it takes. */
static unsigned send_some(unsigned n, unsigned len)
{
	unsigned idx, before;

	if (n > from.nfree)
		n = from.nfree;
	n = xsk_ring_prod__reserve(&from.tx, n, &idx);
	for (unsigned k = 0; k < n; k++) {
		struct xdp_desc *d = xsk_ring_prod__tx_desc(&from.tx, idx++);

		d->addr = (uint64_t)from.free[--from.nfree] * CHUNK;
		d->len = len;
		pair_header(from.mem + d->addr, 2, 1);
	}
	xsk_ring_prod__submit(&from.tx, n);
	from.flying += n;
	do {
		before = from.flying;
		kick();
		reap();
	} while (from.flying && from.flying != before);
	return n;
}

static unsigned receive(void)
{
	unsigned idx, out, n = xsk_ring_cons__peek(&to.rx, RING, &idx);

	if (n && xsk_ring_prod__reserve(&to.fill, n, &out) != n)
		errx(1, "fill ring");
	for (unsigned k = 0; k < n; k++) {
		const struct xdp_desc *d = xsk_ring_cons__rx_desc(&to.rx, idx++);
		uint64_t v;

		memcpy(&v, to.mem + d->addr, sizeof(v));
		pair_sum += v;
		*xsk_ring_prod__fill_addr(&to.fill, out++) = d->addr;
	}
	if (n)
		xsk_ring_prod__submit(&to.fill, n);
	xsk_ring_cons__release(&to.rx, n);
	return n;
}

static void empty(void)
{
	kick();
	receive();
}

const struct pair_way pair_xdp = {
	.name = "xdp",
	.open = way_open,
	.send = send_some,
	.receive = receive,
	.empty = empty,
};
