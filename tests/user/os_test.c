// SPDX-License-Identifier: BSD-2-Clause
/* The seam in user space: what core/os.h promises, under contention. */
#include "fault.h"
#include "os.h"
#include "poller.h"
#include "t.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- locks ---- */

#define THREADS 4

static struct nm_os_lock lock;
static uint64_t counter, rounds;

static void *add(void *arg)
{
	for (uint64_t i = 0; i < rounds; i++) {
		nm_os_lock(&lock);
		counter++;
		nm_os_unlock(&lock);
	}
	return arg;
}

static void in_threads(void *(*fn)(void *), int n)
{
	pthread_t id[16];

	for (long i = 0; i < n; i++)
		t_check(!pthread_create(&id[i], NULL, fn, (void *)i), "a thread");
	for (int i = 0; i < n; i++)
		pthread_join(id[i], NULL);
}

static void lock_excludes(void)
{
	rounds = t_rounds(500000);
	nm_os_lock_init(&lock);
	in_threads(add, THREADS);
	t_eq(counter, rounds * THREADS);
	t_eq(lock.word, 0);
	nm_os_lock_fini(&lock);
}

/* ---- the read-mostly domain ---- */

#define ALIVE 0xa11fe

static struct nm_os_rm rm;
static uint32_t *shared;
static uint32_t done;

static void *reader(void *arg)
{
	while (!nm_load(&done)) {
		int token = nm_os_rm_enter(&rm), inner;

		t_eq(nm_load(nm_load_acquire(&shared)), ALIVE);
		inner = nm_os_rm_enter(&rm); /* domains nest */
		if ((long)arg & 1)
			sched_yield();
		t_eq(nm_load(nm_load_acquire(&shared)), ALIVE);
		nm_os_rm_exit(&rm, inner);
		nm_os_rm_exit(&rm, token);
	}
	return NULL;
}

static void *writer(void *arg)
{
	for (uint64_t i = 0; i < rounds; i++) {
		uint32_t *old, *new = malloc(sizeof(*new));

		*new = ALIVE;
		old = nm_xchg(&shared, new);
		nm_os_rm_sync(&rm);
		*old = 0xdead; /* a plain write: the sanitizer sees a reader that is
				  inside */
		free(old);
	}
	return arg;
}

static void *reader_or_writer(void *arg)
{
	if ((long)arg < THREADS)
		return reader(arg);
	writer(arg);
	if ((long)arg == THREADS)
		nm_store(&done, 1);
	return NULL;
}

static void rm_waits_for_readers(void)
{
	rounds = t_rounds(200);
	t_eq(nm_os_rm_init(&rm), 0);
	shared = malloc(sizeof(*shared));
	*shared = ALIVE;
	in_threads(reader_or_writer, THREADS + 2);
	nm_os_rm_sync(&rm);
	for (int s = 0; s < NM_OS_STRIPES; s++)
		t_check(!rm.stripe[s].inside[0] && !rm.stripe[s].inside[1], "all left");
	nm_os_rm_fini(&rm);
	free(shared);
}

/* ---- wakeups ---- */

/*
 * Two threads hand a number to and fro. One that lost a wakeup would sleep
 * until its timeout, which is the failure.
 */
static struct nm_os_waitq turn[2];
static uint32_t ball;

static void wait_for(struct nm_os_poller *p, uint32_t me, uint32_t value)
{
	struct pollfd pfd = { .fd = nm_poller_fd(p), .events = POLLIN };

	for (;;) {
		nm_poller_reset(p);
		if (nm_load_acquire(&ball) == value)
			return;
		nm_os_poll_wait(p, &turn[me]);
		if (nm_load_acquire(&ball) == value)
			return;
		t_check(poll(&pfd, 1, 20000) == 1, "a wakeup was lost at %u", value);
	}
}

static void *player(void *arg)
{
	struct nm_os_poller p;
	uint32_t me = (long)arg;

	nm_poller_init(&p);
	t_eq(nm_poller_open(&p, me), 0);
	for (uint32_t i = me; i < rounds; i += 2) {
		wait_for(&p, me, i);
		nm_store_release(&ball, i + 1);
		nm_os_wake(&turn[!me]);
	}
	nm_poller_fini(&p);
	return NULL;
}

static void no_wakeup_is_lost(void)
{
	rounds = t_rounds(400000);
	nm_os_waitq_init(&turn[0]);
	nm_os_waitq_init(&turn[1]);
	in_threads(player, 2);
	t_eq(ball, rounds);
	nm_os_waitq_fini(&turn[0]);
	nm_os_waitq_fini(&turn[1]);
}

static bool readable(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, 0) == 1;
}

static void pollers_and_queues(void)
{
	struct nm_os_waitq q[3];
	struct nm_os_poller a, b;

	nm_poller_init(&a);
	nm_poller_init(&b);
	t_eq(nm_poller_open(&a, false), 0);
	t_eq(nm_poller_open(&b, true), 0);
	for (int i = 0; i < 3; i++)
		nm_os_waitq_init(&q[i]);
	nm_os_wake(&q[0]);
	for (int i = 0; i < 3; i++) {
		nm_os_poll_wait(&a, &q[i]);
		nm_os_poll_wait(&b, &q[i]);
	}
	t_check(!readable(nm_poller_fd(&a)) && !readable(nm_poller_fd(&b)), "too early");
	nm_os_wake(&q[1]);
	nm_os_wake(&q[1]);
	t_check(readable(nm_poller_fd(&a)) && readable(nm_poller_fd(&b)), "both woken");
	/* off the queues: a wakeup of q[0] is not its business any more */
	nm_poller_reset(&a);
	nm_os_wake(&q[0]);
	t_check(!readable(nm_poller_fd(&a)), "after its poll");
	nm_poller_reset(&b);
	t_check(!readable(nm_poller_fd(&b)), "drained");
	/* a queue that goes wakes who waits, and is not touched afterwards */
	nm_os_poll_wait(&a, &q[2]);
	nm_os_waitq_fini(&q[2]);
	memset(&q[2], 0x55, sizeof(q[2]));
	t_check(readable(nm_poller_fd(&a)), "told of the end");
	nm_poller_fini(&a);
	/* one that goes leaves the queues */
	nm_os_poll_wait(&b, &q[1]);
	nm_poller_fini(&b);
	t_check(!q[1].first, "left the queue");
}

static void foreign_descriptor(void)
{
	struct nm_os_waitq q;
	struct nm_os_poller p;
	uint64_t one;
	int fd[2];

	t_eq(pipe2(fd, O_NONBLOCK), 0);
	nm_os_waitq_init(&q);
	nm_poller_init_fd(&p, fd[1]);
	for (int i = 0; i < 3; i++) {
		nm_poller_reset(&p);
		nm_os_poll_wait(&p, &q);
		nm_os_wake(&q);
		nm_os_wake(&q);
		t_eq(read(fd[0], &one, sizeof(one)), 8);
		t_eq(one, 1);
		t_check(!readable(fd[0]), "once between two polls");
	}
	nm_poller_fini(&p);
	t_check(fcntl(fd[1], F_GETFD) >= 0, "it stays its owner's");
}

/* Descriptors that wake a poller while each of its polls asks for them. */
static void watched_descriptor(void)
{
	struct nm_os_poller p;
	int fd[2], other[2];

	t_eq(pipe(fd), 0);
	t_check(!nm_poller_watch(fd[0], 1), "no poll is in progress");
	nm_poller_init(&p);
	t_eq(nm_poller_open(&p, true), 0);
	nm_poller_mine = &p;
	for (int i = 0; i < 3; i++) {
		nm_poller_reset(&p);
		t_check(nm_poller_watch(fd[0], 1), "watched");
		nm_poller_settle(&p);
		t_check(!readable(nm_poller_fd(&p)), "nothing there");
	}
	t_eq(write(fd[1], "x", 1), 1);
	t_check(readable(nm_poller_fd(&p)), "woken");
	/* a poll that does not ask for it is not disturbed by it */
	nm_poller_reset(&p);
	nm_poller_settle(&p);
	t_check(!readable(nm_poller_fd(&p)), "not asked for");
	nm_poller_reset(&p);
	t_check(nm_poller_watch(fd[0], 1), "again");
	nm_poller_settle(&p);
	t_check(readable(nm_poller_fd(&p)), "it is still there");
	/* another with the same number, while the first is still noted */
	close(fd[0]);
	close(fd[1]);
	t_eq(pipe(other), 0);
	t_eq(other[0], fd[0]);
	nm_poller_reset(&p);
	t_check(nm_poller_watch(other[0], 2), "the new one");
	nm_poller_settle(&p);
	t_check(!readable(nm_poller_fd(&p)), "nothing there");
	t_eq(write(other[1], "x", 1), 1);
	t_check(readable(nm_poller_fd(&p)), "woken by the new one");
	nm_poller_mine = NULL;
	nm_poller_fini(&p);
}

/* One that sleeps on them itself, as many as it has room for. */
static void sleeper(void)
{
	struct nm_os_waitq q;
	struct nm_os_poller p;
	int fd[2], i;

	t_eq(pipe(fd), 0);
	nm_os_waitq_init(&q);
	nm_poller_init_sleeper(&p);
	t_eq(nm_poller_open(&p, false), 0);
	nm_poller_mine = &p;
	for (i = 0; i < NM_POLLER_FEW; i++)
		t_check(nm_poller_watch(fd[0], 1), "number %d", i);
	t_check(!nm_poller_watch(fd[0], 1), "no room for more");
	nm_os_poll_wait(&p, &q);
	t_eq(nm_poller_sleep(&p, 1), 0);
	nm_os_wake(&q);
	t_eq(nm_poller_sleep(&p, -1), 1);
	nm_poller_reset(&p);
	t_check(nm_poller_watch(fd[0], 1), "again");
	t_eq(nm_poller_sleep(&p, 1), 0);
	t_eq(write(fd[1], "x", 1), 1);
	t_eq(nm_poller_sleep(&p, -1), 1);
	nm_poller_reset(&p);
	t_eq(nm_poller_sleep(&p, 1), 0);
	nm_poller_mine = NULL;
	nm_poller_fini(&p);
	close(fd[0]);
	close(fd[1]);
}

/* ---- memory ---- */

static void regions(void)
{
	struct nm_os_region r;
	char *base;

	t_eq(nm_os_region_init(&r, 32 << 20), 0);
	t_eq(nm_os_region_commit(&r, 100, 5000), 0);
	base = nm_os_region_at(&r, 0);
	for (int i = 0; i < 8192; i++)
		t_eq(base[i], 0);
	memset(base, 7, 8192);
	t_eq(nm_os_region_commit(&r, 0, 6 << 20), 0);
	for (int i = 0; i < 8192; i++)
		t_eq(base[i], 7);
	for (int i = 8192; i < 6 << 20; i++)
		t_check(!base[i], "committed memory is zero at %d", i);
	t_eq(nm_os_region_offset(&r, base + 12345), 12345);
	t_eq(nm_os_region_commit(&r, 31 << 20, 1 << 20), 0);
	base[(32 << 20) - 1] = 1;
	t_eq(nm_os_region_commit(&r, 32 << 20, 1), -EINVAL);
	t_eq(nm_os_region_commit(&r, (size_t)-4096, 8192), -EINVAL);
	t_check(ftruncate(r.fd, 4096) < 0, "whoever has it can not cut it off");
	nmcore_fail_alloc_after(0);
	t_eq(nm_os_region_commit(&r, 0, 4096), -ENOMEM);
	nmcore_fail_alloc_after(-1);
	nm_os_region_fini(&r);
	for (int n = 0; n < 2; n++) {
		nmcore_fail_alloc_after(n);
		t_eq(nm_os_region_init(&r, 32 << 20), -ENOMEM);
	}
	nmcore_fail_alloc_after(-1);
	nm_os_region_fini(&r); /* harmless after a failure */
}

static void objects(void)
{
	void *p = nm_os_alloc(1000);

	t_check(p && !((uintptr_t)p & (NM_CACHELINE - 1)), "aligned");
	for (int i = 0; i < 1000; i++)
		t_eq(((char *)p)[i], 0);
	nm_os_free(p);
	nm_os_free(NULL);
	t_check(!nm_os_alloc((size_t)-10), "more than there is");
	nmcore_fail_alloc_after(2);
	for (int i = 0; i < 4; i++) {
		p = nm_os_alloc(8);
		t_eq(!p, i >= 2);
		nm_os_free(p);
	}
	t_eq(nmcore_allocs(), 4);
	nmcore_fail_alloc_after(-1);
}

static void client_memory(void)
{
	struct nm_os_user u = { .ops = NULL };
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char buf[64] = "abc";

	munmap(page + 4096, 4096);
	t_eq(nm_os_copyout(&u, (uintptr_t)page, buf, 4), 0);
	t_check(!strcmp(page, "abc"), "copied");
	memset(buf, 0, sizeof(buf));
	t_eq(nm_os_copyin(&u, buf, (uintptr_t)page, 4), 0);
	t_check(!strcmp(buf, "abc"), "copied");
	t_eq(nm_os_copyin(&u, buf, 0, 1), -EFAULT);
	t_eq(nm_os_copyin(&u, buf, 1, 8), -EFAULT);
	t_eq(nm_os_copyin(&u, buf, UINT64_MAX - 3, 8), -EFAULT);
	t_eq(nm_os_copyin(&u, buf, (uintptr_t)page + 4090, 10), -EFAULT);
	t_eq(nm_os_copyout(&u, 0, buf, 1), -EFAULT);
	mprotect(page, 4096, PROT_READ);
	t_eq(nm_os_copyout(&u, (uintptr_t)page, buf, 4), -EFAULT);
	t_eq(nm_os_copyin(&u, buf, 0, 0), 0);
}

static void packet_copy(void)
{
	static char src[2112 + 64], dst[2112 + 64 + 64];

	for (size_t i = 0; i < sizeof(src); i++)
		src[i] = (char)(i * 7 + i / 256);
	for (size_t len = 0; len <= 2112; len++) {
		const char *from = src + len % 16;

		memset(dst, 0x55, sizeof(dst));
		nm_os_copy_pkt(dst, from, len);
		t_check(!memcmp(dst, from, len), "length %zu", len);
		t_check(dst[len] == 0x55, "no more than the packet: %zu", len);
	}
}

/* ---- workers, clocks ---- */

static struct nm_os_thread worker;
static uint32_t worked;

static void work(void *arg)
{
	while (!nm_os_thread_stopping(&worker))
		nm_fetch_add((uint32_t *)arg, 1);
}

static void workers(void)
{
	t_eq(nm_os_thread_start(&worker, work, &worked, "a rather long name"), 0);
	while (!nm_load(&worked))
		usleep(100);
	t_eq(nm_os_thread_bind(&worker, (uint32_t)sched_getcpu()), 0);
	t_eq(nm_os_thread_bind(&worker, 1000), -EINVAL);
	t_eq(nm_os_thread_bind(&worker, 1000000), -EINVAL);
	nm_os_thread_stop(&worker);
}

static void clocks(void)
{
	uint64_t a = nm_os_now(), coarse = nm_os_now_coarse();
	int64_t sec, usec;

	usleep(20000);
	t_check(nm_os_now() - a >= 20000000, "monotonic");
	t_check(nm_os_now_coarse() > coarse, "the coarse one goes as well");
	nm_os_wallclock(&sec, &usec);
	t_check(sec > 1600000000 && usec >= 0 && usec < 1000000, "wall clock");
}

T_MAIN(T_CASE(lock_excludes), T_CASE(rm_waits_for_readers), T_CASE(no_wakeup_is_lost),
       T_CASE(pollers_and_queues), T_CASE(foreign_descriptor), T_CASE(watched_descriptor),
       T_CASE(sleeper), T_CASE(regions), T_CASE(objects), T_CASE(client_memory),
       T_CASE(packet_copy), T_CASE(workers), T_CASE(clocks))
