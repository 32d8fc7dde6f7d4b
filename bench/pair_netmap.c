// SPDX-License-Identifier: BSD-2-Clause
/* Ports of /dev/netmap, first ring of each. */
#include "pair.h"

#include <err.h>
#include <libnetmap.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

static struct nmport_d *from, *to;

static struct nmport_d *port_open(const char *name)
{
	struct nmport_d *d = nmport_open(name);

	if (!d)
		err(1, "%s", name);
	return d;
}

static void ways_open(const char *a, const char *b)
{
	/* the plain system calls, nothing in between */
	setenv("NETMAP_HOST", "kernel", 1);
	from = port_open(a);
	to = port_open(b);
}

static unsigned put(struct nmport_d *d, unsigned n, unsigned len, unsigned dst, unsigned src)
{
	struct netmap_ring *r = NETMAP_TXRING(d->nifp, d->first_tx_ring);
	unsigned room = nm_ring_space(r), k;
	uint32_t i = r->head;

	if (n > room)
		n = room;
	for (k = 0; k < n; k++) {
		struct netmap_slot *s = &r->slot[i];

		pair_header(NETMAP_BUF(r, s->buf_idx), dst, src);
		s->len = len;
		i = nm_ring_next(r, i);
	}
	r->head = r->cur = i;
	if (ioctl(d->fd, NIOCTXSYNC, NULL) < 0)
		err(1, "NIOCTXSYNC");
	return n;
}

static unsigned take(struct nmport_d *d)
{
	struct netmap_ring *r = NETMAP_RXRING(d->nifp, d->first_rx_ring);
	unsigned n = 0;
	uint32_t i;

	if (ioctl(d->fd, NIOCRXSYNC, NULL) < 0)
		err(1, "NIOCRXSYNC");
	for (i = r->head; i != r->tail; i = nm_ring_next(r, i), n++) {
		uint64_t v;

		memcpy(&v, NETMAP_BUF(r, r->slot[i].buf_idx), sizeof(v));
		pair_sum += v;
	}
	r->head = r->cur = i;
	return n;
}

static unsigned send_some(unsigned n, unsigned len)
{
	return put(from, n, len, 2, 1);
}

static unsigned receive(void)
{
	return take(to);
}

static void empty(void)
{
	if (ioctl(from->fd, NIOCTXSYNC, NULL) < 0 || ioctl(to->fd, NIOCRXSYNC, NULL) < 0)
		err(1, "sync");
}

static void release(void)
{
	if (ioctl(to->fd, NIOCRXSYNC, NULL) < 0)
		err(1, "NIOCRXSYNC");
}

static void learn(void)
{
	put(to, 1, 60, 0xff, 2);
	while (take(from))
		;
}

const struct pair_way pair_netmap = {
	.name = "netmap",
	.open = ways_open,
	.send = send_some,
	.receive = receive,
	.empty = empty,
	.release = release,
	.learn = learn,
};
