/* SPDX-License-Identifier: BSD-2-Clause */
/* All packets of a pcap or pcapng file, in memory. Reading is libpcap's work. */
#ifndef APPS_PCAPFILE_H
#define APPS_PCAPFILE_H

#include <stddef.h>
#include <stdint.h>

struct pcapfile_packet {
	uint64_t ts_ns;	   /* time stamp of the capture */
	size_t offset;	   /* of the bytes in pcapfile.data */
	uint32_t len;	   /* bytes that the file holds */
	uint32_t wire_len; /* bytes that the packet had */
};

struct pcapfile {
	struct pcapfile_packet *packet;
	size_t count;
	uint8_t *data;
	size_t cut;   /* packets of which the file holds less than there was */
	size_t empty; /* packets without a single byte, left out */
};

#define PCAPFILE_ERROR 256

/*
 * 0, or -1 with a line in error. keep_good: a fault in the middle of the file only ends the
 * reading; the line is there all the same. A file without a packet is an error.
 */
int pcapfile_load(struct pcapfile *f, const char *path, int keep_good, char error[PCAPFILE_ERROR]);
void pcapfile_free(struct pcapfile *f);

static inline const uint8_t *pcapfile_data(const struct pcapfile *f, size_t i)
{
	return f->data + f->packet[i].offset;
}

#endif
