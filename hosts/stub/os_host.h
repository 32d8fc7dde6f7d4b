/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The smallest host: one processor, one thread, no protection, no C library's
 * headers. The core is compiled against it with nothing else in sight, which
 * proves that core/os.h is all it needs; it is also where to begin a new host.
 */
#ifndef NM_OS_HOST_H
#define NM_OS_HOST_H

/* These four come with any freestanding compiler. */
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- the everyday part of C ---- */

enum {
	EPERM = 1,
	ENOENT = 2,
	EINTR = 4,
	EIO = 5,
	ENXIO = 6,
	EBADF = 9,
	EAGAIN = 11,
	ENOMEM = 12,
	EFAULT = 14,
	EBUSY = 16,
	EEXIST = 17,
	ENODEV = 19,
	EINVAL = 22,
	EMFILE = 24,
	ENOTTY = 25,
	ENOSPC = 28,
	ERANGE = 34,
	ENAMETOOLONG = 36,
	EPROTO = 71,
	EMSGSIZE = 90,
	EOPNOTSUPP = 95,
	ENETDOWN = 100,
	ENOBUFS = 105,
};

void *memcpy(void *dst, const void *src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);
__attribute__((format(printf, 3, 4))) int snprintf(char *buf, size_t size, const char *fmt, ...);
int vsnprintf(char *buf, size_t size, const char *fmt, va_list ap);

/* ---- macros ---- */

#define NM_CACHELINE 64

#define nm_likely(x)			   __builtin_expect(!!(x), 1)
#define nm_unlikely(x)			   __builtin_expect(!!(x), 0)
#define nm_prefetch(p)			   __builtin_prefetch(p)
#define nm_prefetchw(p)			   __builtin_prefetch(p, 1)
#define nm_container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

/* Clients may be elsewhere, so that accesses to shared memory are still single ones. */
#define nm_load(p)	       __atomic_load_n(p, __ATOMIC_RELAXED)
#define nm_store(p, v)	       __atomic_store_n(p, v, __ATOMIC_RELAXED)
#define nm_load_acquire(p)     __atomic_load_n(p, __ATOMIC_ACQUIRE)
#define nm_store_release(p, v) __atomic_store_n(p, v, __ATOMIC_RELEASE)
#define nm_xchg(p, v)	       __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST)
#define nm_fetch_add(p, v)     __atomic_fetch_add(p, v, __ATOMIC_SEQ_CST)
#define nm_fence()	       __atomic_thread_fence(__ATOMIC_SEQ_CST)

/* ---- types ---- */

struct nm_os_mutex {
	bool held;
};

struct nm_os_lock {
	bool held;
};

struct nm_os_rm {
	uint32_t readers;
};

struct nm_os_waitq {
	uint32_t wakes;
};

struct nm_os_region {
	void *base;
};

static inline void *nm_os_region_at(struct nm_os_region *r, size_t off)
{
	return (char *)r->base + off;
}

static inline size_t nm_os_region_offset(struct nm_os_region *r, const void *p)
{
	return (const char *)p - (const char *)r->base;
}

struct nm_os_thread {
	bool stopping;
};

struct nm_os_ns {
	char unused;
};

#endif /* NM_OS_HOST_H */
