/* SPDX-License-Identifier: BSD-2-Clause */
/* A client of libnmcore, in this process, without libnetmap in between. */
#ifndef T_CLIENT_H
#define T_CLIENT_H

#include "t.h"

#include <libnmcore.h>
#include <net/netmap.h>
#include <net/netmap_user.h>
#include <string.h>

struct client {
	struct nmcore *nm;
	struct nmreq_register reg;
	char *mem;
	uint64_t size;
	struct netmap_if *nifp;
	struct netmap_ring *tx, *rx; /* the first of each */
};

/* 0 or errno. `reg` NULL: all rings, defaults. A failure leaves nothing open. */
int client_try(struct client *c, const char *name, const struct nmreq_register *reg);
void client_open(struct client *c, const char *name, const struct nmreq_register *reg);
void client_close(struct client *c);
/* A request on any descriptor; 0 or errno. */
int client_request(struct nmcore *nm, uint16_t type, const char *name, void *body);

int client_detach(struct nmcore *nm, const char *name);

/* A frame of 60 bytes between stations, with a number. */
void frame_number(unsigned char *frame, uint8_t to, uint8_t from, uint32_t number);
/* Sends one, without a sync; false if the ring is full. */
bool client_put(struct client *c, uint8_t to, uint8_t from, uint32_t number);
#define ALL 0xff
/* The next one received, without a sync: false if there is none. */
bool client_take(struct client *c, uint8_t *from, uint32_t *number);
void client_sync(struct client *c, unsigned long request);
/* After a sync the next one has this number. */
void client_expect(struct client *c, uint32_t number);

/* Nothing is left of anything: no port, switch, memory, client. */
void expect_nothing_left(void);

#endif /* T_CLIENT_H */
