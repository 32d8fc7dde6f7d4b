/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packets at a steady rate. The schedule is absolute, so that late wakeups do not lower the
 * average; after a long stop (more than PACER_BACKLOG_NS) the time lost is given up instead of
 * being made up for in a burst.
 */
#ifndef PKTGEN_RATE_H
#define PKTGEN_RATE_H

#include <stdint.h>

#define PACER_BACKLOG_NS 20000000

struct pacer {
	double rate; /* packets per second; 0: no limit */
	double per_ns;
	uint64_t start;
	uint64_t sent;	/* since start */
	unsigned batch; /* packets worth a wakeup */
};

void pacer_init(struct pacer *p, double rate, unsigned burst, uint64_t now);
/* How many of `want` packets may go at `now`. 0: not before *when. */
unsigned pacer_grant(struct pacer *p, unsigned want, uint64_t now, uint64_t *when);
/* So many of the granted ones have gone. */
static inline void pacer_sent(struct pacer *p, unsigned n)
{
	p->sent += n;
}

#endif
