// SPDX-License-Identifier: BSD-2-Clause
/* Locks and the read-mostly domain. */
#include "os.h"

#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifdef NM_OS_TSAN
uint32_t nm_os_fence_word;
#endif

__thread uint32_t nm_os_my_stripe __attribute__((tls_model("initial-exec")));

void nm_os_mutex_init(struct nm_os_mutex *m)
{
	pthread_mutex_init(&m->m, NULL);
}

void nm_os_mutex_fini(struct nm_os_mutex *m)
{
	pthread_mutex_destroy(&m->m);
}

void nm_os_mutex_lock(struct nm_os_mutex *m)
{
	pthread_mutex_lock(&m->m);
}

void nm_os_mutex_unlock(struct nm_os_mutex *m)
{
	pthread_mutex_unlock(&m->m);
}

static void futex(uint32_t *word, int op, uint32_t val)
{
	syscall(SYS_futex, word, op | FUTEX_PRIVATE_FLAG, val, NULL, NULL, 0);
}

/* Critical sections are short: spin for about as long as one, then sleep. */
#define SPINS 200

void nm_os_lock_slow(struct nm_os_lock *l)
{
	for (int i = 0; i < SPINS; i++) {
		uint32_t free = 0;

		cpu_relax();
		if (nm_load(&l->word) == 0 &&
		    __atomic_compare_exchange_n(&l->word, &free, 1, false, __ATOMIC_ACQUIRE,
						__ATOMIC_RELAXED))
			return;
	}
	/* Taking it as "with sleepers" costs its release one wakeup too many at worst. */
	while (__atomic_exchange_n(&l->word, 2, __ATOMIC_ACQUIRE) != 0)
		futex(&l->word, FUTEX_WAIT, 2);
}

void nm_os_unlock_slow(struct nm_os_lock *l)
{
	futex(&l->word, FUTEX_WAKE, 1);
}

uint32_t nm_os_new_stripe(void)
{
	static uint32_t threads;

	nm_os_my_stripe = nm_fetch_add(&threads, 1) % NM_OS_STRIPES + 1;
	return nm_os_my_stripe;
}

int nm_os_rm_init(struct nm_os_rm *rm)
{
	memset(rm, 0, sizeof(*rm));
	return -pthread_mutex_init(&rm->syncing, NULL);
}

void nm_os_rm_fini(struct nm_os_rm *rm)
{
	pthread_mutex_destroy(&rm->syncing);
}

static void wait_for_readers(uint32_t *inside)
{
	const struct timespec nap = { 0, 50000 };

	/* Acquire pairs with the release of exit(): what readers did is over. */
	for (unsigned int i = 0; __atomic_load_n(inside, __ATOMIC_SEQ_CST); i++) {
		if (i < SPINS)
			cpu_relax();
		else if (i < 2 * SPINS)
			sched_yield();
		else
			nanosleep(&nap, NULL);
	}
}

void nm_os_rm_sync(struct nm_os_rm *rm)
{
	pthread_mutex_lock(&rm->syncing);
	for (int flip = 0; flip < 2; flip++) {
		uint32_t old = nm_fetch_add(&rm->phase, 1) & 1;

		for (int s = 0; s < NM_OS_STRIPES; s++)
			wait_for_readers(&rm->stripe[s].inside[old]);
	}
	pthread_mutex_unlock(&rm->syncing);
}
