/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include <libnetmap.h>

#include "output.h"

/* ---- JSON ---------------------------------------------------------------------------- */

static void json_counters(struct json *j, const struct sample_counters *c)
{
	json_double(j, "packets", c->packets);
	json_double(j, "bytes", c->bytes);
	json_double(j, "syncs", c->syncs);
	json_double(j, "errors", c->errors);
	json_object(j, "drops");
	for (unsigned i = 0; i < c->causes; i++)
		json_double(j, c->cause[i].name, c->cause[i].count);
	json_object_end(j);
	json_double(j, "pps", c->pps);
	json_double(j, "bps", c->bps);
	json_double(j, "drops_per_second", c->drops_ps);
}

static void json_port(struct json *j, const struct sample_port *p)
{
	json_object(j, NULL);
	json_string(j, "name", p->name);
	json_string(j, "kind", p->kind);
	json_string(j, "info", p->info);
	json_bool(j, "up", p->up);
	json_uint(j, "mem_id", p->mem_id);
	json_uint(j, "clients", p->clients);
	for (int d = 0; d < SAMPLE_DIRS; d++) {
		json_object(j, sample_dir_name[d]);
		json_counters(j, &p->c[d]);
		json_uint(j, "fill", p->fill[d]);
		json_uint(j, "slots", p->slots[d]);
		json_object_end(j);
	}
	json_array(j, "rings");
	for (unsigned i = 0; i < p->rings; i++) {
		const struct sample_ring *r = &p->ring[i];

		json_object(j, NULL);
		json_string(j, "dir", sample_dir_name[r->dir]);
		json_uint(j, "ring", r->number);
		json_uint(j, "slots", r->slots);
		json_uint(j, "fill", r->fill);
		json_bool(j, "open", (int)r->open);
		json_counters(j, &r->c);
		json_object_end(j);
	}
	json_array_end(j);
	json_object_end(j);
}

void output_json(FILE *out, const struct sample *s)
{
	struct json j;

	json_begin(&j, out);
	json_object(&j, NULL);
	json_string(&j, "host", nmhost_name() ? nmhost_name() : "");
	json_uint(&j, "switches", s->switches);
	json_uint(&j, "memories", s->memories);
	json_uint(&j, "clients", s->clients);
	json_array(&j, "ports");
	for (unsigned i = 0; i < s->ports; i++)
		json_port(&j, &s->port[i]);
	json_array_end(&j);
	json_object_end(&j);
	json_line_end(&j);
}

/* ---- Prometheus, text format 0.0.4 ------------------------------------------------------ */

static void label(FILE *out, const char *value)
{
	fputc('"', out);
	for (; *value; value++) {
		if (*value == '\\' || *value == '"')
			fputc('\\', out);
		if (*value == '\n')
			fputs("\\n", out);
		else
			fputc(*value, out);
	}
	fputc('"', out);
}

static void head(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* name{port="...",dir="..." and then, for a ring, its number. */
static void start(FILE *out, const char *name, const struct sample_port *p, int dir,
		  const struct sample_ring *r)
{
	fprintf(out, "%s{port=", name);
	label(out, p->name);
	fprintf(out, ",dir=\"%s\"", sample_dir_name[dir]);
	if (r)
		fprintf(out, ",ring=\"%u\"", r->number);
}

/* Where in the counters a metric is. */
static const struct metric {
	const char *port_name, *ring_name, *help;
	size_t offset;
} metrics[] = {
	{ "netmap_port_packets_total", "netmap_ring_packets_total", "Packets.",
	  offsetof(struct sample_counters, packets) },
	{ "netmap_port_bytes_total", "netmap_ring_bytes_total", "Bytes of packets.",
	  offsetof(struct sample_counters, bytes) },
	{ "netmap_port_syncs_total", "netmap_ring_syncs_total", "Syncs of rings.",
	  offsetof(struct sample_counters, syncs) },
	{ "netmap_port_sync_errors_total", "netmap_ring_sync_errors_total",
	  "Syncs that failed on an invalid ring.", offsetof(struct sample_counters, errors) },
};

static double value_of(const struct sample_counters *c, const struct metric *m)
{
	double v;

	memcpy(&v, (const char *)c + m->offset, sizeof(v));
	return v;
}

static void port_metrics(FILE *out, const struct sample *s, const struct metric *m)
{
	head(out, m->port_name, "counter", m->help);
	for (unsigned i = 0; i < s->ports; i++) {
		for (int d = 0; d < SAMPLE_DIRS; d++) {
			start(out, m->port_name, &s->port[i], d, NULL);
			fprintf(out, "} %.0f\n", value_of(&s->port[i].c[d], m));
		}
	}
	head(out, m->ring_name, "counter", m->help);
	for (unsigned i = 0; i < s->ports; i++) {
		for (unsigned k = 0; k < s->port[i].rings; k++) {
			const struct sample_ring *r = &s->port[i].ring[k];

			start(out, m->ring_name, &s->port[i], r->dir, r);
			fprintf(out, "} %.0f\n", value_of(&r->c, m));
		}
	}
}

static void drop_metrics(FILE *out, const struct sample *s)
{
	head(out, "netmap_port_drops_total", "counter", "Packets dropped, by cause.");
	for (unsigned i = 0; i < s->ports; i++) {
		for (int d = 0; d < SAMPLE_DIRS; d++) {
			const struct sample_counters *c = &s->port[i].c[d];

			for (unsigned k = 0; k < c->causes; k++) {
				start(out, "netmap_port_drops_total", &s->port[i], d, NULL);
				fputs(",cause=", out);
				label(out, c->cause[k].name);
				fprintf(out, "} %.0f\n", c->cause[k].count);
			}
		}
	}
}

static void ring_gauges(FILE *out, const struct sample *s)
{
	head(out, "netmap_ring_fill_slots", "gauge",
	     "Slots in use: rx, packets for the program; tx, packets that have not left.");
	for (unsigned i = 0; i < s->ports; i++) {
		for (unsigned k = 0; k < s->port[i].rings; k++) {
			const struct sample_ring *r = &s->port[i].ring[k];

			start(out, "netmap_ring_fill_slots", &s->port[i], r->dir, r);
			fprintf(out, "} %u\n", r->fill);
		}
	}
	head(out, "netmap_ring_slots", "gauge", "Slots of the ring.");
	for (unsigned i = 0; i < s->ports; i++) {
		for (unsigned k = 0; k < s->port[i].rings; k++) {
			const struct sample_ring *r = &s->port[i].ring[k];

			start(out, "netmap_ring_slots", &s->port[i], r->dir, r);
			fprintf(out, "} %u\n", r->slots);
		}
	}
}

static void memory_gauges(FILE *out, const struct sample *s)
{
	static const char *const keys[][2] = {
		{ "bufs", "limit" },
		{ "bufs_used", "used" },
		{ "bufs_lost", "lost" },
	};
	const struct json_value *m;

	head(out, "netmap_memory_buffers", "gauge", "Buffers of a memory region.");
	for (m = state_list(s->tree, "memories"); m; m = m->next)
		for (unsigned i = 0; i < 3; i++)
			fprintf(out, "netmap_memory_buffers{id=\"%.0f\",state=\"%s\"} %.0f\n",
				json_get_number(m, "id", 0), keys[i][1],
				json_get_number(m, keys[i][0], 0));
}

static void port_gauges(FILE *out, const struct sample *s)
{
	head(out, "netmap_port_clients", "gauge", "Programs that have the port open.");
	for (unsigned i = 0; i < s->ports; i++) {
		fputs("netmap_port_clients{port=", out);
		label(out, s->port[i].name);
		fputs(",kind=", out);
		label(out, s->port[i].kind);
		fprintf(out, "} %u\n", s->port[i].clients);
	}
}

void output_prometheus(FILE *out, const struct sample *s)
{
	for (size_t i = 0; i < sizeof(metrics) / sizeof(metrics[0]); i++)
		port_metrics(out, s, &metrics[i]);
	drop_metrics(out, s);
	ring_gauges(out, s);
	port_gauges(out, s);
	memory_gauges(out, s);
	head(out, "netmap_switches", "gauge", "VALE switches.");
	fprintf(out, "netmap_switches %u\n", s->switches);
}
