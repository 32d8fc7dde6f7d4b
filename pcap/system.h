/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The system's libpcap: all that is not about a port of netmap is done by it.
 *
 * It lies in the same process beside ours, under the same names. Since ours comes first
 * in the search order, calls that functions of the system's make to exported functions
 * of its own come back to us, and from here to it again, for its handles and names are
 * none of ours.
 */
#ifndef NMP_SYSTEM_H
#define NMP_SYSTEM_H

#include <pcap/pcap.h>
#include <pcap/namedb.h>

struct system_pcap {
#define PLAIN(ret, name, params, args)	ret(*name) params;
#define HANDLE(ret, name, params, args) ret(*name) params;
#define OWN(ret, name, params, args)	ret(*name) params;
#include "table.h"
};

extern struct system_pcap system_pcap;
extern int system_pcap_loaded;

void system_pcap_load(void);

/* Constructors of other libraries may call us before our own has run. */
static inline const struct system_pcap *sys(void)
{
	if (__builtin_expect(!__atomic_load_n(&system_pcap_loaded, __ATOMIC_ACQUIRE), 0))
		system_pcap_load();
	return &system_pcap;
}

#endif
