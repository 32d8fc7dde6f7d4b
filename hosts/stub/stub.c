// SPDX-License-Identifier: BSD-2-Clause
/*
 * core/os.h on a bare machine. What cannot happen with one thread (contention,
 * waiting) has nothing to do; what a bare machine does not have (interfaces,
 * workers, a console) says so.
 */
#include "port.h"

/* ---- memory: an arena; freed pieces are found again by their size ---- */

#define ARENA (96u << 20)

struct piece {
	size_t size;
	struct piece *next;
} __attribute__((aligned(NM_CACHELINE)));

static char arena[ARENA] __attribute__((aligned(4096)));
static size_t arena_used;
static struct piece *freed;

static void *arena_take(size_t size, size_t align)
{
	size_t at = (arena_used + align - 1) / align * align;

	if (size > ARENA || at > ARENA - size)
		return NULL;
	arena_used = at + size;
	return arena + at;
}

void *nm_os_alloc(size_t size)
{
	size_t room = (size + NM_CACHELINE - 1) / NM_CACHELINE * NM_CACHELINE;
	struct piece **p, *found;

	for (p = &freed; *p; p = &(*p)->next)
		if ((*p)->size == room)
			break;
	found = *p;
	if (found)
		*p = found->next;
	else
		found = arena_take(sizeof(*found) + room, NM_CACHELINE);
	if (!found)
		return NULL;
	found->size = room;
	return memset(found + 1, 0, room);
}

void nm_os_free(void *ptr)
{
	struct piece *p = ptr;

	if (!ptr)
		return;
	p--;
	p->next = freed;
	freed = p;
}

int nm_os_region_init(struct nm_os_region *r, size_t reserve)
{
	r->base = arena_take(reserve, 4096);
	return r->base ? 0 : -ENOMEM;
}

/* The arena is there from the start, and zero. */
int nm_os_region_commit(struct nm_os_region *r, size_t off, size_t len)
{
	(void)r;
	(void)off;
	(void)len;
	return 0;
}

/* What a region was is not used again: the arena is large enough for the self-test. */
void nm_os_region_fini(struct nm_os_region *r)
{
	r->base = NULL;
}

/* ---- the client is here ---- */

int nm_os_copyin(struct nm_os_user *u, void *dst, uint64_t addr, size_t len)
{
	(void)u;
	if (!addr)
		return -EFAULT;
	memcpy(dst, (const void *)(uintptr_t)addr, len);
	return 0;
}

int nm_os_copyout(struct nm_os_user *u, uint64_t addr, const void *src, size_t len)
{
	(void)u;
	if (!addr)
		return -EFAULT;
	memcpy((void *)(uintptr_t)addr, src, len);
	return 0;
}

uint32_t nm_os_user_id(const struct nm_os_user *u)
{
	(void)u;
	return 0;
}

bool nm_os_user_admin(const struct nm_os_user *u)
{
	(void)u;
	return true;
}

void nm_os_copy_pkt(void *dst, const void *src, size_t len)
{
	memcpy(dst, src, len);
}

/* ---- exclusion: with one thread, only notes ---- */

void nm_os_mutex_init(struct nm_os_mutex *m)
{
	m->held = false;
}

void nm_os_mutex_fini(struct nm_os_mutex *m)
{
	(void)m;
}

void nm_os_mutex_lock(struct nm_os_mutex *m)
{
	m->held = true;
}

void nm_os_mutex_unlock(struct nm_os_mutex *m)
{
	m->held = false;
}

void nm_os_lock_init(struct nm_os_lock *l)
{
	l->held = false;
}

void nm_os_lock_fini(struct nm_os_lock *l)
{
	(void)l;
}

void nm_os_lock(struct nm_os_lock *l)
{
	l->held = true;
}

void nm_os_unlock(struct nm_os_lock *l)
{
	l->held = false;
}

int nm_os_rm_init(struct nm_os_rm *rm)
{
	rm->readers = 0;
	return 0;
}

void nm_os_rm_fini(struct nm_os_rm *rm)
{
	(void)rm;
}

int nm_os_rm_enter(struct nm_os_rm *rm)
{
	return (int)rm->readers++;
}

void nm_os_rm_exit(struct nm_os_rm *rm, int token)
{
	rm->readers = (uint32_t)token;
}

void nm_os_rm_sync(struct nm_os_rm *rm)
{
	(void)rm;
}

/* ---- waiting: who polls, polls again ---- */

void nm_os_waitq_init(struct nm_os_waitq *q)
{
	q->wakes = 0;
}

void nm_os_waitq_fini(struct nm_os_waitq *q)
{
	(void)q;
}

void nm_os_wake(struct nm_os_waitq *q)
{
	q->wakes++;
}

void nm_os_poll_wait(struct nm_os_poller *poller, struct nm_os_waitq *q)
{
	(void)poller;
	(void)q;
}

/* ---- time: a clock that goes by a millisecond each time it is read ---- */

static uint64_t ticks;

uint64_t nm_os_now(void)
{
	return ticks += 1000000;
}

uint64_t nm_os_now_coarse(void)
{
	return nm_os_now();
}

void nm_os_wallclock(int64_t *sec, int64_t *usec)
{
	uint64_t now = nm_os_now();

	*sec = (int64_t)(now / 1000000000);
	*usec = (int64_t)(now % 1000000000 / 1000);
}

/* ---- what there is not ---- */

int nm_os_thread_start(struct nm_os_thread *t, void (*fn)(void *), void *arg, const char *name)
{
	(void)t;
	(void)fn;
	(void)arg;
	(void)name;
	return -EOPNOTSUPP;
}

bool nm_os_thread_stopping(struct nm_os_thread *t)
{
	return t->stopping;
}

int nm_os_thread_bind(struct nm_os_thread *t, uint32_t cpu)
{
	(void)t;
	(void)cpu;
	return -EOPNOTSUPP;
}

void nm_os_thread_stop(struct nm_os_thread *t)
{
	t->stopping = true;
}

int nm_os_nic_port(struct nm_ns *ns, const char *name, struct nm_port **portp, struct nm_err *err)
{
	(void)ns;
	(void)portp;
	return nm_fail(err, -ENXIO, "no interface called %s: this machine has none", name);
}

bool nm_os_nic_exists(struct nm_ns *ns, const char *name)
{
	(void)ns;
	(void)name;
	return false;
}

void nm_os_log(enum nm_os_loglevel level, const char *fmt, ...)
{
	(void)level;
	(void)fmt;
}

void nm_os_print(struct nm_os_out *out, const char *fmt, ...)
{
	(void)out;
	(void)fmt;
}
