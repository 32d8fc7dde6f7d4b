/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a link does to packets: how long it takes to send one, how long they travel, which are
 * lost, held back or doubled. Each model is one small struct, read from one option.
 */
#ifndef NMREPLAY_MODEL_H
#define NMREPLAY_MODEL_H

#include <stdint.h>

#include "../common/random.h"

/* Preamble, CRC and the gap between frames, as `ether` counts them. */
#define ETHER_FRAMING 24

enum bandwidth_kind {
	BANDWIDTH_NONE,	    /* no limit */
	BANDWIDTH_CONSTANT, /* bits per second of the packet itself */
	BANDWIDTH_ETHER,    /* with framing and CRC */
	BANDWIDTH_PACKETS,  /* packets per second */
	BANDWIDTH_REAL,	    /* the times in the file */
};

struct bandwidth {
	enum bandwidth_kind kind;
	double rate; /* per second; REAL: how many times as fast */
};

struct delay {
	enum { DELAY_CONSTANT, DELAY_UNIFORM, DELAY_EXPONENTIAL } kind;
	double min_ns, max_ns; /* EXPONENTIAL: max_ns is the average */
};

struct loss {
	enum { LOSS_NONE, LOSS_PACKETS, LOSS_BITS } kind;
	double rate;
};

struct reorder {
	double probability;
	double hold_ns;
};

/* From the text of -B, -D, -L, -R. 0, or -1 if it is not of that form. */
int bandwidth_parse(const char *text, struct bandwidth *b);
int delay_parse(const char *text, struct delay *d);
int loss_parse(const char *text, struct loss *l);
int reorder_parse(const char *text, struct reorder *r);
int probability_parse(const char *text, double *p);

/* Nanoseconds that the link is busy with a packet. */
double bandwidth_ns(const struct bandwidth *b, unsigned len);
double delay_sample(const struct delay *d, struct rng *rng);
int loss_sample(const struct loss *l, unsigned len, struct rng *rng);

#endif
