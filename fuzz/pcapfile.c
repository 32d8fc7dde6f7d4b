// SPDX-License-Identifier: BSD-2-Clause
/*
 * A file of packets, as pkt-gen -P and nmreplay -f take it. To understand the format is
 * libpcap's affair; ours is what is done with its records: any length, any time, any order.
 * Each file is loaded both ways, and what is in it goes through nmreplay's link and into
 * the slots of pkt-gen.
 *
 * The first byte of an input says what the rest is: a file as it is, or records for one of
 * the formats, whose headers are right as far as they need be to get that far.
 */
#include "fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

#include "../apps/common/pcapfile.h"
#include "../apps/nmreplay/link.h"
#include "../apps/pkt-gen/tx.h"
#include "../tests/apps/fakeport.h"

#define SLOTS 16
#define BUF   256
#define MOST  1000 /* packets of a file that are played */

static int fd = -1;
static char path[64];

/* ---- files ----------------------------------------------------------------------------- */

static uint8_t file[1 << 16];
static size_t file_len;

static void put(const void *p, size_t n)
{
	if (n > sizeof(file) - file_len)
		n = sizeof(file) - file_len;
	memcpy(file + file_len, p, n);
	file_len += n;
}

static void put32(uint64_t v, bool swap)
{
	uint32_t u = swap ? __builtin_bswap32((uint32_t)v) : (uint32_t)v;

	put(&u, sizeof(u));
}

static void put16(uint64_t v, bool swap)
{
	uint16_t u = swap ? __builtin_bswap16((uint16_t)v) : (uint16_t)v;

	put(&u, sizeof(u));
}

/* As many bytes as there are, and no more than were announced. */
static void put_bytes(struct input *in, size_t n)
{
	if (n > in->left)
		n = in->left;
	put(in->p, n);
	in->p += n;
	in->left -= n;
}

/* A length, which most of the time is small and true. */
static uint32_t some_length(struct input *in)
{
	uint8_t how = (uint8_t)take(in, 1);

	return how < 0xf0 ? how : (uint32_t)take(in, how & 1 ? 4 : 2);
}

static void build_pcap(struct input *in, unsigned kind)
{
	bool swap = kind & 1, nano = kind & 2;
	uint32_t caplen, len;

	put32(nano ? 0xa1b23c4d : 0xa1b2c3d4, swap);
	put16(2, swap);
	put16(4, swap);
	put32(0, swap);
	put32(0, swap);
	put32(kind & 4 ? take(in, 4) : 65535, swap);
	put32(1, swap);
	while (in->left) {
		put32(take(in, 4), swap);
		put32(take(in, 4), swap);
		caplen = some_length(in);
		len = some_length(in);
		put32(caplen, swap);
		put32(caplen + len, swap);
		put_bytes(in, caplen);
	}
}

/* Opens a block of which close_block() sets the two lengths. */
static size_t open_block(uint32_t type, bool swap)
{
	size_t at = file_len;

	put32(type, swap);
	put32(0, swap);
	return at;
}

static void close_block(size_t at, bool swap)
{
	static const uint8_t zeros[4];
	uint32_t len;

	put(zeros, -file_len & 3);
	len = (uint32_t)(file_len - at) + 4;
	if (swap)
		len = __builtin_bswap32(len);
	put(&len, sizeof(len));
	if (at + 8 <= file_len)
		memcpy(file + at + 4, &len, sizeof(len));
}

static void build_interface(struct input *in, bool swap)
{
	size_t at = open_block(1, swap);

	put16(1, swap);
	put16(0, swap);
	put32(take(in, 1) & 1 ? 0 : 65535, swap);
	put16(9, swap); /* the resolution of its times */
	put16(1, swap);
	put32(take(in, 1), false);
	put32(0, swap);
	close_block(at, swap);
}

static void build_pcapng(struct input *in, unsigned kind)
{
	bool swap = kind & 1;
	uint32_t caplen;
	size_t at;

	at = open_block(0x0a0d0d0a, swap);
	put32(0x1a2b3c4d, swap);
	put16(1, swap);
	put16(0, swap);
	put32(~0u, swap);
	put32(~0u, swap);
	close_block(at, swap);
	build_interface(in, swap);
	while (in->left) {
		unsigned what = (unsigned)take(in, 1);

		if (what < 0x10) {
			build_interface(in, swap);
			continue;
		}
		/* enhanced, simple, old; or whatever it may be */
		at = open_block(what < 0xc0 ? 6 : what < 0xd0 ? 3 : what < 0xe0 ? 2 : what, swap);
		if (what < 0xc0 || what >= 0xd0) {
			put32(what & 3, swap);
			put32(take(in, 4), swap);
			put32(take(in, 4), swap);
		}
		caplen = some_length(in);
		if (what < 0xc0 || what >= 0xd0)
			put32(caplen, swap);
		put32(caplen + some_length(in), swap);
		put_bytes(in, caplen);
		close_block(at, swap);
	}
}

static void build(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	unsigned kind = (unsigned)take(&in, 1);

	file_len = 0;
	if (kind < 0x40)
		put_bytes(&in, in.left);
	else if (kind < 0xa0)
		build_pcap(&in, kind);
	else
		build_pcapng(&in, kind);
}

/* ---- what is done with them ------------------------------------------------------------ */

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fd = memfd_create("fuzz.pcap", 0);
	must(fd >= 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return 0;
}

static void check_line(const char *error)
{
	size_t n = strnlen(error, PCAPFILE_ERROR);

	must(n > 0 && n < PCAPFILE_ERROR && !strchr(error, '\n'));
}

/* What is said of a packet is true of its bytes, each of which is there. */
static void check_packets(const struct pcapfile *f)
{
	size_t i, k;

	must(f->count > 0);
	for (i = 0; i < f->count; i++) {
		const struct pcapfile_packet *p = &f->packet[i];

		must(p->len > 0);
		for (k = 0; k < p->len; k++)
			__asm__ volatile("" ::"r"(pcapfile_data(f, i)[k])); /* read it */
	}
}

/* All comes out that went in, in this order, never before its time. */
static void play(const struct pcapfile *f)
{
	uint64_t now = 1, last = 0;
	struct link_packet *p;
	static struct link l;
	size_t i;

	link_init(&l, 1);
	must(!bandwidth_parse("1G", &l.bandwidth) && !delay_parse("1ms", &l.delay));
	for (i = 0; i < f->count && i < MOST; i++) {
		if (f->packet[i].ts_ns > now && f->packet[i].ts_ns < 1ULL << 62)
			now = f->packet[i].ts_ns;
		link_input(&l, pcapfile_data(f, i), f->packet[i].len, now, i & 1);
	}
	while ((p = link_output(&l)) != NULL) {
		must(p->when >= last && p->len > 0);
		last = p->when;
		link_output_done(&l, p);
	}
	must(l.used == 0 && l.c.out + l.c.no_memory == l.c.in);
	link_free(&l);
}

/* The parts of a packet, put together again, are the packet. */
static unsigned check_slots(const struct pcapfile *f, struct netmap_ring *r, uint32_t from,
			    size_t *next)
{
	unsigned packets = 0;

	while (from != r->head) {
		const struct pcapfile_packet *p = &f->packet[*next];
		uint32_t done = 0, len;

		*next = (*next + 1) % f->count;
		/* more than a ring takes: left out */
		if ((p->len + BUF - 1) / BUF >= SLOTS)
			continue;
		do {
			must(from != r->head);
			len = r->slot[from].len;
			must(len > 0 && len <= BUF && done + len <= p->len);
			must(!memcmp(NETMAP_BUF(r, r->slot[from].buf_idx),
				     f->data + p->offset + done, len));
			done += len;
			len = r->slot[from].flags & NS_MOREFRAG;
			from = nm_ring_next(r, from);
		} while (len);
		must(done == p->len);
		packets++;
	}
	return packets;
}

static void send_all(const struct pcapfile *f)
{
	struct tx t = { .file = f, .frags = 1 };
	struct netmap_ring *r;
	struct fakeport port;
	const char *why;
	size_t next = 0;
	unsigned i, n;

	fakeport_open(&port, 1, SLOTS, BUF);
	must(!tx_init(&t, &port.d, &why));
	r = fakeport_tx(&port, 0);
	for (i = 0; i < 2 * f->count && i < MOST; i += n) {
		uint32_t from = r->head;

		n = tx_fill(&t, r, 0, 5, 0);
		if (!n)
			break;
		must(check_slots(f, r, from, &next) <= n);
		next = t.next;
		fakeport_consume(r);
	}
	must(i >= f->count || i >= MOST);
	tx_free(&t);
	fakeport_close(&port);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char error[PCAPFILE_ERROR], strict_error[PCAPFILE_ERROR];
	struct pcapfile f, strict;
	bool good, strictly;

	build(data, size);
	must(!ftruncate(fd, 0) && pwrite(fd, file, file_len, 0) == (ssize_t)file_len);
	strictly = !pcapfile_load(&strict, path, 0, strict_error);
	good = !pcapfile_load(&f, path, 1, error);
	must(!strictly || (good && !strict_error[0] && !error[0]));
	if (!good)
		check_line(error);
	if (!strictly)
		check_line(strict_error);
	must(strictly || !good || strict_error[0]);
	if (good) {
		check_packets(&f);
		play(&f);
		send_all(&f);
		pcapfile_free(&f);
	}
	if (strictly)
		pcapfile_free(&strict);
	must(!f.packet && !f.data);
	return 0;
}
