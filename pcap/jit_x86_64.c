/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Filters as x86-64 code. One instruction of the filter becomes a few of the machine's, in
 * the same order, and nothing is optimised except that bytes which were found to be in the
 * packet once are not looked for again.
 *
 *	eax A		rdi the packet		r8 length captured
 *	ecx X		esi length on the wire	r9, r10, edx for passing use
 *	M[] lies below the stack pointer, in the 128 bytes that a function without calls
 *	may use.
 *
 * Results are those of bpf_filter(), also for loads from beyond the packet and divisions
 * by zero (both return 0). What it can do and we cannot (backward jumps) is left to it.
 */
#include "jit.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MOST_BYTES 64u	    /* that one instruction of a filter can become */
#define FAIL	   UINT_MAX /* as a target: the end that returns 0 */
#define MEM(k)	   ((uint8_t)(-64 + 4 * (int)(k)))

/* Conditions of jumps, as in their opcodes; the lowest bit inverts them. */
enum cond { BELOW = 2, NOT_BELOW = 3, EQUAL = 4, NOT_EQUAL = 5, NOT_ABOVE = 6, ABOVE = 7 };

struct fixup {
	size_t pos;   /* of a 32-bit distance, to be counted from its end */
	u_int target; /* an instruction of the filter, or FAIL */
};

struct emitter {
	uint8_t *out;
	size_t pos;
	size_t *starts;	 /* of each instruction of the filter in out */
	uint32_t *known; /* before each: so many bytes are certainly in the packet */
	struct fixup *fixups;
	u_int nfixups;
	u_int now;     /* the instruction at work */
	uint32_t sure; /* known, at this point */
	bool ok;
};

static void put(struct emitter *e, const void *bytes, size_t n)
{
	memcpy(e->out + e->pos, bytes, n);
	e->pos += n;
}

#define PUT(e, ...)                                          \
	do {                                                 \
		static const uint8_t b_[] = { __VA_ARGS__ }; \
		put(e, b_, sizeof(b_));                      \
	} while (0)

static void put32(struct emitter *e, uint32_t v)
{
	put(e, &v, sizeof(v));
}

static void fix(struct emitter *e, u_int target)
{
	e->fixups[e->nfixups++] = (struct fixup){ e->pos, target };
	put32(e, 0);
}

/* Who jumps from here to target knows what we know here; it knows what all of them do. */
static void reach(struct emitter *e, u_int target)
{
	if (target != FAIL && e->sure < e->known[target])
		e->known[target] = e->sure;
}

static void jump(struct emitter *e, u_int target)
{
	reach(e, target);
	if (target == e->now + 1)
		return;
	PUT(e, 0xe9);
	fix(e, target);
}

static void jump_if(struct emitter *e, enum cond c, u_int target)
{
	const uint8_t op[] = { 0x0f, (uint8_t)(0x80 + c) };

	reach(e, target);
	put(e, op, sizeof(op));
	fix(e, target);
}

static void branch(struct emitter *e, enum cond c, const struct bpf_insn *in)
{
	u_int yes = e->now + 1 + in->jt, no = e->now + 1 + in->jf;

	if (yes == no) {
		jump(e, yes);
	} else if (in->jt == 0) {
		reach(e, yes);
		jump_if(e, c ^ 1, no);
	} else {
		jump_if(e, c, yes);
		jump(e, no);
	}
}

/* Bytes k to k + size of the packet must be there. False: they never can. */
static bool check(struct emitter *e, uint32_t k, uint32_t size)
{
	if (k > INT_MAX - size) {
		jump(e, FAIL);
		return false;
	}
	if (k + size <= e->sure)
		return true;
	PUT(e, 0x41, 0x81, 0xf8); /* cmp r8d, k + size */
	put32(e, k + size);
	jump_if(e, BELOW, FAIL);
	e->sure = k + size;
	return true;
}

static uint32_t load_size(const struct bpf_insn *in)
{
	return BPF_SIZE(in->code) == BPF_W ? 4 : BPF_SIZE(in->code) == BPF_H ? 2 : 1;
}

static void load_abs(struct emitter *e, const struct bpf_insn *in)
{
	uint32_t size = load_size(in);

	if (!check(e, in->k, size))
		return;
	switch (size) {
	case 4:
		PUT(e, 0x8b, 0x87); /* mov eax, [rdi + k]; bswap eax */
		put32(e, in->k);
		PUT(e, 0x0f, 0xc8);
		break;
	case 2:
		PUT(e, 0x0f, 0xb7, 0x87); /* movzx eax, word [rdi + k]; rol ax, 8 */
		put32(e, in->k);
		PUT(e, 0x66, 0xc1, 0xc0, 0x08);
		break;
	default:
		PUT(e, 0x0f, 0xb6, 0x87); /* movzx eax, byte [rdi + k] */
		put32(e, in->k);
	}
}

static void load_ind(struct emitter *e, const struct bpf_insn *in)
{
	uint32_t size = load_size(in);
	const uint8_t lea[] = { 0x4d, 0x8d, 0x51, (uint8_t)size };

	if (in->k > INT_MAX) {
		jump(e, FAIL);
		return;
	}
	PUT(e, 0x41, 0x89, 0xc9); /* mov r9d, ecx; add r9, k */
	PUT(e, 0x49, 0x81, 0xc1);
	put32(e, in->k);
	put(e, lea, sizeof(lea)); /* lea r10, [r9 + size]; cmp r10, r8 */
	PUT(e, 0x4d, 0x39, 0xc2);
	jump_if(e, ABOVE, FAIL);
	if (size == 4)
		PUT(e, 0x42, 0x8b, 0x04, 0x0f, 0x0f, 0xc8);
	else if (size == 2)
		PUT(e, 0x42, 0x0f, 0xb7, 0x04, 0x0f, 0x66, 0xc1, 0xc0, 0x08);
	else
		PUT(e, 0x42, 0x0f, 0xb6, 0x04, 0x0f);
}

static void load_a(struct emitter *e, const struct bpf_insn *in)
{
	const uint8_t mem[] = { 0x8b, 0x44, 0x24, MEM(in->k) };

	switch (BPF_MODE(in->code)) {
	case BPF_ABS:
		load_abs(e, in);
		break;
	case BPF_IND:
		load_ind(e, in);
		break;
	case BPF_IMM:
		PUT(e, 0xb8);
		put32(e, in->k);
		break;
	case BPF_LEN:
		PUT(e, 0x89, 0xf0);
		break;
	case BPF_MEM:
		put(e, mem, sizeof(mem));
		break;
	default:
		e->ok = false;
	}
}

static void load_x(struct emitter *e, const struct bpf_insn *in)
{
	const uint8_t mem[] = { 0x8b, 0x4c, 0x24, MEM(in->k) };

	switch (BPF_MODE(in->code)) {
	case BPF_MSH:
		if (!check(e, in->k, 1))
			break;
		PUT(e, 0x0f, 0xb6, 0x8f); /* movzx ecx, byte [rdi + k]; and 15; shl 2 */
		put32(e, in->k);
		PUT(e, 0x83, 0xe1, 0x0f, 0xc1, 0xe1, 0x02);
		break;
	case BPF_IMM:
		PUT(e, 0xb9);
		put32(e, in->k);
		break;
	case BPF_LEN:
		PUT(e, 0x89, 0xf1);
		break;
	case BPF_MEM:
		put(e, mem, sizeof(mem));
		break;
	default:
		e->ok = false;
	}
}

/* A divided by r9d: the quotient to A, or the rest. */
static void divide(struct emitter *e, bool rest)
{
	PUT(e, 0x31, 0xd2, 0x41, 0xf7, 0xf1); /* xor edx, edx; div r9d */
	if (rest)
		PUT(e, 0x89, 0xd0);
}

static void alu_k(struct emitter *e, const struct bpf_insn *in)
{
	const uint8_t shift[] = { 0xc1, BPF_OP(in->code) == BPF_LSH ? 0xe0 : 0xe8, (uint8_t)in->k };

	switch (BPF_OP(in->code)) {
	case BPF_ADD:
		PUT(e, 0x05);
		put32(e, in->k);
		break;
	case BPF_SUB:
		PUT(e, 0x2d);
		put32(e, in->k);
		break;
	case BPF_AND:
		PUT(e, 0x25);
		put32(e, in->k);
		break;
	case BPF_OR:
		PUT(e, 0x0d);
		put32(e, in->k);
		break;
	case BPF_XOR:
		PUT(e, 0x35);
		put32(e, in->k);
		break;
	case BPF_MUL:
		PUT(e, 0x69, 0xc0);
		put32(e, in->k);
		break;
	case BPF_DIV:
	case BPF_MOD:
		PUT(e, 0x41, 0xb9);
		put32(e, in->k);
		divide(e, BPF_OP(in->code) == BPF_MOD);
		break;
	case BPF_LSH:
	case BPF_RSH:
		/* By 32 or more it is not defined; like bpf_filter(), as the machine does. */
		put(e, shift, sizeof(shift));
		break;
	default:
		e->ok = false;
	}
}

static void alu_x(struct emitter *e, const struct bpf_insn *in)
{
	switch (BPF_OP(in->code)) {
	case BPF_ADD:
		PUT(e, 0x01, 0xc8);
		break;
	case BPF_SUB:
		PUT(e, 0x29, 0xc8);
		break;
	case BPF_AND:
		PUT(e, 0x21, 0xc8);
		break;
	case BPF_OR:
		PUT(e, 0x09, 0xc8);
		break;
	case BPF_XOR:
		PUT(e, 0x31, 0xc8);
		break;
	case BPF_MUL:
		PUT(e, 0x0f, 0xaf, 0xc1);
		break;
	case BPF_DIV:
	case BPF_MOD:
		PUT(e, 0x85, 0xc9); /* test ecx, ecx */
		jump_if(e, EQUAL, FAIL);
		PUT(e, 0x41, 0x89, 0xc9);
		divide(e, BPF_OP(in->code) == BPF_MOD);
		break;
	case BPF_LSH:
	case BPF_RSH:
		/*
		 * The machine takes the distance modulo 32, but by 32 or more nothing is
		 * left: xor edx, edx; cmp ecx, 32; cmovae eax, edx; shl/shr eax, cl.
		 */
		PUT(e, 0x31, 0xd2, 0x83, 0xf9, 0x20, 0x0f, 0x43, 0xc2);
		if (BPF_OP(in->code) == BPF_LSH)
			PUT(e, 0xd3, 0xe0);
		else
			PUT(e, 0xd3, 0xe8);
		break;
	default:
		e->ok = false;
	}
}

static void jumps(struct emitter *e, const struct bpf_insn *in)
{
	bool test = BPF_OP(in->code) == BPF_JSET;

	if (BPF_OP(in->code) == BPF_JA) {
		jump(e, e->now + 1 + in->k);
		return;
	}
	if (BPF_SRC(in->code) == BPF_X) {
		if (test)
			PUT(e, 0x85, 0xc8);
		else
			PUT(e, 0x39, 0xc8);
	} else {
		if (test)
			PUT(e, 0xa9);
		else
			PUT(e, 0x3d);
		put32(e, in->k);
	}
	switch (BPF_OP(in->code)) {
	case BPF_JEQ:
		branch(e, EQUAL, in);
		break;
	case BPF_JGT:
		branch(e, ABOVE, in);
		break;
	case BPF_JGE:
		branch(e, NOT_BELOW, in);
		break;
	case BPF_JSET:
		branch(e, NOT_EQUAL, in);
		break;
	default:
		e->ok = false;
	}
}

static void returns(struct emitter *e, const struct bpf_insn *in)
{
	switch (BPF_RVAL(in->code)) {
	case BPF_K:
		PUT(e, 0xb8);
		put32(e, in->k);
		break;
	case BPF_A:
		break;
	default:
		e->ok = false;
	}
	PUT(e, 0xc3);
}

/* Does the next instruction follow this one? */
static bool falls_through(const struct bpf_insn *in)
{
	return BPF_CLASS(in->code) != BPF_RET && BPF_CLASS(in->code) != BPF_JMP;
}

static void instruction(struct emitter *e, const struct bpf_insn *in)
{
	const uint8_t st[] = { 0x89, BPF_CLASS(in->code) == BPF_ST ? 0x44 : 0x4c, 0x24,
			       MEM(in->k) };

	switch (BPF_CLASS(in->code)) {
	case BPF_LD:
		load_a(e, in);
		break;
	case BPF_LDX:
		load_x(e, in);
		break;
	case BPF_ST:
	case BPF_STX:
		put(e, st, sizeof(st));
		break;
	case BPF_ALU:
		if (BPF_OP(in->code) == BPF_NEG)
			PUT(e, 0xf7, 0xd8);
		else if (BPF_SRC(in->code) == BPF_X)
			alu_x(e, in);
		else
			alu_k(e, in);
		break;
	case BPF_JMP:
		jumps(e, in);
		break;
	case BPF_RET:
		returns(e, in);
		break;
	default:
		if (BPF_MISCOP(in->code) == BPF_TAX)
			PUT(e, 0x89, 0xc1);
		else
			PUT(e, 0x89, 0xc8);
	}
	if (falls_through(in))
		reach(e, e->now + 1);
}

static bool uses_memory(const struct bpf_insn *insns, u_int n)
{
	u_int i;

	for (i = 0; i < n; i++)
		if (BPF_CLASS(insns[i].code) <= BPF_LDX && BPF_MODE(insns[i].code) == BPF_MEM)
			return true;
	return false;
}

static bool jumps_back(const struct bpf_insn *insns, u_int n)
{
	u_int i;

	for (i = 0; i < n; i++)
		if (insns[i].code == (BPF_JMP | BPF_JA) && insns[i].k > n - i - 2)
			return true;
	return false;
}

static void prologue(struct emitter *e, const struct bpf_insn *insns, u_int n)
{
	u_int i;

	/* endbr64; mov r8d, edx; xor eax, eax; xor ecx, ecx */
	PUT(e, 0xf3, 0x0f, 0x1e, 0xfa, 0x41, 0x89, 0xd0, 0x31, 0xc0, 0x31, 0xc9);
	for (i = 0; uses_memory(insns, n) && i < BPF_MEMWORDS; i++) {
		const uint8_t zero[] = { 0x89, 0x44, 0x24, MEM(i) };

		put(e, zero, sizeof(zero));
	}
}

static void emit(struct emitter *e, const struct bpf_insn *insns, u_int n)
{
	size_t fail;
	u_int i;

	prologue(e, insns, n);
	for (i = 0; i < n; i++)
		e->known[i] = UINT32_MAX;
	e->known[0] = 0;
	for (e->now = 0; e->now < n && e->ok; e->now++) {
		e->starts[e->now] = e->pos;
		/* An instruction that nothing reaches may believe what it likes. */
		e->sure = e->known[e->now];
		instruction(e, &insns[e->now]);
	}
	fail = e->pos;
	PUT(e, 0x31, 0xc0, 0xc3);
	for (i = 0; i < e->nfixups; i++) {
		const struct fixup *f = &e->fixups[i];
		size_t to = f->target == FAIL ? fail : e->starts[f->target];
		int32_t distance = (int32_t)(to - f->pos - 4);

		memcpy(e->out + f->pos, &distance, sizeof(distance));
	}
}

/* Written first, made executable then: never both. */
static bool make_code(struct jit *j, const struct bpf_insn *insns, u_int n)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t size = ((size_t)n + 4) * MOST_BYTES;
	struct emitter e = { .ok = true };

	size = (size + page - 1) / page * page;
	e.out = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (e.out == MAP_FAILED)
		return false;
	/* One more: the last instruction may reach beyond itself, though it never does. */
	e.starts = calloc(n + 1, sizeof(*e.starts));
	e.known = calloc(n + 1, sizeof(*e.known));
	e.fixups = calloc(2 * (size_t)n + 1, sizeof(*e.fixups));
	if (e.starts != NULL && e.known != NULL && e.fixups != NULL)
		emit(&e, insns, n);
	else
		e.ok = false;
	free(e.starts);
	free(e.known);
	free(e.fixups);
	if (!e.ok || mprotect(e.out, size, PROT_READ | PROT_EXEC) != 0) {
		munmap(e.out, size);
		return false;
	}
	j->mem = e.out;
	j->size = size;
	memcpy(&j->run, &j->mem, sizeof(j->run)); /* C has no such cast */
	return true;
}

void jit_make(struct jit *j, const struct bpf_insn *insns, u_int n)
{
	const char *env = secure_getenv("NETMAP_PCAP_JIT");

	*j = (struct jit){ 0 };
	if (n == 0 || n > INT_MAX / 2 || jumps_back(insns, n) ||
	    (env != NULL && strcmp(env, "0") == 0))
		return;
	make_code(j, insns, n);
}

void jit_free(struct jit *j)
{
	if (j->mem != NULL)
		munmap(j->mem, j->size);
	*j = (struct jit){ 0 };
}
