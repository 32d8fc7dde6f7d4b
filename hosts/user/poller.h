/* SPDX-License-Identifier: BSD-2-Clause */
/* One poll(2) in progress: what wait queues wake, by making an eventfd readable. */
#ifndef NM_POLLER_H
#define NM_POLLER_H

#include "os.h"

struct nm_os_poller {
	int fd;			  /* eventfd; -1 until somebody asks for it */
	bool foreign;		  /* fd is the caller's, who drains and closes it */
	uint32_t signaled;	  /* fd is readable, or about to be */
	struct nm_os_wait *used;  /* records of this poll */
	struct nm_os_wait *spare; /* for polls to come */
};

void nm_poller_init(struct nm_os_poller *p);
/* Wakes by writing to somebody else's descriptor. */
void nm_poller_init_fd(struct nm_os_poller *p, int fd);
int nm_poller_open(struct nm_os_poller *p); /* makes the eventfd: 0 or -errno */
void nm_poller_fini(struct nm_os_poller *p);

/* The poll is over: off all queues, and the eventfd is not readable any more. */
void nm_poller_reset(struct nm_os_poller *p);

/* In a child of fork(): the queues are the parent's, the descriptor is ours to close. */
void nm_poller_forked(void);
void nm_poller_abandon(struct nm_os_poller *p);

#endif /* NM_POLLER_H */
