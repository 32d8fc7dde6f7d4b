// SPDX-License-Identifier: BSD-2-Clause
/* Host rings and NR_FORWARD as the core sees them, over interfaces that exist only here. */
#include "client.h"
#include "fakenic.h"

#include <errno.h>
#include <poll.h>

static struct netmap_ring *host_tx(struct client *c, uint32_t i)
{
	return NETMAP_TXRING(c->nifp, c->nifp->ni_tx_rings + i);
}

static struct netmap_ring *host_rx(struct client *c, uint32_t i)
{
	return NETMAP_RXRING(c->nifp, c->nifp->ni_rx_rings + i);
}

static int try_mode(struct client *c, const char *name, uint32_t mode, uint16_t ring,
		    uint16_t host_rings)
{
	struct nmreq_register reg = { .nr_mode = mode,
				      .nr_ringid = ring,
				      .nr_host_tx_rings = host_rings,
				      .nr_host_rx_rings = host_rings };

	return client_try(c, name, &reg);
}

static void open_mode(struct client *c, const char *name, uint32_t mode)
{
	t_eq(try_mode(c, name, mode, 0, 0), 0);
}

static void frame(unsigned char *p, uint32_t number)
{
	memset(p, (int)number, 60);
	memcpy(p + 14, &number, 4);
}

/* Fills the next slot of a tx ring, or takes it for one of an rx ring. */
static void put(struct netmap_ring *r, uint32_t number, uint32_t len, uint32_t flags)
{
	struct netmap_slot *slot = &r->slot[r->head];

	t_check(!nm_ring_empty(r));
	frame((unsigned char *)NETMAP_BUF(r, slot->buf_idx), number);
	slot->len = len;
	slot->flags = flags;
	r->head = r->cur = nm_ring_next(r, r->head);
}

static uint32_t take(struct netmap_ring *r, uint32_t flags)
{
	struct netmap_slot *slot = &r->slot[r->head];
	uint32_t number;

	t_check(!nm_ring_empty(r));
	memcpy(&number, NETMAP_BUF(r, slot->buf_idx) + 14, 4);
	slot->flags |= flags;
	r->head = r->cur = nm_ring_next(r, r->head);
	return number;
}

static uint64_t passed(const char *name, bool to_wire, uint32_t *number)
{
	unsigned char last[64] = { 0 };
	uint64_t n = fake_passed(name, to_wire, last, sizeof(last), NULL);

	memcpy(number, last + 14, 4);
	return n;
}

static bool counted(const char *key)
{
	char *state = nmcore_state(1);
	bool has = strstr(state, key);

	free(state);
	return has;
}

/* Which rings a mode has: as [nic tx, host tx, nic rx, host rx], fake4 with 2 + 3. */
static void modes(void)
{
	static const struct {
		uint32_t mode;
		uint16_t ring;
		char rings[11];
	} want[] = {
		{ NR_REG_ALL_NIC, 0, "1100011000" }, { NR_REG_SW, 0, "0011100111" },
		{ NR_REG_NIC_SW, 0, "1111111111" },  { NR_REG_ONE_NIC, 1, "0100001000" },
		{ NR_REG_ONE_SW, 0, "0010000100" },  { NR_REG_ONE_SW, 2, "0000100001" },
	};
	struct client keep, c;
	uint32_t i, k;

	t_eq(try_mode(&keep, "fake4", NR_REG_NIC_SW, 0, 3), 0);
	for (i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		t_eq(try_mode(&c, "fake4", want[i].mode, want[i].ring, 0), 0);
		t_eq(c.reg.nr_host_tx_rings, 3);
		t_eq(c.reg.nr_host_rx_rings, 3);
		t_eq(c.nifp->ni_host_tx_rings, 3);
		t_eq(c.nifp->ni_host_rx_rings, 3);
		for (k = 0; k < 10; k++)
			t_check(!!c.nifp->ring_ofs[k] == want[i].rings[k] - '0', "mode %u: ring %u",
				want[i].mode, k);
		client_close(&c);
	}
	for (i = 0; i < 3; i++) {
		t_eq(host_tx(&keep, i)->ringid, 2 + i);
		t_eq(host_tx(&keep, i)->dir, 0);
		t_eq(host_rx(&keep, i)->ringid, 2 + i);
		t_eq(host_rx(&keep, i)->dir, 1);
	}
	t_eq(try_mode(&c, "fake4", NR_REG_ONE_SW, 3, 0), EINVAL);
	t_eq(try_mode(&c, "fake4", NR_REG_ONE_SW, 0xffff, 0), EINVAL);
	client_close(&keep);
	expect_nothing_left();
}

static void numbers_of_rings(void)
{
	struct nmreq_port_info_get info = { 0 };
	struct nmcore *nm = nmcore_open();
	struct client c, d;

	t_eq(client_request(nm, NETMAP_REQ_PORT_INFO_GET, "fake0", &info), 0);
	t_eq(info.nr_host_tx_rings, 1);
	t_eq(info.nr_host_rx_rings, 1);
	t_eq(try_mode(&c, "fake0", NR_REG_SW, 0, 257), EINVAL);
	t_eq(try_mode(&c, "fake0", NR_REG_SW, 0, 65535), EINVAL);
	t_eq(try_mode(&c, "fake0", NR_REG_SW, 0, 256), 0);
	t_eq(c.reg.nr_host_tx_rings, 256);
	/* who comes second gets what there is */
	t_eq(try_mode(&d, "fake0", NR_REG_SW, 0, 2), 0);
	t_eq(d.reg.nr_host_rx_rings, 256);
	client_close(&c);
	client_close(&d);
	/* kinds of ports without them */
	t_eq(try_mode(&c, "vale0:a", NR_REG_SW, 0, 1), EOPNOTSUPP);
	t_eq(try_mode(&c, "p{1", NR_REG_NIC_SW, 0, 0), EOPNOTSUPP);
	t_eq(try_mode(&c, "vale0:a", NR_REG_ALL_NIC, 0, 7), 0);
	t_eq(c.reg.nr_host_tx_rings, 0);
	client_close(&c);
	nmcore_close(nm);
	expect_nothing_left();
}

static void exclusive(void)
{
	struct nmreq_register reg = { .nr_mode = NR_REG_SW, .nr_flags = NR_EXCLUSIVE };
	struct client a, b;

	t_eq(client_try(&a, "fake0", &reg), 0);
	t_eq(try_mode(&b, "fake0", NR_REG_NIC_SW, 0, 0), EBUSY);
	t_eq(try_mode(&b, "fake0", NR_REG_ONE_SW, 0, 0), EBUSY);
	t_eq(try_mode(&b, "fake0", NR_REG_ALL_NIC, 0, 0), 0);
	client_close(&b);
	client_close(&a);
	reg.nr_flags = NR_RX_RINGS_ONLY;
	t_eq(client_try(&a, "fake0", &reg), 0);
	t_eq(a.nifp->ring_ofs[1], 0);
	t_check(a.nifp->ring_ofs[3]);
	client_close(&a);
	expect_nothing_left();
}

static void old_requests(void)
{
	static const struct {
		uint16_t ringid;
		uint32_t flags;
		char rings[5];
	} want[] = {
		{ NETMAP_SW_RING, 0, "0101" }, { 0, NR_REG_SW, "0101" },
		{ 0, NR_REG_NIC_SW, "1111" },  { 0, NR_REG_ONE_SW, "0101" },
		{ NETMAP_HW_RING, 0, "1010" }, { 0, 0, "1010" },
	};
	struct netmap_if *nifp;
	struct client keep;
	uint32_t i, k;

	open_mode(&keep, "fake0", NR_REG_NIC_SW); /* and with it a view of the memory */
	for (i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		struct nmreq req = { .nr_name = "fake0",
				     .nr_version = 11,
				     .nr_ringid = want[i].ringid,
				     .nr_flags = want[i].flags };
		struct nmcore *nm = nmcore_open();

		t_check(!nmcore_ioctl(nm, NIOCREGIF, &req), "%s", nmcore_error(nm));
		nifp = NETMAP_IF(keep.mem, req.nr_offset);
		for (k = 0; k < 4; k++)
			t_check(!!nifp->ring_ofs[k] == want[i].rings[k] - '0',
				"request %u: ring %u", i, k);
		nmcore_close(nm);
	}
	client_close(&keep);
	expect_nothing_left();
}

/* Both ways, by ioctl and by poll; several times around the rings. */
static void to_and_from_the_stack(void)
{
	unsigned char f[60], last[60];
	struct netmap_ring *tx, *rx;
	uint32_t i, len, number;
	struct client c;

	open_mode(&c, "fake0", NR_REG_SW);
	tx = host_tx(&c, 0);
	rx = host_rx(&c, 0);
	t_eq(nmcore_poll(c.nm, POLLIN | POLLOUT, 0), POLLOUT);
	for (i = 1; i <= 300; i++) {
		put(tx, i, 60, 0);
		if (i & 1)
			client_sync(&c, NIOCTXSYNC);
		else
			nmcore_poll(c.nm, POLLIN, 0);
		t_eq(fake_passed("fake0", false, last, 60, &len), i);
		t_eq(len, 60);
		frame(f, i);
		t_check(!memcmp(f, last, 60));
		t_check(fake_host_arrive("fake0", f, 60));
		if (i & 1)
			client_sync(&c, NIOCRXSYNC);
		else
			t_eq(nmcore_poll(c.nm, POLLIN, 0), POLLIN);
		t_eq(nm_ring_space(rx), 1);
		t_eq(take(rx, 0), i);
	}
	t_eq(passed("fake0", true, &number), 0); /* nothing of that went to the wire */
	t_eq(fake_sent("fake0", NULL, 0, NULL), 0);
	client_close(&c);
	expect_nothing_left();
}

/* A stack that takes nothing for a while keeps the slots. */
static void no_room(void)
{
	struct netmap_ring *tx;
	struct client c;
	uint32_t i, n;

	open_mode(&c, "fake0", NR_REG_SW);
	tx = host_tx(&c, 0);
	n = nm_ring_space(tx);
	fake_full("fake0", true);
	for (i = 0; i < n; i++)
		put(tx, i, 60, 0);
	client_sync(&c, NIOCTXSYNC);
	t_eq(nm_ring_space(tx), 0);
	t_eq(nmcore_poll(c.nm, POLLOUT, 0), 0);
	t_eq(fake_passed("fake0", false, NULL, 0, NULL), 0);
	fake_full("fake0", false);
	t_eq(nmcore_poll(c.nm, POLLOUT, 0), POLLOUT);
	t_eq(fake_passed("fake0", false, NULL, 0, NULL), n);
	t_eq(nm_ring_space(tx), n);
	client_close(&c);
	expect_nothing_left();
}

static void packets_in_pieces(void)
{
	struct netmap_ring *tx;
	struct client c;
	uint32_t i, len;

	open_mode(&c, "fake0", NR_REG_SW);
	tx = host_tx(&c, 0);
	put(tx, 1, 20, NS_MOREFRAG);
	client_sync(&c, NIOCTXSYNC);
	t_eq(fake_passed("fake0", false, NULL, 0, NULL), 0);
	put(tx, 2, 30, NS_MOREFRAG);
	put(tx, 3, 10, 0);
	put(tx, 4, 60, 0);
	client_sync(&c, NIOCTXSYNC);
	t_eq(fake_passed("fake0", false, NULL, 0, &len), 2);
	t_eq(len, 60);
	put(tx, 1, 20, NS_MOREFRAG);
	put(tx, 2, 30, NS_MOREFRAG);
	put(tx, 3, 10, 0);
	client_sync(&c, NIOCTXSYNC);
	t_eq(fake_passed("fake0", false, NULL, 0, &len), 3);
	t_eq(len, 60);
	/* too long for the interface; in the ring's middle, and around its end */
	for (i = 0; i < 40; i++) {
		put(tx, 1, 1500, NS_MOREFRAG);
		put(tx, 1, 1500, 0);
		client_sync(&c, NIOCTXSYNC);
	}
	t_check(counted("\"too-long\":40"));
	/* a ring of nothing but beginnings: it must not be stuck */
	while (nm_ring_space(tx))
		put(tx, 1, 20, NS_MOREFRAG);
	client_sync(&c, NIOCTXSYNC);
	t_check(nm_ring_space(tx));
	put(tx, 5, 60, 0);
	client_sync(&c, NIOCTXSYNC);
	t_eq(fake_passed("fake0", false, NULL, 0, NULL), 4);
	client_close(&c);
	expect_nothing_left();
}

static void nonsense_in_slots(void)
{
	static const struct {
		uint32_t idx, len, flags;
	} bad[] = {
		{ 0, 60, 0 },	  { 1, 60, 0 }, { 0xffffffff, 60, 0 }, { 0x7fffffff, 60, 0 },
		{ 2, 0xffff, 0 }, { 2, 13, 0 }, { 2, 0, 0 },	       { 2, 60, NS_INDIRECT },
	};
	const uint32_t n = sizeof(bad) / sizeof(bad[0]);
	struct netmap_ring *tx, *rx;
	unsigned char f[60];
	struct client c;
	uint32_t i, idx;

	open_mode(&c, "fake0", NR_REG_NIC_SW);
	tx = host_tx(&c, 0);
	rx = NETMAP_RXRING(c.nifp, 0);
	rx->flags |= NR_FORWARD;
	for (i = 0; i < n; i++) {
		struct netmap_slot *slot = &tx->slot[tx->head];

		idx = slot->buf_idx;
		put(tx, i, 60, 0);
		*slot = (struct netmap_slot){ bad[i].idx == 2 ? idx : bad[i].idx, bad[i].len,
					      bad[i].flags, 0 };
		client_sync(&c, NIOCTXSYNC);
		slot->buf_idx = idx;
		/* the same in what is to be forwarded */
		frame(f, i);
		t_check(fake_arrive("fake0", f, 60));
		client_sync(&c, NIOCRXSYNC);
		slot = &rx->slot[rx->head];
		idx = slot->buf_idx;
		take(rx, 0);
		*slot = (struct netmap_slot){ bad[i].idx == 2 ? idx : bad[i].idx, bad[i].len,
					      bad[i].flags | NS_FORWARD, 0 };
		client_sync(&c, NIOCRXSYNC);
		slot->buf_idx = idx;
	}
	t_eq(fake_passed("fake0", false, NULL, 0, NULL), 0);
	t_check(counted("\"bad-slot\":8"));
	/* indices out of place, as on every ring */
	tx->head = tx->num_slots;
	t_check(nmcore_ioctl(c.nm, NIOCTXSYNC, NULL) < 0);
	t_eq(errno, EINVAL);
	put(tx, 9, 60, 0);
	client_sync(&c, NIOCTXSYNC);
	t_eq(fake_passed("fake0", false, NULL, 0, NULL), 1);
	client_close(&c);
	expect_nothing_left();
}

/* From the wire to the stack: what is marked, if the ring is in that mode, once given back. */
static void forward_to_the_stack(void)
{
	struct netmap_ring *rx;
	unsigned char f[60];
	struct client c;
	uint32_t i, number;

	open_mode(&c, "fake0", NR_REG_ALL_NIC);
	rx = NETMAP_RXRING(c.nifp, 0);
	for (i = 1; i <= 10; i++) {
		frame(f, i);
		t_check(fake_arrive("fake0", f, 60));
	}
	client_sync(&c, NIOCRXSYNC);
	t_eq(take(rx, NS_FORWARD), 1);
	client_sync(&c, NIOCRXSYNC);
	t_eq(passed("fake0", false, &number), 0); /* not in that mode */
	rx->flags |= NR_FORWARD;
	t_eq(take(rx, NS_FORWARD), 2);
	t_eq(take(rx, 0), 3);
	t_eq(take(rx, NS_FORWARD), 4);
	rx->slot[rx->head].flags |= NS_FORWARD; /* kept: it is not for the stack yet */
	client_sync(&c, NIOCRXSYNC);
	t_eq(passed("fake0", false, &number), 2);
	t_eq(number, 4);
	client_sync(&c, NIOCRXSYNC);
	t_eq(passed("fake0", false, &number), 2);
	t_eq(take(rx, 0), 5);
	t_eq(nmcore_poll(c.nm, POLLIN, 0), POLLIN); /* poll does it too */
	t_eq(passed("fake0", false, &number), 3);
	t_eq(number, 5);
	/* there is no second try */
	fake_full("fake0", true);
	t_eq(take(rx, NS_FORWARD), 6);
	client_sync(&c, NIOCRXSYNC);
	fake_full("fake0", false);
	client_sync(&c, NIOCRXSYNC);
	t_eq(passed("fake0", false, &number), 3);
	t_check(counted("\"no-room\":1"));
	/* half a packet */
	t_eq(take(rx, NS_FORWARD | NS_MOREFRAG), 7);
	client_sync(&c, NIOCRXSYNC);
	t_eq(passed("fake0", false, &number), 3);
	t_check(counted("\"bad-slot\":1"));
	t_eq(fake_sent("fake0", NULL, 0, NULL), 0);
	client_close(&c);
	expect_nothing_left();
}

static void forward_to_the_wire(void)
{
	struct netmap_ring *rx;
	unsigned char f[60];
	struct client c;
	uint32_t i, number;

	open_mode(&c, "fake0", NR_REG_SW);
	rx = host_rx(&c, 0);
	rx->flags |= NR_FORWARD;
	for (i = 1; i <= 3; i++) {
		frame(f, i);
		t_check(fake_host_arrive("fake0", f, 60));
	}
	client_sync(&c, NIOCRXSYNC);
	t_eq(take(rx, 0), 1);
	t_eq(take(rx, NS_FORWARD), 2);
	client_sync(&c, NIOCRXSYNC);
	t_eq(passed("fake0", true, &number), 1);
	t_eq(number, 2);
	t_eq(take(rx, NS_FORWARD), 3);
	nmcore_poll(c.nm, POLLIN, 0);
	t_eq(passed("fake0", true, &number), 2);
	t_eq(number, 3);
	t_eq(passed("fake0", false, &number), 0);
	client_close(&c);
	expect_nothing_left();
}

/* The mode is of rings that have another side; elsewhere the flags mean nothing. */
static void forward_on_a_switch(void)
{
	struct client a, b;
	uint8_t from;
	uint32_t number;

	client_open(&a, "vale0:a", NULL);
	client_open(&b, "vale0:b", NULL);
	b.rx->flags |= NR_FORWARD;
	t_check(client_put(&a, ALL, 1, 7));
	client_sync(&a, NIOCTXSYNC);
	client_sync(&b, NIOCRXSYNC);
	b.rx->slot[b.rx->head].flags |= NS_FORWARD;
	t_check(client_take(&b, &from, &number));
	t_eq(number, 7);
	client_sync(&b, NIOCRXSYNC);
	client_close(&a);
	client_close(&b);
	expect_nothing_left();
}

/* Buffers travel between the two sides, as a bridge moves them. */
static void bridge_without_copies(void)
{
	struct netmap_ring *rx, *tx;
	struct client nic, host;
	unsigned char f[60];
	uint32_t i, number;

	open_mode(&nic, "fake0", NR_REG_ALL_NIC);
	open_mode(&host, "fake0", NR_REG_SW);
	t_eq(nic.reg.nr_mem_id, host.reg.nr_mem_id);
	rx = NETMAP_RXRING(nic.nifp, 0);
	tx = host_tx(&host, 0);
	for (i = 1; i <= 200; i++) {
		struct netmap_slot *from = &rx->slot[rx->head], *to = &tx->slot[tx->head];
		uint32_t idx = to->buf_idx;

		frame(f, i);
		t_check(fake_arrive("fake0", f, 60));
		client_sync(&nic, NIOCRXSYNC);
		to->buf_idx = from->buf_idx;
		to->len = from->len;
		to->flags = from->flags = NS_BUF_CHANGED;
		from->buf_idx = idx;
		take(rx, 0);
		tx->head = tx->cur = nm_ring_next(tx, tx->head);
		client_sync(&host, NIOCTXSYNC);
		t_eq(passed("fake0", false, &number), i);
		t_eq(number, i);
	}
	client_close(&nic);
	client_close(&host);
	expect_nothing_left();
}

/* ---- on a switch ---- */

static struct nmcore *ctl;

static int attach(const char *name, uint16_t host_rings)
{
	struct nmreq_vale_attach att = { .reg.nr_mode = NR_REG_NIC_SW,
					 .reg.nr_host_tx_rings = host_rings,
					 .reg.nr_host_rx_rings = host_rings };

	return client_request(ctl, NETMAP_REQ_VALE_ATTACH, name, &att);
}

/* The wire, the stack and a program: each reaches the others, and only whom it wants. */
static void a_stack_on_a_switch(void)
{
	struct nmreq_vale_list list = { 0 };
	unsigned char f[60];
	struct client p;
	uint32_t number, i;

	ctl = nmcore_open();
	client_open(&p, "vale0:p", NULL);
	t_eq(attach("vale0:fake0", 0), 0);
	t_eq(attach("vale0:fake0", 0), EBUSY);
	t_eq(try_mode(&(struct client){ 0 }, "fake0", NR_REG_SW, 0, 0), EBUSY);
	t_check(counted("\"port\":\"fake0\",\"host\":true"));
	frame_number(f, ALL, 9, 1); /* station 9 is on the wire */
	t_check(fake_arrive("fake0", f, 60));
	t_eq(passed("fake0", false, &number), 1);
	client_expect(&p, 1);
	frame_number(f, ALL, 8, 2); /* 8 is the machine */
	t_check(fake_host_arrive("fake0", f, 60));
	t_eq(fake_sent("fake0", f, 60, NULL), 1);
	client_expect(&p, 2);
	t_eq(passed("fake0", false, &number), 1);
	for (i = 0; i < 300; i++) {
		frame_number(f, 8, 9, i);
		t_check(fake_arrive("fake0", f, 60));
		t_eq(passed("fake0", false, &number), 2 + 2 * i);
		t_eq(number, i);
		frame_number(f, 9, 8, i);
		t_check(fake_host_arrive("fake0", f, 60));
		t_eq(fake_sent("fake0", NULL, 0, NULL), 2 + i);
		t_check(client_put(&p, 8, 7, i)); /* and 7 is the program */
		client_sync(&p, NIOCTXSYNC);
		t_eq(passed("fake0", false, &number), 3 + 2 * i);
		frame_number(f, 7, 8, i);
		t_check(fake_host_arrive("fake0", f, 60));
		client_expect(&p, i);
	}
	/* it is in the list, but not by itself */
	t_eq(client_request(ctl, NETMAP_REQ_VALE_LIST, "fake0", &list), 0);
	t_eq(list.nr_port_idx, 2);
	t_eq(client_detach(ctl, "vale0:fake0^"), ENOENT);
	t_eq(client_detach(ctl, "vale0:fake0"), 0);
	t_check(client_put(&p, ALL, 7, 0));
	client_sync(&p, NIOCTXSYNC);
	client_close(&p);
	nmcore_close(ctl);
	expect_nothing_left();
}

static void stacks_come_and_go(void)
{
	struct client p;
	uint32_t i;

	ctl = nmcore_open();
	for (i = 0; i < 50; i++) {
		t_eq(attach("vale0:fake4", 1 + i % 3), 0);
		if (i & 1)
			fake_gone("fake4", ENXIO); /* both leave */
		t_eq(client_detach(ctl, "vale0:fake4"), i & 1 ? ENOENT : 0);
	}
	t_eq(attach("vale0:fake0", 999), EINVAL);
	open_mode(&p, "fake0", NR_REG_SW);
	t_eq(attach("vale0:fake0", 0), EBUSY);
	client_close(&p);
	/* a switch that has room for one more has none for two */
	{
		struct nmcore *full[253];
		char name[32];

		for (i = 0; i < 253; i++) {
			struct nmreq_register reg = { .nr_mode = NR_REG_ALL_NIC,
						      .nr_tx_slots = 8,
						      .nr_rx_slots = 8 };

			full[i] = nmcore_open();
			snprintf(name, sizeof(name), "vale0:p%u", i);
			t_eq(client_request(full[i], NETMAP_REQ_REGISTER, name, &reg), 0);
		}
		t_eq(attach("vale0:fake0", 0), ENOSPC);
		nmcore_close(full[0]);
		t_eq(attach("vale0:fake0", 0), 0);
		t_eq(client_detach(ctl, "vale0:fake0"), 0);
		for (i = 1; i < 253; i++)
			nmcore_close(full[i]);
	}
	/* what has no host rings */
	{
		struct nmreq_vale_newif per = { 0 };

		t_eq(client_request(ctl, NETMAP_REQ_VALE_NEWIF, "per0", &per), 0);
		t_eq(attach("vale0:per0", 0), EOPNOTSUPP);
		t_eq(client_request(ctl, NETMAP_REQ_VALE_DELIF, "per0", NULL), 0);
	}
	nmcore_close(ctl);
	expect_nothing_left();
}

static void interface_vanishes(void)
{
	struct client c;

	open_mode(&c, "fake0", NR_REG_NIC_SW);
	fake_gone("fake0", ENXIO);
	t_check(nmcore_ioctl(c.nm, NIOCTXSYNC, NULL) < 0);
	t_eq(errno, ENXIO);
	t_check(nmcore_ioctl(c.nm, NIOCRXSYNC, NULL) < 0);
	t_eq(nmcore_poll(c.nm, POLLIN | POLLOUT, 0), POLLERR);
	client_close(&c);
	expect_nothing_left();
}

T_MAIN(T_CASE(modes), T_CASE(numbers_of_rings), T_CASE(exclusive), T_CASE(old_requests),
       T_CASE(to_and_from_the_stack), T_CASE(no_room), T_CASE(packets_in_pieces),
       T_CASE(nonsense_in_slots), T_CASE(forward_to_the_stack), T_CASE(forward_to_the_wire),
       T_CASE(forward_on_a_switch), T_CASE(bridge_without_copies), T_CASE(a_stack_on_a_switch),
       T_CASE(stacks_come_and_go), T_CASE(interface_vanishes))
