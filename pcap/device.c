/* SPDX-License-Identifier: BSD-2-Clause */
/* From names to handles, and to what is known of a device without one. */
#include "handle.h"

#include <net/if.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

/* Cut where the program's buffer ends. */
__attribute__((format(printf, 2, 3))) static void text(char *err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err, PCAP_ERRBUF_SIZE, fmt, ap);
	va_end(ap);
}

static bool is_ours(const char *device)
{
	char *name;

	if (device == NULL)
		return false;
	name = name_of_port(device);
	free(name);
	return name != NULL || errno == ENOMEM;
}

EXPORT pcap_t *pcap_create(const char *dev, char *err)
{
	pcap_t *p;

	if (!is_ours(dev))
		return sys()->pcap_create(dev, err);
	p = handle_new(dev);
	if (p == NULL)
		text(err, "malloc: %s", strerror(errno));
	return p;
}

/* The text of a failed open, put together as libpcap does it. */
static void explain(const pcap_t *p, int status, char *err)
{
	const char *what = sys()->pcap_statustostr(status);

	if (status == PCAP_ERROR)
		text(err, "%s", p->err);
	else if (p->err[0] != '\0')
		text(err, "%s: %s (%s)", p->device, what, p->err);
	else
		text(err, "%s: %s", p->device, what);
}

EXPORT pcap_t *pcap_open_live(const char *dev, int snaplen, int promisc, int ms, char *err)
{
	pcap_t *p;
	int status;

	if (!is_ours(dev))
		return sys()->pcap_open_live(dev, snaplen, promisc, ms, err);
	p = pcap_create(dev, err);
	if (p == NULL)
		return NULL;
	netmap_pcap_set_snaplen(p, snaplen);
	netmap_pcap_set_promisc(p, promisc);
	netmap_pcap_set_timeout(p, ms);
	status = netmap_pcap_activate(p);
	if (status < 0) {
		explain(p, status, err);
		netmap_pcap_close(p);
		return NULL;
	}
	return p;
}

/* Only interfaces have addresses, and the system knows those. */
EXPORT int pcap_lookupnet(const char *dev, bpf_u_int32 *net, bpf_u_int32 *mask, char *err)
{
	char nic[IFNAMSIZ];

	if (!is_ours(dev))
		return sys()->pcap_lookupnet(dev, net, mask, err);
	if (name_of_nic(dev, nic))
		return sys()->pcap_lookupnet(nic, net, mask, err);
	text(err, "%s: no IPv4 address assigned", dev);
	return PCAP_ERROR;
}
