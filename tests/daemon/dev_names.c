// SPDX-License-Identifier: BSD-2-Clause
/* An unmodified program: nm_open() with every form of name and flag, on a daemon. */
#include "dev.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>

#define NONE 1, 0 /* an empty range */

static void expect_rings(const struct nm_desc *d, int tx0, int tx1, int rx0, int rx1)
{
	t_eq(d->first_tx_ring, tx0);
	t_eq(d->last_tx_ring, tx1);
	t_eq(d->first_rx_ring, rx0);
	t_eq(d->last_rx_ring, rx1);
	t_eq(d->cur_tx_ring, tx0);
	t_eq(d->cur_rx_ring, rx0);
}

static struct nm_desc *opened(const char *name, const struct nmreq *req, uint64_t flags,
			      const struct nm_desc *parent)
{
	struct nm_desc *d = nm_open(name, req, flags, parent);

	t_check(d, "%s: %s", name, strerror(errno));
	t_check(IS_NETMAP_DESC(d) && NETMAP_FD(d) >= 0 && d->nifp);
	return d;
}

static void all_rings_or_one(void)
{
	struct nmreq req = {
		.nr_tx_rings = 4, .nr_rx_rings = 3, .nr_tx_slots = 64, .nr_rx_slots = 128
	};
	struct nm_desc *d, *e;

	daemon_start(NULL);
	d = opened("vale0:r", &req, 0, NULL);
	expect_rings(d, 0, 3, 0, 2);
	t_eq(d->req.nr_tx_rings, 4);
	t_eq(d->req.nr_rx_slots, 128);
	t_eq(NETMAP_TXRING(d->nifp, 3)->num_slots, 64);
	e = opened("vale0:r-2", NULL, 0, NULL);
	expect_rings(e, 2, 2, 2, 2);
	nm_close(e);
	e = opened("vale0:r-1/R", NULL, 0, NULL);
	expect_rings(e, NONE, 1, 1);
	nm_close(e);
	e = opened("vale0:r/T", NULL, 0, NULL);
	expect_rings(e, 0, 3, NONE);
	nm_close(e);
	t_check(!nm_open("vale0:r-4", NULL, 0, NULL));
	t_eq(errno, EINVAL);
	t_check(!nm_open("vale0:r/x", NULL, 0, NULL));
	t_eq(errno, EBUSY);
	nm_close(d);
	d = opened("vale0:r/x", NULL, 0, NULL);
	t_check(!nm_open("vale0:r", NULL, 0, NULL));
	t_eq(errno, EBUSY);
	nm_close(d);
}

static void pipes(void)
{
	struct nm_desc *x, *y;
	struct nm_pkthdr h;
	char frame[100];
	int i;

	daemon_start(NULL);
	memset(frame, 7, sizeof(frame));
	for (i = 0; i < 3; i++) {
		static const char *const name[][2] = { { "netmap:p{1", "netmap:p}1" },
						       { "vale0:p{27", "vale0:p}27" },
						       { "netmap:p}0/x", "netmap:p{0" } };

		x = opened(name[i][0], NULL, 0, NULL);
		y = opened(name[i][1], NULL, 0, x);
		t_check(x->mem == y->mem, "one memory for both ends");
		t_eq(nm_inject(x, frame, sizeof(frame)), sizeof(frame));
		t_check(!ioctl(NETMAP_FD(x), NIOCTXSYNC, NULL));
		t_check(!ioctl(NETMAP_FD(y), NIOCRXSYNC, NULL));
		t_check(!memcmp(nm_nextpkt(y, &h), frame, sizeof(frame)));
		t_eq(h.len, sizeof(frame));
		nm_close(y);
		nm_close(x);
	}
}

/* @MEMORY, and the parent's memory without a mapping of its own. */
static void memories(void)
{
	struct nm_desc *d, *e, *f;
	char name[64];

	daemon_start(NULL);
	d = opened("vale0:m1", NULL, 0, NULL);
	t_check(d->req.nr_arg2 > 1);
	snprintf(name, sizeof(name), "vale0:m2@%u", d->req.nr_arg2);
	e = opened(name, NULL, NM_OPEN_NO_MMAP, d);
	t_check(e->mem == d->mem && !e->done_mmap);
	f = opened("vale0:m3@1", NULL, 0, NULL);
	t_eq(f->req.nr_arg2, 1);
	nm_close(f);
	/* by the parent's number instead of the name's */
	f = opened("vale0:m4", NULL, NM_OPEN_ARG2, d);
	t_eq(f->req.nr_arg2, d->req.nr_arg2);
	nm_close(f);
	nm_close(e);
	nm_close(d);
	t_check(!nm_open("vale0:m5@60000", NULL, 0, NULL));
	t_eq(errno, ENOENT);
}

static void values_of_a_parent(void)
{
	struct nmreq req = { .nr_tx_rings = 2, .nr_rx_rings = 5, .nr_arg3 = 10 };
	struct nm_desc *d, *e;

	daemon_start(NULL);
	d = opened("vale0:p1", &req, 0, NULL);
	t_eq(d->req.nr_arg3, 10); /* extra buffers */
	t_check(d->nifp->ni_bufs_head);
	e = opened("vale0:p2", NULL, NM_OPEN_RING_CFG | NM_OPEN_ARG3, d);
	expect_rings(e, 0, 1, 0, 4);
	t_eq(e->req.nr_arg3, 10);
	nm_close(e);
	e = opened(NULL, NULL, NM_OPEN_IFNAME, d);
	t_eq(strcmp(e->req.nr_name, "vale0:p1"), 0);
	nm_close(e);
	nm_close(d);
	d = opened("vale0:p3", NULL, NETMAP_NO_TX_POLL | NETMAP_DO_RX_POLL, NULL);
	t_check(nm_inject(d, "123456789012345678901234567890123456789012345678901234567890", 60));
	struct pollfd p = { .fd = NETMAP_FD(d), .events = POLLIN };
	t_eq(poll(&p, 1, 0), 0);
	t_check(nm_tx_pending(NETMAP_TXRING(d->nifp, 0)), "poll must not send it");
	nm_close(d);
}

/* What is told on stderr, as a user would see it. */
static void refused(const char *name, int error, const char *words)
{
	char path[108], text[1000] = "";
	int keep = dup(2), fd;
	struct nm_desc *d;
	ssize_t n;
	int e;

	t_path(path, sizeof(path), "stderr");
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	t_check(keep >= 0 && fd >= 0 && dup2(fd, 2) == 2);
	d = nm_open(name, NULL, 0, NULL);
	e = errno;
	t_check(dup2(keep, 2) == 2);
	n = pread(fd, text, sizeof(text) - 1, 0);
	close(fd);
	close(keep);
	t_check(!d, "%s opens", name);
	t_check(e == error, "%s: %s", name, strerror(e));
	t_check(n > 0 && strstr(text, words), "%s: no '%s' in '%s'", name, words, text);
}

static void wrong_names_say_what_is_right(void)
{
	daemon_start(NULL);
	refused("eth0", EINVAL, "did you mean netmap:eth0?");
	refused("netmp:eth0", EINVAL, "did you mean netmap:eth0?");
	refused("vale0", EINVAL, "did you mean");
	refused("vale0:", EINVAL, "no port name");
	refused("netmap:", EINVAL, "no port name");
	refused("vale0:a{", EINVAL, "PORT{ID");
	refused("vale0:a/q", EINVAL, "xztrRT");
	refused("vale0:a/RT", EINVAL, "exclude each other");
	refused("vale0:a@x", EINVAL, "memory id");
	refused("vale0:a@99999", EINVAL, "0-65535");
	refused("vale0:a b", EINVAL, "' ' in a port name");
	refused("netmap:longer-than-fifteen", EINVAL, "limit 15");
	/* the host's own words */
	refused("netmap:nosuch0", ENXIO, "nosuch0");
	refused("vale0:a^", EOPNOTSUPP, "host rings");
	refused("vale0:a*", EOPNOTSUPP, "host rings");
}

T_MAIN(T_CASE(all_rings_or_one), T_CASE(pipes), T_CASE(memories), T_CASE(values_of_a_parent),
       T_CASE(wrong_names_say_what_is_right))
