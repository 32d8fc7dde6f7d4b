/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../common/clock.h"
#include "../common/json.h"
#include "../common/state.h"
#include "../common/units.h"
#include "report.h"

/* Preamble, CRC and the gap between frames. */
#define FRAMING_BYTES 24

/*
 * What the host dropped at our port: what it sent and nobody took, and what came and found the
 * rings full. -1: the host does not tell.
 */
static int ask_drops(const struct report *r, uint64_t *drops)
{
	const struct worker *w = &r->workers[0];
	char error[STATE_ERROR];
	struct json_value *state = state_get(error);
	const struct json_value *p;
	int err = -1;

	*drops = 0;
	for (p = state_list(state, "ports"); p; p = p->next) {
		if (strcmp(json_get_string(p, "name", ""), port_name(w->port)))
			continue;
		*drops =
			(uint64_t)(state_drops(json_get(p, "tx")) + state_drops(json_get(p, "rx")));
		err = 0;
	}
	json_free(state);
	return err;
}

static void totals(const struct report *r, struct report_totals *t)
{
	memset(t, 0, sizeof(*t));
	for (unsigned i = 0; i < r->n; i++) {
		struct counters *c = &r->workers[i].c;

		t->packets += atomic_load_explicit(&c->packets, memory_order_relaxed);
		t->bytes += atomic_load_explicit(&c->bytes, memory_order_relaxed);
		t->batches += atomic_load_explicit(&c->batches, memory_order_relaxed);
		t->lost += atomic_load_explicit(&c->lost, memory_order_relaxed);
	}
	if (r->drops_known && ask_drops(r, &t->dropped) == 0)
		t->dropped -= r->dropped_before < t->dropped ? r->dropped_before : t->dropped;
	else
		t->dropped = r->last.dropped;
	t->ns = now_ns();
}

void report_init(struct report *r, const struct options *o, struct worker *w, unsigned n)
{
	memset(r, 0, sizeof(*r));
	r->o = o;
	r->workers = w;
	r->n = n;
	r->drops_known = ask_drops(r, &r->dropped_before) == 0;
	totals(r, &r->last);
}

static double bits(const struct report *r, uint64_t bytes, uint64_t packets)
{
	return 8.0 * ((double)bytes + (r->o->framing ? (double)packets * FRAMING_BYTES : 0));
}

static void window_add(struct report *r, double pps, double *mean, double *dev)
{
	unsigned n = r->windowed + 1 < REPORT_WINDOW ? r->windowed + 1 : REPORT_WINDOW;
	double sum = 0, squares = 0;

	r->window[r->windowed++ % REPORT_WINDOW] = pps;
	for (unsigned i = 0; i < n; i++) {
		sum += r->window[i];
		squares += r->window[i] * r->window[i];
	}
	*mean = sum / n;
	squares = squares / n - *mean * *mean;
	*dev = squares > 0 ? sqrt(squares) : 0;
}

/* Packets that did not arrive: who receives numbers, or answers, can tell. */
static int counts_lost(const struct options *o)
{
	return o->function == FUNCTION_PING || (o->function == FUNCTION_RX && o->check);
}

/* Round trips of the interval, from the only worker that ping has. */
static void take_recent(struct worker *w, struct histogram *h)
{
	pthread_mutex_lock(&w->lock);
	*h = w->recent;
	histogram_init(&w->recent);
	pthread_mutex_unlock(&w->lock);
}

static void print_interval(struct report *r, const struct report_totals *d, double s)
{
	char pps[UNITS_TEXT], bps[UNITS_TEXT], a[UNITS_TEXT], b[UNITS_TEXT], c[UNITS_TEXT];
	const char *name = function_names[r->o->function];
	double mean, dev;

	printf("%-4s %14s %14s  %" PRIu64 " packets in %.3f s", name,
	       format_rate(pps, (double)d->packets / s, "pps", r->o->unscaled),
	       format_rate(bps, bits(r, d->bytes, d->packets) / s, "bps", r->o->unscaled),
	       d->packets, s);
	if (r->o->function == FUNCTION_PING) {
		struct histogram h;

		take_recent(&r->workers[0], &h);
		if (h.count)
			printf(", min %s mean %s max %s", format_ns(a, (double)h.min),
			       format_ns(b, histogram_mean(&h)), format_ns(c, (double)h.max));
	} else if (d->batches) {
		printf(", %.1f a batch", (double)d->packets / (double)d->batches);
	}
	if (counts_lost(r->o))
		printf(", %" PRId64 " lost", (int64_t)d->lost);
	if (r->drops_known)
		printf(", %" PRIu64 " dropped", d->dropped);
	if (r->o->window) {
		window_add(r, (double)d->packets / s, &mean, &dev);
		printf(", mean %s +- %s", format_rate(a, mean, "pps", r->o->unscaled),
		       format_rate(b, dev, "pps", r->o->unscaled));
	}
	putchar('\n');
	fflush(stdout);
}

void report_interval(struct report *r)
{
	struct report_totals now, d;
	struct json j;
	double s;

	totals(r, &now);
	d.packets = now.packets - r->last.packets;
	d.bytes = now.bytes - r->last.bytes;
	d.batches = now.batches - r->last.batches;
	d.lost = now.lost - r->last.lost;
	d.dropped = now.dropped - r->last.dropped;
	s = (double)(now.ns - r->last.ns) / 1e9;
	r->last = now;
	if (!r->o->json) {
		print_interval(r, &d, s);
	} else if (r->o->json_lines) {
		json_begin(&j, stdout);
		json_object(&j, NULL);
		json_string(&j, "function", function_names[r->o->function]);
		json_double(&j, "interval", s);
		json_uint(&j, "packets", d.packets);
		json_uint(&j, "bytes", d.bytes);
		json_uint(&j, "batches", d.batches);
		json_double(&j, "pps", (double)d.packets / s);
		json_double(&j, "bps", bits(r, d.bytes, d.packets) / s);
		if (counts_lost(r->o))
			json_double(&j, "lost", (double)(int64_t)d.lost);
		if (r->drops_known)
			json_uint(&j, "dropped", d.dropped);
		json_object_end(&j);
		json_line_end(&j);
	}
}

/* ---- the end ------------------------------------------------------------------------ */

struct results {
	struct report_totals t;
	double seconds;
	uint64_t stuck, skipped, late;
	struct sequence_totals seq;
	struct frame_faults faults;
	struct histogram latency;
};

static void collect(const struct report *r, struct results *x)
{
	uint64_t first = UINT64_MAX, last = 0;

	memset(x, 0, sizeof(*x));
	histogram_init(&x->latency);
	totals(r, &x->t);
	for (unsigned i = 0; i < r->n; i++) {
		const struct worker *w = &r->workers[i];

		if (w->first_ns && w->first_ns < first)
			first = w->first_ns;
		if (w->last_ns > last)
			last = w->last_ns;
		x->stuck += w->stuck;
		x->skipped += w->skipped;
		x->late += w->late;
		x->faults.checked += w->faults.checked;
		x->faults.length += w->faults.length;
		x->faults.ip_csum += w->faults.ip_csum;
		x->faults.l4_csum += w->faults.l4_csum;
		histogram_merge(&x->latency, &w->latency);
		if (w->sequence.stream)
			sequence_add(&w->sequence, &x->seq);
	}
	x->seconds = last > first ? (double)(last - first) / 1e9 : 0;
}

static void json_latency(struct json *j, const char *key, const struct histogram *h)
{
	json_object(j, key);
	json_uint(j, "count", h->count);
	json_uint(j, "min", h->count ? h->min : 0);
	json_double(j, "mean", histogram_mean(h));
	json_uint(j, "max", h->max);
	json_double(j, "stddev", histogram_stddev(h));
	json_uint(j, "p50", histogram_percentile(h, 50));
	json_uint(j, "p90", histogram_percentile(h, 90));
	json_uint(j, "p99", histogram_percentile(h, 99));
	json_uint(j, "p99.9", histogram_percentile(h, 99.9));
	json_array(j, "histogram");
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		if (!h->bucket[i])
			continue;
		json_array(j, NULL);
		json_uint(j, NULL, histogram_bucket_low(i));
		json_uint(j, NULL, histogram_bucket_high(i));
		json_uint(j, NULL, h->bucket[i]);
		json_array_end(j);
	}
	json_array_end(j);
	json_object_end(j);
}

static void json_checks(struct json *j, const struct options *o, const struct results *x)
{
	if (o->function == FUNCTION_RX && o->check) {
		json_object(j, "sequence");
		json_uint(j, "received", x->seq.received);
		json_uint(j, "lost", x->seq.lost);
		json_uint(j, "reordered", x->seq.reordered);
		json_uint(j, "max_late", x->seq.max_late);
		json_uint(j, "duplicates", x->seq.duplicates);
		json_uint(j, "restarts", x->seq.restarts);
		json_uint(j, "unnumbered", x->seq.unnumbered);
		json_uint(j, "senders", x->seq.streams);
		json_object_end(j);
	}
	if (o->function == FUNCTION_RX && o->verify) {
		json_object(j, "verify");
		json_uint(j, "checked", x->faults.checked);
		json_uint(j, "bad_length", x->faults.length);
		json_uint(j, "bad_ip_checksum", x->faults.ip_csum);
		json_uint(j, "bad_l4_checksum", x->faults.l4_csum);
		json_object_end(j);
	}
	if (o->function == FUNCTION_PING) {
		json_uint(j, "lost", x->t.lost);
		json_uint(j, "late", x->late);
	}
	if (x->latency.count)
		json_latency(j, "latency_ns", &x->latency);
}

static void json_summary(const struct report *r, const struct results *x, double cpu_s)
{
	const struct options *o = r->o;
	struct json j;

	json_begin(&j, stdout);
	json_object(&j, NULL);
	json_string(&j, "function", function_names[o->function]);
	json_string(&j, "port", o->ifname);
	json_string(&j, "host", nmhost_name() ? nmhost_name() : "");
	json_uint(&j, "threads", r->n);
	json_uint(&j, "packets", x->t.packets);
	json_uint(&j, "bytes", x->t.bytes);
	json_uint(&j, "batches", x->t.batches);
	json_double(&j, "seconds", x->seconds);
	json_double(&j, "pps", x->seconds > 0 ? (double)x->t.packets / x->seconds : 0);
	json_double(&j, "bps", x->seconds > 0 ? bits(r, x->t.bytes, x->t.packets) / x->seconds : 0);
	json_double(&j, "cpu_seconds", cpu_s);
	if (r->drops_known)
		json_uint(&j, "dropped", x->t.dropped);
	json_uint(&j, "stuck", x->stuck);
	json_uint(&j, "skipped", x->skipped);
	json_checks(&j, o, x);
	for (unsigned i = 0; i < r->n; i++) {
		if (r->workers[i].failed) {
			json_string(&j, "error", r->workers[i].why);
			break;
		}
	}
	json_object_end(&j);
	json_line_end(&j);
}

/* Rows of half a power of two, from the least value to the largest. */
static void print_histogram(const struct histogram *h)
{
	const unsigned step = HISTOGRAM_SUB / 2;
	char low[UNITS_TEXT], high[UNITS_TEXT];
	unsigned first = HISTOGRAM_BUCKETS, last = 0;
	uint64_t most = 1, sum;

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i += step) {
		sum = 0;
		for (unsigned k = 0; k < step; k++)
			sum += h->bucket[i + k];
		if (sum && i < first)
			first = i;
		if (sum)
			last = i;
		if (sum > most)
			most = sum;
	}
	for (unsigned i = first; i <= last; i += step) {
		sum = 0;
		for (unsigned k = 0; k < step; k++)
			sum += h->bucket[i + k];
		printf("  %11s .. %11s %10" PRIu64 " ",
		       format_ns(low, (double)histogram_bucket_low(i)),
		       format_ns(high, (double)histogram_bucket_high(i + step - 1)), sum);
		for (uint64_t bar = (sum * 40 + most - 1) / most; bar; bar--)
			putchar('#');
		putchar('\n');
	}
}

static void print_latency(const struct histogram *h, const char *what)
{
	char t[8][UNITS_TEXT];

	printf("%s: min %s, mean %s, max %s, deviation %s\n", what, format_ns(t[0], (double)h->min),
	       format_ns(t[1], histogram_mean(h)), format_ns(t[2], (double)h->max),
	       format_ns(t[3], histogram_stddev(h)));
	printf("  p50 %s, p90 %s, p99 %s, p99.9 %s\n",
	       format_ns(t[4], (double)histogram_percentile(h, 50)),
	       format_ns(t[5], (double)histogram_percentile(h, 90)),
	       format_ns(t[6], (double)histogram_percentile(h, 99)),
	       format_ns(t[7], (double)histogram_percentile(h, 99.9)));
	print_histogram(h);
}

static void print_checks(const struct options *o, const struct results *x)
{
	if (o->function == FUNCTION_RX && o->check)
		printf("sequence: %" PRIu64 " numbered packets of %u sender%s, %" PRIu64
		       " lost, %" PRIu64 " reordered (at most %" PRIu64 " late), %" PRIu64
		       " duplicates, %" PRIu64 " restarts, %" PRIu64 " without a number\n",
		       x->seq.received, x->seq.streams, x->seq.streams == 1 ? "" : "s", x->seq.lost,
		       x->seq.reordered, x->seq.max_late, x->seq.duplicates, x->seq.restarts,
		       x->seq.unnumbered);
	if (o->function == FUNCTION_RX && o->verify)
		printf("verify: %" PRIu64 " IP packets, %" PRIu64 " of a wrong length, %" PRIu64
		       " with a wrong IP checksum, %" PRIu64 " with a wrong UDP or TCP checksum\n",
		       x->faults.checked, x->faults.length, x->faults.ip_csum, x->faults.l4_csum);
	if (o->function == FUNCTION_PING)
		printf("answers: %" PRIu64 " in time, %" PRIu64 " not, of which %" PRIu64
		       " came late\n",
		       x->t.packets, x->t.lost, x->late);
	if (x->latency.count)
		print_latency(&x->latency, o->function == FUNCTION_PING ? "round trip" : "one way");
}

static void print_summary(const struct report *r, const struct results *x, double cpu_s)
{
	static const char *const did[] = { "sent", "received", "pinged", "answered" };
	char pps[UNITS_TEXT], bps[UNITS_TEXT];
	const struct options *o = r->o;

	printf("%s %" PRIu64 " packets, %" PRIu64 " bytes, %" PRIu64 " batches in %.6f s",
	       did[o->function], x->t.packets, x->t.bytes, x->t.batches, x->seconds);
	if (x->seconds > 0)
		printf(": %s, %s",
		       format_rate(pps, (double)x->t.packets / x->seconds, "pps", o->unscaled),
		       format_rate(bps, bits(r, x->t.bytes, x->t.packets) / x->seconds, "bps",
				   o->unscaled));
	if (r->drops_known)
		printf(", %" PRIu64 " dropped at the port", x->t.dropped);
	putchar('\n');
	if (x->stuck)
		printf("%" PRIu64 " of them are still in the ring: nobody takes them\n", x->stuck);
	if (x->skipped && o->function == FUNCTION_TX)
		printf("%" PRIu64 " packets of the file left out: larger than %u slots\n",
		       x->skipped, NETMAP_MAX_FRAGS - 1);
	if (x->skipped && o->function == FUNCTION_PONG)
		printf("%" PRIu64 " packets were not pings, and got no answer\n", x->skipped);
	print_checks(o, x);
	if (o->verbose)
		printf("%u thread%s, %.3f s of processor time, host: %s\n", r->n,
		       r->n == 1 ? "" : "s", cpu_s, nmhost_name());
	fflush(stdout);
}

void report_summary(struct report *r, double cpu_s)
{
	struct results *x = malloc(sizeof(*x));

	if (!x)
		return;
	collect(r, x);
	if (r->o->json)
		json_summary(r, x, cpu_s);
	else
		print_summary(r, x, cpu_s);
	free(x);
}
