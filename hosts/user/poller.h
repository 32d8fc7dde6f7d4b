/* SPDX-License-Identifier: BSD-2-Clause */
/* One poll(2) in progress: what wait queues wake, by making an eventfd readable. */
#ifndef NM_POLLER_H
#define NM_POLLER_H

#include "os.h"

#include <poll.h>

#define NM_POLLER_FEW 16

struct nm_os_poller {
	int fd;	      /* eventfd; -1 until somebody asks for it */
	bool foreign; /* fd is the caller's, who drains and closes it */
	int epfd;     /* fd and those in watch[]; -1 without */
	uint32_t nwatch, room, likely;
	uint32_t poll; /* number of this poll */
	struct nm_poller_watch *watch;
	bool sleeper; /* for nm_poller_sleep() */
	uint32_t nfew;
	struct pollfd few[NM_POLLER_FEW]; /* what that waits for besides fd */
	uint32_t signaled;		  /* fd is readable, or about to be */
	struct nm_os_wait *used;	  /* records of this poll */
	struct nm_os_wait *spare;	  /* for polls to come */
};

void nm_poller_init(struct nm_os_poller *p);
/* Wakes by writing to somebody else's descriptor. */
void nm_poller_init_fd(struct nm_os_poller *p, int fd);

/*
 * One that sleeps itself, and needs no descriptor around all that may wake it: it waits for
 * each by poll(2). Whoever brings a packet to a socket that nobody sleeps on then finds nobody
 * to call, as an epoll descriptor would want with every packet.
 */
void nm_poller_init_sleeper(struct nm_os_poller *p);
/* As poll(2): more than 0 when it is time to look, 0 after timeout_ms (-1: none), -1 and errno. */
int nm_poller_sleep(struct nm_os_poller *p, int timeout_ms);

/*
 * Makes the eventfd; 0 or -errno. With `direct` there is an epoll descriptor
 * around it, through which sockets can wake the poller without a thread
 * between them. The first call decides.
 */
int nm_poller_open(struct nm_os_poller *p, bool direct);
int nm_poller_fd(const struct nm_os_poller *p); /* what becomes readable */
/*
 * Lets a descriptor that has input wake the poll that this thread is about to
 * wait in; false when there is none, or it has no way to. It stays watched,
 * which saves a system call, until a wait that it does not matter to. `id`
 * tells it from others that had the same number before.
 */
bool nm_poller_watch(int fd, uint64_t id);
extern __thread struct nm_os_poller *nm_poller_mine;
/* The wait begins: no longer watches what nobody asked for since the reset. */
void nm_poller_settle(struct nm_os_poller *p);

void nm_poller_fini(struct nm_os_poller *p);

/* The poll is over: off all queues, and the eventfd is not readable any more. */
void nm_poller_reset(struct nm_os_poller *p);

/* In a child of fork(): the queues are the parent's, the descriptor is ours to close. */
void nm_poller_forked(void);
void nm_poller_abandon(struct nm_os_poller *p);

#endif /* NM_POLLER_H */
