/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading. A packet is handed over where it lies, in the buffer of its slot.
 *
 * Of the two indices of a ring that are ours, cur is where we read, and head follows it
 * when the program has said that it is done with what it got: for a callback when the
 * batch is over, for pcap_next() and pcap_next_ex() with the next call. The slots between
 * the two stay as they are, whatever syncs there are meanwhile.
 */
#include "handle.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

static struct netmap_ring *rx_ring(const pcap_t *p, unsigned int i)
{
	return NETMAP_RXRING(p->port->nifp, i);
}

/* Pairs with the release that the framework writes tail with: slots before it are valid. */
static uint32_t ring_tail(const struct netmap_ring *ring)
{
	return __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE);
}

static unsigned int rx_rings(const pcap_t *p)
{
	return (unsigned int)p->port->last_rx_ring + 1 - p->port->first_rx_ring;
}

bool capture_pending(pcap_t *p)
{
	unsigned int i;

	for (i = p->port->first_rx_ring; i <= p->port->last_rx_ring; i++)
		if (rx_ring(p, i)->cur != ring_tail(rx_ring(p, i)))
			return true;
	return false;
}

/* After a sync: the time that its packets get. */
void capture_stamp(pcap_t *p)
{
	struct timespec ts;

	clock_gettime(p->clock, &ts);
	p->now.tv_sec = ts.tv_sec;
	p->now.tv_usec =
		p->precision == PCAP_TSTAMP_PRECISION_NANO ? ts.tv_nsec : ts.tv_nsec / 1000;
}

/* The program is done with all it has got. The next sync tells the framework. */
void capture_release(pcap_t *p)
{
	unsigned int i;

	for (i = p->port->first_rx_ring; i <= p->port->last_rx_ring; i++) {
		struct netmap_ring *ring = rx_ring(p, i);

		__atomic_store_n(&ring->head, ring->cur, __ATOMIC_RELEASE);
	}
}

/*
 * Who shares the memory of the port could write anything there: what we do not check, do
 * not read twice.
 */
static uint32_t slot_len(const struct netmap_ring *ring, const struct netmap_slot *slot)
{
	uint32_t len = __atomic_load_n(&slot->len, __ATOMIC_RELAXED);

	return len <= ring->nr_buf_size ? len : ring->nr_buf_size;
}

static bool make_room(pcap_t *p, size_t len)
{
	u_char *b = realloc(p->joined, len * 2);

	if (b == NULL)
		return false;
	p->joined = b;
	p->joined_size = len * 2;
	return true;
}

/*
 * A packet of several slots is put together, since programs want it in one piece. Returns
 * its length and moves *cur to its last slot; 0: it is not complete yet; -1: no memory.
 */
static long join(pcap_t *p, struct netmap_ring *ring, uint32_t *cur, uint32_t tail)
{
	uint32_t i = *cur, last;
	size_t len;

	for (last = i; ring->slot[last].flags & NS_MOREFRAG;) {
		if (nm_ring_next(ring, last) == tail)
			return 0;
		last = nm_ring_next(ring, last);
		if (last == i)
			return 0;
	}
	*cur = last;
	len = 0;
	for (;; i = nm_ring_next(ring, i)) {
		const struct netmap_slot *slot = &ring->slot[i];
		uint32_t n = slot_len(ring, slot);

		if (len + n > p->joined_size && !make_room(p, len + n))
			return -1;
		memcpy(p->joined + len, NETMAP_BUF(ring, slot->buf_idx), n);
		len += n;
		if (i == last)
			return (long)len;
	}
}

/* The next packet of a ring that somebody wants. False: none is left before tail. */
static inline bool take(pcap_t *p, struct netmap_ring *ring, uint32_t tail, struct pcap_pkthdr *h,
			const u_char **data)
{
	uint32_t cur = ring->cur;

	while (cur != tail) {
		const struct netmap_slot *slot = &ring->slot[cur];
		const struct filter *f;
		uint32_t len = slot_len(ring, slot), next;
		bool outgoing = slot->flags & NS_TXMON;
		u_int keep = UINT_MAX;
		pcap_direction_t dir;

		*data = (const u_char *)NETMAP_BUF(ring, slot->buf_idx);
		if (__builtin_expect(slot->flags & NS_MOREFRAG, 0)) {
			long n = join(p, ring, &cur, tail);

			if (n == 0)
				return false;
			*data = p->joined;
			len = n > 0 ? (uint32_t)n : 0;
		}
		next = nm_ring_next(ring, cur);
		if (next != tail) {
			slot = &ring->slot[next];
			__builtin_prefetch(NETMAP_BUF(ring, slot->buf_idx));
		}
		cur = next;
		ring->cur = cur;
		dir = __atomic_load_n(&p->direction, __ATOMIC_RELAXED);
		if (__builtin_expect(dir != PCAP_D_INOUT, 0) && outgoing != (dir == PCAP_D_OUT))
			continue;
		f = __atomic_load_n(&p->filter, __ATOMIC_ACQUIRE);
		if (f != NULL)
			keep = filter_run(f, *data, len, len, outgoing);
		if (keep == 0 || __builtin_expect(len == 0, 0))
			continue;
		if (keep > (u_int)p->snaplen)
			keep = (u_int)p->snaplen;
		h->len = len;
		h->caplen = keep < len ? keep : len;
		if (p->each_time)
			capture_stamp(p);
		h->ts = p->now;
		__atomic_store_n(&p->received, p->received + 1, __ATOMIC_RELAXED);
		return true;
	}
	return false;
}

static bool break_asked(pcap_t *p)
{
	if (__builtin_expect(!__atomic_load_n(&p->broken, __ATOMIC_RELAXED), 1))
		return false;
	__atomic_store_n(&p->broken, 0, __ATOMIC_SEQ_CST);
	return true;
}

static bool closing(pcap_t *p)
{
	return __atomic_load_n(&p->closing, __ATOMIC_RELAXED) != 0;
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/*
 * Waits as long as the settings of the handle say, counted from the first wait of a read
 * call: packets that pass no filter do not prolong it. *deadline starts as 0.
 */
static int wait_more(pcap_t *p, int64_t *deadline)
{
	int64_t left;

	if (p->nonblock) {
		int first = *deadline == 0;

		*deadline = 1;
		return first ? event_wait(p, 0) : 0;
	}
	if (p->timeout_ms <= 0)
		return event_wait(p, -1);
	if (*deadline == 0)
		*deadline = now_ms() + p->timeout_ms;
	left = *deadline - now_ms();
	return left > 0 ? event_wait(p, (int)left) : 0;
}

/*
 * Calls back for what is in the rings, cnt at most, waiting for it if need be. Returns how
 * many; 0: the time is over; < 0: an error, or a break. After a close, p is gone.
 */
static int read_batch(pcap_t *p, int cnt, pcap_handler cb, u_char *user)
{
	int64_t deadline = 0;
	struct pcap_pkthdr h;
	const u_char *data;
	unsigned int i;
	int n = 0, r;

	for (;;) {
		if (closing(p) || break_asked(p))
			return PCAP_ERROR_BREAK;
		capture_release(p);
		for (i = 0; i < rx_rings(p); i++) {
			struct netmap_ring *ring = rx_ring(p, p->ring);
			uint32_t tail = ring_tail(ring);

			while (n < cnt && take(p, ring, tail, &h, &data)) {
				n++;
				cb(user, &h, data);
				if (break_asked(p) || closing(p))
					return PCAP_ERROR_BREAK;
			}
			if (n == cnt)
				break;
			if (p->ring++ == p->port->last_rx_ring)
				p->ring = p->port->first_rx_ring;
		}
		if (n > 0)
			return n;
		capture_release(p);
		r = wait_more(p, &deadline);
		if (r <= 0)
			return r < 0 ? r : break_asked(p) ? PCAP_ERROR_BREAK : 0;
	}
}

/* Frees filters that were replaced. The reader does it, between packets. */
static void drop_old_filters(pcap_t *p)
{
	if (__builtin_expect(__atomic_load_n(&p->old_filters, __ATOMIC_RELAXED) != NULL, 0))
		filter_free(__atomic_exchange_n(&p->old_filters, NULL, __ATOMIC_ACQ_REL));
}

static bool begin(pcap_t *p)
{
	if (!handle_enter(p))
		return false;
	/* Whoever closes the handle looks whether it is this very thread that reads. */
	__atomic_store_n(&p->reader, pthread_self(), __ATOMIC_RELAXED);
	__atomic_store_n(&p->reading, p->reading + 1, __ATOMIC_RELAXED);
	drop_old_filters(p);
	return true;
}

static void end(pcap_t *p)
{
	if (p->selectfd >= 0 && !closing(p))
		event_settle(p);
	__atomic_store_n(&p->reading, p->reading - 1, __ATOMIC_RELAXED);
	handle_leave(p);
}

int netmap_pcap_dispatch(pcap_t *p, int cnt, pcap_handler cb, u_char *user)
{
	int n;

	if (!p->active)
		return handle_inactive(p);
	if (!begin(p))
		return PCAP_ERROR_BREAK;
	n = read_batch(p, cnt > 0 ? cnt : INT_MAX, cb, user);
	if (n != 0 && !closing(p))
		capture_release(p);
	end(p);
	return n;
}

int netmap_pcap_loop(pcap_t *p, int cnt, pcap_handler cb, u_char *user)
{
	bool forever = cnt <= 0;
	int n;

	if (!p->active)
		return handle_inactive(p);
	if (!begin(p))
		return PCAP_ERROR_BREAK;
	do {
		n = read_batch(p, forever ? INT_MAX : cnt, cb, user);
		if (n > 0 && !forever)
			cnt -= n;
	} while (n >= 0 && (forever || cnt > 0));
	if (!closing(p))
		capture_release(p);
	end(p);
	return n < 0 ? n : 0;
}

/* One packet, which stays where it is until the next call. */
static int read_one(pcap_t *p, struct pcap_pkthdr *h, const u_char **data)
{
	int64_t deadline = 0;
	unsigned int i;
	int r;

	if (break_asked(p) || closing(p))
		return PCAP_ERROR_BREAK;
	capture_release(p);
	for (;;) {
		for (i = 0; i < rx_rings(p); i++) {
			struct netmap_ring *ring = rx_ring(p, p->ring);

			if (take(p, ring, ring_tail(ring), h, data))
				return 1;
			if (p->ring++ == p->port->last_rx_ring)
				p->ring = p->port->first_rx_ring;
		}
		capture_release(p);
		r = wait_more(p, &deadline);
		if (r < 0)
			return r;
		if (closing(p) || break_asked(p))
			return PCAP_ERROR_BREAK;
		if (r == 0)
			return 0;
	}
}

int netmap_pcap_next_ex(pcap_t *p, struct pcap_pkthdr **h, const u_char **data)
{
	int r;

	if (!p->active)
		return handle_inactive(p);
	if (!begin(p))
		return PCAP_ERROR_BREAK;
	*h = &p->oneshot;
	r = read_one(p, &p->oneshot, data);
	end(p);
	return r;
}

const u_char *netmap_pcap_next(pcap_t *p, struct pcap_pkthdr *h)
{
	struct pcap_pkthdr *oneshot;
	const u_char *data;

	if (netmap_pcap_next_ex(p, &oneshot, &data) != 1)
		return NULL;
	*h = *oneshot;
	return data;
}
