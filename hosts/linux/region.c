// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Regions.
 *
 * The pages of a region are in an array by their place in it; there are pages only where
 * the core has committed some. They are counted: by the region, and by each mapping of a
 * client, which therefore may outlive the region, and the descriptor.
 *
 * The kernel sees them by extents, mappings of what was committed contiguously. When a
 * commit continues an extent there will be a new and larger one; the old one stays, since
 * the core has pointers into it, until the region ends. The core commits in growing
 * steps, so that all the old ones together are a few times the size of the newest.
 *
 * Pages are taken in large blocks where there are some: the fewer pieces, the fewer
 * entries an address translation cache needs (and User-Mode Linux system calls).
 */
#include "region.h"
#include "compat.h"

#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kref.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <linux/xarray.h>

#define NM_BLOCK_ORDER 9 /* of a block of pages, at most: 2 MiB */

struct nm_pages {
	struct kref ref;
	pgoff_t count;	      /* pages a client may map, committed or not */
	struct xarray page;   /* read by page faults, without a lock */
};

/* Kernel addresses [base, base + pages) for the region's pages [first, first + pages). */
struct nm_extent {
	struct nm_extent *next; /* older */
	pgoff_t first, pages;
	char *base;
};

static void pages_free(struct kref *ref)
{
	struct nm_pages *ps = container_of(ref, struct nm_pages, ref);
	struct page *page;
	unsigned long i;

	xa_for_each(&ps->page, i, page) {
		put_page(page);
		cond_resched();
	}
	xa_destroy(&ps->page);
	kfree(ps);
}

int nm_os_region_init(struct nm_os_region *r, size_t reserve)
{
	memset(r, 0, sizeof(*r));
	r->pages = kzalloc(sizeof(*r->pages), GFP_KERNEL_ACCOUNT);
	if (!r->pages)
		return -ENOMEM;
	kref_init(&r->pages->ref);
	r->pages->count = DIV_ROUND_UP(reserve, PAGE_SIZE);
	xa_init(&r->pages->page);
	return 0;
}

void nm_os_region_fini(struct nm_os_region *r)
{
	struct nm_extent *e;

	if (!r->pages)
		return;
	while ((e = r->extents)) {
		r->extents = e->next;
		vunmap(e->base);
		kfree(e);
	}
	kref_put(&r->pages->ref, pages_free);
	r->pages = NULL;
}

/* A zeroed block of at most `want` pages, as single ones; how many in *got. */
static struct page *block_alloc(pgoff_t want, pgoff_t *got)
{
	unsigned int order = min_t(unsigned int, ilog2(want), NM_BLOCK_ORDER);
	gfp_t gfp = GFP_KERNEL_ACCOUNT | __GFP_ZERO;
	struct page *page;

	for (; order; order--) {
		page = alloc_pages(gfp | __GFP_NORETRY | __GFP_NOWARN, order);
		if (page) {
			split_page(page, order);
			goto out;
		}
	}
	page = alloc_page(gfp);
	if (!page)
		return NULL;
out:
	*got = 1ul << order;
	return page;
}

/* Backs [first, end) where it is not yet. What was backed before an error stays so. */
static int pages_back(struct nm_pages *ps, pgoff_t first, pgoff_t end)
{
	struct page *page;
	pgoff_t i, n, k;
	int error;

	for (i = first; i < end; i += n) {
		n = 1;
		if (xa_load(&ps->page, i))
			continue;
		while (i + n < end && !xa_load(&ps->page, i + n))
			n++;
		page = block_alloc(n, &n);
		if (!page)
			return -ENOMEM;
		for (k = 0; k < n; k++) {
			error = xa_err(xa_store(&ps->page, i + k, page + k,
						GFP_KERNEL_ACCOUNT));
			if (!error)
				continue;
			while (k < n)
				put_page(page + k++);
			return error;
		}
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

/* The newest extent that has page i. */
static struct nm_extent *extent_find(const struct nm_os_region *r, pgoff_t i)
{
	struct nm_extent *e;

	for (e = r->extents; e; e = e->next)
		if (i >= e->first && i - e->first < e->pages)
			return e;
	return NULL;
}

static char *extent_map(struct nm_pages *ps, pgoff_t first, pgoff_t n)
{
	struct page **v = kvmalloc_array(n, sizeof(*v), GFP_KERNEL);
	char *base = NULL;
	pgoff_t i;

	if (!v)
		return NULL;
	for (i = 0; i < n; i++) {
		v[i] = xa_load(&ps->page, first + i);
		cond_resched();
	}
	base = vmap(v, n, VM_MAP, PAGE_KERNEL);
	kvfree(v);
	return base;
}

int nm_os_region_commit(struct nm_os_region *r, size_t off, size_t len)
{
	pgoff_t first = off / PAGE_SIZE, end = DIV_ROUND_UP(off + len, PAGE_SIZE);
	struct nm_extent *old, *e;
	int error;

	if (end > r->pages->count || off + len < off)
		return -EINVAL;
	old = extent_find(r, first);
	if (!old && first)
		old = extent_find(r, first - 1);
	if (old && end <= old->first + old->pages)
		return 0;
	error = pages_back(r->pages, first, end);
	if (error)
		return error;
	e = kzalloc(sizeof(*e), GFP_KERNEL_ACCOUNT);
	if (!e)
		return -ENOMEM;
	e->first = old ? old->first : first;
	e->pages = end - e->first;
	e->base = extent_map(r->pages, e->first, e->pages);
	if (!e->base) {
		kfree(e);
		return -ENOMEM;
	}
	e->next = r->extents;
	r->extents = e;
	return 0;
}

void *nm_os_region_at(struct nm_os_region *r, size_t off)
{
	struct nm_extent *e = extent_find(r, off / PAGE_SIZE);

	if (WARN_ON_ONCE(!e))
		return NULL;
	return e->base + (off - e->first * PAGE_SIZE);
}

size_t nm_os_region_offset(struct nm_os_region *r, const void *p)
{
	const struct nm_extent *e;
	const char *c = p;

	for (e = r->extents; e; e = e->next)
		if (c >= e->base && c < e->base + e->pages * PAGE_SIZE)
			return e->first * PAGE_SIZE + (c - e->base);
	WARN_ON_ONCE(1);
	return 0;
}

/* ---- clients' mappings ---- */

static int pages_release(struct inode *inode, struct file *file)
{
	struct nm_pages *ps = file->private_data;

	kref_put(&ps->ref, pages_free);
	return 0;
}

/* What stands behind a mapping instead of the descriptor. */
static const struct file_operations pages_fops = {
	.owner = THIS_MODULE,
	.release = pages_release,
};

static vm_fault_t pages_fault(struct vm_fault *vmf)
{
	struct nm_pages *ps = vmf->vma->vm_private_data;
	struct page *page;

	if (vmf->pgoff >= ps->count)
		return VM_FAULT_SIGBUS;
	page = xa_load(&ps->page, vmf->pgoff);
	if (!page)
		return VM_FAULT_SIGBUS;
	get_page(page);
	vmf->page = page;
	return 0;
}

static const struct vm_operations_struct pages_vm_ops = {
	.fault = pages_fault,
};

/* What is there already is mapped at once, which is cheaper than a fault each. */
static void pages_populate(struct nm_pages *ps, struct vm_area_struct *vma)
{
	pgoff_t i, n = vma_pages(vma);
	struct page *page;

	for (i = 0; i < n; i++) {
		page = xa_load(&ps->page, vma->vm_pgoff + i);
		if (!page) {
			unsigned long next = vma->vm_pgoff + i;

			page = xa_find(&ps->page, &next, vma->vm_pgoff + n - 1, XA_PRESENT);
			if (!page)
				return;
			i = next - vma->vm_pgoff;
		}
		/* an error is no harm: a fault will try again, and say so */
		if (vm_insert_page(vma, vma->vm_start + i * PAGE_SIZE, page))
			return;
		cond_resched();
	}
}

int nm_region_mmap(struct nm_os_region *r, struct vm_area_struct *vma)
{
	struct nm_pages *ps = r->pages;
	struct file *file;

	if (!(vma->vm_flags & VM_SHARED) || (vma->vm_flags & VM_EXEC))
		return -EINVAL;
	if (vma->vm_pgoff >= ps->count || vma_pages(vma) > ps->count - vma->vm_pgoff)
		return -EINVAL;
	kref_get(&ps->ref);
	file = anon_inode_getfile("[netmap]", &pages_fops, ps, O_RDWR);
	if (IS_ERR(file)) {
		kref_put(&ps->ref, pages_free);
		return PTR_ERR(file);
	}
	/* takes the place of the descriptor's file, and a reference of its own */
	vma_set_file(vma, file);
	fput(file);
	vm_flags_set(vma, VM_DONTEXPAND | VM_DONTDUMP | VM_MIXEDMAP);
	vm_flags_clear(vma, VM_MAYEXEC);
	vma->vm_private_data = ps;
	vma->vm_ops = &pages_vm_ops;
	pages_populate(ps, vma);
	return 0;
}
