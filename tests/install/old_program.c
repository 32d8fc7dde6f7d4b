/* SPDX-License-Identifier: BSD-2-Clause */
/* The same as programs have long been written: the header alone, and system calls. C and C++. */
#define NETMAP_WITH_LIBS
#include <net/netmap_user.h>
#include <poll.h>

int main(void)
{
	struct nm_desc *a = nm_open("vale0:a", NULL, 0, NULL), *b = nm_open("vale0:b", NULL, 0, a);
	struct nm_pkthdr h;
	struct pollfd pfd;
	char frame[60];

	if (!a || !b)
		return 1;
	memset(frame, 0xff, sizeof(frame));
	frame[6] = 2;
	if (nm_inject(a, frame, sizeof(frame)) != (int)sizeof(frame) ||
	    ioctl(NETMAP_FD(a), NIOCTXSYNC, NULL))
		return 2;
	pfd.fd = NETMAP_FD(b);
	pfd.events = POLLIN;
	if (poll(&pfd, 1, 10000) != 1)
		return 3;
	if (memcmp(nm_nextpkt(b, &h), frame, sizeof(frame)) || h.len != sizeof(frame))
		return 4;
	nm_close(b);
	nm_close(a);
	return 0;
}
