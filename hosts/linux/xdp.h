/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The fast way in and out of a device whose driver has native XDP.
 *
 * xdp.c      in: an XDP program of ours in the driver, which puts a packet into the ring
 *            before there is an skb, and gives the driver its page back at once
 * xdp_tx.c   out: packets in pages that are used again and again, to ndo_xdp_xmit in bulk
 */
#ifndef NM_XDP_H
#define NM_XDP_H

#include <linux/netdevice.h>
#include <linux/types.h>

struct bpf_prog;
struct nm_err;
struct nm_kring;
struct nm_nic;
struct nm_nic_batch;
struct nm_nic_packet;
union nm_slot;

/* Of a port. rtnl */
struct nm_xdp {
	struct bpf_prog *prog;	    /* in the driver; NULL: the port is emulated */
	const char *why;	    /* it is */
	struct net_device *peer;    /* a veth's: what it was told not to leave undone */
	netdev_features_t peer_off;
};

/* A page that packets are sent in, one at a time; see page_is_back(). */
struct nm_xdp_page {
	struct page *page;
	int ours; /* references, of the page's */
};

/* Of a tx ring; who syncs the ring owns it. */
struct nm_xdp_pool {
	struct nm_xdp_page *pages;
	u32 n;	      /* that there are so far */
	u32 next;     /* to be used */
	bool taken;   /* the device took frames the last time */
	unsigned long again; /* jiffies: when to ask it again if it did not */
};

/* Puts our program into the driver of the device; false, and `why`, if that can not be. */
bool nm_xdp_attach(struct nm_nic *nic, struct net_device *dev);
void nm_xdp_detach(struct nm_nic *nic, struct net_device *dev);

int nm_xdp_pool_init(struct nm_xdp_pool *pool);
void nm_xdp_pool_fini(struct nm_xdp_pool *pool);
/* How many packets may go this way now. Softirqs are off, as in the next two. */
u32 nm_xdp_can_send(struct nm_xdp_pool *pool, const struct net_device *dev);
/* A packet into a frame of the batch; false if there is no memory. */
bool nm_xdp_build(struct nm_xdp_pool *pool, struct nm_kring *kr, struct nm_nic_batch *b,
		  const union nm_slot *slots, u32 len);
/* The batch to the driver: how many it took, or -errno if it takes none this way. */
int nm_xdp_send(struct nm_xdp_pool *pool, struct nm_nic_batch *b, struct net_device *dev);

#endif /* NM_XDP_H */
