/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which devices are ours:
 *
 *	netmap:...		whatever libnetmap makes of it
 *	valeX:...		a port of a switch
 *	...{ID, ...}ID		an end of a pipe
 *
 * and, if the environment has NETMAP_PCAP=all, all Ethernet interfaces; or those of a list
 * of names, NETMAP_PCAP=eth0,eth1.
 */
#include "handle.h"

#include <ctype.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define PREFIX "netmap:"

static bool is_vale(const char *s)
{
	if (strncmp(s, "vale", 4) != 0)
		return false;
	for (s += 4; isalnum((unsigned char)*s) || *s == '_' || *s == '-'; s++)
		;
	return *s == ':';
}

static bool is_ethernet(const char *name)
{
	struct ifreq ifr = { 0 };
	int fd, r;

	if (strlen(name) >= IFNAMSIZ)
		return false;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	strcpy(ifr.ifr_name, name);
	r = ioctl(fd, SIOCGIFHWADDR, &ifr);
	close(fd);
	return r == 0 && ifr.ifr_hwaddr.sa_family == ARPHRD_ETHER;
}

/* Is name one of the words, between commas, of list? */
static bool is_listed(const char *list, const char *name)
{
	size_t len = strlen(name), n;

	for (;; list += n + 1) {
		n = strcspn(list, ",");
		if (n == len && memcmp(list, name, n) == 0)
			return true;
		if (list[n] == '\0')
			return false;
	}
}

static bool is_wanted_nic(const char *device)
{
	const char *which = secure_getenv("NETMAP_PCAP");

	if (which == NULL || *which == '\0')
		return false;
	return (strcmp(which, "all") == 0 || is_listed(which, device)) && is_ethernet(device);
}

/* A string for free(), or NULL: it is not ours, or (ENOMEM) there is no memory. */
char *name_of_port(const char *device)
{
	char *s;

	errno = 0;
	if (strncmp(device, PREFIX, strlen(PREFIX)) == 0 || is_vale(device))
		return strdup(device);
	if (strpbrk(device, "{}") == NULL && !is_wanted_nic(device)) {
		errno = 0;
		return NULL;
	}
	return asprintf(&s, PREFIX "%s", device) >= 0 ? s : NULL;
}

/* The interface that a device of ours is, if it is one at all. nic has IFNAMSIZ bytes. */
bool name_of_nic(const char *device, char nic[])
{
	size_t n;

	if (is_vale(device))
		return false;
	if (strncmp(device, PREFIX, strlen(PREFIX)) == 0)
		device += strlen(PREFIX);
	n = strcspn(device, "^*-@/{}");
	/* Names of interfaces may have a dash in them, and it is not always a ring's. */
	if (strlen(device) < IFNAMSIZ && if_nametoindex(device) != 0)
		n = strlen(device);
	if (n == 0 || n >= IFNAMSIZ || device[n] == '{' || device[n] == '}')
		return false;
	memcpy(nic, device, n);
	nic[n] = '\0';
	return true;
}
