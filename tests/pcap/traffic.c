/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Traffic for the tests of programs, by libpcap, whichever one this is run with:
 *
 *	traffic gen FILE N		a savefile of N packets, always the same ones
 *	traffic send DEV FILE [US]	sends its packets, one every US microseconds
 *	traffic recv DEV FILE N MS	writes N packets to a savefile; gives up when none has
 *					come for MS milliseconds
 *	traffic same FILE1 FILE2	the same packets in the same order? and are the times
 *					of FILE2 those of a capture made in the last hour?
 */
#include <pcap/pcap.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static char err[PCAP_ERRBUF_SIZE];

static _Noreturn void die(const char *what, const char *why)
{
	fprintf(stderr, "traffic: %s: %s\n", what, why);
	exit(1);
}

/* ---- Packets ------------------------------------------------------------------------- */

static void put16(unsigned char *b, unsigned int v)
{
	b[0] = (unsigned char)(v >> 8);
	b[1] = (unsigned char)v;
}

static void put32(unsigned char *b, uint32_t v)
{
	put16(b, v >> 16);
	put16(b + 2, v & 0xffff);
}

static uint32_t sum(const unsigned char *b, size_t n, uint32_t s)
{
	size_t i;

	for (i = 0; i + 1 < n; i += 2)
		s += (uint32_t)(b[i] << 8 | b[i + 1]);
	if (n & 1)
		s += (uint32_t)b[n - 1] << 8;
	return s;
}

static unsigned int fold(uint32_t s)
{
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return ~s & 0xffff;
}

/* One station sends all of it: a switch would keep for itself what answers. */
static size_t ethernet(unsigned char *b, unsigned int type)
{
	static const unsigned char macs[] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1 };

	memcpy(b, macs, sizeof(macs));
	put16(b + 12, type);
	return 14;
}

static size_t ipv4(unsigned char *ip, unsigned int proto, uint32_t src, uint32_t dst, size_t len,
		   unsigned int id)
{
	memset(ip, 0, 20);
	ip[0] = 0x45;
	put16(ip + 2, (unsigned int)len + 20);
	put16(ip + 4, id);
	ip[6] = 0x40;
	ip[8] = 64;
	ip[9] = (unsigned char)proto;
	put32(ip + 12, src);
	put32(ip + 16, dst);
	put16(ip + 10, fold(sum(ip, 20, 0)));
	return 20;
}

/* The checksum of a TCP or UDP header whose own field is at `at` and is 0. */
static void checksum(unsigned char *ip, size_t len, unsigned int at)
{
	uint32_t s = sum(ip + 12, 8, ip[9] + (uint32_t)len);

	put16(ip + 20 + at, fold(sum(ip + 20, len, s)));
}

struct tcp {
	uint32_t src, dst, seq, ack;
	unsigned int sport, dport, flags;
};

static size_t tcp(unsigned char *b, const struct tcp *t, const char *data, unsigned int id)
{
	/* As Linux opens connections: this is what p0f looks at. */
	static const unsigned char syn[] = { 2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 1,
					     2, 3, 0, 0,    0, 0, 1, 3,	 3, 7 };
	size_t opt = t->flags & 2 ? sizeof(syn) : 0, n = strlen(data);
	unsigned char *ip = b + ethernet(b, 0x0800), *h = ip + 20;

	ipv4(ip, 6, t->src, t->dst, 20 + opt + n, id);
	memset(h, 0, 20);
	put16(h, t->sport);
	put16(h + 2, t->dport);
	put32(h + 4, t->seq);
	put32(h + 8, t->ack);
	h[12] = (unsigned char)((20 + opt) << 2);
	h[13] = (unsigned char)t->flags;
	put16(h + 14, 64240);
	memcpy(h + 20, syn, opt);
	memcpy(h + 20 + opt, data, n);
	checksum(ip, 20 + opt + n, 16);
	return 34 + 20 + opt + n;
}

static size_t udp(unsigned char *b, uint32_t src, uint32_t dst, unsigned int sport,
		  unsigned int dport, size_t len, unsigned int id)
{
	unsigned char *ip = b + ethernet(b, 0x0800), *h = ip + 20;
	size_t i;

	ipv4(ip, 17, src, dst, 8 + len, id);
	put16(h, sport);
	put16(h + 2, dport);
	put16(h + 4, (unsigned int)len + 8);
	put16(h + 6, 0);
	for (i = 0; i < len; i++)
		h[8 + i] = (unsigned char)(i + id);
	checksum(ip, 8 + len, 6);
	return 42 + len;
}

static size_t arp(unsigned char *b, unsigned int n)
{
	static const unsigned char head[] = { 0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1 };

	ethernet(b, 0x0806);
	memset(b, 0xff, 6);
	memset(b + 14, 0, 46);
	memcpy(b + 14, head, sizeof(head));
	put32(b + 28, 0xc0000201);
	put32(b + 38, 0xc0000200 + (n & 255));
	return 60;
}

static size_t vlan(unsigned char *b, unsigned int n)
{
	size_t len = udp(b, 0x0a010101, 0x0a010102, 5000, 5001, 100 + n % 50, n);

	memmove(b + 16, b + 12, len - 12);
	put16(b + 12, 0x8100);
	put16(b + 14, 7);
	return len + 4;
}

/* Packet n of a mixture. Every hundred packets begin with an HTTP request. */
static size_t packet(unsigned char *b, unsigned int n)
{
	struct tcp t = { 0x0a000001 + n / 100 % 200,
			 0xc0000250,
			 1000 + n / 100,
			 5000,
			 20000 + n / 100 % 20000,
			 80,
			 0 };

	switch (n % 100) {
	case 0:
		t.flags = 0x02;
		t.ack = 0;
		return tcp(b, &t, "", n);
	case 1:
		t = (struct tcp){ t.dst, t.src, 4999, t.seq + 1, 80, t.sport, 0x12 };
		return tcp(b, &t, "", n);
	case 2:
	case 3:
		t.seq++;
		t.flags = 0x18;
		return tcp(b, &t,
			   n % 100 == 2 ? "" :
					  "GET /index.html HTTP/1.1\r\nHost: example.org\r\n"
					  "User-Agent: traffic\r\n\r\n",
			   n);
	case 4:
		return arp(b, n / 100);
	case 5:
		return vlan(b, n);
	case 6:
		return udp(b, 0xc0000201, 0xc0000235, 40000, 53, 30 + n / 100 % 20, n);
	default:
		return udp(b, 0x0a000001 + n % 7, 0x0a000101 + n % 11, 1024 + n % 500, 9000 + n % 3,
			   18 + n * 37 % 1455, n);
	}
}

/* ---- Commands ------------------------------------------------------------------------ */

static void generate(const char *path, unsigned int n)
{
	pcap_t *dead = pcap_open_dead(DLT_EN10MB, 65535);
	pcap_dumper_t *d = pcap_dump_open(dead, path);
	struct pcap_pkthdr h = { .ts = { 1600000000, 0 } };
	unsigned char b[2048];
	unsigned int i;

	if (d == NULL)
		die(path, pcap_geterr(dead));
	for (i = 0; i < n; i++) {
		memset(b, 0, 60);
		h.len = (bpf_u_int32)packet(b, i);
		if (h.len < 60)
			h.len = 60;
		h.caplen = h.len;
		h.ts.tv_usec = i % 1000000;
		h.ts.tv_sec = 1600000000 + i / 1000000;
		pcap_dump((unsigned char *)d, &h, b);
	}
	pcap_dump_close(d);
	pcap_close(dead);
}

static pcap_t *open_file(const char *path)
{
	pcap_t *p = pcap_open_offline_with_tstamp_precision(path, 1, err);

	if (p == NULL)
		die(path, err);
	return p;
}

static pcap_t *open_device(const char *dev)
{
	pcap_t *p = pcap_create(dev, err);

	if (p == NULL)
		die(dev, err);
	pcap_set_snaplen(p, 2000);
	pcap_set_promisc(p, 1);
	pcap_set_timeout(p, 10);
	pcap_set_immediate_mode(p, 1);
	pcap_set_buffer_size(p, 64 << 20);
	if (pcap_activate(p) < 0)
		die(dev, pcap_geterr(p));
	return p;
}

static void send_file(const char *dev, const char *path, long us)
{
	pcap_t *out = open_device(dev), *in = open_file(path);
	const unsigned char *data;
	struct pcap_pkthdr *h;
	unsigned int n = 0;

	for (; pcap_next_ex(in, &h, &data) == 1; n++) {
		if (pcap_inject(out, data, h->caplen) != (int)h->caplen)
			die(dev, pcap_geterr(out));
		if (us > 0)
			usleep((useconds_t)us);
	}
	pcap_close(in);
	pcap_close(out);
	printf("sent %u\n", n);
}

static void receive(const char *dev, const char *path, unsigned int n, long ms)
{
	pcap_t *in = open_device(dev);
	pcap_dumper_t *d = pcap_dump_open(in, path);
	const unsigned char *data;
	struct pcap_pkthdr *h;
	struct pcap_stat st;
	unsigned int got = 0;
	long idle = 0;

	if (d == NULL)
		die(path, pcap_geterr(in));
	pcap_setnonblock(in, 1, err);
	printf("ready\n");
	fflush(stdout);
	while (got < n && idle < ms) {
		int r = pcap_next_ex(in, &h, &data);

		if (r < 0)
			die(dev, pcap_geterr(in));
		if (r == 0) {
			usleep(1000);
			idle++;
			continue;
		}
		idle = 0;
		got++;
		pcap_dump((unsigned char *)d, h, data);
	}
	pcap_dump_close(d);
	if (pcap_stats(in, &st) != 0)
		die(dev, pcap_geterr(in));
	printf("received %u, counted %u, dropped %u\n", got, st.ps_recv, st.ps_drop);
	pcap_close(in);
}

static int64_t ns(const struct pcap_pkthdr *h)
{
	return (int64_t)h->ts.tv_sec * 1000000000 + h->ts.tv_usec;
}

static int same(const char *path1, const char *path2)
{
	pcap_t *a = open_file(path1), *b = open_file(path2);
	const unsigned char *da, *db;
	struct pcap_pkthdr *ha, *hb;
	int64_t now = (int64_t)time(NULL) * 1000000000, last = 0;
	unsigned int n;

	for (n = 0;; n++) {
		int ra = pcap_next_ex(a, &ha, &da), rb = pcap_next_ex(b, &hb, &db);

		if (ra != 1 || rb != 1) {
			printf("%u packets: %s\n", n,
			       ra == rb ? "the same" :
			       ra == 1	? "the second file ends" :
					  "the first file ends");
			return ra != rb;
		}
		if (ha->len != hb->len || ha->caplen != hb->caplen ||
		    memcmp(da, db, ha->caplen) != 0) {
			printf("packet %u differs: %u/%u and %u/%u bytes\n", n, ha->caplen, ha->len,
			       hb->caplen, hb->len);
			return 1;
		}
		if (ns(hb) < last || ns(hb) > now + 2000000000 || ns(hb) < now - 3600000000000) {
			printf("packet %u has the time %lld after %lld, it is %lld\n", n,
			       (long long)ns(hb), (long long)last, (long long)now);
			return 1;
		}
		last = ns(hb);
	}
}

int main(int argc, char **argv)
{
	const char *cmd = argc > 1 ? argv[1] : "";

	if (strcmp(cmd, "gen") == 0 && argc == 4)
		generate(argv[2], (unsigned int)atoi(argv[3]));
	else if (strcmp(cmd, "send") == 0 && argc >= 4)
		send_file(argv[2], argv[3], argc > 4 ? atol(argv[4]) : 0);
	else if (strcmp(cmd, "recv") == 0 && argc == 6)
		receive(argv[2], argv[3], (unsigned int)atoi(argv[4]), atol(argv[5]));
	else if (strcmp(cmd, "same") == 0 && argc == 4)
		return same(argv[2], argv[3]);
	else
		die(cmd, "usage: traffic gen|send|recv|same ...");
	return 0;
}
