/* SPDX-License-Identifier: BSD-2-Clause */
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "pcapfile.h"

/* More than any link carries: what claims to be larger is a damaged file. */
#define MAX_PACKET (256 * 1024)

struct loader {
	struct pcapfile *f;
	size_t room;
	size_t bytes, byte_room;
};

/* Room for one more packet of len bytes; both arrays grow by doubling. */
static int reserve(struct loader *l, size_t len)
{
	struct pcapfile *f = l->f;

	if (f->count == l->room) {
		size_t room = l->room ? l->room * 2 : 1024;
		void *p = reallocarray(f->packet, room, sizeof(*f->packet));

		if (!p)
			return -1;
		f->packet = p;
		l->room = room;
	}
	if (l->byte_room - l->bytes < len) {
		size_t room = l->byte_room ? l->byte_room * 2 : 1 << 20;
		void *p;

		while (room - l->bytes < len)
			room *= 2;
		p = realloc(f->data, room);
		if (!p)
			return -1;
		f->data = p;
		l->byte_room = room;
	}
	return 0;
}

static int append(struct loader *l, const struct pcap_pkthdr *h, const u_char *bytes)
{
	struct pcapfile *f = l->f;
	struct pcapfile_packet *p;

	if (h->caplen == 0) {
		f->empty++;
		return 0;
	}
	if (reserve(l, h->caplen))
		return -1;
	if (h->caplen < h->len)
		f->cut++;
	p = &f->packet[f->count++];
	/* Opened with nanosecond precision: tv_usec holds nanoseconds. */
	p->ts_ns = (uint64_t)h->ts.tv_sec * NS_PER_SEC + (uint64_t)h->ts.tv_usec;
	p->offset = l->bytes;
	p->len = h->caplen;
	p->wire_len = h->len;
	memcpy(f->data + l->bytes, bytes, h->caplen);
	l->bytes += h->caplen;
	return 0;
}

/* 0 at the end of the file, -1 with a line in error. */
static int read_all(struct loader *l, pcap_t *p, const char *path, char *error)
{
	struct pcap_pkthdr *h;
	const u_char *bytes;
	int r;

	while ((r = pcap_next_ex(p, &h, &bytes)) == 1) {
		if (h->caplen > MAX_PACKET) {
			snprintf(error, PCAPFILE_ERROR,
				 "%s: packet %zu claims %u bytes: the file is damaged", path,
				 l->f->count + 1, h->caplen);
			return -1;
		}
		if (append(l, h, bytes)) {
			snprintf(error, PCAPFILE_ERROR, "%s: no memory after %zu packets", path,
				 l->f->count);
			return -1;
		}
	}
	if (r == PCAP_ERROR_BREAK)
		return 0;
	snprintf(error, PCAPFILE_ERROR, "%s: damaged after packet %zu: %.128s", path, l->f->count,
		 pcap_geterr(p));
	return -1;
}

int pcapfile_load(struct pcapfile *f, const char *path, int keep_good, char error[PCAPFILE_ERROR])
{
	char why[PCAP_ERRBUF_SIZE];
	struct loader l = { .f = f };
	pcap_t *p;
	int err;

	memset(f, 0, sizeof(*f));
	error[0] = '\0';
	p = pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, why);
	if (!p) {
		/* libpcap names the file in some of its messages, and not in others. */
		if (strncmp(why, path, strlen(path)) == 0)
			snprintf(error, PCAPFILE_ERROR, "%s", why);
		else
			snprintf(error, PCAPFILE_ERROR, "%s: %.160s", path, why);
		return -1;
	}
	if (pcap_datalink(p) != DLT_EN10MB) {
		const char *name = pcap_datalink_val_to_name(pcap_datalink(p));

		snprintf(error, PCAPFILE_ERROR,
			 "%s: holds packets of type %s, only Ethernet (EN10MB) can be sent", path,
			 name ? name : "unknown");
		pcap_close(p);
		return -1;
	}
	err = read_all(&l, p, path, error);
	pcap_close(p);
	if (err == 0 && f->count == 0)
		snprintf(error, PCAPFILE_ERROR, "%s: holds no packet", path);
	if (f->count == 0 || (err && !keep_good)) {
		pcapfile_free(f);
		return -1;
	}
	return 0;
}

void pcapfile_free(struct pcapfile *f)
{
	free(f->packet);
	free(f->data);
	memset(f, 0, sizeof(*f));
}
