/* SPDX-License-Identifier: BSD-2-Clause */
/* The parts of the conformance program. */
#ifndef CONFORM_H
#define CONFORM_H

#include <pcap/pcap.h>
#include <pcap/namedb.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <unistd.h>

extern const char *dev_cap, *dev_inj, *dev_nosuch;

__attribute__((format(printf, 1, 2))) void say(const char *fmt, ...);
void result(pcap_t *p, const char *call, long r);
_Noreturn void die(const char *what, const char *why);
pcap_t *open_active(const char *dev, int to_ms);
size_t make_packet(unsigned char *b, unsigned int n, size_t len);
void send_packets(pcap_t *inj, unsigned int first, unsigned int n, size_t len);
void settle(void);

void conform_plain(void);    /* what needs no handle */
void conform_savefile(void); /* files and dead handles */
void conform_inactive(void); /* created, not activated */
void conform_active(void);   /* what an active handle says of itself */
void conform_traffic(void);  /* sending and receiving */
void conform_loops(void);    /* dispatch, loop, breakloop, non-blocking, select */
void conform_dump(void);     /* savefiles of live packets */
void conform_open(void);     /* pcap_open_live and devices that are not there */

#endif
