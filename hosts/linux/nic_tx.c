// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Transmitting through the driver's own entry, past the queueing discipline. Where the driver
 * takes XDP frames, a batch is of those (xdp_tx.c). Else it is of skbs, built from the per-CPU
 * pools of skbs and page fragments that receiving refills, so that nothing is allocated as
 * long as packets come back, and handed over under one lock with one doorbell.
 *
 * Back-pressure: a slot is the client's again once its packet was taken by the driver.
 * When that says no, or too many packets are in flight (veth and its like say never no,
 * but lose what overflows the backlog), slots stay, and the ring is tried again when
 * packets come back.
 */
#include "nic.h"
#include "compat.h"

#include <linux/etherdevice.h>
#include <linux/if_vlan.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <linux/wait.h>

#define MAX_FLIGHT 256u /* skbs of a ring; well below netdev_max_backlog, which is 1000 */
#define MAX_PAIR   128u /* and well below what a veth keeps for its NAPI: 256, not all of it free */
#define LOW_FLIGHT 64u	/* then there will be more */
#define SKB_BATCH  32u
#define RETRIES	   16
#define RETRY_SKB  (1 * NSEC_PER_MSEC)
#define RETRY_XDP  (50 * NSEC_PER_USEC) /* nobody tells when frames would be taken again */
#define RETRY_MOST (4 * NSEC_PER_MSEC)	/* each time that nothing was taken it is twice as long */

static atomic_t queues = ATOMIC_INIT(0); /* that exist, rings or packets */
static DECLARE_WAIT_QUEUE_HEAD(queues_gone);

static void drop(struct nm_kring *kr, enum nm_drop cause, uint32_t n)
{
	if (n)
		nm_stat_add(&kr->stats.drops[cause], n);
}

/* ---- packets in flight ---- */

static void txq_free(struct rcu_head *rcu)
{
	struct nm_nic_txq *q = container_of(rcu, struct nm_nic_txq, rcu);

	nm_xdp_pool_fini(&q->pool);
	kfree(q);
}

static void txq_put(struct nm_nic_txq *q)
{
	if (!atomic_dec_and_test(&q->refs))
		return;
	call_rcu(&q->rcu, txq_free);
	if (atomic_dec_and_test(&queues))
		wake_up(&queues_gone);
}

static uint32_t in_flight(const struct nm_nic_txq *q)
{
	return atomic_read(&q->refs) - 1;
}

static uint32_t flight_room(const struct nm_nic_txq *q, const struct net_device *dev)
{
	uint32_t n = in_flight(q), most = nm_nic_is_pair(dev) ? MAX_PAIR : MAX_FLIGHT;

	return most - min(n, most);
}

static void packet_done(struct sk_buff *skb)
{
	struct nm_nic_txq *q = skb_shinfo(skb)->destructor_arg;

	rcu_read_lock();
	/* the order of put and look pairs with starve() */
	txq_put(q);
	if (unlikely(READ_ONCE(q->starved)) && READ_ONCE(q->live) &&
	    in_flight(q) <= LOW_FLIGHT)
		tasklet_schedule(&q->retry);
	rcu_read_unlock();
}

void nm_nic_tx_drain(void)
{
	wait_event(queues_gone, !atomic_read(&queues));
	rcu_barrier();
}

/* ---- building ---- */

enum verdict { PACKET_OK, PACKET_PARTIAL, PACKET_BAD };

/* The packet that begins at slot i: all its slots are looked at, once, into `slots`. */
static enum verdict packet_scan(struct nm_kring *kr, uint32_t i, union nm_slot *slots,
				struct nm_nic_packet *p)
{
	uint32_t nbufs = nm_mem_nbufs_committed(kr->mem), n = 0;
	bool ok = true;

	p->first = i;
	p->len = 0;
	for (;;) {
		union nm_slot s = nm_slot_get(&kr->ring->slot[i]);

		if (unlikely(i == kr->rhead))
			return PACKET_PARTIAL;
		ok = ok && s.idx - NM_BUF_FIRST < nbufs - NM_BUF_FIRST &&
		     s.len <= kr->mem->conf.stride && n < NETMAP_MAX_FRAGS &&
		     !(s.flags & NS_INDIRECT);
		if (ok)
			slots[n++] = s;
		p->len += s.len;
		i = nm_next(i, kr->num_slots);
		p->end = i;
		if (!(s.flags & NS_MOREFRAG))
			return ok && p->len >= ETH_HLEN ? PACKET_OK : PACKET_BAD;
		/* a ring of nothing but fragments has no end */
		if (nm_dist(p->first, i, kr->num_slots) >= kr->num_slots - 1)
			return PACKET_BAD;
	}
}

struct sk_buff *nm_nic_skb_new(uint32_t room, uint32_t len)
{
	uint32_t size = SKB_DATA_ALIGN(room + len) +
			SKB_DATA_ALIGN(sizeof(struct skb_shared_info));
	struct sk_buff *skb;
	void *data;

	if (size > PAGE_SIZE)
		return alloc_skb(room + len, GFP_ATOMIC | __GFP_NOWARN);
	data = napi_alloc_frag(size);
	if (unlikely(!data))
		return NULL;
	skb = napi_build_skb(data, size);
	if (unlikely(!skb))
		skb_free_frag(data);
	return skb;
}

static struct sk_buff *packet_build(struct nm_kring *kr, const struct nm_nic_packet *p,
				    const union nm_slot *slots, struct net_device *dev)
{
	struct nm_nic_txq *q = kr->priv;
	uint32_t room = LL_RESERVED_SPACE(dev) + NET_IP_ALIGN, left = p->len;
	struct sk_buff *skb = nm_nic_skb_new(room, p->len);

	if (unlikely(!skb))
		return NULL;
	skb_reserve(skb, room);
	for (; left; left -= slots->len, slots++)
		memcpy(skb_put(skb, slots->len), nm_mem_buf(kr->mem, slots->idx),
		       slots->len);
	skb->dev = dev;
	skb_reset_mac_header(skb);
	skb_set_network_header(skb, ETH_HLEN);
	skb->protocol = eth_hdr(skb)->h_proto;
	skb_set_queue_mapping(skb, kr->id);
	atomic_inc(&q->refs);
	skb_shinfo(skb)->destructor_arg = q;
	skb->destructor = packet_done;
	return skb;
}

/* ---- sending ---- */

/* To the driver; how many it took. Softirqs are off. */
static uint32_t batch_send(struct nm_nic_batch *b, struct net_device *dev, uint32_t ring)
{
	uint32_t queue = ring % dev->real_num_tx_queues, k;
	struct netdev_queue *txq = netdev_get_tx_queue(dev, queue);
	bool taps = dev_nit_active(dev);

	HARD_TX_LOCK(dev, txq, smp_processor_id());
	for (k = 0; k < b->n; k++) {
		if (netif_xmit_frozen_or_drv_stopped(txq))
			break;
		skb_set_queue_mapping(b->skb[k], queue);
		if (unlikely(taps))
			dev_queue_xmit_nit(b->skb[k], dev);
		if (!dev_xmit_complete(netdev_start_xmit(b->skb[k], dev, txq, k + 1 < b->n)))
			break;
	}
	HARD_TX_UNLOCK(dev, txq);
	return k;
}

/* One more packet in the batch. */
static bool batch_add(struct nm_nic_batch *b, struct nm_kring *kr,
		      const struct nm_nic_packet *p, struct net_device *dev)
{
	struct nm_nic_txq *q = kr->priv;

	if (b->xdp)
		return nm_xdp_build(&q->pool, kr, b, b->slots, p->len);
	b->skb[b->n] = packet_build(kr, p, b->slots, dev);
	return b->skb[b->n];
}

/* Up to `most` packets from slot i on; the slot after the last one that was built, or was bad. */
static uint32_t batch_build(struct nm_nic_batch *b, struct nm_kring *kr, uint32_t i,
			    struct net_device *dev, uint32_t most)
{
	uint32_t longest = dev->mtu + dev->hard_header_len + VLAN_HLEN;

	for (b->n = 0; b->n < most && i != kr->rhead;) {
		struct nm_nic_packet *p = &b->p[b->n];
		enum verdict v = packet_scan(kr, i, b->slots, p);

		if (v == PACKET_PARTIAL)
			break;
		if (v == PACKET_BAD || p->len > longest) {
			/* what was built goes first, so that slots are done in order */
			if (b->n)
				break;
			drop(kr, v == PACKET_BAD ? NM_DROP_BADSLOT : NM_DROP_TOOLONG, 1);
			i = p->end;
			continue;
		}
		if (unlikely(!batch_add(b, kr, p, dev)))
			break;
		b->n++;
		i = p->end;
	}
	return i;
}

/* One round; false when there is nothing more to be done now. Softirqs are off. */
static bool push_round(struct nm_kring *kr, struct net_device *dev)
{
	struct nm_nic_txq *q = kr->priv;
	struct nm_nic_batch *b = &q->batch;
	uint32_t i = kr->hwcur, end, k, most = 0;
	uint64_t bytes = 0;
	int sent;

	if (q->xdp)
		most = nm_xdp_can_send(&q->pool, dev);
	b->xdp = most;
	if (!b->xdp)
		most = min(flight_room(q, dev), SKB_BATCH);
	end = batch_build(b, kr, i, dev, most);
	if (!b->n) {
		nm_store(&kr->hwcur, end);
		return end != i;
	}
	sent = b->xdp ? nm_xdp_send(&q->pool, b, dev) : batch_send(b, dev, kr->id);
	if (unlikely(sent < 0))
		return true; /* now as skbs */
	for (k = 0; k < sent; k++)
		bytes += b->p[k].len;
	for (; k < b->n && !b->xdp; k++)
		kfree_skb(b->skb[k]);
	if (sent)
		nm_store(&kr->hwcur, b->p[sent - 1].end);
	nm_stat_add(&kr->stats.packets, sent);
	nm_stat_add(&kr->stats.bytes, bytes);
	return sent == b->n;
}

/* Gives the driver what it takes; the device may be gone, and then takes all. */
static void push(struct nm_kring *kr)
{
	struct nm_nic *nic = nm_nic_of(kr->port);
	bool more = true;

	while (more && kr->hwcur != kr->rhead) {
		struct net_device *dev;

		/* each batch in a section of its own, so that receivers get their turn */
		rcu_read_lock_bh();
		dev = rcu_dereference_bh(nic->dev);
		if (likely(dev && netif_running(dev) && netif_carrier_ok(dev) &&
			   !nm_load(&nic->port.gone))) {
			more = push_round(kr, dev);
		} else {
			drop(kr, NM_DROP_DOWN,
			     nm_dist(kr->hwcur, kr->rhead, kr->num_slots));
			nm_store(&kr->hwcur, kr->rhead);
		}
		rcu_read_unlock_bh();
	}
}

static u64 retry_delay(struct nm_kring *kr)
{
	struct nm_nic_txq *q = kr->priv;

	if (kr->hwcur == q->stuck)
		q->delay = min_t(u64, q->delay * 2, RETRY_MOST);
	else
		q->delay = q->pool.taken ? RETRY_XDP : RETRY_SKB;
	q->stuck = kr->hwcur;
	return q->delay;
}

/* Something stayed: it is tried again when packets come back, or after a while. */
static bool starve(struct nm_kring *kr)
{
	struct nm_nic_txq *q = kr->priv;

	if (kr->hwcur == kr->rhead) {
		WRITE_ONCE(q->starved, false);
		return false;
	}
	WRITE_ONCE(q->starved, true);
	smp_mb__after_atomic(); /* pairs with the order in packet_done() */
	if (READ_ONCE(q->live))
		hrtimer_start(&q->timer, retry_delay(kr), HRTIMER_MODE_REL_SOFT);
	return in_flight(q) <= LOW_FLIGHT;
}

int nm_nic_txsync(struct nm_kring *kr, int flags)
{
	push(kr);
	if (starve(kr))
		push(kr);
	kr->hwtail = nm_prev(kr->hwcur, kr->num_slots);
	nm_kring_end(kr, kr->hwtail);
	return 0;
}

/* Packets came back, or time passed: what the client gave before goes on its way. */
static void retry(struct tasklet_struct *t)
{
	struct nm_nic_txq *q = from_tasklet(q, t, retry);
	struct nm_kring *kr = q->kr;
	void (*notify)(struct nm_kring *kr) = nm_load_acquire(&kr->notify);
	int round = 0;

	if (!nm_load(&kr->port->vale)) {
		do {
			if (!nm_kring_tryget(kr))
				break;
			/* who found the ring busy has a new head */
			if (!round || !nm_kring_begin(kr))
				nm_nic_txsync(kr, 0);
		} while (nm_kring_put(kr) && round++ < RETRIES);
	}
	notify(kr);
}

static enum hrtimer_restart timer_retry(struct hrtimer *t)
{
	struct nm_nic_txq *q = container_of(t, struct nm_nic_txq, timer);

	if (READ_ONCE(q->starved) && READ_ONCE(q->live))
		tasklet_schedule(&q->retry);
	return HRTIMER_NORESTART;
}

int nm_nic_tx_up(struct nm_kring *kr, struct nm_err *err)
{
	struct nm_nic_txq *q = kzalloc(sizeof(*q), GFP_KERNEL_ACCOUNT);

	if (!q || nm_xdp_pool_init(&q->pool)) {
		kfree(q);
		return nm_fail(err, -ENOMEM, "no memory for tx ring %u of %s", kr->id,
			       kr->port->name);
	}
	atomic_inc(&queues);
	atomic_set(&q->refs, 1);
	q->kr = kr;
	tasklet_setup(&q->retry, retry);
	hrtimer_setup(&q->timer, timer_retry, CLOCK_MONOTONIC, HRTIMER_MODE_REL_SOFT);
	q->xdp = READ_ONCE(nm_nic_of(kr->port)->xdp.prog);
	q->live = true;
	kr->priv = q;
	return 0;
}

void nm_nic_tx_down(struct nm_kring *kr)
{
	struct nm_nic_txq *q = kr->priv;

	WRITE_ONCE(q->live, false);
	/* softirqs that saw it live are through: nothing arms the timer any more */
	synchronize_net();
	hrtimer_cancel(&q->timer);
	tasklet_kill(&q->retry);
	kr->priv = NULL;
	txq_put(q);
}
