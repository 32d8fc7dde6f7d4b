/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Delivery into one ring by several senders (core/vale/deliver.c: reserve(), publish()): each
 * reserves a run of slots under the lock, fills it without, and publishes; runs become visible
 * in the order of their reservation. A sender may use less than it reserved, and may have got
 * nothing. The receiver frees slots at any time.
 *
 * Claims: what the receiver sees was filled, by who had reserved it; nobody fills a slot that
 * is not his; when all are done, everything reserved is visible, so the ring can not get stuck.
 */
#define N	3 /* slots; one stays free */
#define SENDERS 3
#define ROUNDS	2

#define DIST(a, b) ((b + N - a) % N)

byte lease, hwtail, hwcur;
byte waits[N];	 /* out->done: length of a run that waits for those before it */
byte owner[N];	 /* 1 + who has reserved the slot; 0: nobody */
bool filled[N];
byte working;

/* The ring's lock: each of the two is one atomic step. */
inline reserve()
{
	atomic {
		room = N - 1 - DIST(hwcur, lease);
		if
		:: want > room -> taken = room
		:: else -> taken = want
		fi;
		start = lease;
		i = 0;
		do
		:: i < taken ->
			assert(owner[(start + i) % N] == 0);
			owner[(start + i) % N] = _pid + 1;
			filled[(start + i) % N] = false;
			i++
		:: else -> break
		od;
		lease = (lease + taken) % N
	}
}

inline publish()
{
	atomic {
		count = used;
		if
		:: count < taken ->
			if
			:: lease == (start + taken) % N ->
				/* nobody came after us: give back */
				i = used;
				do
				:: i < taken -> owner[(start + i) % N] = 0; i++
				:: else -> break
				od;
				lease = (start + used) % N
			:: else ->
				/* empty packets in their place */
				i = used;
				do
				:: i < taken -> filled[(start + i) % N] = true; i++
				:: else -> break
				od;
				count = taken
			fi
		:: else
		fi;
		if
#ifdef BUG
		:: hwtail != start -> waits[start] = count
		:: hwtail == start && count == 0
#else
		:: count == 0
		:: count != 0 && hwtail != start -> waits[start] = count
#endif
		:: count != 0 && hwtail == start ->
			do
			:: count != 0 ->
				hwtail = (hwtail + count) % N;
				count = waits[hwtail];
				waits[hwtail] = 0
			:: else -> break
			od
		fi;
		start = 0; taken = 0; used = 0; count = 0; want = 0; i = 0; room = 0
	}
}

proctype sender()
{
	byte round, want, taken, used, start, count, room, i;

	do
	:: round < ROUNDS ->
		if
		:: want = 1
		:: want = 2
		fi;
		reserve();
		/* all of it, or less */
		if
		:: used = taken
		:: taken > 0 -> used = taken - 1
		fi;
		/* the copy, slot by slot */
		i = 0;
		do
		:: i < used ->
			atomic {
				assert(owner[(start + i) % N] == _pid + 1);
				filled[(start + i) % N] = true;
				i++
			}
		:: else -> break
		od;
		publish();
		round++
	:: else -> break
	od;
	working--
}

proctype receiver()
{
	do
	:: atomic {
		hwcur != hwtail ->
		assert(filled[hwcur]);
		assert(owner[hwcur] != 0);
		owner[hwcur] = 0;
		filled[hwcur] = false;
		hwcur = (hwcur + 1) % N
	}
	:: atomic {
		working == 0 && hwcur == hwtail ->
		/* nothing is left behind */
		assert(hwtail == lease);
		break
	}
	od
}

init {
	atomic {
		working = SENDERS;
		byte k;
		do
		:: k < SENDERS -> run sender(); k++
		:: else -> break
		od;
		run receiver()
	}
}
