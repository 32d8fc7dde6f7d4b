// SPDX-License-Identifier: BSD-2-Clause
/*
 * A channel: its thread sleeps in read() until the client wants something. The
 * end of the request pipe is the end of the client, however it came about.
 */
#include "netmapd.h"

#include <fcntl.h>
#include <net/netmap.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <time.h>

static void chan_unlink(struct nmd_chan *ch)
{
	pthread_mutex_lock(&nmd.lock);
	*ch->prevp = ch->next;
	if (ch->next)
		ch->next->prevp = ch->prevp;
	__atomic_fetch_sub(&nmd.nchans, 1, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&nmd.lock);
}

static void chan_free(struct nmd_chan *ch)
{
	struct nmd_file *f = ch->file;

	nmd_pollers_free(f, ch);
	if (ch->waiter) {
		nmcore_poller_free(ch->waiter);
		close(ch->waitfd);
	}
	__atomic_fetch_sub(&f->nchannels, 1, __ATOMIC_RELAXED);
	nmd_file_disconnect(f, true);
	nmd_file_put(f);
	chan_unlink(ch);
	/* Until here, others can see by the request pipe that this client is leaving. */
	close(ch->req);
	if (ch->rep >= 0)
		close(ch->rep);
	close(ch->sock);
	free(ch);
	nmd_wake_main();
}

/*
 * close(2) of the last descriptor that a process has: when it returns, what it held
 * is free for others, unless another process has a descriptor too.
 */
static void chan_close(struct nmd_chan *ch)
{
	const struct nmd_reply reply = { 0, 0 };
	int rep = ch->rep;

	ch->rep = -1;
	chan_free(ch);
	if (write(rep, &reply, sizeof(reply)) < 0)
		nmd_log(3, "a client did not wait for its close");
	close(rep);
}

/*
 * A call is executed on the CPU where the caller waits for it: a wakeup on the
 * same CPU costs a fraction of one across CPUs. Once the caller has been seen
 * elsewhere a few times in a row, its thread moves there too.
 */
static void follow(struct nmd_chan *ch, uint16_t cpu)
{
	cpu_set_t set;

	if (cpu == ch->cpu)
		return;
	if (cpu != ch->seen_cpu) {
		ch->seen_cpu = cpu;
		ch->seen = 0;
	}
	if (++ch->seen < 4)
		return;
	ch->cpu = cpu;
	if (cpu >= CPU_SETSIZE)
		return;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static int sync_rings(struct nmd_chan *ch, unsigned long request)
{
	if (!ch->nm)
		ch->nm = nmd_file_core(ch->file);
	if (!ch->nm)
		return -1;
	return nmcore_ioctl(ch->nm, request, NULL);
}

static int poll_rings(struct nmd_chan *ch, const struct nmd_request *r)
{
	if (!ch->nm)
		ch->nm = nmd_file_core(ch->file);
	if (!ch->nm)
		return -1;
	if (r->poller == NMD_NO_POLLER)
		return nmcore_poll(ch->nm, r->events, 0);
	return nmd_poller_poll(ch->file, ch->nm, r->poller, r->events);
}

static bool stopping(void)
{
	return __atomic_load_n(&nmd.stopping, __ATOMIC_ACQUIRE);
}

static bool waiter_make(struct nmd_chan *ch)
{
	ch->waitfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (ch->waitfd < 0)
		return false;
	ch->waiter = nmcore_poller_new(ch->waitfd);
	if (!ch->waiter)
		close(ch->waitfd);
	return ch->waiter;
}

/*
 * Waits in the client's place, which then sleeps in one read(): the rings are
 * looked at as soon as they have news, and not after two more switches.
 * Whatever comes through the pipe meanwhile ends the wait.
 */
static int wait_rings(struct nmd_chan *ch, int events)
{
	struct pollfd p[2];
	uint64_t count;
	int got;

	if (!ch->nm)
		ch->nm = nmd_file_core(ch->file);
	if (!ch->nm || (!ch->waiter && !waiter_make(ch)))
		return -1;
	p[0] = (struct pollfd){ .fd = ch->waitfd, .events = POLLIN };
	p[1] = (struct pollfd){ .fd = ch->req, .events = POLLIN };
	while (!(got = nmcore_poller_poll(ch->waiter, ch->nm, events))) {
		if ((poll(p, 2, -1) < 0 && errno != EINTR) || p[1].revents || stopping())
			break;
		if (p[0].revents && read(ch->waitfd, &count, sizeof(count)) < 0 && errno != EAGAIN)
			break;
		p[0].revents = p[1].revents = 0;
	}
	return got;
}

/* One request of the pipe. false: the client speaks nonsense, or is gone. */
static bool serve_request(struct nmd_chan *ch, const struct nmd_request *r)
{
	struct nmd_reply reply = { 0, 0 };
	int got;

	switch (r->op) {
	case NMD_OP_TXSYNC:
		got = sync_rings(ch, NIOCTXSYNC);
		break;
	case NMD_OP_RXSYNC:
		got = sync_rings(ch, NIOCRXSYNC);
		break;
	case NMD_OP_POLL:
		got = poll_rings(ch, r);
		break;
	case NMD_OP_WAIT:
		got = wait_rings(ch, r->events);
		if (stopping())
			return false; /* no answer: the end of the pipe is one */
		break;
	case NMD_OP_CANCEL:
		return true;
	case NMD_OP_FREE:
		nmd_poller_free(ch->file, r->poller);
		got = 0;
		break;
	case NMD_OP_MSG:
		return nmd_chan_message(ch);
	default:
		return false;
	}
	if (got < 0)
		reply.error = errno;
	else
		reply.value = got;
	/* The pipe has room for thousands: who does not read answers is not waited for.
	 */
	return write(ch->rep, &reply, sizeof(reply)) == sizeof(reply);
}

static void *chan_main(void *arg)
{
	struct nmd_chan *ch = arg;
	struct nmd_request r;
	ssize_t n;

	nmd_current = ch;
	ch->thread = pthread_self();
	pthread_mutex_lock(&nmd.lock);
	ch->next = nmd.chans;
	ch->prevp = &nmd.chans;
	if (ch->next)
		ch->next->prevp = &ch->next;
	nmd.chans = ch;
	pthread_mutex_unlock(&nmd.lock);

	while (!stopping()) {
		n = read(ch->req, &r, sizeof(r));
		if (n < 0 && errno == EINTR)
			continue;
		if (n != sizeof(r))
			break;
		if (r.op == NMD_OP_CLOSE) {
			chan_close(ch);
			return NULL;
		}
		follow(ch, r.cpu);
		if (!serve_request(ch, &r))
			break;
	}
	chan_free(ch);
	return NULL;
}

/* The pipes of a channel; the client gets its ends, and both of the request pipe. */
static int chan_greet(struct nmd_chan *ch)
{
	struct nmd_channel m;
	int req[2], rep[2], fds[3], error;

	if (pipe2(req, O_CLOEXEC) < 0)
		return errno;
	if (pipe2(rep, O_CLOEXEC) < 0) {
		error = errno;
		goto close_req;
	}
	/* Our end only: the two ends have flags of their own. */
	if (fcntl(rep[1], F_SETFL, O_NONBLOCK) < 0 ||
	    getrandom(ch->nonce, sizeof(ch->nonce), 0) != sizeof(ch->nonce)) {
		error = errno;
		goto close_rep;
	}
	memset(&m, 0, sizeof(m));
	nmd_header_init(&m.h, NMD_CHANNEL, sizeof(m));
	memcpy(m.nonce, ch->nonce, sizeof(m.nonce));
	fds[0] = req[0];
	fds[1] = req[1];
	fds[2] = rep[0];
	error = nmd_send(ch->sock, &m, sizeof(m), fds, 3);
	if (error)
		goto close_rep;
	close(req[1]);
	close(rep[0]);
	ch->req = req[0];
	ch->rep = rep[1];
	return 0;

close_rep:
	close(rep[0]);
	close(rep[1]);
close_req:
	close(req[0]);
	close(req[1]);
	return error;
}

static int chan_peer(int sock, pid_t *pid)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);
	int type = 0, domain = 0;
	socklen_t ilen = sizeof(int);

	/* What was sent as a channel can be any file at all. */
	if (getsockopt(sock, SOL_SOCKET, SO_DOMAIN, &domain, &ilen) < 0 ||
	    getsockopt(sock, SOL_SOCKET, SO_TYPE, &type, &ilen) < 0 || domain != AF_UNIX ||
	    type != SOCK_SEQPACKET)
		return EBADMSG;
	if (getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return errno;
	*pid = cred.pid;
	return 0;
}

static int chan_new(struct nmd_file *f, int sock, struct nmd_chan **chp)
{
	struct nmd_chan *ch;
	pid_t pid = 0;
	int error = chan_peer(sock, &pid);

	if (error)
		return error;
	ch = malloc(sizeof(*ch));
	if (!ch)
		return ENOMEM;
	/* not the buffers: most channels never touch more than a page of them */
	memset(ch, 0, offsetof(struct nmd_chan, in));
	ch->file = f;
	ch->sock = sock;
	ch->pid = pid;
	ch->cpu = ch->seen_cpu = UINT16_MAX;
	error = chan_greet(ch);
	if (error) {
		free(ch);
		return error;
	}
	*chp = ch;
	return 0;
}

static bool chan_count(struct nmd_file *f)
{
	bool ok;

	pthread_mutex_lock(&nmd.lock);
	ok = nmd.nchans < NMD_CHANNELS_MAX &&
	     __atomic_load_n(&f->nchannels, __ATOMIC_RELAXED) < NMD_FILE_CHANNELS;
	if (ok)
		__atomic_fetch_add(&nmd.nchans, 1, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&nmd.lock);
	return ok;
}

static void chan_uncount(void)
{
	pthread_mutex_lock(&nmd.lock);
	__atomic_fetch_sub(&nmd.nchans, 1, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&nmd.lock);
}

int nmd_chan_start(struct nmd_file *f, int sock, uint64_t nonce_addr)
{
	struct nmd_chan *ch;
	int error;

	if (!chan_count(f)) {
		error = EMFILE;
		goto refuse;
	}
	error = chan_new(f, sock, &ch);
	if (error)
		goto uncount;
	ch->nonce_addr = nonce_addr;
	nmd_file_hold(f);
	__atomic_fetch_add(&f->nchannels, 1, __ATOMIC_RELAXED);
	error = nmd_thread(chan_main, ch);
	if (!error)
		return 0;

	__atomic_fetch_sub(&f->nchannels, 1, __ATOMIC_RELAXED);
	nmd_file_put(f);
	close(ch->req);
	close(ch->rep);
	free(ch);
uncount:
	chan_uncount();
refuse:
	nmd_refuse(sock, error,
		   error == EMFILE ? "netmapd: too many threads use netmap" :
				     "netmapd: no resources for a channel");
	close(sock);
	return error;
}

/*
 * A client is gone when nobody has the write end of its request pipe; its thread
 * takes a moment to find out, and to give back what it held.
 */
bool nmd_chans_leaving(void)
{
	bool leaving = __atomic_load_n(&nmd.nclosing, __ATOMIC_ACQUIRE) > 0;
	struct pollfd p = { .events = 0 };

	pthread_mutex_lock(&nmd.lock);
	for (struct nmd_chan *ch = nmd.chans; ch && !leaving; ch = ch->next) {
		p.fd = ch->req;
		leaving = ch != nmd_current && poll(&p, 1, 0) > 0;
	}
	pthread_mutex_unlock(&nmd.lock);
	return leaving;
}

static unsigned int interrupt_all(void)
{
	unsigned int n;

	pthread_mutex_lock(&nmd.lock);
	for (struct nmd_chan *ch = nmd.chans; ch; ch = ch->next)
		pthread_kill(ch->thread, SIGUSR1);
	n = nmd.nchans;
	pthread_mutex_unlock(&nmd.lock);
	return n;
}

/* A signal may come just before a thread goes to sleep: so again, until all are gone. */
bool nmd_chans_stop(void)
{
	const struct timespec pause = { 0, 5000000 };

	__atomic_store_n(&nmd.stopping, true, __ATOMIC_RELEASE);
	for (int tries = 0; tries < 600; tries++) {
		if (!interrupt_all())
			return true;
		nanosleep(&pause, NULL);
	}
	return false;
}
