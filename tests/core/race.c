// SPDX-License-Identifier: BSD-2-Clause
/*
 * Many threads at once, for the thread sanitizer and for whatever else breaks: senders into
 * one ring, ports that come and go, waiting, listings.
 */
#include "client.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>

#define SENDERS 4

static int stop;

static bool stopping(void)
{
	return __atomic_load_n(&stop, __ATOMIC_RELAXED);
}

static void stop_all(pthread_t *t, int n)
{
	int i;

	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (i = 0; i < n; i++)
		pthread_join(t[i], NULL);
}

/* ---- several senders, one receiver ---- */

struct sender {
	struct client c;
	uint8_t id;
	uint64_t sent;
};

static void *send_batches(void *arg)
{
	struct sender *s = arg;
	uint32_t n = 0, k;

	while (!stopping()) {
		for (k = t_random() % 40; k; k--)
			if (client_put(&s->c, 99, s->id, n))
				n++;
		client_sync(&s->c, NIOCTXSYNC);
	}
	s->sent = n;
	return NULL;
}

/* Numbers of each sender ascend; what is missing is counted as dropped. Nothing is empty. */
static void many_into_one_of(uint32_t slots)
{
	const struct nmreq_register reg = { .nr_mode = NR_REG_ALL_NIC, .nr_rx_slots = slots };
	static struct sender s[SENDERS];
	uint64_t got = 0, sent = 0;
	uint32_t last[SENDERS + 1] = { 0 }, number;
	pthread_t t[SENDERS];
	struct client rx;
	uint8_t from;
	double end;
	int i;

	client_open(&rx, "vale0:rx", &reg);
	t_check(client_put(&rx, ALL, 99, 0));
	client_sync(&rx, NIOCTXSYNC);
	for (i = 0; i < SENDERS; i++) {
		char name[16];

		snprintf(name, sizeof(name), "vale0:s%d", i);
		client_open(&s[i].c, name, NULL);
		s[i].id = i + 1;
	}
	t_check(client_put(&rx, ALL, 99, 0));
	client_sync(&rx, NIOCTXSYNC);
	for (i = 0; i < SENDERS; i++)
		t_check(!pthread_create(&t[i], NULL, send_batches, &s[i]));
	end = t_now() + 3;
	for (;;) {
		client_sync(&rx, NIOCRXSYNC);
		while (client_take(&rx, &from, &number)) {
			t_check(from >= 1 && from <= SENDERS, "from %u", from);
			t_check(!last[from] || number + 1 > last[from], "%u after %u", number,
				last[from] - 1);
			last[from] = number + 1;
			got++;
		}
		if (t_now() > end) {
			if (stopping())
				break;
			stop_all(t, SENDERS);
		}
	}
	for (i = 0; i < SENDERS; i++) {
		sent += s[i].sent;
		client_close(&s[i].c);
	}
	t_note("%llu sent, %llu received", (unsigned long long)sent, (unsigned long long)got);
	t_check(got > 1000 && got <= sent);
	client_close(&rx);
	expect_nothing_left();
}

static void many_into_one_ring(void)
{
	many_into_one_of(1024);
}

/* Which is always full: each batch finds less room than it needs. */
static void many_into_a_short_ring(void)
{
	many_into_one_of(16);
}

/* ---- storms ---- */

static void *open_close(void *arg)
{
	static const char *const name[] = { "vale1:a", "vale1:b", "vale2:a",  "st{1",
					    "st}1",    "null",	  "vale1:a{1" };
	struct nmreq_register reg = { .nr_mode = NR_REG_ALL_NIC,
				      .nr_tx_slots = 16,
				      .nr_rx_slots = 16 };
	struct client c;
	uint32_t number;
	uint8_t from;
	int n = (uintptr_t)arg, i;

	while (!stopping()) {
		client_open(&c, name[n++ % 7], &reg);
		for (i = 0; i < 5; i++) {
			client_put(&c, ALL, 1, i);
			nmcore_ioctl(c.nm, NIOCTXSYNC, NULL);
			nmcore_poll(c.nm, POLLIN, i & 1);
		}
		(void)number;
		(void)from;
		client_close(&c);
	}
	return NULL;
}

static void *list(void *arg)
{
	char *state;

	(void)arg;
	while (!stopping()) {
		state = nmcore_state(1);
		t_check(state);
		free(state);
		t_sleep(0.001);
	}
	return NULL;
}

static void open_close_storm(void)
{
	struct nmcore *nm = nmcore_open();
	pthread_t t[SENDERS + 1];
	uintptr_t i;

	for (i = 0; i < SENDERS; i++)
		t_check(!pthread_create(&t[i], NULL, open_close, (void *)(i * 2)));
	t_check(!pthread_create(&t[i], NULL, list, NULL));
	t_sleep(3);
	stop_all(t, SENDERS + 1);
	nmcore_close(nm);
	expect_nothing_left();
}

static void *attach_detach(void *arg)
{
	struct nmreq_vale_attach att;
	struct nmreq_vale_detach det;
	struct nmcore *nm = arg;

	while (!stopping()) {
		memset(&att, 0, sizeof(att));
		att.reg.nr_mode = NR_REG_ALL_NIC;
		t_eq(client_request(nm, NETMAP_REQ_VALE_ATTACH, "vale3:per", &att), 0);
		memset(&att, 0, sizeof(att));
		att.reg.nr_mode = NR_REG_ALL_NIC;
		t_eq(client_request(nm, NETMAP_REQ_VALE_ATTACH, "vale3:null:n", &att), 0);
		t_eq(client_request(nm, NETMAP_REQ_VALE_DETACH, "vale3:per", &det), 0);
		t_eq(client_request(nm, NETMAP_REQ_VALE_DETACH, "vale3:null:n", &det), 0);
	}
	return NULL;
}

static void *flood(void *arg)
{
	struct sender *s = arg;
	uint32_t n = 0, number;
	uint8_t from;

	while (!stopping()) {
		client_put(&s->c, n & 1 ? ALL : 7, s->id, n);
		n++;
		client_sync(&s->c, NIOCTXSYNC);
		client_sync(&s->c, NIOCRXSYNC);
		while (client_take(&s->c, &from, &number))
			;
	}
	return NULL;
}

static void attach_while_forwarding(void)
{
	struct nmreq_vale_newif req = { 0 };
	static struct sender s[3];
	struct nmcore *nm = nmcore_open();
	pthread_t t[4];
	int i;

	t_eq(client_request(nm, NETMAP_REQ_VALE_NEWIF, "per", &req), 0);
	client_open(&s[0].c, "per", NULL);
	client_open(&s[1].c, "vale3:a", NULL);
	client_open(&s[2].c, "vale3:b", NULL);
	for (i = 0; i < 3; i++) {
		s[i].id = 7 + i;
		t_check(!pthread_create(&t[i], NULL, flood, &s[i]));
	}
	t_check(!pthread_create(&t[3], NULL, attach_detach, nm));
	t_sleep(3);
	stop_all(t, 4);
	for (i = 0; i < 3; i++)
		client_close(&s[i].c);
	t_eq(client_request(nm, NETMAP_REQ_VALE_DELIF, "per", NULL), 0);
	nmcore_close(nm);
	expect_nothing_left();
}

/* ---- one descriptor, several threads ---- */

static void *sync_it(void *arg)
{
	struct client *c = arg;

	while (!stopping()) {
		client_sync(c, NIOCTXSYNC);
		client_sync(c, NIOCRXSYNC);
		nmcore_poll(c->nm, POLLIN | POLLOUT, 0);
	}
	return NULL;
}

/* Each of them syncs; one of them fills and one of them takes. */
static void one_ring_many_syncs(void)
{
	uint32_t n = 0, want = 0, number;
	struct client a, b;
	pthread_t t[4];
	uint8_t from;
	double end;
	int i;

	client_open(&a, "many{1", NULL);
	client_open(&b, "many}1", NULL);
	for (i = 0; i < 4; i++)
		t_check(!pthread_create(&t[i], NULL, sync_it, i & 1 ? &a : &b));
	end = t_now() + 3;
	while (t_now() < end) {
		for (i = 0; i < 50 && client_put(&a, 2, 1, n); i++)
			n++;
		/* found busy or not: it is seen */
		client_sync(&a, NIOCTXSYNC);
		client_sync(&b, NIOCRXSYNC);
		while (client_take(&b, &from, &number))
			t_eq(number, want++);
	}
	stop_all(t, 4);
	while (want < n) {
		client_sync(&b, NIOCRXSYNC);
		t_check(client_take(&b, &from, &number), "%u of %u", want, n);
		t_eq(number, want++);
	}
	client_close(&a);
	client_close(&b);
	expect_nothing_left();
}

/* ---- a sender that syncs once for each packet, and never because of poll ---- */

static uint64_t rounds;

static void *answer(void *arg)
{
	struct client *c = arg;
	struct pollfd p = { .events = POLLIN };
	uint32_t number;
	uint8_t from;
	uint64_t i;

	for (i = 0; i < rounds;) {
		client_sync(c, NIOCRXSYNC);
		if (!client_take(c, &from, &number)) {
			if (!nmcore_poll(c->nm, POLLIN, 1)) {
				p.fd = nmcore_wakefd(c->nm);
				t_check(poll(&p, 1, 10000) == 1, "nothing for 10 s at %llu",
					(unsigned long long)i);
			}
			continue;
		}
		t_eq(number, (uint32_t)i);
		t_check(client_put(c, 1, 2, number));
		client_sync(c, NIOCTXSYNC);
		i++;
	}
	return NULL;
}

static void sync_once_and_wait(const char *x, const char *y)
{
	struct nmreq_register reg = { .nr_mode = NR_REG_ALL_NIC,
				      .nr_tx_slots = 8,
				      .nr_rx_slots = 8,
				      .nr_flags = NR_NO_TX_POLL };
	struct pollfd p = { .events = POLLIN };
	struct client a, b;
	uint64_t sent = 0, got = 0;
	uint32_t number;
	uint8_t from;
	pthread_t t;

	rounds = t_rounds(300000);
	client_open(&a, x, &reg);
	client_open(&b, y, &reg);
	t_check(!pthread_create(&t, NULL, answer, &b));
	while (got < rounds) {
		/* up to five under way: the small rings are often full, but never overflow */
		while (sent < rounds && sent - got < 5 && client_put(&a, 2, 1, sent)) {
			client_sync(&a, NIOCTXSYNC);
			sent++;
		}
		client_sync(&a, NIOCRXSYNC);
		if (client_take(&a, &from, &number)) {
			t_eq(number, (uint32_t)got++);
			continue;
		}
		if (!nmcore_poll(a.nm, POLLIN, 1)) {
			p.fd = nmcore_wakefd(a.nm);
			t_check(poll(&p, 1, 10000) == 1, "no answer for 10 s at %llu",
				(unsigned long long)got);
		}
	}
	pthread_join(t, NULL);
	client_close(&a);
	client_close(&b);
	expect_nothing_left();
}

static void sync_once_in_a_pipe(void)
{
	sync_once_and_wait("once{1", "once}1");
}

static void sync_once_on_a_switch(void)
{
	sync_once_and_wait("vale4:a", "vale4:b");
}

T_MAIN(T_CASE(many_into_one_ring), T_CASE(many_into_a_short_ring), T_CASE(open_close_storm),
       T_CASE(attach_while_forwarding), T_CASE(one_ring_many_syncs),
       T_LONG(sync_once_in_a_pipe, 120), T_LONG(sync_once_on_a_switch, 120))
