/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef NMTOP_SERVE_H
#define NMTOP_SERVE_H

/*
 * Answers HTTP at [address:]port until the program is to stop: /metrics for Prometheus, /json.
 * The address is 127.0.0.1 if none is given; IPv6 addresses are in brackets. 0, or -1 after
 * a line that says what is wrong.
 */
int serve(const char *where);

#endif
