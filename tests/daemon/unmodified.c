// SPDX-License-Identifier: BSD-2-Clause
/*
 * A program written for the kernel's /dev/netmap, run by netmap-run. It is linked with nothing
 * of ours but the frame of the tests.
 */
#include "daemon.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#define NETMAP_WITH_LIBS
#include <net/netmap_user.h>

struct port {
	int fd;
	size_t size;
	char *mem;
	struct netmap_if *nifp;
	struct netmap_ring *tx, *rx;
};

static void port_map(struct port *p, const struct nmreq_register *reg)
{
	p->size = reg->nr_memsize;
	p->mem = mmap(NULL, p->size, PROT_READ | PROT_WRITE, MAP_SHARED, p->fd, 0);
	t_check(p->mem != MAP_FAILED, "mmap: %s", strerror(errno));
	p->nifp = NETMAP_IF(p->mem, reg->nr_offset);
	p->tx = NETMAP_TXRING(p->nifp, 0);
	p->rx = NETMAP_RXRING(p->nifp, 0);
}

static struct port port_slots(const char *name, unsigned int slots, uint64_t flags)
{
	struct nmreq_register reg = {.nr_mode = NR_REG_ALL_NIC,
				     .nr_tx_slots = slots,
				     .nr_rx_slots = slots,
				     .nr_flags = flags};
	struct nmreq_header hdr = {.nr_version = NETMAP_API,
				   .nr_reqtype = NETMAP_REQ_REGISTER,
				   .nr_body = (uintptr_t)&reg};
	struct port p = {.fd = open("/dev/netmap", O_RDWR)};

	t_check(p.fd >= 0, "open: %s", strerror(errno));
	snprintf(hdr.nr_name, sizeof(hdr.nr_name), "%s", name);
	t_check(!ioctl(p.fd, NIOCCTRL, &hdr), "%s: %s", name, strerror(errno));
	port_map(&p, &reg);
	return p;
}

static struct port port(const char *name)
{
	return port_slots(name, 0, 0);
}

static void port_end(struct port *p)
{
	t_check(!munmap(p->mem, p->size));
	t_check(!close(p->fd));
}

static void put(struct port *p, uint32_t number)
{
	char *buf = NETMAP_BUF(p->tx, p->tx->slot[p->tx->head].buf_idx);

	t_check(!nm_ring_empty(p->tx));
	memset(buf, 0xff, 60);
	buf[6] = 2;
	memcpy(buf + 20, &number, 4);
	p->tx->slot[p->tx->head].len = 60;
	p->tx->head = p->tx->cur = nm_ring_next(p->tx, p->tx->head);
}

static void sendit(struct port *p, uint32_t number)
{
	put(p, number);
	t_check(!ioctl(p->fd, NIOCTXSYNC, NULL));
}

static bool take(struct port *p, uint32_t *number)
{
	if (nm_ring_empty(p->rx))
		return false;
	memcpy(number, NETMAP_BUF(p->rx, p->rx->slot[p->rx->head].buf_idx) + 20, 4);
	p->rx->head = p->rx->cur = nm_ring_next(p->rx, p->rx->head);
	return true;
}

static void expect(struct port *p, uint32_t number)
{
	uint32_t n = 0;

	t_check(!ioctl(p->fd, NIOCRXSYNC, NULL));
	t_check(take(p, &n));
	t_eq(n, number);
}

static struct port a, b;

static void setup(void)
{
	daemon_start(NULL);
	a = port("vale0:a");
	b = port("vale0:b");
}

/* ---- plain calls ---- */

static void opened_in_all_ways(void)
{
	static const char dev[] = "/dev/netmap";
	int fd[5], i, flags;

	daemon_start(NULL);
	fd[0] = open(dev, O_RDWR);
	fd[1] = open64(dev, O_RDWR | O_CLOEXEC);
	fd[2] = openat(AT_FDCWD, dev, O_RDWR | O_NONBLOCK);
	fd[3] = openat64(3, dev, O_RDWR);
	fd[4] = open(dev, O_RDWR | O_CLOEXEC);
	for (i = 0; i < 5; i++) {
		t_check(fd[i] >= 0, "%d: %s", i, strerror(errno));
		flags = fcntl(fd[i], F_GETFD);
		t_eq(!!(flags & FD_CLOEXEC), i == 1 || i == 4);
		flags = fcntl(fd[i], F_GETFL);
		t_eq(flags & O_ACCMODE, O_RDWR);
		t_eq(!!(flags & O_NONBLOCK), i == 2);
		t_eq(ioctl(fd[i], NIOCTXSYNC, NULL), -1); /* nothing is bound */
		t_eq(errno, ENXIO);
		t_eq(ioctl(fd[i], FIOCLEX), 0);
		t_check(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd[i], 0) == MAP_FAILED);
		t_eq(close(fd[i]), 0);
		t_eq(close(fd[i]), -1);
		t_eq(errno, EBADF);
	}
	/* The numbers a program gets are the lowest there are. */
	a = port("vale0:a");
	t_check(!ioctl(a.fd, NIOCRXSYNC, NULL));
	i = open("/dev/null", O_RDONLY);
	t_check(i == a.fd + 1, "%d after %d", i, a.fd);
}

static void packets_move(void)
{
	uint32_t i;

	setup();
	for (i = 0; i < 5000; i++) {
		sendit(&a, i);
		expect(&b, i);
	}
	a.tx->head = 70000; /* an error is an error */
	t_eq(ioctl(a.fd, NIOCTXSYNC, NULL), -1);
	t_eq(errno, EINVAL);
	port_end(&a);
	port_end(&b);
}

static void wrong_pointers(void)
{
	struct nmreq_header hdr = {.nr_version = NETMAP_API,
				   .nr_reqtype = NETMAP_REQ_REGISTER,
				   .nr_name = "vale0:x",
				   .nr_body = 8};
	int fd;

	daemon_start(NULL);
	fd = open("/dev/netmap", O_RDWR);
	t_eq(ioctl(fd, NIOCCTRL, (void *)16), -1);
	t_eq(errno, EFAULT);
	t_eq(ioctl(fd, NIOCCTRL, &hdr), -1);
	t_eq(errno, EFAULT);
	t_eq(ioctl(fd, NIOCCTRL, NULL), -1);
	t_eq(errno, EFAULT);
}

static void mmap_has_limits(void)
{
	daemon_start(NULL);
	a = port("vale0:a");
	t_check(mmap(NULL, a.size + 4096, PROT_READ, MAP_SHARED, a.fd, 0) == MAP_FAILED);
	t_eq(errno, EINVAL);
	t_check(mmap(NULL, 4096, PROT_READ, MAP_SHARED, a.fd, (off_t)a.size) == MAP_FAILED);
	t_check(mmap(NULL, 4096, PROT_READ, MAP_SHARED, a.fd, 4096) != MAP_FAILED);
	t_check(mmap64(NULL, a.size, PROT_READ | PROT_WRITE, MAP_SHARED, a.fd, 0) !=
		MAP_FAILED);
	t_check(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
}

/* The header-only library, as programs have it compiled in. */
static void old_library(void)
{
	struct nm_desc *x, *y;
	struct nm_pkthdr h;
	char buf[60];
	u_char *got;
	int i;

	daemon_start(NULL);
	x = nm_open("vale0:x", NULL, 0, NULL);
	y = nm_open("vale0:y", NULL, 0, NULL);
	t_check(x && y);
	memset(buf, 0xff, sizeof(buf));
	buf[6] = 2;
	for (i = 0; i < 100; i++) {
		t_check(nm_inject(x, buf, sizeof(buf)) > 0);
		t_check(!ioctl(NETMAP_FD(x), NIOCTXSYNC, NULL));
		t_check(!ioctl(NETMAP_FD(y), NIOCRXSYNC, NULL));
		got = nm_nextpkt(y, &h);
		t_check(got && h.len == 60 && !memcmp(got, buf, 60));
	}
	nm_close(x);
	nm_close(y);
}

/* ---- copies of the descriptor ---- */

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
		struct pollfd p = {.fd = d[i], .events = POLLOUT};
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
	struct pollfd p = {.fd = b.fd, .events = POLLIN};
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
			struct pollfd p = {.fd = a.fd, .events = POLLOUT};

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
	const char *argv[] = {self, "--after-exec", fd, size, off, NULL};
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
	struct pollfd p = {.fd = a.fd, .events = POLLOUT};
	t_eq(poll(&p, 1, 1000), 1);
}

static int after_exec(char **arg)
{
	struct port p = {.fd = atoi(arg[0]), .size = strtoul(arg[1], NULL, 0)};
	struct pollfd w = {.fd = p.fd, .events = POLLOUT};

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
	char c = 0, control[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec iov = {&c, 1};
	struct msghdr m = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = control,
			   .msg_controllen = sizeof(control)};
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
	struct iovec iov = {&c, 1};
	struct msghdr m = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = control,
			   .msg_controllen = sizeof(control)};
	int fd;

	t_eq(recvmsg(s, &m, 0), 1);
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(int));
	return fd;
}

/* To a process that opened nothing; the one it came from closes its own. */
static void passed(void)
{
	struct nmreq_register reg = {.nr_mode = NR_REG_ALL_NIC};
	struct nmreq_header hdr = {.nr_version = NETMAP_API,
				   .nr_reqtype = NETMAP_REQ_REGISTER,
				   .nr_name = "vale0:passed",
				   .nr_body = (uintptr_t)&reg};
	int sv[2], status, fd;
	struct port p = {0};
	pid_t pid;

	daemon_start(NULL);
	t_check(!socketpair(AF_UNIX, SOCK_STREAM, 0, sv));
	pid = fork();
	if (!pid) {
		struct pollfd w = {.events = POLLIN};
		struct epoll_event ev = {.events = EPOLLIN};
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
	struct pollfd w = {.fd = b.fd, .events = POLLIN};
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
		struct pollfd p = {.fd = a.fd, .events = POLLIN};
		t_eq(poll(&p, 1, 5), 0);
	}
	closefrom(3);
	t_eq(ioctl(a.fd, NIOCTXSYNC, NULL), -1);
	t_eq(errno, EBADF);
	a = port("vale0:a");
	sendit(&a, 1);
}

/* ---- waiting ---- */

/* After a while, a packet from b to a. */
static void *send_later(void *arg)
{
	t_sleep(*(double *)arg);
	sendit(&b, 1);
	return NULL;
}

static int by_poll(int fd, int events, int ms)
{
	struct pollfd p[2] = {{.fd = -1}, {.fd = fd, .events = (short)events}};
	int n = poll(p, 2, ms);

	t_eq(p[0].revents, 0);
	t_eq(n, p[1].revents != 0);
	return p[1].revents;
}

static int by_poll_alone(int fd, int events, int ms)
{
	struct pollfd p = {.fd = fd, .events = (short)events};

	t_eq(poll(&p, 1, ms), p.revents != 0);
	return p.revents;
}

static int by_ppoll(int fd, int events, int ms)
{
	struct timespec ts = {ms / 1000, ms % 1000 * 1000000};
	struct pollfd p = {.fd = fd, .events = (short)events};
	sigset_t set;

	sigemptyset(&set);
	t_eq(ppoll(&p, 1, ms < 0 ? NULL : &ts, &set), p.revents != 0);
	return p.revents;
}

static int select_revents(int n, int fd, fd_set *r, fd_set *w)
{
	t_check(n >= 0);
	t_eq(n, FD_ISSET(fd, r) + FD_ISSET(fd, w));
	return (FD_ISSET(fd, r) ? POLLIN : 0) | (FD_ISSET(fd, w) ? POLLOUT : 0);
}

static int by_select(int fd, int events, int ms)
{
	struct timeval tv = {ms / 1000, ms % 1000 * 1000};
	fd_set r, w, x;

	FD_ZERO(&r);
	FD_ZERO(&w);
	FD_ZERO(&x);
	FD_SET(fd, &x);
	if (events & POLLIN)
		FD_SET(fd, &r);
	if (events & POLLOUT)
		FD_SET(fd, &w);
	return select_revents(select(fd + 1, &r, &w, &x, ms < 0 ? NULL : &tv), fd, &r, &w);
}

static int by_pselect(int fd, int events, int ms)
{
	struct timespec ts = {ms / 1000, ms % 1000 * 1000000};
	fd_set r, w;

	FD_ZERO(&r);
	FD_ZERO(&w);
	if (events & POLLIN)
		FD_SET(fd, &r);
	if (events & POLLOUT)
		FD_SET(fd, &w);
	return select_revents(pselect(fd + 1, &r, &w, NULL, ms < 0 ? NULL : &ts, NULL), fd, &r,
			      &w);
}

static int epoll_of(int fd, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.u64 = 0x123456789abcull};
	int ep = epoll_create1(EPOLL_CLOEXEC);

	t_check(!epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev), "%s", strerror(errno));
	return ep;
}

static int by_epoll(int fd, int events, int ms)
{
	int ep = epoll_of(fd, (events & POLLIN ? EPOLLIN : 0) | (events & POLLOUT ? EPOLLOUT : 0));
	struct epoll_event ev[4];
	int n = epoll_wait(ep, ev, 4, ms);

	t_check(n == 0 || n == 1);
	close(ep);
	if (!n)
		return 0;
	t_eq(ev[0].data.u64, 0x123456789abcull);
	return (ev[0].events & EPOLLIN ? POLLIN : 0) | (ev[0].events & EPOLLOUT ? POLLOUT : 0);
}

static int by_epoll_pwait(int fd, int events, int ms)
{
	int ep = epoll_of(fd, (events & POLLIN ? EPOLLIN : 0) | (events & POLLOUT ? EPOLLOUT : 0));
	struct timespec ts = {ms / 1000, ms % 1000 * 1000000};
	struct epoll_event ev[4];
	int n;

	/* one after the other: the set is as it was */
	n = epoll_pwait2(ep, ev, 4, ms < 0 ? NULL : &ts, NULL);
	t_check(n == 0 || n == 1, "%s", strerror(errno));
	t_eq(epoll_pwait(ep, ev, 4, 0, NULL), n);
	close(ep);
	return !n ? 0 :
		    (ev[0].events & EPOLLIN ? POLLIN : 0) |
			    (ev[0].events & EPOLLOUT ? POLLOUT : 0);
}

/* poll() on the epoll set. */
static int by_nested(int fd, int events, int ms)
{
	int ep = epoll_of(fd, (events & POLLIN ? EPOLLIN : 0) | (events & POLLOUT ? EPOLLOUT : 0));
	struct epoll_event ev[4];
	int n = by_poll_alone(ep, POLLIN, ms);

	t_eq(epoll_wait(ep, ev, 4, 0), n != 0);
	close(ep);
	return !n ? 0 :
		    (ev[0].events & EPOLLIN ? POLLIN : 0) |
			    (ev[0].events & EPOLLOUT ? POLLOUT : 0);
}

typedef int (*wait_fn)(int fd, int events, int ms);
static const wait_fn ways[] = {by_poll,	  by_poll_alone, by_ppoll,	 by_select,
			       by_pselect, by_epoll,	  by_epoll_pwait, by_nested};
#define WAYS (sizeof(ways) / sizeof(ways[0]))

static void waits_in_all_ways(void)
{
	double later = 0.15, start;
	pthread_t t;
	uint32_t n;
	size_t i;

	setup();
	for (i = 0; i < WAYS; i++) {
		start = t_now();
		t_eq(ways[i](a.fd, POLLIN, 0), 0);
		t_check(t_now() - start < 0.5);
		t_eq(ways[i](a.fd, POLLOUT, 0), POLLOUT);
		t_eq(ways[i](a.fd, POLLIN | POLLOUT, -1), POLLOUT);
		start = t_now();
		t_eq(ways[i](a.fd, POLLIN, 200), 0);
		t_check(t_now() - start > 0.19 && t_now() - start < 2, "%g s for 0.2",
			t_now() - start);
		start = t_now();
		t_check(!pthread_create(&t, NULL, send_later, &later));
		t_eq(ways[i](a.fd, POLLIN, i % 2 ? 20000 : -1), POLLIN);
		t_check(t_now() - start > 0.14 && t_now() - start < 10);
		t_eq(ways[i](a.fd, POLLIN | POLLOUT, 0), POLLIN | POLLOUT);
		t_check(!pthread_join(t, NULL));
		t_check(take(&a, &n)); /* the wait has done the sync */
		t_eq(ways[i](a.fd, POLLIN, 0), 0);
		/* and the other one: what is in the ring is sent */
		put(&a, 9);
		t_eq(ways[i](a.fd, POLLOUT, 1000), POLLOUT);
		expect(&b, 9);
	}
}

/* Others among ours: each wakes us, and what is told is what there is. */
static void mixed(void)
{
	struct pollfd p[5] = {{.events = POLLIN}, {.events = POLLIN}, {.fd = -1},
			      {.events = POLLOUT}, {.events = POLLIN}};
	int q[2], r[2], ep, n;
	struct epoll_event ev[4], one = {.events = EPOLLIN, .data.u32 = 1},
				  two = {.events = EPOLLIN, .data.u32 = 2};
	fd_set rs;
	struct timeval tv;
	uint32_t num;
	char c = 0;

	setup();
	t_check(!pipe(q) && !pipe(r));
	p[0].fd = q[0];
	p[1].fd = a.fd;
	p[3].fd = q[1];
	p[4].fd = 999; /* not open */
	t_eq(poll(p, 5, 1000), 2);
	t_eq(p[3].revents, POLLOUT);
	t_eq(p[4].revents, POLLNVAL);
	p[3].fd = -1;
	t_eq(poll(p, 4, 50), 0);
	t_eq(write(q[1], &c, 1), 1);
	t_eq(poll(p, 4, 5000), 1);
	t_eq(p[0].revents, POLLIN);
	t_eq(p[1].revents, 0);
	sendit(&b, 1);
	t_eq(poll(p, 4, 5000), 2);
	t_eq(read(q[0], &c, 1), 1);
	t_eq(poll(p, 4, 5000), 1);
	t_eq(p[1].revents, POLLIN);
	t_check(take(&a, &num));

	ep = epoll_of(a.fd, EPOLLIN);
	t_check(!epoll_ctl(ep, EPOLL_CTL_MOD, a.fd, &one));
	t_check(!epoll_ctl(ep, EPOLL_CTL_ADD, r[0], &two));
	t_eq(epoll_ctl(ep, EPOLL_CTL_ADD, a.fd, &one), -1);
	t_eq(errno, EEXIST);
	t_eq(epoll_wait(ep, ev, 4, 20), 0);
	t_eq(write(r[1], &c, 1), 1);
	t_eq(epoll_wait(ep, ev, 4, 5000), 1);
	t_eq(ev[0].data.u32, 2);
	sendit(&b, 2);
	t_eq(epoll_wait(ep, ev, 4, 5000), 2);
	t_eq(ev[0].data.u32 + ev[1].data.u32, 3);
	/* With room for one, both get their turn. */
	for (n = 0, num = 0; n < 10; n++) {
		t_eq(epoll_wait(ep, ev, 1, 5000), 1);
		num |= ev[0].data.u32;
	}
	t_eq(num, 3);
	t_check(!epoll_ctl(ep, EPOLL_CTL_DEL, r[0], NULL));
	t_eq(epoll_wait(ep, ev, 4, 5000), 1);
	t_eq(ev[0].data.u32, 1);
	t_check(!epoll_ctl(ep, EPOLL_CTL_DEL, a.fd, NULL));
	t_eq(epoll_wait(ep, ev, 4, 20), 0);
	t_eq(epoll_ctl(ep, EPOLL_CTL_DEL, a.fd, NULL), -1);
	t_eq(errno, ENOENT);

	t_check(take(&a, &num));
	FD_ZERO(&rs);
	FD_SET(a.fd, &rs);
	FD_SET(r[0], &rs);
	tv = (struct timeval){5, 0};
	t_eq(select(64, &rs, NULL, NULL, &tv), 1);
	t_check(FD_ISSET(r[0], &rs) && !FD_ISSET(a.fd, &rs));
	t_check(tv.tv_sec >= 3, "the rest of the time is told");
}

static volatile sig_atomic_t signals;

static void on_signal(int sig)
{
	(void)sig;
	signals++;
}

static void signals_interrupt(void)
{
	struct sigaction sa = {.sa_handler = on_signal};
	struct itimerval it = {.it_value = {0, 100000}};
	struct epoll_event ev;
	sigset_t none, alrm;
	struct pollfd p;
	fd_set r;
	int ep;

	setup();
	sigaction(SIGALRM, &sa, NULL);
	p = (struct pollfd){.fd = a.fd, .events = POLLIN};
	setitimer(ITIMER_REAL, &it, NULL);
	t_eq(poll(&p, 1, 20000), -1);
	t_eq(errno, EINTR);
	/* the channel is none the worse */
	sendit(&b, 1);
	expect(&a, 1);
	FD_ZERO(&r);
	FD_SET(a.fd, &r);
	setitimer(ITIMER_REAL, &it, NULL);
	t_eq(select(a.fd + 1, &r, NULL, NULL, NULL), -1);
	t_eq(errno, EINTR);
	ep = epoll_of(a.fd, EPOLLIN);
	setitimer(ITIMER_REAL, &it, NULL);
	t_eq(epoll_wait(ep, &ev, 1, 20000), -1);
	t_eq(errno, EINTR);
	t_eq(signals, 3);
	/* Blocked, but let in while waiting. */
	sigemptyset(&none);
	sigemptyset(&alrm);
	sigaddset(&alrm, SIGALRM);
	sigprocmask(SIG_BLOCK, &alrm, NULL);
	raise(SIGALRM);
	t_eq(signals, 3);
	t_eq(ppoll(&p, 1, NULL, &none), -1);
	t_eq(errno, EINTR);
	t_eq(signals, 4);
	raise(SIGALRM);
	t_eq(epoll_pwait(ep, &ev, 1, -1, &none), -1);
	t_eq(signals, 5);
	raise(SIGALRM);
	t_eq(pselect(a.fd + 1, &r, NULL, NULL, NULL, &none), -1);
	t_eq(signals, 6);
	/* Hundreds of them, at any point of a call. */
	sigprocmask(SIG_UNBLOCK, &alrm, NULL);
	it.it_value = it.it_interval = (struct timeval){0, 300};
	setitimer(ITIMER_REAL, &it, NULL);
	for (uint32_t i = 0; i < 3000; i++) {
		sendit(&b, i);
		while (poll(&p, 1, 5000) < 0)
			t_eq(errno, EINTR);
		expect(&a, i);
	}
	it.it_value = it.it_interval = (struct timeval){0, 0};
	setitimer(ITIMER_REAL, &it, NULL);
	t_check(signals > 50);
}

static void edges_and_one_shots(void)
{
	struct epoll_event ev[2], et = {.events = EPOLLIN | EPOLLOUT | EPOLLET},
				  shot = {.events = EPOLLIN | EPOLLONESHOT};
	uint32_t n;
	int ep;

	setup();
	ep = epoll_of(a.fd, EPOLLIN | EPOLLOUT | EPOLLET);
	t_eq(epoll_wait(ep, ev, 2, 1000), 1);
	t_eq(ev[0].events, EPOLLOUT);
	t_eq(epoll_wait(ep, ev, 2, 50), 0); /* told; nothing has changed */
	sendit(&b, 1);
	t_eq(epoll_wait(ep, ev, 2, 5000), 1);
	t_check(ev[0].events & EPOLLIN);
	t_eq(epoll_wait(ep, ev, 2, 50), 0); /* not taken, but told */
	sendit(&b, 2);
	t_eq(epoll_wait(ep, ev, 2, 5000), 1);
	t_check(ev[0].events & EPOLLIN);
	t_check(take(&a, &n) && n == 1 && take(&a, &n) && n == 2);
	epoll_wait(ep, ev, 2, 20); /* what we did may be news, too */
	t_eq(epoll_wait(ep, ev, 2, 50), 0);
	t_check(!epoll_ctl(ep, EPOLL_CTL_MOD, a.fd, &et)); /* this arms it again */
	t_eq(epoll_wait(ep, ev, 2, 1000), 1);

	t_check(!epoll_ctl(ep, EPOLL_CTL_MOD, a.fd, &shot));
	t_eq(epoll_wait(ep, ev, 2, 20), 0);
	sendit(&b, 3);
	t_eq(epoll_wait(ep, ev, 2, 5000), 1);
	t_eq(ev[0].events, EPOLLIN);
	t_eq(epoll_wait(ep, ev, 2, 50), 0);
	sendit(&b, 4);
	t_eq(epoll_wait(ep, ev, 2, 50), 0);
	t_check(!epoll_ctl(ep, EPOLL_CTL_MOD, a.fd, &shot));
	t_eq(epoll_wait(ep, ev, 2, 5000), 1);
	/* Closing takes it out of the set. */
	t_check(!epoll_ctl(ep, EPOLL_CTL_MOD, a.fd, &et));
	port_end(&a);
	t_eq(epoll_wait(ep, ev, 2, 20), 0);
}

/* A set changes while another thread waits for it. */
static int shared_set;

static void *waits(void *arg)
{
	struct epoll_event ev;

	(void)arg;
	return (void *)(intptr_t)epoll_wait(shared_set, &ev, 1, 10000);
}

static void sets_change_while_waited_for(void)
{
	struct epoll_event ev = {.events = EPOLLOUT};
	pthread_t t;
	void *n;
	int i, c;

	setup();
	c = port("vale0:c").fd;
	for (i = 0; i < 20; i++) {
		shared_set = epoll_of(c, EPOLLIN);
		t_check(!pthread_create(&t, NULL, waits, NULL));
		t_sleep(i % 2 ? 0.02 : 0);
		if (i % 4 < 2)
			t_check(!epoll_ctl(shared_set, EPOLL_CTL_ADD, a.fd, &ev));
		else
			t_check(!epoll_ctl(shared_set, EPOLL_CTL_MOD, c, &ev));
		t_check(!pthread_join(t, &n));
		t_eq((intptr_t)n, 1);
		close(shared_set);
	}
}

/* A sender and a receiver thread, and one that polls, all of one descriptor. */
static uint32_t done;

static void *receives(void *arg)
{
	struct pollfd p = {.fd = a.fd, .events = POLLIN};
	uint32_t n, next = 0, want = *(uint32_t *)arg;
	double end = t_now() + 50;

	while (next < want) {
		t_check(t_now() < end, "%u of %u came", next, want);
		t_check(poll(&p, 1, 10000) == 1, "%u of %u came", next, want);
		while (take(&a, &n))
			t_eq(n, next++);
	}
	__atomic_store_n(&done, 1, __ATOMIC_RELEASE);
	return NULL;
}

static void threads(void)
{
	struct pollfd p;
	uint32_t n = 0, want = (uint32_t)t_rounds(200000), i;
	pthread_t t;

	daemon_start(NULL);
	a = port_slots("x{1", 64, NR_NO_TX_POLL);
	b = port_slots("x}1", 64, 0);
	p = (struct pollfd){.fd = b.fd, .events = POLLOUT};
	t_check(!pthread_create(&t, NULL, receives, &want));
	while (n < want) {
		t_check(poll(&p, 1, 10000) == 1, "%u sent", n);
		for (i = 0; i < 17 && n < want && !nm_ring_empty(b.tx); i++)
			put(&b, n++);
		t_check(!ioctl(b.fd, NIOCTXSYNC, NULL));
		if (n % 7 == 0)
			t_check(!ioctl(a.fd, NIOCTXSYNC, NULL));
	}
	t_check(!pthread_join(t, NULL) && done);
}

/*
 * A stream through the smallest rings there are, so that both ends fall asleep all the time:
 * a wakeup that is lost is the end of it.
 */
static int kept_set;

static int by_kept_epoll(int fd, int events, int ms)
{
	struct epoll_event ev;

	(void)fd;
	(void)events;
	return epoll_wait(kept_set, &ev, 1, ms) == 1 ? events : 0;
}

static void stream(wait_fn wait, uint32_t edge, uint32_t want)
{
	uint32_t n = 0, got;
	int status;
	pid_t pid;

	a = port_slots("small{1", 8, 0);
	b = port_slots("small}1", 8, 0);
	pid = fork();
	if (!pid) {
		if (wait == by_kept_epoll)
			kept_set = epoll_of(b.fd, EPOLLIN | edge);
		while (n < want) {
			t_check(wait(b.fd, POLLIN, 30000) == POLLIN, "asleep after %u of %u", n,
				want);
			while (take(&b, &got))
				t_eq(got, n++);
		}
		t_check(!ioctl(b.fd, NIOCRXSYNC, NULL));
		_exit(0);
	}
	if (wait == by_kept_epoll)
		kept_set = epoll_of(a.fd, EPOLLOUT | edge);
	while (n < want) {
		t_check(wait(a.fd, POLLOUT, 30000) == POLLOUT, "asleep after %u of %u", n, want);
		while (n < want && !nm_ring_empty(a.tx))
			put(&a, n++);
		if (n % 3 == 0) /* else the next wait sends it */
			t_check(!ioctl(a.fd, NIOCTXSYNC, NULL));
	}
	while (nm_tx_pending(a.tx) && waitpid(pid, &status, WNOHANG) != pid)
		t_check(!ioctl(a.fd, NIOCTXSYNC, NULL));
	t_check(!ioctl(a.fd, NIOCTXSYNC, NULL));
	t_check(waitpid(pid, &status, 0) != pid || !status);
	if (wait == by_kept_epoll)
		close(kept_set);
	port_end(&a);
	port_end(&b);
}

static void million_wakeups(void)
{
	uint32_t want = (uint32_t)t_rounds(200000);
	double start;

	daemon_start(NULL);
	start = t_now();
	stream(by_poll_alone, 0, want);
	t_note("poll: %.1f us a packet", (t_now() - start) / want * 1e6);
	start = t_now();
	stream(by_poll, 0, want);
	t_note("poll with others: %.1f us", (t_now() - start) / want * 1e6);
	start = t_now();
	stream(by_select, 0, want);
	t_note("select: %.1f us", (t_now() - start) / want * 1e6);
	start = t_now();
	stream(by_kept_epoll, 0, want);
	t_note("epoll: %.1f us", (t_now() - start) / want * 1e6);
	start = t_now();
	stream(by_kept_epoll, EPOLLET, want);
	t_note("epoll with EPOLLET: %.1f us", (t_now() - start) / want * 1e6);
}

static void daemon_goes_away(void)
{
	struct epoll_event ev;
	struct pollfd p;
	pid_t pid = daemon_start(NULL);
	pthread_t t;
	size_t i;
	void *n;

	a = port("vale0:a");
	shared_set = epoll_of(a.fd, EPOLLIN);
	t_check(!pthread_create(&t, NULL, waits, NULL));
	t_sleep(0.1);
	daemon_kill(pid, SIGKILL);
	t_check(!pthread_join(t, &n));
	t_eq((intptr_t)n, 1);
	t_eq(epoll_wait(shared_set, &ev, 1, 20000), 1);
	t_check(ev.events & EPOLLERR);
	p = (struct pollfd){.fd = a.fd, .events = POLLIN};
	t_eq(poll(&p, 1, 20000), 1);
	t_check(p.revents & POLLERR);
	for (i = 3; i < 5; i++) /* select: readable, so that it is looked at */
		t_eq(ways[i](a.fd, POLLIN, 20000), POLLIN);
	t_eq(ioctl(a.fd, NIOCTXSYNC, NULL), -1);
	t_eq(errno, ENXIO);
	port_end(&a);
	a = port("vale0:a"); /* there is another one now */
	sendit(&a, 1);
	port_end(&a);
	daemon_await_end(20);
}

/* Nothing of ours is in the way of other descriptors. */
static void others_are_left_alone(void)
{
	int q[2], i, fd;
	struct pollfd p;
	struct stat st;
	char c = 0;

	daemon_place();
	t_check(!pipe(q));
	p = (struct pollfd){.fd = q[0], .events = POLLIN};
	t_eq(poll(&p, 1, 10), 0);
	t_eq(write(q[1], &c, 1), 1);
	t_eq(poll(&p, 1, 10), 1);
	t_eq(ioctl(q[0], FIONREAD, &i), 0);
	t_eq(i, 1);
	t_eq(ioctl(q[0], NIOCTXSYNC, NULL), -1);
	t_eq(errno, ENOTTY);
	fd = open("/tmp", O_TMPFILE | O_RDWR, 0640);
	t_check(fd >= 0 && !fstat(fd, &st) && (st.st_mode & 0777) == (0640 & ~022));
	t_eq(open("/dev/netmap/x", O_RDWR), -1);
	t_eq(daemon_pid(), 0); /* and no daemon was started for that */
}

int main(int argc, char **argv)
{
	static const struct t_case cases[] = {
		T_CASE(opened_in_all_ways),  T_CASE(packets_move),
		T_CASE(wrong_pointers),	     T_CASE(mmap_has_limits),
		T_CASE(old_library),	     T_CASE(duplicates),
		T_CASE(forked),		     T_CASE(executed),
		T_CASE(passed),		     T_CASE(closes_everything),
		T_CASE(waits_in_all_ways),   T_CASE(mixed),
		T_CASE(signals_interrupt),   T_CASE(edges_and_one_shots),
		T_CASE(sets_change_while_waited_for), T_LONG(threads, 120),
		T_LONG(million_wakeups, 900),
		T_CASE(daemon_goes_away),    T_CASE(others_are_left_alone),
	};

	self = argv[0];
	if (argc == 5 && !strcmp(argv[1], "--after-exec"))
		return after_exec(argv + 2);
	return t_run(cases, sizeof(cases) / sizeof(cases[0]), argc, argv);
}
