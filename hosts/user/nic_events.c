// SPDX-License-Identifier: BSD-2-Clause
/*
 * One thread for all NIC ports of a process. It sleeps until a queue that
 * somebody waits for has a packet (one shot: armed by each wait; who waits in
 * this process does so without the thread), until an interface changes, or, while
 * transmissions that somebody waits for are in flight, for a short time: AF_XDP has no
 * event for those.
 */
#include "nic.h"
#include "poller.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define EVENTS	     64
#define WATCH_MIN_NS 50000
#define WATCH_MAX_NS 5000000

/* Ids of events that are no queue's. */
enum { EV_WAKE = NIC_MAX_QUEUES, EV_LINK, EV_HOST };

/* ---- queues ---- */

static void notify(struct nic_queue *q, enum nm_dir dir)
{
	struct nm_kring *kr = q->kr[dir];
	void (*fn)(struct nm_kring *) = kr ? nm_load_acquire(&kr->notify) : NULL;

	if (fn)
		fn(kr);
}

/*
 * A socket is with the epoll descriptor only while somebody waits: while it is there,
 * each packet costs its sender a call to find out that nobody does.
 */
static int register_queue(struct nic_queue *q, int op)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLONESHOT, .data.u64 = q->tag - 1 };

	return epoll_ctl(q->nics->epoll_fd, op, q->xsk.fd, &ev);
}

static void await_packet(struct nic_queue *q)
{
	if (!register_queue(q, EPOLL_CTL_ADD))
		return;
	if (errno != EEXIST || register_queue(q, EPOLL_CTL_MOD))
		nm_os_log(NM_LOG_ERROR, "%s: nobody can wait for queue %u: %s", q->np->port.name,
			  q->id, strerror(errno));
}

static void queue_event(struct nm_nics *nics, uint64_t id)
{
	struct nic_queue *q;

	pthread_mutex_lock(&nics->dispatch);
	q = nics->queue[id];
	if (q) {
		/* first: who is told may want to wait again at once */
		register_queue(q, EPOLL_CTL_DEL);
		if (!nm_load(&q->np->port.gone))
			notify(q, NM_RX);
	}
	pthread_mutex_unlock(&nics->dispatch);
}

int nic_events_host(struct nm_nics *nics, int op, int fd, uint32_t slot, bool armed)
{
	struct epoll_event ev = { .events = (armed ? EPOLLIN : 0) | EPOLLONESHOT,
				  .data.u64 = EV_HOST + slot };

	return epoll_ctl(nics->epoll_fd, op, fd, &ev) < 0 ? -errno : 0;
}

uint64_t nic_serial(void)
{
	static uint64_t serial;

	return nm_fetch_add(&serial, 1);
}

/* On return the thread does not know the queue any more, and is not inside it. */
void nic_events_del(struct nic_queue *q)
{
	struct nm_nics *nics = q->nics;
	struct nic_queue **p;

	register_queue(q, EPOLL_CTL_DEL);
	pthread_mutex_lock(&nics->dispatch);
	nics->queue[q->tag - 1] = NULL;
	nm_os_lock(&nics->watch_lock);
	for (p = &nics->watch; *p; p = &(*p)->next_watched) {
		if (*p == q) {
			*p = q->next_watched;
			break;
		}
	}
	q->watched = false;
	nm_os_unlock(&nics->watch_lock);
	pthread_mutex_unlock(&nics->dispatch);
}

void nic_arm(struct nm_kring *kr)
{
	struct nic_queue *q = kr->priv;

	if (kr->flags & NM_KR_HOST)
		nic_host_arm(kr);
	else if (kr->dir == NM_TX)
		nic_watch(q);
	else if (nm_load(&kr->hwtail) == nm_prev(nm_load(&kr->hwcur), kr->num_slots))
		return; /* full: what arrives is no news before the client makes room */
	else if (!nm_poller_watch(q->xsk.fd, q->serial))
		await_packet(q);
}

/* ---- transmissions ---- */

static void wake_thread(struct nm_nics *nics)
{
	const uint64_t one = 1;

	if (write(nics->wake_fd, &one, sizeof(one)) < 0)
		nm_os_log(NM_LOG_ERROR, "cannot wake the NIC thread: %s", strerror(errno));
}

void nic_watch(struct nic_queue *q)
{
	struct nm_nics *nics = q->nics;
	bool first;

	nm_os_lock(&nics->watch_lock);
	first = !nics->watch;
	if (!q->watched) {
		q->watched = true;
		q->next_watched = nics->watch;
		nm_store(&nics->watch, q);
	} else {
		first = false;
	}
	nm_os_unlock(&nics->watch_lock);
	if (first)
		wake_thread(nics);
}

/*
 * Sends what could not be sent before, and tells of completions that no sync
 * has seen yet. True while there is something left to wait for.
 */
static bool watch_one(struct nic_queue *q, bool *news)
{
	struct xsk_ring *c = &q->xsk.completion;
	bool sent = nic_kick(q);

	if (nm_load_acquire(c->producer) != nm_load(c->consumer)) {
		notify(q, NM_TX);
		*news = true;
		return !sent;
	}
	return nm_load(q->xsk.tx.producer) != nm_load(c->consumer);
}

/* One look at all watched queues; true if one of them had news. */
static bool watch_round(struct nm_nics *nics)
{
	struct nic_queue *q, *list;
	bool news = false;

	/* dispatch keeps the queues from going away while they are on a list of ours */
	pthread_mutex_lock(&nics->dispatch);
	nm_os_lock(&nics->watch_lock);
	list = nics->watch;
	nm_store(&nics->watch, NULL);
	nm_os_unlock(&nics->watch_lock);
	while ((q = list)) {
		nm_os_lock(&nics->watch_lock);
		list = q->next_watched;
		q->watched = false;
		nm_os_unlock(&nics->watch_lock);
		if (!nm_load(&q->np->port.gone) && q->kr[NM_TX] && watch_one(q, &news))
			nic_watch(q);
	}
	pthread_mutex_unlock(&nics->dispatch);
	return news;
}

/* ---- interfaces ---- */

/* The interface is free of us at once, even while clients still hold the port. */
static void port_gone(struct nic_port *np, int error)
{
	nm_os_log(NM_LOG_WARN, "%s %s", np->port.name,
		  error == ENXIO ? "is gone" : "was taken down");
	nm_port_gone(&np->port, error);
	nic_host_detach(np);
	xdp_detach(&np->xdp);
	if (np->promisc_fd >= 0)
		close(np->promisc_fd);
	np->promisc_fd = -1;
	netdev_offloads_restore(np->nd.ifindex, &np->offloads);
	memset(&np->offloads, 0, sizeof(np->offloads));
}

struct link_news {
	struct nm_nics *nics;
	bool gone;
};

static void link_event(void *arg, unsigned int ifindex, int error)
{
	struct link_news *news = arg;
	struct nic_port *np;
	struct netdev nd;

	nm_list_for_each(np, &news->nics->ports, struct nic_port, link) {
		int why = error;

		if (np->port.gone || (ifindex && np->nd.ifindex != ifindex))
			continue;
		/* what is being removed goes down first: tell what matters more */
		if (why != ENXIO && netdev_get(&nd, NULL, np->nd.ifindex))
			why = ENXIO;
		else if (!why && !nd.up)
			why = ENETDOWN;
		if (why) {
			port_gone(np, why);
			news->gone = true;
		}
	}
}

static void link_events(struct nm_nics *nics)
{
	struct link_news news = { nics, false };

	pthread_mutex_lock(&nics->dispatch);
	netdev_events_read(nics->link_fd, link_event, &news);
	pthread_mutex_unlock(&nics->dispatch);
	if (news.gone)
		nm_ns_reap(nics->ns);
}

/* ---- the thread ---- */

static void handle(struct nm_nics *nics, uint64_t id)
{
	uint64_t count;

	if (id == EV_LINK)
		link_events(nics);
	else if (id >= EV_HOST)
		nic_host_event(nics, id - EV_HOST);
	else if (id == EV_WAKE)
		(void)!read(nics->wake_fd, &count, sizeof(count));
	else
		queue_event(nics, id);
}

static void nics_main(void *arg)
{
	struct nm_nics *nics = arg;
	struct epoll_event ev[EVENTS];
	struct timespec ts = { 0, WATCH_MIN_NS };

	while (!nm_os_thread_stopping(&nics->thread)) {
		bool watching = nm_load(&nics->watch) != NULL;
		int n = epoll_pwait2(nics->epoll_fd, ev, EVENTS, watching ? &ts : NULL, NULL);

		for (int i = 0; i < n; i++)
			handle(nics, ev[i].data.u64);
		if (!watching || watch_round(nics))
			ts.tv_nsec = WATCH_MIN_NS;
		else if (ts.tv_nsec < WATCH_MAX_NS)
			ts.tv_nsec *= 2;
	}
}

static int add_fd(struct nm_nics *nics, int fd, uint64_t id)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u64 = id };

	return epoll_ctl(nics->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0 ? -errno : 0;
}

static int nics_start(struct nm_nics *nics)
{
	int error;

	nics->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (nics->epoll_fd < 0)
		return -errno;
	nics->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (nics->wake_fd < 0)
		return -errno;
	nics->link_fd = netdev_events_open();
	if (nics->link_fd < 0)
		return nics->link_fd;
	error = add_fd(nics, nics->wake_fd, EV_WAKE);
	if (!error)
		error = add_fd(nics, nics->link_fd, EV_LINK);
	if (!error)
		error = nm_os_thread_start(&nics->thread, nics_main, nics, "netmap-nics");
	return error;
}

int nm_nics_get(struct nm_ns *ns, struct nm_nics **nicsp, struct nm_err *err)
{
	struct nm_nics *nics = ns->os.nics;
	int error = -ENOMEM;

	if (!nics) {
		nics = nm_os_alloc(sizeof(*nics));
		if (!nics)
			goto fail;
		nics->ns = ns;
		nics->epoll_fd = nics->wake_fd = nics->link_fd = -1;
		nm_list_init(&nics->ports);
		nm_os_lock_init(&nics->watch_lock);
		pthread_mutex_init(&nics->dispatch, NULL);
		error = nics_start(nics);
		if (error) {
			nm_nics_free(nics);
			goto fail;
		}
		ns->os.nics = nics;
	}
	*nicsp = nics;
	return 0;

fail:
	return nm_fail(err, error, "no thread for network interfaces: %s", strerror(-error));
}

/* From here on nobody but the caller touches the ports. */
void nm_nics_stop(struct nm_ns *ns)
{
	struct nm_nics *nics = ns->os.nics;

	if (!nics)
		return;
	nm_store_release(&nics->thread.stopping, 1);
	wake_thread(nics);
	nm_os_thread_stop(&nics->thread);
}

void nm_nics_free(struct nm_nics *nics)
{
	if (!nics)
		return;
	if (nics->epoll_fd >= 0)
		close(nics->epoll_fd);
	if (nics->wake_fd >= 0)
		close(nics->wake_fd);
	if (nics->link_fd >= 0)
		close(nics->link_fd);
	pthread_mutex_destroy(&nics->dispatch);
	nm_os_free(nics->owner);
	nm_os_free(nics);
}
