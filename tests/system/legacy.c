// SPDX-License-Identifier: BSD-2-Clause
/* Programs built around struct nmreq: NIOCREGIF and NIOCGINFO. */
#include "port.h"

#include <errno.h>

struct old {
	int fd;
	struct nmreq req;
	void *mem;
	struct netmap_if *nifp;
};

static void req_init(struct nmreq *req, const char *name)
{
	memset(req, 0, sizeof(*req));
	req->nr_version = NETMAP_API;
	memcpy(req->nr_name, name, strlen(name) < NM_IFNAMSIZ ? strlen(name) : NM_IFNAMSIZ);
}

static int old_ioctl(struct old *o, unsigned long request)
{
	return nmhost_ioctl(o->fd, request, &o->req) < 0 ? errno : 0;
}

static int old_try(struct old *o, const char *name, uint16_t ringid, uint32_t flags)
{
	int error;

	o->fd = nmhost_open();
	t_check(o->fd >= 0, "%s", nmhost_strerror(-1));
	req_init(&o->req, name);
	o->req.nr_ringid = ringid;
	o->req.nr_flags = flags;
	error = old_ioctl(o, NIOCREGIF);
	if (error)
		nmhost_close(o->fd);
	return error;
}

static void old_open(struct old *o, const char *name, uint16_t ringid, uint32_t flags)
{
	t_eq(old_try(o, name, ringid, flags), 0);
	o->mem = nmhost_mmap(o->fd, o->req.nr_memsize);
	t_check(o->mem != (void *)-1);
	o->nifp = NETMAP_IF(o->mem, o->req.nr_offset);
}

static void send_old(struct old *o, uint32_t number)
{
	struct netmap_ring *ring = NETMAP_TXRING(o->nifp, 0);

	frame_make(NETMAP_BUF(ring, ring->slot[ring->head].buf_idx), 60, STATION_ALL, 1, number);
	ring->slot[ring->head].len = 60;
	ring->slot[ring->head].flags = 0;
	ring->head = ring->cur = nm_ring_next(ring, ring->head);
	t_eq(old_ioctl(o, NIOCTXSYNC), 0);
}

static void registration(void)
{
	struct nmport_d *d;
	struct old o;

	host_start(0);
	d = port_open("vale6:new");
	old_open(&o, "vale6:old", 0, 0);
	t_eq(o.req.nr_tx_rings, 1);
	t_eq(o.req.nr_rx_rings, 1);
	t_eq(o.req.nr_tx_slots, 1024);
	t_check(o.req.nr_arg2);
	send_old(&o, 4);
	expect_frame(d, 4);
	send_frame(d, STATION_ALL, 2, 5);
	t_eq(old_ioctl(&o, NIOCRXSYNC), 0);
	t_eq(nm_ring_space(NETMAP_RXRING(o.nifp, 0)), 1);
	nmhost_close(o.fd);
	/* with the modes that came later */
	old_open(&o, "vale6:old", 0, NR_REG_ALL_NIC | NR_EXCLUSIVE);
	t_eq(port_open_errno("vale6:old"), EBUSY);
	nmhost_close(o.fd);
	port_close(d);
}

static void one_ring_and_geometry(void)
{
	struct old o, all;

	host_start(0);
	all.fd = nmhost_open();
	req_init(&all.req, "vale6:g");
	all.req.nr_tx_rings = all.req.nr_rx_rings = 4;
	all.req.nr_tx_slots = 32;
	all.req.nr_arg3 = 5;
	t_eq(old_ioctl(&all, NIOCREGIF), 0);
	t_eq(all.req.nr_tx_rings, 4);
	t_eq(all.req.nr_tx_slots, 32);
	t_eq(all.req.nr_arg3, 5);
	old_open(&o, "vale6:g", NETMAP_HW_RING | 2, 0);
	t_check(o.nifp->ring_ofs[2] && !o.nifp->ring_ofs[0] && o.nifp->ring_ofs[6]);
	nmhost_close(o.fd);
	t_eq(old_try(&o, "vale6:g", NETMAP_HW_RING | 4, 0), EINVAL);
	t_eq(old_try(&o, "vale6:g", NETMAP_SW_RING, 0), EOPNOTSUPP);
	nmhost_close(all.fd);
}

static void poll_flags(void)
{
	struct nmport_d *d;
	struct old o;

	host_start(0);
	d = port_open("vale6:d");
	old_open(&o, "vale6:o", NETMAP_NO_TX_POLL | NETMAP_DO_RX_POLL, 0);
	send_frame(d, STATION_ALL, 2, 5);
	t_eq(nmhost_poll(&(struct pollfd){ .fd = o.fd, .events = POLLOUT }, 1, 0), 1);
	t_eq(nm_ring_space(NETMAP_RXRING(o.nifp, 0)), 1);
	nmhost_close(o.fd);
	port_close(d);
}

static void info(void)
{
	struct old o;

	host_start(0);
	o.fd = nmhost_open();
	req_init(&o.req, "vale6:i");
	t_eq(old_ioctl(&o, NIOCGINFO), 0);
	t_eq(o.req.nr_tx_rings, 1);
	t_eq(o.req.nr_rx_slots, 1024);
	t_check(o.req.nr_memsize);
	req_init(&o.req, "no-such-if");
	t_eq(old_ioctl(&o, NIOCGINFO), ENXIO);
	nmhost_close(o.fd);
}

static void versions(void)
{
	static const uint32_t bad[] = { 0, 1, 10, 16, 100, 0xffffffff };
	struct old o;
	uint32_t v;

	host_start(0);
	for (v = 11; v <= NETMAP_MAX_API; v++) {
		o.fd = nmhost_open();
		req_init(&o.req, "vale6:v");
		o.req.nr_version = v;
		t_eq(old_ioctl(&o, NIOCREGIF), 0);
		nmhost_close(o.fd);
	}
	for (v = 0; v < sizeof(bad) / sizeof(bad[0]); v++) {
		o.fd = nmhost_open();
		req_init(&o.req, "vale6:v");
		o.req.nr_version = bad[v];
		t_eq(old_ioctl(&o, NIOCREGIF), EINVAL);
		t_eq(old_ioctl(&o, NIOCGINFO), EINVAL);
		nmhost_close(o.fd);
	}
}

static int command(struct nmreq *req, const char *name, uint16_t cmd, uint16_t arg1)
{
	struct old o = { .fd = nmhost_open() };
	int error;

	t_check(o.fd >= 0);
	req_init(&o.req, name);
	o.req.nr_cmd = cmd;
	o.req.nr_arg1 = arg1;
	error = old_ioctl(&o, NIOCREGIF);
	*req = o.req;
	nmhost_close(o.fd);
	return error;
}

static void commands(void)
{
	struct nmport_d *d;
	struct nmreq req;

	host_start(0);
	d = port_open("vale6:d");
	t_eq(command(&req, "oldper", NETMAP_BDG_NEWIF, 0), 0);
	t_eq(command(&req, "oldper", NETMAP_BDG_NEWIF, 0), EEXIST);
	t_eq(command(&req, "vale6:oldper", NETMAP_BDG_ATTACH, 0), 0);
	t_eq(command(&req, "vale6:oldper", NETMAP_BDG_LIST, 0), 0);
	t_eq(command(&req, "", NETMAP_BDG_LIST, 0), 0);
	t_eq(strncmp(req.nr_name, "vale6:", 6), 0);
	t_eq(command(&req, "vale6:oldper", NETMAP_BDG_ATTACH, 0), EBUSY);
	t_eq(command(&req, "vale6:oldper", NETMAP_BDG_VNET_HDR, 12), 0);
	t_eq(command(&req, "vale6:oldper", NETMAP_VNET_HDR_GET, 0), 0);
	t_eq(req.nr_arg1, 12);
	t_eq(command(&req, "vale6:oldper", NETMAP_BDG_DETACH, 0), 0);
	/* with its host rings, of which it has none */
	t_eq(command(&req, "vale6:oldper", NETMAP_BDG_ATTACH, NETMAP_BDG_HOST), EOPNOTSUPP);
	t_eq(command(&req, "oldper", NETMAP_BDG_DELIF, 0), 0);
	/* only interfaces are polled, and there is none here (see core/wire.c) */
	t_eq(command(&req, "vale6:d", NETMAP_BDG_POLLING_ON, 1), EINVAL);
	t_eq(command(&req, "vale6:d", NETMAP_BDG_POLLING_OFF, 0), EINVAL);
	t_eq(command(&req, "vale6:none", NETMAP_BDG_POLLING_ON, 1), ENOENT);
	t_eq(command(&req, "vale6:none", NETMAP_BDG_POLLING_OFF, 0), ENOENT);
	port_close(d);
}

static void wrong_commands(void)
{
	struct nmreq req;
	struct old o;
	unsigned int cmd;

	host_start(0);
	for (cmd = 0; cmd < 0x10000; cmd += cmd < 32 ? 1 : 997) {
		switch (cmd) {
		case 0:
		case NETMAP_BDG_ATTACH:
		case NETMAP_BDG_DETACH:
		case NETMAP_BDG_LIST:
		case NETMAP_BDG_VNET_HDR:
		case NETMAP_VNET_HDR_GET:
		case NETMAP_BDG_NEWIF:
		case NETMAP_BDG_DELIF:
		case NETMAP_BDG_POLLING_ON:
		case NETMAP_BDG_POLLING_OFF:
			continue;
		}
		t_eq(command(&req, "vale6:x", cmd, 0), EOPNOTSUPP);
	}
	/* a name without an end */
	o.fd = nmhost_open();
	req_init(&o.req, "vale6:0123456789abcdef");
	t_eq(old_ioctl(&o, NIOCREGIF), ENAMETOOLONG);
	t_eq(old_ioctl(&o, NIOCGINFO), ENAMETOOLONG);
	t_check(nmhost_ioctl(o.fd, NIOCREGIF, (void *)16) < 0);
	t_eq(errno, EFAULT);
	t_check(nmhost_ioctl(o.fd, NIOCGINFO, NULL) < 0);
	t_eq(errno, EFAULT);
	nmhost_close(o.fd);
}

T_MAIN(T_CASE(registration), T_CASE(one_ring_and_geometry), T_CASE(poll_flags), T_CASE(info),
       T_CASE(versions), T_CASE(commands), T_CASE(wrong_commands))
