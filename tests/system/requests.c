// SPDX-License-Identifier: BSD-2-Clause
/* NIOCCTRL, request by request: what each one answers. */
#include "port.h"

#include <errno.h>

static void port_info(void)
{
	struct nmreq_port_info_get info = { 0 };
	struct nmport_d *d;

	host_start(0);
	d = port_open("vale5:p@conf:tx-rings=2,rx-rings=3,tx-slots=100,rx-slots=200");
	t_eq(host_request(NETMAP_REQ_PORT_INFO_GET, "vale5:p", &info), 0);
	t_eq(info.nr_memsize, d->reg.nr_memsize);
	t_eq(info.nr_mem_id, d->reg.nr_mem_id);
	t_eq(info.nr_tx_rings, 2);
	t_eq(info.nr_rx_rings, 3);
	t_eq(info.nr_tx_slots, 100);
	t_eq(info.nr_rx_slots, 200);
	t_eq(info.nr_host_tx_rings, 0);
	t_eq(info.nr_host_rx_rings, 0);
	/* of one that is not there yet: what it would have; and it does not stay */
	memset(&info, 0, sizeof(info));
	t_eq(host_request(NETMAP_REQ_PORT_INFO_GET, "vale5:none", &info), 0);
	t_eq(info.nr_tx_rings, 1);
	t_eq(info.nr_tx_slots, 1024);
	t_eq(host_request(NETMAP_REQ_PORT_HDR_GET, "vale5:none", &(struct nmreq_port_hdr){ 0 }),
	     ENXIO);
	t_eq(host_request(NETMAP_REQ_PORT_INFO_GET, "no-such-interface", &info), ENXIO);
	port_close(d);
}

static void pools_info(void)
{
	struct nmreq_pools_info info = { 0 }, named = { 0 };
	struct nmport_d *d;
	struct nmreq_header hdr;

	host_start(0);
	d = port_open("vale5:p");
	nmreq_header_init(&hdr, NETMAP_REQ_POOLS_INFO_GET, &info);
	t_eq(nmhost_ioctl(d->fd, NIOCCTRL, &hdr), 0);
	t_eq(info.nr_memsize, d->reg.nr_memsize);
	t_eq(info.nr_mem_id, d->reg.nr_mem_id);
	t_check(info.nr_if_pool_offset < info.nr_memsize);
	t_check(info.nr_ring_pool_offset < info.nr_memsize);
	t_check(info.nr_buf_pool_offset < info.nr_memsize);
	t_eq(info.nr_buf_pool_objsize, port_tx(d, 0)->nr_buf_size);
	t_eq((char *)d->mem->mem + info.nr_buf_pool_offset - (char *)NETMAP_BUF(port_tx(d, 0), 0),
	     0);
	t_check(info.nr_buf_pool_offset +
			(uint64_t)info.nr_buf_pool_objtotal * info.nr_buf_pool_objsize <=
		info.nr_memsize);
	t_check((uintptr_t)d->nifp - (uintptr_t)d->mem->mem >= info.nr_if_pool_offset);
	/* by id, by name, from a descriptor that is bound to nothing */
	named.nr_mem_id = d->reg.nr_mem_id;
	t_eq(host_request(NETMAP_REQ_POOLS_INFO_GET, "", &named), 0);
	t_check(!memcmp(&info, &named, sizeof(info)));
	memset(&named, 0, sizeof(named));
	t_eq(host_request(NETMAP_REQ_POOLS_INFO_GET, "vale5:p", &named), 0);
	t_check(!memcmp(&info, &named, sizeof(info)));
	named.nr_mem_id = 60001;
	t_eq(host_request(NETMAP_REQ_POOLS_INFO_GET, "", &named), ENOENT);
	port_close(d);
}

static void header_length(void)
{
	struct nmreq_port_hdr hdr = { 0 };
	struct nmport_d *d, *e;

	host_start(0);
	d = port_open("vale5:h");
	t_eq(host_request(NETMAP_REQ_PORT_HDR_GET, "vale5:h", &hdr), 0);
	t_eq(hdr.nr_hdr_len, 0);
	hdr.nr_hdr_len = 12;
	t_eq(host_request(NETMAP_REQ_PORT_HDR_SET, "vale5:h", &hdr), 0);
	hdr.nr_hdr_len = 0;
	t_eq(host_request(NETMAP_REQ_PORT_HDR_GET, "vale5:h", &hdr), 0);
	t_eq(hdr.nr_hdr_len, 12);
	/* who does not know of it is not let in */
	t_eq(port_open_errno("vale5:h"), EIO);
	e = port_prepare("vale5:h");
	e->reg.nr_flags |= NR_ACCEPT_VNET_HDR;
	port_register(e);
	port_close(e);
	hdr.nr_hdr_len = 11;
	t_eq(host_request(NETMAP_REQ_PORT_HDR_SET, "vale5:h", &hdr), EINVAL);
	hdr.nr_hdr_len = 10;
	t_eq(host_request(NETMAP_REQ_PORT_HDR_SET, "vale5:nobody", &hdr), ENXIO);
	e = port_open("netmap:hp{1");
	t_eq(host_request(NETMAP_REQ_PORT_HDR_SET, "hp{1", &hdr), EOPNOTSUPP);
	port_close(e);
	hdr.nr_hdr_len = 0;
	t_eq(host_request(NETMAP_REQ_PORT_HDR_SET, "vale5:h", &hdr), 0);
	port_close(d);
}

static int newif(const char *name, const struct nmreq_vale_newif *req)
{
	struct nmreq_vale_newif copy = *req;

	return host_request(NETMAP_REQ_VALE_NEWIF, name, &copy);
}

static int delif(const char *name)
{
	return host_request(NETMAP_REQ_VALE_DELIF, name, NULL);
}

static int attach(const char *name, unsigned int *index)
{
	struct nmreq_vale_attach req = { .reg.nr_mode = NR_REG_ALL_NIC };
	int error = host_request(NETMAP_REQ_VALE_ATTACH, name, &req);

	*index = req.port_index;
	return error;
}

static int detach(const char *name, unsigned int *index)
{
	struct nmreq_vale_detach req = { 0 };
	int error = host_request(NETMAP_REQ_VALE_DETACH, name, &req);

	*index = req.port_index;
	return error;
}

static void persistent_port(void)
{
	struct nmreq_vale_newif req = {
		.nr_tx_slots = 64, .nr_rx_slots = 128, .nr_tx_rings = 2, .nr_rx_rings = 2
	};
	unsigned int index, index2;
	struct nmport_d *p, *v;

	host_start(0);
	v = port_open("vale5:v"); /* an on-demand host stays while we look */
	t_eq(newif("per0", &req), 0);
	t_eq(newif("per0", &req), EEXIST);
	/* it is there, and keeps its form, though nobody has it open */
	p = port_open("netmap:per0");
	t_eq(p->reg.nr_tx_rings, 2);
	t_eq(p->reg.nr_rx_slots, 128);
	send_frame(p, STATION_ALL, 1, 1);
	expect_none(v);
	t_eq(port_counter("per0", "tx", "no-destination"), 1);
	t_eq(attach("vale5:per0", &index), 0);
	t_check(index);
	t_eq(attach("vale5:per0", &index2), EBUSY);
	t_eq(attach("vale6:per0", &index2), EBUSY);
	t_eq(delif("per0"), EBUSY);
	send_frame(p, STATION_ALL, 1, 2);
	expect_frame(v, 2);
	send_frame(v, STATION_ALL, 2, 3);
	expect_frame(p, 3);
	port_close(p);
	/* closed, but a member: packets for it have nowhere to go */
	send_frame(v, 1, 2, 4);
	p = port_open("netmap:per0");
	expect_none(p);
	send_frame(v, 1, 2, 5);
	expect_frame(p, 5);
	t_eq(detach("vale5:per0", &index2), 0);
	t_eq(index, index2);
	t_eq(detach("vale5:per0", &index2), ENOENT);
	send_frame(v, STATION_ALL, 2, 6);
	expect_none(p);
	t_eq(delif("per0"), EBUSY); /* open */
	port_close(p);
	t_eq(delif("per0"), 0);
	t_eq(delif("per0"), ENXIO);
	t_eq(delif("vale5:v"), EINVAL);
	port_close(v);
}

static void persistent_port_by_its_switch(void)
{
	struct nmreq_vale_newif req = { 0 };
	unsigned int index;
	struct nmport_d *p, *v;

	host_start(0);
	v = port_open("vale5:v");
	t_eq(newif("per1", &req), 0);
	t_eq(attach("vale5:per1", &index), 0);
	p = port_open("vale5:per1");
	send_frame(p, STATION_ALL, 1, 2);
	expect_frame(v, 2);
	port_close(p);
	t_eq(detach("vale5:per1", &index), 0);
	t_eq(delif("per1"), 0);
	port_close(v);
}

static void wrong_persistent_ports(void)
{
	struct nmreq_vale_newif req = { 0 };
	struct nmport_d *v;

	host_start(0);
	v = port_open("vale5:v");
	t_eq(newif("", &req), EINVAL);
	t_eq(newif("vale5:x", &req), EINVAL);
	t_eq(newif("x{1", &req), EINVAL);
	t_eq(newif("lo", &req), EEXIST);
	req.nr_tx_rings = 257;
	t_eq(newif("per2", &req), EINVAL);
	req.nr_tx_rings = 0;
	req.nr_rx_slots = 3;
	t_eq(newif("per2", &req), EINVAL);
	req.nr_rx_slots = 0;
	req.nr_mem_id = 50000;
	t_eq(newif("per2", &req), ENOENT);
	t_eq(delif("per2"), ENXIO);
	port_close(v);
}

static void wrong_attachments(void)
{
	struct nmreq_vale_attach req = { .reg.nr_mode = NR_REG_ONE_NIC };
	struct nmreq_vale_newif newreq = { 0 };
	struct nmport_d *v, *p;
	unsigned int index;

	host_start(0);
	v = port_open("vale5:v");
	p = port_open("netmap:at{1");
	t_check(attach("vale5:no-such-interface", &index) != 0);
	t_eq(attach("per3", &index), EINVAL);
	t_eq(attach("vale5:", &index), EINVAL);
	t_eq(attach("vale5:at{1", &index), EINVAL);
	t_eq(attach("vale5:vale5:v", &index), EBUSY);
	t_eq(attach("vale6:vale5:v", &index), EBUSY);
	t_eq(host_request(NETMAP_REQ_VALE_ATTACH, "vale5:lo", &req), EINVAL);
	/* what has no host rings can not have them attached */
	t_eq(newif("per8", &newreq), 0);
	req.reg.nr_mode = NR_REG_NIC_SW;
	t_eq(host_request(NETMAP_REQ_VALE_ATTACH, "vale5:per8", &req), EOPNOTSUPP);
	t_eq(delif("per8"), 0);
	t_eq(detach("vale5:v", &index), EBUSY);
	t_eq(detach("vale5:nobody", &index), ENOENT);
	t_eq(detach("vale77:nobody", &index), ENOENT);
	t_eq(detach("nobody", &index), EINVAL);
	port_close(p);
	port_close(v);
}

/*
 * A null port stands in for an interface here: an attached port whose rings no program has.
 */
static void attached_null_port(void)
{
	struct nmreq_register reg = { .nr_mode = NR_REG_ALL_NIC };
	struct nmport_d *v;
	unsigned int index, index2;
	uint32_t i;

	host_start(0);
	v = port_open("vale5:v@conf:slots=64");
	t_eq(attach("vale5:null:n", &index), 0);
	t_eq(attach("vale5:null:n", &index2), EBUSY);
	t_eq(host_request(NETMAP_REQ_REGISTER, "null:n", &reg), EBUSY);
	/* it takes all that it gets: far more than its ring has slots */
	for (i = 0; i < 5000; i++) {
		send_frame(v, STATION_ALL, 1, i);
		put_frame(v, 2, 1, i, 60, index << NS_PORT_SHIFT);
		port_txsync(v);
	}
	expect_none(v);
	t_eq(port_counter("null:n", "tx", "packets"), 10000);
	t_eq(detach("vale5:null:n", &index2), 0);
	t_eq(index, index2);
	t_eq(attach("vale5:null:n", &index2), 0);
	t_eq(detach("vale5:null:n", &index2), 0);
	send_frame(v, STATION_ALL, 1, i);
	t_eq(port_counter("vale5:v", "tx", "packets"), 10001);
	port_close(v);
}

static void listing(void)
{
	struct nmreq_vale_list list = { 0 };
	struct nmport_d *p[6];
	struct nmreq_header hdr;
	unsigned int n = 0, seen = 0, i;
	static const char *const name[] = { "valeA:x", "valeA:y", "valeB:x",
					    "valeB:y", "valeC:z", "valeA:z" };

	host_start(0);
	for (i = 0; i < 6; i++)
		p[i] = port_open(name[i]);
	for (i = 0; i < 6; i++)
		t_eq(host_request(NETMAP_REQ_VALE_LIST, name[i], &list), 0);
	memset(&list, 0, sizeof(list));
	for (;; n++, list.nr_port_idx++) {
		nmreq_header_init(&hdr, NETMAP_REQ_VALE_LIST, &list);
		i = host_ctrl(&hdr);
		if (i) {
			t_eq(i, ENOENT);
			break;
		}
		t_check(n < 100);
		for (i = 0; i < 6; i++)
			if (!strcmp(hdr.nr_name, name[i]))
				seen |= 1 << i;
	}
	t_eq(seen, 0x3f);
	t_eq(n, 6);
	t_eq(host_request(NETMAP_REQ_VALE_LIST, "valeA:nobody", &list), ENOENT);
	t_eq(host_request(NETMAP_REQ_VALE_LIST, "valeZ:x", &list), ENOENT);
	for (i = 0; i < 6; i++)
		port_close(p[i]);
	memset(&list, 0, sizeof(list));
	t_eq(host_request(NETMAP_REQ_VALE_LIST, "", &list), ENOENT);
}

static void unknown_requests(void)
{
	char body[512] = { 0 };
	unsigned int type;

	host_start(0);
	t_eq(host_request(0, "vale5:p", body), EINVAL);
	for (type = NETMAP_REQ_CSB_ENABLE + 1; type < 0xffff; type = type * 3 / 2)
		t_eq(host_request(type, "vale5:p", body), EINVAL);
	t_eq(host_request(0xffff, "vale5:p", body), EINVAL);
}

static void monitors_are_refused(void)
{
	static const uint64_t flag[] = { NR_MONITOR_TX, NR_MONITOR_RX,
					 NR_ZCOPY_MON | NR_MONITOR_TX };
	struct nmport_d *d = NULL;
	unsigned int i;

	host_start(0);
	for (i = 0; i < 3; i++) {
		d = port_prepare("vale5:mon");
		d->reg.nr_flags |= flag[i];
		t_eq(port_register_errno(d), EOPNOTSUPP);
		nmport_undo_prepare(d);
	}
}

static void wrong_modes_and_flags(void)
{
	static const uint32_t mode[] = { 0, 9, 10, 0xf, 0x10, 0xffffffff };
	struct nmport_d *d;
	unsigned int i;
	uint64_t known = NR_MONITOR_TX | NR_MONITOR_RX | NR_ZCOPY_MON | NR_EXCLUSIVE |
			 NR_RX_RINGS_ONLY | NR_TX_RINGS_ONLY | NR_ACCEPT_VNET_HDR | NR_DO_RX_POLL |
			 NR_NO_TX_POLL;

	host_start(0);
	for (i = 0; i < sizeof(mode) / sizeof(mode[0]); i++) {
		d = port_prepare("vale5:m");
		d->reg.nr_mode = mode[i];
		t_eq(port_register_errno(d), EINVAL);
		nmport_undo_prepare(d);
	}
	for (i = 0; i < 64; i++) {
		if (known >> i & 1)
			continue;
		d = port_prepare("vale5:m");
		d->reg.nr_flags |= 1ull << i;
		t_eq(port_register_errno(d), EINVAL);
		nmport_undo_prepare(d);
	}
}

T_MAIN(T_CASE(port_info), T_CASE(pools_info), T_CASE(header_length), T_CASE(persistent_port),
       T_CASE(persistent_port_by_its_switch), T_CASE(wrong_persistent_ports),
       T_CASE(wrong_attachments), T_CASE(attached_null_port), T_CASE(listing),
       T_CASE(unknown_requests), T_CASE(monitors_are_refused), T_CASE(wrong_modes_and_flags))
