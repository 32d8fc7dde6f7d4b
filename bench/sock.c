// SPDX-License-Identifier: BSD-2-Clause
#include "sock.h"

#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t stop;
static double started;

static void on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static void usage(const struct sock_run *r, const char *modes)
{
	fprintf(stderr,
		"usage: %s %s IFNAME [-n packets] [-t seconds] [-i idle seconds] [-l length]\n"
		"       [-b batch] [-j]\n",
		r->program, modes);
	exit(2);
}

void sock_options(struct sock_run *r, int argc, char **argv, const char *modes)
{
	struct sigaction sa = { .sa_handler = on_signal };
	int opt;

	r->program = strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];
	r->len = 60;
	r->batch = 64;
	r->seconds = 3600;
	r->idle = 3600;
	if (argc < 3)
		usage(r, modes);
	r->what = argv[1];
	r->ifname = argv[2];
	optind = 3;
	while ((opt = getopt(argc, argv, "n:t:i:l:b:j")) != -1) {
		switch (opt) {
		case 'n':
			r->limit = strtoull(optarg, NULL, 0);
			break;
		case 't':
			r->seconds = strtod(optarg, NULL);
			break;
		case 'i':
			r->idle = strtod(optarg, NULL);
			break;
		case 'l':
			r->len = strtoul(optarg, NULL, 0);
			break;
		case 'b':
			r->batch = strtoul(optarg, NULL, 0);
			break;
		case 'j':
			r->json = true;
			break;
		default:
			usage(r, modes);
		}
	}
	if (r->len < 14 || r->len > 1514 || !r->batch || r->batch > 1024)
		errx(2, "length must be 14 to 1514, batch 1 to 1024");
	/* no SA_RESTART: a receiver that waits is to end */
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	counters_open(true);
	started = now();
}

void sock_frame(const struct sock_run *r, unsigned char *frame)
{
	memset(frame, 0, r->len);
	memset(frame, 0xff, 6);
	memcpy(frame + 6, "\x02netmp", 6);
	frame[12] = 0x88; /* local experiments: no stack takes it for its own */
	frame[13] = 0xb5;
}

void sock_begin(struct sock_run *r)
{
	counters_read(&r->c0);
	r->first = r->last = now();
}

void sock_count(struct sock_run *r, uint64_t packets)
{
	if (!packets)
		return;
	/* a receiver's clock runs from its first packets on, which do not count */
	if (!r->first) {
		sock_begin(r);
		return;
	}
	r->packets += packets;
	/* the clock costs what a small packet does: not for each batch of one */
	if ((r->unclocked += packets) < 64)
		return;
	r->unclocked = 0;
	r->last = now();
}

bool sock_over(struct sock_run *r)
{
	double t;

	if (stop || (r->limit && r->packets >= r->limit))
		return true;
	if (r->packets != r->seen) {
		r->seen = r->packets;
		return r->last - started > r->seconds;
	}
	/* nothing came */
	t = now();
	return t - started > r->seconds || (r->last && t - r->last > r->idle);
}

void sock_report(struct sock_run *r)
{
	struct counters c1, d;
	double seconds, mpps, n = r->packets ? r->packets : 1;

	counters_read(&c1);
	d = counters_diff(&c1, &r->c0);
	/* up to the last look at the clock: a receiver may have waited since */
	seconds = r->last - r->first;
	mpps = seconds > 0 ? (r->packets - r->unclocked) / seconds / 1e6 : 0;
	if (r->json)
		printf("{\"program\":\"%s\",\"mode\":\"%s\",\"len\":%u,\"batch\":%u,"
		       "\"packets\":%llu,\"seconds\":%.6f,\"mpps\":%.4f,\"cycles\":%.1f,"
		       "\"instructions\":%.1f,\"hardware\":%s}\n",
		       r->program, r->what, r->len, r->batch, (unsigned long long)r->packets,
		       seconds, mpps, d.cycles / n, d.instructions / n,
		       d.hardware ? "true" : "false");
	else
		printf("%s %s: %llu packets in %.3f s: %.3f Mpps\n", r->program, r->what,
		       (unsigned long long)r->packets, seconds, mpps);
}
