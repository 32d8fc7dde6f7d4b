/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Module parameters. */
#ifndef NM_PARAMS_H
#define NM_PARAMS_H

#include "ns.h"

/* What a new namespace gets. */
void nm_params_conf(struct nm_ns_conf *conf);

/* Whether a port that is opened now may use XDP. */
bool nm_params_xdp(void);

#endif /* NM_PARAMS_H */
