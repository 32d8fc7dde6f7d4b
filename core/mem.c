// SPDX-License-Identifier: BSD-2-Clause
#include "mem.h"
#include <net/netmap.h>

#define NM_PAGE	       4096u
#define NM_POOL_IF_MAX (1u << 20) /* bytes of the IF pool */
#define NM_COMMIT_STEP (1u << 18) /* pages are committed in steps of so many bytes */

static uint64_t align_up(uint64_t v, uint64_t to)
{
	return (v + to - 1) / to * to;
}

/* ---- pools: runs of units found by a bit map ---- */

static bool bit_get(const uint64_t *map, uint32_t u)
{
	return map[u / 64] >> (u % 64) & 1;
}

static void bit_set(uint64_t *map, uint32_t u, bool on)
{
	uint64_t bit = 1ull << (u % 64);

	map[u / 64] = on ? map[u / 64] | bit : map[u / 64] & ~bit;
}

static size_t map_size(const struct nm_pool *p)
{
	return (p->limit / 64 + 1) * sizeof(*p->map);
}

/* First run of n free units at or after `from`, below the limit; -1 if none. */
static int64_t pool_find(const struct nm_pool *p, uint32_t from, uint32_t n)
{
	uint32_t u, run = 0;

	for (u = from; u < p->limit; u++) {
		if (!(u % 64) && p->map[u / 64] == ~0ull) {
			u += 63;
			run = 0;
			continue;
		}
		run = bit_get(p->map, u) ? 0 : run + 1;
		if (run == n)
			return (int64_t)u - n + 1;
	}
	return -1;
}

static int pool_commit(struct nm_mem *mem, struct nm_pool *p, uint32_t upto)
{
	uint64_t from = (uint64_t)p->committed * p->unit;
	/* in larger steps as it grows: a step may cost the host a new mapping of all */
	uint64_t step = from / 8 > NM_COMMIT_STEP ? from / 8 : NM_COMMIT_STEP;
	uint64_t to = align_up((uint64_t)upto * p->unit, step);
	int error;

	if (upto <= p->committed)
		return 0;
	if (to > (uint64_t)p->limit * p->unit)
		to = (uint64_t)p->limit * p->unit;
	error = nm_os_region_commit(&mem->region, p->off + from, to - from);
	if (error)
		return error;
	if (p == &mem->pool[NM_POOL_BUF])
		nm_store(&mem->bufs, nm_os_region_at(&mem->region, p->off));
	nm_store_release(&p->committed, (uint32_t)(to / p->unit));
	return 0;
}

/* A run of n units, backed by pages; its first unit or a negative errno. */
static int64_t pool_take(struct nm_mem *mem, struct nm_pool *p, uint32_t n)
{
	int64_t first;
	uint32_t u;
	int error;

	first = pool_find(p, p->hint, n);
	if (first < 0 && p->hint)
		first = pool_find(p, 0, n);
	if (first < 0)
		return -ENOSPC;
	error = pool_commit(mem, p, first + n);
	if (error)
		return error;
	for (u = first; u < first + n; u++)
		bit_set(p->map, u, true);
	p->used += n;
	p->hint = first + n;
	return first;
}

static void pool_give(struct nm_pool *p, uint32_t first, uint32_t n)
{
	uint32_t u;

	for (u = first; u < first + n; u++)
		bit_set(p->map, u, false);
	p->used -= n;
	if (first < p->hint)
		p->hint = first;
}

static int pool_init(struct nm_pool *p, uint64_t off, uint32_t unit, uint64_t bytes)
{
	p->off = off;
	p->unit = unit;
	p->limit = bytes / unit;
	p->map = nm_os_alloc(map_size(p));
	return p->map ? 0 : -ENOMEM;
}

/* ---- memories ---- */

/* Rings take a sixteenth of the region: a slot is 16 bytes, a buffer 2048 or so. */
static int mem_layout(struct nm_mem *mem)
{
	uint64_t rings = align_up(mem->conf.reserve / 16, NM_PAGE);
	uint64_t ring_off = NM_POOL_IF_MAX;
	uint64_t buf_off = align_up(ring_off + rings, 1u << 21) + mem->conf.shift;
	/* with a shift, the last buffer's tail must stay inside the region too */
	uint64_t buf_bytes = mem->conf.reserve - buf_off - mem->conf.shift;
	int error;

	error = pool_init(&mem->pool[NM_POOL_IF], 0, NM_MEM_IF_UNIT, NM_POOL_IF_MAX);
	if (!error)
		error = pool_init(&mem->pool[NM_POOL_RING], ring_off, NM_MEM_RING_UNIT, rings);
	if (!error)
		error = pool_init(&mem->pool[NM_POOL_BUF], buf_off, mem->conf.stride, buf_bytes);
	if (error)
		return error;
	mem->given = nm_os_alloc(map_size(&mem->pool[NM_POOL_BUF]));
	mem->told = nm_os_alloc(map_size(&mem->pool[NM_POOL_BUF]));
	return mem->given && mem->told ? 0 : -ENOMEM;
}

static void mem_free(struct nm_mem *mem)
{
	int i;

	for (i = 0; i < NM_POOLS; i++)
		nm_os_free(mem->pool[i].map);
	nm_os_free(mem->given);
	nm_os_free(mem->told);
	nm_os_region_fini(&mem->region);
	nm_os_free(mem);
}

static uint16_t mem_new_id(struct nm_ns *ns)
{
	uint32_t id;

	for (id = NM_MEM_GLOBAL + 1; id < 0xffff; id++)
		if (!nm_mem_find(ns, id))
			return id;
	return 0;
}

static int mem_create(struct nm_ns *ns, const struct nm_mem_conf *conf, uint16_t id,
		      struct nm_mem **memp, struct nm_err *err)
{
	struct nm_mem *mem = id ? nm_os_alloc(sizeof(*mem)) : NULL;
	int error = -ENOMEM;

	if (!mem)
		goto fail;
	mem->ns = ns;
	mem->id = id;
	mem->refs = 1;
	nm_list_init(&mem->shares);
	mem->conf = *conf;
	mem->conf.reserve = align_up(conf->reserve, 1u << 21);
	error = nm_os_region_init(&mem->region, mem->conf.reserve);
	if (error)
		goto fail_free;
	error = mem_layout(mem);
	/* buffers 0 and 1 exist but belong to nobody */
	if (!error && pool_take(mem, &mem->pool[NM_POOL_BUF], NM_BUF_FIRST) != 0)
		error = -ENOMEM;
	if (error) {
		mem_free(mem);
		goto fail;
	}
	nm_list_add_tail(&ns->mems, &mem->link);
	*memp = mem;
	return 0;

fail_free:
	nm_os_free(mem);
fail:
	return nm_fail(err, error, "no memory for a region of %llu bytes for packet buffers",
		       (unsigned long long)conf->reserve);
}

int nm_mem_get_global(struct nm_ns *ns, struct nm_mem **memp, struct nm_err *err)
{
	int error;

	if (ns->global) {
		nm_mem_hold(ns->global);
		*memp = ns->global;
		return 0;
	}
	error = mem_create(ns, &ns->conf.global, NM_MEM_GLOBAL, memp, err);
	if (!error)
		ns->global = *memp;
	return error;
}

int nm_mem_new(struct nm_ns *ns, const struct nm_mem_conf *conf, struct nm_mem **memp,
	       struct nm_err *err)
{
	return mem_create(ns, conf, mem_new_id(ns), memp, err);
}

struct nm_mem *nm_mem_find(struct nm_ns *ns, uint16_t id)
{
	struct nm_mem *mem;

	nm_list_for_each(mem, &ns->mems, struct nm_mem, link)
		if (mem->id == id)
			return mem;
	return NULL;
}

int nm_mem_allowed(const struct nm_mem *mem, const struct nm_os_user *user, struct nm_err *err)
{
	if (nm_os_user_admin(user))
		return 0;
	if (mem->id == NM_MEM_GLOBAL)
		return nm_fail(err, -EPERM,
			       "memory %u holds the packets of all network "
			       "interfaces: only an administrator of the network may map it",
			       mem->id);
	if (mem->owner == nm_os_user_id(user))
		return 0;
	return nm_fail(err, -EPERM,
		       "memory %u was made by user %u: only that user and an "
		       "administrator of the network may share it",
		       mem->id, mem->owner);
}

void nm_mem_hold(struct nm_mem *mem)
{
	mem->refs++;
}

void nm_mem_put(struct nm_mem *mem)
{
	if (--mem->refs)
		return;
	if (mem->ns->global == mem)
		mem->ns->global = NULL;
	nm_list_del(&mem->link);
	mem_free(mem);
}

/* ---- objects ---- */

static int mem_full(struct nm_mem *mem, int pool, int64_t error, uint64_t want, struct nm_err *err)
{
	static const char *const what[] = { "interfaces", "rings", "buffers" };
	struct nm_pool *p = &mem->pool[pool];

	if (error != -ENOSPC)
		return nm_fail(
			err, error,
			"the machine has no memory left for %llu more units of %u bytes for %s",
			(unsigned long long)want, p->unit, what[pool]);
	return nm_fail(err, -ENOMEM,
		       "memory %u is limited to %u units of %u bytes for %s, %u are in use and "
		       "%llu more are needed: ask for fewer or raise its size",
		       mem->id, p->limit, p->unit, what[pool], p->used, (unsigned long long)want);
}

void *nm_mem_alloc(struct nm_mem *mem, int pool, size_t size, struct nm_err *err)
{
	struct nm_pool *p = &mem->pool[pool];
	uint32_t n = align_up(size, p->unit) / p->unit;
	int64_t first = pool_take(mem, p, n);
	void *obj;

	if (first < 0) {
		mem_full(mem, pool, first, n, err);
		return NULL;
	}
	obj = nm_os_region_at(&mem->region, p->off + (uint64_t)first * p->unit);
	memset(obj, 0, (size_t)n * p->unit);
	return obj;
}

void nm_mem_free(struct nm_mem *mem, int pool, void *obj, size_t size)
{
	struct nm_pool *p = &mem->pool[pool];

	pool_give(p, (nm_mem_offset(mem, obj) - p->off) / p->unit,
		  align_up(size, p->unit) / p->unit);
}

int nm_mem_bufs_get(struct nm_mem *mem, uint32_t *idx, uint32_t n, struct nm_err *err)
{
	struct nm_pool *p = &mem->pool[NM_POOL_BUF];
	uint32_t i, idle;
	int64_t u = -ENOSPC;
	int error = 0;

	if (mem->unsettled || n > p->limit - p->used)
		nm_mem_settle(mem);
	idle = p->committed - p->used;
	/* all that is missing at once, or nothing: a commit is the dear part */
	if (n > p->limit - p->used)
		return mem_full(mem, NM_POOL_BUF, u, n, err);
	if (n > idle)
		error = pool_commit(mem, p, p->committed + (n - idle));
	if (error)
		return mem_full(mem, NM_POOL_BUF, error, n, err);
	for (i = 0; i < n; i++) {
		u = pool_take(mem, p, 1);
		if (u < 0)
			break;
		idx[i] = u;
	}
	if (i == n)
		return 0;
	n -= i;
	while (i)
		nm_mem_buf_put(mem, idx[--i]);
	return mem_full(mem, NM_POOL_BUF, u, n, err);
}

void nm_mem_buf_put(struct nm_mem *mem, uint32_t idx)
{
	pool_give(&mem->pool[NM_POOL_BUF], idx, 1);
}

/* ---- whose buffers ---- */

void nm_share_add(struct nm_mem *mem, struct nm_share *share)
{
	nm_list_add_tail(&mem->shares, &share->link);
	mem->shared += share->n;
}

void nm_share_del(struct nm_mem *mem, struct nm_share *share)
{
	nm_list_del(&share->link);
	mem->shared -= share->n;
	mem->unsettled = true;
}

static bool buf_in_use(const struct nm_mem *mem, uint32_t idx)
{
	const struct nm_pool *p = &mem->pool[NM_POOL_BUF];

	return idx >= NM_BUF_FIRST && idx < p->committed && bit_get(p->map, idx);
}

void nm_mem_tell(struct nm_mem *mem, uint32_t idx)
{
	if (!buf_in_use(mem, idx) || bit_get(mem->told, idx))
		return;
	bit_set(mem->told, idx, true);
	mem->ntold++;
}

void nm_mem_give_back(struct nm_mem *mem, uint32_t idx)
{
	if (buf_in_use(mem, idx))
		bit_set(mem->given, idx, true);
}

void nm_mem_settle(struct nm_mem *mem)
{
	struct nm_pool *p = &mem->pool[NM_POOL_BUF];
	struct nm_share *share;
	uint32_t w, u;
	uint64_t idle;
	bool all;

	mem->ntold = 0;
	nm_list_for_each(share, &mem->shares, struct nm_share, link)
		if (share->tell)
			share->tell(share, mem);
	all = mem->ntold == mem->shared;
	for (w = 0; w * 64 < p->committed; w++) {
		idle = (all ? p->map[w] : mem->given[w]) & ~mem->told[w];
		mem->given[w] = mem->told[w] = 0;
		for (u = w * 64; idle; u++, idle >>= 1)
			if (idle & 1 && u >= NM_BUF_FIRST)
				pool_give(p, u, 1);
	}
	mem->unsettled = false;
}

uint32_t nm_mem_lost(const struct nm_mem *mem)
{
	uint32_t used = mem->pool[NM_POOL_BUF].used - NM_BUF_FIRST;

	/* a hostile program may have told others' as its own */
	return used > mem->shared ? used - mem->shared : 0;
}
