// SPDX-License-Identifier: BSD-2-Clause
/*
 * Clients that mean harm, or are just broken: requests (fields.c has each field of each) and
 * rings of every wrong kind. The host answers with an error, or not at all, and others do
 * not notice.
 */
#include <stddef.h>
#include "port.h"

#include <errno.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

static struct nmport_d *a, *b;

static void close_pair(void)
{
	port_close(a);
	port_close(b);
}

/* ---- requests ---- */

static int ctrl(struct nmreq_header *hdr)
{
	return host_ctrl(hdr);
}

static void wrong_versions(void)
{
	static const uint16_t version[] = { 0, 1, 11, 13, 16, 17, 255, 0x7fff, 0xffff };
	struct nmreq_register reg = { .nr_mode = NR_REG_ALL_NIC };
	struct nmreq_header hdr;
	unsigned int i;

	good_pair(&a, &b);
	for (i = 0; i < sizeof(version) / sizeof(version[0]); i++) {
		nmreq_header_init(&hdr, NETMAP_REQ_REGISTER, &reg);
		strcpy(hdr.nr_name, "vale7:v");
		hdr.nr_version = version[i];
		t_eq(ctrl(&hdr), EINVAL);
	}
	for (i = NETMAP_MIN_API; i <= NETMAP_MAX_API; i++) {
		memset(&reg, 0, sizeof(reg));
		reg.nr_mode = NR_REG_ALL_NIC;
		nmreq_header_init(&hdr, NETMAP_REQ_REGISTER, &reg);
		strcpy(hdr.nr_name, "vale7:v");
		hdr.nr_version = i;
		t_eq(ctrl(&hdr), 0);
	}
	good_pair_works(a, b);
	close_pair();
}

static void wrong_addresses(void)
{
	static const uint64_t addr[] = {
		1, 16, 0x1000, 0x800000000000, 0xffff800000000000, 0xfffffffffffffff0, UINT64_MAX
	};
	struct nmreq_header hdr;
	unsigned int i, type;
	int fd;

	good_pair(&a, &b);
	fd = nmhost_open();
	for (i = 0; i < sizeof(addr) / sizeof(addr[0]); i++) {
		t_check(nmhost_ioctl(fd, NIOCCTRL, (void *)(uintptr_t)addr[i]) < 0);
		t_eq(errno, EFAULT);
		for (type = 1; type <= NETMAP_REQ_CSB_ENABLE; type++) {
			nmreq_header_init(&hdr, type, (void *)(uintptr_t)addr[i]);
			strcpy(hdr.nr_name, "vale7:v");
			t_check(ctrl(&hdr) != 0, "request %u", type);
			nmreq_header_init(&hdr, type, NULL);
			strcpy(hdr.nr_name, "vale7:v");
			t_check(ctrl(&hdr) != 0, "request %u", type);
		}
		nmreq_header_init(&hdr, NETMAP_REQ_VALE_DELIF, NULL);
		hdr.nr_options = addr[i];
		t_eq(ctrl(&hdr), EFAULT);
	}
	nmhost_close(fd);
	good_pair_works(a, b);
	close_pair();
}

/* The reply can't be written: the port is registered all the same, and goes at close. */
static void read_only_body(void)
{
	struct nmreq_register *reg =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct nmreq_header hdr;
	struct nmport_d *d;

	t_check(reg != MAP_FAILED);
	reg->nr_mode = NR_REG_ALL_NIC;
	reg->nr_flags = NR_EXCLUSIVE;
	t_check(!mprotect(reg, 4096, PROT_READ));
	good_pair(&a, &b);
	nmreq_header_init(&hdr, NETMAP_REQ_REGISTER, reg);
	strcpy(hdr.nr_name, "vale7:ro");
	t_eq(ctrl(&hdr), EFAULT);
	d = port_open("vale7:ro/x");
	port_close(d);
	close_pair();
}

static void wrong_names(void)
{
	static const char *const name[] = {
		"",
		":",
		"vale",
		"vale:",
		"vale7",
		"vale7:",
		"netmap:eth0",
		"netmap:vale7:a",
		"no-such-interface",
		"../etc/passwd",
		"\x01\x02\xff",
		"eth0 ",
		" ",
		"{",
		"}",
		"vale7:a{",
		"vale7:a}",
		"{{",
		"x{}",
		"%s%s%s%n",
	};
	struct nmreq_register reg;
	struct nmreq_header hdr;
	unsigned int i;

	good_pair(&a, &b);
	for (i = 0; i < sizeof(name) / sizeof(name[0]); i++) {
		memset(&reg, 0, sizeof(reg));
		reg.nr_mode = NR_REG_ALL_NIC;
		nmreq_header_init(&hdr, NETMAP_REQ_REGISTER, &reg);
		strcpy(hdr.nr_name, name[i]);
		t_check(ctrl(&hdr) != 0, "'%s'", name[i]);
	}
	/* no end */
	for (i = 1; i <= NETMAP_REQ_CSB_ENABLE; i++) {
		nmreq_header_init(&hdr, i, &reg);
		memset(hdr.nr_name, 'v', sizeof(hdr.nr_name));
		memcpy(hdr.nr_name, "vale7:", 6);
		t_eq(ctrl(&hdr), ENAMETOOLONG);
	}
	/* the longest that is right */
	memset(&reg, 0, sizeof(reg));
	reg.nr_mode = NR_REG_ALL_NIC;
	nmreq_header_init(&hdr, NETMAP_REQ_REGISTER, &reg);
	memset(hdr.nr_name, 'v', sizeof(hdr.nr_name) - 1);
	memcpy(hdr.nr_name, "vale7:", 6);
	t_eq(ctrl(&hdr), 0);
	/* a pipe by mode and number, whose name would be too long */
	reg.nr_mode = NR_REG_PIPE_MASTER;
	reg.nr_ringid = 65535;
	t_eq(ctrl(&hdr), ENAMETOOLONG);
	good_pair_works(a, b);
	close_pair();
}

static void every_byte_of_a_request(void)
{
	/* any one byte of the header or the body of any request, set to extremes */
	static const unsigned char byte[] = { 0, 1, 0x7f, 0x80, 0xff };
	unsigned char body[128];
	struct nmreq_header hdr;
	unsigned int type, at, i;

	good_pair(&a, &b);
	for (type = 1; type <= NETMAP_REQ_CSB_ENABLE; type++) {
		for (at = 0; at < sizeof(hdr) + 96; at++) {
			/* pointers to our own stack: the reply would be written there */
			if (at >= offsetof(struct nmreq_header, nr_options) && at < sizeof(hdr))
				continue;
			for (i = 0; i < sizeof(byte); i++) {
				memset(body, 0, sizeof(body));
				nmreq_header_init(&hdr, type, body);
				strcpy(hdr.nr_name, "vale7:bytes");
				if (at < sizeof(hdr))
					((unsigned char *)&hdr)[at] = byte[i];
				else
					body[at - sizeof(hdr)] = byte[i];
				ctrl(&hdr);
			}
		}
	}
	good_pair_works(a, b);
	close_pair();
}

static void options_are_refused_by_name(void)
{
	struct nmreq_register reg = { .nr_mode = NR_REG_ALL_NIC };
	struct nmreq_opt_extmem opt[20]; /* the longest */
	struct nmreq_header hdr;
	unsigned int i, n;

	good_pair(&a, &b);
	for (n = 1; n <= 16; n++) {
		memset(opt, 0, sizeof(opt));
		nmreq_header_init(&hdr, NETMAP_REQ_REGISTER, &reg);
		strcpy(hdr.nr_name, "vale7:o");
		for (i = 0; i < n; i++) {
			opt[i].nro_opt.nro_reqtype = n > 5 ? n * 1000 + i : n;
			nmreq_push_option(&hdr, &opt[i].nro_opt);
		}
		t_eq(ctrl(&hdr), EOPNOTSUPP);
		for (i = 0; i < n; i++)
			t_eq(opt[i].nro_opt.nro_status, EOPNOTSUPP);
	}
	good_pair_works(a, b);
	close_pair();
}

static void option_loops(void)
{
	struct nmreq_register reg = { .nr_mode = NR_REG_ALL_NIC };
	struct nmreq_option opt[100];
	struct nmreq_header hdr;
	unsigned int i;

	good_pair(&a, &b);
	memset(opt, 0, sizeof(opt));
	for (i = 0; i < 100; i++)
		opt[i].nro_next = (uintptr_t)&opt[(i + 1) % 3];
	nmreq_header_init(&hdr, NETMAP_REQ_REGISTER, &reg);
	strcpy(hdr.nr_name, "vale7:o");
	hdr.nr_options = (uintptr_t)opt;
	t_eq(ctrl(&hdr), EMSGSIZE);
	opt[0].nro_next = (uintptr_t)opt;
	t_eq(ctrl(&hdr), EMSGSIZE);
	for (i = 0; i < 100; i++)
		opt[i].nro_next = i < 99 ? (uintptr_t)&opt[i + 1] : 0;
	t_eq(ctrl(&hdr), EMSGSIZE);
	opt[1].nro_next = 64;
	t_eq(ctrl(&hdr), EFAULT);
	opt[0].nro_next = (uintptr_t)opt + 8; /* overlaps itself */
	t_check(ctrl(&hdr) != 0);
	good_pair_works(a, b);
	close_pair();
}

static void other_ioctls(void)
{
	static const unsigned long request[] = {
		0, 1, 0x5401, NIOCCONFIG, _IO('i', 147), _IO('i', 152), 0xffffffff
	};
	char arg[1024] = { 0 };
	unsigned int i;

	good_pair(&a, &b);
	for (i = 0; i < sizeof(request) / sizeof(request[0]); i++)
		t_check(nmhost_ioctl(a->fd, request[i], arg) < 0, "0x%lx", request[i]);
	t_check(nmhost_ioctl(a->fd, _IO('i', 153), arg) < 0);
	t_eq(errno, ENOTTY);
	good_pair_works(a, b);
	close_pair();
}

/* ---- rings ---- */

static void wrong_head_and_cur(void)
{
	static const uint32_t bad[] = { 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffffe, 65536 };
	struct netmap_ring *ring;
	uint32_t n, i, k;
	int dir;

	good_pair(&a, &b);
	for (dir = 0; dir < 2; dir++) {
		ring = dir ? port_rx(b, 0) : port_tx(a, 0);
		n = ring->num_slots;
		for (i = 0; i < 200; i++) {
			uint32_t head = ring->head, wrong;

			wrong = i < 5 ? bad[i] : i == 5 ? n : i == 6 ? n + 1 : ring->tail + 1 + i;
			if (i > 6)
				wrong %= n;
			if (i > 6 && ((ring->tail + n - head) % n) >= ((wrong + n - head) % n))
				continue;
			for (k = 0; k < 3; k++) {
				ring->head = k != 1 ? wrong : head;
				ring->cur = k != 0 ? wrong : head;
				t_check(nmhost_ioctl((dir ? b : a)->fd,
						     dir ? NIOCRXSYNC : NIOCTXSYNC, NULL) < 0,
					"%u %u", wrong, k);
				t_eq(errno, EINVAL);
				/* the ring starts over where the framework stands */
				t_eq(ring->head, head);
				t_eq(ring->cur, head);
			}
			good_pair_works(a, b);
		}
	}
	/* cur behind head */
	ring = port_tx(a, 0);
	ring->head = nm_ring_next(ring, nm_ring_next(ring, ring->head));
	t_check(nmhost_ioctl(a->fd, NIOCTXSYNC, NULL) < 0);
	t_eq(errno, EINVAL);
	ring->head = 0xffffffff;
	t_check(port_poll(a, POLLOUT, 0) & POLLERR);
	good_pair_works(a, b);
	t_check(port_counter("vale7:a", "tx", "errors") > 0);
	close_pair();
}

/* tail and what describes the ring are the framework's: it does not believe what is there. */
static void scribbled_ring(void)
{
	struct netmap_ring *ring;
	struct netmap_if *nifp;
	unsigned int i;

	good_pair(&a, &b);
	ring = port_tx(a, 0);
	for (i = 0; i < 100; i++) {
		*(uint32_t *)&ring->num_slots = t_random();
		*(uint32_t *)&ring->nr_buf_size = t_random();
		*(int64_t *)&ring->buf_ofs = t_random();
		ring->tail = t_random();
		memset(ring->sem, t_random(), sizeof(ring->sem));
		nifp = a->nifp;
		memset(nifp, t_random(), sizeof(*nifp));
		*(ssize_t *)&nifp->ring_ofs[0] = t_random();
		port_txsync(a);
		port_poll(a, POLLIN | POLLOUT, 0);
	}
	port_close(a);
	a = port_open("vale7:a");
	good_pair_works(a, b);
	close_pair();
}

static const uint32_t bad_idx[] = { 0, 1, 0x10000000, 0x7fffffff, 0x80000000, 0xffffffff, 500000 };

static void wrong_slots_sent_to_a_switch(void)
{
	struct netmap_ring *ring;
	struct netmap_slot keep;
	uint32_t i, drops = 0;

	good_pair(&a, &b);
	for (i = 0; i < sizeof(bad_idx) / sizeof(bad_idx[0]); i++, drops++) {
		put_frame(a, STATION_ALL, 1, i, 60, 0);
		ring = port_tx(a, 0);
		keep = ring->slot[ring->head - 1];
		ring->slot[ring->head - 1].buf_idx = bad_idx[i];
		port_txsync(a);
		ring->slot[ring->head - 1].buf_idx = keep.buf_idx;
		expect_none(b);
	}
	for (i = 0; i < 3; i++, drops++) {
		put_frame(a, STATION_ALL, 1, i, 60, 0);
		ring->slot[ring->head - 1].len = ring->nr_buf_size + 1 + i * 30000;
		port_txsync(a);
		expect_none(b);
	}
	t_eq(port_counter("vale7:a", "tx", "bad-slot"), drops);
	for (i = 0; i < 0x10000; i += 0x101) {
		put_frame(a, STATION_ALL, 1, i, 60, i & ~(NS_MOREFRAG | NS_INDIRECT));
		port_txsync(a);
		take_all(b);
	}
	good_pair_works(a, b);
	close_pair();
}

static void wrong_slots_of_a_receiver(void)
{
	struct netmap_ring *ring;
	uint32_t i, k, n;
	struct got g;

	good_pair(&a, &b);
	ring = port_rx(b, 0);
	n = sizeof(bad_idx) / sizeof(bad_idx[0]);
	for (i = 0; i < ring->num_slots; i++)
		ring->slot[i].buf_idx = bad_idx[i % n];
	for (k = 0; k < 3 * ring->num_slots; k++) {
		send_frame(a, STATION_ALL, 1, k);
		t_check(!nm_ring_empty(ring) || !nmhost_ioctl(b->fd, NIOCRXSYNC, NULL));
		t_check(!nm_ring_empty(ring));
		t_eq(ring->slot[ring->head].len, 0); /* it gets nothing in them */
		ring->head = ring->cur = nm_ring_next(ring, ring->head);
	}
	t_check(port_counter("vale7:b", "rx", "bad-slot") >= 3 * ring->num_slots);
	t_check(!take_slot(b, 0, &g));
	port_close(b);
	b = port_open("vale7:b");
	good_pair_works(a, b);
	close_pair();
}

static void wrong_slots_in_a_pipe(void)
{
	struct nmport_d *p, *q;
	struct netmap_ring *tx;
	uint32_t i, n = sizeof(bad_idx) / sizeof(bad_idx[0]), keep;

	good_pair(&a, &b);
	p = port_open("netmap:hp{1");
	q = port_open("netmap:hp}1");
	tx = port_tx(p, 0);
	for (i = 0; i < n; i++) {
		put_frame(p, 2, 1, i, 60, 0);
		keep = tx->slot[tx->head - 1].buf_idx;
		tx->slot[tx->head - 1].buf_idx = bad_idx[i];
		port_txsync(p);
		tx->slot[tx->head - 1].buf_idx = keep;
		port_rxsync(q);
		t_eq(nm_ring_space(port_rx(q, 0)), 1);
		t_eq(port_rx(q, 0)->slot[i].len, 0);
		port_rx(q, 0)->head = port_rx(q, 0)->cur = port_rx(q, 0)->tail;
	}
	put_frame(p, 2, 1, i, 60, 0);
	tx->slot[tx->head - 1].len = 0xffff;
	port_txsync(p);
	port_rxsync(q);
	t_eq(port_rx(q, 0)->slot[i].len, 0);
	t_eq(port_counter("hp{1", "tx", "bad-slot"), n + 1);
	port_close(p);
	port_close(q);
	good_pair_works(a, b);
	close_pair();
}

/* ---- changed while the framework looks ---- */

static int stop;

/* So long each; T_SCALE makes it longer. */
#define SECONDS (t_rounds(t_slow() ? 20000 : 2000) / 1e3)

/*
 * Pointers that the daemon shares with its clients lie before the ring (libnmcore.h): those of a
 * receive ring of a switch or a pipe. NULL: this host, or this kind of port, has none.
 */
static struct nm_csb_atok *shared_pointers(struct nmport_d *d)
{
	struct nm_csb_ktoa *ktoa = (struct nm_csb_ktoa *)port_rx(d, 0) - 1;

	if (!host_is("daemon") || !strcmp(d->hdr.nr_name, "null"))
		return NULL;
	return (struct nm_csb_atok *)ktoa - 1;
}

static void scribble_shared(struct nm_csb_atok *atok, const struct netmap_ring *rx, uint32_t v)
{
	struct nm_csb_ktoa *ktoa = (struct nm_csb_ktoa *)(atok + 1);

	switch (v >> 28 & 3) {
	case 0:
		__atomic_store_n(&atok->head, v >> 12 & 127, __ATOMIC_RELAXED);
		break;
	case 1:
		__atomic_store_n(&atok->head, v, __ATOMIC_RELAXED);
		break;
	case 2:
		__atomic_store_n(&ktoa->hwtail, v, __ATOMIC_RELAXED);
		__atomic_store_n(&ktoa->kern_need_kick, v >> 4, __ATOMIC_RELAXED);
		break;
	default: /* all of it back, as it should be */
		__atomic_store_n(&atok->head, __atomic_load_n(&rx->tail, __ATOMIC_RELAXED),
				 __ATOMIC_RELAXED);
	}
}

static void *scribble(void *arg)
{
	struct nmport_d *d = arg;
	struct nm_csb_atok *shared = shared_pointers(d);
	struct netmap_ring *ring[2] = { port_tx(d, 0), port_rx(d, 0) };
	uint64_t rng = (uintptr_t)arg | 1;

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		struct netmap_ring *r = ring[rng >> 40 & 1];
		struct netmap_slot *slot;
		uint32_t v;

		rng = rng * 6364136223846793005ull + 1442695040888963407ull;
		v = rng >> 32;
		slot = &r->slot[v % 64];
		switch (v >> 8 & 15) {
		case 0:
			__atomic_store_n(&r->head, v >> 12 & 127, __ATOMIC_RELAXED);
			break;
		case 1:
			__atomic_store_n(&r->cur, v >> 12 & 127, __ATOMIC_RELAXED);
			break;
		case 2:
			__atomic_store_n(&r->head, r->tail, __ATOMIC_RELAXED);
			__atomic_store_n(&r->cur, r->tail, __ATOMIC_RELAXED);
			break;
		case 3:
			__atomic_store_n(&r->tail, v, __ATOMIC_RELAXED);
			break;
		case 4:
			__atomic_store_n(&slot->buf_idx, v >> 16, __ATOMIC_RELAXED);
			break;
		case 5:
			__atomic_store_n(&slot->len, v >> 16, __ATOMIC_RELAXED);
			break;
		case 6:
			__atomic_store_n(&slot->flags, v >> 16, __ATOMIC_RELAXED);
			break;
		case 7:
			__atomic_store_n(&slot->flags, v >> 16 & (NS_MOREFRAG | NS_INDIRECT),
					 __ATOMIC_RELAXED);
			break;
		case 8:
			__atomic_store_n(&slot->ptr, rng, __ATOMIC_RELAXED);
			break;
		case 9:
			__atomic_store_n(&slot->ptr, (uintptr_t)r, __ATOMIC_RELAXED);
			break;
		case 10:
			__atomic_store_n(&slot->len, 60 + (v >> 16) % 1400, __ATOMIC_RELAXED);
			break;
		case 11:
			__atomic_store_n(&slot->flags, 0, __ATOMIC_RELAXED);
			break;
		case 12:
			__atomic_store_n(&slot->buf_idx, 2 + (v >> 16) % 128, __ATOMIC_RELAXED);
			break;
		case 13:
			__atomic_store_n(&r->flags, v >> 16, __ATOMIC_RELAXED);
			break;
		case 14:
			if (shared)
				scribble_shared(shared, ring[1], v);
			break;
		default: /* a packet as it should be */
			__atomic_store_n(&slot->len, 60, __ATOMIC_RELAXED);
			break;
		}
	}
	return NULL;
}

static void *sync_forever(void *arg)
{
	struct nmport_d *d = arg;
	struct pollfd p = { .fd = d->fd, .events = POLLIN | POLLOUT };

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		nmhost_ioctl(d->fd, NIOCTXSYNC, NULL);
		nmhost_ioctl(d->fd, NIOCRXSYNC, NULL);
		nmhost_poll(&p, 1, 0);
	}
	return NULL;
}

/* A port full of nonsense beside a good pair, which loses nothing by it. */
static void hostile_thread(const char *bad, const char *bad_peer)
{
	pthread_t scribbler, syncer;
	struct nmport_d *d, *e = NULL;
	double end = t_now() + SECONDS;
	uint32_t n = 0;
	struct got g;

	good_pair(&a, &b);
	send_frame(b, STATION_ALL, 2, 0);
	take_all(a);
	send_frame(a, STATION_ALL, 1, 0);
	take_all(b);
	d = port_open(bad);
	if (bad_peer)
		e = port_open(bad_peer);
	t_check(!pthread_create(&scribbler, NULL, scribble, d));
	t_check(!pthread_create(&syncer, NULL, sync_forever, d));
	while (t_now() < end) {
		bool found = false;

		/* not through NS_PORT of the hostile one: b is known by address */
		send_frame(a, 2, 1, ++n);
		while (take_slot(b, 0, &g))
			found |= g.len == 60 && g.number == n && frame_ok(g.data, 60, 2, 1);
		t_check(found, "number %u", n);
		if (e) {
			nmhost_ioctl(e->fd, NIOCRXSYNC, NULL);
			port_rx(e, 0)->head = port_rx(e, 0)->cur = port_rx(e, 0)->tail;
			nmhost_ioctl(e->fd, NIOCTXSYNC, NULL);
		}
		take_all(a);
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	pthread_join(scribbler, NULL);
	pthread_join(syncer, NULL);
	if (e)
		port_close(e);
	port_close(d);
	good_pair_works(a, b);
	close_pair();
}

static void hostile_thread_on_a_switch(void)
{
	/* on a switch of its own with a listener; the switch of the good pair is another */
	hostile_thread("vale8:bad@conf:slots=64", "vale8:peer");
}

static void hostile_thread_in_a_pipe(void)
{
	hostile_thread("netmap:bad{1@conf:slots=64", "netmap:bad}1");
}

static void hostile_thread_on_null(void)
{
	hostile_thread("netmap:null", NULL);
}

/* The good pair's switch, hostile station: its floods may fill b's ring, no more. */
static void hostile_thread_beside_us(void)
{
	pthread_t scribbler, syncer;
	double end = t_now() + SECONDS;
	struct nmport_d *d;

	good_pair(&a, &b);
	d = port_open("vale7:bad@conf:slots=64");
	t_check(!pthread_create(&scribbler, NULL, scribble, d));
	t_check(!pthread_create(&syncer, NULL, sync_forever, d));
	while (t_now() < end) {
		put_frame(a, STATION_ALL, 1, 1, 60, 0);
		port_txsync(a);
		take_all(b);
		take_all(a);
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	pthread_join(scribbler, NULL);
	pthread_join(syncer, NULL);
	port_close(d);
	good_pair_works(a, b);
	close_pair();
}

T_MAIN(T_CASE(wrong_versions), T_CASE(wrong_addresses), T_CASE(read_only_body), T_CASE(wrong_names),
       T_CASE(every_byte_of_a_request), T_CASE(options_are_refused_by_name), T_CASE(option_loops),
       T_CASE(other_ioctls), T_CASE(wrong_head_and_cur), T_CASE(scribbled_ring),
       T_CASE(wrong_slots_sent_to_a_switch), T_CASE(wrong_slots_of_a_receiver),
       T_CASE(wrong_slots_in_a_pipe), T_CASE(hostile_thread_on_a_switch),
       T_CASE(hostile_thread_in_a_pipe), T_CASE(hostile_thread_on_null),
       T_CASE(hostile_thread_beside_us))
