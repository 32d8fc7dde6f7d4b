// SPDX-License-Identifier: BSD-2-Clause
/* What a registration gives: rings, modes, memory, extra buffers; and what it refuses. */
#include "port.h"

#include <errno.h>
#include <sys/time.h>

static void exclusive(void)
{
	struct nmport_d *d, *e;

	host_start(0);
	d = port_open("vale4:e/x");
	t_eq(port_open_errno("vale4:e"), EBUSY);
	t_eq(port_open_errno("vale4:e/x"), EBUSY);
	port_close(d);
	d = port_open("vale4:e");
	t_eq(port_open_errno("vale4:e/x"), EBUSY);
	e = port_open("vale4:e");
	port_close(d);
	t_eq(port_open_errno("vale4:e/x"), EBUSY);
	port_close(e);
	d = port_open("vale4:e/x");
	port_close(d);
}

static void exclusive_by_ring(void)
{
	struct nmport_d *d, *e;

	host_start(0);
	d = port_open("vale4:r-0/x@conf:rings=3");
	e = port_open("vale4:r-1/x");
	t_eq(port_open_errno("vale4:r-0"), EBUSY);
	t_eq(port_open_errno("vale4:r"), EBUSY);
	port_close(d);
	d = port_open("vale4:r-0");
	port_close(d);
	port_close(e);
}

static void one_direction_only(void)
{
	struct nmport_d *t, *r;

	host_start(0);
	t = port_open("vale4:t/T");
	r = port_open("vale4:r/R");
	t_eq(t->nifp->ring_ofs[1], 0);
	t_check(t->nifp->ring_ofs[0]);
	t_eq(r->nifp->ring_ofs[0], 0);
	t_check(r->nifp->ring_ofs[1]);
	send_frame(t, STATION_ALL, 1, 9);
	expect_frame(r, 9);
	port_close(t);
	t = port_prepare("vale4:z");
	t->reg.nr_flags |= NR_TX_RINGS_ONLY | NR_RX_RINGS_ONLY;
	t_eq(port_register_errno(t), EINVAL);
	nmport_undo_prepare(t);
	port_close(r);
}

static void one_ring(void)
{
	struct nmport_d *d, *all;
	unsigned int i;

	host_start(0);
	all = port_open("vale4:all@conf:rings=4");
	d = port_open("vale4:one-2@conf:rings=4");
	t_eq(d->first_tx_ring, 2);
	t_eq(d->last_tx_ring, 2);
	for (i = 0; i < 8; i++)
		t_eq(!!d->nifp->ring_ofs[i], i == 2 || i == 6);
	t_eq(port_tx(d, 2)->ringid, 2);
	t_eq(port_rx(d, 2)->ringid, 2);
	send_frame(d, STATION_ALL, 1, 4);
	expect_frame(all, 4);
	t_eq(port_open_errno("vale4:one-4"), EINVAL);
	t_eq(port_open_errno("vale4:one-100"), EINVAL);
	port_close(d);
	port_close(all);
}

/* One end with more rings one way than the other: pair 2 has no receive ring. */
static void one_ring_of_an_uneven_port(void)
{
	struct nmport_d *d;

	host_start(0);
	d = port_open("vale4:u-2@conf:tx-rings=3,rx-rings=2");
	t_eq(d->nifp->ni_tx_rings, 3);
	t_eq(d->nifp->ni_rx_rings, 2);
	t_eq(!!d->nifp->ring_ofs[2], 1);
	t_eq(d->nifp->ring_ofs[3], 0);
	t_eq(d->nifp->ring_ofs[4], 0);
	port_close(d);
}

static void host_rings_are_refused(void)
{
	struct nmport_d *d;

	host_start(0);
	t_eq(port_open_errno("vale4:h^"), EOPNOTSUPP);
	t_eq(port_open_errno("vale4:h*"), EOPNOTSUPP);
	t_eq(port_open_errno("vale4:h^0"), EOPNOTSUPP);
	/* and nothing is left of the attempts */
	d = port_open("vale4:h/x");
	port_close(d);
}

static void memory_only(void)
{
	struct nmreq_pools_info info = { 0 };
	struct nmport_d *d, *e;
	unsigned int n = 0;
	uint32_t idx;
	char *bufs;

	host_start(0);
	d = port_prepare("netmap:onlymem");
	d->reg.nr_mode = NR_REG_NULL;
	d->reg.nr_extra_bufs = 10;
	port_register(d);
	t_eq(d->reg.nr_extra_bufs, 10);
	t_eq(d->nifp->ni_tx_rings, 0);
	t_check(d->first_tx_ring > d->last_tx_ring);
	info.nr_mem_id = d->reg.nr_mem_id;
	t_eq(host_request(NETMAP_REQ_POOLS_INFO_GET, "netmap:onlymem", &info), 0);
	bufs = (char *)d->mem->mem + info.nr_buf_pool_offset;
	for (idx = d->nifp->ni_bufs_head; idx && n < 20; n++)
		idx = *(uint32_t *)(bufs + (size_t)idx * info.nr_buf_pool_objsize);
	t_eq(n, 10);
	/* another port can be in the same memory */
	e = port_prepare("vale4:inmem");
	e->reg.nr_mem_id = d->reg.nr_mem_id;
	port_register(e);
	t_eq(e->reg.nr_mem_id, d->reg.nr_mem_id);
	t_check(e->mem == d->mem);
	port_close(d);
	send_frame(e, STATION_ALL, 1, 1);
	port_close(e);
}

static void memories_are_apart_or_shared(void)
{
	struct nmport_d *d, *e, *f;
	char spec[64];
	uint32_t idx;
	struct netmap_ring *ring;

	host_start(0);
	d = port_open("vale4:m1");
	e = port_open("vale4:m2");
	t_check(d->reg.nr_mem_id != e->reg.nr_mem_id);
	t_check(d->reg.nr_mem_id > 1 && e->reg.nr_mem_id > 1);
	snprintf(spec, sizeof(spec), "vale4:m3@%u", d->reg.nr_mem_id);
	f = port_open(spec);
	t_eq(f->reg.nr_mem_id, d->reg.nr_mem_id);
	t_check(f->mem == d->mem);
	/* zero copy between the two: a buffer of one in a slot of the other */
	ring = port_tx(f, 0);
	idx = ring->slot[0].buf_idx;
	ring->slot[0].buf_idx = port_tx(d, 0)->slot[0].buf_idx;
	ring->slot[0].flags = NS_BUF_CHANGED;
	port_tx(d, 0)->slot[0].buf_idx = idx;
	send_frame(f, STATION_ALL, 1, 3);
	expect_frame(d, 3);
	expect_frame(e, 3);
	/* a name that shares */
	t_eq(port_open_errno("vale4:m4@60000"), ENOENT);
	snprintf(spec, sizeof(spec), "vale4:m1@%u", e->reg.nr_mem_id);
	t_eq(port_open_errno(spec), EBUSY);
	port_close(d);
	port_close(e);
	d = port_open("vale4:m5@share=vale4:m3");
	t_check(d->mem == f->mem);
	port_close(f);
	port_close(d);
}

static void geometry(void)
{
	struct nmport_d *d, *e;
	unsigned int i;

	host_start(0);
	d = port_open("vale4:g@conf:tx-rings=5,rx-rings=7,tx-slots=8,rx-slots=16384");
	t_eq(d->reg.nr_tx_rings, 5);
	t_eq(d->reg.nr_rx_rings, 7);
	t_eq(d->reg.nr_tx_slots, 8);
	t_eq(d->reg.nr_rx_slots, 16384);
	for (i = 0; i < 5; i++) {
		t_eq(port_tx(d, i)->num_slots, 8);
		t_eq(port_tx(d, i)->dir, 0);
	}
	for (i = 0; i < 7; i++) {
		t_eq(port_rx(d, i)->num_slots, 16384);
		t_eq(port_rx(d, i)->dir, 1);
	}
	/* the next client has what there is, whatever it asks for */
	e = port_open("vale4:g@conf:rings=2");
	t_eq(e->reg.nr_tx_rings, 5);
	t_eq(e->reg.nr_rx_rings, 7);
	port_close(d);
	port_close(e);
	t_eq(port_open_errno("vale4:g@conf:slots=7"), EINVAL);
	t_eq(port_open_errno("vale4:g@conf:slots=16385"), EINVAL);
	t_eq(port_open_errno("vale4:g@conf:rings=257"), EINVAL);
	d = port_open("vale4:g@conf:slots=300");
	t_eq(d->reg.nr_tx_slots, 300); /* need not be a power of two */
	port_close(d);
}

static void initial_state(void)
{
	struct nmport_d *d;
	struct netmap_ring *tx, *rx;
	unsigned int i, j;

	host_start(0);
	d = port_open("vale4:i");
	tx = port_tx(d, 0);
	rx = port_rx(d, 0);
	t_eq(d->nifp->ni_version, NETMAP_API);
	t_check(!strncmp(d->nifp->ni_name, "vale4:i", sizeof(d->nifp->ni_name)));
	t_eq(nm_ring_space(tx), tx->num_slots - 1);
	t_eq(tx->head, 0);
	t_eq(tx->cur, 0);
	t_eq(nm_ring_space(rx), 0);
	t_check(tx->nr_buf_size >= 2048);
	t_check(nm_tx_pending(tx) == 0);
	/* every slot has a buffer of its own */
	for (i = 0; i < tx->num_slots; i++) {
		t_check(tx->slot[i].buf_idx >= 2);
		t_check((uintptr_t)NETMAP_BUF(tx, tx->slot[i].buf_idx) + tx->nr_buf_size <=
			(uintptr_t)d->mem->mem + d->reg.nr_memsize);
		t_eq(NETMAP_BUF_IDX(tx, NETMAP_BUF(tx, tx->slot[i].buf_idx)), tx->slot[i].buf_idx);
		for (j = 0; j < rx->num_slots; j++)
			t_check(tx->slot[i].buf_idx != rx->slot[j].buf_idx);
		for (j = 0; j < i; j++)
			t_check(tx->slot[i].buf_idx != tx->slot[j].buf_idx);
	}
	port_close(d);
}

static void extra_buffers(void)
{
	struct nmport_d *d;
	struct netmap_ring *ring;
	unsigned int n, i;
	uint32_t idx, seen[300], *buf;

	host_start(0);
	d = port_prepare("vale4:x");
	d->reg.nr_extra_bufs = 300;
	port_register(d);
	t_eq(d->reg.nr_extra_bufs, 300);
	ring = port_tx(d, 0);
	for (n = 0, idx = d->nifp->ni_bufs_head; idx; idx = *buf, n++) {
		t_check(n < 300);
		for (i = 0; i < n; i++)
			t_check(seen[i] != idx);
		for (i = 0; i < ring->num_slots; i++)
			t_check(ring->slot[i].buf_idx != idx);
		seen[n] = idx;
		buf = (uint32_t *)NETMAP_BUF(ring, idx);
		t_check((char *)buf < (char *)d->mem->mem + d->reg.nr_memsize);
	}
	t_eq(n, 300);
	/* take one for a slot, and give the slot's in its place */
	buf = (uint32_t *)NETMAP_BUF(ring, ring->slot[0].buf_idx);
	*buf = *(uint32_t *)NETMAP_BUF(ring, d->nifp->ni_bufs_head);
	idx = ring->slot[0].buf_idx;
	ring->slot[0].buf_idx = d->nifp->ni_bufs_head;
	ring->slot[0].flags = NS_BUF_CHANGED;
	d->nifp->ni_bufs_head = idx;
	send_frame(d, STATION_ALL, 1, 1);
	port_close(d);
	d = port_prepare("vale4:x");
	d->reg.nr_extra_bufs = 0x7fffffff;
	t_eq(port_register_errno(d), ENOMEM);
	d->reg.nr_extra_bufs = 0xffffffff;
	t_eq(port_register_errno(d), ENOMEM);
	nmport_undo_prepare(d);
}

/* A list that makes no sense at close costs the client its buffers, nothing else. */
static void extra_buffers_in_disorder(void)
{
	static const uint32_t head[] = { 0, 1, 2, 0xffffffff, 0x7fffffff, 100 };
	struct nmport_d *keep, *d;
	unsigned int i;

	host_start(0);
	keep = port_open("vale4:keep");
	for (i = 0; i < sizeof(head) / sizeof(head[0]); i++) {
		d = port_prepare("vale4:d");
		d->reg.nr_extra_bufs = 20;
		port_register(d);
		d->nifp->ni_bufs_head = head[i];
		port_close(d);
		/* a circle */
		d = port_prepare("vale4:d");
		d->reg.nr_extra_bufs = 20;
		port_register(d);
		*(uint32_t *)NETMAP_BUF(port_tx(d, 0), d->nifp->ni_bufs_head) =
			d->nifp->ni_bufs_head;
		port_close(d);
		send_frame(keep, STATION_ALL, 1, 1);
	}
	port_close(keep);
}

static void binding_twice_is_refused(void)
{
	struct nmreq_header hdr;
	struct nmreq_register reg = { .nr_mode = NR_REG_ALL_NIC };
	int fd;

	host_start(0);
	fd = nmhost_open();
	t_check(fd >= 0, "%s", nmhost_strerror(-1));
	t_check(nmhost_ioctl(fd, NIOCTXSYNC, NULL) < 0);
	t_eq(errno, ENXIO);
	t_check(nmhost_ioctl(fd, NIOCRXSYNC, NULL) < 0);
	t_eq(errno, ENXIO);
	nmreq_header_init(&hdr, NETMAP_REQ_REGISTER, &reg);
	strcpy(hdr.nr_name, "vale4:twice");
	t_eq(nmhost_ioctl(fd, NIOCCTRL, &hdr), 0);
	t_check(nmhost_ioctl(fd, NIOCCTRL, &hdr) < 0);
	t_eq(errno, EBUSY);
	t_eq(nmhost_ioctl(fd, NIOCTXSYNC, NULL), 0);
	nmhost_close(fd);
}

/* cur ahead of head: slots stay the client's, and poll waits for more than it has. */
static void partial_reads(void)
{
	struct nmport_d *a, *b;
	struct netmap_ring *rx;
	unsigned int i;

	host_start(0);
	a = port_open("vale4:pa");
	b = port_open("vale4:pb");
	rx = port_rx(b, 0);
	for (i = 0; i < 10; i++)
		send_frame(a, STATION_ALL, 1, i);
	port_rxsync(b);
	t_eq(nm_ring_space(rx), 10);
	t_eq(port_poll(b, POLLIN, 0), POLLIN);
	/* seen all, given back three */
	rx->head = 3;
	rx->cur = rx->tail;
	t_eq(port_poll(b, POLLIN, 0), 0);
	t_eq(rx->head, 3);
	t_eq(frame_number(NETMAP_BUF(rx, rx->slot[3].buf_idx), 60), 3);
	send_frame(a, STATION_ALL, 1, 10);
	t_eq(port_poll(b, POLLIN, 1000), POLLIN);
	t_eq(rx->tail, 11);
	/* one at a time */
	for (i = 3; i < 11; i++) {
		t_eq(frame_number(NETMAP_BUF(rx, rx->slot[i].buf_idx), 60), i);
		rx->head = i + 1;
		rx->cur = i + 1;
		port_rxsync(b);
	}
	expect_none(b);
	/* transmit: cur beyond head sends no more than head says */
	port_tx(a, 0)->cur = nm_ring_next(port_tx(a, 0), port_tx(a, 0)->cur);
	port_txsync(a);
	expect_none(b);
	port_close(a);
	port_close(b);
}

static void time_stamps(void)
{
	struct nmport_d *a, *b;
	struct timeval now;

	host_start(0);
	a = port_open("vale4:ta");
	b = port_open("vale4:tb");
	send_frame(a, STATION_ALL, 1, 1);
	port_rxsync(b);
	t_eq(port_rx(b, 0)->ts.tv_sec, 0);
	port_rx(b, 0)->flags |= NR_TIMESTAMP;
	port_rxsync(b);
	gettimeofday(&now, NULL);
	t_check(llabs((long long)port_rx(b, 0)->ts.tv_sec - now.tv_sec) <= 1);
	t_check(port_rx(b, 0)->ts.tv_usec >= 0 && port_rx(b, 0)->ts.tv_usec < 1000000);
	port_close(a);
	port_close(b);
}

/* Sends what is pending unless asked not to; receives unasked only if asked to. */
static void what_poll_syncs(void)
{
	struct nmport_d *a, *b, *no_tx, *do_rx;

	host_start(0);
	a = port_open("vale4:wa");
	b = port_open("vale4:wb");
	put_frame(a, STATION_ALL, 1, 1, 60, 0);
	t_eq(port_poll(a, POLLIN, 0), 0);
	expect_frame(b, 1);
	no_tx = port_prepare("vale4:wn");
	no_tx->reg.nr_flags |= NR_NO_TX_POLL;
	port_register(no_tx);
	put_frame(no_tx, STATION_ALL, 1, 2, 60, 0);
	t_eq(port_poll(no_tx, POLLIN, 0), 0);
	expect_none(b);
	t_eq(port_poll(no_tx, POLLOUT, 0), POLLOUT);
	expect_frame(b, 2);
	take_all(a);
	/* not asked for POLLIN: nothing is received ... */
	send_frame(a, STATION_ALL, 1, 3);
	t_eq(port_poll(b, POLLOUT, 0), POLLOUT);
	t_check(nm_ring_empty(port_rx(b, 0)));
	/* ... unless */
	do_rx = port_prepare("vale4:wd");
	do_rx->reg.nr_flags |= NR_DO_RX_POLL;
	port_register(do_rx);
	send_frame(a, STATION_ALL, 1, 4);
	t_eq(port_poll(do_rx, POLLOUT, 0), POLLOUT);
	t_check(!nm_ring_empty(port_rx(do_rx, 0)));
	port_close(a);
	port_close(b);
	port_close(no_tx);
	port_close(do_rx);
}

/* Two clients of one port see one set of rings. */
static void two_clients_of_a_port(void)
{
	struct nmport_d *a, *a2, *b;

	host_start(0);
	a = port_open("vale4:two");
	a2 = port_open("vale4:two");
	b = port_open("vale4:other");
	t_check(port_tx(a, 0) == port_tx(a2, 0));
	send_frame(a, STATION_ALL, 1, 1);
	expect_frame(b, 1);
	port_close(a);
	send_frame(a2, STATION_ALL, 1, 2);
	expect_frame(b, 2);
	send_frame(b, STATION_ALL, 2, 3);
	expect_frame(a2, 3);
	port_close(a2);
	port_close(b);
}

T_MAIN(T_CASE(exclusive), T_CASE(exclusive_by_ring), T_CASE(one_direction_only), T_CASE(one_ring),
       T_CASE(one_ring_of_an_uneven_port), T_CASE(host_rings_are_refused), T_CASE(memory_only),
       T_CASE(memories_are_apart_or_shared), T_CASE(geometry), T_CASE(initial_state),
       T_CASE(extra_buffers), T_CASE(extra_buffers_in_disorder), T_CASE(binding_twice_is_refused),
       T_CASE(partial_reads), T_CASE(time_stamps), T_CASE(what_poll_syncs),
       T_CASE(two_clients_of_a_port))
