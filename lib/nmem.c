/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory regions in use: one entry of the context's list for each region, so that the
 * ports in one region share one mapping, and can tell by comparing d->mem that they do.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "libnetmap.h"
#include "lib.h"

struct region {
	struct nmem_d pub;
	void *file; /* mapping of an extmem file whose port is gone */
	size_t file_size;
};

/* The list is circular; mem_descs is any entry of it. Callers hold the context's lock. */
static void link_region(struct nmctx *ctx, struct nmem_d *m)
{
	struct nmem_d *head = ctx->mem_descs;

	if (head == NULL) {
		m->next = m->prev = m;
	} else {
		m->next = head;
		m->prev = head->prev;
		m->prev->next = m;
		head->prev = m;
	}
	ctx->mem_descs = m;
}

static void unlink_region(struct nmctx *ctx, struct nmem_d *m)
{
	m->prev->next = m->next;
	m->next->prev = m->prev;
	if (ctx->mem_descs == m)
		ctx->mem_descs = m->next != m ? m->next : NULL;
}

/*
 * A region may have grown since it was mapped, to make room for a further port. Then the
 * old mapping will not do, and the later port gets an entry, and a mapping, of its own.
 */
static struct nmem_d *find_region(struct nmctx *ctx, uint16_t mem_id, size_t size)
{
	struct nmem_d *head = ctx->mem_descs, *m = head;

	if (head == NULL)
		return NULL;
	do {
		if (m->mem_id == mem_id && m->size >= size)
			return m;
		m = m->next;
	} while (m != head);
	return NULL;
}

int nmem_get(struct nmport_d *d)
{
	struct region *r;
	struct nmem_d *m;

	nmctx_lock(d->ctx);
	m = find_region(d->ctx, d->reg.nr_mem_id, d->reg.nr_memsize);
	if (m == NULL) {
		r = nmctx_malloc(d->ctx, sizeof(*r));
		if (r == NULL) {
			nmctx_unlock(d->ctx);
			nmctx_ferror(d->ctx, "%s: no memory for a memory region's entry",
				     d->hdr.nr_name);
			errno = ENOMEM;
			return -1;
		}
		memset(r, 0, sizeof(*r));
		m = &r->pub;
		m->mem_id = d->reg.nr_mem_id;
		m->size = d->reg.nr_memsize;
		if (d->extmem != NULL) {
			m->mem = (void *)(uintptr_t)d->extmem->nro_usrptr;
			if (m->size < d->extmem->nro_info.nr_memsize)
				m->size = d->extmem->nro_info.nr_memsize;
			m->is_extmem = 1;
		}
		link_region(d->ctx, m);
	}
	m->refcount++;
	nmctx_unlock(d->ctx);
	d->mem = m;
	return 0;
}

static void free_region(struct nmctx *ctx, struct nmem_d *m)
{
	struct region *r = (struct region *)m;

	if (m->mem != NULL && !m->is_extmem)
		munmap(m->mem, m->size);
	if (r->file != NULL)
		munmap(r->file, r->file_size);
	nmctx_free(ctx, r);
}

void nmem_put(struct nmport_d *d)
{
	struct nmem_d *m = d->mem;
	struct region *r = (struct region *)m;

	d->mem = NULL;
	nmctx_lock(d->ctx);
	if (--m->refcount > 0) {
		/* Clones of this port stay in its file: it must outlive the port. */
		if (r->file == NULL && d->extmem != NULL)
			r->file = nmport_extmem_steal(d, &r->file_size);
		m = NULL;
	} else {
		unlink_region(d->ctx, m);
	}
	nmctx_unlock(d->ctx);
	if (m != NULL)
		free_region(d->ctx, m);
}

int nmem_map(struct nmport_d *d)
{
	struct nmem_d *m = d->mem;
	int e = 0;

	nmctx_lock(d->ctx);
	if (m->mem == NULL) {
		void *p = nmhost_mmap(d->fd, m->size);

		if (p == MAP_FAILED)
			e = errno;
		else
			m->mem = p;
	}
	nmctx_unlock(d->ctx);
	if (e != 0) {
		nmctx_ferror(d->ctx, "%s: cannot map its memory region of %zu bytes: %s",
			     d->hdr.nr_name, m->size, strerror(e));
		errno = e;
		return -1;
	}
	return 0;
}
