/* SPDX-License-Identifier: BSD-2-Clause */
/* The port of a handle: opened, lost, closed. */
#include "handle.h"

#include <net/if.h>
#include <stdlib.h>
#include <string.h>

/* A buffer for this many bytes is what a ring gets of pcap_set_buffer_size(). */
#define SLOT_BYTES 2048
#define MIN_SLOTS  64
#define MAX_SLOTS  16384
/* All interfaces share one memory, and a ring takes twice its slots of it. */
#define MAX_NIC_SLOTS 8192

/* What libnetmap last said on this thread. */
static __thread char reason[PCAP_ERRBUF_SIZE];

static void note(struct nmctx *ctx, const char *msg)
{
	(void)ctx;
	snprintf(reason, sizeof(reason), "%s", msg);
	reason[strcspn(reason, "\n")] = '\0';
}

/* This library has a libnetmap of its own in it: nobody else uses that context. */
static void set_context(void)
{
	struct nmctx *ctx = nmctx_get();

	ctx->error = note;
	ctx->verbose = 1;
}

static int status_of(int error)
{
	switch (error) {
	case ENXIO:
	case ENODEV:
	case ENOENT:
		return PCAP_ERROR_NO_SUCH_DEVICE;
	case EPERM:
	case EACCES:
		return PCAP_ERROR_PERM_DENIED;
	case ENETDOWN:
		return PCAP_ERROR_IFACE_NOT_UP;
	default:
		return PCAP_ERROR;
	}
}

/* Rings of the wished size; 0: of any size. */
static struct nmport_d *open_sized(const char *name, uint32_t slots)
{
	struct nmport_d *d = nmport_prepare(name);

	if (d == NULL)
		return NULL;
	/* Transmit rings are synced when something was sent, not by the reader. */
	d->reg.nr_flags |= NR_NO_TX_POLL;
	if (d->reg.nr_rx_slots == 0)
		d->reg.nr_rx_slots = slots;
	if (nmport_open_desc(d) != 0) {
		int e = errno;

		nmport_undo_prepare(d);
		errno = e;
		return NULL;
	}
	return d;
}

/* Many programs have no option for it: what they get is for their user to say. */
static long wished_bytes(const pcap_t *p)
{
	const char *text = secure_getenv("NETMAP_PCAP_BUFFER");

	return p->buffer_size != 0 || text == NULL ? p->buffer_size : atol(text);
}

static uint32_t wished_slots(const pcap_t *p, bool nic)
{
	uint32_t slots = MIN_SLOTS, most = nic ? MAX_NIC_SLOTS : MAX_SLOTS;
	long bytes = wished_bytes(p);

	if (bytes <= 0)
		return 0;
	while (slots < most && (long)slots * SLOT_BYTES < bytes)
		slots *= 2;
	return slots;
}

/* A buffer of the wished size, or of the largest that there is memory for. */
static struct nmport_d *open_largest(const char *name, uint32_t slots)
{
	struct nmport_d *d = open_sized(name, slots);

	while (d == NULL && slots > MIN_SLOTS && errno == ENOMEM)
		d = open_sized(name, slots /= 2);
	/* A port that exists has the rings it has. */
	if (d == NULL && slots != 0 && errno == EINVAL)
		d = open_sized(name, 0);
	return d;
}

/* For an error without a status of its own, programs print the text and nothing else. */
static int refuse(pcap_t *p, int error)
{
	const char *why = reason[0] != '\0' ? reason : strerror(error);
	int status = status_of(error);

	if (status == PCAP_ERROR && strncmp(why, p->device, strlen(p->device)) != 0)
		return handle_fail(p, status, "%s: %s", p->device, why);
	return handle_fail(p, status, "%s", why);
}

int port_open(pcap_t *p)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	char *name = name_of_port(p->device), nic[IFNAMSIZ];
	bool is_nic = name_of_nic(p->device, nic);
	int error;

	pthread_once(&once, set_context);
	if (name == NULL)
		return handle_fail(p, PCAP_ERROR, "%s", strerror(ENOMEM));
	reason[0] = '\0';
	p->port = open_largest(name, wished_slots(p, is_nic));
	error = errno;
	free(name);
	if (p->port == NULL)
		return refuse(p, error);
	p->nic_index = is_nic ? if_nametoindex(nic) : 0;
	counters_read(p, &p->drops_before, &p->ifdrops_before);
	p->ring = p->port->first_rx_ring;
	p->tx.ring = p->port->first_tx_ring;
	return 0;
}

/*
 * What was handed over is done with, and must not be handed over again to whoever opens
 * the port next: in a pipe, it would be still there.
 */
void port_close(pcap_t *p)
{
	if (p->port != NULL) {
		capture_release(p);
		nmhost_ioctl(p->port->fd, NIOCRXSYNC, NULL);
	}
	nmport_close(p->port);
	p->port = NULL;
}

/*
 * A poll said that something is wrong with the port: asks what, in the words that libpcap
 * has for it. 0: it is well again.
 */
int port_failed(pcap_t *p)
{
	const char *why;

	if (nmhost_ioctl(p->port->fd, NIOCRXSYNC, NULL) == 0)
		return 0;
	if (errno == EINTR || errno == EAGAIN)
		return 0;
	if (errno == ENETDOWN)
		return handle_fail(p, PCAP_ERROR, "The interface went down");
	if (errno == ENXIO || errno == ENODEV)
		return handle_fail(p, PCAP_ERROR, "The interface disappeared");
	why = nmhost_strerror(p->port->fd);
	if (*why == '\0')
		why = strerror(errno);
	return handle_fail(p, PCAP_ERROR, "%s: %s", p->device, why);
}
