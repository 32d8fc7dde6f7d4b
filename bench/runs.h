/* SPDX-License-Identifier: BSD-2-Clause */
/* Figures of many short runs, in order: what stands in the middle, or near an end. */
#ifndef BENCH_RUNS_H
#define BENCH_RUNS_H

#include <stdlib.h>
#include <time.h>

static inline double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static int runs_compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static inline void runs_sort(double *figures, size_t n)
{
	qsort(figures, n, sizeof(*figures), runs_compare);
}

#endif /* BENCH_RUNS_H */
