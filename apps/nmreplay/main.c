/* SPDX-License-Identifier: BSD-2-Clause */
/* nmreplay: plays pcap files, and emulates links between two ports. See nmreplay(8). */
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../common/clock.h"
#include "../common/printed.h"
#include "../common/signals.h"
#include "../common/units.h"
#include "program.h"

#define EXIT_USAGE 2

static const char usage_text[] =
	"usage: nmreplay -f file -i port [options]        play a pcap or pcapng file\n"
	"       nmreplay -i port -i port [options]        be the link between two ports\n"
	"\n"
	"Models of the link; between two ports each may come twice, once for each direction.\n"
	"  -B bandwidth   10M, constant,10M or ether,10M (bits a second; ether: with framing),\n"
	"                 pps,100K (packets a second), real[,speed] (times of the file; default)\n"
	"  -D delay       10ms, constant,10ms, uniform,min,max or exp,min,average\n"
	"  -L loss        0.01, plr,0.01 (packets) or ber,1e-6 (bits)\n"
	"  -Q bytes       queue before the bandwidth limit (default: 50 ms of it, at least 64K)\n"
	"  -R p,time      hold packets back for that time, with that probability: reordering\n"
	"  -d p           double packets, with that probability\n"
	"\n"
	"  -l loops       play the file so many times, 0: until ^C (default 1)\n"
	"  -n count       end after so many packets of the file\n"
	"  -k             play what comes before the fault in a damaged file\n"
	"  -b batch       most packets to a system call (default 1024)\n"
	"  -w seconds     wait before starting (default: until a NIC has its link, at most 2)\n"
	"  -C cpu[,cpu]   where to run; with two, each direction has a thread of its own\n"
	"  -M bytes       most memory for packets under way (default 256M a direction)\n"
	"  -S seed        of the random numbers; the same seed gives the same losses\n"
	"  --busy         spin all the time, for the least error on quiet links\n"
	"  -v             rates every second\n"
	"  --json         totals at the end as JSON\n"
	"  -h, --help     this text\n";

/* ---- setting up ------------------------------------------------------------------------- */

static int open_port(struct program *p, unsigned i)
{
	struct nmport_d *d = port_prepare(p->port_name[i]);

	if (!d)
		return -1;
	/* The two directions of a port may belong to two threads. */
	d->reg.nr_flags |= NR_NO_TX_POLL;
	if (port_open(d))
		return -1;
	p->port[i] = d;
	if (d->last_tx_ring < d->first_tx_ring ||
	    (p->dirs == 2 && d->last_rx_ring < d->first_rx_ring)) {
		warnx("%s: this name leaves out rings that are needed", p->port_name[i]);
		return -1;
	}
	return port_wait_link(d, p->wait_s < 0 ? 2 : i ? 0 : p->wait_s, p->wait_s >= 0);
}

/* An option that came once holds for both directions. */
static void set_models(struct program *p)
{
	for (unsigned i = 0; i < p->dirs; i++) {
		struct link *l = &p->dir[i].link;
		double per_s;

		link_init(l, p->seed + i);
		l->bandwidth = p->bandwidth[p->bandwidths > 1 ? i : 0];
		l->delay = p->delay[p->delays > 1 ? i : 0];
		l->loss = p->loss[p->losses > 1 ? i : 0];
		l->reorder = p->reorder[p->reorders > 1 ? i : 0];
		l->duplicate = p->duplicate[p->duplicates > 1 ? i : 0];
		l->memory = (size_t)p->memory;
		if (p->dirs == 1)
			continue; /* the queue of a file is the file */
		l->queue_bytes = p->queue[p->queues > 1 ? i : 0];
		if (!p->queues && bandwidth_ns(&l->bandwidth, 1500) > 0) {
			per_s = 1500e9 / bandwidth_ns(&l->bandwidth, 1500);
			l->queue_bytes = per_s * 0.05 > 65536 ? per_s * 0.05 : 65536;
		}
	}
}

static int load(struct program *p)
{
	char error[PCAPFILE_ERROR];

	if (pcapfile_load(&p->file, p->file_name, p->keep_good, error)) {
		warnx("%s%s", error,
		      strstr(error, "damaged after") ? "; -k plays what comes before" : "");
		return -1;
	}
	if (error[0])
		warnx("%s; playing what comes before", error);
	if (p->file.cut)
		warnx("%s: %zu packets were cut when they were captured; they are sent as they are",
		      p->file_name, p->file.cut);
	if (p->file.empty)
		warnx("%s: %zu packets without a byte are left out", p->file_name, p->file.empty);
	return 0;
}

static int set_up(struct program *p)
{
	if (p->dirs == 1 && load(p))
		return -1;
	set_models(p);
	for (unsigned i = 0; i < p->dirs; i++)
		if (open_port(p, i))
			return -1;
	for (unsigned i = 0; i < p->dirs; i++) {
		struct direction *d = &p->dir[i];
		struct nmport_d *to = p->dirs == 1 ? p->port[0] : p->port[!i];

		d->from = p->dirs == 1 ? NULL : p->port[i];
		d->from_name = p->dirs == 1 ? p->file_name : p->port_name[i];
		d->to_name = p->dirs == 1 ? p->port_name[0] : p->port_name[!i];
		d->cpu = p->cpu[p->threads > 1 ? i : 0];
		sender_init(&d->sender, to, &d->link, p->batch);
	}
	return 0;
}

/* ---- running ------------------------------------------------------------------------------ */

struct job {
	struct program *p;
	unsigned first, n;
};

static void *thread_body(void *arg)
{
	struct job *job = arg;
	struct program *p = job->p;
	int cpu = p->dir[job->first].cpu;
	cpu_set_t set;

	if (cpu >= 0) {
		CPU_ZERO(&set);
		CPU_SET((unsigned)cpu, &set);
		if (pthread_setaffinity_np(pthread_self(), sizeof(set), &set))
			warnx("cannot run on CPU %d, running anywhere", cpu);
	}
	if (p->dirs == 1)
		replay_run(p);
	else
		emulate_run(p, job->first, job->n);
	atomic_fetch_sub(&p->running, 1);
	return NULL;
}

static void watch(struct program *p)
{
	uint64_t last = now_ns(), now;

	while (atomic_load(&p->running) > 0) {
		sleep_until_ns(now_ns() + 10000000);
		now = now_ns();
		if (now - last < NS_PER_SEC)
			continue;
		if (p->verbose && !p->json)
			report_interval(p, (double)(now - last) / 1e9);
		last = now;
	}
}

static int run(struct program *p)
{
	unsigned threads = p->dirs == 1 ? 1 : p->threads;
	struct job job[2];
	pthread_t thread[2];
	sigset_t all, old;
	uint64_t start = now_ns();
	int failed = 0, e = 0;

	/* Signals go to this thread, or they would cut the sleeps of the others short. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	for (unsigned i = 0; i < threads && !e; i++) {
		job[i] = (struct job){ .p = p, .first = i, .n = p->dirs / threads };
		atomic_fetch_add(&p->running, 1);
		e = pthread_create(&thread[i], NULL, thread_body, &job[i]);
		if (e)
			threads = i;
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (e) {
		atomic_fetch_sub(&p->running, 1);
		stop_requested = 1;
		warnx("cannot start a thread: %s", strerror(e));
	}
	watch(p);
	for (unsigned i = 0; i < threads; i++)
		pthread_join(thread[i], NULL);
	for (unsigned i = 0; i < p->dirs; i++) {
		if (p->dir[i].failed)
			warnx("%s", p->dir[i].why);
		failed |= p->dir[i].failed;
	}
	report_summary(p, (double)(now_ns() - start) / 1e9);
	return failed || e ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* ---- options -------------------------------------------------------------------------------- */

static int complain(int c, const char *arg, const char *right)
{
	warnx("-%c %s: %s is needed", c, arg, right);
	return EXIT_USAGE;
}

static int parse_cpus(struct program *p, const char *arg)
{
	const char *comma = strchr(arg, ',');
	char first[16];
	uint64_t v;

	snprintf(first, sizeof(first), "%.*s", (int)(comma ? comma - arg : 15), arg);
	if (parse_number(first, 0, 4095, &v))
		return complain('C', arg, "cpu or cpu,cpu");
	p->cpu[0] = p->cpu[1] = (int)v;
	if (!comma)
		return -1;
	if (parse_number(comma + 1, 0, 4095, &v))
		return complain('C', arg, "cpu or cpu,cpu");
	p->cpu[1] = (int)v;
	p->threads = 2;
	return -1;
}

static int parse_model(struct program *p, int c, const char *arg)
{
	unsigned *n = c == 'B' ? &p->bandwidths :
		      c == 'D' ? &p->delays :
		      c == 'L' ? &p->losses :
		      c == 'R' ? &p->reorders :
		      c == 'd' ? &p->duplicates :
				 &p->queues;

	if (*n == 2) {
		warnx("-%c %s: the third one; there are two directions", c, arg);
		return EXIT_USAGE;
	}
	switch (c) {
	case 'B':
		if (bandwidth_parse(arg, &p->bandwidth[*n]))
			return complain(c, arg,
					"10M, constant,10M, ether,10M, pps,100K or real[,speed]");
		break;
	case 'D':
		if (delay_parse(arg, &p->delay[*n]))
			return complain(c, arg, "10ms, uniform,min,max or exp,min,average");
		break;
	case 'L':
		if (loss_parse(arg, &p->loss[*n]))
			return complain(c, arg, "0.01, plr,0.01 or ber,1e-6");
		break;
	case 'R':
		if (reorder_parse(arg, &p->reorder[*n]))
			return complain(c, arg, "probability,time");
		break;
	case 'd':
		if (probability_parse(arg, &p->duplicate[*n]))
			return complain(c, arg, "a probability");
		break;
	case 'Q':
		if (parse_scaled(arg, &p->queue[*n]))
			return complain(c, arg, "a number of bytes, as 64K");
		break;
	}
	(*n)++;
	return -1;
}

static int parse_value(struct program *p, int c, const char *arg)
{
	uint64_t v;

	switch (c) {
	case 'f':
		p->file_name = arg;
		return -1;
	case 'i':
		if (p->port_name[1]) {
			warnx("-i %s: a link has two ends", arg);
			return EXIT_USAGE;
		}
		p->port_name[p->port_name[0] != NULL] = arg;
		return -1;
	case 'l':
		return parse_count(arg, &p->loops) ? complain(c, arg, "a number of loops") : -1;
	case 'n':
		return parse_count(arg, &p->count) ? complain(c, arg, "a number of packets") : -1;
	case 'S':
		return parse_count(arg, &p->seed) ? complain(c, arg, "a number") : -1;
	case 'b':
		if (parse_number(arg, 1, SENDER_BATCH, &v))
			return complain(c, arg, "a number from 1 to 1024");
		p->batch = (unsigned)v;
		return -1;
	case 'w':
		if (parse_scaled(arg, &p->wait_s) || p->wait_s > 1e6)
			return complain(c, arg, "a number of seconds");
		return -1;
	case 'M':
		if (parse_scaled(arg, &p->memory) || p->memory < 1e5 || p->memory > 1e15)
			return complain(c, arg, "a number of bytes, at least 100K,");
		return -1;
	case 'C':
		return parse_cpus(p, arg);
	}
	return parse_model(p, c, arg);
}

static int parse_option(struct program *p, int c, const char *arg)
{
	switch (c) {
	case 'k':
		p->keep_good = 1;
		return -1;
	case 'v':
		p->verbose = 1;
		return -1;
	case 'Z':
		p->busy = 1;
		return -1;
	case 'J':
		p->json = 1;
		return -1;
	case 'h':
		fputs(usage_text, stdout);
		return EXIT_SUCCESS;
	case '?':
		fputs("nmreplay --help shows all options\n", stderr);
		return EXIT_USAGE;
	}
	return parse_value(p, c, arg);
}

static int complete(struct program *p)
{
	if (!p->port_name[0] || !!p->file_name == !!p->port_name[1]) {
		warnx("a file and a port, or two ports, are needed; nmreplay --help shows all");
		return EXIT_USAGE;
	}
	p->dirs = p->file_name ? 1 : 2;
	if (!p->bandwidths && p->file_name)
		p->bandwidth[0] = (struct bandwidth){ .kind = BANDWIDTH_REAL, .rate = 1 };
	for (int i = 0; i < 2; i++) {
		if (p->bandwidth[i].kind == BANDWIDTH_REAL && !p->file_name) {
			warnx("-B real: only a file has times");
			return EXIT_USAGE;
		}
	}
	if (p->file_name && (p->bandwidths > 1 || p->delays > 1 || p->losses > 1 ||
			     p->reorders > 1 || p->duplicates > 1 || p->queues)) {
		warnx("a file has one direction: each model comes once, and there is no -Q");
		return EXIT_USAGE;
	}
	return -1;
}

static int parse(struct program *p, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "busy", no_argument, NULL, 'Z' },
		{ "json", no_argument, NULL, 'J' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	static const char letters[] = "f:i:B:D:L:Q:R:d:l:n:kb:w:C:M:S:vh";
	int c, r;

	while ((c = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		r = parse_option(p, c, optarg);
		if (r >= 0)
			return r;
	}
	if (optind < argc) {
		warnx("%s: not an option; nmreplay --help shows all", argv[optind]);
		return EXIT_USAGE;
	}
	return complete(p);
}

int main(int argc, char **argv)
{
	static struct program p = {
		.loops = 1,
		.batch = SENDER_BATCH,
		.threads = 1,
		.cpu = { -1, -1 },
		.memory = 256e6,
		.wait_s = -1,
	};
	int status;

	printed_check_at_exit();
	p.seed = now_ns();
	/* Two spinning threads need processors that nobody else wants. */
	if (sysconf(_SC_NPROCESSORS_ONLN) >= 6)
		p.threads = 2;
	status = parse(&p, argc, argv);
	if (status >= 0)
		return status;
	signals_init();
	status = set_up(&p) ? EXIT_FAILURE : run(&p);
	for (int i = 0; i < 2; i++) {
		if (i < (int)p.dirs)
			link_free(&p.dir[i].link);
		nmport_close(p.port[i]);
	}
	pcapfile_free(&p.file);
	return status;
}
