/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * netmap for programs: from offsets to pointers, how full a ring is, and, for programs
 * that define NETMAP_WITH_LIBS before they include this, the nm_open() family. Everything
 * is inline: no library to link.
 *
 * A receiver:
 *
 *	#define NETMAP_WITH_LIBS
 *	#include <net/netmap_user.h>
 *
 *	struct nm_desc *d = nm_open("netmap:eth0", NULL, 0, NULL);
 *	struct pollfd fds = { .fd = NETMAP_FD(d), .events = POLLIN };
 *	struct nm_pkthdr h;
 *	const unsigned char *buf;
 *
 *	for (;;) {
 *		poll(&fds, 1, -1);
 *		while ((buf = nm_nextpkt(d, &h)))
 *			consume(buf, h.len);
 *	}
 *
 * or, straight on the ring:
 *
 *	struct netmap_ring *ring = NETMAP_RXRING(d->nifp, d->first_rx_ring);
 *
 *	while (!nm_ring_empty(ring)) {
 *		struct netmap_slot *slot = &ring->slot[ring->head];
 *
 *		consume(NETMAP_BUF_OFFSET(ring, slot), slot->len);
 *		ring->head = ring->cur = nm_ring_next(ring, ring->head);
 *	}
 *
 * New programs better use <libnetmap.h>, whose ports work without a device too.
 */
#ifndef NET_NETMAP_USER_H
#define NET_NETMAP_USER_H

#include <stdint.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <net/if.h>
#include <net/netmap.h>

#define NETMAP_DEVICE_NAME "/dev/netmap"

#ifndef likely
#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- From offsets to pointers ------------------------------------------------------ */

#define _NETMAP_OFFSET(type, ptr, offset) ((type)(void *)((char *)(ptr) + (offset)))

/* The netmap_if at offset ofs (nr_offset of the registration) of the mapped region. */
#define NETMAP_IF(base, ofs) _NETMAP_OFFSET(struct netmap_if *, base, ofs)

/* Ring i of an interface. The host's rings follow those of the NIC. */
#define NETMAP_TXRING(nifp, i) _NETMAP_OFFSET(struct netmap_ring *, nifp, (nifp)->ring_ofs[i])
#define NETMAP_RXRING(nifp, i)                     \
	_NETMAP_OFFSET(struct netmap_ring *, nifp, \
		       (nifp)->ring_ofs[(i) + (nifp)->ni_tx_rings + (nifp)->ni_host_tx_rings])

/* Buffer idx of the region that the ring lives in, and back. */
#define NETMAP_BUF(ring, idx) \
	((char *)(ring) + (ring)->buf_ofs + (size_t)(idx) * (ring)->nr_buf_size)
#define NETMAP_BUF_IDX(ring, buf) \
	((size_t)((char *)(buf) - ((char *)(ring) + (ring)->buf_ofs)) / (ring)->nr_buf_size)

/*
 * With the offsets option, where in its buffer the payload of a slot is: read it, set it,
 * and the address of the payload. Without the option, offset_mask is 0 and so is the
 * offset.
 */
#define NETMAP_ROFFSET(ring, slot) ((slot)->ptr & (ring)->offset_mask)
#define NETMAP_WOFFSET(ring, slot, offset)                                                       \
	do {                                                                                     \
		(slot)->ptr =                                                                    \
			((slot)->ptr & ~(ring)->offset_mask) | ((offset) & (ring)->offset_mask); \
	} while (0)
#define NETMAP_BUF_OFFSET(ring, slot) \
	(NETMAP_BUF(ring, (slot)->buf_idx) + NETMAP_ROFFSET(ring, slot))

/* ---- Rings ------------------------------------------------------------------------- */

/* The slot index after i. */
static inline uint32_t nm_ring_next(struct netmap_ring *ring, uint32_t i)
{
	return unlikely(i + 1 == ring->num_slots) ? 0 : i + 1;
}

/* How many slots from cur on belong to the program. */
static inline uint32_t nm_ring_space(struct netmap_ring *ring)
{
	uint32_t cur = ring->cur, tail = ring->tail;

	return tail - cur + (tail < cur ? ring->num_slots : 0);
}

/* Does no slot belong to the program? */
static inline int nm_ring_empty(struct netmap_ring *ring)
{
	return ring->head == ring->tail;
}

/*
 * Transmit rings: is something still on its way? A ring that has sent all leaves one slot
 * unused, the one before head, and that is where tail then is.
 */
static inline int nm_tx_pending(struct netmap_ring *ring)
{
	return nm_ring_next(ring, ring->tail) != ring->head;
}

/*
 * Copies a packet of len bytes. Short ones, whose length the compiler does not know, in
 * line: blocks of a fixed size, and a last one that ends at the last byte and may overlap
 * the one before; nothing outside is touched. From some hundred bytes on, memcpy() makes
 * up for the call with the widest registers that the CPU has.
 */
static inline void nm_pkt_copy(const void *src, void *dst, int len)
{
	const char *s = (const char *)src;
	char *d = (char *)dst;

	if (unlikely(len < 32 || len > 256)) {
		if (len > 0)
			memcpy(d, s, (size_t)len);
		return;
	}
	for (; len > 64; s += 64, d += 64, len -= 64)
		memcpy(d, s, 64);
	if (len >= 32) {
		memcpy(d, s, 32);
		memcpy(d + len - 32, s + len - 32, 32);
	} else {
		/* At least one whole block came before: reach back into it. */
		memcpy(d + len - 32, s + len - 32, 32);
	}
}

#ifdef __cplusplus
}
#endif

#ifdef NETMAP_WITH_LIBS
/*
 * ---- nm_open() and friends ---------------------------------------------------------
 *
 * After pcap_open_live() and its relatives. All calls on one descriptor come from one
 * thread at a time; descriptors are independent of each other.
 */
#include <errno.h>
#include <ctype.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Messages to stderr with time, function and line; RD() at most lps times a second. */
#ifndef D
#define ND(...) \
	do {    \
	} while (0)
#define D(fmt, ...)                                                                        \
	do {                                                                               \
		struct timeval nm_t_;                                                      \
		gettimeofday(&nm_t_, NULL);                                                \
		fprintf(stderr, "%03d.%06d %s [%d] " fmt "\n", (int)(nm_t_.tv_sec % 1000), \
			(int)nm_t_.tv_usec, __FUNCTION__, __LINE__, ##__VA_ARGS__);        \
	} while (0)
#endif
#ifndef RD
#define RD(lps, fmt, ...)                               \
	do {                                            \
		static long nm_sec_;                    \
		static int nm_count_;                   \
		struct timeval nm_now_;                 \
		gettimeofday(&nm_now_, NULL);           \
		if (nm_sec_ != (long)nm_now_.tv_sec) {  \
			nm_sec_ = (long)nm_now_.tv_sec; \
			nm_count_ = 0;                  \
		}                                       \
		if (nm_count_++ < (lps))                \
			D(fmt, ##__VA_ARGS__);          \
	} while (0)
#endif

struct nm_desc;

/* Begins like struct pcap_pkthdr. */
struct nm_pkthdr {
	struct timeval ts; /* of the ring: the time of the sync */
	uint32_t caplen;   /* bytes at buf */
	uint32_t len;	   /* bytes of the packet; more than caplen if fragmented */

	uint64_t flags;
#define NM_MORE_PKTS 1 /* nm_dispatch(): the next one is here already */
	struct nm_desc *d;
	struct netmap_slot *slot; /* (first) slot of the packet */
	uint8_t *buf;
};

/* As struct pcap_stat. */
struct nm_stat {
	unsigned int ps_recv;
	unsigned int ps_drop;
	unsigned int ps_ifdrop;
};

#define NM_ERRBUF_SIZE 512
#define MAXERRMSG      80

struct nm_desc {
	struct nm_desc *self; /* this struct, as a mark that it is one */
	int fd;
	void *mem; /* the region, NULL if not mapped */
	size_t memsize;
	int done_mmap; /* nm_close() unmaps it */
	struct netmap_if *nifp;
	uint16_t first_tx_ring, last_tx_ring, cur_tx_ring;
	uint16_t first_rx_ring, last_rx_ring, cur_rx_ring;
	struct nmreq req;     /* the request, and the answer */
	struct nm_pkthdr hdr; /* of the packet that nm_dispatch() delivers */

	/* NETMAP_BUF(some_ring, i) is right for every buffer of the region. */
	struct netmap_ring *some_ring;
	void *buf_start; /* buffer 0 */
	void *buf_end;	 /* end of the region */

	/* For the use of pcap-like layers. */
	int snaplen;
	int promisc;
	int to_ms;
	char *errbuf;
	uint32_t if_flags;
	uint32_t if_reqcap;
	uint32_t if_curcap;
	struct nm_stat st;
	char msg[NM_ERRBUF_SIZE];
};

#define P2NMD(p)	  ((struct nm_desc *)(p))
#define IS_NETMAP_DESC(d) ((d) && P2NMD(d)->self == P2NMD(d))
#define NETMAP_FD(d)	  (P2NMD(d)->fd)

typedef void (*nm_cb_t)(unsigned char *arg, const struct nm_pkthdr *hdr, const unsigned char *buf);

/* Flags of nm_open(). The low bits are NETMAP_NO_TX_POLL and NETMAP_DO_RX_POLL. */
enum {
	NM_OPEN_NO_MMAP = 0x040000,  /* map nothing, use the region of arg if it is the same */
	NM_OPEN_IFNAME = 0x080000,   /* name, ring and mode from arg->req, not from ifname */
	NM_OPEN_ARG1 = 0x100000,     /* nr_arg1 from arg->req */
	NM_OPEN_ARG2 = 0x200000,     /* nr_arg2 from arg->req */
	NM_OPEN_ARG3 = 0x400000,     /* nr_arg3 from arg->req */
	NM_OPEN_RING_CFG = 0x800000, /* numbers of rings and slots from arg->req */
};

static int nm_close(struct nm_desc *d);

/* What nm_parse() says when it fails; err has room for MAXERRMSG bytes, or is NULL. */
#define NM_PARSE_FAIL(err, ...)                                \
	do {                                                   \
		if (err)                                       \
			snprintf(err, MAXERRMSG, __VA_ARGS__); \
		errno = EINVAL;                                \
		return -1;                                     \
	} while (0)

/* A decimal number up to max. Moves *p past it. -1: there is none, or it is too large. */
static inline long nm_parse_number(const char **p, long max)
{
	const char *s = *p;
	long v = 0;

	if (!isdigit((unsigned char)*s))
		return -1;
	for (; isdigit((unsigned char)*s); s++) {
		v = v * 10 + (*s - '0');
		if (v > max)
			return -1;
	}
	*p = s;
	return v;
}

/*
 * Where the name at s (after the prefix) ends. A dash is part of the name, as in br-lan,
 * except as -NUMBER at the very end, which names a ring.
 */
static inline const char *nm_parse_name_end(const char *s)
{
	const char *end = s + strcspn(s, "*^/@"), *dash = end;

	if (*end == '*' || *end == '^')
		return end;
	while (dash > s && isdigit((unsigned char)dash[-1]))
		dash--;
	return dash < end && dash > s && dash[-1] == '-' ? dash - 1 : end;
}

/* netmap: or valeX: must come first. Returns what follows, NULL if there is no such
 * prefix. */
static inline const char *nm_parse_prefix(const char *ifname)
{
	const char *s;

	if (!strncmp(ifname, "netmap:", 7))
		return ifname + 7;
	if (strncmp(ifname, "vale", 4))
		return NULL;
	for (s = ifname + 4; isalnum((unsigned char)*s) || (*s && strchr("_.-", *s)); s++)
		;
	return *s == ':' ? s + 1 : NULL;
}

/* The name of the port, into req->nr_name. Moves *p to what follows it. */
static inline int nm_parse_port(const char **p, struct nmreq *req, char *err)
{
	const char *spec = *p, *port = nm_parse_prefix(spec), *name, *end, *s;
	size_t len;
	int pipes = 0;

	if (!port) {
		s = strchr(spec, ':');
		if (*spec == 'v' && s)
			NM_PARSE_FAIL(err, "%.20s: a switch port is valeX:PORT", spec);
		NM_PARSE_FAIL(err, "%.20s: did you mean netmap:%.20s?", spec, s ? s + 1 : spec);
	}
	name = *spec == 'n' ? port : spec;
	end = nm_parse_name_end(port);
	for (s = port; s < end; s++) {
		if (*s == '{' || *s == '}') {
			if (s == port || s + 1 == end || pipes++)
				NM_PARSE_FAIL(err, "%.30s: a pipe is PORT{ID or PORT}ID", spec);
		} else if (!isalnum((unsigned char)*s) && !strchr("_.-", *s)) {
			NM_PARSE_FAIL(err, "%.30s: '%c' in a port name", spec, *s);
		}
	}
	if (end == port)
		NM_PARSE_FAIL(err, "%.30s: no port name after the colon", spec);
	len = (size_t)(end - name);
	if (len >= sizeof(req->nr_name))
		NM_PARSE_FAIL(err, "%.30s: name has %d characters, limit %d", spec, (int)len,
			      (int)sizeof(req->nr_name) - 1);
	memset(req->nr_name, 0, sizeof(req->nr_name));
	memcpy(req->nr_name, name, len);
	*p = end;
	return 0;
}

/* The letters after a slash. Moves *p past them. */
static inline int nm_parse_flags(const char **p, uint32_t *flags, char *err)
{
	static const char letter[] = "xztrRT";
	static const uint32_t flag[] = { NR_EXCLUSIVE,	NR_ZCOPY_MON,	  NR_MONITOR_TX,
					 NR_MONITOR_RX, NR_RX_RINGS_ONLY, NR_TX_RINGS_ONLY };
	const char *s = *p;

	for (; *s && *s != '@' && *s != '/'; s++) {
		const char *l = strchr(letter, *s);

		if (!l)
			NM_PARSE_FAIL(err, "'%c' is no flag, after / come any of %s", *s, letter);
		*flags |= flag[l - letter];
	}
	if (s == *p)
		NM_PARSE_FAIL(err, "no flag after /, which can be any of %s", letter);
	if ((*flags & NR_ZCOPY_MON) && !(*flags & (NR_MONITOR_TX | NR_MONITOR_RX)))
		*flags |= NR_MONITOR_TX | NR_MONITOR_RX;
	if ((*flags & NR_RX_RINGS_ONLY) && (*flags & NR_TX_RINGS_ONLY))
		NM_PARSE_FAIL(err, "R (only receive) and T (only transmit) exclude each other");
	*p = s;
	return 0;
}

/*
 * nm_parse - from a port name to a request
 *
 * ifname is {netmap:PORT | valeX:PORT}[{ID | }ID][^ | ^N | * | -N][@MEMORY][/FLAGS]; see
 * netmap(4). Fills nr_name, nr_ringid, nr_flags (except bits other than those that the
 * name decides) and, if given, nr_arg2 of d->req. Returns 0, or -1 with errno EINVAL and
 * the reason in err (MAXERRMSG bytes, or NULL).
 */
static inline int nm_parse(const char *ifname, struct nm_desc *d, char *err)
{
	const char *p = ifname;
	struct nmreq req = d->req;
	uint32_t mode = NR_REG_ALL_NIC, flags = 0;
	long ring = 0, mem;

	if (nm_parse_port(&p, &req, err))
		return -1;
	if (*p == '*') {
		mode = NR_REG_NIC_SW;
		p++;
	} else if (*p == '^') {
		p++;
		mode = NR_REG_SW;
		if (isdigit((unsigned char)*p)) {
			mode = NR_REG_ONE_SW;
			ring = nm_parse_number(&p, NETMAP_RING_MASK);
		}
	} else if (*p == '-') {
		p++;
		mode = NR_REG_ONE_NIC;
		ring = nm_parse_number(&p, NETMAP_RING_MASK);
	}
	if (ring < 0)
		NM_PARSE_FAIL(err, "%.30s: ring number above %d", ifname, NETMAP_RING_MASK);
	while (*p) {
		if (*p == '/') {
			p++;
			if (nm_parse_flags(&p, &flags, err))
				return -1;
			continue;
		}
		if (*p != '@')
			NM_PARSE_FAIL(err, "%.30s: what is '%.20s'?", ifname, p);
		p++;
		mem = nm_parse_number(&p, 0xffff);
		if (mem < 0)
			NM_PARSE_FAIL(err, "%.30s: after @ comes a memory id, 0-65535", ifname);
		req.nr_arg2 = (uint16_t)mem;
	}
	req.nr_ringid = (uint16_t)ring;
	req.nr_flags = (req.nr_flags & ~(uint32_t)NR_REG_MASK) | mode | flags;
	d->req = req;
	return 0;
}

/* Uses the values of parent that flags ask for. */
static inline void nm_open_override(struct nmreq *req, uint64_t flags, const struct nmreq *parent)
{
	const uint16_t poll_flags = NETMAP_NO_TX_POLL | NETMAP_DO_RX_POLL;

	if (flags & NM_OPEN_IFNAME) {
		memcpy(req->nr_name, parent->nr_name, sizeof(req->nr_name));
		req->nr_ringid = parent->nr_ringid & NETMAP_RING_MASK;
		req->nr_flags = parent->nr_flags;
	}
	if (flags & NM_OPEN_ARG1)
		req->nr_arg1 = parent->nr_arg1;
	if (flags & NM_OPEN_ARG2)
		req->nr_arg2 = parent->nr_arg2;
	if (flags & NM_OPEN_ARG3)
		req->nr_arg3 = parent->nr_arg3;
	if (flags & NM_OPEN_RING_CFG) {
		req->nr_tx_slots = parent->nr_tx_slots;
		req->nr_rx_slots = parent->nr_rx_slots;
		req->nr_tx_rings = parent->nr_tx_rings;
		req->nr_rx_rings = parent->nr_rx_rings;
	}
	req->nr_ringid |= (uint16_t)(flags & poll_flags);
}

/* Which of n NIC rings, followed by hosts host rings, the request has bound. */
static inline void nm_open_range(const struct nmreq *req, uint32_t n, uint32_t hosts,
				 uint32_t unwanted, uint16_t *first, uint16_t *last)
{
	uint32_t from = 0, to = n; /* to: first one that is not in it */
	uint32_t one = req->nr_ringid & NETMAP_RING_MASK;

	switch (req->nr_flags & NR_REG_MASK) {
	case NR_REG_SW:
		from = n;
		to = n + hosts;
		break;
	case NR_REG_NIC_SW:
		to = n + hosts;
		break;
	case NR_REG_ONE_NIC:
		from = one;
		to = one + 1;
		break;
	case NR_REG_ONE_SW:
		from = n + one;
		to = from + 1;
		break;
	case NR_REG_NULL:
		to = 0;
		break;
	default:
		break;
	}
	if (to <= from || (req->nr_flags & unwanted)) {
		/* An empty range: no ring number is from 1 to 0. */
		*first = 1;
		*last = 0;
		return;
	}
	*first = (uint16_t)from;
	*last = (uint16_t)(to - 1);
}

static inline void nm_open_rings(struct nm_desc *d)
{
	const struct netmap_if *nifp = d->nifp;

	nm_open_range(&d->req, nifp ? nifp->ni_tx_rings : d->req.nr_tx_rings,
		      nifp ? nifp->ni_host_tx_rings : 1, NR_RX_RINGS_ONLY, &d->first_tx_ring,
		      &d->last_tx_ring);
	nm_open_range(&d->req, nifp ? nifp->ni_rx_rings : d->req.nr_rx_rings,
		      nifp ? nifp->ni_host_rx_rings : 1, NR_TX_RINGS_ONLY, &d->first_rx_ring,
		      &d->last_rx_ring);
	d->cur_tx_ring = d->first_tx_ring;
	d->cur_rx_ring = d->first_rx_ring;
}

/*
 * nm_mmap - maps the region of a registered descriptor
 *
 * If parent has the same region, its mapping is used, so that pointers into one are good
 * for the other, and parent must be closed last. nm_open() does this already, except with
 * NM_OPEN_NO_MMAP. Returns 0, or the errno of mmap(2).
 */
static inline int nm_mmap(struct nm_desc *d, const struct nm_desc *parent)
{
	uint32_t i, rings;

	if (d->done_mmap)
		return 0;
	if (parent && parent->mem && parent->req.nr_arg2 == d->req.nr_arg2 &&
	    parent->memsize >= d->req.nr_memsize) {
		d->mem = parent->mem;
		d->memsize = parent->memsize;
	} else {
		void *mem =
			mmap(NULL, d->req.nr_memsize, PROT_READ | PROT_WRITE, MAP_SHARED, d->fd, 0);

		if (mem == MAP_FAILED)
			return errno;
		d->mem = mem;
		d->memsize = d->req.nr_memsize;
		d->done_mmap = 1;
	}
	d->nifp = NETMAP_IF(d->mem, d->req.nr_offset);
	rings = d->nifp->ni_tx_rings + d->nifp->ni_host_tx_rings + d->nifp->ni_rx_rings +
		d->nifp->ni_host_rx_rings;
	for (i = 0; i < rings && !d->nifp->ring_ofs[i]; i++)
		;
	if (i < rings) {
		d->some_ring = NETMAP_TXRING(d->nifp, i);
		d->buf_start = NETMAP_BUF(d->some_ring, 0);
		d->buf_end = (char *)d->mem + d->memsize;
	}
	return 0;
}

/*
 * nm_open - binds a new descriptor to a port
 *
 * ifname	see nm_parse()
 * req		initial values of the request, or NULL; the name decides on nr_name, mode,
 *		ring, and what else it mentions
 * flags	NETMAP_NO_TX_POLL, NETMAP_DO_RX_POLL and NM_OPEN_*
 * arg		descriptor that NM_OPEN_* refer to, or NULL
 *
 * Returns the descriptor, for nm_close(); or NULL with errno set and a line on stderr.
 */
static inline struct nm_desc *nm_open(const char *ifname, const struct nmreq *req, uint64_t flags,
				      const struct nm_desc *arg)
{
	struct nm_desc *d = (struct nm_desc *)calloc(1, sizeof(*d));
	char err[MAXERRMSG] = "not enough memory";
	int e = ENOMEM;

	if (!d)
		goto fail;
	d->self = d;
	d->fd = -1;
	if (req)
		d->req = *req;
	if (!(flags & NM_OPEN_IFNAME) && nm_parse(ifname, d, err)) {
		D("%s", err);
		nm_close(d);
		errno = EINVAL;
		return NULL;
	}
	if (arg)
		nm_open_override(&d->req, flags, &arg->req);
	else
		nm_open_override(&d->req, flags & (NETMAP_NO_TX_POLL | NETMAP_DO_RX_POLL), &d->req);
	d->req.nr_version = NETMAP_API;
	d->fd = open(NETMAP_DEVICE_NAME, O_RDWR);
	if (d->fd < 0) {
		e = errno;
		snprintf(err, sizeof(err), "cannot open %s", NETMAP_DEVICE_NAME);
		goto fail;
	}
	if (ioctl(d->fd, NIOCREGIF, &d->req)) {
		e = errno;
		snprintf(err, sizeof(err), "NIOCREGIF failed");
		goto fail;
	}
	if (!(flags & NM_OPEN_NO_MMAP) || arg) {
		e = nm_mmap(d, arg);
		if (e) {
			snprintf(err, sizeof(err), "mmap of %u bytes failed", d->req.nr_memsize);
			goto fail;
		}
	}
	nm_open_rings(d);
	return d;

fail:
	D("%s: %s: %s", ifname ? ifname : "(no name)", err, strerror(e));
	if (d)
		nm_close(d);
	errno = e;
	return NULL;
}

/* nm_close - unmaps, closes and frees. Returns 0, or EINVAL if d is not a descriptor. */
static inline int nm_close(struct nm_desc *d)
{
	if (!IS_NETMAP_DESC(d))
		return EINVAL;
	if (d->done_mmap && d->mem)
		munmap(d->mem, d->memsize);
	if (d->fd >= 0)
		close(d->fd);
	d->self = NULL;
	free(d);
	return 0;
}

/* The slots from cur on that a packet of size bytes takes, 0 if the ring has no room. */
static inline uint32_t nm_inject_slots(struct netmap_ring *ring, size_t size)
{
	uint32_t i = ring->cur, n = 0, max = nm_ring_space(ring);

	if (max > NETMAP_MAX_FRAGS)
		max = NETMAP_MAX_FRAGS;
	for (; n < max; i = nm_ring_next(ring, i)) {
		size_t room = ring->nr_buf_size - NETMAP_ROFFSET(ring, &ring->slot[i]);

		n++;
		if (size <= room)
			return n;
		size -= room;
	}
	return 0;
}

/*
 * nm_inject - copies a packet into the next transmit ring that has room
 *
 * Packets larger than a buffer go into several slots (NS_MOREFRAG). What is sent leaves
 * at the next poll() or NIOCTXSYNC. Returns size, or 0 if no ring has room for it.
 */
static inline int nm_inject(struct nm_desc *d, const void *buf, size_t size)
{
	uint32_t n, rings = (uint32_t)d->last_tx_ring + 1u - d->first_tx_ring;
	uint32_t ri = d->cur_tx_ring;

	if (d->last_tx_ring < d->first_tx_ring || size == 0)
		return 0;
	for (n = 0; n < rings; n++) {
		struct netmap_ring *ring = NETMAP_TXRING(d->nifp, ri);
		uint32_t i = ring->cur, slots = nm_inject_slots(ring, size);
		const char *from = (const char *)buf;
		size_t left = size;

		for (; slots; slots--, i = nm_ring_next(ring, i)) {
			struct netmap_slot *slot = &ring->slot[i];
			size_t room = ring->nr_buf_size - NETMAP_ROFFSET(ring, slot);
			size_t part = left < room ? left : room;

			nm_pkt_copy(from, NETMAP_BUF_OFFSET(ring, slot), (int)part);
			slot->len = (uint16_t)part;
			slot->flags = slots > 1 ? NS_MOREFRAG : 0;
			from += part;
			left -= part;
		}
		if (i != ring->cur) {
			ring->head = ring->cur = i;
			d->cur_tx_ring = (uint16_t)ri;
			return (int)size;
		}
		if (ri++ == d->last_tx_ring)
			ri = d->first_tx_ring;
	}
	return 0;
}

/*
 * The packet at cur of a receive ring, into hdr, and the index after its last slot. 0 if
 * there is none, or not the whole of it yet.
 */
static inline int nm_pkt_at_cur(struct nm_desc *d, struct netmap_ring *ring, struct nm_pkthdr *hdr,
				uint32_t *next)
{
	uint32_t i = ring->cur;
	struct netmap_slot *slot = &ring->slot[i], *s = slot;

	if (i == ring->tail)
		return 0;
	hdr->ts = ring->ts;
	hdr->len = hdr->caplen = slot->len;
	hdr->flags = 0;
	hdr->d = d;
	hdr->slot = slot;
	hdr->buf = (uint8_t *)NETMAP_BUF_OFFSET(ring, slot);
	i = nm_ring_next(ring, i);
	for (; s->flags & NS_MOREFRAG; i = nm_ring_next(ring, i)) {
		if (i == ring->tail)
			return 0;
		s = &ring->slot[i];
		hdr->len += s->len;
	}
	*next = i;
	return 1;
}

/*
 * nm_nextpkt - the next received packet, NULL if there is none
 *
 * The packet stays where it is until the next poll() or NIOCRXSYNC. Of a packet in
 * several slots, the first part is returned: hdr->caplen is less than hdr->len.
 */
static inline unsigned char *nm_nextpkt(struct nm_desc *d, struct nm_pkthdr *hdr)
{
	uint32_t n, rings = (uint32_t)d->last_rx_ring + 1u - d->first_rx_ring;
	uint32_t ri = d->cur_rx_ring, next;

	if (d->last_rx_ring < d->first_rx_ring)
		return NULL;
	for (n = 0; n < rings; n++) {
		struct netmap_ring *ring = NETMAP_RXRING(d->nifp, ri);

		if (nm_pkt_at_cur(d, ring, hdr, &next)) {
			ring->head = ring->cur = next;
			d->cur_rx_ring = (uint16_t)ri;
			return (unsigned char *)hdr->buf;
		}
		if (ri++ == d->last_rx_ring)
			ri = d->first_rx_ring;
	}
	return NULL;
}

/* Is there a packet in the n receive rings from ri on? */
static inline int nm_more_pkts(struct nm_desc *d, uint32_t ri, uint32_t n)
{
	while (n--) {
		struct netmap_ring *ring = NETMAP_RXRING(d->nifp, ri);

		if (ring->cur != ring->tail)
			return 1;
		if (ri++ == d->last_rx_ring)
			ri = d->first_rx_ring;
	}
	return 0;
}

/*
 * nm_dispatch - calls cb for the packets received so far
 *
 * At most cnt of them; all if cnt is 0 or -1. hdr->flags tells in advance (NM_MORE_PKTS)
 * that another one follows. The packet belongs to the framework again when cb has
 * returned. Returns how many there were.
 */
static inline int nm_dispatch(struct nm_desc *d, int cnt, nm_cb_t cb, unsigned char *arg)
{
	uint32_t n, rings = (uint32_t)d->last_rx_ring + 1u - d->first_rx_ring;
	uint32_t ri = d->cur_rx_ring, next;
	int got = 0;

	if (d->last_rx_ring < d->first_rx_ring)
		return 0;
	d->hdr.d = d;
	for (n = 0; n < rings; n++) {
		struct netmap_ring *ring = NETMAP_RXRING(d->nifp, ri);
		uint32_t after = ri == d->last_rx_ring ? d->first_rx_ring : ri + 1;

		d->cur_rx_ring = (uint16_t)ri;
		while (nm_pkt_at_cur(d, ring, &d->hdr, &next)) {
			if (got + 1 != cnt &&
			    (next != ring->tail || nm_more_pkts(d, after, rings - n - 1)))
				d->hdr.flags |= NM_MORE_PKTS;
			cb(arg, &d->hdr, d->hdr.buf);
			ring->head = ring->cur = next;
			if (++got == cnt)
				return got;
		}
		ri = after;
	}
	return got;
}

#undef NM_PARSE_FAIL

#ifdef __cplusplus
}
#endif
#endif /* NETMAP_WITH_LIBS */

#endif /* NET_NETMAP_USER_H */
