// SPDX-License-Identifier: BSD-2-Clause
/*
 * The core at work on the stub: two ports of a switch, one packet each way.
 * The exit status says which step failed.
 */
#include "binding.h"

#define FRAME 60

static int port_open(struct nm_binding *b, struct nm_ns *ns, const char *name)
{
	struct nmreq_register reg = { .nr_mode = NR_REG_ALL_NIC };
	struct nmreq_header hdr = {
		.nr_version = NETMAP_API,
		.nr_reqtype = NETMAP_REQ_REGISTER,
		.nr_body = (uintptr_t)&reg,
	};

	snprintf(hdr.nr_name, sizeof(hdr.nr_name), "%s", name);
	nm_binding_init(b, ns, 0);
	return nm_binding_ioctl(b, NIOCCTRL, (uintptr_t)&hdr);
}

static struct netmap_ring *ring_of(struct nm_binding *b, enum nm_dir dir)
{
	return b->port->krings[dir][0].ring;
}

static char *buf_of(struct nm_binding *b, enum nm_dir dir, uint32_t slot)
{
	return nm_mem_buf(b->mem, ring_of(b, dir)->slot[slot].buf_idx);
}

static int send_one(struct nm_binding *from, struct nm_binding *to, char mark)
{
	struct netmap_ring *tx = ring_of(from, NM_TX), *rx = ring_of(to, NM_RX);
	uint32_t i = tx->head, k = rx->head;
	char *frame = buf_of(from, NM_TX, i);

	memset(frame, 0xff, 6);
	memset(frame + 6, mark & 0x7e, FRAME - 6);
	tx->slot[i].len = FRAME;
	tx->head = tx->cur = nm_next(i, tx->num_slots);
	if (nm_binding_sync(from, NM_TX) || nm_binding_sync(to, NM_RX))
		return -EIO;
	if (rx->tail != nm_next(k, rx->num_slots) || rx->slot[k].len != FRAME)
		return -EPROTO;
	if (memcmp(buf_of(to, NM_RX, k), frame, FRAME))
		return -EFAULT;
	rx->head = rx->cur = rx->tail;
	return 0;
}

int main(void)
{
	static struct nm_ns ns;
	static struct nm_binding a, b;
	struct nm_ns_conf conf;

	nm_ns_conf_default(&conf);
	conf.private_.reserve = conf.global.reserve = 16u << 20;
	if (nm_ns_init(&ns, &conf))
		return 1;
	if (port_open(&a, &ns, "vale0:a") || port_open(&b, &ns, "vale0:b"))
		return 2;
	if (send_one(&a, &b, 1) || send_one(&b, &a, 2))
		return 3;
	/* the switch has learnt by now */
	if (send_one(&a, &b, 3))
		return 4;
	nm_binding_fini(&a);
	nm_binding_fini(&b);
	if (!nm_ns_idle(&ns))
		return 5;
	nm_ns_fini(&ns);
	return 0;
}
