/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The link emulator: one loop over one direction or both. While packets are under way it spins,
 * as poll() wakes up too late for times to be right; a quiet link sleeps.
 */
#include <errno.h>
#include <string.h>

#include "../common/clock.h"
#include "../common/signals.h"
#include "program.h"

/* A packet that is not due for so long leaves time to sleep. */
#define SLEEP_NS 3000000
/* How long a sync may be thought to take: more is the machine's affair. */
#define SYNC_NS 50000
/* How long before the end of a sync its packets may be said to have come. */
#define STAMP_NS 20000
/* With more packets than these to a turn, there is always one that is due soon. */
#define FEW 4
/* After the last packet there may well be another. */
#define QUIET_NS 1000000

/* All that has arrived goes into the link. Returns the number of packets. */
static unsigned receive(struct direction *d, uint64_t now)
{
	static __thread uint8_t whole[65536];
	unsigned packets = 0;
	size_t len = 0;

	for (unsigned r = d->from->first_rx_ring; r <= d->from->last_rx_ring; r++) {
		struct netmap_ring *ring = NETMAP_RXRING(d->from->nifp, r);
		uint32_t tail = __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE), i = ring->head;
		uint32_t head = i;

		while (i != tail) {
			struct netmap_slot *slot = &ring->slot[i];
			const uint8_t *data = (uint8_t *)NETMAP_BUF_OFFSET(ring, slot);
			size_t n = slot->len;

			i = nm_ring_next(ring, i);
			if (len || (slot->flags & NS_MOREFRAG)) {
				/* What is longer than this, the link refuses, and counts. */
				if (len < sizeof(whole))
					memcpy(whole + len, data,
					       n < sizeof(whole) - len ? n : sizeof(whole) - len);
				len += n;
				if (slot->flags & NS_MOREFRAG)
					continue;
				data = whole;
				n = len;
				len = 0;
			}
			link_input(&d->link, data, (unsigned)n, now, 1);
			packets++;
			head = i;
		}
		/* The start of a packet whose rest has not come stays in the ring. */
		len = 0;
		ring->cur = tail;
		__atomic_store_n(&ring->head, head, __ATOMIC_RELEASE);
	}
	return packets;
}

/*
 * All that is due. As much may have come in at once as several batches: it has to go out as
 * fast. -1: the port failed.
 */
static int send_due(struct direction *d, uint64_t now)
{
	int sent;

	do {
		sent = sender_run(&d->sender, now);
		if (sent < 0) {
			direction_fail(d, d->sender.port, "sending");
			return -1;
		}
	} while (sent == (int)d->sender.batch && !d->sender.full);
	return sent;
}

/* What would be due in the middle of a sync is waited for, and goes out before it. */
static int send_soon(struct direction *d, unsigned n, uint64_t sync_ns)
{
	uint64_t end = now_ns() + sync_ns, now;

	for (unsigned i = 0; i < n; i++) {
		struct link_packet *p = link_output(&d[i].link);

		if (!p || p->when >= end || d[i].turn_sent > FEW)
			continue;
		while ((now = now_ns()) < p->when)
			__builtin_ia32_pause();
		if (send_due(&d[i], now) < 0)
			return -1;
	}
	return 0;
}

/* -1: a port failed. Otherwise whether anything happened in direction i of n. */
static int step(struct direction *dirs, unsigned n, unsigned i)
{
	struct direction *d = &dirs[i];
	uint64_t start, now;
	int got, sent;

	if (send_soon(dirs, n, d->sync_ns) < 0)
		return -1;
	start = now_ns();
	if (port_rxsync(d->from)) {
		direction_fail(d, d->from, "receiving");
		return -1;
	}
	now = now_ns();
	d->sync_ns = (d->sync_ns * 7 + (now - start)) / 8;
	if (d->sync_ns > SYNC_NS)
		d->sync_ns = SYNC_NS;
	/*
	 * What a sync brings has come since the one before: some of it earlier than this one
	 * began, some later. Who was woken up by it has come before. But when others had the
	 * processor in the middle, nobody knows.
	 */
	got = (int)receive(d, now - start < STAMP_NS ? start : now - STAMP_NS);
	sent = send_due(d, now);
	if (sent < 0)
		return -1;
	d->turn_sent = (unsigned)sent;
	atomic_store_explicit(&d->shown_in, d->link.c.in, memory_order_relaxed);
	atomic_store_explicit(&d->shown_out, d->link.c.out, memory_order_relaxed);
	return got || sent;
}

/* Sleeps until a packet arrives, or until shortly before one is due. */
static int doze(struct direction *d, unsigned n, uint64_t now)
{
	uint64_t end = now + 500000000;
	struct pollfd fds[2];
	int ms;

	for (unsigned i = 0; i < n; i++) {
		struct link_packet *p = link_output(&d[i].link);

		fds[i] = (struct pollfd){ .fd = d[i].from->fd, .events = POLLIN };
		if (p && p->when < end)
			end = p->when;
	}
	if (end < now + SLEEP_NS)
		return 0;
	ms = (int)((end - now) / 1000000) - 1;
	if (nmhost_poll(fds, n, ms) < 0 && errno != EINTR) {
		direction_fail(d, d->from, "waiting");
		return -1;
	}
	for (unsigned i = 0; i < n; i++) {
		if (fds[i].revents & (POLLERR | POLLHUP | POLLNVAL)) {
			errno = ENXIO;
			direction_fail(&d[i], d[i].from, "waiting");
			return -1;
		}
	}
	return 0;
}

void emulate_run(struct program *p, unsigned first, unsigned n)
{
	struct direction *d = &p->dir[first];
	uint64_t active = now_ns(), now;

	while (!stop_requested) {
		int busy = 0;

		for (unsigned i = 0; i < n; i++) {
			int r = step(d, n, i);

			if (r < 0) {
				stop_requested = 1;
				return;
			}
			busy |= r;
		}
		if (p->busy)
			continue;
		now = now_ns();
		if (busy)
			active = now;
		else if (now - active > QUIET_NS && doze(d, n, now))
			stop_requested = 1;
	}
}
