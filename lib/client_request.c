/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The argument of an ioctl, and all that it points to, as windows of a message. Nothing is
 * judged here: what can not be read is left out, and the daemon says EFAULT if it needs it.
 */
#include <sys/syscall.h>
#include <sys/uio.h>

#include <net/netmap.h>
#include "client.h"

/* Windows are counted, and so are the bytes: a chain of options may be endless. */
struct builder {
	struct nmd_ioctl *m;
	size_t size;  /* of the message at most */
	size_t bytes; /* in all windows */
	char data[NETMAP_REQ_MAXSIZE + 1024];
};

static const uint16_t body_size[] = {
	[NETMAP_REQ_REGISTER] = sizeof(struct nmreq_register),
	[NETMAP_REQ_PORT_INFO_GET] = sizeof(struct nmreq_port_info_get),
	[NETMAP_REQ_VALE_ATTACH] = sizeof(struct nmreq_vale_attach),
	[NETMAP_REQ_VALE_DETACH] = sizeof(struct nmreq_vale_detach),
	[NETMAP_REQ_VALE_LIST] = sizeof(struct nmreq_vale_list),
	[NETMAP_REQ_PORT_HDR_SET] = sizeof(struct nmreq_port_hdr),
	[NETMAP_REQ_PORT_HDR_GET] = sizeof(struct nmreq_port_hdr),
	[NETMAP_REQ_VALE_NEWIF] = sizeof(struct nmreq_vale_newif),
	[NETMAP_REQ_VALE_DELIF] = 0,
	[NETMAP_REQ_VALE_POLLING_ENABLE] = sizeof(struct nmreq_vale_polling),
	[NETMAP_REQ_VALE_POLLING_DISABLE] = sizeof(struct nmreq_vale_polling),
	[NETMAP_REQ_POOLS_INFO_GET] = sizeof(struct nmreq_pools_info),
	[NETMAP_REQ_SYNC_KLOOP_START] = sizeof(struct nmreq_sync_kloop_start),
	[NETMAP_REQ_SYNC_KLOOP_STOP] = 0,
	[NETMAP_REQ_CSB_ENABLE] = 0,
};

/* Those whose size follows from their type; others say it in nro_size. */
static const uint16_t option_size[NETMAP_REQ_OPT_MAX] = {
	[NETMAP_REQ_OPT_EXTMEM] = sizeof(struct nmreq_opt_extmem),
	[NETMAP_REQ_OPT_CSB] = sizeof(struct nmreq_opt_csb),
	[NETMAP_REQ_OPT_SYNC_KLOOP_MODE] = sizeof(struct nmreq_opt_sync_kloop_mode),
	[NETMAP_REQ_OPT_OFFSETS] = sizeof(struct nmreq_opt_offsets),
};

/* A program's pointer may point nowhere, which is an error of its call, not a crash. */
bool nmc_peek(void *dst, uint64_t addr, size_t len)
{
	struct iovec local = { dst, len }, remote = { (void *)(uintptr_t)addr, len };
	long n = syscall(SYS_process_vm_readv, (long)getpid(), &local, 1L, &remote, 1L, 0L);

	if (n < 0 && (errno == EPERM || errno == ENOSYS)) {
		memcpy(dst, (const void *)(uintptr_t)addr, len);
		return true;
	}
	return n == (long)len;
}

/* The same for where the answer goes. */
static bool poke(uint64_t addr, const void *src, size_t len)
{
	struct iovec local = { (void *)(uintptr_t)src, len };
	struct iovec remote = { (void *)(uintptr_t)addr, len };
	long n = syscall(SYS_process_vm_writev, (long)getpid(), &local, 1L, &remote, 1L, 0L);

	if (n < 0 && (errno == EPERM || errno == ENOSYS)) {
		memcpy((void *)(uintptr_t)addr, src, len);
		return true;
	}
	return n == (long)len;
}

static bool add(struct builder *b, uint64_t addr, size_t len)
{
	struct nmd_window *w = &b->m->window[b->m->nwindows];

	if (b->m->nwindows == NMD_WINDOWS_MAX || len == 0 || len > sizeof(b->data) - b->bytes ||
	    !nmc_peek(b->data + b->bytes, addr, len))
		return false;
	w->addr = addr;
	w->len = (uint32_t)len;
	w->reserved = 0;
	b->m->nwindows++;
	b->bytes += len;
	return true;
}

static void add_options(struct builder *b, uint64_t addr)
{
	struct nmreq_option opt;
	size_t len;

	while (addr != 0 && nmc_peek(&opt, addr, sizeof(opt))) {
		len = opt.nro_reqtype < NETMAP_REQ_OPT_MAX ? option_size[opt.nro_reqtype] : 0;
		if (len == 0 && opt.nro_size <= NETMAP_REQ_MAXSIZE)
			len = sizeof(opt) + opt.nro_size;
		if (!(len > sizeof(opt) && add(b, addr, len)) && !add(b, addr, sizeof(opt)))
			return;
		addr = opt.nro_next;
	}
}

static void add_ctrl(struct builder *b, uint64_t addr)
{
	struct nmreq_header hdr;

	if (!add(b, addr, sizeof(hdr)))
		return;
	memcpy(&hdr, b->data, sizeof(hdr));
	if (hdr.nr_reqtype < sizeof(body_size) / sizeof(body_size[0]))
		add(b, hdr.nr_body, body_size[hdr.nr_reqtype]);
	add_options(b, hdr.nr_options);
}

size_t nmc_marshal(unsigned long request, void *arg, struct nmd_ioctl *m, size_t size)
{
	struct builder b = { .m = m, .size = size };
	size_t head;

	memset(m, 0, sizeof(*m));
	m->request = request;
	m->arg = (uintptr_t)arg;
	if (request == NIOCCTRL)
		add_ctrl(&b, m->arg);
	else
		add(&b, m->arg, _IOC_SIZE(request));
	head = sizeof(*m) + m->nwindows * sizeof(m->window[0]);
	memcpy((char *)m + head, b.data, b.bytes);
	nmd_header_init(&m->h, NMD_IOCTL, head + b.bytes);
	return head + b.bytes;
}

bool nmc_unmarshal(const struct nmd_ioctl *m, const struct nmd_ioctl_done *done)
{
	const char *bytes = (const char *)(done + 1);
	size_t left = done->h.len - sizeof(*done);
	uint32_t i;

	for (i = 0; i < m->nwindows; i++) {
		const struct nmd_window *w = &m->window[i];

		if (!(done->dirty & 1u << i))
			continue;
		if (w->len > left)
			return false;
		if (!poke(w->addr, bytes, w->len))
			return false;
		bytes += w->len;
		left -= w->len;
	}
	return true;
}
