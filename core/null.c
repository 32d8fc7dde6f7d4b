// SPDX-License-Identifier: BSD-2-Clause
/*
 * Null ports, "null" and "null:NAME": transmit consumes and forgets, receive
 * never has anything. For measuring a program by itself.
 */
#include "port.h"

static int null_txsync(struct nm_kring *kr, int flags)
{
	uint32_t n = kr->num_slots;
	uint32_t i = kr->hwcur, packets = 0;
	uint64_t bytes = 0;
	union nm_slot s;

	(void)flags;
	for (; i != kr->rhead; i = nm_next(i, n)) {
		s = nm_slot_get(&kr->ring->slot[i]);
		bytes += s.len;
		packets += !(s.flags & NS_MOREFRAG);
	}
	nm_stat_add(&kr->stats.packets, packets);
	nm_stat_add(&kr->stats.bytes, bytes);
	nm_store(&kr->hwcur, kr->rhead);
	nm_store(&kr->hwtail, nm_prev(kr->rhead, n));
	nm_kring_end(kr, kr->hwtail);
	return 0;
}

static int null_rxsync(struct nm_kring *kr, int flags)
{
	(void)flags;
	nm_store(&kr->hwcur, kr->rhead);
	nm_kring_end(kr, kr->hwtail);
	return 0;
}

static void null_free(struct nm_port *port)
{
	nm_os_free(port);
}

static const struct nm_port_ops null_ops = {
	.kind = "null",
	.sync = { null_txsync, null_rxsync },
	.free = null_free,
};

static int null_make(struct nm_ns *ns, const struct nm_port_spec *spec, struct nm_port **portp,
		     struct nm_err *err)
{
	struct nm_port *port = nm_os_alloc(sizeof(*port));
	int error;

	if (!port)
		return nm_fail(err, -ENOMEM, "no memory for port %s", spec->name);
	nm_port_init(port, ns, &null_ops, spec->name);
	error = nm_port_set_mem(port, spec->mem_id, spec->user, err);
	if (error) {
		nm_port_put(port);
		return error;
	}
	*portp = port;
	return 0;
}

int nm_null_new(struct nm_ns *ns, const struct nm_port_spec *spec, struct nm_port **portp,
		struct nm_err *err)
{
	int error = null_make(ns, spec, portp, err);

	if (!error)
		(*portp)->nrings[NM_TX] = (*portp)->nrings[NM_RX] = 0;
	return error;
}

int nm_null_get(struct nm_ns *ns, const struct nm_port_spec *spec, struct nm_port **portp,
		struct nm_err *err)
{
	int error;

	if (strncmp(spec->name, "null", 4) || (spec->name[4] && spec->name[4] != ':') ||
	    nm_port_find(ns, spec->name))
		return -ENODEV;
	if (!spec->create)
		return nm_fail(err, -ENXIO, "no port called %s", spec->name);
	error = null_make(ns, spec, portp, err);
	if (error)
		return error;
	error = nm_port_set_rings(*portp, spec->tx_rings, spec->rx_rings, spec->tx_slots,
				  spec->rx_slots, err);
	if (error)
		nm_port_put(*portp);
	else
		nm_port_publish(*portp);
	return error;
}
