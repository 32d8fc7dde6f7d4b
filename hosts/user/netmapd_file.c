// SPDX-License-Identifier: BSD-2-Clause
/* Open files of /dev/netmap, and those who wait for them. */
#include "netmapd.h"

#include <fcntl.h>
#include <poll.h>

struct nmd_file *nmd_file_new(int conn, pid_t pid)
{
	struct nmd_file *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->refs = 1;
	f->holders = 1;
	f->conn = conn;
	f->connected = true;
	f->pid = pid;
	pthread_mutex_init(&f->lock, NULL);
	for (int i = 0; i < NMD_FILE_POLLERS; i++)
		pthread_mutex_init(&f->poll[i].lock, NULL);
	__atomic_fetch_add(&nmd.nfiles, 1, __ATOMIC_RELAXED);
	return f;
}

void nmd_file_hold(struct nmd_file *f)
{
	__atomic_fetch_add(&f->refs, 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&f->holders, 1, __ATOMIC_RELAXED);
}

void nmd_file_unref(struct nmd_file *f)
{
	if (!__atomic_sub_fetch(&f->refs, 1, __ATOMIC_ACQ_REL))
		free(f);
}

static void core_close(struct nmd_file *f)
{
	if (f->nm)
		nmcore_close(f->nm);
	__atomic_fetch_sub(&nmd.nfiles, 1, __ATOMIC_RELEASE);
	nmd_wake_main();
}

static void *close_thread(void *arg)
{
	struct nmd_file *f = arg;

	core_close(f);
	nmd_file_unref(f);
	__atomic_fetch_sub(&nmd.nclosing, 1, __ATOMIC_RELEASE);
	return NULL;
}

/* Closes it in a thread of its own where the caller must not wait for the core. */
static void release(struct nmd_file *f)
{
	if (__atomic_sub_fetch(&f->holders, 1, __ATOMIC_ACQ_REL))
		return;
	if (!f->nm || nmd_current) {
		core_close(f);
		return;
	}
	__atomic_fetch_add(&f->refs, 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&nmd.nclosing, 1, __ATOMIC_RELAXED);
	if (nmd_thread(close_thread, f))
		close_thread(f);
}

void nmd_file_put(struct nmd_file *f)
{
	release(f);
	nmd_file_unref(f);
}

/*
 * The main thread hears of the end of a connection when it comes to it; a channel
 * that is asked to close needs to know at once.
 */
void nmd_file_disconnect(struct nmd_file *f, bool if_gone)
{
	struct pollfd p = { .events = 0 };
	bool put = false;

	pthread_mutex_lock(&f->lock);
	p.fd = f->conn;
	if (!if_gone || (p.fd >= 0 && poll(&p, 1, 0) > 0 && p.revents & POLLHUP)) {
		put = f->connected;
		f->connected = false;
		f->conn = -1;
	}
	pthread_mutex_unlock(&f->lock);
	if (put)
		release(f);
}

struct nmcore *nmd_file_core(struct nmd_file *f)
{
	struct nmcore *nm = __atomic_load_n(&f->nm, __ATOMIC_ACQUIRE);

	if (nm)
		return nm;
	pthread_mutex_lock(&f->lock);
	nm = f->nm;
	if (!nm) {
		nm = nmcore_open();
		if (nm) {
			nmcore_set_user(nm, &nmd_user_ops, NULL, f->pid);
			__atomic_store_n(&f->nm, nm, __ATOMIC_RELEASE);
		}
	}
	pthread_mutex_unlock(&f->lock);
	return nm;
}

/* A free slot, locked. */
static struct nmd_poll *slot_get(struct nmd_file *f, int *id)
{
	for (int i = 0; i < NMD_FILE_POLLERS; i++) {
		struct nmd_poll *s = &f->poll[i];

		if (pthread_mutex_trylock(&s->lock))
			continue;
		if (!s->p) {
			*id = i;
			return s;
		}
		pthread_mutex_unlock(&s->lock);
	}
	errno = ENOSPC;
	return NULL;
}

int nmd_poller_new(struct nmd_file *f, struct nmd_chan *owner, int *rd)
{
	int pipefd[2], id = -1;
	struct nmd_poll *s;

	if (pipe2(pipefd, O_CLOEXEC | O_NONBLOCK) < 0)
		return -1;
	s = slot_get(f, &id);
	if (!s)
		goto close_pipe;
	s->p = nmcore_poller_new(pipefd[1]);
	if (!s->p)
		goto unlock;
	s->fd = pipefd[1];
	s->owner = owner;
	pthread_mutex_unlock(&s->lock);
	*rd = pipefd[0];
	return id;

unlock:
	pthread_mutex_unlock(&s->lock);
close_pipe:
	close(pipefd[0]);
	close(pipefd[1]);
	return -1;
}

int nmd_poller_poll(struct nmd_file *f, struct nmcore *nm, unsigned int id, int events)
{
	struct nmd_poll *s = &f->poll[id % NMD_FILE_POLLERS];
	int got;

	pthread_mutex_lock(&s->lock);
	if (s->p) {
		got = nmcore_poller_poll(s->p, nm, events);
	} else {
		errno = EINVAL;
		got = -1;
	}
	pthread_mutex_unlock(&s->lock);
	return got;
}

static void slot_put(struct nmd_poll *s)
{
	if (!s->p)
		return;
	nmcore_poller_free(s->p);
	close(s->fd);
	s->p = NULL;
	s->owner = NULL;
}

void nmd_poller_free(struct nmd_file *f, unsigned int id)
{
	struct nmd_poll *s = &f->poll[id % NMD_FILE_POLLERS];

	pthread_mutex_lock(&s->lock);
	slot_put(s);
	pthread_mutex_unlock(&s->lock);
}

void nmd_pollers_free(struct nmd_file *f, struct nmd_chan *owner)
{
	for (int i = 0; i < NMD_FILE_POLLERS; i++) {
		struct nmd_poll *s = &f->poll[i];

		pthread_mutex_lock(&s->lock);
		if (s->owner == owner)
			slot_put(s);
		pthread_mutex_unlock(&s->lock);
	}
}
