// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Transmitting frames as XDP has them: a page with the packet and, before it, what there is
 * to know of it; no skb. The driver, or whoever has the page in the end, gives up its
 * reference, and the page can be used again. So nothing is allocated as long as packets
 * come back.
 *
 * Back-pressure: ndo_xdp_xmit says how many it took. Nobody says when it would take more:
 * the ring is tried again after a while (nic_tx.c).
 */
#include "xdp.h"
#include "nic.h"

#include <linux/bpf.h>
#include <linux/if_vlan.h>
#include <linux/mm.h>
#include <linux/skbuff.h>
#include <net/xdp.h>

#define PAGES	 1024  /* of a ring; more packets than that are rarely on their way */
#define REFS	 32768 /* taken at a time */
#define PAUSE	 HZ    /* until a device that took no frames is asked again */
#define HEADROOM XDP_PACKET_HEADROOM
#define TAILROOM SKB_DATA_ALIGN(sizeof(struct skb_shared_info))

int nm_xdp_pool_init(struct nm_xdp_pool *pool)
{
	pool->again = jiffies;
	pool->pages = kvcalloc(PAGES, sizeof(*pool->pages), GFP_KERNEL_ACCOUNT);
	return pool->pages ? 0 : -ENOMEM;
}

static void page_give_up(struct nm_xdp_page *p)
{
	if (p->ours > 1)
		page_ref_sub(p->page, p->ours - 1);
	put_page(p->page);
}

/* Packets on their way keep their pages. */
void nm_xdp_pool_fini(struct nm_xdp_pool *pool)
{
	u32 i;

	for (i = 0; i < pool->n; i++)
		page_give_up(&pool->pages[i]);
	kvfree(pool->pages);
}

static bool page_new(struct nm_xdp_page *p)
{
	struct page *page = alloc_page(GFP_ATOMIC | __GFP_NOWARN);

	if (unlikely(!page))
		return false;
	page_ref_add(page, REFS - 1);
	p->page = page;
	p->ours = REFS;
	return true;
}

/* All references to it are ours: nobody else looks at it any more. */
static bool page_is_back(const struct nm_xdp_page *p)
{
	return page_ref_count(p->page) == p->ours;
}

/* The place of a page that is back, a new one, or one that takes the place of a lost one. */
static struct nm_xdp_page *page_find(struct nm_xdp_pool *pool)
{
	struct nm_xdp_page *p, fresh;

	if (pool->next >= pool->n)
		pool->next = 0;
	p = &pool->pages[pool->next];
	if (likely(pool->n && page_is_back(p)))
		return p;
	if (!page_new(&fresh))
		return NULL;
	if (pool->n < PAGES) {
		pool->next = pool->n++;
		p = &pool->pages[pool->next];
	} else {
		page_give_up(p);
	}
	*p = fresh;
	return p;
}

/* A page to send in. They are used in turn, so that the next one is the longest away. */
static struct nm_xdp_page *page_get(struct nm_xdp_pool *pool)
{
	struct nm_xdp_page *p = page_find(pool);

	if (unlikely(!p))
		return NULL;
	if (unlikely(p->ours < 2)) {
		page_ref_add(p->page, REFS - 1);
		p->ours += REFS - 1;
	}
	pool->next++;
	return p;
}

/*
 * Where in its page a frame begins: packets that all were at the same place would be in
 * the same few lines of the cache.
 */
static u32 frame_shift(u32 i, u32 len)
{
	u32 spare = PAGE_SIZE - HEADROOM - TAILROOM - len;
	u32 shift = i * SMP_CACHE_BYTES % (PAGE_SIZE / 2);

	return shift <= spare ? shift : 0;
}

u32 nm_xdp_can_send(struct nm_xdp_pool *pool, const struct net_device *dev)
{
	/* a frame goes to the CPU's queue; the other end can tell which one it was */
	if (unlikely(dev->real_num_tx_queues > 1 && nm_nic_is_pair(dev)))
		return 0;
	if (unlikely(dev->mtu + dev->hard_header_len + VLAN_HLEN > PAGE_SIZE - HEADROOM - TAILROOM))
		return 0;
	/* asked by one packet, since a refusal counts as packets dropped */
	if (unlikely(!pool->taken))
		return time_before(jiffies, pool->again) ? 0 : 1;
	/* the last one is back, and so are all: begin again with pages that are in the cache */
	if (pool->next && page_is_back(&pool->pages[pool->next - 1]))
		pool->next = 0;
	return NM_NIC_BATCH;
}

bool nm_xdp_build(struct nm_xdp_pool *pool, struct nm_kring *kr, struct nm_nic_batch *b,
		  const union nm_slot *slots, u32 len)
{
	struct nm_xdp_page *p = page_get(pool);
	struct xdp_frame *f;
	u32 shift;
	char *to;

	if (unlikely(!p))
		return false;
	shift = frame_shift(p - pool->pages, len);
	f = page_address(p->page) + shift;
	to = (char *)f + HEADROOM;
	*f = (struct xdp_frame){
		.data = to,
		.len = len,
		.headroom = HEADROOM - sizeof(*f),
		.frame_sz = PAGE_SIZE - shift,
		.mem = { .type = MEM_TYPE_PAGE_ORDER0 },
	};
	if (likely(slots->len == len)) {
		nm_os_copy_pkt(to, nm_mem_buf(kr->mem, slots->idx), len);
	} else {
		for (; len; len -= slots->len, slots++) {
			memcpy(to, nm_mem_buf(kr->mem, slots->idx), slots->len);
			to += slots->len;
		}
	}
	/* it goes with one reference */
	p->ours--;
	b->frame[b->n] = f;
	b->page[b->n] = p;
	return true;
}

int nm_xdp_send(struct nm_xdp_pool *pool, struct nm_nic_batch *b, struct net_device *dev)
{
	int sent = dev->netdev_ops->ndo_xdp_xmit(dev, b->n, b->frame, XDP_XMIT_FLUSH), i;

	pool->taken = sent >= 0;
	if (unlikely(sent < 0))
		pool->again = jiffies + PAUSE;
	for (i = max(sent, 0); unlikely(i < b->n); i++)
		b->page[i]->ours++;
	return sent;
}
