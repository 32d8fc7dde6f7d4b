/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * NIC ports: network interfaces through AF_XDP.
 *
 * nic.c         the port: interface, program, queues
 * nic_sync.c    the data path
 * nic_events.c  the thread that delivers packets' arrival and interfaces' end
 * nic_host.c    host rings, and packets that go past rings
 *
 * All NIC ports share the global memory. Each queue has a socket whose UMEM is
 * that memory's buffer pool: chunk i is buffer i, and packets begin 256 bytes
 * into a chunk, where buffers do. So a buffer can travel from any ring to any
 * other, and no packet is copied here.
 *
 * A queue brings as many buffers of its own as its rx ring has slots, for the
 * kernel to fill. When a packet is delivered to a slot, the buffer that was in
 * the slot takes the packet's place in the kernel's hands.
 *
 * Locks, in this order: namespace, nics->dispatch, nics->watch_lock.
 */
#ifndef NM_NIC_H
#define NM_NIC_H

#include "host.h"
#include "netdev.h"
#include "tap.h"
#include "tc.h"
#include "xdp.h"
#include "xsk.h"

#define NIC_MAX_QUEUES 4096 /* of a process */
#define NIC_MAX_HOST   1024 /* host rx rings of a process */

struct nic_queue {
	struct nic_port *np;
	struct nm_nics *nics;
	struct nm_mem *mem;
	uint32_t id;
	uint64_t serial; /* of the socket, for nm_poller_watch() */
	uint16_t tag;	 /* 1 + its place in nics->queue[]; marks its buffers */
	uint32_t log2_stride;
	uint32_t users;		       /* krings that are up */
	struct nm_kring *kr[NM_DIRS];  /* those; nics->dispatch */
	struct xdp_statistics counted; /* what is in the krings' counters already */
	struct xsk xsk;
	struct nm_share share; /* the buffers that the kernel has to fill */

	/* tx: which slots wait for a buffer's completion, and which had it */
	uint16_t *slot_of; /* by buffer: 1 + the last slot that it was sent from */
	uint16_t *same;	   /* by slot: 1 + the slot before that with the same buffer */
	uint8_t *finished; /* by slot */

	/* the thread looks after its transmissions; nics->watch_lock */
	bool watched;
	struct nic_queue *next_watched;
};

struct nic_host;
struct nic_hostq;

struct nic_port {
	struct nm_port port;
	struct nm_list link; /* in nics->ports while up; nics->dispatch */
	struct netdev nd;
	struct xdp_prog xdp;
	bool native;	  /* the program runs in the driver */
	const char *mode; /* of the queue that was bound last */
	int promisc_fd;
	struct netdev_offloads offloads;
	struct nic_queue *queues; /* port.nrings of them */

	pthread_mutex_t host_lock; /* the three below come to be */
	struct nic_host *host;	   /* the way to the host's stack, once somebody needs it */
	int wire_fd;		   /* past the rings, to the wire; -1: nobody did yet */
	bool host_failed;	   /* it was told */
	struct xdp_mark mark;	   /* of the program, when that is in the stack */
};

struct nm_nics {
	struct nm_ns *ns;
	pthread_mutex_t dispatch; /* held while the thread calls into krings */
	struct nm_list ports;
	struct nic_queue *queue[NIC_MAX_QUEUES];
	struct nic_hostq *hostq[NIC_MAX_HOST];
	uint16_t *owner; /* by buffer: tag of the queue that gave it to the kernel to fill
			  */

	struct nm_os_thread thread;
	int epoll_fd, wake_fd, link_fd;
	struct nm_os_lock watch_lock;
	struct nic_queue *watch;
};

bool nic_is(const struct nm_port *port);

static inline struct nic_port *nic_of(struct nm_port *port)
{
	return nm_container_of(port, struct nic_port, port);
}

/* nic.c */
void nic_disown_slots(struct nm_nics *nics, struct nm_kring *kr);

/* nic_host.c */
int nic_host_rxsync(struct nm_kring *kr, int flags);
int nic_pass(struct nm_port *port, enum nm_way way, const struct nm_piece *piece, uint32_t n);
int nic_host_ring_up(struct nm_kring *kr, struct nm_err *err);
void nic_host_ring_down(struct nm_kring *kr);
void nic_host_arm(struct nm_kring *kr);
void nic_host_event(struct nm_nics *nics, uint32_t slot); /* nics->dispatch */
/* The stack has its interface back, the rings stay; nics->dispatch. */
void nic_host_detach(struct nic_port *np);
void nic_host_close(struct nic_port *np);
void nic_host_describe(struct nic_port *np, char *buf, size_t size); /* appends */
void nic_host_mark(struct xdp_mark *mark);			     /* a new one */

/* nic_sync.c */
int nic_txsync(struct nm_kring *kr, int flags);
int nic_rxsync(struct nm_kring *kr, int flags);
void nic_fill(struct nic_queue *q, const uint32_t *idx, uint32_t n);
/* Sends what the tx ring has; false if some of it has to wait. */
bool nic_kick(struct nic_queue *q);
/* Takes up to what came back from transmission. */
void nic_reap(struct nic_queue *q, struct nm_kring *kr);

/* A number that no other descriptor of this process has or had. */
uint64_t nic_serial(void);

/* nic_events.c; namespace locked */
int nm_nics_get(struct nm_ns *ns, struct nm_nics **nicsp, struct nm_err *err);
void nic_events_del(struct nic_queue *q);
void nic_arm(struct nm_kring *kr);
void nic_watch(struct nic_queue *q);
/* The same for a host ring's descriptor, whose place is `slot` in nics->hostq[]. */
int nic_events_host(struct nm_nics *nics, int op, int fd, uint32_t slot, bool armed);

/* For the end of a namespace: before and after nm_ns_fini(). */
void nm_nics_stop(struct nm_ns *ns);
void nm_nics_free(struct nm_nics *nics);

static inline bool nic_buf_ok(const struct nic_queue *q, uint32_t idx)
{
	return idx >= NM_BUF_FIRST && idx < nm_mem_nbufs(q->mem) && !nm_load(&q->nics->owner[idx]);
}

#endif /* NM_NIC_H */
