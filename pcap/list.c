/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pcap_findalldevs(): the system's devices, and after them the ports that there are. The
 * system's library frees what it made, and we what we made, so that neither needs to know
 * how the other allocates: the lists are cut apart again where they were joined.
 */
#include "handle.h"

#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

/* A joined list: `ours` is the first of our elements in it. */
struct joint {
	pcap_if_t *ours;
	struct joint *next;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct joint *joints;

static void free_ports(pcap_if_t *list)
{
	while (list != NULL) {
		pcap_if_t *next = list->next;

		free(list->name);
		free(list->description);
		free(list);
		list = next;
	}
}

static pcap_if_t *new_port(const char *name)
{
	pcap_if_t *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return NULL;
	d->name = strdup(name);
	d->flags = PCAP_IF_UP | PCAP_IF_RUNNING | PCAP_IF_CONNECTION_STATUS_NOT_APPLICABLE;
	if (d->name == NULL ||
	    asprintf(&d->description, "netmap port of switch %.*s",
		     (int)strcspn(name, ":"), name) < 0) {
		d->description = NULL;
		free_ports(d);
		return NULL;
	}
	return d;
}

/*
 * The ports of all switches. If no host runs there are none; asking does not start one.
 * What fails here is only a shorter list.
 */
static pcap_if_t *ports(void)
{
	struct nmreq_vale_list req = { 0 };
	struct nmreq_header hdr;
	pcap_if_t *first = NULL, **last = &first;
	int fd = nmhost_open();

	if (fd < 0)
		return NULL;
	for (;;) {
		nmreq_header_init(&hdr, NETMAP_REQ_VALE_LIST, &req);
		if (nmhost_ioctl(fd, NIOCCTRL, &hdr) != 0)
			break;
		hdr.nr_name[sizeof(hdr.nr_name) - 1] = '\0';
		*last = new_port(hdr.nr_name);
		if (*last == NULL)
			break;
		last = &(*last)->next;
		req.nr_port_idx++;
	}
	nmhost_close(fd);
	return first;
}

static bool remember(pcap_if_t *ours)
{
	struct joint *j = malloc(sizeof(*j));

	if (j == NULL)
		return false;
	j->ours = ours;
	pthread_mutex_lock(&lock);
	j->next = joints;
	joints = j;
	pthread_mutex_unlock(&lock);
	return true;
}

/* Is d where a list was joined? Then it is no longer. */
static bool forget(const pcap_if_t *d)
{
	struct joint **pj, *j;

	pthread_mutex_lock(&lock);
	for (pj = &joints; (j = *pj) != NULL && j->ours != d; pj = &j->next)
		;
	if (j != NULL)
		*pj = j->next;
	pthread_mutex_unlock(&lock);
	free(j);
	return j != NULL;
}

EXPORT int pcap_findalldevs(pcap_if_t **list, char *err)
{
	int r = sys()->pcap_findalldevs(list, err);
	pcap_if_t *ours, **end = list;

	if (r != 0)
		return r;
	ours = ports();
	if (ours == NULL)
		return 0;
	if (!remember(ours)) {
		free_ports(ours);
		return 0;
	}
	while (*end != NULL)
		end = &(*end)->next;
	*end = ours;
	return 0;
}

EXPORT void pcap_freealldevs(pcap_if_t *list)
{
	pcap_if_t **end = &list, *ours;

	while (*end != NULL && !forget(*end))
		end = &(*end)->next;
	ours = *end;
	*end = NULL;
	sys()->pcap_freealldevs(list);
	free_ports(ours);
}
