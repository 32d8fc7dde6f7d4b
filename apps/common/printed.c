/* SPDX-License-Identifier: BSD-2-Clause */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "printed.h"

static void check(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return;
	warn("standard output");
	_exit(EXIT_FAILURE);
}

void printed_check_at_exit(void)
{
	atexit(check);
}
