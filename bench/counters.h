/* SPDX-License-Identifier: BSD-2-Clause */
/* The processor's cycle and instruction counters of the calling thread. */
#ifndef BENCH_COUNTERS_H
#define BENCH_COUNTERS_H

#include <stdbool.h>
#include <stdint.h>

struct counters {
	uint64_t cycles; /* core cycles, user space (and kernel where allowed) */
	uint64_t instructions;
	uint64_t ns;
	bool hardware; /* false: cycles are those of the time stamp counter */
};

/* Opens the counters; false (and only the time stamp counter) where there are none. */
bool counters_open(bool with_kernel);
void counters_read(struct counters *c);
/* after - before */
struct counters counters_diff(const struct counters *after, const struct counters *before);

#endif /* BENCH_COUNTERS_H */
