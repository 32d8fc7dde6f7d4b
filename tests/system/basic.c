// SPDX-License-Identifier: BSD-2-Clause
/* Each kind of port does the plain thing. */
#include "port.h"

#include <errno.h>

static void vale_two_ports(void)
{
	struct nmport_d *a, *b;
	unsigned int i;

	host_start(0);
	a = port_open("vale0:a");
	b = port_open("vale0:b");
	send_frame(a, 2, 1, 7);
	expect_frame(b, 7);
	expect_none(a);
	send_frame(b, 1, 2, 8);
	expect_frame(a, 8);
	for (i = 0; i < 5000; i++) {
		put_frame(a, 2, 1, i, 60, 0);
		port_txsync(a);
		expect_frame(b, i);
	}
	port_close(a);
	port_close(b);
}

static void pipe_both_ways(void)
{
	struct nmport_d *a, *b;
	unsigned int i;

	host_start(0);
	a = port_open("netmap:x{1");
	b = port_open("netmap:x}1");
	for (i = 0; i < 5000; i++) {
		send_frame(a, 2, 1, i);
		expect_frame(b, i);
		send_frame(b, 1, 2, ~i);
		expect_frame(a, ~i);
	}
	port_close(b);
	port_close(a);
}

static void null_consumes(void)
{
	struct nmport_d *d;
	unsigned int i;

	host_start(0);
	d = port_open("netmap:null");
	for (i = 0; i < 5000; i++)
		send_frame(d, 2, 1, i);
	expect_none(d);
	t_eq(nm_ring_space(port_tx(d, 0)), port_tx(d, 0)->num_slots - 1);
	port_close(d);
}

T_MAIN(T_CASE(vale_two_ports), T_CASE(pipe_both_ways), T_CASE(null_consumes))
