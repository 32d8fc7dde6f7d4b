/* SPDX-License-Identifier: BSD-2-Clause */
#include <math.h>
#include <string.h>

#include "../common/units.h"
#include "model.h"

#define MAX_WORDS 3

/* Splits at commas, in a copy. The number of words, or -1: too many, or too long. */
static int split(const char *text, char *copy, size_t size, char *word[MAX_WORDS])
{
	char *p = copy;
	int n = 0;

	if (strlen(text) >= size)
		return -1;
	strcpy(copy, text);
	while (p) {
		if (n == MAX_WORDS)
			return -1;
		word[n++] = strsep(&p, ",");
	}
	return n;
}

int bandwidth_parse(const char *text, struct bandwidth *b)
{
	static const struct {
		const char *name;
		enum bandwidth_kind kind;
	} kinds[] = {
		{ "constant", BANDWIDTH_CONSTANT },
		{ "ether", BANDWIDTH_ETHER },
		{ "pps", BANDWIDTH_PACKETS },
		{ "real", BANDWIDTH_REAL },
	};
	char copy[128], *w[MAX_WORDS];
	int n = split(text, copy, sizeof(copy), w);

	b->kind = BANDWIDTH_CONSTANT;
	b->rate = 1;
	if (n == 1 && strcmp(w[0], "real") == 0) {
		b->kind = BANDWIDTH_REAL;
		return 0;
	}
	if (n == 2) {
		size_t i;

		for (i = 0; i < 4 && strcmp(w[0], kinds[i].name); i++)
			;
		if (i == 4)
			return -1;
		b->kind = kinds[i].kind;
	}
	if (n < 1 || n > 2 || parse_scaled(w[n - 1], &b->rate))
		return -1;
	if (b->rate == 0) { /* no limit, but a file's times cannot be taken 0 times as fast */
		if (b->kind == BANDWIDTH_REAL)
			return -1;
		b->kind = BANDWIDTH_NONE;
	}
	return 0;
}

int delay_parse(const char *text, struct delay *d)
{
	char copy[128], *w[MAX_WORDS];
	int n = split(text, copy, sizeof(copy), w);

	memset(d, 0, sizeof(*d));
	if (n == 1 || (n == 2 && strcmp(w[0], "constant") == 0)) {
		if (parse_time_ns(w[n - 1], &d->min_ns))
			return -1;
		d->max_ns = d->min_ns;
		return 0;
	}
	if (n != 3 || parse_time_ns(w[1], &d->min_ns) || parse_time_ns(w[2], &d->max_ns) ||
	    d->max_ns < d->min_ns)
		return -1;
	if (strcmp(w[0], "uniform") == 0)
		d->kind = DELAY_UNIFORM;
	else if (strcmp(w[0], "exp") == 0)
		d->kind = DELAY_EXPONENTIAL;
	else
		return -1;
	return 0;
}

int probability_parse(const char *text, double *p)
{
	return parse_scaled(text, p) || *p > 1 ? -1 : 0;
}

int loss_parse(const char *text, struct loss *l)
{
	char copy[128], *w[MAX_WORDS];
	int n = split(text, copy, sizeof(copy), w);

	l->kind = LOSS_PACKETS;
	if (n == 2 && strcmp(w[0], "ber") == 0)
		l->kind = LOSS_BITS;
	else if (n != 1 && (n != 2 || strcmp(w[0], "plr")))
		return -1;
	if (probability_parse(w[n - 1], &l->rate))
		return -1;
	if (l->rate == 0)
		l->kind = LOSS_NONE;
	return 0;
}

int reorder_parse(const char *text, struct reorder *r)
{
	char copy[128], *w[MAX_WORDS];
	int n = split(text, copy, sizeof(copy), w);

	/* "const" may be left out. */
	if (n == 3 && strcmp(w[0], "const") == 0) {
		w[0] = w[1];
		w[1] = w[2];
	} else if (n != 2) {
		return -1;
	}
	return probability_parse(w[0], &r->probability) || parse_time_ns(w[1], &r->hold_ns) ? -1 :
											      0;
}

double bandwidth_ns(const struct bandwidth *b, unsigned len)
{
	switch (b->kind) {
	case BANDWIDTH_CONSTANT:
		return len * 8e9 / b->rate;
	case BANDWIDTH_ETHER:
		return (len + ETHER_FRAMING) * 8e9 / b->rate;
	case BANDWIDTH_PACKETS:
		return 1e9 / b->rate;
	default:
		return 0;
	}
}

double delay_sample(const struct delay *d, struct rng *rng)
{
	switch (d->kind) {
	case DELAY_UNIFORM:
		return d->min_ns + (d->max_ns - d->min_ns) * rng_unit(rng);
	case DELAY_EXPONENTIAL:
		/* 1 - unit is never 0 */
		return d->min_ns - (d->max_ns - d->min_ns) * log(1 - rng_unit(rng));
	default:
		return d->min_ns;
	}
}

int loss_sample(const struct loss *l, unsigned len, struct rng *rng)
{
	switch (l->kind) {
	case LOSS_PACKETS:
		return rng_unit(rng) < l->rate;
	case LOSS_BITS:
		/* 1 - (1 - rate)^bits, without losing small rates in the rounding */
		return rng_unit(rng) < -expm1(len * 8.0 * log1p(-l->rate));
	default:
		return 0;
	}
}
