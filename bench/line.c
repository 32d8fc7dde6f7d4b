// SPDX-License-Identifier: BSD-2-Clause
/*
 * How long a cache line takes from one processor to another and back: two threads write it in
 * turn. What two processes do depends on it, and where the processors are virtual it changes
 * whenever they are moved: 60 ns in one core, or beside each other, 330 from one cache to another.
 * Prints nanoseconds, the median of some runs.
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "runs.h"

#define RUNS   5
#define ROUNDS 5000

static unsigned line __attribute__((aligned(128)));

static void be_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set)) {
		perror("bench-line: no such processor");
		exit(1);
	}
}

/* Makes each number from `first` on, when the one before is there. */
static void turns(unsigned first)
{
	for (unsigned i = first; i < first + 2 * ROUNDS; i += 2) {
		while (__atomic_load_n(&line, __ATOMIC_ACQUIRE) != i - 1)
			;
		__atomic_store_n(&line, i, __ATOMIC_RELEASE);
	}
}

static void *other(void *cpu)
{
	be_on(*(int *)cpu);
	for (unsigned run = 0; run < RUNS; run++)
		turns(run * 2 * ROUNDS + 2);
	return NULL;
}

int main(int argc, char **argv)
{
	int a = argc > 1 ? atoi(argv[1]) : 0, b = argc > 2 ? atoi(argv[2]) : 1;
	double ns[RUNS], start;
	pthread_t thread;

	if (a == b) {
		fprintf(stderr, "usage: bench-line [CPU [CPU]]: two processors\n");
		return 2;
	}
	be_on(a);
	if (pthread_create(&thread, NULL, other, &b))
		return 1;
	for (unsigned run = 0; run < RUNS; run++) {
		start = now_ns();
		turns(run * 2 * ROUNDS + 1);
		ns[run] = (now_ns() - start) / ROUNDS;
	}
	pthread_join(thread, NULL);
	runs_sort(ns, RUNS);
	printf("%.0f\n", ns[RUNS / 2]);
	return 0;
}
