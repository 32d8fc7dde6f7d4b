/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lb's flow hash: both directions of a flow, all its fragments, with and without tags and
 * tunnels, get one number; a million flows spread evenly; and no frame is read beyond its end.
 */
#include <math.h>
#include <string.h>

#include "../../apps/common/random.h"
#include "../../apps/lb/flow.h"
#include "check.h"

static struct flow flow;

struct frame {
	uint8_t b[512];
	size_t len;
};

struct tuple {
	int v6;
	uint8_t proto;
	uint8_t a[16], b[16];
	uint16_t pa, pb;
};

static void random_tuple(struct tuple *t, struct rng *r)
{
	static const uint8_t protos[] = { 6, 17, 132, 136, 33 };

	t->v6 = (int)rng_below(r, 2);
	t->proto = protos[rng_below(r, sizeof(protos))];
	for (int i = 0; i < 16; i++) {
		t->a[i] = (uint8_t)rng_next(r);
		t->b[i] = (uint8_t)rng_next(r);
	}
	t->pa = (uint16_t)rng_next(r);
	t->pb = (uint16_t)rng_next(r);
}

/* A dull network: neighbouring addresses, neighbouring ports. The hash must not mind. */
static void dull_tuple(struct tuple *t, unsigned i)
{
	memset(t, 0, sizeof(*t));
	t->proto = 6;
	memcpy(t->a, (uint8_t[]){ 10, 0, (uint8_t)(i >> 16), (uint8_t)(i >> 8) }, 4);
	memcpy(t->b, (uint8_t[]){ 192, 168, 0, 1 }, 4);
	t->pa = (uint16_t)(1024 + (i & 255));
	t->pb = 80;
}

static void add(struct frame *f, const void *data, size_t n)
{
	memcpy(f->b + f->len, data, n);
	f->len += n;
}

static void add16(struct frame *f, unsigned v)
{
	add(f, (uint8_t[]){ (uint8_t)(v >> 8), (uint8_t)v }, 2);
}

static void add_ethernet(struct frame *f, int back, unsigned tags, unsigned type)
{
	static const uint8_t macs[2][6] = { { 2, 0, 0, 0, 0, 1 }, { 2, 0, 0, 0, 0, 2 } };

	add(f, macs[!back], 6);
	add(f, macs[back], 6);
	for (unsigned i = 0; i < tags; i++) {
		add16(f, i == 0 && tags > 1 ? 0x88a8 : 0x8100);
		add16(f, 100 + i);
	}
	add16(f, type);
}

/* frag: offset in 8 bytes, or -1 for a whole packet; more: others follow. */
static void add_ip(struct frame *f, const struct tuple *t, int back, int frag, int more,
		   unsigned id, uint8_t proto)
{
	const uint8_t *src = back ? t->b : t->a, *dst = back ? t->a : t->b;
	unsigned word = frag < 0 ? 0x4000 : (unsigned)frag | (more ? 0x2000 : 0);

	if (!t->v6) {
		add16(f, 0x4500);
		add16(f, 60);
		add16(f, id);
		add16(f, word);
		add(f, (uint8_t[]){ 64, proto, 0, 0 }, 4);
		add(f, src, 4);
		add(f, dst, 4);
		return;
	}
	add(f, (uint8_t[]){ 0x60, 0, 0, 0, 0, 60, frag < 0 ? 0 : 44, 64 }, 8);
	add(f, src, 16);
	add(f, dst, 16);
	if (frag < 0) { /* an extension header to walk over */
		add(f, (uint8_t[]){ proto, 0, 1, 4, 0, 0, 0, 0 }, 8);
	} else {
		add(f, (uint8_t[]){ proto, 0 }, 2);
		add16(f, (unsigned)frag << 3 | (more ? 1 : 0));
		add16(f, 0);
		add16(f, id);
	}
}

static void add_ports(struct frame *f, const struct tuple *t, int back)
{
	add16(f, back ? t->pb : t->pa);
	add16(f, back ? t->pa : t->pb);
	add(f, "some payload that is not looked at", 34);
}

static unsigned ip_type(const struct tuple *t)
{
	return t->v6 ? 0x86dd : 0x0800;
}

static struct frame whole(const struct tuple *t, int back, unsigned tags)
{
	struct frame f = { .len = 0 };

	add_ethernet(&f, back, tags, ip_type(t));
	add_ip(&f, t, back, -1, 0, 0, t->proto);
	add_ports(&f, t, back);
	return f;
}

static uint64_t hash(const struct frame *f)
{
	return flow_hash(&flow, f->b, f->len);
}

static void check_balance(const unsigned *count, unsigned n, unsigned total, const char *what)
{
	for (unsigned i = 0; i < n; i++)
		CHECK(fabs((double)count[i] * n / total - 1) < 0.05, "%s: %u of %u have %u", what,
		      i, n, count[i]);
}

static void test_million(int dull)
{
	static const unsigned outputs[] = { 2, 3, 7, 8, 16, 64 };
	static unsigned count[6][64];
	struct rng rng;
	unsigned wrong = 0;

	rng_seed(&rng, 11);
	memset(count, 0, sizeof(count));
	for (unsigned i = 0; i < 1000000; i++) {
		struct frame there, back;
		struct tuple t;
		uint64_t h;

		if (dull)
			dull_tuple(&t, i);
		else
			random_tuple(&t, &rng);
		there = whole(&t, 0, i % 3);
		back = whole(&t, 1, (i / 3) % 3);
		h = hash(&there);
		wrong += h != hash(&back);
		for (unsigned k = 0; k < 6; k++)
			count[k][flow_pick(h, outputs[k])]++;
	}
	CHECK(wrong == 0, "%u of a million flows have two numbers", wrong);
	for (unsigned k = 0; k < 6; k++)
		check_balance(count[k], outputs[k], 1000000, dull ? "dull" : "random");
}

/* What must make a difference does. */
static void test_differences(void)
{
	struct tuple t, u;
	struct rng rng;
	unsigned same = 0;

	rng_seed(&rng, 12);
	for (int i = 0; i < 20000; i++) {
		struct frame a, b;

		random_tuple(&t, &rng);
		u = t;
		switch (i % 5) {
		case 0:
			u.pa ^= (uint16_t)(1 << rng_below(&rng, 16));
			break;
		case 1:
			u.a[rng_below(&rng, t.v6 ? 16 : 4)] ^= 1;
			break;
		case 2:
			u.proto = t.proto == 6 ? 17 : 6;
			break;
		case 3: /* the ports at the other ends: another flow */
			u.pa = t.pb;
			u.pb = t.pa;
			break;
		case 4:
			u.b[0] ^= 0x80;
			break;
		}
		a = whole(&t, 0, 0);
		b = whole(&u, 0, 0);
		same += hash(&a) == hash(&b);
	}
	CHECK(same <= 1, "%u", same); /* equal ports, by chance */
}

static void test_fragments(void)
{
	struct rng rng;

	rng_seed(&rng, 13);
	for (unsigned i = 0; i < 50000; i++) {
		struct frame w, first = { 0 }, later = { 0 }, other = { 0 };
		struct tuple t;

		random_tuple(&t, &rng);
		w = whole(&t, 1, 0);
		add_ethernet(&first, 0, 1, ip_type(&t));
		add_ip(&first, &t, 0, 0, 1, i & 0xffff, t.proto);
		add_ports(&first, &t, 0);
		add_ethernet(&later, 0, 1, ip_type(&t));
		add_ip(&later, &t, 0, 100, i & 1, i & 0xffff, t.proto);
		add(&later, "bytes where ports would be, and others", 38);
		CHECK(hash(&first) == hash(&w), "the first fragment has ports");
		CHECK(hash(&later) == hash(&w), "a later one follows it");
		/* One whose first part was never seen: by addresses, in both directions. */
		add_ethernet(&other, 0, 0, ip_type(&t));
		add_ip(&other, &t, 0, 100, 0, (i + 7) & 0xffff, t.proto);
		memset(&later, 0, sizeof(later));
		add_ethernet(&later, 1, 0, ip_type(&t));
		add_ip(&later, &t, 1, 5, 1, (i + 9) & 0xffff, t.proto);
		CHECK(hash(&other) == hash(&later), "by addresses");
	}
}

static struct frame tunnel(const struct tuple *outer, const struct tuple *t, int back, int kind)
{
	struct frame f = { .len = 0 };

	add_ethernet(&f, back, 0, ip_type(outer));
	switch (kind) {
	case 0: /* VXLAN: the source port differs between the directions */
		add_ip(&f, outer, back, -1, 0, 0, 17);
		add16(&f, back ? 50000 : 60000);
		add16(&f, 4789);
		add(&f, "\0\0\0\0", 4);
		add(&f, "\x08\0\0\0\0\1\2\0", 8);
		add_ethernet(&f, back, 1, ip_type(t));
		break;
	case 1: /* GRE with key and sequence number */
		add_ip(&f, outer, back, -1, 0, 0, 47);
		add16(&f, 0x3000);
		add16(&f, ip_type(t));
		add(&f, "keykseqn", 8);
		break;
	case 2: /* Ethernet in GRE with a checksum */
		add_ip(&f, outer, back, -1, 0, 0, 47);
		add16(&f, 0x8000);
		add16(&f, 0x6558);
		add(&f, "csum", 4);
		add_ethernet(&f, back, 0, ip_type(t));
		break;
	case 3: /* IP in IP */
		add_ip(&f, outer, back, -1, 0, 0, t->v6 ? 41 : 4);
		break;
	}
	add_ip(&f, t, back, -1, 0, 0, t->proto);
	add_ports(&f, t, back);
	return f;
}

static void test_tunnels(void)
{
	struct tuple t, u, outer;
	struct rng rng;

	rng_seed(&rng, 14);
	random_tuple(&outer, &rng);
	for (int i = 0; i < 40000; i++) {
		struct frame a, b, c, plain;

		outer.v6 = i / 4 & 1;
		random_tuple(&t, &rng);
		random_tuple(&u, &rng);
		a = tunnel(&outer, &t, 0, i % 4);
		b = tunnel(&outer, &t, 1, i % 4);
		c = tunnel(&outer, &u, 0, i % 4);
		plain = whole(&t, 0, 0);
		flow.inner = 1;
		CHECK(hash(&a) == hash(&b), "both directions, kind %d", i % 4);
		CHECK(hash(&a) != hash(&c), "inner flows differ, kind %d", i % 4);
		CHECK(hash(&a) == hash(&plain), "as without the tunnel, kind %d", i % 4);
		flow.inner = 0;
		if (i % 4 && t.v6 == u.v6)
			CHECK(hash(&a) == hash(&c), "one outer flow, kind %d", i % 4);
	}
}

static void test_arp_and_others(void)
{
	static const uint8_t question[] = { 0,	1, 8, 0, 6, 4, 0, 1, 2, 0, 0,  0, 0, 1,
					    10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 10, 0, 0, 2 };
	static const uint8_t answer[] = { 0,  1, 8, 0, 6, 4, 0, 2, 2, 0, 0,  0, 0, 2,
					  10, 0, 0, 2, 2, 0, 0, 0, 0, 1, 10, 0, 0, 1 };
	struct frame a = { 0 }, b = { 0 };

	add_ethernet(&a, 0, 0, 0x0806);
	memset(a.b, 0xff, 6);
	add(&a, question, sizeof(question));
	add_ethernet(&b, 1, 0, 0x0806);
	add(&b, answer, sizeof(answer));
	CHECK(hash(&a) == hash(&b), "ARP");
	memset(&a, 0, sizeof(a));
	memset(&b, 0, sizeof(b));
	add_ethernet(&a, 0, 0, 0x88cc);
	add_ethernet(&b, 1, 0, 0x88cc);
	CHECK(hash(&a) == hash(&b), "by MAC addresses");
	a.len = b.len = 0;
	add_ethernet(&a, 0, 0, 38);
	add_ethernet(&b, 1, 0, 39);
	CHECK(hash(&a) == hash(&b), "802.3 lengths");
}

/* Every cut and random damage, in memory of the exact size, for the sanitizers. */
static void test_hostile(void)
{
	struct tuple t, outer;
	struct rng rng;

	flow.inner = 1;
	rng_seed(&rng, 15);
	for (int i = 0; i < 2000; i++) {
		struct frame f;

		random_tuple(&t, &rng);
		random_tuple(&outer, &rng);
		f = i & 1 ? tunnel(&outer, &t, 0, i / 2 % 4) : whole(&t, 0, i % 5);
		for (size_t len = 1; len <= f.len; len += 1 + rng_below(&rng, 8)) {
			uint8_t *copy = malloc(len);

			memcpy(copy, f.b, len);
			for (int k = 0; k < i % 4; k++)
				copy[rng_below(&rng, len)] = (uint8_t)rng_next(&rng);
			flow_hash(&flow, copy, len);
			free(copy);
		}
	}
	flow_hash(&flow, NULL, 0);
	flow.inner = 0;
}

int main(void)
{
	flow_init(&flow, 0x1234567, 0);
	test_million(0);
	test_million(1);
	test_differences();
	test_fragments();
	test_tunnels();
	test_arp_and_others();
	test_hostile();
	return check_result();
}
