/* SPDX-License-Identifier: BSD-2-Clause */
/* nmport_*, over a core that is a fake: every step, its undo, and its failures. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fake_core.h"
#include "test_ctx.h"

static int setup(void **state)
{
	fake_open_errno = fake_ctrl_errno = fake_memfd_errno = 0;
	fake_bad_option = 0;
	fake_extra_memory = 0;
	return use_test_ctx(state);
}

static int teardown(void **state)
{
	assert_int_equal(fake_descriptors, 0);
	return nothing_left(state);
}

static void open_close(void **state)
{
	struct nmport_d *d = nmport_open("netmap:eth0");
	struct netmap_ring *ring;

	(void)state;
	assert_non_null(d);
	assert_string_equal(d->hdr.nr_name, "eth0");
	assert_true(d->fd >= 0 && d->register_done && d->mmap_done);
	assert_ptr_equal(d->ctx, &test_ctx);
	assert_int_equal(d->first_tx_ring, 0);
	assert_int_equal(d->last_tx_ring, 0);
	ring = NETMAP_RXRING(d->nifp, 0);
	assert_int_equal(ring->dir, 1);
	assert_int_equal(d->mem->refcount, 1);
	assert_int_equal(d->mem->size, d->reg.nr_memsize);
	nmport_close(d);
	nmport_close(NULL);
	assert_int_equal(messages, 0);
}

/* Which rings a name asks for. The fake has as many as requested. */
static void ring_ranges(void **state)
{
	static const struct {
		const char *spec;
		int first_tx, last_tx, first_rx, last_rx;
	} t[] = {
		{ "netmap:e@conf:rings=3", 0, 2, 0, 2 },
		{ "netmap:e@conf:tx-rings=3,rx-rings=2", 0, 2, 0, 1 },
		{ "netmap:e^@conf:rings=3,host-rings=2", 3, 4, 3, 4 },
		{ "netmap:e^1@conf:rings=3,host-rings=2", 4, 4, 4, 4 },
		{ "netmap:e*@conf:rings=3,host-tx-rings=2", 0, 4, 0, 3 },
		{ "netmap:e-2@conf:rings=3", 2, 2, 2, 2 },
		{ "netmap:e-2@conf:tx-rings=3,rx-rings=2", 2, 2, 1, 0 },
		{ "netmap:e/R@conf:rings=3", 1, 0, 0, 2 },
		{ "netmap:e/T@conf:rings=3", 0, 2, 1, 0 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct nmport_d *d = nmport_open(t[i].spec);

		assert_non_null(d);
		assert_int_equal(d->first_tx_ring, t[i].first_tx);
		assert_int_equal(d->last_tx_ring, t[i].last_tx);
		assert_int_equal(d->cur_tx_ring, t[i].first_tx);
		assert_int_equal(d->first_rx_ring, t[i].first_rx);
		assert_int_equal(d->last_rx_ring, t[i].last_rx);
		assert_int_equal(d->cur_rx_ring, t[i].first_rx);
		nmport_close(d);
	}
}

static void no_rings(void **state)
{
	struct nmport_d *d = nmport_prepare("netmap:e");

	(void)state;
	d->reg.nr_mode = NR_REG_NULL;
	assert_int_equal(nmport_open_desc(d), 0);
	assert_true(d->first_tx_ring > d->last_tx_ring);
	assert_true(d->first_rx_ring > d->last_rx_ring);
	assert_int_equal(nmport_inject(d, "x", 1), -1);
	assert_int_equal(errno, EINVAL);
	nmport_close(d);
}

static void steps(void **state)
{
	struct nmport_d *d = nmport_new(), before;

	(void)state;
	assert_non_null(d);
	assert_int_equal(d->fd, -1);
	assert_int_equal(nmport_mmap(d), -1);
	assert_int_equal(errno, EINVAL);
	assert_says("must be registered");
	assert_int_equal(nmport_parse(d, "vale0:1/x@9@conf:tx-slots=64"), 0);
	assert_string_equal(d->hdr.nr_name, "vale0:1");
	assert_int_equal(d->reg.nr_mem_id, 9);
	assert_int_equal(d->reg.nr_tx_slots, 64);
	memcpy(&before, d, sizeof(before));
	assert_int_equal(nmport_register(d), 0);
	assert_int_equal(d->mmap_done, 0);
	assert_null(d->mem->mem);
	assert_int_equal(nmport_register(d), -1);
	assert_says("already registered");
	assert_int_equal(nmport_parse(d, "netmap:other"), -1);
	assert_says("registered");
	assert_int_equal(nmport_mmap(d), 0);
	assert_int_equal(nmport_mmap(d), -1);
	assert_says("already mapped");
	nmport_undo_mmap(d);
	assert_null(d->nifp);
	assert_int_equal(nmport_mmap(d), 0);
	nmport_undo_mmap(d);
	nmport_undo_register(d);
	assert_memory_equal(d, &before, sizeof(before)); /* a request again */
	nmport_undo_register(d);			 /* nothing to undo */
	assert_int_equal(nmport_open_desc(d), 0);
	nmport_undo_open_desc(d);
	nmport_undo_parse(d);
	assert_string_equal(d->hdr.nr_name, "");
	assert_int_equal(d->reg.nr_mem_id, 0);
	assert_int_equal(nmport_parse(d, "netmap:x{1"), 0);
	assert_int_equal(nmport_open_desc(d), 0);
	nmport_undo_open_desc(d);
	nmport_undo_prepare(d);
	nmport_delete(NULL);
}

/* A name that is wrong leaves the port as it was, whatever part is wrong. */
static void parse_unchanged(void **state)
{
	static const char *const specs[] = {
		"eth1",
		"netmap:eth1/Q",
		"netmap:eth1/x@nosuch",
		"netmap:eth1@conf:rings=two",
		"netmap:eth1@conf:rings=65536",
		"netmap:eth1@conf:slots=-1",
		"netmap:eth1@conf:rings= 1",
		"netmap:eth1@conf:slots=1x",
		"netmap:eth1@conf:rings=4@extmem=/nonexistent/file",
		"netmap:eth1@extmem:ring-num=3",
		"netmap:eth1@offset=64",
		"netmap:eth1@share=eth0",
		"netmap:eth1@share=netmap:eth0/x",
		"netmap:eth1@3@share=netmap:eth0",
		"netmap:eth1@extmem=/dev/null",
	};
	struct nmport_d *d = nmport_prepare("netmap:eth0-1/x@5"), before;
	size_t i;

	(void)state;
	memcpy(&before, d, sizeof(before));
	for (i = 0; i < sizeof(specs) / sizeof(specs[0]); i++) {
		messages = 0;
		errno = 0;
		assert_int_equal(nmport_parse(d, specs[i]), -1);
		assert_int_not_equal(errno, 0);
		assert_int_equal(messages, 1);
		assert_memory_equal(d, &before, sizeof(before));
		assert_null(nmport_prepare(specs[i]));
	}
	nmport_undo_prepare(d);
}

static void conf(void **state)
{
	struct nmport_d *d;

	(void)state;
	d = nmport_prepare("netmap:e@conf:slots=0x200,rx-slots=4294967295,rings=1,rx-rings=3,"
			   "host-rings=2,host-tx-rings=0");
	assert_int_equal(d->reg.nr_tx_slots, 512);
	assert_int_equal(d->reg.nr_rx_slots, UINT32_MAX);
	assert_int_equal(d->reg.nr_tx_rings, 1);
	assert_int_equal(d->reg.nr_rx_rings, 3);
	assert_int_equal(d->reg.nr_host_tx_rings, 0);
	assert_int_equal(d->reg.nr_host_rx_rings, 2);
	nmport_undo_prepare(d);
	d = nmport_prepare("netmap:e@conf=4");
	assert_int_equal(d->reg.nr_tx_rings, 4);
	assert_int_equal(d->reg.nr_rx_rings, 4);
	nmport_undo_prepare(d);
	assert_null(nmport_prepare("netmap:e@conf:solts=4"));
	assert_says("did you mean slots?");
}

static void share(void **state)
{
	const char *p = "netmap:x-3@more";
	struct nmport_d *d;
	int asked = fake_info_gets;

	(void)state;
	d = nmport_prepare("netmap:e@share=vale0:1");
	assert_non_null(d);
	assert_int_equal(d->reg.nr_mem_id, FAKE_MEM_ID);
	assert_int_equal(fake_info_gets, asked + 1);
	nmport_undo_prepare(d);
	d = nmport_prepare("netmap:e@7@share:port=netmap:x");
	assert_non_null(d);
	nmport_undo_prepare(d);

	assert_int_equal(nmreq_get_mem_id(&p, &test_ctx), FAKE_MEM_ID);
	assert_string_equal(p, "-3@more");
	p = "netmap:x";
	fake_ctrl_errno = ENXIO;
	assert_int_equal(nmreq_get_mem_id(&p, &test_ctx), -1);
	assert_int_equal(errno, ENXIO);
	assert_string_equal(p, "netmap:x");
	fake_open_errno = EMFILE;
	assert_int_equal(nmreq_get_mem_id(&p, &test_ctx), -1);
	assert_int_equal(errno, EMFILE);
}

static void failures(void **state)
{
	struct nmport_d *d = nmport_prepare("netmap:eth0"), before;

	(void)state;
	memcpy(&before, d, sizeof(before));
	fake_open_errno = EMFILE;
	assert_int_equal(nmport_open_desc(d), -1);
	assert_int_equal(errno, EMFILE);
	assert_memory_equal(d, &before, sizeof(before));
	fake_open_errno = 0;

	fake_ctrl_errno = ENXIO;
	assert_int_equal(nmport_open_desc(d), -1);
	assert_int_equal(errno, ENXIO);
	assert_says("eth0: cannot register: No such device");
	assert_memory_equal(d, &before, sizeof(before));

	fake_ctrl_errno = EBUSY; /* one that the host explains */
	assert_int_equal(nmport_open_desc(d), -1);
	assert_says("eth0: the port is taken, close the other one");
	fake_ctrl_errno = 0;

	fail_after = 0; /* registered, but no room for the region's entry */
	assert_int_equal(nmport_open_desc(d), -1);
	assert_int_equal(errno, ENOMEM);
	assert_memory_equal(d, &before, sizeof(before));
	fail_after = -1;

	fake_memfd_errno = ENOMEM;
	assert_int_equal(nmport_open_desc(d), -1);
	assert_int_equal(errno, ENOMEM);
	assert_says("cannot map its memory region");
	assert_memory_equal(d, &before, sizeof(before));
	assert_null(nmport_open("netmap:eth0"));
	fake_memfd_errno = 0;
	nmport_undo_prepare(d);
}

/* Every allocation of every way to open a port fails once: an error, and no leak. */
static void no_memory(void **state)
{
	static const char *const specs[] = { "netmap:e", "netmap:e@conf:rings=2",
					     "netmap:e@offset:initial=64,bits=16",
					     "netmap:e@share=netmap:f@conf=1@conf=2" };
	struct nmport_d *d, *c;
	size_t i;
	int n;

	(void)state;
	assert_int_equal(nmport_enable_option("offset"), 0);
	for (i = 0; i < sizeof(specs) / sizeof(specs[0]); i++) {
		for (n = 0; n < 20; n++) {
			fail_after = n;
			errno = 0;
			d = nmport_open(specs[i]);
			if (d != NULL)
				break;
			assert_int_equal(errno, ENOMEM);
			assert_says("no memory");
			assert_int_equal(allocated, 0);
			assert_int_equal(fake_descriptors, 0);
		}
		assert_in_range(n, 2, 19);
		fail_after = 0;
		c = nmport_clone(d);
		assert_null(c);
		fail_after = -1;
		nmport_close(d);
	}
	nmport_disable_option("offset");
}

static void shared_region(void **state)
{
	struct nmport_d *a = nmport_open("netmap:a@3"), *b = nmport_open("netmap:b@3");
	struct nmport_d *c = nmport_open("netmap:c@4"), *big;
	void *mem;

	(void)state;
	assert_ptr_equal(a->mem, b->mem);
	assert_ptr_not_equal(a->mem, c->mem);
	assert_int_equal(a->mem->refcount, 2);
	mem = a->mem->mem;
	nmport_close(a);
	assert_ptr_equal(b->mem->mem, mem);
	assert_int_equal(b->mem->refcount, 1);
	NETMAP_TXRING(b->nifp, 0)->cur = 1; /* still mapped */

	/* The region has grown: the old mapping is too short for this one. */
	fake_extra_memory = 1 << 20;
	big = nmport_open("netmap:d@3");
	assert_ptr_not_equal(big->mem, b->mem);
	assert_int_equal(big->mem->mem_id, 3);
	((char *)big->mem->mem)[big->reg.nr_memsize - 1] = 1;
	nmport_close(b);
	nmport_close(c);
	nmport_close(big);
}

static void clones(void **state)
{
	struct nmport_d *d = nmport_prepare("netmap:e@3@conf:rings=2"), *c;

	(void)state;
	c = nmport_clone(d);
	assert_non_null(c);
	assert_string_equal(c->hdr.nr_name, "e");
	assert_int_equal(c->reg.nr_tx_rings, 2);
	assert_int_equal(c->hdr.nr_body, (uintptr_t)&c->reg);
	assert_int_equal(c->fd, -1);
	assert_int_equal(nmport_open_desc(d), 0);
	assert_int_equal(nmport_open_desc(c), 0);
	assert_ptr_equal(c->mem, d->mem);
	nmport_close(d);
	nmport_close(c);
}

static char extmem_path[] = "/tmp/nmport-test-XXXXXX";

static void make_file(size_t size)
{
	int fd;

	strcpy(extmem_path + sizeof(extmem_path) - 7, "XXXXXX");
	fd = mkstemp(extmem_path);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	close(fd);
}

static void extmem_file(void **state)
{
	struct nmreq_pools_info *info;
	struct nmport_d *d, *c;
	char spec[128];
	void *mem;

	(void)state;
	make_file(1 << 20);
	snprintf(spec, sizeof(spec), "netmap:e@extmem:file=%s,buf-num=100,ring-size=4096",
		 extmem_path);
	d = nmport_prepare(spec);
	assert_non_null(d);
	info = nmport_extmem_getinfo(d);
	assert_int_equal(info->nr_memsize, 1 << 20);
	assert_int_equal(info->nr_buf_pool_objtotal, 100);
	assert_int_equal(info->nr_ring_pool_objsize, 4096);
	assert_int_equal(d->extmem->nro_opt.nro_reqtype, NETMAP_REQ_OPT_EXTMEM);
	assert_ptr_equal(nmreq_find_option(&d->hdr, NETMAP_REQ_OPT_EXTMEM), &d->extmem->nro_opt);
	assert_null(nmport_clone(d));
	assert_says("registered before it can be cloned");
	assert_int_equal(nmport_extmem(d, spec, 1), -1);
	assert_says("already given");
	assert_int_equal(nmport_extmem_from_file(d, extmem_path), -1);

	/* The fake fills no extmem: just register, and look at the mapping. */
	assert_int_equal(nmport_register(d), 0);
	assert_int_equal(nmport_extmem(d, spec, 1), -1);
	assert_says("before registration");
	mem = (void *)(uintptr_t)d->extmem->nro_usrptr;
	assert_ptr_equal(d->mem->mem, mem);
	assert_true(d->mem->is_extmem);
	c = nmport_clone(d);
	assert_non_null(c);
	assert_null(nmport_extmem_getinfo(c));
	assert_int_equal(nmport_register(c), 0);
	assert_ptr_equal(c->mem, d->mem);
	nmport_close(d);
	memset(mem, 1, 1 << 20); /* the clone keeps it */
	nmport_close(c);
	assert_int_equal(msync(mem, 4096, MS_ASYNC), -1); /* now it is gone */
	unlink(extmem_path);

	make_file(0);
	snprintf(spec, sizeof(spec), "netmap:e@extmem=%s", extmem_path);
	assert_null(nmport_prepare(spec));
	assert_says("has no size");
	unlink(extmem_path);
	assert_null(nmport_prepare(spec));
	assert_int_equal(errno, ENOENT);
}

static void extmem_memory(void **state)
{
	struct nmport_d *d = nmport_prepare("netmap:e");
	void *mem = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)state;
	assert_null(nmport_extmem_getinfo(d));
	fail_after = 0;
	assert_int_equal(nmport_extmem(d, mem, 1 << 20), -1);
	assert_int_equal(errno, ENOMEM);
	fail_after = -1;
	assert_int_equal(nmport_extmem(d, mem, 1 << 20), 0);
	fake_bad_option = NETMAP_REQ_OPT_EXTMEM;
	assert_int_equal(nmport_open_desc(d), -1);
	assert_int_equal(errno, EOPNOTSUPP);
	assert_int_equal(d->extmem->nro_opt.nro_status, EOPNOTSUPP);
	fake_bad_option = 0;
	assert_int_equal(nmport_open_desc(d), 0);
	assert_int_equal(d->extmem->nro_opt.nro_status, 0);
	nmport_close(d);
	memset(mem, 1, 1 << 20); /* still the program's */
	munmap(mem, 1 << 20);
}

static void offsets(void **state)
{
	struct nmreq_opt_offsets *o;
	struct nmport_d *d;

	(void)state;
	assert_null(nmport_prepare("netmap:e@offset=64"));
	assert_int_equal(errno, EOPNOTSUPP);
	assert_int_equal(nmport_enable_option("offset"), 0);
	d = nmport_prepare("netmap:e@offset=64");
	o = (struct nmreq_opt_offsets *)nmreq_find_option(&d->hdr, NETMAP_REQ_OPT_OFFSETS);
	assert_int_equal(o->nro_initial_offset, 64);
	assert_int_equal(o->nro_max_offset, 64);
	assert_int_equal(o->nro_offset_bits, 0);
	assert_int_equal(nmport_offset(d, 1, 2, 3, 4), -1);
	assert_says("already given");
	nmport_undo_prepare(d);
	/* An option that was fine goes too if a later one is not. */
	d = nmport_prepare("netmap:e");
	assert_int_equal(nmport_parse(d, "netmap:f@offset=64@conf:rings=x"), -1);
	assert_int_equal(d->hdr.nr_options, 0);
	assert_null(d->clist);
	assert_string_equal(d->hdr.nr_name, "e");
	nmport_undo_prepare(d);
	assert_null(nmport_prepare("netmap:e@offset:bits=16"));
	assert_says("initial must be given");
	assert_null(nmport_prepare("netmap:e@offset:initial=64,bits=6"));
	assert_says("does not fit");
	assert_null(nmport_prepare("netmap:e@offset:initial=64,bits=65"));
	nmport_disable_option("offset");

	d = nmport_prepare("netmap:e");
	assert_int_equal(nmport_offset(d, 3, 2, 0, 0), -1);
	assert_says("more than the largest");
	assert_int_equal(nmport_offset(d, 0, 0, 65, 0), -1);
	assert_int_equal(nmport_offset(d, 1, 255, 8, 1500), 0);
	o = (struct nmreq_opt_offsets *)nmreq_find_option(&d->hdr, NETMAP_REQ_OPT_OFFSETS);
	assert_int_equal(o->nro_offset_bits, 8);
	assert_int_equal(o->nro_min_gap, 1500);
	fake_bad_option = NETMAP_REQ_OPT_OFFSETS;
	assert_int_equal(nmport_open_desc(d), -1);
	nmport_close(d);
}

static void enable_disable(void **state)
{
	(void)state;
	assert_int_equal(nmport_enable_option("nosuch"), -1);
	assert_int_equal(errno, EOPNOTSUPP);
	nmport_disable_option("nosuch");
	nmport_disable_option("conf");
	assert_null(nmport_prepare("netmap:e@conf=1"));
	assert_int_equal(errno, EOPNOTSUPP);
	assert_int_equal(nmport_enable_option("conf"), 0);
	nmport_undo_prepare(nmport_prepare("netmap:e@conf=1"));
}

static void inject(void **state)
{
	struct nmport_d *d = nmport_open("netmap:e@conf:rings=2");
	struct netmap_ring *ring = NETMAP_TXRING(d->nifp, 0), *ring1 = NETMAP_TXRING(d->nifp, 1);
	static char big[64 * 2048 + 1];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(big); i++)
		big[i] = (char)(i * 7);
	assert_int_equal(nmport_inject(d, big, 60), 0);
	assert_int_equal(ring->head, 1);
	assert_int_equal(ring->cur, 1);
	assert_int_equal(ring->slot[0].len, 60);
	assert_memory_equal(NETMAP_BUF(ring, ring->slot[0].buf_idx), big, 60);
	assert_int_equal(nmport_inject(d, big, 5000), 0); /* three slots */
	assert_int_equal(ring->head, 4);
	assert_int_equal(ring->slot[1].flags, NS_MOREFRAG);
	assert_int_equal(ring->slot[2].len, 2048);
	assert_int_equal(ring->slot[3].len, 5000 - 2 * 2048);
	assert_int_equal(ring->slot[3].flags, 0);
	assert_memory_equal(NETMAP_BUF(ring, ring->slot[3].buf_idx), big + 4096, 5000 - 4096);
	assert_int_equal(nmport_inject(d, big, 4 * 2048), 0); /* no room for 4: the other ring */
	assert_int_equal(ring->head, 4);
	assert_int_equal(ring1->head, 4);
	assert_int_equal(d->cur_tx_ring, 1);
	for (i = 0; i < 6; i++)
		assert_int_equal(nmport_inject(d, big, 2048), 0);
	assert_true(nm_ring_empty(ring) && nm_ring_empty(ring1));
	assert_int_equal(nmport_inject(d, big, 60), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(nmport_inject(d, big, 7 * 2048), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(nmport_inject(d, big, 7 * 2048 + 1), -1);
	assert_int_equal(errno, EMSGSIZE);
	assert_int_equal(nmport_inject(d, big, 0), -1);
	assert_int_equal(errno, EINVAL);

	/* With an offset in the slot, the payload begins there. */
	*(uint64_t *)(uintptr_t)&ring->offset_mask = 0xff;
	ring->head = ring->cur = 0;
	ring->slot[0].ptr = 0xaa40;
	ring->slot[1].ptr = 0;
	assert_int_equal(NETMAP_ROFFSET(ring, &ring->slot[0]), 0x40);
	d->cur_tx_ring = 0;
	assert_int_equal(nmport_inject(d, big, 2048), 0);
	assert_int_equal(ring->slot[0].len, 2048 - 64);
	assert_int_equal(ring->slot[1].len, 64);
	assert_memory_equal(NETMAP_BUF(ring, ring->slot[0].buf_idx) + 64, big, 2048 - 64);
	nmport_close(d);
}

/* The default context is replaced, restored, and never NULL. */
static void contexts(void **state)
{
	struct nmctx mine = { .verbose = 1 }, *old;

	(void)state;
	old = nmctx_set_default(&mine);
	assert_ptr_equal(old, &test_ctx);
	assert_ptr_equal(nmctx_get(), &mine);
	nmctx_lock(&mine); /* none: nothing happens */
	nmctx_unlock(&mine);
	assert_null(mine.lock);
	nmctx_set_threadsafe();
	assert_non_null(mine.lock);
	nmctx_lock(&mine);
	nmctx_unlock(&mine);
	assert_ptr_equal(nmctx_set_default(NULL), &mine);
	assert_non_null(nmctx_get());
	assert_non_null(nmctx_get()->lock); /* the library's own */
	assert_int_equal(nmctx_get()->verbose, 1);
	nmctx_free(&mine, nmctx_malloc(&mine, 10));
	nmctx_free(&mine, NULL);
	assert_int_equal(nmctx_threadsafe, 1);
	nmctx_set_default(&test_ctx);
	errno = EDOM;
	nmctx_ferror(&test_ctx, "%s %d", "text", 5);
	assert_int_equal(errno, EDOM);
	assert_string_equal(last_msg, "text 5");
}

static void *open_and_close(void *arg)
{
	struct nmctx *ctx = nmctx_get();
	int i;

	(void)ctx;
	for (i = 0; i < 200; i++) {
		struct nmport_d *d = nmport_open("netmap:e@3");

		if (d == NULL || d->mem->mem == NULL)
			return arg;
		nmport_close(d);
	}
	return NULL;
}

static void threads(void **state)
{
	pthread_t t[4];
	void *ret;
	int i;

	(void)state;
	nmctx_set_default(NULL);
	for (i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, open_and_close, t);
	for (i = 0; i < 4; i++) {
		pthread_join(t[i], &ret);
		assert_null(ret);
	}
	assert_null(nmctx_get()->mem_descs);
	nmctx_set_default(&test_ctx);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(open_close),    TEST(ring_ranges),	    TEST(no_rings), TEST(steps),
		TEST(conf),	     TEST(parse_unchanged), TEST(share),    TEST(failures),
		TEST(no_memory),     TEST(shared_region),   TEST(clones),   TEST(extmem_file),
		TEST(extmem_memory), TEST(offsets),	    TEST(inject),   TEST(enable_disable),
		TEST(contexts),	     TEST(threads),
	};

	setenv("NETMAP_HOST", "embedded", 1);
	return cmocka_run_group_tests_name("port", tests, NULL, NULL);
}
