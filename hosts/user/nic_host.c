// SPDX-License-Identifier: BSD-2-Clause
/*
 * Host rings. A TAP interface is the process's end of a wire that leads to the stack:
 *
 *	stack, sending through eth0 --> egress of eth0 ... redirected --> TAP --> host rx ring
 *	host tx ring --> TAP --> ingress of TAP ... redirected --> stack, as received by eth0
 *
 * AF_XDP's own transmissions do not pass the egress hook. Packets from the stack come as it
 * has them, large and without checksums where hardware would do that; they are completed
 * here.
 *
 * The TAP has a queue for each host rx ring, attached while the ring is open: the kernel
 * spreads flows over those. Writing is possible through any queue that is attached, so that
 * there is always one.
 */
#include "nic.h"
#include "offload.h"
#include "poller.h"

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

struct nic_hostq {
	struct nic_host *host;
	int fd; /* -1: there was no need for it yet */
	uint64_t serial;
	uint32_t slot;	     /* in nics->hostq[] */
	struct nm_kring *kr; /* while the ring is open */

	/* a packet on its way into the ring: segments from `next` on */
	struct nm_offload off;
	uint32_t next;
	uint8_t vnet[NM_VNET_LEN];
	uint8_t *packet; /* NM_OFFLOAD_MAX bytes */
};

struct nic_host {
	struct nic_port *np;
	struct nm_nics *nics;
	struct tap tap;
	struct tc in, out; /* redirections; out: nics->dispatch */
	int write_fd;
	uint32_t readers; /* host rx rings that are open */
	uint32_t nq;
	struct nic_hostq *q;	       /* nq of them, one for each host rx ring */
	uint64_t checksums, segmented; /* packets completed, cut */
	uint64_t lost;		       /* of the TAP, what was counted already */
};

/* ---- to the stack, and to the wire ---- */

void nic_host_mark(struct xdp_mark *mark)
{
	/* the addresses; nothing else on any network has this type */
	if (getrandom(mark->header, 12, 0) < 0)
		nm_os_log(NM_LOG_WARN, "no random numbers: %s", strerror(errno));
	mark->header[12] = mark->header[13] = 0xff;
}

static int host_get(struct nic_port *np, struct nic_host **hostp, struct nm_err *err);

static struct nic_host *host_or_log(struct nic_port *np)
{
	struct nic_host *host = nm_load_acquire(&np->host);
	struct nm_err err = { .text = "" };

	if (nm_likely(host != NULL))
		return host;
	if (!nm_load(&np->host_failed) && !host_get(np, &host, &err))
		return host;
	if (!nm_load(&np->host_failed))
		nm_os_log(NM_LOG_ERROR, "%s", err.text);
	nm_store(&np->host_failed, true);
	return NULL;
}

/*
 * What the header before a packet says: that the stack has to look at the checksum. But what
 * comes out of a veth may have been left to hardware by another stack, and our own takes it
 * from there as it is: so it does from us.
 */
static void make_header(const struct nic_port *np, const struct nm_piece *first,
			uint8_t vnet[NM_VNET_LEN])
{
	uint32_t start;

	memset(vnet, 0, NM_VNET_LEN);
	if (strcmp(np->nd.kind, "veth") || !nm_offload_unfinished(first->data, first->len, vnet) ||
	    np->native)
		return;
	/* counted from the mark on */
	start = (vnet[6] | vnet[7] << 8) + sizeof(np->mark.header);
	vnet[6] = (uint8_t)start;
	vnet[7] = (uint8_t)(start >> 8);
}

static int pass_to_host(struct nic_port *np, const struct nm_piece *piece, uint32_t n)
{
	struct nic_host *host = host_or_log(np);
	struct iovec iov[NETMAP_MAX_FRAGS + 2];
	uint8_t vnet[NM_VNET_LEN];
	uint32_t k = 0;

	if (!host)
		return -EOPNOTSUPP;
	make_header(np, piece, vnet);
	iov[k++] = (struct iovec){ vnet, sizeof(vnet) };
	if (!np->native)
		iov[k++] = (struct iovec){ np->mark.header, sizeof(np->mark.header) };
	for (uint32_t i = 0; i < n; i++)
		iov[k++] = (struct iovec){ (void *)piece[i].data, piece[i].len };
	if (writev(nm_load_acquire(&host->write_fd), iov, k) >= 0)
		return 0;
	switch (errno) {
	case EINTR:
	case EAGAIN:
	case ENOMEM:
	case ENOBUFS:
		return -ENOBUFS;
	case EINVAL: /* more than 64 KiB, or a checksum beyond the packet's end */
	case EMSGSIZE:
		return -EMSGSIZE;
	default:
		return -EIO;
	}
}

/* Past the queueing discipline, and the hook there, which would bring it back to us. */
static int open_wire(struct nic_port *np)
{
	struct sockaddr_ll addr = { .sll_family = AF_PACKET, .sll_ifindex = (int)np->nd.ifindex };
	const int yes = 1;
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &yes, sizeof(yes)) < 0 ||
	    bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		int error = -errno;

		close(fd);
		return error;
	}
	return fd;
}

static int pass_to_wire(struct nic_port *np, const struct nm_piece *piece, uint32_t n)
{
	struct iovec iov[NETMAP_MAX_FRAGS];
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = n };
	int fd = nm_load_acquire(&np->wire_fd);

	if (fd < 0) {
		pthread_mutex_lock(&np->host_lock);
		fd = np->wire_fd < 0 ? open_wire(np) : np->wire_fd;
		if (fd >= 0)
			nm_store_release(&np->wire_fd, fd);
		pthread_mutex_unlock(&np->host_lock);
		if (fd < 0)
			return fd;
	}
	for (uint32_t i = 0; i < n; i++)
		iov[i] = (struct iovec){ (void *)piece[i].data, piece[i].len };
	if (sendmsg(fd, &msg, MSG_DONTWAIT) >= 0)
		return 0;
	return errno == EAGAIN || errno == ENOMEM ? -ENOBUFS : -errno;
}

int nic_pass(struct nm_port *port, enum nm_way way, const struct nm_piece *piece, uint32_t n)
{
	struct nic_port *np = nic_of(port);

	return way == NM_TO_HOST ? pass_to_host(np, piece, n) : pass_to_wire(np, piece, n);
}

/* ---- from the stack ---- */

static void drop(struct nm_kring *kr, enum nm_drop cause)
{
	nm_stat_add(&kr->stats.drops[cause], 1);
}

/* The next packet into q->packet: 1, 0 there is none, -errno. */
static int fetch(struct nic_hostq *q)
{
	struct iovec iov[2] = { { q->vnet, NM_VNET_LEN }, { q->packet, NM_OFFLOAD_MAX } };
	ssize_t n = readv(q->fd, iov, 2);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	q->next = 0;
	if (n < NM_VNET_LEN || nm_offload_init(&q->off, q->vnet, q->packet, n - NM_VNET_LEN)) {
		q->off.segments = 0;
		drop(q->kr, NM_DROP_OS);
		return 1;
	}
	if (q->off.segments > 1)
		nm_fetch_add(&q->host->segmented, 1);
	else if (q->off.csum)
		nm_fetch_add(&q->host->checksums, 1);
	return 1;
}

/* A segment into a slot; false: it is lost, the slot was not used. */
static bool put_segment(struct nic_hostq *q, struct netmap_slot *slot, uint32_t len)
{
	struct nm_kring *kr = q->kr;
	union nm_slot s = nm_slot_get(slot);

	if (nm_unlikely(len > kr->mem->conf.buf_len)) {
		drop(kr, NM_DROP_TOOLONG);
		return false;
	}
	if (nm_unlikely(s.idx < NM_BUF_FIRST || s.idx >= nm_mem_nbufs(kr->mem) ||
			nm_load(&q->host->nics->owner[s.idx]))) {
		drop(kr, NM_DROP_BADSLOT);
		return false;
	}
	nm_offload_write(&q->off, q->next, (uint8_t *)nm_mem_buf(kr->mem, s.idx));
	s.len = len;
	s.flags = 0;
	nm_slot_set(slot, s);
	return true;
}

int nic_host_rxsync(struct nm_kring *kr, int flags)
{
	struct nic_hostq *q = kr->priv;
	uint32_t n = kr->num_slots, i = kr->hwtail, room, len;
	uint64_t packets = 0, bytes = 0;
	int error = 1;

	(void)flags;
	nm_store(&kr->hwcur, kr->rhead);
	room = nm_dist(i, nm_prev(kr->hwcur, n), n);
	while (room) {
		if (q->next == q->off.segments && (error = fetch(q)) <= 0)
			break;
		for (; room && q->next < q->off.segments; q->next++) {
			len = nm_offload_len(&q->off, q->next);
			if (!put_segment(q, &kr->ring->slot[i], len))
				continue;
			packets++;
			bytes += len;
			i = nm_next(i, n);
			room--;
		}
	}
	nm_store(&kr->hwtail, i);
	nm_stat_add(&kr->stats.packets, packets);
	nm_stat_add(&kr->stats.bytes, bytes);
	nm_kring_end(kr, i);
	return error < 0 ? error : 0;
}

void nic_host_arm(struct nm_kring *kr)
{
	struct nic_hostq *q = kr->priv;

	/* tx: a write never waits. rx, full: no news before the client makes room */
	if (kr->dir == NM_TX || nm_load(&kr->hwtail) == nm_prev(nm_load(&kr->hwcur), kr->num_slots))
		return;
	if (!nm_poller_watch(q->fd, q->serial))
		nic_events_host(q->host->nics, EPOLL_CTL_MOD, q->fd, q->slot, true);
}

void nic_host_event(struct nm_nics *nics, uint32_t slot)
{
	struct nic_hostq *q;
	struct nm_kring *kr;

	pthread_mutex_lock(&nics->dispatch);
	q = slot < NIC_MAX_HOST ? nics->hostq[slot] : NULL;
	kr = q ? q->kr : NULL;
	if (kr && !nm_load(&kr->port->gone))
		nm_load_acquire (&kr->notify)(kr);
	pthread_mutex_unlock(&nics->dispatch);
}

/* ---- coming and going ---- */

static int tap_failed(struct nic_port *np, int error, struct nm_err *err)
{
	const char *name = np->port.name;

	if (error == -ENOENT || error == -ENODEV)
		return nm_fail(err, -EOPNOTSUPP,
			       "%s: host rings need TAP interfaces: /dev/net/tun is not there",
			       name);
	return nm_fail(err, error, "%s: no TAP interface for its host rings: %s", name,
		       strerror(-error));
}

static void host_free(struct nic_host *host)
{
	tc_detach(&host->in);
	for (uint32_t i = 0; host->q && i < host->nq; i++) {
		if (host->q[i].fd >= 0)
			close(host->q[i].fd);
		nm_os_free(host->q[i].packet);
	}
	nm_os_free(host->q);
	nm_os_free(host);
}

static struct nic_host *host_alloc(struct nic_port *np)
{
	struct nic_host *host = nm_os_alloc(sizeof(*host));

	if (!host)
		return NULL;
	host->np = np;
	host->nics = np->port.ns->os.nics;
	host->nq = np->port.nhost[NM_RX];
	host->q = nm_os_alloc(host->nq * sizeof(*host->q));
	if (!host->q) {
		nm_os_free(host);
		return NULL;
	}
	for (uint32_t i = 0; i < host->nq; i++) {
		host->q[i].host = host;
		host->q[i].fd = -1;
	}
	return host;
}

static int host_new(struct nic_port *np, struct nic_host **hostp, struct nm_err *err)
{
	struct nic_host *host = host_alloc(np);
	char alias[64];
	int fd, error;

	if (!host)
		return nm_fail(err, -ENOMEM, "no memory for host rings of %s", np->port.name);
	snprintf(alias, sizeof(alias), "netmap: host rings of %s", np->nd.name);
	fd = tap_open(&host->tap, alias);
	if (fd < 0) {
		host_free(host);
		return tap_failed(np, fd, err);
	}
	host->q[0].fd = host->write_fd = fd;
	error = tc_attach(&host->in, host->tap.ifindex, true, np->nd.ifindex);
	if (error) {
		host_free(host);
		return nm_fail(err, error,
			       "%s: packets can not be redirected to its host's stack: %s",
			       np->port.name, strerror(-error));
	}
	*hostp = host;
	return 0;
}

static int host_get(struct nic_port *np, struct nic_host **hostp, struct nm_err *err)
{
	int error = 0;

	pthread_mutex_lock(&np->host_lock);
	*hostp = np->host;
	if (!*hostp) {
		error = host_new(np, hostp, err);
		if (!error)
			nm_store_release(&np->host, *hostp);
	}
	pthread_mutex_unlock(&np->host_lock);
	return error;
}

void nic_host_close(struct nic_port *np)
{
	if (np->host)
		host_free(np->host);
	np->host = NULL;
	np->host_failed = false;
	if (np->wire_fd >= 0)
		close(np->wire_fd);
	np->wire_fd = -1;
}

/* ---- queues; namespace locked ---- */

static int queue_open(struct nic_hostq *q)
{
	struct nic_host *host = q->host;
	bool fresh = q->fd < 0;
	int error = 0;

	if (!q->packet)
		q->packet = nm_os_alloc(NM_OFFLOAD_MAX);
	if (!q->packet)
		return -ENOMEM;
	if (fresh)
		q->fd = tap_queue(&host->tap);
	if (q->fd < 0)
		return q->fd;
	/* what was in it before this ring was open is nobody's */
	if (!fresh && host->write_fd == q->fd)
		error = tap_attach(q->fd, false);
	if (!error && !fresh)
		error = tap_attach(q->fd, true);
	if (error)
		return error;
	q->off.segments = q->next = 0;
	/* the one that was attached for writing only has no reader */
	if (!host->readers && host->write_fd != q->fd)
		error = tap_attach(host->write_fd, false);
	if (!host->readers)
		nm_store_release(&host->write_fd, q->fd);
	return error;
}

/* The queue's place among all of the process, for events. */
static int queue_publish(struct nic_hostq *q, struct nm_kring *kr)
{
	struct nm_nics *nics = q->host->nics;
	uint32_t i = 0;
	int error = -EMFILE;

	pthread_mutex_lock(&nics->dispatch);
	while (i < NIC_MAX_HOST && nics->hostq[i])
		i++;
	if (i < NIC_MAX_HOST) {
		q->slot = i;
		q->serial = nic_serial();
		q->kr = kr;
		error = nic_events_host(nics, EPOLL_CTL_ADD, q->fd, i, false);
		if (!error)
			nics->hostq[i] = q;
	}
	pthread_mutex_unlock(&nics->dispatch);
	return error;
}

static void queue_unpublish(struct nic_hostq *q)
{
	struct nm_nics *nics = q->host->nics;

	pthread_mutex_lock(&nics->dispatch);
	nic_events_host(nics, EPOLL_CTL_DEL, q->fd, q->slot, false);
	nics->hostq[q->slot] = NULL;
	q->kr = NULL;
	pthread_mutex_unlock(&nics->dispatch);
}

/* Its reader is gone: it stays attached only if nothing else is. */
static void queue_close(struct nic_hostq *q)
{
	struct nic_host *host = q->host;
	uint32_t i;

	if (!host->readers)
		return;
	for (i = 0; i < host->nq && !host->q[i].kr; i++)
		;
	nm_store_release(&host->write_fd, host->q[i].fd);
	tap_attach(q->fd, false);
}

/* The stack's packets come to us while somebody reads them. */
static int redirect(struct nic_host *host)
{
	struct nic_port *np = host->np;
	int error = 0;

	pthread_mutex_lock(&host->nics->dispatch);
	if (!np->port.gone)
		error = tc_attach(&host->out, np->nd.ifindex, false, host->tap.ifindex);
	pthread_mutex_unlock(&host->nics->dispatch);
	return error;
}

void nic_host_detach(struct nic_port *np)
{
	struct nic_host *host = nm_load_acquire(&np->host);

	if (host)
		tc_detach(&host->out);
}

static int rx_up(struct nic_host *host, struct nm_kring *kr)
{
	struct nic_hostq *q = &host->q[nm_host_id(kr)];
	int error = queue_open(q);

	if (error)
		return error;
	error = queue_publish(q, kr);
	if (error)
		goto close;
	kr->priv = q;
	error = host->readers ? 0 : redirect(host);
	if (error)
		goto unpublish;
	host->readers++;
	return 0;

unpublish:
	queue_unpublish(q);
close:
	queue_close(q);
	return error;
}

int nic_host_ring_up(struct nm_kring *kr, struct nm_err *err)
{
	struct nic_port *np = nic_of(kr->port);
	struct nic_host *host;
	int error = host_get(np, &host, err);

	if (error || kr->dir == NM_TX)
		return error;
	error = rx_up(host, kr);
	if (error)
		return nm_fail(err, error, "%s: host rx ring %u gets no packets: %s", np->port.name,
			       nm_host_id(kr), strerror(-error));
	return 0;
}

/* What the TAP had no room for. */
static void count_lost(struct nic_host *host, struct nm_kring *kr)
{
	struct netdev nd;
	uint64_t lost;

	if (netdev_get(&nd, NULL, host->tap.ifindex))
		return;
	lost = nd.tx_dropped - host->lost;
	host->lost = nd.tx_dropped;
	if (lost)
		nm_stat_add(&kr->stats.drops[NM_DROP_NOROOM], lost);
}

void nic_host_ring_down(struct nm_kring *kr)
{
	struct nic_port *np = nic_of(kr->port);
	struct nic_host *host = np->host;
	struct nic_hostq *q = kr->priv;

	nic_disown_slots(host->nics, kr);
	if (kr->dir == NM_TX)
		return;
	count_lost(host, kr);
	if (!--host->readers) {
		pthread_mutex_lock(&host->nics->dispatch);
		nic_host_detach(np);
		pthread_mutex_unlock(&host->nics->dispatch);
	}
	queue_unpublish(q);
	queue_close(q);
	kr->priv = NULL;
}

void nic_host_describe(struct nic_port *np, char *buf, size_t size)
{
	struct nic_host *host = np->host;

	if (!host)
		return;
	for (uint32_t i = 0; i < host->nq; i++) {
		if (host->q[i].kr) {
			count_lost(host, host->q[i].kr);
			break;
		}
	}
	snprintf(buf, size, ", host by %s, %llu checksums completed, %llu packets cut",
		 host->tap.name, (unsigned long long)nm_load(&host->checksums),
		 (unsigned long long)nm_load(&host->segmented));
}
