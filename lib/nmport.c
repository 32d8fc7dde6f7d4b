/* SPDX-License-Identifier: BSD-2-Clause */
/* Ports: from a name to rings, in one step or in several. */
#include <errno.h>
#include <string.h>

#include "libnetmap.h"
#include "lib.h"

struct port {
	struct nmport_d pub;
	struct nmreq_register asked; /* the request, before the answer overwrote it */
};

static int usage(struct nmport_d *d, const char *what)
{
	nmctx_ferror(d->ctx, "%s: %s", d->hdr.nr_name[0] ? d->hdr.nr_name : "port", what);
	errno = EINVAL;
	return -1;
}

void nmport_push_cleanup(struct nmport_d *d, struct nmport_cleanup_d *c,
			 void (*undo)(struct nmport_d *, struct nmport_cleanup_d *))
{
	c->undo = undo;
	c->next = d->clist;
	d->clist = c;
}

void nmport_undo_cleanups(struct nmport_d *d, const struct nmport_cleanup_d *until)
{
	while (d->clist != until) {
		struct nmport_cleanup_d *c = d->clist;

		d->clist = c->next;
		c->undo(d, c);
	}
}

static struct nmport_d *new_port(struct nmctx *ctx)
{
	struct port *p = nmctx_malloc(ctx, sizeof(*p));
	struct nmport_d *d;

	if (p == NULL) {
		nmctx_ferror(ctx, "no memory for a port");
		errno = ENOMEM;
		return NULL;
	}
	memset(p, 0, sizeof(*p));
	d = &p->pub;
	d->ctx = ctx;
	d->fd = -1;
	nmreq_header_init(&d->hdr, NETMAP_REQ_REGISTER, &d->reg);
	return d;
}

struct nmport_d *nmport_new(void)
{
	return new_port(nmctx_get());
}

void nmport_delete(struct nmport_d *d)
{
	if (d != NULL)
		nmctx_free(d->ctx, (struct port *)d);
}

int nmport_parse(struct nmport_d *d, const char *portspec)
{
	const struct nmport_cleanup_d *before = d->clist;
	struct nmreq_header hdr = d->hdr;
	struct nmreq_register reg = d->reg;
	const char *p = portspec;
	int e;

	if (d->register_done)
		return usage(d, "cannot take another name while it is registered");
	if (nmreq_header_decode(&p, &d->hdr, d->ctx) == 0 &&
	    nmreq_register_decode(&p, &d->reg, d->ctx) == 0 && nmport_options_decode(d, p) == 0)
		return 0;
	e = errno;
	nmport_undo_cleanups(d, before);
	d->hdr = hdr;
	d->reg = reg;
	errno = e;
	return -1;
}

void nmport_undo_parse(struct nmport_d *d)
{
	nmport_undo_cleanups(d, NULL);
	memset(&d->reg, 0, sizeof(d->reg));
	nmreq_header_init(&d->hdr, NETMAP_REQ_REGISTER, &d->reg);
}

struct nmport_d *nmport_prepare(const char *portspec)
{
	struct nmport_d *d = nmport_new();
	int e;

	if (d == NULL)
		return NULL;
	if (nmport_parse(d, portspec) < 0) {
		e = errno;
		nmport_delete(d);
		errno = e;
		return NULL;
	}
	return d;
}

void nmport_undo_prepare(struct nmport_d *d)
{
	nmport_undo_parse(d);
	nmport_delete(d);
}

/* Which of nic rings, followed by host rings of one direction, the binding includes. */
static void ring_range(const struct nmreq_register *reg, uint32_t nic, uint32_t host,
		       uint64_t other_way, uint16_t *first, uint16_t *last)
{
	uint32_t from = 0, to = 0; /* to: the first one after */

	switch (reg->nr_mode) {
	case NR_REG_SW:
		from = nic;
		to = nic + host;
		break;
	case NR_REG_NIC_SW:
		to = nic + host;
		break;
	case NR_REG_ONE_NIC:
		from = reg->nr_ringid;
		to = from < nic ? from + 1 : from;
		break;
	case NR_REG_ONE_SW:
		from = nic + reg->nr_ringid;
		to = reg->nr_ringid < host ? from + 1 : from;
		break;
	case NR_REG_NULL:
		break;
	default:
		to = nic;
		break;
	}
	if (to <= from || (reg->nr_flags & other_way)) {
		/* None: a loop from 1 to 0 has no rounds. */
		*first = 1;
		*last = 0;
		return;
	}
	*first = (uint16_t)from;
	*last = (uint16_t)(to - 1);
}

static void set_rings(struct nmport_d *d)
{
	const struct nmreq_register *reg = &d->reg;

	ring_range(reg, reg->nr_tx_rings, reg->nr_host_tx_rings, NR_RX_RINGS_ONLY,
		   &d->first_tx_ring, &d->last_tx_ring);
	ring_range(reg, reg->nr_rx_rings, reg->nr_host_rx_rings, NR_TX_RINGS_ONLY,
		   &d->first_rx_ring, &d->last_rx_ring);
	d->cur_tx_ring = d->first_tx_ring;
	d->cur_rx_ring = d->first_rx_ring;
}

int nmport_register(struct nmport_d *d)
{
	struct nmreq_register *asked = &((struct port *)d)->asked;
	int fd, e;

	if (d->register_done)
		return usage(d, "already registered");
	fd = nm_host_fd(d->hdr.nr_name, d->ctx);
	if (fd < 0)
		return -1;
	*asked = d->reg;
	d->hdr.nr_body = (uintptr_t)&d->reg;
	if (nm_ctrl(fd, &d->hdr, "cannot register", d->ctx) < 0)
		goto fail;
	if (nmem_get(d) < 0)
		goto fail;
	d->fd = fd;
	d->register_done = 1;
	set_rings(d);
	return 0;

fail:
	e = errno;
	d->reg = *asked;
	nmhost_close(fd);
	errno = e;
	return -1;
}

void nmport_undo_register(struct nmport_d *d)
{
	if (!d->register_done)
		return;
	nmport_undo_mmap(d);
	nmem_put(d);
	nmhost_close(d->fd);
	d->fd = -1;
	d->register_done = 0;
	d->reg = ((struct port *)d)->asked;
	d->first_tx_ring = d->last_tx_ring = d->cur_tx_ring = 0;
	d->first_rx_ring = d->last_rx_ring = d->cur_rx_ring = 0;
}

int nmport_mmap(struct nmport_d *d)
{
	if (d->mmap_done)
		return usage(d, "already mapped");
	if (!d->register_done)
		return usage(d, "must be registered before it can be mapped");
	if (nmem_map(d) < 0)
		return -1;
	d->nifp = NETMAP_IF(d->mem->mem, d->reg.nr_offset);
	d->mmap_done = 1;
	return 0;
}

/* The mapping is the region's: it goes with the last port that is registered in there. */
void nmport_undo_mmap(struct nmport_d *d)
{
	d->nifp = NULL;
	d->mmap_done = 0;
}

int nmport_open_desc(struct nmport_d *d)
{
	int e;

	if (nmport_register(d) < 0)
		return -1;
	if (nmport_mmap(d) < 0) {
		e = errno;
		nmport_undo_register(d);
		errno = e;
		return -1;
	}
	return 0;
}

void nmport_undo_open_desc(struct nmport_d *d)
{
	nmport_undo_mmap(d);
	nmport_undo_register(d);
}

struct nmport_d *nmport_open(const char *portspec)
{
	struct nmport_d *d = nmport_prepare(portspec);
	int e;

	if (d == NULL)
		return NULL;
	if (nmport_open_desc(d) < 0) {
		e = errno;
		nmport_undo_prepare(d);
		errno = e;
		return NULL;
	}
	return d;
}

void nmport_close(struct nmport_d *d)
{
	if (d == NULL)
		return;
	nmport_undo_open_desc(d);
	nmport_undo_prepare(d);
}

struct nmport_d *nmport_clone(struct nmport_d *d)
{
	struct nmport_d *c;

	if (d->extmem != NULL && !d->register_done) {
		usage(d, "with extmem, a port must be registered before it can be cloned");
		return NULL;
	}
	c = new_port(d->ctx);
	if (c == NULL)
		return NULL;
	c->hdr = d->hdr;
	c->hdr.nr_options = 0;
	c->hdr.nr_body = (uintptr_t)&c->reg;
	c->reg = d->reg;
	return c;
}
