/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The seam of core/os.h in POSIX and Linux user space. Everything that is not
 * inline here is in os_*.c. All shared accesses are __atomic built-ins, so that
 * the thread sanitizer understands them.
 */
#ifndef NM_OS_HOST_H
#define NM_OS_HOST_H

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define NM_CACHELINE 64

#define nm_likely(x)   __builtin_expect(!!(x), 1)
#define nm_unlikely(x) __builtin_expect(!!(x), 0)
#define nm_prefetch(p) __builtin_prefetch(p)
#if defined(__x86_64__)
/* The compiler would make a plain prefetch of it for the oldest processors' sake. */
#define nm_prefetchw(p) __asm__ volatile("prefetchw %0" : : "m"(*(const char *)(p)))
#else
#define nm_prefetchw(p) __builtin_prefetch(p, 1)
#endif
/* Within a loop that waits for another processor. */
#if defined(__x86_64__) || defined(__i386__)
#define cpu_relax() __builtin_ia32_pause()
#else
#define cpu_relax() ((void)0)
#endif

#define nm_container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

#define nm_load(p)	       __atomic_load_n(p, __ATOMIC_RELAXED)
#define nm_store(p, v)	       __atomic_store_n(p, v, __ATOMIC_RELAXED)
#define nm_load_acquire(p)     __atomic_load_n(p, __ATOMIC_ACQUIRE)
#define nm_store_release(p, v) __atomic_store_n(p, v, __ATOMIC_RELEASE)
#define nm_xchg(p, v)	       __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST)
#define nm_fetch_add(p, v)     __atomic_fetch_add(p, v, __ATOMIC_SEQ_CST)

/* The thread sanitizer does not model fences, but it does model this. */
#if defined(__SANITIZE_THREAD__)
#define NM_OS_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define NM_OS_TSAN 1
#endif
#endif
#ifdef NM_OS_TSAN
extern uint32_t nm_os_fence_word;
#define nm_fence() ((void)__atomic_fetch_add(&nm_os_fence_word, 0, __ATOMIC_SEQ_CST))
#else
#define nm_fence() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#endif

/* What the host keeps with a namespace: the state of its NIC ports. */
struct nm_nics;
struct nm_os_ns {
	struct nm_nics *nics;
};

struct nm_os_mutex {
	pthread_mutex_t m;
};

/* Free, held, held with sleepers: a futex, so that a preempted owner costs no spinning.
 */
struct nm_os_lock {
	uint32_t word;
};

void nm_os_lock_slow(struct nm_os_lock *l);
void nm_os_unlock_slow(struct nm_os_lock *l);

static inline void nm_os_lock_init(struct nm_os_lock *l)
{
	nm_store(&l->word, 0);
}

static inline void nm_os_lock_fini(struct nm_os_lock *l)
{
	(void)l;
}

static inline void nm_os_lock(struct nm_os_lock *l)
{
	uint32_t free = 0;

	if (nm_unlikely(!__atomic_compare_exchange_n(&l->word, &free, 1, false, __ATOMIC_ACQUIRE,
						     __ATOMIC_RELAXED)))
		nm_os_lock_slow(l);
}

static inline void nm_os_unlock(struct nm_os_lock *l)
{
	if (nm_unlikely(__atomic_exchange_n(&l->word, 0, __ATOMIC_RELEASE) == 2))
		nm_os_unlock_slow(l);
}

/*
 * Readers count themselves in and out of one of two phases, in a stripe that
 * few other threads use; sync() moves new readers to the other phase and
 * waits for the old one to drain, twice, since a reader may have looked at
 * the phase long before it counted itself.
 */
#define NM_OS_STRIPES 16

struct nm_os_stripe {
	uint32_t inside[2];
} __attribute__((aligned(NM_CACHELINE)));

struct nm_os_rm {
	uint32_t phase;
	pthread_mutex_t syncing;
	struct nm_os_stripe stripe[NM_OS_STRIPES];
};

/* 1 + the calling thread's stripe; 0 before its first use. */
extern __thread uint32_t nm_os_my_stripe __attribute__((tls_model("initial-exec")));
uint32_t nm_os_new_stripe(void);

static inline int nm_os_rm_enter(struct nm_os_rm *rm)
{
	uint32_t s = nm_os_my_stripe;
	uint32_t phase = nm_load(&rm->phase) & 1;

	if (nm_unlikely(!s))
		s = nm_os_new_stripe();
	nm_fetch_add(&rm->stripe[s - 1].inside[phase], 1);
	return (int)(s << 1 | phase);
}

static inline void nm_os_rm_exit(struct nm_os_rm *rm, int token)
{
	uint32_t s = (uint32_t)token >> 1;

	__atomic_fetch_sub(&rm->stripe[s - 1].inside[token & 1], 1, __ATOMIC_RELEASE);
}

/*
 * Those who wait. A record lives in its poller and leaves the queue when it is
 * woken, or by its poller's next poll. The locks that guard queues are not part
 * of them, so that a record may outlive its queue.
 */
struct nm_os_wait;
struct nm_os_waitq {
	struct nm_os_wait *first;
};

void nm_os_wake_slow(struct nm_os_waitq *q);

static inline void nm_os_wake(struct nm_os_waitq *q)
{
	nm_fence(); /* pairs with the one in nm_os_poll_wait() */
	if (nm_unlikely(nm_load(&q->first) != NULL))
		nm_os_wake_slow(q);
}

/*
 * memfd and its mapping. `backed` has a bit for each page that commit has
 * allocated, `huge` one for each 2 MiB block that was made a huge page.
 */
struct nm_os_region {
	void *base;
	size_t size;
	int fd;
	uint64_t *backed;
	uint64_t *huge;
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
	pthread_t id;
	void (*fn)(void *);
	void *arg;
	uint32_t stopping;
	char name[16];
};

/* Whose memory requests point to: ops NULL is this very process. */
struct nmcore_user_ops;
struct nm_os_user {
	const struct nmcore_user_ops *ops;
	void *ctx;
	uint32_t id;
	bool guest; /* no more than one user among others, see nmcore_set_guest() */
};

static inline uint32_t nm_os_user_id(const struct nm_os_user *u)
{
	return u ? u->id : 0;
}

static inline bool nm_os_user_admin(const struct nm_os_user *u)
{
	return !u || !u->guest;
}

/* Messages above this level are not printed (enum nm_os_loglevel). */
extern int nm_os_verbose;

/*
 * The shortest packets take four moves in place, of which the later ones are pulled
 * back to end where the packet does, and overlap; no branch depends on the length. Longer
 * ones take the widest registers there are, which at 1514 bytes is a quarter faster than
 * that, and faster than the processor's string copy (os_copy.c).
 */
typedef long long nm_os_vec __attribute__((vector_size(16), aligned(1), may_alias));
#define NM_OS_VEC sizeof(nm_os_vec)

extern void (*nm_os_copy_long)(void *dst, const void *src, size_t len);

static inline void nm_os_copy_pkt(void *dst, const void *src, size_t len)
{
	const char *s = src;
	char *d = dst;
	size_t last = len - NM_OS_VEC;
	size_t second = last < NM_OS_VEC ? last : NM_OS_VEC;
	size_t third = last < 2 * NM_OS_VEC ? last : 2 * NM_OS_VEC;
	nm_os_vec a, b, c, e;

	/* also what is too short for the four, as `last` wraps then */
	if (nm_unlikely(last > NM_CACHELINE - NM_OS_VEC)) {
		nm_os_copy_long(dst, src, len);
		return;
	}
	a = *(const nm_os_vec *)s;
	b = *(const nm_os_vec *)(s + second);
	c = *(const nm_os_vec *)(s + third);
	e = *(const nm_os_vec *)(s + last);
	*(nm_os_vec *)d = a;
	*(nm_os_vec *)(d + second) = b;
	*(nm_os_vec *)(d + third) = c;
	*(nm_os_vec *)(d + last) = e;
}

#endif /* NM_OS_HOST_H */
