// SPDX-License-Identifier: BSD-2-Clause
/* Unloading: refused while anything of it is in use, safe while everything goes on. */
#include "kern.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

/* Unloads; somebody may have the device open for a moment. */
static void must_unload(void)
{
	double end = t_now() + t_patience(10);
	int error;

	while ((error = module_unload()) && t_now() < end)
		t_sleep(0.01);
	t_check(!error, "it can not be unloaded: errno %d", error);
}

static void is_refused(const char *why)
{
	int error = module_unload();

	t_check(error == EWOULDBLOCK || error == EBUSY, "with %s: errno %d", why, error);
}

static void refused_while_in_use(void)
{
	struct nmreq_register reg = { 0 };
	char *mem;
	int fd;

	kern_start();
	fd = dev_open();
	is_refused("an open descriptor");
	t_eq(dev_register(fd, "vale0:a", &reg), 0);
	is_refused("a port");
	mem = mmap(NULL, reg.nr_memsize, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	t_check(mem != MAP_FAILED);
	t_check(!close(fd));
	is_refused("a mapping");
	mem[reg.nr_offset] = 1;
	t_check(!munmap(mem, reg.nr_memsize));
	must_unload();
	t_check(access(NETMAP_DEVICE_NAME, F_OK) && errno == ENOENT);
	t_eq(module_load(), 0);
	t_eq(module_load(), EEXIST);
}

/* What outlives descriptors is let go of: attached interfaces, persistent ports. */
static void attachments_are_let_go(void)
{
	struct nmreq_vale_attach attach = { .reg.nr_mode = NR_REG_ALL_NIC };
	struct nmreq_vale_newif newif = { 0 };
	int fd;

	kern_start();
	veth_make("nt0", "nt1", 1);
	fd = dev_open();
	t_eq(dev_request(fd, NETMAP_REQ_VALE_NEWIF, "v0", &newif), 0);
	t_eq(dev_request(fd, NETMAP_REQ_VALE_ATTACH, "vale0:v0", &attach), 0);
	t_eq(dev_request(fd, NETMAP_REQ_VALE_ATTACH, "vale0:nt0", &attach), 0);
	t_check(!close(fd));
	raw_send("nt1", 100);
	t_check(!sh("ip -d link show nt0 | grep -q 'promiscuity [1-9]'"));
	must_unload();
	t_check(sh("ip -d link show nt0 | grep -q 'promiscuity [1-9]'"));
	raw_send("nt1", 100);
	t_eq(module_load(), 0);
	expect_nothing_left();
}

/* ---- again and again, under traffic ---- */

static void wire_traffic(void *arg)
{
	(void)arg;
	raw_send("nt1", 20);
	raw_send("nt0", 20);
}

/* Opens what it finds, uses it a little, and goes. */
static void guest_traffic(void *arg)
{
	static const char *const name[] = { "vale0:a", "nt0", "vale0:b", "x{1" };
	static unsigned int turn;
	struct nmreq_register reg = { 0 };
	struct kport p = { .fd = open(NETMAP_DEVICE_NAME, O_RDWR) };
	uint32_t i;

	(void)arg;
	if (p.fd < 0) {
		t_sleep(0.001);
		return;
	}
	if (!dev_register(p.fd, name[turn++ % 4], &reg)) {
		p.reg = reg;
		p.mem = mmap(NULL, reg.nr_memsize, PROT_READ | PROT_WRITE, MAP_SHARED, p.fd, 0);
		t_check(p.mem != MAP_FAILED);
		p.nifp = NETMAP_IF(p.mem, reg.nr_offset);
		p.tx = NETMAP_TXRING(p.nifp, 0);
		p.rx = NETMAP_RXRING(p.nifp, 0);
		for (i = 0; i < 20; i++)
			kport_send(&p, i);
		kport_take(&p);
		t_check(!munmap(p.mem, reg.nr_memsize));
	}
	close(p.fd);
	/* a chance for others */
	t_sleep(0.005);
}

static void again_and_again_under_traffic(void)
{
	unsigned int round, refused = 0;
	struct nmreq_vale_attach attach = { .reg.nr_mode = NR_REG_ALL_NIC };
	pid_t wire, guest;
	int fd, error;

	kern_start();
	veth_make("nt0", "nt1", 1);
	veth_make("nu0", "nu1", 1);
	wire = keep_doing(wire_traffic, NULL);
	guest = keep_doing(guest_traffic, NULL);
	for (round = 0; round < 100; round++) {
		double end = t_now() + t_patience(10);

		if (round % 4 == 0) {
			fd = dev_open();
			error = dev_request(fd, NETMAP_REQ_VALE_ATTACH, "vale0:nu0", &attach);
			t_check(!error, "round %u: %s", round, dev_error(fd));
			close(fd);
		}
		while ((error = module_unload())) {
			t_check(error == EWOULDBLOCK || error == EBUSY, "errno %d", error);
			t_check(t_now() < end, "not to be unloaded, round %u", round);
			refused++;
			t_sleep(0.002);
		}
		error = module_load();
		t_check(!error, "round %u: errno %d", round, error);
	}
	t_note("unloaded 100 times, refused %u times in between", refused);
	stop_doing(guest);
	stop_doing(wire);
	expect_nothing_left();
}

T_MAIN(T_LONG(refused_while_in_use, 120), T_LONG(attachments_are_let_go, 120),
       T_LONG(again_and_again_under_traffic, 600))
