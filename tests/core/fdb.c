// SPDX-License-Identifier: BSD-2-Clause
/* The table of stations by itself. */
#include "t.h"
#include "vale/vale.h"

static struct nm_fdb *fdb;

static void table(uint32_t age)
{
	fdb = nm_fdb_new(age);
	t_check(fdb);
}

static void learns_and_forgets(void)
{
	table(300);
	t_eq(nm_fdb_find(fdb, 0x1234, 10), NM_VALE_BROADCAST);
	nm_fdb_learn(fdb, 0x1234, 7, 10);
	nm_fdb_learn(fdb, 0x1235, 8, 10);
	t_eq(nm_fdb_find(fdb, 0x1234, 10), 7);
	t_eq(nm_fdb_find(fdb, 0x1235, 10), 8);
	nm_fdb_learn(fdb, 0x1234, 254, 11);
	t_eq(nm_fdb_find(fdb, 0x1234, 11), 254);
	t_eq(nm_fdb_count(fdb, 11), 2);
	nm_fdb_forget(fdb, 254);
	t_eq(nm_fdb_find(fdb, 0x1234, 11), NM_VALE_BROADCAST);
	t_eq(nm_fdb_find(fdb, 0x1235, 11), 8);
	t_eq(nm_fdb_count(fdb, 11), 1);
	nm_fdb_free(fdb);
}

static void ages(void)
{
	uint32_t now;

	table(5);
	/* also where the clock wraps */
	for (now = 100; now; now = now == 100 ? 0xfffffffe : 0) {
		nm_fdb_learn(fdb, 1, 3, now);
		t_eq(nm_fdb_find(fdb, 1, now + 5), 3);
		t_eq(nm_fdb_find(fdb, 1, now + 6), NM_VALE_BROADCAST);
		t_eq(nm_fdb_find(fdb, 1, now - 1), 3); /* another processor's clock */
		nm_fdb_learn(fdb, 1, 3, now + 6);
		t_eq(nm_fdb_find(fdb, 1, now + 8), 3);
	}
	nm_fdb_free(fdb);
}

/* Stations whose addresses differ little do not crowd into few buckets. */
static void spreads(void)
{
	static const uint64_t stride[] = { 2,		0x100,	       0x10000, 0x1000000,
					   0x100000000, 0x10000000000, 0x020202 };
	uint32_t i, k, found;

	for (k = 0; k < sizeof(stride) / sizeof(stride[0]); k++) {
		table(300);
		for (i = 0; i < 1500; i++)
			nm_fdb_learn(fdb, (2 + i * stride[k]) & 0xffffffffffff, i % 254 + 1, 1);
		for (found = i = 0; i < 1500; i++)
			found += nm_fdb_find(fdb, (2 + i * stride[k]) & 0xffffffffffff, 1) ==
				 i % 254 + 1;
		/* 1500 in 1024 buckets of 4: few of them meet four others */
		if (stride[k] <= 0x100000000)
			t_check(found > 1400, "stride %llx: %u of 1500",
				(unsigned long long)stride[k], found);
		nm_fdb_free(fdb);
	}
}

/* When a bucket is full, the one that was silent longest makes room. */
static void evicts_the_oldest(void)
{
	uint32_t i, fresh = 0;

	table(1000000);
	for (i = 0; i < 20000; i++)
		nm_fdb_learn(fdb, 0x10000 + i, 1, i);
	t_check(nm_fdb_count(fdb, 20000) <= NM_FDB_BUCKETS * NM_FDB_WAYS);
	for (i = 19000; i < 20000; i++)
		fresh += nm_fdb_find(fdb, 0x10000 + i, 20000) == 1;
	t_check(fresh > 980, "%u of the last 1000 are known", fresh);
	nm_fdb_free(fdb);
}

T_MAIN(T_CASE(learns_and_forgets), T_CASE(ages), T_CASE(spreads), T_CASE(evicts_the_oldest))
