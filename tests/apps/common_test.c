/* SPDX-License-Identifier: BSD-2-Clause */
/* What the programs share: numbers, JSON, histograms, pacing, sequence checks. */
#include <math.h>
#include <string.h>

#include "../../apps/common/histogram.h"
#include "../../apps/common/json.h"
#include "../../apps/common/random.h"
#include "../../apps/common/units.h"
#include "../../apps/pkt-gen/rate.h"
#include "../../apps/pkt-gen/sequence.h"
#include "check.h"

static void test_units(void)
{
	static const char *const bad[] = {
		"", "-1", "x", "1x", "1kk", "nan", "inf", "1e400", " 1"
	};
	char buf[UNITS_TEXT];
	uint64_t v;
	double d;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CHECK(parse_count(bad[i], &v) != 0, "%s", bad[i]);
		CHECK(parse_scaled(bad[i], &d) != 0, "%s", bad[i]);
		CHECK(parse_time_ns(bad[i], &d) != 0, "%s", bad[i]);
	}
	CHECK(parse_count("1.5M", &v) == 0 && v == 1500000);
	CHECK(parse_count("1.5", &v) != 0, "half a packet");
	CHECK(parse_count("18446744073709551615", &v) == 0 && v == UINT64_MAX);
	CHECK(parse_number("5", 1, 4, &v) != 0 && parse_number("0x10", 0, 16, &v) == 0);
	CHECK(parse_time_ns("1.5ms", &d) == 0 && d == 1.5e6);
	CHECK(parse_time_ns("2", &d) == 0 && d == 2e9);
	CHECK(strcmp(format_rate(buf, 14880952, "pps", 0), "14.881 Mpps") == 0, "%s", buf);
	CHECK(strcmp(format_rate(buf, 14880952, "pps", 1), "14880952 pps") == 0, "%s", buf);
	CHECK(strcmp(format_ns(buf, 1234567), "1.235 ms") == 0, "%s", buf);
}

static void test_json_write(void)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);
	struct json j;

	json_begin(&j, f);
	json_object(&j, NULL);
	json_string(&j, "a\"b", "x\n\\");
	json_array(&j, "l");
	json_uint(&j, NULL, UINT64_MAX);
	json_object(&j, NULL);
	json_object_end(&j);
	json_bool(&j, NULL, 1);
	json_array_end(&j);
	json_double(&j, "d", 0.5);
	json_double(&j, "n", INFINITY);
	json_object_end(&j);
	json_line_end(&j);
	fclose(f);
	CHECK(strcmp(text, "{\"a\\\"b\":\"x\\u000a\\\\\",\"l\":[18446744073709551615,{},true],"
			   "\"d\":0.5,\"n\":null}\n") == 0,
	      "%s", text);
	free(text);
}

static void test_json_read(void)
{
	static const char *const bad[] = {
		"",	 "{",	 "[1,]",      "{\"a\"}",     "{\"a\":}",
		"tru",	 "\"",	 "\"\\x\"",   "\"\\ud800\"", "[1 2]",
		"01x",	 "1e",	 "[\"a\n\"]", "\"\\u12\"",   "{1:2}",
		"nulll", "\"\\", "[1}",	      "+1",	     "\"\\u0000\"",
	};
	static const char good[] = " { \"a\" : [ 1, -2.5e3, \"\\u00e9\\ud83d\\ude00\\n\" ], "
				   "\"b\":{\"c\":true,\"d\":null,\"e\":false}} ";
	const struct json_value *a;
	struct json_value *v;
	char deep[1000];
	size_t where;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		v = json_parse(bad[i], strlen(bad[i]), &where);
		CHECK(!v && where <= strlen(bad[i]), "%s", bad[i]);
		json_free(v);
	}
	v = json_parse(good, strlen(good), &where);
	CHECK(v != NULL);
	a = json_get(v, "a");
	CHECK(a && a->type == JSON_ARRAY && a->child->number == 1 &&
	      a->child->next->number == -2500 &&
	      strcmp(a->child->next->next->string, "\xc3\xa9\xf0\x9f\x98\x80\n") == 0);
	CHECK(json_get(json_get(v, "b"), "c")->boolean == 1);
	CHECK(json_get_number(json_get(v, "b"), "c", 7) == 7);
	CHECK(json_get(v, "z") == NULL);
	json_free(v);
	memset(deep, '[', sizeof(deep));
	CHECK(json_parse(deep, sizeof(deep), NULL) == NULL);
	/* Every cut, and every byte replaced, in exact memory for the sanitizers. */
	for (size_t n = 0; n < strlen(good); n++) {
		char *copy = malloc(strlen(good));

		memcpy(copy, good, strlen(good));
		json_free(json_parse(copy, n, &where));
		for (int c = 1; c < 256; c += 3) {
			copy[n] = (char)c;
			json_free(json_parse(copy, strlen(good), &where));
		}
		free(copy);
	}
}

static void test_histogram(void)
{
	static struct histogram h, h2;
	static const double percent[] = { 0.1, 1, 10, 50, 90, 99, 99.9, 100 };
	struct rng rng;

	histogram_init(&h);
	histogram_init(&h2);
	CHECK(histogram_percentile(&h, 50) == 0);
	for (uint64_t i = 1; i <= 100000; i++)
		histogram_add(i & 1 ? &h : &h2, i * 17);
	histogram_merge(&h, &h2);
	CHECK(h.count == 100000 && h.min == 17 && h.max == 1700000);
	CHECK(fabs(histogram_mean(&h) - 17 * 50000.5) < 1);
	CHECK(fabs(histogram_stddev(&h) / (17 * 100000 / sqrt(12)) - 1) < 0.001);
	for (size_t i = 0; i < sizeof(percent) / sizeof(percent[0]); i++) {
		double want = 17 * 1000 * percent[i];
		double got = (double)histogram_percentile(&h, percent[i]);

		CHECK(got >= want && got <= want * (1 + 1.0 / 32) + 1, "p%g: %g", percent[i], got);
	}
	/* Buckets cover all numbers, without a gap and without an overlap. */
	for (unsigned b = 1; b < HISTOGRAM_BUCKETS; b++)
		CHECK(histogram_bucket_low(b) == histogram_bucket_high(b - 1) + 1, "bucket %u", b);
	CHECK(histogram_bucket_high(HISTOGRAM_BUCKETS - 1) == UINT64_MAX);
	rng_seed(&rng, 1);
	for (int i = 0; i < 10000; i++) {
		uint64_t v = rng_next(&rng) >> rng_below(&rng, 64);

		histogram_init(&h);
		histogram_add(&h, v);
		CHECK(histogram_percentile(&h, 50) == v, "one value: max bounds the bucket");
	}
}

static void test_pacer(double rate, unsigned burst)
{
	uint64_t now = 1000, end = now + 1000000000ULL, when, sent = 0;
	struct pacer p;
	unsigned n;

	pacer_init(&p, rate, burst, now);
	while (now < end) {
		n = pacer_grant(&p, burst, now, &when);
		if (n == 0) {
			CHECK(when > now, "time goes on");
			now = when + 3000; /* a late wakeup */
			continue;
		}
		CHECK(n <= burst);
		pacer_sent(&p, n);
		sent += n;
		now += 200;
	}
	CHECK(fabs((double)sent - rate) <= 1 + p.batch + rate * 4e-6, "%g/s: sent %u", rate,
	      (unsigned)sent);
	/* A second's sleep is not made up for. */
	sent = 0;
	now += 1000000000ULL;
	while ((n = pacer_grant(&p, burst, now, &when)) > 0) {
		pacer_sent(&p, n);
		sent += n;
	}
	CHECK((double)sent <= rate * PACER_BACKLOG_NS / 1e9 + p.batch + 1, "%g/s: burst of %u",
	      rate, (unsigned)sent);
}

static void test_sequence(void)
{
	struct sequence_totals t = { 0 };
	struct sequence s;

	CHECK(sequence_init(&s) == 0);
	for (uint32_t i = UINT32_MAX - 50; i != 50; i++) /* around the end of the numbers */
		sequence_check(&s, 1, i);
	sequence_add(&s, &t);
	CHECK(t.received == 101 && t.lost == 0 && t.reordered == 0 && t.duplicates == 0);

	sequence_check(&s, 1, 60); /* 50 .. 59 are missing */
	sequence_check(&s, 1, 55); /* one comes late */
	sequence_check(&s, 1, 55); /* and once more */
	sequence_check(&s, 1, 60);
	sequence_check(&s, 2, 7); /* another sender starts anywhere */
	sequence_check(&s, 2, 8);
	memset(&t, 0, sizeof(t));
	sequence_add(&s, &t);
	CHECK(t.received == 105 && t.lost == 9 && t.reordered == 1 && t.duplicates == 2 &&
	      t.max_late == 5 && t.streams == 2 && s.lost == 9);

	sequence_check(&s, 2, 100000); /* a gap beyond the window */
	sequence_check(&s, 2, 99999);
	memset(&t, 0, sizeof(t));
	sequence_add(&s, &t);
	CHECK(t.lost == 9 + 99991 - 1 && t.reordered == 2, "%u", (unsigned)t.lost);

	sequence_check(&s, 3, 10); /* the first one that is heard was not the first one sent */
	sequence_check(&s, 3, 9);
	sequence_check(&s, 3, 9);
	sequence_check(&s, 3, 11);
	memset(&t, 0, sizeof(t));
	sequence_add(&s, &t);
	CHECK(t.lost == 9 + 99991 - 1 && t.reordered == 3 && t.duplicates == 3);

	sequence_check(&s, 2, 0); /* the sender starts over */
	sequence_check(&s, 2, 1);
	memset(&t, 0, sizeof(t));
	sequence_add(&s, &t);
	CHECK(t.restarts == 1 && t.lost == 9 + 99991 - 1 && t.duplicates == 3);
	sequence_free(&s);
}

/* Against a model that remembers everything. */
static void test_sequence_random(void)
{
	enum { N = 20000 };
	static uint32_t order[3 * N];
	static unsigned char copies[N];
	struct sequence_totals t = { 0 };
	uint64_t received = 0, lost = 0, duplicates = 0;
	struct sequence s;
	struct rng rng;
	unsigned n = 0, highest = 0;

	rng_seed(&rng, 3);
	for (uint32_t i = 0; i < N; i++) {
		unsigned k = i == 0 || i == N - 1 ? 1 : (unsigned)rng_below(&rng, 3);

		copies[i] = (unsigned char)k;
		while (k--)
			order[n++] = i;
	}
	for (unsigned i = 1; i + 200 < n; i++) { /* shuffle, not too far */
		unsigned k = i + (unsigned)rng_below(&rng, 100);
		uint32_t x = order[i];

		order[i] = order[k];
		order[k] = x;
	}
	CHECK(sequence_init(&s) == 0);
	for (unsigned i = 0; i < n; i++) {
		sequence_check(&s, 9, order[i]);
		highest = order[i] > highest ? order[i] : highest;
	}
	for (unsigned i = 0; i <= highest; i++) {
		received += copies[i] > 0;
		lost += copies[i] == 0;
		duplicates += copies[i] > 1 ? copies[i] - 1u : 0;
	}
	sequence_add(&s, &t);
	CHECK(t.received == received && t.lost == lost && t.duplicates == duplicates, "%u %u %u",
	      (unsigned)t.received, (unsigned)t.lost, (unsigned)t.duplicates);
	sequence_free(&s);
}

int main(void)
{
	test_units();
	test_json_write();
	test_json_read();
	test_histogram();
	test_pacer(10, 512);
	test_pacer(1000, 512);
	test_pacer(123456, 64);
	test_pacer(5e6, 512);
	test_pacer(777, 1);
	test_sequence();
	test_sequence_random();
	return check_result();
}
