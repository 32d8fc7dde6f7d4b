/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A namespace: the ports, switches and memories that can see each other. The
 * user host has one; the kernel host has one for each network namespace.
 */
#ifndef NM_NS_H
#define NM_NS_H

#include "fail.h"
#include "list.h"

struct nm_mem;

/* Geometry of a memory's buffers. */
struct nm_mem_conf {
	uint32_t stride;  /* bytes from one buffer to the next = ring->nr_buf_size */
	uint32_t buf_len; /* usable bytes in a buffer, at most stride */
	uint32_t shift;	  /* bytes of the pool before buffer 0 (NIC headroom) */
	size_t reserve;	  /* most bytes the region may ever have */
};

struct nm_ns_conf {
	struct nm_mem_conf global;   /* mem_id 1: NICs */
	struct nm_mem_conf private_; /* VALE ports and pipes of their own */
	uint32_t vale_age;	     /* seconds until a silent station is forgotten */
	bool csb;		     /* a sync is a round trip: share pointers, see kring.h */
};

struct nm_ns {
	struct nm_os_mutex lock; /* all configuration below */
	struct nm_os_rm rm;	 /* switch membership, read while forwarding */
	struct nm_list ports;
	struct nm_list switches;
	struct nm_list mems;
	struct nm_list bindings;
	struct nm_mem *global; /* while somebody uses it */
	struct nm_ns_conf conf;
	struct nm_os_ns os;
};

/* Fills `conf` with the defaults that suit memory which no NIC touches. */
void nm_ns_conf_default(struct nm_ns_conf *conf);

int nm_ns_init(struct nm_ns *ns, const struct nm_ns_conf *conf);
/* Nothing is open, attached or persistent: the namespace may end. */
bool nm_ns_idle(struct nm_ns *ns);
/* Persistent ports and attached NICs are let go; no binding may be left. */
void nm_ns_fini(struct nm_ns *ns);

/*
 * After nm_port_gone(): members of switches whose device vanished are let go.
 * Takes the namespace's lock; not from a ring's event context.
 */
void nm_ns_reap(struct nm_ns *ns);

/* What is there, as text or JSON: ports, rings, counters, clients. */
void nm_ns_print(struct nm_ns *ns, struct nm_os_out *out, bool json);

#endif /* NM_NS_H */
