/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What tests of the kernel host alone need: /dev/netmap by plain system calls, the module,
 * network namespaces. What fails here ends the case.
 */
#ifndef T_KERN_H
#define T_KERN_H

#include "t.h"

#include <net/netmap.h>
#include <net/netmap_user.h>
#include <string.h>

/* A network namespace of this process's own; skips the case where that can not be. */
void kern_start(void);
/* Runs a command; its exit status. */
__attribute__((format(printf, 1, 2))) int sh(const char *fmt, ...);

int dev_open(void);
/* NIOCCTRL: 0 or errno. */
int dev_request(int fd, uint16_t type, const char *name, void *body);
int dev_register(int fd, const char *name, struct nmreq_register *reg);
/* The line about the last failure. */
const char *dev_error(int fd);
void dev_sync(int fd, unsigned long request);

/* A port: a descriptor, registered and mapped. */
struct kport {
	int fd;
	struct nmreq_register reg;
	char *mem;
	struct netmap_if *nifp;
	struct netmap_ring *tx, *rx; /* the first of each */
};
void kport_open(struct kport *p, const char *name);
/* 0 or errno, and then nothing is left open. */
int kport_try(struct kport *p, const char *name, uint16_t mem_id);
void kport_close(struct kport *p);
/* A broadcast of 60 bytes, and sync; false if there is no room. */
bool kport_send(struct kport *p, uint32_t number);
/* Syncs and takes all that is there: how many. */
unsigned int kport_take(struct kport *p);

/* The listing of this network namespace: has it this text? */
bool listing_has(const char *text);
/* No port, switch or memory is left: soon, since processes that were killed take their time. */
void expect_nothing_left(void);

/* A pair of interfaces, up, without addresses, of so many queues. */
void veth_make(const char *a, const char *b, unsigned int queues);
/* Sends `n` frames on an interface as any program does. */
void raw_send(const char *ifname, unsigned int n);

/* The module: 0 or errno. */
int module_unload(void);
int module_load(void);

/* A process that runs fn(arg) over and over until it is stopped. */
pid_t keep_doing(void (*fn)(void *arg), void *arg);
void stop_doing(pid_t pid);

#endif /* T_KERN_H */
