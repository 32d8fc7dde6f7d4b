/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A port that exists in memory only: rings and buffers laid out as a host would, so that the
 * programs' ring handling can be tested with no host at all. The test plays the framework: it
 * moves tail.
 */
#ifndef TESTS_APPS_FAKEPORT_H
#define TESTS_APPS_FAKEPORT_H

#include <libnetmap.h>

struct fakeport {
	struct nmport_d d;
	void *region;
};

/* `rings` transmit and receive rings of `slots` slots; ends the program if memory is short. */
void fakeport_open(struct fakeport *p, unsigned rings, unsigned slots, unsigned buf_size);
void fakeport_close(struct fakeport *p);

struct netmap_ring *fakeport_tx(struct fakeport *p, unsigned ring);
struct netmap_ring *fakeport_rx(struct fakeport *p, unsigned ring);
/* What txsync does on a port that takes everything at once. Returns the slots taken. */
unsigned fakeport_consume(struct netmap_ring *tx);
/* A packet arrives, in one slot. 0: there is no room. */
int fakeport_deliver(struct netmap_ring *rx, const void *data, unsigned len, unsigned flags);

#endif
