/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A pipe whose sender goes away content (core/pipe.c, core/kring.h): it syncs once for what it
 * has put into its ring, and never again. The receiver frees slots and pulls. Both move
 * packets, one at a time: `busy` counts who wanted the sender's ring, and who has it looks
 * again if others asked meanwhile. Stores of rhead and of hwcur may be delayed up to a fence.
 *
 * Claim: all packets arrive (no invalid end state), in order and once.
 */
#define ROOM	1 /* free slots of the receiver's ring */
#define PACKETS 3

byte head;		/* the client's, as it syncs for it */
byte rhead;		/* what the framework has seen of it */
byte moved;		/* tx hwcur = rx hwtail */
byte freed;		/* rx hwcur */
byte busy;

bool buf_rhead, buf_freed;
byte rhead_value, freed_value;

inline flush_rhead() { if :: buf_rhead -> rhead = rhead_value; buf_rhead = false :: else fi }
inline flush_freed() { if :: buf_freed -> freed = freed_value; buf_freed = false :: else fi }

active proctype memory()
{
end:	do
	:: atomic { buf_rhead -> flush_rhead() }
	:: atomic { buf_freed -> flush_freed() }
	od
}

#define SEEN (buf_rhead -> rhead_value : rhead) /* by who owns the ring */

/* pipe_move(): as much as there is room for; looks at the room again after a fence. */
inline move()
{
	room = ROOM + freed - moved;
	if
	:: SEEN - moved > room ->
#ifndef NO_SENDER_FENCE
		atomic { flush_rhead() };
#endif
		room = ROOM + freed - moved
	:: else
	fi;
	do
	:: room > 0 && moved < SEEN -> moved++; room--
	:: else -> break
	od
}

/* Atomic operations flush what is one's own: rhead is its owner's, freed the receiver's. */
inline tryget() { atomic { got = (busy == 0); busy++ } }
inline put()	{ atomic { flush_rhead(); again = (busy != 1); busy = 0 } }

/* Two packets, a sync, the third one, a sync; then it is gone. */
active proctype sender()
{
	byte room;
	bool got, again;
	byte k;

	do
	:: k < 2 ->
		k++;
		head = (k == 1 -> 2 : PACKETS);
		again = true;
		do
		:: again ->
			tryget();
			if
			:: got ->
				atomic { buf_rhead = true; rhead_value = head };
				move();
#ifdef NO_REDO
				put(); again = false
#else
				put()
#endif
			:: else -> again = false
			fi
		:: else -> break
		od
	:: else -> break
	od
}

active proctype receiver()
{
	byte room, taken, round;
	bool got, again;

	do
	:: taken < PACKETS ->
		/* a packet is there: it takes it, and its next sync gives the slot back */
		moved > taken;
		taken++;
		atomic { flush_freed(); buf_freed = true; freed_value = taken };
#ifndef NO_PULL_FENCE
		atomic { flush_freed() };
#endif
		if
		:: rhead == moved
		:: else ->
			again = true;
			round = 0;
			do
			:: again ->
				atomic { flush_freed() };
				tryget();
				if
				:: got ->
					if
					:: round > 0 -> atomic { buf_rhead = true; rhead_value = head }
					:: else
					fi;
					move();
#ifdef NO_REDO
					put(); again = false;
#else
					put();
#endif
					round = 1
				:: else -> again = false
				fi
			:: else -> break
			od
		fi
	:: else -> break
	od;
	assert(moved == PACKETS)
}
