// SPDX-License-Identifier: BSD-2-Clause
/*
 * A program between an interface and the stack that it belongs to: TCP goes on, both ways,
 * with all the offloads that the stack has, to a real stack at the other end of the wire.
 */
#include "hostnet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libnmcore.h>
#include <net/netmap_user.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define TCP_PORT 7000
#define BLOCK	 65536

/* ---- TCP ---- */

static int tcp_socket(const char *ip, bool server)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(TCP_PORT) };
	struct timeval limit = { .tv_sec = 20 };
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	check(fd >= 0);
	inet_pton(AF_INET, ip, &a.sin_addr);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (server)
		check(!bind(fd, (struct sockaddr *)&a, sizeof(a)) && !listen(fd, 4));
	else
		check(!connect(fd, (struct sockaddr *)&a, sizeof(a)), "%s", strerror(errno));
	return fd;
}

static void block_make(uint8_t *buf, uint32_t number)
{
	for (uint32_t i = 0; i < BLOCK; i += 4) {
		uint32_t v = number * 2654435761u + i;

		memcpy(buf + i, &v, 4);
	}
}

static void tcp_write(int fd, uint32_t blocks)
{
	uint8_t buf[BLOCK];
	ssize_t n;

	for (uint32_t b = 0; b < blocks; b++) {
		block_make(buf, b);
		for (size_t done = 0; done < BLOCK; done += (size_t)n) {
			n = send(fd, buf + done, BLOCK - done, MSG_NOSIGNAL);
			check(n > 0, "send: %s", strerror(errno));
		}
	}
	shutdown(fd, SHUT_WR);
}

static uint32_t tcp_read(int fd)
{
	uint8_t buf[BLOCK], want[BLOCK];
	uint32_t blocks = 0;
	size_t have = 0;
	ssize_t n;

	while ((n = recv(fd, buf + have, BLOCK - have, 0)) > 0) {
		have += (size_t)n;
		if (have < BLOCK)
			continue;
		block_make(want, blocks++);
		check(!memcmp(buf, want, BLOCK), "block %u differs", blocks - 1);
		have = 0;
	}
	check(!n && !have, "recv: %s", n ? strerror(errno) : "half a block");
	return blocks;
}

/* ---- the far station ---- */

static pid_t far_pid;
static int far_ready; /* a line to it: a byte each way */

/* Two connections: it sends on the first what it got as a number there, reads the second. */
static void far_main(int line)
{
	char c;
	int s;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	check(!unshare(CLONE_NEWNET) && write(line, "u", 1) == 1 && read(line, &c, 1) == 1);
	check(!sh("ip link set lo up && ip addr add " FAR_ADDR "/24 dev nt1 && "
		  "ip link set nt1 up"));
	/* where the XDP program is in the stack, AF_XDP gets nothing longer than a buffer */
	if (!host_is("kernel"))
		check(!sh("ethtool -K nt1 tso off gso off >/dev/null"));
	s = tcp_socket(FAR_ADDR, true);
	check(write(line, "r", 1) == 1);
	for (;;) {
		uint32_t n;
		int fd = accept(s, NULL, NULL);

		if (fd < 0)
			continue;
		check(recv(fd, &n, 4, MSG_WAITALL) == 4);
		if (n)
			tcp_write(fd, n);
		n = tcp_read(fd);
		if (n)
			check(send(fd, &n, 4, 0) == 4);
		close(fd);
	}
}

static void far_start(void)
{
	int line[2];
	char c;

	check(!socketpair(AF_UNIX, SOCK_STREAM, 0, line));
	far_pid = fork();
	if (!far_pid)
		far_main(line[1]);
	far_ready = line[0];
	check(read(far_ready, &c, 1) == 1 && c == 'u');
	check(!sh("ip link set nt1 netns %d", far_pid));
	check(write(far_ready, "g", 1) == 1 && read(far_ready, &c, 1) == 1 && c == 'r');
	/* it has an address of its own now */
	check(!sh("ip neigh del " FAR_ADDR " dev nt0"));
}

/* ---- the bridge ---- */

struct bridge {
	struct port nic, host;
	uint64_t moved[2];
	bool copy, stop;
};

/* Exchanges buffers, or copies: from all of the rings of one side to one of the other. */
static uint32_t move(struct bridge *b, struct netmap_ring *from, struct netmap_ring *to)
{
	uint32_t n = 0;

	for (; !nm_ring_empty(from) && !nm_ring_empty(to); n++) {
		struct netmap_slot *r = &from->slot[from->head], *t = &to->slot[to->head];
		uint32_t idx = t->buf_idx;

		if (b->copy) {
			memcpy(NETMAP_BUF(to, t->buf_idx), NETMAP_BUF(from, r->buf_idx), r->len);
			t->flags = r->flags & NS_MOREFRAG;
		} else {
			t->buf_idx = r->buf_idx;
			r->buf_idx = idx;
			t->flags = NS_BUF_CHANGED | (r->flags & NS_MOREFRAG);
			r->flags = NS_BUF_CHANGED;
		}
		t->len = r->len;
		from->head = from->cur = nm_ring_next(from, from->head);
		to->head = to->cur = nm_ring_next(to, to->head);
	}
	return n;
}

static void *bridge_main(void *arg)
{
	struct bridge *b = arg;

	while (!__atomic_load_n(&b->stop, __ATOMIC_RELAXED)) {
		struct pollfd pfd[2] = { { .fd = b->nic.fd, .events = POLLIN },
					 { .fd = b->host.fd, .events = POLLIN } };

		check(nmhost_poll(pfd, 2, 50) >= 0);
		b->moved[0] += move(b, port_rxring(&b->nic, 0), host_txring(&b->host, 0));
		for (uint32_t i = 0; i < b->host.nifp->ni_host_rx_rings; i++)
			b->moved[1] += move(b, host_rxring(&b->host, i), port_txring(&b->nic, 0));
		check(!port_ioctl(&b->nic, NIOCTXSYNC, NULL), "%s", port_error(&b->nic));
		check(!port_ioctl(&b->host, NIOCTXSYNC, NULL), "%s", port_error(&b->host));
	}
	return NULL;
}

static void transfer(uint32_t down, uint32_t up)
{
	int fd = tcp_socket(FAR_ADDR, false);
	uint32_t n;

	check(send(fd, &down, 4, 0) == 4);
	if (down) {
		check(tcp_read(fd) == down);
		tcp_write(fd, 0);
	} else {
		tcp_write(fd, up);
		check(recv(fd, &n, 4, MSG_WAITALL) == 4 && n == up, "%u blocks arrived", n);
	}
	close(fd);
}

static void test_tcp(uint16_t host_rings, bool copy)
{
	struct bridge b = { .copy = copy };
	pthread_t thread;

	check(!port_open(&b.nic, "nt0", NR_REG_ALL_NIC, 0, 0), "%s", port_error(&b.nic));
	port_close(&b.nic);
	check(!port_open_host(&b.host, "nt0", NR_REG_SW, 0, 0, host_rings), "%s",
	      port_error(&b.host));
	check(!port_open(&b.nic, "nt0", NR_REG_ALL_NIC, 0, 0), "%s", port_error(&b.nic));
	check(b.nic.reg.nr_mem_id == b.host.reg.nr_mem_id);
	check(!pthread_create(&thread, NULL, bridge_main, &b));
	check(!sh("ping -q -c 3 -i 0.2 -W 5 " FAR_ADDR " >/dev/null"));
	transfer(0, 96);
	/* the stack gave it in large pieces, without checksums */
	check(state_lacks(" 0 packets cut") && state_lacks(" 0 checksums completed"));
	transfer(96, 0);
	for (int i = 0; i < 6; i++) {
		transfer(1, 0);
		transfer(0, 1);
	}
	__atomic_store_n(&b.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	check(b.moved[0] > 4000 && b.moved[1] > 4000, "%llu and %llu packets",
	      (unsigned long long)b.moved[0], (unsigned long long)b.moved[1]);
	port_close(&b.nic);
	port_close(&b.host);
	/* and without a program in between */
	transfer(16, 0);
	transfer(0, 16);
}

/* The interface and its stack as members of a switch, with a program as a third. */
static void test_switch(void)
{
	struct nmreq_vale_attach att = { .reg.nr_mode = NR_REG_NIC_SW };
	struct nmreq_vale_detach det = { 0 };
	struct port ctl = { .fd = nmhost_open() }, third;

	check(ctl.fd >= 0);
	check(!port_request(&ctl, NETMAP_REQ_VALE_ATTACH, "valeT:nt0", &att), "%s",
	      port_error(&ctl));
	check(!port_open(&third, "valeT:p", NR_REG_ALL_NIC, 0, 0), "%s", port_error(&third));
	check(!sh("ping -q -c 3 -i 0.2 -W 5 " FAR_ADDR " >/dev/null"));
	transfer(0, 96);
	transfer(96, 0);
	for (int i = 0; i < 6; i++) {
		transfer(1, 0);
		transfer(0, 1);
	}
	check(port_stat("nt0", "rx") > 4000, "%ld packets", port_stat("nt0", "rx"));
	/* a broadcast gets to the third, which sees little of what is not for it */
	check(sh("ping -q -b -c 2 -i 0.2 -W 1 10.78.0.255 >/dev/null 2>&1") >= 0);
	check(port_wait(&third, POLLIN, 1000) & POLLIN);
	check(nm_ring_space(port_rxring(&third, 0)) < 100, "%u packets",
	      nm_ring_space(port_rxring(&third, 0)));
	check(!port_request(&ctl, NETMAP_REQ_VALE_DETACH, "valeT:nt0", &det));
	port_close(&third);
	port_close(&ctl);
	transfer(16, 0);
	transfer(0, 16);
}

int main(void)
{
	nmcore_set("verbose", 0);
	if (sh("command -v ping >/dev/null && command -v ethtool >/dev/null"))
		skip("no ping(8) or ethtool(8)");
	net_setup(1);
	hostnet_setup();
	far_start();
	for (int by_stack = 0; by_stack < 2; by_stack++) {
		net_by_stack(by_stack);
		test_tcp(0, false);
		test_tcp(0, true);
		test_tcp(4, false);
		test_switch();
	}
	net_by_stack(false);
	kill(far_pid, SIGKILL);
	waitpid(far_pid, NULL, 0);
	return 0;
}
