// SPDX-License-Identifier: BSD-2-Clause
/* One descriptor in many hands, and many descriptors at once, through libnetmap. */
#include "daemon.h"

#include <libnetmap.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

static struct nmport_d *open_port(const char *spec)
{
	struct nmport_d *d = nmport_open(spec);

	t_check(d, "%s: %s", spec, strerror(errno));
	return d;
}

static void send_one(struct nmport_d *d, uint32_t number)
{
	struct netmap_ring *r = NETMAP_TXRING(d->nifp, d->first_tx_ring);
	char *buf = NETMAP_BUF(r, r->slot[r->head].buf_idx);

	t_check(!nm_ring_empty(r));
	memset(buf, 0xff, 60);
	buf[6] = 2;
	memcpy(buf + 20, &number, 4);
	r->slot[r->head].len = 60;
	r->head = r->cur = nm_ring_next(r, r->head);
}

/* ---- threads ---- */

static uint32_t stop;

static void *syncs(void *arg)
{
	struct nmport_d *d = arg;
	struct pollfd p = { .fd = d->fd, .events = POLLIN };
	unsigned long which;
	uint64_t n = 0;

	do { /* at least once, however long it took to get a processor */
		which = n & 1 ? NIOCRXSYNC : NIOCTXSYNC;
		t_check(!nmhost_ioctl(d->fd, which, NULL));
		if (n % 16 == 0)
			t_check(nmhost_poll(&p, 1, 0) >= 0);
		n++;
	} while (!__atomic_load_n(&stop, __ATOMIC_RELAXED));
	return (void *)(uintptr_t)n;
}

static void threads_share_a_descriptor(void)
{
	struct usage rest;
	pid_t daemon = daemon_start(NULL);
	pthread_t t[16];
	struct nmport_d *d;
	void *n;
	int i, round;

	rest = usage_of(daemon);
	d = open_port("vale0:a");
	for (round = 0; round < 5; round++) {
		stop = 0;
		for (i = 0; i < 16; i++)
			t_check(!pthread_create(&t[i], NULL, syncs, d));
		t_sleep(0.3);
		__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
		for (i = 0; i < 16; i++) {
			t_check(!pthread_join(t[i], &n));
			t_check(n);
		}
	}
	/* Threads that come and go use the channels of those before them. */
	t_check(usage_of(daemon).threads <= rest.threads + 17 + t_slow());
	nmport_close(d);
	expect_no_more(daemon, &rest);
}

/* ---- fork ---- */

static void children_use_it_too(void)
{
	struct nmport_d *a, *b;
	struct netmap_ring *r;
	struct usage rest;
	pid_t daemon = daemon_start(NULL), pid;
	int status, i;

	rest = usage_of(daemon);
	a = open_port("vale0:a");
	b = open_port("vale0:b");
	send_one(a, 1);
	t_check(!nmhost_ioctl(a->fd, NIOCTXSYNC, NULL));
	for (i = 0; i < 30; i++) {
		pid = fork();
		if (!pid) {
			send_one(a, i + 2);
			t_check(!nmhost_ioctl(a->fd, NIOCTXSYNC, NULL));
			_exit(0);
		}
		/* At the same time, on the same descriptor. */
		t_check(!nmhost_ioctl(a->fd, NIOCRXSYNC, NULL));
		t_eq(waitpid(pid, &status, 0), pid);
		t_eq(status, 0);
	}
	t_check(!nmhost_ioctl(b->fd, NIOCRXSYNC, NULL));
	r = NETMAP_RXRING(b->nifp, 0);
	t_eq(nm_ring_space(r), 31);

	/* The child's copy keeps it open when the parent has closed. */
	pid = fork();
	if (!pid) {
		t_sleep(0.5);
		send_one(a, 99);
		t_check(!nmhost_ioctl(a->fd, NIOCTXSYNC, NULL));
		_exit(0);
	}
	nmport_close(a);
	t_eq(waitpid(pid, &status, 0), pid);
	t_eq(status, 0);
	t_check(!nmhost_ioctl(b->fd, NIOCRXSYNC, NULL));
	t_eq(nm_ring_space(r), 32);
	nmport_close(b);
	expect_no_more(daemon, &rest);
}

static void *keeps_forking(void *arg)
{
	int *left = arg;
	pid_t pid;
	int status;

	while (__atomic_fetch_sub(left, 1, __ATOMIC_RELAXED) > 0) {
		pid = fork();
		if (!pid)
			_exit(0);
		t_eq(waitpid(pid, &status, 0), pid);
		t_eq(status, 0);
	}
	return NULL;
}

static void forks_among_threads(void)
{
	int left = (int)t_rounds(300);
	pthread_t t[4], f[2];
	struct nmport_d *d;
	void *n;
	int i;

	daemon_start(NULL);
	d = open_port("vale0:a");
	stop = 0;
	for (i = 0; i < 4; i++)
		t_check(!pthread_create(&t[i], NULL, syncs, d));
	for (i = 0; i < 2; i++)
		t_check(!pthread_create(&f[i], NULL, keeps_forking, &left));
	for (i = 0; i < 2; i++)
		t_check(!pthread_join(f[i], NULL));
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (i = 0; i < 4; i++)
		t_check(!pthread_join(t[i], &n) && n);
	nmport_close(d);
}

/* ---- many ---- */

#define CROWD 64

/* Each sends to all; each gets what the others sent. */
static void one_of_a_crowd(int nr, int go, int done)
{
	struct pollfd p = { .events = POLLIN };
	struct netmap_ring *r;
	unsigned int seen[CROWD] = { 0 }, others = 0;
	struct nmport_d *d;
	double end = t_now() + 60;
	char spec[32], c = 0;
	uint32_t from;

	snprintf(spec, sizeof(spec), "vale0:%d", nr);
	d = open_port(spec);
	p.fd = d->fd;
	t_eq(write(done, &c, 1), 1);
	t_eq(read(go, &c, 1), 1);
	send_one(d, nr);
	t_check(!nmhost_ioctl(d->fd, NIOCTXSYNC, NULL));
	r = NETMAP_RXRING(d->nifp, 0);
	while (others < CROWD - 1) {
		t_check(t_now() < end, "client %d heard only %u of the others", nr, others);
		t_check(nmhost_poll(&p, 1, 60000) == 1, "client %d heard only %u", nr, others);
		while (!nm_ring_empty(r)) {
			memcpy(&from, NETMAP_BUF(r, r->slot[r->head].buf_idx) + 20, 4);
			r->head = r->cur = nm_ring_next(r, r->head);
			t_check(from < CROWD && (int)from != nr && !seen[from]++);
			others++;
		}
	}
	t_eq(write(done, &c, 1), 1);
	t_eq(read(go, &c, 1), 1); /* nobody leaves before all have heard all */
	nmport_close(d);
}

static void crowd_on_a_switch(void)
{
	int go[2], done[2], i, status;
	pid_t daemon = daemon_start(NULL), pid[CROWD];
	struct usage rest = usage_of(daemon);
	char c[CROWD] = { 0 };

	t_check(!pipe(go) && !pipe(done));
	for (i = 0; i < CROWD; i++) {
		pid[i] = fork();
		t_check(pid[i] >= 0);
		if (!pid[i]) {
			one_of_a_crowd(i, go[0], done[1]);
			_exit(0);
		}
	}
	for (i = 0; i < CROWD; i++)
		t_eq(read(done[0], c, 1), 1);
	t_eq(write(go[1], c, CROWD), CROWD);
	for (i = 0; i < CROWD; i++)
		t_eq(read(done[0], c, 1), 1);
	t_eq(write(go[1], c, CROWD), CROWD);
	for (i = 0; i < CROWD; i++) {
		t_eq(waitpid(pid[i], &status, 0), pid[i]);
		t_eq(status, 0);
	}
	expect_no_more(daemon, &rest);
}

static void open_and_close(void)
{
	uint64_t i, n = t_rounds(1000);
	struct usage rest;
	pid_t daemon = daemon_start(NULL);
	struct nmport_d *d;

	for (i = 0; i < 20; i++) /* what libraries keep for later */
		nmport_close(open_port("vale0:a/x"));
	rest = usage_of(daemon);
	for (i = 0; i < n; i++) {
		d = open_port("vale0:a/x"); /* exclusive: the last one is really gone */
		nmport_close(d);
	}
	expect_no_more(daemon, &rest);
	/* a sanitizer keeps what was freed */
	t_check(t_slow() || usage_of(daemon).kbytes < rest.kbytes + 2000, "%ld kB became %ld kB",
		rest.kbytes, usage_of(daemon).kbytes);
}

/* An idle client, and the daemon with it, use no CPU. */
static long ticks_of(pid_t pid)
{
	unsigned long ut = 0, st = 0;
	char path[64];
	FILE *f;
	int n;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "r");
	t_check(f);
	n = fscanf(f, "%*d %*s %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &ut, &st);
	fclose(f);
	t_eq(n, 2);
	return (long)(ut + st);
}

static void idle_costs_nothing(void)
{
	pid_t daemon = daemon_start(NULL);
	struct nmport_d *d = open_port("vale0:a");
	struct pollfd p = { .fd = d->fd, .events = POLLIN };
	long was = ticks_of(daemon), mine = ticks_of(getpid());

	t_eq(nmhost_poll(&p, 1, 3000), 0);
	t_check(ticks_of(daemon) - was <= 1, "%ld ticks in the daemon", ticks_of(daemon) - was);
	t_check(ticks_of(getpid()) - mine <= 1);
	nmport_close(d);
}

T_MAIN(T_CASE(threads_share_a_descriptor), T_CASE(children_use_it_too),
       T_LONG(forks_among_threads, 120), T_LONG(crowd_on_a_switch, 150),
       T_LONG(open_and_close, 120), T_CASE(idle_costs_nothing))
