/* SPDX-License-Identifier: BSD-2-Clause */
#include <err.h>
#include <getopt.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../common/clock.h"
#include "../common/units.h"
#include "options.h"

#define EXIT_USAGE 2

const char *const function_names[] = { "tx", "rx", "ping", "pong" };

static const char usage_text[] =
	"usage: pkt-gen -i interface [-f tx|rx|ping|pong] [options]\n"
	"\n"
	"what to do\n"
	"  -i interface   port: eth0, netmap:eth0-3, vale0:a, x{1, vale0:a}2, ...\n"
	"  -f function    tx, rx, ping or pong (default rx)\n"
	"  -n count       packets, or round trips; 0: until ^C (default)\n"
	"  -t count       the same as -f tx -n count\n"
	"  -b burst       most packets to a system call (default 512)\n"
	"  -R rate        packets a second, as 100K or 1.5M (default: no limit)\n"
	"  -T ms          time between reports (default 1000)\n"
	"  -w seconds     wait before starting (default: until a NIC has its link, at most 2)\n"
	"  -W             rx: end at once if there is nothing to receive at the start\n"
	"  --idle s       rx, pong: end after so many seconds without a packet\n"
	"  --busy         ask for packets again and again instead of sleeping in poll()\n"
	"\n"
	"the packets of tx and ping\n"
	"  -l size        bytes without CRC (default 60); twice: random sizes between the two\n"
	"  --imix[=SPEC]  a mix of sizes, size:weight,... (default 60:7,590:4,1514:1)\n"
	"  -4, -6         IPv4 (default), IPv6\n"
	"  --proto P      udp (default) or tcp\n"
	"  -d, -s range   addr[:port][-addr[:port]], destination and source\n"
	"  -D, -S mac     destination and source MAC address\n"
	"  -z, -Z         random source, destination address and port\n"
	"  --seq          number the packets, for rx --seq to find what is lost or out of order\n"
	"  -P file        send the packets of a pcap or pcapng file\n"
	"  -r             send whatever is in the buffers\n"
	"  -H len         virtio-net header of 0, 10 or 12 bytes before each packet\n"
	"  -F n           split each packet over n slots\n"
	"  -M size        largest part of a packet in a slot, with -F\n"
	"  -I             indirect buffers (VALE ports)\n"
	"  -O offset      packets start at this offset in their buffers\n"
	"  --verify       rx: check lengths and checksums of what arrives\n"
	"\n"
	"rings and CPUs\n"
	"  -p threads     one thread for each ring (default: one for all)\n"
	"  -a cpu         run the first thread there, the next ones on the CPUs that follow\n"
	"  -c cpus        use at most so many CPUs\n"
	"  -C slots       tx_slots[,rx_slots[,tx_rings[,rx_rings]]] of a port that is created\n"
	"  -e count       extra buffers\n"
	"\n"
	"what is shown\n"
	"  -X             dump the packets\n"
	"  -N             plain numbers: 1000000 pps, not 1.000 Mpps\n"
	"  -B             count 24 bytes of framing and CRC with each packet\n"
	"  -A             mean and deviation of the rate of the last 20 reports\n"
	"  -v             more; may be repeated\n"
	"  --json         the result as one JSON object on standard output\n"
	"  --json-lines   each report as well\n"
	"  -h, --help     this text\n";

enum {
	OPT_IMIX = 256,
	OPT_PROTO,
	OPT_SEQ,
	OPT_IDLE,
	OPT_BUSY,
	OPT_JSON,
	OPT_JSON_LINES,
	OPT_VERIFY,
};

static const struct option long_options[] = {
	{ "imix", optional_argument, NULL, OPT_IMIX },
	{ "proto", required_argument, NULL, OPT_PROTO },
	{ "seq", no_argument, NULL, OPT_SEQ },
	{ "idle", required_argument, NULL, OPT_IDLE },
	{ "busy", no_argument, NULL, OPT_BUSY },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "json-lines", no_argument, NULL, OPT_JSON_LINES },
	{ "verify", no_argument, NULL, OPT_VERIFY },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static int complain(const char *option, const char *value, const char *right)
{
	warnx("%s %s: %s", option, value, right);
	return EXIT_USAGE;
}

static int parse_function(struct options *o, const char *name)
{
	/* The names with "seq" are those that number their packets. */
	if (strcmp(name, "txseq") == 0 || strcmp(name, "rxseq") == 0)
		o->check = 1;
	for (int i = 0; i < 4; i++) {
		size_t n = strlen(function_names[i]);

		if (strncmp(name, function_names[i], n) == 0 &&
		    (name[n] == '\0' || (o->check && strcmp(name + n, "seq") == 0))) {
			o->function = (enum function)i;
			return -1;
		}
	}
	return complain("-f", name, "a function is tx, rx, ping or pong");
}

/*
 * Sizes with weights, laid out so that each size comes at even distances: at each step the
 * size that is furthest behind its share is next.
 */
static int parse_mix(struct packet_spec *s, const char *text)
{
	static const char right[] = "a mix is size:weight,... with weights that add up to at "
				    "most 64, as 60:7,590:4,1514:1";
	unsigned size[PACKET_MIX], weight[PACKET_MIX], total = 0, n = 0;
	int credit[PACKET_MIX] = { 0 };
	char copy[256], *p = copy, *word;

	if (strlen(text) >= sizeof(copy))
		return complain("--imix", text, right);
	strcpy(copy, text);
	while ((word = strsep(&p, ",")) != NULL) {
		char *colon = strchr(word, ':');
		uint64_t v, w = 1;

		if (colon)
			*colon++ = '\0';
		if (parse_number(word, 1, PACKET_MAX, &v) ||
		    (colon && parse_number(colon, 1, PACKET_MIX, &w)) || total + w > PACKET_MIX)
			return complain("--imix", text, right);
		size[n] = (unsigned)v;
		weight[n++] = (unsigned)w;
		total += (unsigned)w;
	}
	for (unsigned i = 0; i < total; i++) {
		unsigned best = 0;

		for (unsigned k = 0; k < n; k++) {
			credit[k] += (int)weight[k];
			if (credit[k] > credit[best])
				best = k;
		}
		credit[best] -= (int)total;
		s->mix_size[i] = size[best];
	}
	s->mix_count = total;
	return -1;
}

static int parse_size(struct options *o, const char *text)
{
	uint64_t v;

	if (parse_number(text, 1, PACKET_MAX, &v))
		return complain("-l", text, "a size is a number from 1 to 65535");
	if (!o->size_given) {
		o->packet.size_max = o->packet.size_min = (unsigned)v;
	} else if (v < o->packet.size_max) {
		o->packet.size_min = (unsigned)v;
	} else {
		o->packet.size_min = o->packet.size_max;
		o->packet.size_max = (unsigned)v;
	}
	o->size_given = 1;
	return -1;
}

static int parse_endpoint(const char *option, const char *text, uint16_t port, struct endpoint *e)
{
	const char *why;

	return endpoint_parse(text, port, e, &why) ? complain(option, text, why) : -1;
}

/* One number into one field. */
static int parse_field(int c, const char *text, uint64_t lo, uint64_t hi, unsigned *out)
{
	char option[3] = { '-', (char)c, '\0' }, right[96];
	uint64_t v;

	if (parse_number(text, lo, hi, &v)) {
		snprintf(right, sizeof(right), "a whole number from %llu to %llu is needed",
			 (unsigned long long)lo, (unsigned long long)hi);
		return complain(option, text, right);
	}
	*out = (unsigned)v;
	return -1;
}

static int parse_packet_option(struct options *o, int c, const char *arg)
{
	struct packet_spec *s = &o->packet;

	switch (c) {
	case 'l':
		return parse_size(o, arg);
	case '4':
		s->af = AF_INET;
		return -1;
	case '6':
		s->af = AF_INET6;
		return -1;
	case 'd':
		return parse_endpoint("-d", arg, 1234, &s->dst);
	case 's':
		return parse_endpoint("-s", arg, 1234, &s->src);
	case 'D':
		return mac_parse(arg, s->dst_mac) ?
			       complain("-D", arg, "a MAC address is aa:bb:cc:dd:ee:ff") :
			       -1;
	case 'S':
		return mac_parse(arg, s->src_mac) ?
			       complain("-S", arg, "a MAC address is aa:bb:cc:dd:ee:ff") :
			       -1;
	case 'z':
		s->random_src = 1;
		return -1;
	case 'Z':
		s->random_dst = 1;
		return -1;
	case 'H':
		if (parse_field('H', arg, 0, 12, &s->vnet_len) >= 0)
			return EXIT_USAGE;
		if (s->vnet_len != 0 && s->vnet_len != 10 && s->vnet_len != 12)
			return complain("-H", arg, "a virtio-net header has 0, 10 or 12 bytes");
		return -1;
	case OPT_IMIX:
		return parse_mix(s, arg ? arg : "60:7,590:4,1514:1");
	case OPT_PROTO:
		if (strcmp(arg, "udp") == 0)
			s->proto = IPPROTO_UDP;
		else if (strcmp(arg, "tcp") == 0)
			s->proto = IPPROTO_TCP;
		else
			return complain("--proto", arg, "udp or tcp is needed");
		return -1;
	}
	return -2;
}

static int parse_flag(struct options *o, int c)
{
	switch (c) {
	case 'X':
		o->dump = 1;
		return -1;
	case 'N':
		o->unscaled = 1;
		return -1;
	case 'B':
		o->framing = 1;
		return -1;
	case 'A':
		o->window = 1;
		return -1;
	case 'v':
		o->verbose++;
		return -1;
	case 'r':
		o->rubbish = 1;
		return -1;
	case 'I':
		o->indirect = 1;
		return -1;
	case 'W':
		o->exit_if_empty = 1;
		return -1;
	case OPT_SEQ:
		o->check = 1;
		return -1;
	case OPT_VERIFY:
		o->verify = 1;
		return -1;
	case OPT_BUSY:
		o->busy = 1;
		return -1;
	case OPT_JSON_LINES:
		o->json_lines = 1;
		o->json = 1;
		return -1;
	case OPT_JSON:
		o->json = 1;
		return -1;
	}
	return -2;
}

static int parse_option(struct options *o, int c, const char *arg)
{
	uint64_t v;
	unsigned u;
	double ns;

	switch (c) {
	case 'i':
		o->ifname = arg;
		return -1;
	case 'f':
		return parse_function(o, arg);
	case 't':
		o->function = FUNCTION_TX;
		/* fall through */
	case 'n':
		o->count_given = 1;
		if (parse_count(arg, &o->count))
			return complain("-n", arg, "a whole number is needed, as 1000 or 5M");
		return -1;
	case 'b':
		return parse_field('b', arg, 1, 65536, &o->burst);
	case 'T':
		return parse_field('T', arg, 1, 3600000, &o->report_ms);
	case 'p':
		return parse_field('p', arg, 1, 1024, &o->threads);
	case 'c':
		return parse_field('c', arg, 0, 4096, &o->cpus);
	case 'F':
		return parse_field('F', arg, 1, NETMAP_MAX_FRAGS - 1, &o->frags);
	case 'M':
		return parse_field('M', arg, 1, PACKET_MAX, &o->frag_size);
	case 'e':
		return parse_field('e', arg, 0, UINT32_MAX, &o->extra_bufs);
	case 'a':
		if (parse_field('a', arg, 0, 4095, &u) >= 0)
			return EXIT_USAGE;
		o->first_cpu = (int)u;
		return -1;
	case 'w':
		if (parse_scaled(arg, &o->wait_s) || o->wait_s > 1e6)
			return complain("-w", arg, "a number of seconds is needed");
		return -1;
	case 'R':
		if (parse_scaled(arg, &o->rate))
			return complain("-R", arg, "packets a second are needed, as 100K or 1.5M");
		return -1;
	case 'P':
		o->file = arg;
		return -1;
	case 'C':
		if (port_config_parse(arg, &o->config))
			return complain("-C", arg,
					"tx_slots[,rx_slots[,tx_rings[,rx_rings]]] is needed");
		return -1;
	case 'O':
		if (parse_number(arg, 0, 65535, &v))
			return complain("-O", arg, "an offset is a number of bytes");
		o->offset = v;
		return -1;
	case OPT_IDLE:
		if (parse_time_ns(arg, &ns) || ns <= 0)
			return complain("--idle", arg, "a number of seconds is needed");
		o->idle_s = ns / 1e9;
		return -1;
	}
	u = (unsigned)parse_flag(o, c);
	if (u != (unsigned)-2)
		return (int)u;
	return parse_packet_option(o, c, arg);
}

/* Both ends of one address family, and the addresses that are used if none is given. */
static int complete_endpoints(struct packet_spec *s)
{
	const char *why;

	if (s->af == 0)
		s->af = s->src.af ? s->src.af : s->dst.af ? s->dst.af : AF_INET;
	if (!s->src.af)
		endpoint_parse(s->af == AF_INET ? "10.0.0.1" : "fd00::1", 1234, &s->src, &why);
	if (!s->dst.af)
		endpoint_parse(s->af == AF_INET ? "10.1.0.1" : "fd00:1::1", 1234, &s->dst, &why);
	if (s->src.af == s->af && s->dst.af == s->af)
		return -1;
	warnx("-s and -d must both be IPv4 addresses, or both IPv6 addresses (with -6)");
	return EXIT_USAGE;
}

static int complete_sizes(struct options *o)
{
	struct packet_spec *s = &o->packet;
	unsigned least = packet_min_size(s->af, s->proto, s->stamped), min = s->size_min;

	if (!o->size_given && s->size_min < least)
		s->size_min = s->size_max = min = least;
	for (unsigned i = 0; i < s->mix_count; i++)
		if (i == 0 || s->mix_size[i] < min)
			min = s->mix_size[i];
	if (min < least && !o->file && !o->rubbish) {
		warnx("packets of %u bytes have no room for the headers%s: %u is the least", min,
		      s->stamped ? " and the packet's number" : "", least);
		return EXIT_USAGE;
	}
	return -1;
}

static int complete(struct options *o)
{
	struct packet_spec *s = &o->packet;
	int r;

	if (!o->ifname) {
		warnx("-i interface is missing; pkt-gen --help shows all options");
		return EXIT_USAGE;
	}
	s->stamped = o->check || o->function == FUNCTION_PING;
	s->kind = o->function == FUNCTION_PING ? STAMP_PING : STAMP_DATA;
	r = complete_endpoints(s);
	if (r < 0)
		r = complete_sizes(o);
	if (r >= 0)
		return r;
	if (o->threads > 1 && (o->function == FUNCTION_PING || o->function == FUNCTION_PONG)) {
		warnx("-p %u: ping and pong have one thread", o->threads);
		return EXIT_USAGE;
	}
	if (o->file && (o->check || o->rubbish || s->mix_count)) {
		warnx("-P sends a file as it is: -r, --seq and --imix do not go with it");
		return EXIT_USAGE;
	}
	if (o->indirect &&
	    (o->frags > 1 || o->file || o->offset || s->stamped || s->random_src || s->random_dst ||
	     endpoint_is_range(&s->src) || endpoint_is_range(&s->dst) ||
	     s->size_min != s->size_max || s->mix_count)) {
		warnx("-I sends one buffer again and again: no -F, -O, -P, --seq, and nothing "
		      "that varies");
		return EXIT_USAGE;
	}
	if (o->frags == 0)
		o->frags = 1;
	return -1;
}

static void set_defaults(struct options *o)
{
	static const uint8_t broadcast[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

	memset(o, 0, sizeof(*o));
	o->function = FUNCTION_RX;
	o->burst = 512;
	o->first_cpu = -1;
	o->threads = 1;
	o->report_ms = 1000;
	o->wait_s = -1;
	o->packet.proto = IPPROTO_UDP;
	o->packet.size_min = o->packet.size_max = 60;
	memcpy(o->packet.dst_mac, broadcast, 6);
	/* Two programs on one switch must not seem to be one station. */
	o->packet.seed = now_ns() ^ (uint64_t)getpid() << 32;
	o->packet.stream = (uint16_t)(getpid() * 64 & (STAMP_STREAMS - 1));
	o->packet.src_mac[0] = 0x02;
	o->packet.src_mac[1] = 'n';
	o->packet.src_mac[2] = 'm';
	o->packet.src_mac[3] = (uint8_t)(getpid() >> 16);
	o->packet.src_mac[4] = (uint8_t)(getpid() >> 8);
	o->packet.src_mac[5] = (uint8_t)getpid();
}

int options_parse(struct options *o, int argc, char **argv)
{
	static const char letters[] = "i:f:n:t:l:46d:s:D:S:a:b:c:p:T:w:WR:XH:P:zZrIF:M:O:C:e:vNBAh";
	int c, r;

	set_defaults(o);
	while ((c = getopt_long(argc, argv, letters, long_options, NULL)) != -1) {
		if (c == 'h') {
			fputs(usage_text, stdout);
			return EXIT_SUCCESS;
		}
		if (c == '?') {
			fprintf(stderr, "pkt-gen --help shows all options\n");
			return EXIT_USAGE;
		}
		r = parse_option(o, c, optarg);
		if (r >= 0)
			return r;
	}
	if (optind < argc) {
		warnx("%s: not an option; the port goes after -i", argv[optind]);
		return EXIT_USAGE;
	}
	return complete(o);
}
