// SPDX-License-Identifier: BSD-2-Clause
/* Whose buffers: none is lost for long, and none is ever had by two. */
#include "client.h"
#include "binding.h"

#include <errno.h>
#include <stdlib.h>

static struct nm_ns ns;
static struct nm_mem *mem;
static struct nm_err err;

static void memory(void)
{
	struct nm_ns_conf conf;

	nm_ns_conf_default(&conf);
	conf.private_.reserve = 16 << 20;
	t_eq(nm_ns_init(&ns, &conf), 0);
	t_eq(nm_mem_new(&ns, &conf.private_, &mem, &err), 0);
}

static void forget(void)
{
	nm_mem_put(mem);
	nm_ns_fini(&ns);
}

static uint32_t used(void)
{
	return mem->pool[NM_POOL_BUF].used - NM_BUF_FIRST;
}

/* What stands for a ring: slots that anybody may write to. */
#define MOST 64
struct holder {
	struct nm_share share;
	uint32_t slot[MOST];
};

static void tell(const struct nm_share *share, struct nm_mem *m)
{
	const struct holder *h = nm_container_of(share, struct holder, share);
	uint32_t i;

	for (i = 0; i < share->n; i++)
		nm_mem_tell(m, h->slot[i]);
}

static void take(struct holder *h, uint32_t n)
{
	h->share.n = n;
	h->share.tell = tell;
	t_eq(nm_mem_bufs_get(mem, h->slot, n, &err), 0);
	nm_share_add(mem, &h->share);
}

static void leave(struct holder *h)
{
	uint32_t i;

	for (i = 0; i < h->share.n; i++)
		nm_mem_give_back(mem, h->slot[i]);
	nm_share_del(mem, &h->share);
	h->share.n = 0;
}

static void given_back_is_free(void)
{
	struct holder a, b;

	memory();
	take(&a, 10);
	take(&b, 20);
	t_eq(used(), 30);
	leave(&a);
	t_eq(used(), 30); /* not yet: somebody else might have them */
	nm_mem_settle(mem);
	t_eq(used(), 20);
	t_eq(nm_mem_lost(mem), 0);
	leave(&b);
	take(&a, 10); /* settles by itself */
	t_eq(used(), 10);
	leave(&a);
	forget();
}

static void nonsense_is_not_believed(void)
{
	static const uint32_t bad[] = { 0, 1, 4000, 5000000, 0x7fffffff, 0xffffffff };
	struct holder a, b;
	uint32_t i;

	memory();
	take(&a, 10);
	take(&b, 10);
	for (i = 0; i < 6; i++)
		a.slot[i] = bad[i];
	a.slot[6] = a.slot[7]; /* twice */
	a.slot[8] = b.slot[3]; /* another's */
	nm_mem_settle(mem);
	t_eq(used(), 20);
	leave(&a);
	nm_mem_settle(mem);
	t_eq(used(), 10); /* all of a's are back, all of b's are b's */
	t_eq(nm_mem_lost(mem), 0);
	leave(&b);
	nm_mem_settle(mem);
	t_eq(used(), 0);
	forget();
}

/* Killed between the two halves of an exchange: in two slots the one, the other in none. */
static void exchange_half_done(void)
{
	struct holder a, b, c, d;
	uint32_t lost, twice;

	memory();
	take(&a, 10);
	take(&b, 10);
	take(&c, 10);
	lost = a.slot[0];
	twice = a.slot[0] = b.slot[5];
	nm_mem_settle(mem);
	t_eq(used(), 30); /* it may yet be done */
	leave(&a);
	take(&d, 10);
	for (int i = 0; i < 10; i++)
		t_check(d.slot[i] != twice, "given out while another has it");
	t_eq(used(), 30);
	t_eq(nm_mem_lost(mem), 0); /* found at once: nobody who lives can have it */
	leave(&b);
	leave(&c);
	leave(&d);
	take(&a, 10);
	nm_mem_settle(mem);
	t_eq(used(), 10);
	t_check(lost != twice);
	leave(&a);
	forget();
}

/* Extra buffers are wherever the program likes: as long as there are any, nothing is guessed. */
static void extra_buffers_stay(void)
{
	struct holder a, b, extra;

	memory();
	take(&a, 10);
	take(&b, 10);
	take(&extra, 5);
	extra.share.tell = NULL;
	a.slot[0] = b.slot[0];
	leave(&a);
	nm_mem_settle(mem);
	t_eq(used(), 16);
	t_eq(nm_mem_lost(mem), 1);
	leave(&extra);
	nm_mem_settle(mem);
	t_eq(used(), 10);
	t_eq(nm_mem_lost(mem), 0);
	leave(&b);
	forget();
}

/*
 * Holders come, exchange buffers, and go at any point of an exchange (one after the other those
 * of a program that was killed in the middle of one), with memory settled at any point too.
 * Never does one buffer belong to two.
 */
#define HOLDERS 6

static struct holder h[HOLDERS];
static bool dying[HOLDERS]; /* its program has been killed, its end is yet to come */
static uint32_t pending[3] = { HOLDERS, 0, 0 }, from;

static void expect_distinct(void)
{
	static uint8_t seen[1 << 16];
	uint32_t i, k, idx, total = 0;

	memset(seen, 0, sizeof(seen));
	for (i = 0; i < HOLDERS; i++) {
		if (dying[i])
			continue;
		for (k = 0; k < h[i].share.n; k++) {
			idx = h[i].slot[k];
			/* what this slot will have is in the program's hand */
			if (i == pending[0] && k == pending[1])
				idx = pending[2];
			t_check(idx < sizeof(seen) && !seen[idx]++, "buffer %u twice", idx);
			total++;
		}
	}
	t_check(used() >= total, "%u in use, %u are had", used(), total);
}

static void come_or_go(uint32_t i)
{
	if (!h[i].share.n) {
		take(&h[i], 1 + t_random() % MOST);
		return;
	}
	if (pending[0] < HOLDERS && (i == pending[0] || i == from)) {
		dying[from] = dying[pending[0]] = true;
		pending[0] = HOLDERS;
	}
	leave(&h[i]);
	dying[i] = false;
}

/* Slot a of i gets j's buffer; i's is in the program's hand. */
static void exchange_begin(uint32_t i, uint32_t j)
{
	uint32_t a, b;

	if (pending[0] < HOLDERS || !h[i].share.n || !h[j].share.n || dying[i] || dying[j])
		return;
	a = t_random() % h[i].share.n;
	b = t_random() % h[j].share.n;
	pending[0] = j;
	pending[1] = b;
	pending[2] = h[i].slot[a];
	from = i;
	h[i].slot[a] = h[j].slot[b];
}

static void exchange_end(void)
{
	if (pending[0] < HOLDERS)
		h[pending[0]].slot[pending[1]] = pending[2];
	pending[0] = HOLDERS;
}

static void any_order(void)
{
	uint64_t step;
	uint32_t i;

	memory();
	for (step = 0; step < t_rounds(300000); step++) {
		i = t_random() % HOLDERS;
		switch (t_random() % 16) {
		case 0:
			if (t_random() % 4 == 0)
				come_or_go(i);
			break;
		case 1:
			nm_mem_settle(mem);
			break;
		case 2:
		case 3:
		case 4:
		case 5:
		case 6:
			exchange_begin(i, t_random() % HOLDERS);
			break;
		default:
			exchange_end();
		}
		expect_distinct();
	}
	exchange_end();
	for (i = 0; i < HOLDERS; i++)
		if (dying[i])
			come_or_go(i);
	nm_mem_settle(mem);
	t_eq(nm_mem_lost(mem), 0);
	for (i = 0; i < HOLDERS; i++)
		if (h[i].share.n)
			leave(&h[i]);
	nm_mem_settle(mem);
	t_eq(used(), 0);
	forget();
}

/* ---- the same with ports ---- */

static void expect_memory(const char *what)
{
	char *state = nmcore_state(1);

	t_check(state && strstr(state, what), "%s in %s", what, state);
	free(state);
}

static void ports_of_one_memory(void)
{
	static const struct nmreq_register shared = {
		.nr_mode = NR_REG_ALL_NIC, .nr_mem_id = 1, .nr_tx_slots = 64, .nr_rx_slots = 64
	};
	struct client keeper, a, b;
	uint32_t number;
	uint8_t sender;
	int i;

	client_open(&keeper, "vale0:keeper", &shared);
	for (i = 0; i < 200; i++) {
		client_open(&a, "vale0:a", &shared);
		client_open(&b, "vale0:b", &shared);
		b.tx->slot[i % 64].buf_idx = a.rx->slot[3].buf_idx; /* and that was all of it */
		t_check(client_put(&keeper, ALL, 1, i));
		client_sync(&keeper, NIOCTXSYNC);
		client_sync(&a, NIOCRXSYNC);
		t_check(client_take(&a, &sender, &number) && number == (uint32_t)i);
		client_close(i % 2 ? &a : &b);
		client_close(i % 2 ? &b : &a);
		expect_memory("\"bufs_lost\":0,");
		expect_memory("\"bufs_used\":130,");
	}
	client_close(&keeper);
	expect_nothing_left();
}

/* A list of extra buffers that was left in use, so that packets are where indices would be. */
static void list_without_end(void)
{
	static const uint32_t junk[] = { 0xffffffff, 1, 2, 40, 70, 150 };
	struct nmreq_register reg = { .nr_mode = NR_REG_ALL_NIC,
				      .nr_mem_id = 1,
				      .nr_tx_slots = 64,
				      .nr_rx_slots = 64,
				      .nr_extra_bufs = 32 };
	struct client keeper, a;
	unsigned int i;

	client_open(&keeper, "vale0:keeper", &reg);
	for (i = 0; i < sizeof(junk) / sizeof(junk[0]); i++) {
		reg.nr_extra_bufs = 10;
		client_open(&a, "vale0:a", &reg);
		for (uint32_t idx = a.nifp->ni_bufs_head, next; idx; idx = next) {
			next = *(uint32_t *)NETMAP_BUF(a.tx, idx);
			*(uint32_t *)NETMAP_BUF(a.tx, idx) = junk[i];
		}
		client_close(&a);
		/* those of the keeper are its own, the others wait for it to leave */
		t_check(*(uint32_t *)NETMAP_BUF(keeper.tx, keeper.nifp->ni_bufs_head) != junk[i]);
	}
	client_close(&keeper);
	expect_nothing_left();
}

T_MAIN(T_CASE(given_back_is_free), T_CASE(nonsense_is_not_believed), T_CASE(exchange_half_done),
       T_CASE(extra_buffers_stay), T_CASE(any_order), T_CASE(ports_of_one_memory),
       T_CASE(list_without_end))
