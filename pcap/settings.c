/* SPDX-License-Identifier: BSD-2-Clause */
/* What a program may wish for between pcap_create() and pcap_activate(). */
#include "handle.h"

#include <stdlib.h>

/* The first is the default, and is always among them. */
static const int tstamp_types[] = {
	PCAP_TSTAMP_HOST,
	PCAP_TSTAMP_HOST_LOWPREC,
	PCAP_TSTAMP_HOST_HIPREC,
	PCAP_TSTAMP_HOST_HIPREC_UNSYNCED,
};

#define TSTAMP_TYPES ((int)(sizeof(tstamp_types) / sizeof(tstamp_types[0])))

/* The two spaces are libpcap's. */
static int refuse_active(pcap_t *p)
{
	return handle_fail(p, PCAP_ERROR_ACTIVATED,
			   "can't perform  operation on activated capture");
}

int netmap_pcap_set_snaplen(pcap_t *p, int len)
{
	if (p->active)
		return refuse_active(p);
	p->snaplen = len;
	return 0;
}

/* A port gives all packets that reach it, wished for or not. */
int netmap_pcap_set_promisc(pcap_t *p, int on)
{
	(void)on;
	return p->active ? refuse_active(p) : 0;
}

int netmap_pcap_set_rfmon(pcap_t *p, int on)
{
	if (p->active)
		return refuse_active(p);
	p->rfmon = on;
	return 0;
}

int netmap_pcap_can_set_rfmon(pcap_t *p)
{
	(void)p;
	return 0;
}

int netmap_pcap_set_timeout(pcap_t *p, int ms)
{
	if (p->active)
		return refuse_active(p);
	p->timeout_ms = ms;
	return 0;
}

/* Packets are always handed over as soon as they are there: no reason to hold any back. */
int netmap_pcap_set_immediate_mode(pcap_t *p, int on)
{
	if (p->active)
		return refuse_active(p);
	p->immediate = on;
	return 0;
}

int netmap_pcap_set_buffer_size(pcap_t *p, int size)
{
	if (p->active)
		return refuse_active(p);
	/* As libpcap: what cannot be is not wished for. */
	if (size > 0)
		p->buffer_size = size;
	return 0;
}

int netmap_pcap_set_tstamp_type(pcap_t *p, int type)
{
	int i;

	if (p->active)
		return refuse_active(p);
	for (i = 0; i < TSTAMP_TYPES; i++) {
		if (tstamp_types[i] == type) {
			p->tstamp_type = type;
			return 0;
		}
	}
	return PCAP_WARNING_TSTAMP_TYPE_NOTSUP;
}

int netmap_pcap_set_tstamp_precision(pcap_t *p, int prec)
{
	if (p->active)
		return refuse_active(p);
	if (prec != PCAP_TSTAMP_PRECISION_MICRO && prec != PCAP_TSTAMP_PRECISION_NANO)
		return PCAP_ERROR_TSTAMP_PRECISION_NOTSUP;
	p->precision = prec;
	return 0;
}

int netmap_pcap_get_tstamp_precision(pcap_t *p)
{
	return p->precision;
}

/* A ring has packets of all protocols; who wants one sets a filter. */
int netmap_pcap_set_protocol_linux(pcap_t *p, int proto)
{
	(void)proto;
	return p->active ? refuse_active(p) : 0;
}

/*
 * Freed by pcap_free_tstamp_types(), which is the system's and calls free(): the list must
 * come from the malloc() that belongs to it, which is that of the whole process.
 */
int netmap_pcap_list_tstamp_types(pcap_t *p, int **list)
{
	int i, *types = malloc(sizeof(tstamp_types));

	if (types == NULL)
		return handle_fail(p, PCAP_ERROR, "malloc: %s", sys()->pcap_strerror(errno));
	for (i = 0; i < TSTAMP_TYPES; i++)
		types[i] = tstamp_types[i];
	*list = types;
	return TSTAMP_TYPES;
}

/*
 * Packets get the time of the sync that brought them, which is nearer to their arrival
 * than the time at which the program comes to each of them. Who wants high precision gets
 * the latter: at the price of reading the clock every time, no two are the same.
 */
static void set_clock(pcap_t *p)
{
	p->clock = p->tstamp_type == PCAP_TSTAMP_HOST_LOWPREC	      ? CLOCK_REALTIME_COARSE :
		   p->tstamp_type == PCAP_TSTAMP_HOST_HIPREC_UNSYNCED ? CLOCK_MONOTONIC_RAW :
									CLOCK_REALTIME;
	p->each_time = p->tstamp_type == PCAP_TSTAMP_HOST_HIPREC ||
		       p->tstamp_type == PCAP_TSTAMP_HOST_HIPREC_UNSYNCED;
}

int netmap_pcap_activate(pcap_t *p)
{
	int status;

	if (p->active)
		return refuse_active(p);
	p->err[0] = '\0';
	if (p->rfmon)
		return handle_fail(p, PCAP_ERROR_RFMON_NOTSUP, "%s",
				   "a port of netmap has no monitor mode");
	if (p->snaplen <= 0 || p->snaplen > NMP_MAX_SNAPLEN)
		p->snaplen = NMP_MAX_SNAPLEN;
	p->twin = sys()->pcap_open_dead_with_tstamp_precision(DLT_EN10MB, p->snaplen,
							      (u_int)p->precision);
	if (p->twin == NULL)
		return handle_fail(p, PCAP_ERROR, "malloc: %s", sys()->pcap_strerror(errno));
	set_clock(p);
	status = port_open(p);
	if (status == 0)
		status = event_open(p);
	if (status != 0) {
		port_close(p);
		sys()->pcap_close(p->twin);
		p->twin = NULL;
		return status;
	}
	p->active = true;
	return 0;
}
