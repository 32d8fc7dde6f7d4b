// SPDX-License-Identifier: BSD-2-Clause
/* Memories: pools, limits, and what clients give back. */
#include "t.h"
#include "binding.h"

#include <stdlib.h>

static struct nm_ns ns;
static struct nm_mem *mem;
static struct nm_err err;

static void memory(size_t reserve)
{
	struct nm_ns_conf conf;
	struct nm_mem_conf mc;

	nm_ns_conf_default(&conf);
	t_eq(nm_ns_init(&ns, &conf), 0);
	mc = conf.private_;
	mc.reserve = reserve;
	t_eq(nm_mem_new(&ns, &mc, &mem, &err), 0);
}

static void forget(void)
{
	nm_mem_put(mem);
	t_check(nm_list_empty(&ns.mems));
	nm_ns_fini(&ns);
}

static void buffers_are_distinct_and_usable(void)
{
	struct nm_share share = { 0 };
	uint32_t n, i, *idx;

	memory(16 << 20);
	n = nm_mem_nbufs(mem) - NM_BUF_FIRST;
	idx = calloc(n + 1, sizeof(*idx));
	t_check(n > 4000 && idx);
	t_eq(nm_mem_bufs_get(mem, idx, n, &err), 0);
	share.n = n;
	nm_share_add(mem, &share);
	for (i = 0; i < n; i++) {
		t_check(idx[i] >= NM_BUF_FIRST && idx[i] < nm_mem_nbufs_committed(mem));
		memset(nm_mem_buf(mem, idx[i]), i, mem->conf.stride);
	}
	for (i = 0; i < n; i++)
		t_eq(*(uint8_t *)nm_mem_buf(mem, idx[i]), (uint8_t)i);
	t_check(nm_mem_buf(mem, nm_mem_nbufs(mem) - 1) + mem->conf.stride <=
		(char *)mem->region.base + nm_mem_size(mem));
	/* one more than there is: the limit is named, and nothing is kept */
	t_eq(nm_mem_bufs_get(mem, &idx[n], 1, &err), -ENOMEM);
	t_check(strstr(err.text, "limited"), "%s", err.text);
	for (i = 0; i < n; i++)
		nm_mem_buf_put(mem, idx[i]);
	nm_share_del(mem, &share);
	t_eq(mem->pool[NM_POOL_BUF].used, NM_BUF_FIRST);
	t_eq(nm_mem_bufs_get(mem, idx, n + 1, &err), -ENOMEM);
	t_eq(mem->pool[NM_POOL_BUF].used, NM_BUF_FIRST);
	t_eq(nm_mem_bufs_get(mem, idx, n, &err), 0);
	for (i = 0; i < n; i++)
		nm_mem_buf_put(mem, idx[i]);
	free(idx);
	forget();
}

/* Objects of any size, in any order: they never overlap, are zero, and fit in what is there. */
static void rings_of_any_size(void)
{
	struct {
		char *p;
		size_t size;
	} o[64] = { 0 };
	uint32_t step, i, k;
	size_t at;

	memory(32 << 20);
	for (step = 0; step < 20000; step++) {
		i = t_random() % 64;
		if (o[i].p) {
			for (at = 0; at < o[i].size; at += 997)
				t_eq((uint8_t)o[i].p[at], i + 1);
			nm_mem_free(mem, NM_POOL_RING, o[i].p, o[i].size);
			o[i].p = NULL;
			continue;
		}
		o[i].size = 1 + t_random() % 70000;
		o[i].p = nm_mem_alloc(mem, NM_POOL_RING, o[i].size, &err);
		if (!o[i].p)
			continue;
		for (at = 0; at < o[i].size; at += 61)
			t_eq(o[i].p[at], 0);
		for (k = 0; k < 64; k++)
			t_check(k == i || !o[k].p || o[k].p + o[k].size <= o[i].p ||
				o[i].p + o[i].size <= o[k].p);
		memset(o[i].p, i + 1, o[i].size);
	}
	for (i = 0; i < 64; i++)
		if (o[i].p)
			nm_mem_free(mem, NM_POOL_RING, o[i].p, o[i].size);
	t_eq(mem->pool[NM_POOL_RING].used, 0);
	t_check(!nm_mem_alloc(mem, NM_POOL_RING, 32 << 20, &err));
	forget();
}

static void identities(void)
{
	struct nm_mem *m[100], *global, *again;
	struct nm_ns_conf conf;
	int i, k;

	nm_ns_conf_default(&conf);
	conf.private_.reserve = 4 << 20;
	t_eq(nm_ns_init(&ns, &conf), 0);
	t_eq(nm_mem_get_global(&ns, &global, &err), 0);
	t_eq(nm_mem_get_global(&ns, &again, &err), 0);
	t_check(global == again);
	t_eq(global->id, NM_MEM_GLOBAL);
	for (i = 0; i < 100; i++) {
		t_eq(nm_mem_new(&ns, &conf.private_, &m[i], &err), 0);
		t_check(m[i]->id > NM_MEM_GLOBAL);
		t_check(nm_mem_find(&ns, m[i]->id) == m[i]);
		for (k = 0; k < i; k++)
			t_check(m[k]->id != m[i]->id);
	}
	for (i = 0; i < 100; i += 2)
		nm_mem_put(m[i]);
	for (i = 0; i < 100; i += 2)
		t_eq(nm_mem_new(&ns, &conf.private_, &m[i], &err), 0);
	for (i = 0; i < 100; i++)
		nm_mem_put(m[i]);
	nm_mem_put(global);
	t_check(ns.global);
	nm_mem_put(again);
	t_check(!ns.global && nm_list_empty(&ns.mems));
	nm_ns_fini(&ns);
}

T_MAIN(T_CASE(buffers_are_distinct_and_usable), T_CASE(rings_of_any_size), T_CASE(identities))
