// SPDX-License-Identifier: BSD-2-Clause
/*
 * Every field of every request, at and beyond its limits, one at a time: in range it works,
 * out of range it is refused with the errno that the manual gives and a line that says why
 * (which host_ctrl() insists on), and nothing is left of it.
 */
#include <stddef.h>
#include "port.h"

#include <errno.h>
#include <sys/ioctl.h>

struct field {
	const char *what;
	uint32_t off, size;
	uint64_t min, max; /* what is in range; 0 is, too: as the host likes */
	int error;	   /* out of range */
};

#define FIELD(s, f, min, max, error)                                                          \
	{                                                                                     \
#s "." #f, offsetof(struct s, f), sizeof(((struct s *)0)->f), min, max, error \
	}
#define ANY(s, f) FIELD(s, f, 0, UINT64_MAX, 0) /* an answer: what is in it does not matter */

static const uint64_t values[] = {
	0,
	1,
	2,
	3,
	7,
	8,
	9,
	10,
	11,
	12,
	13,
	255,
	256,
	257,
	1024,
	16383,
	16384,
	16385,
	0x7fff,
	0x8000,
	0xfffe,
	0xffff,
	0x10000,
	0x7fffffff,
	0x80000000,
	0xffffffff,
	0x100000000,
	0x7fffffffffffffff,
	0x8000000000000000,
	UINT64_MAX,
};
#define VALUES (sizeof(values) / sizeof(values[0]))

static bool in_range(const struct field *f, uint64_t v)
{
	return !v || (v >= f->min && v <= f->max);
}

/* The value as the field can hold it. */
static uint64_t set(const struct field *f, void *body, uint64_t v)
{
	memcpy((char *)body + f->off, &v, f->size);
	return f->size == 8 ? v : v & ((1ull << 8 * f->size) - 1);
}

static struct nmport_d *a, *b;

/*
 * A request with one field after the other set to every value. `undo` follows success, with the
 * name of what was made. Out of range: f->error. In range: 0, or ENOMEM for what is allowed but
 * larger than this machine.
 */
static void try_fields(uint16_t type, const char *name, const void *body, size_t size,
		       const struct field *f, size_t n, void (*undo)(const char *name))
{
	union {
		char bytes[256];
		uint64_t align;
	} copy;
	uint64_t v;
	size_t i;
	int error;

	for (; n; n--, f++) {
		for (i = 0; i < VALUES; i++) {
			memset(&copy, 0, sizeof(copy));
			memcpy(copy.bytes, body, size);
			v = set(f, copy.bytes, values[i]);
			if (t_slow() && v > 64 && v <= 256 && f->max == 256)
				continue; /* hundreds of rings, hundreds of times */
			error = host_request(type, name, copy.bytes);
			t_check(in_range(f, v) ? !error || (error == ENOMEM && v > 64) :
						 error == f->error,
				"%s = %#llx: errno %d", f->what, (unsigned long long)v, error);
			if (!error && undo)
				undo(name);
		}
		good_pair_works(a, b);
	}
}

#define TRY(type, name, body, fields, undo)                   \
	try_fields(type, name, &(body), sizeof(body), fields, \
		   sizeof(fields) / sizeof((fields)[0]), undo)

static void registration(void)
{
	static const struct nmreq_register reg = { .nr_mode = NR_REG_ALL_NIC };
	static const struct field fields[] = {
		ANY(nmreq_register, nr_offset),
		ANY(nmreq_register, nr_memsize),
		FIELD(nmreq_register, nr_tx_slots, 8, 16384, EINVAL),
		FIELD(nmreq_register, nr_rx_slots, 8, 16384, EINVAL),
		FIELD(nmreq_register, nr_tx_rings, 1, 256, EINVAL),
		FIELD(nmreq_register, nr_rx_rings, 1, 256, EINVAL),
		FIELD(nmreq_register, nr_host_tx_rings, 1, 256, EINVAL),
		FIELD(nmreq_register, nr_host_rx_rings, 1, 256, EINVAL),
		FIELD(nmreq_register, nr_extra_bufs, 0, UINT64_MAX, 0),
	};
	static const struct nmreq_register one = { .nr_mode = NR_REG_ONE_NIC };
	static const struct field ring[] = { FIELD(nmreq_register, nr_ringid, 0, 0, EINVAL) };

	good_pair(&a, &b);
	TRY(NETMAP_REQ_REGISTER, "vale7:f", reg, fields, NULL);
	TRY(NETMAP_REQ_REGISTER, "vale7:f", one, ring, NULL);
	port_close(a);
	port_close(b);
}

/* What is not one range. */
static void modes_and_flags_and_memories(void)
{
	struct nmreq_register reg = { 0 };
	unsigned int bit, mode;
	int error;

	good_pair(&a, &b);
	for (mode = 0; mode < 70000; mode += mode < 20 ? 1 : 9973) {
		reg.nr_mode = mode;
		error = host_request(NETMAP_REQ_REGISTER, "vale7:m", &reg);
		if (mode == NR_REG_ALL_NIC || mode == NR_REG_ONE_NIC || mode == NR_REG_NULL)
			t_eq(error, 0);
		else if (mode == NR_REG_SW || mode == NR_REG_NIC_SW || mode == NR_REG_ONE_SW)
			t_eq(error, EOPNOTSUPP);
		else if (mode != NR_REG_PIPE_MASTER && mode != NR_REG_PIPE_SLAVE)
			t_eq(error, EINVAL);
		memset(&reg, 0, sizeof(reg));
	}
	for (bit = 0; bit < 64; bit++) {
		memset(&reg, 0, sizeof(reg));
		reg.nr_mode = NR_REG_ALL_NIC;
		reg.nr_flags = 1ull << bit;
		error = host_request(NETMAP_REQ_REGISTER, "vale7:m", &reg);
		t_check(!error || error == EINVAL || error == EOPNOTSUPP, "flag %u: errno %d", bit,
			error);
		if (bit > 20)
			t_eq(error, EINVAL);
	}
	for (bit = 0; bit < 16; bit++) {
		memset(&reg, 0, sizeof(reg));
		reg.nr_mode = NR_REG_ALL_NIC;
		reg.nr_mem_id = 1u << bit | 0x300;
		t_eq(host_request(NETMAP_REQ_REGISTER, "vale7:m", &reg), ENOENT);
	}
	good_pair_works(a, b);
	port_close(a);
	port_close(b);
}

static void delif(const char *name)
{
	t_eq(host_request(NETMAP_REQ_VALE_DELIF, name, NULL), 0);
}

static void new_ports(void)
{
	static const struct nmreq_vale_newif body;
	static const struct field fields[] = {
		FIELD(nmreq_vale_newif, nr_tx_slots, 8, 16384, EINVAL),
		FIELD(nmreq_vale_newif, nr_rx_slots, 8, 16384, EINVAL),
		FIELD(nmreq_vale_newif, nr_tx_rings, 1, 256, EINVAL),
		FIELD(nmreq_vale_newif, nr_rx_rings, 1, 256, EINVAL),
		ANY(nmreq_vale_newif, pad1),
	};
	struct nmreq_vale_newif odd = { .nr_mem_id = 0x7777 };

	good_pair(&a, &b);
	TRY(NETMAP_REQ_VALE_NEWIF, "fper0", body, fields, delif);
	t_eq(host_request(NETMAP_REQ_VALE_NEWIF, "fper0", &odd), ENOENT);
	t_eq(host_request(NETMAP_REQ_VALE_DELIF, "fper0", NULL), ENXIO);
	port_close(a);
	port_close(b);
}

static void detach(const char *name)
{
	struct nmreq_vale_detach body = { 0 };

	t_eq(host_request(NETMAP_REQ_VALE_DETACH, name, &body), 0);
}

static void attachments(void)
{
	static const struct nmreq_vale_attach body = { .reg.nr_mode = NR_REG_ALL_NIC };
	static const struct field fields[] = {
		ANY(nmreq_vale_attach, reg.nr_offset),
		ANY(nmreq_vale_attach, reg.nr_memsize),
		ANY(nmreq_vale_attach, port_index),
		ANY(nmreq_vale_attach, pad1),
		FIELD(nmreq_vale_attach, reg.nr_tx_slots, 8, 16384, EINVAL),
		FIELD(nmreq_vale_attach, reg.nr_rx_slots, 8, 16384, EINVAL),
		FIELD(nmreq_vale_attach, reg.nr_tx_rings, 1, 256, EINVAL),
		FIELD(nmreq_vale_attach, reg.nr_rx_rings, 1, 256, EINVAL),
	};
	struct nmreq_vale_attach odd = body;

	good_pair(&a, &b);
	TRY(NETMAP_REQ_VALE_ATTACH, "vale3:null:f", body, fields, detach);
	odd.reg.nr_mode = 9;
	t_eq(host_request(NETMAP_REQ_VALE_ATTACH, "vale3:null:f", &odd), EINVAL);
	odd = body;
	odd.reg.nr_mem_id = 0x7777;
	t_eq(host_request(NETMAP_REQ_VALE_ATTACH, "vale3:null:f", &odd), ENOENT);
	odd = body;
	odd.reg.nr_flags = 1ull << 40;
	t_eq(host_request(NETMAP_REQ_VALE_ATTACH, "vale3:null:f", &odd), EINVAL);
	port_close(a);
	port_close(b);
}

static void headers_and_infos(void)
{
	static const struct nmreq_port_hdr hdr;
	static const struct nmreq_port_info_get info;
	static const struct nmreq_pools_info pools;
	static const struct nmreq_vale_list list;
	static const struct field hdr_fields[] = { ANY(nmreq_port_hdr, pad1) },
				  get_fields[] = { ANY(nmreq_port_hdr, nr_hdr_len) },
				  info_fields[] = { ANY(nmreq_port_info_get, nr_memsize),
						    ANY(nmreq_port_info_get, nr_tx_slots),
						    ANY(nmreq_port_info_get, nr_rx_slots),
						    ANY(nmreq_port_info_get, nr_tx_rings),
						    ANY(nmreq_port_info_get, nr_rx_rings),
						    ANY(nmreq_port_info_get, nr_host_tx_rings),
						    ANY(nmreq_port_info_get, nr_host_rx_rings) },
				  pools_fields[] = { ANY(nmreq_pools_info, nr_memsize),
						     ANY(nmreq_pools_info, nr_if_pool_offset),
						     ANY(nmreq_pools_info, nr_if_pool_objtotal),
						     ANY(nmreq_pools_info, nr_ring_pool_objsize),
						     ANY(nmreq_pools_info, nr_buf_pool_objsize) },
				  list_fields[] = { ANY(nmreq_vale_list, nr_bridge_idx),
						    ANY(nmreq_vale_list, nr_port_idx) };
	struct nmreq_port_hdr len = { 0 };
	struct nmreq_pools_info odd = { .nr_mem_id = 0x7777 };
	unsigned int i;

	good_pair(&a, &b);
	TRY(NETMAP_REQ_PORT_HDR_SET, "vale7:a", hdr, hdr_fields, NULL);
	TRY(NETMAP_REQ_PORT_HDR_GET, "vale7:a", hdr, get_fields, NULL);
	TRY(NETMAP_REQ_PORT_INFO_GET, "vale7:a", info, info_fields, NULL);
	TRY(NETMAP_REQ_POOLS_INFO_GET, "vale7:a", pools, pools_fields, NULL);
	TRY(NETMAP_REQ_VALE_LIST, "vale7:a", list, list_fields, NULL);
	t_eq(host_request(NETMAP_REQ_POOLS_INFO_GET, "vale7:a", &odd), ENOENT);
	t_eq(host_request(NETMAP_REQ_PORT_HDR_SET, "vale7:h", &len), ENXIO);
	for (i = 0; i < VALUES; i++) {
		len.nr_hdr_len = values[i];
		t_eq(host_request(NETMAP_REQ_PORT_HDR_SET, "vale7:b", &len),
		     len.nr_hdr_len == 0 || len.nr_hdr_len == 10 || len.nr_hdr_len == 12 ? 0 :
											   EINVAL);
		len.nr_hdr_len = 0;
		t_eq(host_request(NETMAP_REQ_PORT_HDR_SET, "vale7:b", &len), 0);
	}
	good_pair_works(a, b);
	port_close(a);
	port_close(b);
}

/* struct nmreq, of programs older than NIOCCTRL. */
static void old_requests(void)
{
	static const struct field fields[] = {
		ANY(nmreq, nr_offset),
		ANY(nmreq, nr_memsize),
		FIELD(nmreq, nr_tx_slots, 8, 16384, EINVAL),
		FIELD(nmreq, nr_rx_slots, 8, 16384, EINVAL),
		FIELD(nmreq, nr_tx_rings, 1, 256, EINVAL),
		FIELD(nmreq, nr_rx_rings, 1, 256, EINVAL),
		FIELD(nmreq, nr_arg3, 0, UINT64_MAX, 0),
		ANY(nmreq, spare2),
	};
	static const uint32_t versions[] = { 0, 1, 2, 10, 16, 255, 0xffff, 0x10000, 0xffffffff };
	static const uint16_t commands[] = { 3, 8, 9, 13, 100, 0x7fff, 0xffff };
	struct nmreq req;
	unsigned int n, i;
	uint64_t v;
	int fd, error;

	good_pair(&a, &b);
	for (n = 0; n < sizeof(fields) / sizeof(fields[0]); n++) {
		for (i = 0; i < VALUES; i++) {
			memset(&req, 0, sizeof(req));
			strcpy(req.nr_name, "vale7:o");
			req.nr_version = NETMAP_API;
			req.nr_flags = NR_REG_ALL_NIC;
			v = set(&fields[n], &req, values[i]);
			fd = nmhost_open();
			error = nmhost_ioctl(fd, NIOCREGIF, &req) ? errno : 0;
			t_check(in_range(&fields[n], v) ? !error || (error == ENOMEM && v > 64) :
							  error == fields[n].error,
				"%s = %#llx: errno %d", fields[n].what, (unsigned long long)v,
				error);
			t_check(!error || nmhost_strerror(fd)[0]);
			nmhost_close(fd);
		}
	}
	fd = nmhost_open();
	for (i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		memset(&req, 0, sizeof(req));
		strcpy(req.nr_name, "vale7:o");
		req.nr_version = versions[i];
		t_check(nmhost_ioctl(fd, NIOCREGIF, &req) && errno == EINVAL, "version %u",
			versions[i]);
	}
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		memset(&req, 0, sizeof(req));
		strcpy(req.nr_name, "vale7:o");
		req.nr_version = NETMAP_API;
		req.nr_cmd = commands[i];
		t_check(nmhost_ioctl(fd, NIOCREGIF, &req), "command %u", commands[i]);
		t_check(errno == EINVAL || errno == EOPNOTSUPP, "command %u: errno %d", commands[i],
			errno);
	}
	memset(&req, 'v', sizeof(req)); /* a name without an end */
	req.nr_version = NETMAP_API;
	t_check(nmhost_ioctl(fd, NIOCREGIF, &req));
	nmhost_close(fd);
	good_pair_works(a, b);
	port_close(a);
	port_close(b);
}

T_MAIN(T_CASE(registration), T_CASE(modes_and_flags_and_memories), T_CASE(new_ports),
       T_CASE(attachments), T_CASE(headers_and_infos), T_CASE(old_requests))
