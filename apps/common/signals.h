/* SPDX-License-Identifier: BSD-2-Clause */
/* SIGINT and SIGTERM ask the program to end; it looks at the flag in its loops. */
#ifndef APPS_SIGNALS_H
#define APPS_SIGNALS_H

#include <signal.h>

extern volatile sig_atomic_t stop_requested;

/*
 * A further signal, half a second or more after the first, ends the program at once: a way out
 * if something is stuck. Earlier ones do not count, since some senders signal a program and its
 * process group: timeout(1) does.
 */
void signals_init(void);

#endif
