// SPDX-License-Identifier: BSD-2-Clause
/* Clients that are killed at any point of their lives, and a daemon that is. */
#include "daemon.h"

#include <libnetmap.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

static pid_t spawn(void (*fn)(int), int arg)
{
	pid_t parent = getpid(), pid = fork();

	t_check(pid >= 0);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() == parent)
			fn(arg);
		_exit(0);
	}
	return pid;
}

/* ---- traffic that must not suffer ---- */

/* Shared with the processes that make it. */
static struct traffic {
	uint64_t sent, received;
	uint32_t stop, wrong, stalled;
} * traffic;

static struct nmport_d *open_port(const char *spec)
{
	struct nmport_d *d = nmport_open(spec);

	t_check(d, "%s: %s", spec, strerror(errno));
	return d;
}

/*
 * Numbered packets through a pipe: none is lost, none comes twice. Its buffers are in the memory
 * of those who die in the middle of exchanges: nobody else ever writes into one.
 */
static void pipe_sender(int arg)
{
	struct nmport_d *d = open_port("netmap:keep{1@1");
	struct netmap_ring *r = NETMAP_TXRING(d->nifp, 0);
	struct pollfd p = { .fd = d->fd, .events = POLLOUT };
	uint64_t n = 0;

	(void)arg;
	while (!__atomic_load_n(&traffic->stop, __ATOMIC_RELAXED)) {
		if (nmhost_poll(&p, 1, 30000) != 1 || p.revents != POLLOUT)
			break;
		while (!nm_ring_empty(r)) {
			memcpy(NETMAP_BUF(r, r->slot[r->head].buf_idx), &n, sizeof(n));
			r->slot[r->head].len = 60;
			r->head = r->cur = nm_ring_next(r, r->head);
			n++;
		}
		t_check(!nmhost_ioctl(d->fd, NIOCTXSYNC, NULL));
		__atomic_store_n(&traffic->sent, n, __ATOMIC_RELEASE);
	}
	while (nm_tx_pending(r) && !nmhost_ioctl(d->fd, NIOCTXSYNC, NULL))
		t_sleep(0.001);
	/* The other end reads what is left before we close. */
	while (__atomic_load_n(&traffic->received, __ATOMIC_ACQUIRE) < n &&
	       !__atomic_load_n(&traffic->stalled, __ATOMIC_RELAXED))
		t_sleep(0.001);
	nmport_close(d);
}

static void pipe_receiver(int arg)
{
	struct nmport_d *d = open_port("netmap:keep}1@1");
	struct netmap_ring *r = NETMAP_RXRING(d->nifp, 0);
	struct pollfd p = { .fd = d->fd, .events = POLLIN };
	uint64_t n = 0, got;

	(void)arg;
	for (;;) {
		if (nmhost_poll(&p, 1, 1000) != 1) {
			if (__atomic_load_n(&traffic->stop, __ATOMIC_ACQUIRE) &&
			    n == __atomic_load_n(&traffic->sent, __ATOMIC_ACQUIRE))
				break;
			__atomic_fetch_add(&traffic->stalled, 1, __ATOMIC_RELAXED);
			if (traffic->stalled > 30)
				break;
			continue;
		}
		while (!nm_ring_empty(r)) {
			memcpy(&got, NETMAP_BUF(r, r->slot[r->head].buf_idx), sizeof(got));
			if (got != n)
				__atomic_fetch_add(&traffic->wrong, 1, __ATOMIC_RELAXED);
			n++;
			r->head = r->cur = nm_ring_next(r, r->head);
		}
		__atomic_store_n(&traffic->received, n, __ATOMIC_RELEASE);
	}
	nmport_close(d);
}

/* ---- those who die ---- */

static void *second_thread(void *arg)
{
	struct nmport_d *d = arg;
	struct pollfd p = { .fd = d->fd, .events = POLLIN };

	for (;;) {
		nmhost_poll(&p, 1, 5);
		nmhost_ioctl(d->fd, NIOCRXSYNC, NULL);
	}
	return NULL;
}

/* Opens, sends, receives, polls, closes, over and over. */
static void victim(int nr)
{
	static const char *const specs[] = { "vale7:%d", "netmap:vict%d{1", "netmap:vict%d}1",
					     "vale7:%d/T", "vale7:%d@conf:rings=2" };
	struct netmap_ring *r;
	struct nmport_d *d;
	pthread_t thread;
	struct pollfd p;
	char spec[64];
	int round, i, k;

	for (round = 0;; round++) {
		snprintf(spec, sizeof(spec), specs[(nr + round) % 5], nr % 8 / 2 * 2 + (nr & 1));
		d = nmport_open(spec);
		if (!d)
			continue;
		if (nr % 3 == 0 && round == 0)
			pthread_create(&thread, NULL, second_thread, d);
		p = (struct pollfd){ .fd = d->fd, .events = POLLIN | POLLOUT };
		for (i = 0; i < 20 || (nr % 3 == 0 && round == 0); i++) {
			r = d->first_tx_ring <= d->last_tx_ring ?
				    NETMAP_TXRING(d->nifp, d->first_tx_ring) :
				    NULL;
			for (k = 0; r && k < 50 && !nm_ring_empty(r); k++) {
				memset(NETMAP_BUF(r, r->slot[r->head].buf_idx), 0xff, 60);
				r->slot[r->head].len = 60;
				r->head = r->cur = nm_ring_next(r, r->head);
			}
			nmhost_poll(&p, 1, i % 4 == 0);
		}
		nmport_close(d);
	}
}

/* Exchanges buffers between two ports of the shared memory, and does nothing else for long. */
static void exchanger(int nr)
{
	struct nmport_d *d[2];
	struct netmap_ring *r[4];
	char spec[64];
	int i, k;

	for (;;) {
		for (i = 0; i < 2; i++) {
			snprintf(spec, sizeof(spec), "vale8:%d%c@1@conf:slots=64", nr % 7, 'a' + i);
			d[i] = nmport_open(spec);
		}
		for (i = 0; d[0] && d[1] && i < 200; i++) {
			for (k = 0; k < 4; k++)
				r[k] = k & 1 ? NETMAP_TXRING(d[k / 2]->nifp, 0) :
					       NETMAP_RXRING(d[k / 2]->nifp, 0);
			for (k = 0; k < 2000; k++) {
				struct netmap_slot *a = &r[t_random() % 4]->slot[t_random() % 64];
				struct netmap_slot *b = &r[t_random() % 4]->slot[t_random() % 64];
				uint32_t idx = a->buf_idx;

				__atomic_store_n(&a->buf_idx, b->buf_idx, __ATOMIC_RELAXED);
				__atomic_store_n(&b->buf_idx, idx, __ATOMIC_RELAXED);
				memset(NETMAP_BUF(r[0], b->buf_idx), 0xff, 64);
			}
			nmhost_ioctl(d[i & 1]->fd, NIOCTXSYNC, NULL);
		}
		nmport_close(d[0]);
		nmport_close(d[1]);
	}
}

static pid_t spawn_victim(int nr)
{
	return spawn(nr % 3 ? victim : exchanger, nr);
}

/* Of the shared memory. */
static long long bufs(const char *key)
{
	char *list = daemon_list(true), *p = list ? strstr(list, "{\"id\":1,\"size\"") : NULL;
	long long n = -1;

	p = p ? strstr(p, key) : NULL;
	if (p)
		n = atoll(p + strlen(key));
	free(list);
	return n;
}

static void expect_buffers(long long then)
{
	double end = t_now() + 10;

	while (bufs("\"bufs_used\":") != then && t_now() < end)
		t_sleep(0.1);
	t_eq(bufs("\"bufs_used\":"), then);
	t_eq(bufs("\"bufs_lost\":"), 0);
}

static void thousand_deaths(void)
{
	uint64_t kills = t_rounds(1000), i, sent, last = 0;
	struct usage before;
	pid_t daemon, pid[6], sender, receiver;
	long long used;
	int status, k;
	char *list;

	daemon = daemon_start(NULL);
	before = usage_of(daemon);
	traffic = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	receiver = spawn(pipe_receiver, 0);
	sender = spawn(pipe_sender, 0);
	while (!__atomic_load_n(&traffic->received, __ATOMIC_ACQUIRE))
		t_sleep(0.01);
	used = bufs("\"bufs_used\":");
	t_check(used > 0);
	for (k = 0; k < 6; k++)
		pid[k] = spawn_victim(k);
	for (i = 0; i < kills; i++) {
		k = t_random() % 6;
		t_sleep(t_random() % 8000 / 1e6);
		t_check(!kill(pid[k], SIGKILL));
		t_eq(waitpid(pid[k], &status, 0), pid[k]);
		t_check(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
			"a victim ended by itself: %x", status);
		t_check(!waitpid(daemon, &status, WNOHANG), "the daemon has ended: %x", status);
		pid[k] = spawn_victim((int)i);
		if (i % 100 == 99) {
			sent = __atomic_load_n(&traffic->sent, __ATOMIC_RELAXED);
			t_check(sent > last, "the traffic of others has stopped");
			last = sent;
		}
	}
	for (k = 0; k < 6; k++) {
		kill(pid[k], SIGKILL);
		waitpid(pid[k], &status, 0);
	}
	expect_buffers(used);
	__atomic_store_n(&traffic->stop, 1, __ATOMIC_RELEASE);
	t_eq(waitpid(sender, &status, 0), sender);
	t_eq(status, 0);
	t_eq(waitpid(receiver, &status, 0), receiver);
	t_eq(status, 0);
	t_note("%llu killed, %llu packets of others meanwhile", (unsigned long long)kills,
	       (unsigned long long)traffic->received);
	t_eq(traffic->wrong, 0);
	t_eq(traffic->received, traffic->sent);
	t_check(traffic->sent > 0);

	t_eq(daemon_pid(), daemon);
	expect_no_more(daemon, &before);
	list = daemon_list(true);
	t_check(list && strstr(list, "\"ports\":[]") && strstr(list, "\"clients\":[]"), "%s", list);
	free(list);
	daemon_kill(daemon, SIGTERM);
}

/* ---- the daemon dies ---- */

/* In every kind of call, at any time: an error at once, and POLLERR. */
static void survivor(int kind)
{
	char spec[32];
	struct nmport_d *d;
	struct pollfd p;
	double start;
	int n;

	snprintf(spec, sizeof(spec), "vale0:%d", kind);
	d = open_port(spec);
	p = (struct pollfd){ .fd = d->fd, .events = POLLIN };
	__atomic_fetch_add(&traffic->sent, 1, __ATOMIC_RELEASE);
	switch (kind % 4) {
	case 0: /* asleep */
		/* longer than it takes the others to open their ports on a crowded machine */
		n = nmhost_poll(&p, 1, 90000);
		t_eq(n, 1);
		t_check(p.revents & POLLERR, "%x", p.revents);
		break;
	case 1: /* busy */
		while (!nmhost_ioctl(d->fd, NIOCTXSYNC, NULL))
			;
		t_eq(errno, ENXIO);
		t_check(strstr(nmhost_strerror(d->fd), "went away"), "%s", nmhost_strerror(d->fd));
		break;
	case 2: /* both */
		while ((n = nmhost_poll(&p, 1, 1)) == 0)
			;
		t_eq(n, 1);
		t_check(p.revents & POLLERR);
		break;
	case 3: /* elsewhere */
		while (!__atomic_load_n(&traffic->stop, __ATOMIC_ACQUIRE))
			t_sleep(0.01);
		break;
	}
	start = t_now();
	t_eq(nmhost_ioctl(d->fd, NIOCRXSYNC, NULL), -1);
	t_eq(errno, ENXIO);
	t_eq(nmhost_poll(&p, 1, 20000), 1);
	t_check(p.revents & POLLERR);
	t_check(nmhost_mmap(d->fd, 4096) == MAP_FAILED);
	/* The rings are still there to be looked at. */
	t_check(NETMAP_TXRING(d->nifp, 0)->num_slots > 0);
	nmport_close(d);
	t_check(t_now() - start < 2);
}

static void daemon_killed_under_load(void)
{
	uint64_t rounds = t_rounds(10), i;
	pid_t daemon, pid[12];
	int k, status;
	double start;

	traffic = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (i = 0; i < rounds; i++) {
		daemon = daemon_start(NULL);
		traffic->sent = traffic->stop = 0;
		for (k = 0; k < 12; k++)
			pid[k] = spawn(survivor, k);
		start = t_now();
		while (__atomic_load_n(&traffic->sent, __ATOMIC_ACQUIRE) < 12) {
			t_check(t_now() < start + 80);
			t_sleep(0.002);
		}
		t_sleep(t_random() % 20000 / 1e6);
		daemon_kill(daemon, i % 2 ? SIGKILL : SIGTERM);
		start = t_now();
		__atomic_store_n(&traffic->stop, 1, __ATOMIC_RELEASE);
		for (k = 0; k < 12; k++) {
			t_eq(waitpid(pid[k], &status, 0), pid[k]);
			t_eq(status, 0);
		}
		t_check(t_now() - start < 10, "it took %g s to notice", t_now() - start);
	}
}

/* The next daemon serves who opens anew. */
static void another_daemon_takes_over(void)
{
	struct nmport_d *old, *d;
	pid_t daemon = daemon_start(NULL);

	old = open_port("vale0:a");
	daemon_kill(daemon, SIGKILL);
	t_eq(nmhost_ioctl(old->fd, NIOCTXSYNC, NULL), -1);
	t_eq(errno, ENXIO);
	d = open_port("vale0:a");
	t_check(!nmhost_ioctl(d->fd, NIOCTXSYNC, NULL));
	t_eq(nmhost_ioctl(old->fd, NIOCTXSYNC, NULL), -1);
	nmport_close(old);
	t_check(!nmhost_ioctl(d->fd, NIOCTXSYNC, NULL));
	nmport_close(d);
	daemon_await_end(20);
}

T_MAIN(T_LONG(thousand_deaths, 600), T_LONG(daemon_killed_under_load, 400),
       T_CASE(another_daemon_takes_over))
