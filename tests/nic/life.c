// SPDX-License-Identifier: BSD-2-Clause
/* The interface goes away, comes back, and is left as it was found. */
#include "fixture.h"

#include <errno.h>
#include <libnmcore.h>
#include <net/netmap_user.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Until the port tells its error, which must not take long. */
static int wait_gone(struct port *p)
{
	double end = now() + patience(3);

	while (now() < end) {
		if (port_wait(p, POLLIN, 200) & POLLERR)
			break;
	}
	check(port_events(p, POLLIN | POLLOUT) & POLLERR);
	check(port_ioctl(p, NIOCRXSYNC, NULL) < 0);
	return errno;
}

/* Somebody is asleep in poll(2) while it happens. */
static void gone_while_waiting(const char *command, int expect)
{
	struct port p;
	double start;
	pid_t pid;
	int error;

	check(!port_open(&p, "nt0", NR_REG_ALL_NIC, 0, 0), "%s", port_error(&p));
	pid = fork();
	if (!pid) {
		usleep(200000);
		_exit(sh("%s", command));
	}
	start = now();
	error = wait_gone(&p);
	check(error == expect, "%s: error %s", command, strerror(error));
	check(now() - start < patience(2), "%s: told after %.1f s", command, now() - start);
	check(port_ioctl(&p, NIOCTXSYNC, NULL) < 0 && errno == expect);
	check(port_error(&p)[0]);
	waitpid(pid, NULL, 0);
	port_close(&p);
}

static void works(void)
{
	struct port a, b;

	check(!port_open(&a, "nt0", NR_REG_ALL_NIC, 0, 0), "%s", port_error(&a));
	check(!port_open(&b, "nt1", NR_REG_ALL_NIC, 0, 0), "%s", port_error(&b));
	check(port_send(&a, 0, 300, 60, 0) == 300);
	check(port_receive(&b, 300, 500) == 300);
	port_close(&a);
	port_close(&b);
}

static void remake(void)
{
	check(!sh("ip link add nt0 type veth peer name nt1 && ip link set nt0 up && "
		  "ip link set nt1 up"));
}

static void test_down(void)
{
	gone_while_waiting("ip link set nt0 down", ENETDOWN);
	check(!sh("ip link set nt0 up"));
	works();
}

static void test_deleted(void)
{
	gone_while_waiting("ip link del nt0", ENXIO);
	remake();
	works();
	/* by way of its other end */
	gone_while_waiting("ip link del nt1", ENXIO);
	remake();
	works();
}

static void test_moved(void)
{
	int ready[2];
	char cmd[64], c;
	pid_t pid;

	check(!pipe(ready));
	pid = fork();
	if (!pid) {
		if (unshare(CLONE_NEWNET) < 0 || write(ready[1], "", 1) != 1)
			_exit(1);
		pause();
		_exit(0);
	}
	check(read(ready[0], &c, 1) == 1);
	snprintf(cmd, sizeof(cmd), "ip link set nt0 netns %d", (int)pid);
	gone_while_waiting(cmd, ENXIO);
	/* there, nothing of ours is left on it */
	check(!sh("nsenter -n -t %d ip link show nt0 | grep -q nt0", (int)pid));
	check(sh("nsenter -n -t %d ip link show nt0 | grep -q xdp", (int)pid) == 1);
	check(sh("nsenter -n -t %d ip -d link show nt0 | grep -q 'promiscuity [1-9]'", (int)pid) ==
	      1);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	sh("ip link del nt1 2>/dev/null");
	usleep(300000); /* the namespace takes its interfaces with it */
	sh("ip link del nt1 2>/dev/null");
	remake();
	works();
}

/* While the port is open when its interface comes back under the same name. */
static void test_reborn(void)
{
	struct port old, p;

	check(!port_open(&old, "nt0", NR_REG_ALL_NIC, 0, 0), "%s", port_error(&old));
	check(!sh("ip link del nt0"));
	wait_gone(&old);
	remake();
	check(!port_open(&p, "nt0", NR_REG_ALL_NIC, 0, 0), "%s", port_error(&p));
	check(port_send(&p, 0, 10, 60, 0) == 10);
	port_close(&p);
	port_close(&old);
	works();
}

static bool gro(const char *ifname)
{
	return !sh("ethtool -k %s | grep -q '^generic-receive-offload: on'", ifname);
}

static bool promisc(const char *ifname)
{
	return !sh("ip -d link show %s | grep -q 'promiscuity [1-9]'", ifname);
}

static bool has_xdp(const char *ifname)
{
	return !sh("ip link show %s | grep -q xdp", ifname);
}

static void test_restored(void)
{
	struct port p;
	pid_t pid;

	check(!promisc("nt0") && !has_xdp("nt0"));
	check(!port_open(&p, "nt0", NR_REG_ALL_NIC, 0, 0), "%s", port_error(&p));
	check(promisc("nt0"));
	check(has_xdp("nt0") || host_is("kernel"));
	port_close(&p);
	check(!promisc("nt0") && !has_xdp("nt0"));
	if (sh("ethtool -K nt0 gro on 2>/dev/null") || !gro("nt0")) {
		printf("no ethtool(8): whether GRO is restored was not looked at\n");
	} else {
		check(!port_open(&p, "nt0", NR_REG_ALL_NIC, 0, 0));
		check(!gro("nt0"));
		port_close(&p);
		check(gro("nt0"));
		check(!sh("ethtool -K nt0 gro off"));
		check(!port_open(&p, "nt0", NR_REG_ALL_NIC, 0, 0));
		port_close(&p);
		check(!gro("nt0"));
	}
	/* killed: nothing is left that keeps others off the interface */
	pid = fork();
	if (!pid) {
		check(!port_open(&p, "nt0", NR_REG_ALL_NIC, 0, 0));
		kill(getpid(), SIGKILL);
	}
	waitpid(pid, NULL, 0);
	check(!promisc("nt0") && !has_xdp("nt0"));
	works();
}

static void test_reopen(void)
{
	for (int i = 0; i < 20; i++)
		works();
}

/* A child neither uses its parent's port nor ends it. */
static void test_fork(void)
{
	struct port a, b;
	int status;
	pid_t pid;

	check(!port_open(&a, "nt0", NR_REG_ALL_NIC, 0, 0));
	check(!port_open(&b, "nt1", NR_REG_ALL_NIC, 0, 0));
	pid = fork();
	if (!pid) {
		struct port c;

		check(port_ioctl(&a, NIOCTXSYNC, NULL) < 0 && errno == EBADF);
		check(!nmhost_close(a.fd));
		check(!port_open(&c, "vale0:x", NR_REG_ALL_NIC, 0, 0));
		port_close(&c);
		check(port_open(&c, "nt0", NR_REG_ALL_NIC, 0, 0) && c.error == EBUSY);
		check(strstr(port_error(&c), "another process"), "%s", port_error(&c));
		_exit(0);
	}
	waitpid(pid, &status, 0);
	check(!status);
	check(port_send(&a, 0, 100, 60, 0) == 100);
	check(port_receive(&b, 100, 500) == 100);
	port_close(&a);
	port_close(&b);
}

int main(void)
{
	nmcore_set("verbose", 0);
	net_setup(1);
	test_down();
	test_deleted();
	test_moved();
	test_reborn();
	test_restored();
	test_reopen();
	if (host_is("embedded"))
		test_fork();
	return 0;
}
