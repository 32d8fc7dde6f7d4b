// SPDX-License-Identifier: BSD-2-Clause
#include "dev.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/select.h>

struct port a, b;

void port_map(struct port *p, const struct nmreq_register *reg)
{
	p->size = reg->nr_memsize;
	p->mem = mmap(NULL, p->size, PROT_READ | PROT_WRITE, MAP_SHARED, p->fd, 0);
	t_check(p->mem != MAP_FAILED, "mmap: %s", strerror(errno));
	p->nifp = NETMAP_IF(p->mem, reg->nr_offset);
	p->tx = NETMAP_TXRING(p->nifp, 0);
	p->rx = NETMAP_RXRING(p->nifp, 0);
}

struct port port_slots(const char *name, unsigned int slots, uint64_t flags)
{
	struct nmreq_register reg = { .nr_mode = NR_REG_ALL_NIC,
				      .nr_tx_slots = slots,
				      .nr_rx_slots = slots,
				      .nr_flags = flags };
	struct nmreq_header hdr = { .nr_version = NETMAP_API,
				    .nr_reqtype = NETMAP_REQ_REGISTER,
				    .nr_body = (uintptr_t)&reg };
	struct port p = { .fd = open("/dev/netmap", O_RDWR) };

	t_check(p.fd >= 0, "open: %s", strerror(errno));
	snprintf(hdr.nr_name, sizeof(hdr.nr_name), "%s", name);
	t_check(!ioctl(p.fd, NIOCCTRL, &hdr), "%s: %s", name, strerror(errno));
	port_map(&p, &reg);
	return p;
}

struct port port(const char *name)
{
	return port_slots(name, 0, 0);
}

void port_end(struct port *p)
{
	t_check(!munmap(p->mem, p->size));
	t_check(!close(p->fd));
}

void put(struct port *p, uint32_t number)
{
	char *buf = NETMAP_BUF(p->tx, p->tx->slot[p->tx->head].buf_idx);

	t_check(!nm_ring_empty(p->tx));
	memset(buf, 0xff, 60);
	buf[6] = 2;
	memcpy(buf + 20, &number, 4);
	p->tx->slot[p->tx->head].len = 60;
	p->tx->head = p->tx->cur = nm_ring_next(p->tx, p->tx->head);
}

void sendit(struct port *p, uint32_t number)
{
	put(p, number);
	t_check(!ioctl(p->fd, NIOCTXSYNC, NULL));
}

bool take(struct port *p, uint32_t *number)
{
	if (nm_ring_empty(p->rx))
		return false;
	memcpy(number, NETMAP_BUF(p->rx, p->rx->slot[p->rx->head].buf_idx) + 20, 4);
	p->rx->head = p->rx->cur = nm_ring_next(p->rx, p->rx->head);
	return true;
}

void expect(struct port *p, uint32_t number)
{
	uint32_t n = 0;

	t_check(!ioctl(p->fd, NIOCRXSYNC, NULL));
	t_check(take(p, &n));
	t_eq(n, number);
}

void setup(void)
{
	daemon_start(NULL);
	a = port("vale0:a");
	b = port("vale0:b");
}

/* ---- waiting ---- */

int by_poll(int fd, int events, int ms)
{
	struct pollfd p[2] = { { .fd = -1 }, { .fd = fd, .events = (short)events } };
	int n = poll(p, 2, ms);

	t_eq(p[0].revents, 0);
	t_eq(n, p[1].revents != 0);
	return p[1].revents;
}

int by_poll_alone(int fd, int events, int ms)
{
	struct pollfd p = { .fd = fd, .events = (short)events };

	t_eq(poll(&p, 1, ms), p.revents != 0);
	return p.revents;
}

int by_ppoll(int fd, int events, int ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };
	struct pollfd p = { .fd = fd, .events = (short)events };
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

int by_select(int fd, int events, int ms)
{
	struct timeval tv = { ms / 1000, ms % 1000 * 1000 };
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

int by_pselect(int fd, int events, int ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };
	fd_set r, w;

	FD_ZERO(&r);
	FD_ZERO(&w);
	if (events & POLLIN)
		FD_SET(fd, &r);
	if (events & POLLOUT)
		FD_SET(fd, &w);
	return select_revents(pselect(fd + 1, &r, &w, NULL, ms < 0 ? NULL : &ts, NULL), fd, &r, &w);
}

int epoll_of(int fd, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.u64 = 0x123456789abcull };
	int ep = epoll_create1(EPOLL_CLOEXEC);

	t_check(!epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev), "%s", strerror(errno));
	return ep;
}

int by_epoll(int fd, int events, int ms)
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

int by_epoll_pwait(int fd, int events, int ms)
{
	int ep = epoll_of(fd, (events & POLLIN ? EPOLLIN : 0) | (events & POLLOUT ? EPOLLOUT : 0));
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };
	struct epoll_event ev[4];
	int n;

	/* one after the other: the set is as it was */
	n = epoll_pwait2(ep, ev, 4, ms < 0 ? NULL : &ts, NULL);
	t_check(n == 0 || n == 1, "%s", strerror(errno));
	t_eq(epoll_pwait(ep, ev, 4, 0, NULL), n);
	close(ep);
	return !n ? 0 :
		    (ev[0].events & EPOLLIN ? POLLIN : 0) | (ev[0].events & EPOLLOUT ? POLLOUT : 0);
}

/* poll() on the epoll set. */
int by_nested(int fd, int events, int ms)
{
	int ep = epoll_of(fd, (events & POLLIN ? EPOLLIN : 0) | (events & POLLOUT ? EPOLLOUT : 0));
	struct epoll_event ev[4];
	int n = by_poll_alone(ep, POLLIN, ms);

	t_eq(epoll_wait(ep, ev, 4, 0), n != 0);
	close(ep);
	return !n ? 0 :
		    (ev[0].events & EPOLLIN ? POLLIN : 0) | (ev[0].events & EPOLLOUT ? POLLOUT : 0);
}
