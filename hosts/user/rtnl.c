// SPDX-License-Identifier: BSD-2-Clause
#include "rtnl.h"

#include <sys/socket.h>
#include <unistd.h>

/* Requests are made here, of parts whose sizes are known: they fit. */
static void *grow(struct rtnl *r, size_t len)
{
	void *at = r->bytes + NLMSG_ALIGN(r->h.nlmsg_len);

	r->h.nlmsg_len = NLMSG_ALIGN(r->h.nlmsg_len) + len;
	return at;
}

void rtnl_init(struct rtnl *r, uint16_t type, uint16_t flags, const void *fixed, size_t size)
{
	memset(r, 0, sizeof(*r));
	r->h.nlmsg_len = NLMSG_HDRLEN;
	r->h.nlmsg_type = type;
	r->h.nlmsg_flags = NLM_F_REQUEST | flags;
	memcpy(grow(r, size), fixed, size);
}

void rtnl_put(struct rtnl *r, uint16_t type, const void *data, size_t len)
{
	struct rtattr *a = grow(r, RTA_LENGTH(len));

	a->rta_type = type;
	a->rta_len = RTA_LENGTH(len);
	memcpy(RTA_DATA(a), data, len);
}

void rtnl_put_u32(struct rtnl *r, uint16_t type, uint32_t v)
{
	rtnl_put(r, type, &v, sizeof(v));
}

void rtnl_put_string(struct rtnl *r, uint16_t type, const char *s)
{
	rtnl_put(r, type, s, strlen(s) + 1);
}

struct rtattr *rtnl_nest(struct rtnl *r, uint16_t type)
{
	struct rtattr *a = grow(r, RTA_LENGTH(0));

	a->rta_type = type;
	a->rta_len = RTA_LENGTH(0);
	return a;
}

void rtnl_end(struct rtnl *r, struct rtattr *nest)
{
	nest->rta_len = r->bytes + r->h.nlmsg_len - (char *)nest;
}

const struct rtattr *rtnl_find(const struct rtattr *a, int len, int type)
{
	for (; RTA_OK(a, len); a = RTA_NEXT(a, len))
		if ((a->rta_type & NLA_TYPE_MASK) == type)
			return a;
	return NULL;
}

static int send_request(struct rtnl *r)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd < 0)
		return -errno;
	if (send(fd, r->bytes, r->h.nlmsg_len, 0) < 0) {
		int error = -errno;

		close(fd);
		return error;
	}
	return fd;
}

/* Reads answers until the last: 0 or -errno. */
static int read_answers(int fd, void (*fn)(void *arg, const struct nlmsghdr *h), void *arg)
{
	union {
		struct nlmsghdr h;
		char bytes[32768];
	} reply;
	ssize_t n;

	for (;;) {
		struct nlmsghdr *h = &reply.h;
		uint32_t len;

		n = recv(fd, &reply, sizeof(reply), 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EIO;
		for (len = n; NLMSG_OK(h, len); h = NLMSG_NEXT(h, len)) {
			/* both begin with an error number, which may be 0 */
			if (h->nlmsg_type == NLMSG_ERROR || h->nlmsg_type == NLMSG_DONE)
				return *(int *)NLMSG_DATA(h);
			if (fn)
				fn(arg, h);
		}
	}
}

int rtnl_call(struct rtnl *r, void (*fn)(void *arg, const struct nlmsghdr *h), void *arg)
{
	int fd, error;

	r->h.nlmsg_flags |= NLM_F_ACK;
	fd = send_request(r);
	if (fd < 0)
		return fd;
	error = read_answers(fd, fn, arg);
	close(fd);
	return error;
}
