// SPDX-License-Identifier: BSD-2-Clause
/*
 * NIOCCTRL: a header, a body and a chain of options, all in the client's
 * memory. They are copied in once, executed on the copy, and copied out.
 */
#include "binding.h"
#include "vale/vale.h"

#define NM_MAX_OPTIONS 16

static int req_register(struct nm_binding *b, struct nmreq_header *hdr, void *body)
{
	return nm_binding_register(b, hdr->nr_name, body);
}

/* A look at a port, which is made for the time of the look if need be. */
static int get_port(struct nm_binding *b, const char *name, uint16_t mem_id, bool create,
		    struct nm_port **portp)
{
	struct nm_port_spec spec = {
		.name = name, .user = b->user, .mem_id = mem_id, .create = create
	};

	return nm_port_get(b->ns, &spec, portp, &b->err);
}

static int req_port_info(struct nm_binding *b, struct nmreq_header *hdr, void *body)
{
	struct nmreq_port_info_get *info = body;
	struct nm_port *port;
	int error = get_port(b, hdr->nr_name, info->nr_mem_id, true, &port);

	if (error)
		return error;
	info->nr_memsize = nm_mem_size(port->mem);
	info->nr_mem_id = port->mem->id;
	info->nr_tx_slots = port->nslots[NM_TX];
	info->nr_rx_slots = port->nslots[NM_RX];
	info->nr_tx_rings = port->nrings[NM_TX];
	info->nr_rx_rings = port->nrings[NM_RX];
	info->nr_host_tx_rings = port->nhost[NM_TX];
	info->nr_host_rx_rings = port->nhost[NM_RX];
	nm_port_put(port);
	return 0;
}

static void describe_pools(const struct nm_mem *mem, struct nmreq_pools_info *info)
{
	const struct nm_pool *p = mem->pool;

	info->nr_memsize = nm_mem_size(mem);
	info->nr_mem_id = mem->id;
	info->nr_if_pool_offset = p[NM_POOL_IF].off;
	info->nr_if_pool_objtotal = p[NM_POOL_IF].limit;
	info->nr_if_pool_objsize = p[NM_POOL_IF].unit;
	info->nr_ring_pool_offset = p[NM_POOL_RING].off;
	info->nr_ring_pool_objtotal = p[NM_POOL_RING].limit;
	info->nr_ring_pool_objsize = p[NM_POOL_RING].unit;
	info->nr_buf_pool_offset = p[NM_POOL_BUF].off;
	info->nr_buf_pool_objtotal = p[NM_POOL_BUF].limit;
	info->nr_buf_pool_objsize = p[NM_POOL_BUF].unit;
}

/* Of the binding's memory; else of the one with the id; else of the port with the name. */
static int req_pools_info(struct nm_binding *b, struct nmreq_header *hdr, void *body)
{
	struct nmreq_pools_info *info = body;
	struct nm_mem *mem = b->mem;
	struct nm_port *port;
	int error;

	if (!mem && !info->nr_mem_id && hdr->nr_name[0]) {
		error = get_port(b, hdr->nr_name, 0, false, &port);
		if (error)
			return error;
		describe_pools(port->mem, info);
		nm_port_put(port);
		return 0;
	}
	if (!mem)
		mem = nm_mem_find(b->ns, info->nr_mem_id);
	if (!mem)
		return nm_fail(&b->err, -ENOENT, "no memory has id %u: register a port first",
			       info->nr_mem_id);
	describe_pools(mem, info);
	return 0;
}

static int req_hdr_set(struct nm_binding *b, struct nmreq_header *hdr, void *body)
{
	struct nmreq_port_hdr *req = body;
	struct nm_port *port;
	int error;

	/* virtio-net headers: none, the legacy one, the one with num_buffers */
	if (req->nr_hdr_len != 0 && req->nr_hdr_len != 10 && req->nr_hdr_len != 12)
		return nm_fail(&b->err, -EINVAL, "header length %u: must be 0, 10 or 12 bytes",
			       req->nr_hdr_len);
	error = get_port(b, hdr->nr_name, 0, false, &port);
	if (error)
		return error;
	error = nm_mem_allowed(port->mem, b->user, &b->err);
	if (!error && !port->vale)
		error = nm_fail(&b->err, -EOPNOTSUPP,
				"%s is not a port of a VALE switch: it has no header length",
				port->name);
	if (!error)
		nm_store(&port->hdr_len, req->nr_hdr_len);
	nm_port_put(port);
	return error;
}

static int req_hdr_get(struct nm_binding *b, struct nmreq_header *hdr, void *body)
{
	struct nmreq_port_hdr *req = body;
	struct nm_port *port;
	int error = get_port(b, hdr->nr_name, 0, false, &port);

	if (error)
		return error;
	req->nr_hdr_len = port->hdr_len;
	nm_port_put(port);
	return 0;
}

static int req_vale_attach(struct nm_binding *b, struct nmreq_header *hdr, void *body)
{
	struct nmreq_vale_attach *req = body;

	return nm_vale_attach(b->ns, hdr->nr_name, &req->reg, b->user, &req->port_index, &b->err);
}

static int req_vale_detach(struct nm_binding *b, struct nmreq_header *hdr, void *body)
{
	struct nmreq_vale_detach *req = body;

	return nm_vale_detach(b->ns, hdr->nr_name, b->user, &req->port_index, &b->err);
}

static int req_vale_list(struct nm_binding *b, struct nmreq_header *hdr, void *body)
{
	struct nmreq_vale_list *req = body;

	return nm_vale_list(b->ns, hdr->nr_name, &req->nr_bridge_idx, &req->nr_port_idx, &b->err);
}

static int req_vale_newif(struct nm_binding *b, struct nmreq_header *hdr, void *body)
{
	return nm_vale_newif(b->ns, hdr->nr_name, body, b->user, &b->err);
}

static int req_vale_delif(struct nm_binding *b, struct nmreq_header *hdr, void *body)
{
	(void)body;
	return nm_vale_delif(b->ns, hdr->nr_name, b->user, &b->err);
}

static int req_polling_on(struct nm_binding *b, struct nmreq_header *hdr, void *body)
{
	return nm_vale_polling_start(b->ns, hdr->nr_name, body, b->user, &b->err);
}

static int req_polling_off(struct nm_binding *b, struct nmreq_header *hdr, void *body)
{
	(void)body;
	return nm_vale_polling_stop(b->ns, hdr->nr_name, b->user, &b->err);
}

/* Every request of the ABI; those without a handler are refused by name. */
static const struct nm_req_type {
	const char *name;
	size_t size;
	int (*handle)(struct nm_binding *b, struct nmreq_header *hdr, void *body);
} req_types[] = {
	[NETMAP_REQ_REGISTER] = { "REGISTER", sizeof(struct nmreq_register), req_register },
	[NETMAP_REQ_PORT_INFO_GET] = { "PORT_INFO_GET", sizeof(struct nmreq_port_info_get),
				       req_port_info },
	[NETMAP_REQ_VALE_ATTACH] = { "VALE_ATTACH", sizeof(struct nmreq_vale_attach),
				     req_vale_attach },
	[NETMAP_REQ_VALE_DETACH] = { "VALE_DETACH", sizeof(struct nmreq_vale_detach),
				     req_vale_detach },
	[NETMAP_REQ_VALE_LIST] = { "VALE_LIST", sizeof(struct nmreq_vale_list), req_vale_list },
	[NETMAP_REQ_PORT_HDR_SET] = { "PORT_HDR_SET", sizeof(struct nmreq_port_hdr), req_hdr_set },
	[NETMAP_REQ_PORT_HDR_GET] = { "PORT_HDR_GET", sizeof(struct nmreq_port_hdr), req_hdr_get },
	[NETMAP_REQ_VALE_NEWIF] = { "VALE_NEWIF", sizeof(struct nmreq_vale_newif), req_vale_newif },
	[NETMAP_REQ_VALE_DELIF] = { "VALE_DELIF", 0, req_vale_delif },
	[NETMAP_REQ_VALE_POLLING_ENABLE] = { "VALE_POLLING_ENABLE",
					     sizeof(struct nmreq_vale_polling), req_polling_on },
	[NETMAP_REQ_VALE_POLLING_DISABLE] = { "VALE_POLLING_DISABLE",
					      sizeof(struct nmreq_vale_polling), req_polling_off },
	[NETMAP_REQ_POOLS_INFO_GET] = { "POOLS_INFO_GET", sizeof(struct nmreq_pools_info),
					req_pools_info },
	[NETMAP_REQ_SYNC_KLOOP_START] = { .name = "SYNC_KLOOP_START" },
	[NETMAP_REQ_SYNC_KLOOP_STOP] = { .name = "SYNC_KLOOP_STOP" },
	[NETMAP_REQ_CSB_ENABLE] = { .name = "CSB_ENABLE" },
};

static const struct nm_req_type *req_find(struct nm_binding *b, uint16_t type, int *error)
{
	const struct nm_req_type *t = NULL;

	if (type < sizeof(req_types) / sizeof(req_types[0]))
		t = &req_types[type];
	if (!t || !t->name)
		*error = nm_fail(&b->err, -EINVAL, "unknown request %u in nr_reqtype", type);
	else if (!t->handle)
		*error = nm_fail(&b->err, -EOPNOTSUPP, "request %u (%s) is not supported here",
				 type, t->name);
	else
		return t;
	return NULL;
}

int nm_request(struct nm_binding *b, struct nmreq_header *hdr, void *body)
{
	const struct nm_req_type *t;
	int error;

	t = req_find(b, hdr->nr_reqtype, &error);
	return t ? t->handle(b, hdr, body) : error;
}

static const char *option_name(uint32_t type)
{
	switch (type) {
	case NETMAP_REQ_OPT_EXTMEM:
		return "EXTMEM";
	case NETMAP_REQ_OPT_SYNC_KLOOP_EVENTFDS:
		return "SYNC_KLOOP_EVENTFDS";
	case NETMAP_REQ_OPT_CSB:
		return "CSB";
	case NETMAP_REQ_OPT_SYNC_KLOOP_MODE:
		return "SYNC_KLOOP_MODE";
	case NETMAP_REQ_OPT_OFFSETS:
		return "OFFSETS";
	default:
		return "unknown";
	}
}

/*
 * No option is supported: each one present is told so in its nro_status, and
 * the request fails. The chain is hostile: it may be long, or a circle.
 */
static int refuse_options(struct nm_binding *b, uint64_t addr)
{
	struct nmreq_option opt;
	uint32_t first = 0, i;
	int error;

	for (i = 0; addr; i++, addr = opt.nro_next) {
		if (i == NM_MAX_OPTIONS)
			return nm_fail(&b->err, -EMSGSIZE, "more than %u options, or a loop",
				       NM_MAX_OPTIONS);
		error = nm_os_copyin(b->user, &opt, addr, sizeof(opt));
		if (error)
			return nm_fail(&b->err, error, "option %u is at a bad address", i);
		if (!i)
			first = opt.nro_reqtype;
		opt.nro_status = EOPNOTSUPP;
		error = nm_os_copyout(b->user, addr, &opt, sizeof(opt));
		if (error)
			return nm_fail(&b->err, error, "option %u can not be written to", i);
	}
	if (!i)
		return 0;
	return nm_fail(&b->err, -EOPNOTSUPP, "option %u (%s) is not supported here", first,
		       option_name(first));
}

static int check_header(struct nm_binding *b, const struct nmreq_header *hdr)
{
	if (hdr->nr_version < NETMAP_MIN_API || hdr->nr_version > NETMAP_MAX_API)
		return nm_fail(&b->err, -EINVAL,
			       "ABI version %u: this is version %u, rebuild the program",
			       hdr->nr_version, NETMAP_API);
	if (hdr->nr_name[NETMAP_REQ_IFNAMSIZ - 1])
		return nm_fail(&b->err, -ENAMETOOLONG,
			       "the port name does not end: at most %u bytes",
			       NETMAP_REQ_IFNAMSIZ - 1);
	return 0;
}

static bool is_listing(const struct nmreq_header *hdr)
{
	return hdr->nr_reqtype == NETMAP_REQ_VALE_LIST;
}

int nm_binding_ctrl(struct nm_binding *b, uint64_t addr)
{
	union {
		struct nmreq_register reg;
		struct nmreq_vale_attach attach;
		struct nmreq_pools_info pools;
		struct nmreq_port_info_get info;
		uint64_t align[8];
	} body;
	const struct nm_req_type *t;
	struct nmreq_header hdr;
	int error;

	error = nm_os_copyin(b->user, &hdr, addr, sizeof(hdr));
	if (error)
		return nm_fail(&b->err, error, "the request's header is at a bad address");
	error = check_header(b, &hdr);
	if (error)
		return error;
	t = req_find(b, hdr.nr_reqtype, &error);
	if (!t)
		return error;
	error = refuse_options(b, hdr.nr_options);
	if (error)
		return error;
	memset(&body, 0, sizeof(body));
	if (t->size)
		error = nm_os_copyin(b->user, &body, hdr.nr_body, t->size);
	if (error)
		return nm_fail(&b->err, error, "the body of %s is at a bad address", t->name);
	nm_os_mutex_lock(&b->ns->lock);
	error = t->handle(b, &hdr, &body);
	nm_os_mutex_unlock(&b->ns->lock);
	if (error)
		return error;
	if (t->size)
		error = nm_os_copyout(b->user, hdr.nr_body, &body, t->size);
	/* only a listing answers in the header: the name it found */
	if (!error && is_listing(&hdr))
		error = nm_os_copyout(b->user, addr, &hdr, sizeof(hdr));
	if (!error)
		return 0;
	/* what was done stays done: another thread may use it already */
	return nm_fail(&b->err, error, "the reply to %s can not be written", t->name);
}

int nm_binding_ioctl(struct nm_binding *b, uint32_t request, uint64_t addr)
{
	switch (request) {
	case (uint32_t)NIOCTXSYNC:
		return nm_binding_sync(b, NM_TX);
	case (uint32_t)NIOCRXSYNC:
		return nm_binding_sync(b, NM_RX);
	case (uint32_t)NIOCCTRL:
		return nm_binding_ctrl(b, addr);
	case (uint32_t)NIOCREGIF:
	case (uint32_t)NIOCGINFO:
		return nm_binding_legacy(b, request, addr);
	default:
		return nm_fail(&b->err, -ENOTTY, "unknown ioctl 0x%x", request);
	}
}
