// SPDX-License-Identifier: BSD-2-Clause
/* Messages and the descriptors that travel with them. Nothing here ever waits. */
#include "netmapd.h"

#include <sys/socket.h>
#include <sys/uio.h>

/* Room for more than we accept, so that what a hostile client adds is closed. */
#define FDS_ROOM 16

void nmd_close_fds(const int *fds, unsigned int nfds)
{
	while (nfds)
		close(fds[--nfds]);
}

int nmd_send(int sock, const void *msg, size_t len, const int *fds, unsigned int nfds)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(NMD_FDS_MAX * sizeof(int))];
	} control;
	struct iovec iov = { (void *)msg, len };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *c;

	if (nfds) {
		memset(&control, 0, sizeof(control));
		m.msg_control = control.buf;
		m.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(nfds * sizeof(int));
		memcpy(CMSG_DATA(c), fds, nfds * sizeof(int));
	}
	return sendmsg(sock, &m, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? errno : 0;
}

/* Keeps the first descriptors, closes those that are too many. */
static unsigned int take_fds(struct msghdr *m, int *fds)
{
	unsigned int n = 0;
	struct cmsghdr *c;

	for (c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		size_t count, i;
		int fd;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (i = 0; i < count; i++) {
			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			if (n < NMD_FDS_MAX)
				fds[n++] = fd;
			else
				close(fd);
		}
	}
	return n;
}

ssize_t nmd_recv(int sock, void *buf, size_t size, int *fds, unsigned int *nfds)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(FDS_ROOM * sizeof(int))];
	} control;
	struct iovec iov = { buf, size };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = control.buf,
			    .msg_controllen = sizeof(control) };
	ssize_t n;

	*nfds = 0;
	do {
		n = recvmsg(sock, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -1;
	*nfds = take_fds(&m, fds);
	/* What was cut off was not for us; descriptors that had no room are closed. */
	if (m.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
		nmd_close_fds(fds, *nfds);
		*nfds = 0;
		errno = EMSGSIZE;
		return -1;
	}
	return n;
}

void nmd_refuse(int sock, int error, const char *text)
{
	struct nmd_text m;

	memset(&m, 0, sizeof(m));
	nmd_header_init(&m.h, NMD_REFUSED, sizeof(m));
	m.h.error = error;
	snprintf(m.text, sizeof(m.text), "%s", text);
	nmd_send(sock, &m, sizeof(m), NULL, 0);
}
