/* SPDX-License-Identifier: BSD-2-Clause */
/* What nmcore_set() sets. Constant while a descriptor is open. */
#ifndef NM_SETTINGS_H
#define NM_SETTINGS_H

#include "ns.h"

enum nm_nic_mode { NM_NIC_BEST, NM_NIC_ZEROCOPY, NM_NIC_NATIVE, NM_NIC_GENERIC };

struct nm_settings {
	long nic_bufs; /* 0: as many as the first interface suggests */
	long nic_buf_size;
	long memory;
	long vale_age;
	long nic_mode; /* enum nm_nic_mode */
};

extern struct nm_settings nm_settings;

/* 0, or EINVAL when there is no such setting or the value is out of range. */
int nm_settings_set(const char *name, long value);
void nm_settings_conf(struct nm_ns_conf *conf);
/* Sizes the interfaces' memory, which does not exist yet, for one of `queues` queues. */
void nm_settings_nic(struct nm_ns_conf *conf, uint32_t queues);

#endif /* NM_SETTINGS_H */
