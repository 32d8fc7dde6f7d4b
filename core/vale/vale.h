/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * VALE: software switches. A port name "valeSW:PORT" names switch "valeSW".
 *
 * switch.c   switches, and who is in them
 * vport.c    ports that programs open, and persistent ones
 * nic.c      a NIC as a port of a switch; polling.c threads that look after it
 * fdb.c      which station is behind which port
 * forward.c  the data path: collect, route; deliver.c its second half
 * offload.c  checksums and segments for virtio-net headers
 *
 * Membership changes with the namespace locked, and is seen by forwarding
 * through the namespace's read-mostly domain: leave, nm_os_rm_sync(), free.
 */
#ifndef NM_VALE_H
#define NM_VALE_H

#include "../port.h"

#define NM_VALE_PORTS	  254 /* of a switch; their indices are 1 to 254 */
#define NM_VALE_BROADCAST 255 /* destination: all but the sender */
#define NM_VALE_NOWHERE	  0   /* destination: none */

/* ---- stations ---- */

#define NM_FDB_WAYS    4
#define NM_FDB_BUCKETS 1024

struct nm_fdb_entry {
	uint64_t mac_port; /* address in the low 48 bits, port above; 0: free */
	uint32_t seen;	   /* second when last heard */
	uint32_t pad;
};

struct nm_fdb {
	uint32_t age; /* seconds until an entry is stale */
	uint64_t seed;
	struct nm_fdb_entry way[NM_FDB_BUCKETS][NM_FDB_WAYS] __attribute__((aligned(NM_CACHELINE)));
};

struct nm_fdb *nm_fdb_new(uint32_t age);
void nm_fdb_free(struct nm_fdb *fdb);
/* Port where `mac` was heard in the last `age` seconds; NM_VALE_BROADCAST if unknown. */
uint32_t nm_fdb_find(struct nm_fdb *fdb, uint64_t mac, uint32_t now);
void nm_fdb_learn(struct nm_fdb *fdb, uint64_t mac, uint32_t port, uint32_t now);
void nm_fdb_forget(struct nm_fdb *fdb, uint32_t port); /* all stations of a port */
uint32_t nm_fdb_count(struct nm_fdb *fdb, uint32_t now);

/* ---- switches ---- */

/*
 * A port's membership. out(): krings that packets for this port are put in,
 * nout of them, used as rx krings by forwarding.
 */
struct nm_vport {
	struct nm_switch *sw;
	struct nm_port *port; /* what users see: a VALE port, or the NIC */
	const char *suffix;   /* of its name: "" or, for the stack of a NIC's host, "^" */
	uint32_t index;
	struct nm_kring *out;
	uint32_t nout;
	uint32_t buf_len; /* of the out rings' memory */
	/* makes room in an out ring, if it can (a NIC reclaims); may be NULL */
	void (*reclaim)(struct nm_kring *out);
	struct nm_vale_polling *polling; /* threads that poll this NIC; NULL: its events do */
};

struct nm_switch {
	struct nm_list link;
	struct nm_ns *ns;
	char name[NETMAP_REQ_IFNAMSIZ];
	uint32_t number;			  /* nr_bridge_idx of listings */
	uint32_t nports;			  /* members; empty switches go away */
	struct nm_vport *port[NM_VALE_PORTS + 1]; /* by index; read in the rm domain */
	uint32_t active;			  /* highest index in use, for floods */
	struct nm_fdb *fdb;
};

/* Splits "valeSW:PORT"; false if the name is not of that form. */
bool nm_vale_name(const char *name, char *sw, const char **port, struct nm_err *err, int *error);

struct nm_switch *nm_switch_find(struct nm_ns *ns, const char *name);
struct nm_switch *nm_switch_get(struct nm_ns *ns, const char *name, struct nm_err *err);
void nm_switch_put_if_empty(struct nm_switch *sw);
/* Enters and leaves the membership; after leave() no forwarding sees the port. */
int nm_switch_enter(struct nm_switch *sw, struct nm_vport *vp, struct nm_err *err);
void nm_switch_leave(struct nm_vport *vp);

/* A host's stack that is a member comes and goes with its NIC, and is not named alone. */
static inline bool nm_vport_is_host(const struct nm_vport *vp)
{
	return vp->suffix[0] != 0;
}

/* ---- the data path ---- */

/*
 * Forwards slots [from, to) of a source ring; returns the first slot not
 * consumed (a packet whose last fragment is not there yet stays).
 */
struct nm_vale_src {
	struct nm_vport *vp;
	struct nm_switch *sw; /* read once: a detach may take it from vp meanwhile */
	struct nm_kring *kr;  /* slots, memory and counters of the source */
	struct nm_vale_work *work;
};
uint32_t nm_vale_forward(struct nm_vale_src *src, uint32_t from, uint32_t to);

struct nm_vale_work *nm_vale_work_new(void);
void nm_vale_work_free(struct nm_vale_work *work);

/* ---- requests; namespace locked ---- */

int nm_vale_attach(struct nm_ns *ns, const char *name, const struct nmreq_register *reg,
		   const struct nm_os_user *user, uint32_t *index, struct nm_err *err);
int nm_vale_detach(struct nm_ns *ns, const char *name, const struct nm_os_user *user,
		   uint32_t *index, struct nm_err *err);
int nm_vale_polling_start(struct nm_ns *ns, const char *name, struct nmreq_vale_polling *req,
			  const struct nm_os_user *user, struct nm_err *err);
int nm_vale_polling_stop(struct nm_ns *ns, const char *name, const struct nm_os_user *user,
			 struct nm_err *err);
int nm_vale_list(struct nm_ns *ns, char *name, uint16_t *bridge, uint32_t *port,
		 struct nm_err *err);
int nm_vale_newif(struct nm_ns *ns, const char *name, const struct nmreq_vale_newif *req,
		  const struct nm_os_user *user, struct nm_err *err);
int nm_vale_delif(struct nm_ns *ns, const char *name, const struct nm_os_user *user,
		  struct nm_err *err);
void nm_vale_drop_persistent(struct nm_ns *ns);

/* Attach and detach of a NIC's port, with its host's rings or without; called by the above. */
int nm_vale_nic_attach(struct nm_switch *sw, struct nm_port *nic, bool host, struct nm_err *err);
void nm_vale_nic_detach(struct nm_port *nic);
void nm_vale_reap(struct nm_ns *ns);
bool nm_vale_is_nic(const struct nm_port *port);
/* The member that "SWITCH:PORT" names; NULL with *error: none that `user` may change. */
struct nm_vport *nm_vale_member(struct nm_ns *ns, const char *name, const struct nm_os_user *user,
				struct nm_err *err, int *error);
/* Forwards what an rx ring of an attached NIC has got. */
void nm_vale_nic_take(struct nm_kring *kr);
/* Do events of an attached NIC lead to that, or does somebody else? */
void nm_vale_nic_events(struct nm_port *port, bool on);
/* No thread polls the port from here on. */
void nm_vale_polling_end(struct nm_vport *vp);
/* A persistent or temporary VALE port joins or leaves a switch. */
int nm_vale_port_join(struct nm_switch *sw, struct nm_port *port, struct nm_err *err);
void nm_vale_port_part(struct nm_port *port);

/* Lets go of attached NICs and persistent ports: the namespace ends. */
void nm_vale_fini(struct nm_ns *ns);

#endif /* NM_VALE_H */
