/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The frame of the test programs: each case runs in a process of its own, so that one that
 * crashes, leaks or hangs spoils no other; the report is TAP.
 */
#ifndef T_H
#define T_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

struct t_case {
	const char *name;
	void (*fn)(void);
	unsigned int seconds; /* until it counts as hung; 0: T_SECONDS */
};

#define T_SECONDS 60 /* times T_PATIENCE, if that is in the environment */
#define T_CASE(fn)         \
	{                  \
#fn, fn, 0 \
	}
#define T_LONG(fn, seconds)      \
	{                        \
#fn, fn, seconds \
	}

/* Runs the cases, or those whose names are arguments. The program's exit code. */
int t_run(const struct t_case *cases, size_t n, int argc, char **argv);

#define T_MAIN(...)                                                                \
	int main(int argc, char **argv)                                            \
	{                                                                          \
		static const struct t_case cases[] = { __VA_ARGS__ };              \
                                                                                   \
		return t_run(cases, sizeof(cases) / sizeof(cases[0]), argc, argv); \
	}

/* End the case: it failed; it can not be run here, because of ... */
__attribute__((noreturn, format(printf, 3, 4))) void t_fail(const char *file, int line,
							    const char *fmt, ...);
__attribute__((noreturn, format(printf, 4, 5))) void
t_fail_cond(const char *file, int line, const char *cond, const char *fmt, ...);
__attribute__((noreturn, format(printf, 1, 2))) void t_skip(const char *fmt, ...);
/* A line of the report: a figure, a choice that was made. */
__attribute__((format(printf, 1, 2))) void t_note(const char *fmt, ...);

#define t_check(cond, ...)                                                        \
	do {                                                                      \
		if (!(cond))                                                      \
			t_fail_cond(__FILE__, __LINE__, #cond, ": " __VA_ARGS__); \
	} while (0)

/* Integers of any kind, compared and shown as 64 bits. */
#define t_eq(a, b)                                                                               \
	do {                                                                                     \
		long long a_ = (long long)(a), b_ = (long long)(b);                              \
		if (a_ != b_)                                                                    \
			t_fail(__FILE__, __LINE__, "%s is %lld, not %lld (%s)", #a, a_, b_, #b); \
	} while (0)

/* Like the system under ASan, TSan or coverage, everything takes longer. */
bool t_slow(void);
/* `n` rounds, or fewer of them where they take long; T_SCALE=k in the environment multiplies. */
uint64_t t_rounds(uint64_t n);

/* A directory of this program, that goes with it; in it, a path for this case. */
const char *t_dir(void);
void t_path(char *buf, size_t size, const char *name);

double t_now(void); /* seconds */
/* As many seconds, or more where everything is slow: T_PATIENCE=k in the environment multiplies. */
double t_patience(double seconds);
void t_sleep(double seconds);
/* A reproducible random number; the seed is T_SEED, or noted if there is none. */
uint32_t t_random(void);

#endif /* T_H */
