/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Programs that redirect all packets of an interface to another one. Attached by a link
 * where the kernel has that (6.6), which ends with its descriptor, however a process ends;
 * else as a filter, which may stay behind: the one on the way out then sees that the other
 * interface is not there any more, and lets packets pass; and who opens the interface next
 * replaces it.
 */
#ifndef NM_TC_H
#define NM_TC_H

#include "os.h"

struct tc {
	unsigned int ifindex; /* 0: not attached */
	bool ingress;
	bool made_qdisc;
	int link_fd; /* -1: a filter */
};

/*
 * ingress: what `ifindex` receives is received by `to`. Else: what is sent through
 * `ifindex` is sent through `to`, as long as there is such an interface. -errno.
 */
int tc_attach(struct tc *tc, unsigned int ifindex, bool ingress, unsigned int to);
void tc_detach(struct tc *tc);

#endif /* NM_TC_H */
