/* SPDX-License-Identifier: BSD-2-Clause */
/* System calls of the client, see client.h for why they are made this way. */
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>

#include "client.h"

/* A bit for each of our own descriptors, so that a program can be kept from closing them. */
#define HIDDEN_MAX 65536
static uint64_t hidden[HIDDEN_MAX / 64];

int nmc_hidden(int fd)
{
	return fd >= 0 && fd < HIDDEN_MAX &&
	       (__atomic_load_n(&hidden[fd / 64], __ATOMIC_RELAXED) >> fd % 64 & 1);
}

static void hide(int fd)
{
	if (fd >= 0 && fd < HIDDEN_MAX)
		__atomic_fetch_or(&hidden[fd / 64], UINT64_C(1) << fd % 64, __ATOMIC_RELAXED);
}

int nmc_close(int fd)
{
	if (fd < 0)
		return 0;
	if (nmc_hidden(fd))
		__atomic_fetch_and(&hidden[fd / 64], ~(UINT64_C(1) << fd % 64), __ATOMIC_RELAXED);
	return (int)syscall(SYS_close, fd);
}

/*
 * Programs expect the lowest numbers for what they open themselves, and select() takes no
 * high ones: ours go to the upper half of what the limit allows.
 */
int nmc_high_fd(int fd)
{
	struct rlimit rl;
	int high, e = errno;

	if (fd < 0 || getrlimit(RLIMIT_NOFILE, &rl) < 0)
		return fd;
	if (rl.rlim_cur > 4096)
		rl.rlim_cur = 4096;
	high = (int)syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, (int)rl.rlim_cur / 2);
	errno = e;
	if (high >= 0)
		nmc_close(fd);
	else
		high = fd;
	hide(high);
	return high;
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* 1 ready, 0 timeout, -1 error. Signals do not end it. */
int nmc_wait_fd(int fd, int events, int ms)
{
	int64_t end = now_ms() + ms, left;
	struct pollfd p = { .fd = fd, .events = (short)events };
	struct timespec ts;
	long n;

	for (;;) {
		left = end - now_ms();
		if (left < 0)
			left = 0;
		ts.tv_sec = left / 1000;
		ts.tv_nsec = left % 1000 * 1000000;
		n = syscall(SYS_ppoll, &p, 1, &ts, NULL, 0);
		if (n >= 0 || errno != EINTR)
			return (int)n;
	}
}

int nmc_send(int sock, const void *buf, size_t len, int fd, int ms)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = { (void *)buf, len };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *c;

	if (fd >= 0) {
		memset(&control, 0, sizeof(control));
		m.msg_control = control.buf;
		m.msg_controllen = sizeof(control.buf);
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(int));
	}
	while (syscall(SYS_sendmsg, sock, &m, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return -1;
		if (nmc_wait_fd(sock, POLLOUT, ms) <= 0) {
			errno = ETIMEDOUT;
			return -1;
		}
	}
	return 0;
}

static unsigned int take_fds(struct msghdr *m, int *fds)
{
	unsigned int n = 0;
	struct cmsghdr *c;

	for (c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (unsigned int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		memcpy(fds, CMSG_DATA(c), n * sizeof(int));
	}
	return n;
}

/* One message, waited for; fds[] has room for NMD_FDS_MAX. 0 is the end. ms < 0: for ever. */
ssize_t nmc_recv(int sock, void *buf, size_t size, int *fds, unsigned int *nfds, int ms)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(NMD_FDS_MAX * sizeof(int))];
	} control;
	struct iovec iov = { buf, size };
	struct msghdr m;
	ssize_t n;

	*nfds = 0;
	if (ms >= 0 && nmc_wait_fd(sock, POLLIN, ms) == 0) {
		errno = ETIMEDOUT;
		return -1;
	}
	do {
		memset(&m, 0, sizeof(m));
		m.msg_iov = &iov;
		m.msg_iovlen = 1;
		m.msg_control = control.buf;
		m.msg_controllen = sizeof(control.buf);
		n = syscall(SYS_recvmsg, sock, &m, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n >= 0)
		*nfds = take_fds(&m, fds);
	return n;
}
