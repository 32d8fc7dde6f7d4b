/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libnetmap-preload.so: /dev/netmap over the daemon, for programs that know nothing of it.
 * Functions of the C library under their own names; each looks its descriptor up in a table
 * and, when it is none of ours, goes on to the real one.
 */
#ifndef LIB_PRELOAD_H
#define LIB_PRELOAD_H

#include <dlfcn.h>
#include <signal.h>
#include <sys/epoll.h>
#include <time.h>

#include "client.h"

#define PUBLIC __attribute__((visibility("default")))

/* The function that ours is in front of. */
#define REAL(fn)                                                                \
	({                                                                      \
		static __typeof__(&fn) real_;                                   \
		__typeof__(&fn) r_ = __atomic_load_n(&real_, __ATOMIC_RELAXED); \
		if (__builtin_expect(r_ == NULL, 0)) {                          \
			*(void **)&r_ = dlsym(RTLD_NEXT, #fn);                  \
			__atomic_store_n(&real_, r_, __ATOMIC_RELAXED);         \
		}                                                               \
		r_;                                                             \
	})

struct pl_epoll;

/* preload_fd.c: what is behind each descriptor. */
struct pl_fd {
	struct nmc_file *file; /* /dev/netmap */
	struct pl_epoll *ep;   /* an epoll set that has some of these in it */
};

extern uint32_t pl_active; /* 0: the table is empty */
extern pthread_mutex_t pl_lock;
extern pid_t pl_pid;

struct pl_fd *pl_entry(int fd); /* NULL: nothing was ever there */
struct pl_fd *pl_entry_make(int fd);
/* The file of a descriptor, with a reference; NULL: it is not ours. */
struct nmc_file *pl_get_slow(int fd);

static inline struct nmc_file *pl_get(int fd)
{
	return __builtin_expect(__atomic_load_n(&pl_active, __ATOMIC_RELAXED) != 0, 0) ?
		       pl_get_slow(fd) :
		       NULL;
}

static inline bool pl_is_netmap(int fd)
{
	struct pl_fd *e = pl_entry(fd);

	return e != NULL && __atomic_load_n(&e->file, __ATOMIC_RELAXED) != NULL;
}

/* A descriptor that came from somewhere: is it one of ours? Enters it in the table. */
struct nmc_file *pl_adopt(int fd);	 /* with a reference, or NULL */
void pl_set(int fd, struct nmc_file *f); /* takes over the reference */
void pl_forget(int fd);			 /* it was closed, or replaced */
/* In two steps: what was there, which is let go of after the descriptor was closed. */
struct pl_fd pl_take(int fd);
void pl_drop(struct pl_fd old);
void pl_duplicated(int from, int to);
/* In a child of vfork() the memory is the parent's: nothing may be changed in it. */
bool pl_borrowed(void);

/* preload_open.c: a line on stderr. The program knows errno at best; its user should know more. */
void pl_tell(const char *why);

/* preload_poll.c. timeout in ns, negative: none. */
int pl_poll(struct pollfd *fds, nfds_t n, int64_t timeout, const sigset_t *mask);
int64_t pl_now(void);
struct timespec pl_timespec(int64_t ns);
int64_t pl_ns(const struct timespec *ts); /* -1 for NULL */
/* Events of poll() to those of the driver, and what it says back. */
int pl_driver_events(int events);
int pl_revents(int events, int got);

/* preload_epoll.c */
struct pl_epoll *pl_epoll_of(int fd); /* with a reference, if it has any of ours in it */
void pl_epoll_hold(struct pl_epoll *ep);
void pl_epoll_put(struct pl_epoll *ep);
bool pl_epoll_ready(struct pl_epoll *ep);
void pl_epoll_closed(int fd); /* a netmap descriptor leaves all sets */
void pl_epoll_forked(void);

#endif /* LIB_PRELOAD_H */
