// SPDX-License-Identifier: BSD-2-Clause
#include "kern.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define LISTING "/proc/thread-self/net/netmap.json"

void kern_start(void)
{
	if (access(NETMAP_DEVICE_NAME, F_OK))
		t_skip("there is no " NETMAP_DEVICE_NAME ": load netmap.ko");
	if (geteuid())
		t_skip("needs root, for a network namespace");
	if (unshare(CLONE_NEWNET) < 0)
		t_skip("no network namespace: %s", strerror(errno));
	sh("sysctl -qw net.ipv6.conf.default.disable_ipv6=1 2>/dev/null");
}

int sh(const char *fmt, ...)
{
	char cmd[512];
	va_list ap;
	int status;

	va_start(ap, fmt);
	vsnprintf(cmd, sizeof(cmd), fmt, ap);
	va_end(ap);
	status = system(cmd);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* ---- the device ---- */

int dev_open(void)
{
	int fd = open(NETMAP_DEVICE_NAME, O_RDWR | O_CLOEXEC);

	t_check(fd >= 0, "errno %d", errno);
	return fd;
}

int dev_request(int fd, uint16_t type, const char *name, void *body)
{
	struct nmreq_header hdr = { .nr_version = NETMAP_API,
				    .nr_reqtype = type,
				    .nr_body = (uintptr_t)body };

	snprintf(hdr.nr_name, sizeof(hdr.nr_name), "%s", name);
	return ioctl(fd, NIOCCTRL, &hdr) < 0 ? errno : 0;
}

int dev_register(int fd, const char *name, struct nmreq_register *reg)
{
	if (!reg->nr_mode)
		reg->nr_mode = NR_REG_ALL_NIC;
	return dev_request(fd, NETMAP_REQ_REGISTER, name, reg);
}

const char *dev_error(int fd)
{
	static char text[256];
	ssize_t n = read(fd, text, sizeof(text) - 1);

	text[n > 0 ? n - 1 : 0] = '\0';
	return text;
}

void dev_sync(int fd, unsigned long request)
{
	t_check(!ioctl(fd, request, NULL), "%s", dev_error(fd));
}

/* ---- ports ---- */

static void kport_map(struct kport *p)
{
	uint32_t i;

	p->mem = mmap(NULL, p->reg.nr_memsize, PROT_READ | PROT_WRITE, MAP_SHARED, p->fd, 0);
	t_check(p->mem != MAP_FAILED, "errno %d", errno);
	p->nifp = NETMAP_IF(p->mem, p->reg.nr_offset);
	for (i = 0; i < p->nifp->ni_tx_rings && !p->tx; i++)
		if (p->nifp->ring_ofs[i])
			p->tx = NETMAP_TXRING(p->nifp, i);
	for (i = 0; i < p->nifp->ni_rx_rings && !p->rx; i++)
		p->rx = NETMAP_RXRING(p->nifp, i);
}

int kport_try(struct kport *p, const char *name, uint16_t mem_id)
{
	int error;

	memset(p, 0, sizeof(*p));
	p->fd = dev_open();
	p->reg.nr_mem_id = mem_id;
	error = dev_register(p->fd, name, &p->reg);
	if (!error) {
		kport_map(p);
		return 0;
	}
	t_check(dev_error(p->fd)[0], "%s: errno %d and no word", name, error);
	t_check(!close(p->fd));
	return error;
}

void kport_open(struct kport *p, const char *name)
{
	int error = kport_try(p, name, 0);

	t_check(!error, "%s: errno %d", name, error);
}

void kport_close(struct kport *p)
{
	t_check(!munmap(p->mem, p->reg.nr_memsize));
	t_check(!close(p->fd));
}

bool kport_send(struct kport *p, uint32_t number)
{
	struct netmap_ring *ring = p->tx;
	struct netmap_slot *slot = &ring->slot[ring->head];
	unsigned char *buf;

	if (nm_ring_empty(ring)) {
		ioctl(p->fd, NIOCTXSYNC, NULL);
		return false;
	}
	buf = (unsigned char *)NETMAP_BUF(ring, slot->buf_idx);
	memset(buf, 0xff, 6);
	memset(buf + 6, 0, 54);
	buf[6] = 2;
	buf[11] = p->fd;
	memcpy(buf + 14, &number, sizeof(number));
	slot->len = 60;
	slot->flags = 0;
	ring->head = ring->cur = nm_ring_next(ring, ring->head);
	return !ioctl(p->fd, NIOCTXSYNC, NULL);
}

unsigned int kport_take(struct kport *p)
{
	unsigned int n = 0;
	uint32_t i;

	ioctl(p->fd, NIOCRXSYNC, NULL);
	for (i = 0; i < p->nifp->ni_rx_rings; i++) {
		struct netmap_ring *ring = NETMAP_RXRING(p->nifp, i);

		n += nm_ring_space(ring);
		ring->head = ring->cur = ring->tail;
	}
	ioctl(p->fd, NIOCRXSYNC, NULL);
	return n;
}

/* ---- the listing ---- */

static void listing(char *text, size_t size)
{
	FILE *f = fopen(LISTING, "r");
	size_t n;

	t_check(f, "errno %d", errno);
	n = fread(text, 1, size - 1, f);
	text[n] = '\0';
	fclose(f);
}

bool listing_has(const char *text)
{
	static char all[1 << 20];

	listing(all, sizeof(all));
	return strstr(all, text);
}

void expect_nothing_left(void)
{
	static char all[1 << 20];
	double end = t_now() + t_patience(10);

	do {
		listing(all, sizeof(all));
		if (strstr(all, "\"ports\":[],") && strstr(all, "\"switches\":[],") &&
		    strstr(all, "\"memories\":[],"))
			return;
		t_sleep(0.02);
	} while (t_now() < end);
	t_fail(__FILE__, __LINE__, "something is left: %s", all);
}

/* ---- interfaces ---- */

void veth_make(const char *a, const char *b, unsigned int queues)
{
	t_check(!sh("ip link add %s numrxqueues %u numtxqueues %u type veth "
		    "peer name %s numrxqueues %u numtxqueues %u && "
		    "ip link set %s up && ip link set %s up",
		    a, queues, queues, b, queues, queues, a, b));
}

/* (one socket for all: to close one waits until the whole system has seen it) */
void raw_send(const char *ifname, unsigned int n)
{
	static const char frame[60] = { -1, -1, -1, -1, -1, -1,		2,
					0,  0,	0,  0,	1,  (char)0x88, (char)0xb5 };
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_halen = 6 };
	static pid_t owner;
	static int fd;

	if (owner != getpid()) {
		owner = getpid();
		fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
		t_check(fd >= 0);
	}
	to.sll_ifindex = if_nametoindex(ifname);
	/* the interface may be away, or down: then nothing is sent */
	while (n--)
		if (sendto(fd, frame, sizeof(frame), 0, (struct sockaddr *)&to, sizeof(to)) < 0)
			break;
}

/* ---- the module ---- */

int module_unload(void)
{
	return syscall(SYS_delete_module, "netmap", O_NONBLOCK) ? errno : 0;
}

int module_load(void)
{
	const char *path = getenv("NETMAP_KO");
	double end = t_now() + t_patience(5);
	int fd, error;

	if (!path)
		t_skip("NETMAP_KO must name netmap.ko");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	t_check(fd >= 0, "%s: errno %d", path, errno);
	error = syscall(SYS_finit_module, fd, "", 0) ? errno : 0;
	close(fd);
	while (!error && access(NETMAP_DEVICE_NAME, F_OK) && t_now() < end)
		t_sleep(0.001);
	return error;
}

/* ---- company ---- */

pid_t keep_doing(void (*fn)(void *arg), void *arg)
{
	pid_t parent = getpid(), pid = fork();

	t_check(pid >= 0);
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (getppid() == parent)
		fn(arg);
	_exit(0);
}

void stop_doing(pid_t pid)
{
	int status;

	/* who failed has ended already, and said why */
	if (waitpid(pid, &status, WNOHANG) == pid)
		t_fail(__FILE__, __LINE__, "the process beside us ended with status 0x%x", status);
	kill(pid, SIGKILL);
	t_check(waitpid(pid, &status, 0) == pid);
}
