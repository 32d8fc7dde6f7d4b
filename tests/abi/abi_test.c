/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * net/netmap.h against the table of numbers of ABI 14. Built as C and as C++: each number
 * is asserted at compile time, and compared again at run time, which lists all
 * differences at once instead of stopping the build at the first compiler that disagrees.
 */
#include "net/netmap.h"

#include <stddef.h>
#include <stdio.h>

#ifdef __cplusplus
#define ABI_ASSERT(e) static_assert(e, #e)
#else
#define ABI_ASSERT(e) _Static_assert(e, #e)
#endif
#define FIELD_SIZE(s, f) sizeof(((struct s *)0)->f)

#define ABI_SIZE(s, n) ABI_ASSERT(sizeof(struct s) == (n));
#define ABI_FIELD(s, f, o, n)                     \
	ABI_ASSERT(offsetof(struct s, f) == (o)); \
	ABI_ASSERT(FIELD_SIZE(s, f) == (n));
#define ABI_FLEX(s, f, o) ABI_ASSERT(offsetof(struct s, f) == (o));
#define ABI_CONST(c, v)	  ABI_ASSERT((c) == (v));
#include "abi14.h"

/* Arrays at the end have no size; their elements do. */
ABI_ASSERT(sizeof(((struct netmap_if *)0)->ring_ofs[0]) == 8);
ABI_ASSERT(sizeof(((struct nmreq_opt_sync_kloop_eventfds *)0)->eventfds[0]) == 8);

struct fact {
	const char *what;
	unsigned long long is, expected;
};

static const struct fact facts[] = {
#define ABI_SIZE(s, n) { "sizeof(" #s ")", sizeof(struct s), n },
#define ABI_FIELD(s, f, o, n)                                 \
	{ "offset of " #s "." #f, offsetof(struct s, f), o }, \
		{ "size of " #s "." #f, FIELD_SIZE(s, f), n },
#define ABI_FLEX(s, f, o) { "offset of " #s "." #f, offsetof(struct s, f), o },
#define ABI_CONST(c, v)	  { #c, (unsigned long long)(c), v },
#include "abi14.h"
};

int main(void)
{
	size_t i, bad = 0, n = sizeof(facts) / sizeof(facts[0]);

	for (i = 0; i < n; i++) {
		if (facts[i].is == facts[i].expected)
			continue;
		printf("%s: is %llu, ABI 14 has %llu\n", facts[i].what, facts[i].is,
		       facts[i].expected);
		bad++;
	}
	printf("%zu facts, %zu wrong\n", n, bad);
	return bad != 0;
}
