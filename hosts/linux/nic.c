// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "chardev.h"
#include "nic.h"

#include <linux/netdevice.h>

int nm_nic_register(void)
{
	return 0;
}

void nm_nic_unregister(void)
{
}

int nm_os_nic_port(struct nm_ns *ns, const char *name, struct nm_port **portp,
		   struct nm_err *err)
{
	if (!nm_os_nic_exists(ns, name))
		return nm_fail(err, -ENXIO, "no interface called %s", name);
	return nm_fail(err, -EOPNOTSUPP, "%s: no ports on interfaces in this version", name);
}

bool nm_os_nic_exists(struct nm_ns *ns, const char *name)
{
	bool exists;

	rcu_read_lock();
	exists = dev_get_by_name_rcu(ns->os.net, name);
	rcu_read_unlock();
	return exists;
}
