// SPDX-License-Identifier: BSD-2-Clause
/* Mappings: which ones are given, what they show, and how long they live. */
#include "kern.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096ul

static sigjmp_buf fault_jump;
static volatile int fault_signal;

static void on_fault(int sig)
{
	fault_signal = sig;
	siglongjmp(fault_jump, 1);
}

/* The signal that a look at this address brings; 0: none. */
static int touch(volatile char *p, bool write)
{
	struct sigaction sa = { .sa_handler = on_fault };

	sigaction(SIGBUS, &sa, NULL);
	sigaction(SIGSEGV, &sa, NULL);
	fault_signal = 0;
	if (!sigsetjmp(fault_jump, 1)) {
		if (write)
			*p = 1;
		else
			(void)*p;
	}
	return fault_signal;
}

static int map_errno(int fd, size_t len, int prot, int flags, off_t off)
{
	void *p = mmap(NULL, len, prot, flags, fd, off);

	if (p == MAP_FAILED)
		return errno;
	munmap(p, len);
	return 0;
}

static void what_is_refused(void)
{
	const int rw = PROT_READ | PROT_WRITE;
	struct kport p;
	size_t size;
	int fd;

	kern_start();
	fd = dev_open();
	t_eq(map_errno(fd, PAGE, rw, MAP_SHARED, 0), ENXIO);
	close(fd);
	kport_open(&p, "vale0:a");
	size = p.reg.nr_memsize;
	t_eq(map_errno(p.fd, PAGE, rw, MAP_SHARED, 0), 0);
	t_eq(map_errno(p.fd, size, PROT_READ, MAP_SHARED, 0), 0);
	t_eq(map_errno(p.fd, PAGE, rw, MAP_SHARED, size - PAGE), 0);
	t_eq(map_errno(p.fd, 0, rw, MAP_SHARED, 0), EINVAL);
	t_eq(map_errno(p.fd, PAGE, rw, MAP_SHARED, 1), EINVAL);
	t_eq(map_errno(p.fd, PAGE, rw, MAP_SHARED, size), EINVAL);
	t_eq(map_errno(p.fd, 2 * PAGE, rw, MAP_SHARED, size - PAGE), EINVAL);
	t_eq(map_errno(p.fd, size + PAGE, rw, MAP_SHARED, 0), EINVAL);
	t_eq(map_errno(p.fd, size, rw, MAP_SHARED, PAGE), EINVAL);
	t_check(map_errno(p.fd, PAGE, rw, MAP_SHARED, 1ll << 50));
	t_check(map_errno(p.fd, PAGE, rw, MAP_SHARED, (off_t)(~0ull << 12)));
	t_check(map_errno(p.fd, PAGE, rw, MAP_SHARED, (off_t)(1ull << 63)));
	t_eq(map_errno(p.fd, PAGE, rw, MAP_PRIVATE, 0), EINVAL);
	t_eq(map_errno(p.fd, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED, 0), EINVAL);
	/* what is mapped can not be made executable, or longer */
	t_check(mprotect(p.mem, PAGE, PROT_READ | PROT_EXEC) < 0);
	t_check(mremap(p.mem, size, size + PAGE, MREMAP_MAYMOVE) == MAP_FAILED);
	kport_close(&p);
	expect_nothing_left();
}

/* Where nothing is allocated yet there is nothing to see, and no other's pages. */
static void what_is_not_there(void)
{
	struct kport p;
	size_t off, size;
	unsigned int holes = 0, pages = 0;
	int sig;

	kern_start();
	kport_open(&p, "vale0:a");
	size = p.reg.nr_memsize;
	for (off = 0; off < size; off += 16 * PAGE) {
		sig = touch(p.mem + off, true);
		t_check(sig == 0 || sig == SIGBUS, "signal %d at %zu", sig, off);
		holes += sig == SIGBUS;
		pages += !sig;
	}
	t_check(holes && pages, "%u holes, %u pages", holes, pages);
	/* a system call that reads or writes there says so */
	t_eq(touch(p.mem + size - PAGE, false), SIGBUS);
	t_check(write(p.fd, p.mem + size - PAGE, 16) < 0);
	kport_close(&p);
}

static void outlives_the_descriptor(void)
{
	struct kport a, b;
	size_t i;

	kern_start();
	kport_open(&a, "vale0:a");
	kport_open(&b, "vale0:b");
	t_check(!close(a.fd));
	/* the port is gone, the memory is ours alone */
	t_check(!listing_has("vale0:a"));
	t_check(kport_send(&b, 1));
	for (i = 0; i < a.tx->num_slots; i++)
		memset(NETMAP_BUF(a.tx, a.tx->slot[i].buf_idx), 0x5a, 2048);
	a.tx->head = a.tx->cur = 5;
	t_check(kport_send(&b, 2));
	t_check(!munmap(a.mem, a.reg.nr_memsize));
	kport_close(&b);
	expect_nothing_left();
}

/* A new port of that name has another memory: it is not seen through the old mapping. */
static void old_mappings_see_nothing_new(void)
{
	struct kport old, a, b;
	char *buf;

	kern_start();
	kport_open(&old, "vale0:a");
	buf = NETMAP_BUF(old.rx, old.rx->slot[0].buf_idx);
	memset(buf, 0, 60);
	t_check(!close(old.fd));
	kport_open(&a, "vale0:a");
	kport_open(&b, "vale0:b");
	t_check(kport_send(&b, 77));
	t_eq(kport_take(&a), 1);
	t_eq(buf[0], 0);
	t_eq(buf[14], 0);
	kport_close(&a);
	kport_close(&b);
	t_check(!munmap(old.mem, old.reg.nr_memsize));
}

static void in_pieces(void)
{
	struct kport p;
	size_t size, off;
	char *again;

	kern_start();
	kport_open(&p, "vale0:a");
	size = p.reg.nr_memsize;
	/* holes in the mapping, protection, moving: all as for any memory */
	t_check(!munmap(p.mem + (8 << 20), 1 << 20));
	t_check(!mprotect(p.mem, PAGE, PROT_READ));
	t_eq(touch(p.mem, true), SIGSEGV);
	t_eq(touch(p.mem, false), 0);
	t_check(!madvise(p.mem, 8 << 20, MADV_DONTNEED));
	t_eq(touch(p.mem, false), 0);
	again = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, p.fd, 0);
	t_check(again != MAP_FAILED);
	again = mremap(again, 8 << 20, 4 << 20, 0);
	t_check(again != MAP_FAILED);
	for (off = 0; off < 4 << 20; off += 64 * PAGE)
		t_eq(touch(again + off, false), touch(p.mem + off, false));
	t_eq(dev_request(p.fd, NETMAP_REQ_PORT_INFO_GET, "vale0:a",
			 &(struct nmreq_port_info_get){ 0 }),
	     0);
	t_check(!munmap(again, size));
	t_check(!munmap(p.mem, size));
	t_check(!close(p.fd));
	expect_nothing_left();
}

/* Children have the mapping and the descriptor, and may be the last to go. */
static void children(void)
{
	struct kport a, b;
	int status, go[2];
	char c;
	pid_t pid;

	kern_start();
	kport_open(&a, "vale0:a");
	kport_open(&b, "vale0:b");
	t_check(!pipe(go));
	pid = fork();
	if (!pid) {
		close(go[1]);
		t_eq(read(go[0], &c, 1), 0); /* until the parent has let go */
		t_check(listing_has("vale0:a"));
		t_check(kport_send(&a, 5));
		kport_close(&a);
		_exit(0);
	}
	kport_close(&a);
	close(go[1]);
	t_check(waitpid(pid, &status, 0) == pid && !status);
	t_eq(kport_take(&b), 1);
	t_check(!listing_has("vale0:a"));
	kport_close(&b);
	expect_nothing_left();
}

/* The region grows while it is mapped: what is new shows up where it belongs. */
static void grows_under_the_mapping(void)
{
	struct nmreq_register reg = { .nr_tx_rings = 8, .nr_rx_rings = 8 };
	struct kport a;
	struct netmap_ring *ring;
	struct netmap_if *nifp;
	uint32_t i, k;
	int fd;

	kern_start();
	kport_open(&a, "vale0:a");
	reg.nr_mem_id = a.reg.nr_mem_id;
	fd = dev_open();
	t_eq(dev_register(fd, "vale0:b", &reg), 0);
	nifp = NETMAP_IF(a.mem, reg.nr_offset);
	t_eq(nifp->ni_tx_rings, 8);
	for (i = 0; i < 8; i++) {
		ring = NETMAP_TXRING(nifp, i);
		for (k = 0; k < ring->num_slots; k += 64)
			t_eq(touch(NETMAP_BUF(ring, ring->slot[k].buf_idx), true), 0);
	}
	close(fd);
	kport_close(&a);
	expect_nothing_left();
}

T_MAIN(T_CASE(what_is_refused), T_CASE(what_is_not_there), T_CASE(outlives_the_descriptor),
       T_CASE(old_mappings_see_nothing_new), T_CASE(in_pieces), T_CASE(children),
       T_CASE(grows_under_the_mapping))
