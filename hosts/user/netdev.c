// SPDX-License-Identifier: BSD-2-Clause
#include "netdev.h"
#include "rtnl.h"

#include <linux/capability.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- rtnetlink ---- */

static const struct rtattr *nested(const struct rtattr *a, int type)
{
	return a ? rtnl_find(RTA_DATA(a), RTA_PAYLOAD(a), type) : NULL;
}

static uint32_t attr_u32(const struct rtattr *a)
{
	uint32_t v = 0;

	if (a && RTA_PAYLOAD(a) >= sizeof(v))
		memcpy(&v, RTA_DATA(a), sizeof(v));
	return v;
}

static void attr_string(const struct rtattr *a, char *buf, size_t size)
{
	buf[0] = '\0';
	if (a)
		snprintf(buf, size, "%.*s", (int)RTA_PAYLOAD(a), (char *)RTA_DATA(a));
}

static void parse_link(struct netdev *nd, const struct nlmsghdr *h)
{
	const struct ifinfomsg *ifi = NLMSG_DATA(h);
	const struct rtattr *attrs = IFLA_RTA(ifi);
	int len = IFLA_PAYLOAD(h);
	const struct rtattr *stats = rtnl_find(attrs, len, IFLA_STATS64);
	struct rtnl_link_stats64 st;
	uint32_t rx, tx;

	nd->ifindex = ifi->ifi_index;
	nd->up = ifi->ifi_flags & IFF_UP;
	nd->mtu = attr_u32(rtnl_find(attrs, len, IFLA_MTU));
	attr_string(rtnl_find(attrs, len, IFLA_IFNAME), nd->name, sizeof(nd->name));
	attr_string(nested(rtnl_find(attrs, len, IFLA_LINKINFO), IFLA_INFO_KIND), nd->kind,
		    sizeof(nd->kind));
	nd->xdp_prog = attr_u32(nested(rtnl_find(attrs, len, IFLA_XDP), IFLA_XDP_PROG_ID));
	if (!rtnl_find(attrs, len, IFLA_LINK_NETNSID))
		nd->peer = attr_u32(rtnl_find(attrs, len, IFLA_LINK));
	rx = attr_u32(rtnl_find(attrs, len, IFLA_NUM_RX_QUEUES));
	tx = attr_u32(rtnl_find(attrs, len, IFLA_NUM_TX_QUEUES));
	nd->queues = rx > tx ? rx : tx;
	if (stats && RTA_PAYLOAD(stats) >= sizeof(st)) {
		memcpy(&st, RTA_DATA(stats), sizeof(st));
		nd->tx_dropped = st.tx_dropped;
	}
}

static void take_link(void *arg, const struct nlmsghdr *h)
{
	if (h->nlmsg_type == RTM_NEWLINK)
		parse_link(arg, h);
}

static int get_link(struct netdev *nd, const char *name, unsigned int ifindex)
{
	struct ifinfomsg ifi = { .ifi_index = (int)ifindex };
	struct rtnl r;

	rtnl_init(&r, RTM_GETLINK, 0, &ifi, sizeof(ifi));
	if (name)
		rtnl_put_string(&r, IFLA_IFNAME, name);
	rtnl_call(&r, take_link, nd);
	return nd->ifindex ? 0 : -ENXIO;
}

/* ---- ethtool ---- */

static int ethtool(const char *name, void *cmd)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr;
	int ret;

	if (fd < 0)
		return -errno;
	memset(&ifr, 0, sizeof(ifr));
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	ifr.ifr_data = cmd;
	ret = ioctl(fd, SIOCETHTOOL, &ifr) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

static uint32_t ethtool_value(const char *name, uint32_t cmd)
{
	struct ethtool_value v = { .cmd = cmd };

	return ethtool(name, &v) < 0 ? 0 : v.data;
}

static void ethtool_set(const char *name, uint32_t cmd, uint32_t data)
{
	struct ethtool_value v = { cmd, data };

	ethtool(name, &v);
}

static uint32_t max_u32(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

int netdev_get(struct netdev *nd, const char *name, unsigned int ifindex)
{
	struct ethtool_channels ch = { .cmd = ETHTOOL_GCHANNELS };
	int error;

	if (name && (!name[0] || strlen(name) >= IFNAMSIZ))
		return -ENXIO;
	memset(nd, 0, sizeof(*nd));
	error = get_link(nd, name, ifindex);
	if (error)
		return error;
	/* netlink tells how many queues were made, ethtool how many are used */
	if (!ethtool(nd->name, &ch) && ch.combined_count + max_u32(ch.rx_count, ch.tx_count))
		nd->queues = ch.combined_count + max_u32(ch.rx_count, ch.tx_count);
	if (!nd->queues)
		nd->queues = 1;
	return 0;
}

void netdev_offloads_off(const struct netdev *nd, struct netdev_offloads *was)
{
	uint32_t flags = ethtool_value(nd->name, ETHTOOL_GFLAGS);

	was->gro = ethtool_value(nd->name, ETHTOOL_GGRO);
	was->lro = flags & ETH_FLAG_LRO;
	if (was->gro)
		ethtool_set(nd->name, ETHTOOL_SGRO, 0);
	if (was->lro)
		ethtool_set(nd->name, ETHTOOL_SFLAGS, flags & ~(uint32_t)ETH_FLAG_LRO);
}

/* By index: it may have another name by now, or be gone. */
void netdev_offloads_restore(unsigned int ifindex, const struct netdev_offloads *was)
{
	char name[IF_NAMESIZE];

	if ((!was->gro && !was->lro) || !if_indextoname(ifindex, name))
		return;
	if (was->gro)
		ethtool_set(name, ETHTOOL_SGRO, 1);
	if (was->lro)
		ethtool_set(name, ETHTOOL_SFLAGS,
			    ethtool_value(name, ETHTOOL_GFLAGS) | ETH_FLAG_LRO);
}

/*
 * A veth hands over what its other end left for hardware to finish: packets
 * without checksums, and longer than the wire takes.
 */
static void report_veth(const struct netdev *nd)
{
	char peer[IF_NAMESIZE];

	if (!nd->peer) {
		nm_os_log(NM_LOG_WARN,
			  "%s: a stack at its other end may leave checksums and "
			  "segmentation undone; there: ethtool -K PEER tx off tso off "
			  "gso off",
			  nd->name);
		return;
	}
	if (!if_indextoname(nd->peer, peer))
		return;
	if (ethtool_value(peer, ETHTOOL_GTXCSUM) || ethtool_value(peer, ETHTOOL_GTSO))
		nm_os_log(NM_LOG_WARN,
			  "%s: its other end, %s, leaves checksums and segmentation "
			  "undone; "
			  "if a stack sends there: ethtool -K %s tx off tso off gso off",
			  nd->name, peer, peer);
}

void netdev_offloads_report(const struct netdev *nd)
{
	if (!strcmp(nd->kind, "veth"))
		report_veth(nd);
	if (ethtool_value(nd->name, ETHTOOL_GFLAGS) & ETH_FLAG_RXVLAN)
		nm_os_log(NM_LOG_INFO,
			  "%s: VLAN tags are taken off received packets; to see them: "
			  "ethtool -K %s rxvlan off",
			  nd->name, nd->name);
	if (ethtool_value(nd->name, ETHTOOL_GGRO))
		nm_os_log(NM_LOG_WARN, "%s: GRO can not be switched off: ethtool -K %s gro off",
			  nd->name, nd->name);
}

/* ---- promiscuous mode, capabilities ---- */

/* A membership rather than the interface's flag: the kernel counts those, and undoes
 * them. */
int netdev_promiscuous(unsigned int ifindex)
{
	struct packet_mreq mreq = { .mr_ifindex = ifindex, .mr_type = PACKET_MR_PROMISC };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	int error;

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &mreq, sizeof(mreq)) < 0) {
		error = -errno;
		close(fd);
		return error;
	}
	return fd;
}

void netdev_missing_caps(char *buf, size_t size)
{
	struct __user_cap_header_struct hdr = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];
	uint64_t have;
	size_t n = 0;
	const struct {
		uint64_t any; /* one of these is enough */
		const char *name;
	} need[] = {
		{ 1ull << CAP_NET_RAW, "CAP_NET_RAW (for the AF_XDP socket)" },
		{ 1ull << CAP_NET_ADMIN, "CAP_NET_ADMIN (to attach an XDP program)" },
		{ 1ull << CAP_BPF | 1ull << CAP_SYS_ADMIN, "CAP_BPF (to load an XDP program)" },
	};

	buf[0] = '\0';
	memset(data, 0, sizeof(data));
	if (syscall(SYS_capget, &hdr, data) < 0)
		return;
	have = data[0].effective | (uint64_t)data[1].effective << 32;
	for (size_t i = 0; i < sizeof(need) / sizeof(need[0]); i++)
		if (!(have & need[i].any) && n < size)
			n += snprintf(buf + n, size - n, "%s%s", n ? ", " : "", need[i].name);
}

/* ---- news ---- */

int netdev_events_open(void)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		int error = -errno;

		close(fd);
		return error;
	}
	return fd;
}

void netdev_events_read(int fd, void (*fn)(void *arg, unsigned int ifindex, int error), void *arg)
{
	union {
		struct nlmsghdr h;
		char bytes[32768];
	} buf;
	ssize_t n;

	while ((n = recv(fd, &buf, sizeof(buf), 0)) != 0) {
		struct nlmsghdr *h = &buf.h;
		uint32_t len = n;

		if (n < 0 && errno == ENOBUFS)
			fn(arg, 0, 0);
		if (n < 0) {
			if (errno == ENOBUFS || errno == EINTR)
				continue;
			return;
		}
		for (; NLMSG_OK(h, len); h = NLMSG_NEXT(h, len)) {
			const struct ifinfomsg *ifi = NLMSG_DATA(h);

			/* other families tell of bridges and the like, not of the device
			 */
			if (ifi->ifi_family != AF_UNSPEC)
				continue;
			if (h->nlmsg_type == RTM_DELLINK)
				fn(arg, ifi->ifi_index, ENXIO);
			else if (h->nlmsg_type == RTM_NEWLINK && !(ifi->ifi_flags & IFF_UP))
				fn(arg, ifi->ifi_index, ENETDOWN);
		}
	}
}
