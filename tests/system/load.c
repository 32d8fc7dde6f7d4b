// SPDX-License-Identifier: BSD-2-Clause
/* Many clients, full switches, ports that come and go under traffic. */
#include "port.h"

#include <errno.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#define CLIENTS 64

static int stop;

static bool stopping(void)
{
	return __atomic_load_n(&stop, __ATOMIC_RELAXED);
}

/* ---- 64 clients on one switch ---- */

struct client {
	struct nmport_d *d;
	unsigned int id;
	uint64_t sent, got;
};

/* Sends to all others in turn, and checks what comes: for us, whole, from a known sender. */
static void *client_main(void *arg)
{
	struct client *c = arg;
	struct got g;
	uint32_t n = 0;
	int i;

	while (!stopping()) {
		for (i = 0; i < 16; i++, n++) {
			unsigned int to = (c->id + 1 + n % (CLIENTS - 1)) % CLIENTS;

			if (nm_ring_empty(port_tx(c->d, 0)))
				break;
			put_frame(c->d, to, c->id, n, 60, 0);
			c->sent++;
		}
		port_poll(c->d, POLLIN, 1);
		while (take_slot(c->d, 0, &g)) {
			unsigned int to = (uint8_t)g.data[4] << 8 | (uint8_t)g.data[5];
			unsigned int from = (uint8_t)g.data[10] << 8 | (uint8_t)g.data[11];

			t_check(from < CLIENTS && from != c->id, "from %u", from);
			t_check(frame_ok(g.data, g.len, to, from));
			t_eq(to, c->id); /* all are known: nothing is flooded */
			c->got++;
		}
	}
	return NULL;
}

static void clients_64(void)
{
	static struct client c[CLIENTS];
	pthread_t t[CLIENTS];
	uint64_t sent = 0, got = 0;
	unsigned int i, j;
	char spec[32];

	host_start(0);
	for (i = 0; i < CLIENTS; i++) {
		snprintf(spec, sizeof(spec), "valeL:c%u@conf:slots=512", i);
		c[i].d = port_open(spec);
		c[i].id = i;
	}
	for (i = 0; i < CLIENTS; i++) {
		send_frame(c[i].d, STATION_ALL, i, 0);
		for (j = 0; j < CLIENTS; j++)
			t_eq(take_all(c[j].d), j != i);
	}
	for (i = 0; i < CLIENTS; i++)
		t_check(!pthread_create(&t[i], NULL, client_main, &c[i]));
	t_sleep(4);
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (i = 0; i < CLIENTS; i++)
		pthread_join(t[i], NULL);
	for (i = 0; i < CLIENTS; i++) {
		port_txsync(c[i].d);
		sent += c[i].sent;
		got += c[i].got;
	}
	for (i = 0; i < CLIENTS; i++)
		got += take_all(c[i].d);
	if (!host_is("kernel")) {
		long long full = 0;
		char name[32];

		for (i = 0; i < CLIENTS; i++) {
			snprintf(name, sizeof(name), "valeL:c%u", i);
			full += port_counter(name, "rx", "no-room");
		}
		/* every packet is either there or counted */
		t_eq(got + full, sent);
	}
	t_note("%llu packets between 64 clients, %llu arrived", (unsigned long long)sent,
	       (unsigned long long)got);
	t_check(got > 1000);
	for (i = 0; i < CLIENTS; i++)
		port_close(c[i].d);
}

/* ---- as many as a switch has room for ---- */

static void ports_254(void)
{
	struct nmport_d *p[254];
	char spec[40];
	unsigned int i;

	host_start(0);
	for (i = 0; i < 254; i++) {
		snprintf(spec, sizeof(spec), "valeF:p%u@conf:slots=16", i);
		p[i] = port_open(spec);
	}
	t_eq(port_open_errno("valeF:p254@conf:slots=16"), ENOSPC);
	send_frame(p[0], STATION_ALL, 0, 77);
	for (i = 1; i < 254; i++)
		expect_frame(p[i], 77);
	for (i = 1; i < 254; i++) {
		send_frame(p[i], 0, i, i);
		expect_frame(p[0], i);
	}
	for (i = 1; i < 254; i++) {
		send_frame(p[i], i % 253 + 1 == i ? 1 : i % 253 + 1, i, i);
		expect_frame(p[i % 253 + 1], i);
	}
	/* a place that becomes free is used again */
	port_close(p[100]);
	p[100] = port_open("valeF:again@conf:slots=16");
	t_eq(port_open_errno("valeF:p254@conf:slots=16"), ENOSPC);
	send_frame(p[100], STATION_ALL, 999, 5);
	expect_frame(p[253], 5);
	for (i = 0; i < 254; i++)
		port_close(p[i]);
}

/* ---- coming and going ---- */

static void *open_and_close(void *arg)
{
	unsigned int id = (uintptr_t)arg, n = 0;
	struct nmport_d *d, *e;
	char spec[64];

	while (!stopping()) {
		snprintf(spec, sizeof(spec), "valeS:t%u@conf:slots=64", id);
		d = port_open(spec);
		send_frame(d, STATION_ALL, 100 + id, ++n);
		port_poll(d, POLLIN, 0);
		snprintf(spec, sizeof(spec), "valeS:t%u{1@conf:slots=64", id);
		e = port_open(spec);
		send_frame(e, 2, 1, n);
		if (n & 1)
			port_close(d);
		port_close(e);
		if (!(n & 1))
			port_close(d);
	}
	return NULL;
}

/* Two ports whose traffic must not suffer; others come and go on the same switch. */
static void traffic_through_a_storm(void)
{
	struct nmport_d *a, *b;
	pthread_t t[4];
	uint32_t n = 0;
	struct got g;
	uintptr_t i;
	double end;

	host_start(0);
	a = port_open("valeS:a");
	b = port_open("valeS:b");
	send_frame(b, STATION_ALL, 2, 0);
	for (i = 0; i < 4; i++)
		t_check(!pthread_create(&t[i], NULL, open_and_close, (void *)i));
	end = t_now() + 4;
	while (t_now() < end) {
		bool found = false;
		double since = t_now();

		send_frame(a, 2, 1, ++n);
		/* not at once, if a sender before us was put to sleep amid its delivery */
		while (!found) {
			while (take_slot(b, 0, &g))
				found |= g.number == n && frame_ok(g.data, g.len, 2, 1);
			if (found)
				break;
			t_check(t_now() < since + 10, "number %u", n);
			port_poll(b, POLLIN, 100);
		}
		take_all(a);
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	port_close(a);
	port_close(b);
}

static void *attach_and_detach(void *arg)
{
	struct nmreq_vale_attach att = { .reg.nr_mode = NR_REG_ALL_NIC };
	struct nmreq_vale_detach det = { 0 };
	int n = 0;

	(void)arg;
	while (!stopping()) {
		att.reg.nr_mode = NR_REG_ALL_NIC;
		t_eq(host_request(NETMAP_REQ_VALE_ATTACH, "valeT:pers", &att), 0);
		t_eq(host_request(NETMAP_REQ_VALE_ATTACH, "valeT:null:x", &att), 0);
		if (++n % 3 == 0)
			t_sleep(0.001);
		t_eq(host_request(NETMAP_REQ_VALE_DETACH, "valeT:pers", &det), 0);
		t_eq(host_request(NETMAP_REQ_VALE_DETACH, "valeT:null:x", &det), 0);
	}
	return NULL;
}

static void *send_forever(void *arg)
{
	struct nmport_d *d = arg;
	uint32_t n = 0;

	while (!stopping()) {
		while (!nm_ring_empty(port_tx(d, 0)) && ++n % 64)
			put_frame(d, n & 1 ? STATION_ALL : n % 4, 3, n, 60, 0);
		port_txsync(d);
		port_poll(d, POLLIN | POLLOUT, 0);
		take_all(d);
	}
	return NULL;
}

/* Members leave the switch while they send, and while others send to them. */
static void detach_under_traffic(void)
{
	struct nmreq_vale_newif req = { 0 };
	struct nmport_d *p, *v;
	pthread_t t[3];
	int i;

	host_start(0);
	v = port_open("valeT:v");
	t_eq(host_request(NETMAP_REQ_VALE_NEWIF, "pers", &req), 0);
	p = port_open("netmap:pers");
	t_check(!pthread_create(&t[0], NULL, attach_and_detach, NULL));
	t_check(!pthread_create(&t[1], NULL, send_forever, p));
	t_check(!pthread_create(&t[2], NULL, send_forever, v));
	t_sleep(4);
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	port_close(p);
	t_eq(host_request(NETMAP_REQ_VALE_DELIF, "pers", NULL), 0);
	port_close(v);
}

T_MAIN(T_LONG(clients_64, 120), T_LONG(ports_254, 120), T_CASE(traffic_through_a_storm),
       T_CASE(detach_under_traffic))
