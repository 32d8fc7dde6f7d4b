// SPDX-License-Identifier: BSD-2-Clause
#include "fixture.h"

#include <arpa/inet.h>
#include <libnmcore.h>

#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <net/netmap_user.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ETHERTYPE_TEST 0x88b5 /* for local experiments */

bool host_is(const char *name)
{
	const char *host = nmhost_name();

	check(host != NULL, "NETMAP_HOST is wrong");
	return !strcmp(host, name);
}

/* The thread sanitizer objects to threads in a forked child unless told otherwise. */
const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
	return "die_after_fork=0";
}

void fail_at(const char *file, int line, const char *cond, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "%s:%d: failed: %s: ", file, line, cond);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\n");
	exit(1);
}

void skip(const char *fmt, ...)
{
	va_list ap;

	printf("SKIP: ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	fflush(stdout);
	_exit(SKIP);
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

void nic_xdp(bool use)
{
	FILE *f = fopen("/sys/module/netmap/parameters/xdp", "w");

	check(f && fprintf(f, "%d\n", use) > 0 && !fclose(f));
}

void net_setup(int queues)
{
	if (geteuid())
		skip("needs root, for a network namespace");
	if (host_is("kernel") && access("/dev/netmap", F_OK))
		skip("there is no /dev/netmap: load netmap.ko");
	if (host_is("kernel"))
		nic_xdp(!getenv("NIC_EMULATED"));
	if (unshare(CLONE_NEWNET) < 0)
		skip("no network namespace: %s", strerror(errno));
	if (sh("ip link set lo up"))
		skip("no ip(8)");
	/* no addresses, so that nothing but the test sends */
	sh("sysctl -qw net.ipv6.conf.default.disable_ipv6=1 2>/dev/null");
	if (sh("ip link add nt0 numrxqueues %d numtxqueues %d type veth "
	       "peer name nt1 numrxqueues %d numtxqueues %d 2>/dev/null",
	       queues, queues, queues, queues))
		skip("no veth interfaces");
	check(!sh("ip link set nt0 up && ip link set nt1 up"));
}

void net_by_stack(bool yes)
{
	if (host_is("kernel"))
		check(!sh("echo %c >/sys/module/netmap/parameters/xdp", yes ? 'N' : 'Y'));
	else
		check(!nmcore_set("nic-mode", yes ? 3 : 0));
}

struct net_counters net_counters(const char *ifname)
{
	struct net_counters c = { 0 };
	char line[512], name[32];
	FILE *f = fopen("/proc/thread-self/net/dev", "r");

	check(f != NULL);
	while (fgets(line, sizeof(line), f)) {
		char *colon = strchr(line, ':');
		unsigned long long v[16];

		if (!colon)
			continue;
		*colon = '\0';
		if (sscanf(line, "%31s", name) != 1 || strcmp(name, ifname))
			continue;
		if (sscanf(colon + 1, "%llu %llu %llu %llu %llu %llu %llu %llu %llu %llu", &v[0],
			   &v[1], &v[2], &v[3], &v[4], &v[5], &v[6], &v[7], &v[8], &v[9]) == 10)
			c = (struct net_counters){ v[1], v[0], v[9], v[8] };
	}
	fclose(f);
	return c;
}

int port_open(struct port *p, const char *name, uint32_t mode, uint16_t ring, uint64_t flags)
{
	return port_open_host(p, name, mode, ring, flags, 0);
}

int port_open_host(struct port *p, const char *name, uint32_t mode, uint16_t ring, uint64_t flags,
		   uint16_t host_rings)
{
	const struct nmreq_register wish = {
		.nr_host_tx_rings = host_rings,
		.nr_host_rx_rings = host_rings,
	};

	return port_open_wish(p, name, mode, ring, flags, &wish);
}

int port_open_wish(struct port *p, const char *name, uint32_t mode, uint16_t ring, uint64_t flags,
		   const struct nmreq_register *wish)
{
	memset(p, 0, sizeof(*p));
	p->reg = *wish;
	p->fd = nmhost_open();
	check(p->fd >= 0, "%s", nmhost_strerror(-1));
	p->reg.nr_mode = mode;
	p->reg.nr_ringid = ring;
	p->reg.nr_flags = flags;
	p->error = port_request(p, NETMAP_REQ_REGISTER, name, &p->reg);
	if (p->error)
		return -1;
	p->mem = nmhost_mmap(p->fd, p->reg.nr_memsize);
	check(p->mem != MAP_FAILED);
	p->nifp = NETMAP_IF(p->mem, p->reg.nr_offset);
	return 0;
}

void port_close(struct port *p)
{
	if (p->mem)
		munmap(p->mem, p->reg.nr_memsize);
	if (p->fd >= 0)
		check(!nmhost_close(p->fd));
	memset(p, 0, sizeof(*p));
	p->fd = -1;
}

int port_ioctl(struct port *p, unsigned long request, void *arg)
{
	return nmhost_ioctl(p->fd, request, arg);
}

int port_events(struct port *p, int events)
{
	struct pollfd pfd = { .fd = p->fd, .events = events };

	check(nmhost_poll(&pfd, 1, 0) >= 0);
	return pfd.revents;
}

const char *port_error(struct port *p)
{
	return nmhost_strerror(p->fd);
}

int port_request(struct port *p, uint16_t type, const char *name, void *body)
{
	struct nmreq_header hdr = {
		.nr_version = NETMAP_API,
		.nr_reqtype = type,
		.nr_body = (uintptr_t)body,
	};

	snprintf(hdr.nr_name, sizeof(hdr.nr_name), "%s", name);
	return port_ioctl(p, NIOCCTRL, &hdr) < 0 ? errno : 0;
}

struct netmap_ring *port_txring(struct port *p, uint32_t i)
{
	return NETMAP_TXRING(p->nifp, i);
}

struct netmap_ring *port_rxring(struct port *p, uint32_t i)
{
	return NETMAP_RXRING(p->nifp, i);
}

void ring_scribble(struct netmap_ring *r, unsigned int *seed)
{
	struct netmap_slot *s = &r->slot[(uint32_t)rand_r(seed) % r->num_slots];
	uint32_t v = (uint32_t)rand_r(seed) * (uint32_t)rand_r(seed);

	switch (rand_r(seed) % 8) {
	case 0:
		__atomic_store_n(&s->buf_idx, v, __ATOMIC_RELAXED);
		break;
	case 1: /* somebody else's, or its own twice */
		__atomic_store_n(&s->buf_idx, v % 8192, __ATOMIC_RELAXED);
		break;
	case 2:
		__atomic_store_n(&s->len, (uint16_t)v, __ATOMIC_RELAXED);
		break;
	case 3:
		__atomic_store_n(&s->flags, (uint16_t)v, __ATOMIC_RELAXED);
		break;
	case 4:
		__atomic_store_n(&r->flags, v & (NR_FORWARD | NR_TIMESTAMP), __ATOMIC_RELAXED);
		break;
	case 5:
		__atomic_store_n(&r->head, v % (r->num_slots * 2), __ATOMIC_RELAXED);
		break;
	case 6:
		__atomic_store_n(&r->cur, v % (r->num_slots + 2), __ATOMIC_RELAXED);
		break;
	default:
		__atomic_store_n(&r->head, r->tail, __ATOMIC_RELAXED);
		__atomic_store_n(&r->cur, r->tail, __ATOMIC_RELAXED);
	}
}

void frame_make(uint8_t *buf, uint32_t len, uint32_t seq)
{
	uint16_t type = htons(ETHERTYPE_TEST);

	memset(buf, 0xff, 6);
	memcpy(buf + 6, "\x02nmtst", 6);
	memcpy(buf + 12, &type, 2);
	memcpy(buf + 14, &seq, 4);
	for (uint32_t i = 18; i < len; i++)
		buf[i] = (uint8_t)(seq + i);
}

bool frame_check(const uint8_t *buf, uint32_t len, uint32_t *seq)
{
	uint16_t type = htons(ETHERTYPE_TEST);

	if (len < 18 || memcmp(buf + 12, &type, 2))
		return false;
	memcpy(seq, buf + 14, 4);
	for (uint32_t i = 18; i < len; i++)
		if (buf[i] != (uint8_t)(*seq + i))
			fail_at(__FILE__, __LINE__, "frame content", "frame %u byte %u", *seq, i);
	return true;
}

int port_wait(struct port *p, int events, int ms)
{
	struct pollfd pfd = { .fd = p->fd, .events = events };

	check(nmhost_poll(&pfd, 1, ms) >= 0);
	return pfd.revents;
}

uint32_t port_send(struct port *p, uint32_t ring, uint32_t n, uint32_t len, uint32_t seq)
{
	struct netmap_ring *r = port_txring(p, ring);
	double end = now() + patience(5);
	uint32_t sent = 0;

	while (sent < n && now() < end) {
		uint32_t room = nm_ring_space(r);

		for (; room && sent < n; room--, sent++) {
			struct netmap_slot *s = &r->slot[r->head];

			frame_make((uint8_t *)NETMAP_BUF(r, s->buf_idx), len, seq + sent);
			s->len = len;
			s->flags = 0;
			r->head = r->cur = nm_ring_next(r, r->head);
		}
		check(!port_ioctl(p, NIOCTXSYNC, NULL), "%s", port_error(p));
		if (!nm_ring_space(r))
			port_wait(p, POLLOUT, 1000);
	}
	/* until all of it has left */
	while (nm_ring_space(r) < r->num_slots - 1 && now() < end) {
		check(!port_ioctl(p, NIOCTXSYNC, NULL), "%s", port_error(p));
		usleep(100);
	}
	return sent;
}

uint32_t port_receive(struct port *p, uint32_t n, int ms)
{
	uint32_t got = 0, seq;

	while (got < n) {
		if (!(port_wait(p, POLLIN, patience(ms)) & POLLIN))
			break;
		for (uint32_t i = 0; i < p->nifp->ni_rx_rings; i++) {
			struct netmap_ring *r = p->nifp->ring_ofs[p->nifp->ni_tx_rings +
								  p->nifp->ni_host_tx_rings + i] ?
							port_rxring(p, i) :
							NULL;

			for (; r && !nm_ring_empty(r); r->head = r->cur) {
				struct netmap_slot *s = &r->slot[r->head];

				got += frame_check((uint8_t *)NETMAP_BUF(r, s->buf_idx), s->len,
						   &seq);
				r->cur = nm_ring_next(r, r->head);
			}
		}
	}
	port_ioctl(p, NIOCRXSYNC, NULL);
	return got;
}

int raw_open(const char *ifname)
{
	struct sockaddr_ll addr = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = if_nametoindex(ifname),
	};
	int fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
	int room = 32 << 20;

	check(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	check(!bind(fd, (struct sockaddr *)&addr, sizeof(addr)));
	return fd;
}

uint32_t raw_receive(int fd, uint32_t n, int ms)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	uint32_t got = 0, seq;
	uint8_t buf[9216];
	ssize_t len;

	while (got < n && poll(&pfd, 1, patience(ms)) > 0) {
		len = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
		if (len > 0)
			got += frame_check(buf, len, &seq);
	}
	return got;
}

uint32_t raw_send(int fd, uint32_t n, uint32_t len, uint32_t seq)
{
	double end = now() + patience(5);
	uint8_t buf[9216];
	uint32_t sent = 0;

	while (sent < n) {
		frame_make(buf, len, seq + sent);
		if (send(fd, buf, len, 0) >= 0)
			sent++;
		else if (errno == ENOBUFS && now() < end)
			usleep(100); /* the other end has not yet taken what it has */
		else
			break;
	}
	return sent;
}

double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

double patience(double seconds)
{
	const char *times = getenv("T_PATIENCE");

	return times && atoi(times) > 1 ? seconds * atoi(times) : seconds;
}

/* The listing. */
static char *state_text(void)
{
	size_t room = 1 << 20;
	char *text;
	FILE *f;

	if (!host_is("kernel"))
		return nmcore_state(0);
	text = calloc(1, room);
	f = fopen("/proc/thread-self/net/netmap", "r");
	check(text && f);
	check(fread(text, 1, room - 1, f) > 0);
	fclose(f);
	return text;
}

bool state_has(const char *text)
{
	char *state = state_text();
	bool has = state && strstr(state, text);

	if (!has)
		fprintf(stderr, "the listing does not have \"%s\":\n%s\n", text,
			state ? state : "(none)");
	free(state);
	return has;
}

bool state_lacks(const char *text)
{
	char *state = state_text();
	bool lacks = state && !strstr(state, text);

	if (!lacks)
		fprintf(stderr, "the listing has \"%s\":\n%s\n", text, state ? state : "(none)");
	free(state);
	return lacks;
}

long port_stat(const char *port, const char *dir)
{
	char *state = state_text(), *at = state, key[32];
	size_t len = strlen(port);
	long n = -1;

	while (at && (strncmp(at, port, len) || at[len] != ' ')) {
		at = strchr(at, '\n');
		at = at ? at + 1 : NULL;
	}
	snprintf(key, sizeof(key), "\n  %s ", dir);
	at = at ? strstr(at, key) : NULL;
	at = at ? strstr(at, "packets") : NULL;
	if (at)
		sscanf(at, "packets %ld", &n);
	free(state);
	return n;
}
