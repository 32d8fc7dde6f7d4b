// SPDX-License-Identifier: BSD-2-Clause
#include "fakenic.h"

#include "host.h"
#include "nic.h"

#include <pthread.h>

#define FAKES	8
#define QUEUE	64
#define LONGEST 2048

/* What left: how many frames, and the last of them. */
struct leaving {
	uint64_t count;
	uint32_t len;
	char last[LONGEST];
};

/* Frames on their way into a ring. */
struct queue {
	uint32_t first, n;
	char frame[QUEUE][LONGEST];
	uint32_t len[QUEUE];
};

struct fake {
	struct nm_port port;
	char name[16];
	bool held, full; /* full: neither stack nor wire take anything at the moment */
	struct leaving sent, passed[2]; /* passed: by way, to the stack or past the rings */
	struct queue in, host_in;	/* host_in: what the stack sends */
};

static struct fake *fakes[FAKES];
static pthread_mutex_t wire = PTHREAD_MUTEX_INITIALIZER;

static struct fake *fake_of(const struct nm_port *port)
{
	return nm_container_of(port, struct fake, port);
}

static struct fake *find(const char *name)
{
	int i;

	for (i = 0; i < FAKES; i++)
		if (fakes[i] && !strcmp(fakes[i]->name, name))
			return fakes[i];
	return NULL;
}

static void take_frame(struct queue *q, struct nm_kring *kr, struct netmap_slot *slot)
{
	union nm_slot s = nm_slot_get(slot);

	if (s.idx >= NM_BUF_FIRST && s.idx < nm_mem_nbufs_committed(kr->mem)) {
		s.len = q->len[q->first];
		s.flags = 0;
		memcpy(nm_mem_buf(kr->mem, s.idx), q->frame[q->first], s.len);
		nm_slot_set(slot, s);
	}
	q->first = (q->first + 1) % QUEUE;
	q->n--;
}

/* Only the first ring of a kind gets any. */
static int take_frames(struct queue *q, struct nm_kring *kr, bool first)
{
	uint32_t n = kr->num_slots, i = kr->hwtail, stop;

	kr->hwcur = kr->rhead;
	stop = nm_prev(kr->hwcur, n);
	pthread_mutex_lock(&wire);
	for (; q->n && first && i != stop; i = nm_next(i, n)) {
		take_frame(q, kr, &kr->ring->slot[i]);
		nm_stat_add(&kr->stats.packets, 1);
	}
	pthread_mutex_unlock(&wire);
	nm_store(&kr->hwtail, i);
	nm_kring_end(kr, i);
	return 0;
}

static int fake_rxsync(struct nm_kring *kr, int flags)
{
	(void)flags;
	return take_frames(&fake_of(kr->port)->in, kr, kr->id == 0);
}

static int fake_host_rxsync(struct nm_kring *kr, int flags)
{
	(void)flags;
	return take_frames(&fake_of(kr->port)->host_in, kr, nm_host_id(kr) == 0);
}

static int fake_txsync(struct nm_kring *kr, int flags)
{
	struct fake *f = fake_of(kr->port);
	uint32_t n = kr->num_slots;

	(void)flags;
	pthread_mutex_lock(&wire);
	for (; kr->hwcur != kr->rhead; kr->hwcur = nm_next(kr->hwcur, n)) {
		union nm_slot s = nm_slot_get(&kr->ring->slot[kr->hwcur]);

		if (s.idx < NM_BUF_FIRST || s.idx >= nm_mem_nbufs_committed(kr->mem) ||
		    s.len > kr->mem->conf.buf_len) {
			nm_stat_add(&kr->stats.drops[NM_DROP_BADSLOT], 1);
			continue;
		}
		memcpy(f->sent.last, nm_mem_buf(kr->mem, s.idx), s.len);
		f->sent.len = s.len;
		f->sent.count++;
	}
	if (!f->held)
		nm_store(&kr->hwtail, nm_prev(kr->hwcur, n));
	pthread_mutex_unlock(&wire);
	nm_kring_end(kr, kr->hwtail);
	return 0;
}

static int fake_pass(struct nm_port *port, enum nm_way way, const struct nm_piece *piece,
		     uint32_t n)
{
	struct fake *f = fake_of(port);
	struct leaving *p = &f->passed[way];
	uint32_t i, len = 0;

	for (i = 0; i < n; i++)
		len += piece[i].len;
	if (len > LONGEST)
		return -EMSGSIZE;
	if (f->full)
		return -EAGAIN;
	pthread_mutex_lock(&wire);
	for (i = p->len = 0; i < n; p->len += piece[i++].len)
		memcpy(p->last + p->len, piece[i].data, piece[i].len);
	p->count++;
	pthread_mutex_unlock(&wire);
	return 0;
}

static void fake_free(struct nm_port *port)
{
	int i;

	for (i = 0; i < FAKES; i++)
		if (fakes[i] == fake_of(port))
			fakes[i] = NULL;
	nm_os_free(fake_of(port));
}

static const struct nm_port_ops fake_ops = {
	.kind = "nic",
	.sync = { fake_txsync, fake_rxsync },
	.host_rxsync = fake_host_rxsync,
	.pass = fake_pass,
	.free = fake_free,
};

bool nm_os_nic_exists(struct nm_ns *ns, const char *name)
{
	(void)ns;
	return !strncmp(name, "fake", 4) && name[4] >= '0' && name[4] <= '7' && !name[5];
}

int nm_os_nic_port(struct nm_ns *ns, const char *name, struct nm_port **portp, struct nm_err *err)
{
	struct fake *f;
	int error, i;

	if (!nm_os_nic_exists(ns, name))
		return nm_fail(err, -ENXIO, "no interface called %s", name);
	f = nm_os_alloc(sizeof(*f));
	if (!f)
		return nm_fail(err, -ENOMEM, "no memory for port %s", name);
	nm_port_init(&f->port, ns, &fake_ops, name);
	f->port.nslots[NM_TX] = f->port.nslots[NM_RX] = 64;
	f->port.nrings[NM_TX] = f->port.nrings[NM_RX] = name[4] - '0' < 4 ? 1 : 2;
	f->port.nhost[NM_TX] = f->port.nhost[NM_RX] = 1;
	error = nm_mem_get_global(ns, &f->port.mem, err);
	if (error) {
		nm_os_free(f);
		return error;
	}
	snprintf(f->name, sizeof(f->name), "%s", name);
	for (i = 0; i < FAKES && fakes[i]; i++)
		;
	if (i < FAKES)
		fakes[i] = f;
	*portp = &f->port;
	return 0;
}

/* What else hosts/user/nic.c has for its neighbours. */
bool nic_is(const struct nm_port *port)
{
	(void)port;
	return false;
}

void nm_nics_stop(struct nm_ns *ns)
{
	(void)ns;
}

void nm_nics_free(struct nm_nics *nics)
{
	(void)nics;
}

/* ---- the wire, and the stack ---- */

static bool arrive(struct queue *q, struct nm_kring *kr, const void *frame, uint32_t len)
{
	uint32_t at;
	bool room;

	pthread_mutex_lock(&wire);
	room = q->n < QUEUE;
	if (room) {
		at = (q->first + q->n++) % QUEUE;
		memcpy(q->frame[at], frame, len);
		q->len[at] = len;
	}
	pthread_mutex_unlock(&wire);
	if (room && kr->ring)
		nm_load_acquire (&kr->notify)(kr);
	return room;
}

bool fake_host_arrive(const char *name, const void *frame, uint32_t len)
{
	struct fake *f = find(name);

	return f && f->port.krings[NM_RX] && len <= LONGEST &&
	       arrive(&f->host_in, &f->port.krings[NM_RX][f->port.nrings[NM_RX]], frame, len);
}

bool fake_arrive(const char *name, const void *frame, uint32_t len)
{
	struct fake *f = find(name);

	return f && f->port.krings[NM_RX] && len <= LONGEST &&
	       arrive(&f->in, &f->port.krings[NM_RX][0], frame, len);
}

static uint64_t left(const struct leaving *l, void *frame, uint32_t size, uint32_t *len)
{
	uint64_t count;

	pthread_mutex_lock(&wire);
	count = l->count;
	if (frame)
		memcpy(frame, l->last, l->len < size ? l->len : size);
	if (len)
		*len = l->len;
	pthread_mutex_unlock(&wire);
	return count;
}

uint64_t fake_sent(const char *name, void *frame, uint32_t size, uint32_t *len)
{
	struct fake *f = find(name);

	return f ? left(&f->sent, frame, size, len) : 0;
}

uint64_t fake_passed(const char *name, bool to_wire, void *frame, uint32_t size, uint32_t *len)
{
	struct fake *f = find(name);

	return f ? left(&f->passed[to_wire ? NM_TO_WIRE : NM_TO_HOST], frame, size, len) : 0;
}

void fake_full(const char *name, bool full)
{
	struct fake *f = find(name);

	if (f)
		f->full = full;
}

void fake_hold(const char *name, bool hold)
{
	struct fake *f = find(name);
	struct nm_kring *kr;

	if (!f)
		return;
	pthread_mutex_lock(&wire);
	f->held = hold;
	pthread_mutex_unlock(&wire);
	kr = f->port.krings[NM_TX];
	if (!hold && kr && kr->ring)
		nm_load_acquire (&kr->notify)(kr);
}

void fake_gone(const char *name, int error)
{
	struct fake *f = find(name);

	if (!f)
		return;
	nm_port_gone(&f->port, error);
	nm_ns_reap(f->port.ns);
}
