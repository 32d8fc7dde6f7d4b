/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Plays a file. Packets go into the link a little ahead of their time, and the sender spins for
 * the last microseconds before each is due, so that times are kept to the microsecond.
 */
#include "../common/clock.h"
#include "../common/signals.h"
#include "program.h"

#define AHEAD	 4096	 /* packets in the link */
#define SPIN_NS	 100000	 /* wakeups from sleep may be so late */
#define START_NS 2000000 /* from now to the first packet */

struct source {
	const struct pcapfile *file;
	const struct bandwidth *bandwidth;
	size_t next;
	uint64_t loop, loops; /* of this many, 0: no end */
	uint64_t taken, count;
	uint64_t base; /* when the first packet of this loop comes */
	uint64_t last; /* when the last packet came: times never go back */
};

static int source_done(const struct source *s)
{
	return (s->loops && s->loop == s->loops) || (s->count && s->taken == s->count);
}

/* When the next packet comes. Without the file's times, all are there from the start. */
static uint64_t source_time(struct source *s)
{
	const struct pcapfile_packet *p = s->file->packet;
	uint64_t t = s->base;

	if (s->bandwidth->kind == BANDWIDTH_REAL && p[s->next].ts_ns > p[0].ts_ns)
		t += (uint64_t)((double)(p[s->next].ts_ns - p[0].ts_ns) / s->bandwidth->rate);
	if (t < s->last)
		t = s->last;
	s->last = t;
	return t;
}

static void source_step(struct source *s)
{
	s->taken++;
	if (++s->next < s->file->count)
		return;
	s->next = 0;
	s->loop++;
	/* From the last packet to the first one again: as long as between others. */
	if (s->bandwidth->kind == BANDWIDTH_REAL && s->file->count > 1)
		s->base = s->last + (s->last - s->base) / (s->file->count - 1);
}

static void feed(struct direction *d, struct source *s)
{
	/* What the models drop does not fill the link: not forever at one go. */
	for (int tries = 0; tries < AHEAD && !source_done(s); tries++) {
		const struct pcapfile_packet *p = &s->file->packet[s->next];

		if (d->link.used > AHEAD * sizeof(struct link_packet))
			break;
		link_input(&d->link, pcapfile_data(s->file, s->next), p->len, source_time(s), 0);
		source_step(s);
	}
}

static void wait_until(uint64_t when)
{
	uint64_t now = now_ns(), soon = now + NS_PER_SEC / 10;

	if (when > now + SPIN_NS) {
		when -= SPIN_NS;
		sleep_until_ns(when < soon ? when : soon); /* look at the stop flag */
		return;
	}
	while (now_ns() < when)
		__builtin_ia32_pause();
}

void replay_run(struct program *p)
{
	struct direction *d = &p->dir[0];
	struct source s = {
		.file = &p->file,
		.bandwidth = &d->link.bandwidth,
		.loops = p->loops,
		.count = p->count,
		.base = now_ns() + START_NS,
	};
	struct link_packet *next;

	while (!stop_requested) {
		feed(d, &s);
		atomic_store_explicit(&d->shown_in, d->link.c.in, memory_order_relaxed);
		next = link_output(&d->link);
		if (!next) {
			if (source_done(&s))
				break;
			continue;
		}
		wait_until(next->when);
		if (sender_run(&d->sender, now_ns()) < 0 ||
		    (d->sender.full && port_poll(d->sender.port, POLLOUT, 100) < 0)) {
			direction_fail(d, d->sender.port, "sending");
			return;
		}
		atomic_store_explicit(&d->shown_out, d->link.c.out, memory_order_relaxed);
	}
	if (port_drain(d->sender.port, 1000) < 0)
		direction_fail(d, d->sender.port, "sending the last packets");
}
