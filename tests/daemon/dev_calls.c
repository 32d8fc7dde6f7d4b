// SPDX-License-Identifier: BSD-2-Clause
/* An unmodified program: open, ioctl, mmap; and what is left alone. */
#include "dev.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>

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
	struct nmreq_header hdr = { .nr_version = NETMAP_API,
				    .nr_reqtype = NETMAP_REQ_REGISTER,
				    .nr_name = "vale0:x",
				    .nr_body = 8 };
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
	t_check(mmap64(NULL, a.size, PROT_READ | PROT_WRITE, MAP_SHARED, a.fd, 0) != MAP_FAILED);
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

/* Nothing of ours is in the way of other descriptors. */
static void others_are_left_alone(void)
{
	int q[2], i, fd;
	struct pollfd p;
	struct stat st;
	char c = 0;

	daemon_place();
	t_check(!pipe(q));
	p = (struct pollfd){ .fd = q[0], .events = POLLIN };
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

T_MAIN(T_CASE(opened_in_all_ways), T_CASE(packets_move), T_CASE(wrong_pointers),
       T_CASE(mmap_has_limits), T_CASE(old_library), T_CASE(others_are_left_alone))
