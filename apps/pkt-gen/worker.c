/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdio.h>

#include "worker.h"

void worker_fail(struct worker *w, const char *what)
{
	int e = errno;

	w->failed = 1;
	snprintf(w->why, sizeof(w->why), "%s: %s: %s", port_name(w->port), what,
		 port_error(w->port, e));
}
