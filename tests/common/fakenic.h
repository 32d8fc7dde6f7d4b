/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interfaces that exist only here, "fake0" and on, in the place of hosts/user/nic.c: a wire of
 * which the test holds both ends. For the core's side of NIC ports, and for fuzzers, which
 * must not find real interfaces.
 */
#ifndef T_FAKENIC_H
#define T_FAKENIC_H

#include <stdbool.h>
#include <stdint.h>

/* A frame arrives on ring 0; false if the interface is not up or has no room. */
bool fake_arrive(const char *name, const void *frame, uint32_t len);
/* Frames that left it; the last of them. */
uint64_t fake_sent(const char *name, void *frame, uint32_t size, uint32_t *len);
/* While held, what is sent takes up its slot; let go, all of it completes. */
void fake_hold(const char *name, bool hold);
/* A frame that the machine's stack sends, for host ring 0. */
bool fake_host_arrive(const char *name, const void *frame, uint32_t len);
/* Frames that were passed to the stack, or past the rings to the wire; the last of them. */
uint64_t fake_passed(const char *name, bool to_wire, void *frame, uint32_t size, uint32_t *len);
/* While full, nothing can be passed. */
void fake_full(const char *name, bool full);
/* The interface vanishes, with an errno. */
void fake_gone(const char *name, int error);

#endif /* T_FAKENIC_H */
