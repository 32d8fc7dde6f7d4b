/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The framework's side of a ring.
 *
 * A client owns slots [head, tail) of its ring and returns them by moving
 * head. The kring keeps what the client can not touch: the last validated
 * head and cur, and the framework's own two pointers,
 *
 *   tx: [hwcur, rhead) are given by the client and not yet sent;
 *       (hwtail, hwcur) are being sent; up to hwtail they are the client's.
 *   rx: [hwcur, hwtail) hold packets for the client; the rest is free for new ones.
 *
 * All pointers count slots modulo num_slots; one slot stays empty, so that
 * equal pointers mean an empty range.
 *
 * Threading: a sync owns the kring by `busy`. What a packet's other side
 * touches while the owner syncs (hwtail of an rx kring, its reservations) is
 * under `lock`, or is published with release and read with acquire.
 */
#ifndef NM_KRING_H
#define NM_KRING_H

#include "mem.h"
#include <net/netmap.h>

enum nm_dir { NM_TX, NM_RX, NM_DIRS };

/* Why a packet was dropped. Names in nm_drop_name(). */
enum nm_drop {
	NM_DROP_NOROOM,	 /* the destination's ring was full */
	NM_DROP_BADSLOT, /* buf_idx, len or fragments were invalid */
	NM_DROP_NODEST,	 /* no port to send it to */
	NM_DROP_TOOLONG, /* longer than the destination's buffers */
	NM_DROP_DOWN,	 /* the port or its link went away */
	NM_DROP_OS,	 /* the operating system or the NIC refused it */
	NM_DROPS
};

struct nm_stats {
	uint64_t packets;
	uint64_t bytes;
	uint64_t drops[NM_DROPS];
	uint64_t syncs;	 /* these two only in sums: a kring has its own */
	uint64_t errors; /* syncs that failed on an invalid ring */
};

struct nm_kring;
typedef int (*nm_sync_fn)(struct nm_kring *kr, int flags);

/* Flags of a sync. */
#define NM_SYNC_FORCE 1 /* the client asked by ioctl: reclaim, do not be lazy */

/* kr->flags */
#define NM_KR_HOST 2 /* host ring */
#define NM_KR_CSB  4 /* has a CSB, see below */
#define NM_KR_NEWS 8 /* tells by it of packets, no more */

/*
 * Where a call is a round trip to another process, a client that only wants to know what
 * came, and to give back what it has seen, need not make one: the ring's two ends are in
 * memory that both share, in the 128 bytes before the netmap_ring. The client puts into
 * atok what it would have said in a sync, and takes from ktoa what that would have told it;
 * senders look at atok when they need room. All that a sync does to such a ring can be done
 * at any time by the other means: hwcur is under the lock, and moves only forward.
 *
 * This is for rx rings whose packets come without being asked for (VALE), if the host wants
 * it (struct nm_ns_conf). A pipe's receiver has to call: it pulls what a sender waits with,
 * and the calls share the work between two processors. But it is told in ktoa when to, so that
 * it can look for that instead of being woken.
 */
struct nm_csb {
	struct nm_csb_atok atok; /* the client's: hostile */
	struct nm_csb_ktoa ktoa;
};

struct nm_kring {
	/* read by every sync */
	struct netmap_ring *ring; /* shared with the client; NULL while nobody needs it */
	nm_sync_fn sync;
	struct nm_mem *mem;
	uint32_t num_slots;
	uint32_t flags;
	struct nm_port *port;
	uint16_t id; /* among the port's rings of this direction */
	uint8_t dir;

	/* moved by the owner of the sync */
	uint32_t busy __attribute__((aligned(NM_CACHELINE)));
	uint32_t rhead, rcur, rtail;
	uint32_t hwcur;
	uint64_t syncs, errors;

	/* moved by the other side; its writes stay off the owner's lines */
	struct nm_os_lock lock __attribute__((aligned(NM_CACHELINE)));
	uint32_t hwtail;
	uint32_t lease;	    /* vale rx: reserved up to here, published up to hwtail */
	uint32_t *done;	    /* vale rx: runs that are copied but not yet published */
	struct nm_csb *csb; /* shared with the client; NULL: it has to call for a sync */
	uint32_t *news;	    /* pipe rx: hwtail, for the client to look at; or NULL */
	uint32_t begun;	    /* with a CSB: hwcur when the sync in progress began */
	bool open;	    /* vale rx: packets may be put in; read in the rm domain */
	struct nm_stats stats;
	void (*notify)(struct nm_kring *kr); /* tells the client there is news */

	struct nm_kring *peer;	 /* pipes: the ring at the other end, which shares users */
	void *priv;		 /* the port type's */
	struct nm_os_user *user; /* vale tx: whose memory NS_INDIRECT slots point to */
	uint32_t users;		 /* who needs this ring; ns lock, as the next two */
	uint32_t bindings;	 /* clients among them */
	bool excl;		 /* one client, that wants no other */
	struct nm_os_waitq wq;
	struct nm_share share; /* the buffers in its slots, while the ring is there */
};

static inline uint32_t nm_next(uint32_t i, uint32_t n)
{
	return i + 1 == n ? 0 : i + 1;
}

static inline uint32_t nm_prev(uint32_t i, uint32_t n)
{
	return i ? i - 1 : n - 1;
}

/* Slots from a up to b. */
static inline uint32_t nm_dist(uint32_t a, uint32_t b, uint32_t n)
{
	return b >= a ? b - a : b + n - a;
}

/* a + k, for k < n. */
static inline uint32_t nm_add(uint32_t a, uint32_t k, uint32_t n)
{
	a += k;
	return a >= n ? a - n : a;
}

/* A slot as one value, so that it is read (and written) once and untorn. */
union nm_slot {
	struct {
		uint32_t idx;
		uint16_t len;
		uint16_t flags;
	};
	uint64_t word;
};

static inline union nm_slot nm_slot_get(const struct netmap_slot *s)
{
	union nm_slot v;

	v.word = nm_load((const uint64_t *)s);
	return v;
}

static inline void nm_slot_set(struct netmap_slot *s, union nm_slot v)
{
	nm_store((uint64_t *)s, v.word);
}

static inline void nm_stat_add(uint64_t *counter, uint64_t n)
{
	nm_store(counter, *counter + n);
}

const char *nm_drop_name(enum nm_drop cause);

/* Adds a kring's counters to *sum. */
void nm_kring_stats(const struct nm_kring *kr, struct nm_stats *sum);

/* Sets up everything but the ring itself. The port fills sync, notify later. */
void nm_kring_init(struct nm_kring *kr, struct nm_port *port, enum nm_dir dir, uint16_t id,
		   uint32_t num_slots);
void nm_kring_fini(struct nm_kring *kr);
/* Allocates the shared ring and its buffers / gives them back. Namespace locked. */
int nm_kring_attach(struct nm_kring *kr, struct nm_err *err);
void nm_kring_detach(struct nm_kring *kr);
/*
 * Somebody else kept the ring while its client went: what that one wrote around the slots is
 * not for the next client, the packets are.
 */
void nm_kring_renew(struct nm_kring *kr);

/*
 * The syncs' common beginning: reads head and cur once and validates them
 * into rhead and rcur; -EINVAL (and a ring that starts over) when they are
 * wrong. The end: tells the client the new tail.
 */
int nm_kring_begin(struct nm_kring *kr);
void nm_kring_end(struct nm_kring *kr, uint32_t tail);

/* Whether the client may have news: what poll(2) looks at. Valid after end(). */
static inline bool nm_kring_ready(const struct nm_kring *kr)
{
	return nm_load(&kr->rcur) != nm_load(&kr->rtail);
}

/*
 * `busy` counts those who wanted the kring since it was last free. The first has it; the
 * others go away, and it learns from put() that there were some: then what they wanted to
 * be seen, such as a new head, may have come after its look, and it must look again.
 */
static inline bool nm_kring_tryget(struct nm_kring *kr)
{
	return nm_likely(!nm_fetch_add(&kr->busy, 1));
}

static inline bool nm_kring_put(struct nm_kring *kr)
{
	return nm_unlikely(nm_xchg(&kr->busy, 0) != 1);
}

/* With a CSB, its lock held: what the client gave back since / what there is for it. */
void nm_csb_collect(struct nm_kring *kr);
static inline void nm_csb_publish(struct nm_kring *kr, uint32_t tail)
{
	/* pairs with the client's acquire before it reads the slots */
	nm_store_release(&kr->csb->ktoa.hwtail, tail);
}
/* The sync of such a ring: sets rhead and rtail, by which begin() is to check these two, */
void nm_csb_begin(struct nm_kring *kr, uint32_t *head, uint32_t *cur);
/* gives back up to the new rhead, */
void nm_csb_give_back(struct nm_kring *kr);
/* and has a later tail than the client: another thread of it may have found one by itself. */
bool nm_csb_tail_is_news(const struct nm_kring *kr, uint32_t tail);

/* The default notify: wakes those who wait for this ring or for its port. */
void nm_kring_wake(struct nm_kring *kr);

#endif /* NM_KRING_H */
