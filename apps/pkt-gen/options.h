/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PKTGEN_OPTIONS_H
#define PKTGEN_OPTIONS_H

#include <stdint.h>

#include "../common/port.h"
#include "packet.h"

enum function {
	FUNCTION_TX,
	FUNCTION_RX,
	FUNCTION_PING,
	FUNCTION_PONG,
};

struct options {
	const char *ifname;
	enum function function;
	uint64_t count; /* 0: no end */
	int count_given;
	unsigned burst;
	struct packet_spec packet; /* what to send */
	int size_given;

	int first_cpu; /* -1: anywhere */
	unsigned cpus; /* 0: all */
	unsigned threads;
	unsigned report_ms;
	double wait_s; /* negative: as long as the link takes, at most 2 */
	double rate;   /* packets per second of all threads, 0: no limit */

	const char *file; /* pcap file to send */
	int rubbish, indirect;
	unsigned frags, frag_size;
	struct port_config config;
	uint32_t extra_bufs;
	uint64_t offset;

	int busy;	   /* never sleep for packets */
	int exit_if_empty; /* -W */
	double idle_s;	   /* rx, pong: end after so long without a packet, 0: never */
	int check;	   /* number what is sent, check what is received */
	int verify;	   /* rx: check lengths and checksums */

	int dump, verbose, unscaled, framing, window;
	int json, json_lines;
};

extern const char *const function_names[];

/* Fills *o. -1: go on; otherwise the program's exit code. */
int options_parse(struct options *o, int argc, char **argv);

#endif
