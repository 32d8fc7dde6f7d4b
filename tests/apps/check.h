/* SPDX-License-Identifier: BSD-2-Clause */
/* A failed check says where and what, and the test goes on; the count is its exit code. */
#ifndef TESTS_APPS_CHECK_H
#define TESTS_APPS_CHECK_H

#include <stdio.h>
#include <stdlib.h>

static unsigned check_failures, check_count;

#define CHECK(cond, ...)                                                          \
	do {                                                                      \
		check_count++;                                                    \
		if (!(cond)) {                                                    \
			fprintf(stderr, "%s:%d: %s:", __FILE__, __LINE__, #cond); \
			fprintf(stderr, " " __VA_ARGS__);                         \
			fputc('\n', stderr);                                      \
			if (++check_failures > 20)                                \
				exit(1);                                          \
		}                                                                 \
	} while (0)

static inline int check_result(void)
{
	printf("%u checks, %u failed\n", check_count, check_failures);
	return check_failures ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
