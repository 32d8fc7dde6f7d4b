// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* netmap.ko: the core, hosted by the Linux kernel. */
#include "chardev.h"
#include "nic.h"

#include <linux/module.h>

static int __init nm_init(void)
{
	int error = nm_netns_register();

	if (error)
		return error;
	error = nm_nic_register();
	if (error)
		goto fail_netns;
	error = nm_chardev_register();
	if (error)
		goto fail_nic;
	return 0;

fail_nic:
	nm_nic_unregister();
fail_netns:
	nm_netns_unregister();
	return error;
}

/* Open files and mappings hold the module: there are none. */
static void __exit nm_exit(void)
{
	nm_chardev_unregister();
	nm_netns_unregister();
	nm_nic_unregister();
}

module_init(nm_init);
module_exit(nm_exit);

MODULE_DESCRIPTION("netmap: fast packet I/O");
MODULE_VERSION("14.0.0");
MODULE_LICENSE("Dual BSD/GPL");
