/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Filters. A program is checked once, made ready once, and then run for every packet: as
 * machine code where we can make that (jit.h), else by the system's bpf_filter().
 *
 * Programs for live captures may load what a packet socket knows beside the packet. On a
 * port most of that is known beforehand, and so the loads become constants.
 */
#include "handle.h"
#include "jit.h"

#include <linux/filter.h>
#include <stdlib.h>
#include <string.h>

/* linux/filter.h calls it by another name than pcap/bpf.h; it is the same. */
_Static_assert(sizeof(struct bpf_insn) == sizeof(struct sock_filter), "instructions");

struct code {
	struct bpf_insn *insns;
	struct jit jit;
};

struct filter {
	struct code in;	 /* for packets that the port received */
	struct code out; /* that it sent: differs where the program asks */
	bool asks;
	struct filter *next; /* in a list of filters that were replaced */
};

#define AD(what) ((bpf_u_int32)(SKF_AD_OFF + (what)))

/* What the kernel's constants of the same names mean. */
#define PACKET_HOST_	 0
#define PACKET_OUTGOING_ 4

static void constant(struct bpf_insn *insn, bpf_u_int32 k)
{
	insn->code = BPF_LD | BPF_IMM;
	insn->k = k;
}

/* Rewrites one load. False: it asks for something that nobody here knows. */
static bool rewrite(struct bpf_insn *insn, unsigned int nic, bool outgoing, bool *asks)
{
	if (BPF_CLASS(insn->code) != BPF_LD || BPF_MODE(insn->code) != BPF_ABS ||
	    insn->k < (bpf_u_int32)SKF_LL_OFF)
		return true;
	switch (insn->k) {
	case AD(SKF_AD_PROTOCOL):
		insn->code = BPF_LD | BPF_H | BPF_ABS;
		insn->k = 12;
		return true;
	case AD(SKF_AD_PKTTYPE):
		constant(insn, outgoing ? PACKET_OUTGOING_ : PACKET_HOST_);
		*asks = true;
		return true;
	case AD(SKF_AD_IFINDEX):
		constant(insn, nic);
		return true;
	case AD(SKF_AD_HATYPE):
		constant(insn, 1);
		return true;
	case AD(SKF_AD_MARK):
	case AD(SKF_AD_QUEUE):
	case AD(SKF_AD_RXHASH):
	case AD(SKF_AD_VLAN_TAG):
	case AD(SKF_AD_VLAN_TAG_PRESENT): /* tags are in the packet */
	case AD(SKF_AD_VLAN_TPID):
		constant(insn, 0);
		return true;
	default:
		return false;
	}
}

static bool code_make(struct code *c, const struct bpf_program *prog, unsigned int nic,
		      bool outgoing, bool *asks, char *err)
{
	u_int i, n = prog->bf_len;

	c->insns = malloc(n * sizeof(*c->insns));
	if (c->insns == NULL) {
		snprintf(err, PCAP_ERRBUF_SIZE, "malloc: %s", strerror(errno));
		return false;
	}
	memcpy(c->insns, prog->bf_insns, n * sizeof(*c->insns));
	for (i = 0; i < n; i++) {
		if (!rewrite(&c->insns[i], nic, outgoing, asks)) {
			snprintf(err, PCAP_ERRBUF_SIZE,
				 "setfilter: instruction %u loads from %d, which a port of "
				 "netmap does not have",
				 i, (int)c->insns[i].k);
			return false;
		}
	}
	jit_make(&c->jit, c->insns, n);
	return true;
}

static void code_free(struct code *c)
{
	jit_free(&c->jit);
	free(c->insns);
}

/* nic: index of the interface, 0 if the port is none. NULL: see err. */
struct filter *filter_new(const struct bpf_program *prog, unsigned int nic, char *err)
{
	struct filter *f;
	bool asks = false;

	if (prog == NULL || prog->bf_insns == NULL || prog->bf_len == 0 ||
	    !sys()->bpf_validate(prog->bf_insns, (int)prog->bf_len)) {
		snprintf(err, PCAP_ERRBUF_SIZE, "%s",
			 prog == NULL ? "setfilter: No filter specified" :
					"BPF program is not valid");
		return NULL;
	}
	f = calloc(1, sizeof(*f));
	if (f == NULL) {
		snprintf(err, PCAP_ERRBUF_SIZE, "malloc: %s", strerror(errno));
		return NULL;
	}
	if (!code_make(&f->in, prog, nic, false, &asks, err) ||
	    (asks && !code_make(&f->out, prog, nic, true, &asks, err))) {
		filter_free(f);
		return NULL;
	}
	f->asks = asks;
	return f;
}

void filter_free(struct filter *f)
{
	while (f != NULL) {
		struct filter *next = f->next;

		code_free(&f->in);
		code_free(&f->out);
		free(f);
		f = next;
	}
}

u_int filter_run(const struct filter *f, const u_char *data, u_int len, u_int caplen, bool outgoing)
{
	const struct code *c = f->asks && outgoing ? &f->out : &f->in;

	if (c->jit.run != NULL)
		return c->jit.run(data, len, caplen);
	return sys()->bpf_filter(c->insns, data, len, caplen);
}

/* The reader may be in the old one now: it will free it when it has left it. */
static void retire(pcap_t *p, struct filter *old)
{
	struct filter *head = __atomic_load_n(&p->old_filters, __ATOMIC_RELAXED);

	do
		old->next = head;
	while (!__atomic_compare_exchange_n(&p->old_filters, &head, old, 0, __ATOMIC_ACQ_REL,
					    __ATOMIC_RELAXED));
}

int netmap_pcap_setfilter(pcap_t *p, struct bpf_program *prog)
{
	struct filter *f, *old;

	if (!p->active)
		return handle_inactive(p);
	f = filter_new(prog, p->nic_index, p->err);
	if (f == NULL)
		return PCAP_ERROR;
	old = __atomic_exchange_n(&p->filter, f, __ATOMIC_ACQ_REL);
	if (old != NULL)
		retire(p, old);
	return 0;
}
