// SPDX-License-Identifier: BSD-2-Clause
/* NIC ports. */
#include "port.h"

#include <net/if.h>

bool nm_os_nic_exists(struct nm_ns *ns, const char *name)
{
	(void)ns;
	return if_nametoindex(name) != 0;
}

int nm_os_nic_port(struct nm_ns *ns, const char *name, struct nm_port **portp,
		   struct nm_err *err)
{
	(void)ns;
	(void)portp;
	return nm_fail(err, -ENXIO, "no interface called %s", name);
}
