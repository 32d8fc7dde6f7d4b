/* SPDX-License-Identifier: BSD-2-Clause */
/* Filters as machine code. */
#ifndef NMP_JIT_H
#define NMP_JIT_H

#include <pcap/pcap.h>
#include <stddef.h>

struct jit {
	u_int (*run)(const u_char *data, u_int len, u_int caplen); /* NULL: could not */
	void *mem;
	size_t size;
};

/*
 * A program that bpf_validate() approved of. Does its best: on machines that it knows, and
 * where the system allows memory to become code.
 */
void jit_make(struct jit *j, const struct bpf_insn *insns, u_int n);
void jit_free(struct jit *j);

#endif
