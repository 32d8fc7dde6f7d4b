// SPDX-License-Identifier: BSD-2-Clause
/*
 * Regions: a sealed memfd, mapped whole. Pages exist from commit on, so that
 * a machine without memory is an error of the request, never a SIGBUS of the
 * data path. Where a block of 2 MiB is full, it becomes a huge page if the
 * kernel can make one.
 */
#include "fault.h"
#include "os.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

#define PAGE	   ((size_t)4096) /* granularity of our notes, not of the machine */
#define HUGE	   ((size_t)2 << 20)
#define HUGE_WORDS (HUGE / PAGE / 64)

static size_t round_up(size_t n, size_t to)
{
	return (n + to - 1) / to * to;
}

static bool bit_test(const uint64_t *map, size_t i)
{
	return map[i / 64] >> (i % 64) & 1;
}

static void bit_set(uint64_t *map, size_t i)
{
	map[i / 64] |= (uint64_t)1 << (i % 64);
}

/* Reserves addresses at a multiple of 2 MiB, so that huge pages can be mapped. */
static void *map_aligned(int fd, size_t size)
{
	size_t room = size + HUGE;
	char *p = mmap(NULL, room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	char *base;
	void *m;

	if (p == MAP_FAILED)
		return MAP_FAILED;
	base = (char *)round_up((uintptr_t)p, HUGE);
	m = mmap(base, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED | MAP_NORESERVE, fd, 0);
	if (m == MAP_FAILED) {
		munmap(p, room);
		return MAP_FAILED;
	}
	if (base > p)
		munmap(p, base - p);
	munmap(base + size, p + room - (base + size));
	return m;
}

int nm_os_region_init(struct nm_os_region *r, size_t reserve)
{
	size_t pages = round_up(reserve, HUGE) / PAGE;
	int error;

	memset(r, 0, sizeof(*r));
	r->size = round_up(reserve, sysconf(_SC_PAGESIZE));
	r->backed = nm_os_alloc(pages / 8);
	r->huge = nm_os_alloc(round_up(pages / (HUGE / PAGE), 64) / 8);
	if (!r->backed || !r->huge) {
		error = -ENOMEM;
		goto free_maps;
	}
	r->fd = memfd_create("netmap", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (r->fd < 0) {
		error = -errno;
		goto free_maps;
	}
	/* Nobody who is given the descriptor can pull pages from under us by truncation.
	 */
	if (ftruncate(r->fd, r->size) < 0 ||
	    fcntl(r->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0) {
		error = -errno;
		goto close_fd;
	}
	r->base = map_aligned(r->fd, r->size);
	if (r->base == MAP_FAILED) {
		error = -errno;
		goto close_fd;
	}
	return 0;

close_fd:
	close(r->fd);
free_maps:
	nm_os_free(r->backed);
	nm_os_free(r->huge);
	memset(r, 0, sizeof(*r));
	r->fd = -1;
	return error;
}

static bool block_full(const struct nm_os_region *r, size_t block)
{
	for (size_t w = 0; w < HUGE_WORDS; w++)
		if (~r->backed[block * HUGE_WORDS + w])
			return false;
	return true;
}

/*
 * Best effort: what does not become a huge page works as well, a little slower.
 * The kernel has every processor do a piece of this, which takes a millisecond on
 * an idle machine, and was seen to take seconds on a crowded one, while the caller
 * holds the namespace: so after a slow one there is a pause.
 */
#define COLLAPSE_SLOW  UINT64_C(20000000) /* ns */
#define COLLAPSE_PAUSE UINT64_C(1000000000)

static void collapse(struct nm_os_region *r, size_t first, size_t end)
{
	static uint64_t not_before;
	uint64_t start, now = nm_os_now();

	for (size_t b = first / (HUGE / PAGE); b * (HUGE / PAGE) < end; b++) {
		if (now < nm_load(&not_before))
			return;
		if (bit_test(r->huge, b) || !block_full(r, b))
			continue;
		bit_set(r->huge, b);
		start = now;
		if (madvise((char *)r->base + b * HUGE, HUGE, MADV_COLLAPSE) < 0 &&
		    (errno == EINVAL || errno == ENOMEM))
			return;
		now = nm_os_now();
		if (now - start > COLLAPSE_SLOW)
			nm_store(&not_before, now + COLLAPSE_PAUSE);
	}
}

/* Backs the run of pages that begins at `page` and is not backed; returns its end. */
static int back_run(struct nm_os_region *r, size_t page, size_t end, size_t *stop)
{
	size_t p = page;
	int error;

	while (p < end && !bit_test(r->backed, p))
		p++;
	do {
		error = fallocate(r->fd, 0, page * PAGE, (p - page) * PAGE) < 0 ? errno : 0;
	} while (error == EINTR);
	if (error)
		return error == ENOSPC ? -ENOMEM : -error;
	for (*stop = p; page < p; page++)
		bit_set(r->backed, page);
	return 0;
}

int nm_os_region_commit(struct nm_os_region *r, size_t off, size_t len)
{
	size_t first = off / PAGE, page = first, end;
	int error;

	if (len > r->size || off > r->size - len)
		return -EINVAL;
	if (nm_fault())
		return -ENOMEM;
	end = round_up(off + len, PAGE) / PAGE;
	while (page < end) {
		if (bit_test(r->backed, page)) {
			page++;
			continue;
		}
		error = back_run(r, page, end, &page);
		if (error)
			return error;
	}
	collapse(r, first, end);
	return 0;
}

void nm_os_region_fini(struct nm_os_region *r)
{
	if (!r->base)
		return;
	munmap(r->base, r->size);
	close(r->fd);
	nm_os_free(r->backed);
	nm_os_free(r->huge);
	memset(r, 0, sizeof(*r));
	r->fd = -1;
}
