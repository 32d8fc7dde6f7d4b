/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A host: where ports live. Each has one table of functions; host.c chooses one and keeps
 * what belongs to each descriptor.
 */
#ifndef LIB_HOST_H
#define LIB_HOST_H

#include <stddef.h>

struct nm_host_ops {
	const char *name;

	/*
	 * A new descriptor, and in *state what the other functions get to see of it. On
	 * failure -1 with errno, and a line in err. Any thread may call any function;
	 * none but those of other descriptors while close runs.
	 */
	int (*open)(void **state, char *err, size_t errlen);
	int (*close)(void *state, int fd);

	/* As the system calls: -1, or MAP_FAILED, with errno. */
	int (*ioctl)(void *state, int fd, unsigned long request, void *arg);
	void *(*mmap)(void *state, int fd, size_t len);

	/*
	 * NULL: poll(2) on the descriptor is right. Otherwise: the ready ones of events
	 * (POLLIN, POLLOUT), POLLERR, POLLHUP; never blocks. If arm is set and nothing is
	 * ready, wakefd becomes readable when it is time to ask again.
	 */
	int (*poll)(void *state, int fd, int events, int arm);
	int (*wakefd)(void *state, int fd);
	/*
	 * May be NULL. poll(2) on this descriptor alone, with a timeout (-1: none) that is
	 * not 0: the ready ones, 0 when the time is over, -1 with errno.
	 */
	int (*wait)(void *state, int fd, int events, int timeout_ms);

	/* About the last failed call: one line, or "". NULL: errno says all there is. */
	const char *(*strerror)(void *state, int fd);
};

extern const struct nm_host_ops nm_host_kernel;
extern const struct nm_host_ops nm_host_daemon;
extern const struct nm_host_ops nm_host_embedded;

#endif /* LIB_HOST_H */
