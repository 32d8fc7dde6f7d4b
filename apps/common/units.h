/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers with units, in and out. All parsers: 0, or -1 if the text is not of that form. */
#ifndef APPS_UNITS_H
#define APPS_UNITS_H

#include <stddef.h>
#include <stdint.h>

/* A whole number in lo .. hi, decimal or 0x. */
int parse_number(const char *text, uint64_t lo, uint64_t hi, uint64_t *out);
/* A number with k, M, G (powers of 1000), as "1.5M". */
int parse_scaled(const char *text, double *out);
/* The same, as a whole number. */
int parse_count(const char *text, uint64_t *out);
/* A time with s, m (or ms), u (or us), n (or ns); no unit: seconds. In nanoseconds. */
int parse_time_ns(const char *text, double *out);

#define UNITS_TEXT 48

/* "14.880 Mpps" for (14.88e6, "pps"); unscaled: "14880000 pps". Returns buf. */
char *format_rate(char buf[UNITS_TEXT], double value, const char *unit, int unscaled);
/* "1.234 us". */
char *format_ns(char buf[UNITS_TEXT], double ns);

#endif
