/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "libnmcore.h"
#include "net/netmap_user.h"
#include "fake_core.h"

#define SLOTS	 8
#define BUF_SIZE 2048
#define MAX_FDS	 1100

struct nmcore {
	int wakefd, memfd;
	uint64_t size;
};

int fake_open_errno, fake_ctrl_errno, fake_memfd_errno, fake_descriptors, fake_syncs;
int fake_ready, fake_polls, fake_arms, fake_info_gets;
int fake_wait_result, fake_wait_errno, fake_wait_events, fake_wait_ms;
uint32_t fake_bad_option;
unsigned long fake_last_request;
uint64_t fake_extra_memory;
static struct nmcore *all[MAX_FDS];
static pthread_mutex_t all_lock = PTHREAD_MUTEX_INITIALIZER;

struct nmcore *nmcore_open(void)
{
	struct nmcore *nm;
	int i;

	if (fake_open_errno) {
		errno = fake_open_errno;
		return NULL;
	}
	nm = calloc(1, sizeof(*nm));
	nm->wakefd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	nm->memfd = -1;
	pthread_mutex_lock(&all_lock);
	for (i = 0; all[i]; i++)
		;
	all[i] = nm;
	fake_descriptors++;
	pthread_mutex_unlock(&all_lock);
	return nm;
}

int nmcore_close(struct nmcore *nm)
{
	int i;

	pthread_mutex_lock(&all_lock);
	for (i = 0; all[i] != nm; i++)
		;
	all[i] = NULL;
	fake_descriptors--;
	pthread_mutex_unlock(&all_lock);
	close(nm->wakefd);
	if (nm->memfd >= 0)
		close(nm->memfd);
	free(nm);
	return 0;
}

/* Rings of one direction and kind, at *ofs from nifp. */
static void make_rings(struct netmap_if *nifp, uint32_t n, int dir, int64_t *ofs, uint32_t *i,
		       int64_t buf_ofs, uint32_t *buf)
{
	uint32_t r, s;

	for (r = 0; r < n; r++) {
		struct netmap_ring *ring = (struct netmap_ring *)((char *)nifp + *ofs);

		*(ssize_t *)(uintptr_t)&nifp->ring_ofs[(*i)++] = *ofs;
		*(int64_t *)(uintptr_t)&ring->buf_ofs = buf_ofs - *ofs;
		*(uint32_t *)(uintptr_t)&ring->num_slots = SLOTS;
		*(uint32_t *)(uintptr_t)&ring->nr_buf_size = BUF_SIZE;
		*(uint16_t *)(uintptr_t)&ring->ringid = (uint16_t)r;
		*(uint16_t *)(uintptr_t)&ring->dir = (uint16_t)dir;
		ring->tail = dir ? 0 : SLOTS - 1;
		for (s = 0; s < SLOTS; s++)
			ring->slot[s].buf_idx = (*buf)++;
		*ofs += sizeof(*ring) + SLOTS * sizeof(struct netmap_slot);
	}
}

static int fill_region(struct nmcore *nm, struct nmreq_register *reg)
{
	uint32_t rings = (uint32_t)reg->nr_tx_rings + reg->nr_rx_rings + reg->nr_host_tx_rings +
			 reg->nr_host_rx_rings;
	int64_t ofs = 4096, buf_ofs = 4096 + (int64_t)rings * 512;
	uint32_t buf = 2, i = 0;
	struct netmap_if *nifp;
	char *mem;

	nm->size = (uint64_t)buf_ofs + 64 + (rings * SLOTS + 2ull) * BUF_SIZE + fake_extra_memory;
	nm->memfd = memfd_create("fake", MFD_CLOEXEC);
	if (ftruncate(nm->memfd, (off_t)nm->size) < 0)
		return -1;
	mem = mmap(NULL, nm->size, PROT_READ | PROT_WRITE, MAP_SHARED, nm->memfd, 0);
	nifp = (struct netmap_if *)(mem + 64);
	*(uint32_t *)(uintptr_t)&nifp->ni_tx_rings = reg->nr_tx_rings;
	*(uint32_t *)(uintptr_t)&nifp->ni_rx_rings = reg->nr_rx_rings;
	*(uint32_t *)(uintptr_t)&nifp->ni_host_tx_rings = reg->nr_host_tx_rings;
	*(uint32_t *)(uintptr_t)&nifp->ni_host_rx_rings = reg->nr_host_rx_rings;
	/* ring_ofs of a whole 4096 is a multiple of the ring's alignment from nifp at 64
	 * + 64 */
	ofs += 64;
	make_rings(nifp, (uint32_t)reg->nr_tx_rings + reg->nr_host_tx_rings, 0, &ofs, &i, buf_ofs,
		   &buf);
	make_rings(nifp, (uint32_t)reg->nr_rx_rings + reg->nr_host_rx_rings, 1, &ofs, &i, buf_ofs,
		   &buf);
	munmap(mem, nm->size);
	return 0;
}

static int do_register(struct nmcore *nm, struct nmreq_header *hdr)
{
	struct nmreq_register *reg = (struct nmreq_register *)(uintptr_t)hdr->nr_body;

	if (reg->nr_tx_rings == 0)
		reg->nr_tx_rings = 1;
	if (reg->nr_rx_rings == 0)
		reg->nr_rx_rings = 1;
	if (reg->nr_host_tx_rings == 0)
		reg->nr_host_tx_rings = 1;
	if (reg->nr_host_rx_rings == 0)
		reg->nr_host_rx_rings = 1;
	if (reg->nr_mem_id == 0)
		reg->nr_mem_id = 1;
	if (fill_region(nm, reg) < 0)
		return -1;
	reg->nr_offset = 64;
	reg->nr_memsize = nm->size;
	reg->nr_tx_slots = reg->nr_rx_slots = SLOTS;
	return 0;
}

static int do_ctrl(struct nmcore *nm, struct nmreq_header *hdr)
{
	struct nmreq_option *o = (struct nmreq_option *)(uintptr_t)hdr->nr_options;

	for (; o; o = (struct nmreq_option *)(uintptr_t)o->nro_next) {
		if (o->nro_reqtype == fake_bad_option) {
			o->nro_status = EOPNOTSUPP;
			errno = EOPNOTSUPP;
			return -1;
		}
	}
	if (fake_ctrl_errno) {
		/* A host may have written to the body before it failed. */
		if (hdr->nr_reqtype == NETMAP_REQ_REGISTER)
			((struct nmreq_register *)(uintptr_t)hdr->nr_body)->nr_memsize = 1;
		errno = fake_ctrl_errno;
		return -1;
	}
	if (hdr->nr_reqtype == NETMAP_REQ_PORT_INFO_GET) {
		fake_info_gets++;
		((struct nmreq_port_info_get *)(uintptr_t)hdr->nr_body)->nr_mem_id = FAKE_MEM_ID;
		return 0;
	}
	return do_register(nm, hdr);
}

int nmcore_ioctl(struct nmcore *nm, unsigned long request, void *arg)
{
	__atomic_store_n(&fake_last_request, request, __ATOMIC_RELAXED);
	if (request == NIOCCTRL)
		return do_ctrl(nm, arg);
	__atomic_fetch_add(&fake_syncs, 1, __ATOMIC_RELAXED);
	return 0;
}

int nmcore_memfd(struct nmcore *nm, uint64_t *size)
{
	if (fake_memfd_errno) {
		errno = fake_memfd_errno;
		return -1;
	}
	*size = nm->size;
	return nm->memfd;
}

int nmcore_poll(struct nmcore *nm, int events, int arm)
{
	uint64_t n;
	ssize_t ignored = read(nm->wakefd, &n, sizeof(n));

	(void)ignored;
	__atomic_fetch_add(&fake_polls, 1, __ATOMIC_SEQ_CST);
	if (arm)
		__atomic_fetch_add(&fake_arms, 1, __ATOMIC_SEQ_CST);
	return __atomic_load_n(&fake_ready, __ATOMIC_SEQ_CST) & (events | POLLERR);
}

int nmcore_wait(struct nmcore *nm, int events, int timeout_ms)
{
	(void)nm;
	fake_wait_events = events;
	fake_wait_ms = timeout_ms;
	errno = fake_wait_errno;
	return fake_wait_result;
}

int nmcore_wakefd(struct nmcore *nm)
{
	return nm->wakefd;
}

const char *nmcore_error(struct nmcore *nm)
{
	(void)nm;
	return fake_ctrl_errno == EBUSY ? "the port is taken, close the other one" : "";
}

void fake_wake(void)
{
	uint64_t one = 1;
	int i;

	pthread_mutex_lock(&all_lock);
	for (i = 0; i < MAX_FDS; i++) {
		if (all[i] && write(all[i]->wakefd, &one, sizeof(one)) < 0)
			abort();
	}
	pthread_mutex_unlock(&all_lock);
}
