/* SPDX-License-Identifier: BSD-2-Clause */
/* lb: spreads the packets of a port over pipes, flow by flow. See lb(8). */
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../common/clock.h"
#include "../common/json.h"
#include "../common/port.h"
#include "../common/printed.h"
#include "../common/signals.h"
#include "../common/units.h"
#include "balance.h"

#define EXIT_USAGE 2
#define MAX_GROUPS 64
#define MAX_PIPES  1024

static const char usage_text[] =
	"usage: lb -i port [-p [name:]pipes]... [options]\n"
	"\n"
	"Sends each packet of the port to one pipe of each group. All packets of a flow, in both\n"
	"directions, go to the same pipe. A receiver opens name}0, name}1, ...\n"
	"\n"
	"  -i port         where packets come from\n"
	"  -p name:pipes   a group of pipes; may be repeated. Groups of one name count on.\n"
	"  -p pipes        the same, with the name of the port (default: -p 2)\n"
	"  -B bufs         extra buffers for packets that find their pipe full (default 0)\n"
	"  -b batch        most packets out of a ring between two system calls (default 512)\n"
	"  -C slots        slots of the pipes' rings\n"
	"  -w seconds      wait before starting (default: until a NIC has its link, at most 2)\n"
	"  --inner         flows inside tunnels: GRE, VXLAN, IP in IP\n"
	"  --vxlan-port n  UDP port of VXLAN (default 4789)\n"
	"  --seed n        another way to spread, for one lb behind another\n"
	"  -v              rates every second\n"
	"  --json          totals at the end as JSON; with -v, one line every second\n"
	"  -h, --help      this text\n";

struct lb {
	const char *name;
	struct {
		const char *name; /* NULL: the port's */
		unsigned pipes;
	} spec[MAX_GROUPS];
	struct balancer b;
	struct group group[MAX_GROUPS];
	uint64_t seed;
	uint16_t vxlan_port;
	uint32_t slots;
	double wait_s;
	int inner, verbose, json;
	uint64_t start, last_ns, last_packets;
};

/* ---- ports ---------------------------------------------------------------------------- */

static int open_input(struct lb *l)
{
	struct nmport_d *d = port_prepare(l->name);

	if (!d)
		return -1;
	d->reg.nr_extra_bufs = l->b.extra;
	d->reg.nr_flags |= NR_NO_TX_POLL;
	if (port_open(d))
		return -1;
	l->b.input = d;
	if (d->last_rx_ring < d->first_rx_ring) {
		warnx("%s: has no ring to receive", l->name);
		return -1;
	}
	if (d->reg.nr_extra_bufs < l->b.extra)
		warnx("%s: %u extra buffers of %u", l->name, d->reg.nr_extra_bufs, l->b.extra);
	l->b.extra = d->reg.nr_extra_bufs;
	return 0;
}

static int open_pipe(struct lb *l, struct output *o, const char *base, unsigned number)
{
	struct nmport_d *d;
	char name[160];

	snprintf(name, sizeof(name), "%s%s{%u", strncmp(base, "vale", 4) ? "netmap:" : "", base,
		 number);
	snprintf(o->name, sizeof(o->name), "%.64s}%u", base, number);
	d = port_prepare(name);
	if (!d)
		return -1;
	/* The input's memory, so that buffers can be exchanged. */
	d->reg.nr_mem_id = l->b.input->reg.nr_mem_id;
	d->reg.nr_tx_slots = d->reg.nr_rx_slots = l->slots;
	if (port_open(d))
		return -1;
	o->port = d;
	o->ring = NETMAP_TXRING(d->nifp, d->first_tx_ring);
	o->shared = d->mem == l->b.input->mem;
	return 0;
}

/* Groups of one name number their pipes on and on. */
static unsigned first_number(const struct lb *l, unsigned g, const char *base)
{
	unsigned n = 0;

	for (unsigned i = 0; i < g; i++) {
		const char *name = l->spec[i].name ? l->spec[i].name : port_name(l->b.input);

		if (strcmp(name, base) == 0)
			n += l->spec[i].pipes;
	}
	return n;
}

static int open_pipes(struct lb *l)
{
	struct balancer *b = &l->b;
	unsigned at = 0;

	for (unsigned g = 0; g < b->groups; g++)
		b->outputs += l->spec[g].pipes;
	b->output = calloc(b->outputs, sizeof(*b->output));
	if (!b->output)
		err(EXIT_FAILURE, "%u pipes", b->outputs);
	for (unsigned g = 0; g < b->groups; g++) {
		const char *base = l->spec[g].name ? l->spec[g].name : port_name(b->input);
		unsigned number = first_number(l, g, base);

		if (strpbrk(base, "{}")) {
			warnx("%s is a pipe itself: give the group a name of its own, as in "
			      "-p out:%u",
			      base, l->spec[g].pipes);
			return -1;
		}
		l->group[g].output = &b->output[at];
		l->group[g].count = l->spec[g].pipes;
		for (unsigned i = 0; i < l->spec[g].pipes; i++)
			if (open_pipe(l, &b->output[at++], base, number + i))
				return -1;
	}
	b->group = l->group;
	return 0;
}

static int sync_output(struct output *o)
{
	if (port_txsync(o->port) == 0)
		return 0;
	warnx("%s: %s", o->name, port_error(o->port, errno));
	return -1;
}

static void announce(const struct lb *l)
{
	const struct balancer *b = &l->b;

	if (l->json)
		return;
	printf("lb on %s, %u extra buffers, host: %s\n", l->name, b->extra, nmhost_name());
	for (unsigned g = 0; g < b->groups; g++)
		printf("group %u: %s to %s, %s\n", g, b->group[g].output[0].name,
		       b->group[g].output[b->group[g].count - 1].name,
		       g + 1 == b->groups && b->group[g].output[0].shared ? "zero-copy" : "copies");
	fflush(stdout);
}

/* ---- the loop --------------------------------------------------------------------------- */

/* Waits for packets, and for room in pipes that packets wait for. */
static int wait_for_work(struct lb *l, struct pollfd *fds)
{
	struct balancer *b = &l->b;
	nfds_t n = 1;

	fds[0] = (struct pollfd){ .fd = b->input->fd, .events = POLLIN };
	for (unsigned i = 0; i < b->outputs; i++)
		if (b->output[i].count)
			fds[n++] =
				(struct pollfd){ .fd = b->output[i].port->fd, .events = POLLOUT };
	if (nmhost_poll(fds, n, 500) < 0 && errno != EINTR) {
		warnx("%s: %s", l->name, port_error(b->input, errno));
		return -1;
	}
	if (fds[0].revents & (POLLERR | POLLHUP | POLLNVAL)) {
		warnx("%s: %s", l->name, port_error(b->input, ENXIO));
		return -1;
	}
	return 0;
}

static void json_outputs(struct json *j, const struct lb *l)
{
	const struct balancer *b = &l->b;

	json_array(j, "groups");
	for (unsigned g = 0; g < b->groups; g++) {
		json_array(j, NULL);
		for (unsigned i = 0; i < b->group[g].count; i++) {
			const struct output *o = &b->group[g].output[i];

			json_object(j, NULL);
			json_string(j, "pipe", o->name);
			json_bool(j, "shared_memory", o->shared);
			json_uint(j, "packets", o->packets);
			json_uint(j, "bytes", o->bytes);
			json_uint(j, "waited", o->queued);
			json_uint(j, "waiting", o->count);
			json_uint(j, "longest", o->longest);
			json_uint(j, "dropped", o->dropped);
			json_uint(j, "stolen", o->stolen);
			json_uint(j, "too_large", o->too_large);
			json_object_end(j);
		}
		json_array_end(j);
	}
	json_array_end(j);
}

static void json_report(const struct lb *l, double s)
{
	struct json j;

	json_begin(&j, stdout);
	json_object(&j, NULL);
	json_string(&j, "port", l->name);
	json_string(&j, "host", nmhost_name());
	json_double(&j, "seconds", s);
	json_uint(&j, "packets", l->b.packets);
	json_uint(&j, "bytes", l->b.bytes);
	json_uint(&j, "batches", l->b.batches);
	json_uint(&j, "extra_bufs", l->b.extra);
	json_outputs(&j, l);
	json_object_end(&j);
	json_line_end(&j);
}

static void text_report(const struct lb *l)
{
	const struct balancer *b = &l->b;

	for (unsigned g = 0; g < b->groups; g++) {
		for (unsigned i = 0; i < b->group[g].count; i++) {
			const struct output *o = &b->group[g].output[i];

			printf("  %-24s %12" PRIu64 " packets (%5.2f %%) %14" PRIu64 " bytes",
			       o->name, o->packets,
			       b->packets ? 100.0 * (double)o->packets / (double)b->packets : 0,
			       o->bytes);
			if (o->queued)
				printf(", %" PRIu64 " waited (%u at most)", o->queued, o->longest);
			if (o->dropped + o->stolen)
				printf(", %" PRIu64 " dropped", o->dropped + o->stolen);
			if (o->too_large)
				printf(", %" PRIu64 " too large", o->too_large);
			putchar('\n');
		}
	}
}

static void report_if_due(struct lb *l)
{
	char rate[UNITS_TEXT];
	uint64_t now;

	if (!l->verbose || (now = now_ns()) - l->last_ns < NS_PER_SEC)
		return;
	if (l->json) {
		json_report(l, (double)(now - l->start) / 1e9);
	} else {
		printf("%s\n", format_rate(rate,
					   (double)(l->b.packets - l->last_packets) * 1e9 /
						   (double)(now - l->last_ns),
					   "pps", 0));
		text_report(l);
		fflush(stdout);
	}
	l->last_ns = now;
	l->last_packets = l->b.packets;
}

static int run(struct lb *l)
{
	struct pollfd *fds = calloc(l->b.outputs + 1, sizeof(*fds));
	int failed = 0;

	if (!fds)
		err(EXIT_FAILURE, "%u pipes", l->b.outputs);
	l->start = l->last_ns = now_ns();
	while (!stop_requested && !failed) {
		failed = wait_for_work(l, fds) || balancer_run(&l->b) < 0;
		report_if_due(l);
	}
	free(fds);
	return failed ? -1 : 0;
}

/* What waits gets a second to leave; receivers may be slow, or gone. */
static void empty_queues(struct lb *l)
{
	uint64_t end = now_ns() + NS_PER_SEC;
	struct balancer *b = &l->b;

	while (balancer_waiting(b) && now_ns() < end) {
		if (balancer_drain(b))
			return;
		for (unsigned i = 0; i < b->outputs; i++)
			if (b->output[i].touched && sync_output(&b->output[i]))
				return;
		sleep_until_ns(now_ns() + 1000000);
	}
	for (unsigned i = 0; i < b->outputs; i++)
		port_drain(b->output[i].port, 200);
}

/* ---- options ------------------------------------------------------------------------------ */

static int parse_group(struct lb *l, char *arg)
{
	char *colon = strrchr(arg, ':');
	uint64_t v;

	if (l->b.groups == MAX_GROUPS) {
		warnx("-p %s: at most %u groups", arg, MAX_GROUPS);
		return EXIT_USAGE;
	}
	if (parse_number(colon ? colon + 1 : arg, 1, MAX_PIPES, &v) || colon == arg) {
		warnx("-p %s: [name:]pipes is needed, with 1 to %u pipes", arg, MAX_PIPES);
		return EXIT_USAGE;
	}
	if (colon)
		*colon = '\0';
	if (colon && strncmp(arg, "netmap:", 7) == 0)
		arg += 7;
	l->spec[l->b.groups].name = colon ? arg : NULL;
	l->spec[l->b.groups++].pipes = (unsigned)v;
	return -1;
}

static int parse_value(struct lb *l, int c, const char *arg)
{
	uint64_t v = 0;

	if (c == 'w') {
		if (parse_scaled(arg, &l->wait_s) || l->wait_s > 1e6)
			goto bad;
		return -1;
	}
	if (parse_number(arg, c == 'b' || c == 'V' ? 1 : 0,
			 c == 'b' ? 65536 :
			 c == 'B' ? 1 << 24 :
			 c == 'C' ? 1 << 16 :
			 c == 'V' ? 65535 :
				    UINT64_MAX,
			 &v))
		goto bad;
	switch (c) {
	case 'B':
		l->b.extra = (unsigned)v;
		break;
	case 'b':
		l->b.batch = (unsigned)v;
		break;
	case 'C':
		l->slots = (uint32_t)v;
		break;
	case 'S':
		l->seed = v;
		break;
	case 'V':
		l->vxlan_port = (uint16_t)v;
		break;
	}
	return -1;
bad:
	warnx("%s: not a number that makes sense there; lb --help shows all options", arg);
	return EXIT_USAGE;
}

static int parse_option(struct lb *l, int c, char *arg)
{
	switch (c) {
	case 'i':
		l->name = arg;
		return -1;
	case 'p':
		return parse_group(l, arg);
	case 'I':
		l->inner = 1;
		return -1;
	case 'v':
		l->verbose = 1;
		return -1;
	case 'J':
		l->json = 1;
		return -1;
	case 'h':
		fputs(usage_text, stdout);
		return EXIT_SUCCESS;
	case '?':
		fputs("lb --help shows all options\n", stderr);
		return EXIT_USAGE;
	}
	return parse_value(l, c, arg);
}

static int parse(struct lb *l, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "inner", no_argument, NULL, 'I' },
		{ "vxlan-port", required_argument, NULL, 'V' },
		{ "seed", required_argument, NULL, 'S' },
		{ "json", no_argument, NULL, 'J' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c, r;

	while ((c = getopt_long(argc, argv, "i:p:B:b:C:w:vh", longs, NULL)) != -1) {
		r = parse_option(l, c, optarg);
		if (r >= 0)
			return r;
	}
	if (optind < argc || !l->name) {
		warnx("%s%s; lb --help shows all options", optind < argc ? argv[optind] : "",
		      optind < argc ? ": not an option" : "-i port is missing");
		return EXIT_USAGE;
	}
	if (l->b.groups == 0)
		l->spec[l->b.groups++].pipes = 2;
	return -1;
}

static void close_all(struct lb *l)
{
	for (unsigned i = 0; l->b.output && i < l->b.outputs; i++)
		nmport_close(l->b.output[i].port);
	free(l->b.output);
	nmport_close(l->b.input);
}

int main(int argc, char **argv)
{
	static struct lb l = { .wait_s = -1, .vxlan_port = 4789, .b.batch = 512 };
	int status;

	printed_check_at_exit();
	status = parse(&l, argc, argv);
	if (status >= 0)
		return status;
	status = EXIT_FAILURE;
	signals_init();
	flow_init(&l.b.flow, l.seed, l.inner);
	l.b.flow.vxlan_port = l.vxlan_port;
	l.b.sync = sync_output;
	if (open_input(&l) || open_pipes(&l))
		goto out;
	if (balancer_init(&l.b))
		err(EXIT_FAILURE, "%u extra buffers", l.b.extra);
	announce(&l);
	port_wait_link(l.b.input, l.wait_s < 0 ? 2 : l.wait_s, l.wait_s >= 0);
	status = run(&l) ? EXIT_FAILURE : EXIT_SUCCESS;
	empty_queues(&l);
	balancer_finish(&l.b);
	if (l.json) {
		json_report(&l, (double)(now_ns() - l.start) / 1e9);
	} else {
		printf("%" PRIu64 " packets, %" PRIu64 " bytes in %.3f s\n", l.b.packets, l.b.bytes,
		       (double)(now_ns() - l.start) / 1e9);
		text_report(&l);
	}
out:
	close_all(&l);
	return status;
}
