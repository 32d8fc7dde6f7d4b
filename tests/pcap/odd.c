/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packets as no NIC would send them, from a program at the other end of a pipe or on the same
 * switch: without a byte, cut in their header, in many slots, longer than anything, without
 * an end. Those that are packets arrive whole and in order; the others hurt nobody.
 *
 *	odd SEND CAPTURE	names of two ports that hear each other
 */
#include <libnetmap.h>
#include <pcap/pcap.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct nmport_d *port;
static struct netmap_ring *ring;
static pcap_t *cap;
static unsigned int number;

#define CHECK(cond)                                                                       \
	do {                                                                              \
		if (!(cond)) {                                                            \
			printf("not ok %u - line %d: %s\n", number + 1, __LINE__, #cond); \
			exit(1);                                                          \
		}                                                                         \
	} while (0)

static unsigned char byte(unsigned int seed, unsigned int i)
{
	return i == 0 ? 2 :
	       i < 12 ? (unsigned char)(i + (i / 6)) :
	       i < 14 ? 0x88 :
			(unsigned char)(seed * 31 + i * 7);
}

/* One slot of a packet, from its byte `from` on. */
static void put(unsigned int seed, unsigned int from, unsigned int len, uint16_t flags)
{
	struct netmap_slot *slot = &ring->slot[ring->head];
	unsigned char *b = (unsigned char *)NETMAP_BUF(ring, slot->buf_idx);
	unsigned int i;

	for (i = 0; i < len && i < ring->nr_buf_size; i++)
		b[i] = byte(seed, from + i);
	slot->len = (uint16_t)len;
	slot->flags = flags;
	ring->head = ring->cur = nm_ring_next(ring, ring->head);
}

static void put_whole(unsigned int seed, unsigned int len, unsigned int part)
{
	unsigned int at, n;

	for (at = 0; at < len; at += n) {
		n = len - at < part ? len - at : part;
		put(seed, at, n, at + n < len ? NS_MOREFRAG : 0);
	}
}

static void flush(void)
{
	CHECK(nmhost_ioctl(port->fd, NIOCTXSYNC, NULL) == 0);
}

/* The next packet is that one, all of it. */
static void expect(unsigned int seed, unsigned int len)
{
	const unsigned char *data;
	struct pcap_pkthdr *h;
	unsigned int i;
	int r;

	for (i = 0; (r = pcap_next_ex(cap, &h, &data)) == 0 && i < 20; i++)
		flush();
	CHECK(r == 1);
	if (h->len != len)
		printf("# %u bytes came, not %u\n", h->len, len);
	CHECK(h->len == len && h->caplen == len);
	for (i = 0; i < len; i++)
		CHECK(data[i] == byte(seed, i));
}

static void expect_nothing(void)
{
	const unsigned char *data;
	struct pcap_pkthdr *h;

	CHECK(pcap_next_ex(cap, &h, &data) == 0);
}

static void good(const char *what)
{
	/* and what comes afterwards is not touched by it */
	put_whole(77, 100, 2048);
	flush();
	expect(77, 100);
	expect_nothing();
	printf("ok %u - %s\n", ++number, what);
	fflush(stdout);
}

static void small(bool is_switch)
{
	static const unsigned int lens[] = { 1, 13, 14, 15, 59, 60 };
	unsigned int i;

	for (i = 0; i < sizeof(lens) / sizeof(lens[0]); i++)
		put(i, 0, lens[i], 0);
	put(9, 0, 0, 0);
	flush();
	/* A switch looks at addresses; a pipe carries what it is given. */
	for (i = is_switch ? 2 : 0; i < sizeof(lens) / sizeof(lens[0]); i++)
		expect(i, lens[i]);
	good("a byte, half a header, none at all");
}

static void many_slots(void)
{
	unsigned int i;

	for (i = 0; i < 50; i++)
		put_whole(i, 200 + i * 157, 14 + i * 11);
	flush();
	for (i = 0; i < 50; i++)
		expect(i, 200 + i * 157);
	put_whole(3, 60 * 2048, 2048);
	flush();
	expect(3, 60 * 2048);
	good("packets of up to 60 slots");
}

/* An end that has not come yet: what is there waits for it. */
static void in_parts(void)
{
	put(5, 0, 500, NS_MOREFRAG);
	put(5, 500, 500, NS_MOREFRAG);
	flush();
	expect_nothing();
	put(5, 1000, 500, 0);
	flush();
	expect(5, 1500);
	good("a packet that comes in two syncs");
}

static void long_slot(void)
{
	put(1, 0, ring->nr_buf_size, 0);
	put(2, 0, ring->nr_buf_size + 1, 0);
	put(3, 0, 65535, 0);
	put(4, 0, 90, 0);
	flush();
	expect(1, ring->nr_buf_size);
	expect(4, 90);
	good("slots that claim more than a buffer has");
}

static void injected(void)
{
	static const int lens[] = { -1, 0, 1, 13, 1 << 20, 1 << 30 };
	unsigned char *b = calloc(1, 1 << 20);
	unsigned int i;

	for (i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		CHECK(pcap_sendpacket(cap, b, lens[i]) == PCAP_ERROR);
		CHECK(strlen(pcap_geterr(cap)) > 10);
	}
	CHECK(pcap_inject(cap, b, (size_t)1 << 40) == PCAP_ERROR);
	CHECK(pcap_inject(cap, b, 14) == 14);
	CHECK(pcap_inject(cap, b, 20000) == 20000);
	free(b);
	good("what cannot be injected");
}

int main(int argc, char **argv)
{
	char err[PCAP_ERRBUF_SIZE] = "";

	if (argc != 3) {
		fprintf(stderr, "usage: odd SEND CAPTURE\n");
		return 2;
	}
	port = nmport_open(argv[1]);
	cap = pcap_open_live(argv[2], 262144, 1, 50, err);
	if (port == NULL || cap == NULL) {
		printf("Bail out! %s\n", err);
		return 1;
	}
	ring = NETMAP_TXRING(port->nifp, port->first_tx_ring);
	small(strncmp(argv[1], "vale", 4) == 0);
	many_slots();
	in_parts();
	long_slot();
	injected();
	printf("1..%u\n", number);
	pcap_close(cap);
	nmport_close(port);
	return 0;
}
