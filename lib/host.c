/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which host: the one place that decides. And which descriptor belongs to which host, in
 * a table that is read without a lock, because NIOCTXSYNC passes through here.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "libnetmap.h"
#include "host.h"
#include "host_fd.h"

#ifndef NM_HAVE_DAEMON
static int no_daemon(void **state, char *err, size_t errlen)
{
	(void)state;
	snprintf(err, errlen,
		 "there is no " NETMAP_DEVICE_NAME ", and the daemon host is not "
		 "built into this library: load netmap.ko, or set "
		 "NETMAP_HOST=embedded");
	errno = ENOSYS;
	return -1;
}

const struct nm_host_ops nm_host_daemon = {
	.name = "daemon",
	.open = no_daemon,
};
#endif

/* ---- The choice -------------------------------------------------------------------- */

static pthread_once_t host_once = PTHREAD_ONCE_INIT;
static const struct nm_host_ops *host; /* NULL: NETMAP_HOST is wrong */

static void choose_host(void)
{
	static const struct nm_host_ops *const hosts[] = { &nm_host_kernel, &nm_host_daemon,
							   &nm_host_embedded };
	const char *name = secure_getenv("NETMAP_HOST");
	size_t i;

	if (name == NULL || *name == '\0') {
		host = access(NETMAP_DEVICE_NAME, F_OK) == 0 ? &nm_host_kernel : &nm_host_daemon;
		return;
	}
	for (i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		if (!strcmp(name, hosts[i]->name))
			host = hosts[i];
	}
}

static const struct nm_host_ops *the_host(void)
{
	pthread_once(&host_once, choose_host);
	return host;
}

const char *nmhost_name(void)
{
	const struct nm_host_ops *ops = the_host();

	if (ops == NULL) {
		errno = EINVAL;
		return NULL;
	}
	return ops->name;
}

/* ---- Descriptors ------------------------------------------------------------------- */

/*
 * fd -> host and state, in two levels: chunks are allocated when first needed and never
 * freed, so that a reader needs no more than two loads. ops is written last (release) and
 * read first (acquire): who sees it sees the state too.
 */
#define CHUNK_BITS 10
#define CHUNK_SIZE (1u << CHUNK_BITS)
#define CHUNKS	   1024u

static struct nm_host_fd *chunks[CHUNKS];

/* Of the last nmhost_open() of this thread. */
static __thread char open_error[256];

const struct nm_host_ops *nm_host_of(int fd, void **state)
{
	unsigned int u = (unsigned int)fd;
	struct nm_host_fd *chunk;
	const struct nm_host_ops *ops;

	if (u >> CHUNK_BITS >= CHUNKS)
		return NULL;
	chunk = __atomic_load_n(&chunks[u >> CHUNK_BITS], __ATOMIC_ACQUIRE);
	if (chunk == NULL)
		return NULL;
	chunk += u & (CHUNK_SIZE - 1);
	ops = __atomic_load_n(&chunk->ops, __ATOMIC_ACQUIRE);
	*state = __atomic_load_n(&chunk->state, __ATOMIC_RELAXED);
	return ops;
}

static struct nm_host_fd *fd_entry(int fd)
{
	struct nm_host_fd **slot, *chunk, *expected = NULL;
	unsigned int u = (unsigned int)fd;

	if (u >> CHUNK_BITS >= CHUNKS) {
		errno = EMFILE;
		return NULL;
	}
	slot = &chunks[u >> CHUNK_BITS];
	chunk = __atomic_load_n(slot, __ATOMIC_ACQUIRE);
	if (chunk == NULL) {
		chunk = calloc(CHUNK_SIZE, sizeof(*chunk));
		if (chunk == NULL)
			return NULL;
		if (!__atomic_compare_exchange_n(slot, &expected, chunk, 0, __ATOMIC_ACQ_REL,
						 __ATOMIC_ACQUIRE)) {
			free(chunk);
			chunk = expected;
		}
	}
	return &chunk[u & (CHUNK_SIZE - 1)];
}

int nmhost_open(void)
{
	const struct nm_host_ops *ops = the_host();
	struct nm_host_fd *entry;
	void *state = NULL;
	int fd, e;

	open_error[0] = '\0';
	if (ops == NULL) {
		snprintf(open_error, sizeof(open_error),
			 "NETMAP_HOST=%s: must be kernel, daemon or embedded",
			 secure_getenv("NETMAP_HOST"));
		errno = EINVAL;
		return -1;
	}
	fd = ops->open(&state, open_error, sizeof(open_error));
	if (fd < 0)
		return -1;
	entry = fd_entry(fd);
	if (entry == NULL) {
		e = errno;
		ops->close(state, fd);
		snprintf(open_error, sizeof(open_error), "no room for descriptor %d: %s", fd,
			 strerror(e));
		errno = e;
		return -1;
	}
	__atomic_store_n(&entry->state, state, __ATOMIC_RELAXED);
	__atomic_store_n(&entry->ops, ops, __ATOMIC_RELEASE);
	return fd;
}

int nmhost_close(int fd)
{
	const struct nm_host_ops *ops;
	void *state;

	ops = nm_host_of(fd, &state);
	if (ops == NULL)
		return close(fd);
	/* First here: as soon as it is closed, another thread may get the same number. */
	__atomic_store_n(&fd_entry(fd)->ops, NULL, __ATOMIC_RELEASE);
	return ops->close(state, fd);
}

int nmhost_ioctl(int fd, unsigned long request, void *arg)
{
	const struct nm_host_ops *ops;
	void *state;

	ops = nm_host_of(fd, &state);
	if (ops == NULL)
		return ioctl(fd, request, arg);
	return ops->ioctl(state, fd, request, arg);
}

void *nmhost_mmap(int fd, size_t len)
{
	const struct nm_host_ops *ops;
	void *state;

	ops = nm_host_of(fd, &state);
	if (ops == NULL)
		return mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return ops->mmap(state, fd, len);
}

const char *nmhost_strerror(int fd)
{
	const struct nm_host_ops *ops;
	void *state;

	if (fd < 0)
		return open_error;
	ops = nm_host_of(fd, &state);
	return ops != NULL && ops->strerror != NULL ? ops->strerror(state, fd) : "";
}
