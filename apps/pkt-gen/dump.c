/* SPDX-License-Identifier: BSD-2-Clause */
#include <ctype.h>
#include <stdio.h>

#include "dump.h"

static void dump_line(FILE *out, const uint8_t *data, size_t at, size_t len)
{
	fprintf(out, "%5zu: ", at);
	for (size_t i = 0; i < 16; i++) {
		if (at + i < len)
			fprintf(out, "%02x ", data[at + i]);
		else
			fputs("   ", out);
	}
	fputc(' ', out);
	for (size_t i = 0; i < 16 && at + i < len; i++)
		fputc(isprint(data[at + i]) ? data[at + i] : '.', out);
	fputc('\n', out);
}

void dump_packet(const struct nmport_d *port, const char *what, const uint8_t *data, size_t len)
{
	FILE *out = stderr;

	flockfile(out);
	fprintf(out, "%s %s: %zu bytes\n", port->hdr.nr_name, what, len);
	for (size_t at = 0; at < len; at += 16)
		dump_line(out, data, at, len);
	funlockfile(out);
}
