// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Module parameters: what namespaces made from then on get. */
#include "params.h"

#include <linux/module.h>
#include <linux/moduleparam.h>

#define MIN_BUF	 256u
#define MAX_BUF	 65536u
#define MIN_BUFS 64u
#define MAX_BUFS (1u << 22)

static unsigned int buf_size;
module_param(buf_size, uint, 0644);
MODULE_PARM_DESC(buf_size, "bytes of a packet buffer, from one to the next; 0: 2112");

static unsigned int buf_num = 163840;
module_param(buf_num, uint, 0644);
MODULE_PARM_DESC(buf_num, "most buffers of the memory that network interfaces share");

static unsigned int priv_buf_num = 131072;
module_param(priv_buf_num, uint, 0644);
MODULE_PARM_DESC(priv_buf_num, "most buffers of a memory of a VALE port's or a pipe's own");

static unsigned int vale_age = 300;
module_param(vale_age, uint, 0644);
MODULE_PARM_DESC(vale_age, "seconds until a switch forgets a silent station");

static bool xdp = true;
module_param(xdp, bool, 0644);
MODULE_PARM_DESC(xdp, "use XDP on interfaces whose drivers have it; 0: emulate all");

bool nm_params_xdp(void)
{
	return READ_ONCE(xdp);
}

/* Room for that many buffers, beside the pools of rings and of netmap_ifs. */
static size_t reserve(unsigned int bufs, unsigned int stride)
{
	size_t bytes = (size_t)clamp(bufs, MIN_BUFS, MAX_BUFS) * stride;

	return bytes + bytes / 15 + (8u << 20);
}

void nm_params_conf(struct nm_ns_conf *conf)
{
	unsigned int size = READ_ONCE(buf_size);

	nm_ns_conf_default(conf);
	if (size) {
		size = round_up(clamp(size, MIN_BUF, MAX_BUF - 64), NM_CACHELINE);
		conf->global.stride = conf->global.buf_len = size;
		conf->private_.stride = conf->private_.buf_len = size;
	}
	conf->global.reserve = reserve(READ_ONCE(buf_num), conf->global.stride);
	conf->private_.reserve = reserve(READ_ONCE(priv_buf_num), conf->private_.stride);
	conf->vale_age = READ_ONCE(vale_age);
}
