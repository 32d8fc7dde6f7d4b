/* SPDX-License-Identifier: BSD-2-Clause */
/* The guest's process 1: its root, its modules, its command. */
#ifndef TESTBED_GUEST_H
#define TESTBED_GUEST_H

#include <stdbool.h>

#define RUN	 "/run/testbed" /* this run's directory on the host, seen from the guest */
#define MAX_LIST 64

struct conf {
	bool vm; /* QEMU; otherwise User-Mode Linux */
	int timeout, leaks, tty, merge;
	char *nics[MAX_LIST]; /* modules of the network cards */
	char *modules[MAX_LIST];
	char *shares[MAX_LIST];
	char *cwd;
	char **argv, **env;
};

extern struct conf conf;

/* guest.c */
void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void fail(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
int put_text(const char *path, const char *text);
char *get_file(const char *path, unsigned long *size);
void power_off(void) __attribute__((noreturn));

/* guest_root.c */
void root_um(const char *run);
void root_vm(void);
void root_own(void);
void root_shares(void);

/* guest_run.c */
int run_command(void);
int run_quiet(char *const argv[]);

#endif /* TESTBED_GUEST_H */
