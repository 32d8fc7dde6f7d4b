/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The embedded host: the framework in this very process. libnmcore is found at run time,
 * so that programs which never ask for it need not have it: if it is linked into the
 * program, that one; else libnmcore.so.14, or the file that NETMAP_LIBNMCORE names.
 */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "host.h"
#include "libnmcore.h"

#pragma weak nmcore_open
#pragma weak nmcore_close
#pragma weak nmcore_ioctl
#pragma weak nmcore_memfd
#pragma weak nmcore_poll
#pragma weak nmcore_wait
#pragma weak nmcore_wakefd
#pragma weak nmcore_error

#define CORE_LIBRARY "libnmcore.so.14"

static struct {
	struct nmcore *(*open)(void);
	int (*close)(struct nmcore *);
	int (*ioctl)(struct nmcore *, unsigned long, void *);
	int (*memfd)(struct nmcore *, uint64_t *);
	int (*poll)(struct nmcore *, int, int);
	int (*wait)(struct nmcore *, int, int);
	int (*wakefd)(struct nmcore *);
	const char *(*error)(struct nmcore *);
} core;

static pthread_once_t core_once = PTHREAD_ONCE_INIT;
static int core_found;
static char core_missing[200];

static int find_symbol(void *lib, const char *name, void *fn, size_t size)
{
	void *p = dlsym(lib, name);

	if (p == NULL)
		return 0;
	memcpy(fn, &p, size); /* C has no cast from void * to a function */
	return 1;
}

#define FIND(lib, name) find_symbol(lib, "nmcore_" #name, &core.name, sizeof(core.name))

static void find_core(void)
{
	const char *path = secure_getenv("NETMAP_LIBNMCORE");
	const char *why;
	void *lib;

	if (nmcore_open != NULL) {
		core.open = nmcore_open;
		core.close = nmcore_close;
		core.ioctl = nmcore_ioctl;
		core.memfd = nmcore_memfd;
		core.poll = nmcore_poll;
		core.wait = nmcore_wait;
		core.wakefd = nmcore_wakefd;
		core.error = nmcore_error;
		core_found = 1;
		return;
	}
	lib = dlopen(path != NULL ? path : CORE_LIBRARY, RTLD_NOW | RTLD_LOCAL);
	if (lib == NULL) {
		why = dlerror();
		snprintf(core_missing, sizeof(core_missing), "embedded host: %s",
			 why != NULL ? why : "cannot load " CORE_LIBRARY);
		return;
	}
	core_found = FIND(lib, open) && FIND(lib, close) && FIND(lib, ioctl) && FIND(lib, memfd) &&
		     FIND(lib, poll) && FIND(lib, wait) && FIND(lib, wakefd) && FIND(lib, error);
	if (!core_found)
		snprintf(core_missing, sizeof(core_missing),
			 "embedded host: %s is not of this version of netmap",
			 path != NULL ? path : CORE_LIBRARY);
}

static int embedded_open(void **state, char *err, size_t errlen)
{
	struct nmcore *nm;

	pthread_once(&core_once, find_core);
	if (!core_found) {
		snprintf(err, errlen, "%s", core_missing);
		errno = ENOENT;
		return -1;
	}
	nm = core.open();
	if (nm == NULL) {
		snprintf(err, errlen, "embedded host: %s", strerror(errno));
		return -1;
	}
	*state = nm;
	return core.wakefd(nm);
}

static int embedded_close(void *state, int fd)
{
	(void)fd;
	return core.close(state);
}

static int embedded_ioctl(void *state, int fd, unsigned long request, void *arg)
{
	(void)fd;
	return core.ioctl(state, request, arg);
}

static void *embedded_mmap(void *state, int fd, size_t len)
{
	uint64_t size;
	int memfd = core.memfd(state, &size);

	(void)fd;
	if (memfd < 0)
		return MAP_FAILED;
	if (len > size) {
		errno = EINVAL;
		return MAP_FAILED;
	}
	return mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
}

static int embedded_poll(void *state, int fd, int events, int arm)
{
	(void)fd;
	return core.poll(state, events, arm);
}

static int embedded_wait(void *state, int fd, int events, int timeout_ms)
{
	(void)fd;
	return core.wait(state, events, timeout_ms);
}

static int embedded_wakefd(void *state, int fd)
{
	(void)fd;
	return core.wakefd(state);
}

static const char *embedded_strerror(void *state, int fd)
{
	(void)fd;
	return core.error(state);
}

const struct nm_host_ops nm_host_embedded = {
	.name = "embedded",
	.open = embedded_open,
	.close = embedded_close,
	.ioctl = embedded_ioctl,
	.mmap = embedded_mmap,
	.poll = embedded_poll,
	.wakefd = embedded_wakefd,
	.wait = embedded_wait,
	.strerror = embedded_strerror,
};
