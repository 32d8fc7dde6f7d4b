/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PKTGEN_DUMP_H
#define PKTGEN_DUMP_H

#include <stddef.h>
#include <stdint.h>

#include <libnetmap.h>

/* Prints the packet, in hexadecimal and as text, in one piece even among threads. */
void dump_packet(const struct nmport_d *port, const char *what, const uint8_t *data, size_t len);

#endif
