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
	ours = counters_ports();
	if (ours == NULL)
		return 0;
	if (!remember(ours)) {
		counters_free(ours);
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
	counters_free(ours);
}
