// SPDX-License-Identifier: BSD-2-Clause
/*
 * The heart of delivery, one step at a time: reservations of several senders, published in
 * any order, some of them unused. tests/model/lease.pml has the same under all schedules.
 */
#include "../../core/vale/deliver.c"

#include "t.h"

#define SLOTS	8
#define SENDERS 4

static struct nm_kring out;

static void ring_init(uint32_t slots)
{
	size_t size = sizeof(struct netmap_ring) + slots * sizeof(struct netmap_slot);

	memset(&out, 0, sizeof(out));
	nm_os_lock_init(&out.lock);
	out.num_slots = slots;
	out.ring = aligned_alloc(NM_CACHE_ALIGN, (size + 127) / 128 * 128);
	out.done = calloc(slots, sizeof(*out.done));
	t_check(out.ring && out.done);
	memset(out.ring, 0, size);
}

static void ring_free(void)
{
	free(out.ring);
	free(out.done);
}

static bool publish_n(uint32_t start, uint32_t taken, uint32_t used)
{
	struct tally t = { .slots = used };

	return publish(&out, start, taken, &t);
}

static void one_sender(void)
{
	uint32_t start, round;

	ring_init(SLOTS);
	for (round = 0; round < 100; round++) {
		t_eq(reserve(&out, 3, 0, &start), 3);
		t_eq(start, round * 3 % SLOTS);
		t_check(publish_n(start, 3, 3));
		t_eq(out.hwtail, out.lease);
		out.hwcur = out.hwtail;
	}
	ring_free();
}

static void one_slot_stays_free(void)
{
	uint32_t start;

	ring_init(SLOTS);
	t_eq(reserve(&out, 100, 0, &start), SLOTS - 1);
	t_eq(reserve(&out, 1, 0, &start), 0);
	t_check(!publish_n(start, 0, 0));
	t_check(publish_n(0, SLOTS - 1, SLOTS - 1));
	out.hwcur = 2;
	t_eq(reserve(&out, 3, 3, &start), 0);
	t_eq(reserve(&out, 100, 0, &start), 2);
	ring_free();
}

static void published_in_order(void)
{
	uint32_t a, b, c;

	ring_init(SLOTS);
	t_eq(reserve(&out, 2, 0, &a), 2);
	t_eq(reserve(&out, 2, 0, &b), 2);
	t_eq(reserve(&out, 2, 0, &c), 2);
	t_check(!publish_n(c, 2, 2));
	t_check(!publish_n(b, 2, 2));
	t_eq(out.hwtail, 0);
	t_check(publish_n(a, 2, 2));
	t_eq(out.hwtail, 6);
	ring_free();
}

/* Who got no slot ends where the next reservation begins: it may not undo that one. */
static void empty_handed_sender(void)
{
	uint32_t a, b, c;

	ring_init(SLOTS);
	t_eq(reserve(&out, 7, 0, &a), 7);
	t_eq(reserve(&out, 2, 0, &b), 0);
	out.hwcur = 0;
	t_check(publish_n(a, 7, 7));
	out.hwcur = out.hwtail;
	t_eq(reserve(&out, 3, 0, &a), 3);
	out.hwcur = out.hwtail; /* nothing more was taken; make it full: */
	t_eq(reserve(&out, 4, 0, &b), 4);
	t_eq(reserve(&out, 1, 0, &c), 0); /* empty-handed, at the end of b's run */
	t_check(publish_n(a, 3, 3));
	out.hwcur = out.hwtail;
	{
		uint32_t d;

		t_eq(reserve(&out, 2, 0, &d), 2);
		t_eq(d, c);
		t_check(!publish_n(d, 2, 2)); /* waits for b */
		t_check(!publish_n(c, 0, 0));
		t_check(publish_n(b, 4, 4));
		t_eq(out.hwtail, nm_add(d, 2, SLOTS));
	}
	t_eq(out.hwtail, out.lease);
	ring_free();
}

/*
 * A batch that finds too little room takes nothing before the receiver was asked for more: what
 * it took, and gave back after another sender's reservation, would come as empty packets.
 */
static void too_little_is_not_taken(void)
{
	struct delivery d = { 0 };
	uint32_t other;

	ring_init(SLOTS);
	t_eq(reserve(&out, 5, 5, &other), 5);
	t_check(publish_n(other, 5, 5));
	t_eq(delivery_grow(&d, &out, 4, 4), 0);
	t_eq(reserve(&out, 2, 2, &other), 2);
	flush_one(&d);
	t_check(publish_n(other, 2, 2));
	t_eq(out.hwtail, 7);
	t_eq(out.lease, 7);
	/* then it takes what there is */
	out.hwcur = 3;
	t_eq(delivery_grow(&d, &out, 4, 0), 3);
	ring_free();
}

static void unused_slots_go_back(void)
{
	uint32_t a, b;

	ring_init(SLOTS);
	t_eq(reserve(&out, 5, 0, &a), 5);
	t_check(publish_n(a, 5, 2));
	t_eq(out.hwtail, 2);
	t_eq(out.lease, 2);
	t_eq(reserve(&out, 5, 0, &b), 5);
	t_eq(b, 2);
	t_check(!publish_n(b, 5, 0));
	t_eq(out.lease, 2);
	ring_free();
}

/* A later reservation exists: what is not used becomes empty packets. */
static void unused_slots_in_between(void)
{
	uint32_t a, b, i;

	ring_init(SLOTS);
	for (i = 0; i < SLOTS; i++)
		out.ring->slot[i] = (struct netmap_slot){ .buf_idx = i + 2, .len = 60, .flags = 1 };
	t_eq(reserve(&out, 4, 0, &a), 4);
	t_eq(reserve(&out, 2, 0, &b), 2);
	t_check(publish_n(a, 4, 1));
	t_eq(out.hwtail, 4);
	t_eq(out.ring->slot[0].len, 60);
	for (i = 1; i < 4; i++) {
		t_eq(out.ring->slot[i].len, 0);
		t_eq(out.ring->slot[i].flags, 0);
		t_eq(out.ring->slot[i].buf_idx, i + 2);
	}
	t_check(publish_n(b, 2, 2));
	t_eq(out.hwtail, 6);
	ring_free();
}

/* Any schedule of senders and a receiver: what is published was reserved, in that order. */
static void any_schedule(void)
{
	struct {
		bool busy;
		uint32_t start, taken;
	} s[SENDERS];
	uint32_t slots, i, published, at = 0, busy;
	uint64_t step, seq = 0, taken_seq = 0, steps = t_rounds(2000000);
	uint64_t *owner;

	for (slots = 2; slots < 40; slots += 1 + slots / 3) {
		ring_init(slots);
		owner = calloc(slots, sizeof(*owner));
		t_check(owner);
		memset(s, 0, sizeof(s));
		seq = taken_seq = at = 0;
		for (step = 0; step < steps / 16; step++) {
			i = t_random() % (SENDERS + 1);
			if (i == SENDERS) {
				/* the receiver takes some: their numbers ascend */
				published = nm_dist(out.hwcur, out.hwtail, slots);
				published = published ? t_random() % (published + 1) : 0;
				for (; published; published--, at = nm_next(at, slots)) {
					t_check(owner[at] >= taken_seq);
					taken_seq = owner[at];
				}
				out.hwcur = at;
			} else if (!s[i].busy) {
				s[i].taken = reserve(&out, t_random() % slots, 0, &s[i].start);
				s[i].busy = true;
				seq++;
				for (busy = 0; busy < s[i].taken; busy++)
					owner[nm_add(s[i].start, busy, slots)] = seq;
			} else {
				/* all, some or none of it used */
				busy = t_random() % 3 ? s[i].taken : t_random() % (s[i].taken + 1);
				publish_n(s[i].start, s[i].taken, busy);
				s[i].busy = false;
			}
			t_check(nm_dist(out.hwcur, out.hwtail, slots) <=
				nm_dist(out.hwcur, out.lease, slots));
			for (busy = i = 0; i < SENDERS; i++)
				busy += s[i].busy;
			if (!busy)
				t_eq(out.hwtail, out.lease);
		}
		free(owner);
		ring_free();
	}
}

T_MAIN(T_CASE(one_sender), T_CASE(one_slot_stays_free), T_CASE(published_in_order),
       T_CASE(empty_handed_sender), T_CASE(too_little_is_not_taken), T_CASE(unused_slots_go_back),
       T_CASE(unused_slots_in_between), T_CASE(any_schedule))
