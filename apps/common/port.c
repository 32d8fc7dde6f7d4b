/* SPDX-License-Identifier: BSD-2-Clause */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "port.h"
#include "signals.h"
#include "units.h"

/*
 * The library tells its errors to a callback, the host tells its own to nmhost_strerror().
 * The last line is kept here, so that each failure is one line, printed by one place.
 */
static __thread char last_error[512];

static void keep_error(struct nmctx *ctx, const char *text)
{
	size_t n;

	(void)ctx;
	snprintf(last_error, sizeof(last_error), "%s", text);
	n = strlen(last_error);
	while (n && last_error[n - 1] == '\n')
		last_error[--n] = '\0';
}

const char *port_full_name(const char *name, char *buf, size_t size)
{
	int plain = strncmp(name, "vale", 4) != 0 && !strchr(name, ':');

	snprintf(buf, size, "%s%s", plain ? "netmap:" : "", name);
	return buf;
}

int port_is_nic(const char *name)
{
	if (strncmp(name, "netmap:", 7) == 0)
		name += 7;
	return strncmp(name, "vale", 4) != 0 && !strpbrk(name, "{}");
}

struct nmport_d *port_prepare(const char *name)
{
	char full[256];
	struct nmport_d *d;

	nmctx_get()->error = keep_error;
	last_error[0] = '\0';
	d = nmport_prepare(port_full_name(name, full, sizeof(full)));
	if (!d)
		warnx("%s: %s", name, last_error[0] ? last_error : strerror(errno));
	return d;
}

int port_open(struct nmport_d *d)
{
	char name[sizeof(d->hdr.nr_name) + 1];
	int e;

	snprintf(name, sizeof(name), "%s", d->hdr.nr_name);
	last_error[0] = '\0';
	if (nmport_open_desc(d) == 0)
		return 0;
	e = errno;
	warnx("%s: %s", name, last_error[0] ? last_error : strerror(e));
	nmport_close(d);
	errno = e;
	return -1;
}

struct nmport_d *port_open_name(const char *name)
{
	struct nmport_d *d = port_prepare(name);

	return d && port_open(d) == 0 ? d : NULL;
}

int port_config_parse(const char *text, struct port_config *c)
{
	uint64_t v[4] = { 0 };
	char copy[128], *p = copy, *word;
	int n = 0;

	if (strlen(text) >= sizeof(copy))
		return -1;
	strcpy(copy, text);
	while ((word = strsep(&p, ",")) != NULL) {
		if (n == 4 || parse_number(word, 0, n < 2 ? 1 << 20 : 4096, &v[n]))
			return -1;
		n++;
	}
	c->given = n;
	c->tx_slots = (uint32_t)v[0];
	c->rx_slots = (uint32_t)(n == 1 ? v[0] : v[1]);
	c->tx_rings = (uint16_t)v[2];
	c->rx_rings = (uint16_t)(n == 3 ? v[2] : v[3]);
	return 0;
}

static int link_is_up(const char *ifname)
{
	char path[128], c = '0';
	FILE *f;

	snprintf(path, sizeof(path), "/sys/class/net/%s/carrier", ifname);
	f = fopen(path, "r");
	if (!f)
		return 1; /* not an interface that has a link */
	if (fread(&c, 1, 1, f) != 1)
		c = '0'; /* reading fails while the interface is down */
	fclose(f);
	return c == '1';
}

int port_wait_link(const struct nmport_d *d, double seconds, int always)
{
	uint64_t end = now_ns() + (uint64_t)(seconds * 1e9);
	const char *name = port_name(d);

	if (strncmp(name, "netmap:", 7) == 0)
		name += 7;
	if (!always && !port_is_nic(name))
		return 0;
	while (now_ns() < end) {
		if (stop_requested)
			return -1;
		if (!always && link_is_up(name))
			return 0;
		usleep(20000);
	}
	if (!always && !link_is_up(name))
		warnx("%s: no link after %g s, going on (-w sets how long to wait)", name, seconds);
	return 0;
}

const char *port_error(const struct nmport_d *d, int e)
{
	const char *text = d->fd >= 0 ? nmhost_strerror(d->fd) : "";

	return text && text[0] ? text : strerror(e);
}

unsigned port_tx_pending(const struct nmport_d *d)
{
	unsigned pending = 0;

	if (!d->nifp)
		return 0;
	for (unsigned i = d->first_tx_ring; i <= d->last_tx_ring; i++) {
		struct netmap_ring *r = NETMAP_TXRING(d->nifp, i);
		uint32_t room =
			__atomic_load_n(&r->tail, __ATOMIC_ACQUIRE) + r->num_slots - r->head;

		if (room >= r->num_slots)
			room -= r->num_slots;
		pending += r->num_slots - 1 - room;
	}
	return pending;
}

int port_drain(struct nmport_d *d, int patience_ms)
{
	uint64_t moved = now_ns();
	unsigned left = port_tx_pending(d), was = left;

	while (left) {
		if (port_txsync(d))
			return -1;
		left = port_tx_pending(d);
		if (left < was) {
			was = left;
			moved = now_ns();
		} else if (now_ns() - moved > (uint64_t)patience_ms * 1000000) {
			break;
		} else {
			usleep(200);
		}
	}
	return (int)left;
}

int port_poll(struct nmport_d *d, short events, int timeout_ms)
{
	struct pollfd p = { .fd = d->fd, .events = events };
	int n = nmhost_poll(&p, 1, timeout_ms);

	if (n < 0)
		return errno == EINTR ? 0 : -1;
	if (n > 0 && (p.revents & (POLLERR | POLLNVAL | POLLHUP))) {
		errno = ENXIO;
		return -1;
	}
	return n;
}

static int header_request(const char *name, uint16_t type, struct nmreq_port_hdr *body)
{
	struct nmreq_header hdr;
	int fd, err, e;

	nmreq_header_init(&hdr, type, body);
	snprintf(hdr.nr_name, sizeof(hdr.nr_name), "%s",
		 strncmp(name, "netmap:", 7) ? name : name + 7);
	fd = nmhost_open();
	if (fd < 0)
		return -1;
	err = nmhost_ioctl(fd, NIOCCTRL, &hdr);
	e = errno;
	if (err && type == NETMAP_REQ_PORT_HDR_SET)
		warnx("%s: %s", name, nmhost_strerror(fd)[0] ? nmhost_strerror(fd) : strerror(e));
	nmhost_close(fd);
	errno = e;
	return err;
}

int port_set_header(const char *name, unsigned len)
{
	struct nmreq_port_hdr body = { .nr_hdr_len = len };

	return header_request(name, NETMAP_REQ_PORT_HDR_SET, &body);
}

int port_get_header(const char *name)
{
	struct nmreq_port_hdr body = { 0 };

	if (header_request(name, NETMAP_REQ_PORT_HDR_GET, &body))
		return -1;
	return (int)body.nr_hdr_len;
}
