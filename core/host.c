// SPDX-License-Identifier: BSD-2-Clause
#include "host.h"

#define ETH_HEADER 14 /* no frame is shorter */

/* A packet in slots of a ring: [first slot, end). */
struct packet {
	uint32_t end; /* the slot after it */
	uint32_t len;
	uint32_t npieces;
	bool whole, ok;
	struct nm_piece piece[NETMAP_MAX_FRAGS];
};

static void drop(struct nm_kring *kr, enum nm_drop cause)
{
	nm_stat_add(&kr->stats.drops[cause], 1);
}

/* Looks at the packet in slots from i on, none of which is at or after `stop`. */
static void packet_get(struct nm_kring *kr, uint32_t i, uint32_t stop, struct packet *p)
{
	uint32_t nbufs = nm_mem_nbufs_committed(kr->mem), slots = 0;
	union nm_slot s;

	p->len = p->npieces = 0;
	p->ok = true;
	do {
		s = nm_slot_get(&kr->ring->slot[i]);
		p->ok = p->ok && s.idx >= NM_BUF_FIRST && s.idx < nbufs &&
			s.len <= kr->mem->conf.buf_len && !(s.flags & NS_INDIRECT) &&
			p->npieces < NETMAP_MAX_FRAGS;
		if (p->ok)
			p->piece[p->npieces++] =
				(struct nm_piece){ nm_mem_buf(kr->mem, s.idx), s.len };
		p->len += s.len;
		i = nm_next(i, kr->num_slots);
		slots++;
	} while ((s.flags & NS_MOREFRAG) && i != stop);
	/* a ring that is full of one packet's beginning will not see its end */
	p->whole = !(s.flags & NS_MOREFRAG) || slots >= kr->num_slots - 1;
	p->ok = p->ok && !(s.flags & NS_MOREFRAG) && p->len >= ETH_HEADER;
	p->end = i;
}

/* 0, or -EAGAIN: it may be tried again, nothing was counted. */
static int packet_pass(struct nm_kring *kr, enum nm_way way, const struct packet *p)
{
	int error = p->ok ? kr->port->ops->pass(kr->port, way, p->piece, p->npieces) : -EINVAL;

	switch (error) {
	case 0:
	case -EAGAIN:
		break;
	case -EINVAL:
		drop(kr, NM_DROP_BADSLOT);
		break;
	case -EMSGSIZE:
		drop(kr, NM_DROP_TOOLONG);
		break;
	case -ENETDOWN:
	case -ENXIO:
		drop(kr, NM_DROP_DOWN);
		break;
	case -ENOBUFS:
		drop(kr, NM_DROP_NOROOM);
		break;
	default:
		drop(kr, NM_DROP_OS);
		break;
	}
	return error;
}

/* To the stack. */
static int host_txsync(struct nm_kring *kr, int flags)
{
	uint64_t packets = 0, bytes = 0;
	uint32_t i = kr->hwcur;
	struct packet p;
	int error;

	(void)flags;
	while (i != kr->rhead) {
		packet_get(kr, i, kr->rhead, &p);
		if (!p.whole)
			break;
		error = packet_pass(kr, NM_TO_HOST, &p);
		if (error == -EAGAIN)
			break;
		if (!error) {
			packets++;
			bytes += p.len;
		}
		i = p.end;
	}
	nm_stat_add(&kr->stats.packets, packets);
	nm_stat_add(&kr->stats.bytes, bytes);
	nm_store(&kr->hwcur, i);
	nm_store(&kr->hwtail, nm_prev(i, kr->num_slots));
	nm_kring_end(kr, kr->hwtail);
	return 0;
}

/* What the client gave back goes on, where it says so. There is no second try. */
static void forward(struct nm_kring *kr)
{
	enum nm_way way = kr->flags & NM_KR_HOST ? NM_TO_WIRE : NM_TO_HOST;
	uint32_t i = kr->hwcur;
	struct packet p;

	while (i != kr->rhead) {
		bool marked = nm_slot_get(&kr->ring->slot[i]).flags & NS_FORWARD;

		packet_get(kr, i, kr->rhead, &p);
		if (marked && packet_pass(kr, way, &p) == -EAGAIN)
			drop(kr, NM_DROP_NOROOM);
		i = p.end;
	}
}

static int nic_rxsync(struct nm_kring *kr, int flags)
{
	if (nm_unlikely(nm_load(&kr->ring->flags) & NR_FORWARD))
		forward(kr);
	return kr->port->ops->sync[NM_RX](kr, flags);
}

static int host_rxsync(struct nm_kring *kr, int flags)
{
	if (nm_unlikely(nm_load(&kr->ring->flags) & NR_FORWARD))
		forward(kr);
	return kr->port->ops->host_rxsync(kr, flags);
}

void nm_host_kring_init(struct nm_kring *kr)
{
	bool host = kr->id >= kr->port->nrings[kr->dir];

	if (!kr->port->ops->pass)
		return;
	if (host)
		kr->flags |= NM_KR_HOST;
	if (kr->dir == NM_RX)
		kr->sync = host ? host_rxsync : nic_rxsync;
	else if (host)
		kr->sync = host_txsync;
}
