/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>

#include "sequence.h"
#include "stamp.h"

int sequence_init(struct sequence *s)
{
	memset(s, 0, sizeof(*s));
	s->stream = calloc(STAMP_STREAMS, sizeof(*s->stream));
	return s->stream ? 0 : -1;
}

void sequence_free(struct sequence *s)
{
	for (unsigned i = 0; s->stream && i < STAMP_STREAMS; i++)
		free(s->stream[i]);
	free(s->stream);
	s->stream = NULL;
}

static int mark(struct sequence_stream *st, uint32_t seq)
{
	uint64_t bit = 1ULL << (seq % 64), *word = &st->seen[seq % SEQUENCE_WINDOW / 64];
	int was = (*word & bit) != 0;

	*word |= bit;
	return was;
}

static void clear(struct sequence_stream *st, uint32_t seq)
{
	st->seen[seq % SEQUENCE_WINDOW / 64] &= ~(1ULL << (seq % 64));
}

/* The first number heard is the start: packets before it are not missed if they don't come. */
static void start(struct sequence_stream *st, uint32_t seq)
{
	memset(st->seen, 0, sizeof(st->seen));
	mark(st, seq);
	st->first = seq;
	st->next = seq + 1;
	st->received++;
}

static struct sequence_stream *new_stream(struct sequence *s, uint16_t id, uint32_t seq)
{
	struct sequence_stream *st = calloc(1, sizeof(*st));

	if (!st) {
		s->out_of_memory++;
		return NULL;
	}
	s->stream[id] = st;
	s->streams++;
	start(st, seq);
	return st;
}

static void ahead(struct sequence *s, struct sequence_stream *st, uint32_t seq)
{
	uint32_t gap = seq - st->next;

	st->lost += gap;
	s->lost += gap;
	if (gap >= SEQUENCE_WINDOW)
		memset(st->seen, 0, sizeof(st->seen));
	else
		for (uint32_t i = st->next; i != seq; i++)
			clear(st, i);
	mark(st, seq);
	st->next = seq + 1;
	st->received++;
}

static void behind(struct sequence *s, struct sequence_stream *st, uint32_t seq)
{
	uint32_t late = st->next - 1 - seq;

	if (late >= SEQUENCE_WINDOW) {
		st->restarts++;
		start(st, seq);
		return;
	}
	if (mark(st, seq)) {
		st->duplicates++;
		return;
	}
	st->received++;
	st->reordered++;
	/*
	 * It was taken for lost when a later one came; unless it is from before our time, which
	 * can only be at the start: later on the window does not reach back so far.
	 */
	if (st->received > 2 * SEQUENCE_WINDOW || (int32_t)(seq - st->first) > 0) {
		st->lost--;
		s->lost--;
	}
	if (late > st->max_late)
		st->max_late = late;
}

void sequence_check(struct sequence *s, uint16_t id, uint32_t seq)
{
	struct sequence_stream *st = s->stream[id];

	if (!st)
		new_stream(s, id, seq);
	else if (seq == st->next) {
		mark(st, seq);
		st->next = seq + 1;
		st->received++;
	} else if ((int32_t)(seq - st->next) > 0)
		ahead(s, st, seq);
	else
		behind(s, st, seq);
}

void sequence_add(const struct sequence *s, struct sequence_totals *t)
{
	t->unnumbered += s->unnumbered;
	t->streams += s->streams;
	for (unsigned i = 0; i < STAMP_STREAMS; i++) {
		const struct sequence_stream *st = s->stream[i];

		if (!st)
			continue;
		t->received += st->received;
		t->lost += st->lost;
		t->reordered += st->reordered;
		t->duplicates += st->duplicates;
		t->restarts += st->restarts;
		if (st->max_late > t->max_late)
			t->max_late = st->max_late;
	}
}
