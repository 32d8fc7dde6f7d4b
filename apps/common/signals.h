/* SPDX-License-Identifier: BSD-2-Clause */
/* SIGINT and SIGTERM ask the program to end; it looks at the flag in its loops. */
#ifndef APPS_SIGNALS_H
#define APPS_SIGNALS_H

#include <signal.h>

extern volatile sig_atomic_t stop_requested;

/* A second signal ends the program at once: a way out if something is stuck. */
void signals_init(void);

#endif
