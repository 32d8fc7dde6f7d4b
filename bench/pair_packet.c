// SPDX-License-Identifier: BSD-2-Clause
/* AF_PACKET by system calls, past the queueing discipline. */
#include "pair.h"

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>

#define FRAME 2048

static int from, to;
static char out[PAIR_BATCH_MAX][FRAME], in[PAIR_BATCH_MAX][FRAME];
static struct iovec out_iov[PAIR_BATCH_MAX], in_iov[PAIR_BATCH_MAX];
static struct mmsghdr out_msg[PAIR_BATCH_MAX], in_msg[PAIR_BATCH_MAX];

static int socket_open(const char *ifname, int proto)
{
	struct sockaddr_ll addr = { .sll_family = AF_PACKET,
				    .sll_protocol = htons(proto),
				    .sll_ifindex = if_nametoindex(ifname) };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), one = 1, size = 64 << 20;

	if (fd < 0)
		err(1, "AF_PACKET");
	if (!addr.sll_ifindex)
		err(1, "%s", ifname);
	if (setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
		err(1, "setsockopt");
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		err(1, "bind to %s", ifname);
	return fd;
}

static void way_open(const char *a, const char *b)
{
	from = socket_open(a, 0);
	to = socket_open(b, ETH_P_ALL);
	for (unsigned i = 0; i < PAIR_BATCH_MAX; i++) {
		out_iov[i] = (struct iovec){ .iov_base = out[i] };
		in_iov[i] = (struct iovec){ .iov_base = in[i], .iov_len = FRAME };
		out_msg[i].msg_hdr = (struct msghdr){ .msg_iov = &out_iov[i], .msg_iovlen = 1 };
		in_msg[i].msg_hdr = (struct msghdr){ .msg_iov = &in_iov[i], .msg_iovlen = 1 };
	}
}

static unsigned send_some(unsigned n, unsigned len)
{
	int sent;

	for (unsigned k = 0; k < n; k++) {
		pair_header(out[k], 2, 1);
		out_iov[k].iov_len = len;
	}
	sent = sendmmsg(from, out_msg, n, MSG_DONTWAIT);
	if (sent < 0 && errno != EAGAIN && errno != ENOBUFS)
		err(1, "sendmmsg");
	return sent < 0 ? 0 : sent;
}

static unsigned receive(void)
{
	int n = recvmmsg(to, in_msg, PAIR_BATCH_MAX, MSG_DONTWAIT, NULL);

	if (n < 0 && errno != EAGAIN)
		err(1, "recvmmsg");
	for (int k = 0; k < n; k++) {
		uint64_t v;

		memcpy(&v, in[k], sizeof(v));
		pair_sum += v;
	}
	return n < 0 ? 0 : n;
}

static void empty(void)
{
	if (sendmmsg(from, out_msg, 0, MSG_DONTWAIT) < 0)
		err(1, "sendmmsg");
	receive();
}

const struct pair_way pair_packet = {
	.name = "packet",
	.open = way_open,
	.send = send_some,
	.receive = receive,
	.empty = empty,
};
