/* SPDX-License-Identifier: BSD-2-Clause */
/* One thread that moves packets from A to B: what the ways of doing so have in common. */
#ifndef BENCH_PAIR_H
#define BENCH_PAIR_H

#include <stdint.h>

#define PAIR_BATCH_MAX	1023 /* what a ring of 1024 slots takes at once */
#define PAIR_BATCH_HALF 511  /* and two times */

/* A way to get packets from A to B. Ends the program where it fails. */
struct pair_way {
	const char *name;
	void (*open)(const char *a, const char *b);
	/* Gives `n` packets to A, or as many as it takes, with header and length; how many. */
	unsigned (*send)(unsigned n, unsigned len);
	/* Takes what is there at B and reads the beginning of each packet; how many. */
	unsigned (*receive)(void);
	/* The same system calls, with nothing to send or to receive. */
	void (*empty)(void);
	/*
	 * Before a batch that would not find room beside the last one: what was read is free
	 * again. NULL if receiving did that; else one of the two calls that `empty` makes.
	 */
	void (*release)(void);
	/* B says something, so that a switch knows where it is. */
	void (*learn)(void);
};

extern const struct pair_way pair_netmap, pair_packet, pair_xdp;

extern uint64_t pair_sum; /* of what was read, so that it is looked at */

/* Destination, source and type, locally administered: 02:00:00:00:00:nn. 16 bytes. */
void pair_header(void *p, unsigned dst, unsigned src);

#endif /* BENCH_PAIR_H */
