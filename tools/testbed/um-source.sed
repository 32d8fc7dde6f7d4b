# SPDX-License-Identifier: BSD-2-Clause
# What the unpacked source of User-Mode Linux 6.1 needs; applied to the files that
# tools/um names.
#
# It says that it can not preempt, and with that rules out the preemption counter, which
# "sleeping function called from invalid context" (DEBUG_ATOMIC_SLEEP) needs. Counting
# works; only the announcement is in the way.
/select ARCH_NO_PREEMPT/d
# More than 2 GiB of kernel addresses may be unmapped at once; as an int that is negative.
s/os_unmap_memory(void \*addr, int len)/os_unmap_memory(void *addr, unsigned long len)/
