/* SPDX-License-Identifier: BSD-2-Clause */
/* What the host knows of the ports there are: a list of them, and what they dropped. */
#include "handle.h"

#include <stdlib.h>
#include <string.h>

#include "../apps/common/state.h"

/* Packets that a port could not take in: for want of room, and for all other reasons. */
void counters_read(const pcap_t *p, uint64_t *drops, uint64_t *ifdrops)
{
	const char *name = p->port->hdr.nr_name;
	const struct json_value *port;
	struct json_value *state;
	char error[STATE_ERROR];

	*drops = *ifdrops = 0;
	state = state_get(error);
	for (port = state_list(state, "ports"); port != NULL; port = port->next) {
		const struct json_value *rx = json_get(port, "rx");
		double full;

		if (strcmp(json_get_string(port, "name", ""), name) != 0)
			continue;
		full = json_get_number(json_get(rx, "drops"), "no-room", 0);
		*drops = (uint64_t)full;
		*ifdrops = (uint64_t)(state_drops(rx) - full);
	}
	json_free(state);
}

int netmap_pcap_stats(pcap_t *p, struct pcap_stat *st)
{
	uint64_t drops, ifdrops;

	if (!p->active)
		return handle_inactive(p);
	counters_read(p, &drops, &ifdrops);
	st->ps_recv = (u_int)__atomic_load_n(&p->received, __ATOMIC_RELAXED);
	st->ps_drop = drops > p->drops_before ? (u_int)(drops - p->drops_before) : 0;
	st->ps_ifdrop = ifdrops > p->ifdrops_before ? (u_int)(ifdrops - p->ifdrops_before) : 0;
	return 0;
}

/* What a program would have to call it to open it. */
static char *device_name(const char *name)
{
	char *s;

	if (strncmp(name, "vale", 4) == 0 && strchr(name, ':') != NULL)
		return strdup(name);
	return asprintf(&s, "netmap:%s", name) >= 0 ? s : NULL;
}

static pcap_if_t *new_device(const struct json_value *port)
{
	const char *info = json_get_string(port, "info", "");
	const struct json_value *up = json_get(port, "up");
	pcap_if_t *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return NULL;
	d->name = device_name(json_get_string(port, "name", ""));
	if (asprintf(&d->description, "netmap %s port%s%s", json_get_string(port, "kind", ""),
		     *info != '\0' ? ": " : "", info) < 0)
		d->description = NULL;
	d->flags = PCAP_IF_UP | PCAP_IF_CONNECTION_STATUS_NOT_APPLICABLE;
	if (up != NULL && up->type == JSON_BOOL && up->boolean)
		d->flags |= PCAP_IF_RUNNING;
	if (d->name == NULL || d->description == NULL) {
		counters_free(d);
		return NULL;
	}
	return d;
}

/*
 * All ports, in our own memory. If no host runs there are none; asking does not start one.
 * What fails here makes a shorter list.
 */
pcap_if_t *counters_ports(void)
{
	pcap_if_t *first = NULL, **last = &first;
	const struct json_value *port;
	struct json_value *state;
	char error[STATE_ERROR];

	state = state_get(error);
	for (port = state_list(state, "ports"); port != NULL; port = port->next) {
		/* No more than the memory that others are in. */
		if (strcmp(json_get_string(port, "kind", ""), "null") == 0)
			continue;
		*last = new_device(port);
		if (*last == NULL)
			break;
		last = &(*last)->next;
	}
	json_free(state);
	return first;
}

void counters_free(pcap_if_t *list)
{
	while (list != NULL) {
		pcap_if_t *next = list->next;

		free(list->name);
		free(list->description);
		free(list);
		list = next;
	}
}
