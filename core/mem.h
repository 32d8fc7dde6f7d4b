/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory that clients map: one contiguous region holding three pools, for
 * netmap_if's, for rings and for packet buffers. A pool is an array of units;
 * objects are runs of units; pages are committed as the pool is first used,
 * up to the limit set by the region's reserved size. Buffer i is at
 * bufs + i * stride: there is no look-up table. Buffers 0 and 1 are never
 * given out, so that 0 can end lists.
 *
 * All functions: namespace locked.
 */
#ifndef NM_MEM_H
#define NM_MEM_H

#include "ns.h"

enum { NM_POOL_IF, NM_POOL_RING, NM_POOL_BUF, NM_POOLS };

#define NM_MEM_GLOBAL	  1 /* id of the global memory */
#define NM_BUF_FIRST	  2
#define NM_MEM_RING_UNIT  4096
#define NM_MEM_IF_UNIT	  256

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
	uint32_t refs; /* ports and bindings */
	uint32_t lost; /* buffers that a client misplaced; back when the last ring goes */
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
int nm_mem_allowed(const struct nm_mem *mem, const struct nm_os_user *user,
		   struct nm_err *err);
void nm_mem_hold(struct nm_mem *mem);
void nm_mem_put(struct nm_mem *mem);

/* Contiguous zeroed bytes of the IF or RING pool; NULL and err when full. */
void *nm_mem_alloc(struct nm_mem *mem, int pool, size_t size, struct nm_err *err);
void nm_mem_free(struct nm_mem *mem, int pool, void *obj, size_t size);

/* n buffer indices into idx[]; all or none. */
int nm_mem_bufs_get(struct nm_mem *mem, uint32_t *idx, uint32_t n, struct nm_err *err);
/*
 * Gives a buffer back. The index comes from a client: one that is out of
 * range or not in use is ignored and counted as lost.
 */
void nm_mem_buf_put(struct nm_mem *mem, uint32_t idx);

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
