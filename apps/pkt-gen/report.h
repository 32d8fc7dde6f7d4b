/* SPDX-License-Identifier: BSD-2-Clause */
/* What the user sees while the workers work, and at the end. */
#ifndef PKTGEN_REPORT_H
#define PKTGEN_REPORT_H

#include <stdint.h>

#include "worker.h"

#define REPORT_WINDOW 20

struct report_totals {
	uint64_t ns, packets, bytes, batches, lost;
	uint64_t dropped; /* at this port, as the host counts them */
};

struct report {
	const struct options *o;
	struct worker *workers;
	unsigned n;
	struct report_totals last;
	double window[REPORT_WINDOW]; /* packets per second of the last reports */
	unsigned windowed;
	uint64_t dropped_before; /* we came: a port may be older than its user */
	int drops_known;	 /* the host has a listing */
};

void report_init(struct report *r, const struct options *o, struct worker *w, unsigned n);
/* One line about the time since the last one. */
void report_interval(struct report *r);
/* All that is known at the end. cpu_s: processor time used. */
void report_summary(struct report *r, double cpu_s);

#endif
