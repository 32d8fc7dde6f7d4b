// SPDX-License-Identifier: BSD-2-Clause
#include "client.h"

#include <errno.h>
#include <sys/mman.h>

int client_request(struct nmcore *nm, uint16_t type, const char *name, void *body)
{
	struct nmreq_header hdr = { .nr_version = NETMAP_API,
				    .nr_reqtype = type,
				    .nr_body = (uintptr_t)body };

	snprintf(hdr.nr_name, sizeof(hdr.nr_name), "%s", name);
	return nmcore_ioctl(nm, NIOCCTRL, &hdr) < 0 ? errno : 0;
}

static void client_map(struct client *c)
{
	int fd = nmcore_memfd(c->nm, &c->size);
	uint32_t i;

	t_check(fd >= 0);
	c->mem = mmap(NULL, c->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	t_check(c->mem != MAP_FAILED);
	c->nifp = NETMAP_IF(c->mem, c->reg.nr_offset);
	for (i = 0; i < c->nifp->ni_tx_rings && !c->tx; i++)
		if (c->nifp->ring_ofs[i])
			c->tx = NETMAP_TXRING(c->nifp, i);
	for (i = 0; i < c->nifp->ni_rx_rings && !c->rx; i++)
		if (c->nifp->ring_ofs[c->nifp->ni_tx_rings + c->nifp->ni_host_tx_rings + i])
			c->rx = NETMAP_RXRING(c->nifp, i);
}

int client_try(struct client *c, const char *name, const struct nmreq_register *reg)
{
	int error;

	memset(c, 0, sizeof(*c));
	c->nm = nmcore_open();
	if (!c->nm)
		return errno;
	if (reg)
		c->reg = *reg;
	else
		c->reg.nr_mode = NR_REG_ALL_NIC;
	error = client_request(c->nm, NETMAP_REQ_REGISTER, name, &c->reg);
	if (error) {
		t_check(nmcore_error(c->nm)[0], "%s: errno %d and no word", name, error);
		t_eq(nmcore_close(c->nm), 0);
		c->nm = NULL;
		return error;
	}
	client_map(c);
	return 0;
}

void client_open(struct client *c, const char *name, const struct nmreq_register *reg)
{
	int error = client_try(c, name, reg);

	t_check(!error, "%s: errno %d", name, error);
}

void client_close(struct client *c)
{
	t_check(!munmap(c->mem, c->size));
	t_eq(nmcore_close(c->nm), 0);
	memset(c, 0, sizeof(*c));
}

int client_detach(struct nmcore *nm, const char *name)
{
	struct nmreq_vale_detach det = { 0 };

	return client_request(nm, NETMAP_REQ_VALE_DETACH, name, &det);
}

void frame_number(unsigned char *p, uint8_t to, uint8_t from, uint32_t number)
{
	memset(p, 0, 14);
	memset(p, to == ALL ? 0xff : 0, 6);
	p[0] = to == ALL ? 0xff : 2;
	p[5] = to;
	p[6] = 2;
	p[11] = from;
	memcpy(p + 14, &number, 4);
	memset(p + 18, (int)number, 42);
}

bool client_put(struct client *c, uint8_t to, uint8_t from, uint32_t number)
{
	struct netmap_ring *ring = c->tx;
	struct netmap_slot *slot = &ring->slot[ring->head];

	/* another thread may sync: the slot is looked at only once it is ours */
	if (ring->head == __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE))
		return false;
	frame_number((unsigned char *)NETMAP_BUF(ring, slot->buf_idx), to, from, number);
	slot->len = 60;
	slot->flags = 0;
	ring->cur = nm_ring_next(ring, ring->head);
	__atomic_store_n(&ring->head, ring->cur, __ATOMIC_RELEASE);
	return true;
}

bool client_take(struct client *c, uint8_t *from, uint32_t *number)
{
	struct netmap_ring *ring = c->rx;
	struct netmap_slot *slot = &ring->slot[ring->head];
	unsigned char *p;
	int i;

	if (ring->head == __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE))
		return false;
	p = (unsigned char *)NETMAP_BUF(ring, slot->buf_idx);
	t_eq(slot->len, 60);
	*from = p[11];
	memcpy(number, p + 14, 4);
	for (i = 18; i < 60; i++)
		t_eq(p[i], (unsigned char)*number);
	ring->cur = nm_ring_next(ring, ring->head);
	__atomic_store_n(&ring->head, ring->cur, __ATOMIC_RELEASE);
	return true;
}

void client_sync(struct client *c, unsigned long request)
{
	t_check(!nmcore_ioctl(c->nm, request, NULL), "%s", nmcore_error(c->nm));
}

void client_expect(struct client *c, uint32_t want)
{
	uint32_t number;
	uint8_t from;

	client_sync(c, NIOCRXSYNC);
	t_check(client_take(c, &from, &number), "number %u did not come", want);
	t_eq(number, want);
}

void expect_nothing_left(void)
{
	char *state = nmcore_state(1);

	t_check(state);
	t_check(strstr(state, "\"ports\":[],") && strstr(state, "\"switches\":[],") &&
			strstr(state, "\"memories\":[],") && strstr(state, "\"clients\":[]}"),
		"%s", state);
	free(state);
	t_eq(nmcore_users(), 0);
}
