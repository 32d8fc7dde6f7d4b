/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A port: something with rings. Every kind (NIC, VALE, pipe, null) is a set
 * of operations over the same krings.
 *
 * Life: lookup makes or finds the port by name and takes a reference; the
 * first binding (or switch) that needs rings brings it up; the last one down;
 * the last reference frees it. The two ends of a pipe are twins: references
 * and uses of one count for both. All of that with the namespace locked;
 * syncs run without that lock.
 */
#ifndef NM_PORT_H
#define NM_PORT_H

#include "kring.h"

#define NM_MAX_RINGS 256   /* of a direction */
#define NM_MAX_SLOTS 16384 /* of a ring */
#define NM_MIN_SLOTS 8
#define NM_DEF_SLOTS 1024

/* nr_flags of a registration that mean something here. */
#define NM_REG_FLAGS                                                                          \
	((uint64_t)(NR_EXCLUSIVE | NR_TX_RINGS_ONLY | NR_RX_RINGS_ONLY | NR_ACCEPT_VNET_HDR | \
		    NR_DO_RX_POLL | NR_NO_TX_POLL))

struct nm_piece;

/* Past the rings, see host.h. */
enum nm_way { NM_TO_HOST, NM_TO_WIRE };

struct nm_port_ops {
	const char *kind; /* "nic", "vale", "pipe", "null": for listings */
	nm_sync_fn sync[NM_DIRS];
	/*
	 * What clients may share of rx rings: NM_KR_CSB, their pointers, if they fill by
	 * themselves; NM_KR_NEWS, the sight of when a sync would show more; 0.
	 */
	uint32_t csb;
	/*
	 * The rest may be NULL. up: first use, krings exist; down: last use.
	 * ring_up/ring_down: the kring's first and last user, its netmap_ring
	 * present (NICs: bind and release the queue).
	 */
	int (*up)(struct nm_port *port, struct nm_err *err);
	void (*down)(struct nm_port *port);
	int (*ring_up)(struct nm_kring *kr, struct nm_err *err);
	void (*ring_down)(struct nm_kring *kr);
	/* Somebody is about to wait for this ring: have its events delivered. */
	void (*arm)(struct nm_kring *kr);
	/*
	 * Ports with host rings: all of these, or none. host_rxsync: as sync, of a host rx
	 * ring; its tx rings are the core's. pass: one packet in n pieces, 14 bytes at least,
	 * goes to the machine's stack as if it had come from the wire, or to the wire. From
	 * any sync. 0; -EAGAIN: no room now; else it is lost, for lack of room (-ENOBUFS),
	 * its length (-EMSGSIZE), the state of the device (-ENETDOWN, -ENXIO), or another
	 * reason.
	 */
	nm_sync_fn host_rxsync;
	int (*pass)(struct nm_port *port, enum nm_way way, const struct nm_piece *piece,
		    uint32_t n);
	/* One line about the port for listings (mode, driver, ...). */
	void (*describe)(struct nm_port *port, char *buf, size_t size);
	/* The last reference is gone: free what contains the port. */
	void (*free)(struct nm_port *port);
};

struct nm_port {
	struct nm_list link;
	struct nm_ns *ns;
	const struct nm_port_ops *ops;
	char name[NETMAP_REQ_IFNAMSIZ];
	uint32_t refs;
	uint32_t users;	    /* bindings, pipe peers and switches that hold it up */
	bool persistent;    /* made by VALE_NEWIF: stays until DELIF */
	int32_t gone;	    /* errno once the device vanished; syncs fail with it */
	struct nm_mem *mem; /* referenced while set */
	uint32_t nrings[NM_DIRS];
	uint32_t nslots[NM_DIRS];
	uint32_t nhost[NM_DIRS];	  /* host rings, after the others in krings[] */
	struct nm_kring *krings[NM_DIRS]; /* nrings + nhost each, while up */
	struct nm_os_waitq wq[NM_DIRS];	  /* waiters for any ring of a direction */
	uint32_t hdr_len;		  /* virtio-net header before each packet: 0, 10 or 12 */
	struct nm_port *twin;		  /* pipes: the other end; both live and die together */
	void *vale;			  /* switch membership, see vale/ */
	void *priv;			  /* the kind's */
	struct nm_stats past[NM_DIRS];	  /* of krings that are gone */
};

/* A port that is not in the registry yet, with one reference. Geometry: defaults. */
void nm_port_init(struct nm_port *port, struct nm_ns *ns, const struct nm_port_ops *ops,
		  const char *name);
void nm_port_publish(struct nm_port *port);			  /* now lookups find it */
struct nm_port *nm_port_find(struct nm_ns *ns, const char *name); /* no reference */
/* What only gives pipes a name and a memory: no program finds it, other pipes do. */
struct nm_port *nm_port_find_name(struct nm_ns *ns, const char *name);
void nm_port_hold(struct nm_port *port);
void nm_port_put(struct nm_port *port);

/* Number of rings of a direction, host rings included. */
static inline uint32_t nm_port_nrings(const struct nm_port *port, enum nm_dir dir)
{
	return port->nrings[dir] + port->nhost[dir];
}

/*
 * Gives a new port its memory: the one numbered mem_id, if the user may share
 * that, or a private one of its own when that is 0.
 */
int nm_port_set_mem(struct nm_port *port, uint16_t mem_id, const struct nm_os_user *user,
		    struct nm_err *err);

/* First use makes the krings and calls ops->up; the last, the reverse. */
int nm_port_up(struct nm_port *port, struct nm_err *err);
void nm_port_down(struct nm_port *port);

/* A user more or less of one kring: its netmap_ring and buffers come and go. */
int nm_port_ring_get(struct nm_kring *kr, struct nm_err *err);
void nm_port_ring_put(struct nm_kring *kr);

/* Applies the geometry a client asked for, if the port is not up yet. 0 = default. */
int nm_port_set_rings(struct nm_port *port, uint32_t txr, uint32_t rxr, uint32_t txs, uint32_t rxs,
		      struct nm_err *err);

/* The same for host rings, if the port has some. */
int nm_port_set_host_rings(struct nm_port *port, uint32_t txr, uint32_t rxr, struct nm_err *err);

/*
 * The device under the port vanished or went down: from now on syncs fail
 * with `error` (positive errno) and poll reports POLLERR; waiters are woken.
 * Any context; not undone.
 */
void nm_port_gone(struct nm_port *port, int error);

/* Sums the counters of all krings of a direction. */
void nm_port_stats(struct nm_port *port, enum nm_dir dir, struct nm_stats *sum);

/*
 * Finds or makes the port that a client names; sets *portp with a reference.
 * `create` false only finds. mem_id and geometry come from the request.
 *
 * Whether the user may have what was found is the caller's to ask: by
 * nm_mem_allowed(), since to have a port is to have its memory.
 */
struct nm_port_spec {
	const char *name;
	const struct nm_os_user *user;
	uint16_t mem_id; /* 0: the kind's default */
	uint32_t tx_rings, rx_rings, tx_slots, rx_slots;
	uint32_t host_tx_rings, host_rx_rings;
	bool create;
};
int nm_port_get(struct nm_ns *ns, const struct nm_port_spec *spec, struct nm_port **portp,
		struct nm_err *err);

/* The kinds. Each finds or makes a port of its own kind; -ENODEV: not my kind. */
int nm_null_get(struct nm_ns *ns, const struct nm_port_spec *spec, struct nm_port **portp,
		struct nm_err *err);
int nm_pipe_get(struct nm_ns *ns, const struct nm_port_spec *spec, struct nm_port **portp,
		struct nm_err *err);
int nm_vale_get(struct nm_ns *ns, const struct nm_port_spec *spec, struct nm_port **portp,
		struct nm_err *err);

/* A port without rings that only stands for a name and a memory; not published. */
int nm_null_new(struct nm_ns *ns, const struct nm_port_spec *spec, struct nm_port **portp,
		struct nm_err *err);

#endif /* NM_PORT_H */
