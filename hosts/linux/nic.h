/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Ports on network interfaces, whose drivers know nothing of it.
 *
 * nic.c        the port and its device: taking it over and giving it back
 * nic_event.c  what happens to the device meanwhile
 * nic_rx.c     from the wire: an rx handler puts packets into the ring at once
 * nic_tx.c     to the wire: packets are built from the ring, and given to the driver
 * nic_host.c   host rings, and packets that go past rings
 * xdp.h        the fast way in and out, where the driver has one
 *
 * The device, whether the port is up, and the list of ports are changed under rtnl only,
 * which is taken inside the namespace's lock. The data path finds the device by RCU.
 */
#ifndef NM_NIC_H
#define NM_NIC_H

#include "host.h"
#include "xdp.h"

#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/list.h>
#include <linux/netdevice.h>
#include <linux/netfilter.h>
#include <linux/skbuff.h>

struct nm_nic;

/* An rx ring's events: told when the batch in progress is over. */
struct nm_nic_rxq {
	struct tasklet_struct news;
	struct nm_kring *kr; /* NULL while the ring is down */
	int cpu;	     /* that `news` waits on; -1: not known */
};

#define NM_NIC_BATCH 128 /* packets given to a driver at a time */

/* A packet of a tx ring: its slots [first, end), `len` bytes. */
struct nm_nic_packet {
	uint32_t first, end, len;
};

/*
 * A batch being sent. Not on the stack: a sync may run in a softirq, on top of a sender
 * and of all that a driver like veth puts below it.
 */
struct nm_nic_batch {
	uint32_t n;
	bool xdp; /* of frames; else of skbs */
	union {
		struct sk_buff *skb[NM_NIC_BATCH];
		struct xdp_frame *frame[NM_NIC_BATCH];
	};
	struct nm_xdp_page *page[NM_NIC_BATCH]; /* a frame's */
	struct nm_nic_packet p[NM_NIC_BATCH];
	union nm_slot slots[NETMAP_MAX_FRAGS]; /* of the packet being built */
};

/* A tx ring's packets that the driver has. Outlives the ring until they are back. */
struct nm_nic_txq {
	atomic_t refs;	 /* 1 while the ring is up, and 1 for each packet in flight */
	bool live;	 /* the ring is up; RCU */
	bool starved;	 /* packets wait for the driver to take them */
	struct nm_kring *kr;
	struct tasklet_struct retry;
	struct hrtimer timer; /* in case that no packet of ours is in flight */
	u64 delay;	      /* of that, ns */
	u32 stuck;	      /* the slot that it waited at */
	bool xdp;	      /* frames, if the device takes them */
	struct nm_xdp_pool pool;
	struct nm_nic_batch batch; /* who syncs the ring owns it, and pool */
	struct rcu_head rcu;
};

/* What was done to packets so that no client has to. */
struct nm_nic_fixes {
	atomic_long_t checksums; /* completed */
	atomic_long_t segmented; /* packets cut into pieces */
};

struct nm_nic {
	struct nm_port port;
	struct list_head link;	       /* in nm_nics */
	struct net_device __rcu *dev;  /* NULL once it is gone */
	bool up;		       /* has taken over the device */
	bool used;		       /* krings exist; rtnl */
	int lost;		       /* why the device is, once it is; rtnl */
	netdev_features_t switched_off;
	struct nm_nic_rxq *rxq; /* for each rx ring, host rings too, while up */
	struct nm_nic_txq **txq;
	struct nm_nic_fixes fixes;
	uint32_t readers;	  /* host rx rings that are open; namespace locked */
	bool hooked;		  /* takes what the stack sends; rtnl */
	struct nf_hook_ops egress;
	struct nm_xdp xdp;
};

/* All of the module; rtnl. */
extern struct list_head nm_nics;

static inline struct nm_nic *nm_nic_of(struct nm_port *port)
{
	return container_of(port, struct nm_nic, port);
}

/*
 * A packet that we hand to the stack, or send in its place, comes by us once more: then it
 * has the port in the last bytes of its control block, which nobody between uses.
 */
static inline const struct nm_nic **nm_nic_mark(struct sk_buff *skb)
{
	return (const struct nm_nic **)(skb->cb + sizeof(skb->cb) - sizeof(void *));
}

/* Whether it is such a packet; from now on it is not. */
static inline bool nm_nic_unmark(const struct nm_nic *nic, struct sk_buff *skb)
{
	if (likely(*nm_nic_mark(skb) != nic))
		return false;
	*nm_nic_mark(skb) = NULL;
	return true;
}

/* One end of two, such as a veth: queue i here is queue i there. */
static inline bool nm_nic_is_pair(const struct net_device *dev)
{
	return dev->netdev_ops->ndo_get_peer_dev;
}

/* module load and unload */
int nm_nic_register(void);
void nm_nic_unregister(void);
int nm_nic_event_register(void);
void nm_nic_event_unregister(void);

/* Gives the device back, if it was taken over. rtnl */
void nm_nic_release(struct nm_nic *nic, struct net_device *dev);

/* nic_rx.c */
int nm_nic_rxsync(struct nm_kring *kr, int flags);
int nm_nic_rx_up(struct nm_kring *kr, struct nm_err *err);
void nm_nic_rx_down(struct nm_kring *kr);
void nm_nic_rx_arm(struct nm_kring *kr);
rx_handler_result_t nm_nic_rx_handler(struct sk_buff **pskb);
/* A copy of a packet as it is into the ring; false: it had no room. */
bool nm_nic_put(struct nm_kring *kr, struct sk_buff *skb);
/* Has something that hardware would do. */
static inline bool nm_nic_is_slow(const struct sk_buff *skb)
{
	return skb_is_gso(skb) || skb->ip_summed == CHECKSUM_PARTIAL;
}
/* That is done to it, then it goes into the ring; consumes the packet. */
void nm_nic_put_slow(struct nm_nic *nic, struct nm_kring *kr, struct sk_buff *skb);
/* A packet in one piece into the ring, whose lock is held; false: it is lost. */
bool nm_nic_put_flat(struct nm_kring *kr, const void *data, uint32_t len);
/* Something was put into the ring: who waits for it is told once this batch is over. */
void nm_nic_rx_news(struct nm_nic_rxq *q);

/* nic_tx.c */
int nm_nic_txsync(struct nm_kring *kr, int flags);
int nm_nic_tx_up(struct nm_kring *kr, struct nm_err *err);
void nm_nic_tx_down(struct nm_kring *kr);
/* For `len` bytes behind `room` bytes. Softirqs are off. */
struct sk_buff *nm_nic_skb_new(uint32_t room, uint32_t len);
/* Waits until no driver has a packet of ours. */
void nm_nic_tx_drain(void);

/* nic_host.c */
int nm_nic_host_up(struct nm_kring *kr, struct nm_err *err);
void nm_nic_host_down(struct nm_kring *kr);
/* The stack has the device back, whoever still reads; rtnl */
void nm_nic_host_release(struct nm_nic *nic);
int nm_nic_pass(struct nm_port *port, enum nm_way way, const struct nm_piece *piece,
		uint32_t n);

#endif /* NM_NIC_H */
