/* SPDX-License-Identifier: BSD-2-Clause */
/* What the options ask for, and the two things that nmreplay does with it. */
#ifndef NMREPLAY_PROGRAM_H
#define NMREPLAY_PROGRAM_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "../common/pcapfile.h"
#include "sender.h"

struct direction {
	const char *from_name, *to_name;
	struct nmport_d *from; /* NULL: from the file */
	struct link link;
	struct sender sender;
	int cpu; /* -1: anywhere */
	int failed;
	char why[256];
	uint64_t sync_ns;		      /* what a sync of `from` took lately */
	unsigned turn_sent;		      /* packets in the last turn */
	_Atomic uint64_t shown_in, shown_out; /* for the reports */
};

struct program {
	const char *file_name, *port_name[2];
	struct nmport_d *port[2];
	struct pcapfile file;
	struct direction dir[2];
	unsigned dirs; /* 1: replay, 2: emulate */

	/* Options that may come once, for both directions, or twice. */
	struct bandwidth bandwidth[2];
	struct delay delay[2];
	struct loss loss[2];
	struct reorder reorder[2];
	double duplicate[2], queue[2];
	unsigned bandwidths, delays, losses, reorders, duplicates, queues;

	uint64_t loops; /* 0: no end */
	uint64_t count; /* 0: all */
	uint64_t seed;
	double memory;
	unsigned batch, threads;
	int cpu[2];
	double wait_s;
	int busy, keep_good, verbose, json;
	_Atomic int running;
};

/* Bodies of the working threads. replay: until the end of the file; emulate: until stopped. */
void replay_run(struct program *p);
void emulate_run(struct program *p, unsigned first, unsigned n);

void direction_fail(struct direction *d, const struct nmport_d *port, const char *what);
void report_interval(struct program *p, double s);
void report_summary(const struct program *p, double s);

#endif
