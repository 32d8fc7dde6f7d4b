/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ports in tests, by libnetmap alone: the same test runs on every host (NETMAP_HOST).
 * What fails here ends the case.
 */
#ifndef T_PORT_H
#define T_PORT_H

#include "t.h"

#include <libnetmap.h>
#include <string.h>

/* Before the first port. `vale_age`: seconds until switches forget a station, 0: as it is. */
void host_start(unsigned int vale_age);
bool host_is(const char *name);
/* The listing of ports and counters in JSON (free it); NULL if this host can't give one. */
char *host_state(void);
/* A number in it: the first `"key":` after each of the texts of `path` in turn; -1: none. */
long long host_number(const char *path[], const char *key);
/* Of the port called `name`: its rx or tx counter `key` ("packets", "no-room", ...). */
long long port_counter(const char *name, const char *dir, const char *key);

struct nmport_d *port_open(const char *spec);
/* As a request: flags, rings, ... are set by the caller between the two. */
struct nmport_d *port_prepare(const char *spec);
void port_register(struct nmport_d *d);
/* Must fail: with what errno. */
int port_open_errno(const char *spec);
int port_register_errno(struct nmport_d *d);
void port_close(struct nmport_d *d);

struct netmap_ring *port_tx(struct nmport_d *d, unsigned int ring);
struct netmap_ring *port_rx(struct nmport_d *d, unsigned int ring);
void port_txsync(struct nmport_d *d);
void port_rxsync(struct nmport_d *d);
int port_poll(struct nmport_d *d, int events, int ms); /* revents */

/*
 * vale7:a and vale7:b, who mean well while others do not: a packet of a's still arrives at b, and
 * nothing else does.
 */
void good_pair(struct nmport_d **a, struct nmport_d **b);
void good_pair_works(struct nmport_d *a, struct nmport_d *b);

/* NIOCCTRL on a descriptor of its own: 0 or errno. */
int host_ctrl(struct nmreq_header *hdr);
int host_request(uint16_t type, const char *name, void *body);

/* A frame of `len` bytes with a number at its end, from and to station numbers. */
#define STATION_ALL 0xffff
void frame_make(void *buf, unsigned int len, unsigned int to, unsigned int from, uint32_t number);
uint32_t frame_number(const void *buf, unsigned int len);
bool frame_ok(const void *buf, unsigned int len, unsigned int to, unsigned int from);

/* Into the next free slot of tx ring 0, which must have one. No sync. */
void put_frame(struct nmport_d *d, unsigned int to, unsigned int from, uint32_t number,
	       unsigned int len, unsigned int flags);
/* put_frame() of 60 bytes and sync. */
void send_frame(struct nmport_d *d, unsigned int to, unsigned int from, uint32_t number);

/* The next slot received on a ring of d, after a sync; false if there is none. */
struct got {
	uint32_t len, flags;
	uint32_t number;
	char data[4096];
};
bool take_slot(struct nmport_d *d, unsigned int ring, struct got *g);
/* How many slots there are to take on all rings; they are taken. */
unsigned int take_all(struct nmport_d *d);
/* Nothing, or exactly one frame with this number, must have come. */
void expect_none(struct nmport_d *d);
void expect_frame(struct nmport_d *d, uint32_t number);

#endif /* T_PORT_H */
