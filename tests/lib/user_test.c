/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * netmap_user.h: ring arithmetic, copies, and the nm_open() family. The header calls
 * open(), ioctl() and so on by name, which here are functions of this file over the fake
 * core.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "libnmcore.h"
#include "net/netmap.h"
#include "fake_core.h"

static struct nmcore *cores[1024];
static struct nmreq last_req;
static int mmaps;

static int fake_device_open(const char *path, int flags)
{
	struct nmcore *nm;

	assert_string_equal(path, "/dev/netmap");
	assert_int_equal(flags & O_ACCMODE, O_RDWR);
	nm = nmcore_open();
	if (nm == NULL)
		return -1;
	cores[nmcore_wakefd(nm)] = nm;
	return nmcore_wakefd(nm);
}

static int fake_device_ioctl(int fd, unsigned long request, struct nmreq *req)
{
	struct nmreq_register reg = { 0 };
	struct nmreq_header hdr = { 0 };

	assert_int_equal(request, NIOCREGIF);
	assert_int_equal(req->nr_version, NETMAP_API);
	last_req = *req;
	hdr.nr_reqtype = NETMAP_REQ_REGISTER;
	hdr.nr_body = (uintptr_t)&reg;
	reg.nr_tx_rings = req->nr_tx_rings;
	reg.nr_rx_rings = req->nr_rx_rings;
	reg.nr_mem_id = req->nr_arg2;
	if (nmcore_ioctl(cores[fd], NIOCCTRL, &hdr) < 0)
		return -1;
	req->nr_offset = (uint32_t)reg.nr_offset;
	req->nr_memsize = (uint32_t)reg.nr_memsize;
	req->nr_tx_rings = reg.nr_tx_rings;
	req->nr_rx_rings = reg.nr_rx_rings;
	req->nr_arg2 = reg.nr_mem_id;
	return 0;
}

static void *fake_device_mmap(void *addr, size_t len, int prot, int flags, int fd, off_t ofs)
{
	uint64_t size;
	int memfd = nmcore_memfd(cores[fd], &size);

	if (memfd < 0)
		return MAP_FAILED;
	mmaps++;
	return mmap(addr, len, prot, flags, memfd, ofs);
}

static int fake_device_munmap(void *addr, size_t len)
{
	mmaps--;
	return munmap(addr, len);
}

static int fake_device_close(int fd)
{
	return nmcore_close(cores[fd]);
}

#define open   fake_device_open
#define ioctl  fake_device_ioctl
#define mmap   fake_device_mmap
#define munmap fake_device_munmap
#define close  fake_device_close
#define NETMAP_WITH_LIBS
#include "net/netmap_user.h"
#undef open
#undef ioctl
#undef mmap
#undef munmap
#undef close

static int nothing_left(void **state)
{
	(void)state;
	assert_int_equal(fake_descriptors, 0);
	assert_int_equal(mmaps, 0);
	fake_open_errno = fake_ctrl_errno = fake_memfd_errno = 0;
	return 0;
}

static void ring_arithmetic(void **state)
{
	struct nm_desc *d = nm_open("netmap:e", NULL, 0, NULL);
	struct netmap_ring *ring = NETMAP_TXRING(d->nifp, 0);
	uint32_t head, tail, n, i;

	(void)state;
	/* Every position of head and tail, counted one by one. */
	for (head = 0; head < ring->num_slots; head++) {
		for (tail = 0; tail < ring->num_slots; tail++) {
			ring->head = ring->cur = head;
			ring->tail = tail;
			for (n = 0, i = head; i != tail; i = (i + 1) % ring->num_slots)
				n++;
			assert_int_equal(nm_ring_space(ring), n);
			assert_int_equal(nm_ring_empty(ring), n == 0);
			assert_int_equal(nm_tx_pending(ring), n != ring->num_slots - 1);
		}
		assert_int_equal(nm_ring_next(ring, head), (head + 1) % ring->num_slots);
	}
	for (i = 0; i < 10; i++)
		assert_int_equal(NETMAP_BUF_IDX(ring, NETMAP_BUF(ring, i)), i);
	assert_ptr_equal(NETMAP_BUF(ring, 1), NETMAP_BUF(ring, 0) + ring->nr_buf_size);

	*(uint64_t *)(uintptr_t)&ring->offset_mask = 0xffff;
	ring->slot[0].ptr = 0x1234567800000000;
	NETMAP_WOFFSET(ring, &ring->slot[0], 0x18);
	assert_int_equal(ring->slot[0].ptr, 0x1234567800000018);
	assert_int_equal(NETMAP_ROFFSET(ring, &ring->slot[0]), 0x18);
	assert_ptr_equal(NETMAP_BUF_OFFSET(ring, &ring->slot[0]),
			 NETMAP_BUF(ring, ring->slot[0].buf_idx) + 0x18);
	nm_close(d);
}

/* Every length; not a byte outside is written, nor (the sanitizer says) read. */
static void copies(void **state)
{
	int len, i;

	(void)state;
	for (len = 0; len <= 2100; len++) {
		unsigned char *src = malloc(len ? len : 1), *dst = malloc(len + 2);

		for (i = 0; i < len; i++)
			src[i] = (unsigned char)(i * 31 + len);
		memset(dst, 0xee, len + 2);
		nm_pkt_copy(src, dst + 1, len);
		assert_memory_equal(dst + 1, src, len);
		assert_int_equal(dst[0], 0xee);
		assert_int_equal(dst[len + 1], 0xee);
		free(src);
		free(dst);
	}
}

static void open_close(void **state)
{
	struct nmreq req = { .nr_tx_rings = 2, .nr_rx_rings = 3, .nr_arg3 = 9, .nr_flags = 0x8000 };
	struct nm_desc *d = nm_open("netmap:eth0*@5", &req, NETMAP_NO_TX_POLL, NULL), *e, bogus;

	(void)state;
	assert_true(IS_NETMAP_DESC(d));
	assert_false(IS_NETMAP_DESC((struct nm_desc *)NULL));
	assert_ptr_equal(P2NMD((void *)d), d);
	assert_int_equal(NETMAP_FD(d), d->fd);
	assert_string_equal(last_req.nr_name, "eth0");
	assert_int_equal(last_req.nr_arg2, 5);
	assert_int_equal(last_req.nr_arg3, 9);
	assert_int_equal(last_req.nr_flags, NR_REG_NIC_SW | NR_ACCEPT_VNET_HDR);
	assert_int_equal(last_req.nr_ringid, NETMAP_NO_TX_POLL);
	assert_int_equal(d->first_tx_ring, 0);
	assert_int_equal(d->last_tx_ring, 2);
	assert_int_equal(d->last_rx_ring, 3);
	assert_true(d->done_mmap);
	assert_ptr_equal(d->buf_start, NETMAP_BUF(d->some_ring, 0));
	assert_ptr_equal(d->buf_end, (char *)d->mem + d->memsize);

	/* A second one in the same region shares the mapping; closing it leaves that
	 * alone. */
	e = nm_open("netmap:eth1-1@5", &req, NM_OPEN_NO_MMAP, d);
	assert_ptr_equal(e->mem, d->mem);
	assert_false(e->done_mmap);
	assert_int_equal(e->first_tx_ring, 1);
	assert_int_equal(e->last_rx_ring, 1);
	assert_int_equal(nm_close(e), 0);
	d->some_ring->flags = 1;

	/* Another region: its own mapping, parent or not. */
	e = nm_open("netmap:eth1@6", NULL, 0, d);
	assert_ptr_not_equal(e->mem, d->mem);
	assert_int_equal(mmaps, 2);
	nm_close(e);

	/* Nothing mapped, and everything taken from the other. */
	d->req.nr_arg1 = 4;
	e = nm_open(NULL, NULL,
		    NM_OPEN_IFNAME | NM_OPEN_ARG1 | NM_OPEN_ARG2 | NM_OPEN_ARG3 | NM_OPEN_RING_CFG |
			    NETMAP_DO_RX_POLL,
		    d);
	assert_string_equal(last_req.nr_name, "eth0");
	assert_int_equal(last_req.nr_arg1, 4);
	assert_int_equal(last_req.nr_arg2, 5);
	assert_int_equal(last_req.nr_arg3, 9);
	assert_int_equal(last_req.nr_tx_rings, 2);
	assert_int_equal(last_req.nr_ringid, NETMAP_DO_RX_POLL);
	nm_close(e);
	e = nm_open("netmap:e^", &req, NM_OPEN_NO_MMAP, NULL);
	assert_null(e->mem);
	assert_int_equal(e->first_tx_ring, 2);
	assert_int_equal(e->last_tx_ring, 2);
	nm_close(e);
	nm_close(d);
	memset(&bogus, 0, sizeof(bogus));
	assert_int_equal(nm_close(&bogus), EINVAL);
	assert_int_equal(nm_close(NULL), EINVAL);
}

static void one_way(void **state)
{
	struct nm_desc *d = nm_open("netmap:e/R", NULL, 0, NULL);
	struct nm_pkthdr h;

	(void)state;
	assert_true(d->first_tx_ring > d->last_tx_ring);
	assert_int_equal(nm_inject(d, "x", 1), 0);
	nm_close(d);
	d = nm_open("netmap:e/T", NULL, 0, NULL);
	assert_null(nm_nextpkt(d, &h));
	assert_int_equal(nm_dispatch(d, -1, NULL, NULL), 0);
	nm_close(d);
}

static void failures(void **state)
{
	(void)state;
	assert_null(nm_open("eth0", NULL, 0, NULL));
	assert_int_equal(errno, EINVAL);
	fake_open_errno = ENOENT;
	assert_null(nm_open("netmap:e", NULL, 0, NULL));
	assert_int_equal(errno, ENOENT);
	fake_open_errno = 0;
	fake_ctrl_errno = EBUSY;
	assert_null(nm_open("netmap:e", NULL, 0, NULL));
	assert_int_equal(errno, EBUSY);
	fake_ctrl_errno = 0;
	fake_memfd_errno = ENOMEM;
	assert_null(nm_open("netmap:e", NULL, 0, NULL));
	assert_int_equal(errno, ENOMEM);
}

/* What a ring has got: `n` packets of the lengths 100, 101, ... from slot `at` on. */
static void receive(struct netmap_ring *ring, uint32_t at, uint32_t n)
{
	uint32_t i = at;

	ring->head = ring->cur = at;
	for (; n > 0; n--, i = nm_ring_next(ring, i)) {
		ring->slot[i].len = (uint16_t)(100 + (i - at + ring->num_slots) % ring->num_slots);
		ring->slot[i].flags = 0;
		memset(NETMAP_BUF(ring, ring->slot[i].buf_idx), (int)i, 200);
	}
	ring->tail = i;
}

static void nextpkt(void **state)
{
	struct nmreq req = { .nr_rx_rings = 2 };
	struct nm_desc *d = nm_open("netmap:e", &req, 0, NULL);
	struct netmap_ring *r0 = NETMAP_RXRING(d->nifp, 0), *r1 = NETMAP_RXRING(d->nifp, 1);
	struct nm_pkthdr h;
	unsigned char *p;

	(void)state;
	assert_null(nm_nextpkt(d, &h));
	receive(r0, 6, 3); /* wraps */
	receive(r1, 0, 1);
	r0->ts.tv_sec = 77;
	p = nm_nextpkt(d, &h);
	assert_ptr_equal(p, NETMAP_BUF(r0, r0->slot[6].buf_idx));
	assert_int_equal(p[0], 6);
	assert_int_equal(h.len, 100);
	assert_int_equal(h.caplen, 100);
	assert_int_equal(h.ts.tv_sec, 77);
	assert_ptr_equal(h.slot, &r0->slot[6]);
	assert_ptr_equal(h.buf, p);
	assert_int_equal(r0->head, 7);
	assert_non_null(nm_nextpkt(d, &h));
	assert_non_null(nm_nextpkt(d, &h));
	assert_int_equal(h.len, 102);
	assert_int_equal(r0->head, 1);
	assert_non_null(nm_nextpkt(d, &h));
	assert_ptr_equal(h.slot, &r1->slot[0]);
	assert_int_equal(d->cur_rx_ring, 1);
	assert_null(nm_nextpkt(d, &h));

	/* Fragments: the first part, the length of all; nothing until the last is there.
	 */
	receive(r0, 1, 3);
	r0->slot[1].flags = r0->slot[2].flags = NS_MOREFRAG;
	r0->tail = 3;
	assert_null(nm_nextpkt(d, &h));
	assert_int_equal(r0->head, 1);
	r0->tail = 4;
	assert_non_null(nm_nextpkt(d, &h));
	assert_int_equal(h.caplen, 100);
	assert_int_equal(h.len, 100 + 101 + 102);
	assert_int_equal(r0->head, 4);
	nm_close(d);
}

struct seen {
	int n, more;
	uint32_t bytes;
	struct netmap_ring *ring;
	uint32_t head_at_first;
};

static void callback(unsigned char *arg, const struct nm_pkthdr *h, const unsigned char *buf)
{
	struct seen *s = (struct seen *)arg;

	if (s->n++ == 0 && s->ring)
		s->head_at_first = s->ring->head;
	s->more += (h->flags & NM_MORE_PKTS) != 0;
	s->bytes += h->len;
	assert_ptr_equal(buf, h->buf);
	assert_true(IS_NETMAP_DESC(h->d));
}

static void dispatch(void **state)
{
	struct nmreq req = { .nr_rx_rings = 3 };
	struct nm_desc *d = nm_open("netmap:e", &req, 0, NULL);
	struct netmap_ring *r0 = NETMAP_RXRING(d->nifp, 0), *r2 = NETMAP_RXRING(d->nifp, 2);
	struct seen s = { .ring = r0 };

	(void)state;
	receive(r0, 5, 5);
	receive(r2, 1, 2);
	assert_int_equal(nm_dispatch(d, 0, callback, (unsigned char *)&s), 7);
	assert_int_equal(s.n, 7);
	assert_int_equal(s.more, 6); /* all but the last */
	assert_int_equal(s.bytes, 100 + 101 + 102 + 103 + 104 + 100 + 101);
	assert_int_equal(s.head_at_first, 5); /* ours while the callback runs */
	assert_true(nm_ring_empty(r0) && nm_ring_empty(r2));
	assert_int_equal(nm_dispatch(d, -1, callback, (unsigned char *)&s), 0);

	receive(r0, 0, 5);
	memset(&s, 0, sizeof(s));
	assert_int_equal(nm_dispatch(d, 2, callback, (unsigned char *)&s), 2);
	assert_int_equal(s.more, 1);
	assert_int_equal(r0->head, 2);
	assert_int_equal(nm_dispatch(d, -1, callback, (unsigned char *)&s), 3);
	assert_int_equal(d->cur_rx_ring >= d->first_rx_ring && d->cur_rx_ring <= d->last_rx_ring,
			 1);
	nm_close(d);
}

static void inject(void **state)
{
	struct nmreq req = { .nr_tx_rings = 2 };
	struct nm_desc *d = nm_open("netmap:e", &req, 0, NULL);
	struct netmap_ring *r0 = NETMAP_TXRING(d->nifp, 0), *r1 = NETMAP_TXRING(d->nifp, 1);
	static char data[16384];
	int i;

	(void)state;
	for (i = 0; i < (int)sizeof(data); i++)
		data[i] = (char)(i * 3);
	assert_int_equal(nm_inject(d, data, 0), 0);
	assert_int_equal(nm_inject(d, data, 100), 100);
	assert_int_equal(r0->head, 1);
	assert_memory_equal(NETMAP_BUF(r0, r0->slot[0].buf_idx), data, 100);
	assert_int_equal(nm_inject(d, data, 7 * 2048), 7 * 2048); /* the other ring, all of it */
	assert_int_equal(r1->head, 7);
	assert_int_equal(r1->slot[5].flags, NS_MOREFRAG);
	assert_int_equal(r1->slot[6].flags, 0);
	assert_memory_equal(NETMAP_BUF(r1, r1->slot[6].buf_idx), data + 6 * 2048, 2048);
	for (i = 0; i < 6; i++)
		assert_int_equal(nm_inject(d, data, 1), 1);
	assert_int_equal(nm_inject(d, data, 1), 0);
	nm_close(d);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_teardown(f, nothing_left)
	const struct CMUnitTest tests[] = {
		TEST(ring_arithmetic), TEST(copies),  TEST(open_close), TEST(one_way),
		TEST(failures),	       TEST(nextpkt), TEST(dispatch),	TEST(inject),
	};

	return cmocka_run_group_tests_name("user", tests, NULL, NULL);
}
