// SPDX-License-Identifier: BSD-2-Clause
/* The stack gets its interface back, whatever happens; and nonsense in host rings. */
#include "hostnet.h"

#include <errno.h>
#include <libnmcore.h>
#include <net/netmap_user.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PORT 5000

/* What the stack sends leaves by the wire, what arrives there it receives. */
static void stack_works(void)
{
	int udp = udp_open(PORT), raw = raw_open("nt1");
	struct pollfd pfd = { .fd = raw, .events = POLLIN };
	uint8_t buf[300];
	uint32_t got = 0;
	ssize_t len;

	udp_send(udp, 10, 100, 0);
	while (got < 10 && poll(&pfd, 1, 500) > 0) {
		len = recv(raw, buf, sizeof(buf), MSG_DONTWAIT);
		got += len > 0 && udp_frame_is(buf, (uint32_t)len);
	}
	check(got == 10, "%u of 10 on the wire", got);
	for (uint32_t i = 0; i < 10; i++) {
		len = udp_frame(buf, PORT, 100, i, false);
		check(send(raw, buf, (size_t)len, 0) == len);
	}
	check(udp_receive(udp, 10, 0, 500) == 10);
	close(udp);
	close(raw);
}

static void rings_work(void)
{
	int udp = udp_open(PORT);
	struct port p;

	check(!port_open(&p, "nt0", NR_REG_SW, 0, 0), "%s", port_error(&p));
	udp_send(udp, 100, 100, 0);
	check(ring_receive(&p, 100, 500, NULL) == 100);
	ring_send(&p, host_txring(&p, 0), PORT, 100, 100, 0);
	check(udp_receive(udp, 100, 0, 500) == 100);
	port_close(&p);
	close(udp);
}

/* No interface, filter or program of ours is left; filters of others are. */
static void nothing_left(void)
{
	check(!sh("test -z \"$(ip -o link | grep nmhost)\""));
	check(!sh("test -z \"$(ip -o link show dev nt0 | grep xdp)\""));
	check(!sh("test -z \"$(tc filter show dev nt0 egress 2>&1 | grep -w netmap)\""));
}

static void test_as_found(void)
{
	stack_works();
	rings_work();
	nothing_left();
	check(!sh("test -z \"$(tc qdisc show dev nt0 2>&1 | grep clsact)\""));
	stack_works();
	/* somebody else's queueing discipline stays, and what is in it */
	if (sh("tc qdisc add dev nt0 clsact 2>/dev/null"))
		return;
	rings_work();
	check(!sh("tc qdisc show dev nt0 | grep -q clsact"));
	check(!sh("tc qdisc del dev nt0 clsact"));
	nothing_left();
	stack_works();
}

/* The host in a process needs TAP interfaces, and says so; for the rest it does not. */
static void test_no_tap(void)
{
	int status, raw = raw_open("nt1");
	pid_t pid = fork();

	if (!pid) {
		struct netmap_ring *r;
		struct port p;

		check(!unshare(CLONE_NEWNS) && !sh("mount --make-rprivate / && "
						   "mount -t tmpfs none /dev/net"));
		check(port_open(&p, "nt0", NR_REG_SW, 0, 0) < 0 && p.error == EOPNOTSUPP);
		check(strstr(port_error(&p), "/dev/net/tun"), "%s", port_error(&p));
		port_close(&p);
		check(!port_open(&p, "nt0", NR_REG_ALL_NIC, 0, 0), "%s", port_error(&p));
		r = port_rxring(&p, 0);
		r->flags |= NR_FORWARD;
		check(raw_send(raw, 1, 60, 0) == 1 && (port_wait(&p, POLLIN, 500) & POLLIN));
		r->slot[r->head].flags |= NS_FORWARD;
		r->head = r->cur = nm_ring_next(r, r->head);
		check(!port_ioctl(&p, NIOCRXSYNC, NULL));
		check(state_has("os 1"));
		port_close(&p);
		_exit(0);
	}
	check(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && !WEXITSTATUS(status));
	close(raw);
	nothing_left();
}

/* Somebody deletes the TAP interface: the program is told, the stack sends by the wire. */
static void test_tap_deleted(void)
{
	struct port p;

	check(!port_open(&p, "nt0", NR_REG_SW, 0, 0), "%s", port_error(&p));
	check(!sh("ip link del $(ip -o link | sed -n 's/.*\\(nmhost[0-9]*\\).*/\\1/p')"));
	check(port_wait(&p, POLLIN, 500) & POLLERR);
	check(port_ioctl(&p, NIOCRXSYNC, NULL) < 0);
	stack_works();
	port_close(&p);
	rings_work();
	nothing_left();
}

/* The program is killed, at any moment. */
static void test_killed(void)
{
	for (int i = 0; i < 5; i++) {
		pid_t pid = fork();

		if (!pid) {
			struct port p;
			int udp = udp_open(PORT + 1);

			check(!port_open(&p, "nt0", NR_REG_NIC_SW, 0, 0));
			for (;;) {
				udp_send(udp, 10, 100, 0);
				port_ioctl(&p, NIOCRXSYNC, NULL);
				port_ioctl(&p, NIOCTXSYNC, NULL);
			}
		}
		usleep(50000 + (useconds_t)i * 40000);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		/* sockets and links of a killed process are gone a moment later */
		usleep(50000);
		stack_works();
	}
	rings_work();
	nothing_left();
}

/* Down, or gone, while a program has it open and waits. */
static void test_gone(const char *what, int expect)
{
	struct port p;
	pid_t pid;
	double start;

	check(!port_open(&p, "nt0", NR_REG_SW, 0, 0), "%s", port_error(&p));
	pid = fork();
	if (!pid) {
		usleep(200000);
		_exit(sh("%s", what));
	}
	start = now();
	while (!(port_wait(&p, POLLIN, 200) & POLLERR) && now() < start + patience(3))
		;
	check(port_events(&p, POLLIN | POLLOUT) & POLLERR);
	waitpid(pid, NULL, 0); /* what is deleted goes down first */
	check(port_ioctl(&p, NIOCRXSYNC, NULL) < 0 && errno == expect, "%s", strerror(errno));
	check(port_ioctl(&p, NIOCTXSYNC, NULL) < 0 && errno == expect);
	if (expect == ENETDOWN) {
		/* the stack need not wait until the program notices */
		check(!sh("ip link set nt0 up"));
		check(!sh("ip neigh replace " FAR_ADDR " lladdr 02:00:00:00:00:01 dev nt0 "
			  "nud permanent"));
		stack_works();
	}
	port_close(&p);
	nothing_left();
}

static bool stopping;

static void *scribble(void *arg)
{
	struct port *p = arg;
	unsigned int seed = 1;

	while (!__atomic_load_n(&stopping, __ATOMIC_RELAXED)) {
		ring_scribble(host_txring(p, 0), &seed);
		ring_scribble(host_rxring(p, 0), &seed);
		ring_scribble(port_rxring(p, 0), &seed);
	}
	return NULL;
}

static void test_hostile(void)
{
	int udp = udp_open(PORT + 2), raw = raw_open("nt1");
	pthread_t thread;
	struct port p;
	double end;

	check(!port_open(&p, "nt0", NR_REG_NIC_SW, 0, 0), "%s", port_error(&p));
	check(!pthread_create(&thread, NULL, scribble, &p));
	for (end = now() + 2; now() < end;) {
		/* errors are expected: the ring starts over */
		port_ioctl(&p, NIOCTXSYNC, NULL);
		port_ioctl(&p, NIOCRXSYNC, NULL);
		port_events(&p, POLLIN | POLLOUT);
		send(udp, "hostile", 8, MSG_DONTWAIT);
		raw_send(raw, 1, 60, 1);
	}
	__atomic_store_n(&stopping, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	port_close(&p);
	close(udp);
	close(raw);
	rings_work();
	stack_works();
	nothing_left();
}

int main(void)
{
	nmcore_set("verbose", 0);
	net_setup(1);
	hostnet_setup();
	test_as_found();
	test_hostile();
	if (!host_is("kernel")) {
		test_no_tap();
		test_tap_deleted();
	}
	test_killed();
	test_gone("ip link set nt0 down", ENETDOWN);
	rings_work();
	test_gone("ip link del nt0", ENXIO);
	return 0;
}
