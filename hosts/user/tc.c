// SPDX-License-Identifier: BSD-2-Clause
#include "tc.h"
#include "bpf.h"
#include "rtnl.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>

/* Linux 6.6 */
#define TCX_INGRESS 46
#define TCX_EGRESS  47

#define FILTER_PRIO   1
#define FILTER_HANDLE 0x6e6d

static int load_prog(bool ingress, unsigned int to)
{
	const struct bpf_insn in[] = {
		BPF_SET(BPF_REG_1, to),
		BPF_SET(BPF_REG_2, BPF_F_INGRESS),
		BPF_DO(BPF_FUNC_redirect),
		BPF_RETURN(),
	};
	const struct bpf_insn out[] = {
		/* is it there? the answer that matters is the error */
		BPF_STORE(BPF_W, BPF_REG_10, -4, 0),
		BPF_SET(BPF_REG_2, to),
		BPF_MOVE(BPF_REG_3, BPF_REG_10),
		BPF_ADD_TO(BPF_REG_3, -4),
		BPF_SET(BPF_REG_4, 0),
		BPF_SET(BPF_REG_5, 0),
		BPF_DO(BPF_FUNC_check_mtu),
		BPF_SKIP_IF_K(BPF_JSLT, BPF_REG_0, 0, 4),
		BPF_SET(BPF_REG_1, to),
		BPF_SET(BPF_REG_2, 0),
		BPF_DO(BPF_FUNC_redirect),
		BPF_RETURN(),
		BPF_SET(BPF_REG_0, TC_ACT_UNSPEC),
		BPF_RETURN(),
	};

	if (ingress)
		return bpf_load(BPF_PROG_TYPE_SCHED_CLS, in, sizeof(in) / sizeof(in[0]));
	return bpf_load(BPF_PROG_TYPE_SCHED_CLS, out, sizeof(out) / sizeof(out[0]));
}

/* ---- by a link ---- */

static int link_attach(struct tc *tc, int prog_fd)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.link_create.prog_fd = prog_fd;
	attr.link_create.target_ifindex = tc->ifindex;
	attr.link_create.attach_type = tc->ingress ? TCX_INGRESS : TCX_EGRESS;
	return bpf(BPF_LINK_CREATE, &attr);
}

/* Explicitly, since closing a link that somebody else looks at would not do. */
static void link_detach(int fd)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.link_detach.link_fd = fd;
	bpf(BPF_LINK_DETACH, &attr);
	close(fd);
}

/* ---- by a filter ---- */

static struct tcmsg parent(unsigned int ifindex, bool ingress)
{
	return (struct tcmsg){
		.tcm_family = AF_UNSPEC,
		.tcm_ifindex = (int)ifindex,
		.tcm_parent = TC_H_MAKE(TC_H_CLSACT, ingress ? TC_H_MIN_INGRESS : TC_H_MIN_EGRESS),
	};
}

static int qdisc(unsigned int ifindex, uint16_t type, uint16_t flags)
{
	struct tcmsg t = { .tcm_ifindex = (int)ifindex,
			   .tcm_parent = TC_H_CLSACT,
			   .tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0) };
	struct rtnl r;

	rtnl_init(&r, type, flags, &t, sizeof(t));
	rtnl_put_string(&r, TCA_KIND, "clsact");
	return rtnl_call(&r, NULL, NULL);
}

static void count_filter(void *arg, const struct nlmsghdr *h)
{
	const struct tcmsg *t = NLMSG_DATA(h);

	*(uint32_t *)arg += h->nlmsg_type == RTM_NEWTFILTER && t->tcm_handle != 0;
}

/* Filters of others on the interface, either way: then its qdisc has to stay. */
static bool has_filters(unsigned int ifindex)
{
	uint32_t n = 0;

	for (int ingress = 0; ingress < 2; ingress++) {
		struct tcmsg t = parent(ifindex, ingress);
		struct rtnl r;

		rtnl_init(&r, RTM_GETTFILTER, NLM_F_DUMP, &t, sizeof(t));
		if (rtnl_call(&r, count_filter, &n))
			return true;
	}
	return n > 0;
}

static void filter_init(struct rtnl *r, const struct tc *tc, uint16_t type, uint16_t flags)
{
	struct tcmsg t = parent(tc->ifindex, tc->ingress);

	t.tcm_handle = FILTER_HANDLE;
	t.tcm_info = TC_H_MAKE(FILTER_PRIO << 16, htons(ETH_P_ALL));
	rtnl_init(r, type, flags, &t, sizeof(t));
	rtnl_put_string(r, TCA_KIND, "bpf");
}

static int filter_attach(struct tc *tc, int prog_fd)
{
	struct rtattr *nest;
	struct rtnl r;
	int error = qdisc(tc->ifindex, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL);

	tc->made_qdisc = !error;
	if (error && error != -EEXIST)
		return error;
	filter_init(&r, tc, RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_REPLACE);
	nest = rtnl_nest(&r, TCA_OPTIONS);
	rtnl_put_u32(&r, TCA_BPF_FD, prog_fd);
	rtnl_put_string(&r, TCA_BPF_NAME, "netmap");
	rtnl_put_u32(&r, TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT);
	rtnl_end(&r, nest);
	error = rtnl_call(&r, NULL, NULL);
	if (error && tc->made_qdisc)
		qdisc(tc->ifindex, RTM_DELQDISC, 0);
	return error;
}

static void filter_detach(struct tc *tc)
{
	struct rtnl r;

	filter_init(&r, tc, RTM_DELTFILTER, 0);
	rtnl_call(&r, NULL, NULL);
	if (tc->made_qdisc && !has_filters(tc->ifindex))
		qdisc(tc->ifindex, RTM_DELQDISC, 0);
}

int tc_attach(struct tc *tc, unsigned int ifindex, bool ingress, unsigned int to)
{
	int prog_fd = load_prog(ingress, to);
	int error = 0;

	if (prog_fd < 0)
		return prog_fd;
	*tc = (struct tc){ .ifindex = ifindex, .ingress = ingress };
	tc->link_fd = link_attach(tc, prog_fd);
	if (tc->link_fd < 0) {
		tc->link_fd = -1;
		error = filter_attach(tc, prog_fd);
	}
	if (error)
		tc->ifindex = 0;
	close(prog_fd); /* whoever runs it holds it */
	return error;
}

void tc_detach(struct tc *tc)
{
	if (!tc->ifindex)
		return;
	if (tc->link_fd >= 0)
		link_detach(tc->link_fd);
	else
		filter_detach(tc);
	tc->ifindex = 0;
}
