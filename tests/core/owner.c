// SPDX-License-Identifier: BSD-2-Clause
/* Users who do not trust each other: whose memory and whose ports may be had. */
#include "client.h"

#include <errno.h>

#define ADMIN 0

/* A descriptor of user `id`. */
static struct nmcore *as(uint32_t id)
{
	struct nmcore *nm = nmcore_open();

	t_check(nm);
	if (id != ADMIN)
		nmcore_set_guest(nm, id);
	return nm;
}

/* Registers; what it came to. The descriptor stays in *nmp if that is asked for. */
static int try_register(uint32_t id, const char *name, uint16_t mem_id, struct nmcore **nmp)
{
	struct nmreq_register reg = { .nr_mode = NR_REG_ALL_NIC, .nr_mem_id = mem_id };
	struct nmcore *nm = as(id);
	int error = client_request(nm, NETMAP_REQ_REGISTER, name, &reg);

	if (error == EPERM)
		t_check(strstr(nmcore_error(nm), "administrator"), "%s", nmcore_error(nm));
	if (nmp)
		*nmp = nm;
	else
		t_eq(nmcore_close(nm), 0);
	return error;
}

static uint16_t mem_id_of(const char *name)
{
	struct nmreq_port_info_get info = { 0 };
	struct nmcore *nm = as(ADMIN);

	t_eq(client_request(nm, NETMAP_REQ_PORT_INFO_GET, name, &info), 0);
	t_eq(nmcore_close(nm), 0);
	return info.nr_mem_id;
}

static void memory_is_its_users(void)
{
	struct nmcore *a, *b;
	uint16_t id;

	t_eq(try_register(1, "vale0:a", 0, &a), 0);
	id = mem_id_of("vale0:a");
	t_check(id > 1);
	/* by its number, by the port's name, by a pipe of it */
	t_eq(try_register(2, "vale0:b", id, NULL), EPERM);
	t_eq(try_register(2, "null:b", id, NULL), EPERM);
	t_eq(try_register(2, "b{1", id, NULL), EPERM);
	t_eq(try_register(2, "vale0:a", 0, NULL), EPERM);
	t_eq(try_register(2, "vale0:a{1", 0, NULL), EPERM);
	/* the same switch is for everybody: it copies */
	t_eq(try_register(2, "vale0:b", 0, &b), 0);
	t_check(mem_id_of("vale0:b") != id);
	t_eq(nmcore_close(b), 0);
	/* the user and an administrator */
	t_eq(try_register(1, "vale0:c", id, NULL), 0);
	t_eq(try_register(1, "vale0:a", 0, NULL), 0);
	t_eq(try_register(ADMIN, "vale0:c", id, NULL), 0);
	t_eq(try_register(ADMIN, "vale0:a{1", 0, NULL), 0);
	t_eq(nmcore_close(a), 0);
	expect_nothing_left();
}

static void refusal_names_the_owner(void)
{
	struct nmreq_register reg = { .nr_mode = NR_REG_ALL_NIC };
	struct nmcore *a, *b = as(2);

	t_eq(try_register(77, "vale0:a", 0, &a), 0);
	t_eq(client_request(b, NETMAP_REQ_REGISTER, "vale0:a", &reg), EPERM);
	t_check(strstr(nmcore_error(b), "user 77"), "%s", nmcore_error(b));
	t_eq(nmcore_close(b), 0);
	t_eq(nmcore_close(a), 0);
	expect_nothing_left();
}

static void both_ends_of_a_pipe_are_one_users(void)
{
	struct nmcore *a;

	t_eq(try_register(1, "x{1", 0, &a), 0);
	t_eq(try_register(2, "x}1", 0, NULL), EPERM);
	t_eq(try_register(2, "x{2", 0, NULL), EPERM);
	t_eq(try_register(1, "x}1", 0, NULL), 0);
	t_eq(nmcore_close(a), 0);
	t_eq(try_register(2, "x}1", 0, NULL), 0);
	expect_nothing_left();
}

static void interfaces_memory_is_for_administrators(void)
{
	t_eq(try_register(1, "vale0:a", 1, NULL), EPERM);
	t_eq(try_register(1, "null:a", 1, NULL), EPERM);
	t_eq(try_register(1, "a{1", 1, NULL), EPERM);
	t_eq(try_register(ADMIN, "vale0:a", 1, NULL), 0);
	expect_nothing_left();
}

/* Settings of ports, and persistent ports. */
static void ports_are_their_users(void)
{
	struct nmreq_vale_attach attach = { .reg.nr_mode = NR_REG_ALL_NIC };
	struct nmreq_vale_detach detach = { 0 };
	struct nmreq_vale_newif newif = { 0 };
	struct nmreq_port_hdr hdr = { .nr_hdr_len = 12 };
	struct nmcore *a = as(1), *b = as(2);

	t_eq(client_request(a, NETMAP_REQ_VALE_NEWIF, "v0", &newif), 0);
	t_eq(client_request(b, NETMAP_REQ_PORT_HDR_SET, "v0", &hdr), EPERM);
	t_eq(client_request(b, NETMAP_REQ_VALE_ATTACH, "vale0:v0", &attach), EPERM);
	t_eq(client_request(b, NETMAP_REQ_VALE_DELIF, "v0", NULL), EPERM);
	t_eq(client_request(a, NETMAP_REQ_VALE_ATTACH, "vale0:v0", &attach), 0);
	t_eq(client_request(b, NETMAP_REQ_VALE_DETACH, "vale0:v0", &detach), EPERM);
	t_eq(try_register(2, "v0", 0, NULL), EPERM);
	t_eq(client_request(a, NETMAP_REQ_PORT_HDR_SET, "v0", &hdr), 0);
	t_eq(client_request(a, NETMAP_REQ_VALE_DETACH, "vale0:v0", &detach), 0);
	t_eq(client_request(a, NETMAP_REQ_VALE_DELIF, "v0", NULL), 0);
	t_eq(nmcore_close(b), 0);
	t_eq(nmcore_close(a), 0);
	expect_nothing_left();
}

/* A pipe's parent may be a mere name: that must not keep others from a port of that name. */
static void pipes_do_not_take_names(void)
{
	struct nmreq_vale_newif newif = { 0 };
	struct nmcore *a, *p, *root = as(ADMIN);

	t_eq(try_register(1, "v0{1", 0, &p), 0);
	t_eq(try_register(ADMIN, "v0", 0, NULL), ENXIO);
	t_eq(client_request(root, NETMAP_REQ_VALE_NEWIF, "v0", &newif), 0);
	t_eq(try_register(ADMIN, "v0", 0, &a), 0);
	t_eq(nmcore_close(a), 0);
	/* the end that there is finds its other end, whoever has the name now */
	t_eq(try_register(1, "v0}1", 0, NULL), 0);
	t_eq(nmcore_close(p), 0);
	t_eq(client_request(root, NETMAP_REQ_VALE_DELIF, "v0", NULL), 0);
	t_eq(nmcore_close(root), 0);
	expect_nothing_left();
}

T_MAIN(T_CASE(memory_is_its_users), T_CASE(refusal_names_the_owner),
       T_CASE(both_ends_of_a_pipe_are_one_users), T_CASE(interfaces_memory_is_for_administrators),
       T_CASE(ports_are_their_users), T_CASE(pipes_do_not_take_names))
