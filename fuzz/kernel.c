// SPDX-License-Identifier: BSD-2-Clause
/*
 * /dev/netmap in the hands of an attacker who has its permission and nothing else: system
 * calls of every kind with hostile arguments, in any order, from pairs of processes that share
 * their descriptors, while a second thread of each writes into all that is mapped. Root's traffic
 * goes on beside it: on the same switch, on an interface, and in another network namespace,
 * where nothing of this may be seen.
 *
 * FUZZ_SECONDS says for how long (30), T_SEED where the attackers' numbers begin. What the
 * kernel says of it is for the test bed to look at. The program fails if root's
 * packets are not right any more, or if something is left when all is over.
 */
#include "kern.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define ATTACKERS 3
#define NOBODY	  65534
#define FILES	  6
#define MAPS	  8

static struct {
	uint64_t calls, registered, mapped, syncs;
} * count; /* of all attackers */

/* ---- root's ports ---- */

struct pair {
	struct kport a, b;
	unsigned int sent, got;
};

static struct pair here, there;
static struct kport member, nic;

/* ---- one attacker ---- */

struct mapping {
	char *p;
	size_t size;
};

static int file[FILES];
static struct mapping map[MAPS]; /* read by the second thread */
static char *page;		 /* half of it is not there */
static __thread uint64_t state;

static uint32_t rnd(void)
{
	state = state * 6364136223846793005ull + 1442695040888963407ull;
	return state >> 33;
}

static uint64_t odd_number(void)
{
	static const uint64_t odd[] = { 0,	    1,		2,	    7,		8,
					16,	    255,	256,	    1024,	4096,
					65535,	    65536,	0x7fffffff, 0x80000000, 0xffffffff,
					1ull << 32, 1ull << 47, 1ull << 63, ~0ull };

	switch (rnd() % 4) {
	case 0:
		return rnd() % 16;
	case 1:
		return (uint64_t)rnd() << 32 | rnd();
	default:
		return odd[rnd() % (sizeof(odd) / sizeof(odd[0]))];
	}
}

static int any_file(void)
{
	return file[rnd() % FILES];
}

static void odd_name(char *name)
{
	static const char *const names[] = {
		"vale0:a",
		"vale0:b",
		"vale0:root",
		"vale1:x",
		"vale0:",
		"vale:",
		"x{1",
		"x}1",
		"x{2",
		"vale0:a{1",
		"vale0:a}1",
		"nt0",
		"nt1",
		"nt0{1",
		"lo",
		"null",
		"null:z",
		"v0",
		"vale0:v0",
		"vale0:nt0",
		"nt0^",
		"",
		"{",
		"}1",
		"netmap:nt0",
		"vale0:root{1",
		"valeaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:b",
		"..",
		"%s%n",
	};
	unsigned int i;

	snprintf(name, NETMAP_REQ_IFNAMSIZ, "%s",
		 names[rnd() % (sizeof(names) / sizeof(names[0]))]);
	if (rnd() % 16 == 0)
		for (i = 0; i < NETMAP_REQ_IFNAMSIZ; i++)
			name[i] = rnd();
}

static uint16_t small(uint32_t most)
{
	return rnd() % 8 ? rnd() % (most + 1) : odd_number();
}

/* A request that may well succeed; then some of it is made worse. */
static void odd_register(struct nmreq_register *reg)
{
	static const uint32_t modes[] = { NR_REG_ALL_NIC, NR_REG_ALL_NIC,     NR_REG_ONE_NIC,
					  NR_REG_SW,	  NR_REG_NIC_SW,      NR_REG_ONE_SW,
					  NR_REG_NULL,	  NR_REG_PIPE_MASTER, NR_REG_PIPE_SLAVE };

	memset(reg, 0, sizeof(*reg));
	reg->nr_mode = modes[rnd() % (sizeof(modes) / sizeof(modes[0]))];
	/* mostly small, so that much happens */
	reg->nr_tx_slots = reg->nr_rx_slots = rnd() % 16 ? 8 << rnd() % 4 : small(1024);
	if (rnd() % 4 == 0) {
		reg->nr_tx_rings = small(4);
		reg->nr_rx_rings = small(4);
		reg->nr_tx_slots = 8 << rnd() % 8;
	}
	if (rnd() % 4 == 0)
		reg->nr_ringid = small(4);
	if (rnd() % 4 == 0)
		reg->nr_mem_id = small(8);
	if (rnd() % 4 == 0)
		reg->nr_extra_bufs = rnd() % 16 ? rnd() % 200 : odd_number();
	if (rnd() % 4 == 0)
		reg->nr_flags = 1ull << rnd() % 20;
	if (rnd() % 16 == 0)
		((char *)reg)[rnd() % sizeof(*reg)] = rnd();
}

/* Where a body, or the header, is put: mostly where it can be read. */
static void *place(const void *what, size_t size)
{
	switch (rnd() % 24) {
	case 0:
		return (void *)(uintptr_t)odd_number();
	case 1: /* over the edge */
		return page + 4096 - rnd() % (size + 1);
	case 2: /* in the framework's own memory, which others change */
		if (map[rnd() % MAPS].p)
			return map[rnd() % MAPS].p + rnd() % 8192;
		return NULL;
	default:
		memcpy(page + 1024, what, size);
		return page + 1024;
	}
}

static void call_ctrl(void)
{
	union {
		struct nmreq_register reg;
		struct nmreq_vale_attach attach;
		struct nmreq_port_hdr hdr;
		char bytes[256];
	} body;
	struct nmreq_option opt = { .nro_next = odd_number(), .nro_reqtype = small(8) };
	struct nmreq_header hdr = { .nr_version = NETMAP_API };
	unsigned int i;

	for (i = 0; i < sizeof(body); i++)
		body.bytes[i] = rnd() % 4 ? 0 : rnd();
	switch (rnd() % 4) {
	case 0:
		hdr.nr_reqtype = rnd() % 32;
		break;
	case 1:
		hdr.nr_reqtype = rnd() % 2 ? NETMAP_REQ_VALE_ATTACH : NETMAP_REQ_VALE_NEWIF;
		odd_register(hdr.nr_reqtype == NETMAP_REQ_VALE_ATTACH ? &body.attach.reg :
									&body.reg);
		break;
	default:
		hdr.nr_reqtype = NETMAP_REQ_REGISTER;
		odd_register(&body.reg);
	}
	odd_name(hdr.nr_name);
	if (rnd() % 16 == 0)
		hdr.nr_version = small(20);
	if (rnd() % 16 == 0) {
		memcpy(page + 512, &opt, sizeof(opt));
		hdr.nr_options = rnd() % 2 ? (uintptr_t)page + 512 : odd_number();
	}
	hdr.nr_body = (uintptr_t)place(&body, sizeof(body));
	memcpy(page, &hdr, sizeof(hdr));
	if (!ioctl(any_file(), NIOCCTRL, rnd() % 32 ? page : place(&hdr, sizeof(hdr))) &&
	    hdr.nr_reqtype == NETMAP_REQ_REGISTER)
		__atomic_fetch_add(&count->registered, 1, __ATOMIC_RELAXED);
}

static void call_legacy(void)
{
	struct nmreq req = { .nr_version = rnd() % 8 ? NETMAP_API : rnd() };
	unsigned int i;

	odd_name(page);
	memcpy(req.nr_name, page, sizeof(req.nr_name));
	req.nr_cmd = small(12);
	req.nr_flags = rnd() % 8 ? rnd() % 8 : rnd();
	req.nr_ringid = rnd() % 2 ? 0 : rnd();
	for (i = 0; i < 4; i++)
		((char *)&req)[16 + rnd() % (sizeof(req) - 16)] = rnd() % 2 ? 0 : rnd();
	ioctl(any_file(), rnd() % 2 ? NIOCREGIF : NIOCGINFO, place(&req, sizeof(req)));
}

static void call_mmap(void)
{
	struct mapping *m = &map[rnd() % MAPS];
	size_t size = rnd() % 4 ? 5 << 20 : 4096 * (size_t)(1 + rnd() % 16384);
	char *old = m->p, *p;

	/* the second thread is warned by what it finds; it may fault meanwhile */
	__atomic_store_n(&m->p, NULL, __ATOMIC_SEQ_CST);
	if (old) {
		if (rnd() % 4)
			munmap(old, m->size);
		else /* in pieces: what stays goes with the process */
			munmap(old + 4096 * (rnd() % 16), 4096 * (1 + rnd() % 16));
	}
	p = mmap(NULL, size, rnd() % 16 ? PROT_READ | PROT_WRITE : rnd() % 8,
		 rnd() % 16 ? MAP_SHARED : MAP_PRIVATE, any_file(),
		 rnd() % 4 ? 0 : (off_t)(odd_number() & (rnd() % 2 ? ~4095ull : ~0ull)));
	if (p == MAP_FAILED)
		return;
	if (rnd() % 16 == 0)
		madvise(p, size, rnd() % 20);
	if (rnd() % 16 == 0)
		mprotect(p, 4096 * (1 + rnd() % 16), rnd() % 8);
	m->size = size;
	__atomic_store_n(&m->p, p, __ATOMIC_SEQ_CST);
	__atomic_fetch_add(&count->mapped, 1, __ATOMIC_RELAXED);
}

static void call_poll(void)
{
	struct pollfd fds[3];
	struct epoll_event ev = { .events = rnd() };
	int i, ep;

	for (i = 0; i < 3; i++)
		fds[i] = (struct pollfd){ .fd = any_file(), .events = rnd() };
	if (rnd() % 4) {
		poll(fds, 3, rnd() % 8 ? 0 : 1);
		return;
	}
	ep = epoll_create1(EPOLL_CLOEXEC);
	for (i = 0; i < 3; i++)
		epoll_ctl(ep, EPOLL_CTL_ADD, fds[i].fd, &ev);
	epoll_wait(ep, &ev, 1, 0);
	/* sometimes the descriptor ends while it is watched */
	if (rnd() % 4 == 0) {
		i = rnd() % FILES;
		close(file[i]);
		file[i] = open(NETMAP_DEVICE_NAME, O_RDWR | O_CLOEXEC);
	}
	close(ep);
}

static void call_close(void)
{
	int i = rnd() % FILES;

	if (rnd() % 4 == 0) {
		dup2(any_file(), file[i]);
		return;
	}
	close(file[i]);
	file[i] = open(NETMAP_DEVICE_NAME, rnd() % 8 ? O_RDWR : rnd() % 4, 0);
}

static void call_other(void)
{
	struct iovec iov = { page, 4096 };
	char buf[300];
	pid_t pid;

	switch (rnd() % 8) {
	case 0:
		read(any_file(), rnd() % 8 ? buf : (void *)(uintptr_t)odd_number(), rnd() % 300);
		break;
	case 1:
		write(any_file(), page, rnd() % 100);
		break;
	case 2:
		ioctl(any_file(), odd_number(), odd_number());
		break;
	case 3:
		fcntl(any_file(), F_SETFL, rnd() % 2 ? O_NONBLOCK : O_ASYNC);
		break;
	case 4:
		lseek(any_file(), odd_number(), rnd() % 5);
		preadv(any_file(), &iov, 1, odd_number());
		break;
	case 5: /* a child, that has all of it, and ends at once or makes a call first */
		pid = fork();
		if (!pid) {
			ioctl(any_file(), rnd() % 2 ? NIOCTXSYNC : NIOCRXSYNC, 0);
			_exit(0);
		}
		if (pid > 0)
			waitpid(pid, NULL, 0);
		break;
	default:
		ftruncate(any_file(), odd_number());
		fsync(any_file());
	}
}

static void call_sync(void)
{
	int i, fd = any_file();

	for (i = rnd() % 8; i >= 0; i--)
		ioctl(fd, rnd() % 2 ? NIOCTXSYNC : NIOCRXSYNC, odd_number());
	__atomic_fetch_add(&count->syncs, 1, __ATOMIC_RELAXED);
}

/* ---- its second thread: into everything that is mapped ---- */

static void write_odd(char *p, size_t offset)
{
	switch (rnd() % 6) {
	case 0:
		*(volatile uint64_t *)(p + (offset & ~7ul)) = odd_number();
		break;
	case 1:
		*(volatile uint16_t *)(p + (offset & ~1ul)) = odd_number();
		break;
	default: /* what a head, cur, or index may be */
		*(volatile uint32_t *)(p + (offset & ~3ul)) =
			rnd() % 2 ? rnd() % 1024 : odd_number();
	}
}

/*
 * Heads move as in earnest in most rings, or little would happen: a ring begins at a page, and
 * says how many slots it has.
 */
static void drive_rings(const struct mapping *m)
{
	char *p = __atomic_load_n(&m->p, __ATOMIC_SEQ_CST);
	size_t at;

	for (at = 1 << 20; p && at < (1 << 20) + 64 * 4096; at += 4096) {
		struct netmap_ring *ring = (struct netmap_ring *)(p + at);
		uint32_t n = ring->num_slots, tail = ring->tail, i;

		if (at + 4096 > m->size || n < 8 || n > 1024 || tail >= n)
			continue;
		for (i = ring->head % n; i != tail && rnd() % 32; i = (i + 1) % n) {
			struct netmap_slot *s = &ring->slot[i];

			s->len = rnd() % 8 ? 60 + rnd() % 1400 : odd_number();
			s->flags = rnd() % 8 ? 0 : rnd();
			if (rnd() % 64 == 0)
				s->buf_idx = rnd() % 2 ? odd_number() : rnd() % 4096;
			if (rnd() % 64 == 0)
				s->ptr = odd_number();
		}
		ring->head = ring->cur = i;
	}
}

static void *scribble(void *arg)
{
	const struct mapping *m;
	unsigned int k;
	char *p;

	state = (uintptr_t)arg;
	for (;;) {
		m = &map[rnd() % MAPS];
		drive_rings(m);
		for (k = 0; k < 20; k++) {
			p = __atomic_load_n(&m->p, __ATOMIC_SEQ_CST);
			if (p)
				write_odd(p, rnd() % 8 ? rnd() % (1 << 16) + (rnd() % 2 << 20) :
							 rnd() % (8 << 20));
		}
		/* the calls are what takes the time */
		t_sleep(0.0005);
	}
	return NULL;
}

/* A fault is no end: the thread goes on with what it does next. */
static void on_fault(int sig, siginfo_t *info, void *context)
{
	void *at = (void *)((uintptr_t)info->si_addr & ~4095ul);

	(void)sig;
	(void)context;
	/* there is something now: of nobody's, until it is mapped anew */
	if (mmap(at, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
		 0) == MAP_FAILED)
		_exit(0);
}

static void attacker_setup(uint64_t seed)
{
	struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER };
	struct kport *const mine[] = { &here.a, &here.b, &there.a, &there.b, &member, &nic };
	pthread_t thread;
	int i;

	state = seed;
	/* nothing of root's stays with us */
	t_check(!close_range(3, ~0u, 0));
	for (i = 0; i < 6; i++)
		t_check(!munmap(mine[i]->mem, mine[i]->reg.nr_memsize));
	t_check(!setgid(NOBODY) && !setuid(NOBODY));
	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
	signal(SIGIO, SIG_IGN);
	page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	t_check(page != MAP_FAILED && !munmap(page + 4096, 4096));
	for (i = 0; i < FILES; i++)
		file[i] = dev_open();
	/* two processes, with the same descriptors and, for now, the same mappings */
	if (!fork()) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		state = ~seed;
	}
	t_check(!pthread_create(&thread, NULL, scribble, (void *)(uintptr_t)(seed ^ 0x5a5a)));
}

/* Never returns: ends when it is killed, in the middle of whatever it does. */
static void attack(uint64_t seed)
{
	static void (*const call[])(void) = {
		call_ctrl, call_ctrl,  call_ctrl,  call_mmap,	call_mmap, call_poll,
		call_poll, call_close, call_other, call_legacy, call_sync, call_sync,
		call_sync, call_sync,  call_sync,  call_sync,
	};

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	attacker_setup(seed);
	for (;;) {
		call[rnd() % (sizeof(call) / sizeof(call[0]))]();
		__atomic_fetch_add(&count->calls, 1, __ATOMIC_RELAXED);
	}
}

/* ---- root's own traffic ---- */

static void pair_open(struct pair *p, const char *a, const char *b)
{
	kport_open(&p->a, a);
	kport_open(&p->b, b);
}

static void pair_close(struct pair *p)
{
	kport_close(&p->a);
	kport_close(&p->b);
}

/* Ten packets over a pipe, where nobody else can put any: all come, in order. */
static void pair_check(struct pair *p)
{
	uint32_t number, i;

	for (i = 0; i < 10; i++)
		p->sent += kport_send(&p->a, p->sent);
	dev_sync(p->b.fd, NIOCRXSYNC);
	while (!nm_ring_empty(p->b.rx)) {
		struct netmap_slot *slot = &p->b.rx->slot[p->b.rx->head];

		t_eq(slot->len, 60);
		memcpy(&number, NETMAP_BUF(p->b.rx, slot->buf_idx) + 14, sizeof(number));
		t_eq(number, p->got);
		p->got++;
		p->b.rx->head = p->b.rx->cur = nm_ring_next(p->b.rx, p->b.rx->head);
	}
	t_eq(p->got, p->sent);
}

static void fuzzing(void)
{
	const char *env = getenv("FUZZ_SECONDS");
	double seconds = env ? atof(env) : 30, end;
	struct nmreq_vale_attach attach = { .reg.nr_mode = NR_REG_ALL_NIC };
	pid_t pid[ATTACKERS];
	uint32_t seed = t_random();
	int i, inner, outer, status;

	kern_start();
	count = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	t_check(count != MAP_FAILED && !chmod(NETMAP_DEVICE_NAME, 0666));
	inner = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	t_check(!unshare(CLONE_NEWNET));
	outer = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	pair_open(&there, "vale0:a{1", "vale0:a}1");
	t_check(!setns(inner, CLONE_NEWNET));
	veth_make("nt0", "nt1", 2);
	veth_make("nu0", "nu1", 1);
	pair_open(&here, "root{1", "root}1");
	kport_open(&member, "vale0:root");
	kport_open(&nic, "nt0");
	t_eq(dev_request(member.fd, NETMAP_REQ_VALE_ATTACH, "vale0:nu0", &attach), 0);
	for (i = 0; i < ATTACKERS; i++) {
		pid[i] = fork();
		if (!pid[i])
			attack(seed + i);
	}
	for (end = t_now() + seconds; t_now() < end;) {
		pair_check(&here);
		pair_check(&there);
		kport_send(&member, 1);
		kport_take(&member);
		kport_send(&nic, 1);
		kport_take(&nic);
		raw_send("nt1", 3);
		raw_send("nu1", 3);
		t_sleep(0.01);
		/* each ends now and then, in the middle of something, and another begins */
		i = t_random() % (ATTACKERS * 40);
		if (i >= ATTACKERS)
			continue;
		kill(pid[i], SIGKILL);
		t_check(waitpid(pid[i], &status, 0) == pid[i]);
		pid[i] = fork();
		if (!pid[i])
			attack(t_random());
	}
	for (i = 0; i < ATTACKERS; i++) {
		kill(pid[i], SIGKILL);
		t_check(waitpid(pid[i], &status, 0) == pid[i]);
	}
	t_check(!chmod(NETMAP_DEVICE_NAME, 0600));
	t_note("%.0f s: %llu calls, %llu ports registered, %llu mappings, %llu rounds of syncs; "
	       "%u packets of ours beside, %u elsewhere",
	       seconds, (unsigned long long)count->calls, (unsigned long long)count->registered,
	       (unsigned long long)count->mapped, (unsigned long long)count->syncs, here.got,
	       there.got);
	t_check(count->registered && count->mapped);
	t_eq(dev_request(member.fd, NETMAP_REQ_VALE_DETACH, "vale0:nu0",
			 &(struct nmreq_vale_detach){ 0 }),
	     0);
	kport_close(&member);
	kport_close(&nic);
	pair_close(&here);
	/* persistent ports that they made are theirs to keep: gone with the namespace */
	t_check(!setns(outer, CLONE_NEWNET));
	pair_close(&there);
	expect_nothing_left();
}

T_MAIN(T_LONG(fuzzing, 3600))
