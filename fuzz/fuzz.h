/* SPDX-License-Identifier: BSD-2-Clause */
/* What the fuzzers share: reading their input piece by piece. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

struct input {
	const uint8_t *p;
	size_t left;
};

/* Beyond the end there are zeros. */
static inline uint64_t take(struct input *in, size_t bytes)
{
	uint64_t v = 0;
	size_t n = bytes < in->left ? bytes : in->left;

	memcpy(&v, in->p, n);
	in->p += n;
	in->left -= n;
	return v;
}

static inline void take_bytes(struct input *in, void *dst, size_t bytes)
{
	size_t n = bytes < in->left ? bytes : in->left;

	memset(dst, 0, bytes);
	memcpy(dst, in->p, n);
	in->p += n;
	in->left -= n;
}

#define must(cond)                                                                           \
	do {                                                                                 \
		if (!(cond)) {                                                               \
			fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #cond); \
			abort();                                                             \
		}                                                                            \
	} while (0)

#endif /* FUZZ_H */
