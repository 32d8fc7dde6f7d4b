/* SPDX-License-Identifier: BSD-2-Clause */
/* Packets: their contents, lengths, order and times; filters; what cannot be sent. */
#include "conform.h"

#include <time.h>

static unsigned int sum(const unsigned char *b, unsigned int len)
{
	unsigned int s = 0;

	while (len-- > 0)
		s = s * 31 + *b++;
	return s;
}

static void print(unsigned char *user, const struct pcap_pkthdr *h, const unsigned char *b)
{
	(void)user;
	say("packet %u/%u sum %08x", h->caplen, h->len, sum(b, h->caplen));
}

static void ignore(unsigned char *user, const struct pcap_pkthdr *h, const unsigned char *b)
{
	(void)user;
	(void)h;
	(void)b;
}

/* Takes in all that is there. */
static void drain(pcap_t *p)
{
	const unsigned char *data;
	struct pcap_pkthdr *h;
	char err[PCAP_ERRBUF_SIZE];

	settle();
	pcap_setnonblock(p, 1, err);
	while (pcap_next_ex(p, &h, &data) == 1)
		;
	pcap_setnonblock(p, 0, err);
}

/* The next packet, for which there is more time than the handle's 20 ms. */
static int next_in_time(pcap_t *p, struct pcap_pkthdr **h, const unsigned char **data)
{
	int r = 0, i;

	for (i = 0; !r && i < 100; i++)
		r = pcap_next_ex(p, h, data);
	return r;
}

static void contents(pcap_t *cap, pcap_t *inj)
{
	static const size_t lens[] = { 60, 61, 64, 128, 500, 1000, 1514 };
	const unsigned char *data, *first;
	struct pcap_pkthdr *h, hdr;
	unsigned int i, s;

	for (i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		send_packets(inj, i, 1, lens[i]);
		say("next_ex = %d", next_in_time(cap, &h, &data));
		print(NULL, h, data);
	}
	/* A packet stays valid until the next call, whatever comes in meanwhile. */
	send_packets(inj, 100, 1, 200);
	first = pcap_next(cap, &hdr);
	s = sum(first, hdr.caplen);
	send_packets(inj, 200, 300, 100);
	say("still the same %d", s == sum(first, hdr.caplen));
	for (i = 0; i < 300; i++) {
		int r = next_in_time(cap, &h, &data);

		if (r != 1 || h->len != 100 || data[43] != (unsigned char)(200 + i)) {
			say("packet %u: result %d", i, r);
			break;
		}
	}
	say("in order %u", i);
}

static void lengths(pcap_t *cap, pcap_t *inj)
{
	static const int lens[] = { 14, 13, 1, 0, 30, 200000 };
	static unsigned char b[200000];
	unsigned int i;

	make_packet(b, 1, 1514);
	for (i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		result(inj, "inject", pcap_inject(inj, b, (size_t)lens[i]));
		result(inj, "sendpacket", pcap_sendpacket(inj, b, lens[i]));
	}
	/* The text has an errno of long ago at its end. */
	say("sendpacket(-1) = %d", pcap_sendpacket(inj, b, -1));
	drain(cap);
	result(inj, "sendpacket", pcap_sendpacket(inj, b, 100));
	settle();
	say("dispatch = %d", pcap_dispatch(cap, 10, print, NULL));
}

static void set(pcap_t *p, const char *expr)
{
	struct bpf_program prog;

	result(p, expr, pcap_compile(p, &prog, expr, 1, PCAP_NETMASK_UNKNOWN));
	result(p, "setfilter", pcap_setfilter(p, &prog));
	pcap_freecode(&prog);
}

static void filters(pcap_t *cap, pcap_t *inj)
{
	static const char *const exprs[] = {
		"udp dst port 10000",
		"udp[9] = 3 or udp[9] = 5",
		"greater 1000",
		"ip6",
		"ether dst 02:00:00:00:00:02 and not udp dst port 10001",
		"inbound",
		"outbound",
		"",
		"vlan",
		"udp[8:2] & 4 != 0 and len < 80",
	};
	struct bpf_insn cut = BPF_STMT(BPF_RET | BPF_K, 20);
	struct bpf_insn odd = BPF_STMT(0xfff0, 20);
	struct bpf_program prog = { 1, &cut };
	char err[PCAP_ERRBUF_SIZE];
	unsigned int i;

	pcap_setnonblock(cap, 1, err);
	for (i = 0; i < sizeof(exprs) / sizeof(exprs[0]); i++) {
		set(cap, exprs[i]);
		/*
		 * The system's filters the first packet by itself, and then cannot tell
		 * whether it is inbound.
		 */
		send_packets(inj, 0, 1, 60);
		pcap_dispatch(cap, -1, ignore, NULL);
		send_packets(inj, 0, 8, 70);
		send_packets(inj, 8, 2, 1200);
		say("dispatch = %d", pcap_dispatch(cap, -1, print, NULL));
	}
	/* A filter that keeps twenty bytes of every packet. */
	result(cap, "setfilter", pcap_setfilter(cap, &prog));
	send_packets(inj, 0, 1, 70);
	say("dispatch = %d", pcap_dispatch(cap, -1, print, NULL));
	prog.bf_insns = &odd;
	result(cap, "setfilter(invalid)", pcap_setfilter(cap, &prog) < 0 ? -1 : 0);
	set(cap, "");
	drain(cap);
}

static void snapped(pcap_t *inj)
{
	char err[PCAP_ERRBUF_SIZE];
	pcap_t *cap = pcap_create(dev_cap, err);
	const unsigned char *data;
	struct pcap_pkthdr *h;
	struct timespec now;
	long diff;

	pcap_set_snaplen(cap, 96);
	pcap_set_timeout(cap, 20);
	pcap_set_immediate_mode(cap, 1);
	pcap_set_tstamp_precision(cap, PCAP_TSTAMP_PRECISION_NANO);
	result(cap, "activate", pcap_activate(cap));
	send_packets(inj, 1, 1, 96);
	send_packets(inj, 2, 1, 97);
	say("next_ex = %d", next_in_time(cap, &h, &data));
	print(NULL, h, data);
	say("next_ex = %d", next_in_time(cap, &h, &data));
	print(NULL, h, data);
	clock_gettime(CLOCK_REALTIME, &now);
	diff = now.tv_sec - h->ts.tv_sec;
	say("time is right %d", diff >= 0 && diff <= 1 && h->ts.tv_usec < 1000000000);
	pcap_close(cap);
}

static void counters(pcap_t *cap, pcap_t *inj)
{
	struct pcap_stat a, b;

	drain(cap);
	pcap_stats(cap, &a);
	send_packets(inj, 0, 25, 80);
	say("dispatch = %d", pcap_dispatch(cap, -1, print, NULL));
	result(cap, "stats", pcap_stats(cap, &b));
	say("received %u dropped %u %u", b.ps_recv - a.ps_recv, b.ps_drop - a.ps_drop,
	    b.ps_ifdrop - a.ps_ifdrop);
}

static void directions(pcap_t *cap, pcap_t *inj)
{
	static const pcap_direction_t dirs[] = { PCAP_D_IN, PCAP_D_OUT, PCAP_D_INOUT };
	unsigned int i;
	char err[PCAP_ERRBUF_SIZE];

	pcap_setnonblock(cap, 1, err);
	for (i = 0; i < 3; i++) {
		result(cap, "setdirection", pcap_setdirection(cap, dirs[i]));
		send_packets(inj, i, 2, 90);
		say("dispatch = %d", pcap_dispatch(cap, -1, print, NULL));
	}
	pcap_setnonblock(cap, 0, err);
}

void conform_traffic(void)
{
	pcap_t *cap = open_active(dev_cap, 20), *inj = open_active(dev_inj, 20);

	say("== traffic");
	drain(cap);
	contents(cap, inj);
	lengths(cap, inj);
	filters(cap, inj);
	counters(cap, inj);
	directions(cap, inj);
	pcap_close(cap);
	snapped(inj);
	pcap_close(inj);
}
