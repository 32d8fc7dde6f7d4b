/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Syncs without a round trip. The receive rings of a VALE port fill without being asked, and
 * their pointers are in memory that we share with the daemon (core/kring.h): while packets
 * come, a receiver need not call it at all. Whatever else there may be to do (packets to be
 * sent, errors to be told, a wait) takes a call as ever.
 *
 * Threads of this process may sync one file at once, some of them by a call. Head and tail
 * only move forward, whoever is the last.
 */
#include <net/netmap.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "client.h"

#define SPIN_NS	   50000	 /* a sleep and a wakeup across processors can take as long */
#define SOON_NS	   (4 * SPIN_NS) /* packets that came before would have come to a look */
#define SPIN_LOOKS 8		 /* between two looks at the clock */
#define CHECK_NS   50000	 /* a sync that finds nothing calls, unless one did so lately */

#if defined(__x86_64__) || defined(__i386__)
#define cpu_relax() __builtin_ia32_pause()
#else
#define cpu_relax() ((void)0)
#endif

static struct nm_csb_atok *atok_of(const struct nmc_csb *c, struct netmap_ring *r)
{
	return (struct nm_csb_atok *)((char *)r - c->front);
}

static struct nm_csb_ktoa *ktoa_of(const struct nmc_csb *c, struct netmap_ring *r)
{
	return (struct nm_csb_ktoa *)(atok_of(c, r) + 1);
}

/* ---- where the rings are ---- */

static bool add_rings(struct nmc_csb *c, const struct netmap_if *nifp, uint32_t first, uint32_t n,
		      unsigned int *count)
{
	char *base = (char *)nifp;
	int64_t ofs;
	uint32_t i;

	for (i = first; i < first + n; i++) {
		ofs = nifp->ring_ofs[i];
		if (ofs == 0)
			continue;
		if (c->nrx + c->ntx == NMC_CSB_RINGS)
			return false;
		c->ring[c->nrx + c->ntx] = (struct netmap_ring *)(base + ofs);
		(*count)++;
	}
	return true;
}

static bool find_rings(struct nmc_csb *c, uint64_t nifp_offset)
{
	const struct netmap_if *nifp = (struct netmap_if *)(c->region + nifp_offset);
	uint32_t ntx = nifp->ni_tx_rings + nifp->ni_host_tx_rings;
	uint32_t nrx = nifp->ni_rx_rings + nifp->ni_host_rx_rings;

	c->nrx = c->ntx = 0;
	return add_rings(c, nifp, ntx, nrx, &c->nrx) && add_rings(c, nifp, 0, ntx, &c->ntx);
}

void nmc_csb_init(struct nmc_file *f, int memfd, const struct nmd_memory *m)
{
	struct nmc_csb *c = &f->csb;
	void *p;

	pthread_mutex_lock(&f->lock);
	if (m->csb == 0 || c->region != NULL || !f->registered || f->nifp_offset >= m->size)
		goto out;
	p = (void *)syscall(SYS_mmap, NULL, (size_t)m->size, PROT_READ | PROT_WRITE, MAP_SHARED,
			    memfd, (off_t)0);
	if (p == MAP_FAILED)
		goto out;
	c->region = p;
	c->size = m->size;
	c->front = m->csb;
	c->calls = m->calls != 0;
	c->checked = 0;
	/* with one processor, who looks keeps others from sending */
	c->spin = sysconf(_SC_NPROCESSORS_ONLN) > 1 ? 0 : -1;
	if (!find_rings(c, f->nifp_offset)) {
		munmap(p, c->size);
		c->region = NULL;
		goto out;
	}
	__atomic_store_n(&f->csb_ready, true, __ATOMIC_RELEASE);
out:
	pthread_mutex_unlock(&f->lock);
}

void nmc_csb_fini(struct nmc_file *f)
{
	if (f->csb.region == NULL)
		return;
	f->csb_ready = false;
	syscall(SYS_munmap, f->csb.region, f->csb.size);
	f->csb.region = NULL;
}

static bool ready(const struct nmc_file *f)
{
	return __atomic_load_n(&f->csb_ready, __ATOMIC_ACQUIRE) && !f->dead;
}

/* ---- syncs ---- */

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static uint32_t dist(uint32_t a, uint32_t b, uint32_t n)
{
	return b >= a ? b - a : b + n - a;
}

/* head moved, or another thread moved it further: what comes later stands. */
static void give_back(struct nm_csb_atok *atok, uint32_t old, uint32_t head, uint32_t tail,
		      uint32_t n)
{
	while (old != head && dist(head, tail, n) < dist(old, tail, n) &&
	       !__atomic_compare_exchange_n(&atok->head, &old, head, false, __ATOMIC_RELEASE,
					    __ATOMIC_RELAXED))
		;
}

static void raise_tail(struct netmap_ring *r, uint32_t old, uint32_t tail, uint32_t head,
		       uint32_t n)
{
	uint32_t *p = (uint32_t *)&r->tail;

	while (old != tail && dist(head, tail, n) > dist(head, old, n) &&
	       !__atomic_compare_exchange_n(p, &old, tail, false, __ATOMIC_RELEASE,
					    __ATOMIC_RELAXED))
		;
}

/*
 * What a sync of the ring does. -1: a call must do it, for one because head or cur are
 * where they must not be; 1: cur is not at tail, and there are packets.
 */
static int sync_ring(const struct nmc_csb *c, struct netmap_ring *r)
{
	struct nm_csb_atok *atok = atok_of(c, r);
	uint32_t n = r->num_slots;
	/* in this order: each is ahead of the one before, whoever moves them meanwhile */
	uint32_t old = __atomic_load_n(&atok->head, __ATOMIC_ACQUIRE);
	uint32_t head = __atomic_load_n(&r->head, __ATOMIC_ACQUIRE);
	uint32_t cur = __atomic_load_n(&r->cur, __ATOMIC_ACQUIRE);
	uint32_t tail = __atomic_load_n(&r->tail, __ATOMIC_ACQUIRE);
	uint32_t avail, news;

	if (head >= n || cur >= n || old >= n || tail >= n ||
	    __atomic_load_n(&r->flags, __ATOMIC_RELAXED) & NR_TIMESTAMP)
		return -1;
	avail = dist(old, tail, n);
	if (dist(old, head, n) > avail || dist(old, cur, n) > avail ||
	    dist(old, cur, n) < dist(old, head, n))
		return -1;
	give_back(atok, old, head, tail, n);
	/* pairs with the daemon's release: slots before tail */
	news = __atomic_load_n(&ktoa_of(c, r)->hwtail, __ATOMIC_ACQUIRE);
	if (news >= n)
		return -1;
	raise_tail(r, tail, news, head, n);
	return cur != __atomic_load_n(&r->tail, __ATOMIC_RELAXED);
}

/* All rx rings: -1, or how many have packets. */
static int sync_rings(const struct nmc_csb *c)
{
	int some = 0, got;
	unsigned int i;

	for (i = 0; i < c->nrx; i++) {
		got = sync_ring(c, c->ring[i]);
		if (got < 0)
			return -1;
		some += got;
	}
	return some;
}

/* Packets need no call. If there are none, is the daemon there at all, and the port? */
bool nmc_csb_sync(struct nmc_file *f)
{
	int some = ready(f) && !f->csb.calls ? sync_rings(&f->csb) : -1;
	int64_t now;

	if (some != 0)
		return some > 0;
	now = now_ns();
	if (now - __atomic_load_n(&f->csb.checked, __ATOMIC_RELAXED) < CHECK_NS)
		return true;
	__atomic_store_n(&f->csb.checked, now, __ATOMIC_RELAXED);
	return false;
}

/* A poll also sends what is to be sent, unless there is nothing. */
static bool sent_all(const struct nmc_csb *c)
{
	unsigned int i;

	for (i = c->nrx; i < c->nrx + c->ntx; i++) {
		const struct netmap_ring *r = c->ring[i];
		uint32_t next = __atomic_load_n(&r->tail, __ATOMIC_RELAXED) + 1;

		if (__atomic_load_n(&r->head, __ATOMIC_RELAXED) !=
		    (next == r->num_slots ? 0 : next))
			return false;
	}
	return true;
}

/* Whether a sync, which takes a call, would show us more. */
static int news(const struct nmc_csb *c)
{
	unsigned int i;

	for (i = 0; i < c->nrx; i++)
		if (__atomic_load_n(&ktoa_of(c, c->ring[i])->hwtail, __ATOMIC_RELAXED) !=
		    __atomic_load_n(&c->ring[i]->tail, __ATOMIC_RELAXED))
			return 1;
	return 0;
}

/* As sync_rings(). */
static int look(struct nmc_file *f, int events)
{
	if (events != POLLIN || !ready(f) || !sent_all(&f->csb))
		return -1;
	return f->csb.calls ? news(&f->csb) : sync_rings(&f->csb);
}

bool nmc_csb_poll(struct nmc_file *f, int events)
{
	return !f->csb.calls && look(f, events) > 0;
}

/* ---- waits ---- */

/* A wait would look, but must first call, to send or to give back what was received. */
bool nmc_csb_calls_first(struct nmc_file *f, int events)
{
	return events == POLLIN && __atomic_load_n(&f->csb.spin, __ATOMIC_RELAXED) > 0 &&
	       ready(f) && (f->csb.calls || !sent_all(&f->csb));
}

static int look_for_a_while(struct nmc_file *f, int events, int64_t since, int64_t budget)
{
	int i, some = 0;

	while (some == 0 && now_ns() - since < budget) {
		for (i = 0; i < SPIN_LOOKS && some == 0; i++) {
			cpu_relax();
			some = look(f, events);
		}
		if (some == 0)
			sched_yield();
	}
	return some;
}

/*
 * To sleep and be woken takes longer than it takes the next packets to come, when there are
 * many: then we look for a while. Those who would send may need this processor.
 */
bool nmc_csb_wait(struct nmc_file *f, int events, int64_t *since)
{
	int64_t budget = __atomic_load_n(&f->csb.spin, __ATOMIC_RELAXED);
	int some = look(f, events);

	*since = 0;
	if (some == 0 && budget >= 0) {
		*since = now_ns();
		some = look_for_a_while(f, events, *since, budget);
	}
	return some > 0 && !f->csb.calls;
}

void nmc_csb_waited(struct nmc_file *f, int64_t since, int got)
{
	bool soon = got > 0 && now_ns() - since < SOON_NS;

	if (since != 0)
		__atomic_store_n(&f->csb.spin, soon ? SPIN_NS : 0, __ATOMIC_RELAXED);
}
