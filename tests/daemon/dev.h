/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ports as a program for the kernel's /dev/netmap has them: by system calls, in a program that
 * knows nothing of ours (and is run by netmap-run). Two of them, `a` and `b`, are there for all.
 */
#ifndef DEV_H
#define DEV_H

#include "daemon.h"

#define NETMAP_WITH_LIBS
#include <net/netmap_user.h>

struct port {
	int fd;
	size_t size;
	char *mem;
	struct netmap_if *nifp;
	struct netmap_ring *tx, *rx;
};

extern struct port a, b;

struct port port(const char *name);
struct port port_slots(const char *name, unsigned int slots, uint64_t flags);
void port_map(struct port *p, const struct nmreq_register *reg);
void port_end(struct port *p);
/* A daemon, vale0:a and vale0:b. */
void setup(void);

/* A packet with a number into the tx ring; with NIOCTXSYNC. */
void put(struct port *p, uint32_t number);
void sendit(struct port *p, uint32_t number);
/* From the rx ring; after NIOCRXSYNC, which must have brought it. */
bool take(struct port *p, uint32_t *number);
void expect(struct port *p, uint32_t number);

/* Ways to wait for one descriptor, all as poll(): `events`, revents. */
typedef int (*wait_fn)(int fd, int events, int ms);
int by_poll(int fd, int events, int ms); /* with another that is ignored */
int by_poll_alone(int fd, int events, int ms);
int by_ppoll(int fd, int events, int ms);
int by_select(int fd, int events, int ms);
int by_pselect(int fd, int events, int ms);
int by_epoll(int fd, int events, int ms);
int by_epoll_pwait(int fd, int events, int ms);
int by_nested(int fd, int events, int ms); /* poll() on an epoll set */
int epoll_of(int fd, uint32_t events);

#endif /* DEV_H */
