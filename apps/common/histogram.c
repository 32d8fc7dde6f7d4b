/* SPDX-License-Identifier: BSD-2-Clause */
#include <math.h>
#include <string.h>

#include "histogram.h"

void histogram_init(struct histogram *h)
{
	memset(h, 0, sizeof(*h));
	h->min = UINT64_MAX;
}

/*
 * Values below 32 have a bucket each. Above, the bucket is the position of the highest bit
 * and the five bits after it.
 */
static unsigned bucket_of(uint64_t v)
{
	unsigned top, shift;

	if (v < HISTOGRAM_SUB)
		return (unsigned)v;
	top = 63 - (unsigned)__builtin_clzll(v);
	shift = top - HISTOGRAM_SUB_BITS;
	return (shift + 1) * HISTOGRAM_SUB + ((v >> shift) & (HISTOGRAM_SUB - 1));
}

uint64_t histogram_bucket_low(unsigned b)
{
	unsigned shift;

	if (b < HISTOGRAM_SUB)
		return b;
	shift = b / HISTOGRAM_SUB - 1;
	return ((uint64_t)HISTOGRAM_SUB + b % HISTOGRAM_SUB) << shift;
}

uint64_t histogram_bucket_high(unsigned b)
{
	if (b < HISTOGRAM_SUB)
		return b;
	return histogram_bucket_low(b) + ((1ULL << (b / HISTOGRAM_SUB - 1)) - 1);
}

void histogram_add(struct histogram *h, uint64_t v)
{
	h->count++;
	if (v < h->min)
		h->min = v;
	if (v > h->max)
		h->max = v;
	h->sum += (double)v;
	h->sum_squares += (double)v * (double)v;
	h->bucket[bucket_of(v)]++;
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
	if (from->min < into->min)
		into->min = from->min;
	if (from->max > into->max)
		into->max = from->max;
	into->count += from->count;
	into->sum += from->sum;
	into->sum_squares += from->sum_squares;
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		into->bucket[i] += from->bucket[i];
}

double histogram_mean(const struct histogram *h)
{
	return h->count ? h->sum / (double)h->count : 0;
}

double histogram_stddev(const struct histogram *h)
{
	double mean = histogram_mean(h), var;

	if (h->count < 2)
		return 0;
	var = h->sum_squares / (double)h->count - mean * mean;
	return var > 0 ? sqrt(var) : 0;
}

uint64_t histogram_percentile(const struct histogram *h, double percent)
{
	uint64_t want, seen = 0;

	if (h->count == 0)
		return 0;
	want = (uint64_t)ceil((double)h->count * percent / 100);
	if (want < 1)
		want = 1;
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += h->bucket[i];
		if (seen >= want) {
			/* The bucket's bound may lie beyond what was ever seen. */
			uint64_t v = histogram_bucket_high(i);

			return v > h->max ? h->max : v;
		}
	}
	return h->max;
}
