/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A binding: what one open descriptor of /dev/netmap is bound to. Made by the
 * host's open, configured by NIOCCTRL, closed by the host when no call on it
 * is in progress any more.
 *
 * Threading: calls on one binding may run concurrently (a sender and a
 * receiver thread share a descriptor); register and close exclude each other
 * by the namespace's lock, and syncs see a binding only once it is complete.
 */
#ifndef NM_BINDING_H
#define NM_BINDING_H

#include "port.h"

struct nm_binding {
	struct nm_list link;
	struct nm_ns *ns;
	struct nm_os_user *user; /* the caller; set by the host before a call */
	bool ready;		 /* registered: set with release once all below is */
	struct nm_port *port;
	struct nm_mem *mem;
	struct netmap_if *nifp;
	uint32_t first[NM_DIRS], last[NM_DIRS]; /* rings [first, last) of the port */
	uint32_t mode;				/* NR_REG_* */
	uint64_t flags;				/* NR_* as accepted */
	struct nm_share extra;			/* extra buffers, if there are any */
	uint32_t owner;				/* the client's process id, for listings */
	struct nm_err err;
};

void nm_binding_init(struct nm_binding *b, struct nm_ns *ns, uint32_t owner);
void nm_binding_fini(struct nm_binding *b); /* close(2) */

/*
 * ioctl(2), any request number: `addr` is the client's argument. 0 or -errno;
 * b->err says why. The parts: NIOCCTRL; NIOCREGIF and NIOCGINFO of programs
 * that still use struct nmreq.
 */
int nm_binding_ioctl(struct nm_binding *b, uint32_t request, uint64_t addr);
int nm_binding_ctrl(struct nm_binding *b, uint64_t addr);
int nm_binding_legacy(struct nm_binding *b, uint32_t request, uint64_t addr);

/*
 * One request of NIOCCTRL on private copies: `body` is of the type that
 * hdr->nr_reqtype says, both are also the reply. Namespace locked.
 */
int nm_request(struct nm_binding *b, struct nmreq_header *hdr, void *body);

/* Register and unregister, on a validated private copy. Namespace locked. */
int nm_binding_register(struct nm_binding *b, const char *name, struct nmreq_register *reg);
void nm_binding_unregister(struct nm_binding *b);

/* NIOCTXSYNC (NM_TX) and NIOCRXSYNC (NM_RX) on all rings of the binding. */
int nm_binding_sync(struct nm_binding *b, enum nm_dir dir);

/* NM_KR_CSB or NM_KR_NEWS if all of the binding's rx rings have that, and there are some. */
uint32_t nm_binding_csb(const struct nm_binding *b);

/*
 * poll(2): `events` and the result are POLLIN, POLLOUT, POLLERR of the host
 * given as NM_POLL*. With a poller, and nothing ready, the poller is on the
 * wait queues when this returns.
 */
#define NM_POLLIN  1
#define NM_POLLOUT 4
#define NM_POLLERR 8
int nm_binding_poll(struct nm_binding *b, int events, struct nm_os_poller *poller);

/*
 * For pollers that stay on the wait queues from one poll to the next, whatever these wait
 * for: the poller is on all queues of the binding when this returns. What happened before
 * has to be asked for after it.
 */
void nm_binding_watch(struct nm_binding *b, struct nm_os_poller *poller);

#endif /* NM_BINDING_H */
