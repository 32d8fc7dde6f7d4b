/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <libnetmap.h>

#include "output.h"

struct table {
	FILE *out;
	const struct view *v;
	unsigned lines;
};

/* One line, cut to the width of the terminal. */
static void line(struct table *t, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	if (t->v->lines && t->lines >= t->v->lines)
		return;
	t->lines++;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (t->v->width && strlen(text) > t->v->width)
		text[t->v->width] = '\0';
	fprintf(t->out, "%s%s\n", text, t->v->end_of_line);
}

/* Five digits at most: 999.9M */
static const char *short_number(char buf[16], double v)
{
	static const char unit[] = " KMGT";
	int i = 0;

	for (; v >= 1000 && i < 4; i++)
		v /= 1000;
	if (i == 0)
		snprintf(buf, 16, "%.0f", v);
	else
		snprintf(buf, 16, v < 10 ? "%.2f%c" : "%.1f%c", v, unit[i]);
	return buf;
}

static void fill_bar(char bar[11], unsigned fill, unsigned slots)
{
	unsigned n = slots > 1 ? (fill * 10 + slots - 2) / (slots - 1) : 0;

	for (unsigned i = 0; i < 10; i++)
		bar[i] = i < n ? '#' : '.';
	bar[10] = '\0';
}

static void drop_line(struct table *t, int dir, const struct sample_counters *c)
{
	char text[400], n[16];
	size_t at = 0;

	if (c->drops == 0)
		return;
	text[0] = '\0';
	for (unsigned i = 0; i < c->causes && at < sizeof(text); i++)
		if (c->cause[i].count > 0)
			at += (size_t)snprintf(text + at, sizeof(text) - at, "  %s %.0f",
					       c->cause[i].name, c->cause[i].count);
	line(t, "    %s dropped %s/s:%s", sample_dir_name[dir], short_number(n, c->drops_ps), text);
}

static void ring_line(struct table *t, const struct sample_ring *r)
{
	char bar[11], pps[16], bps[16], drops[16];

	if (!r->open)
		return;
	fill_bar(bar, r->fill, r->slots);
	line(t, "    %s ring %-3u [%s] %4u/%-5u %8s pps %8s bps %8s dropped/s",
	     sample_dir_name[r->dir], r->number, bar, r->fill, r->slots,
	     short_number(pps, r->c.pps), short_number(bps, r->c.bps),
	     short_number(drops, r->c.drops_ps));
}

static void port_lines(struct table *t, const struct sample_port *p)
{
	char a[6][16], fill[SAMPLE_DIRS][16];

	for (int d = 0; d < SAMPLE_DIRS; d++)
		snprintf(fill[d], sizeof(fill[d]), "%u%%",
			 p->slots[d] ? p->fill[d] * 100 / p->slots[d] : 0);
	line(t, "%-24.24s %-5.5s %3u %8s %8s %8s %5s %8s %8s %8s %5s", p->name, p->kind, p->clients,
	     short_number(a[0], p->c[SAMPLE_TX].pps), short_number(a[1], p->c[SAMPLE_TX].bps),
	     short_number(a[2], p->c[SAMPLE_TX].drops_ps), fill[SAMPLE_TX],
	     short_number(a[3], p->c[SAMPLE_RX].pps), short_number(a[4], p->c[SAMPLE_RX].bps),
	     short_number(a[5], p->c[SAMPLE_RX].drops_ps), fill[SAMPLE_RX]);
	for (unsigned i = 0; t->v->rings && i < p->rings; i++)
		ring_line(t, &p->ring[i]);
	for (int d = 0; d < SAMPLE_DIRS; d++)
		drop_line(t, d, &p->c[d]);
}

static int by_name(const void *a, const void *b)
{
	const struct sample_port *const *p = a, *const *q = b;

	return strcmp((*p)->name, (*q)->name);
}

static int descending(double a, double b)
{
	return a < b ? 1 : a > b ? -1 : 0;
}

static int by_rate(const void *a, const void *b)
{
	const struct sample_port *p = *(const struct sample_port *const *)a;
	const struct sample_port *q = *(const struct sample_port *const *)b;
	int r = descending(p->c[0].pps + p->c[1].pps, q->c[0].pps + q->c[1].pps);

	return r ? r : by_name(a, b);
}

static int by_drops(const void *a, const void *b)
{
	const struct sample_port *p = *(const struct sample_port *const *)a;
	const struct sample_port *q = *(const struct sample_port *const *)b;
	int r = descending(p->c[0].drops + p->c[1].drops, q->c[0].drops + q->c[1].drops);

	return r ? r : by_name(a, b);
}

void output_table(FILE *out, const struct sample *s, const struct view *v)
{
	static int (*const order[])(const void *, const void *) = { by_name, by_rate, by_drops };
	const struct sample_port **port = calloc(s->ports + 1, sizeof(*port));
	struct table t = { .out = out, .v = v };
	time_t now = time(NULL);
	struct tm tm;
	char clock[16];
	unsigned n = 0;

	if (!port)
		return;
	for (unsigned i = 0; i < s->ports; i++)
		if (v->all || s->port[i].up)
			port[n++] = &s->port[i];
	qsort(port, n, sizeof(*port), order[v->sort]);
	localtime_r(&now, &tm);
	strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
	line(&t, "nm-top %s  host: %s  ports: %u  switches: %u  memories: %u  clients: %u", clock,
	     nmhost_name() ? nmhost_name() : "-", s->ports, s->switches, s->memories, s->clients);
	line(&t, "%-24s %-5s %3s %8s %8s %8s %5s %8s %8s %8s %5s", "PORT", "KIND", "CLI", "TX pps",
	     "bps", "drop/s", "fill", "RX pps", "bps", "drop/s", "fill");
	for (unsigned i = 0; i < n; i++)
		port_lines(&t, port[i]);
	if (n == 0)
		line(&t, "no port is open");
	free(port);
}
