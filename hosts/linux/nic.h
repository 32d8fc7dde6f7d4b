/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#ifndef NM_NIC_H
#define NM_NIC_H
int nm_nic_register(void);
void nm_nic_unregister(void);
#endif
