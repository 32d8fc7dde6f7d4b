/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VALECTL_COUNTERS_H
#define VALECTL_COUNTERS_H

/* Prints the counters of all ports of all switches, or of this port. 0, or -1 with a line. */
int counters_print(const char *port, int json);

#endif
