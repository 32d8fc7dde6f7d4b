// SPDX-License-Identifier: BSD-2-Clause
/*
 * A 32-bit program, without any library (so that it can be built where there are none of that
 * size): open /dev/netmap, ioctl(argv[1]) with no argument. Exit code: errno, or 0.
 */
static long call(long number, long a, long b, long c)
{
	long result;

	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "a"(number), "b"(a), "c"(b), "d"(c)
			 : "memory");
	return result;
}

#define SYS_EXIT  1
#define SYS_OPEN  5
#define SYS_IOCTL 54
#define RDWR	  2

/* argc is at the stack's top, argv behind it. */
__attribute__((used)) static void begin(const long *stack)
{
	const char *arg = (const char *)stack[2];
	unsigned long request = 0;
	long fd, result;

	while (arg && *arg)
		request = request * 10 + (*arg++ - '0');
	fd = call(SYS_OPEN, (long)"/dev/netmap", RDWR, 0);
	result = fd < 0 ? fd : call(SYS_IOCTL, fd, request, 0);
	call(SYS_EXIT, -result, 0, 0);
	for (;;)
		;
}

__asm__(".globl _start\n_start:\n\tmovl %esp, %eax\n\tpushl %eax\n\tcall begin\n");
