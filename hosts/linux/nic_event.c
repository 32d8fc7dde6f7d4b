// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * What happens to a device while it is a port: it goes down or away (the port says so to
 * its clients, from then on, and lets the device go), or gets another name. Queues that
 * come and go and a new MTU need nothing: the data path looks at the device each time.
 *
 * Events come under rtnl, inside which the namespace's lock must not be taken. What needs
 * that is done by a work item.
 */
#include "nic.h"
#include "chardev.h"

#include <linux/rtnetlink.h>
#include <linux/workqueue.h>
#include <net/net_namespace.h>

/* Members of switches whose device is gone leave; ports take their device's new name. */
static void after_event(struct nm_ns *ns)
{
	struct nm_port *port;

	nm_ns_reap(ns);
	nm_os_mutex_lock(&ns->lock);
	nm_list_for_each(port, &ns->ports, struct nm_port, link) {
		struct net_device *dev;

		if (strcmp(port->ops->kind, "nic") || port->gone)
			continue;
		rcu_read_lock();
		dev = rcu_dereference(nm_nic_of(port)->dev);
		if (dev && strcmp(dev->name, port->name))
			snprintf(port->name, sizeof(port->name), "%s", dev->name);
		rcu_read_unlock();
	}
	nm_os_mutex_unlock(&ns->lock);
}

/* The port's clients are told. rtnl: krings that exist stay. */
static void tell(struct nm_nic *nic)
{
	if (!nic->lost || nm_load(&nic->port.gone) == nic->lost)
		return;
	if (nic->used)
		nm_port_gone(&nic->port, nic->lost);
	else
		nm_store_release(&nic->port.gone, nic->lost);
}

static void event_work(struct work_struct *work)
{
	struct nm_nic *nic;

	rtnl_lock();
	list_for_each_entry(nic, &nm_nics, link)
		tell(nic);
	rtnl_unlock();
	nm_netns_for_each(after_event);
}

static DECLARE_WORK(work, event_work);

/*
 * Nobody uses the device when this returns. Clients are told when whoever holds rtnl is
 * through: a device that moves to another namespace only seems to go down at first.
 */
static void lose(struct nm_nic *nic, struct net_device *dev, int why, bool forget)
{
	nic->lost = why;
	nm_nic_release(nic, dev);
	if (forget) {
		RCU_INIT_POINTER(nic->dev, NULL);
		synchronize_net();
		dev_put(dev);
	}
	schedule_work(&work);
}

static int device_event(struct notifier_block *nb, unsigned long event, void *ptr)
{
	struct net_device *dev = netdev_notifier_info_to_dev(ptr);
	struct nm_nic *nic, *next;

	list_for_each_entry_safe(nic, next, &nm_nics, link) {
		if (rtnl_dereference(nic->dev) != dev)
			continue;
		switch (event) {
		case NETDEV_UNREGISTER: /* also sent when it moves to another namespace */
			lose(nic, dev, ENXIO, true);
			tell(nic);
			break;
		case NETDEV_GOING_DOWN:
			if (!nic->up)
				break;
			/* one that is being removed goes down first */
			lose(nic, dev, list_empty(&dev->unreg_list) ? ENETDOWN : ENXIO, false);
			break;
		case NETDEV_CHANGENAME:
			schedule_work(&work);
			break;
		}
	}
	return NOTIFY_DONE;
}

static struct notifier_block notifier = {
	.notifier_call = device_event,
};

int nm_nic_event_register(void)
{
	return register_netdevice_notifier(&notifier);
}

void nm_nic_event_unregister(void)
{
	unregister_netdevice_notifier(&notifier);
	cancel_work_sync(&work);
}
