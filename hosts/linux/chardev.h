/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* /dev/netmap, and what a network namespace has of netmap. */
#ifndef NM_CHARDEV_H
#define NM_CHARDEV_H

#include "binding.h"

#include <linux/poll.h>

/* One poll(2) in progress. */
struct nm_os_poller {
	struct file *file;
	poll_table *table;
};

int nm_chardev_register(void);
void nm_chardev_unregister(void);

/* The namespace of network namespace `net`; valid as long as that is held. */
struct nm_ns *nm_netns_get(struct net *net);
/* Calls fn for each, outside of rtnl and of their locks. */
void nm_netns_for_each(void (*fn)(struct nm_ns *ns));
int nm_netns_register(void);
void nm_netns_unregister(void);

#endif /* NM_CHARDEV_H */
