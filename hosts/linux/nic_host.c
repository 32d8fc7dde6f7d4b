// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Host rings. What the stack sends through the device is taken at netfilter's egress hook,
 * after everybody else's rules; a packet of ours goes to the driver directly, and does not
 * come there. What is sent on the other side is received by the stack, by way of our own
 * rx handler, which lets it pass.
 */
#include "nic.h"
#include "compat.h"

#include <linux/etherdevice.h>
#include <linux/if_vlan.h>
#include <linux/netfilter_netdev.h>
#include <linux/rtnetlink.h>

/* ---- from the stack ---- */

#if NM_HAS_EGRESS_HOOK

/* The flow's ring, or the next one that somebody has open; NULL: nobody has one. */
static struct nm_kring *ring_of(struct nm_nic *nic, struct sk_buff *skb)
{
	struct nm_kring *host = &nic->port.krings[NM_RX][nic->port.nrings[NM_RX]];
	uint32_t n = nic->port.nhost[NM_RX], i = 0, k;

	if (n > 1)
		i = reciprocal_scale(skb_get_hash(skb), n);
	for (k = 0; k < n; k++, i = nm_next(i, n))
		if (nm_load_acquire(&host[i].open))
			return &host[i];
	return NULL;
}

static bool has_room(const struct nm_kring *kr, uint32_t slots)
{
	uint32_t n = kr->num_slots;

	return nm_dist(nm_next(nm_load(&kr->hwtail), n), nm_load(&kr->hwcur), n) >= slots;
}

/* The answer to the sender: a packet that is dropped here slows TCP down at once. */
static unsigned int take(struct nm_nic *nic, struct nm_kring *kr, struct sk_buff *skb)
{
	if (!nm_nic_is_slow(skb)) {
		if (!nm_nic_put(kr, skb))
			return NF_DROP;
		consume_skb(skb);
		return NF_STOLEN;
	}
	/* a packet that must be cut goes as a whole, or not at all */
	if (!has_room(kr, max_t(uint32_t, skb_shinfo(skb)->gso_segs, 1))) {
		nm_os_lock(&kr->lock);
		nm_stat_add(&kr->stats.drops[NM_DROP_NOROOM], 1);
		nm_os_unlock(&kr->lock);
		return NF_DROP;
	}
	nm_nic_put_slow(nic, kr, skb);
	return NF_STOLEN;
}

static unsigned int from_stack(void *priv, struct sk_buff *skb,
			       const struct nf_hook_state *state)
{
	struct nm_nic *nic = priv;
	struct nm_kring *kr;
	unsigned int verdict;

	if (unlikely(nm_nic_unmark(nic, skb)))
		return NF_ACCEPT;
	kr = ring_of(nic, skb);
	if (unlikely(!kr))
		return NF_ACCEPT;
	verdict = take(nic, kr, skb);
	nm_nic_rx_news(&nic->rxq[kr->id]);
	return verdict;
}

static int hook(struct nm_nic *nic, struct nm_err *err)
{
	struct net_device *dev;
	int error = 0;

	rtnl_lock();
	dev = rtnl_dereference(nic->dev);
	/* else its end is told elsewhere */
	if (dev && nic->up) {
		nic->egress = (struct nf_hook_ops){
			.hook = from_stack,
			.dev = dev,
			.priv = nic,
			.pf = NFPROTO_NETDEV,
			.hooknum = NF_NETDEV_EGRESS,
			.priority = INT_MAX,
		};
		error = nf_register_net_hook(dev_net(dev), &nic->egress);
		nic->hooked = !error;
	}
	rtnl_unlock();
	if (error)
		return nm_fail(err, error, "%s: what its host sends can not be had (error %d)",
			       nic->port.name, -error);
	return 0;
}

void nm_nic_host_release(struct nm_nic *nic)
{
	if (!nic->hooked)
		return;
	nf_unregister_net_hook(dev_net(nic->egress.dev), &nic->egress);
	nic->hooked = false;
}

#else

static int hook(struct nm_nic *nic, struct nm_err *err)
{
	return nm_fail(err, -EOPNOTSUPP, "%s has no host rings: no CONFIG_NETFILTER_EGRESS here",
		       nic->port.name);
}

void nm_nic_host_release(struct nm_nic *nic)
{
}

#endif

int nm_nic_host_up(struct nm_kring *kr, struct nm_err *err)
{
	struct nm_nic *nic = nm_nic_of(kr->port);
	int error;

	if (kr->dir == NM_TX)
		return 0;
	error = nm_nic_rx_up(kr, err);
	if (error)
		return error;
	error = nic->readers ? 0 : hook(nic, err);
	if (error)
		nm_nic_rx_down(kr);
	else
		nic->readers++;
	return error;
}

void nm_nic_host_down(struct nm_kring *kr)
{
	struct nm_nic *nic = nm_nic_of(kr->port);

	if (kr->dir == NM_TX)
		return;
	if (!--nic->readers) {
		rtnl_lock();
		nm_nic_host_release(nic);
		rtnl_unlock();
	}
	nm_nic_rx_down(kr); /* waits for those inside the hook, too */
}

/* ---- to the stack, and to the wire ---- */

static struct sk_buff *build(struct net_device *dev, const struct nm_piece *piece, uint32_t n,
			     uint32_t len)
{
	uint32_t room = LL_RESERVED_SPACE(dev) + NET_IP_ALIGN;
	struct sk_buff *skb = nm_nic_skb_new(room, len);

	if (unlikely(!skb))
		return NULL;
	skb_reserve(skb, room);
	for (; n; n--, piece++)
		memcpy(skb_put(skb, piece->len), piece->data, piece->len);
	skb->dev = dev;
	skb_reset_mac_header(skb);
	return skb;
}

static int send_to_stack(struct sk_buff *skb, struct net_device *dev)
{
	skb->protocol = eth_type_trans(skb, dev);
	netif_receive_skb(skb);
	return 0;
}

static int send_to_wire(struct sk_buff *skb)
{
	int error;

	skb_set_network_header(skb, ETH_HLEN);
	skb->protocol = eth_hdr(skb)->h_proto;
	error = dev_queue_xmit(skb);
	return error > 0 ? -ENOBUFS : error;
}

int nm_nic_pass(struct nm_port *port, enum nm_way way, const struct nm_piece *piece,
		uint32_t n)
{
	struct nm_nic *nic = nm_nic_of(port);
	struct net_device *dev;
	struct sk_buff *skb;
	uint32_t len = 0, i;
	int error = -ENETDOWN;

	for (i = 0; i < n; i++)
		len += piece[i].len;
	rcu_read_lock_bh();
	dev = rcu_dereference_bh(nic->dev);
	if (unlikely(!dev || !netif_running(dev) || nm_load(&port->gone)))
		goto out;
	error = -EMSGSIZE;
	if (unlikely(len > dev->mtu + dev->hard_header_len + VLAN_HLEN))
		goto out;
	error = -ENOBUFS;
	skb = build(dev, piece, n, len);
	if (unlikely(!skb))
		goto out;
	*nm_nic_mark(skb) = nic;
	error = way == NM_TO_HOST ? send_to_stack(skb, dev) : send_to_wire(skb);
out:
	rcu_read_unlock_bh();
	return error;
}
