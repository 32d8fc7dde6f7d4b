// SPDX-License-Identifier: BSD-2-Clause
/*
 * Copies of more than one cache line. Where the buffers come from the last
 * level cache, as those of long rings do, the number of moves in flight is the
 * limit, and wider ones move more.
 */
#include "os.h"

static void copy_lines(void *dst, const void *src, size_t len)
{
	const nm_os_vec *s = src;
	nm_os_vec *d = dst;

	for (size_t done = 0; done < len; done += NM_CACHELINE, s += 4, d += 4) {
		nm_os_vec a = s[0], b = s[1], c = s[2], e = s[3];

		d[0] = a;
		d[1] = b;
		d[2] = c;
		d[3] = e;
	}
}

void (*nm_os_copy_lines)(void *dst, const void *src, size_t len) = copy_lines;

#ifdef __x86_64__
typedef long long wide_vec __attribute__((vector_size(32), aligned(1), may_alias));

__attribute__((target("avx2"))) static void copy_lines_avx2(void *dst, const void *src,
							    size_t len)
{
	const wide_vec *s = src;
	wide_vec *d = dst;

	for (size_t done = 0; done < len; done += NM_CACHELINE, s += 2, d += 2) {
		wide_vec a = s[0], b = s[1];

		d[0] = a;
		d[1] = b;
	}
}

__attribute__((constructor)) static void choose(void)
{
	__builtin_cpu_init();
	if (__builtin_cpu_supports("avx2"))
		nm_os_copy_lines = copy_lines_avx2;
}
#endif
