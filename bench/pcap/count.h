/* SPDX-License-Identifier: BSD-2-Clause */
/* The loop that is measured: a callback that looks at a packet's first bytes and counts. */
#ifndef BENCH_PCAP_COUNT_H
#define BENCH_PCAP_COUNT_H

#include <pcap/pcap.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* IPv4 and UDP to port 9000, so that filters have something to do. */
static const unsigned char count_head[] = {
	2,    0, 0,  0,	 0, 2, 2,  0, 0, 0, 0,	1, 8, 0, 0x45, 0, 0,	46,   0, 0,
	0x40, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 4,    0, 0x23, 0x28, 0, 26,
};
static uint64_t packets, sum;

static inline double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static inline void look(unsigned char *user, const struct pcap_pkthdr *h, const unsigned char *data)
{
	uint32_t word;

	(void)user;
	(void)h;
	memcpy(&word, data, sizeof(word));
	sum += word;
	packets++;
}

_Noreturn static inline void die(const char *what, const char *why)
{
	fprintf(stderr, "%s: %s\n", what, why);
	exit(1);
}

static inline void set_filter(pcap_t *p, const char *filter)
{
	struct bpf_program prog;

	if (filter != NULL &&
	    (pcap_compile(p, &prog, filter, 1, 0) != 0 || pcap_setfilter(p, &prog) != 0))
		die(filter, pcap_geterr(p));
}

#endif
