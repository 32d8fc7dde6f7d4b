/* SPDX-License-Identifier: BSD-2-Clause */
/* How descriptors come and go: open, close, dup, and those received over sockets. */
#include <fcntl.h>
#include <stdarg.h>
#include <sys/syscall.h>

#include "preload.h"

#define DEVICE "/dev/netmap"

/* The one that is chosen by libnetmap as well: the kernel's, if there is one. */
static bool daemon_wanted(void)
{
	const char *host = secure_getenv("NETMAP_HOST");

	if (host != NULL && *host != '\0')
		return strcmp(host, "kernel") != 0;
	return syscall(SYS_faccessat, AT_FDCWD, DEVICE, F_OK) != 0;
}

static bool ours(const char *path)
{
	return path != NULL && path[0] == '/' && strcmp(path, DEVICE) == 0 && daemon_wanted();
}

void pl_tell(const char *why)
{
	char line[400];
	int n, e = errno;

	if (*why == '\0' || secure_getenv("NETMAP_QUIET") != NULL)
		return;
	n = snprintf(line, sizeof(line), "netmap: %s\n", why);
	if (n > 0)
		syscall(SYS_write, 2, line, (size_t)n);
	errno = e;
}

static int open_netmap(int flags)
{
	char why[256];
	struct nmc_file *f;
	int fd = nmc_open((flags & O_CLOEXEC) != 0, &f, why, sizeof(why));

	if (fd < 0) {
		pl_tell(why);
		return -1;
	}
	if (flags & O_NONBLOCK)
		syscall(SYS_fcntl, fd, F_SETFL, O_NONBLOCK);
	pl_set(fd, f);
	return fd;
}

/* A number that was closed behind our back is somebody else's now. */
static int opened(int fd)
{
	if (fd >= 0)
		pl_forget(fd);
	return fd;
}

static mode_t mode_of(int flags, va_list ap)
{
	return flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(ap, mode_t) : 0;
}

/* params end with path, flags, ...; args are those, and mode. */
#define OPEN(fn, params, args)                     \
	PUBLIC int fn params                       \
	{                                          \
		va_list ap;                        \
		mode_t mode;                       \
                                                   \
		if (ours(path))                    \
			return open_netmap(flags); \
		va_start(ap, flags);               \
		mode = mode_of(flags, ap);         \
		va_end(ap);                        \
		return opened(REAL(fn) args);      \
	}

OPEN(open, (const char *path, int flags, ...), (path, flags, mode))
OPEN(open64, (const char *path, int flags, ...), (path, flags, mode))
OPEN(openat, (int dir, const char *path, int flags, ...), (dir, path, flags, mode))
OPEN(openat64, (int dir, const char *path, int flags, ...), (dir, path, flags, mode))

/* What open() becomes with _FORTIFY_SOURCE and flags that are not constant. */
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int __openat_2(int dir, const char *path, int flags);
int __openat64_2(int dir, const char *path, int flags);

PUBLIC int __open_2(const char *path, int flags)
{
	return ours(path) ? open_netmap(flags) : opened(REAL(__open_2)(path, flags));
}

PUBLIC int __open64_2(const char *path, int flags)
{
	return ours(path) ? open_netmap(flags) : opened(REAL(__open64_2)(path, flags));
}

PUBLIC int __openat_2(int dir, const char *path, int flags)
{
	return ours(path) ? open_netmap(flags) : opened(REAL(__openat_2)(dir, path, flags));
}

PUBLIC int __openat64_2(int dir, const char *path, int flags)
{
	return ours(path) ? open_netmap(flags) : opened(REAL(__openat64_2)(dir, path, flags));
}

/* ---- close ------------------------------------------------------------------------- */

/* Programs that close all numbers there are must not close what they did not open. */
PUBLIC int close(int fd)
{
	struct pl_fd old;
	int ret;

	if (__builtin_expect(nmc_hidden(fd), 0) && !pl_borrowed()) {
		errno = EBADF;
		return -1;
	}
	old = pl_take(fd);
	ret = REAL(close)(fd);
	pl_drop(old);
	return ret;
}

int close_range(unsigned int first, unsigned int last, int flags);
void closefrom(int first);

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif
#define TABLE_END 65536u /* hidden descriptors are below */

static int sys_close_range(unsigned int first, unsigned int last, int flags)
{
#ifdef SYS_close_range
	return (int)syscall(SYS_close_range, first, last, flags);
#else
	(void)first, (void)last, (void)flags;
	errno = ENOSYS;
	return -1;
#endif
}

PUBLIC int close_range(unsigned int first, unsigned int last, int flags)
{
	unsigned int fd, end = last < TABLE_END ? last + 1 : TABLE_END;

	if (first > last || __atomic_load_n(&pl_active, __ATOMIC_RELAXED) == 0 ||
	    flags & (int)CLOSE_RANGE_CLOEXEC || pl_borrowed())
		return sys_close_range(first, last, flags);
	for (fd = first; fd < end; fd++) {
		pl_forget((int)fd);
		if (!nmc_hidden((int)fd))
			continue;
		if (fd > first && sys_close_range(first, fd - 1, flags) < 0)
			return -1;
		first = fd + 1;
	}
	return first <= last ? sys_close_range(first, last, flags) : 0;
}

PUBLIC void closefrom(int first)
{
	unsigned int fd = first < 0 ? 0 : (unsigned int)first;

	if (close_range(fd, ~0u, 0) < 0)
		for (; fd < 1024; fd++)
			close((int)fd);
}

/* ---- dup --------------------------------------------------------------------------- */

static int duplicated(int from, int to)
{
	if (to >= 0)
		pl_duplicated(from, to);
	return to;
}

PUBLIC int dup(int fd)
{
	return duplicated(fd, REAL(dup)(fd));
}

/* Our own descriptors can not be replaced; EBUSY is what dup2() may say then. */
static bool in_use(int to)
{
	if (!nmc_hidden(to) || pl_borrowed())
		return false;
	errno = EBUSY;
	return true;
}

PUBLIC int dup2(int from, int to)
{
	return in_use(to) ? -1 : duplicated(from, REAL(dup2)(from, to));
}

PUBLIC int dup3(int from, int to, int flags)
{
	return in_use(to) ? -1 : duplicated(from, REAL(dup3)(from, to, flags));
}

static bool duplicates(int cmd)
{
	return cmd == F_DUPFD || cmd == F_DUPFD_CLOEXEC;
}

PUBLIC int fcntl(int fd, int cmd, ...)
{
	va_list ap;
	void *arg;
	int ret;

	va_start(ap, cmd);
	arg = va_arg(ap, void *);
	va_end(ap);
	ret = REAL(fcntl)(fd, cmd, arg);
	return duplicates(cmd) ? duplicated(fd, ret) : ret;
}

PUBLIC int fcntl64(int fd, int cmd, ...)
{
	va_list ap;
	void *arg;
	int ret;

	va_start(ap, cmd);
	arg = va_arg(ap, void *);
	va_end(ap);
	ret = REAL(fcntl64)(fd, cmd, arg);
	return duplicates(cmd) ? duplicated(fd, ret) : ret;
}

/* ---- received ------------------------------------------------------------------------ */

static void adopt_received(struct msghdr *m)
{
	struct nmc_file *f;
	struct cmsghdr *c;
	size_t n, i;
	int fd;

	for (c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (i = 0; i < n; i++) {
			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			pl_forget(fd);
			f = pl_adopt(fd);
			if (f != NULL)
				nmc_file_put(f);
		}
	}
}

PUBLIC ssize_t recvmsg(int s, struct msghdr *m, int flags)
{
	ssize_t n = REAL(recvmsg)(s, m, flags);

	if (n >= 0 && m->msg_controllen > 0)
		adopt_received(m);
	return n;
}

PUBLIC int recvmmsg(int s, struct mmsghdr *m, unsigned int vlen, int flags,
		    struct timespec *timeout)
{
	int i, n = REAL(recvmmsg)(s, m, vlen, flags, timeout);

	for (i = 0; i < n; i++)
		if (m[i].msg_hdr.msg_controllen > 0)
			adopt_received(&m[i].msg_hdr);
	return n;
}
