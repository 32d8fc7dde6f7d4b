/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Waiting: in here, for packets, a timeout or pcap_breakloop(); and in a program's own
 * event loop, on the descriptor that pcap_get_selectable_fd() gave it.
 *
 * That descriptor is an epoll(7) set, which can be waited for like any other. In it are
 *
 *	morefd		while packets are left in the rings, or an error is to be told
 *	wakefd		of the host, which it makes readable once it has been armed
 *
 * and every read call leaves it (event_settle()) with the first set or the second armed.
 * Programs that never ask for the descriptor do not pay for it.
 */
#include "handle.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

static void set_event(int fd)
{
	uint64_t one = 1;

	/* It can only fail by being full, which is as good. */
	if (write(fd, &one, sizeof(one)) < 0)
		return;
}

static void clear_event(int fd)
{
	uint64_t count;

	if (read(fd, &count, sizeof(count)) < 0)
		return;
}

int event_open(pcap_t *p)
{
	p->breakfd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (p->breakfd < 0)
		return handle_fail(p, PCAP_ERROR, "eventfd: %s", sys()->pcap_strerror(errno));
	return 0;
}

void event_close(pcap_t *p)
{
	close(p->breakfd);
	if (p->selectfd >= 0)
		close(p->selectfd);
	if (p->morefd >= 0)
		close(p->morefd);
	p->breakfd = p->selectfd = p->morefd = -1;
}

/* Callable from signal handlers, and from any thread. */
void event_break(pcap_t *p)
{
	int saved = errno;

	if (p->breakfd >= 0)
		set_event(p->breakfd);
	errno = saved;
}

/*
 * Waits until there may be packets: 1; 0 if timeout_ms went by; < 0 for an error. A break
 * is found by the caller, who looks at p->broken in any case. Ends with the rings synced.
 */
int event_wait(pcap_t *p, int timeout_ms)
{
	struct pollfd fds[2] = {
		{ .fd = p->port->fd, .events = POLLIN },
		{ .fd = p->breakfd, .events = POLLIN },
	};
	int n;

	if (__atomic_load_n(&p->tx.pending, __ATOMIC_RELAXED) > 0)
		inject_flush(p);
	/* Who does not wait has looked at p->broken just before. */
	n = nmhost_poll(fds, timeout_ms != 0 ? 2 : 1, timeout_ms);
	if (n < 0) {
		if (errno == EINTR)
			return 1;
		/* The descriptor itself may be the trouble: the port knows more. */
		n = port_failed(p);
		return n < 0 ? n :
			       handle_fail(p, PCAP_ERROR, "poll: %s", sys()->pcap_strerror(errno));
	}
	capture_stamp(p);
	if (fds[1].revents != 0)
		clear_event(p->breakfd);
	if (fds[0].revents & ~POLLIN) {
		int r = port_failed(p);

		if (r < 0)
			return r;
	}
	return n > 0;
}

static void set_more(pcap_t *p, bool more)
{
	if (more == p->more)
		return;
	if (more)
		set_event(p->morefd);
	else
		clear_event(p->morefd);
	p->more = more;
}

/*
 * The host may have another wake descriptor for each thread that arms one. Only the last
 * counts. The number alone does not tell: it may be that of another file by now.
 */
static bool watch(pcap_t *p, int fd)
{
	struct epoll_event ev = { .events = EPOLLIN };

	if (p->wakefd != fd && p->wakefd >= 0)
		epoll_ctl(p->selectfd, EPOLL_CTL_DEL, p->wakefd, NULL);
	p->wakefd = -1;
	if (fd < 0 || (epoll_ctl(p->selectfd, EPOLL_CTL_ADD, fd, &ev) != 0 && errno != EEXIST))
		return false;
	p->wakefd = fd;
	return true;
}

/*
 * At the end of a read call: is there more, and if not, be told when there is. Where the
 * descriptor cannot be watched it stays ready, which costs time but loses nothing.
 */
void event_settle(pcap_t *p)
{
	if (p->selectfd < 0)
		return;
	if (capture_pending(p)) {
		set_more(p, true);
		return;
	}
	if (nmhost_arm(p->port->fd, POLLIN) != 0) {
		capture_stamp(p);
		set_more(p, true);
		return;
	}
	set_more(p, !watch(p, nmhost_wakefd(p->port->fd)));
}

static int open_selectable(pcap_t *p)
{
	struct epoll_event ev = { .events = EPOLLIN };

	if (p->selectfd >= 0)
		return p->selectfd;
	p->morefd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (p->morefd < 0)
		return -1;
	p->selectfd = epoll_create1(EPOLL_CLOEXEC);
	if (p->selectfd < 0 || epoll_ctl(p->selectfd, EPOLL_CTL_ADD, p->morefd, &ev) != 0) {
		if (p->selectfd >= 0)
			close(p->selectfd);
		close(p->morefd);
		p->selectfd = p->morefd = -1;
		return -1;
	}
	event_settle(p);
	return p->selectfd;
}

int netmap_pcap_get_selectable_fd(pcap_t *p)
{
	return p->active ? open_selectable(p) : -1;
}

/* Programs that know Linux wait for this one. */
int netmap_pcap_fileno(pcap_t *p)
{
	return p->active ? open_selectable(p) : -1;
}

const struct timeval *netmap_pcap_get_required_select_timeout(pcap_t *p)
{
	(void)p;
	return NULL;
}

int netmap_pcap_getnonblock(pcap_t *p, char *err)
{
	(void)err;
	return p->active ? p->nonblock : PCAP_ERROR_NOT_ACTIVATED;
}

int netmap_pcap_setnonblock(pcap_t *p, int on, char *err)
{
	(void)err;
	p->nonblock = on != 0;
	return 0;
}

void netmap_pcap_breakloop(pcap_t *p)
{
	__atomic_store_n(&p->broken, 1, __ATOMIC_SEQ_CST);
	event_break(p);
}
