/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "clock.h"
#include "signals.h"

volatile sig_atomic_t stop_requested;

static uint64_t stop_requested_ns;

/* clock_gettime() and signal() may be called here, says signal-safety(7). */
static void on_signal(int sig)
{
	if (!stop_requested) {
		stop_requested = 1;
		stop_requested_ns = now_ns();
	} else if (now_ns() - stop_requested_ns > NS_PER_SEC / 2) {
		signal(sig, SIG_DFL);
		raise(sig);
	}
}

void signals_init(void)
{
	struct sigaction sa;

	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = on_signal; /* no SA_RESTART: sleeps and polls must return */
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
}
