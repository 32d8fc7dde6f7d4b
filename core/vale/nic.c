// SPDX-License-Identifier: BSD-2-Clause
/*
 * A NIC as a member of a switch. No program has its rings then: the switch
 * plays the program's part.
 *
 * From the wire: the host's event on an rx ring runs nic_input(), which
 * forwards the received slots straight from the NIC's buffers.
 * To the wire: senders copy into the NIC's tx buffers. They see those rings
 * as `out` krings: shadows over the same slots, in which a tx ring looks like
 * an rx ring (published up to hwtail = the NIC's head; free up to hwcur, one
 * past the NIC's hwtail).
 *
 * The stack of the NIC's machine can be another member, by the NIC's host rings,
 * which are no different. It comes and goes with the NIC.
 */
#include "vale.h"

#define NIC_ROUNDS 16 /* syncs of a ring before others get their turn */

struct nm_vale_nic {
	struct nm_vport vp;
	struct nm_port *port;
	uint32_t base[NM_DIRS], n[NM_DIRS]; /* its rings, of those of the port */
	struct nm_kring *shadow;	    /* one for each tx ring */
	struct nm_vale_work **work;	    /* one for each rx ring */
	struct nm_vale_nic *host;	    /* the NIC's: its stack, if that is a member */
};

static struct nm_vale_nic *vale_nic(struct nm_vport *vp)
{
	return nm_container_of(vp, struct nm_vale_nic, vp);
}

bool nm_vale_is_nic(const struct nm_port *port)
{
	return port->vale && strcmp(port->ops->kind, "vale");
}

/* The member that the ring is of; NULL: it is not attached. Read-mostly domain. */
static struct nm_vale_nic *member_of(const struct nm_kring *kr)
{
	struct nm_vale_nic *vn = nm_load_acquire((struct nm_vale_nic **)&kr->port->vale);

	return vn && (kr->flags & NM_KR_HOST) ? vn->host : vn;
}

/* One sync of an rx ring and the forwarding of what came; false if nothing did. */
static bool nic_round(struct nm_vale_src *src)
{
	struct nm_kring *kr = src->kr;
	uint32_t head = kr->rhead;

	if (kr->sync(kr, 0) || kr->rtail == head)
		return false;
	nm_store(&kr->rhead, nm_vale_forward(src, head, kr->rtail));
	nm_store(&kr->rcur, kr->rhead);
	return kr->rhead != head;
}

static void nic_take(struct nm_kring *kr, bool arm)
{
	struct nm_vale_nic *vn;
	struct nm_switch *sw;
	struct nm_vale_src src;
	int token, rounds = 0;

	token = nm_os_rm_enter(&kr->port->ns->rm);
	vn = member_of(kr);
	sw = vn ? nm_load_acquire(&vn->vp.sw) : NULL;
	if (sw && nm_kring_tryget(kr)) {
		src = (struct nm_vale_src){ &vn->vp, sw, kr, vn->work[kr->id - vn->base[NM_RX]] };
		while (!nm_load(&kr->port->gone) && rounds++ < NIC_ROUNDS && nic_round(&src))
			;
		nm_kring_put(kr);
	}
	/* inside the domain: the detach that takes the ring down waits for us */
	if (vn && arm && kr->port->ops->arm && !nm_load(&kr->port->gone))
		kr->port->ops->arm(kr);
	nm_os_rm_exit(&kr->port->ns->rm, token);
}

void nm_vale_nic_take(struct nm_kring *kr)
{
	nic_take(kr, false);
}

/* The NIC's rx ring has packets. Called from the host's event context. */
static void nic_input(struct nm_kring *kr)
{
	nic_take(kr, true);
}

/* An event that was on its way when polling began. */
static void nic_polled(struct nm_kring *kr)
{
	(void)kr;
}

/* Sends what senders have published, and tells them what became free. */
static void nic_output(struct nm_kring *out)
{
	struct nm_kring *hw = out->priv;
	uint32_t head;

	do {
		/* who has it looks again after letting go, so nothing is left behind */
		if (!nm_kring_tryget(hw))
			return;
		head = nm_load_acquire(&out->hwtail);
		nm_store(&hw->rhead, head);
		nm_store(&hw->rcur, head);
		hw->sync(hw, NM_SYNC_FORCE);
		nm_store_release(&out->hwcur, nm_next(hw->hwtail, hw->num_slots));
		nm_kring_put(hw);
		nm_fence();
	} while (nm_load(&out->hwtail) != head);
}

/* The NIC's tx ring has room again: what it had none for goes out. */
static void nic_room(struct nm_kring *hw)
{
	int token = nm_os_rm_enter(&hw->port->ns->rm);
	struct nm_vale_nic *vn = member_of(hw);

	if (vn)
		nic_output(&vn->shadow[hw->id - vn->base[NM_TX]]);
	nm_os_rm_exit(&hw->port->ns->rm, token);
}

static void nic_free(struct nm_vale_nic *vn)
{
	uint32_t i;

	if (vn->work)
		for (i = 0; i < vn->n[NM_RX]; i++)
			nm_vale_work_free(vn->work[i]);
	if (vn->shadow) {
		for (i = 0; i < vn->n[NM_TX]; i++) {
			nm_os_free(vn->shadow[i].done);
			nm_kring_fini(&vn->shadow[i]);
		}
	}
	nm_os_free(vn->work);
	nm_os_free(vn->shadow);
	nm_os_free(vn);
}

static int shadow_init(struct nm_kring *out, struct nm_kring *hw)
{
	nm_kring_init(out, hw->port, NM_RX, hw->id, hw->num_slots);
	out->ring = hw->ring;
	out->priv = hw;
	out->notify = nic_output;
	out->hwtail = out->lease = hw->rhead;
	out->hwcur = nm_next(hw->hwtail, hw->num_slots);
	out->done = nm_os_alloc(hw->num_slots * sizeof(*out->done));
	nm_store_release(&out->open, true);
	return out->done ? 0 : -ENOMEM;
}

/* The NIC's rings, or those of its host, as a member; they are there. */
static struct nm_vale_nic *nic_new(struct nm_port *port, bool host)
{
	struct nm_vale_nic *vn = nm_os_alloc(sizeof(*vn));
	uint32_t i, error = 0;
	int dir;

	if (!vn)
		return NULL;
	vn->port = port;
	for (dir = 0; dir < NM_DIRS; dir++) {
		vn->base[dir] = host ? port->nrings[dir] : 0;
		vn->n[dir] = host ? port->nhost[dir] : port->nrings[dir];
	}
	vn->shadow = nm_os_alloc(vn->n[NM_TX] * sizeof(*vn->shadow));
	vn->work = nm_os_alloc(vn->n[NM_RX] * sizeof(struct nm_vale_work *));
	if (vn->shadow)
		for (i = 0; i < vn->n[NM_TX]; i++)
			error |= shadow_init(&vn->shadow[i],
					     &port->krings[NM_TX][vn->base[NM_TX] + i]) != 0;
	if (vn->work)
		for (i = 0; i < vn->n[NM_RX]; i++)
			error |= !(vn->work[i] = nm_vale_work_new());
	if (error || !vn->shadow || !vn->work) {
		nic_free(vn);
		return NULL;
	}
	vn->vp.port = port;
	vn->vp.suffix = host ? "^" : "";
	vn->vp.out = vn->shadow;
	vn->vp.nout = vn->n[NM_TX];
	vn->vp.buf_len = port->mem->conf.buf_len;
	vn->vp.reclaim = nic_output;
	return vn;
}

static void rings_put(struct nm_port *port, uint32_t ntx, uint32_t nrx)
{
	const uint32_t n[NM_DIRS] = { ntx, nrx };
	uint32_t i;
	int dir;

	for (dir = 0; dir < NM_DIRS; dir++) {
		for (i = 0; i < n[dir]; i++) {
			port->krings[dir][i].excl = false;
			nm_port_ring_put(&port->krings[dir][i]);
		}
	}
}

/* The first n rings of each direction, for nobody else. */
static int rings_get(struct nm_port *port, const uint32_t *n, struct nm_err *err)
{
	uint32_t i, got[NM_DIRS] = { 0, 0 };
	int dir, error;

	for (dir = 0; dir < NM_DIRS; dir++) {
		for (i = 0; i < n[dir]; i++) {
			struct nm_kring *kr = &port->krings[dir][i];

			error = kr->bindings ? nm_fail(err, -EBUSY, "%s is in use by a program",
						       port->name) :
					       nm_port_ring_get(kr, err);
			if (error) {
				rings_put(port, got[NM_TX], got[NM_RX]);
				return error;
			}
			kr->excl = true;
			got[dir]++;
		}
	}
	return 0;
}

static int check_kind(const struct nm_port *port, bool host, struct nm_err *err)
{
	if (host && (!port->nhost[NM_TX] || !port->nhost[NM_RX]))
		return nm_fail(err, -EOPNOTSUPP, "%s has no host rings: attach it without them",
			       port->name);
	if (!port->nrings[NM_TX] || !port->nrings[NM_RX] || port->twin || port->vale)
		return nm_fail(err, -EINVAL,
			       "%s can not be attached to a switch: only "
			       "interfaces and persistent ports can",
			       port->name);
	return 0;
}

/* Events of its tx rings lead to the switch. */
static void room_events(struct nm_vale_nic *vn, void (*fn)(struct nm_kring *kr))
{
	uint32_t i;

	for (i = 0; i < vn->n[NM_TX]; i++)
		nm_store_release(&vn->port->krings[NM_TX][vn->base[NM_TX] + i].notify, fn);
}

static void take_events(struct nm_vale_nic *vn, void (*fn)(struct nm_kring *kr))
{
	uint32_t i;

	for (i = 0; i < vn->n[NM_RX]; i++)
		nm_store_release(&vn->port->krings[NM_RX][vn->base[NM_RX] + i].notify, fn);
	/* what came before the first event, or while there was none, is taken in here */
	for (i = 0; fn == nic_input && i < vn->n[NM_RX]; i++)
		nic_input(&vn->port->krings[NM_RX][vn->base[NM_RX] + i]);
}

static void nic_events(struct nm_vale_nic *vn)
{
	room_events(vn, nic_room);
	take_events(vn, nic_input);
}

/* Both members, if there are two; the port is up. */
static int nic_enter(struct nm_switch *sw, struct nm_port *port, bool host,
		     struct nm_vale_nic **vnp, struct nm_err *err)
{
	struct nm_vale_nic *vn = nic_new(port, false);
	int error;

	*vnp = vn;
	if (vn && host)
		vn->host = nic_new(port, true);
	if (!vn || (host && !vn->host)) {
		error = nm_fail(err, -ENOMEM, "no memory to attach %s", port->name);
		goto fail;
	}
	error = nm_switch_enter(sw, &vn->vp, err);
	if (error || !host)
		goto fail;
	error = nm_switch_enter(sw, &vn->host->vp, err);
	if (error)
		nm_switch_leave(&vn->vp);
fail:
	if (error && vn && vn->host)
		nic_free(vn->host);
	if (error && vn)
		nic_free(vn);
	return error;
}

int nm_vale_nic_attach(struct nm_switch *sw, struct nm_port *port, bool host, struct nm_err *err)
{
	const uint32_t n[NM_DIRS] = {
		port->nrings[NM_TX] + (host ? port->nhost[NM_TX] : 0),
		port->nrings[NM_RX] + (host ? port->nhost[NM_RX] : 0),
	};
	struct nm_vale_nic *vn;
	int error = check_kind(port, host, err);

	if (error)
		return error;
	error = nm_port_up(port, err);
	if (error)
		return error;
	error = rings_get(port, n, err);
	if (error)
		goto fail_up;
	error = nic_enter(sw, port, host, &vn, err);
	if (error)
		goto fail_rings;
	nm_port_hold(port);
	nm_store_release(&port->vale, &vn->vp);
	nic_events(vn);
	if (host)
		nic_events(vn->host);
	return 0;

fail_rings:
	rings_put(port, n[NM_TX], n[NM_RX]);
fail_up:
	nm_port_down(port);
	return error;
}

void nm_vale_nic_events(struct nm_port *port, bool on)
{
	take_events(vale_nic(port->vale), on ? nic_input : nic_polled);
}

/* Members whose device is gone leave their switch. Namespace locked. */
void nm_vale_reap(struct nm_ns *ns)
{
	struct nm_port *port;
again:
	nm_list_for_each(port, &ns->ports, struct nm_port, link) {
		if (port->gone && nm_vale_is_nic(port)) {
			nm_vale_nic_detach(port);
			goto again;
		}
	}
}

void nm_vale_nic_detach(struct nm_port *port)
{
	struct nm_vale_nic *vn = vale_nic(port->vale), *host = vn->host;
	uint32_t ntx = vn->n[NM_TX] + (host ? host->n[NM_TX] : 0);
	uint32_t nrx = vn->n[NM_RX] + (host ? host->n[NM_RX] : 0);

	nm_vale_polling_end(&vn->vp);
	take_events(vn, nm_kring_wake);
	room_events(vn, nm_kring_wake);
	if (host) {
		take_events(host, nm_kring_wake);
		room_events(host, nm_kring_wake);
	}
	nm_store(&port->vale, NULL);
	/* each waits for forwarding and input to end */
	if (host)
		nm_switch_leave(&host->vp);
	nm_switch_leave(&vn->vp);
	if (host)
		nic_free(host);
	nic_free(vn);
	rings_put(port, ntx, nrx);
	nm_port_down(port);
	nm_port_put(port);
}
