/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A pipe whose receiver gives slots back without a call (core/pipe.c, core/csb.c,
 * lib/client_csb.c), and whose sender goes away content: it syncs for what it has put into its
 * ring, and never again. A sender that finds no room sets `kick`, and looks once more; the
 * receiver gives back, and looks at `kick`: if it is set, it calls, and the call pulls. The
 * sender's store of `kick`, and the receiver's of `given`, may be delayed up to a fence.
 *
 * Claim: all packets arrive (no invalid end state).
 */
#define ROOM	2 /* free slots of the receiver's ring */
#define PACKETS 4

byte head;  /* what the sender syncs for */
byte rhead; /* what the framework has seen of it */
byte moved; /* tx hwcur = rx hwtail */
byte given; /* the receiver's head, in the CSB */
byte freed; /* rx hwcur */
byte kick;
byte busy;

bool buf_kick, buf_given;
byte given_value;

inline flush_kick() { if :: buf_kick -> kick = 1; buf_kick = false :: else fi }
inline flush_given() { if :: buf_given -> given = given_value; buf_given = false :: else fi }

active proctype memory()
{
end:	do
	:: atomic { buf_kick -> flush_kick() }
	:: atomic { buf_given -> flush_given() }
	od
}

/* pipe_room_for(): the lock is around it. */
inline collect() { atomic { freed = given; room = ROOM + freed - moved } }

/* pipe_move() by who owns the sender's ring. */
inline move()
{
	collect();
	if
	:: rhead - moved > room ->
		buf_kick = true;
#ifndef NO_SENDER_FENCE
		atomic { flush_kick() };
#endif
		collect()
	:: else
	fi;
	do
	:: room > 0 && moved < rhead -> moved++; room--
	:: else -> break
	od
}

inline tryget() { atomic { got = (busy == 0); busy++ } }
inline put()	{ atomic { flush_kick(); again = (busy != 1); busy = 0 } }

/* Two packets, a sync, two more, a sync; then it is gone. */
active proctype sender()
{
	byte room, k;
	bool got, again;

	do
	:: k < 2 ->
		k++;
		head = (k == 1 -> 2 : PACKETS);
		again = true;
		do
		:: again ->
			tryget();
			if
			:: got -> rhead = head; move(); put()
			:: else -> again = false
			fi
		:: else -> break
		od
	:: else -> break
	od
}

active proctype receiver()
{
	byte room, taken, round, old;
	bool got, again;

	do
	:: taken < PACKETS ->
		moved > taken;
		taken++;
#ifdef NO_CLIENT_FENCE
		atomic { buf_given = true; given_value = taken };
#else
		given = taken;
#endif
		if
		:: kick == 0
		:: true ->
			/* the call, pipe_rxsync(), which may also be made for other reasons */
#ifdef LATE_CLEAR
			old = kick;
			kick = 0;
#else
			atomic { flush_given(); old = kick; kick = 0 };
#endif
			atomic { flush_given(); freed = given };
			if
			:: old == 0 || rhead == moved
			:: else ->
				again = true;
				round = 0;
				do
				:: again ->
					tryget();
					if
					:: got ->
						if
						:: round > 0 -> rhead = head
						:: else
						fi;
						move();
						put();
						round = 1
					:: else -> again = false
					fi
				:: else -> break
				od
			fi
		fi
	:: else -> break
	od;
	assert(moved == PACKETS)
}
