/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The seam: what a host must provide for the core to run. This is the whole
 * porting guide.
 *
 * A host puts its own os_host.h on the include path. It defines the types
 * and macros named here, may define any of the functions below as static
 * inline (the prototypes that follow then inherit that), and implements the
 * rest. Every function that can fail returns 0 or a negative errno.
 *
 * Types, complete so that the core can embed them:
 *   struct nm_os_mutex    sleeping lock of the control path
 *   struct nm_os_lock     short critical sections of the data path; where
 *                         packets arrive in interrupt context it must be
 *                         safe to take there
 *   struct nm_os_rm       read-mostly domain: readers never block each other
 *                         and may sleep (they read a client's memory)
 *   struct nm_os_waitq    those who wait for a ring
 *   struct nm_os_region   memory that clients see as one contiguous range
 *   struct nm_os_thread   a worker
 *   struct nm_os_ns       what the host keeps with each namespace
 *
 * Opaque to the core:
 *   struct nm_os_user     a client: its address space, to copy requests from, and whose
 *                         it is
 *   struct nm_os_poller   one poll(2) in progress
 *   struct nm_os_out      where a listing is printed
 *
 * Macros:
 *   nm_load(p) nm_store(p, v)      single, untorn, unordered accesses
 *   nm_load_acquire(p) nm_store_release(p, v)
 *   nm_xchg(p, v)                  atomic exchange, full barrier
 *   nm_fetch_add(p, v)             atomic addition, full barrier
 *   nm_fence()                     full barrier
 *   nm_likely(x) nm_unlikely(x) NM_CACHELINE
 *   nm_prefetch(p) nm_prefetchw(p)  for reading, for writing
 *   nm_container_of(ptr, type, member)
 *
 * and the everyday ones of a freestanding C: fixed-width integers, size_t,
 * bool, errno values, memcpy, memmove, memset, memcmp, strlen, strcmp, strncmp,
 * strchr, strrchr, snprintf, vsnprintf, va_list.
 */
#ifndef NM_OS_H
#define NM_OS_H

#include "os_host.h"

struct nm_ns;
struct nm_port;
struct nm_err;
struct nm_os_user;
struct nm_os_poller;
struct nm_os_out;

/* Zeroed memory for the core's own objects; may sleep; NULL when there is none. */
void *nm_os_alloc(size_t size);
void nm_os_free(void *p);

/*
 * A region reserves `reserve` bytes of a client's addresses. Commit backs
 * [off, off + len) with zeroed pages that stay resident for the region's life
 * (committing a range again is harmless and keeps its content); -ENOMEM when
 * the machine has no more. Touching what is not committed is the core's bug.
 *
 * at() is where the host sees committed byte `off`, and what was committed
 * next to it, contiguously. Another commit may move that place, for what is
 * asked afterwards; an address stays good for what it was good for. offset()
 * is the reverse. Where commit never moves anything, both can be inline.
 */
int nm_os_region_init(struct nm_os_region *r, size_t reserve);
int nm_os_region_commit(struct nm_os_region *r, size_t off, size_t len);
void nm_os_region_fini(struct nm_os_region *r);
void *nm_os_region_at(struct nm_os_region *r, size_t off);
size_t nm_os_region_offset(struct nm_os_region *r, const void *p);

/* A client's memory. `addr` is what the client wrote: hostile. -EFAULT. */
int nm_os_copyin(struct nm_os_user *u, void *dst, uint64_t addr, size_t len);
int nm_os_copyout(struct nm_os_user *u, uint64_t addr, const void *src, size_t len);

/*
 * Whose a client is: equal numbers are the same user. An admin may use what is others',
 * and the memory that network interfaces share. A host with only one user says so of all.
 */
uint32_t nm_os_user_id(const struct nm_os_user *u);
bool nm_os_user_admin(const struct nm_os_user *u);

/*
 * Packet copy: len bytes and no more, since what lies behind a packet in its
 * sender's buffer is not the receiver's to see. The two do not overlap.
 */
void nm_os_copy_pkt(void *dst, const void *src, size_t len);

void nm_os_mutex_init(struct nm_os_mutex *m);
void nm_os_mutex_fini(struct nm_os_mutex *m);
void nm_os_mutex_lock(struct nm_os_mutex *m);
void nm_os_mutex_unlock(struct nm_os_mutex *m);

void nm_os_lock_init(struct nm_os_lock *l);
void nm_os_lock_fini(struct nm_os_lock *l);
void nm_os_lock(struct nm_os_lock *l);
void nm_os_unlock(struct nm_os_lock *l);

/*
 * Read-mostly domain. enter() returns a token for exit(). sync() returns when
 * every reader that was inside at the call has left; what was unlinked before
 * it can then be freed.
 */
int nm_os_rm_init(struct nm_os_rm *rm);
void nm_os_rm_fini(struct nm_os_rm *rm);
int nm_os_rm_enter(struct nm_os_rm *rm);
void nm_os_rm_exit(struct nm_os_rm *rm, int token);
void nm_os_rm_sync(struct nm_os_rm *rm);

/*
 * Waiting. poll_wait() adds the poller to the queue; from its return on,
 * every wake() reaches the poller until it is done with that poll. The core
 * looks at the rings once more after poll_wait(), and wake() orders the
 * rings' update before its look at the queue, so no wakeup can be lost.
 * wake() is cheap when nobody waits.
 */
void nm_os_waitq_init(struct nm_os_waitq *q);
void nm_os_waitq_fini(struct nm_os_waitq *q);
void nm_os_wake(struct nm_os_waitq *q);
void nm_os_poll_wait(struct nm_os_poller *poller, struct nm_os_waitq *q);

/* Monotonic time in ns; the coarse one is cheap and steps by milliseconds. */
uint64_t nm_os_now(void);
uint64_t nm_os_now_coarse(void);
/* Wall clock for ring time stamps: seconds and microseconds since the epoch. */
void nm_os_wallclock(int64_t *sec, int64_t *usec);

/*
 * A worker runs fn(arg); fn returns when nm_os_thread_stopping() says so, which it must ask
 * often: others may get their turn there. bind() keeps a worker that was started
 * to a processor; -EINVAL: there is no such one.
 */
int nm_os_thread_start(struct nm_os_thread *t, void (*fn)(void *), void *arg, const char *name);
bool nm_os_thread_stopping(struct nm_os_thread *t);
int nm_os_thread_bind(struct nm_os_thread *t, uint32_t cpu);
void nm_os_thread_stop(struct nm_os_thread *t);

/*
 * The port for the network interface called `name`, not yet open: the host
 * makes one with nm_port_init() and its own operations. Called with the
 * namespace locked. -ENXIO when there is no such interface.
 */
int nm_os_nic_port(struct nm_ns *ns, const char *name, struct nm_port **portp, struct nm_err *err);
/* Does the interface exist? A hint for error texts only. */
bool nm_os_nic_exists(struct nm_ns *ns, const char *name);

enum nm_os_loglevel { NM_LOG_ERROR, NM_LOG_WARN, NM_LOG_INFO, NM_LOG_DEBUG };
__attribute__((format(printf, 2, 3))) void nm_os_log(enum nm_os_loglevel level, const char *fmt,
						     ...);
__attribute__((format(printf, 2, 3))) void nm_os_print(struct nm_os_out *out, const char *fmt, ...);

#endif /* NM_OS_H */
