// SPDX-License-Identifier: BSD-2-Clause
/*
 * Requests of several descriptors, with arbitrary memory behind them. The client's memory is
 * a window at BASE; what points elsewhere is EFAULT. At the end everything is closed, and
 * nothing may be left.
 */
#include "fuzz.h"

#include <errno.h>
#include <libnmcore.h>
#include <net/netmap.h>
#include <poll.h>

#define BASE	    0x10000
#define WINDOW	    1024
#define DESCRIPTORS 4
#define OPS	    24

static uint8_t window[WINDOW];

static int copyin(void *ctx, void *dst, uint64_t addr, size_t len)
{
	(void)ctx;
	if (addr < BASE || addr > BASE + WINDOW || len > BASE + WINDOW - addr)
		return -EFAULT;
	memcpy(dst, window + (addr - BASE), len);
	return 0;
}

static int copyout(void *ctx, uint64_t addr, const void *src, size_t len)
{
	(void)ctx;
	if (addr < BASE || addr > BASE + WINDOW || len > BASE + WINDOW - addr)
		return -EFAULT;
	memcpy(window + (addr - BASE), src, len);
	return 0;
}

static const struct nmcore_user_ops ops = { copyin, copyout };

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	must(!nmcore_set("memory", 8 << 20));
	must(!nmcore_set("nic-bufs", 1024));
	nmcore_set("verbose", 0);
	return 0;
}

static const char *const names[] = { "vale0:a",	  "vale0:b",	 "vale1:a",	"x{1",
				     "x}1",	  "x{2",	 "null",	"fake0",
				     "fake4",	  "vale0:fake0", "vale0:fake4", "per",
				     "vale0:per", "vale0:a{1",	 "vale0:a}1",	"" };

/* A header that is right where chance would hardly get it right; the rest is the input's. */
static void put_header(struct input *in)
{
	struct nmreq_header hdr;
	uint8_t how = take(in, 1);

	memset(&hdr, 0, sizeof(hdr));
	hdr.nr_version = how & 0x80 ? take(in, 2) : NETMAP_API;
	hdr.nr_reqtype = take(in, 1) % 18;
	snprintf(hdr.nr_name, sizeof(hdr.nr_name), "%s", names[how & 15]);
	hdr.nr_body = how & 0x40 ? take(in, 2) + BASE : BASE + 128;
	hdr.nr_options = how & 0x20 ? BASE + (take(in, 1) << 2) : 0;
	memcpy(window, &hdr, sizeof(hdr));
}

/* Small numbers where registrations have numbers: most random ones are only refused. */
static void put_register(struct input *in)
{
	struct nmreq_register reg;

	memset(&reg, 0, sizeof(reg));
	reg.nr_mode = take(in, 1) % 10;
	reg.nr_ringid = take(in, 1) % 8;
	reg.nr_tx_rings = take(in, 1) % 5;
	reg.nr_rx_rings = take(in, 1) % 5;
	reg.nr_tx_slots = take(in, 1);
	reg.nr_rx_slots = take(in, 1);
	reg.nr_mem_id = take(in, 1) % 6;
	reg.nr_extra_bufs = take(in, 1);
	reg.nr_flags = take(in, 3);
	memcpy(window + 128, &reg, sizeof(reg));
}

static void one_op(struct nmcore *nm, struct input *in)
{
	static const unsigned long request[] = { NIOCCTRL, NIOCREGIF, NIOCGINFO, NIOCCONFIG };
	uint8_t op = take(in, 1);

	switch (op & 7) {
	case 0: /* as random as it gets */
		nmcore_ioctl(nm, take(in, 8), (void *)(uintptr_t)(BASE + take(in, 2)));
		break;
	case 1:
		take_bytes(in, window + take(in, 1) * 4 % WINDOW, 0);
		take_bytes(in, window + (op >> 3) * 16, 64);
		break;
	case 2:
		put_header(in);
		nmcore_ioctl(nm, NIOCCTRL, (void *)BASE);
		break;
	case 3:
		put_header(in);
		put_register(in);
		window[2] = NETMAP_REQ_REGISTER;
		nmcore_ioctl(nm, NIOCCTRL, (void *)BASE);
		break;
	case 4:
		nmcore_ioctl(nm, request[op >> 3 & 3], (void *)BASE);
		break;
	case 5: {
		struct nmreq req;

		take_bytes(in, &req, sizeof(req));
		req.nr_version = NETMAP_API;
		if (op & 8)
			snprintf(req.nr_name, sizeof(req.nr_name), "%s", names[op >> 4]);
		if (op & 16)
			req.nr_cmd %= 14;
		memcpy(window, &req, sizeof(req));
		nmcore_ioctl(nm, op & 128 ? NIOCGINFO : NIOCREGIF, (void *)BASE);
		break;
	}
	case 6:
		nmcore_ioctl(nm, op & 8 ? NIOCTXSYNC : NIOCRXSYNC, NULL);
		nmcore_memfd(nm, NULL);
		break;
	case 7:
		nmcore_poll(nm, op & 8 ? POLLIN : POLLIN | POLLOUT, op & 16);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nmcore *nm[DESCRIPTORS] = { NULL };
	struct input in = { data, size };
	char *state;
	int i, k;

	memset(window, 0, sizeof(window));
	for (i = 0; i < OPS && in.left; i++) {
		k = take(&in, 1);
		if (nm[k % DESCRIPTORS] && k & 0x80) {
			must(!nmcore_close(nm[k % DESCRIPTORS]));
			nm[k % DESCRIPTORS] = NULL;
			continue;
		}
		if (!nm[k % DESCRIPTORS]) {
			nm[k % DESCRIPTORS] = nmcore_open();
			must(nm[k % DESCRIPTORS]);
			nmcore_set_user(nm[k % DESCRIPTORS], &ops, NULL, 1);
		}
		one_op(nm[k % DESCRIPTORS], &in);
		must(strlen(nmcore_error(nm[k % DESCRIPTORS])) < 192);
	}
	state = nmcore_state(i & 1);
	must(state);
	free(state);
	for (i = 0; i < DESCRIPTORS; i++)
		if (nm[i])
			must(!nmcore_close(nm[i]));
	nmcore_shutdown();
	must(nmcore_users() == 0);
	return 0;
}
