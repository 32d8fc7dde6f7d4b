/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of descriptors: two levels, so that a look-up is two loads. Chunks are never
 * freed. Entries change under pl_lock and are read without.
 */
#include <dirent.h>
#include <fcntl.h>

#include "preload.h"

#define CHUNK_BITS 10
#define CHUNK_SIZE (1u << CHUNK_BITS)
#define CHUNKS	   1024u

uint32_t pl_active;
pthread_mutex_t pl_lock = PTHREAD_MUTEX_INITIALIZER;
pid_t pl_pid;

static struct pl_fd *chunks[CHUNKS];

struct pl_fd *pl_entry(int fd)
{
	unsigned int u = (unsigned int)fd;
	struct pl_fd *chunk;

	if (u >> CHUNK_BITS >= CHUNKS)
		return NULL;
	chunk = __atomic_load_n(&chunks[u >> CHUNK_BITS], __ATOMIC_ACQUIRE);
	return chunk == NULL ? NULL : &chunk[u & (CHUNK_SIZE - 1)];
}

/* Locked. */
struct pl_fd *pl_entry_make(int fd)
{
	unsigned int u = (unsigned int)fd;
	struct pl_fd *chunk;

	if (u >> CHUNK_BITS >= CHUNKS)
		return NULL;
	if (chunks[u >> CHUNK_BITS] == NULL) {
		chunk = calloc(CHUNK_SIZE, sizeof(*chunk));
		if (chunk == NULL)
			return NULL;
		__atomic_store_n(&chunks[u >> CHUNK_BITS], chunk, __ATOMIC_RELEASE);
	}
	return pl_entry(fd);
}

struct nmc_file *pl_get_slow(int fd)
{
	struct pl_fd *e = pl_entry(fd);
	struct nmc_file *f;

	while (e != NULL && (f = __atomic_load_n(&e->file, __ATOMIC_ACQUIRE)) != NULL) {
		if (!nmc_file_tryhold(f))
			continue;
		/* Files are used again: it must still be the one of this descriptor. */
		if (__atomic_load_n(&e->file, __ATOMIC_ACQUIRE) == f)
			return f;
		nmc_file_put(f);
	}
	return NULL;
}

/* Empties an entry; what was in it is to be put by the caller, without the lock. */
static struct pl_fd take(struct pl_fd *e)
{
	struct pl_fd old = { NULL, NULL };

	if (e == NULL)
		return old;
	old = *e;
	__atomic_store_n(&e->file, NULL, __ATOMIC_RELEASE);
	__atomic_store_n(&e->ep, NULL, __ATOMIC_RELEASE);
	if (old.file != NULL || old.ep != NULL)
		__atomic_fetch_sub(&pl_active, 1, __ATOMIC_RELAXED);
	return old;
}

void pl_drop(struct pl_fd old)
{
	int e = errno;

	if (old.file != NULL)
		nmc_file_put(old.file);
	if (old.ep != NULL)
		pl_epoll_put(old.ep);
	errno = e;
}

void pl_set(int fd, struct nmc_file *f)
{
	struct pl_fd *e, old;

	pthread_mutex_lock(&pl_lock);
	e = pl_entry_make(fd);
	old = take(e);
	if (e != NULL) {
		__atomic_store_n(&e->file, f, __ATOMIC_RELEASE);
		__atomic_fetch_add(&pl_active, 1, __ATOMIC_RELAXED);
	}
	pthread_mutex_unlock(&pl_lock);
	if (old.file != NULL)
		pl_epoll_closed(fd);
	pl_drop(old);
	if (e == NULL)
		nmc_file_put(f);
}

struct pl_fd pl_take(int fd)
{
	struct pl_fd old = { NULL, NULL }, *e;

	if (__atomic_load_n(&pl_active, __ATOMIC_RELAXED) == 0)
		return old;
	e = pl_entry(fd);
	if (e == NULL || (e->file == NULL && e->ep == NULL) || pl_borrowed())
		return old;
	pthread_mutex_lock(&pl_lock);
	old = take(e);
	pthread_mutex_unlock(&pl_lock);
	if (old.file != NULL)
		pl_epoll_closed(fd);
	return old;
}

void pl_forget(int fd)
{
	pl_drop(pl_take(fd));
}

void pl_duplicated(int from, int to)
{
	struct pl_fd *e, *copy;

	if (__atomic_load_n(&pl_active, __ATOMIC_RELAXED) == 0 || to < 0 || from == to ||
	    pl_borrowed())
		return;
	pl_forget(to);
	pthread_mutex_lock(&pl_lock);
	e = pl_entry(from);
	if (e != NULL && (e->file != NULL || e->ep != NULL)) {
		copy = pl_entry_make(to);
		if (copy != NULL) {
			if (e->file != NULL)
				nmc_file_hold(e->file);
			if (e->ep != NULL)
				pl_epoll_hold(e->ep);
			__atomic_store_n(&copy->file, e->file, __ATOMIC_RELEASE);
			__atomic_store_n(&copy->ep, e->ep, __ATOMIC_RELEASE);
			__atomic_fetch_add(&pl_active, 1, __ATOMIC_RELAXED);
		}
	}
	pthread_mutex_unlock(&pl_lock);
}

struct nmc_file *pl_adopt(int fd)
{
	uint64_t id = nmc_identify(fd);
	struct nmc_file *f = id != 0 ? nmc_file_get(id) : NULL;

	if (f == NULL)
		return NULL;
	nmc_file_hold(f);
	pl_set(fd, f);
	return f;
}

bool pl_borrowed(void)
{
	nmc_enter();
	return getpid() != pl_pid;
}

static void in_child(void)
{
	pl_pid = getpid();
	pthread_mutex_init(&pl_lock, NULL);
	pl_epoll_forked();
}

/* What the program before exec() left open for us. */
static void adopt_inherited(void)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *d;
	struct nmc_file *f;
	int fd;

	if (dir == NULL)
		return;
	while ((d = readdir(dir)) != NULL) {
		fd = atoi(d->d_name);
		if (d->d_name[0] == '.' || fd == dirfd(dir))
			continue;
		f = pl_adopt(fd);
		if (f != NULL)
			nmc_file_put(f);
	}
	closedir(dir);
}

__attribute__((constructor)) static void init(void)
{
	int e = errno;

	pl_pid = getpid();
	pthread_atfork(NULL, NULL, in_child);
	adopt_inherited();
	errno = e;
}
