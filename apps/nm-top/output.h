/* SPDX-License-Identifier: BSD-2-Clause */
/* A sample as a table, as JSON, and in the text format of Prometheus. */
#ifndef NMTOP_OUTPUT_H
#define NMTOP_OUTPUT_H

#include <stdio.h>

#include "sample.h"

enum sort {
	SORT_NAME,
	SORT_RATE,
	SORT_DROPS,
};

struct view {
	int rings; /* a line for each ring */
	int all;   /* ports that nobody has open, too */
	enum sort sort;
	unsigned width;		 /* of lines; 0: no limit */
	unsigned lines;		 /* of the table; 0: no limit */
	const char *end_of_line; /* what clears the rest of a terminal's line, or "" */
};

void output_table(FILE *out, const struct sample *s, const struct view *v);
void output_json(FILE *out, const struct sample *s);
void output_prometheus(FILE *out, const struct sample *s);

#endif
