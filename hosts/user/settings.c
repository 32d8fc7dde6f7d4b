// SPDX-License-Identifier: BSD-2-Clause
#include "settings.h"

#define NIC_HEADROOM 256   /* what XDP leaves before each packet */
#define NIC_BUFS     32768 /* for interfaces of a few queues */

struct nm_settings nm_settings = {
	.nic_buf_size = 2048,
	.memory = 256 << 20,
	.vale_age = 300,
	.nic_mode = NM_NIC_BEST,
};

static const struct {
	const char *name;
	long *value;
	long min, max;
} table[] = {
	{ "nic-bufs", &nm_settings.nic_bufs, 256, 4 << 20 },
	{ "nic-buf-size", &nm_settings.nic_buf_size, 2048, 4096 },
	{ "memory", &nm_settings.memory, 8 << 20, (long)1 << 36 },
	{ "vale-age", &nm_settings.vale_age, 1, 1000000 },
	{ "nic-mode", &nm_settings.nic_mode, NM_NIC_BEST, NM_NIC_GENERIC },
};

int nm_settings_set(const char *name, long value)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (strcmp(name, table[i].name))
			continue;
		if (value < table[i].min || value > table[i].max)
			return EINVAL;
		/* AF_XDP takes chunks that are powers of two */
		if (table[i].value == &nm_settings.nic_buf_size && value & (value - 1))
			return EINVAL;
		*table[i].value = value;
		return 0;
	}
	return EINVAL;
}

/* The region also has the rings, a sixteenth of it, and begins its buffers at 2 MiB. */
static size_t nic_reserve(size_t bufs)
{
	return (bufs * nm_settings.nic_buf_size + (4 << 20)) / 15 * 16;
}

/*
 * Packets land 256 bytes into a chunk, so buffers are shifted by that, and
 * hold that much less than a chunk.
 */
void nm_settings_conf(struct nm_ns_conf *conf)
{
	struct nm_mem_conf *global = &conf->global;

	nm_ns_conf_default(conf);
	global->stride = nm_settings.nic_buf_size;
	global->buf_len = nm_settings.nic_buf_size - NIC_HEADROOM;
	global->shift = NIC_HEADROOM;
	global->reserve = nic_reserve(nm_settings.nic_bufs ? nm_settings.nic_bufs : NIC_BUFS);
	conf->private_.reserve = nm_settings.memory;
	conf->vale_age = nm_settings.vale_age;
	conf->csb = true;
}

/*
 * A queue takes three times its slots: both rings' buffers, and those that the
 * kernel fills. Room for two such interfaces, to bridge them, and some extra.
 */
void nm_settings_nic(struct nm_ns_conf *conf, uint32_t queues)
{
	size_t bufs = (size_t)queues * 3 * 1024 * 5 / 2;

	if (!nm_settings.nic_bufs && bufs > NIC_BUFS)
		conf->global.reserve = nic_reserve(bufs);
}
