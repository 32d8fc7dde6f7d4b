// SPDX-License-Identifier: BSD-2-Clause
/*
 * Decoding of what clients send. A pure function of the bytes: no allocation,
 * no state, no other file of the daemon. fuzz/ feeds it with anything.
 */
#include "netmapd_proto.h"

/* Requests with a fixed form: their exact size, and the descriptors they bring. */
static const struct {
	uint16_t size;
	uint16_t nfds;
} fixed[NMD_TYPES] = {
	[NMD_HELLO] = { sizeof(struct nmd_hello), 0 },
	[NMD_ATTACH] = { sizeof(struct nmd_attach), 1 },
	[NMD_LIST] = { sizeof(struct nmd_list), 0 },
	[NMD_MEMORY] = { sizeof(struct nmd_header), 0 },
	[NMD_POLLER] = { sizeof(struct nmd_header), 0 },
	[NMD_ERROR] = { sizeof(struct nmd_header), 0 },
};

static int decode_hello(const struct nmd_hello *m, struct nmd_msg *out)
{
	if (m->reserved || (m->purpose != NMD_FOR_PORTS && m->purpose != NMD_FOR_LIST))
		return EBADMSG;
	out->hello.purpose = m->purpose;
	return 0;
}

static int decode_list(const struct nmd_list *m, struct nmd_msg *out)
{
	if (m->reserved || m->json > 1)
		return EBADMSG;
	out->list.json = m->json;
	return 0;
}

/* The bytes of the windows fill the message to its last byte. */
static int decode_ioctl(const void *buf, size_t len, struct nmd_msg *out)
{
	struct nmd_ioctl m;
	struct nmd_window w;
	size_t off, i;

	if (len < sizeof(m))
		return EBADMSG;
	memcpy(&m, buf, sizeof(m));
	if (m.reserved || m.nwindows > NMD_WINDOWS_MAX)
		return EBADMSG;
	off = sizeof(m) + m.nwindows * sizeof(w);
	if (off > len)
		return EBADMSG;
	for (i = 0; i < m.nwindows; i++) {
		memcpy(&w, (const char *)buf + sizeof(m) + i * sizeof(w), sizeof(w));
		if (w.reserved || !w.len || w.len > len - off || w.addr + w.len < w.addr)
			return EBADMSG;
		out->ioctl.window[i].addr = w.addr;
		out->ioctl.window[i].len = w.len;
		out->ioctl.window[i].off = (uint32_t)off;
		off += w.len;
	}
	if (off != len)
		return EBADMSG;
	out->ioctl.request = m.request;
	out->ioctl.arg = m.arg;
	out->ioctl.nwindows = m.nwindows;
	return 0;
}

int nmd_msg_decode(const void *buf, size_t len, struct nmd_msg *out)
{
	union {
		struct nmd_header h;
		struct nmd_hello hello;
		struct nmd_attach attach;
		struct nmd_list list;
	} m;

	if (len < sizeof(m.h) || len > NMD_MSG_MAX)
		return EBADMSG;
	memcpy(&m.h, buf, sizeof(m.h));
	if (m.h.magic != NMD_MAGIC)
		return EBADMSG;
	if (m.h.version != NMD_VERSION)
		return EPROTONOSUPPORT;
	if (m.h.len != len || m.h.error || m.h.type >= NMD_TYPES)
		return EBADMSG;
	memset(out, 0, sizeof(*out));
	out->type = m.h.type;
	out->nfds = fixed[m.h.type].nfds;
	if (m.h.type == NMD_IOCTL)
		return decode_ioctl(buf, len, out);
	if (!fixed[m.h.type].size || len != fixed[m.h.type].size)
		return EBADMSG;
	memcpy(&m, buf, len);
	switch (m.h.type) {
	case NMD_HELLO:
		return decode_hello(&m.hello, out);
	case NMD_LIST:
		return decode_list(&m.list, out);
	case NMD_ATTACH:
		out->attach.nonce_addr = m.attach.nonce_addr;
		return 0;
	default:
		return 0;
	}
}
