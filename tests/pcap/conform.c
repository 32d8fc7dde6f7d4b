/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls every function of libpcap and prints what came of it, one line for each call.
 * Run once with the system's library on an interface and once with ours on a port of
 * netmap, on the same traffic, the two outputs must be equal.
 *
 *	conform CAPTURE INJECT NOSUCH	what is sent into INJECT arrives at CAPTURE;
 *					NOSUCH is a name of the same kind that does not exist
 *
 * The names themselves are printed as CAP, INJ and NOSUCH, for they do differ.
 */
#include "conform.h"

#include <stdarg.h>

const char *dev_cap, *dev_inj, *dev_nosuch;

/* Prints one line with the names of the devices replaced. */
void say(const char *fmt, ...)
{
	static const char *const as[] = { "NOSUCH", "CAP", "INJ" };
	const char *const names[] = { dev_nosuch, dev_cap, dev_inj };
	char line[2048], *s = line;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	while (*s != '\0') {
		int i;

		for (i = 0; i < 3; i++)
			if (strncmp(s, names[i], strlen(names[i])) == 0)
				break;
		if (i == 3) {
			putchar(*s++);
			continue;
		}
		fputs(as[i], stdout);
		s += strlen(names[i]);
	}
	putchar('\n');
	fflush(stdout);
}

/* A result, and the text of the error if there is one. */
void result(pcap_t *p, const char *call, long r)
{
	if (r < 0)
		say("%s = %ld: %s", call, r, p != NULL ? pcap_geterr(p) : "");
	else
		say("%s = %ld", call, r);
}

void die(const char *what, const char *why)
{
	fprintf(stderr, "conform: %s: %s\n", what, why);
	exit(2);
}

/* An open handle with the given timeout, or the end of the program. */
pcap_t *open_active(const char *dev, int to_ms)
{
	char err[PCAP_ERRBUF_SIZE] = "";
	pcap_t *p = pcap_create(dev, err);

	if (p == NULL)
		die(dev, err);
	/* With the largest, the system's buffer has room for a handful of packets only. */
	pcap_set_snaplen(p, 2000);
	pcap_set_timeout(p, to_ms);
	pcap_set_immediate_mode(p, 1);
	pcap_set_promisc(p, 1);
	if (pcap_activate(p) < 0)
		die(dev, pcap_geterr(p));
	return p;
}

/*
 * Packet number n: an Ethernet frame with IPv4 and UDP, whose length and contents
 * follow from the number. The type is not one that a kernel would answer.
 */
size_t make_packet(unsigned char *b, unsigned int n, size_t len)
{
	static const unsigned char head[] = {
		0x02, 0, 0,   0, 0, 0x02, 0x02, 0,    0,    0,	  0, 0x01, 0x08, 0x00,
		0x45, 0, 0,   0, 0, 0,	  0,	0,    64,   17,	  0, 0,	   192,	 0,
		2,    1, 192, 0, 2, 2,	  0x27, 0x0f, 0x27, 0x10, 0, 0,	   0,	 0,
	};
	size_t i;

	memcpy(b, head, sizeof(head));
	for (i = sizeof(head); i < len; i++)
		b[i] = (unsigned char)(i * 7 + n);
	b[16] = (unsigned char)((len - 14) >> 8);
	b[17] = (unsigned char)(len - 14);
	b[36] = 0x27;
	b[37] = (unsigned char)(0x10 + (n & 3));
	b[38] = (unsigned char)((len - 34) >> 8);
	b[39] = (unsigned char)(len - 34);
	b[42] = (unsigned char)(n >> 8);
	b[43] = (unsigned char)n;
	return len;
}

void send_packets(pcap_t *inj, unsigned int first, unsigned int n, size_t len)
{
	unsigned char b[1600];
	unsigned int i;

	for (i = first; i < first + n; i++) {
		make_packet(b, i, len);
		if (pcap_inject(inj, b, len) != (int)len)
			die("pcap_inject", pcap_geterr(inj));
	}
	settle();
}

/*
 * Long enough for a packet that was sent to be there, for all hosts. In small steps: on a busy
 * machine each of them takes longer, as do those of whoever has the packet now.
 */
void settle(void)
{
	int i;

	for (i = 0; i < 25; i++)
		usleep(3000);
}

int main(int argc, char **argv)
{
	if (argc != 4) {
		fprintf(stderr, "usage: conform CAPTURE INJECT NOSUCH\n");
		return 2;
	}
	dev_cap = argv[1];
	dev_inj = argv[2];
	dev_nosuch = argv[3];
	alarm(200);
	conform_plain();
	conform_savefile();
	conform_inactive();
	conform_active();
	conform_traffic();
	conform_loops();
	conform_dump();
	conform_open();
	return 0;
}
