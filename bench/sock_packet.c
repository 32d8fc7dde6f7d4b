// SPDX-License-Identifier: BSD-2-Clause
/*
 * AF_PACKET as good programs use it: what netmap is measured against.
 *
 *   sock-packet tx IFNAME       sendmmsg(), without queueing discipline
 *   sock-packet rx IFNAME       recvmmsg()
 *   sock-packet ring-tx IFNAME  a mapped ring, TPACKET_V2
 *   sock-packet ring-rx IFNAME  a mapped ring of blocks, TPACKET_V3
 */
#include "sock.h"

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#define BLOCK  (1u << 18)
#define BLOCKS 64
#define FRAME  2048

static int open_socket(const char *ifname, bool receive)
{
	struct sockaddr_ll addr = {
		.sll_family = AF_PACKET,
		.sll_protocol = receive ? htons(ETH_P_ALL) : 0,
		.sll_ifindex = if_nametoindex(ifname),
	};
	int fd = socket(AF_PACKET, SOCK_RAW, 0), one = 1, size = 8 << 20;
	struct timeval tick = { .tv_usec = 100000 };

	if (fd < 0)
		err(1, "AF_PACKET socket");
	if (!addr.sll_ifindex)
		err(1, "%s", ifname);
	if (receive) {
		setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one));
		setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tick, sizeof(tick));
	} else {
		setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one));
	}
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		err(1, "%s", ifname);
	return fd;
}

/* ---- sendmmsg, recvmmsg ---- */

struct batch {
	struct mmsghdr *msg;
	struct iovec *iov;
	unsigned char *mem;
};

static void batch_init(struct batch *b, unsigned n, unsigned len)
{
	b->msg = calloc(n, sizeof(*b->msg));
	b->iov = calloc(n, sizeof(*b->iov));
	b->mem = calloc(n, FRAME);
	if (!b->msg || !b->iov || !b->mem)
		err(1, "memory");
	for (unsigned i = 0; i < n; i++) {
		b->iov[i].iov_base = b->mem + (size_t)i * FRAME;
		b->iov[i].iov_len = len;
		b->msg[i].msg_hdr.msg_iov = &b->iov[i];
		b->msg[i].msg_hdr.msg_iovlen = 1;
	}
}

static void run_tx(struct sock_run *r)
{
	int fd = open_socket(r->ifname, false), n;
	struct batch b;

	batch_init(&b, r->batch, r->len);
	sock_begin(r);
	while (!sock_over(r)) {
		uint64_t left = r->limit ? r->limit - r->packets : r->batch;
		unsigned k = left < r->batch ? left : r->batch;

		/* a program that sends, writes its packets: so do we */
		for (unsigned i = 0; i < k; i++)
			sock_frame(r, b.iov[i].iov_base);
		n = sendmmsg(fd, b.msg, k, 0);
		if (n < 0 && errno != ENOBUFS && errno != EAGAIN && errno != EINTR)
			err(1, "sendmmsg");
		sock_count(r, n > 0 ? n : 0);
	}
}

static void run_rx(struct sock_run *r)
{
	int fd = open_socket(r->ifname, true), n;
	struct batch b;

	batch_init(&b, r->batch, FRAME);
	while (!sock_over(r)) {
		n = recvmmsg(fd, b.msg, r->batch, MSG_WAITFORONE, NULL);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			err(1, "recvmmsg");
		for (int i = 0; i < n; i++)
			r->sum += *(uint32_t *)b.iov[i].iov_base;
		sock_count(r, n > 0 ? n : 0);
	}
}

/* ---- rings ---- */

static char *map_ring(int fd, size_t size)
{
	char *ring = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);

	if (ring == MAP_FAILED)
		err(1, "ring");
	return ring;
}

static void run_ring_tx(struct sock_run *r)
{
	const unsigned frames = 4096, data = TPACKET2_HDRLEN - sizeof(struct sockaddr_ll);
	struct tpacket_req req = {
		.tp_block_size = BLOCK,
		.tp_block_nr = frames / (BLOCK / FRAME),
		.tp_frame_size = FRAME,
		.tp_frame_nr = frames,
	};
	int fd = open_socket(r->ifname, false), version = TPACKET_V2;
	unsigned next = 0, k;
	char *ring;

	if (setsockopt(fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)) < 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_TX_RING, &req, sizeof(req)) < 0)
		err(1, "PACKET_TX_RING");
	ring = map_ring(fd, (size_t)frames * FRAME);
	sock_begin(r);
	while (!sock_over(r)) {
		uint64_t left = r->limit ? r->limit - r->packets : r->batch;

		for (k = 0; k < r->batch && k < left; k++) {
			struct tpacket2_hdr *h = (void *)(ring + (size_t)next * FRAME);

			if (__atomic_load_n(&h->tp_status, __ATOMIC_ACQUIRE) != TP_STATUS_AVAILABLE)
				break;
			sock_frame(r, (unsigned char *)h + data);
			h->tp_len = r->len;
			__atomic_store_n(&h->tp_status, TP_STATUS_SEND_REQUEST, __ATOMIC_RELEASE);
			next = (next + 1) % frames;
		}
		if (send(fd, NULL, 0, 0) < 0 && errno != ENOBUFS && errno != EAGAIN &&
		    errno != EINTR)
			err(1, "send");
		sock_count(r, k);
	}
}

/* Looks at all packets of a block. */
static unsigned read_block(struct sock_run *r, const struct tpacket_block_desc *block)
{
	const char *p = (const char *)block + block->hdr.bh1.offset_to_first_pkt;
	unsigned n = block->hdr.bh1.num_pkts;

	for (unsigned i = 0; i < n; i++) {
		const struct tpacket3_hdr *h = (const void *)p;

		r->sum += *(const uint32_t *)(p + h->tp_mac);
		p += h->tp_next_offset;
	}
	return n;
}

static void run_ring_rx(struct sock_run *r)
{
	struct tpacket_req3 req = {
		.tp_block_size = BLOCK,
		.tp_block_nr = BLOCKS,
		.tp_frame_size = FRAME,
		.tp_frame_nr = BLOCKS * (BLOCK / FRAME),
		.tp_retire_blk_tov = 1,
	};
	int fd = open_socket(r->ifname, true), version = TPACKET_V3;
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	unsigned next = 0;
	char *ring;

	if (setsockopt(fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)) < 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &req, sizeof(req)) < 0)
		err(1, "PACKET_RX_RING");
	ring = map_ring(fd, (size_t)BLOCK * BLOCKS);
	while (!sock_over(r)) {
		struct tpacket_block_desc *b = (void *)(ring + (size_t)next * BLOCK);

		if (!(__atomic_load_n(&b->hdr.bh1.block_status, __ATOMIC_ACQUIRE) &
		      TP_STATUS_USER)) {
			poll(&pfd, 1, 100);
			continue;
		}
		sock_count(r, read_block(r, b));
		__atomic_store_n(&b->hdr.bh1.block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
		next = (next + 1) % BLOCKS;
	}
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(struct sock_run *r);
	} modes[] = {
		{ "tx", run_tx },
		{ "rx", run_rx },
		{ "ring-tx", run_ring_tx },
		{ "ring-rx", run_ring_rx },
	};
	struct sock_run r = { 0 };

	sock_options(&r, argc, argv, "tx|rx|ring-tx|ring-rx");
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (strcmp(r.what, modes[i].name))
			continue;
		modes[i].run(&r);
		sock_report(&r);
		return 0;
	}
	errx(2, "%s: must be tx, rx, ring-tx or ring-rx", r.what);
}
