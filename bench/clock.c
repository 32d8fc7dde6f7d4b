// SPDX-License-Identifier: BSD-2-Clause
/*
 * How fast the processor's core runs, where there are no hardware counters to
 * ask: additions that each need the one before take one cycle each. Prints
 * MHz of the core (the 90th percentile of many short runs: interruptions make
 * it slower, nothing makes it faster) and of the time stamp counter.
 */
#include <stdint.h>
#include <stdio.h>

#include "runs.h"

#define RUNS   401
#define ROUNDS 8000
#define CHAIN  64

#if defined(__x86_64__) || defined(__i386__)
#define ADDITIONS ".rept 64\n\tadd %1, %0\n\t.endr"
#else
#define ADDITIONS ".rept 64\n\tadd %0, %0, %1\n\t.endr"
#endif

static uint64_t chain(uint64_t x, uint64_t step)
{
	for (unsigned i = 0; i < ROUNDS; i++)
		__asm__ volatile(ADDITIONS : "+r"(x) : "r"(step));
	return x;
}

int main(void)
{
	double mhz[RUNS], tsc[RUNS];
	uint64_t x = 1;

	for (int i = 0; i < RUNS; i++) {
		double t = now_ns();
#if defined(__x86_64__)
		uint64_t c = __builtin_ia32_rdtsc();

		x = chain(x, x | 1);
		c = __builtin_ia32_rdtsc() - c;
#else
		uint64_t c = 0;

		x = chain(x, x | 1);
#endif
		t = now_ns() - t;
		mhz[i] = (double)ROUNDS * CHAIN / t * 1e3;
		tsc[i] = c / t * 1e3;
	}
	runs_sort(mhz, RUNS);
	runs_sort(tsc, RUNS);
	printf("{\"core_mhz\":%.0f,\"core_mhz_median\":%.0f,\"core_mhz_max\":%.0f,"
	       "\"tsc_mhz\":%.1f,\"x\":%u}\n",
	       mhz[RUNS * 9 / 10], mhz[RUNS / 2], mhz[RUNS - 1], tsc[RUNS / 2], (unsigned)(x & 1));
	return 0;
}
