/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Filters as machine code against bpf_filter() of libpcap: on expressions, and on random
 * programs with random packets. The same result, always.
 *
 *	jit_test [ROUNDS [SEED]]
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jit.h"

#define PACKET 256

static uint64_t state;

static uint32_t rnd(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 16);
}

static void fill(u_char *b, u_int n)
{
	u_int i;

	for (i = 0; i < n; i++)
		b[i] = (u_char)(rnd() % 4 ? rnd() : 0);
}

/* Offsets near the ends of the packet, and of the numbers. */
static uint32_t offset(u_int len)
{
	switch (rnd() % 8) {
	case 0:
		return rnd();
	case 1:
		return UINT32_MAX - rnd() % 8;
	case 2:
		return 0x7fffffff - rnd() % 8 + rnd() % 8;
	case 3:
		return len + rnd() % 8 - 4;
	default:
		return rnd() % PACKET;
	}
}

static struct bpf_insn one(u_int left, u_int len)
{
	static const u_short alu[] = { BPF_ADD, BPF_SUB, BPF_MUL, BPF_DIV, BPF_MOD, BPF_AND,
				       BPF_OR,	BPF_XOR, BPF_LSH, BPF_RSH, BPF_NEG };
	static const u_short jmp[] = { BPF_JA, BPF_JEQ, BPF_JGT, BPF_JGE, BPF_JSET };
	static const u_short size[] = { BPF_W, BPF_H, BPF_B };
	static const u_short mode[] = { BPF_IMM, BPF_LEN, BPF_MEM };
	struct bpf_insn in = { .k = offset(len) };

	switch (rnd() % 9) {
	case 0:
	case 1:
		in.code = BPF_LD | size[rnd() % 3] | (rnd() % 2 ? BPF_ABS : BPF_IND);
		break;
	case 2:
		in.code = BPF_LD | mode[rnd() % 3];
		in.k = rnd() % 2 ? in.k : rnd() % BPF_MEMWORDS;
		break;
	case 3:
		in.code = rnd() % 2 ? BPF_LDX | mode[rnd() % 3] : BPF_LDX | BPF_MSH | BPF_B;
		in.k = rnd() % 2 ? in.k : rnd() % BPF_MEMWORDS;
		break;
	case 4:
		in.code = rnd() % 2 ? BPF_ST : BPF_STX;
		in.k = rnd() % BPF_MEMWORDS;
		break;
	case 5:
		in.code = BPF_MISC | (rnd() % 2 ? BPF_TAX : BPF_TXA);
		break;
	case 6:
		in.code = BPF_JMP | jmp[rnd() % 5] | (rnd() % 2 ? BPF_X : BPF_K);
		if (BPF_OP(in.code) == BPF_JA) {
			in.code = BPF_JMP | BPF_JA;
			in.k = rnd() % left;
		}
		in.jt = (u_char)(rnd() % left);
		in.jf = (u_char)(rnd() % left);
		break;
	default:
		in.code = BPF_ALU | alu[rnd() % 11] | (rnd() % 2 ? BPF_X : BPF_K);
		if (BPF_OP(in.code) == BPF_NEG)
			in.code = BPF_ALU | BPF_NEG;
		if (rnd() % 2)
			in.k = rnd() % 40;
	}
	return in;
}

static void complain(const struct bpf_insn *insns, u_int n, u_int want, u_int got)
{
	u_int i;

	for (i = 0; i < n; i++)
		printf("%s\n", bpf_image(&insns[i], (int)i));
	printf("jit_test: FAILED: %u, not %u\n", got, want);
}

/* False: they differ. *made: there was code to compare. */
static bool compare(const struct bpf_insn *insns, u_int n, u_int rounds, bool *made)
{
	u_char packet[PACKET], *exact;
	u_int len, want, got;
	struct jit j;
	bool ok = true;

	jit_make(&j, insns, n);
	*made = j.run != NULL;
	while (j.run != NULL && rounds-- > 0 && ok) {
		len = rnd() % (PACKET + 1);
		/* In memory of just that size, so that reading beyond it is noticed. */
		exact = malloc(len + (len == 0));
		fill(packet, len);
		memcpy(exact, packet, len);
		want = bpf_filter(insns, exact, len * 3, len);
		got = j.run(exact, len * 3, len);
		ok = want == got;
		if (!ok)
			complain(insns, n, want, got);
		free(exact);
	}
	jit_free(&j);
	return ok;
}

static bool expressions(void)
{
	static const char *const exprs[] = {
		"tcp",
		"udp port 53",
		"host 10.0.0.1 and not port 22",
		"ip6 host ::1",
		"tcp[tcpflags] & (tcp-syn|tcp-fin) != 0",
		"vlan 5 and ip",
		"len > 100",
		"ip[2:2] - ((ip[0]&0xf)<<2) > 20",
		"portrange 1-1024",
		"mpls",
		"arp",
		"ether[0] & 1 != 0 and ip[16] >= 224",
		"icmp[icmptype] = icmp-echo",
		"ip and tcp[((tcp[12]&0xf0)>>2):4] = 0x47455420",
		"(ip[8] % 5) = 2",
		"greater 64 and less 128",
		"net 192.168.0.0/16 or net 172.16.0.0/12",
	};
	pcap_t *dead = pcap_open_dead(DLT_EN10MB, 65535);
	struct bpf_program prog;
	bool ok = true, made;
	size_t i;

	for (i = 0; i < sizeof(exprs) / sizeof(exprs[0]); i++) {
		if (pcap_compile(dead, &prog, exprs[i], 1, PCAP_NETMASK_UNKNOWN) != 0) {
			printf("jit_test: %s: %s\n", exprs[i], pcap_geterr(dead));
			return false;
		}
		ok = ok && compare(prog.bf_insns, prog.bf_len, 2000, &made) && made;
		pcap_freecode(&prog);
	}
	pcap_close(dead);
	return ok;
}

static bool random_programs(u_int rounds, u_int *made_count)
{
	struct bpf_insn insns[80];
	u_int i, n;
	bool made;

	/* What bpf_filter() finds in M[] before anything was put there is not defined. */
	for (i = 0; i < BPF_MEMWORDS; i++)
		insns[i] = (struct bpf_insn)BPF_STMT(BPF_ST, i);
	while (rounds-- > 0) {
		n = BPF_MEMWORDS + 2 + rnd() % 60;
		for (i = BPF_MEMWORDS; i < n - 1; i++)
			insns[i] = one(n - 1 - i, rnd() % PACKET);
		insns[n - 1] =
			(struct bpf_insn)BPF_STMT(BPF_RET | (rnd() % 4 ? BPF_A : BPF_K), rnd());
		if (!bpf_validate(insns, (int)n))
			continue;
		if (!compare(insns, n, 20, &made))
			return false;
		*made_count += made;
	}
	return true;
}

int main(int argc, char **argv)
{
	u_int rounds = argc > 1 ? (u_int)atoi(argv[1]) : 20000, made = 0;
	struct jit probe;
	static const struct bpf_insn accept = BPF_STMT(BPF_RET | BPF_K, 1);

	state = argc > 2 ? (uint64_t)atoll(argv[2]) : 88172645463325252ULL;
	jit_make(&probe, &accept, 1);
	if (probe.run == NULL) {
		printf("jit_test: skipped: no machine code here\n");
		return 77;
	}
	jit_free(&probe);
	if (!expressions() || !random_programs(rounds, &made))
		return 1;
	printf("jit_test: %u random programs\n", made);
	return made > rounds / 10 ? 0 : 1;
}
