// SPDX-License-Identifier: BSD-2-Clause
/*
 * Receive rings whose pointers the client shares: what libnetmap does instead of a sync
 * (lib/client_csb.c), by hand, mixed with real ones; and what a hostile client may do.
 */
#include "client.h"

#include <errno.h>
#include <pthread.h>

static struct client tx, rx;
static struct nm_csb_atok *atok;
static struct nm_csb_ktoa *ktoa;

static void both_open(void)
{
	client_open(&tx, "vale0:tx", NULL);
	client_open(&rx, "vale0:rx", NULL);
	t_eq(nmcore_csb(rx.nm), sizeof(*atok) + sizeof(*ktoa));
	atok = (struct nm_csb_atok *)((char *)rx.rx - nmcore_csb(rx.nm));
	ktoa = (struct nm_csb_ktoa *)(atok + 1);
	t_eq(atok->head, rx.rx->head);
	t_eq(ktoa->hwtail, rx.rx->tail);
}

static void both_close(void)
{
	client_close(&tx);
	client_close(&rx);
	expect_nothing_left();
}

/* As libnetmap does it, in one thread. */
static void sync_by_hand(void)
{
	__atomic_store_n(&atok->head, rx.rx->head, __ATOMIC_RELEASE);
	__atomic_store_n((uint32_t *)&rx.rx->tail, __atomic_load_n(&ktoa->hwtail, __ATOMIC_ACQUIRE),
			 __ATOMIC_RELEASE);
}

static void who_has_it(void)
{
	struct nmreq_register one_way = { .nr_mode = NR_REG_ALL_NIC, .nr_flags = NR_TX_RINGS_ONLY };
	struct client c;

	client_open(&c, "vale0:t", &one_way);
	t_eq(nmcore_csb(c.nm), 0);
	t_eq(nmcore_news(c.nm), 0);
	client_close(&c);
	client_open(&c, "x{1", NULL);
	t_eq(nmcore_csb(c.nm), 0);
	client_close(&c);
	client_open(&c, "null:x", NULL);
	t_eq(nmcore_csb(c.nm), 0);
	client_close(&c);
	c.nm = nmcore_open();
	t_eq(nmcore_csb(c.nm), 0);
	nmcore_close(c.nm);
}

/* Any mix of syncs: no packet is lost but for want of room, all are in order. */
static void any_mix(void)
{
	uint64_t steps = t_rounds(400000), step;
	uint32_t sent = 0, got = 0, number, k;
	uint8_t from;

	both_open();
	for (step = 0; step < steps; step++) {
		/* never more than there is room for, which makes a loss an error */
		for (k = t_random() % 200; k && sent - got < rx.rx->num_slots - 1; k--)
			sent += client_put(&tx, ALL, 1, sent);
		client_sync(&tx, NIOCTXSYNC);
		if (t_random() % 3)
			sync_by_hand();
		else
			client_sync(&rx, NIOCRXSYNC);
		for (k = t_random() % 300; k && client_take(&rx, &from, &number); k--)
			t_eq(number, got++);
		/* what was taken must be given back before the next round counts on it */
		sync_by_hand();
	}
	while (client_take(&rx, &from, &number))
		t_eq(number, got++);
	t_eq(got, sent);
	both_close();
}

static void new_client_of_a_ring(void)
{
	struct client second;
	uint32_t number, i;
	uint8_t from;

	/* the first goes while the ring has packets, and with pointers that make no sense */
	both_open();
	client_open(&second, "vale0:rx", NULL);
	for (i = 0; i < 10; i++)
		client_put(&tx, ALL, 1, i);
	client_sync(&tx, NIOCTXSYNC);
	sync_by_hand();
	for (i = 0; i < 4; i++)
		t_check(client_take(&rx, &from, &number));
	sync_by_hand();
	client_close(&rx);
	client_sync(&second, NIOCRXSYNC);
	for (i = 4; i < 10; i++) {
		t_check(client_take(&second, &from, &number));
		t_eq(number, i);
	}
	rx = second;
	both_close();
}

/* Wrong pointers free no room, and the next sync says what is wrong. */
static void wrong_pointers(void)
{
	uint32_t n, i, wrong[3], number;
	uint8_t from;

	both_open();
	n = rx.rx->num_slots;
	for (i = 0; i < 100; i++)
		client_put(&tx, ALL, 1, i);
	client_sync(&tx, NIOCTXSYNC);
	sync_by_hand();
	wrong[0] = n;
	wrong[1] = n + 100;
	wrong[2] = UINT32_MAX;
	for (i = 0; i < 3; i++) {
		atok->head = wrong[i];
		/* fills it, and looks at what came back */
		while (client_put(&tx, ALL, 1, 7))
			;
		client_sync(&tx, NIOCTXSYNC);
		t_eq(ktoa->hwtail, n - 1);
	}
	rx.rx->head = rx.rx->cur = n - 1;
	t_eq(nmcore_ioctl(rx.nm, NIOCRXSYNC, NULL), 0);
	rx.rx->head = n + 5;
	t_eq(nmcore_ioctl(rx.nm, NIOCRXSYNC, NULL), -1);
	t_eq(errno, EINVAL);
	t_eq(atok->head, rx.rx->head);
	/* and goes on */
	client_put(&tx, ALL, 1, 4711);
	client_sync(&tx, NIOCTXSYNC);
	sync_by_hand();
	t_check(client_take(&rx, &from, &number));
	t_eq(number, 4711);
	both_close();
}

/* What a pipe's receiver looks at, to know when a sync would show it more. */
static void news_of_a_pipe(void)
{
	uint32_t n, i, number, round;
	uint8_t from;

	client_open(&tx, "x{1", NULL);
	client_open(&rx, "x}1", NULL);
	t_eq(nmcore_csb(rx.nm), 0);
	t_eq(nmcore_news(rx.nm), sizeof(*atok) + sizeof(*ktoa));
	ktoa = (struct nm_csb_ktoa *)((char *)rx.rx - sizeof(*ktoa));
	n = rx.rx->num_slots;
	for (round = 0; round < 3; round++) {
		t_eq(ktoa->hwtail, rx.rx->tail);
		/* it fills, and what finds no room stays with the sender */
		for (i = 0; i < n - 1; i++)
			client_put(&tx, ALL, 1, i);
		client_sync(&tx, NIOCTXSYNC);
		t_eq(ktoa->hwtail, (rx.rx->tail + n - 1) % n);
		for (i = n - 1; i < n + 9; i++)
			client_put(&tx, ALL, 1, i);
		client_sync(&tx, NIOCTXSYNC);
		client_sync(&rx, NIOCRXSYNC);
		t_eq(ktoa->hwtail, rx.rx->tail);
		for (i = 0; i < 10; i++)
			t_check(client_take(&rx, &from, &number) && number == i);
		t_eq(ktoa->hwtail, rx.rx->tail);
		client_sync(&rx, NIOCRXSYNC); /* pulls */
		t_eq(ktoa->hwtail, rx.rx->tail);
		for (; i < n + 9; i++)
			t_check(client_take(&rx, &from, &number) && number == i);
		/* with nothing in it for the next one */
		client_sync(&rx, NIOCRXSYNC);
		client_close(&rx);
		client_open(&rx, "x}1", NULL);
	}
	client_close(&rx);
	t_eq(nmcore_news(tx.nm), sizeof(*atok) + sizeof(*ktoa));
	client_close(&tx);
	expect_nothing_left();
}

static bool stop;

static void *scribble(void *arg)
{
	uint32_t seed = 1;

	(void)arg;
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		seed = seed * 1664525 + 1013904223;
		__atomic_store_n(&atok->head, seed >> 8 & (seed & 1 ? 0x3ff : UINT32_MAX),
				 __ATOMIC_RELAXED);
		__atomic_store_n(&ktoa->hwtail, seed >> 3, __ATOMIC_RELAXED);
		__atomic_store_n((uint32_t *)&rx.rx->tail, seed >> 5, __ATOMIC_RELAXED);
		__atomic_store_n(&rx.rx->head, seed >> 7 & 0x3ff, __ATOMIC_RELAXED);
	}
	return NULL;
}

/* A receiver that writes anything at any time hurts itself: others get what is theirs. */
static void hostile_pointers(void)
{
	uint64_t rounds = t_rounds(20000), i;
	uint32_t number;
	struct client other;
	pthread_t thread;
	uint8_t from;

	both_open();
	client_open(&other, "vale0:other", NULL);
	t_check(!pthread_create(&thread, NULL, scribble, NULL));
	for (i = 0; i < rounds; i++) {
		client_put(&tx, ALL, 1, i);
		client_put(&tx, ALL, 1, i);
		client_sync(&tx, NIOCTXSYNC);
		nmcore_ioctl(rx.nm, NIOCRXSYNC, NULL);
		client_sync(&other, NIOCRXSYNC);
		t_check(client_take(&other, &from, &number) && number == i);
		t_check(client_take(&other, &from, &number) && number == i);
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	client_close(&other);
	both_close();
}

T_MAIN(T_CASE(who_has_it), T_LONG(any_mix, 200), T_CASE(new_client_of_a_ring),
       T_CASE(wrong_pointers), T_CASE(news_of_a_pipe), T_LONG(hostile_pointers, 200))
