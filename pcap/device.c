/* SPDX-License-Identifier: BSD-2-Clause */
/* From names to handles, and to what is known of a device without one. */
#include "handle.h"

#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

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
		snprintf(err, PCAP_ERRBUF_SIZE, "malloc: %s", strerror(errno));
	return p;
}

/* The text of a failed open, put together as libpcap does it. */
static void explain(const pcap_t *p, int status, char *err)
{
	if (status == PCAP_ERROR)
		snprintf(err, PCAP_ERRBUF_SIZE, "%s: %.*s", p->device,
			 PCAP_ERRBUF_SIZE - 3, p->err);
	else if (p->err[0] != '\0')
		snprintf(err, PCAP_ERRBUF_SIZE, "%s: %s (%.*s)", p->device,
			 sys()->pcap_statustostr(status), PCAP_ERRBUF_SIZE - 6, p->err);
	else
		snprintf(err, PCAP_ERRBUF_SIZE, "%s: %s", p->device,
			 sys()->pcap_statustostr(status));
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
	snprintf(err, PCAP_ERRBUF_SIZE, "%s: no IPv4 address assigned", dev);
	return PCAP_ERROR;
}
