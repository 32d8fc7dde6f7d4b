/* SPDX-License-Identifier: BSD-2-Clause */
/* What the programs that netmap is measured against share: options, frame, report. */
#ifndef BENCH_SOCK_H
#define BENCH_SOCK_H

#include "counters.h"

#include <stdbool.h>
#include <stdint.h>

struct sock_run {
	const char *program;
	const char *what; /* mode, first argument */
	const char *ifname;
	uint64_t limit; /* packets; 0: none */
	double seconds; /* most time for it */
	double idle;	/* receivers: end after so long without a packet */
	unsigned len, batch;
	bool json;

	uint64_t packets;   /* so far */
	uint64_t sum;	    /* of what was received, so that it is looked at */
	uint64_t seen;	    /* by sock_over() */
	uint64_t unclocked; /* packets since `last` */
	double first, last; /* time of the first and last packets */
	struct counters c0; /* at the first */
};

/* Options after "MODE IFNAME"; ends the program if they are wrong. */
void sock_options(struct sock_run *r, int argc, char **argv, const char *modes);

/* An Ethernet frame of r->len bytes, as bench programs send them. */
void sock_frame(const struct sock_run *r, unsigned char *frame);

/* The first receive of anything, or begin of sending; then each batch. */
void sock_begin(struct sock_run *r);
void sock_count(struct sock_run *r, uint64_t packets);

/* True when it is time to end. Cheap enough for every batch. */
bool sock_over(struct sock_run *r);

/* One line, or one JSON object. */
void sock_report(struct sock_run *r);

#endif /* BENCH_SOCK_H */
