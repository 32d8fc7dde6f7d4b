/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * After fork(), parent and child have the same channels, and each would read the other's
 * answers. The child closes its copies and makes channels of its own when it needs some.
 * pthread_atfork() tells when fork() is called; the page that the kernel wipes in a child
 * tells of the system calls behind it being made directly.
 */
#include <sys/mman.h>

#include "client.h"

uint32_t *nmc_forkmark;
uint32_t nmc_generation;

void nmc_forked(void)
{
	if (nmc_forkmark != NULL && __atomic_exchange_n(nmc_forkmark, 1, __ATOMIC_ACQ_REL))
		return;
	nmc_generation++;
	nmc_files_forked();
}

static void in_child(void)
{
	/* Without MADV_WIPEONFORK the mark is still set here. */
	if (nmc_forkmark != NULL)
		__atomic_store_n(nmc_forkmark, 0, __ATOMIC_RELEASE);
	nmc_forked();
}

static void watch(void)
{
	long page = sysconf(_SC_PAGESIZE);
	void *p = mmap(NULL, (size_t)page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		       0);

	if (p != MAP_FAILED) {
		madvise(p, (size_t)page, MADV_WIPEONFORK);
		*(uint32_t *)p = 1;
		nmc_forkmark = p;
	}
	pthread_atfork(NULL, NULL, in_child);
}

void nmc_watch_forks(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, watch);
}
