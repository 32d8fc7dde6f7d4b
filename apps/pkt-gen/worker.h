/* SPDX-License-Identifier: BSD-2-Clause */
/* One thread of the program, and what it has to tell the thread that reports. */
#ifndef PKTGEN_WORKER_H
#define PKTGEN_WORKER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "../common/histogram.h"
#include "../common/pcapfile.h"
#include "../common/port.h"
#include "frame.h"
#include "options.h"
#include "packet.h"
#include "sequence.h"

/* Written by the worker alone, once for each batch. A line of their own: no false sharing. */
struct counters {
	_Atomic uint64_t packets;
	_Atomic uint64_t bytes;
	_Atomic uint64_t batches;
	_Atomic uint64_t lost; /* rx --seq, ping */
} __attribute__((aligned(64)));

struct worker {
	struct counters c;

	const struct options *o;
	struct nmport_d *port;
	struct packet *packet;	     /* tx, ping */
	const struct pcapfile *file; /* tx -P */
	uint64_t count;		     /* this one's share, 0: no end */
	double rate;
	unsigned index;
	int cpu; /* -1: anywhere */
	pthread_t thread;
	_Atomic int *running; /* workers that are not done */

	/* The results, when the thread has ended. */
	int failed;
	char why[256];
	uint64_t first_ns, last_ns;
	uint64_t stuck;	     /* tx: packets that never left the ring */
	uint64_t skipped;    /* tx -P: packets too large; pong: packets that were no ping */
	uint64_t lost, late; /* ping */
	struct sequence sequence;
	struct frame_faults faults;
	struct histogram latency;

	/* ping: round trips since the last report. */
	pthread_mutex_t lock;
	struct histogram recent;
};

static inline void count_batch(struct counters *c, uint64_t packets, uint64_t bytes)
{
	atomic_store_explicit(&c->packets,
			      atomic_load_explicit(&c->packets, memory_order_relaxed) + packets,
			      memory_order_relaxed);
	atomic_store_explicit(&c->bytes,
			      atomic_load_explicit(&c->bytes, memory_order_relaxed) + bytes,
			      memory_order_relaxed);
	atomic_store_explicit(&c->batches,
			      atomic_load_explicit(&c->batches, memory_order_relaxed) + 1,
			      memory_order_relaxed);
}

/* Keeps the reason; the worker returns after that. */
void worker_fail(struct worker *w, const char *what);

/* Bodies of the threads. */
void tx_run(struct worker *w);
void rx_run(struct worker *w);
void ping_run(struct worker *w);
void pong_run(struct worker *w);

#endif
