// SPDX-License-Identifier: BSD-2-Clause
#include "host.h"

void nm_port_init(struct nm_port *port, struct nm_ns *ns, const struct nm_port_ops *ops,
		  const char *name)
{
	int dir;

	nm_list_init(&port->link);
	port->ns = ns;
	port->ops = ops;
	port->refs = 1;
	snprintf(port->name, sizeof(port->name), "%s", name);
	for (dir = 0; dir < NM_DIRS; dir++) {
		port->nrings[dir] = 1;
		port->nslots[dir] = NM_DEF_SLOTS;
		nm_os_waitq_init(&port->wq[dir]);
	}
}

void nm_port_publish(struct nm_port *port)
{
	nm_list_add_tail(&port->ns->ports, &port->link);
}

static struct nm_port *find(struct nm_ns *ns, const char *name, bool rings)
{
	struct nm_port *port;

	nm_list_for_each(port, &ns->ports, struct nm_port, link)
		if (!port->gone && !strcmp(port->name, name) &&
		    rings == (port->nrings[NM_TX] || port->nrings[NM_RX]))
			return port;
	return NULL;
}

struct nm_port *nm_port_find(struct nm_ns *ns, const char *name)
{
	return find(ns, name, true);
}

struct nm_port *nm_port_find_name(struct nm_ns *ns, const char *name)
{
	return find(ns, name, false);
}

void nm_port_hold(struct nm_port *port)
{
	port->refs++;
	if (port->twin)
		port->twin->refs++;
}

static void port_free(struct nm_port *port)
{
	int dir;

	nm_list_del(&port->link);
	if (port->mem)
		nm_mem_put(port->mem);
	for (dir = 0; dir < NM_DIRS; dir++)
		nm_os_waitq_fini(&port->wq[dir]);
	port->ops->free(port);
}

void nm_port_put(struct nm_port *port)
{
	struct nm_port *twin = port->twin;

	if (twin && !--twin->refs)
		port_free(twin);
	if (!--port->refs)
		port_free(port);
}

void nm_port_stats(struct nm_port *port, enum nm_dir dir, struct nm_stats *sum)
{
	uint32_t i;

	*sum = port->past[dir];
	if (port->krings[dir])
		for (i = 0; i < nm_port_nrings(port, dir); i++)
			nm_kring_stats(&port->krings[dir][i], sum);
}

static void krings_free(struct nm_port *port)
{
	uint32_t i;
	int dir;

	for (dir = 0; dir < NM_DIRS; dir++) {
		if (!port->krings[dir])
			continue;
		for (i = 0; i < nm_port_nrings(port, dir); i++) {
			nm_kring_stats(&port->krings[dir][i], &port->past[dir]);
			nm_kring_fini(&port->krings[dir][i]);
		}
		nm_os_free(port->krings[dir]);
		port->krings[dir] = NULL;
	}
}

static int krings_alloc(struct nm_port *port, struct nm_err *err)
{
	uint32_t i, n;
	int dir;

	for (dir = 0; dir < NM_DIRS; dir++) {
		n = nm_port_nrings(port, dir);
		port->krings[dir] = nm_os_alloc((n ? n : 1) * sizeof(struct nm_kring));
		if (!port->krings[dir]) {
			krings_free(port);
			return nm_fail(err, -ENOMEM, "no memory for %u rings of %s", n, port->name);
		}
		for (i = 0; i < n; i++) {
			nm_kring_init(&port->krings[dir][i], port, dir, i, port->nslots[dir]);
			nm_host_kring_init(&port->krings[dir][i]);
		}
	}
	return 0;
}

static int port_start(struct nm_port *port, struct nm_err *err)
{
	int error = krings_alloc(port, err);

	if (error)
		return error;
	error = port->ops->up ? port->ops->up(port, err) : 0;
	if (error)
		krings_free(port);
	return error;
}

static void port_stop(struct nm_port *port)
{
	if (port->ops->down)
		port->ops->down(port);
	krings_free(port);
}

int nm_port_up(struct nm_port *port, struct nm_err *err)
{
	struct nm_port *twin = port->twin;
	int error;

	if (port->gone)
		return nm_fail(err, -ENXIO, "%s has gone away", port->name);
	if (!port->users) {
		/* the twin first: when the port's own up() runs, both have krings */
		error = twin ? port_start(twin, err) : 0;
		if (error)
			return error;
		error = port_start(port, err);
		if (error) {
			if (twin)
				port_stop(twin);
			return error;
		}
	}
	port->users++;
	if (twin)
		twin->users++;
	return 0;
}

void nm_port_down(struct nm_port *port)
{
	if (port->twin)
		port->twin->users--;
	if (--port->users)
		return;
	port_stop(port);
	if (port->twin)
		port_stop(port->twin);
}

int nm_port_ring_get(struct nm_kring *kr, struct nm_err *err)
{
	const struct nm_port_ops *ops = kr->port->ops;
	struct nm_kring *peer = kr->peer;
	int error;

	if (!kr->users) {
		error = nm_kring_attach(kr, err);
		if (error)
			return error;
		error = peer ? nm_kring_attach(peer, err) : 0;
		if (error)
			goto fail;
		error = ops->ring_up ? ops->ring_up(kr, err) : 0;
		if (error)
			goto fail_peer;
	}
	kr->users++;
	if (peer)
		peer->users++;
	return 0;

fail_peer:
	if (peer)
		nm_kring_detach(peer);
fail:
	nm_kring_detach(kr);
	return error;
}

void nm_port_ring_put(struct nm_kring *kr)
{
	if (kr->peer)
		kr->peer->users--;
	if (--kr->users)
		return;
	if (kr->port->ops->ring_down)
		kr->port->ops->ring_down(kr);
	nm_kring_detach(kr);
	if (kr->peer)
		nm_kring_detach(kr->peer);
}

int nm_port_set_mem(struct nm_port *port, uint16_t mem_id, const struct nm_os_user *user,
		    struct nm_err *err)
{
	struct nm_ns *ns = port->ns;
	int error;

	if (!mem_id) {
		error = nm_mem_new(ns, &ns->conf.private_, &port->mem, err);
		if (!error)
			port->mem->owner = nm_os_user_id(user);
		return error;
	}
	if (mem_id == NM_MEM_GLOBAL) {
		error = nm_mem_get_global(ns, &port->mem, err);
		if (error)
			return error;
	} else {
		port->mem = nm_mem_find(ns, mem_id);
		if (!port->mem)
			return nm_fail(err, -ENOENT,
				       "no memory has id %u: 0 makes a new one, "
				       "1 is the shared one",
				       mem_id);
		nm_mem_hold(port->mem);
	}
	/* (the port gives it back when it is put) */
	return nm_mem_allowed(port->mem, user, err);
}

static int geometry_check(const char *what, uint32_t v, uint32_t min, uint32_t max,
			  struct nm_err *err)
{
	if (v && (v < min || v > max))
		return nm_fail(err, -EINVAL, "%u %s: must be between %u and %u", v, what, min, max);
	return 0;
}

static int spec_check(const struct nm_port_spec *spec, struct nm_err *err)
{
	int error = geometry_check("tx rings", spec->tx_rings, 1, NM_MAX_RINGS, err);

	if (!error)
		error = geometry_check("rx rings", spec->rx_rings, 1, NM_MAX_RINGS, err);
	if (!error)
		error = geometry_check("tx slots", spec->tx_slots, NM_MIN_SLOTS, NM_MAX_SLOTS, err);
	if (!error)
		error = geometry_check("rx slots", spec->rx_slots, NM_MIN_SLOTS, NM_MAX_SLOTS, err);
	return error;
}

int nm_port_set_rings(struct nm_port *port, uint32_t txr, uint32_t rxr, uint32_t txs, uint32_t rxs,
		      struct nm_err *err)
{
	const struct nm_port_spec spec = {
		.tx_rings = txr, .rx_rings = rxr, .tx_slots = txs, .rx_slots = rxs
	};
	int error = spec_check(&spec, err);

	if (error || port->users)
		return error;
	port->nrings[NM_TX] = txr ? txr : port->nrings[NM_TX];
	port->nrings[NM_RX] = rxr ? rxr : port->nrings[NM_RX];
	port->nslots[NM_TX] = txs ? txs : port->nslots[NM_TX];
	port->nslots[NM_RX] = rxs ? rxs : port->nslots[NM_RX];
	return 0;
}

int nm_port_set_host_rings(struct nm_port *port, uint32_t txr, uint32_t rxr, struct nm_err *err)
{
	int error = geometry_check("host tx rings", txr, 1, NM_MAX_RINGS, err);

	if (!error)
		error = geometry_check("host rx rings", rxr, 1, NM_MAX_RINGS, err);
	if (error || port->users || !port->ops->pass)
		return error;
	port->nhost[NM_TX] = txr ? txr : port->nhost[NM_TX];
	port->nhost[NM_RX] = rxr ? rxr : port->nhost[NM_RX];
	return 0;
}

void nm_port_gone(struct nm_port *port, int error)
{
	uint32_t i;
	int dir;

	nm_store_release(&port->gone, error);
	for (dir = 0; dir < NM_DIRS; dir++) {
		if (port->krings[dir])
			for (i = 0; i < nm_port_nrings(port, dir); i++)
				nm_os_wake(&port->krings[dir][i].wq);
		nm_os_wake(&port->wq[dir]);
	}
}

static int port_get(struct nm_ns *ns, const struct nm_port_spec *spec, struct nm_port **portp,
		    struct nm_err *err)
{
	static int (*const kinds[])(struct nm_ns *, const struct nm_port_spec *, struct nm_port **,
				    struct nm_err *) = {
		nm_pipe_get,
		nm_vale_get,
		nm_null_get,
	};
	const char *name = spec->name;
	struct nm_port *port;
	uint32_t i;
	int error;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		error = kinds[i](ns, spec, portp, err);
		if (error != -ENODEV)
			return error;
	}
	/* what is left is the name of a persistent port or of an interface */
	port = nm_port_find(ns, name);
	if (port) {
		nm_port_hold(port);
		*portp = port;
		return 0;
	}
	if (!strncmp(name, "netmap:", 7))
		return nm_fail(err, -EINVAL,
			       "port name %s: the request takes it without "
			       "'netmap:', as %s",
			       name, name + 7);
	if (!spec->create)
		return nm_fail(err, -ENXIO, "no port called %s", name);
	error = nm_os_nic_port(ns, name, portp, err);
	if (error)
		return error;
	/* an interface has as many rings as it has queues; their size is ours */
	error = nm_port_set_rings(*portp, 0, 0, spec->tx_slots, spec->rx_slots, err);
	if (error)
		nm_port_put(*portp);
	else
		nm_port_publish(*portp);
	return error;
}

int nm_port_get(struct nm_ns *ns, const struct nm_port_spec *spec, struct nm_port **portp,
		struct nm_err *err)
{
	/* also where they are only wishes, as an interface's number of rings */
	int error = spec_check(spec, err);

	if (!error)
		error = port_get(ns, spec, portp, err);
	if (error)
		return error;
	error = nm_port_set_host_rings(*portp, spec->host_tx_rings, spec->host_rx_rings, err);
	if (error)
		nm_port_put(*portp);
	return error;
}
