/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Opening ports in one way for all programs: names as users type them, errors as one line.
 */
#ifndef APPS_PORT_H
#define APPS_PORT_H

#include <poll.h>
#include <stdint.h>

#include <libnetmap.h>

/* "eth0" means "netmap:eth0"; all else is left as it is. Returns buf. */
const char *port_full_name(const char *name, char *buf, size_t size);
/* A NIC, which may need time to bring its link up and whose traffic the host misses. */
int port_is_nic(const char *full_name);

/*
 * A descriptor to fill in further and to hand to port_open(). NULL: the line was printed.
 */
struct nmport_d *port_prepare(const char *name);
/* Registers and maps. 0, or -1 after a line that says why not. Closes d if it fails. */
int port_open(struct nmport_d *d);
/* Both. */
struct nmport_d *port_open_name(const char *name);

/*
 * What -C means in all programs: tx_slots[,rx_slots[,tx_rings[,rx_rings]]]. One number is for
 * both kinds of slots; the third one is for both kinds of rings if there is no fourth.
 */
struct port_config {
	uint32_t tx_slots, rx_slots;
	uint16_t tx_rings, rx_rings;
	int given; /* how many numbers */
};
int port_config_parse(const char *text, struct port_config *c);

/*
 * Waits until a NIC has its link, at most `seconds`; other ports are ready at once. With
 * `always`, waits all the time whatever the port is: what -w means. 0, or -1 if interrupted.
 */
int port_wait_link(const struct nmport_d *d, double seconds, int always);

/* The reason of the last failed call on d: the host's own words, or errno's. */
const char *port_error(const struct nmport_d *d, int err);
/* The port's name as the user knows it. */
static inline const char *port_name(const struct nmport_d *d)
{
	return d->hdr.nr_name;
}

static inline int port_txsync(struct nmport_d *d)
{
	return nmhost_ioctl(d->fd, NIOCTXSYNC, NULL);
}

static inline int port_rxsync(struct nmport_d *d)
{
	return nmhost_ioctl(d->fd, NIOCRXSYNC, NULL);
}

/* Packets waiting in the transmit rings of d. */
unsigned port_tx_pending(const struct nmport_d *d);
/*
 * Syncs until everything has left, or nothing has moved for patience_ms, or the port fails
 * (-1). Returns the packets that are left.
 */
int port_drain(struct nmport_d *d, int patience_ms);

/* Waits for events on d. As nmhost_poll(), but EINTR is a timeout and POLLERR an error. */
int port_poll(struct nmport_d *d, short events, int timeout_ms);

/* Length of the virtio-net header of a port: set it, or ask for it (-1: no answer). */
int port_set_header(const char *full_name, unsigned len);
int port_get_header(const char *full_name);

#endif
