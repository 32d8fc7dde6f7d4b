/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../common/clock.h"
#include "sample.h"

const char *const sample_dir_name[SAMPLE_DIRS] = { "tx", "rx" };

static unsigned count(const struct json_value *v)
{
	unsigned n = 0;

	for (; v; v = v->next)
		n++;
	return n;
}

/* A number of the listing as an unsigned int, whatever it holds. */
static unsigned number(const struct json_value *v, const char *key)
{
	double d = json_get_number(v, key, 0);

	return d > 0 && d < 4e9 ? (unsigned)d : 0;
}

static int truth(const struct json_value *v, const char *key)
{
	const struct json_value *m = json_get(v, key);

	return m && m->type == JSON_BOOL && m->boolean;
}

static const struct json_value *members(const struct json_value *v, const char *key)
{
	const struct json_value *m = json_get(v, key);

	return m && (m->type == JSON_ARRAY || m->type == JSON_OBJECT) ? m->child : NULL;
}

static void read_counters(struct sample_counters *c, const struct json_value *v)
{
	const struct json_value *d;

	c->packets = json_get_number(v, "packets", 0);
	c->bytes = json_get_number(v, "bytes", 0);
	c->syncs = json_get_number(v, "syncs", 0);
	c->errors = json_get_number(v, "errors", 0);
	for (d = members(v, "drops"); d && c->causes < SAMPLE_CAUSES; d = d->next) {
		if (!d->key || d->type != JSON_NUMBER)
			continue;
		c->cause[c->causes].name = d->key;
		c->cause[c->causes++].count = d->number;
		c->drops += d->number;
	}
}

/* A counter that went back belongs to a port that was closed and opened again. */
static double rate(double now, double before, double s)
{
	return now > before && s > 0 ? (now - before) / s : 0;
}

static void set_rates(struct sample_counters *c, const struct sample_counters *before, double s)
{
	c->pps = rate(c->packets, before->packets, s);
	c->bps = rate(c->bytes, before->bytes, s) * 8;
	c->drops_ps = rate(c->drops, before->drops, s);
}

static void read_ring(struct sample_ring *r, const struct json_value *v)
{
	const char *dir = json_get_string(v, "dir", "tx");
	unsigned head = number(v, "head"), hwtail = number(v, "hwtail"), ours;

	r->dir = strcmp(dir, "rx") == 0 ? SAMPLE_RX : SAMPLE_TX;
	r->number = number(v, "ring");
	r->slots = number(v, "slots");
	r->open = truth(v, "open");
	read_counters(&r->c, v);
	if (r->slots < 2 || head >= r->slots || hwtail >= r->slots)
		return;
	ours = hwtail - head + (hwtail < head ? r->slots : 0); /* the program's slots */
	r->fill = r->dir == SAMPLE_RX ? ours : r->slots - 1 - ours;
}

static int read_port(struct sample_port *p, const struct json_value *v)
{
	const struct json_value *m;

	p->name = json_get_string(v, "name", "?");
	p->kind = json_get_string(v, "kind", "?");
	p->info = json_get_string(v, "info", "");
	p->up = truth(v, "up");
	p->mem_id = number(v, "mem_id");
	for (int d = 0; d < SAMPLE_DIRS; d++)
		read_counters(&p->c[d], json_get(v, sample_dir_name[d]));
	m = members(v, "rings");
	p->ring = calloc(count(m) + 1, sizeof(*p->ring));
	if (!p->ring)
		return -1;
	for (; m; m = m->next) {
		struct sample_ring *r = &p->ring[p->rings++];

		read_ring(r, m);
		if (!r->open)
			continue;
		p->fill[r->dir] += r->fill;
		p->slots[r->dir] += r->slots;
	}
	return 0;
}

static const struct sample_port *find_port(const struct sample *s, const char *name, unsigned hint)
{
	/* Ports mostly stay where they were. */
	if (hint < s->ports && strcmp(s->port[hint].name, name) == 0)
		return &s->port[hint];
	for (unsigned i = 0; i < s->ports; i++)
		if (strcmp(s->port[i].name, name) == 0)
			return &s->port[i];
	return NULL;
}

static void compare(struct sample *s, const struct sample *previous)
{
	double seconds = (double)(s->ns - previous->ns) / 1e9;

	for (unsigned i = 0; i < s->ports; i++) {
		struct sample_port *p = &s->port[i];
		const struct sample_port *before = find_port(previous, p->name, i);

		if (!before)
			continue;
		for (int d = 0; d < SAMPLE_DIRS; d++)
			set_rates(&p->c[d], &before->c[d], seconds);
		for (unsigned k = 0; k < p->rings && k < before->rings; k++)
			set_rates(&p->ring[k].c, &before->ring[k].c, seconds);
	}
}

static void count_clients(struct sample *s)
{
	const struct json_value *c;

	for (c = state_list(s->tree, "clients"); c; c = c->next) {
		const char *name = json_get_string(c, "port", "");

		s->clients++;
		for (unsigned i = 0; i < s->ports; i++)
			if (strcmp(s->port[i].name, name) == 0)
				s->port[i].clients++;
	}
}

int sample_from(struct sample *s, struct json_value *tree, const struct sample *previous,
		uint64_t ns)
{
	const struct json_value *v = state_list(tree, "ports");

	memset(s, 0, sizeof(*s));
	s->tree = tree;
	s->ns = ns;
	s->port = calloc(count(v) + 1, sizeof(*s->port));
	for (; s->port && v; v = v->next)
		if (read_port(&s->port[s->ports++], v))
			goto fail;
	if (!s->port)
		goto fail;
	s->switches = count(state_list(tree, "switches"));
	s->memories = count(state_list(tree, "memories"));
	count_clients(s);
	if (previous)
		compare(s, previous);
	return 0;
fail:
	sample_free(s);
	return -1;
}

int sample_take(struct sample *s, const struct sample *previous, char error[STATE_ERROR])
{
	struct json_value *tree = state_get(error);

	if (!tree)
		return -1;
	if (sample_from(s, tree, previous, now_ns()) == 0)
		return 0;
	snprintf(error, STATE_ERROR, "no memory");
	return -1;
}

void sample_free(struct sample *s)
{
	for (unsigned i = 0; s->port && i < s->ports; i++)
		free(s->port[i].ring);
	free(s->port);
	json_free(s->tree);
	memset(s, 0, sizeof(*s));
}
