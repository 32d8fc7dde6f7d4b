// SPDX-License-Identifier: BSD-2-Clause
/*
 * What clients write to their memory, between syncs: any word of any ring, slot and buffer.
 * Ports of every kind, small, and a pair on a switch of its own that must not notice.
 */
#include "fakenic.h"
#include "fuzz.h"

#include <libnmcore.h>
#include <net/netmap.h>
#include <net/netmap_user.h>
#include <poll.h>
#include <sys/mman.h>

#define PORTS 9
#define WILD  7 /* of these, the others must not notice */
#define SLOTS 8
#define OPS   200

struct client {
	struct nmcore *nm;
	char *mem;
	uint64_t size;
	uint32_t nrings;
	struct netmap_ring *ring[8];
};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	must(!nmcore_set("memory", 8 << 20));
	must(!nmcore_set("nic-bufs", 1024));
	nmcore_set("verbose", 0);
	return 0;
}

static void client_open(struct client *c, const char *name, uint32_t rings)
{
	struct nmreq_register reg = { .nr_mode = strncmp(name, "fake", 4) ? NR_REG_ALL_NIC :
									    NR_REG_NIC_SW,
				      .nr_tx_rings = rings,
				      .nr_rx_rings = rings,
				      .nr_tx_slots = SLOTS,
				      .nr_rx_slots = SLOTS,
				      .nr_extra_bufs = 2 };
	struct nmreq_header hdr = { .nr_version = NETMAP_API,
				    .nr_reqtype = NETMAP_REQ_REGISTER,
				    .nr_body = (uintptr_t)&reg };
	struct netmap_if *nifp;
	uint32_t i;

	c->nm = nmcore_open();
	must(c->nm);
	snprintf(hdr.nr_name, sizeof(hdr.nr_name), "%s", name);
	must(!nmcore_ioctl(c->nm, NIOCCTRL, &hdr));
	c->mem = mmap(NULL, reg.nr_memsize, PROT_READ | PROT_WRITE, MAP_SHARED,
		      nmcore_memfd(c->nm, &c->size), 0);
	must(c->mem != MAP_FAILED);
	nifp = NETMAP_IF(c->mem, reg.nr_offset);
	for (i = 0; i < (uint32_t)reg.nr_tx_rings + reg.nr_host_tx_rings; i++)
		c->ring[c->nrings++] = NETMAP_TXRING(nifp, i);
	for (i = 0; i < (uint32_t)reg.nr_rx_rings + reg.nr_host_rx_rings; i++)
		c->ring[c->nrings++] = NETMAP_RXRING(nifp, i);
}

static void client_close(struct client *c)
{
	munmap(c->mem, c->size);
	must(!nmcore_close(c->nm));
}

static void attach(const char *name, uint16_t type)
{
	struct nmreq_vale_attach att = { .reg.nr_mode = NR_REG_ALL_NIC };
	struct nmreq_header hdr = { .nr_version = NETMAP_API,
				    .nr_reqtype = type,
				    .nr_body = (uintptr_t)&att };
	struct nmcore *nm = nmcore_open();

	snprintf(hdr.nr_name, sizeof(hdr.nr_name), "%s", name);
	must(nm && !nmcore_ioctl(nm, NIOCCTRL, &hdr));
	nmcore_close(nm);
}

static uint32_t number(struct input *in)
{
	static const uint32_t odd[] = { 0,	   1,	       SLOTS - 1,  SLOTS,
					SLOTS + 1, 0x7fffffff, 0x80000000, 0xffffffff };
	uint8_t how = take(in, 1);

	return how < 8 ? odd[how] : how < 128 ? how % SLOTS : take(in, 4);
}

static void scribble(struct client *c, struct input *in)
{
	struct netmap_ring *r = c->ring[take(in, 1) % c->nrings];
	struct netmap_slot *slot = &r->slot[take(in, 1) % SLOTS];
	uint8_t what = take(in, 1);

	switch (what % 14) {
	case 0:
		r->head = number(in);
		break;
	case 1:
		r->cur = number(in);
		break;
	case 2:
		r->head = r->cur = r->tail < SLOTS ? r->tail : 0;
		break;
	case 3:
		r->head = r->cur = (r->head + 1) % SLOTS;
		break;
	case 4:
		r->tail = number(in);
		break;
	case 5:
		slot->buf_idx = number(in);
		break;
	case 6:
		slot->len = number(in);
		break;
	case 7:
		slot->flags = number(in);
		break;
	case 8:
		slot->flags = NS_MOREFRAG;
		break;
	case 9:
		slot->ptr = what & 128 ? (uintptr_t)r : number(in);
		break;
	case 10:
		r->flags = number(in);
		break;
	case 11:
		*(uint32_t *)&r->num_slots = number(in);
		break;
	case 12:
		take_bytes(in, c->mem + (take(in, 2) << 4) % 65536, 16);
		break;
	case 13: /* a frame as it should be */
		if (slot->buf_idx >= 2 && slot->buf_idx < 1000) {
			char *buf = (char *)r + *(int64_t *)&r->buf_ofs + slot->buf_idx * 2112ull;

			if (buf >= c->mem && buf + 64 <= c->mem + (4 << 20))
				take_bytes(in, buf, 16);
		}
		slot->len = 14 + what;
		slot->flags = 0;
		break;
	}
}

/* The pair that must not notice. */
static void pair_works(struct client *a, struct client *b)
{
	struct netmap_ring *tx = a->ring[0], *rx = b->ring[1];
	struct netmap_slot *slot = &tx->slot[tx->head];
	static uint8_t n;

	memset(NETMAP_BUF(tx, slot->buf_idx), 0xff, 6);
	memset(NETMAP_BUF(tx, slot->buf_idx) + 6, 2, 8);
	memset(NETMAP_BUF(tx, slot->buf_idx) + 14, ++n, 46);
	slot->len = 60;
	slot->flags = 0;
	tx->head = tx->cur = nm_ring_next(tx, tx->head);
	must(!nmcore_ioctl(a->nm, NIOCTXSYNC, NULL));
	must(!nmcore_ioctl(b->nm, NIOCRXSYNC, NULL));
	must(nm_ring_space(rx) == 1);
	slot = &rx->slot[rx->head];
	must(slot->len == 60 && (uint8_t)NETMAP_BUF(rx, slot->buf_idx)[59] == n);
	rx->head = rx->cur = rx->tail;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct {
		const char *name;
		uint32_t rings;
	} kind[PORTS] = {
		{ "vale0:a", 1 }, { "vale0:b", 2 }, { "p{1", 1 },    { "p}1", 1 },    { "null", 1 },
		{ "vale0:c", 1 }, { "fake1", 1 },   { "good:a", 1 }, { "good:b", 1 },
	};
	struct client c[PORTS];
	struct input in = { data, size };
	int i;

	memset(c, 0, sizeof(c));
	for (i = 0; i < PORTS; i++) {
		char name[16];

		snprintf(name, sizeof(name), "%s%s", i >= WILD ? "vale" : "", kind[i].name);
		client_open(&c[i], name, kind[i].rings);
	}
	attach("vale0:fake0", NETMAP_REQ_VALE_ATTACH);
	for (i = 0; i < OPS && in.left; i++) {
		uint8_t op = take(&in, 1);
		struct client *k = &c[op % WILD];

		switch (op / WILD % 8) {
		case 0:
			nmcore_ioctl(k->nm, NIOCTXSYNC, NULL);
			break;
		case 1:
			nmcore_ioctl(k->nm, NIOCRXSYNC, NULL);
			break;
		case 2:
			nmcore_poll(k->nm, POLLIN | POLLOUT, op & 128);
			break;
		case 3: {
			uint8_t frame[64];

			take_bytes(&in, frame, sizeof(frame) / 4);
			if (op & 128)
				fake_host_arrive("fake1", frame, op % 64);
			else
				fake_arrive(op & 64 ? "fake0" : "fake1", frame, op % 64);
			break;
		}
		case 4:
			fake_hold("fake0", op & 128);
			fake_full("fake1", op & 64);
			break;
		default:
			scribble(k, &in);
			break;
		}
	}
	pair_works(&c[WILD], &c[WILD + 1]);
	attach("vale0:fake0", NETMAP_REQ_VALE_DETACH);
	for (i = 0; i < PORTS; i++)
		client_close(&c[i]);
	nmcore_shutdown();
	must(nmcore_users() == 0);
	return 0;
}
