/* SPDX-License-Identifier: BSD-2-Clause */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../common/units.h"
#include "address.h"

struct one {
	int af;
	uint8_t prefix[8];
	uint64_t addr;
	int port; /* -1: none */
};

static uint64_t load_be(const uint8_t *p, int n)
{
	uint64_t v = 0;

	while (n--)
		v = v << 8 | *p++;
	return v;
}

/* Cuts the port off the text. Brackets, or a single colon, tell where it starts. */
static int split_port(char *text, char **addr, char **port)
{
	char *end, *colon = strchr(text, ':');

	*addr = text;
	*port = NULL;
	if (text[0] == '[') {
		end = strchr(text, ']');
		if (!end || (end[1] && end[1] != ':'))
			return -1;
		*addr = text + 1;
		*port = end[1] ? end + 2 : NULL;
		*end = '\0';
	} else if (colon && !strchr(colon + 1, ':')) {
		*colon = '\0';
		*port = colon + 1;
	}
	return 0;
}

static int parse_one(char *text, struct one *o, const char **why)
{
	uint8_t raw[16];
	char *addr, *port;
	uint64_t v;

	*why = "an address is 10.0.0.1, 10.0.0.1:2000, fd00::1 or [fd00::1]:2000";
	if (split_port(text, &addr, &port))
		return -1;
	o->port = -1;
	if (port) {
		if (parse_number(port, 0, 65535, &v)) {
			*why = "a port is a number from 0 to 65535";
			return -1;
		}
		o->port = (int)v;
	}
	memset(o->prefix, 0, sizeof(o->prefix));
	if (inet_pton(AF_INET, addr, raw) == 1) {
		o->af = AF_INET;
		o->addr = load_be(raw, 4);
	} else if (inet_pton(AF_INET6, addr, raw) == 1) {
		o->af = AF_INET6;
		memcpy(o->prefix, raw, 8);
		o->addr = load_be(raw + 8, 8);
	} else {
		return -1;
	}
	return 0;
}

int endpoint_parse(const char *text, uint16_t port, struct endpoint *out, const char **why)
{
	char copy[256], *dash;
	struct one a, b;

	if (strlen(text) >= sizeof(copy)) {
		*why = "too long";
		return -1;
	}
	strcpy(copy, text);
	dash = strchr(copy, '-');
	if (dash)
		*dash++ = '\0';
	if (parse_one(copy, &a, why))
		return -1;
	b = a;
	if (dash && parse_one(dash, &b, why))
		return -1;
	if (a.port < 0)
		a.port = port;
	if (b.port < 0)
		b.port = a.port;
	if (a.af != b.af || memcmp(a.prefix, b.prefix, sizeof(a.prefix))) {
		*why = "both ends of a range must be of one kind (IPv6: with the same /64)";
		return -1;
	}
	if (a.addr > b.addr || a.port > b.port) {
		*why = "a range goes from the lower to the higher address and port";
		return -1;
	}
	out->af = a.af;
	memcpy(out->prefix, a.prefix, sizeof(out->prefix));
	out->first = a.addr;
	out->last = b.addr;
	out->port_first = (uint16_t)a.port;
	out->port_last = (uint16_t)b.port;
	return 0;
}

int mac_parse(const char *text, uint8_t mac[6])
{
	unsigned b[6];
	int end = 0;

	if (strlen(text) != 17 ||
	    sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5],
		   &end) != 6 ||
	    end != 17)
		return -1;
	for (int i = 0; i < 6; i++)
		mac[i] = (uint8_t)b[i];
	return 0;
}
