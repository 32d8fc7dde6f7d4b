/* SPDX-License-Identifier: BSD-2-Clause */
#include "rate.h"

/* Wake up at most once in this time; bursts get larger instead. */
#define WAKEUP_NS 50000

void pacer_init(struct pacer *p, double rate, unsigned burst, uint64_t now)
{
	double batch = rate * WAKEUP_NS / 1e9;

	p->rate = rate;
	p->per_ns = rate / 1e9;
	p->start = now;
	p->sent = 0;
	p->batch = batch < 1 ? 1 : batch > burst ? burst : (unsigned)batch;
}

unsigned pacer_grant(struct pacer *p, unsigned want, uint64_t now, uint64_t *when)
{
	double due;

	if (p->rate <= 0)
		return want;
	/* The first packet is due at the start. */
	due = (double)(now - p->start) * p->per_ns + 1 - (double)p->sent;
	if (due > p->per_ns * PACER_BACKLOG_NS + p->batch) {
		p->start = now;
		p->sent = 0;
		due = p->batch;
	}
	if (due < p->batch) {
		*when = p->start + (uint64_t)((double)(p->sent + p->batch - 1) / p->per_ns) + 1;
		return 0;
	}
	return due < want ? (unsigned)due : want;
}
