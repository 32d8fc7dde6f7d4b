// SPDX-License-Identifier: BSD-2-Clause
/*
 * bench-idle PORT...: opens ports and waits for packets, for ever, one thread
 * for all of them. Who measures how much processor time that takes, ends it.
 */
#include <libnetmap.h>

#include <err.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	struct pollfd *pfd = calloc(argc, sizeof(*pfd));

	if (argc < 2 || !pfd)
		errx(2, "usage: bench-idle PORT...");
	for (int i = 1; i < argc; i++) {
		struct nmport_d *d = nmport_open(argv[i]);

		if (!d)
			err(1, "%s", argv[i]);
		pfd[i - 1] = (struct pollfd){ .fd = d->fd, .events = POLLIN };
	}
	printf("open\n");
	fflush(stdout);
	if (nmhost_poll(pfd, argc - 1, -1) < 0)
		err(1, "poll");
	errx(1, "something came");
}
