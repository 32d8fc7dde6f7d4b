// SPDX-License-Identifier: BSD-2-Clause
/* Network namespaces do not see each other's switches, ports, memories and interfaces. */
#include "kern.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOBODY 65534

/* Two namespaces: we begin in the first. */
static int first, second;

static void enter(int ns)
{
	t_check(!setns(ns, CLONE_NEWNET), "errno %d", errno);
}

static int here(void)
{
	int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

	t_check(fd >= 0);
	return fd;
}

static void two_namespaces(void)
{
	kern_start();
	first = here();
	t_check(!unshare(CLONE_NEWNET));
	second = here();
	enter(first);
}

static void switches_are_apart(void)
{
	struct kport a, b, c;

	two_namespaces();
	kport_open(&a, "vale0:a");
	kport_open(&c, "vale0:c");
	enter(second);
	kport_open(&b, "vale0:b");
	t_check(kport_send(&a, 1));
	t_eq(kport_take(&c), 1);
	t_eq(kport_take(&b), 0);
	t_check(kport_send(&b, 2));
	t_eq(kport_take(&a), 0);
	/* the same name is another port, with another memory */
	kport_close(&b);
	kport_open(&b, "vale0:a");
	t_check(kport_send(&a, 3));
	t_eq(kport_take(&c), 1);
	t_eq(kport_take(&b), 0);
	kport_close(&b);
	expect_nothing_left();
	enter(first);
	kport_close(&a);
	kport_close(&c);
	expect_nothing_left();
}

static void pipes_are_apart(void)
{
	struct kport a, b;

	two_namespaces();
	kport_open(&a, "x{1");
	enter(second);
	kport_open(&b, "x}1");
	t_check(kport_send(&a, 1));
	t_eq(kport_take(&b), 0);
	kport_close(&b);
	kport_close(&a);
}

static void nothing_is_listed_or_found(void)
{
	struct nmreq_vale_attach attach = { .reg.nr_mode = NR_REG_ALL_NIC };
	struct nmreq_vale_detach detach = { 0 };
	struct nmreq_vale_newif newif = { 0 };
	struct nmreq_vale_list list = { 0 };
	struct nmreq_port_hdr hdr = { .nr_hdr_len = 12 };
	struct nmreq_pools_info pools = { 0 };
	struct kport a, b;
	int fd;

	two_namespaces();
	veth_make("nt0", "nt1", 1);
	kport_open(&a, "vale7:a");
	t_eq(dev_request(a.fd, NETMAP_REQ_VALE_NEWIF, "v0", &newif), 0);
	t_eq(dev_request(a.fd, NETMAP_REQ_VALE_ATTACH, "vale7:nt0", &attach), 0);
	t_check(listing_has("vale7:a") && listing_has("nt0"));
	enter(second);
	t_check(!listing_has("vale7") && !listing_has("nt0") && !listing_has("v0"));
	fd = dev_open();
	t_eq(dev_request(fd, NETMAP_REQ_VALE_LIST, "", &list), ENOENT);
	t_eq(dev_request(fd, NETMAP_REQ_VALE_LIST, "vale7:a", &list), ENOENT);
	t_eq(dev_request(fd, NETMAP_REQ_PORT_HDR_SET, "vale7:a", &hdr), ENXIO);
	t_eq(dev_request(fd, NETMAP_REQ_VALE_DETACH, "vale7:nt0", &detach), ENOENT);
	t_eq(dev_request(fd, NETMAP_REQ_VALE_ATTACH, "vale7:nt0", &attach), ENXIO);
	t_eq(dev_request(fd, NETMAP_REQ_VALE_DELIF, "v0", NULL), ENXIO);
	pools.nr_mem_id = a.reg.nr_mem_id;
	t_eq(dev_request(fd, NETMAP_REQ_POOLS_INFO_GET, "", &pools), ENOENT);
	pools.nr_mem_id = 1;
	t_eq(dev_request(fd, NETMAP_REQ_POOLS_INFO_GET, "", &pools), ENOENT);
	/* numbers of memories are each namespace's own */
	t_eq(kport_try(&b, "vale0:b", a.reg.nr_mem_id), ENOENT);
	t_eq(kport_try(&b, "nt0", 0), ENXIO);
	close(fd);
	kport_close(&a);
}

/* A descriptor belongs to where it was opened, wherever it is used. */
static void descriptors_stay_where_they_were_opened(void)
{
	struct nmreq_register reg = { 0 };
	struct kport b;
	int fd;

	two_namespaces();
	fd = dev_open();
	kport_open(&b, "vale0:b");
	enter(second);
	t_eq(dev_register(fd, "vale0:a", &reg), 0);
	t_check(!listing_has("vale0:a"));
	enter(first);
	t_check(listing_has("vale0:a"));
	close(fd);
	kport_close(&b);
}

/* ---- descriptors that are given away ---- */

static void give(int sock, int fd)
{
	char byte = 0, control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	t_eq(sendmsg(sock, &msg, 0), 1);
}

static int take(int sock)
{
	char byte, control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control) };
	int fd;

	t_eq(recvmsg(sock, &msg, 0), 1);
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	return fd;
}

static void wait_for(pid_t pid)
{
	int status;

	t_check(waitpid(pid, &status, 0) == pid);
	t_check(!status, "the child ended with status 0x%x", status);
}

/* Somebody with no rights at all, elsewhere, uses a port that was opened for them. */
static void given_to_nobody(void)
{
	struct kport a, b;
	int pair[2];
	pid_t pid;

	two_namespaces();
	kport_open(&a, "vale0:a");
	kport_open(&b, "vale0:b");
	t_check(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	pid = fork();
	if (!pid) {
		struct kport p = a;
		struct nmreq_register reg = { 0 };

		enter(second);
		t_check(!setgid(NOBODY) && !setuid(NOBODY));
		p.fd = take(pair[1]);
		p.mem = mmap(NULL, p.reg.nr_memsize, PROT_READ | PROT_WRITE, MAP_SHARED, p.fd, 0);
		t_check(p.mem != MAP_FAILED);
		p.nifp = NETMAP_IF(p.mem, p.reg.nr_offset);
		p.tx = NETMAP_TXRING(p.nifp, 0);
		t_check(kport_send(&p, 1));
		/* a new descriptor would be refused, or is in their own namespace */
		t_eq(dev_register(p.fd, "vale0:c", &reg), EBUSY);
		_exit(0);
	}
	give(pair[0], a.fd);
	t_check(!close(a.fd)); /* (the message holds it) */
	wait_for(pid);
	t_eq(kport_take(&b), 1);
	t_check(!munmap(a.mem, a.reg.nr_memsize));
	kport_close(&b);
	expect_nothing_left();
}

/* Who opened it counts: root does not lend its rights to a descriptor of nobody's. */
static void opened_by_nobody(void)
{
	struct nmreq_register reg = { .nr_mem_id = 1 }, mine = { 0 };
	struct kport a;
	int pair[2], fd;
	pid_t pid;

	two_namespaces();
	kport_open(&a, "vale0:a");
	t_check(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	t_check(!chmod(NETMAP_DEVICE_NAME, 0666));
	pid = fork();
	if (!pid) {
		t_check(!setgid(NOBODY) && !setuid(NOBODY));
		give(pair[1], dev_open());
		_exit(0);
	}
	fd = take(pair[0]);
	wait_for(pid);
	t_check(!chmod(NETMAP_DEVICE_NAME, 0600));
	t_eq(dev_register(fd, "vale0:b", &reg), EPERM);
	reg.nr_mem_id = a.reg.nr_mem_id;
	t_eq(dev_register(fd, "vale0:b", &reg), EPERM);
	reg.nr_mem_id = 0;
	t_eq(dev_register(fd, "vale0:a", &reg), EPERM);
	t_check(strstr(dev_error(fd), "user 0"), "%s", dev_error(fd));
	t_eq(dev_register(fd, "vale0:b", &mine), 0);
	close(fd);
	kport_close(&a);
}

/* The owner of a user namespace administers its networks, and no other. */
static void user_namespaces(void)
{
	struct nmreq_register reg = { .nr_mem_id = 1 };
	int outside, status;
	pid_t pid;

	kern_start();
	t_check(!chmod(NETMAP_DEVICE_NAME, 0666));
	pid = fork();
	if (!pid) {
		t_check(!setgid(NOBODY) && !setuid(NOBODY));
		outside = dev_open();
		if (unshare(CLONE_NEWUSER) < 0)
			_exit(77);
		t_eq(dev_register(outside, "vale0:a", &reg), EPERM);
		t_check(!unshare(CLONE_NEWNET));
		t_eq(dev_register(outside, "vale0:a", &reg), EPERM);
		reg.nr_mem_id = 1;
		t_eq(dev_register(dev_open(), "vale0:a", &reg), 0);
		_exit(0);
	}
	t_check(waitpid(pid, &status, 0) == pid);
	t_check(!chmod(NETMAP_DEVICE_NAME, 0600));
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		t_skip("no user namespaces here");
	t_check(!status);
}

/* ---- the end of a namespace ---- */

static void it_ends_with_all_that_is_in_it(void)
{
	struct nmreq_vale_attach attach = { .reg.nr_mode = NR_REG_ALL_NIC };
	struct nmreq_vale_newif newif = { 0 };
	double end;
	int i, fd;
	pid_t pid;

	kern_start();
	veth_make("out", "in", 1);
	for (i = 0; i < 5; i++) {
		pid = fork();
		if (!pid) {
			t_check(!unshare(CLONE_NEWNET));
			t_check(!sh("nsenter -n -t %d ip link set in netns %d", (int)getppid(),
				    (int)getpid()));
			t_check(!sh("ip link set in up"));
			veth_make("nt0", "nt1", 1);
			fd = dev_open();
			t_eq(dev_request(fd, NETMAP_REQ_VALE_NEWIF, "v0", &newif), 0);
			t_eq(dev_request(fd, NETMAP_REQ_VALE_ATTACH, "vale0:v0", &attach), 0);
			t_eq(dev_request(fd, NETMAP_REQ_VALE_ATTACH, "vale0:nt0", &attach), 0);
			t_eq(dev_request(fd, NETMAP_REQ_VALE_ATTACH, "vale0:in", &attach), 0);
			raw_send("nt1", 100);
			_exit(0);
		}
		wait_for(pid);
		/* the interfaces of a namespace go with it, and so does the other end */
		end = t_now() + t_patience(20);
		while (!sh("ip link show out >/dev/null 2>&1") && t_now() < end)
			raw_send("out", 10);
		t_check(t_now() < end, "the namespace is still there");
		veth_make("out", "in", 1);
	}
}

T_MAIN(T_CASE(switches_are_apart), T_CASE(pipes_are_apart), T_CASE(nothing_is_listed_or_found),
       T_CASE(descriptors_stay_where_they_were_opened), T_CASE(given_to_nobody),
       T_CASE(opened_by_nobody), T_CASE(user_namespaces),
       T_LONG(it_ends_with_all_that_is_in_it, 180))
