// SPDX-License-Identifier: BSD-2-Clause
/* 32-bit programs: struct netmap_if looks different to them, so they are told, not misled. */
#include "kern.h"

#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

/* What errno the program of 32 bits gets. */
static int ioctl32(unsigned long request)
{
	const char *program = getenv("PROG32");
	char arg[24];
	int status;
	pid_t pid;

	t_check(program, "PROG32 must name it");
	snprintf(arg, sizeof(arg), "%lu", request & 0xffffffff);
	pid = fork();
	if (!pid) {
		execl(program, program, arg, NULL);
		_exit(errno == ENOEXEC ? 126 : 127);
	}
	t_check(waitpid(pid, &status, 0) == pid);
	t_check(WIFEXITED(status), "status 0x%x", status);
	if (WEXITSTATUS(status) == 126)
		t_skip("this kernel runs no 32-bit programs");
	return WEXITSTATUS(status);
}

static void every_request_is_refused(void)
{
	kern_start();
	t_eq(ioctl32(NIOCCTRL), EOPNOTSUPP);
	t_eq(ioctl32(NIOCREGIF), EOPNOTSUPP);
	t_eq(ioctl32(NIOCGINFO), EOPNOTSUPP);
	t_eq(ioctl32(NIOCTXSYNC), EOPNOTSUPP);
	t_eq(ioctl32(12345), EOPNOTSUPP);
	expect_nothing_left();
}

T_MAIN(T_CASE(every_request_is_refused))
