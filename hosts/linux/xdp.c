// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Receiving in the driver. A driver with native XDP calls a program for each packet, while
 * there is nothing but its bytes. Ours is a function of this module in the shape of such a
 * program: it puts the packet into the ring, and its verdict, that the packet is to be
 * dropped, lets the driver use the page again at once. There is no skb, no allocation, and
 * nothing that needs to be translated or interpreted.
 *
 * The driver is given it by the operation that everybody's programs are given by, and it is
 * entered where the kernel keeps them: so others see that the place is taken, and when the
 * device goes the kernel takes it out itself.
 */
#include "xdp.h"
#include "compat.h"
#include "nic.h"
#include "params.h"

#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/if_vlan.h>
#include <linux/module.h>
#include <linux/rtnetlink.h>
#include <net/xdp.h>

/* What the peer would leave to be done later, and XDP has no place to say so. */
#define PEER_OFF                                                                         \
	(NETIF_F_CSUM_MASK | NETIF_F_SCTP_CRC | NETIF_F_ALL_TSO | NETIF_F_GSO_SOFTWARE |  \
	 NETIF_F_HW_VLAN_CTAG_TX | NETIF_F_HW_VLAN_STAG_TX)

/* ---- the program ---- */

/* In case that somebody interprets it: what it says is "pass". The rest is a pointer. */
#define INSNS_CODE 2
#define INSNS	   (INSNS_CODE + 1)

static_assert(sizeof(struct bpf_insn) == sizeof(struct nm_nic *) ||
	      sizeof(struct nm_nic *) == 4);

static struct nm_nic *nic_of(const struct bpf_insn *insns)
{
	struct nm_nic *nic;

	memcpy(&nic, &insns[INSNS_CODE], sizeof(nic));
	return nic;
}

static unsigned int take(const void *ctx, const struct bpf_insn *insns)
{
	const struct xdp_buff *xdp = ctx;
	struct nm_nic *nic = nic_of(insns);
	u32 q = xdp->rxq->queue_index, n = nic->port.nrings[NM_RX];
	struct nm_kring *kr;

	if (unlikely(q >= n))
		q %= n;
	kr = &nic->port.krings[NM_RX][q];
	/* what nobody here asked for stays the host's */
	if (unlikely(!nm_load_acquire(&kr->open)))
		return XDP_PASS;
	/* softirqs are off wherever XDP runs */
	spin_lock(&kr->lock.l);
	nm_nic_put_flat(kr, xdp->data, xdp->data_end - xdp->data);
	spin_unlock(&kr->lock.l);
	nm_nic_rx_news(&nic->rxq[q]);
	return XDP_DROP;
}

static struct bpf_prog *prog_new(struct nm_nic *nic)
{
	static const struct bpf_insn pass[INSNS_CODE] = {
		BPF_MOV64_IMM(BPF_REG_0, XDP_PASS),
		BPF_EXIT_INSN(),
	};
	struct bpf_prog *prog = bpf_prog_alloc(bpf_prog_size(INSNS), 0);

	if (!prog)
		return NULL;
	memcpy(prog->insnsi, pass, sizeof(pass));
	memcpy(&prog->insnsi[INSNS_CODE], &nic, sizeof(nic));
	prog->len = INSNS_CODE;
	prog->type = BPF_PROG_TYPE_XDP;
	prog->expected_attach_type = BPF_XDP;
	prog->gpl_compatible = 1;
	prog->bpf_func = take;
	strscpy(prog->aux->name, "netmap", sizeof(prog->aux->name));
	atomic64_set(&prog->aux->refcnt, 1);
	return prog;
}

/* Nobody runs it any more. Somebody who still holds it would jump into a void later. */
static void prog_free(struct bpf_prog *prog)
{
	if (WARN_ON_ONCE(atomic64_read(&prog->aux->refcnt) != 1)) {
		__module_get(THIS_MODULE);
		return;
	}
	bpf_prog_free(prog);
}

/* ---- in the driver ---- */

static int driver_set(struct net_device *dev, struct bpf_prog *prog)
{
	struct netdev_bpf what = { .command = XDP_SETUP_PROG, .prog = prog };

	return dev->netdev_ops->ndo_bpf(dev, &what);
}

/* rtnl keeps it */
static struct net_device *peer_of(struct net_device *dev)
{
	struct net_device *peer = NULL;

	rcu_read_lock();
	if (dev->netdev_ops->ndo_get_peer_dev)
		peer = dev->netdev_ops->ndo_get_peer_dev(dev);
	rcu_read_unlock();
	return peer;
}

/* A veth's other end, which thinks of us as of a wire that completes packets. */
static void peer_hold(struct nm_nic *nic, struct net_device *dev)
{
	struct net_device *peer = peer_of(dev);

	nic->xdp.peer = peer;
	if (!peer)
		return;
	nic->xdp.peer_off = peer->wanted_features & PEER_OFF;
	peer->wanted_features &= ~nic->xdp.peer_off;
	netdev_update_features(peer);
}

/* The address is only compared: the peer may be gone. */
static void peer_let(struct nm_nic *nic, struct net_device *dev)
{
	struct net_device *peer = nic->xdp.peer;

	nic->xdp.peer = NULL;
	if (!peer || peer_of(dev) != peer || peer->reg_state != NETREG_REGISTERED)
		return;
	peer->wanted_features |= nic->xdp.peer_off;
	netdev_update_features(peer);
}

/* NULL if the device can do it. */
static const char *why_not(struct net_device *dev)
{
	const struct net_device_ops *ops = dev->netdev_ops;

	if (!nm_params_xdp())
		return "parameter xdp=0";
	if (!ops->ndo_bpf || !ops->ndo_xdp_xmit)
		return "driver has no native XDP";
	if (!list_empty(&dev->adj_list.lower))
		return "made of other interfaces";
	if (dev_xdp_prog_count(dev))
		return "has an XDP program already";
	return NULL;
}

bool nm_xdp_attach(struct nm_nic *nic, struct net_device *dev)
{
	struct bpf_xdp_entity *place = &dev->xdp_state[XDP_MODE_DRV];
	struct bpf_prog *prog;

	nic->xdp.why = why_not(dev);
	if (nic->xdp.why)
		return false;
	prog = prog_new(nic);
	if (!prog) {
		nic->xdp.why = "no memory for an XDP program";
		return false;
	}
	bpf_prog_inc(prog); /* the driver's */
	if (driver_set(dev, prog)) {
		bpf_prog_free(prog);
		nic->xdp.why = "driver refused XDP";
		return false;
	}
	bpf_prog_inc(prog); /* the device's */
	place->prog = prog;
	nic->xdp.prog = prog;
	peer_hold(nic, dev);
	return true;
}

void nm_xdp_detach(struct nm_nic *nic, struct net_device *dev)
{
	struct bpf_xdp_entity *place = &dev->xdp_state[XDP_MODE_DRV];
	struct bpf_prog *prog = nic->xdp.prog;

	if (!prog)
		return;
	/* somebody with the right to do so may have put another one into its place */
	if (place->prog == prog) {
		if (driver_set(dev, NULL))
			nm_os_log(NM_LOG_WARN, "%s: its driver keeps the XDP program",
				  dev->name);
		place->prog = NULL;
		bpf_prog_put(prog);
	}
	peer_let(nic, dev);
	synchronize_net();
	nic->xdp.prog = NULL;
	prog_free(prog);
}
