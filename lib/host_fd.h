/* SPDX-License-Identifier: BSD-2-Clause */
/* A descriptor's entry in the table of host.c. */
#ifndef LIB_HOST_FD_H
#define LIB_HOST_FD_H

struct nm_host_ops;

struct nm_host_fd {
	const struct nm_host_ops *ops; /* NULL: not one of ours */
	void *state;
};

/* The host of fd, and its state; NULL if nmhost_open() did not make it. Lock-free. */
const struct nm_host_ops *nm_host_of(int fd, void **state);

#endif /* LIB_HOST_FD_H */
