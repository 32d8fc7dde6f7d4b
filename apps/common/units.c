/* SPDX-License-Identifier: BSD-2-Clause */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "units.h"

int parse_number(const char *text, uint64_t lo, uint64_t hi, uint64_t *out)
{
	char *end;
	unsigned long long v;

	/* strtoull() would take "-1" for a huge number. */
	if (!isdigit((unsigned char)text[0]))
		return -1;
	errno = 0;
	v = strtoull(text, &end, 0);
	if (errno || *end || v < lo || v > hi)
		return -1;
	*out = v;
	return 0;
}

static int parse_double(const char *text, double *out, const char **rest)
{
	char *end;

	if (!isdigit((unsigned char)text[0]) && text[0] != '.')
		return -1;
	errno = 0;
	*out = strtod(text, &end);
	if (end == text || errno || !isfinite(*out))
		return -1;
	*rest = end;
	return 0;
}

int parse_scaled(const char *text, double *out)
{
	const char *rest;
	double scale = 1;

	if (parse_double(text, out, &rest))
		return -1;
	switch (*rest) {
	case 'k':
	case 'K':
		scale = 1e3;
		break;
	case 'm':
	case 'M':
		scale = 1e6;
		break;
	case 'g':
	case 'G':
		scale = 1e9;
		break;
	case 't':
	case 'T':
		scale = 1e12;
		break;
	case '\0':
		return 0;
	default:
		return -1;
	}
	*out *= scale;
	return rest[1] ? -1 : 0;
}

int parse_count(const char *text, uint64_t *out)
{
	double v;

	if (!parse_number(text, 0, UINT64_MAX, out))
		return 0;
	if (parse_scaled(text, &v) || v > 9e18 || v != floor(v))
		return -1;
	*out = (uint64_t)v;
	return 0;
}

int parse_time_ns(const char *text, double *out)
{
	static const struct {
		const char *unit;
		double ns;
	} units[] = {
		{ "", 1e9 },  { "s", 1e9 },  { "m", 1e6 }, { "ms", 1e6 },
		{ "u", 1e3 }, { "us", 1e3 }, { "n", 1 },   { "ns", 1 },
	};
	const char *rest;

	if (parse_double(text, out, &rest))
		return -1;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(rest, units[i].unit) == 0) {
			*out *= units[i].ns;
			return 0;
		}
	}
	return -1;
}

char *format_rate(char buf[UNITS_TEXT], double value, const char *unit, int unscaled)
{
	static const char prefix[] = { 'K', 'M', 'G', 'T' };
	int i = -1;

	if (unscaled) {
		snprintf(buf, UNITS_TEXT, "%.0f %s", value, unit);
		return buf;
	}
	while (value >= 1000 && i < 3) {
		value /= 1000;
		i++;
	}
	if (i < 0)
		snprintf(buf, UNITS_TEXT, "%.3f %s", value, unit);
	else
		snprintf(buf, UNITS_TEXT, "%.3f %c%s", value, prefix[i], unit);
	return buf;
}

char *format_ns(char buf[UNITS_TEXT], double ns)
{
	if (ns < 1e3)
		snprintf(buf, UNITS_TEXT, "%.0f ns", ns);
	else if (ns < 1e6)
		snprintf(buf, UNITS_TEXT, "%.3f us", ns / 1e3);
	else if (ns < 1e9)
		snprintf(buf, UNITS_TEXT, "%.3f ms", ns / 1e6);
	else
		snprintf(buf, UNITS_TEXT, "%.3f s", ns / 1e9);
	return buf;
}
