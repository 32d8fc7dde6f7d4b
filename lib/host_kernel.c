/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel host: the descriptor is one of /dev/netmap, and the system calls are all. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <net/netmap_user.h>
#include "host.h"

static int kernel_open(void **state, char *err, size_t errlen)
{
	int fd = open(NETMAP_DEVICE_NAME, O_RDWR | O_CLOEXEC);
	int e = errno;

	(void)state;
	if (fd >= 0)
		return fd;
	switch (e) {
	case ENOENT:
	case ENODEV:
	case ENXIO:
		snprintf(err, errlen,
			 "there is no " NETMAP_DEVICE_NAME ": load the module "
			 "netmap, or do without it by NETMAP_HOST=daemon");
		break;
	case EACCES:
	case EPERM:
		snprintf(err, errlen,
			 "no permission to open " NETMAP_DEVICE_NAME ": its mode and "
			 "group decide who may");
		break;
	default:
		snprintf(err, errlen, "cannot open " NETMAP_DEVICE_NAME ": %s", strerror(e));
		break;
	}
	errno = e;
	return -1;
}

static int kernel_close(void *state, int fd)
{
	(void)state;
	return close(fd);
}

static int kernel_ioctl(void *state, int fd, unsigned long request, void *arg)
{
	(void)state;
	return ioctl(fd, request, arg);
}

static void *kernel_mmap(void *state, int fd, size_t len)
{
	(void)state;
	return mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
}

/* The module gives the line to whoever reads the descriptor. */
static const char *kernel_strerror(void *state, int fd)
{
	static __thread char text[256];
	int e = errno;
	ssize_t n = read(fd, text, sizeof(text) - 1);

	(void)state;
	if (n < 0)
		n = 0;
	while (n > 0 && text[n - 1] == '\n')
		n--;
	text[n] = '\0';
	errno = e;
	return text;
}

const struct nm_host_ops nm_host_kernel = {
	.name = "kernel",
	.open = kernel_open,
	.close = kernel_close,
	.ioctl = kernel_ioctl,
	.mmap = kernel_mmap,
	.strerror = kernel_strerror,
};
