// SPDX-License-Identifier: BSD-2-Clause
#include "fakenic.h"

#include "host.h"
#include "nic.h"

#include <pthread.h>

#define FAKES	8
#define QUEUE	64
#define LONGEST 2048

struct pipe {
	uint64_t passed; /* to the stack or, past the rings, to the wire */
	uint32_t len;
	char last[LONGEST];
};

struct fake {
	struct nm_port port;
	char name[16];
	bool held, full; /* full: neither stack nor wire take anything at the moment */
	struct pipe pipe[2]; /* by way */
	uint64_t sent;
	char last[LONGEST];
	uint32_t last_len;
	uint32_t first, n; /* frames on their way in */
	char in[QUEUE][LONGEST];
	uint32_t in_len[QUEUE];
	uint32_t host_first, host_n; /* frames that the stack sends */
	char host_in[QUEUE][LONGEST];
	uint32_t host_len[QUEUE];
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

static int fake_rxsync(struct nm_kring *kr, int flags)
{
	struct fake *f = fake_of(kr->port);
	uint32_t n = kr->num_slots, i = kr->hwtail, stop;

	(void)flags;
	kr->hwcur = kr->rhead;
	stop = nm_prev(kr->hwcur, n);
	pthread_mutex_lock(&wire);
	for (; f->n && kr->id == 0 && i != stop; i = nm_next(i, n)) {
		union nm_slot s = nm_slot_get(&kr->ring->slot[i]);

		if (s.idx >= NM_BUF_FIRST && s.idx < nm_mem_nbufs_committed(kr->mem)) {
			s.len = f->in_len[f->first];
			s.flags = 0;
			memcpy(nm_mem_buf(kr->mem, s.idx), f->in[f->first], s.len);
			nm_slot_set(&kr->ring->slot[i], s);
		}
		f->first = (f->first + 1) % QUEUE;
		f->n--;
		nm_stat_add(&kr->stats.packets, 1);
	}
	pthread_mutex_unlock(&wire);
	nm_store(&kr->hwtail, i);
	nm_kring_end(kr, i);
	return 0;
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
		memcpy(f->last, nm_mem_buf(kr->mem, s.idx), s.len);
		f->last_len = s.len;
		f->sent++;
	}
	if (!f->held)
		nm_store(&kr->hwtail, nm_prev(kr->hwcur, n));
	pthread_mutex_unlock(&wire);
	nm_kring_end(kr, kr->hwtail);
	return 0;
}

static int fake_host_rxsync(struct nm_kring *kr, int flags)
{
	struct fake *f = fake_of(kr->port);
	uint32_t n = kr->num_slots, i = kr->hwtail, stop;

	(void)flags;
	kr->hwcur = kr->rhead;
	stop = nm_prev(kr->hwcur, n);
	pthread_mutex_lock(&wire);
	for (; f->host_n && nm_host_id(kr) == 0 && i != stop; i = nm_next(i, n)) {
		union nm_slot s = nm_slot_get(&kr->ring->slot[i]);

		if (s.idx >= NM_BUF_FIRST && s.idx < nm_mem_nbufs_committed(kr->mem)) {
			s.len = f->host_len[f->host_first];
			s.flags = 0;
			memcpy(nm_mem_buf(kr->mem, s.idx), f->host_in[f->host_first], s.len);
			nm_slot_set(&kr->ring->slot[i], s);
		}
		f->host_first = (f->host_first + 1) % QUEUE;
		f->host_n--;
		nm_stat_add(&kr->stats.packets, 1);
	}
	pthread_mutex_unlock(&wire);
	nm_store(&kr->hwtail, i);
	nm_kring_end(kr, i);
	return 0;
}

static int fake_pass(struct nm_port *port, enum nm_way way, const struct nm_piece *piece,
		     uint32_t n)
{
	struct fake *f = fake_of(port);
	struct pipe *p = &f->pipe[way];
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
	p->passed++;
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

int nm_os_nic_port(struct nm_ns *ns, const char *name, struct nm_port **portp,
		   struct nm_err *err)
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

bool fake_host_arrive(const char *name, const void *frame, uint32_t len)
{
	struct fake *f = find(name);
	struct nm_kring *kr;
	uint32_t at;

	if (!f || !f->port.krings[NM_RX] || len > LONGEST)
		return false;
	kr = &f->port.krings[NM_RX][f->port.nrings[NM_RX]];
	pthread_mutex_lock(&wire);
	if (f->host_n == QUEUE) {
		pthread_mutex_unlock(&wire);
		return false;
	}
	at = (f->host_first + f->host_n++) % QUEUE;
	memcpy(f->host_in[at], frame, len);
	f->host_len[at] = len;
	pthread_mutex_unlock(&wire);
	if (kr->ring)
		nm_load_acquire(&kr->notify)(kr);
	return true;
}

uint64_t fake_passed(const char *name, bool to_wire, void *frame, uint32_t size, uint32_t *len)
{
	struct fake *f = find(name);
	struct pipe *p = f ? &f->pipe[to_wire ? NM_TO_WIRE : NM_TO_HOST] : NULL;
	uint64_t passed;

	if (!f)
		return 0;
	pthread_mutex_lock(&wire);
	passed = p->passed;
	if (frame)
		memcpy(frame, p->last, p->len < size ? p->len : size);
	if (len)
		*len = p->len;
	pthread_mutex_unlock(&wire);
	return passed;
}

void fake_full(const char *name, bool full)
{
	struct fake *f = find(name);

	if (f)
		f->full = full;
}

bool fake_arrive(const char *name, const void *frame, uint32_t len)
{
	struct fake *f = find(name);
	struct nm_kring *kr;
	uint32_t at;

	if (!f || !f->port.krings[NM_RX] || len > LONGEST)
		return false;
	kr = &f->port.krings[NM_RX][0];
	pthread_mutex_lock(&wire);
	if (f->n == QUEUE) {
		pthread_mutex_unlock(&wire);
		return false;
	}
	at = (f->first + f->n++) % QUEUE;
	memcpy(f->in[at], frame, len);
	f->in_len[at] = len;
	pthread_mutex_unlock(&wire);
	if (kr->ring)
		nm_load_acquire(&kr->notify)(kr);
	return true;
}

uint64_t fake_sent(const char *name, void *frame, uint32_t size, uint32_t *len)
{
	struct fake *f = find(name);
	uint64_t sent;

	if (!f)
		return 0;
	pthread_mutex_lock(&wire);
	sent = f->sent;
	if (frame)
		memcpy(frame, f->last, f->last_len < size ? f->last_len : size);
	if (len)
		*len = f->last_len;
	pthread_mutex_unlock(&wire);
	return sent;
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
		nm_load_acquire(&kr->notify)(kr);
}

void fake_gone(const char *name, int error)
{
	struct fake *f = find(name);

	if (!f)
		return;
	nm_port_gone(&f->port, error);
	nm_ns_reap(f->port.ns);
}
