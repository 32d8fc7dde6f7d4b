/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PKTGEN_RX_H
#define PKTGEN_RX_H

#include <stdint.h>

#include <libnetmap.h>

/*
 * Takes up to `limit` whole packets out of the ring. Returns how many; adds their bytes.
 * Makes no system call, as tx_fill().
 */
unsigned rx_take(struct netmap_ring *ring, unsigned limit, uint64_t *bytes);

#endif
