// SPDX-License-Identifier: BSD-2-Clause
#include "xsk.h"

#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifndef XDP_MAX_TX_SKB_BUDGET
#define XDP_MAX_TX_SKB_BUDGET 9 /* Linux 6.17 */
#endif

#define BUSY_TRIES  100
#define BUSY_NAP_NS 5000000

static uint32_t ring_entries(uint32_t slots)
{
	uint32_t n = 64;

	while (n < slots)
		n *= 2;
	return n;
}

static int map_ring(struct xsk *x, struct xsk_ring *r, const struct xdp_ring_offset *off,
		    uint64_t pgoff, uint32_t n, size_t entry)
{
	r->map_size = off->desc + n * entry;
	r->map = mmap(NULL, r->map_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, x->fd,
		      pgoff);
	if (r->map == MAP_FAILED) {
		r->map = NULL;
		return -errno;
	}
	r->producer = (uint32_t *)((char *)r->map + off->producer);
	r->consumer = (uint32_t *)((char *)r->map + off->consumer);
	r->flags = (uint32_t *)((char *)r->map + off->flags);
	r->entries = (char *)r->map + off->desc;
	r->mask = n - 1;
	r->mine = 0;
	return 0;
}

static int set_size(struct xsk *x, int what, uint32_t n)
{
	return setsockopt(x->fd, SOL_XDP, what, &n, sizeof(n)) < 0 ? -errno : 0;
}

static int make_rings(struct xsk *x, uint32_t rx, uint32_t tx)
{
	struct xdp_mmap_offsets off;
	socklen_t len = sizeof(off);
	int error;

	if ((error = set_size(x, XDP_UMEM_FILL_RING, rx)) ||
	    (error = set_size(x, XDP_UMEM_COMPLETION_RING, tx)) ||
	    (error = set_size(x, XDP_RX_RING, rx)) || (error = set_size(x, XDP_TX_RING, tx)))
		return error;
	if (getsockopt(x->fd, SOL_XDP, XDP_MMAP_OFFSETS, &off, &len) < 0)
		return -errno;
	if (len != sizeof(off))
		return -EOPNOTSUPP; /* before Linux 5.4: no need-wakeup flags */
	if ((error = map_ring(x, &x->rx, &off.rx, XDP_PGOFF_RX_RING, rx,
			      sizeof(struct xdp_desc))) ||
	    (error = map_ring(x, &x->tx, &off.tx, XDP_PGOFF_TX_RING, tx,
			      sizeof(struct xdp_desc))) ||
	    (error = map_ring(x, &x->fill, &off.fr, XDP_UMEM_PGOFF_FILL_RING, rx,
			      sizeof(uint64_t))))
		return error;
	return map_ring(x, &x->completion, &off.cr, XDP_UMEM_PGOFF_COMPLETION_RING, tx,
			sizeof(uint64_t));
}

int xsk_open(struct xsk *x, const struct xsk_conf *conf)
{
	struct xdp_umem_reg reg = {
		.addr = (uintptr_t)conf->umem,
		.len = conf->umem_size,
		.chunk_size = conf->chunk,
	};
	uint32_t tx = ring_entries(conf->tx_slots);
	int sndbuf = 16 << 20;
	int error;

	memset(x, 0, sizeof(*x));
	x->fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (x->fd < 0)
		return -errno;
	if (setsockopt(x->fd, SOL_XDP, XDP_UMEM_REG, &reg, sizeof(reg)) < 0) {
		error = -errno;
		goto fail;
	}
	error = make_rings(x, ring_entries(conf->rx_slots), tx);
	if (error)
		goto fail;
	/*
	 * Copies in flight count against the send buffer: let the ring be the
	 * limit. And let a kick send more than 32 packets where that can be set.
	 */
	setsockopt(x->fd, SOL_SOCKET, SO_SNDBUFFORCE, &sndbuf, sizeof(sndbuf));
	set_size(x, XDP_MAX_TX_SKB_BUDGET, tx);
	return 0;

fail:
	xsk_close(x);
	return error;
}

int xsk_bind(struct xsk *x, const struct xsk_conf *conf, uint16_t bind_flags)
{
	struct sockaddr_xdp addr = {
		.sxdp_family = AF_XDP,
		.sxdp_flags = bind_flags | XDP_USE_NEED_WAKEUP,
		.sxdp_ifindex = conf->ifindex,
		.sxdp_queue_id = conf->queue,
	};
	const struct timespec nap = { 0, BUSY_NAP_NS };

	/* The kernel lets go of a closed socket's queue some time after close() returned.
	 */
	for (int i = 0; i < BUSY_TRIES; i++) {
		if (!bind(x->fd, (struct sockaddr *)&addr, sizeof(addr)))
			return 0;
		if (errno != EBUSY)
			break;
		nanosleep(&nap, NULL);
	}
	return -errno;
}

void xsk_close(struct xsk *x)
{
	struct xsk_ring *const rings[] = { &x->rx, &x->fill, &x->tx, &x->completion };

	for (size_t i = 0; i < sizeof(rings) / sizeof(rings[0]); i++)
		if (rings[i]->map)
			munmap(rings[i]->map, rings[i]->map_size);
	if (x->fd >= 0)
		close(x->fd);
	memset(x, 0, sizeof(*x));
	x->fd = -1;
}

int xsk_statistics(const struct xsk *x, struct xdp_statistics *st)
{
	socklen_t len = sizeof(*st);

	memset(st, 0, sizeof(*st));
	return getsockopt(x->fd, SOL_XDP, XDP_STATISTICS, st, &len) < 0 ? -errno : 0;
}
