/* SPDX-License-Identifier: BSD-2-Clause */
/* Addresses as the command line writes them: one, or a range. */
#ifndef PKTGEN_ADDRESS_H
#define PKTGEN_ADDRESS_H

#include <stdint.h>

/*
 * first .. last: an IPv4 address in host order, or the low 64 bits of an IPv6 address whose
 * high 64 bits, as they are on the wire, are in `prefix`.
 */
struct endpoint {
	int af; /* AF_INET, AF_INET6; 0: not given */
	uint8_t prefix[8];
	uint64_t first, last;
	uint16_t port_first, port_last;
};

/*
 * addr[:port][-addr[:port]], with IPv6 addresses in brackets if a port follows. Ports that
 * are not given are `port`. 0, or -1 and *why says what is wrong.
 */
int endpoint_parse(const char *text, uint16_t port, struct endpoint *out, const char **why);

static inline int endpoint_is_range(const struct endpoint *e)
{
	return e->first != e->last || e->port_first != e->port_last;
}

/* aa:bb:cc:dd:ee:ff */
int mac_parse(const char *text, uint8_t mac[6]);

#endif
