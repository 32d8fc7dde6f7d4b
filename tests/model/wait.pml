/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Waiting for a ring (core/binding.c: nm_binding_poll(), hosts' nm_os_poll_wait() and
 * nm_os_wake()): look, get on the queue, look again, sleep. The other side: change the ring,
 * fence, look at the queue without a lock, wake.
 *
 * Stores may be delayed: each process has a store buffer of one word, which is written back at
 * any time and by a fence. Claim: all that is produced is consumed; nobody sleeps for ever
 * while there is something (no invalid end state). Without either fence it does not hold.
 */
#define ITEMS 3

byte tail;		/* the ring: what the producer has published */
bool queued;		/* the poller is on the queue */
byte signaled;		/* the eventfd */

/* Store buffers. */
bool buf_tail, buf_queued;
byte buf_tail_value;
bool buf_queued_value;

inline flush_tail()   { if :: buf_tail -> tail = buf_tail_value; buf_tail = false :: else fi }
inline flush_queued() { if :: buf_queued -> queued = buf_queued_value; buf_queued = false :: else fi }

/* The memory system, in its own time. */
active proctype memory()
{
end:	do
	:: atomic { buf_tail -> flush_tail() }
	:: atomic { buf_queued -> flush_queued() }
	od
}

active proctype producer()
{
	byte n;

	do
	:: n < ITEMS ->
		atomic { n++; flush_tail(); buf_tail = true; buf_tail_value = n };
#ifndef NO_WAKE_FENCE
		atomic { flush_tail() };
#endif
		if
		:: queued ->
			/* under the queue's lock: take it off, and signal once */
			atomic {
				if
				:: queued -> queued = false; signaled = 1
				:: else
				fi
			}
		:: else
		fi
	:: else -> break
	od
}

active proctype consumer()
{
	byte seen;

	do
	:: seen < ITEMS ->
		/* a new poll begins: off the queue, and the eventfd is drained */
		atomic { flush_queued(); queued = false; signaled = 0 };
		if
		:: tail > seen -> seen = tail
		:: else ->
			/* poll_wait() */
			atomic { buf_queued = true; buf_queued_value = true };
#ifndef NO_POLL_FENCE
			atomic { flush_queued() };
#endif
			if
			:: tail > seen -> seen = tail
			:: else -> signaled != 0	/* sleeps */
			fi
		fi
	:: else -> break
	od
}
