/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "../common/json.h"
#include "../common/units.h"
#include "program.h"

void direction_fail(struct direction *d, const struct nmport_d *port, const char *what)
{
	int e = errno;

	d->failed = 1;
	snprintf(d->why, sizeof(d->why), "%s: %s: %s", port_name(port), what, port_error(port, e));
}

void report_interval(struct program *p, double s)
{
	static uint64_t last_in[2], last_out[2];
	char in[UNITS_TEXT], out[UNITS_TEXT];

	for (unsigned i = 0; i < p->dirs; i++) {
		struct direction *d = &p->dir[i];
		uint64_t now_in = atomic_load_explicit(&d->shown_in, memory_order_relaxed);
		uint64_t now_out = atomic_load_explicit(&d->shown_out, memory_order_relaxed);

		printf("%s%s -> %s: in %s, out %s", i ? "   " : "", d->from_name, d->to_name,
		       format_rate(in, (double)(now_in - last_in[i]) / s, "pps", 0),
		       format_rate(out, (double)(now_out - last_out[i]) / s, "pps", 0));
		last_in[i] = now_in;
		last_out[i] = now_out;
	}
	putchar('\n');
	fflush(stdout);
}

/* From the first packet to the last. */
static double seconds_of(const struct direction *d)
{
	return (double)(d->sender.last_ns - d->sender.first_ns) / 1e9;
}

static void print_direction(const struct direction *d)
{
	const struct link_counters *c = &d->link.c;
	const struct histogram *h = &d->sender.late;
	char t[6][UNITS_TEXT];
	double s = seconds_of(d);

	printf("%s -> %s: %" PRIu64 " packets in, %" PRIu64 " out (%" PRIu64 " bytes)",
	       d->from_name, d->to_name, c->in, c->out, c->out_bytes);
	if (s > 0)
		printf(" in %.6f s: %s, %s", s, format_rate(t[0], (double)c->out / s, "pps", 0),
		       format_rate(t[1], (double)c->out_bytes * 8 / s, "bps", 0));
	putchar('\n');
	if (c->lost + c->queue_full + c->no_memory + d->sender.too_large)
		printf("  dropped: %" PRIu64 " by the loss model, %" PRIu64
		       " by a full queue, %" PRIu64 " for lack of memory, %" PRIu64
		       " too large for the port\n",
		       c->lost, c->queue_full, c->no_memory, d->sender.too_large);
	if (c->duplicated + c->held)
		printf("  doubled: %" PRIu64 ", held back: %" PRIu64 "\n", c->duplicated, c->held);
	if (h->count)
		printf("  later than asked: mean %s, p50 %s, p99 %s, p99.9 %s, max %s\n",
		       format_ns(t[0], histogram_mean(h)),
		       format_ns(t[1], (double)histogram_percentile(h, 50)),
		       format_ns(t[2], (double)histogram_percentile(h, 99)),
		       format_ns(t[3], (double)histogram_percentile(h, 99.9)),
		       format_ns(t[4], (double)h->max));
}

static void json_direction(struct json *j, const struct direction *d)
{
	const struct link_counters *c = &d->link.c;
	const struct histogram *h = &d->sender.late;

	json_object(j, NULL);
	json_string(j, "from", d->from_name);
	json_string(j, "to", d->to_name);
	json_uint(j, "packets_in", c->in);
	json_uint(j, "bytes_in", c->in_bytes);
	json_uint(j, "packets_out", c->out);
	json_uint(j, "bytes_out", c->out_bytes);
	json_uint(j, "batches", d->sender.batches);
	json_double(j, "seconds", seconds_of(d));
	json_object(j, "dropped");
	json_uint(j, "loss_model", c->lost);
	json_uint(j, "queue_full", c->queue_full);
	json_uint(j, "no_memory", c->no_memory);
	json_uint(j, "too_large", d->sender.too_large);
	json_object_end(j);
	json_uint(j, "duplicated", c->duplicated);
	json_uint(j, "held", c->held);
	json_object(j, "late_ns");
	json_uint(j, "count", h->count);
	json_double(j, "mean", histogram_mean(h));
	json_uint(j, "min", h->count ? h->min : 0);
	json_uint(j, "p50", histogram_percentile(h, 50));
	json_uint(j, "p99", histogram_percentile(h, 99));
	json_uint(j, "p99.9", histogram_percentile(h, 99.9));
	json_uint(j, "max", h->max);
	json_object_end(j);
	json_object_end(j);
}

void report_summary(const struct program *p, double s)
{
	struct json j;

	if (!p->json) {
		for (unsigned i = 0; i < p->dirs; i++)
			print_direction(&p->dir[i]);
		fflush(stdout);
		return;
	}
	json_begin(&j, stdout);
	json_object(&j, NULL);
	json_string(&j, "host", nmhost_name());
	json_double(&j, "seconds", s);
	json_array(&j, "directions");
	for (unsigned i = 0; i < p->dirs; i++)
		json_direction(&j, &p->dir[i]);
	json_array_end(&j);
	json_object_end(&j);
	json_line_end(&j);
}
