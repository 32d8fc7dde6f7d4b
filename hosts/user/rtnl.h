/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests to rtnetlink: a header of the request's own, and attributes, which nest. */
#ifndef NM_RTNL_H
#define NM_RTNL_H

#include "os.h"

#include <linux/rtnetlink.h>

struct rtnl {
	union {
		struct nlmsghdr h;
		char bytes[1024];
	};
};

/* A request with its fixed part, the first `size` bytes of which are given. */
void rtnl_init(struct rtnl *r, uint16_t type, uint16_t flags, const void *fixed, size_t size);
void rtnl_put(struct rtnl *r, uint16_t type, const void *data, size_t len);
void rtnl_put_u32(struct rtnl *r, uint16_t type, uint32_t v);
void rtnl_put_string(struct rtnl *r, uint16_t type, const char *s);
/* What is put until end() is inside the attribute. */
struct rtattr *rtnl_nest(struct rtnl *r, uint16_t type);
void rtnl_end(struct rtnl *r, struct rtattr *nest);

/* Sends it, and calls fn, unless that is NULL, for what it tells: 0 or -errno. */
int rtnl_call(struct rtnl *r, void (*fn)(void *arg, const struct nlmsghdr *h), void *arg);

/* The attribute of that type among `len` bytes of them; NULL: there is none. */
const struct rtattr *rtnl_find(const struct rtattr *a, int len, int type);

#endif /* NM_RTNL_H */
