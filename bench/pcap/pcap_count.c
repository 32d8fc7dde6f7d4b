/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A program of libpcap, to be run with the system's library or with netmap's: what does a
 * packet cost?
 *
 *	pcap-count tx DEV [-l LENGTH] [-t SECONDS]
 *	pcap-count rx DEV [-t SECONDS] [-f FILTER]
 *
 * rx counts what its callback is given; packets per second are those between the first and
 * the last packet, CPU is what the process used, in user and in system mode.
 */
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "count.h"

static pcap_t *pcap;
static double first, last;
static volatile sig_atomic_t over;

static double cpu(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void end(int sig)
{
	(void)sig;
	over = 1;
	pcap_breakloop(pcap);
}

static void receive(const char *filter)
{
	set_filter(pcap, filter);
	while (!over) {
		int n = pcap_dispatch(pcap, -1, look, NULL);

		if (n == PCAP_ERROR)
			die("pcap_dispatch", pcap_geterr(pcap));
		if (n <= 0)
			continue;
		last = now();
		if (first == 0)
			first = last;
	}
}

static void transmit(size_t len)
{
	unsigned char b[1514] = { 0 };
	unsigned int i;

	memcpy(b, count_head, sizeof(count_head));
	first = now();
	while (!over)
		for (i = 0; i < 64; i++)
			packets += pcap_inject(pcap, b, len) == (int)len;
	last = now();
}

int main(int argc, char **argv)
{
	struct sigaction sa = { .sa_handler = end };
	const char *filter = NULL, *mode;
	char err[PCAP_ERRBUF_SIZE] = "";
	unsigned int seconds = 3;
	size_t len = 60;
	double used;
	int opt;

	if (argc < 3)
		die("usage", "pcap-count tx|rx DEV [-l LENGTH] [-t SECONDS] [-f FILTER]");
	mode = argv[1];
	optind = 3;
	while ((opt = getopt(argc, argv, "l:t:f:")) != -1) {
		if (opt == 'l')
			len = strtoul(optarg, NULL, 0);
		else if (opt == 't')
			seconds = (unsigned int)strtoul(optarg, NULL, 0);
		else if (opt == 'f')
			filter = optarg;
		else
			return 2;
	}
	if (len < 60 || len > 1514)
		die("length", "must be 60 to 1514");
	pcap = pcap_create(argv[2], err);
	if (pcap == NULL)
		die(argv[2], err);
	pcap_set_snaplen(pcap, 2048);
	pcap_set_promisc(pcap, 1);
	pcap_set_timeout(pcap, 10);
	pcap_set_buffer_size(pcap, 16 << 20);
	if (pcap_activate(pcap) < 0)
		die(argv[2], pcap_geterr(pcap));
	sigaction(SIGALRM, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	alarm(seconds);
	used = cpu();
	if (strcmp(mode, "tx") == 0)
		transmit(len);
	else if (strcmp(mode, "rx") == 0)
		receive(filter);
	else
		die(mode, "must be tx or rx");
	used = cpu() - used;
	printf("{\"mode\":\"%s\",\"packets\":%llu,\"mpps\":%.4f,\"cpu_ns\":%.1f}\n", mode,
	       (unsigned long long)packets,
	       last > first ? (double)packets / (last - first) / 1e6 : 0,
	       packets > 0 ? used * 1e9 / (double)packets : 0);
	pcap_close(pcap);
	return 0;
}
