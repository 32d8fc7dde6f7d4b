/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fakeport.h"

static void init_ring(struct netmap_ring *r, char *bufs, unsigned slots, unsigned buf_size,
		      unsigned id, unsigned dir, uint32_t *next_buf)
{
	struct netmap_ring head = {
		.buf_ofs = bufs - (char *)r,
		.num_slots = slots,
		.nr_buf_size = buf_size,
		.ringid = (uint16_t)id,
		.dir = (uint16_t)dir,
		.tail = dir ? 0 : slots - 1,
	};

	memcpy((void *)r, &head, sizeof(head));
	for (unsigned i = 0; i < slots; i++)
		r->slot[i].buf_idx = (*next_buf)++;
}

void fakeport_open(struct fakeport *p, unsigned rings, unsigned slots, unsigned buf_size)
{
	size_t if_size =
		(sizeof(struct netmap_if) + (2 * rings + 2) * sizeof(ssize_t) + 255) & ~255UL;
	size_t ring_size =
		(sizeof(struct netmap_ring) + slots * sizeof(struct netmap_slot) + 255) & ~255UL;
	size_t buf_count = 2 + 2UL * rings * slots, size;
	struct netmap_if nifp = {
		.ni_version = NETMAP_API,
		.ni_tx_rings = rings,
		.ni_rx_rings = rings,
	};
	uint32_t next_buf = 2; /* 0 and 1 are reserved */
	ssize_t ofs;

	memset(p, 0, sizeof(*p));
	size = if_size + 2 * rings * ring_size + buf_count * buf_size;
	size = (size + 255) & ~255UL;
	p->region = aligned_alloc(256, size);
	if (!p->region)
		abort();
	memset(p->region, 0, size);
	memcpy(p->region, &nifp, sizeof(nifp));
	for (unsigned i = 0; i < 2 * rings; i++) {
		ofs = (ssize_t)(if_size + i * ring_size);
		memcpy((char *)p->region + sizeof(nifp) + i * sizeof(ofs), &ofs, sizeof(ofs));
		init_ring((struct netmap_ring *)((char *)p->region + ofs),
			  (char *)p->region + if_size + 2 * rings * ring_size, slots, buf_size,
			  i % rings, i >= rings, &next_buf);
	}
	p->d.fd = -1;
	p->d.nifp = p->region;
	p->d.last_tx_ring = p->d.last_rx_ring = (uint16_t)(rings - 1);
	snprintf(p->d.hdr.nr_name, sizeof(p->d.hdr.nr_name), "fake");
}

void fakeport_close(struct fakeport *p)
{
	free(p->region);
}

struct netmap_ring *fakeport_tx(struct fakeport *p, unsigned ring)
{
	return NETMAP_TXRING(p->d.nifp, ring);
}

struct netmap_ring *fakeport_rx(struct fakeport *p, unsigned ring)
{
	return NETMAP_RXRING(p->d.nifp, ring);
}

unsigned fakeport_consume(struct netmap_ring *r)
{
	uint32_t tail = r->head ? r->head - 1 : r->num_slots - 1;
	uint32_t from = nm_ring_next(r, r->tail);
	unsigned n = r->head - from + (r->head < from ? r->num_slots : 0);

	r->tail = tail;
	return n;
}

int fakeport_deliver(struct netmap_ring *r, const void *data, unsigned len, unsigned flags)
{
	struct netmap_slot *slot = &r->slot[r->tail];

	if (nm_ring_next(r, r->tail) == r->head)
		return 0;
	memcpy(NETMAP_BUF(r, slot->buf_idx), data, len);
	slot->len = (uint16_t)len;
	slot->flags = (uint16_t)flags;
	r->tail = nm_ring_next(r, r->tail);
	return 1;
}
