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
 */
#include "vale.h"

#define NIC_ROUNDS 16 /* syncs of a ring before others get their turn */

struct nm_vale_nic {
	struct nm_vport vp;
	struct nm_port *port;
	struct nm_kring *shadow;      /* one for each tx ring */
	struct nm_vale_work **work;   /* one for each rx ring */
};

static struct nm_vale_nic *vale_nic(struct nm_vport *vp)
{
	return nm_container_of(vp, struct nm_vale_nic, vp);
}

bool nm_vale_is_nic(const struct nm_port *port)
{
	return port->vale && strcmp(port->ops->kind, "vale");
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
	vn = nm_load_acquire((struct nm_vale_nic **)&kr->port->vale);
	sw = vn ? nm_load_acquire(&vn->vp.sw) : NULL;
	if (sw && nm_kring_tryget(kr)) {
		src = (struct nm_vale_src){ &vn->vp, sw, kr, vn->work[kr->id] };
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
	struct nm_vale_nic *vn = nm_load_acquire((struct nm_vale_nic **)&hw->port->vale);

	if (vn)
		nic_output(&vn->shadow[hw->id]);
	nm_os_rm_exit(&hw->port->ns->rm, token);
}

static void nic_free(struct nm_vale_nic *vn)
{
	uint32_t i;

	if (vn->work)
		for (i = 0; i < vn->port->nrings[NM_RX]; i++)
			nm_vale_work_free(vn->work[i]);
	if (vn->shadow) {
		for (i = 0; i < vn->port->nrings[NM_TX]; i++) {
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

static struct nm_vale_nic *nic_new(struct nm_port *port)
{
	struct nm_vale_nic *vn = nm_os_alloc(sizeof(*vn));
	uint32_t i, error = 0;

	if (!vn)
		return NULL;
	vn->port = port;
	vn->shadow = nm_os_alloc(port->nrings[NM_TX] * sizeof(*vn->shadow));
	vn->work = nm_os_alloc(port->nrings[NM_RX] * sizeof(struct nm_vale_work *));
	if (vn->shadow)
		for (i = 0; i < port->nrings[NM_TX]; i++)
			error |= shadow_init(&vn->shadow[i], &port->krings[NM_TX][i]) != 0;
	if (vn->work)
		for (i = 0; i < port->nrings[NM_RX]; i++)
			error |= !(vn->work[i] = nm_vale_work_new());
	if (!error && vn->shadow && vn->work)
		return vn;
	nic_free(vn);
	return NULL;
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

static int rings_get(struct nm_port *port, struct nm_err *err)
{
	uint32_t i, got[NM_DIRS] = { 0, 0 };
	int dir, error;

	for (dir = 0; dir < NM_DIRS; dir++) {
		for (i = 0; i < port->nrings[dir]; i++) {
			struct nm_kring *kr = &port->krings[dir][i];

			error = kr->bindings ? nm_fail(err, -EBUSY,
						       "%s is in use by a program",
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

int nm_vale_nic_attach(struct nm_switch *sw, struct nm_port *port, struct nm_err *err)
{
	struct nm_vale_nic *vn;
	uint32_t i;
	int error;

	if (!port->nrings[NM_TX] || !port->nrings[NM_RX] || port->twin || port->vale)
		return nm_fail(err, -EINVAL, "%s can not be attached to a switch: only "
			       "interfaces and persistent ports can", port->name);
	error = nm_port_up(port, err);
	if (error)
		return error;
	error = rings_get(port, err);
	if (error)
		goto fail_up;
	vn = nic_new(port);
	if (!vn) {
		error = nm_fail(err, -ENOMEM, "no memory to attach %s", port->name);
		goto fail_rings;
	}
	vn->vp.port = port;
	vn->vp.out = vn->shadow;
	vn->vp.nout = port->nrings[NM_TX];
	vn->vp.buf_len = port->mem->conf.buf_len;
	vn->vp.reclaim = nic_output;
	error = nm_switch_enter(sw, &vn->vp, err);
	if (error)
		goto fail_new;
	nm_port_hold(port);
	nm_store_release(&port->vale, &vn->vp);
	for (i = 0; i < port->nrings[NM_TX]; i++)
		nm_store_release(&port->krings[NM_TX][i].notify, nic_room);
	nm_vale_nic_events(port, true);
	return 0;

fail_new:
	nic_free(vn);
fail_rings:
	rings_put(port, port->nrings[NM_TX], port->nrings[NM_RX]);
fail_up:
	nm_port_down(port);
	return error;
}

/* What came before the first event, or while there was none, is taken in here. */
void nm_vale_nic_events(struct nm_port *port, bool on)
{
	uint32_t i;

	for (i = 0; i < port->nrings[NM_RX]; i++) {
		struct nm_kring *kr = &port->krings[NM_RX][i];

		nm_store_release(&kr->notify, on ? nic_input : nic_polled);
		if (on)
			nic_input(kr);
	}
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
	struct nm_vale_nic *vn = vale_nic(port->vale);
	uint32_t i;

	nm_vale_polling_end(&vn->vp);
	for (i = 0; i < port->nrings[NM_RX]; i++)
		nm_store_release(&port->krings[NM_RX][i].notify, nm_kring_wake);
	for (i = 0; i < port->nrings[NM_TX]; i++)
		nm_store_release(&port->krings[NM_TX][i].notify, nm_kring_wake);
	nm_store(&port->vale, NULL);
	nm_switch_leave(&vn->vp); /* waits for forwarding and input to end */
	nic_free(vn);
	rings_put(port, port->nrings[NM_TX], port->nrings[NM_RX]);
	nm_port_down(port);
	nm_port_put(port);
}
