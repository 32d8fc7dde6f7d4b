// SPDX-License-Identifier: BSD-2-Clause
/*
 * Copies of more than one cache line, and of next to nothing. Where the buffers come from
 * the last level cache, as those of long rings do, the number of moves in flight is the
 * limit, and wider ones move more. The last line of a packet ends where the packet does,
 * over some of the line before.
 */
#include "os.h"

static void copy_short(char *d, const char *s, size_t len)
{
	while (len--)
		*d++ = *s++;
}

static void copy_line(char *d, const char *s)
{
	const nm_os_vec *from = (const nm_os_vec *)s;
	nm_os_vec *to = (nm_os_vec *)d;
	nm_os_vec a = from[0], b = from[1], c = from[2], e = from[3];

	to[0] = a;
	to[1] = b;
	to[2] = c;
	to[3] = e;
}

static void copy_long(void *dst, const void *src, size_t len)
{
	const char *s = src, *end = s + len - NM_CACHELINE;
	char *d = dst;

	if (len < NM_CACHELINE) {
		copy_short(d, s, len);
		return;
	}
	for (; s < end; s += NM_CACHELINE, d += NM_CACHELINE)
		copy_line(d, s);
	copy_line(d - (s - end), end);
}

void (*nm_os_copy_long)(void *dst, const void *src, size_t len) = copy_long;

#ifdef __x86_64__
typedef long long wide_vec __attribute__((vector_size(32), aligned(1), may_alias));

__attribute__((target("avx2"))) static inline void copy_line_avx2(char *d, const char *s)
{
	wide_vec a = *(const wide_vec *)s, b = *(const wide_vec *)(s + 32);

	*(wide_vec *)d = a;
	*(wide_vec *)(d + 32) = b;
}

__attribute__((target("avx2"))) static void copy_long_avx2(void *dst, const void *src, size_t len)
{
	const char *s = src, *end = s + len - NM_CACHELINE;
	char *d = dst;

	if (len < NM_CACHELINE) {
		copy_short(d, s, len);
		return;
	}
	for (; s < end; s += NM_CACHELINE, d += NM_CACHELINE)
		copy_line_avx2(d, s);
	copy_line_avx2(d - (s - end), end);
}

__attribute__((constructor)) static void choose(void)
{
	__builtin_cpu_init();
	if (__builtin_cpu_supports("avx2"))
		nm_os_copy_long = copy_long_avx2;
}
#endif
