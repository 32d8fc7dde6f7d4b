/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Ports on network interfaces, whose drivers know nothing of it.
 *
 * nic.c        the port and its device: taking it over and giving it back
 * nic_event.c  what happens to the device meanwhile
 * nic_rx.c     from the wire: an rx handler puts packets into the ring at once
 * nic_tx.c     to the wire: packets are built from the ring, and given to the driver
 *
 * The device, whether the port is up, and the list of ports are changed under rtnl only,
 * which is taken inside the namespace's lock. The data path finds the device by RCU.
 */
#ifndef NM_NIC_H
#define NM_NIC_H

#include "port.h"

#include <linux/interrupt.h>
#include <linux/list.h>
#include <linux/netdevice.h>

struct nm_nic;

/* An rx ring's events: told when the batch in progress is over. */
struct nm_nic_rxq {
	struct tasklet_struct news;
	struct nm_kring *kr; /* NULL while the ring is down */
};

#define NM_NIC_BATCH 32 /* packets given to a driver at a time */

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
	struct sk_buff *skb[NM_NIC_BATCH];
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
	struct timer_list timer; /* in case that no packet of ours is in flight */
	struct nm_nic_batch batch; /* who syncs the ring owns it */
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
	netdev_features_t switched_off;
	struct nm_nic_rxq *rxq; /* port.nrings of them while up */
	struct nm_nic_txq **txq;
	struct nm_nic_fixes fixes;
};

/* All of the module; rtnl. */
extern struct list_head nm_nics;

static inline struct nm_nic *nm_nic_of(struct nm_port *port)
{
	return container_of(port, struct nm_nic, port);
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

/* nic_tx.c */
int nm_nic_txsync(struct nm_kring *kr, int flags);
int nm_nic_tx_up(struct nm_kring *kr, struct nm_err *err);
void nm_nic_tx_down(struct nm_kring *kr);
/* Waits until no driver has a packet of ours. */
void nm_nic_tx_drain(void);

#endif /* NM_NIC_H */
