// SPDX-License-Identifier: BSD-2-Clause
/* What the daemon makes of what comes over its sockets. */
#include "fuzz.h"

#include <netmapd_proto.h>

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return 0;
}

static void check_windows(const struct nmd_msg *m, size_t size)
{
	size_t at = sizeof(struct nmd_ioctl) + m->ioctl.nwindows * sizeof(struct nmd_window);
	uint32_t i;

	must(m->ioctl.nwindows <= NMD_WINDOWS_MAX);
	for (i = 0; i < m->ioctl.nwindows; i++) {
		must(m->ioctl.window[i].off == at);
		must(m->ioctl.window[i].len > 0);
		must(m->ioctl.window[i].addr + m->ioctl.window[i].len > m->ioctl.window[i].addr);
		at += m->ioctl.window[i].len;
		must(at <= size);
	}
	must(at == size);
}

static void decode(const uint8_t *data, size_t size)
{
	uint8_t *exact = malloc(size ? size : 1); /* so that a step too far is noticed */
	struct nmd_msg m;
	int error;

	must(exact);
	memcpy(exact, data, size);
	memset(&m, 0xee, sizeof(m));
	error = nmd_msg_decode(exact, size, &m);
	must(error == 0 || error == EBADMSG || error == EPROTONOSUPPORT);
	if (!error) {
		must(m.type > 0 && m.type < NMD_TYPES);
		must(m.nfds <= NMD_FDS_MAX);
		if (m.type == NMD_IOCTL)
			check_windows(&m, size);
		if (m.type == NMD_HELLO)
			must(m.hello.purpose == NMD_FOR_PORTS || m.hello.purpose == NMD_FOR_LIST);
	}
	free(exact);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nmd_header h;
	uint8_t *copy;

	decode(data, size);
	/* the same with a header that is right */
	if (size < sizeof(h) || size > 2 * NMD_MSG_MAX)
		return 0;
	copy = malloc(size);
	must(copy);
	memcpy(copy, data, size);
	nmd_header_init(&h, data[6] % (NMD_TYPES + 1), size);
	memcpy(copy, &h, sizeof(h));
	decode(copy, size);
	free(copy);
	return 0;
}
