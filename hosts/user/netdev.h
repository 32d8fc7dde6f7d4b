/* SPDX-License-Identifier: BSD-2-Clause */
/* What the kernel knows of a network interface, and the switches on it. */
#ifndef NM_NETDEV_H
#define NM_NETDEV_H

#include "os.h"

struct netdev {
	unsigned int ifindex;
	char name[16];
	char kind[16]; /* "veth", ...; "" for hardware */
	bool up;
	uint32_t mtu;
	uint32_t queues;     /* pairs of rx and tx in use: the larger number */
	uint32_t xdp_prog;   /* id of the program attached, 0 none */
	uint64_t tx_dropped; /* the interface's own count */
	unsigned int peer;   /* ifindex of a veth's other end; 0 when it is elsewhere */
};

/* Fills nd for an interface by name, or by index when name is NULL; -ENXIO. */
int netdev_get(struct netdev *nd, const char *name, unsigned int ifindex);

/* GRO and LRO: both off; restore() turns on again what was on. */
struct netdev_offloads {
	bool gro, lro;
};
void netdev_offloads_off(const struct netdev *nd, struct netdev_offloads *was);
void netdev_offloads_restore(unsigned int ifindex, const struct netdev_offloads *was);
/* One log line for what stays in the way, with the command that removes it. */
void netdev_offloads_report(const struct netdev *nd);

/* Promiscuous while the descriptor is open; -errno. */
int netdev_promiscuous(unsigned int ifindex);

/* The capabilities that AF_XDP takes and this process lacks: "CAP_X, CAP_Y", or "". */
void netdev_missing_caps(char *buf, size_t size);

/* News about interfaces: a non-blocking rtnetlink socket; -errno. */
int netdev_events_open(void);
/*
 * Reads all there is and calls fn for each interface that is no longer here
 * (ENXIO) or no longer up (ENETDOWN). Calls it with ifindex 0 when some news
 * were lost and the caller has to look for itself.
 */
void netdev_events_read(int fd, void (*fn)(void *arg, unsigned int ifindex, int error), void *arg);

#endif /* NM_NETDEV_H */
