/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The embedded host as programs have it: libnmcore is not linked in, but loaded when
 * asked for. NETMAP_LIBNMCORE, set by the build, is the real one; each case is a child,
 * since what was found stays.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libnetmap.h"

static int child(const char *library, int (*fn)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		setenv("NETMAP_HOST", "embedded", 1);
		if (library)
			setenv("NETMAP_LIBNMCORE", library, 1);
		_exit(fn());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int is_missing(void)
{
	if (nmhost_open() != -1 || errno != ENOENT)
		return 1;
	return strstr(nmhost_strerror(-1), "/nonexistent/lib.so") ? 0 : 2;
}

static int is_something_else(void)
{
	if (nmhost_open() != -1)
		return 1;
	return strstr(nmhost_strerror(-1), "not of this version") ? 0 : 2;
}

/* A packet through a pipe, and polls that end when it arrives. */
static int works(void)
{
	struct nmport_d *a = nmport_open("netmap:libtest{1");
	struct nmport_d *b = nmport_open("netmap:libtest}1");
	struct netmap_ring *ring;
	struct pollfd fds;

	if (a == NULL || b == NULL || a->mem != b->mem)
		return 1;
	fds.fd = b->fd;
	fds.events = POLLIN;
	if (nmhost_poll(&fds, 1, 0) != 0)
		return 2;
	if (nmport_inject(a, "0123456789", 10) || nmhost_ioctl(a->fd, NIOCTXSYNC, NULL))
		return 3;
	if (nmhost_poll(&fds, 1, 1000) != 1 || fds.revents != POLLIN)
		return 4;
	ring = NETMAP_RXRING(b->nifp, b->first_rx_ring);
	if (nm_ring_space(ring) != 1 || ring->slot[ring->head].len != 10 ||
	    memcmp(NETMAP_BUF(ring, ring->slot[ring->head].buf_idx), "0123456789", 10))
		return 5;
	nmport_close(a);
	nmport_close(b);
	if (nmport_open("netmap:no-such-if") != NULL || errno == 0)
		return 6;
	return 0;
}

static void library_missing(void **state)
{
	(void)state;
	assert_int_equal(child("/nonexistent/lib.so", is_missing), 0);
}

static void library_wrong(void **state)
{
	(void)state;
	assert_int_equal(child("libm.so.6", is_something_else), 0);
}

static void library_right(void **state)
{
	(void)state;
	if (getenv("NETMAP_LIBNMCORE") == NULL)
		skip();
	assert_int_equal(child(NULL, works), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(library_missing),
		cmocka_unit_test(library_wrong),
		cmocka_unit_test(library_right),
	};

	return cmocka_run_group_tests_name("embedded", tests, NULL, NULL);
}
