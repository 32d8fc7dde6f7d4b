/* SPDX-License-Identifier: BSD-2-Clause */
/* For machines that we make no code for. */
#include "jit.h"

void jit_make(struct jit *j, const struct bpf_insn *insns, u_int n)
{
	(void)insns;
	(void)n;
	*j = (struct jit){ 0 };
}

void jit_free(struct jit *j)
{
	(void)j;
}
