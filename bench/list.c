// SPDX-License-Identifier: BSD-2-Clause
#include "list.h"

#include <err.h>
#include <stdlib.h>

const unsigned *list_parse(const char *arg, unsigned most, unsigned *list)
{
	unsigned long v;
	unsigned n = 0;
	char *end;

	for (const char *s = arg; *s; s = *end ? end + 1 : end) {
		v = strtoul(s, &end, 10);
		if (end == s || (*end && *end != ',') || !v || v > most)
			errx(2, "%s: must be numbers from 1 to %u, with commas", arg, most);
		if (n == LIST_MAX - 1)
			errx(2, "%s: more than %d numbers", arg, LIST_MAX - 1);
		list[n++] = (unsigned)v;
	}
	list[n] = 0;
	return list;
}
