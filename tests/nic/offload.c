// SPDX-License-Identifier: BSD-2-Clause
/*
 * What hardware, or the stack in its place, does to packets on their way: put off while a port is
 * open, put back afterwards; or named, with the command that puts it off.
 */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <libnmcore.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Opens and closes a port; what that said on stderr. */
static const char *words_of_opening(const char *name)
{
	static char text[4096];
	int keep = dup(2), fd = memfd_create("words", 0);
	struct port p;
	ssize_t n;

	check(keep >= 0 && fd >= 0 && dup2(fd, 2) == 2);
	n = port_open(&p, name, NR_REG_ALL_NIC, 0, 0);
	check(dup2(keep, 2) == 2);
	check(!n, "%s", port_error(&p));
	port_close(&p);
	n = pread(fd, text, sizeof(text) - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	close(fd);
	close(keep);
	return text;
}

/* The other end of a veth leaves checksums and segments to this one. */
static void test_named(void)
{
	const char *said = words_of_opening("nt0");

	check(strstr(said, "nt0") && strstr(said, "ethtool -K nt1 tx off tso off gso off"), "%s",
	      said);
	/* the command does what is promised, and then there is nothing to be said */
	check(!sh("ethtool -K nt1 tx off tso off gso off"));
	said = words_of_opening("nt0");
	check(!strstr(said, "ethtool"), "%s", said);
	/* the other end is elsewhere, where its state can not be seen: told in general */
	check(!sh("ip netns del nt-far 2>/dev/null; ip netns add nt-far && "
		  "ip link set nt1 netns nt-far"));
	check(!sh("ip -n nt-far link set nt1 up"));
	said = words_of_opening("nt0");
	check(strstr(said, "ethtool -K PEER tx off tso off gso off"), "%s", said);
	check(!sh("ip netns del nt-far"));
	for (int i = 0; i < 100 && !sh("ip link show nt0 >/dev/null 2>&1"); i++)
		usleep(20000);
	check(!sh("ip link add nt0 type veth peer name nt1 && ip link set nt0 up && "
		  "ip link set nt1 up"));
}

static bool gro(const char *ifname)
{
	return !sh("ethtool -k %s | grep -q '^generic-receive-offload: on'", ifname);
}

/* Put back on the interface, whatever it is called by then; and only what was on. */
static void test_restored(void)
{
	struct port p;

	check(!sh("ethtool -K nt0 gro on") && gro("nt0"));
	check(!port_open(&p, "nt0", NR_REG_ALL_NIC, 0, 0), "%s", port_error(&p));
	check(!gro("nt0"));
	if (sh("ip link set nt0 name nt9 2>/dev/null")) { /* older kernels: only when down */
		port_close(&p);
		check(gro("nt0"));
	} else {
		port_close(&p);
		check(gro("nt9"));
		check(!sh("ip link set nt9 down && ip link set nt9 name nt0 && "
			  "ip link set nt0 up"));
	}
	check(!sh("ethtool -K nt0 gro off"));
	check(!port_open(&p, "nt0", NR_REG_ALL_NIC, 0, 0), "%s", port_error(&p));
	port_close(&p);
	check(!gro("nt0"));
}

int main(void)
{
	net_setup(1);
	if (sh("ethtool --version >/dev/null 2>&1"))
		skip("no ethtool(8) here");
	nmcore_set("verbose", 1);
	test_named();
	test_restored();
	return 0;
}
