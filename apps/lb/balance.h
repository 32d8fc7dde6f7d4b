/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From the rings of the input to those of the pipes. Each group of pipes gets all packets:
 * copies, except for the last group, which gets the buffers themselves by exchange, if the
 * pipes have the input's memory. A pipe that is full has its packets wait in extra buffers.
 */
#ifndef LB_BALANCE_H
#define LB_BALANCE_H

#include <stdint.h>

#include <libnetmap.h>

#include "flow.h"

/* A slot that waits for room in its pipe. Its buffer is one of the extra buffers. */
struct waiting {
	uint32_t buf_idx;
	uint16_t len;
	uint16_t flags; /* NS_MOREFRAG or 0 */
};

struct output {
	char name[80]; /* of the end that a receiver opens */
	struct nmport_d *port;
	struct netmap_ring *ring;
	int shared; /* buffers can be exchanged with the input's */

	struct waiting *queue; /* a ring of `room` entries */
	unsigned room, first, count;

	int touched; /* its ring has news for the host */
	int synced;  /* in this batch, in the hope of room */

	uint64_t packets, bytes; /* put into the ring */
	uint64_t dropped;	 /* no room, no extra buffer */
	uint64_t stolen;	 /* waited, and gave their place to newer ones */
	uint64_t too_large;	 /* for the pipe's buffers */
	uint64_t queued;	 /* had to wait */
	unsigned longest;	 /* most slots that ever waited */
};

struct group {
	struct output *output;
	unsigned count;
};

struct balancer {
	struct nmport_d *input;
	struct group *group;
	unsigned groups;
	struct output *output; /* all of them */
	unsigned outputs;
	unsigned batch;
	struct flow flow;

	uint32_t *spare; /* extra buffers that nothing waits in */
	unsigned spares, extra;

	uint64_t packets, bytes, batches;
	/* Tells the host about a pipe's ring, and the ring about new room. */
	int (*sync)(struct output *o);
};

/* Takes over the list of extra buffers of the input. 0, or -1: no memory. */
int balancer_init(struct balancer *b);
/* Gives back all extra buffers. What still waits is lost, and counted as dropped. */
void balancer_finish(struct balancer *b);
/* One batch from each ring of the input. Returns the packets taken, or -1: a pipe failed. */
int balancer_run(struct balancer *b);
/* Moves what waits into rings that have room. -1: a pipe failed. */
int balancer_drain(struct balancer *b);
/* Slots that wait, of all outputs. */
unsigned balancer_waiting(const struct balancer *b);

#endif
