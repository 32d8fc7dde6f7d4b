// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "nic.h"
#include "chardev.h"

#include <linux/capability.h>
#include <linux/etherdevice.h>
#include <linux/if_arp.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include <net/net_namespace.h>
#include <net/rtnetlink.h>

/* What would hand us packets that were never on a wire. */
#define NM_NIC_OFF (NETIF_F_GRO | NETIF_F_GRO_HW | NETIF_F_LRO)

LIST_HEAD(nm_nics);

static struct net_device *nic_dev(const struct nm_nic *nic)
{
	return rtnl_dereference(nic->dev);
}

/* ---- taking the device over ---- */

static void features_off(struct nm_nic *nic, struct net_device *dev)
{
	nic->switched_off = dev->wanted_features & NM_NIC_OFF;
	if (!nic->switched_off)
		return;
	dev->wanted_features &= ~nic->switched_off;
	netdev_update_features(dev);
}

static void features_back(struct nm_nic *nic, struct net_device *dev)
{
	if (!nic->switched_off)
		return;
	dev->wanted_features |= nic->switched_off;
	nic->switched_off = 0;
	if (dev->reg_state == NETREG_REGISTERED)
		netdev_update_features(dev);
}

static int check_device(struct nm_nic *nic, struct net_device *dev, struct nm_err *err)
{
	const char *name = nic->port.name;

	if (!dev || dev->reg_state != NETREG_REGISTERED)
		return nm_fail(err, -ENXIO, "%s has gone away", name);
	if (nic->lost) /* and its clients are about to be told */
		return nm_fail(err, -nic->lost, "%s has just gone down: try again", name);
	if (!(dev->flags & IFF_UP))
		return nm_fail(err, -ENETDOWN, "%s is down: ip link set dev %s up", name,
			       name);
	return 0;
}

static int take_over(struct nm_nic *nic, struct net_device *dev, struct nm_err *err)
{
	const char *name = nic->port.name;
	int error;

	error = netdev_rx_handler_register(dev, nm_nic_rx_handler, nic);
	if (error == -EBUSY)
		return nm_fail(err, error,
			       "%s belongs to a bridge or bond: take it out of that first", name);
	if (error)
		return nm_fail(err, error, "%s: its packets can not be had (error %d)", name,
			       -error);
	error = dev_set_promiscuity(dev, 1);
	if (error) {
		netdev_rx_handler_unregister(dev);
		return nm_fail(err, error, "%s: no promiscuous mode (error %d)", name, -error);
	}
	features_off(nic, dev);
	nm_xdp_attach(nic, dev);
	nic->up = true;
	return 0;
}

void nm_nic_release(struct nm_nic *nic, struct net_device *dev)
{
	if (!nic->up)
		return;
	nic->up = false;
	nm_nic_host_release(nic);
	nm_xdp_detach(nic, dev);
	netdev_rx_handler_unregister(dev); /* waits for those inside */
	dev_set_promiscuity(dev, -1);
	features_back(nic, dev);
}

static void free_queues(struct nm_nic *nic)
{
	nm_os_free(nic->rxq);
	nm_os_free(nic->txq);
	nic->rxq = NULL;
	nic->txq = NULL;
}

static int nic_up(struct nm_port *port, struct nm_err *err)
{
	struct nm_nic *nic = nm_nic_of(port);
	struct net_device *dev;
	int error;

	nic->rxq = nm_os_alloc(nm_port_nrings(port, NM_RX) * sizeof(*nic->rxq));
	nic->txq = nm_os_alloc(port->nrings[NM_TX] * sizeof(struct nm_nic_txq *));
	if (!nic->rxq || !nic->txq) {
		free_queues(nic);
		return nm_fail(err, -ENOMEM, "no memory for the queues of %s", port->name);
	}
	rtnl_lock();
	dev = nic_dev(nic);
	error = check_device(nic, dev, err);
	if (!error)
		error = take_over(nic, dev, err);
	nic->used = !error;
	rtnl_unlock();
	if (error)
		free_queues(nic);
	return error;
}

static void nic_down(struct nm_port *port)
{
	struct nm_nic *nic = nm_nic_of(port);

	rtnl_lock();
	nic->used = false;
	nm_nic_release(nic, nic_dev(nic));
	rtnl_unlock();
	free_queues(nic);
}

static int nic_ring_up(struct nm_kring *kr, struct nm_err *err)
{
	if (kr->flags & NM_KR_HOST)
		return nm_nic_host_up(kr, err);
	return kr->dir == NM_RX ? nm_nic_rx_up(kr, err) : nm_nic_tx_up(kr, err);
}

static void nic_ring_down(struct nm_kring *kr)
{
	if (kr->flags & NM_KR_HOST)
		nm_nic_host_down(kr);
	else if (kr->dir == NM_RX)
		nm_nic_rx_down(kr);
	else
		nm_nic_tx_down(kr);
}

static void nic_arm(struct nm_kring *kr)
{
	if (kr->dir == NM_RX)
		nm_nic_rx_arm(kr);
}

static void nic_describe(struct nm_port *port, char *buf, size_t size)
{
	struct nm_nic *nic = nm_nic_of(port);
	bool xdp = READ_ONCE(nic->xdp.prog);
	const char *driver = "none", *why = xdp ? NULL : READ_ONCE(nic->xdp.why);
	struct net_device *dev;

	rcu_read_lock();
	dev = rcu_dereference(nic->dev);
	if (dev && dev->rtnl_link_ops && dev->rtnl_link_ops->kind)
		driver = dev->rtnl_link_ops->kind;
	else if (dev && dev->dev.parent && dev->dev.parent->driver)
		driver = dev->dev.parent->driver->name;
	snprintf(buf, size, "%s%s%s%s, driver %s, %ld checksums completed, %ld packets cut",
		 xdp ? "XDP" : "emulated", why ? " (" : "", why ?: "", why ? ")" : "", driver,
		 atomic_long_read(&nic->fixes.checksums),
		 atomic_long_read(&nic->fixes.segmented));
	rcu_read_unlock();
}

static void nic_free(struct nm_port *port)
{
	struct nm_nic *nic = nm_nic_of(port);
	struct net_device *dev;

	rtnl_lock();
	list_del(&nic->link);
	dev = nic_dev(nic);
	RCU_INIT_POINTER(nic->dev, NULL);
	rtnl_unlock();
	if (dev)
		dev_put(dev);
	nm_os_free(nic);
}

static const struct nm_port_ops nic_ops = {
	.kind = "nic",
	.sync = { nm_nic_txsync, nm_nic_rxsync },
	.up = nic_up,
	.down = nic_down,
	.ring_up = nic_ring_up,
	.ring_down = nic_ring_down,
	.arm = nic_arm,
	.host_rxsync = nm_nic_rxsync,
	.pass = nm_nic_pass,
	.describe = nic_describe,
	.free = nic_free,
};

/* ---- finding the device ---- */

static int check_caps(struct net *net, const char *name, struct nm_err *err)
{
	bool raw = ns_capable(net->user_ns, CAP_NET_RAW);
	bool admin = ns_capable(net->user_ns, CAP_NET_ADMIN);

	if (raw && admin)
		return 0;
	return nm_fail(err, -EPERM, "%s: this process lacks %s%s%s", name,
		       raw ? "" : "CAP_NET_RAW", raw || admin ? "" : " and ",
		       admin ? "" : "CAP_NET_ADMIN");
}

static int check_kind(const struct net_device *dev, struct nm_err *err)
{
	if (dev->type == ARPHRD_ETHER && !(dev->flags & IFF_LOOPBACK))
		return 0;
	return nm_fail(err, -EOPNOTSUPP, "%s is no Ethernet interface", dev->name);
}

/* Links the port to the device; -ENXIO if that went away since it was found. */
static int nic_link(struct nm_nic *nic, struct net_device *dev)
{
	int error = -ENXIO;

	rtnl_lock();
	if (dev->reg_state == NETREG_REGISTERED) {
		dev_hold(dev);
		rcu_assign_pointer(nic->dev, dev);
		list_add_tail(&nic->link, &nm_nics);
		error = 0;
	}
	rtnl_unlock();
	return error;
}

static int nic_new(struct nm_ns *ns, struct net_device *dev, const char *name,
		   struct nm_port **portp, struct nm_err *err)
{
	struct nm_nic *nic;
	int error = check_caps(ns->os.net, name, err);

	if (!error)
		error = check_kind(dev, err);
	if (error)
		return error;
	nic = nm_os_alloc(sizeof(*nic));
	if (!nic)
		return nm_fail(err, -ENOMEM, "no memory for port %s", name);
	nm_port_init(&nic->port, ns, &nic_ops, name);
	nic->port.nrings[NM_TX] = min_t(uint32_t, dev->real_num_tx_queues, NM_MAX_RINGS);
	nic->port.nrings[NM_RX] = min_t(uint32_t, dev->real_num_rx_queues, NM_MAX_RINGS);
	nic->port.nhost[NM_TX] = 1;
	nic->port.nhost[NM_RX] = 1;
	error = nm_mem_get_global(ns, &nic->port.mem, err);
	if (error)
		goto fail;
	error = nic_link(nic, dev);
	if (error) {
		nm_fail(err, error, "%s has gone away", name);
		goto fail_mem;
	}
	*portp = &nic->port;
	return 0;

fail_mem:
	nm_mem_put(nic->port.mem);
fail:
	nm_os_free(nic);
	return error;
}

int nm_os_nic_port(struct nm_ns *ns, const char *name, struct nm_port **portp,
		   struct nm_err *err)
{
	struct net_device *dev = dev_get_by_name(ns->os.net, name);
	int error;

	if (!dev)
		return nm_fail(err, -ENXIO, "no interface called %s", name);
	error = nic_new(ns, dev, name, portp, err);
	dev_put(dev);
	return error;
}

bool nm_os_nic_exists(struct nm_ns *ns, const char *name)
{
	bool exists;

	rcu_read_lock();
	exists = dev_get_by_name_rcu(ns->os.net, name);
	rcu_read_unlock();
	return exists;
}

int nm_nic_register(void)
{
	return nm_nic_event_register();
}

void nm_nic_unregister(void)
{
	nm_nic_event_unregister();
	nm_nic_tx_drain();
}
