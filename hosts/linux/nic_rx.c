// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Receiving through an rx handler. A packet is copied into the ring's buffers as soon as
 * the stack hands it over, while it is in the cache and its skb can go back to the pool it
 * came from; a sync then only moves pointers. Clients are woken once for a batch, by a
 * tasklet, which runs after the driver's poll.
 *
 * Packets that never were on a wire in this form (segments to be cut by a device,
 * checksums to be completed by one, as veth passes them on) are completed here.
 */
#include "nic.h"
#include "compat.h"

#include <linux/if_vlan.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>

static void drop(struct nm_kring *kr, enum nm_drop cause)
{
	nm_stat_add(&kr->stats.drops[cause], 1);
}

/* A packet whose Ethernet header is at skb->data - mac, and whose tag may be beside it. */
struct frame {
	struct sk_buff *skb;
	uint32_t mac; /* bytes of header before skb->data */
	uint32_t len; /* of all, tag included */
};

static struct frame frame_of(struct sk_buff *skb)
{
	struct frame f = { .skb = skb, .mac = skb->data - skb_mac_header(skb) };

	f.len = skb->len + f.mac + (skb_vlan_tag_present(skb) ? VLAN_HLEN : 0);
	return f;
}

/* Bytes [off, off + n) of the packet; a tag is put in its place. */
static void frame_copy(const struct frame *f, uint32_t off, char *to, uint32_t n)
{
	int shift = -(int)f->mac;

	if (skb_vlan_tag_present(f->skb)) {
		if (!off) {
			struct vlan_ethhdr *eth = (struct vlan_ethhdr *)to;

			skb_copy_bits(f->skb, shift, to, 2 * ETH_ALEN);
			eth->h_vlan_proto = f->skb->vlan_proto;
			eth->h_vlan_TCI = htons(skb_vlan_tag_get(f->skb));
			off = 2 * ETH_ALEN + VLAN_HLEN;
			to += off;
			n -= off;
		}
		shift -= VLAN_HLEN;
	}
	skb_copy_bits(f->skb, shift + (int)off, to, n);
}

static uint32_t room_of(const struct nm_kring *kr)
{
	/* pairs with the client's release in rxsync: it is done with those slots */
	return nm_dist(nm_next(kr->hwtail, kr->num_slots), nm_load_acquire(&kr->hwcur),
		       kr->num_slots);
}

/*
 * The next slot, whose buffer is good. One that came back with nonsense is passed over: its
 * reader finds an empty packet there.
 */
static bool slot_next(struct nm_kring *kr, union nm_slot *s)
{
	uint32_t nbufs = nm_mem_nbufs_committed(kr->mem);

	while (likely(room_of(kr))) {
		struct netmap_slot *slot = &kr->ring->slot[kr->hwtail];

		*s = nm_slot_get(slot);
		if (likely(s->idx - NM_BUF_FIRST < nbufs - NM_BUF_FIRST))
			return true;
		s->len = 0;
		s->flags = 0;
		nm_slot_set(slot, *s);
		drop(kr, NM_DROP_BADSLOT);
		nm_store_release(&kr->hwtail, nm_next(kr->hwtail, kr->num_slots));
	}
	drop(kr, NM_DROP_NOROOM);
	return false;
}

bool nm_nic_put_flat(struct nm_kring *kr, const void *data, uint32_t len)
{
	union nm_slot s;

	if (unlikely(len > kr->mem->conf.buf_len)) {
		drop(kr, NM_DROP_TOOLONG);
		return false;
	}
	if (unlikely(!slot_next(kr, &s)))
		return false;
	nm_os_copy_pkt(nm_mem_buf(kr->mem, s.idx), data, len);
	s.len = len;
	s.flags = 0;
	nm_slot_set(&kr->ring->slot[kr->hwtail], s);
	nm_stat_add(&kr->stats.packets, 1);
	nm_stat_add(&kr->stats.bytes, len);
	/* pairs with the acquire in rxsync: slots before tail */
	nm_store_release(&kr->hwtail, nm_next(kr->hwtail, kr->num_slots));
	return true;
}

/* Into the ring, whose lock is held, in as many slots as it needs; false: it is lost. */
static bool put_locked(struct nm_kring *kr, const struct frame *f)
{
	uint32_t n = kr->num_slots, tail = kr->hwtail, len = f->len, off, k;
	uint32_t buf_len = kr->mem->conf.buf_len;
	uint32_t nbufs = nm_mem_nbufs_committed(kr->mem);
	uint32_t slots = likely(len <= buf_len) ? 1 : DIV_ROUND_UP(len, buf_len);

	if (likely(slots == 1 && !skb_vlan_tag_present(f->skb) && !skb_is_nonlinear(f->skb)))
		return nm_nic_put_flat(kr, skb_mac_header(f->skb), len);
	if (unlikely(room_of(kr) < slots)) {
		drop(kr, NM_DROP_NOROOM);
		return false;
	}
	for (off = 0; off < len; off += k) {
		struct netmap_slot *slot = &kr->ring->slot[tail];
		union nm_slot s = nm_slot_get(slot);

		k = min(len - off, buf_len);
		s.len = k;
		s.flags = off + k < len ? NS_MOREFRAG : 0;
		if (likely(s.idx - NM_BUF_FIRST < nbufs - NM_BUF_FIRST)) {
			frame_copy(f, off, nm_mem_buf(kr->mem, s.idx), k);
		} else {
			/* its reader broke it, and finds a hole; or it would be in the way for ever */
			s.len = 0;
			drop(kr, NM_DROP_BADSLOT);
		}
		nm_slot_set(slot, s);
		tail = nm_next(tail, n);
	}
	nm_stat_add(&kr->stats.packets, 1);
	nm_stat_add(&kr->stats.bytes, len);
	/* pairs with the acquire in rxsync: slots before tail */
	nm_store_release(&kr->hwtail, tail);
	return true;
}

bool nm_nic_put(struct nm_kring *kr, struct sk_buff *skb)
{
	struct frame f = frame_of(skb);
	bool done;

	nm_os_lock(&kr->lock);
	done = put_locked(kr, &f);
	nm_os_unlock(&kr->lock);
	return done;
}

/* Cuts and sums as a device would have. skb->data is at the Ethernet header. */
static void put_completed(struct nm_nic *nic, struct nm_kring *kr, struct sk_buff *skb)
{
	struct sk_buff *segs, *next;

	if (!skb_is_gso(skb)) {
		if (skb_checksum_help(skb)) {
			drop(kr, NM_DROP_OS);
			kfree_skb(skb);
			return;
		}
		atomic_long_inc(&nic->fixes.checksums);
		nm_nic_put(kr, skb);
		consume_skb(skb);
		return;
	}
	segs = __skb_gso_segment(skb, 0, false);
	if (IS_ERR_OR_NULL(segs)) {
		drop(kr, NM_DROP_OS);
		kfree_skb(skb);
		return;
	}
	atomic_long_inc(&nic->fixes.segmented);
	consume_skb(skb);
	for (; segs; segs = next) {
		next = segs->next;
		skb_mark_not_on_list(segs);
		nm_nic_put(kr, segs);
		consume_skb(segs);
	}
}

void nm_nic_put_slow(struct nm_nic *nic, struct nm_kring *kr, struct sk_buff *skb)
{
	skb = skb_share_check(skb, GFP_ATOMIC);
	if (!skb)
		goto lost;
	skb_push(skb, skb->data - skb_mac_header(skb));
	if (skb_vlan_tag_present(skb)) {
		skb = __vlan_hwaccel_push_inside(skb);
		if (!skb)
			goto lost;
		skb_reset_mac_header(skb);
	}
	put_completed(nic, kr, skb);
	return;
lost:
	drop(kr, NM_DROP_OS);
}

static struct nm_kring *ring_of(struct nm_nic *nic, const struct sk_buff *skb)
{
	uint32_t n = nic->port.nrings[NM_RX], q = 0;

	if (n > 1) {
		/* what the other end sent it to, not yet turned into what came from where */
		if (nm_nic_is_pair(skb->dev))
			q = skb_get_queue_mapping(skb);
		else if (skb_rx_queue_recorded(skb))
			q = skb_get_rx_queue(skb);
		if (unlikely(q >= n))
			q %= n;
	}
	return &nic->port.krings[NM_RX][q];
}

/*
 * If it waits on this CPU it runs after us, and sees what we did. (On another one it may
 * be running already; scheduling it again has the barrier that is needed then.)
 */
void nm_nic_rx_news(struct nm_nic_rxq *q)
{
	int cpu = smp_processor_id();

	if (likely(READ_ONCE(q->cpu) == cpu && test_bit(TASKLET_STATE_SCHED, &q->news.state)))
		return;
	if (test_and_set_bit(TASKLET_STATE_SCHED, &q->news.state))
		return;
	WRITE_ONCE(q->cpu, cpu);
	__tasklet_schedule(&q->news);
}

rx_handler_result_t nm_nic_rx_handler(struct sk_buff **pskb)
{
	struct sk_buff *skb = *pskb;
	struct nm_nic *nic = rcu_dereference(skb->dev->rx_handler_data);
	struct nm_kring *kr = ring_of(nic, skb);

	/* what nobody here asked for stays the host's, and what we made for it */
	if (unlikely(!nm_load_acquire(&kr->open) || skb->pkt_type == PACKET_LOOPBACK ||
		     nm_nic_unmark(nic, skb)))
		return RX_HANDLER_PASS;
	if (unlikely(nm_nic_is_slow(skb))) {
		nm_nic_put_slow(nic, kr, skb);
	} else {
		nm_nic_put(kr, skb);
		napi_consume_skb(skb, 1);
	}
	nm_nic_rx_news(&nic->rxq[kr->id]);
	return RX_HANDLER_CONSUMED;
}

/* ---- the client's side ---- */

int nm_nic_rxsync(struct nm_kring *kr, int flags)
{
	/* pairs with the acquire in put_locked() */
	nm_store_release(&kr->hwcur, kr->rhead);
	nm_kring_end(kr, nm_load_acquire(&kr->hwtail));
	return 0;
}

static void tell(struct tasklet_struct *t)
{
	struct nm_nic_rxq *q = from_tasklet(q, t, news);
	struct nm_kring *kr = q->kr;
	void (*notify)(struct nm_kring *kr) = nm_load_acquire(&kr->notify);

	WRITE_ONCE(q->cpu, -1);
	notify(kr);
}

/* Packets that came since the last look of who waits: tell again. */
void nm_nic_rx_arm(struct nm_kring *kr)
{
	struct nm_nic *nic = nm_nic_of(kr->port);

	if (nm_load(&kr->hwtail) != nm_load(&kr->rtail) && nm_load_acquire(&kr->open))
		tasklet_schedule(&nic->rxq[kr->id].news);
}

int nm_nic_rx_up(struct nm_kring *kr, struct nm_err *err)
{
	struct nm_nic_rxq *q = &nm_nic_of(kr->port)->rxq[kr->id];

	q->kr = kr;
	q->cpu = -1;
	tasklet_setup(&q->news, tell);
	nm_store_release(&kr->open, true);
	return 0;
}

void nm_nic_rx_down(struct nm_kring *kr)
{
	struct nm_nic_rxq *q = &nm_nic_of(kr->port)->rxq[kr->id];

	nm_store(&kr->open, false);
	synchronize_net(); /* handlers that saw it open are through */
	tasklet_kill(&q->news);
}
