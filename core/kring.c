// SPDX-License-Identifier: BSD-2-Clause
#include "kring.h"
#include "port.h"

const char *nm_drop_name(enum nm_drop cause)
{
	static const char *const name[NM_DROPS] = {
		[NM_DROP_NOROOM] = "no-room",
		[NM_DROP_BADSLOT] = "bad-slot",
		[NM_DROP_NODEST] = "no-destination",
		[NM_DROP_TOOLONG] = "too-long",
		[NM_DROP_DOWN] = "down",
		[NM_DROP_OS] = "os",
	};

	return name[cause];
}

void nm_kring_stats(const struct nm_kring *kr, struct nm_stats *sum)
{
	int i;

	sum->packets += nm_load(&kr->stats.packets);
	sum->bytes += nm_load(&kr->stats.bytes);
	sum->syncs += nm_load(&kr->syncs);
	sum->errors += nm_load(&kr->errors);
	for (i = 0; i < NM_DROPS; i++)
		sum->drops[i] += nm_load(&kr->stats.drops[i]);
}

/* Makes the pointers those of a ring that just came to be. */
static void kring_reset(struct nm_kring *kr)
{
	/* a tx ring starts out all the client's, an rx ring all the framework's */
	kr->rhead = kr->rcur = kr->hwcur = kr->lease = 0;
	kr->hwtail = kr->dir == NM_TX ? kr->num_slots - 1 : 0;
	kr->rtail = kr->hwtail;
}

void nm_kring_init(struct nm_kring *kr, struct nm_port *port, enum nm_dir dir, uint16_t id,
		   uint32_t num_slots)
{
	memset(kr, 0, sizeof(*kr));
	kr->port = port;
	kr->dir = dir;
	kr->id = id;
	kr->num_slots = num_slots;
	kr->mem = port->mem;
	kr->sync = port->ops->sync[dir];
	kr->notify = nm_kring_wake;
	if (dir == NM_RX && port->ns->conf.csb)
		kr->flags |= port->ops->csb;
	nm_os_lock_init(&kr->lock);
	nm_os_waitq_init(&kr->wq);
	kring_reset(kr);
}

void nm_kring_fini(struct nm_kring *kr)
{
	nm_os_waitq_fini(&kr->wq);
	nm_os_lock_fini(&kr->lock);
}

/* Bytes before the ring, and with the ring. */
static size_t ring_front(const struct nm_kring *kr)
{
	return kr->flags & (NM_KR_CSB | NM_KR_NEWS) ? sizeof(struct nm_csb) : 0;
}

static size_t ring_size(const struct nm_kring *kr)
{
	return ring_front(kr) + sizeof(struct netmap_ring) +
	       kr->num_slots * sizeof(struct netmap_slot);
}

/* The ring's constants are const to clients: written here, once. */
static void ring_describe(struct nm_kring *kr, struct netmap_ring *ring)
{
	struct nm_mem *mem = kr->mem;

	*(int64_t *)&ring->buf_ofs =
		(int64_t)nm_mem_offset(mem, mem->bufs) - (int64_t)nm_mem_offset(mem, ring);
	*(uint32_t *)&ring->num_slots = kr->num_slots;
	*(uint32_t *)&ring->nr_buf_size = mem->conf.stride;
	*(uint16_t *)&ring->ringid = kr->id;
	*(uint16_t *)&ring->dir = kr->dir == NM_TX ? 0 : 1;
	ring->head = kr->rhead;
	ring->cur = kr->rcur;
	*(uint32_t *)&ring->tail = kr->rtail;
	if (kr->csb) {
		nm_store(&kr->csb->atok.head, kr->rhead);
		nm_csb_publish(kr, kr->rtail);
	}
}

static void tell_slots(const struct nm_share *share, struct nm_mem *mem)
{
	const struct nm_kring *kr = nm_container_of(share, struct nm_kring, share);
	uint32_t i;

	for (i = 0; i < kr->num_slots; i++)
		nm_mem_tell(mem, nm_slot_get(&kr->ring->slot[i]).idx);
}

int nm_kring_attach(struct nm_kring *kr, struct nm_err *err)
{
	struct netmap_ring *ring;
	uint32_t i, *idx;
	char *front;
	int error;

	idx = nm_os_alloc(kr->num_slots * sizeof(*idx));
	if (!idx)
		return nm_fail(err, -ENOMEM, "no memory for a ring of %u slots", kr->num_slots);
	error = nm_mem_bufs_get(kr->mem, idx, kr->num_slots, err);
	if (error)
		goto out_free;
	front = nm_mem_alloc(kr->mem, NM_POOL_RING, ring_size(kr), err);
	if (!front) {
		error = -ENOMEM;
		for (i = 0; i < kr->num_slots; i++)
			nm_mem_buf_put(kr->mem, idx[i]);
		goto out_free;
	}
	ring = (struct netmap_ring *)(front + ring_front(kr));
	kr->csb = kr->flags & NM_KR_CSB ? (struct nm_csb *)front : NULL;
	kr->news = kr->flags & NM_KR_NEWS ? &((struct nm_csb *)front)->ktoa.hwtail : NULL;
	if (kr->news)
		nm_store(kr->news, 0);
	kring_reset(kr);
	ring_describe(kr, ring);
	for (i = 0; i < kr->num_slots; i++) {
		ring->slot[i].buf_idx = idx[i];
		ring->slot[i].len = kr->mem->conf.buf_len;
	}
	kr->share.n = kr->num_slots;
	kr->share.tell = tell_slots;
	nm_share_add(kr->mem, &kr->share);
	nm_store_release(&kr->ring, ring);
out_free:
	nm_os_free(idx);
	return error;
}

void nm_kring_renew(struct nm_kring *kr)
{
	if (kr->csb) {
		nm_os_lock(&kr->lock);
		nm_csb_collect(kr);
		nm_store(&kr->rhead, kr->hwcur);
		nm_store(&kr->rtail, nm_load(&kr->hwtail));
		nm_os_unlock(&kr->lock);
	}
	nm_store(&kr->rcur, kr->rhead);
	kr->ring->flags = 0;
	ring_describe(kr, kr->ring);
}

void nm_kring_detach(struct nm_kring *kr)
{
	struct netmap_ring *ring = kr->ring;
	uint32_t i;

	kr->ring = NULL;
	for (i = 0; i < kr->num_slots; i++)
		nm_mem_give_back(kr->mem, nm_slot_get(&ring->slot[i]).idx);
	nm_share_del(kr->mem, &kr->share);
	nm_mem_free(kr->mem, NM_POOL_RING, (char *)ring - ring_front(kr), ring_size(kr));
	kr->csb = NULL;
	kr->news = NULL;
}

/*
 * A client broke its pointers. netmap(4): the ring is re-initialised: what
 * the client held starts over at the framework's position.
 */
static int kring_restart(struct nm_kring *kr)
{
	struct netmap_ring *ring = kr->ring;

	nm_store(&kr->rcur, kr->rhead);
	nm_store(&ring->head, kr->rhead);
	nm_store(&ring->cur, kr->rhead);
	nm_store((uint32_t *)&ring->tail, kr->rtail);
	if (kr->csb)
		nm_store(&kr->csb->atok.head, kr->rhead);
	nm_stat_add(&kr->errors, 1);
	return -EINVAL;
}

int nm_kring_begin(struct nm_kring *kr)
{
	struct netmap_ring *ring = kr->ring;
	uint32_t n = kr->num_slots;
	/* pairs with the client's release of head after it wrote the slots */
	uint32_t head = nm_load_acquire(&ring->head);
	uint32_t cur = nm_load(&ring->cur);
	uint32_t avail, dhead, dcur;

	if (kr->csb)
		nm_csb_begin(kr, &head, &cur);
	avail = nm_dist(kr->rhead, kr->rtail, n);
	if (nm_unlikely(head >= n || cur >= n))
		return kring_restart(kr);
	dhead = nm_dist(kr->rhead, head, n);
	dcur = nm_dist(kr->rhead, cur, n);
	/* head may move up to tail, cur between head and tail */
	if (nm_unlikely(dhead > avail || dcur > avail || dcur < dhead))
		return kring_restart(kr);
	nm_store(&kr->rhead, head);
	nm_store(&kr->rcur, cur);
	nm_stat_add(&kr->syncs, 1);
	return 0;
}

static void ring_stamp(struct netmap_ring *ring)
{
	int64_t sec, usec;

	nm_os_wallclock(&sec, &usec);
	nm_store(&ring->ts.tv_sec, sec);
	nm_store(&ring->ts.tv_usec, usec);
}

void nm_kring_end(struct nm_kring *kr, uint32_t tail)
{
	if (nm_unlikely(nm_load(&kr->ring->flags) & NR_TIMESTAMP))
		ring_stamp(kr->ring);
	nm_store(&kr->rtail, tail);
	if (kr->csb && !nm_csb_tail_is_news(kr, tail))
		return;
	/* pairs with the client's acquire of tail before it reads the slots */
	nm_store_release((uint32_t *)&kr->ring->tail, tail);
}

void nm_kring_wake(struct nm_kring *kr)
{
	nm_os_wake(&kr->wq);
	nm_os_wake(&kr->port->wq[kr->dir]);
}
