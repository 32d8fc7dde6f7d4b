/* SPDX-License-Identifier: BSD-2-Clause */
/* nmreplay's link models in virtual time: bandwidth, delay, queue, loss, order, copies. */
#include <math.h>
#include <string.h>

#include "../../apps/nmreplay/link.h"
#include "check.h"

#define US 1000ULL
#define MS 1000000ULL
#define T0 987654321987654ULL /* a machine that is up for eleven days */

static struct link l;
static const uint8_t data[9000];

static void test_parse(void)
{
	static const char *const bad[] = { "",	    "x",       "-1",	     "1x",
					   "a,1",   "1,2,3,4", "uniform,1",  "uniform,2,1",
					   "plr,2", "real,0",  "const,2,1ms" };
	struct bandwidth b;
	struct delay d;
	struct loss lo;
	struct reorder r;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CHECK(bandwidth_parse(bad[i], &b), "%s", bad[i]);
		CHECK(delay_parse(bad[i], &d), "%s", bad[i]);
		CHECK(loss_parse(bad[i], &lo), "%s", bad[i]);
		CHECK(reorder_parse(bad[i], &r), "%s", bad[i]);
	}
	CHECK(!bandwidth_parse("10G", &b) && b.kind == BANDWIDTH_CONSTANT && b.rate == 1e10);
	CHECK(!bandwidth_parse("ether,1M", &b) && b.kind == BANDWIDTH_ETHER && b.rate == 1e6);
	CHECK(!bandwidth_parse("real", &b) && b.kind == BANDWIDTH_REAL && b.rate == 1);
	CHECK(!bandwidth_parse("real,0.5", &b) && b.kind == BANDWIDTH_REAL && b.rate == 0.5);
	CHECK(!bandwidth_parse("pps,5M", &b) && b.kind == BANDWIDTH_PACKETS && b.rate == 5e6);
	CHECK(!bandwidth_parse("0", &b) && b.kind == BANDWIDTH_NONE);
	CHECK(!delay_parse("10ms", &d) && d.min_ns == 1e7 && d.max_ns == 1e7);
	CHECK(!delay_parse("uniform,1u,3u", &d) && d.kind == DELAY_UNIFORM && d.max_ns == 3000);
	CHECK(!delay_parse("exp,1m,2m", &d) && d.kind == DELAY_EXPONENTIAL && d.min_ns == 1e6);
	CHECK(!loss_parse("0.1", &lo) && lo.kind == LOSS_PACKETS && lo.rate == 0.1);
	CHECK(!loss_parse("ber,1e-6", &lo) && lo.kind == LOSS_BITS && lo.rate == 1e-6);
	CHECK(!reorder_parse("const,0.1,5ms", &r) && r.probability == 0.1 && r.hold_ns == 5e6);
}

/* How long a saturated link takes, for lengths that divide badly into nanoseconds. */
static void test_bandwidth(const char *text, unsigned len, double want_ns)
{
	uint64_t free_at = 0;
	struct link_packet *p;
	unsigned n = 0;

	link_init(&l, 1);
	CHECK(bandwidth_parse(text, &l.bandwidth) == 0);
	for (int i = 0; i < 100000; i++)
		free_at = link_input(&l, data, len, T0, 0);
	CHECK(fabs((double)(free_at - T0) / 100000 - want_ns) < want_ns * 1e-5 + 1e-3, "%s: %f",
	      text, (double)(free_at - T0) / 100000);
	while ((p = link_output(&l)) != NULL) {
		n++;
		CHECK(fabs((double)(p->when - T0) - n * want_ns) < 2 + n * want_ns * 1e-9,
		      "%s: packet %u at %f", text, n, (double)(p->when - T0));
		link_output_done(&l, p);
	}
	CHECK(n == 100000 && l.used == 0);
	link_free(&l);
}

/* A link that is used less than it can take passes packets on with no wait. */
static void test_idle_link(void)
{
	struct link_packet *p;

	link_init(&l, 1);
	bandwidth_parse("1G", &l.bandwidth);
	delay_parse("1ms", &l.delay);
	for (uint64_t i = 0; i < 1000; i++) {
		link_input(&l, data, 125, T0 + i * 10 * US, 1); /* takes 1 us */
		p = link_output(&l);
		CHECK(p && p->when == T0 + i * 10 * US + 1 * US + 1 * MS);
		CHECK(p->data != data && memcmp(p->data, data, 125) == 0, "a copy");
		link_output_done(&l, p);
	}
	link_free(&l);
}

static void test_delays(const char *text, double mean, double low, double high)
{
	struct link_packet *p;
	double sum = 0;

	link_init(&l, 2);
	CHECK(delay_parse(text, &l.delay) == 0);
	for (uint64_t i = 0; i < 200000; i++) {
		double d;

		link_input(&l, data, 60, T0 + i * 100 * MS, 0);
		p = link_output(&l);
		d = (double)(p->when - (T0 + i * 100 * MS));
		CHECK(d >= low - 1 && d <= high, "%s: %f", text, d);
		sum += d;
		link_output_done(&l, p);
	}
	CHECK(fabs(sum / 200000 / mean - 1) < 0.01, "%s: mean %f", text, sum / 200000);
	link_free(&l);
}

/* Random delays never change the order: times only grow. */
static void test_order(void)
{
	uint64_t last = 0;
	struct link_packet *p;

	link_init(&l, 3);
	delay_parse("exp,0,5ms", &l.delay);
	for (uint64_t i = 0; i < 50000; i++)
		link_input(&l, data + i % 1000, 60, T0 + i * 10 * US, 0);
	for (uint64_t i = 0; i < 50000; i++) {
		p = link_output(&l);
		CHECK(p->when >= last && p->data == data + i % 1000);
		last = p->when;
		link_output_done(&l, p);
	}
	CHECK(link_output(&l) == NULL);
	link_free(&l);
}

static void test_loss(const char *text, unsigned len, double want)
{
	link_init(&l, 4);
	CHECK(loss_parse(text, &l.loss) == 0);
	for (int i = 0; i < 300000; i++) {
		link_input(&l, data, len, T0, 0);
		if (link_output(&l))
			link_output_done(&l, link_output(&l));
	}
	CHECK(fabs((double)l.c.lost / 300000 - want) < 4 * sqrt(want / 300000), "%s: %f", text,
	      (double)l.c.lost / 300000);
	CHECK(l.c.lost + l.c.out == 300000);
	link_free(&l);
}

/* A full queue drops; what is accepted leaves at the rate of the link. */
static void test_queue(void)
{
	link_init(&l, 5);
	bandwidth_parse("8M", &l.bandwidth); /* a byte every microsecond */
	l.queue_bytes = 10000;
	for (int i = 0; i < 50; i++)
		link_input(&l, data, 1000, T0, 0);
	CHECK(l.c.queue_full == 40, "%u", (unsigned)l.c.queue_full);
	/* Room comes back as bytes leave. */
	link_input(&l, data, 1000, T0 + 900 * US, 0);
	CHECK(l.c.queue_full == 41);
	link_input(&l, data, 1000, T0 + 1001 * US, 0);
	CHECK(l.c.queue_full == 41);
	while (link_output(&l))
		link_output_done(&l, link_output(&l));
	CHECK(l.c.out == 11);
	link_free(&l);
}

static void test_reorder_and_duplicates(void)
{
	static unsigned char seen[20000];
	uint64_t last = 0, late = 0, copies = 0;
	struct link_packet *p;
	unsigned highest = 0, i;

	link_init(&l, 6);
	reorder_parse("0.1,5ms", &l.reorder);
	l.duplicate = 0.05;
	for (i = 0; i < 20000; i++) {
		uint8_t b[4];

		memcpy(b, &i, 4);
		link_input(&l, b, 4, T0 + i * 100 * US, 1);
	}
	while ((p = link_output(&l)) != NULL) {
		memcpy(&i, p->data, 4);
		CHECK(p->when >= last);
		last = p->when;
		copies += seen[i]++;
		if (i < highest) {
			late++;
			CHECK(p->when == T0 + i * 100 * US + 5 * MS, "held for 5 ms");
		} else {
			highest = i;
		}
		link_output_done(&l, p);
	}
	CHECK(l.c.out == 20000 + l.c.duplicated && l.used == 0);
	CHECK(copies == l.c.duplicated && fabs((double)copies - 1000) < 130, "%u copies",
	      (unsigned)copies);
	CHECK(fabs((double)l.c.held - 2100) < 200 && late > l.c.held * 9 / 10, "%u held, %u late",
	      (unsigned)l.c.held, (unsigned)late);
	link_free(&l);
}

static void test_memory(void)
{
	link_init(&l, 7);
	l.memory = 100 * 2000;
	for (int i = 0; i < 200; i++)
		link_input(&l, data, i & 1 ? 60 : 9000, T0, 1);
	CHECK(l.c.no_memory > 0 && l.used <= l.memory);
	while (link_output(&l))
		link_output_done(&l, link_output(&l));
	CHECK(l.used == 0 && l.c.out + l.c.no_memory == 200);
	link_free(&l);
}

int main(void)
{
	test_parse();
	test_bandwidth("1G", 60, 480);
	test_bandwidth("10G", 1514, 1211.2);
	test_bandwidth("100G", 61, 4.88);
	test_bandwidth("ether,10G", 60, 67.2);
	test_bandwidth("pps,3M", 1514, 333.33333333);
	test_bandwidth("0", 1514, 0);
	test_idle_link();
	test_delays("3ms", 3e6, 3e6, 3e6);
	test_delays("uniform,1ms,5ms", 3e6, 1e6, 5e6);
	test_delays("exp,1ms,3ms", 3e6, 1e6, 90e6);
	test_order();
	test_loss("0.01", 60, 0.01);
	test_loss("ber,1e-6", 1500, 0.011928);
	test_loss("ber,1e-4", 60, 0.046863);
	test_queue();
	test_reorder_and_duplicates();
	test_memory();
	return check_result();
}
