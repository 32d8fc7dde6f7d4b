// SPDX-License-Identifier: BSD-2-Clause
/*
 * Every allocation fails once: whatever is being done then fails with a reason, undoes what
 * it had done, and works the next time. Leaks are the sanitizer's to find, and the listing's.
 */
#include "client.h"
#include "fault.h"

#include <errno.h>

/* A scenario: 0, or the errno of its first failure, with all undone. */
typedef int (*scenario)(void);

/* The listing, but for what memories have committed: that stays, as it should. */
static char *state_now(void)
{
	static const char key[] = "\"bufs_committed\":";
	char *s, *p;

	nmcore_fail_alloc_after(-1);
	s = nmcore_state(1);
	t_check(s);
	for (p = strstr(s, key); p; p = strstr(p, key)) {
		p += sizeof(key) - 1;
		memmove(p, p + strspn(p, "0123456789"), strlen(p + strspn(p, "0123456789")) + 1);
	}
	return s;
}

/* Counters move; what is there does not. */
static void expect_same(const char *before, const char *after, long n)
{
	size_t at = 0, from;

	while (before[at] && before[at] == after[at])
		at++;
	from = at > 60 ? at - 60 : 0;
	t_check(!before[at] && !after[at], "after failure %ld: %.200s\n# before: %.200s", n,
		after + from, before + from);
}

static long fail_each(scenario fn, const char *name)
{
	char *before = state_now(), *after;
	int error;
	long n;

	for (n = 0; n < 10000; n++) {
		nmcore_fail_alloc_after(n);
		error = fn();
		if (!error && nmcore_allocs() <= n)
			break;
		t_check(error == ENOMEM || !error, "%s, allocation %ld: errno %d", name, n, error);
		after = state_now();
		expect_same(before, after, n);
		free(after);
		t_eq(fn(), 0);
	}
	nmcore_fail_alloc_after(-1);
	after = state_now();
	expect_same(before, after, n);
	free(after);
	free(before);
	t_note("%s: %ld allocations", name, n);
	return n;
}

static int open_close(const char *name, const struct nmreq_register *reg)
{
	struct client c;
	int error = client_try(&c, name, reg);

	if (!error)
		client_close(&c);
	return error;
}

static int vale_port(void)
{
	static const struct nmreq_register reg = {
		.nr_mode = NR_REG_ALL_NIC, .nr_tx_rings = 3, .nr_rx_rings = 2, .nr_extra_bufs = 500
	};

	return open_close("vale0:f", &reg);
}

static int pipe_pair(void)
{
	static const struct nmreq_register reg = { .nr_mode = NR_REG_ALL_NIC,
						   .nr_tx_rings = 2,
						   .nr_rx_rings = 1 };
	struct client a, b;
	int error = client_try(&a, "f{1", &reg);

	if (error)
		return error;
	error = client_try(&b, "f}1", NULL);
	if (!error)
		client_close(&b);
	client_close(&a);
	return error;
}

static int pipe_of_a_vale_port(void)
{
	return open_close("vale0:f{1", NULL);
}

static int null_port(void)
{
	return open_close("null", NULL);
}

static int memory_only(void)
{
	static const struct nmreq_register reg = { .nr_mode = NR_REG_NULL, .nr_extra_bufs = 100 };

	return open_close("mem", &reg);
}

static int global_memory(void)
{
	static const struct nmreq_register reg = { .nr_mode = NR_REG_ALL_NIC, .nr_mem_id = 1 };

	return open_close("vale0:g", &reg);
}

static int one_ring(void)
{
	static const struct nmreq_register reg = {
		.nr_mode = NR_REG_ONE_NIC, .nr_ringid = 1, .nr_tx_rings = 2, .nr_rx_rings = 2
	};

	return open_close("vale0:o", &reg);
}

static int info(void)
{
	struct nmreq_port_info_get body = { 0 };
	struct nmcore *nm = nmcore_open();
	int error;

	if (!nm)
		return errno;
	error = client_request(nm, NETMAP_REQ_PORT_INFO_GET, "info{1", &body);
	nmcore_close(nm);
	return error;
}

static int persistent(void)
{
	struct nmreq_vale_newif new = { .nr_tx_rings = 2 };
	struct nmreq_vale_attach att = { .reg.nr_mode = NR_REG_ALL_NIC };
	struct nmreq_vale_detach det = { 0 };
	struct nmcore *nm = nmcore_open();
	int error;

	if (!nm)
		return errno;
	error = client_request(nm, NETMAP_REQ_VALE_NEWIF, "fper", &new);
	if (!error) {
		error = client_request(nm, NETMAP_REQ_VALE_ATTACH, "vale1:fper", &att);
		if (!error)
			t_eq(client_request(nm, NETMAP_REQ_VALE_DETACH, "vale1:fper", &det), 0);
		t_eq(client_request(nm, NETMAP_REQ_VALE_DELIF, "fper", NULL), 0);
	}
	nmcore_close(nm);
	return error;
}

static int attached(void)
{
	struct nmreq_vale_attach att = { .reg.nr_mode = NR_REG_ALL_NIC };
	struct nmreq_vale_detach det = { 0 };
	struct nmcore *nm = nmcore_open();
	int error;

	if (!nm)
		return errno;
	error = client_request(nm, NETMAP_REQ_VALE_ATTACH, "vale1:null:f", &att);
	if (!error)
		t_eq(client_request(nm, NETMAP_REQ_VALE_DETACH, "vale1:null:f", &det), 0);
	nmcore_close(nm);
	return error;
}

static const struct {
	const char *name;
	scenario fn;
} all[] = {
	{ "a VALE port with rings and extra buffers", vale_port },
	{ "a pipe", pipe_pair },
	{ "a pipe of a VALE port", pipe_of_a_vale_port },
	{ "a null port", null_port },
	{ "memory only", memory_only },
	{ "the shared memory", global_memory },
	{ "one ring", one_ring },
	{ "information", info },
	{ "a persistent port", persistent },
	{ "an attached port", attached },
};

/* On a namespace that is empty but for one descriptor ... */
static void from_nothing(void)
{
	struct nmcore *nm = nmcore_open();
	unsigned int i;

	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		t_check(fail_each(all[i].fn, all[i].name) > 1);
	nmcore_close(nm);
	expect_nothing_left();
}

/* ... and on one where the switches, and a user of the shared memory, are there already. */
static void beside_others(void)
{
	static const struct nmreq_register shared = { .nr_mode = NR_REG_ALL_NIC, .nr_mem_id = 1 };
	struct client a, b, c;
	unsigned int i;

	client_open(&a, "vale0:a", NULL);
	client_open(&b, "vale1:b", &shared);
	client_open(&c, "f{2", NULL);
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		t_check(fail_each(all[i].fn, all[i].name) > 0);
	client_close(&a);
	client_close(&b);
	client_close(&c);
	expect_nothing_left();
}

/* The very first descriptor makes the namespace. */
static void first_open(void)
{
	struct nmcore *nm = NULL;
	long n;

	for (n = 0; !nm; n++) {
		t_check(n < 100);
		nmcore_fail_alloc_after(n);
		nm = nmcore_open();
		if (!nm)
			t_eq(errno, ENOMEM);
		if (n < 2)
			t_check(!nm, "allocation %ld", n);
	}
	nmcore_fail_alloc_after(-1);
	nmcore_close(nm);
	expect_nothing_left();
}

/* Traffic needs no allocation at all. */
static void none_while_packets_move(void)
{
	uint32_t i, number;
	struct client a, b;
	uint8_t from;

	client_open(&a, "vale0:a", NULL);
	client_open(&b, "vale0:b", NULL);
	nmcore_fail_alloc_after(0);
	for (i = 0; i < 10000; i++) {
		t_check(client_put(&a, 2, 1, i));
		client_sync(&a, NIOCTXSYNC);
		client_sync(&b, NIOCRXSYNC);
		t_check(client_take(&b, &from, &number) && number == i);
	}
	t_eq(nmcore_allocs(), 0);
	nmcore_fail_alloc_after(-1);
	client_close(&a);
	client_close(&b);
	expect_nothing_left();
}

T_MAIN(T_LONG(from_nothing, 200), T_LONG(beside_others, 200), T_CASE(first_open),
       T_CASE(none_while_packets_move))
