/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The seam of core/os.h in terms of the Linux kernel. What is not inline here is in
 * os_misc.c and region.c.
 *
 * Contexts: syncs run in the client's system call; when a network interface is a member
 * of a switch, forwarding also runs in softirq. So the lock of the data path keeps
 * softirqs out, and the read-mostly domain is SRCU, whose readers may be either.
 */
#ifndef NM_OS_HOST_H
#define NM_OS_HOST_H

#include <linux/atomic.h>
#include <linux/cache.h>
#include <linux/compiler.h>
#include <linux/completion.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/prefetch.h>
#include <linux/spinlock.h>
#include <linux/srcu.h>
#include <linux/string.h>
#include <linux/timekeeping.h>
#include <linux/types.h>
#include <linux/wait.h>

#define NM_CACHELINE 64

#define nm_likely(x)   likely(x)
#define nm_unlikely(x) unlikely(x)
#define nm_prefetch(p) prefetch(p)
#define nm_prefetchw(p) prefetchw(p)
#define nm_container_of(ptr, type, member) container_of(ptr, type, member)

#define nm_load(p)	       READ_ONCE(*(p))
#define nm_store(p, v)	       WRITE_ONCE(*(p), v)
#define nm_load_acquire(p)     smp_load_acquire(p)     /* what it pairs with */
#define nm_store_release(p, v) smp_store_release(p, v) /* is said where */
#define nm_fence()	       smp_mb()		       /* each is used */
#define nm_xchg(p, v)	       xchg(p, v)

static inline uint32_t nm_os_fetch_add(uint32_t *p, uint32_t v)
{
	return (uint32_t)atomic_fetch_add((int)v, (atomic_t *)p);
}
#define nm_fetch_add(p, v) nm_os_fetch_add(p, v)

struct net;
struct nm_os_ns {
	struct net *net;
	struct list_head link; /* see nm_netns_for_each() */
};

struct nm_os_mutex {
	struct mutex m;
};

struct nm_os_lock {
	spinlock_t l;
};

static inline void nm_os_lock_fini(struct nm_os_lock *l)
{
}

static inline void nm_os_lock(struct nm_os_lock *l)
{
	spin_lock_bh(&l->l);
}

static inline void nm_os_unlock(struct nm_os_lock *l)
{
	spin_unlock_bh(&l->l);
}

struct nm_os_rm {
	struct srcu_struct srcu;
};

static inline int nm_os_rm_enter(struct nm_os_rm *rm)
{
	return srcu_read_lock(&rm->srcu);
}

static inline void nm_os_rm_exit(struct nm_os_rm *rm, int token)
{
	srcu_read_unlock(&rm->srcu, token);
}

struct nm_os_waitq {
	wait_queue_head_t q;
};

void nm_os_wake_slow(struct nm_os_waitq *q);

static inline void nm_os_wake(struct nm_os_waitq *q)
{
	/* has a full barrier, which pairs with the one in nm_os_poll_wait() */
	if (unlikely(wq_has_sleeper(&q->q)))
		nm_os_wake_slow(q);
}

/*
 * Memory that clients map. The pages have a life of their own, since a mapping may
 * outlive the descriptor it was made of. See region.c.
 */
struct nm_pages;
struct nm_extent;
struct nm_os_region {
	struct nm_pages *pages;
	struct nm_extent *extents; /* newest first */
};

struct task_struct;
struct nm_os_thread {
	struct task_struct *task;
	void (*fn)(void *arg);
	void *arg;
};

/*
 * A client's requests point into the process that makes the call. Whose it is was settled
 * by who opened the descriptor, whoever it is given to.
 */
struct nm_os_user {
	bool here;
	bool admin;
	uint32_t id;
};

static inline uint32_t nm_os_user_id(const struct nm_os_user *u)
{
	return u->id;
}

static inline bool nm_os_user_admin(const struct nm_os_user *u)
{
	return u->admin;
}

static inline uint64_t nm_os_now(void)
{
	return ktime_get_ns();
}

static inline uint64_t nm_os_now_coarse(void)
{
	return ktime_get_coarse_ns();
}

static inline void nm_os_wallclock(int64_t *sec, int64_t *usec)
{
	struct timespec64 ts;

	ktime_get_real_ts64(&ts);
	*sec = ts.tv_sec;
	*usec = ts.tv_nsec / NSEC_PER_USEC;
}

/*
 * Long packets: whole words by the machine's string copy, which is what memcpy() comes to as
 * well, except on User-Mode Linux, where nobody chooses the variant that suits the processor.
 * The string copy asks for a line at a time where packets come from beyond the second level
 * cache; asked for all at once, they come sooner.
 */
static inline void nm_os_copy_long(void *dst, const void *src, size_t len)
{
#ifdef CONFIG_X86_64
	size_t words = len / 8, ahead;
	void *to = dst;

	for (ahead = 0; ahead < len; ahead += NM_CACHELINE)
		prefetch(src + ahead);
	memcpy(dst + len - 8, src + len - 8, 8);
	asm volatile("rep movsq" : "+D"(to), "+S"(src), "+c"(words) : : "memory");
#else
	memcpy(dst, src, len);
#endif
}

/*
 * Short packets by halves of lines through plain registers (the kernel's vector registers
 * are not for this), of which the last one ends where the packet does and overlaps the one
 * before. These are the ones that every cycle counts for: hence the hint below.
 */
#define NM_OS_COPY_SHORT 256
#define NM_OS_COPY_UNIT	 32

typedef uint64_t nm_os_word __aligned(1);

static inline void nm_os_copy_unit(void *dst, const void *src)
{
	const nm_os_word *s = src;
	nm_os_word *d = dst;
	uint64_t a = s[0], b = s[1], c = s[2], e = s[3];

	d[0] = a;
	d[1] = b;
	d[2] = c;
	d[3] = e;
}

static inline void nm_os_copy_pkt(void *dst, const void *src, size_t len)
{
	size_t last = len - NM_OS_COPY_UNIT, done;

	/* also what is shorter than a unit, as `last` wraps then */
	if (unlikely(last > NM_OS_COPY_SHORT - NM_OS_COPY_UNIT)) {
		if (len > NM_OS_COPY_SHORT)
			nm_os_copy_long(dst, src, len);
		else
			memcpy(dst, src, len);
		return;
	}
	for (done = 0; done < last; done += NM_OS_COPY_UNIT)
		nm_os_copy_unit((char *)dst + done, (const char *)src + done);
	nm_os_copy_unit((char *)dst + last, (const char *)src + last);
}

#endif /* NM_OS_HOST_H */
