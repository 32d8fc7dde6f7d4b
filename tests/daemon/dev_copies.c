// SPDX-License-Identifier: BSD-2-Clause
/* An unmodified program: dup, fork, exec, descriptors passed over sockets, and close. */
#include "dev.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static void duplicates(void)
{
	int d[4], i;

	setup();
	d[0] = dup(a.fd);
	d[1] = dup2(a.fd, 200);
	d[2] = dup3(a.fd, 201, O_CLOEXEC);
	d[3] = fcntl(a.fd, F_DUPFD_CLOEXEC, 100);
	t_eq(d[1], 200);
	t_eq(d[2], 201);
	t_check(d[3] >= 100);
	t_check(!close(a.fd));
	t_eq(ioctl(a.fd, NIOCTXSYNC, NULL), -1);
	t_eq(errno, EBADF);
	for (i = 0; i < 4; i++) {
		a.fd = d[i];
		sendit(&a, i);
		expect(&b, i);
		struct pollfd p = { .fd = d[i], .events = POLLOUT };
		t_eq(poll(&p, 1, 1000), 1);
		t_check(!close(d[i]));
	}
	/* A number that was ours and is another file's now. */
	i = open("/dev/zero", O_RDONLY);
	t_eq(dup2(i, 200), 200);
	t_eq(ioctl(200, NIOCTXSYNC, NULL), -1);
	t_eq(errno, ENOTTY);
	t_eq(dup2(i, b.fd), b.fd);
	t_eq(ioctl(b.fd, NIOCRXSYNC, NULL), -1);
	struct pollfd p = { .fd = b.fd, .events = POLLIN };
	t_eq(poll(&p, 1, 1000), 1);
}

static void forked(void)
{
	int status, i;
	pid_t pid;

	setup();
	sendit(&a, 1);
	for (i = 2; i < 20; i++) {
		pid = fork();
		if (!pid) {
			struct pollfd p = { .fd = a.fd, .events = POLLOUT };

			t_eq(poll(&p, 1, 1000), 1);
			sendit(&a, i);
			_exit(0);
		}
		t_eq(waitpid(pid, &status, 0), pid);
		t_eq(status, 0);
		expect(&b, i - 1);
	}
	expect(&b, 19);
	/* By the system call itself, which no handler sees. */
	pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (!pid) {
		sendit(&a, 20);
		syscall(SYS_exit_group, 0);
	}
	sendit(&b, 21);
	t_eq(waitpid(pid, &status, 0), pid);
	t_eq(status, 0);
	expect(&b, 20);
	expect(&a, 21);
}

/* Runs itself again: the new program has the descriptor, and knows its number. */
static const char *self;

static void executed(void)
{
	char fd[20], size[30], off[30];
	const char *argv[] = { self, "--after-exec", fd, size, off, NULL };
	int status;
	pid_t pid;

	setup();
	snprintf(fd, sizeof(fd), "%d", a.fd);
	snprintf(size, sizeof(size), "%zu", a.size);
	snprintf(off, sizeof(off), "%zu", (size_t)((char *)a.nifp - a.mem));
	pid = fork();
	if (!pid) {
		execv(self, (char **)argv);
		_exit(99);
	}
	t_eq(waitpid(pid, &status, 0), pid);
	t_eq(status, 0);
	expect(&b, 77);
	/* As many programs start others: by vfork, in our memory. */
	t_eq(posix_spawn(&pid, self, NULL, NULL, (char **)argv, environ), 0);
	t_eq(waitpid(pid, &status, 0), pid);
	t_eq(status, 0);
	expect(&b, 77);
	pid = vfork();
	if (!pid) {
		close(b.fd);
		close(a.fd);
		_exit(0);
	}
	t_eq(waitpid(pid, &status, 0), pid);
	sendit(&a, 5);
	expect(&b, 5);
	struct pollfd p = { .fd = a.fd, .events = POLLOUT };
	t_eq(poll(&p, 1, 1000), 1);
}

static int after_exec(char **arg)
{
	struct port p = { .fd = atoi(arg[0]), .size = strtoul(arg[1], NULL, 0) };
	struct pollfd w = { .fd = p.fd, .events = POLLOUT };

	/* poll is the first thing that happens to it */
	t_eq(poll(&w, 1, 1000), 1);
	t_eq(w.revents, POLLOUT);
	p.mem = mmap(NULL, p.size, PROT_READ | PROT_WRITE, MAP_SHARED, p.fd, 0);
	t_check(p.mem != MAP_FAILED);
	p.nifp = NETMAP_IF(p.mem, strtoul(arg[2], NULL, 0));
	p.tx = NETMAP_TXRING(p.nifp, 0);
	sendit(&p, 77);
	return 0;
}

static void send_fd(int s, int fd)
{
	char c = 0, control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { &c, 1 };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);

	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(h), &fd, sizeof(int));
	t_eq(sendmsg(s, &m, 0), 1);
}

static int recv_fd(int s)
{
	char c, control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { &c, 1 };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };
	int fd;

	t_eq(recvmsg(s, &m, 0), 1);
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(int));
	return fd;
}

/* To a process that opened nothing; the one it came from closes its own. */
static void passed(void)
{
	struct nmreq_register reg = { .nr_mode = NR_REG_ALL_NIC };
	struct nmreq_header hdr = { .nr_version = NETMAP_API,
				    .nr_reqtype = NETMAP_REQ_REGISTER,
				    .nr_name = "vale0:passed",
				    .nr_body = (uintptr_t)&reg };
	int sv[2], status, fd;
	struct port p = { 0 };
	pid_t pid;

	daemon_start(NULL);
	t_check(!socketpair(AF_UNIX, SOCK_STREAM, 0, sv));
	pid = fork();
	if (!pid) {
		struct pollfd w = { .events = POLLIN };
		struct epoll_event ev = { .events = EPOLLIN };
		int ep = epoll_create1(0);

		close(sv[0]);
		p.fd = w.fd = recv_fd(sv[1]);
		t_check(read(sv[1], &reg, sizeof(reg)) == sizeof(reg));
		t_eq(poll(&w, 1, 20000), 1); /* not a word of netmap before this */
		t_eq(w.revents, POLLIN);
		port_map(&p, &reg);
		uint32_t n;
		t_check(take(&p, &n) && n == 123);
		t_check(!epoll_ctl(ep, EPOLL_CTL_ADD, p.fd, &ev));
		sendit(&p, 124);
		t_eq(epoll_wait(ep, &ev, 1, 20000), 1);
		expect(&p, 125);
		_exit(0);
	}
	fd = open("/dev/netmap", O_RDWR);
	t_check(!ioctl(fd, NIOCCTRL, &hdr));
	b = port("vale0:b");
	send_fd(sv[0], fd);
	t_check(write(sv[0], &reg, sizeof(reg)) == sizeof(reg));
	t_check(!close(fd));
	t_sleep(0.1);
	sendit(&b, 123);
	struct pollfd w = { .fd = b.fd, .events = POLLIN };
	t_eq(poll(&w, 1, 20000), 1);
	uint32_t n;
	t_check(take(&b, &n) && n == 124);
	sendit(&b, 125);
	t_eq(waitpid(pid, &status, 0), pid);
	t_eq(status, 0);
}

/* Daemons of all times close every number they can think of. */
static void closes_everything(void)
{
	int i, how;

	setup();
	for (how = 0; how < 4; how++) {
		sendit(&a, how);
		expect(&b, how);
		if (how == 0) {
			for (i = 3; i < 5000; i++)
				if (i != a.fd && i != b.fd)
					close(i);
		} else if (how == 1) {
			close_range((b.fd > a.fd ? b.fd : a.fd) + 1, ~0u, 0);
		} else if (how == 2) {
			closefrom((b.fd > a.fd ? b.fd : a.fd) + 1);
		} else {
			t_eq(dup2(0, 300), 300);
		}
		sendit(&a, 100 + how);
		expect(&b, 100 + how);
		struct pollfd p = { .fd = a.fd, .events = POLLIN };
		t_eq(poll(&p, 1, 5), 0);
	}
	closefrom(3);
	t_eq(ioctl(a.fd, NIOCTXSYNC, NULL), -1);
	t_eq(errno, EBADF);
	a = port("vale0:a");
	sendit(&a, 1);
}

int main(int argc, char **argv)
{
	static const struct t_case cases[] = {
		T_CASE(duplicates),	   T_CASE(forked), T_CASE(executed), T_CASE(passed),
		T_CASE(closes_everything),
	};

	self = argv[0];
	if (argc == 5 && !strcmp(argv[1], "--after-exec"))
		return after_exec(argv + 2);
	return t_run(cases, sizeof(cases) / sizeof(cases[0]), argc, argv);
}
