/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an active handle says of itself, and what the system's library does in its name: a
 * dead handle of the same link type, length and precision, its twin, stands for it there.
 */
#include "handle.h"

#include <string.h>

#define NEEDS_ACTIVE(p)                                  \
	do {                                             \
		if (!(p)->active)                        \
			return PCAP_ERROR_NOT_ACTIVATED; \
	} while (0)

int netmap_pcap_datalink(pcap_t *p)
{
	NEEDS_ACTIVE(p);
	return sys()->pcap_datalink(p->twin);
}

int netmap_pcap_datalink_ext(pcap_t *p)
{
	NEEDS_ACTIVE(p);
	return sys()->pcap_datalink_ext(p->twin);
}

int netmap_pcap_list_datalinks(pcap_t *p, int **list)
{
	NEEDS_ACTIVE(p);
	return sys()->pcap_list_datalinks(p->twin, list);
}

int netmap_pcap_set_datalink(pcap_t *p, int dlt)
{
	const char *name;

	if (p->active && dlt == DLT_EN10MB)
		return 0;
	name = sys()->pcap_datalink_val_to_name(dlt);
	if (name != NULL)
		return handle_fail(p, PCAP_ERROR,
				   "%s is not one of the DLTs supported by this device", name);
	return handle_fail(p, PCAP_ERROR, "DLT %d is not one of the DLTs supported by this device",
			   dlt);
}

int netmap_pcap_snapshot(pcap_t *p)
{
	NEEDS_ACTIVE(p);
	return p->snaplen;
}

/* Of savefiles. */
int netmap_pcap_is_swapped(pcap_t *p)
{
	NEEDS_ACTIVE(p);
	return 0;
}

int netmap_pcap_major_version(pcap_t *p)
{
	NEEDS_ACTIVE(p);
	return 0;
}

int netmap_pcap_minor_version(pcap_t *p)
{
	NEEDS_ACTIVE(p);
	return 0;
}

FILE *netmap_pcap_file(pcap_t *p)
{
	(void)p;
	return NULL;
}

/* Bytes of packets that the receive rings have room for. */
int netmap_pcap_bufsize(pcap_t *p)
{
	uint64_t size = 0;
	unsigned int i;

	NEEDS_ACTIVE(p);
	for (i = p->port->first_rx_ring; i <= p->port->last_rx_ring; i++) {
		const struct netmap_ring *ring = NETMAP_RXRING(p->port->nifp, i);

		size += (uint64_t)ring->num_slots * ring->nr_buf_size;
	}
	return size < INT32_MAX ? (int)size : INT32_MAX;
}

int netmap_pcap_setdirection(pcap_t *p, pcap_direction_t dir)
{
	if (dir != PCAP_D_IN && dir != PCAP_D_OUT && dir != PCAP_D_INOUT)
		return handle_fail(p, PCAP_ERROR, "Invalid direction");
	if (!p->active)
		return handle_inactive(p);
	__atomic_store_n(&p->direction, dir, __ATOMIC_RELAXED);
	return 0;
}

/*
 * The words "inbound" and "ifindex" become loads of what a packet socket knows about a
 * packet; filter.c knows it as well.
 */
int netmap_pcap_compile(pcap_t *p, struct bpf_program *prog, const char *expr, int opt,
			bpf_u_int32 mask)
{
	int r;

	if (!p->active)
		return handle_fail(p, PCAP_ERROR,
				   "not-yet-activated pcap_t passed to pcap_compile");
	r = sys()->pcap_compile(p->twin, prog, expr, opt, mask);
	if (r < 0)
		handle_fail(p, r, "%s", sys()->pcap_geterr(p->twin));
	return r;
}

static pcap_dumper_t *dumper(pcap_t *p, pcap_dumper_t *d)
{
	if (d == NULL)
		handle_fail(p, PCAP_ERROR, "%s", sys()->pcap_geterr(p->twin));
	return d;
}

static pcap_dumper_t *refuse_dump(pcap_t *p, const char *path, const char *func)
{
	handle_fail(p, PCAP_ERROR, "%s: not-yet-activated pcap_t passed to %s", path, func);
	return NULL;
}

pcap_dumper_t *netmap_pcap_dump_open(pcap_t *p, const char *path)
{
	if (!p->active)
		return refuse_dump(p, path, "pcap_dump_open");
	return dumper(p, sys()->pcap_dump_open(p->twin, path));
}

pcap_dumper_t *netmap_pcap_dump_open_append(pcap_t *p, const char *path)
{
	if (!p->active)
		return refuse_dump(p, path, "pcap_dump_open_append");
	return dumper(p, sys()->pcap_dump_open_append(p->twin, path));
}

pcap_dumper_t *netmap_pcap_dump_fopen(pcap_t *p, FILE *f)
{
	if (!p->active)
		return refuse_dump(p, "stream", "pcap_dump_fopen");
	return dumper(p, sys()->pcap_dump_fopen(p->twin, f));
}
