// SPDX-License-Identifier: BSD-2-Clause
/*
 * NIOCREGIF and NIOCGINFO: the requests of programs built around struct nmreq
 * (ABI 11 to 14). Each is translated to its NIOCCTRL equivalent and back.
 */
#include "binding.h"

#define LEGACY_MIN_API 11

union legacy_body {
	struct nmreq_register reg;
	struct nmreq_vale_attach attach;
	struct nmreq_vale_detach detach;
	struct nmreq_vale_list list;
	struct nmreq_vale_newif newif;
	struct nmreq_vale_polling polling;
	struct nmreq_port_hdr port_hdr;
	struct nmreq_port_info_get info;
};

/* The old mode, from nr_flags or, before there were modes, from nr_ringid. */
static uint32_t legacy_mode(const struct nmreq *req)
{
	uint32_t mode = req->nr_flags & NR_REG_MASK;

	if (mode != NR_REG_DEFAULT)
		return mode;
	if (req->nr_ringid & NETMAP_HW_RING)
		return NR_REG_ONE_NIC;
	if (req->nr_ringid & NETMAP_SW_RING)
		return NR_REG_SW;
	return NR_REG_ALL_NIC;
}

static void to_register(const struct nmreq *req, struct nmreq_register *reg)
{
	reg->nr_tx_slots = req->nr_tx_slots;
	reg->nr_rx_slots = req->nr_rx_slots;
	reg->nr_tx_rings = req->nr_tx_rings;
	reg->nr_rx_rings = req->nr_rx_rings;
	reg->nr_mem_id = req->nr_arg2;
	reg->nr_ringid = req->nr_ringid & NETMAP_RING_MASK;
	reg->nr_mode = legacy_mode(req);
	reg->nr_extra_bufs = req->nr_arg3;
	reg->nr_flags = req->nr_flags & ~(uint64_t)NR_REG_MASK;
	if (req->nr_ringid & NETMAP_NO_TX_POLL)
		reg->nr_flags |= NR_NO_TX_POLL;
	if (req->nr_ringid & NETMAP_DO_RX_POLL)
		reg->nr_flags |= NR_DO_RX_POLL;
}

static void from_register(const struct nmreq_register *reg, struct nmreq *req)
{
	req->nr_offset = reg->nr_offset;
	req->nr_memsize = reg->nr_memsize;
	req->nr_tx_slots = reg->nr_tx_slots;
	req->nr_rx_slots = reg->nr_rx_slots;
	req->nr_tx_rings = reg->nr_tx_rings;
	req->nr_rx_rings = reg->nr_rx_rings;
	req->nr_arg2 = reg->nr_mem_id;
	req->nr_arg3 = reg->nr_extra_bufs;
}

/* All rings by one thread, or a thread for each: so says how rings would be registered. */
static int to_polling(struct nm_binding *b, const struct nmreq *req,
		      struct nmreq_vale_polling *polling)
{
	switch (legacy_mode(req)) {
	case NR_REG_ALL_NIC:
		polling->nr_mode = NETMAP_POLLING_MODE_SINGLE_CPU;
		break;
	case NR_REG_ONE_NIC:
		polling->nr_mode = NETMAP_POLLING_MODE_MULTI_CPU;
		break;
	default:
		return nm_fail(&b->err, -EINVAL,
			       "mode %u in nr_flags: polling takes NR_REG_ALL_NIC (one "
			       "processor for all rings) or NR_REG_ONE_NIC (one for each)",
			       legacy_mode(req));
	}
	polling->nr_first_cpu_id = req->nr_ringid & NETMAP_RING_MASK;
	polling->nr_num_polling_cpus = req->nr_arg1;
	return NETMAP_REQ_VALE_POLLING_ENABLE;
}

/* The request type that the old command stands for, its body filled. */
static int legacy_decode(struct nm_binding *b, const struct nmreq *req, union legacy_body *body)
{
	switch (req->nr_cmd) {
	case 0:
		to_register(req, &body->reg);
		return NETMAP_REQ_REGISTER;
	case NETMAP_BDG_ATTACH:
		to_register(req, &body->attach.reg);
		body->attach.reg.nr_mode =
			req->nr_arg1 & NETMAP_BDG_HOST ? NR_REG_NIC_SW : NR_REG_ALL_NIC;
		return NETMAP_REQ_VALE_ATTACH;
	case NETMAP_BDG_DETACH:
		return NETMAP_REQ_VALE_DETACH;
	case NETMAP_BDG_LIST:
		body->list.nr_bridge_idx = req->nr_arg1;
		body->list.nr_port_idx = req->nr_arg2;
		return NETMAP_REQ_VALE_LIST;
	case NETMAP_BDG_VNET_HDR:
		body->port_hdr.nr_hdr_len = req->nr_arg1;
		return NETMAP_REQ_PORT_HDR_SET;
	case NETMAP_VNET_HDR_GET:
		return NETMAP_REQ_PORT_HDR_GET;
	case NETMAP_BDG_NEWIF:
		body->newif.nr_tx_slots = req->nr_tx_slots;
		body->newif.nr_rx_slots = req->nr_rx_slots;
		body->newif.nr_tx_rings = req->nr_tx_rings;
		body->newif.nr_rx_rings = req->nr_rx_rings;
		body->newif.nr_mem_id = req->nr_arg2;
		return NETMAP_REQ_VALE_NEWIF;
	case NETMAP_BDG_DELIF:
		return NETMAP_REQ_VALE_DELIF;
	case NETMAP_BDG_POLLING_ON:
		return to_polling(b, req, &body->polling);
	case NETMAP_BDG_POLLING_OFF:
		return NETMAP_REQ_VALE_POLLING_DISABLE;
	default:
		return nm_fail(&b->err, -EOPNOTSUPP,
			       "command %u in nr_cmd is unknown or not supported here",
			       req->nr_cmd);
	}
}

static void legacy_encode(uint16_t type, const struct nmreq_header *hdr,
			  const union legacy_body *body, struct nmreq *req)
{
	switch (type) {
	case NETMAP_REQ_REGISTER:
		from_register(&body->reg, req);
		break;
	case NETMAP_REQ_VALE_LIST:
		memcpy(req->nr_name, hdr->nr_name, sizeof(req->nr_name) - 1);
		req->nr_arg1 = body->list.nr_bridge_idx;
		req->nr_arg2 = body->list.nr_port_idx;
		break;
	case NETMAP_REQ_VALE_POLLING_ENABLE:
		req->nr_arg1 = body->polling.nr_num_polling_cpus;
		break;
	case NETMAP_REQ_PORT_HDR_GET:
		req->nr_arg1 = body->port_hdr.nr_hdr_len;
		break;
	case NETMAP_REQ_PORT_INFO_GET:
		req->nr_memsize = body->info.nr_memsize;
		req->nr_tx_slots = body->info.nr_tx_slots;
		req->nr_rx_slots = body->info.nr_rx_slots;
		req->nr_tx_rings = body->info.nr_tx_rings;
		req->nr_rx_rings = body->info.nr_rx_rings;
		req->nr_arg2 = body->info.nr_mem_id;
		break;
	default:
		break;
	}
}

static int legacy_check(struct nm_binding *b, const struct nmreq *req)
{
	if (req->nr_version < LEGACY_MIN_API || req->nr_version > NETMAP_MAX_API)
		return nm_fail(&b->err, -EINVAL,
			       "ABI version %u: this is version %u, rebuild the program",
			       req->nr_version, NETMAP_API);
	if (req->nr_name[sizeof(req->nr_name) - 1])
		return nm_fail(&b->err, -ENAMETOOLONG,
			       "the port name does not end: at most %zu bytes",
			       sizeof(req->nr_name) - 1);
	return 0;
}

int nm_binding_legacy(struct nm_binding *b, uint32_t request, uint64_t addr)
{
	struct nmreq_header hdr;
	union legacy_body body;
	struct nmreq req;
	int type, error;

	error = nm_os_copyin(b->user, &req, addr, sizeof(req));
	if (error)
		return nm_fail(&b->err, error, "the request is at a bad address");
	error = legacy_check(b, &req);
	if (error)
		return error;
	memset(&hdr, 0, sizeof(hdr));
	memset(&body, 0, sizeof(body));
	if (request == (uint32_t)NIOCGINFO) {
		body.info.nr_mem_id = req.nr_arg2;
		type = NETMAP_REQ_PORT_INFO_GET;
	} else {
		type = legacy_decode(b, &req, &body);
	}
	if (type < 0)
		return type;
	hdr.nr_version = NETMAP_API;
	hdr.nr_reqtype = type;
	memcpy(hdr.nr_name, req.nr_name, sizeof(req.nr_name));
	nm_os_mutex_lock(&b->ns->lock);
	error = nm_request(b, &hdr, &body);
	nm_os_mutex_unlock(&b->ns->lock);
	if (error)
		return error;
	legacy_encode(type, &hdr, &body, &req);
	error = nm_os_copyout(b->user, addr, &req, sizeof(req));
	if (error)
		return nm_fail(&b->err, error, "the reply can not be written");
	return 0;
}
