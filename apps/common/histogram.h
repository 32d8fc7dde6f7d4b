/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A histogram of whole numbers (nanoseconds, here) in buckets that grow with the value: 32
 * to each power of two, so that any percentile is right within 1/32 of itself, in constant
 * space and time.
 */
#ifndef APPS_HISTOGRAM_H
#define APPS_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_SUB_BITS 5
#define HISTOGRAM_SUB	   (1 << HISTOGRAM_SUB_BITS)
#define HISTOGRAM_BUCKETS  ((64 - HISTOGRAM_SUB_BITS + 1) * HISTOGRAM_SUB)

struct histogram {
	uint64_t count;
	uint64_t min, max;
	double sum, sum_squares;
	uint64_t bucket[HISTOGRAM_BUCKETS];
};

void histogram_init(struct histogram *h);
void histogram_add(struct histogram *h, uint64_t value);
void histogram_merge(struct histogram *into, const struct histogram *from);
double histogram_mean(const struct histogram *h);
double histogram_stddev(const struct histogram *h);
/* The value that `percent` of all values do not exceed. */
uint64_t histogram_percentile(const struct histogram *h, double percent);
/* Bounds of a bucket, both inclusive. */
uint64_t histogram_bucket_low(unsigned bucket);
uint64_t histogram_bucket_high(unsigned bucket);

#endif
