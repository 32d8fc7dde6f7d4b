// SPDX-License-Identifier: BSD-2-Clause
#include "vale.h"

bool nm_vale_name(const char *name, char *sw, const char **port, struct nm_err *err, int *error)
{
	const char *colon = strchr(name, ':');

	if (strncmp(name, "vale", 4) || !colon)
		return false;
	*error = 0;
	if (!colon[1])
		*error = nm_fail(err, -EINVAL, "%s: a port's name must follow, as in %s1", name,
				 name);
	memcpy(sw, name, colon - name);
	sw[colon - name] = '\0';
	*port = colon + 1;
	return true;
}

struct nm_switch *nm_switch_find(struct nm_ns *ns, const char *name)
{
	struct nm_switch *sw;

	nm_list_for_each(sw, &ns->switches, struct nm_switch, link)
		if (!strcmp(sw->name, name))
			return sw;
	return NULL;
}

/* The lowest free number, so that listings stay short; the list is in their order. */
static void switch_insert(struct nm_ns *ns, struct nm_switch *sw)
{
	struct nm_switch *s;

	sw->number = 0;
	nm_list_for_each(s, &ns->switches, struct nm_switch, link) {
		if (s->number != sw->number)
			break;
		sw->number++;
	}
	/* before s, or at the end */
	nm_list_add_tail(&s->link, &sw->link);
}

struct nm_switch *nm_switch_get(struct nm_ns *ns, const char *name, struct nm_err *err)
{
	struct nm_switch *sw = nm_switch_find(ns, name);

	if (sw)
		return sw;
	sw = nm_os_alloc(sizeof(*sw));
	if (!sw)
		goto fail;
	sw->fdb = nm_fdb_new(ns->conf.vale_age);
	if (!sw->fdb)
		goto fail_sw;
	sw->ns = ns;
	snprintf(sw->name, sizeof(sw->name), "%s", name);
	switch_insert(ns, sw);
	return sw;

fail_sw:
	nm_os_free(sw);
fail:
	nm_fail(err, -ENOMEM, "no memory for switch %s", name);
	return NULL;
}

void nm_switch_put_if_empty(struct nm_switch *sw)
{
	if (sw->nports)
		return;
	nm_list_del(&sw->link);
	nm_fdb_free(sw->fdb);
	nm_os_free(sw);
}

int nm_switch_enter(struct nm_switch *sw, struct nm_vport *vp, struct nm_err *err)
{
	uint32_t i;

	for (i = 1; i <= NM_VALE_PORTS; i++)
		if (!sw->port[i])
			break;
	if (i > NM_VALE_PORTS)
		return nm_fail(err, -ENOSPC, "%s is full: a switch has at most %u ports", sw->name,
			       NM_VALE_PORTS);
	vp->index = i;
	sw->nports++;
	if (i > sw->active)
		nm_store(&sw->active, i);
	nm_store_release(&vp->sw, sw);
	nm_store_release(&sw->port[i], vp);
	return 0;
}

void nm_switch_leave(struct nm_vport *vp)
{
	struct nm_switch *sw = vp->sw;

	nm_store(&sw->port[vp->index], NULL);
	nm_store(&vp->sw, NULL);
	nm_os_rm_sync(&sw->ns->rm);
	nm_fdb_forget(sw->fdb, vp->index);
	sw->nports--;
	while (sw->active && !sw->port[sw->active])
		nm_store(&sw->active, sw->active - 1);
	nm_switch_put_if_empty(sw);
}

/* ---- requests ---- */

/* The member called `port`, or whose full name is `full`. */
static struct nm_vport *member_find(struct nm_switch *sw, const char *full, const char *port)
{
	uint32_t i;

	for (i = 1; i <= sw->active; i++) {
		struct nm_vport *vp = sw->port[i];

		if (vp && !nm_vport_is_host(vp) &&
		    (!strcmp(vp->port->name, full) || !strcmp(vp->port->name, port)))
			return vp;
	}
	return NULL;
}

int nm_vale_attach(struct nm_ns *ns, const char *name, const struct nmreq_register *reg,
		   const struct nm_os_user *user, uint32_t *index, struct nm_err *err)
{
	char swname[NETMAP_REQ_IFNAMSIZ];
	struct nm_port_spec spec = {
		.user = user,
		.create = true,
		.mem_id = reg->nr_mem_id,
		.tx_rings = reg->nr_tx_rings,
		.rx_rings = reg->nr_rx_rings,
		.tx_slots = reg->nr_tx_slots,
		.rx_slots = reg->nr_rx_slots,
		.host_tx_rings = reg->nr_host_tx_rings,
		.host_rx_rings = reg->nr_host_rx_rings,
	};
	bool host = reg->nr_mode == NR_REG_NIC_SW;
	struct nm_switch *sw;
	struct nm_port *port;
	int error = 0;

	if (!nm_vale_name(name, swname, &spec.name, err, &error))
		return nm_fail(err, -EINVAL, "%s: must be SWITCH:INTERFACE, as in vale0:eth0",
			       name);
	if (error)
		return error;
	if (reg->nr_mode != NR_REG_ALL_NIC && reg->nr_mode != NR_REG_DEFAULT &&
	    reg->nr_mode != NR_REG_NIC_SW)
		return nm_fail(err, -EINVAL,
			       "mode %u in nr_mode: only all rings of a port "
			       "can be attached, with all host rings (%u) or without",
			       reg->nr_mode, NR_REG_NIC_SW);
	if (reg->nr_flags & ~NM_REG_FLAGS)
		return nm_fail(err, -EINVAL, "unknown flags 0x%llx in nr_flags",
			       (unsigned long long)(reg->nr_flags & ~NM_REG_FLAGS));
	error = nm_port_get(ns, &spec, &port, err);
	if (error)
		return error;
	error = nm_mem_allowed(port->mem, user, err);
	if (!error && port->vale && ((struct nm_vport *)port->vale)->sw)
		error = nm_fail(err, -EBUSY, "%s is in %s already", spec.name,
				((struct nm_vport *)port->vale)->sw->name);
	sw = error ? NULL : nm_switch_get(ns, swname, err);
	if (!error && !sw)
		error = -ENOMEM;
	if (!error) {
		error = port->persistent && !host ? nm_vale_port_join(sw, port, err) :
						    nm_vale_nic_attach(sw, port, host, err);
		if (error)
			nm_switch_put_if_empty(sw);
	}
	if (!error)
		*index = ((struct nm_vport *)port->vale)->index;
	nm_port_put(port); /* the membership has its own */
	return error;
}

struct nm_vport *nm_vale_member(struct nm_ns *ns, const char *name, const struct nm_os_user *user,
				struct nm_err *err, int *error)
{
	char swname[NETMAP_REQ_IFNAMSIZ];
	struct nm_switch *sw;
	struct nm_vport *vp;
	const char *pname;

	*error = 0;
	if (!nm_vale_name(name, swname, &pname, err, error)) {
		*error = nm_fail(err, -EINVAL, "%s: must be SWITCH:INTERFACE, as in vale0:eth0",
				 name);
		return NULL;
	}
	if (*error)
		return NULL;
	sw = nm_switch_find(ns, swname);
	vp = sw ? member_find(sw, name, pname) : NULL;
	if (!vp)
		*error = nm_fail(err, -ENOENT, "%s has no port %s", swname, pname);
	else
		*error = nm_mem_allowed(vp->port->mem, user, err);
	return *error ? NULL : vp;
}

int nm_vale_detach(struct nm_ns *ns, const char *name, const struct nm_os_user *user,
		   uint32_t *index, struct nm_err *err)
{
	struct nm_vport *vp;
	int error;

	vp = nm_vale_member(ns, name, user, err, &error);
	if (!vp)
		return error;
	*index = vp->index;
	if (nm_vale_is_nic(vp->port)) {
		nm_vale_nic_detach(vp->port);
		return 0;
	}
	if (vp->port->persistent) {
		nm_vale_port_part(vp->port);
		return 0;
	}
	return nm_fail(err, -EBUSY, "%s belongs to a program: it leaves when that closes it", name);
}

/*
 * With a name: where that port is. Without: the first port at or after the
 * given place, and its name; -ENOENT after the last one.
 */
int nm_vale_list(struct nm_ns *ns, char *name, uint16_t *bridge, uint32_t *port, struct nm_err *err)
{
	char swname[NETMAP_REQ_IFNAMSIZ];
	struct nm_switch *sw;
	const char *pname = name;
	struct nm_vport *vp;
	int error = 0;
	uint32_t i;

	if (*name) {
		if (nm_vale_name(name, swname, &pname, err, &error) && error)
			return error;
		nm_list_for_each(sw, &ns->switches, struct nm_switch, link) {
			if (pname != name && strcmp(sw->name, swname))
				continue;
			vp = member_find(sw, name, pname);
			if (!vp)
				continue;
			*bridge = sw->number;
			*port = vp->index;
			return 0;
		}
		return nm_fail(err, -ENOENT, "no switch has a port %s", name);
	}
	nm_list_for_each(sw, &ns->switches, struct nm_switch, link) {
		if (sw->number < *bridge)
			continue;
		for (i = sw->number == *bridge ? *port : 0; i <= sw->active; i++) {
			vp = sw->port[i];
			if (!vp)
				continue;
			if (!strncmp(vp->port->name, "vale", 4) && strchr(vp->port->name, ':'))
				snprintf(name, NETMAP_REQ_IFNAMSIZ, "%s", vp->port->name);
			else
				snprintf(name, NETMAP_REQ_IFNAMSIZ, "%.31s:%.30s%s", sw->name,
					 vp->port->name, vp->suffix);
			*bridge = sw->number;
			*port = i;
			return 0;
		}
	}
	return nm_fail(err, -ENOENT, "no more ports");
}

void nm_vale_fini(struct nm_ns *ns)
{
	struct nm_port *port;
	struct nm_switch *sw;
	uint32_t i;

	while (!nm_list_empty(&ns->switches)) {
		sw = nm_list_entry(ns->switches.next, struct nm_switch, link);
		for (i = 1; !sw->port[i]; i++)
			;
		port = sw->port[i]->port;
		if (nm_vale_is_nic(port))
			nm_vale_nic_detach(port);
		else
			nm_vale_port_part(port);
	}
	nm_vale_drop_persistent(ns);
}
