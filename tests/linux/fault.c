// SPDX-License-Identifier: BSD-2-Clause
/*
 * Each allocation and copy of each call fails once, by the kernel's fault injection: the
 * call says so or does without, and nothing is left of it.
 */
#include "kern.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FAIL_NTH "/proc/thread-self/fail-nth"

static int fail_nth = -1;

static void put(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	if (f) {
		fputs(text, f);
		fclose(f);
	}
}

static void faults_start(void)
{
	kern_start();
	fail_nth = open(FAIL_NTH, O_RDWR | O_CLOEXEC);
	if (fail_nth < 0)
		t_skip("a kernel without fault injection");
	/* not only what may not wait, and no word about each */
	put("/sys/kernel/debug/failslab/ignore-gfp-wait", "N");
	put("/sys/kernel/debug/failslab/verbose", "0");
	put("/sys/kernel/debug/fail_page_alloc/ignore-gfp-wait", "N");
	put("/sys/kernel/debug/fail_page_alloc/ignore-gfp-highmem", "N");
	put("/sys/kernel/debug/fail_page_alloc/min-order", "0");
	put("/sys/kernel/debug/fail_page_alloc/verbose", "0");
	put("/sys/kernel/debug/fail_usercopy/verbose", "0");
}

/* From now on, the nth that can fail does. */
static void arm(unsigned int nth)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%u", nth);

	t_eq(pwrite(fail_nth, text, n, 0), n);
}

/* Disarms; whether it happened. (To ask is a call as well, which can fail, and to disarm.) */
static bool happened(void)
{
	char text[16] = "";
	bool before = pread(fail_nth, text, sizeof(text) - 1, 0) > 0 && atoi(text) == 0;

	while (pwrite(fail_nth, "0", 1, 0) != 1)
		;
	return before;
}

/*
 * Runs call() with its first, second, ... chance to fail taken, until there are no more.
 * It returns 0 or errno; undo() takes back what a success did; after() looks around.
 */
struct trial {
	const char *what;
	int (*call)(void);
	void (*undo)(void);
	void (*after)(void);
	unsigned int least; /* that many chances there are, or nothing was tried */
	unsigned int step;  /* beyond the first 50, only each of so many is tried */
};

static void try_all(const struct trial *t)
{
	unsigned int n, failed = 0, survived = 0;
	bool did;
	int error;

	for (n = 1; n < 20000; n += n < 50 ? 1 : t->step) {
		arm(n);
		error = t->call();
		did = happened();
		if (!error && t->undo)
			t->undo();
		if (!did)
			break;
		t_check(!error || error == ENOMEM || error == EFAULT || error == ENOBUFS ||
				error == EAGAIN || error == EINTR,
			"%s, fault %u: errno %d", t->what, n, error);
		failed += error != 0;
		survived += !error;
		if (t->after)
			t->after();
	}
	t_check(!error, "%s: errno %d without a fault", t->what, error);
	t_check(n > t->least, "%s: only %u chances", t->what, n - 1);
	t_note("%s: %u faults, %u told, %u borne", t->what, n - 1, failed, survived);
}

static int fd = -1;
static struct kport port;
static const char *name;
static struct nmreq_register want;

static int call_open(void)
{
	fd = open(NETMAP_DEVICE_NAME, O_RDWR | O_CLOEXEC);
	return fd < 0 ? errno : 0;
}

static void undo_open(void)
{
	t_check(!close(fd));
}

static void opening(void)
{
	static const struct trial t = { "open", call_open, undo_open, expect_nothing_left, 1, 1 };

	faults_start();
	try_all(&t);
}

static int call_register(void)
{
	struct nmreq_register reg = want;
	int error = dev_register(fd, name, &reg);

	if (error)
		t_check(dev_error(fd)[0], "errno %d and no word", error);
	/* a reply that can not be written does not undo what was done */
	if (error == EFAULT) {
		undo_open();
		fd = dev_open();
	}
	return error;
}

static void undo_register(void)
{
	undo_open();
	fd = dev_open();
}

static void registering(const char *what, uint32_t extra)
{
	struct trial t = { what, call_register, undo_register, expect_nothing_left, 4, 1 };

	want = (struct nmreq_register){ .nr_extra_bufs = extra };
	name = what;
	fd = dev_open();
	try_all(&t);
	t_check(!close(fd));
	expect_nothing_left();
}

static void registering_vale(void)
{
	faults_start();
	registering("vale0:a", 0);
	registering("vale0:b", 3000);
}

static void registering_pipe(void)
{
	faults_start();
	registering("x{1", 0);
	registering("null", 0);
}

static void registering_nic(void)
{
	faults_start();
	veth_make("nt0", "nt1", 2);
	registering("nt0", 0);
	t_check(sh("ip -d link show nt0 | grep -q 'promiscuity [1-9]'"));
}

static int call_mmap(void)
{
	port.mem = mmap(NULL, port.reg.nr_memsize, PROT_READ | PROT_WRITE, MAP_SHARED, port.fd, 0);
	return port.mem == MAP_FAILED ? errno : 0;
}

static void undo_mmap(void)
{
	/* what could not be mapped at once is mapped when it is looked at */
	t_eq(NETMAP_IF(port.mem, port.reg.nr_offset)->ni_version, NETMAP_API);
	t_check(!munmap(port.mem, port.reg.nr_memsize));
}

static void mapping(void)
{
	static const struct trial t = { "mmap", call_mmap, undo_mmap, NULL, 2, 1 };

	faults_start();
	kport_open(&port, "vale0:a");
	t_check(!munmap(port.mem, port.reg.nr_memsize));
	try_all(&t);
	t_check(!close(port.fd));
	expect_nothing_left();
}

static int call_close(void)
{
	return close(fd) ? errno : 0;
}

static void undo_close(void)
{
	struct nmreq_register reg = { .nr_extra_bufs = 10 };

	expect_nothing_left();
	fd = dev_open();
	t_eq(dev_register(fd, name, &reg), 0);
}

/* To close has no way to fail. */
static void closing(void)
{
	static const char *const names[] = { "vale0:a", "x{1", "nt0" };
	static const struct trial t = { "close", call_close, undo_close, NULL, 0, 1 };
	unsigned int i;

	faults_start();
	veth_make("nt0", "nt1", 1);
	for (i = 0; i < 3; i++) {
		name = names[i];
		undo_close();
		try_all(&t);
		t_check(!close(fd));
	}
	expect_nothing_left();
}

static int call_attach(void)
{
	struct nmreq_vale_attach attach = { .reg.nr_mode = NR_REG_ALL_NIC };
	int error = dev_request(fd, NETMAP_REQ_VALE_ATTACH, "vale0:nt0", &attach);

	/* done, only the reply was lost */
	if (error == EFAULT && listing_has("\"nt0\""))
		t_eq(dev_request(fd, NETMAP_REQ_VALE_DETACH, "vale0:nt0",
				 &(struct nmreq_vale_detach){ 0 }),
		     0);
	return error;
}

static void undo_attach(void)
{
	t_eq(dev_request(fd, NETMAP_REQ_VALE_DETACH, "vale0:nt0", &(struct nmreq_vale_detach){ 0 }),
	     0);
}

static void attaching(void)
{
	static const struct trial t = { "attach", call_attach, undo_attach, expect_nothing_left, 8,
					1 };

	faults_start();
	veth_make("nt0", "nt1", 1);
	fd = dev_open();
	try_all(&t);
	t_check(!close(fd));
}

/* Packets that could not be sent at once go later: none is lost in silence. */
static int call_sync(void)
{
	unsigned int i;

	for (i = 0; i < 40; i++) {
		struct netmap_ring *ring = port.tx;

		if (nm_ring_empty(ring))
			break;
		ring->slot[ring->head].len = 60;
		ring->slot[ring->head].flags = 0;
		ring->head = ring->cur = nm_ring_next(ring, ring->head);
	}
	return ioctl(port.fd, NIOCTXSYNC, NULL) < 0 ? errno : 0;
}

static void undo_sync(void)
{
	double end = t_now() + t_patience(5);

	while (nm_ring_space(port.tx) < port.tx->num_slots - 1 && t_now() < end)
		dev_sync(port.fd, NIOCTXSYNC);
	t_eq(nm_ring_space(port.tx), port.tx->num_slots - 1);
}

static void sending(void)
{
	static const struct trial t = { "txsync", call_sync, undo_sync, NULL, 1, 1 };

	faults_start();
	veth_make("nt0", "nt1", 1);
	kport_open(&port, "nt0");
	try_all(&t);
	kport_close(&port);
	expect_nothing_left();
}

static int call_load(void)
{
	return syscall(SYS_finit_module, fd, "", 0) ? errno : 0;
}

static void undo_load(void)
{
	t_eq(module_unload(), 0);
}

/* (That includes the faults of the loader, which maps and links it.) */
static void loading(void)
{
	static const struct trial t = { "load", call_load, undo_load, NULL, 20, 9 };
	const char *path = getenv("NETMAP_KO");

	faults_start();
	t_check(path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	t_check(fd >= 0);
	t_eq(module_unload(), 0);
	try_all(&t);
	t_eq(module_load(), 0);
	expect_nothing_left();
}

T_MAIN(T_LONG(opening, 120), T_LONG(registering_vale, 300), T_LONG(registering_pipe, 300),
       T_LONG(registering_nic, 300), T_LONG(mapping, 300), T_LONG(closing, 300),
       T_LONG(attaching, 300), T_LONG(sending, 300), T_LONG(loading, 600))
