/* SPDX-License-Identifier: BSD-2-Clause */
/* The daemon host: ports live in netmapd, which is started if it does not run. */
#include <sys/mman.h>

#include "client.h"
#include "host.h"

/* What woke the last poll of this thread, between the two calls that ask. */
static __thread int last_wake;

static int daemon_open(void **state, char *err, size_t errlen)
{
	struct nmc_file *f;
	int fd = nmc_open(true, &f, err, errlen);

	*state = fd < 0 ? NULL : f;
	return fd;
}

static int daemon_close(void *state, int fd)
{
	int ret, e;

	/* First the descriptor: the channels' end then is the end of all. */
	nmc_enter();
	ret = nmc_close(fd);
	e = errno;
	nmc_file_put(state);
	errno = e;
	return ret;
}

static int daemon_ioctl(void *state, int fd, unsigned long request, void *arg)
{
	return nmc_ioctl(state, fd, request, arg);
}

static void *daemon_mmap(void *state, int fd, size_t len)
{
	return nmc_mmap(state, fd, NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
}

static int daemon_poll(void *state, int fd, int events, int arm)
{
	return nmc_poll(state, fd, events, arm ? &last_wake : NULL);
}

static int daemon_wakefd(void *state, int fd)
{
	(void)state;
	(void)fd;
	return last_wake;
}

static int daemon_wait(void *state, int fd, int events, int timeout_ms)
{
	return nmc_await(state, fd, events, timeout_ms);
}

static const char *daemon_strerror(void *state, int fd)
{
	return nmc_strerror(state, fd);
}

const struct nm_host_ops nm_host_daemon = {
	.name = "daemon",
	.open = daemon_open,
	.close = daemon_close,
	.ioctl = daemon_ioctl,
	.mmap = daemon_mmap,
	.poll = daemon_poll,
	.wakefd = daemon_wakefd,
	.wait = daemon_wait,
	.strerror = daemon_strerror,
};
