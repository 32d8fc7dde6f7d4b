/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Mapping a region into a client. */
#ifndef NM_REGION_H
#define NM_REGION_H

#include "os.h"

struct vm_area_struct;

/* mmap(2) of (a part of) the region; the mapping keeps the pages, not the descriptor. */
int nm_region_mmap(struct nm_os_region *r, struct vm_area_struct *vma);

#endif /* NM_REGION_H */
