// SPDX-License-Identifier: BSD-2-Clause
#include "tap.h"
#include "rtnl.h"

#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#define QUEUE_LENGTH 4096 /* packets, of up to 64 KiB */
#define GEN_NONE     1	  /* IN6_ADDR_GEN_MODE_NONE: no address, nothing to tell */

/*
 * A number far from those that interfaces get one after the other, or bring along from other
 * namespaces: who remembers it after our end will not mistake another interface for it.
 */
static unsigned int rare_index(void)
{
	uint32_t r = 0;

	if (getrandom(&r, sizeof(r), GRND_NONBLOCK) < 0)
		r = (uint32_t)nm_os_now();
	return 0x40000000 | (r & 0x3fffffff);
}

/* `index` 0: a queue of one that is there. */
static int queue_open(struct ifreq *ifr, unsigned int index)
{
	const unsigned int offload = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;
	const int yes = 1;
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK), error;

	if (fd < 0)
		return -errno;
	ifr->ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE;
	if ((index && ioctl(fd, TUNSETIFINDEX, &index) < 0) || ioctl(fd, TUNSETIFF, ifr) < 0 ||
	    ioctl(fd, TUNSETVNETLE, &yes) < 0 || ioctl(fd, TUNSETOFFLOAD, offload) < 0) {
		error = -errno;
		close(fd);
		return error;
	}
	return fd;
}

/* No addresses of its own kind; where the kernel has no IPv6 this fails, and need not be. */
static void be_silent(const struct tap *tap)
{
	struct ifinfomsg ifi = { .ifi_index = (int)tap->ifindex };
	struct rtattr *spec, *inet6;
	const uint8_t none = GEN_NONE;
	struct rtnl r;

	rtnl_init(&r, RTM_SETLINK, 0, &ifi, sizeof(ifi));
	spec = rtnl_nest(&r, IFLA_AF_SPEC);
	inet6 = rtnl_nest(&r, AF_INET6);
	rtnl_put(&r, IFLA_INET6_ADDR_GEN_MODE, &none, sizeof(none));
	rtnl_end(&r, inet6);
	rtnl_end(&r, spec);
	rtnl_call(&r, NULL, NULL);
}

static int be_up(const struct tap *tap, const char *alias)
{
	struct ifinfomsg ifi = {
		.ifi_index = (int)tap->ifindex,
		.ifi_flags = IFF_UP | IFF_NOARP,
		.ifi_change = IFF_UP | IFF_NOARP | IFF_MULTICAST,
	};
	struct rtnl r;

	rtnl_init(&r, RTM_SETLINK, 0, &ifi, sizeof(ifi));
	rtnl_put_u32(&r, IFLA_TXQLEN, QUEUE_LENGTH);
	rtnl_put_string(&r, IFLA_IFALIAS, alias);
	return rtnl_call(&r, NULL, NULL);
}

int tap_open(struct tap *tap, const char *alias)
{
	struct ifreq ifr = { .ifr_name = "nmhost%d" };
	int fd = queue_open(&ifr, rare_index()), error;

	if (fd < 0)
		return fd;
	snprintf(tap->name, sizeof(tap->name), "%.*s", IFNAMSIZ - 1, ifr.ifr_name);
	tap->ifindex = if_nametoindex(tap->name);
	be_silent(tap);
	error = be_up(tap, alias);
	if (error) {
		close(fd);
		return error;
	}
	return fd;
}

int tap_queue(const struct tap *tap)
{
	struct ifreq ifr = { 0 };

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", tap->name);
	return queue_open(&ifr, 0);
}

int tap_attach(int fd, bool attach)
{
	struct ifreq ifr = { .ifr_flags = attach ? IFF_ATTACH_QUEUE : IFF_DETACH_QUEUE };

	return ioctl(fd, TUNSETQUEUE, &ifr) < 0 ? -errno : 0;
}
