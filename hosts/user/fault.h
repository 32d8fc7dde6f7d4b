/* SPDX-License-Identifier: BSD-2-Clause */
/* Allocation faults on demand, for tests. Not part of the library's interface. */
#ifndef NM_FAULT_H
#define NM_FAULT_H

#include <stdbool.h>

/*
 * The nth allocation from now on fails, and all after it: 0 the next one;
 * negative: none. Objects of the core and pages of regions count alike.
 */
void nmcore_fail_alloc_after(long n);
/* How many allocations there were since the last nmcore_fail_alloc_after(). */
long nmcore_allocs(void);

/* For the allocators: must this one fail? */
bool nm_fault(void);

#endif /* NM_FAULT_H */
