// SPDX-License-Identifier: BSD-2-Clause
/*
 * VALE ports that programs open: "vale0:1" lives as long as somebody has it
 * open; one made by VALE_NEWIF lives until VALE_DELIF and is attached to a
 * switch, and detached, by request.
 */
#include "vale.h"

struct nm_vale_port {
	struct nm_port port;
	struct nm_vport vp;
	char sw[NETMAP_REQ_IFNAMSIZ]; /* joined when the port comes up; "" for persistent ones */
};

static struct nm_vale_port *vale_port(struct nm_port *port)
{
	return nm_container_of(port, struct nm_vale_port, port);
}

static int vale_txsync(struct nm_kring *kr, int flags)
{
	struct nm_vale_port *v = vale_port(kr->port);
	struct nm_vale_src src = { .vp = &v->vp, .kr = kr, .work = kr->priv };
	int token = nm_os_rm_enter(&kr->port->ns->rm);
	uint32_t done = kr->rhead;

	(void)flags;
	src.sw = nm_load_acquire(&v->vp.sw);
	if (nm_likely(src.sw))
		done = nm_vale_forward(&src, kr->hwcur, kr->rhead);
	else
		nm_stat_add(&kr->stats.drops[NM_DROP_NODEST],
			    nm_dist(kr->hwcur, kr->rhead, kr->num_slots));
	nm_os_rm_exit(&kr->port->ns->rm, token);
	nm_store(&kr->hwcur, done);
	nm_store(&kr->hwtail, nm_prev(done, kr->num_slots));
	nm_kring_end(kr, kr->hwtail);
	return 0;
}

static int vale_rxsync(struct nm_kring *kr, int flags)
{
	(void)flags;
	if (kr->csb)
		nm_csb_give_back(kr);
	else
		/* pairs with the senders' acquire: we are done with those slots */
		nm_store_release(&kr->hwcur, kr->rhead);
	nm_kring_end(kr, nm_load_acquire(&kr->hwtail));
	return 0;
}

static int vale_ring_up(struct nm_kring *kr, struct nm_err *err)
{
	if (kr->dir == NM_TX) {
		kr->priv = nm_vale_work_new();
		return kr->priv ? 0 :
				  nm_fail(err, -ENOMEM, "no memory for a tx ring of %s",
					  kr->port->name);
	}
	kr->done = nm_os_alloc(kr->num_slots * sizeof(*kr->done));
	if (!kr->done)
		return nm_fail(err, -ENOMEM, "no memory for an rx ring of %s", kr->port->name);
	nm_store_release(&kr->open, true);
	return 0;
}

static void vale_ring_down(struct nm_kring *kr)
{
	if (kr->dir == NM_TX) {
		nm_vale_work_free(kr->priv);
		kr->priv = NULL;
		return;
	}
	/* senders that saw it open are gone after this */
	nm_store(&kr->open, false);
	nm_os_rm_sync(&kr->port->ns->rm);
	nm_os_free(kr->done);
	kr->done = NULL;
}

static void vport_fill(struct nm_vale_port *v)
{
	v->vp.port = &v->port;
	v->vp.out = v->port.krings[NM_RX];
	v->vp.nout = v->port.nrings[NM_RX];
	v->vp.buf_len = v->port.mem->conf.buf_len;
}

static int vale_up(struct nm_port *port, struct nm_err *err)
{
	struct nm_vale_port *v = vale_port(port);
	struct nm_switch *sw;
	int error;

	vport_fill(v);
	if (!v->sw[0])
		return 0;
	sw = nm_switch_get(port->ns, v->sw, err);
	if (!sw)
		return -ENOMEM;
	error = nm_switch_enter(sw, &v->vp, err);
	if (error)
		nm_switch_put_if_empty(sw);
	return error;
}

static void vale_down(struct nm_port *port)
{
	struct nm_vale_port *v = vale_port(port);

	if (v->vp.sw)
		nm_switch_leave(&v->vp);
}

static void vale_free(struct nm_port *port)
{
	nm_os_free(vale_port(port));
}

static void vale_describe(struct nm_port *port, char *buf, size_t size)
{
	struct nm_vale_port *v = vale_port(port);

	if (v->vp.sw)
		snprintf(buf, size, "port %u of %s%s", v->vp.index, v->vp.sw->name,
			 port->persistent ? ", persistent" : "");
	else
		snprintf(buf, size, "%s", port->persistent ? "persistent, in no switch" : "");
}

static const struct nm_port_ops vale_ops = {
	.kind = "vale",
	.sync = { vale_txsync, vale_rxsync },
	.csb = NM_KR_CSB,
	.up = vale_up,
	.down = vale_down,
	.ring_up = vale_ring_up,
	.ring_down = vale_ring_down,
	.describe = vale_describe,
	.free = vale_free,
};

static int vale_new(struct nm_ns *ns, const char *name, const char *sw,
		    const struct nm_port_spec *spec, struct nm_port **portp, struct nm_err *err)
{
	struct nm_vale_port *v = nm_os_alloc(sizeof(*v));
	int error;

	if (!v)
		return nm_fail(err, -ENOMEM, "no memory for port %s", name);
	nm_port_init(&v->port, ns, &vale_ops, name);
	snprintf(v->sw, sizeof(v->sw), "%s", sw);
	v->port.vale = &v->vp;
	v->vp.port = &v->port;
	v->vp.suffix = "";
	error = nm_port_set_mem(&v->port, spec->mem_id, spec->user, err);
	if (!error)
		error = nm_port_set_rings(&v->port, spec->tx_rings, spec->rx_rings, spec->tx_slots,
					  spec->rx_slots, err);
	if (error) {
		nm_port_put(&v->port);
		return error;
	}
	nm_port_publish(&v->port);
	*portp = &v->port;
	return 0;
}

int nm_vale_get(struct nm_ns *ns, const struct nm_port_spec *spec, struct nm_port **portp,
		struct nm_err *err)
{
	char sw[NETMAP_REQ_IFNAMSIZ];
	struct nm_port *port, *other;
	const char *pname;
	int error;

	if (!nm_vale_name(spec->name, sw, &pname, err, &error))
		return -ENODEV;
	if (error)
		return error;
	port = nm_port_find(ns, spec->name);
	other = port ? NULL : nm_port_find(ns, pname);
	if (other && other->vale && ((struct nm_vport *)other->vale)->sw &&
	    !strcmp(((struct nm_vport *)other->vale)->sw->name, sw))
		port = other; /* an attached NIC, or a persistent port */
	if (port) {
		if (spec->mem_id && spec->mem_id != port->mem->id)
			return nm_fail(err, -EBUSY, "%s is in memory %u, not %u", spec->name,
				       port->mem->id, spec->mem_id);
		nm_port_hold(port);
		*portp = port;
		return 0;
	}
	if (!spec->create)
		return nm_fail(err, -ENXIO, "no port called %s", spec->name);
	return vale_new(ns, spec->name, sw, spec, portp, err);
}

/* ---- persistent ports ---- */

int nm_vale_newif(struct nm_ns *ns, const char *name, const struct nmreq_vale_newif *req,
		  const struct nm_os_user *user, struct nm_err *err)
{
	struct nm_port_spec spec = {
		.user = user,
		.mem_id = req->nr_mem_id,
		.tx_rings = req->nr_tx_rings,
		.rx_rings = req->nr_rx_rings,
		.tx_slots = req->nr_tx_slots,
		.rx_slots = req->nr_rx_slots,
	};
	struct nm_port *port;
	int error;

	if (!*name || strchr(name, ':') || strchr(name, '{') || strchr(name, '}'))
		return nm_fail(err, -EINVAL, "persistent port '%s': must be a plain name, as in v0",
			       name);
	if (nm_port_find(ns, name) || nm_os_nic_exists(ns, name))
		return nm_fail(err, -EEXIST, "%s exists already", name);
	error = vale_new(ns, name, "", &spec, &port, err);
	if (!error)
		port->persistent = true; /* the reference is kept */
	return error;
}

static void persistent_put(struct nm_port *port)
{
	port->persistent = false;
	nm_port_put(port);
}

/* The namespace ends. */
void nm_vale_drop_persistent(struct nm_ns *ns)
{
	struct nm_port *port;
again:
	nm_list_for_each(port, &ns->ports, struct nm_port, link) {
		if (port->persistent) {
			persistent_put(port);
			goto again;
		}
	}
}

int nm_vale_delif(struct nm_ns *ns, const char *name, const struct nm_os_user *user,
		  struct nm_err *err)
{
	struct nm_port *port = nm_port_find(ns, name);
	int error;

	if (!port || !port->persistent)
		return nm_fail(err, port ? -EINVAL : -ENXIO,
			       port ? "%s is not a persistent port" : "no port called %s", name);
	error = nm_mem_allowed(port->mem, user, err);
	if (error)
		return error;
	if (vale_port(port)->vp.sw)
		return nm_fail(err, -EBUSY, "%s is in %s: detach it first", name,
			       vale_port(port)->vp.sw->name);
	if (port->users)
		return nm_fail(err, -EBUSY, "%s is in use by a program", name);
	persistent_put(port);
	return 0;
}

int nm_vale_port_join(struct nm_switch *sw, struct nm_port *port, struct nm_err *err)
{
	struct nm_vale_port *v = vale_port(port);
	int error;

	/* a member is up: its krings are what the switch delivers to */
	error = nm_port_up(port, err);
	if (error)
		return error;
	error = nm_switch_enter(sw, &v->vp, err);
	if (error)
		nm_port_down(port);
	else
		nm_port_hold(port);
	return error;
}

void nm_vale_port_part(struct nm_port *port)
{
	nm_switch_leave(&vale_port(port)->vp);
	nm_port_down(port);
	nm_port_put(port);
}
