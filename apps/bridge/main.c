/* SPDX-License-Identifier: BSD-2-Clause */
/* bridge: joins two netmap ports, or a NIC and the host's stack. See bridge(8). */
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
#include "forward.h"

#define EXIT_USAGE 2

static const char usage_text[] =
	"usage: bridge [-cdvh] [-b batch] [-w seconds] [--busy] [--json] port [port]\n"
	"       bridge ... -i port [-i port]\n"
	"\n"
	"Moves packets between two ports, both ways. With one port, which must be a NIC, or\n"
	"twice the same one: between the NIC and the host's own stack.\n"
	"\n"
	"  -i port     as a plain argument\n"
	"  -b batch    most packets between two system calls (default 1024)\n"
	"  -c          copy packets even if the ports share their memory\n"
	"  -d          drop packets when the output is full (default: leave them in the input)\n"
	"  -w seconds  wait before starting (default: until NICs have their link, at most 2)\n"
	"  -v          rates every second\n"
	"  --busy      ask for packets again and again instead of sleeping in poll()\n"
	"  --json      totals at the end as JSON\n"
	"  -h, --help  this text\n";

struct bridge {
	const char *name[2];
	struct nmport_d *port[2];
	struct direction dir[2];
	unsigned batch;
	int copy, drop, verbose, busy, json;
	double wait_s;
};

/* ---- ports ---------------------------------------------------------------------------- */

/* The host side of a NIC: its name with a caret. */
static int host_side(struct bridge *b, char *buf, size_t size)
{
	char full[256];

	port_full_name(b->name[0], full, sizeof(full));
	if (!port_is_nic(full) || strpbrk(full, "^*")) {
		warnx("%s: a bridge to the host's stack needs a NIC, as in: bridge eth0; "
		      "otherwise name two ports",
		      b->name[0]);
		return -1;
	}
	snprintf(buf, size, "%s^", full);
	return 0;
}

static int open_ports(struct bridge *b)
{
	static char host[300];

	if (!b->name[1] || strcmp(b->name[0], b->name[1]) == 0) {
		if (host_side(b, host, sizeof(host)))
			return -1;
		b->name[1] = host;
	}
	for (int i = 0; i < 2; i++) {
		b->port[i] = port_open_name(b->name[i]);
		if (!b->port[i])
			return -1;
	}
	for (int i = 0; i < 2; i++)
		if (port_wait_link(b->port[i], b->wait_s < 0 ? 2 : b->wait_s, b->wait_s >= 0) ||
		    b->wait_s >= 0)
			break;
	return 0;
}

static int needs_rings(const struct bridge *b, int i)
{
	const struct nmport_d *d = b->port[i];

	if (d->last_tx_ring < d->first_tx_ring || d->last_rx_ring < d->first_rx_ring) {
		warnx("%s: has no rings to %s; a bridge needs both kinds", b->name[i],
		      d->last_tx_ring < d->first_tx_ring ? "send" : "receive");
		return -1;
	}
	return 0;
}

static int init_directions(struct bridge *b)
{
	int shared = b->port[0]->mem == b->port[1]->mem;

	if (needs_rings(b, 0) || needs_rings(b, 1))
		return -1;
	for (int i = 0; i < 2; i++) {
		b->dir[i].from = b->port[i];
		b->dir[i].to = b->port[!i];
		b->dir[i].zero_copy = shared && !b->copy;
		b->dir[i].drop = b->drop;
		b->dir[i].batch = b->batch;
	}
	if (!b->json)
		printf("bridging %s and %s, %s, host: %s\n", b->name[0], b->name[1],
		       b->dir[0].zero_copy ? "zero-copy" :
		       shared		   ? "copying, as asked" :
					     "copying: the ports do not share memory",
		       nmhost_name());
	fflush(stdout);
	return 0;
}

/* ---- the loop ------------------------------------------------------------------------- */

static int port_failed(const struct nmport_d *d, int e)
{
	warnx("%s: %s", port_name(d), port_error(d, e));
	return -1;
}

/*
 * Sleeps until there is something to do. A direction waits for packets, or, while it is
 * blocked, for room. poll() also sends what is in the transmit rings.
 */
static int wait_for_work(struct bridge *b)
{
	struct pollfd fds[2];

	for (int i = 0; i < 2; i++)
		fds[i] = (struct pollfd){ .fd = b->port[i]->fd };
	for (int i = 0; i < 2; i++) {
		if (b->dir[i].blocked)
			fds[!i].events |= POLLOUT;
		else
			fds[i].events |= POLLIN;
	}
	if (nmhost_poll(fds, 2, 500) < 0 && errno != EINTR)
		return port_failed(b->port[0], errno);
	for (int i = 0; i < 2; i++)
		if (fds[i].revents & (POLLERR | POLLHUP | POLLNVAL))
			return port_failed(b->port[i], ENXIO);
	return 0;
}

static int sync_busy(struct bridge *b)
{
	for (int i = 0; i < 2; i++)
		if (port_txsync(b->port[i]) || port_rxsync(b->port[i]))
			return port_failed(b->port[i], errno);
	return 0;
}

static void report(struct bridge *b, uint64_t last[2], double s)
{
	char rate[UNITS_TEXT];

	for (int i = 0; i < 2; i++) {
		const struct direction *d = &b->dir[i];

		printf("%s%s -> %s: %s", i ? "   " : "", b->name[i], b->name[!i],
		       format_rate(rate, (double)(d->packets - last[i]) / s, "pps", 0));
		if (d->dropped)
			printf(" (%" PRIu64 " dropped)", d->dropped);
		last[i] = d->packets;
	}
	putchar('\n');
	fflush(stdout);
}

static int run(struct bridge *b)
{
	uint64_t last[2] = { 0 }, t0 = now_ns(), t;

	while (!stop_requested) {
		if (b->busy ? sync_busy(b) : wait_for_work(b))
			return -1;
		forward(&b->dir[0]);
		forward(&b->dir[1]);
		if (b->verbose && (t = now_ns()) - t0 >= NS_PER_SEC) {
			report(b, last, (double)(t - t0) / 1e9);
			t0 = t;
		}
	}
	return 0;
}

/* ---- the end --------------------------------------------------------------------------- */

static void print_totals(const struct bridge *b, const unsigned left[2], double s)
{
	for (int i = 0; i < 2; i++) {
		const struct direction *d = &b->dir[i];

		printf("%s -> %s: %" PRIu64 " packets, %" PRIu64 " bytes, %" PRIu64
		       " batches in %.3f s",
		       b->name[i], b->name[!i], d->packets, d->bytes, d->batches, s);
		if (d->dropped)
			printf(", %" PRIu64 " dropped (output full)", d->dropped);
		if (d->too_large)
			printf(", %" PRIu64 " too large for the output", d->too_large);
		if (left[i])
			printf(", %u still in the output ring", left[i]);
		putchar('\n');
	}
}

static void json_totals(const struct bridge *b, const unsigned left[2], double s)
{
	struct json j;

	json_begin(&j, stdout);
	json_object(&j, NULL);
	json_string(&j, "host", nmhost_name());
	json_double(&j, "seconds", s);
	json_bool(&j, "zero_copy", b->dir[0].zero_copy);
	json_array(&j, "directions");
	for (int i = 0; i < 2; i++) {
		const struct direction *d = &b->dir[i];

		json_object(&j, NULL);
		json_string(&j, "from", b->name[i]);
		json_string(&j, "to", b->name[!i]);
		json_uint(&j, "packets", d->packets);
		json_uint(&j, "bytes", d->bytes);
		json_uint(&j, "batches", d->batches);
		json_uint(&j, "dropped", d->dropped);
		json_uint(&j, "too_large", d->too_large);
		json_uint(&j, "left", left[i]);
		json_object_end(&j);
	}
	json_array_end(&j);
	json_object_end(&j);
	json_line_end(&j);
}

static int finish(struct bridge *b, uint64_t start, int failed)
{
	unsigned left[2] = { 0 };
	double s = (double)(now_ns() - start) / 1e9;

	/* What was taken from one side has to leave on the other. */
	for (int i = 0; i < 2 && !failed; i++) {
		int n = port_drain(b->dir[i].to, 1000);

		left[i] = n < 0 ? port_tx_pending(b->dir[i].to) : (unsigned)n;
	}
	if (b->json)
		json_totals(b, left, s);
	else
		print_totals(b, left, s);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* ---- options ----------------------------------------------------------------------------- */

static int add_port(struct bridge *b, const char *name)
{
	for (int i = 0; i < 2; i++) {
		if (!b->name[i]) {
			b->name[i] = name;
			return 0;
		}
	}
	warnx("%s: a bridge has two ports, %s and %s are there already", name, b->name[0],
	      b->name[1]);
	return -1;
}

static int parse_option(struct bridge *b, int c, const char *arg)
{
	uint64_t v;

	switch (c) {
	case 'i':
		return add_port(b, arg) ? EXIT_USAGE : -1;
	case 'b':
		if (parse_number(arg, 1, 65536, &v))
			break;
		b->batch = (unsigned)v;
		return -1;
	case 'w':
		if (parse_scaled(arg, &b->wait_s) || b->wait_s > 1e6)
			break;
		return -1;
	case 'c':
		b->copy = 1;
		return -1;
	case 'd':
		b->drop = 1;
		return -1;
	case 'v':
		b->verbose = 1;
		return -1;
	case 'B':
		b->busy = 1;
		return -1;
	case 'J':
		b->json = 1;
		return -1;
	case 'h':
		fputs(usage_text, stdout);
		return EXIT_SUCCESS;
	default:
		fputs("bridge --help shows all options\n", stderr);
		return EXIT_USAGE;
	}
	warnx("-%c %s: a number is needed", c, arg);
	return EXIT_USAGE;
}

static int parse(struct bridge *b, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "busy", no_argument, NULL, 'B' },
		{ "json", no_argument, NULL, 'J' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c, r;

	while ((c = getopt_long(argc, argv, "i:b:w:cdvh", longs, NULL)) != -1) {
		r = parse_option(b, c, optarg);
		if (r >= 0)
			return r;
	}
	for (; optind < argc; optind++)
		if (add_port(b, argv[optind]))
			return EXIT_USAGE;
	if (b->name[0])
		return -1;
	fputs("bridge: name one or two ports; bridge --help shows all options\n", stderr);
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	struct bridge b = { .batch = 1024, .wait_s = -1 };
	int status;

	printed_check_at_exit();
	status = parse(&b, argc, argv);
	uint64_t start;

	if (status >= 0)
		return status;
	signals_init();
	status = EXIT_FAILURE;
	if (open_ports(&b) == 0 && init_directions(&b) == 0) {
		start = now_ns();
		status = finish(&b, start, run(&b));
	}
	nmport_close(b.port[1]);
	nmport_close(b.port[0]);
	return status;
}
