// SPDX-License-Identifier: BSD-2-Clause
/*
 * Pipes: "PARENT{ID" and "PARENT}ID" are the two ends. A packet moves by an
 * exchange of buffers between the sender's slot and the receiver's, so
 * nothing is copied, and when the receiver has no room the packet stays with
 * the sender: nothing is lost.
 *
 * Slot i of a tx ring always meets slot i of the peer's rx ring, since every
 * packet advances both by one.
 *
 * The ends share the parent's memory and so trust each other with contents;
 * indices are still checked, so that neither can hand the other one that
 * points outside the region.
 */
#include "port.h"

#define NM_PULL_ROUNDS 64

struct nm_pipe {
	struct nm_port end[2];
	struct nm_port *parent; /* referenced: the memory is its */
	uint32_t freed;
};

static bool idx_ok(uint32_t idx, uint32_t nbufs)
{
	return idx - NM_BUF_FIRST < nbufs - NM_BUF_FIRST;
}

/* Free slots of the receiver. */
static uint32_t pipe_room(const struct nm_kring *rx)
{
	/* pairs with the receiver's release: its slots are written before */
	return rx->num_slots - 1 - nm_dist(nm_load_acquire(&rx->hwcur), rx->hwtail, rx->num_slots);
}

/* Moves what fits from tx to its peer; returns how many slots. Owner of tx->busy. */
static uint32_t pipe_move(struct nm_kring *tx)
{
	struct nm_kring *rx = tx->peer;
	struct netmap_slot *ts, *rs;
	uint32_t n = tx->num_slots, nbufs = nm_mem_nbufs_committed(tx->mem);
	uint32_t stride = tx->mem->conf.stride;
	uint32_t i = tx->hwcur, packets = 0, bad = 0;
	uint64_t bytes = 0;
	uint32_t todo = nm_dist(i, tx->rhead, n), room = pipe_room(rx), k;

	if (todo > room) {
		/*
		 * What stays is for the receiver to pull. Pairs with its fence: either it
		 * sees that there is something (rhead), or we see the room that it made.
		 */
		nm_fence();
		room = pipe_room(rx);
	}
	todo = todo < room ? todo : room;
	for (k = 0; k < todo; k++, i = nm_next(i, n)) {
		union nm_slot t, r;

		ts = &tx->ring->slot[i];
		rs = &rx->ring->slot[i];
		t = nm_slot_get(ts);
		r = nm_slot_get(rs);
		if (nm_likely(idx_ok(t.idx, nbufs) && idx_ok(r.idx, nbufs) && t.len <= stride)) {
			uint32_t idx = r.idx;

			bytes += t.len;
			packets += !(t.flags & NS_MOREFRAG);
			t.flags |= NS_BUF_CHANGED;
			rs->ptr = ts->ptr;
			nm_slot_set(rs, t);
			t.idx = idx;
			t.flags = NS_BUF_CHANGED;
			nm_slot_set(ts, t);
		} else {
			/* both keep their buffer, the receiver sees an empty packet */
			r.len = 0;
			r.flags = 0;
			nm_slot_set(rs, r);
			bad++;
		}
	}
	nm_store(&tx->hwcur, i);
	nm_store(&tx->hwtail, nm_prev(i, n));
	nm_stat_add(&tx->stats.packets, packets);
	nm_stat_add(&tx->stats.bytes, bytes);
	nm_stat_add(&rx->stats.packets, packets);
	nm_stat_add(&rx->stats.bytes, bytes);
	if (nm_unlikely(bad))
		nm_stat_add(&tx->stats.drops[NM_DROP_BADSLOT], bad);
	/* pairs with the acquire in rxsync: slots before tail */
	nm_store_release(&rx->hwtail, i);
	if (rx->news)
		nm_store(rx->news, i);
	return todo;
}

static int pipe_txsync(struct nm_kring *tx, int flags)
{
	(void)flags;
	if (pipe_move(tx))
		tx->peer->notify(tx->peer);
	nm_kring_end(tx, tx->hwtail);
	return 0;
}

/*
 * The receiver made room: pull what the sender already gave, and wake the sender. A sender
 * that keeps syncing meanwhile does its own work: it needs no more than a few rounds of us.
 */
static void pipe_pull(struct nm_kring *tx)
{
	uint32_t round = 0;

	nm_fence(); /* pairs with the one in pipe_move() */
	if (nm_load(&tx->rhead) == nm_load(&tx->hwcur))
		goto out;
	do {
		if (!nm_kring_tryget(tx))
			break;
		/* a sender that found the ring busy has a new head */
		if (!round || !nm_kring_begin(tx)) {
			pipe_move(tx);
			nm_kring_end(tx, tx->hwtail);
		}
	} while (nm_kring_put(tx) && round++ < NM_PULL_ROUNDS);
out:
	tx->notify(tx);
}

static int pipe_rxsync(struct nm_kring *rx, int flags)
{
	uint32_t released = nm_dist(nm_load(&rx->hwcur), rx->rhead, rx->num_slots);
	uint32_t tail;

	(void)flags;
	nm_store_release(&rx->hwcur, rx->rhead);
	if (released)
		pipe_pull(rx->peer);
	tail = nm_load_acquire(&rx->hwtail);
	nm_kring_end(rx, tail);
	return 0;
}

/* Both ends have krings once the second of them comes up: cross-connect them. */
static int pipe_up(struct nm_port *port, struct nm_err *err)
{
	struct nm_port *twin = port->twin;
	uint32_t i;
	int dir;

	(void)err;
	if (!twin->krings[NM_TX])
		return 0;
	for (dir = 0; dir < NM_DIRS; dir++) {
		for (i = 0; i < port->nrings[dir]; i++) {
			struct nm_kring *kr = &port->krings[dir][i];

			kr->peer = &twin->krings[!dir][i];
			kr->peer->peer = kr;
		}
	}
	return 0;
}

static void pipe_free(struct nm_port *port)
{
	struct nm_pipe *pipe = port->priv;

	if (++pipe->freed < 2)
		return;
	nm_port_put(pipe->parent);
	nm_os_free(pipe);
}

static const struct nm_port_ops pipe_ops = {
	.kind = "pipe",
	.sync = { pipe_txsync, pipe_rxsync },
	.csb = NM_KR_NEWS,
	.up = pipe_up,
	.free = pipe_free,
};

/* The parent gives its memory. Where no such port exists, the name alone is one. */
static int pipe_parent(struct nm_ns *ns, const struct nm_port_spec *spec, const char *name,
		       struct nm_port **parentp, struct nm_err *err)
{
	struct nm_port_spec ps = {
		.name = name, .user = spec->user, .mem_id = spec->mem_id, .create = true
	};
	int error;

	error = nm_port_get(ns, &ps, parentp, err);
	if (error != -ENXIO && error != -EPERM)
		return error;
	*parentp = nm_port_find_name(ns, name);
	if (*parentp) {
		nm_port_hold(*parentp);
		return 0;
	}
	error = nm_null_new(ns, &ps, parentp, err);
	if (!error)
		nm_port_publish(*parentp);
	return error;
}

static int pipe_new(struct nm_ns *ns, const struct nm_port_spec *spec, const char *brace,
		    struct nm_port **portp, struct nm_err *err)
{
	uint32_t side = *brace == '{' ? 0 : 1, e;
	char parent[NETMAP_REQ_IFNAMSIZ], name[NETMAP_REQ_IFNAMSIZ];
	struct nm_pipe *pipe = nm_os_alloc(sizeof(*pipe));
	int error;

	if (!pipe)
		return nm_fail(err, -ENOMEM, "no memory for pipe %s", spec->name);
	memcpy(parent, spec->name, brace - spec->name);
	parent[brace - spec->name] = '\0';
	error = pipe_parent(ns, spec, parent, &pipe->parent, err);
	if (error) {
		nm_os_free(pipe);
		return error;
	}
	for (e = 0; e < 2; e++) {
		struct nm_port *port = &pipe->end[e];

		memcpy(name, spec->name, sizeof(name));
		name[brace - spec->name] = e ? '}' : '{';
		nm_port_init(port, ns, &pipe_ops, name);
		port->priv = pipe;
		port->twin = &pipe->end[!e];
		port->mem = pipe->parent->mem;
		nm_mem_hold(port->mem);
	}
	error = nm_port_set_rings(&pipe->end[side], spec->tx_rings, spec->rx_rings, spec->tx_slots,
				  spec->rx_slots, err);
	if (!error)
		error = nm_port_set_rings(&pipe->end[!side], pipe->end[side].nrings[NM_RX],
					  pipe->end[side].nrings[NM_TX],
					  pipe->end[side].nslots[NM_RX],
					  pipe->end[side].nslots[NM_TX], err);
	if (error) {
		nm_port_put(&pipe->end[0]);
		return error;
	}
	nm_port_publish(&pipe->end[0]);
	nm_port_publish(&pipe->end[1]);
	*portp = &pipe->end[side];
	return 0;
}

int nm_pipe_get(struct nm_ns *ns, const struct nm_port_spec *spec, struct nm_port **portp,
		struct nm_err *err)
{
	const char *brace = strrchr(spec->name, '{');
	const char *other = strrchr(spec->name, '}');
	struct nm_port *port;

	if (!brace || (other && other > brace))
		brace = other;
	if (!brace)
		return -ENODEV;
	if (brace == spec->name || !brace[1])
		return nm_fail(err, -EINVAL, "pipe %s: must be PARENT{ID or PARENT}ID, as in x{1",
			       spec->name);
	port = nm_port_find(ns, spec->name);
	if (!port && !spec->create)
		return nm_fail(err, -ENXIO, "no pipe called %s", spec->name);
	if (!port)
		return pipe_new(ns, spec, brace, portp, err);
	if (spec->mem_id && spec->mem_id != port->mem->id)
		return nm_fail(err, -EBUSY, "pipe %s is in memory %u, not %u", spec->name,
			       port->mem->id, spec->mem_id);
	nm_port_hold(port);
	*portp = port;
	return 0;
}
