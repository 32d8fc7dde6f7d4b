// SPDX-License-Identifier: BSD-2-Clause
/*
 * The core by itself: one thread, in process, both ends counted. A round
 * fills the headers of a batch, syncs the sender, syncs the receiver and
 * reads the header of every packet that came. Prints the medians of several
 * runs for each case.
 */
#include "counters.h"
#include "list.h"

#include <net/netmap.h>
#define NETMAP_USER_HELPERS_ONLY
#include <net/netmap_user.h>
#include <libnmcore.h>

#include <err.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define RUNS_MAX  31
#define BATCH_MAX 16383

struct end {
	struct nmcore *nm;
	struct netmap_ring *tx, *rx;
};

struct sample {
	double cycles, instructions, ns;
};

static unsigned runs = 5;
static double seconds = 0.05;
static bool json;
static unsigned slots; /* of each ring; 0: the default */

static void end_open(struct end *e, const char *name)
{
	struct nmreq_register reg = { .nr_mode = NR_REG_ALL_NIC,
				      .nr_tx_slots = slots,
				      .nr_rx_slots = slots };
	struct nmreq_header hdr = {
		.nr_version = NETMAP_API,
		.nr_reqtype = NETMAP_REQ_REGISTER,
		.nr_body = (uintptr_t)&reg,
	};
	struct netmap_if *nifp;
	uint64_t size;
	char *mem;
	int fd;

	snprintf(hdr.nr_name, sizeof(hdr.nr_name), "%s", name);
	e->nm = nmcore_open();
	if (!e->nm)
		err(1, "open");
	if (nmcore_ioctl(e->nm, NIOCCTRL, &hdr) < 0)
		errx(1, "%s: %s", name, nmcore_error(e->nm));
	fd = nmcore_memfd(e->nm, &size);
	mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (mem == MAP_FAILED)
		err(1, "mmap");
	nifp = NETMAP_IF(mem, reg.nr_offset);
	e->tx = NETMAP_TXRING(nifp, 0);
	e->rx = NETMAP_RXRING(nifp, 0);
}

/* Ethernet addresses of port numbers: locally administered, 02:00:00:00:00:nn. */
static void header_fill(char *p, unsigned dst, unsigned src)
{
	const uint64_t hi = (uint64_t)(dst & 0xff) << 40 | 0x02;
	const uint64_t lo = (uint64_t)(src & 0xff) << 40 | 0x02 | 0x8ull << 48;

	memcpy(p, &hi, 8);
	memcpy(p + 6, &lo, 8);
}

static void send_batch(struct end *e, unsigned batch, unsigned len, unsigned dst, unsigned src)
{
	struct netmap_ring *r = e->tx;
	uint32_t i = r->head;

	for (unsigned k = 0; k < batch; k++) {
		struct netmap_slot *s = &r->slot[i];

		header_fill(NETMAP_BUF(r, s->buf_idx), dst, src);
		s->len = len;
		i = nm_ring_next(r, i);
	}
	r->head = r->cur = i;
	nmcore_ioctl(e->nm, NIOCTXSYNC, NULL);
}

static uint64_t sink;

static unsigned receive_all(struct end *e)
{
	struct netmap_ring *r = e->rx;
	unsigned n = 0;
	uint32_t i;

	nmcore_ioctl(e->nm, NIOCRXSYNC, NULL);
	for (i = r->head; i != r->tail; i = nm_ring_next(r, i), n++) {
		uint64_t v;

		memcpy(&v, NETMAP_BUF(r, r->slot[i].buf_idx), 8);
		sink += v;
	}
	r->head = r->cur = i;
	return n;
}

/*
 * What VALE can not do without: the same bytes from buffer to buffer, as many and as far
 * apart as those of two rings.
 */
#define BUF_STRIDE 2112

struct copy {
	char *from, *to;
	unsigned next;
};

static void copy_batch(struct copy *c, unsigned batch, unsigned len)
{
	for (unsigned k = 0; k < batch; k++) {
		size_t at = (size_t)c->next * BUF_STRIDE;

		memcpy(c->to + at, c->from + at, len);
		c->next = c->next + 1 == slots ? 0 : c->next + 1;
	}
}

/* One run: rounds until `seconds` are over, in blocks, so as to read the clock rarely. */
static struct sample run(struct end *a, struct end *b, struct copy *c, unsigned batch, unsigned len)
{
	struct counters c0, c1, d;
	uint64_t packets = 0;
	struct sample s;

	counters_read(&c0);
	do {
		for (int k = 0; k < 64; k++) {
			if (c)
				copy_batch(c, batch, len);
			else
				send_batch(a, batch, len, 2, 1);
			packets += b ? receive_all(b) : batch;
		}
		counters_read(&c1);
	} while (c1.ns - c0.ns < seconds * 1e9);
	d = counters_diff(&c1, &c0);
	if (!packets)
		errx(1, "no packet arrived");
	s.cycles = (double)d.cycles / packets;
	s.instructions = (double)d.instructions / packets;
	s.ns = (double)d.ns / packets;
	return s;
}

static int by_cycles(const void *x, const void *y)
{
	const struct sample *a = x, *b = y;

	return (a->cycles > b->cycles) - (a->cycles < b->cycles);
}

static void report(const char *what, unsigned ports, unsigned len, unsigned batch, struct end *a,
		   struct end *b, struct copy *c)
{
	struct sample s[RUNS_MAX], *m = &s[runs / 2];
	unsigned n = a ? a->tx->num_slots : slots;

	run(a, b, c, batch, len); /* warm up; teaches the switch nothing it needs later */
	for (unsigned i = 0; i < runs; i++)
		s[i] = run(a, b, c, batch, len);
	qsort(s, runs, sizeof(s[0]), by_cycles);
	if (json)
		printf("{\"bench\":\"core\",\"case\":\"%s\",\"ports\":%u,\"slots\":%u,"
		       "\"len\":%u,"
		       "\"batch\":%u,\"cycles\":%.2f,\"instructions\":%.2f,\"ns\":%.3f,"
		       "\"cycles_min\":%.2f,\"cycles_max\":%.2f,\"runs\":%u}\n",
		       what, ports, n, len, batch, m->cycles, m->instructions, m->ns, s[0].cycles,
		       s[runs - 1].cycles, runs);
	else
		printf("%-12s %5u %5u %6u %6u %9.1f %9.1f %8.2f %9.2f\n", what, ports, n, len,
		       batch, m->cycles, m->instructions, m->ns, 1e3 / m->ns);
	fflush(stdout);
}

static void learn(struct end *from, unsigned station)
{
	send_batch(from, 1, 60, 0xff, station);
}

static void drain(struct end *e)
{
	while (receive_all(e))
		;
}

static void bench_null(const unsigned *lens, const unsigned *batches)
{
	struct end a;

	end_open(&a, "null:bench");
	for (; *lens; lens++)
		for (const unsigned *b = batches; *b; b++)
			report("null-tx", 1, *lens, *b, &a, NULL, NULL);
	nmcore_close(a.nm);
}

static void bench_pair(const char *what, const char *na, const char *nb, unsigned ports,
		       const unsigned *lens, const unsigned *batches)
{
	struct end a, b, *more = calloc(ports, sizeof(*more));
	char name[32];

	end_open(&a, na);
	end_open(&b, nb);
	for (unsigned i = 2; i < ports; i++) {
		snprintf(name, sizeof(name), "vale0:p%u", i);
		end_open(&more[i], name);
		learn(&more[i], i + 1);
	}
	learn(&b, 2);
	drain(&a);
	drain(&b);
	for (; *lens; lens++)
		for (const unsigned *n = batches; *n; n++)
			report(what, ports, *lens, *n, &a, &b, NULL);
	for (unsigned i = 2; i < ports; i++)
		nmcore_close(more[i].nm);
	nmcore_close(b.nm);
	nmcore_close(a.nm);
	free(more);
}

/* How the price of a packet grows with the memory that its rings go through. */
static void bench_rings(const unsigned *lens)
{
	static const unsigned sizes[] = { 128, 256, 512, 1024, 2048, 0 }, batch[] = { 64, 0 };
	const size_t room = 16 << 20;
	struct copy c;

	c.from = aligned_alloc(2 << 20, 2 * room);
	if (!c.from)
		err(1, "memory");
	madvise(c.from, 2 * room, MADV_HUGEPAGE);
	memset(c.from, 1, 2 * room);
	for (const unsigned *n = sizes; *n; n++) {
		slots = *n;
		bench_pair("vale-rings", "vale0:a", "vale0:b", 2, lens, batch);
		c.to = c.from + room;
		c.next = 0;
		for (const unsigned *len = lens; *len; len++)
			report("copy-rings", 1, *len, *batch, NULL, NULL, &c);
	}
	free(c.from);
	slots = 0;
}

static void usage(FILE *to)
{
	fprintf(to, "usage: bench-core [--json] [--quick] [--runs N] [--seconds S]\n"
		    "                  [--lens N,...] [--batches N,...] [--slots N] "
		    "[case...]\n"
		    "cases: null pipe vale ports rings\n");
}

static bool wanted(char **cases, const char *what)
{
	if (!*cases)
		return true;
	for (; *cases; cases++)
		if (!strcmp(*cases, what))
			return true;
	return false;
}

int main(int argc, char **argv)
{
	static const struct option opts[] = { { "json", no_argument, NULL, 'j' },
					      { "quick", no_argument, NULL, 'q' },
					      { "runs", required_argument, NULL, 'r' },
					      { "seconds", required_argument, NULL, 's' },
					      { "lens", required_argument, NULL, 'l' },
					      { "batches", required_argument, NULL, 'b' },
					      { "slots", required_argument, NULL, 'n' },
					      { "help", no_argument, NULL, 'h' },
					      { NULL, 0, NULL, 0 } };
	static unsigned my_lens[LIST_MAX], my_batches[LIST_MAX];
	static const unsigned all[] = { 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 0 };
	static const unsigned quick[] = { 1, 32, 256, 0 }, one[] = { 256, 0 };
	static const unsigned both[] = { 60, 1514, 0 }, len60[] = { 60, 0 },
			      len1514[] = { 1514, 0 };
	static const unsigned ports[] = { 2, 8, 64, 254, 0 };
	const unsigned *batches = all, *lens = both;
	int c;

	while ((c = getopt_long(argc, argv, "jqr:s:h", opts, NULL)) != -1) {
		switch (c) {
		case 'j':
			json = true;
			break;
		case 'q':
			batches = quick;
			break;
		case 'r':
			runs = atoi(optarg);
			break;
		case 's':
			seconds = atof(optarg);
			break;
		case 'l':
			lens = list_parse(optarg, 1514, my_lens);
			break;
		case 'b':
			batches = list_parse(optarg, BATCH_MAX, my_batches);
			break;
		case 'n':
			slots = strtoul(optarg, NULL, 0);
			break;
		case 'h':
			usage(stdout);
			return 0;
		default:
			usage(stderr);
			return 2;
		}
	}
	if (!runs || runs > RUNS_MAX)
		errx(2, "--runs: must be between 1 and %d", RUNS_MAX);
	if (!counters_open(false))
		warnx("no hardware counters: cycles are those of the time stamp counter");
	if (!json)
		printf("%-12s %5s %5s %6s %6s %9s %9s %8s %9s\n", "case", "ports", "slots", "bytes",
		       "batch", "cycles", "instr", "ns", "Mpps");
	if (wanted(argv + optind, "null"))
		bench_null(lens, batches);
	if (wanted(argv + optind, "pipe"))
		bench_pair("pipe", "b{1", "b}1", 2, lens, batches);
	if (wanted(argv + optind, "vale"))
		bench_pair("vale", "vale0:a", "vale0:b", 2, lens, batches);
	if (wanted(argv + optind, "ports"))
		for (const unsigned *p = ports; *p; p++)
			bench_pair("vale-ports", "vale0:a", "vale0:b", *p, len60, one);
	if (wanted(argv + optind, "rings"))
		bench_rings(lens == both ? len1514 : lens);
	return 0;
}
