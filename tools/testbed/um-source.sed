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

# Page tables of kernel addresses are not marked when the host has been told of them. Each flush
# of a range, as there is one after every few vunmap(), takes all of its pages from the host and
# gives them back one by one, those in use as well: a module's code, while an interrupt runs it.
# That faults, and a fault in there flushes all of the range; with some thousand pages this takes
# longer than a tick, and nothing else goes on. So: mark them; tell of what has changed only; no
# interrupts in between.
/^static int flush_tlb_kernel_range_common/,/^}/ {
	s/^\tunsigned long addr, last;/\tunsigned long addr, last, flags;/
	s/^\thvc = INIT_HVC(mm, force, userspace);/&\n\tlocal_irq_save(flags);/
	s/if (!pte_present(\*pte) || pte_newpage(\*pte)) {/if (pte_newpage(*pte)) {/
	s/err = add_munmap(addr, PAGE_SIZE, &hvc);/if (!pte_present(*pte))\n\t\t\t\t&/
	s/^\t\taddr += PAGE_SIZE;/\t\t*pte = pte_mkuptodate(*pte);\n&/
	s/^\treturn updated;/\tlocal_irq_restore(flags);\n&/
}
# And who touches an address where nothing is shall be told, and not again and again.
/^unsigned long segv(struct faultinfo fi/,/^}/ {
	s/^\t\tflush_tlb_kernel_vm();/\t\tif (!vmalloc_to_page((void *)address)) {\
\t\t\tshow_regs(container_of(regs, struct pt_regs, regs));\
\t\t\tpanic("Kernel mode fault at addr 0x%lx, ip 0x%lx", address, ip);\
\t\t}\
&/
}
