/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The XDP program of an interface: what comes in on a queue with a socket in
 * the map goes to that socket, the rest to the host's stack. It is attached by
 * a BPF link, which the kernel undoes when its descriptor is closed: nothing
 * stays behind, however a process ends.
 */
#ifndef NM_XDP_H
#define NM_XDP_H

#include "os.h"

struct xdp_prog {
	int map_fd, prog_fd, link_fd;
};

/*
 * The stack's program (XDP_FLAGS_SKB_MODE) sees packets that we make the host receive on
 * the interface, too. They have this before their own header, so that it knows them.
 */
struct xdp_mark {
	uint8_t header[14]; /* nobody else's: random addresses, and a type that is reserved */
};

/* Loads the program for `queues` queues, with or without a mark; -errno. */
int xdp_load(struct xdp_prog *x, uint32_t queues, const struct xdp_mark *mark);
/* flags: XDP_FLAGS_DRV_MODE or XDP_FLAGS_SKB_MODE */
int xdp_attach(struct xdp_prog *x, unsigned int ifindex, uint32_t flags);
void xdp_detach(struct xdp_prog *x);
void xdp_unload(struct xdp_prog *x);

/* Begins and ends the redirection of a queue. */
int xdp_queue_set(struct xdp_prog *x, uint32_t queue, int xsk_fd);
void xdp_queue_clear(struct xdp_prog *x, uint32_t queue);

/* The name of a loaded program; "" if it can not be had. */
void xdp_prog_name(uint32_t id, char name[16]);

#endif /* NM_XDP_H */
