// SPDX-License-Identifier: BSD-2-Clause
/*
 * The forwarding database: a set-associative table, one cache line a bucket.
 * Senders read and write it at once without a lock. Address and port share a
 * word, so an entry is never seen half written; the time beside it may be
 * another's for an instant, which only makes an entry older or younger.
 */
#include "vale.h"

#define MAC_BITS 48
#define MAC_MASK ((1ull << MAC_BITS) - 1)

struct nm_fdb *nm_fdb_new(uint32_t age)
{
	struct nm_fdb *fdb = nm_os_alloc(sizeof(*fdb));

	if (!fdb)
		return NULL;
	fdb->age = age;
	/* so that a station can not choose whose bucket it falls into */
	fdb->seed = nm_os_now() * 0x9e3779b97f4a7c15ull | 1;
	return fdb;
}

void nm_fdb_free(struct nm_fdb *fdb)
{
	nm_os_free(fdb);
}

static struct nm_fdb_entry *fdb_bucket(struct nm_fdb *fdb, uint64_t mac)
{
	uint64_t h = (mac ^ fdb->seed >> 16) * 0x9e3779b97f4a7c15ull;

	h = (h ^ h >> 29) * fdb->seed;
	return fdb->way[h >> 54];
}

static bool fresh(const struct nm_fdb *fdb, const struct nm_fdb_entry *e, uint32_t now)
{
	/* signed: another sender may have read the clock after us */
	return (int32_t)(now - nm_load(&e->seen)) <= (int32_t)fdb->age;
}

uint32_t nm_fdb_find(struct nm_fdb *fdb, uint64_t mac, uint32_t now)
{
	struct nm_fdb_entry *e = fdb_bucket(fdb, mac);
	int i;

	for (i = 0; i < NM_FDB_WAYS; i++) {
		uint64_t v = nm_load(&e[i].mac_port);

		if (v && (v & MAC_MASK) == mac && fresh(fdb, &e[i], now))
			return v >> MAC_BITS;
	}
	return NM_VALE_BROADCAST;
}

void nm_fdb_learn(struct nm_fdb *fdb, uint64_t mac, uint32_t port, uint32_t now)
{
	struct nm_fdb_entry *e = fdb_bucket(fdb, mac), *oldest = e;
	uint64_t want = mac | (uint64_t)port << MAC_BITS;
	int i;

	for (i = 0; i < NM_FDB_WAYS; i++) {
		uint64_t v = nm_load(&e[i].mac_port);

		if (v == want) {
			if (nm_load(&e[i].seen) != now)
				nm_store(&e[i].seen, now);
			return;
		}
		if ((v & MAC_MASK) == mac) {
			oldest = &e[i];
			break;
		}
		if (!v || now - nm_load(&e[i].seen) > now - nm_load(&oldest->seen))
			oldest = &e[i];
	}
	nm_store(&oldest->seen, now);
	nm_store(&oldest->mac_port, want);
}

void nm_fdb_forget(struct nm_fdb *fdb, uint32_t port)
{
	int b, i;

	for (b = 0; b < NM_FDB_BUCKETS; b++)
		for (i = 0; i < NM_FDB_WAYS; i++)
			if (nm_load(&fdb->way[b][i].mac_port) >> MAC_BITS == port)
				nm_store(&fdb->way[b][i].mac_port, 0);
}

uint32_t nm_fdb_count(struct nm_fdb *fdb, uint32_t now)
{
	uint32_t n = 0;
	int b, i;

	for (b = 0; b < NM_FDB_BUCKETS; b++)
		for (i = 0; i < NM_FDB_WAYS; i++)
			n += nm_load(&fdb->way[b][i].mac_port) && fresh(fdb, &fdb->way[b][i], now);
	return n;
}
