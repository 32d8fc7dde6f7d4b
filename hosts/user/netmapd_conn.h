/* SPDX-License-Identifier: BSD-2-Clause */
/* Connections, as the main thread sees them. */
#ifndef NETMAPD_CONN_H
#define NETMAPD_CONN_H

#include "netmapd.h"

struct nmd_conn {
	struct nmd_conn *next, **prevp;
	int fd;
	pid_t pid;
	uint32_t purpose;      /* 0 until HELLO */
	int64_t deadline;      /* ms; 0 once it has said HELLO */
	struct nmd_file *file; /* if it is for ports */
};

extern unsigned int nmd_conns, nmd_conn_ports;

int64_t nmd_now_ms(void);
struct nmd_conn *nmd_conn_new(int fd, pid_t pid); /* NULL: no memory */
void nmd_conn_free(struct nmd_conn *c);
void nmd_unwatch(int fd); /* netmapd_server.c */
void nmd_conns_free(void);
/* Takes one message. false: the connection is over. */
bool nmd_conn_input(struct nmd_conn *c);
/* Ends connections that say nothing. ms until there may be another one, or -1. */
int nmd_conns_timeout(void);

#endif /* NETMAPD_CONN_H */
