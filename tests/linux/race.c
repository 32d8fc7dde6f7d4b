// SPDX-License-Identifier: BSD-2-Clause
/*
 * Several processors at once: calls on one descriptor, ports that come and go, interfaces that
 * are attached, detached and deleted, memory that grows, all under traffic. What goes wrong
 * shows in the kernel's log; here, that everything still works afterwards.
 */
#include "kern.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define THREADS 4
#define FILES	4

static int stop;

static bool stopping(void)
{
	return __atomic_load_n(&stop, __ATOMIC_RELAXED);
}

static void run_for(double seconds, void *(*fn)(void *), void *arg)
{
	pthread_t t[THREADS];
	int i;

	stop = 0;
	for (i = 0; i < THREADS; i++)
		t_check(!pthread_create(&t[i], NULL, fn, arg));
	t_sleep(seconds);
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (i = 0; i < THREADS; i++)
		t_check(!pthread_join(t[i], NULL));
}

/* After all of it: two new ports exchange packets. */
static void must_work(void)
{
	struct kport a, b;
	uint32_t i;

	kport_open(&a, "vale9:a");
	kport_open(&b, "vale9:b");
	for (i = 0; i < 100; i++) {
		t_check(kport_send(&a, i));
		t_eq(kport_take(&b), 1);
	}
	kport_close(&a);
	kport_close(&b);
}

/* ---- descriptors in common ---- */

static int file[FILES];

static void one_call(int fd, uint32_t r)
{
	static const char *const name[] = { "vale0:a", "vale0:b", "x{1", "x}1", "nt0" };
	struct nmreq_register reg = { .nr_tx_slots = 64, .nr_rx_slots = 64 };
	struct pollfd pfd = { .fd = fd, .events = POLLIN | POLLOUT };
	char *p;

	switch (r % 8) {
	case 0:
		dev_register(fd, name[r / 8 % 5], &reg);
		break;
	case 1:
		p = mmap(NULL, 8 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (p != MAP_FAILED) {
			((volatile char *)p)[r % 4096]++;
			munmap(p, 8 << 20);
		}
		break;
	case 2:
		poll(&pfd, 1, r & 64 ? 1 : 0);
		break;
	case 3:
		/* closes the descriptor that it takes the place of, under whoever uses it */
		p = NULL;
		if (r & 64) {
			int new = open(NETMAP_DEVICE_NAME, O_RDWR | O_CLOEXEC);

			if (new >= 0) {
				dup2(new, fd);
				close(new);
			}
		}
		break;
	default:
		ioctl(fd, r & 64 ? NIOCTXSYNC : NIOCRXSYNC, NULL);
	}
}

static void *calls(void *arg)
{
	(void)arg;
	while (!stopping())
		one_call(file[t_random() % FILES], t_random());
	return NULL;
}

static void descriptors_in_common(void)
{
	int i;

	kern_start();
	veth_make("nt0", "nt1", 1);
	for (i = 0; i < FILES; i++)
		file[i] = dev_open();
	run_for(3, calls, NULL);
	for (i = 0; i < FILES; i++)
		close(file[i]);
	must_work();
	expect_nothing_left();
}

/* ---- ports that come and go, on one switch and in one memory ---- */

static void *visits(void *arg)
{
	uint16_t mem_id = *(uint16_t *)arg;
	struct kport p;
	char name[32];
	uint32_t i;

	while (!stopping()) {
		snprintf(name, sizeof(name), "vale0:%u", t_random() % 6);
		/* memory of its own, or the common one, which then may have to grow */
		if (kport_try(&p, name, t_random() % 2 ? mem_id : 0))
			continue;
		for (i = 0; i < 10; i++)
			kport_send(&p, i);
		kport_take(&p);
		kport_close(&p);
	}
	return NULL;
}

static void sender(void *arg)
{
	struct kport *p = arg;
	uint32_t i;

	for (i = 0; i < 64; i++)
		kport_send(p, i);
	kport_take(p);
}

static void ports_come_and_go(void)
{
	struct kport home;
	pid_t pid;

	kern_start();
	kport_open(&home, "vale0:home");
	pid = keep_doing(sender, &home);
	run_for(3, visits, &home.reg.nr_mem_id);
	stop_doing(pid);
	kport_close(&home);
	must_work();
	expect_nothing_left();
}

/* ---- interfaces that come and go in a switch ---- */

static void wire(void *arg)
{
	(void)arg;
	raw_send("nt1", 20);
	raw_send("nu1", 20);
}

static void *attachments(void *arg)
{
	static const char *const name[] = { "vale0:nt0", "vale0:nu0" };
	int fd = dev_open();

	(void)arg;
	while (!stopping()) {
		struct nmreq_vale_attach attach = { .reg.nr_mode = NR_REG_ALL_NIC };
		struct nmreq_vale_detach detach = { 0 };
		uint32_t r = t_random();

		if (r % 2)
			dev_request(fd, NETMAP_REQ_VALE_ATTACH, name[r / 2 % 2], &attach);
		else
			dev_request(fd, NETMAP_REQ_VALE_DETACH, name[r / 2 % 2], &detach);
	}
	close(fd);
	return NULL;
}

static void links(void *arg)
{
	(void)arg;
	sh("ip link set nu0 down; ip link set nu0 up; ip link set nu0 mtu 3000");
	sh("ip link del nu0; ip link add nu0 type veth peer name nu1; ip link set nu0 up; "
	   "ip link set nu1 up");
}

static void interfaces_come_and_go(void)
{
	pid_t traffic, events, guest;
	struct kport home;

	kern_start();
	veth_make("nt0", "nt1", 1);
	veth_make("nu0", "nu1", 1);
	kport_open(&home, "vale0:home");
	traffic = keep_doing(wire, NULL);
	events = keep_doing(links, NULL);
	guest = keep_doing(sender, &home);
	run_for(6, attachments, NULL);
	stop_doing(guest);
	stop_doing(events);
	stop_doing(traffic);
	kport_close(&home);
	sh("ip link del nt0; ip link del nu0 2>/dev/null");
	t_sleep(0.5);
	must_work();
	expect_nothing_left();
}

T_MAIN(T_CASE(descriptors_in_common), T_CASE(ports_come_and_go),
       T_LONG(interfaces_come_and_go, 120))
