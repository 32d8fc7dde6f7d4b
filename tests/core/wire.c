// SPDX-License-Identifier: BSD-2-Clause
/* NIC ports as the core sees them, over interfaces that exist only here. */
#include "client.h"
#include "fakenic.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

static struct nmcore *nm;

static int attach(const char *name, uint32_t *index)
{
	struct nmreq_vale_attach att = { .reg.nr_mode = NR_REG_ALL_NIC };
	int error = client_request(nm, NETMAP_REQ_VALE_ATTACH, name, &att);

	if (index)
		*index = att.port_index;
	return error;
}

static void to_and_from_the_wire(void)
{
	unsigned char f[60], last[60];
	struct client a, b;
	uint32_t i, len, index;

	nm = nmcore_open();
	client_open(&a, "vale0:a", NULL);
	client_open(&b, "vale0:b", NULL);
	t_eq(attach("vale0:fake0", &index), 0);
	t_check(index);
	t_eq(attach("vale0:fake0", NULL), EBUSY);
	frame_number(f, ALL, 9, 1);
	t_check(fake_arrive("fake0", f, 60));
	client_expect(&a, 1);
	client_expect(&b, 1);
	/* station 9 is behind the interface: what is for it goes there, and only there */
	for (i = 0; i < 1000; i++) {
		t_check(client_put(&a, 9, 1, i));
		client_sync(&a, NIOCTXSYNC);
		t_eq(fake_sent("fake0", last, 60, &len), i + 1);
		t_eq(len, 60);
		frame_number(f, 9, 1, i);
		t_check(!memcmp(f, last, 60), "number %u", i);
		frame_number(f, 1, 9, i);
		t_check(fake_arrive("fake0", f, 60));
		client_expect(&a, i);
	}
	client_sync(&b, NIOCRXSYNC);
	t_check(nm_ring_empty(b.rx));
	t_eq(client_detach(nm, "vale0:fake0"), 0);
	t_check(client_put(&a, 9, 1, 0));
	client_sync(&a, NIOCTXSYNC);
	t_check(!fake_arrive("fake0", f, 60));
	client_close(&a);
	client_close(&b);
	nmcore_close(nm);
	expect_nothing_left();
}

/* An attached interface belongs to its switch; a program's interface can't be attached. */
static void one_owner_at_a_time(void)
{
	struct client c;

	nm = nmcore_open();
	t_eq(attach("vale0:fake0", NULL), 0);
	t_eq(client_try(&c, "fake0", NULL), EBUSY);
	t_eq(client_detach(nm, "vale0:fake0"), 0);
	client_open(&c, "fake0", NULL);
	t_eq(attach("vale0:fake0", NULL), EBUSY);
	client_close(&c);
	t_eq(attach("vale0:fake0", NULL), 0);
	t_eq(attach("vale1:fake0", NULL), EBUSY);
	t_eq(client_detach(nm, "vale0:fake0"), 0);
	t_eq(attach("vale0:fake9", NULL), ENXIO);
	nmcore_close(nm);
	expect_nothing_left();
}

/* The wire is slow: the ring fills, what has no room is dropped and counted, the rest goes. */
static void slow_wire(void)
{
	uint32_t i, slots = 64;
	struct client a;
	char *state;

	nm = nmcore_open();
	client_open(&a, "vale0:a", NULL);
	t_eq(attach("vale0:fake0", NULL), 0);
	fake_hold("fake0", true);
	for (i = 0; i < 200; i++) {
		t_check(client_put(&a, ALL, 1, i));
		client_sync(&a, NIOCTXSYNC);
	}
	t_check(fake_sent("fake0", NULL, 0, NULL) <= slots);
	state = nmcore_state(1);
	t_check(!strstr(state, "\"no-room\":200"));
	free(state);
	fake_hold("fake0", false);
	for (i = 0; i < 1000; i++) {
		t_check(client_put(&a, ALL, 1, i));
		client_sync(&a, NIOCTXSYNC);
	}
	t_check(fake_sent("fake0", NULL, 0, NULL) >= 1000 + slots - 1);
	t_eq(client_detach(nm, "vale0:fake0"), 0);
	client_close(&a);
	nmcore_close(nm);
	expect_nothing_left();
}

static void between_two_wires(void)
{
	unsigned char f[60], last[60];
	uint32_t i, len;

	nm = nmcore_open();
	t_eq(attach("vale0:fake0", NULL), 0);
	t_eq(attach("vale0:fake4", NULL), 0); /* two rings */
	for (i = 0; i < 500; i++) {
		frame_number(f, i ? 2 : ALL, 1, i);
		t_check(fake_arrive("fake0", f, 60));
		t_eq(fake_sent("fake4", last, 60, &len), i + 1);
		t_check(len == 60 && !memcmp(f, last, 60));
		frame_number(f, 1, 2, i);
		t_check(fake_arrive("fake4", f, 60));
		t_eq(fake_sent("fake0", last, 60, &len), i + 1);
		t_check(len == 60 && !memcmp(f, last, 60));
	}
	t_eq(client_detach(nm, "vale0:fake0"), 0);
	t_eq(client_detach(nm, "vale0:fake4"), 0);
	nmcore_close(nm);
	expect_nothing_left();
}

static void interface_vanishes_while_attached(void)
{
	struct client a, b;
	uint32_t i;

	nm = nmcore_open();
	client_open(&a, "vale0:a", NULL);
	client_open(&b, "vale0:b", NULL);
	t_eq(attach("vale0:fake0", NULL), 0);
	t_check(client_put(&a, ALL, 1, 1));
	client_sync(&a, NIOCTXSYNC);
	fake_gone("fake0", ENETDOWN);
	for (i = 0; i < 100; i++) {
		t_check(client_put(&a, ALL, 1, i));
		client_sync(&a, NIOCTXSYNC);
	}
	t_eq(client_detach(nm, "vale0:fake0"), ENOENT); /* it has left */
	/* a new one of the same name can take its place */
	t_eq(attach("vale0:fake0", NULL), 0);
	t_eq(client_detach(nm, "vale0:fake0"), 0);
	client_close(&a);
	client_close(&b);
	nmcore_close(nm);
	expect_nothing_left();
}

static int polling(uint16_t type, const char *name, uint32_t mode, uint32_t cpu, uint32_t n)
{
	struct nmreq_vale_polling req = {
		.nr_mode = mode,
		.nr_first_cpu_id = cpu,
		.nr_num_polling_cpus = n,
	};

	return client_request(nm, type, name, &req);
}

static int polling_on(const char *name, uint32_t mode, uint32_t cpu, uint32_t n)
{
	return polling(NETMAP_REQ_VALE_POLLING_ENABLE, name, mode, cpu, n);
}

static int polling_off(const char *name)
{
	return polling(NETMAP_REQ_VALE_POLLING_DISABLE, name, 0, 0, 0);
}

/* What comes in is found by a thread: nobody waits for an event here. */
static void expect_soon(struct client *c, uint32_t want)
{
	int i;

	for (i = 0; i < 50000; i++) {
		client_sync(c, NIOCRXSYNC);
		if (!nm_ring_empty(c->rx))
			break;
		usleep(100);
	}
	client_expect(c, want);
}

static void threads_that_poll(void)
{
	const uint32_t cpu = (uint32_t)sched_getcpu();
	const struct {
		const char *name;
		uint32_t mode, cpus;
	} ways[] = {
		{ "fake0", NETMAP_POLLING_MODE_SINGLE_CPU, 1 },
		{ "fake4", NETMAP_POLLING_MODE_SINGLE_CPU, 0 },
		{ "fake4", NETMAP_POLLING_MODE_MULTI_CPU, 1 },
	};
	unsigned char f[60];
	struct client a;
	char name[32];
	uint32_t i, k;

	nm = nmcore_open();
	client_open(&a, "vale0:a", NULL);
	for (k = 0; k < 3; k++) {
		snprintf(name, sizeof(name), "vale0:%s", ways[k].name);
		t_eq(attach(name, NULL), 0);
		t_eq(polling_off(name), EINVAL);
		for (i = 0; i < 200; i++) {
			if (i % 50 == 0)
				t_eq(polling_on(name, ways[k].mode, cpu, ways[k].cpus), 0);
			frame_number(f, ALL, 9, i);
			t_check(fake_arrive(ways[k].name, f, 60));
			expect_soon(&a, i);
			if (i % 50 == 25) /* by events from here to the next fifty */
				t_eq(polling_off(name), 0);
		}
		/* it leaves while it is polled: asked to, or because it is gone */
		t_eq(polling_on(name, ways[k].mode, cpu, ways[k].cpus), 0);
		t_eq(polling_on(name, ways[k].mode, cpu, ways[k].cpus), EBUSY);
		if (k == 1) {
			fake_gone(ways[k].name, ENETDOWN);
			t_eq(client_detach(nm, name), ENOENT);
		} else {
			t_eq(client_detach(nm, name), 0);
		}
	}
	client_close(&a);
	nmcore_close(nm);
	expect_nothing_left();
}

static void polling_that_makes_no_sense(void)
{
	const uint32_t cpu = (uint32_t)sched_getcpu();
	struct client a;

	nm = nmcore_open();
	client_open(&a, "vale0:a", NULL);
	t_eq(attach("vale0:fake4", NULL), 0);
	t_eq(polling_on("fake4", NETMAP_POLLING_MODE_SINGLE_CPU, cpu, 1), EINVAL);
	t_eq(polling_on("vale0:b", NETMAP_POLLING_MODE_SINGLE_CPU, cpu, 1), ENOENT);
	t_eq(polling_on("vale1:fake4", NETMAP_POLLING_MODE_SINGLE_CPU, cpu, 1), ENOENT);
	t_eq(polling_on("vale0:a", NETMAP_POLLING_MODE_SINGLE_CPU, cpu, 1), EINVAL);
	t_eq(polling_off("vale0:a"), EINVAL);
	t_eq(polling_on("vale0:fake4", 0, cpu, 1), EINVAL);
	t_eq(polling_on("vale0:fake4", 3, cpu, 1), EINVAL);
	t_eq(polling_on("vale0:fake4", NETMAP_POLLING_MODE_SINGLE_CPU, cpu, 2), EINVAL);
	t_eq(polling_on("vale0:fake4", NETMAP_POLLING_MODE_MULTI_CPU, cpu, 3), EINVAL);
	t_eq(polling_on("vale0:fake4", NETMAP_POLLING_MODE_MULTI_CPU, cpu, ~0u), EINVAL);
	t_eq(polling_on("vale0:fake4", NETMAP_POLLING_MODE_SINGLE_CPU, 100000, 1), EINVAL);
	t_eq(polling_on("vale0:fake4", NETMAP_POLLING_MODE_MULTI_CPU, ~0u, 2), EINVAL);
	t_eq(polling_off("vale0:fake4"), EINVAL); /* none of these has left anything */
	t_eq(client_detach(nm, "vale0:fake4"), 0);
	client_close(&a);
	nmcore_close(nm);
	expect_nothing_left();
}

/* The same, as programs ask for it that are built around struct nmreq. */
static int polling_old(uint16_t cmd, uint32_t flags, uint16_t cpu, uint16_t n, struct nmreq *req)
{
	*req = (struct nmreq){
		.nr_version = NETMAP_API,
		.nr_name = "vale0:fake4",
		.nr_cmd = cmd,
		.nr_flags = flags,
		.nr_ringid = cpu,
		.nr_arg1 = n,
	};
	return nmcore_ioctl(nm, NIOCREGIF, req) < 0 ? errno : 0;
}

static void polling_by_old_requests(void)
{
	const uint16_t cpu = (uint16_t)sched_getcpu();
	const struct {
		uint32_t flags;
		uint16_t asked, got;
	} ways[] = {
		{ 0, 0, 1 },
		{ NR_REG_ALL_NIC, 1, 1 },
		{ NR_REG_ONE_NIC, 1, 1 },
	};
	unsigned char f[60];
	struct client a;
	struct nmreq req;
	uint32_t k;

	nm = nmcore_open();
	client_open(&a, "vale0:a", NULL);
	t_eq(attach("vale0:fake4", NULL), 0);
	t_eq(polling_old(NETMAP_BDG_POLLING_OFF, 0, 0, 0, &req), EINVAL);
	for (k = 0; k < 3; k++) {
		t_eq(polling_old(NETMAP_BDG_POLLING_ON, ways[k].flags, cpu, ways[k].asked, &req),
		     0);
		t_eq(req.nr_arg1, ways[k].got);
		frame_number(f, ALL, 9, k);
		t_check(fake_arrive("fake4", f, 60));
		expect_soon(&a, k);
		t_eq(polling_old(NETMAP_BDG_POLLING_ON, ways[k].flags, cpu, 1, &req), EBUSY);
		/* either way of asking stops it */
		if (k == 1)
			t_eq(polling_off("vale0:fake4"), 0);
		else
			t_eq(polling_old(NETMAP_BDG_POLLING_OFF, 0, 0, 0, &req), 0);
	}
	t_eq(polling_old(NETMAP_BDG_POLLING_ON, NR_REG_SW, cpu, 1, &req), EINVAL);
	t_eq(polling_old(NETMAP_BDG_POLLING_ON, NR_REG_ALL_NIC, cpu, 2, &req), EINVAL);
	t_eq(polling_old(NETMAP_BDG_POLLING_ON, NR_REG_ONE_NIC, cpu, 0xffff, &req), EINVAL);
	t_eq(polling_old(NETMAP_BDG_POLLING_ON, NR_REG_ALL_NIC, NETMAP_RING_MASK, 1, &req), EINVAL);
	t_eq(polling_old(NETMAP_BDG_POLLING_OFF, 0, 0, 0, &req), EINVAL);
	t_eq(client_detach(nm, "vale0:fake4"), 0);
	client_close(&a);
	nmcore_close(nm);
	expect_nothing_left();
}

static void *wait_for_it(void *arg)
{
	struct client *c = arg;
	struct pollfd p = { .events = POLLIN };

	while (!(nmcore_poll(c->nm, POLLIN, 1) & POLLERR)) {
		p.fd = nmcore_wakefd(c->nm);
		t_check(poll(&p, 1, 10000) == 1, "still waiting");
	}
	return NULL;
}

static void interface_vanishes_while_open(void)
{
	struct client c;
	pthread_t t;

	nm = nmcore_open();
	client_open(&c, "fake1", NULL);
	t_check(!pthread_create(&t, NULL, wait_for_it, &c));
	t_sleep(0.2);
	fake_gone("fake1", ENXIO);
	pthread_join(t, NULL);
	t_check(nmcore_ioctl(c.nm, NIOCTXSYNC, NULL) < 0);
	t_eq(errno, ENXIO);
	t_check(nmcore_ioctl(c.nm, NIOCRXSYNC, NULL) < 0);
	t_check(nmcore_error(c.nm)[0]);
	client_close(&c);
	nmcore_close(nm);
	expect_nothing_left();
}

/* Interfaces of one process share their memory; a pipe of one is in it too. */
static void shared_memory(void)
{
	struct client a, b, p, q;
	unsigned char f[60];

	nm = nmcore_open();
	client_open(&a, "fake0", NULL);
	client_open(&b, "fake1", NULL);
	client_open(&p, "fake0{1", NULL);
	client_open(&q, "fake0}1", NULL);
	t_eq(a.reg.nr_mem_id, 1);
	t_eq(b.reg.nr_mem_id, 1);
	t_eq(p.reg.nr_mem_id, 1);
	/* zero copy: what fake0 receives is sent by fake1 from the same buffer */
	frame_number(f, 5, 6, 7);
	t_check(fake_arrive("fake0", f, 60));
	client_sync(&a, NIOCRXSYNC);
	t_eq(nm_ring_space(a.rx), 1);
	{
		uint32_t idx = b.tx->slot[b.tx->head].buf_idx;

		b.tx->slot[b.tx->head].buf_idx = a.rx->slot[a.rx->head].buf_idx;
		b.tx->slot[b.tx->head].len = 60;
		b.tx->slot[b.tx->head].flags = NS_BUF_CHANGED;
		a.rx->slot[a.rx->head].buf_idx = idx;
		a.rx->slot[a.rx->head].flags = NS_BUF_CHANGED;
	}
	b.tx->head = b.tx->cur = nm_ring_next(b.tx, b.tx->head);
	a.rx->head = a.rx->cur = a.rx->tail;
	client_sync(&b, NIOCTXSYNC);
	client_sync(&a, NIOCRXSYNC);
	t_eq(fake_sent("fake1", f, 60, NULL), 1);
	t_eq(f[14], 7);
	client_close(&p);
	client_close(&q);
	client_close(&a);
	client_close(&b);
	nmcore_close(nm);
	expect_nothing_left();
}

T_MAIN(T_CASE(to_and_from_the_wire), T_CASE(one_owner_at_a_time), T_CASE(slow_wire),
       T_CASE(between_two_wires), T_CASE(interface_vanishes_while_attached),
       T_CASE(threads_that_poll), T_CASE(polling_that_makes_no_sense),
       T_CASE(polling_by_old_requests), T_CASE(interface_vanishes_while_open),
       T_CASE(shared_memory))
