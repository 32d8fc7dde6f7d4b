// SPDX-License-Identifier: BSD-2-Clause
/*
 * bench-pair WAY A B: one thread moves packets from A to B and reads them; everything that
 * happens on the way counts, sender's and receiver's side together. WAY is
 *
 *   netmap   ports, through /dev/netmap
 *   packet   interfaces, AF_PACKET with sendmmsg and recvmmsg
 *   xdp      interfaces, AF_XDP in copy mode, by what the least program would do
 *
 * A round sends a batch and takes what has come. A round with nothing to do has a price of
 * its own, that of its system calls; it is measured beside, and also told subtracted, since
 * it is the machine's and not the framework's.
 */
#include "list.h"
#include "pair.h"

#include <err.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#if defined(__x86_64__)
#include <x86intrin.h>
#endif

#define RUNS_MAX 31

/* Per packet, but for `empty`, which is a round's. */
struct sample {
	double ticks, ns, net, empty, net_ns, lost;
};

uint64_t pair_sum;

static const struct pair_way *const ways[] = {
	&pair_netmap,
	&pair_packet,
#ifdef HAVE_LIBXDP
	&pair_xdp,
#endif
};
static unsigned runs = 5;
static double seconds = 0.1;
static bool json;

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* The time stamp counter; where there is none, time. */
static uint64_t now_ticks(void)
{
#if defined(__x86_64__)
	return __rdtsc();
#else
	return now_ns();
#endif
}

void pair_header(void *p, unsigned dst, unsigned src)
{
	const uint64_t hi = (uint64_t)(dst & 0xff) << 40 | 0x02;
	const uint64_t lo = (uint64_t)(src & 0xff) << 40 | 0x02 | 0xb588ull << 48;

	memcpy(p, &hi, 6);
	memcpy((char *)p + 6, &lo, 8);
}

#define SLICES 4

/*
 * A round's price when there is nothing to do: the least of several slices, since whatever
 * disturbs makes it more.
 */
static double empty_round(const struct pair_way *way, double *ns)
{
	double ticks = 0;

	for (int i = 0; i < SLICES; i++) {
		uint64_t t0 = now_ns(), c0 = now_ticks(), t, n = 0, c;

		do {
			for (int k = 0; k < 16; k++, n++)
				way->empty();
			t = now_ns();
		} while (t - t0 < seconds / SLICES * 1e9);
		c = now_ticks() - c0;
		if (i && ticks <= (double)c / n)
			continue;
		ticks = (double)c / n;
		*ns = (double)(t - t0) / n;
	}
	return ticks;
}

static struct sample run(const struct pair_way *way, unsigned len, unsigned batch)
{
	bool release = way->release && batch > PAIR_BATCH_HALF;
	uint64_t sent = 0, received = 0, n = 0, t0, t, c;
	double empty, empty_ns = 0, rounds; /* gcc does not see that it is set */
	struct sample s;

	while (way->receive())
		;
	empty = empty_round(way, &empty_ns);
	t0 = now_ns();
	c = now_ticks();
	do {
		for (int k = 0; k < 32; k++, n++) {
			if (release)
				way->release();
			sent += way->send(batch, len);
			received += way->receive();
		}
		t = now_ns();
	} while (t - t0 < seconds * 1e9);
	c = now_ticks() - c;
	if (!received)
		errx(1, "no packet arrived");
	rounds = release ? n * 1.5 : n;
	s.ticks = (double)c / received;
	s.ns = (double)(t - t0) / received;
	s.empty = empty;
	s.net = s.ticks - empty * rounds / received;
	s.net_ns = s.ns - empty_ns * rounds / received;
	s.lost = sent > received ? (double)(sent - received) / sent : 0;
	return s;
}

static int by_net(const void *x, const void *y)
{
	const struct sample *a = x, *b = y;

	return (a->net > b->net) - (a->net < b->net);
}

static void report(const struct pair_way *way, unsigned len, unsigned batch)
{
	struct sample s[RUNS_MAX], *m = &s[runs / 2];

	run(way, len, batch);
	for (unsigned i = 0; i < runs; i++)
		s[i] = run(way, len, batch);
	qsort(s, runs, sizeof(s[0]), by_net);
	if (json)
		printf("{\"bench\":\"pair\",\"way\":\"%s\",\"len\":%u,\"batch\":%u,"
		       "\"ticks\":%.1f,\"net\":%.1f,\"empty\":%.0f,\"ns\":%.2f,"
		       "\"net_ns\":%.2f,\"net_min\":%.1f,\"net_max\":%.1f,\"lost\":%.4f,"
		       "\"runs\":%u}\n",
		       way->name, len, batch, m->ticks, m->net, m->empty, m->ns, m->net_ns,
		       s[0].net, s[runs - 1].net, m->lost, runs);
	else
		printf("%-8s %6u %6u %9.1f %9.1f %9.0f %9.1f %7.1f %7.2f\n", way->name, len, batch,
		       m->ticks, m->net, m->empty, m->ns, m->lost * 100, 1e3 / m->ns);
	fflush(stdout);
}

static void usage(FILE *to)
{
	fprintf(to, "usage: bench-pair [--json] [--runs N] [--seconds S] [--lens N,...]\n"
		    "                  [--batches N,...] WAY A B\n"
		    "WAY:");
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		fprintf(to, " %s", ways[i]->name);
	fprintf(to, "\n");
}

static const struct pair_way *way_called(const char *name)
{
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		if (!strcmp(ways[i]->name, name))
			return ways[i];
	usage(stderr);
	exit(2);
}

int main(int argc, char **argv)
{
	static const struct option opts[] = { { "json", no_argument, NULL, 'j' },
					      { "runs", required_argument, NULL, 'r' },
					      { "seconds", required_argument, NULL, 's' },
					      { "lens", required_argument, NULL, 'l' },
					      { "batches", required_argument, NULL, 'b' },
					      { "help", no_argument, NULL, 'h' },
					      { NULL, 0, NULL, 0 } };
	static unsigned my_lens[LIST_MAX], my_batches[LIST_MAX];
	static const unsigned all[] = { 1, 16, 64, 256, 500, 1000, 0 }, both[] = { 60, 1514, 0 };
	const unsigned *batches = all, *lens = both;
	const struct pair_way *way;
	int c;

	while ((c = getopt_long(argc, argv, "jr:s:l:b:h", opts, NULL)) != -1) {
		switch (c) {
		case 'j':
			json = true;
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
			batches = list_parse(optarg, PAIR_BATCH_MAX, my_batches);
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
	if (argc - optind != 3) {
		usage(stderr);
		return 2;
	}
	way = way_called(argv[optind]);
	way->open(argv[optind + 1], argv[optind + 2]);
	if (way->learn)
		way->learn();
	if (!json)
		printf("%-8s %6s %6s %9s %9s %9s %9s %7s %7s\n", "way", "bytes", "batch", "ticks",
		       "net", "empty", "ns", "lost %", "Mpps");
	for (; *lens; lens++)
		for (const unsigned *b = batches; *b; b++)
			report(way, *lens, *b);
	return 0;
}
