/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory that clients map: one contiguous region holding three pools, for
 * netmap_if's, for rings and for packet buffers. A pool is an array of units;
 * objects are runs of units; pages are committed as the pool is first used,
 * up to the limit set by the region's reserved size. Buffer i is at
 * bufs + i * stride: there is no look-up table. Buffers 0 and 1 are never
 * given out, so that 0 can end lists.
 *
 * Whose is a buffer? Programs exchange buffers between their rings of one memory by writing
 * indices into slots, and nobody tells the memory: so a buffer has no owner, only numbers are
 * certain. Whoever is given buffers (a ring, a list of extra buffers, a queue of an interface)
 * is a share: it knows how many it has, and usually can tell which they are at the moment. A
 * program that is killed in the middle of an exchange leaves one buffer in two slots and one in
 * none. So what a share gives back in the end is not free at once: nm_mem_settle() looks at
 * all shares that live.
 *
 *  - A buffer that was given back, and that no living share has, is free. One that another
 *    has (the second of those two slots) is that one's, and becomes free with it. To free it
 *    with the first would give it to a third, and then once more to a fourth.
 *  - If the living shares tell as many different buffers as they have in total, then all of
 *    theirs are accounted for, and every other one that is in use belongs to nobody: it is
 *    free too. This is sound however much the programs exchange meanwhile. What can be
 *    read from their slots is among the buffers that they were given, since a lost one is in
 *    none of their slots; of those there are as many as were told; so those are all of them.
 *    A look at an exchange half done tells a buffer twice, thus too few different ones, and
 *    lost buffers stay lost until the next time.
 *  - Extra buffers may be anywhere, also in a program's own queues: they are never told.
 *    Lost buffers come back when the last program with extra buffers has left the memory.
 *
 * A program that writes nonsense into its slots makes its own share tell too few: that delays
 * others of the same memory, which trust each other anyhow, and harms nobody.
 *
 * All functions: namespace locked.
 */
#ifndef NM_MEM_H
#define NM_MEM_H

#include "ns.h"

enum { NM_POOL_IF, NM_POOL_RING, NM_POOL_BUF, NM_POOLS };

#define NM_MEM_GLOBAL	 1 /* id of the global memory */
#define NM_BUF_FIRST	 2
#define NM_MEM_RING_UNIT 4096
#define NM_MEM_IF_UNIT	 256

struct nm_pool {
	uint64_t off;	    /* of unit 0 in the region */
	uint32_t unit;	    /* bytes */
	uint32_t limit;	    /* most units */
	uint32_t committed; /* units backed by pages */
	uint32_t used;
	uint32_t hint; /* where to look for a free unit first */
	uint64_t *map; /* a bit for each unit: in use */
};

struct nm_mem {
	struct nm_list link;
	struct nm_ns *ns;
	uint16_t id;
	uint32_t owner; /* user who made it, see nm_mem_allowed() */
	uint32_t refs;	/* ports and bindings */
	struct nm_list shares;
	uint32_t shared; /* buffers of all shares */
	uint64_t *given; /* a bit for each buffer: given back, not yet settled */
	uint64_t *told;	 /* while settling: a share has it ... */
	uint32_t ntold;	 /* ... and how many that are */
	bool unsettled;	 /* something was given back */
	struct nm_mem_conf conf;
	struct nm_os_region region;
	struct nm_pool pool[NM_POOLS];
	char *bufs; /* buffer 0; look at the number of committed buffers first */
};

/* The global memory, made if need be, with a reference. */
int nm_mem_get_global(struct nm_ns *ns, struct nm_mem **memp, struct nm_err *err);
/* A new private memory, with a reference. */
int nm_mem_new(struct nm_ns *ns, const struct nm_mem_conf *conf, struct nm_mem **memp,
	       struct nm_err *err);
struct nm_mem *nm_mem_find(struct nm_ns *ns, uint16_t id); /* no reference taken */
/*
 * May this user map it, and so read and write what all of its ports send and receive?
 * A private memory is for the user who made it, the global one for admins.
 */
int nm_mem_allowed(const struct nm_mem *mem, const struct nm_os_user *user, struct nm_err *err);
void nm_mem_hold(struct nm_mem *mem);
void nm_mem_put(struct nm_mem *mem);

/* Contiguous zeroed bytes of the IF or RING pool; NULL and err when full. */
void *nm_mem_alloc(struct nm_mem *mem, int pool, size_t size, struct nm_err *err);
void nm_mem_free(struct nm_mem *mem, int pool, void *obj, size_t size);

/* n buffer indices into idx[]; all or none. They become a share's, or go back by put. */
int nm_mem_bufs_get(struct nm_mem *mem, uint32_t *idx, uint32_t n, struct nm_err *err);
/* Frees a buffer that no client has seen. */
void nm_mem_buf_put(struct nm_mem *mem, uint32_t idx);

/* Somebody who has n buffers. */
struct nm_share {
	struct nm_list link;
	uint32_t n;
	/* Calls nm_mem_tell() for each that it has now. NULL: nobody knows where they are. */
	void (*tell)(const struct nm_share *share, struct nm_mem *mem);
};

void nm_share_add(struct nm_mem *mem, struct nm_share *share);
void nm_share_del(struct nm_mem *mem, struct nm_share *share);
/*
 * For tell; and what a share that is deleted leaves. The index comes from a client: one that is
 * out of range or not in use is ignored.
 */
void nm_mem_tell(struct nm_mem *mem, uint32_t idx);
void nm_mem_give_back(struct nm_mem *mem, uint32_t idx);
/* Frees what was given back. Done by itself before there are too few. */
void nm_mem_settle(struct nm_mem *mem);
/* Buffers in use that are nobody's. */
uint32_t nm_mem_lost(const struct nm_mem *mem);

/* Most buffers that the memory can ever have, 0 and 1 included. */
static inline uint32_t nm_mem_nbufs(const struct nm_mem *mem)
{
	return mem->pool[NM_POOL_BUF].limit;
}

/* Buffers backed by pages: indices below this may be touched. */
static inline uint32_t nm_mem_nbufs_committed(const struct nm_mem *mem)
{
	/* pairs with the release in pool_commit(): `bufs` reaches that far */
	return nm_load_acquire(&mem->pool[NM_POOL_BUF].committed);
}

static inline char *nm_mem_buf(const struct nm_mem *mem, uint32_t idx)
{
	return nm_load(&mem->bufs) + (uint64_t)idx * mem->conf.stride;
}

static inline uint64_t nm_mem_offset(struct nm_mem *mem, const void *p)
{
	return nm_os_region_offset(&mem->region, p);
}

/* Bytes a client maps. */
static inline uint64_t nm_mem_size(const struct nm_mem *mem)
{
	return mem->conf.reserve;
}

#endif /* NM_MEM_H */
