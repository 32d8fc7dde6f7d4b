/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * netmap: the memory and the requests that a program shares with the framework.
 *
 * ABI version 14. Every size, offset and value in this file is fixed: programs compiled
 * against any header of this version work with any host of this version. tests/abi
 * holds the table of numbers and compares it with this file, in C and in C++.
 *
 * A session, seen from here:
 *
 *	open("/dev/netmap")                 a descriptor with nothing bound to it
 *	ioctl(fd, NIOCCTRL, &hdr)           NETMAP_REQ_REGISTER binds it to a port
 *	mmap(fd, reg.nr_memsize)            maps the region that holds all of this:
 *
 *	  region + reg.nr_offset ->  struct netmap_if      one per binding
 *	                               ring_ofs[i] ------> struct netmap_ring
 *	                                                     slot[j].buf_idx ---> buffer
 *
 *	ioctl(fd, NIOCTXSYNC / NIOCRXSYNC), or poll(fd)    exchange packets
 *
 * All references inside the region are offsets or indices, since every process maps it
 * at an address of its own. net/netmap_user.h turns them into pointers.
 *
 * Threads: the requests (NIOCCTRL) may come from any thread. A ring belongs to one thread
 * at a time: the framework does not lock the program's side of it.
 *
 * The header stands alone: it can be the first one included, in a program or in a Linux
 * kernel module, in C and in C++.
 */
#ifndef NET_NETMAP_H
#define NET_NETMAP_H

#ifdef __KERNEL__
#include <linux/types.h>
#include <linux/ioctl.h>
#else
#include <stdint.h>
#include <sys/types.h>
#include <sys/time.h>
#include <sys/ioctl.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Requests carry the version they were built for; outside MIN..MAX: EINVAL. */
#define NETMAP_API     14
#define NETMAP_MIN_API 14
#define NETMAP_MAX_API 15

/* What is written by the two sides of a ring is kept this many bytes apart. */
#define NM_CACHE_ALIGN 128

/* Size of the interface names of the memory layout (IFNAMSIZ of the systems we know). */
#define NM_IFNAMSIZ 16

/*
 * The time stamp of a ring is a struct timeval in programs, which is two 64-bit words.
 * The Linux kernel no longer has that type, so we bring the same words under our name.
 */
#ifdef __KERNEL__
struct nm_timeval {
	int64_t tv_sec;
	int64_t tv_usec;
};
#define NM_TIMEVAL struct nm_timeval
#else
#define NM_TIMEVAL struct timeval
#endif

/*
 * ---- Slots -----------------------------------------------------------------------
 *
 * One slot: a reference to one buffer, and the packet (or part of one) in it. The
 * program owns the slots of a ring from head up to, not including, tail.
 *
 * buf_idx   index of the buffer in the region. 0 and 1 are reserved. It may be exchanged
 *           with that of another slot of the same region (zero copy); the exchange has
 *           to be told by NS_BUF_CHANGED in both slots.
 * len       bytes of payload. Up to nr_buf_size of the ring.
 * flags     NS_*
 * ptr       for NS_INDIRECT the address of the payload in the sender; with the offsets
 *           option (see struct nmreq_opt_offsets) the low bits hold the offset of the
 *           payload in the buffer. Otherwise unused.
 */
struct netmap_slot {
	uint32_t buf_idx;
	uint16_t len;
	uint16_t flags;
	uint64_t ptr;
};

/* buf_idx was changed by the program. A NIC must load the new address. */
#define NS_BUF_CHANGED 0x0001
/* Transmit: have tail move past this slot as soon as the packet is sent, not lazily. */
#define NS_REPORT 0x0002
/*
 * Forward: on a ring of a port that was put in forwarding mode (NR_FORWARD), pass this
 * packet on to the other side (NIC to host, host to NIC) at the next sync.
 */
#define NS_FORWARD 0x0004
/* VALE: do not learn the source address of this packet. */
#define NS_NO_LEARN 0x0008
/* VALE transmit: the payload is at address `ptr` of the sender, not in the buffer. */
#define NS_INDIRECT 0x0010
/* The packet continues in the next slot. The last slot of a packet has it clear. */
#define NS_MOREFRAG 0x0020
/* On a monitor's receive ring: the packet was seen on its way out. */
#define NS_TXMON 0x0040

/*
 * VALE: bits 8-15. On transmit: 1 + the index of the port that the packet must go to, so
 * that 0 leaves the choice to the switch. On receive: the number of slots of the packet.
 */
#define NS_PORT_SHIFT	8
#define NS_PORT_MASK	(0xff << NS_PORT_SHIFT)
#define NS_RFRAGS(slot) (((slot)->flags >> NS_PORT_SHIFT) & 0xff)

/* A packet has at most this many slots; longer chains are dropped. */
#define NETMAP_MAX_FRAGS 64

/*
 * ---- Rings -----------------------------------------------------------------------
 *
 * A circular array of num_slots slots. The indices head, cur and tail run from 0 to
 * num_slots - 1 and wrap:
 *
 *	head .. tail - 1	belong to the program. Receive: packets that arrived.
 *				Transmit: room for new packets.
 *	tail .. head - 1	belong to the framework.
 *
 * The program advances head over what it has filled or consumed, which becomes true for
 * the framework at the next sync. cur is at or after head, and is the wakeup point: poll
 * reports the ring when tail moves beyond cur. Only the framework writes tail. An index
 * out of place makes the sync fail (EINVAL) and puts the ring back to its initial state.
 *
 * The fields that are const here are set once, when the port is registered.
 */
struct netmap_ring {
	const int64_t buf_ofs;	    /* from this struct to buffer 0, in bytes */
	const uint32_t num_slots;   /* number of slots in the ring */
	const uint32_t nr_buf_size; /* from one buffer to the next; the most it holds */
	const uint16_t ringid;	    /* index of the ring among those of its direction */
	const uint16_t dir;	    /* 0: transmit, 1: receive */

	uint32_t head; /* (program) first slot that the program owns */
	uint32_t cur;  /* (program) wakeup point */
	uint32_t tail; /* (framework) first slot that the framework owns */

	uint32_t flags; /* (program) NR_TIMESTAMP, NR_FORWARD */
	NM_TIMEVAL ts;	/* (framework) time of the last sync, if NR_TIMESTAMP */

	const uint64_t offset_mask; /* bits of slot->ptr that hold an offset */
	const uint64_t buf_align;   /* alignment that payloads must keep, 0: any */

	/* Opaque room for the host's locks. */
	uint8_t sem[128] __attribute__((__aligned__(NM_CACHE_ALIGN)));

	struct netmap_slot slot[];
};

/* Ring flags. */
#define NR_TIMESTAMP 0x0002 /* set ts on every sync */
#define NR_FORWARD   0x0004 /* move packets with NS_FORWARD between host and NIC */

/*
 * ---- Interfaces ------------------------------------------------------------------
 *
 * The view that one binding has of a port. ring_ofs[] holds the distance in bytes of each
 * ring from this struct, or 0 for a ring that the binding does not include:
 *
 *	transmit rings 0 .. ni_tx_rings - 1, then the host's ni_host_tx_rings,
 *	receive rings 0 .. ni_rx_rings - 1, then the host's ni_host_rx_rings.
 *
 * ni_bufs_head is the first of the extra buffers asked for with nr_extra_bufs: the first
 * four bytes of each hold the index of the next one, 0 ends the list. At close, the
 * framework takes back the list that it finds here.
 */
struct netmap_if {
	char ni_name[NM_IFNAMSIZ]; /* name of the port, cut to fit */
	const uint32_t ni_version; /* NETMAP_API */
	const uint32_t ni_flags;   /* NI_* */
	const uint32_t ni_tx_rings;
	const uint32_t ni_rx_rings;
	uint32_t ni_bufs_head; /* (program) list of extra buffers */
	const uint32_t ni_host_tx_rings;
	const uint32_t ni_host_rx_rings;
	uint32_t ni_spare1[3];
	const ssize_t ring_ofs[];
};

/* The memory of this port is shared with no other port. */
#define NI_PRIV_MEM 0x1

/*
 * ---- Requests --------------------------------------------------------------------
 *
 * ioctl(fd, NIOCCTRL, &hdr). The header names the port, and points to a body, whose type
 * follows from nr_reqtype, and to a list of options. Pointers travel as 64-bit integers
 * so that the layout is the same in 32-bit programs. Everything reserved must be zero.
 *
 * Names: "eth0" (NIC), "valeX:port" (VALE), "x{id" and "x}id" (the two ends of a pipe).
 * The terminating zero must be there.
 */
#define NETMAP_REQ_IFNAMSIZ 64

struct nmreq_header {
	uint16_t nr_version;		   /* NETMAP_API */
	uint16_t nr_reqtype;		   /* NETMAP_REQ_* */
	uint32_t nr_reserved;		   /* 0 */
	char nr_name[NETMAP_REQ_IFNAMSIZ]; /* port name */
	uint64_t nr_options;		   /* address of a struct nmreq_option, or 0 */
	uint64_t nr_body;		   /* address of the body, or 0 */
};

enum {
	NETMAP_REQ_REGISTER = 1,	 /* struct nmreq_register */
	NETMAP_REQ_PORT_INFO_GET,	 /* struct nmreq_port_info_get */
	NETMAP_REQ_VALE_ATTACH,		 /* struct nmreq_vale_attach */
	NETMAP_REQ_VALE_DETACH,		 /* struct nmreq_vale_detach */
	NETMAP_REQ_VALE_LIST,		 /* struct nmreq_vale_list */
	NETMAP_REQ_PORT_HDR_SET,	 /* struct nmreq_port_hdr */
	NETMAP_REQ_PORT_HDR_GET,	 /* struct nmreq_port_hdr */
	NETMAP_REQ_VALE_NEWIF,		 /* struct nmreq_vale_newif */
	NETMAP_REQ_VALE_DELIF,		 /* no body */
	NETMAP_REQ_VALE_POLLING_ENABLE,	 /* struct nmreq_vale_polling */
	NETMAP_REQ_VALE_POLLING_DISABLE, /* struct nmreq_vale_polling */
	NETMAP_REQ_POOLS_INFO_GET,	 /* struct nmreq_pools_info */
	NETMAP_REQ_SYNC_KLOOP_START,	 /* struct nmreq_sync_kloop_start */
	NETMAP_REQ_SYNC_KLOOP_STOP,	 /* no body */
	NETMAP_REQ_CSB_ENABLE,		 /* no body; needs the option OPT_CSB */
};

/* Header, body, and all options of one request together: at most this many bytes. */
#define NETMAP_REQ_MAXSIZE 4096

/*
 * Common start of every option. After the call, nro_status of each option tells what
 * became of it: 0 done, EOPNOTSUPP not known to the request, or what was wrong with it.
 * nro_size is the number of bytes after this struct for options whose type does not give
 * it.
 */
struct nmreq_option {
	uint64_t nro_next;    /* address of the next option, or 0 */
	uint32_t nro_reqtype; /* NETMAP_REQ_OPT_* */
	uint32_t nro_status;  /* (out) 0 or an errno value */
	uint64_t nro_size;
};

enum {
	NETMAP_REQ_OPT_EXTMEM = 1,	    /* struct nmreq_opt_extmem */
	NETMAP_REQ_OPT_SYNC_KLOOP_EVENTFDS, /* struct nmreq_opt_sync_kloop_eventfds */
	NETMAP_REQ_OPT_CSB,		    /* struct nmreq_opt_csb */
	NETMAP_REQ_OPT_SYNC_KLOOP_MODE,	    /* struct nmreq_opt_sync_kloop_mode */
	NETMAP_REQ_OPT_OFFSETS,		    /* struct nmreq_opt_offsets */
	NETMAP_REQ_OPT_MAX,		    /* one more than the last */
};

/*
 * NETMAP_REQ_REGISTER: bind the descriptor to (rings of) a port. Fields marked (io) are
 * wishes on the way in, where 0 means "whatever the port has", and facts on the way out.
 */
struct nmreq_register {
	uint64_t nr_offset;	   /* (out) of the netmap_if in the region */
	uint64_t nr_memsize;	   /* (out) bytes to map */
	uint32_t nr_tx_slots;	   /* (io) slots of a transmit ring */
	uint32_t nr_rx_slots;	   /* (io) slots of a receive ring */
	uint16_t nr_tx_rings;	   /* (io) transmit rings */
	uint16_t nr_rx_rings;	   /* (io) receive rings */
	uint16_t nr_host_tx_rings; /* (io) rings towards the host's stack */
	uint16_t nr_host_rx_rings; /* (io) rings from the host's stack */
	uint16_t nr_mem_id;	   /* (io) memory region; ports of one id share it */
	uint16_t nr_ringid;	   /* ring of NR_REG_ONE_NIC and NR_REG_ONE_SW */
	uint32_t nr_mode;	   /* NR_REG_* */
	uint32_t nr_extra_bufs;	   /* (io) buffers wanted beyond those of the rings */
	uint64_t nr_flags;	   /* NR_* below */
};

/* Which rings a binding includes. */
enum {
	NR_REG_DEFAULT = 0,	/* only in struct nmreq: nr_ringid decides */
	NR_REG_ALL_NIC = 1,	/* all rings of the NIC (or VALE port, pipe) */
	NR_REG_SW = 2,		/* the host rings */
	NR_REG_NIC_SW = 3,	/* both */
	NR_REG_ONE_NIC = 4,	/* the pair nr_ringid of the NIC */
	NR_REG_PIPE_MASTER = 5, /* old way to name the x{id end of pipe nr_ringid */
	NR_REG_PIPE_SLAVE = 6,	/* old way to name the x}id end of pipe nr_ringid */
	NR_REG_NULL = 7,	/* memory only, no ring */
	NR_REG_ONE_SW = 8,	/* the pair nr_ringid of the host */
};

/* nr_flags of a register request. NR_REG_MASK: struct nmreq has the mode in the same
 * word. */
#define NR_REG_MASK	   0xf
#define NR_MONITOR_TX	   0x100   /* receive a copy of what the port transmits */
#define NR_MONITOR_RX	   0x200   /* receive a copy of what the port receives */
#define NR_ZCOPY_MON	   0x400   /* monitor between port and program, without copies */
#define NR_EXCLUSIVE	   0x800   /* refuse (EBUSY) any other binding of these rings */
#define NR_RX_RINGS_ONLY   0x2000  /* no transmit rings */
#define NR_TX_RINGS_ONLY   0x4000  /* no receive rings */
#define NR_ACCEPT_VNET_HDR 0x8000  /* the program copes with a virtio-net header */
#define NR_DO_RX_POLL	   0x10000 /* poll() receives even if not asked for POLLIN */
#define NR_NO_TX_POLL	   0x20000 /* poll() does not transmit unless asked for POLLOUT */

/* NETMAP_REQ_PORT_INFO_GET: what a port has, without binding to it. */
struct nmreq_port_info_get {
	uint64_t nr_memsize;	   /* (out) size of the region */
	uint32_t nr_tx_slots;	   /* (out) */
	uint32_t nr_rx_slots;	   /* (out) */
	uint16_t nr_tx_rings;	   /* (out) */
	uint16_t nr_rx_rings;	   /* (out) */
	uint16_t nr_host_tx_rings; /* (out) */
	uint16_t nr_host_rx_rings; /* (out) */
	uint16_t nr_mem_id;	   /* (io) 0: the port's own */
	uint16_t pad[3];
};

/*
 * NETMAP_REQ_VALE_ATTACH: make the NIC of "valeX:eth0" a port of the switch. nr_mode of
 * the registration tells whether its host rings become one too: NR_REG_ALL_NIC or
 * NR_REG_NIC_SW.
 */
struct nmreq_vale_attach {
	struct nmreq_register reg; /* as for a registration of the NIC */
	uint32_t port_index;	   /* (out) index of the port in the switch */
	uint32_t pad1;
};

/* NETMAP_REQ_VALE_DETACH: undo the attach. */
struct nmreq_vale_detach {
	uint32_t port_index; /* (out) index that it had */
	uint32_t pad1;
};

/*
 * NETMAP_REQ_VALE_LIST. With a name in the header: where is this port? With none: the
 * first port at or after (nr_bridge_idx, nr_port_idx), its name in the header; ENOENT at
 * the end.
 */
struct nmreq_vale_list {
	uint16_t nr_bridge_idx; /* (io) */
	uint16_t pad1;
	uint32_t nr_port_idx; /* (io) */
};

/* NETMAP_REQ_PORT_HDR_SET, _GET: length of the virtio-net header before each packet. */
struct nmreq_port_hdr {
	uint32_t nr_hdr_len; /* 0, 10 or 12 bytes */
	uint32_t pad1;
};

/* NETMAP_REQ_VALE_NEWIF: create a port that persists without a program. 0: default. */
struct nmreq_vale_newif {
	uint32_t nr_tx_slots;
	uint32_t nr_rx_slots;
	uint16_t nr_tx_rings;
	uint16_t nr_rx_rings;
	uint16_t nr_mem_id; /* (io) */
	uint16_t pad1;
};

/* NETMAP_REQ_VALE_POLLING_ENABLE, _DISABLE: threads that poll an attached NIC. */
struct nmreq_vale_polling {
	uint32_t nr_mode;	  /* NETMAP_POLLING_MODE_* */
	uint32_t nr_first_cpu_id; /* rings are given to CPUs from this one on */
	uint32_t nr_num_polling_cpus;
	uint32_t pad1;
};

#define NETMAP_POLLING_MODE_SINGLE_CPU 1 /* one CPU polls all rings */
#define NETMAP_POLLING_MODE_MULTI_CPU  2 /* a ring pair per CPU */

/*
 * NETMAP_REQ_POOLS_INFO_GET: the layout of a region. Three pools of objects of equal
 * size, each at an offset (bytes) from the start of the region.
 */
struct nmreq_pools_info {
	uint64_t nr_memsize; /* (out) bytes of the whole region */
	uint16_t nr_mem_id;  /* (io) 0: the region of the named port */
	uint16_t pad1[3];
	uint64_t nr_if_pool_offset;   /* pool of struct netmap_if */
	uint32_t nr_if_pool_objtotal; /* objects */
	uint32_t nr_if_pool_objsize;  /* bytes of each */
	uint64_t nr_ring_pool_offset; /* pool of rings, with their slots */
	uint32_t nr_ring_pool_objtotal;
	uint32_t nr_ring_pool_objsize;
	uint64_t nr_buf_pool_offset; /* pool of buffers */
	uint32_t nr_buf_pool_objtotal;
	uint32_t nr_buf_pool_objsize;
};

/*
 * NETMAP_REQ_SYNC_KLOOP_START: the calling thread stays in the framework and syncs the
 * rings of this binding, which the program drives through the CSB, until _STOP comes from
 * another thread or the descriptor is closed. Needs a CSB (OPT_CSB at registration or
 * CSB_ENABLE).
 */
struct nmreq_sync_kloop_start {
	uint32_t sleep_us; /* pause between rounds, if without eventfds */
	uint32_t pad1;
};

/*
 * ---- The CSB: ring indices outside the ring ----------------------------------------
 *
 * Arrays with one entry per ring (transmit rings first), in memory of the program. While
 * it is in use, head, cur and tail of the rings themselves have no meaning. One array for
 * each direction, so that each side has its own cache lines to write.
 */
struct nm_csb_atok { /* program to framework */
	uint32_t head;
	uint32_t cur;
	uint32_t appl_need_kick; /* the program sleeps: wake it on progress */
	uint32_t sync_flags;	 /* flags for the sync; 0 */
	uint32_t pad[12];
};

struct nm_csb_ktoa {		 /* framework to program */
	uint32_t hwcur;		 /* first slot that is not taken up yet */
	uint32_t hwtail;	 /* what tail is in a ring */
	uint32_t kern_need_kick; /* the framework sleeps: kick it on progress */
	uint32_t pad[13];
};

/* The option for NETMAP_REQ_REGISTER and NETMAP_REQ_CSB_ENABLE. */
struct nmreq_opt_csb {
	struct nmreq_option nro_opt;
	uint64_t csb_atok; /* address of an array of struct nm_csb_atok */
	uint64_t csb_ktoa; /* address of an array of struct nm_csb_ktoa */
};

/* For SYNC_KLOOP_START: a pair of event descriptors for every ring, in the CSB's order.
 */
struct nmreq_opt_sync_kloop_eventfds {
	struct nmreq_option nro_opt; /* nro_size counts the array too */
	struct {
		int32_t ioeventfd; /* the program signals the loop; -1: none */
		int32_t irqfd;	   /* the loop signals the program; -1: none */
	} eventfds[];
};

/* For SYNC_KLOOP_START: sync in the context of whoever kicks, instead of in the loop. */
struct nmreq_opt_sync_kloop_mode {
	struct nmreq_option nro_opt;
#define NM_OPT_SYNC_KLOOP_DIRECT_TX 0x1
#define NM_OPT_SYNC_KLOOP_DIRECT_RX 0x2
	uint32_t mode;
};

/*
 * For REGISTER: use memory of the program, mapped before at nro_usrptr, as the region.
 * nro_info tells its size and how to divide it (zeros: the framework decides), and comes
 * back with what was made of it.
 */
struct nmreq_opt_extmem {
	struct nmreq_option nro_opt;
	uint64_t nro_usrptr;		  /* address, on a page boundary */
	struct nmreq_pools_info nro_info; /* (io) */
};

/*
 * For REGISTER: payloads may start anywhere in the buffer, at the offset (bytes) that
 * each slot holds in the bits of `ptr` that offset_mask of the ring selects.
 */
struct nmreq_opt_offsets {
	struct nmreq_option nro_opt;
	uint64_t nro_max_offset;     /* (io) largest offset that will be used */
	uint64_t nro_initial_offset; /* offset that all slots have at first */
	uint32_t nro_offset_bits;    /* (io) bits of ptr to use; 0: all */
	uint32_t nro_tx_align;	     /* alignment that payloads will have; 0: any */
	uint64_t nro_min_gap;	     /* payloads have at least this much room */
};

/*
 * ---- Legacy requests -------------------------------------------------------------
 *
 * NIOCREGIF and NIOCGINFO of programs older than NIOCCTRL. nr_cmd selects VALE commands;
 * nr_flags holds NR_REG_* and NR_*; nr_ringid a ring number together with the flags
 * below.
 */
struct nmreq {
	char nr_name[NM_IFNAMSIZ];
	uint32_t nr_version;  /* NETMAP_API */
	uint32_t nr_offset;   /* (out) of the netmap_if in the region */
	uint32_t nr_memsize;  /* (out) bytes to map */
	uint32_t nr_tx_slots; /* (io) */
	uint32_t nr_rx_slots; /* (io) */
	uint16_t nr_tx_rings; /* (io) */
	uint16_t nr_rx_rings; /* (io) */

	uint16_t nr_ringid;	 /* ring number | the flags below */
#define NETMAP_HW_RING	  0x4000 /* only the ring pair of that number */
#define NETMAP_SW_RING	  0x2000 /* only the host rings */
#define NETMAP_RING_MASK  0x0fff /* the number */
#define NETMAP_NO_TX_POLL 0x1000 /* as NR_NO_TX_POLL */
#define NETMAP_DO_RX_POLL 0x8000 /* as NR_DO_RX_POLL */

	uint16_t nr_cmd;	/* 0: register, or */
#define NETMAP_BDG_ATTACH     1 /* attach the NIC to the switch */
#define NETMAP_BDG_DETACH     2
#define NETMAP_BDG_REGOPS     3 /* inside the kernel only */
#define NETMAP_BDG_LIST	      4 /* ask for the place of ports in switches */
#define NETMAP_BDG_VNET_HDR   5 /* set the virtio-net header length: nr_arg1 */
#define NETMAP_BDG_NEWIF      6 /* create a persistent port */
#define NETMAP_BDG_DELIF      7 /* destroy it */
#define NETMAP_PT_HOST_CREATE 8 /* retired: EOPNOTSUPP */
#define NETMAP_PT_HOST_DELETE 9 /* retired: EOPNOTSUPP */
/*
 * Threads that poll the attached interface. nr_flags: NR_REG_ALL_NIC, one CPU polls all
 * rings, or NR_REG_ONE_NIC, a ring pair per CPU; nr_ringid: the first CPU; nr_arg1 (io):
 * how many of them, 0: as many as there are rings.
 */
#define NETMAP_BDG_POLLING_ON  10
#define NETMAP_BDG_POLLING_OFF 11
#define NETMAP_VNET_HDR_GET    12 /* ask for the virtio-net header length */

	uint16_t nr_arg1;  /* depends on nr_cmd; for BDG_ATTACH: */
#define NETMAP_BDG_HOST 1  /* attach the host rings of the NIC too */
	uint16_t nr_arg2;  /* (io) memory region (nr_mem_id) */
	uint32_t nr_arg3;  /* (io) extra buffers */
	uint32_t nr_flags; /* NR_REG_* | NR_* */
	uint32_t spare2[1];
};

/* NIOCCONFIG: opaque words for the code that runs a switch. */
#define NM_IFRDATA_LEN 256

struct nm_ifreq {
	char nifr_name[NM_IFNAMSIZ];
	char data[NM_IFRDATA_LEN];
};

/*
 * ---- System calls ----------------------------------------------------------------
 *
 * NIOCTXSYNC	make head and cur of all bound transmit rings known, send, update tail
 * NIOCRXSYNC	give back the slots before head of all bound receive rings, take in what
 *		has arrived, update tail
 *
 * Neither blocks. Both take no argument. EINVAL: a ring index was out of place, and the
 * ring has been reset; ENXIO: nothing is bound to the descriptor, or the port is gone.
 */
#define NIOCGINFO  _IOWR('i', 145, struct nmreq)
#define NIOCREGIF  _IOWR('i', 146, struct nmreq)
#define NIOCTXSYNC _IO('i', 148)
#define NIOCRXSYNC _IO('i', 149)
#define NIOCCONFIG _IOWR('i', 150, struct nm_ifreq)
#define NIOCCTRL   _IOWR('i', 151, struct nmreq_header)

#ifndef __KERNEL__
/*
 * The program's two accesses to the CSB. cur goes before head, head is released last: the
 * framework loads head first (acquire) and so never sees a head beyond the cur it reads
 * next, nor slots that are not filled yet. The same in the other direction for hwcur and
 * hwtail: hwtail first, since slots up to it are valid once it has been seen.
 */
static inline void nm_sync_kloop_appl_write(struct nm_csb_atok *atok, uint32_t cur, uint32_t head)
{
	__atomic_store_n(&atok->cur, cur, __ATOMIC_RELAXED);
	__atomic_store_n(&atok->head, head, __ATOMIC_RELEASE);
}

static inline void nm_sync_kloop_appl_read(struct nm_csb_ktoa *ktoa, uint32_t *hwtail,
					   uint32_t *hwcur)
{
	*hwtail = __atomic_load_n(&ktoa->hwtail, __ATOMIC_ACQUIRE);
	*hwcur = __atomic_load_n(&ktoa->hwcur, __ATOMIC_RELAXED);
}
#endif

#ifdef __cplusplus
}
#endif

#endif /* NET_NETMAP_H */
