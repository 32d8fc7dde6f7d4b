/* SPDX-License-Identifier: BSD-2-Clause */
/* As in the README: a packet from one port of a switch to another, with libnetmap. C and C++. */
#include <libnetmap.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
	struct nmport_d *a = nmport_open("vale0:a"), *b = nmport_open("vale0:b");
	struct netmap_ring *r;
	struct pollfd pfd;
	char frame[60];

	if (!a || !b)
		return 1;
	memset(frame, 0xff, sizeof(frame));
	frame[6] = 2;
	if (nmport_inject(a, frame, sizeof(frame)) || nmhost_ioctl(a->fd, NIOCTXSYNC, NULL))
		return 2;
	pfd.fd = b->fd;
	pfd.events = POLLIN;
	if (nmhost_poll(&pfd, 1, 10000) != 1)
		return 3;
	r = NETMAP_RXRING(b->nifp, b->first_rx_ring);
	if (nm_ring_empty(r) || r->slot[r->head].len != sizeof(frame) ||
	    memcmp(NETMAP_BUF(r, r->slot[r->head].buf_idx), frame, sizeof(frame)))
		return 4;
	nmport_close(a);
	nmport_close(b);
	printf("%s\n", nmhost_name());
	return 0;
}
