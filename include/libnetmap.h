/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libnetmap: open a port by name and get at its rings, on whatever host there is.
 *
 *	struct nmport_d *d = nmport_open("netmap:eth0");
 *	struct pollfd fds = { .fd = d->fd, .events = POLLIN };
 *
 *	while (nmhost_poll(&fds, 1, -1) >= 0)
 *		for (i = d->first_rx_ring; i <= d->last_rx_ring; i++)
 *			drain(NETMAP_RXRING(d->nifp, i));
 *	nmport_close(d);
 *
 * Names of ports (portspec):
 *
 *	SUBSYSTEM:PORT[MODE][OPTIONS]
 *
 *	SUBSYSTEM  netmap, or valeX, where X names the switch and may be empty
 *	PORT       letters, digits, '_', '.', '-'; the ends of a pipe: PORT{ID, PORT}ID
 *	MODE       any of these, in this order:
 *	  ^ or ^N    the host rings, or the pair N of them
 *	  *          the NIC rings and the host rings
 *	  -N         the pair N of the NIC rings
 *	  @N         memory region N
 *	  /LETTERS   x exclusive; z zero-copy monitor; t, r monitor of what is sent,
 *	             received; R only receive rings; T only transmit rings
 *	OPTIONS    each begins with '@' and a letter:
 *	  @share=SUBSYSTEM:PORT
 *	             in the memory region of that port
 *	  @conf:rings=N,...
 *	             number of rings and slots, for ports that this creates. Keys: rings,
 *	             tx-rings, rx-rings, host-rings, host-tx-rings, host-rx-rings, slots,
 *	             tx-slots, rx-slots; @conf=N means rings. The longer the name, the
 *	             more it counts. 0 or nothing: as the host likes
 *	  @extmem:file=PATH,...
 *	             in memory mapped from a file. Keys: file, if-num, if-size, ring-num,
 *	             ring-size, buf-num, buf-size; @extmem=PATH means file
 *	  @offset:initial=N,bits=N
 *	             payloads begin N bytes into the buffer, as the low `bits` bits of
 *	             slot->ptr (all if not given) tell; @offset=N means initial. Off until
 *	             the program says nmport_enable_option("offset"): it must honour them
 *
 * A name like br-1 could mean ring pair 1 of br: that is how it is read. Write br-1-0 for
 * pair 0 of br-1, or br-1^ and br-1*, which leave no doubt.
 *
 * Errors: functions that return int return 0, or -1 with errno set; those that return a
 * pointer return NULL with errno set. One line that says what was wrong goes to the error
 * callback of the context, see struct nmctx. After an error, the arguments are unchanged.
 *
 * Threads: ports are independent of each other; one port is used by one thread at a time,
 * except that its rings may be given to threads one by one. The nmhost_ calls are safe
 * from any thread.
 */
#ifndef LIBNETMAP_H
#define LIBNETMAP_H

#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <net/netmap_user.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The library is built with hidden symbols; what is declared here is its interface. */
#pragma GCC visibility push(default)

struct nmctx;
struct nmem_d;
struct nmport_cleanup_d;

/* ---- Ports ------------------------------------------------------------------------- */

/*
 * A port. hdr and reg are the request; a program may change them between nmport_prepare()
 * and nmport_open_desc(), for instance to ask for extra buffers. The rest is for reading.
 */
struct nmport_d {
	struct nmreq_header hdr;
	struct nmreq_register reg;

	struct nmem_d *mem; /* equal in two ports: buffers can be exchanged */
	struct nmctx *ctx;  /* the default context when this was created */

	int register_done;
	int mmap_done;
	struct nmreq_opt_extmem *extmem; /* the option, if there is one */

	int fd; /* for the nmhost_ calls; -1 if not registered */
	struct netmap_if *nifp;
	uint16_t first_tx_ring; /* first to last; none if last < first */
	uint16_t last_tx_ring;
	uint16_t first_rx_ring;
	uint16_t last_rx_ring;
	uint16_t cur_tx_ring; /* where nmport_inject() goes on */
	uint16_t cur_rx_ring;

	struct nmport_cleanup_d *clist; /* what nmport_undo_parse() has to undo */
};

/* Opens: nmport_prepare() and nmport_open_desc(). Closes. NULL is fine for the latter. */
struct nmport_d *nmport_open(const char *portspec);
void nmport_close(struct nmport_d *d);

/*
 * Copies a packet into the next transmit ring with room for it, several slots if it must
 * be. It leaves at the next poll or NIOCTXSYNC. EAGAIN: no room; EMSGSIZE: no ring could
 * ever hold it; EINVAL: no transmit ring, or no data.
 */
int nmport_inject(struct nmport_d *d, const void *buf, size_t size);

/*
 * The same in steps. Each has its undo, to be called in the opposite order:
 *
 *	nmport_open  = nmport_prepare   = nmport_new      undone by  nmport_delete
 *	                                + nmport_parse               nmport_undo_parse
 *	             + nmport_open_desc = nmport_register            nmport_undo_register
 *	                                + nmport_mmap                nmport_undo_mmap
 */
struct nmport_d *nmport_prepare(const char *portspec);
int nmport_open_desc(struct nmport_d *d);
void nmport_undo_prepare(struct nmport_d *d);
void nmport_undo_open_desc(struct nmport_d *d);

struct nmport_d *nmport_new(void);
int nmport_parse(struct nmport_d *d, const char *portspec);
int nmport_register(struct nmport_d *d);
int nmport_mmap(struct nmport_d *d);
void nmport_delete(struct nmport_d *d);
void nmport_undo_parse(struct nmport_d *d);
void nmport_undo_register(struct nmport_d *d);
void nmport_undo_mmap(struct nmport_d *d);

/*
 * A new port, prepared like d but not open, without d's options. Of a registered port, it
 * is in the same memory region. With extmem, d must be registered (EINVAL).
 */
struct nmport_d *nmport_clone(struct nmport_d *d);

/*
 * Memory of the program (size bytes at base, on a page boundary; or a file, mapped
 * shared) instead of the host's. Between nmport_prepare() and nmport_open_desc(). The
 * memory must stay until the port, and its clones, are closed; a file is unmapped by the
 * library.
 */
int nmport_extmem(struct nmport_d *d, void *base, size_t size);
int nmport_extmem_from_file(struct nmport_d *d, const char *fname);

/* How that memory is to be divided, and after registration: is. NULL without extmem. */
struct nmreq_pools_info *nmport_extmem_getinfo(struct nmport_d *d);

/*
 * Packets begin `initial` bytes into their buffers, and never more than maxoff, which the
 * low `bits` bits (0: all) of slot->ptr hold; at least mingap bytes are left for the
 * packet. Between nmport_prepare() and nmport_open_desc().
 */
int nmport_offset(struct nmport_d *d, uint64_t initial, uint64_t maxoff, uint64_t bits,
		  uint64_t mingap);

/*
 * Refuse, or allow, an option of port names ("share", "conf", "extmem", "offset") in this
 * program. At its start: not for several threads. Enabling one that is unknown:
 * EOPNOTSUPP.
 */
void nmport_disable_option(const char *opt);
int nmport_enable_option(const char *opt);

/* ---- Requests ---------------------------------------------------------------------- */

/* Zeroes the header and sets version, type and body. */
void nmreq_header_init(struct nmreq_header *hdr, uint16_t reqtype, void *body);

/*
 * The two parts of a port name. Each reads from *spec, fills its struct (only nr_name;
 * only nr_mode, nr_ringid, nr_flags, nr_mem_id) and moves *spec past what it has read: to
 * MODE; to OPTIONS or the end. They depend on nothing but their arguments. EINVAL.
 */
int nmreq_header_decode(const char **spec, struct nmreq_header *hdr, struct nmctx *ctx);
int nmreq_register_decode(const char **spec, struct nmreq_register *reg, struct nmctx *ctx);

/* How the options of a name are read; programs may have some of their own. */
struct nmreq_parse_ctx;
typedef int (*nmreq_opt_parser_cb)(struct nmreq_parse_ctx *pctx);

#define NMREQ_OPT_MAXKEYS 16

struct nmreq_opt_key {
	const char *key; /* its name */
	int id;		 /* its place in nmreq_parse_ctx.keys */
	unsigned int flags;
#define NMREQ_OPTK_ALLOWEMPTY (1U << 0) /* may come without "=value" */
#define NMREQ_OPTK_MUSTSET    (1U << 1) /* must be there */
#define NMREQ_OPTK_DEFAULT    (1U << 2) /* is meant by "option=value" */
};

struct nmreq_opt_parser {
	const char *prefix; /* name of the option */
	nmreq_opt_parser_cb parse;
	int default_key; /* id meant by "option=value", -1: none */
	int nr_keys;
	unsigned int flags;
#define NMREQ_OPTF_DISABLED   (1U << 0) /* refuse it */
#define NMREQ_OPTF_ALLOWEMPTY (1U << 1) /* may come without any value */
	struct nmreq_opt_parser *next;
	struct nmreq_opt_key keys[NMREQ_OPT_MAXKEYS];
} __attribute__((__aligned__(16)));

struct nmreq_parse_ctx {
	struct nmctx *ctx;
	void *token;			     /* as given to nmreq_options_decode() */
	const char *keys[NMREQ_OPT_MAXKEYS]; /* values by id, NULL if not given; they are
						gone when the callback returns */
};

/*
 * Reads "@option...@option..." to its end, and calls the parser of each. What parsers
 * have done before one fails stays done. EINVAL, EOPNOTSUPP (unknown or disabled),
 * ENOMEM, or what the parser sets.
 */
int nmreq_options_decode(const char *opt, struct nmreq_opt_parser *parsers, void *token,
			 struct nmctx *ctx);

/*
 * The memory region of the port at *portname (SUBSYSTEM:PORT...), which is moved past it.
 * -1 and errno on failure. Asks the host.
 */
int32_t nmreq_get_mem_id(const char **portname, struct nmctx *ctx);

/*
 * The list of options of a header. Push puts one at the front; remove takes it out, if it
 * is there; find returns the first of a type. free takes out all and frees them with the
 * default context: only for options that came from its malloc. name: "extmem", "csb", ...
 */
void nmreq_push_option(struct nmreq_header *hdr, struct nmreq_option *opt);
void nmreq_remove_option(struct nmreq_header *hdr, struct nmreq_option *opt);
struct nmreq_option *nmreq_find_option(struct nmreq_header *hdr, uint32_t reqtype);
void nmreq_free_options(struct nmreq_header *hdr);
const char *nmreq_option_name(uint32_t reqtype);

#define nmreq_foreach_option(hdr, opt)                                                   \
	for ((opt) = (struct nmreq_option *)(uintptr_t)(hdr)->nr_options; (opt) != NULL; \
	     (opt) = (struct nmreq_option *)(uintptr_t)(opt)->nro_next)

/* ---- Contexts ---------------------------------------------------------------------- */

/*
 * What the library uses of its surroundings. There is a default one: messages to stderr,
 * malloc and free of the C library, a mutex. A program that wants it otherwise fills in
 * one of its own, leaving NULL what it does not mind, and makes it the default.
 *
 * The context of a port is the one that was the default at its creation. Ports of one
 * context that are in the same memory region share one mapping.
 */
typedef void (*nmctx_error_cb)(struct nmctx *ctx, const char *msg);
typedef void *(*nmctx_malloc_cb)(struct nmctx *ctx, size_t size);
typedef void (*nmctx_free_cb)(struct nmctx *ctx, void *p);
typedef void (*nmctx_lock_cb)(struct nmctx *ctx, int lock); /* 1: lock, 0: unlock */

struct nmctx {
	int verbose;		  /* 0: no messages */
	nmctx_error_cb error;	  /* NULL: to stderr */
	nmctx_malloc_cb malloc;	  /* NULL: malloc(3) */
	nmctx_free_cb free;	  /* NULL: free(3) */
	nmctx_lock_cb lock;	  /* NULL: one thread uses this context */
	struct nmem_d *mem_descs; /* regions in use; NULL at first */
};

/* The default context; another one instead, returning the previous. Never NULL. */
struct nmctx *nmctx_get(void);
struct nmctx *nmctx_set_default(struct nmctx *ctx);

/*
 * Gives the default context a mutex if it has no lock. The library's own has one from the
 * start, whether or not LIBNETMAP_NOTHREADSAFE is defined.
 */
void nmctx_set_threadsafe(void);
extern int nmctx_threadsafe;

/* For those who write to the same context: a message, memory, and the lock. */
void nmctx_ferror(struct nmctx *ctx, const char *fmt, ...)
	__attribute__((__format__(__printf__, 2, 3)));
void *nmctx_malloc(struct nmctx *ctx, size_t size);
void nmctx_free(struct nmctx *ctx, void *p);
void nmctx_lock(struct nmctx *ctx);
void nmctx_unlock(struct nmctx *ctx);

/* A memory region in use by this process. */
struct nmem_d {
	uint16_t mem_id;
	int refcount; /* registered ports in it */
	void *mem;    /* NULL if none has mapped it yet */
	size_t size;
	int is_extmem;
	struct nmem_d *next; /* circular */
	struct nmem_d *prev;
};

/* ---- The host: one set of calls for every host ------------------------------------- */

/*
 * Where ports live: in the kernel (/dev/netmap), in a daemon (netmapd), or in this very
 * process. The first call chooses: /dev/netmap if it exists, else the daemon; NETMAP_HOST
 * in the environment (kernel, daemon, embedded) forces one. The choice holds for the life
 * of the process. These calls work on all of them, as the system calls that they are
 * named after do on the first: same arguments, same results, same errno.
 *
 * They take any descriptor; on one that did not come from nmhost_open(), they are the
 * system calls. As there, a descriptor must not be closed while another thread uses it.
 */
int nmhost_open(void);
int nmhost_ioctl(int fd, unsigned long request, void *arg);
void *nmhost_mmap(int fd, size_t len);
int nmhost_poll(struct pollfd *fds, nfds_t n, int timeout_ms);
int nmhost_close(int fd);

/*
 * For an event loop that cannot be built on nmhost_poll(): a descriptor of the system's
 * that select(2), poll(2) and epoll(7) can wait for, owned by the host: not to be read or
 * closed. nmhost_arm() does what poll does without waiting; if it returns 0 (no event),
 * the descriptor becomes readable when it is time to ask again. Hosts may have another
 * descriptor for each thread: it is the one of the thread that armed.
 */
int nmhost_wakefd(int fd);
int nmhost_arm(int fd, int events);

/* "kernel", "daemon" or "embedded". NULL and errno if NETMAP_HOST names something else.
 */
const char *nmhost_name(void);

/*
 * One line about the last call that failed on fd, or "" if the host has nothing to add to
 * errno. For fd -1, about the last nmhost_open() of this thread.
 */
const char *nmhost_strerror(int fd);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif /* LIBNETMAP_H */
