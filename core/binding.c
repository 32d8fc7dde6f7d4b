// SPDX-License-Identifier: BSD-2-Clause
#include "binding.h"

#define NR_MONITOR_FLAGS (NR_MONITOR_TX | NR_MONITOR_RX | NR_ZCOPY_MON)

void nm_binding_init(struct nm_binding *b, struct nm_ns *ns, uint32_t owner)
{
	memset(b, 0, sizeof(*b));
	b->ns = ns;
	b->owner = owner;
	nm_os_mutex_lock(&ns->lock);
	nm_list_add_tail(&ns->bindings, &b->link);
	nm_os_mutex_unlock(&ns->lock);
}

void nm_binding_fini(struct nm_binding *b)
{
	nm_os_mutex_lock(&b->ns->lock);
	nm_binding_unregister(b);
	nm_list_del(&b->link);
	nm_os_mutex_unlock(&b->ns->lock);
}

/* ---- the rings of a binding ---- */

static int check_flags(struct nm_binding *b, const struct nmreq_register *reg)
{
	if (reg->nr_flags & NR_MONITOR_FLAGS)
		return nm_fail(&b->err, -EOPNOTSUPP,
			       "monitors (flags 0x%llx) are not supported here",
			       (unsigned long long)(reg->nr_flags & NR_MONITOR_FLAGS));
	if (reg->nr_flags & ~NM_REG_FLAGS)
		return nm_fail(&b->err, -EINVAL, "unknown flags 0x%llx in nr_flags",
			       (unsigned long long)(reg->nr_flags & ~NM_REG_FLAGS));
	if ((reg->nr_flags & NR_TX_RINGS_ONLY) && (reg->nr_flags & NR_RX_RINGS_ONLY))
		return nm_fail(&b->err, -EINVAL,
			       "NR_TX_RINGS_ONLY and NR_RX_RINGS_ONLY exclude each other");
	return 0;
}

/* One ring `id` of those in [base, base + count), in each direction that has it. */
static int range_one(struct nm_binding *b, uint32_t id, const uint32_t *base, const uint32_t *count)
{
	const char *kind = base[NM_TX] || base[NM_RX] ? "host " : "";
	int dir;

	if (id >= count[NM_TX] && id >= count[NM_RX])
		return nm_fail(&b->err, -EINVAL,
			       "%s has no %sring %u: it has %u tx and %u rx %srings", b->port->name,
			       kind, id, count[NM_TX], count[NM_RX], kind);
	for (dir = 0; dir < NM_DIRS; dir++) {
		b->first[dir] = base[dir] + (id < count[dir] ? id : count[dir]);
		b->last[dir] = b->first[dir] + (id < count[dir]);
	}
	return 0;
}

static int range_host(struct nm_binding *b)
{
	const struct nm_port *port = b->port;

	if (port->nhost[NM_TX] || port->nhost[NM_RX])
		return 0;
	return nm_fail(&b->err, -EOPNOTSUPP, "%s has no host rings: register its NIC rings only",
		       port->name);
}

/* Which rings the mode and flags mean: [first, last) of each direction. */
static int choose_rings(struct nm_binding *b, const struct nmreq_register *reg)
{
	static const uint32_t zero[NM_DIRS];
	struct nm_port *port = b->port;
	int dir, error = 0;

	for (dir = 0; dir < NM_DIRS; dir++) {
		b->first[dir] = 0;
		b->last[dir] = port->nrings[dir];
	}
	switch (reg->nr_mode) {
	case NR_REG_ALL_NIC:
	case NR_REG_PIPE_MASTER:
	case NR_REG_PIPE_SLAVE:
	case NR_REG_NULL:
		break;
	case NR_REG_ONE_NIC:
		error = range_one(b, reg->nr_ringid, zero, port->nrings);
		break;
	case NR_REG_SW:
		error = range_host(b);
		for (dir = 0; dir < NM_DIRS; dir++) {
			b->first[dir] = port->nrings[dir];
			b->last[dir] = nm_port_nrings(port, dir);
		}
		break;
	case NR_REG_NIC_SW:
		error = range_host(b);
		for (dir = 0; dir < NM_DIRS; dir++)
			b->last[dir] = nm_port_nrings(port, dir);
		break;
	case NR_REG_ONE_SW:
		error = range_host(b);
		if (!error)
			error = range_one(b, reg->nr_ringid, port->nrings, port->nhost);
		break;
	default:
		return nm_fail(&b->err, -EINVAL, "unknown mode %u in nr_mode", reg->nr_mode);
	}
	if (reg->nr_flags & NR_TX_RINGS_ONLY)
		b->last[NM_RX] = b->first[NM_RX];
	if (reg->nr_flags & NR_RX_RINGS_ONLY)
		b->last[NM_TX] = b->first[NM_TX];
	if (!error && reg->nr_mode != NR_REG_NULL && b->first[NM_TX] == b->last[NM_TX] &&
	    b->first[NM_RX] == b->last[NM_RX])
		return nm_fail(&b->err, -EINVAL, "%s has no such rings", port->name);
	return error;
}

static void put_rings(struct nm_binding *b, int dir, uint32_t upto)
{
	struct nm_kring *kr;

	while (upto > b->first[dir]) {
		kr = &b->port->krings[dir][--upto];
		kr->bindings--;
		kr->excl = false;
		nm_port_ring_put(kr);
	}
}

static int get_rings(struct nm_binding *b, int dir)
{
	bool excl = b->flags & NR_EXCLUSIVE;
	struct nm_kring *kr;
	uint32_t i;
	int error;

	for (i = b->first[dir]; i < b->last[dir]; i++) {
		kr = &b->port->krings[dir][i];
		error = 0;
		if (kr->excl || (excl && kr->bindings))
			error = nm_fail(&b->err, -EBUSY, "%s ring %u of %s is %s",
					dir == NM_TX ? "tx" : "rx", i, b->port->name,
					kr->excl ? "held exclusively by another program" :
						   "in use: it can not be had exclusively");
		if (!error && kr->users && !kr->bindings)
			nm_kring_renew(kr);
		if (!error)
			error = nm_port_ring_get(kr, &b->err);
		if (error) {
			put_rings(b, dir, i);
			return error;
		}
		kr->bindings++;
		kr->excl = excl;
	}
	return 0;
}

/* ---- netmap_if and extra buffers ---- */

static size_t if_size(const struct nm_binding *b)
{
	return sizeof(struct netmap_if) +
	       sizeof(int64_t) *
		       ((size_t)nm_port_nrings(b->port, NM_TX) + nm_port_nrings(b->port, NM_RX));
}

static int make_if(struct nm_binding *b)
{
	struct nm_port *port = b->port;
	struct netmap_if *nifp = nm_mem_alloc(b->mem, NM_POOL_IF, if_size(b), &b->err);
	uint32_t i, k = 0;
	int dir;

	if (!nifp)
		return -ENOMEM;
	memcpy(nifp->ni_name, port->name, sizeof(nifp->ni_name) - 1);
	*(uint32_t *)&nifp->ni_version = NETMAP_API;
	*(uint32_t *)&nifp->ni_tx_rings = port->nrings[NM_TX];
	*(uint32_t *)&nifp->ni_rx_rings = port->nrings[NM_RX];
	*(uint32_t *)&nifp->ni_host_tx_rings = port->nhost[NM_TX];
	*(uint32_t *)&nifp->ni_host_rx_rings = port->nhost[NM_RX];
	*(uint32_t *)&nifp->ni_flags = b->mem->id == NM_MEM_GLOBAL ? 0 : NI_PRIV_MEM;
	for (dir = 0; dir < NM_DIRS; dir++) {
		for (i = 0; i < nm_port_nrings(port, dir); i++, k++) {
			/* only rings that this client may use are told */
			bool mine = i >= b->first[dir] && i < b->last[dir];

			*(int64_t *)&nifp->ring_ofs[k] =
				mine ? (int64_t)nm_mem_offset(b->mem, port->krings[dir][i].ring) -
						(int64_t)nm_mem_offset(b->mem, nifp) :
				       0;
		}
	}
	b->nifp = nifp;
	return 0;
}

/* Extra buffers are a list: the first word of each is the index of the next. */
static int get_extra(struct nm_binding *b, uint32_t n)
{
	uint32_t *idx, i, head = 0;
	int error;

	if (!n)
		return 0;
	if (n > nm_mem_nbufs(b->mem))
		return nm_fail(&b->err, -ENOMEM,
			       "%u extra buffers: memory %u has at most %u buffers", n, b->mem->id,
			       nm_mem_nbufs(b->mem));
	idx = nm_os_alloc((size_t)n * sizeof(*idx));
	if (!idx)
		return nm_fail(&b->err, -ENOMEM, "no memory for %u extra buffers", n);
	error = nm_mem_bufs_get(b->mem, idx, n, &b->err);
	if (!error) {
		for (i = n; i > 0; i--) {
			nm_store((uint32_t *)nm_mem_buf(b->mem, idx[i - 1]), head);
			head = idx[i - 1];
		}
		b->nifp->ni_bufs_head = head;
		b->extra.n = n;
		nm_share_add(b->mem, &b->extra);
	}
	nm_os_free(idx);
	return error;
}

/* The next of a list of extra buffers; 1, which ends no list, if it makes no sense. */
static uint32_t extra_next(const struct nm_mem *mem, uint32_t idx)
{
	return idx >= NM_BUF_FIRST && idx < nm_mem_nbufs_committed(mem) ?
		       nm_load((uint32_t *)nm_mem_buf(mem, idx)) :
		       1;
}

/*
 * The list is the client's, and may be shorter than it was. One without an end is none: a program
 * that was killed while it had taken them off leaves packets where the next index would be.
 */
static void put_extra(struct nm_binding *b)
{
	uint32_t head = nm_load(&b->nifp->ni_bufs_head), idx = head, i, n;

	if (!b->extra.n)
		return;
	for (n = 0; idx && n < b->extra.n; n++)
		idx = extra_next(b->mem, idx);
	for (i = 0; !idx && i < n; i++, head = extra_next(b->mem, head))
		nm_mem_give_back(b->mem, head);
	nm_share_del(b->mem, &b->extra);
	b->extra.n = 0;
}

/* ---- register ---- */

static int get_port(struct nm_binding *b, const char *name, struct nmreq_register *reg)
{
	char full[NETMAP_REQ_IFNAMSIZ];
	struct nm_port_spec spec = {
		.name = name,
		.user = b->user,
		.mem_id = reg->nr_mem_id,
		.tx_rings = reg->nr_tx_rings,
		.rx_rings = reg->nr_rx_rings,
		.tx_slots = reg->nr_tx_slots,
		.rx_slots = reg->nr_rx_slots,
		.host_tx_rings = reg->nr_host_tx_rings,
		.host_rx_rings = reg->nr_host_rx_rings,
		.create = true,
	};

	if (reg->nr_mode == NR_REG_NULL)
		return nm_null_new(b->ns, &spec, &b->port, &b->err);
	if ((reg->nr_mode == NR_REG_PIPE_MASTER || reg->nr_mode == NR_REG_PIPE_SLAVE) &&
	    !strchr(name, '{') && !strchr(name, '}')) {
		if ((size_t)snprintf(full, sizeof(full), "%s%c%u", name,
				     reg->nr_mode == NR_REG_PIPE_MASTER ? '{' : '}',
				     reg->nr_ringid) >= sizeof(full))
			return nm_fail(&b->err, -ENAMETOOLONG,
				       "pipe name %s is too long: at most %u bytes", full,
				       NETMAP_REQ_IFNAMSIZ - 1);
		spec.name = full;
	}
	return nm_port_get(b->ns, &spec, &b->port, &b->err);
}

static void fill_reply(const struct nm_binding *b, struct nmreq_register *reg)
{
	const struct nm_port *port = b->port;

	reg->nr_offset = nm_mem_offset(b->mem, b->nifp);
	reg->nr_memsize = nm_mem_size(b->mem);
	reg->nr_mem_id = b->mem->id;
	reg->nr_tx_rings = port->nrings[NM_TX];
	reg->nr_rx_rings = port->nrings[NM_RX];
	reg->nr_tx_slots = port->nslots[NM_TX];
	reg->nr_rx_slots = port->nslots[NM_RX];
	reg->nr_host_tx_rings = port->nhost[NM_TX];
	reg->nr_host_rx_rings = port->nhost[NM_RX];
	reg->nr_extra_bufs = b->extra.n;
}

/* A port with a virtio-net header wants clients that know of it. */
static int check_hdr(struct nm_binding *b)
{
	if (!b->port->hdr_len || (b->flags & NR_ACCEPT_VNET_HDR))
		return 0;
	return nm_fail(&b->err, -EIO,
		       "%s has a virtio-net header of %u bytes: register with "
		       "NR_ACCEPT_VNET_HDR, or set its length to 0",
		       b->port->name, b->port->hdr_len);
}

int nm_binding_register(struct nm_binding *b, const char *name, struct nmreq_register *reg)
{
	struct nm_port *port;
	int error;

	if (b->mem)
		return nm_fail(&b->err, -EBUSY,
			       "this descriptor is bound to %s already: open another one",
			       b->port->name);
	error = check_flags(b, reg);
	if (error)
		return error;
	error = get_port(b, name, reg);
	if (error)
		goto fail;
	port = b->port;
	b->mode = reg->nr_mode;
	b->flags = reg->nr_flags;
	error = nm_mem_allowed(port->mem, b->user, &b->err);
	if (error)
		goto fail_port;
	error = check_hdr(b);
	if (error)
		goto fail_port;
	error = choose_rings(b, reg);
	if (error)
		goto fail_port;
	error = nm_port_up(port, &b->err);
	if (error)
		goto fail_port;
	b->mem = port->mem;
	nm_mem_hold(b->mem);
	error = get_rings(b, NM_TX);
	if (error)
		goto fail_mem;
	error = get_rings(b, NM_RX);
	if (error)
		goto fail_tx;
	error = make_if(b);
	if (error)
		goto fail_rx;
	error = get_extra(b, reg->nr_extra_bufs);
	if (error)
		goto fail_if;
	fill_reply(b, reg);
	nm_store_release(&b->ready, true);
	return 0;

fail_if:
	nm_mem_free(b->mem, NM_POOL_IF, b->nifp, if_size(b));
fail_rx:
	put_rings(b, NM_RX, b->last[NM_RX]);
fail_tx:
	put_rings(b, NM_TX, b->last[NM_TX]);
fail_mem:
	nm_mem_put(b->mem);
	nm_port_down(port);
fail_port:
	nm_port_put(port);
fail:
	b->mem = NULL;
	b->port = NULL;
	b->nifp = NULL;
	return error;
}

void nm_binding_unregister(struct nm_binding *b)
{
	struct nm_port *port = b->port;

	if (!b->mem)
		return;
	b->ready = false;
	put_extra(b);
	nm_mem_free(b->mem, NM_POOL_IF, b->nifp, if_size(b));
	put_rings(b, NM_RX, b->last[NM_RX]);
	put_rings(b, NM_TX, b->last[NM_TX]);
	nm_port_down(port);
	nm_mem_put(b->mem);
	b->mem = NULL;
	b->port = NULL;
	b->nifp = NULL;
	nm_port_put(port);
}

/* ---- sync and poll ---- */

static int kring_sync(struct nm_binding *b, struct nm_kring *kr, int flags)
{
	int error = 0, e;

	do {
		/* somebody else is at it, and will see our head before they leave */
		if (!nm_kring_tryget(kr))
			break;
		kr->user = b->user;
		e = nm_kring_begin(kr);
		if (nm_likely(!e))
			e = kr->sync(kr, flags);
		if (nm_unlikely(e))
			error = e;
	} while (nm_kring_put(kr));
	return error;
}

static int bound(struct nm_binding *b)
{
	int gone;

	if (nm_unlikely(!nm_load_acquire(&b->ready)))
		return nm_fail(&b->err, -ENXIO,
			       "the descriptor is not bound to a port: register it first");
	gone = nm_load(&b->port->gone);
	if (nm_unlikely(gone))
		return nm_fail(&b->err, -gone, "%s has gone away or is down", b->port->name);
	return 0;
}

int nm_binding_sync(struct nm_binding *b, enum nm_dir dir)
{
	int error = bound(b), e;
	uint32_t i;

	if (nm_unlikely(error))
		return error;
	for (i = b->first[dir]; i < b->last[dir]; i++) {
		e = kring_sync(b, &b->port->krings[dir][i], NM_SYNC_FORCE);
		if (nm_unlikely(e) && !error)
			error = nm_fail(&b->err, e,
					e == -EINVAL ?
						"%s ring %u: head or cur outside [head, tail]; "
						"the ring starts over" :
						"%s ring %u: sync failed",
					dir == NM_TX ? "tx" : "rx", i);
	}
	return error;
}

uint32_t nm_binding_csb(const struct nm_binding *b)
{
	uint32_t i, has = NM_KR_CSB | NM_KR_NEWS;

	if (!nm_load_acquire(&b->ready) || b->first[NM_RX] == b->last[NM_RX])
		return 0;
	for (i = b->first[NM_RX]; i < b->last[NM_RX]; i++)
		has &= b->port->krings[NM_RX][i].flags;
	return has;
}

/* Syncs the rings of a direction; `event` if one is ready, NM_POLLERR if one is broken. */
static int poll_sync(struct nm_binding *b, enum nm_dir dir, int event)
{
	int revents = 0;
	uint32_t i;

	for (i = b->first[dir]; i < b->last[dir]; i++) {
		struct nm_kring *kr = &b->port->krings[dir][i];

		if (nm_unlikely(kring_sync(b, kr, 0)))
			revents |= NM_POLLERR;
		if (nm_kring_ready(kr))
			revents |= event;
	}
	return revents;
}

/*
 * netmap(4): transmissions are pushed whatever is waited for, unless
 * NR_NO_TX_POLL; rx rings are synced only for POLLIN, unless NR_DO_RX_POLL.
 */
static int poll_pass(struct nm_binding *b, int events)
{
	int revents = 0;

	if ((events & NM_POLLOUT) || !(b->flags & NR_NO_TX_POLL))
		revents |= poll_sync(b, NM_TX, events & NM_POLLOUT);
	if ((events & NM_POLLIN) || (b->flags & NR_DO_RX_POLL))
		revents |= poll_sync(b, NM_RX, events & NM_POLLIN);
	return revents;
}

static void poll_wait(struct nm_binding *b, enum nm_dir dir, struct nm_os_poller *poller)
{
	struct nm_port *port = b->port;
	uint32_t i;

	if (b->last[dir] - b->first[dir] == 1)
		nm_os_poll_wait(poller, &port->krings[dir][b->first[dir]].wq);
	else if (b->last[dir] > b->first[dir])
		nm_os_poll_wait(poller, &port->wq[dir]);
	if (port->ops->arm)
		for (i = b->first[dir]; i < b->last[dir]; i++)
			port->ops->arm(&port->krings[dir][i]);
}

void nm_binding_watch(struct nm_binding *b, struct nm_os_poller *poller)
{
	if (bound(b))
		return;
	poll_wait(b, NM_TX, poller);
	poll_wait(b, NM_RX, poller);
}

int nm_binding_poll(struct nm_binding *b, int events, struct nm_os_poller *poller)
{
	int revents;

	if (nm_unlikely(bound(b)))
		return NM_POLLERR;
	revents = poll_pass(b, events);
	if (revents || !poller)
		return revents;
	if (events & NM_POLLOUT)
		poll_wait(b, NM_TX, poller);
	if (events & NM_POLLIN)
		poll_wait(b, NM_RX, poller);
	/* what came between the pass and the wait had nobody to wake */
	if (nm_unlikely(bound(b)))
		return NM_POLLERR;
	return poll_pass(b, events);
}
