/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Options of the registration that need storage: memory of the program's (extmem), and
 * offsets of payloads. Each is a cleanup of its port.
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libnetmap.h"
#include "lib.h"

struct extmem {
	struct nmport_cleanup_d cleanup;
	struct nmreq_opt_extmem opt;
	void *file; /* mapped here, NULL: the program's own memory */
	size_t file_size;
};

struct offsets {
	struct nmport_cleanup_d cleanup;
	struct nmreq_opt_offsets opt;
};

static int fail(struct nmport_d *d, int e, const char *what, const char *arg)
{
	nmctx_ferror(d->ctx, "%s: %s%s%s", d->hdr.nr_name[0] ? d->hdr.nr_name : "port", what,
		     *arg ? " " : "", arg);
	errno = e;
	return -1;
}

static void undo_extmem(struct nmport_d *d, struct nmport_cleanup_d *c)
{
	struct extmem *m = (struct extmem *)c;

	nmreq_remove_option(&d->hdr, &m->opt.nro_opt);
	d->extmem = NULL;
	if (m->file != NULL)
		munmap(m->file, m->file_size);
	nmctx_free(d->ctx, m);
}

static struct extmem *add_extmem(struct nmport_d *d, void *base, size_t size)
{
	struct extmem *m;

	if (d->register_done) {
		fail(d, EINVAL, "extmem must be given before registration", "");
		return NULL;
	}
	if (d->extmem != NULL) {
		fail(d, EINVAL, "extmem is already given", "");
		return NULL;
	}
	m = nmctx_malloc(d->ctx, sizeof(*m));
	if (m == NULL) {
		fail(d, ENOMEM, "no memory for the option extmem", "");
		return NULL;
	}
	memset(m, 0, sizeof(*m));
	m->opt.nro_opt.nro_reqtype = NETMAP_REQ_OPT_EXTMEM;
	m->opt.nro_usrptr = (uintptr_t)base;
	m->opt.nro_info.nr_memsize = size;
	nmreq_push_option(&d->hdr, &m->opt.nro_opt);
	nmport_push_cleanup(d, &m->cleanup, undo_extmem);
	d->extmem = &m->opt;
	return m;
}

int nmport_extmem(struct nmport_d *d, void *base, size_t size)
{
	return add_extmem(d, base, size) != NULL ? 0 : -1;
}

/* The whole file, mapped shared. */
static void *map_file(struct nmport_d *d, const char *fname, size_t *size)
{
	struct stat st;
	void *p = MAP_FAILED;
	int e, fd = open(fname, O_RDWR | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) < 0) {
		e = errno;
		fail(d, e, strerror(e), fname);
		goto out;
	}
	if (st.st_size <= 0) {
		e = EINVAL;
		fail(d, e, "the extmem file has no size, use truncate -s to give it one:", fname);
		goto out;
	}
	*size = (size_t)st.st_size;
	p = mmap(NULL, *size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	e = errno;
	if (p == MAP_FAILED)
		fail(d, e, "cannot map the extmem file", fname);
out:
	if (fd >= 0)
		close(fd);
	errno = e;
	return p;
}

int nmport_extmem_from_file(struct nmport_d *d, const char *fname)
{
	struct extmem *m;
	size_t size;
	void *p = map_file(d, fname, &size);
	int e;

	if (p == MAP_FAILED)
		return -1;
	m = add_extmem(d, p, size);
	if (m == NULL) {
		e = errno;
		munmap(p, size);
		errno = e;
		return -1;
	}
	m->file = p;
	m->file_size = size;
	return 0;
}

struct nmreq_pools_info *nmport_extmem_getinfo(struct nmport_d *d)
{
	return d->extmem != NULL ? &d->extmem->nro_info : NULL;
}

void *nmport_extmem_steal(struct nmport_d *d, size_t *size)
{
	struct extmem *m = (struct extmem *)((char *)d->extmem - offsetof(struct extmem, opt));
	void *p = m->file;

	*size = m->file_size;
	m->file = NULL;
	return p;
}

static void undo_offsets(struct nmport_d *d, struct nmport_cleanup_d *c)
{
	struct offsets *o = (struct offsets *)c;

	nmreq_remove_option(&d->hdr, &o->opt.nro_opt);
	nmctx_free(d->ctx, o);
}

int nmport_offset(struct nmport_d *d, uint64_t initial, uint64_t maxoff, uint64_t bits,
		  uint64_t mingap)
{
	struct offsets *o;

	if (d->register_done)
		return fail(d, EINVAL, "offsets must be given before registration", "");
	if (nmreq_find_option(&d->hdr, NETMAP_REQ_OPT_OFFSETS) != NULL)
		return fail(d, EINVAL, "offsets are already given", "");
	if (bits > 64)
		return fail(d, EINVAL, "offsets have 64 bits at most", "");
	if (initial > maxoff)
		return fail(d, EINVAL, "the initial offset is more than the largest one", "");
	if (bits > 0 && bits < 64 && maxoff >> bits != 0)
		return fail(d, EINVAL, "the largest offset does not fit into so few bits", "");
	o = nmctx_malloc(d->ctx, sizeof(*o));
	if (o == NULL)
		return fail(d, ENOMEM, "no memory for the option offset", "");
	memset(o, 0, sizeof(*o));
	o->opt.nro_opt.nro_reqtype = NETMAP_REQ_OPT_OFFSETS;
	o->opt.nro_initial_offset = initial;
	o->opt.nro_max_offset = maxoff;
	o->opt.nro_offset_bits = (uint32_t)bits;
	o->opt.nro_min_gap = mingap;
	nmreq_push_option(&d->hdr, &o->opt.nro_opt);
	nmport_push_cleanup(d, &o->cleanup, undo_offsets);
	return 0;
}
