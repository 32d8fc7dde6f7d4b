// SPDX-License-Identifier: BSD-2-Clause
#include "port.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef T_WITH_CORE
#include <libnmcore.h>
#endif

/* ---- the host ---- */

bool host_is(const char *name)
{
	const char *host = nmhost_name();

	t_check(host, "NETMAP_HOST is wrong");
	return !strcmp(host, name);
}

/* A daemon with settings, that goes with this process. Otherwise the first call starts one. */
static void daemon_start(const char *daemon, const char *sock, const char *age)
{
	pid_t parent = getpid(), pid = fork();
	double start = t_now();

	t_check(pid >= 0);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (getppid() == parent)
			execl(daemon, daemon, "--foreground", "--socket", sock, "--vale-age", age,
			      NULL);
		_exit(127);
	}
	while (access(sock, F_OK)) {
		t_check(t_now() < start + 10, "%s does not listen", daemon);
		t_check(!waitpid(pid, NULL, WNOHANG), "%s has ended", daemon);
		t_sleep(0.01);
	}
}

/* A module parameter; what it was in *old. */
static void module_parameter(const char *name, unsigned int value, unsigned int *old)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "/sys/module/netmap/parameters/%s", name);
	f = fopen(path, "r+");
	if (!f)
		t_skip("%s can not be set: %s", path, strerror(errno));
	t_check(fscanf(f, "%u", old) == 1);
	rewind(f);
	t_check(fprintf(f, "%u\n", value) > 0);
	t_check(!fclose(f));
}

/* Settings are those of network namespaces made from then on: so, one of our own. */
static void kernel_start(unsigned int vale_age)
{
	unsigned int old, now;

	if (access("/dev/netmap", F_OK))
		t_skip("there is no /dev/netmap: load netmap.ko");
	if (!vale_age)
		return;
	module_parameter("vale_age", vale_age, &old);
	if (unshare(CLONE_NEWNET) < 0)
		t_skip("no network namespace: %s", strerror(errno));
	module_parameter("vale_age", old, &now);
}

void host_start(unsigned int vale_age)
{
	const char *daemon = getenv("NETMAPD");
	char age[16], sock[200];

	if (host_is("embedded")) {
#ifdef T_WITH_CORE
		if (vale_age)
			t_check(!nmcore_set("vale-age", vale_age));
#endif
		return;
	}
	if (host_is("kernel")) {
		kernel_start(vale_age);
		return;
	}
	t_check(daemon, "NETMAPD must name the daemon");
	t_path(sock, sizeof(sock), "sock");
	setenv("NETMAP_SOCKET", sock, 1);
	snprintf(age, sizeof(age), "%u", vale_age);
	if (vale_age)
		daemon_start(daemon, sock, age);
}

char *host_state(void)
{
#ifdef T_WITH_CORE
	if (host_is("embedded"))
		return nmcore_state(1);
#endif
	if (host_is("daemon")) {
		const char *daemon = getenv("NETMAPD");
		char cmd[512], *text = malloc(1 << 20);
		size_t n = 0, got;
		FILE *f;

		t_check(text && daemon, "NETMAPD must name the daemon");
		snprintf(cmd, sizeof(cmd), "'%s' --list --json", daemon);
		f = popen(cmd, "r");
		t_check(f);
		while (n < (1 << 20) - 1 && (got = fread(text + n, 1, (1 << 20) - 1 - n, f)) > 0)
			n += got;
		text[n] = '\0';
		t_eq(pclose(f), 0);
		return text;
	}
	if (host_is("kernel")) {
		char *text = calloc(1, 1 << 20);
		FILE *f = fopen("/proc/net/netmap.json", "r");

		t_check(text && f);
		t_check(fread(text, 1, (1 << 20) - 1, f) > 0);
		fclose(f);
		return text;
	}
	return NULL;
}

long long host_number(const char *path[], const char *key)
{
	char *state = host_state(), *p = state;
	char quoted[64];
	long long v = -1;
	int i;

	for (i = 0; p && path[i]; i++) {
		p = strstr(p, path[i]);
		if (p)
			p += strlen(path[i]);
	}
	snprintf(quoted, sizeof(quoted), "\"%s\":", key);
	if (p)
		p = strstr(p, quoted);
	if (p)
		v = atoll(p + strlen(quoted));
	free(state);
	return v;
}

long long port_counter(const char *name, const char *dir, const char *key)
{
	char port[128], direction[16];
	const char *path[] = { port, direction, NULL };

	snprintf(port, sizeof(port), "{\"name\":\"%s\"", name);
	snprintf(direction, sizeof(direction), "\"%s\":{", dir);
	return host_number(path, key);
}

int host_ctrl(struct nmreq_header *hdr)
{
	int fd = nmhost_open(), error = 0;

	t_check(fd >= 0, "%s", nmhost_strerror(-1));
	if (nmhost_ioctl(fd, NIOCCTRL, hdr) < 0) {
		error = errno;
		t_check(nmhost_strerror(fd)[0], "request %u failed with errno %d and no word",
			hdr->nr_reqtype, error);
	}
	t_eq(nmhost_close(fd), 0);
	return error;
}

int host_request(uint16_t type, const char *name, void *body)
{
	struct nmreq_header hdr;

	nmreq_header_init(&hdr, type, body);
	snprintf(hdr.nr_name, sizeof(hdr.nr_name), "%s", name);
	return host_ctrl(&hdr);
}

/* ---- ports ---- */

struct nmport_d *port_open(const char *spec)
{
	struct nmport_d *d = nmport_open(spec);

	t_check(d, "%s: errno %d", spec, errno);
	return d;
}

struct nmport_d *port_prepare(const char *spec)
{
	struct nmport_d *d = nmport_prepare(spec);

	t_check(d, "%s: errno %d", spec, errno);
	return d;
}

void port_register(struct nmport_d *d)
{
	t_check(!nmport_open_desc(d), "%s: errno %d", d->hdr.nr_name, errno);
}

static void silent(struct nmctx *ctx, const char *msg)
{
	(void)ctx;
	(void)msg;
}

/* The line about a failure that is wanted is not for the report. */
static nmctx_error_cb silence(struct nmctx *ctx)
{
	nmctx_error_cb cb = ctx->error;

	ctx->error = silent;
	return cb;
}

int port_open_errno(const char *spec)
{
	struct nmctx *ctx = nmctx_get();
	nmctx_error_cb cb = silence(ctx);
	struct nmport_d *d = nmport_open(spec);
	int error = errno;

	ctx->error = cb;
	t_check(!d, "%s could be opened", spec);
	return error;
}

int port_register_errno(struct nmport_d *d)
{
	nmctx_error_cb cb = silence(d->ctx);
	int error = nmport_open_desc(d) ? errno : 0;

	d->ctx->error = cb;
	return error;
}

void port_close(struct nmport_d *d)
{
	nmport_close(d);
}

struct netmap_ring *port_tx(struct nmport_d *d, unsigned int ring)
{
	return NETMAP_TXRING(d->nifp, ring);
}

struct netmap_ring *port_rx(struct nmport_d *d, unsigned int ring)
{
	return NETMAP_RXRING(d->nifp, ring);
}

void port_txsync(struct nmport_d *d)
{
	t_check(!nmhost_ioctl(d->fd, NIOCTXSYNC, NULL), "%s", nmhost_strerror(d->fd));
}

void port_rxsync(struct nmport_d *d)
{
	t_check(!nmhost_ioctl(d->fd, NIOCRXSYNC, NULL), "%s", nmhost_strerror(d->fd));
}

int port_poll(struct nmport_d *d, int events, int ms)
{
	struct pollfd p = { .fd = d->fd, .events = events };

	t_check(nmhost_poll(&p, 1, ms) >= 0, "errno %d", errno);
	return p.revents;
}

/* ---- frames ---- */

void frame_make(void *buf, unsigned int len, unsigned int to, unsigned int from, uint32_t number)
{
	unsigned char *p = buf;
	unsigned int i;

	t_check(len >= 18);
	memset(p, to == STATION_ALL ? 0xff : 0, 6);
	if (to != STATION_ALL) {
		p[0] = 2;
		p[4] = to >> 8;
		p[5] = to;
	}
	memset(p + 6, 0, 6);
	p[6] = 2;
	p[10] = from >> 8;
	p[11] = from;
	p[12] = 0x88;
	p[13] = 0xb5;
	for (i = 14; i < len - 4; i++)
		p[i] = number + i;
	memcpy(p + len - 4, &number, 4);
}

uint32_t frame_number(const void *buf, unsigned int len)
{
	uint32_t number;

	memcpy(&number, (const char *)buf + len - 4, 4);
	return number;
}

bool frame_ok(const void *buf, unsigned int len, unsigned int to, unsigned int from)
{
	char want[65536];

	if (len < 18 || len > sizeof(want))
		return false;
	frame_make(want, len, to, from, frame_number(buf, len));
	return !memcmp(buf, want, len);
}

void put_frame(struct nmport_d *d, unsigned int to, unsigned int from, uint32_t number,
	       unsigned int len, unsigned int flags)
{
	struct netmap_ring *ring = port_tx(d, d->first_tx_ring);
	struct netmap_slot *slot = &ring->slot[ring->head];

	t_check(!nm_ring_empty(ring), "no room to send");
	frame_make(NETMAP_BUF(ring, slot->buf_idx), len, to, from, number);
	slot->len = len;
	slot->flags = flags;
	ring->head = ring->cur = nm_ring_next(ring, ring->head);
}

void send_frame(struct nmport_d *d, unsigned int to, unsigned int from, uint32_t number)
{
	put_frame(d, to, from, number, 60, 0);
	port_txsync(d);
}

bool take_slot(struct nmport_d *d, unsigned int r, struct got *g)
{
	struct netmap_ring *ring = port_rx(d, r);
	struct netmap_slot *slot;

	if (nm_ring_empty(ring))
		port_rxsync(d);
	if (nm_ring_empty(ring))
		return false;
	slot = &ring->slot[ring->head];
	g->len = slot->len;
	g->flags = slot->flags;
	t_check(g->len <= sizeof(g->data));
	memcpy(g->data, NETMAP_BUF(ring, slot->buf_idx), g->len);
	g->number = g->len >= 4 ? frame_number(g->data, g->len) : 0;
	ring->head = ring->cur = nm_ring_next(ring, ring->head);
	return true;
}

unsigned int take_all(struct nmport_d *d)
{
	unsigned int n = 0, r;
	struct got g;

	port_rxsync(d);
	for (r = d->first_rx_ring; r <= d->last_rx_ring; r++)
		while (take_slot(d, r, &g))
			n++;
	port_rxsync(d);
	return n;
}

void expect_none(struct nmport_d *d)
{
	struct got g;
	unsigned int r;

	for (r = d->first_rx_ring; r <= d->last_rx_ring; r++)
		t_check(!take_slot(d, r, &g), "ring %u has a packet of %u bytes, number %u", r,
			g.len, g.number);
}

void expect_frame(struct nmport_d *d, uint32_t number)
{
	bool found = false;
	struct got g;
	unsigned int r;

	for (r = d->first_rx_ring; r <= d->last_rx_ring; r++) {
		while (take_slot(d, r, &g)) {
			t_check(!found, "a second packet, number %u", g.number);
			t_eq(g.number, number);
			found = true;
		}
	}
	t_check(found, "number %u did not come", number);
}

void good_pair(struct nmport_d **a, struct nmport_d **b)
{
	host_start(0);
	*a = port_open("vale7:a");
	*b = port_open("vale7:b");
}

void good_pair_works(struct nmport_d *a, struct nmport_d *b)
{
	static uint32_t n;

	take_all(b);
	send_frame(a, STATION_ALL, 1, ++n);
	expect_frame(b, n);
}
