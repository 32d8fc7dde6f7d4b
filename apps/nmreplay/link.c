/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>

#include "link.h"

/* Packets are in buffers of two sizes. Free ones are used again, the last first: warm. */
#define SMALL 1536
#define LARGE 65536

void link_init(struct link *l, uint64_t seed)
{
	memset(l, 0, sizeof(*l));
	l->memory = 256UL << 20;
	l->under_way.last = &l->under_way.first;
	l->held.last = &l->held.first;
	rng_seed(&l->rng, seed);
}

static void free_list(struct link_packet *p)
{
	while (p) {
		struct link_packet *next = p->next;

		free(p);
		p = next;
	}
}

void link_free(struct link *l)
{
	free_list(l->under_way.first);
	free_list(l->held.first);
	free_list(l->bare);
	free_list(l->small);
	free_list(l->large);
}

static void append(struct link_list *list, struct link_packet *p)
{
	p->next = NULL;
	*list->last = p;
	list->last = &p->next;
}

static void remove_first(struct link_list *list)
{
	list->first = list->first->next;
	if (!list->first)
		list->last = &list->first;
}

static struct link_packet **pool_of(struct link *l, unsigned room)
{
	return room == 0 ? &l->bare : room == SMALL ? &l->small : &l->large;
}

static struct link_packet *new_packet(struct link *l, const uint8_t *data, unsigned len, int copy)
{
	unsigned room = !copy ? 0 : len <= SMALL ? SMALL : LARGE;
	struct link_packet **pool = pool_of(l, room), *p = *pool;

	if (copy && len > LARGE)
		return NULL;
	if (l->used + sizeof(*p) + room > l->memory)
		return NULL;
	if (p) {
		*pool = p->next;
	} else {
		p = malloc(sizeof(*p) + room);
		if (!p)
			return NULL;
		p->room = room;
	}
	l->used += sizeof(*p) + room;
	p->len = len;
	p->data = data;
	if (copy) {
		memcpy(p->copy, data, len);
		p->data = p->copy;
	}
	return p;
}

static void release(struct link *l, struct link_packet *p)
{
	struct link_packet **pool = pool_of(l, p->room);

	l->used -= sizeof(*p) + p->room;
	p->next = *pool;
	*pool = p;
}

/* Puts a packet on its way, to come out at `when`. */
static void launch(struct link *l, const uint8_t *data, unsigned len, uint64_t when, int copy)
{
	struct link_packet *p = new_packet(l, data, len, copy);

	if (!p) {
		l->c.no_memory++;
		return;
	}
	p->when = when;
	if (l->reorder.probability > 0 && rng_unit(&l->rng) < l->reorder.probability) {
		p->when += (uint64_t)l->reorder.hold_ns;
		l->c.held++;
		append(&l->held, p); /* all are held equally long, so this list is in order */
	} else {
		append(&l->under_way, p);
	}
}

/* Has the packet room in the queue before the wire? What waits is what keeps the wire busy. */
static int queue_has_room(const struct link *l, unsigned len, double arrival)
{
	double waiting, full = bandwidth_ns(&l->bandwidth, 1500);

	if (l->queue_bytes <= 0 || full <= 0)
		return 1;
	waiting = (l->busy_until - arrival) * 1500 / full;
	return waiting <= 0 || waiting + len <= l->queue_bytes;
}

uint64_t link_input(struct link *l, const uint8_t *data, unsigned len, uint64_t now, int copy)
{
	double arrival;
	uint64_t when;

	if (l->c.in++ == 0)
		l->base = now;
	arrival = (double)(now - l->base);
	l->c.in_bytes += len;
	if (!queue_has_room(l, len, arrival)) {
		l->c.queue_full++;
		return l->base + (uint64_t)l->busy_until;
	}
	if (l->busy_until < arrival)
		l->busy_until = arrival;
	l->busy_until += bandwidth_ns(&l->bandwidth, len);
	/* A packet that gets lost on its way has used the wire like any other. */
	if (loss_sample(&l->loss, len, &l->rng)) {
		l->c.lost++;
		return l->base + (uint64_t)l->busy_until;
	}
	when = l->base + (uint64_t)(l->busy_until + delay_sample(&l->delay, &l->rng));
	if (when < l->last_when)
		when = l->last_when;
	l->last_when = when;
	launch(l, data, len, when, copy);
	if (l->duplicate > 0 && rng_unit(&l->rng) < l->duplicate) {
		l->c.duplicated++;
		launch(l, data, len, when, copy);
	}
	return l->base + (uint64_t)l->busy_until;
}

struct link_packet *link_output(struct link *l)
{
	struct link_packet *a = l->under_way.first, *b = l->held.first;

	if (!a || !b)
		return a ? a : b;
	return b->when < a->when ? b : a;
}

void link_output_done(struct link *l, struct link_packet *p)
{
	l->c.out++;
	l->c.out_bytes += p->len;
	remove_first(p == l->held.first ? &l->held : &l->under_way);
	release(l, p);
}
