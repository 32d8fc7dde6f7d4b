/* SPDX-License-Identifier: BSD-2-Clause */
/* Small numbers for threads: given when first asked for, back when the thread ends. */
#include "client.h"

#define WORDS (NMC_CHANS / 64)

static uint64_t taken[WORDS];
static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static __thread unsigned int mine; /* 1 + the number */

static void give_back(void *arg)
{
	unsigned int slot = (unsigned int)((uintptr_t)arg - 1);

	mine = 0;
	__atomic_fetch_and(&taken[slot / 64], ~(UINT64_C(1) << slot % 64), __ATOMIC_RELEASE);
}

static void make_key(void)
{
	pthread_key_create(&key, give_back);
}

static unsigned int new_slot(void)
{
	unsigned int i, bit;
	uint64_t w;

	pthread_once(&once, make_key);
	for (i = 0; i < WORDS; i++) {
		w = __atomic_load_n(&taken[i], __ATOMIC_RELAXED);
		while (~w != 0) {
			bit = (unsigned int)__builtin_ctzll(~w);
			if (!__atomic_compare_exchange_n(&taken[i], &w, w | UINT64_C(1) << bit,
							 false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
				continue;
			mine = i * 64 + bit + 1;
			pthread_setspecific(key, (void *)(uintptr_t)mine);
			return mine - 1;
		}
	}
	return NMC_CHANS - 1; /* shared by all who come too late; channels can be busy */
}

unsigned int nmc_slot(void)
{
	return __builtin_expect(mine != 0, 1) ? mine - 1 : new_slot();
}
