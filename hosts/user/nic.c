// SPDX-License-Identifier: BSD-2-Clause
#include "nic.h"
#include "settings.h"

#include <linux/if_link.h>
#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define FRAME_EXTRA 18 /* bytes of a frame that the MTU does not count: Ethernet, one VLAN */

/* ---- the interface ---- */

static int check_caps(const char *name, struct nm_err *err)
{
	char missing[128];

	netdev_missing_caps(missing, sizeof(missing));
	if (!missing[0])
		return 0;
	return nm_fail(err, -EPERM, "%s: this process lacks %s", name, missing);
}

static int check_mtu(const struct netdev *nd, const struct nm_mem *mem, struct nm_err *err)
{
	uint32_t room = mem->conf.buf_len - FRAME_EXTRA;

	if (nd->mtu <= room)
		return 0;
	return nm_fail(err, -EMSGSIZE,
		       "%s: its MTU of %u needs more than a buffer's %u bytes: "
		       "ip link set dev %s mtu %u%s",
		       nd->name, nd->mtu, mem->conf.buf_len, nd->name, room,
		       nd->mtu <= 4096 - 256 - FRAME_EXTRA && mem->conf.stride < 4096 ?
			       ", or buffers of 4096 bytes (nic-buf-size)" :
			       "");
}

static int check_interface(struct nic_port *np, struct nm_err *err)
{
	struct netdev *nd = &np->nd;
	int error = netdev_get(nd, np->port.name, 0);

	if (error)
		return nm_fail(err, error, "no interface called %s", np->port.name);
	error = check_caps(nd->name, err);
	if (error)
		return error;
	if (!nd->up)
		return nm_fail(err, -ENETDOWN, "%s is down: ip link set dev %s up", nd->name,
			       nd->name);
	return check_mtu(nd, np->port.mem, err);
}

/* ---- the program ---- */

static int attach_failed(struct nic_port *np, int error, struct nm_err *err)
{
	struct netdev nd;
	char prog[16];

	if (error != -EBUSY && error != -EEXIST)
		return nm_fail(err, error, "%s: no XDP program can be attached: %s", np->port.name,
			       strerror(-error));
	if (netdev_get(&nd, np->port.name, 0) || !nd.xdp_prog)
		return nm_fail(err, -EBUSY, "%s: another XDP program is attached", np->port.name);
	xdp_prog_name(nd.xdp_prog, prog);
	if (!strcmp(prog, "netmap"))
		return nm_fail(err, -EBUSY,
			       "%s is in use by another process's netmap: only one at a "
			       "time can have an interface",
			       np->port.name);
	return nm_fail(err, -EBUSY,
		       "%s has another XDP program (%s, id %u): ip link set dev %s xdp off",
		       np->port.name, prog, nd.xdp_prog, np->port.name);
}

static int load_failed(struct nic_port *np, int error, struct nm_err *err)
{
	return nm_fail(err, error, "%s: the kernel refuses the XDP program: %s%s", np->port.name,
		       strerror(-error),
		       error == -EPERM ? " (CAP_BPF and CAP_NET_ADMIN do not count "
					 "in a user namespace)" :
					 "");
}

static int attach_program(struct nic_port *np, bool native)
{
	int error = xdp_attach(&np->xdp, np->nd.ifindex,
			       native ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE);

	np->native = native;
	if (error)
		xdp_unload(&np->xdp);
	return error;
}

/* In the driver if it can, else in the stack. */
static int start_program(struct nic_port *np, struct nm_err *err)
{
	uint32_t queues = np->port.nrings[NM_RX];
	int error = -EOPNOTSUPP;

	if (nm_settings.nic_mode != NM_NIC_GENERIC) {
		error = xdp_load(&np->xdp, queues, NULL);
		if (error)
			return load_failed(np, error, err);
		error = attach_program(np, true);
	}
	if (error && error != -EBUSY && error != -EEXIST &&
	    (nm_settings.nic_mode == NM_NIC_BEST || nm_settings.nic_mode == NM_NIC_GENERIC)) {
		nic_host_mark(&np->mark);
		error = xdp_load(&np->xdp, queues, &np->mark);
		if (error)
			return load_failed(np, error, err);
		error = attach_program(np, false);
	}
	return error ? attach_failed(np, error, err) : 0;
}

/* ---- up and down ---- */

/* The kernel pins all of the buffers, so that they have to be there. */
static int prepare_memory(struct nm_mem *mem, struct nm_nics *nics, struct nm_err *err)
{
	const struct nm_pool *pool = &mem->pool[NM_POOL_BUF];
	struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	int error;

	if (mem->conf.shift != 256)
		return nm_fail(err, -EINVAL, "memory %u was not made for interfaces", mem->id);
	error = nm_os_region_commit(&mem->region, pool->off - mem->conf.shift,
				    (size_t)pool->limit * pool->unit + mem->conf.shift);
	if (!error && !nics->owner) {
		nics->owner = nm_os_alloc(pool->limit * sizeof(*nics->owner));
		if (!nics->owner)
			error = -ENOMEM;
	}
	if (error)
		return nm_fail(err, error,
			       "the machine has no memory for the interfaces' %u buffers of "
			       "%u bytes (nic-bufs)",
			       pool->limit, pool->unit);
	setrlimit(RLIMIT_MEMLOCK, &all); /* what stays forbidden is told by the socket */
	return 0;
}

static int make_queues(struct nic_port *np, struct nm_nics *nics, struct nm_err *err)
{
	uint32_t n = np->port.nrings[NM_RX];

	np->queues = nm_os_alloc(n * sizeof(*np->queues));
	if (!np->queues)
		return nm_fail(err, -ENOMEM, "no memory for %u queues of %s", n, np->port.name);
	for (uint32_t i = 0; i < n; i++) {
		struct nic_queue *q = &np->queues[i];

		q->np = np;
		q->nics = nics;
		q->mem = np->port.mem;
		q->id = i;
		q->log2_stride = __builtin_ctz(np->port.mem->conf.stride);
		q->xsk.fd = -1;
	}
	return 0;
}

static void join_thread(struct nic_port *np, struct nm_nics *nics)
{
	struct netdev nd;
	int error;

	pthread_mutex_lock(&nics->dispatch);
	nm_list_add_tail(&nics->ports, &np->link);
	pthread_mutex_unlock(&nics->dispatch);
	/* what happened before that, the thread did not see as ours */
	error = netdev_get(&nd, NULL, np->nd.ifindex);
	if (error || !nd.up)
		nm_port_gone(&np->port, error ? ENXIO : ENETDOWN);
}

static int nic_up(struct nm_port *port, struct nm_err *err)
{
	struct nic_port *np = nic_of(port);
	struct nm_nics *nics;
	int error = check_interface(np, err);

	if (!error)
		error = nm_nics_get(port->ns, &nics, err);
	if (!error)
		error = prepare_memory(port->mem, nics, err);
	if (!error)
		error = make_queues(np, nics, err);
	if (error)
		return error;
	error = start_program(np, err);
	if (error)
		goto free_queues;
	np->promisc_fd = netdev_promiscuous(np->nd.ifindex);
	if (np->promisc_fd < 0) {
		error = nm_fail(err, np->promisc_fd, "%s: no promiscuous mode: %s", port->name,
				strerror(-np->promisc_fd));
		goto unload;
	}
	netdev_offloads_off(&np->nd, &np->offloads);
	netdev_offloads_report(&np->nd);
	np->mode = np->native ? "native" : "generic";
	join_thread(np, nics);
	return 0;

unload:
	xdp_unload(&np->xdp);
free_queues:
	nm_os_free(np->queues);
	np->queues = NULL;
	return error;
}

static void nic_down(struct nm_port *port)
{
	struct nic_port *np = nic_of(port);
	struct nm_nics *nics = port->ns->os.nics;

	pthread_mutex_lock(&nics->dispatch);
	nm_list_del(&np->link);
	pthread_mutex_unlock(&nics->dispatch);
	nic_host_close(np);
	xdp_unload(&np->xdp);
	if (np->promisc_fd >= 0)
		close(np->promisc_fd);
	netdev_offloads_restore(np->nd.ifindex, &np->offloads);
	nm_os_free(np->queues);
	np->queues = NULL;
}

/* ---- queues ---- */

/* A place among all queues of the process, which is also the mark on its buffers. */
static bool queue_tag(struct nic_queue *q)
{
	struct nm_nics *nics = q->nics;
	uint32_t i = 0;

	pthread_mutex_lock(&nics->dispatch);
	while (i < NIC_MAX_QUEUES && nics->queue[i])
		i++;
	if (i < NIC_MAX_QUEUES) {
		nics->queue[i] = q;
		q->tag = i + 1;
	}
	pthread_mutex_unlock(&nics->dispatch);
	return i < NIC_MAX_QUEUES;
}

static int bind_best(struct nic_queue *q, const struct xsk_conf *conf)
{
	struct nic_port *np = q->np;
	long want = nm_settings.nic_mode;
	int error = -EOPNOTSUPP;

	if (np->native && want != NM_NIC_NATIVE) {
		error = xsk_bind(&q->xsk, conf, XDP_ZEROCOPY);
		np->mode = "zero-copy";
	}
	if (error && error != -EBUSY && error != -ENETDOWN && want != NM_NIC_ZEROCOPY) {
		error = xsk_bind(&q->xsk, conf, XDP_COPY);
		np->mode = np->native ? "native copy" : "generic copy";
	}
	return error;
}

static int open_failed(struct nic_queue *q, int error, struct nm_err *err)
{
	const char *name = q->np->port.name;

	switch (error) {
	case -EAFNOSUPPORT:
		return nm_fail(err, error, "this kernel has no AF_XDP (CONFIG_XDP_SOCKETS)");
	case -ENOBUFS:
		return nm_fail(err, error,
			       "%s: the buffers exceed the locked memory allowed: raise "
			       "RLIMIT_MEMLOCK (ulimit -l unlimited), or add CAP_IPC_LOCK",
			       name);
	case -EBUSY:
		return nm_fail(err, error, "%s: queue %u is in use by another AF_XDP program", name,
			       q->id);
	case -EOPNOTSUPP:
		return nm_fail(err, error, "%s: its driver does not do what nic-mode %ld asks",
			       name, nm_settings.nic_mode);
	case -ENETDOWN:
		return nm_fail(err, error, "%s is down: ip link set dev %s up", name, name);
	default:
		return nm_fail(err, error, "%s: no AF_XDP socket for queue %u: %s", name, q->id,
			       strerror(-error));
	}
}

static int open_socket(struct nic_queue *q, struct nm_err *err)
{
	struct nm_port *port = &q->np->port;
	struct nm_mem *mem = q->mem;
	struct xsk_conf conf = {
		.ifindex = q->np->nd.ifindex,
		.queue = q->id,
		.umem = mem->bufs - mem->conf.shift,
		.umem_size = (uint64_t)nm_mem_nbufs(mem) * mem->conf.stride,
		.chunk = mem->conf.stride,
		.rx_slots = port->nslots[NM_RX],
		.tx_slots = port->nslots[NM_TX],
	};
	int error = xsk_open(&q->xsk, &conf);

	if (!error) {
		error = bind_best(q, &conf);
		if (error)
			xsk_close(&q->xsk);
	}
	return error ? open_failed(q, error, err) : 0;
}

static void tell_owned(const struct nm_share *share, struct nm_mem *mem)
{
	const struct nic_queue *q = nm_container_of(share, struct nic_queue, share);

	for (uint32_t i = NM_BUF_FIRST; i < nm_mem_nbufs(mem); i++)
		if (nm_load(&q->nics->owner[i]) == q->tag)
			nm_mem_tell(mem, i);
}

/* The buffers that the kernel fills. */
static int give_buffers(struct nic_queue *q, struct nm_err *err)
{
	uint32_t n = q->np->port.nslots[NM_RX];
	uint32_t *idx = nm_os_alloc(n * sizeof(*idx));
	int error;

	if (!idx)
		return nm_fail(err, -ENOMEM, "no memory for a queue of %s", q->np->port.name);
	error = nm_mem_bufs_get(q->mem, idx, n, err);
	if (!error) {
		q->share.n = n;
		q->share.tell = tell_owned;
		nm_share_add(q->mem, &q->share);
		nic_fill(q, idx, n);
	}
	nm_os_free(idx);
	return error;
}

static void take_buffers(struct nic_queue *q)
{
	uint16_t *owner = q->nics->owner;

	if (!q->share.n)
		return;
	for (uint32_t i = NM_BUF_FIRST; i < nm_mem_nbufs(q->mem); i++) {
		if (nm_load(&owner[i]) != q->tag)
			continue;
		nm_store(&owner[i], 0);
		nm_mem_give_back(q->mem, i);
	}
	nm_share_del(q->mem, &q->share);
	q->share.n = 0;
}

static void queue_free(struct nic_queue *q)
{
	nm_os_free(q->slot_of);
	nm_os_free(q->same);
	nm_os_free(q->finished);
	q->slot_of = q->same = NULL;
	q->finished = NULL;
}

static int queue_alloc(struct nic_queue *q, struct nm_err *err)
{
	uint32_t slots = q->np->port.nslots[NM_TX];

	q->slot_of = nm_os_alloc(nm_mem_nbufs(q->mem) * sizeof(*q->slot_of));
	q->same = nm_os_alloc(slots * sizeof(*q->same));
	q->finished = nm_os_alloc(slots);
	if (q->slot_of && q->same && q->finished)
		return 0;
	queue_free(q);
	return nm_fail(err, -ENOMEM, "no memory for a queue of %s", q->np->port.name);
}

static void queue_close(struct nic_queue *q)
{
	const struct timespec dma = { 0, 10000000 };

	nic_events_del(q);
	xsk_close(&q->xsk);
	/* A driver with our buffers in its own rings gives them back a moment later. */
	if (!strcmp(q->np->mode, "zero-copy"))
		nanosleep(&dma, NULL);
	take_buffers(q);
	queue_free(q);
	memset(&q->counted, 0, sizeof(q->counted));
}

/* The socket, for whichever direction comes first. */
static int queue_open(struct nic_queue *q, struct nm_err *err)
{
	int error = queue_alloc(q, err);

	if (error)
		return error;
	q->serial = nic_serial();
	error = open_socket(q, err);
	if (error)
		goto free_queue;
	if (!queue_tag(q)) {
		error = nm_fail(err, -EMFILE, "more than %u queues of interfaces", NIC_MAX_QUEUES);
		goto close_socket;
	}
	error = give_buffers(q, err);
	if (error)
		queue_close(q);
	return error;

close_socket:
	xsk_close(&q->xsk);
free_queue:
	queue_free(q);
	return error;
}

static void publish_kring(struct nic_queue *q, int dir, struct nm_kring *kr)
{
	pthread_mutex_lock(&q->nics->dispatch);
	q->kr[dir] = kr;
	pthread_mutex_unlock(&q->nics->dispatch);
}

static int nic_ring_up(struct nm_kring *kr, struct nm_err *err)
{
	struct nic_port *np = nic_of(kr->port);
	struct nic_queue *q;
	int error;

	if (kr->flags & NM_KR_HOST)
		return nic_host_ring_up(kr, err);
	q = &np->queues[kr->id];
	error = q->users ? 0 : queue_open(q, err);
	if (error)
		return error;
	kr->priv = q;
	q->users++;
	publish_kring(q, kr->dir, kr);
	if (kr->dir != NM_RX)
		return 0;
	error = xdp_queue_set(&np->xdp, q->id, q->xsk.fd);
	if (!error)
		return 0;
	publish_kring(q, kr->dir, NULL);
	if (!--q->users)
		queue_close(q);
	return nm_fail(err, error, "%s: queue %u can not be redirected: %s", np->port.name, q->id,
		       strerror(-error));
}

/* ---- counters ---- */

static void count(struct nm_kring *kr, enum nm_drop cause, uint64_t n)
{
	if (kr && n)
		nm_stat_add(&kr->stats.drops[cause], n);
}

/* What the kernel dropped since last time. Namespace locked. */
static void count_drops(struct nic_queue *q)
{
	struct xdp_statistics now, *was = &q->counted;
	uint64_t full, empty, other;

	if (q->xsk.fd < 0 || xsk_statistics(&q->xsk, &now))
		return;
	full = now.rx_ring_full - was->rx_ring_full;
	empty = now.rx_fill_ring_empty_descs - was->rx_fill_ring_empty_descs;
	other = now.rx_dropped - was->rx_dropped;
	/* rx_dropped counts the packets that found no buffer as well */
	count(q->kr[NM_RX], NM_DROP_NOROOM, full + (empty < other ? empty : other));
	count(q->kr[NM_RX], NM_DROP_OS,
	      (other > empty ? other - empty : 0) + now.rx_invalid_descs - was->rx_invalid_descs);
	count(q->kr[NM_TX], NM_DROP_OS, now.tx_invalid_descs - was->tx_invalid_descs);
	*was = now;
}

/* ---- the end of a ring ---- */

/* Buffers that the kernel still reads may not be given to others. */
static void drain_tx(struct nic_queue *q, struct nm_kring *kr)
{
	const struct timespec nap = { 0, 1000000 };

	while (!nm_kring_tryget(kr))
		sched_yield();
	for (int i = 0; i < 100 && !nm_load(&kr->port->gone); i++) {
		nic_kick(q);
		nic_reap(q, kr);
		if (nm_next(kr->hwtail, kr->num_slots) == kr->hwcur)
			break;
		nanosleep(&nap, NULL);
	}
	memset(q->slot_of, 0, nm_mem_nbufs(q->mem) * sizeof(*q->slot_of));
	nm_kring_put(kr);
}

/* A client may have put buffers in its slots that are in the kernel's hands. */
void nic_disown_slots(struct nm_nics *nics, struct nm_kring *kr)
{
	for (uint32_t i = 0; i < kr->num_slots; i++) {
		union nm_slot s = nm_slot_get(&kr->ring->slot[i]);

		if (s.idx < nm_mem_nbufs(kr->mem) && nm_load(&nics->owner[s.idx])) {
			s.idx = 0;
			nm_slot_set(&kr->ring->slot[i], s);
		}
	}
}

static void nic_ring_down(struct nm_kring *kr)
{
	struct nic_queue *q = kr->priv;

	if (kr->flags & NM_KR_HOST) {
		nic_host_ring_down(kr);
		return;
	}
	if (kr->dir == NM_RX)
		xdp_queue_clear(&q->np->xdp, q->id);
	else
		drain_tx(q, kr);
	count_drops(q);
	publish_kring(q, kr->dir, NULL);
	nic_disown_slots(q->nics, kr);
	if (!--q->users)
		queue_close(q);
}

/* ---- the port ---- */

static void nic_describe(struct nm_port *port, char *buf, size_t size)
{
	struct nic_port *np = nic_of(port);
	size_t n;

	if (!np->queues) {
		snprintf(buf, size, "AF_XDP, not in use");
		return;
	}
	for (uint32_t i = 0; i < port->nrings[NM_RX]; i++)
		count_drops(&np->queues[i]);
	n = snprintf(buf, size, "AF_XDP %s, %u queues, MTU %u", np->mode, port->nrings[NM_RX],
		     np->nd.mtu);
	if (n < size)
		nic_host_describe(np, buf + n, size - n);
}

static void nic_free(struct nm_port *port)
{
	pthread_mutex_destroy(&nic_of(port)->host_lock);
	nm_os_free(nic_of(port));
}

static const struct nm_port_ops nic_ops = {
	.kind = "nic",
	.sync = { nic_txsync, nic_rxsync },
	.up = nic_up,
	.down = nic_down,
	.ring_up = nic_ring_up,
	.ring_down = nic_ring_down,
	.arm = nic_arm,
	.host_rxsync = nic_host_rxsync,
	.pass = nic_pass,
	.describe = nic_describe,
	.free = nic_free,
};

bool nic_is(const struct nm_port *port)
{
	return port->ops == &nic_ops;
}

int nm_os_nic_port(struct nm_ns *ns, const char *name, struct nm_port **portp, struct nm_err *err)
{
	struct nic_port *np;
	struct netdev nd;
	int error = netdev_get(&nd, name, 0);

	if (error)
		return nm_fail(err, error, "no interface called %s", name);
	np = nm_os_alloc(sizeof(*np));
	if (!np)
		return nm_fail(err, -ENOMEM, "no memory for port %s", name);
	nm_port_init(&np->port, ns, &nic_ops, name);
	np->promisc_fd = -1;
	np->wire_fd = -1;
	pthread_mutex_init(&np->host_lock, NULL);
	np->xdp = (struct xdp_prog){ -1, -1, -1 };
	nm_list_init(&np->link);
	np->port.nrings[NM_TX] = np->port.nrings[NM_RX] =
		nd.queues < NM_MAX_RINGS ? nd.queues : NM_MAX_RINGS;
	np->port.nhost[NM_TX] = np->port.nhost[NM_RX] = 1;
	if (!ns->global)
		nm_settings_nic(&ns->conf, nd.queues);
	error = nm_mem_get_global(ns, &np->port.mem, err);
	if (error) {
		pthread_mutex_destroy(&np->host_lock);
		nm_os_free(np);
		return error;
	}
	*portp = &np->port;
	return 0;
}

bool nm_os_nic_exists(struct nm_ns *ns, const char *name)
{
	(void)ns;
	return if_nametoindex(name) != 0;
}
