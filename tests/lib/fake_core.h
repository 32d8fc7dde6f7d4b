/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A stand-in for libnmcore, so that libnetmap can be tested without any host: one port
 * with real rings in a memfd for every registration, and knobs to make things go wrong.
 */
#ifndef TESTS_LIB_FAKE_CORE_H
#define TESTS_LIB_FAKE_CORE_H

#include <stdint.h>

extern int fake_open_errno;	 /* nmcore_open() fails with it */
extern int fake_ctrl_errno;	 /* requests fail with it */
extern uint32_t fake_bad_option; /* requests fail because of this option */
extern int fake_memfd_errno;	 /* there is nothing to map */
extern unsigned long fake_last_request;
extern int fake_descriptors; /* open now */
extern int fake_syncs;
extern uint64_t fake_extra_memory; /* regions are larger by this */

/* nmcore_poll(): what is ready, how often asked, and how often with arm. */
extern int fake_ready, fake_polls, fake_arms;
void fake_wake(void); /* wakes all descriptors */
/* nmcore_wait(): what it says, and what it was asked last. */
extern int fake_wait_result, fake_wait_errno, fake_wait_events, fake_wait_ms;

/* The mem_id that PORT_INFO_GET tells, and how often it was asked. */
#define FAKE_MEM_ID 7
extern int fake_info_gets;

#endif
