/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sending. A packet is copied into a transmit ring; the sync that sends it is worth many
 * packets, and so it is done
 *
 *	at once		for a packet that comes alone,
 *	every BATCH	when packets follow each other closely: a burst,
 *	by the flusher	for what a burst leaves behind: a thread that looks every TICK, for
 *			as long as the burst lasts, and sleeps otherwise.
 *
 * So no packet waits for longer than a TICK or so, and single ones do not wait at all.
 */
#include "handle.h"

#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define CLOSE_NS  50000ULL /* sends this close together */
#define CLOSE_MIN 64	   /* so many times make a burst */
#define BATCH	  256
#define TICK_NS	  100000L
#define QUIET	  20 /* ticks without a packet end it */

/* All handles, for what a fork does to them. */
static pthread_mutex_t handles_lock = PTHREAD_MUTEX_INITIALIZER;
static struct pcap *handles;

static void before_fork(void)
{
	pthread_mutex_lock(&handles_lock);
}

static void after_fork(void)
{
	pthread_mutex_unlock(&handles_lock);
}

static void init_lock(struct tx_side *tx)
{
	pthread_condattr_t attr;

	pthread_mutex_init(&tx->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&tx->work, &attr);
	pthread_condattr_destroy(&attr);
}

/* The flushers have stayed with the parent, with any lock that they had in their hands. */
static void in_child(void)
{
	struct pcap *p;

	for (p = handles; p != NULL; p = p->tx.next) {
		init_lock(&p->tx);
		p->tx.has_flusher = p->tx.burst = false;
		p->tx.close = 0;
	}
	after_fork();
}

static void watch_forks(void)
{
	pthread_atfork(before_fork, after_fork, in_child);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

void inject_init(pcap_t *p)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, watch_forks);
	init_lock(&p->tx);
	pthread_mutex_lock(&handles_lock);
	p->tx.next = handles;
	handles = p;
	pthread_mutex_unlock(&handles_lock);
}

void inject_fini(pcap_t *p)
{
	struct pcap **pp;

	pthread_mutex_lock(&handles_lock);
	for (pp = &handles; *pp != p; pp = &(*pp)->tx.next)
		;
	*pp = p->tx.next;
	pthread_mutex_unlock(&handles_lock);
	pthread_cond_destroy(&p->tx.work);
	pthread_mutex_destroy(&p->tx.lock);
}

/* With the lock held. 0, or an errno. */
static int sync_tx(pcap_t *p)
{
	if (nmhost_ioctl(p->port->fd, NIOCTXSYNC, NULL) != 0)
		return errno;
	__atomic_store_n(&p->tx.pending, 0, __ATOMIC_RELAXED);
	return 0;
}

int inject_flush(pcap_t *p)
{
	int error = 0;

	pthread_mutex_lock(&p->tx.lock);
	if (p->tx.pending > 0)
		error = sync_tx(p);
	pthread_mutex_unlock(&p->tx.lock);
	return error;
}

/* ---- The flusher --------------------------------------------------------------------- */

static void *flusher(void *arg)
{
	const struct timespec tick = { 0, TICK_NS };
	struct tx_side *tx = &((pcap_t *)arg)->tx;
	unsigned int quiet = 0;

	pthread_mutex_lock(&tx->lock);
	while (!tx->stop) {
		if (!tx->burst) {
			pthread_cond_wait(&tx->work, &tx->lock);
			quiet = 0;
			continue;
		}
		pthread_mutex_unlock(&tx->lock);
		nanosleep(&tick, NULL);
		pthread_mutex_lock(&tx->lock);
		if (tx->stop)
			break;
		if (tx->pending > 0) {
			sync_tx(arg);
			quiet = 0;
		} else if (tx->sends != tx->sends_seen) {
			quiet = 0;
		} else if (++quiet == QUIET) {
			tx->burst = false;
			tx->close = 0;
		}
		tx->sends_seen = tx->sends;
	}
	pthread_mutex_unlock(&tx->lock);
	return NULL;
}

/* A thread for our own purposes: no signal of the program's must land in it. */
static bool start_flusher(pcap_t *p)
{
	sigset_t all, old;
	int error;

	if (p->tx.has_flusher)
		return true;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	error = pthread_create(&p->tx.flusher, NULL, flusher, p);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	p->tx.has_flusher = error == 0;
	return error == 0;
}

void inject_stop(pcap_t *p)
{
	struct tx_side *tx = &p->tx;

	inject_flush(p);
	if (!tx->has_flusher)
		return;
	pthread_mutex_lock(&tx->lock);
	tx->stop = true;
	pthread_cond_signal(&tx->work);
	pthread_mutex_unlock(&tx->lock);
	pthread_join(tx->flusher, NULL);
}

/* ---- One packet ---------------------------------------------------------------------- */

static uint32_t room(const struct netmap_ring *ring)
{
	uint32_t tail = __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE);

	return tail - ring->head + (tail < ring->head ? ring->num_slots : 0);
}

static uint32_t slots_for(const struct netmap_ring *ring, size_t len)
{
	return (uint32_t)((len + ring->nr_buf_size - 1) / ring->nr_buf_size);
}

static void fill(struct netmap_ring *ring, const u_char *data, size_t len)
{
	uint32_t head = ring->head;

	for (;;) {
		struct netmap_slot *slot = &ring->slot[head];
		uint32_t n = len < ring->nr_buf_size ? (uint32_t)len : ring->nr_buf_size;

		nm_pkt_copy(data, NETMAP_BUF(ring, slot->buf_idx), (int)n);
		slot->len = (uint16_t)n;
		data += n;
		len -= n;
		slot->flags = len > 0 ? NS_MOREFRAG : 0;
		head = nm_ring_next(ring, head);
		if (len == 0)
			break;
	}
	/* cur first: a sync of another thread must never see it behind head. */
	__atomic_store_n(&ring->cur, head, __ATOMIC_RELEASE);
	__atomic_store_n(&ring->head, head, __ATOMIC_RELEASE);
}

/* A ring with room for the packet, starting with the one that had it last. */
static struct netmap_ring *find_ring(pcap_t *p, size_t len)
{
	const struct nmport_d *d = p->port;
	unsigned int n = (unsigned int)d->last_tx_ring + 1 - d->first_tx_ring;

	while (n-- > 0) {
		struct netmap_ring *ring = NETMAP_TXRING(d->nifp, p->tx.ring);

		if (room(ring) >= slots_for(ring, len))
			return ring;
		if (p->tx.ring++ == d->last_tx_ring)
			p->tx.ring = d->first_tx_ring;
	}
	return NULL;
}

/*
 * All rings are full. What is in them leaves with a sync, or, where somebody at the other
 * end is slow (a pipe, a NIC), some time later: as a socket would, this waits for that,
 * unless the handle is non-blocking. 0, or an errno.
 */
static int make_room(pcap_t *p)
{
	struct pollfd fds[2] = {
		{ .fd = p->port->fd, .events = POLLOUT },
		{ .fd = p->breakfd, .events = POLLIN },
	};
	int n;

	if (p->tx.pending > 0)
		return sync_tx(p);
	if (p->nonblock)
		return EAGAIN;
	n = nmhost_poll(fds, 2, -1);
	if (n < 0)
		return errno;
	if (fds[0].revents & ~POLLOUT)
		return sync_tx(p);
	/* Left set: it is meant for whoever reads. */
	if (fds[1].revents != 0)
		return EINTR;
	return 0;
}

/* After a packet went into a ring: who does the sync? */
static int schedule(pcap_t *p)
{
	struct tx_side *tx = &p->tx;
	uint64_t now;

	tx->sends++;
	__atomic_store_n(&tx->pending, tx->pending + 1, __ATOMIC_RELAXED);
	if (tx->burst)
		return tx->pending >= BATCH ? sync_tx(p) : 0;
	now = now_ns();
	tx->close = now - tx->last_ns < CLOSE_NS ? tx->close + 1 : 0;
	tx->last_ns = now;
	if (tx->close >= CLOSE_MIN && start_flusher(p)) {
		tx->burst = true;
		pthread_cond_signal(&tx->work);
	}
	now = (uint64_t)sync_tx(p);
	/* How long a sync takes says nothing about how often the program sends. */
	tx->last_ns = now_ns();
	return (int)now;
}

static size_t most(const pcap_t *p)
{
	const struct nmport_d *d = p->port;
	const struct netmap_ring *ring;
	uint32_t slots = NETMAP_MAX_FRAGS;

	if (d->last_tx_ring < d->first_tx_ring)
		return 0;
	ring = NETMAP_TXRING(d->nifp, d->first_tx_ring);
	if (slots > ring->num_slots - 1)
		slots = ring->num_slots - 1;
	/* A NIC sends what fits into one buffer. */
	if (p->nic_index != 0)
		slots = 1;
	return (size_t)slots * ring->nr_buf_size;
}

static int send_packet(pcap_t *p, const u_char *data, size_t len)
{
	struct netmap_ring *ring;
	int error = 0;

	if (len < 14)
		return EINVAL;
	if (len > most(p))
		return most(p) == 0 ? EOPNOTSUPP : EMSGSIZE;
	pthread_mutex_lock(&p->tx.lock);
	while ((ring = find_ring(p, len)) == NULL && error == 0)
		error = make_room(p);
	if (ring != NULL) {
		fill(ring, data, len);
		error = schedule(p);
	}
	pthread_mutex_unlock(&p->tx.lock);
	return error;
}

/* The number of bytes, or PCAP_ERROR. */
static int inject(pcap_t *p, const u_char *data, size_t len)
{
	int error;

	if (!handle_enter(p))
		return PCAP_ERROR;
	error = send_packet(p, data, len);
	if (error != 0)
		handle_fail(p, PCAP_ERROR, "send: %s", sys()->pcap_strerror(error));
	handle_leave(p);
	return error != 0 ? PCAP_ERROR : (int)len;
}

int netmap_pcap_inject(pcap_t *p, const void *buf, size_t size)
{
	if (!p->active)
		return handle_inactive(p);
	if (size > INT_MAX)
		return handle_fail(p, PCAP_ERROR, "More than %d bytes cannot be injected: %s",
				   INT_MAX, sys()->pcap_strerror(EINVAL));
	if (size == 0)
		return handle_fail(p, PCAP_ERROR,
				   "The number of bytes to be injected must not be zero: %s",
				   sys()->pcap_strerror(EINVAL));
	return inject(p, buf, size);
}

int netmap_pcap_sendpacket(pcap_t *p, const u_char *buf, int size)
{
	int n;

	if (!p->active)
		return handle_inactive(p);
	if (size <= 0)
		return handle_fail(p, PCAP_ERROR,
				   "The number of bytes to be sent must be positive: %s",
				   sys()->pcap_strerror(EINVAL));
	n = inject(p, buf, (size_t)size);
	return n < 0 ? n : 0;
}
