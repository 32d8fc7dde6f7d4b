/* SPDX-License-Identifier: BSD-2-Clause */
/* bpf(2), and instructions for programs that are written in them. */
#ifndef NM_BPF_H
#define NM_BPF_H

#include "os.h"

#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

static inline int bpf(int cmd, union bpf_attr *attr)
{
	int ret = syscall(SYS_bpf, cmd, attr, sizeof(*attr));

	return ret < 0 ? -errno : ret;
}

#define BPF_INSN(code_, dst, src, off_, imm_)                                       \
	{                                                                           \
		.code = (code_), .dst_reg = (dst), .src_reg = (src), .off = (off_), \
		.imm = (int32_t)(imm_),                                             \
	}
/* dst = src; dst = imm; a map, in two instructions */
#define BPF_MOVE(dst, src) BPF_INSN(BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0)
#define BPF_SET(dst, imm)  BPF_INSN(BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, imm)
#define BPF_SET_MAP(dst, fd) \
	BPF_INSN(BPF_LD | BPF_IMM | BPF_DW, dst, BPF_PSEUDO_MAP_FD, 0, fd), BPF_INSN(0, 0, 0, 0, 0)
#define BPF_ADD_TO(dst, imm) BPF_INSN(BPF_ALU64 | BPF_ADD | BPF_K, dst, 0, 0, imm)
/* size: BPF_W, ... */
#define BPF_LOAD(size, dst, src, off)  BPF_INSN(BPF_LDX | BPF_MEM | (size), dst, src, off, 0)
#define BPF_STORE(size, dst, off, imm) BPF_INSN(BPF_ST | BPF_MEM | (size), dst, 0, off, imm)
/* cond: BPF_JNE, ...; skips n instructions */
#define BPF_SKIP_IF(cond, dst, src, n)	 BPF_INSN(BPF_JMP | (cond) | BPF_X, dst, src, n, 0)
#define BPF_SKIP_IF_K(cond, dst, imm, n) BPF_INSN(BPF_JMP | (cond) | BPF_K, dst, 0, n, imm)
#define BPF_DO(helper)			 BPF_INSN(BPF_JMP | BPF_CALL, 0, 0, 0, helper)
#define BPF_RETURN()			 BPF_INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)

/* A descriptor or -errno. */
static inline int bpf_load(uint32_t type, const struct bpf_insn *insns, uint32_t n)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = type;
	attr.expected_attach_type = type == BPF_PROG_TYPE_XDP ? BPF_XDP : 0;
	attr.insns = (uintptr_t)insns;
	attr.insn_cnt = n;
	attr.license = (uintptr_t) "Dual BSD/GPL";
	strcpy(attr.prog_name, "netmap");
	return bpf(BPF_PROG_LOAD, &attr);
}

#endif /* NM_BPF_H */
