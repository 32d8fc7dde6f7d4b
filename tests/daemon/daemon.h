/* SPDX-License-Identifier: BSD-2-Clause */
/* A netmapd of the case's own, looked at from outside; and its protocol spoken by hand. */
#ifndef DAEMON_H
#define DAEMON_H

#include "t.h"

#include <netmapd_proto.h>
#include <sys/types.h>

/* Sets NETMAP_SOCKET to a place of this case. Nothing is started. */
void daemon_place(void);
/* daemon_place(), and a daemon with these arguments (NULL at the end). Its process. */
pid_t daemon_start(const char *arg, ...);
void daemon_kill(pid_t pid, int sig);
/* Waits until no process listens at the socket; fails after `seconds`. */
void daemon_await_end(double seconds);
/* The process that listens; 0: none does. Asks by the protocol. */
pid_t daemon_pid(void);
char *daemon_list(bool json); /* free it; NULL: no daemon */

/* What the process has now. */
struct usage {
	long fds, threads, maps, kbytes;
};
struct usage usage_of(pid_t pid);
/* Waits until the process has no more than it had then; fails after 10 s. */
void expect_no_more(pid_t pid, const struct usage *then);

/* ---- by hand ---- */

int proto_connect(void);
void proto_send(int s, const void *msg, size_t len, const int *fds, int nfds);
/* The type of the next message; 0 at the end. Fails after 5 s. */
int proto_recv(int s, void *buf, size_t size, int *fds, int *nfds);
int proto_hello(void); /* connected and welcome */
/* A channel: its socket and pipes. */
struct proto_chan {
	int sock, req, keep, rep;
};
struct proto_chan proto_attach(int s);
void proto_chan_close(struct proto_chan *ch);

#endif /* DAEMON_H */
