/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libnmcore: the framework in this very process. What open("/dev/netmap") and
 * the system calls on it do in the kernel, these functions do here; ports,
 * switches and memories are shared by all descriptors of the process (and, by
 * way of netmapd, which is built on this, by other processes).
 *
 * Every function may be called from any thread. int results are 0 or more on
 * success, -1 with errno set on failure; nmcore_error() has the reason in words.
 */
#ifndef LIBNMCORE_H
#define LIBNMCORE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct nmcore; /* an open descriptor */

/* open("/dev/netmap"). NULL and errno: EMFILE, ENOMEM. */
struct nmcore *nmcore_open(void);

/* close(2). No other call on the descriptor may be in progress. */
int nmcore_close(struct nmcore *nm);

/* ioctl(2): NIOCCTRL, NIOCTXSYNC, NIOCRXSYNC, and the older NIOCREGIF, NIOCGINFO. */
int nmcore_ioctl(struct nmcore *nm, unsigned long request, void *arg);

/*
 * The memory of a registered descriptor: a file descriptor to mmap(2) from
 * offset 0 (owned by the library: do not close it), and its size in bytes.
 * ENXIO before registration.
 */
int nmcore_memfd(struct nmcore *nm, uint64_t *size);

/*
 * The driver's part of poll(2): does the implied syncs, returns the ready
 * ones of `events` (POLLIN, POLLOUT), plus POLLERR. Never blocks. With `arm`
 * and nothing ready, nmcore_wakefd() becomes readable when it is time to ask
 * again. One thread at a time may have a descriptor armed.
 */
int nmcore_poll(struct nmcore *nm, int events, int arm);

/* An eventfd that becomes readable as said above; nmcore_poll() drains it. */
int nmcore_wakefd(struct nmcore *nm);

/*
 * poll(2) of this descriptor alone, the one call that blocks: until some of `events` are
 * ready, or for timeout_ms (-1: for however long; 0: does not). Those that are, plus POLLERR; 0
 * when the time is over; -1 and EINTR when a signal was handled. Waiting like this disturbs
 * whoever brings packets least: it looks for some 50 us before it sleeps, if the last wait was
 * a short one. Any number of threads may.
 */
int nmcore_wait(struct nmcore *nm, int events, int timeout_ms);

/*
 * For several threads (or processes) that wait for one descriptor: each brings
 * a poller. Polling is as nmcore_poll() with `arm`; one thread at a time uses a
 * poller. A poller must be freed before the descriptor it was used with is
 * closed. To wake it, eight bytes (the number 1) are written to `fd`, at most
 * once between two polls: the caller's, in non-blocking mode, such as a pipe,
 * and whoever reads it drains it. (A server can not share an eventfd with a
 * client it does not trust: who has it could make the server's write block.)
 */
struct nmcore_poller;
struct nmcore_poller *nmcore_poller_new(int fd); /* NULL and errno: ENOMEM */
void nmcore_poller_free(struct nmcore_poller *p);
int nmcore_poller_poll(struct nmcore_poller *p, struct nmcore *nm, int events);

/*
 * For servers, whose clients would make a round trip for each sync. Not 0: the rx rings of
 * this registered descriptor need none. That many bytes before each is a struct
 * nm_csb_atok, behind that a struct nm_csb_ktoa. Instead of a sync, a client may store
 * with release its head in atok.head, and load with acquire the new tail from
 * ktoa.hwtail; it must do a real one to wait, to report errors, and for time stamps.
 */
size_t nmcore_csb(struct nmcore *nm);

/*
 * As nmcore_csb(), for rings (a pipe's) that a sync must show what came, and take back what was
 * seen: only ktoa.hwtail is of use, which is not the ring's tail if a sync would show more.
 */
size_t nmcore_news(struct nmcore *nm);

/* Why the calling descriptor's last failed call failed: one line, or "". */
const char *nmcore_error(struct nmcore *nm);

/*
 * For servers, which execute calls in the name of another process: where the
 * addresses in a request point to. Both copy all or nothing: 0 or -EFAULT.
 * NULL ops: this process (the default).
 */
struct nmcore_user_ops {
	int (*copyin)(void *ctx, void *dst, uint64_t addr, size_t len);
	int (*copyout)(void *ctx, uint64_t addr, const void *src, size_t len);
};
void nmcore_set_user(struct nmcore *nm, const struct nmcore_user_ops *ops, void *ctx, pid_t owner);

/*
 * For servers of several users that do not trust each other: this descriptor is user
 * `id`'s, and shares memory with nobody else. (The default is that all descriptors are one
 * user's, as those of a process or of netmapd are.) Before its first ioctl.
 */
void nmcore_set_guest(struct nmcore *nm, uint32_t id);

/*
 * For servers, which go when nobody needs them any more: the number of open
 * descriptors, plus that of the ports and attachments that outlive them.
 */
int nmcore_users(void);
/* Lets go of what outlives descriptors; none may be open. */
void nmcore_shutdown(void);

/* A listing of ports, rings, clients and counters: malloc()ed text or JSON. */
char *nmcore_state(int json);

/*
 * Settings, before the first nmcore_open(): 0, or -1 with errno EINVAL for an
 * unknown name or a value out of range, EBUSY when it is too late.
 *   "nic-bufs"    buffers of the memory shared by NIC ports (default 32768, more for
 *                 an interface of many queues)
 *   "nic-buf-size" bytes of such a buffer: 2048 or 4096; 256 of it are headroom
 *   "memory"      most bytes of a private memory (default 256 MiB)
 *   "vale-age"    seconds until a switch forgets a silent station (default 300)
 *   "nic-mode"    0 best first; 1 zero-copy only, 2 native copy only, 3 generic only
 *   "verbose"     0 errors, 1 warnings, 2 information, 3 debugging
 */
int nmcore_set(const char *name, long value);

#ifdef __cplusplus
}
#endif

#endif /* LIBNMCORE_H */
