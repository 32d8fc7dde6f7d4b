/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <string.h>

#include "../common/clock.h"
#include "sender.h"

void sender_init(struct sender *s, struct nmport_d *port, struct link *link, unsigned batch)
{
	memset(s, 0, sizeof(*s));
	s->port = port;
	s->link = link;
	s->batch = batch < SENDER_BATCH ? batch : SENDER_BATCH;
	histogram_init(&s->late);
	/* With several rings the order of packets would be up to the NIC. */
	port->last_tx_ring = port->first_tx_ring;
	port->cur_tx_ring = port->first_tx_ring;
}

int sender_run(struct sender *s, uint64_t now)
{
	uint64_t when[SENDER_BATCH], end;
	struct link_packet *p;
	unsigned n = 0;

	s->full = 0;
	while (n < s->batch && (p = link_output(s->link)) != NULL && p->when <= now) {
		if (nmport_inject(s->port, p->data, p->len) == 0) {
			when[n++] = p->when;
		} else if (errno == EAGAIN) {
			s->full = 1;
			break;
		} else {
			s->too_large++;
			s->link->c.out--; /* it does not come out after all */
			s->link->c.out_bytes -= p->len;
		}
		link_output_done(s->link, p);
	}
	/* A full ring needs a sync too, to learn of room. */
	if (n == 0 && !s->full)
		return 0;
	if (port_txsync(s->port))
		return -1;
	if (n == 0)
		return 0;
	end = now_ns();
	for (unsigned i = 0; i < n; i++)
		histogram_add(&s->late, end - when[i]);
	if (!s->first_ns)
		s->first_ns = end;
	s->last_ns = end;
	s->batches++;
	return (int)n;
}
