/* SPDX-License-Identifier: BSD-2-Clause */
/* ioctl and mmap. */
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <net/netmap.h>
#include "preload.h"

/* Requests that no socket knows. They tell a netmap descriptor that came to us unseen. */
static bool of_netmap(unsigned long request)
{
	switch ((unsigned int)request) {
	case NIOCGINFO:
	case NIOCREGIF:
	case NIOCTXSYNC:
	case NIOCRXSYNC:
	case NIOCCONFIG:
	case NIOCCTRL:
		return true;
	default:
		return false;
	}
}

/* What a program asks for once, and then gives up; not what it does for each packet. */
static bool worth_a_word(unsigned long request)
{
	return (unsigned int)request == NIOCREGIF || (unsigned int)request == NIOCCTRL;
}

PUBLIC int ioctl(int fd, unsigned long request, ...)
{
	struct nmc_file *f = pl_get(fd);
	va_list ap;
	void *arg;
	int ret;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (f == NULL && of_netmap(request))
		f = pl_adopt(fd);
	if (f == NULL)
		return REAL(ioctl)(fd, request, arg);
	ret = nmc_ioctl(f, fd, request, arg);
	if (ret < 0 && worth_a_word(request))
		pl_tell(nmc_strerror(f, fd));
	nmc_file_put(f);
	return ret;
}

PUBLIC void *mmap(void *addr, size_t len, int prot, int flags, int fd, off_t off)
{
	struct nmc_file *f = fd >= 0 ? pl_get(fd) : NULL;
	void *p;

	if (f == NULL)
		return REAL(mmap)(addr, len, prot, flags, fd, off);
	p = nmc_mmap(f, fd, addr, len, prot, flags, off);
	nmc_file_put(f);
	return p;
}

PUBLIC void *mmap64(void *addr, size_t len, int prot, int flags, int fd, off64_t off)
{
	struct nmc_file *f = fd >= 0 ? pl_get(fd) : NULL;
	void *p;

	if (f == NULL)
		return REAL(mmap64)(addr, len, prot, flags, fd, off);
	p = nmc_mmap(f, fd, addr, len, prot, flags, off);
	nmc_file_put(f);
	return p;
}
