// SPDX-License-Identifier: BSD-2-Clause
/* netmapd --list: a client of the daemon that asks for its state. Starts none. */
#include "netmapd.h"

#include <poll.h>

static int complain(const char *what, int error)
{
	fprintf(stderr, "netmapd: %s: %s\n", what, strerror(error));
	return 1;
}

static int no_daemon(void)
{
	fprintf(stderr, "netmapd: no daemon runs at %s\n", nmd.path);
	return 1;
}

/* The next message, in `buf`; the daemon may be busy, but not for ever. */
static ssize_t next(int s, void *buf, size_t size, int *fds, unsigned int *nfds)
{
	struct pollfd p = { .fd = s, .events = POLLIN };

	if (poll(&p, 1, 10000) <= 0) {
		errno = ETIMEDOUT;
		return -1;
	}
	return nmd_recv(s, buf, size, fds, nfds);
}

static int copy_out(int fd)
{
	char buf[16384];
	ssize_t n;
	off_t off = 0;

	while ((n = pread(fd, buf, sizeof(buf), off)) > 0) {
		if (fwrite(buf, 1, n, stdout) != (size_t)n)
			return complain("can't write the listing", errno);
		off += n;
	}
	if (n < 0 || fflush(stdout))
		return complain("can't write the listing", errno);
	return 0;
}

static int converse(int s, bool json)
{
	union {
		struct nmd_header h;
		struct nmd_text text;
		struct nmd_welcome welcome;
	} in;
	struct nmd_hello hello = { .purpose = NMD_FOR_LIST };
	struct nmd_list ask = { .json = json };
	int fds[NMD_FDS_MAX], error;
	unsigned int nfds;
	ssize_t n;

	nmd_header_init(&hello.h, NMD_HELLO, sizeof(hello));
	nmd_header_init(&ask.h, NMD_LIST, sizeof(ask));
	error = nmd_send(s, &hello, sizeof(hello), NULL, 0);
	if (!error)
		error = nmd_send(s, &ask, sizeof(ask), NULL, 0);
	if (error == EPIPE || error == ECONNRESET)
		return no_daemon();
	if (error)
		return complain("can't ask the daemon", error);
	for (;;) {
		n = next(s, &in, sizeof(in), fds, &nfds);
		if (n == 0 || (n < 0 && errno == ECONNRESET))
			return no_daemon();
		if (n < (ssize_t)sizeof(in.h) || in.h.magic != NMD_MAGIC)
			return complain("no answer", n < 0 ? errno : EBADMSG);
		if (in.h.type == NMD_REFUSED && n == sizeof(in.text)) {
			in.text.text[NMD_TEXT - 1] = '\0';
			fprintf(stderr, "netmapd: %s\n", in.text.text);
			return 1;
		}
		if (in.h.type == NMD_LISTING && nfds == 1) {
			error = copy_out(fds[0]);
			close(fds[0]);
			return error;
		}
		nmd_close_fds(fds, nfds);
	}
}

int nmd_print_list(bool json)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), status;

	if (s < 0)
		return complain("socket", errno);
	memcpy(sun.sun_path, nmd.path, sizeof(sun.sun_path));
	if (connect(s, (struct sockaddr *)&sun, sizeof(sun)) < 0) {
		status = errno == ENOENT || errno == ECONNREFUSED ? no_daemon() :
								    complain(nmd.path, errno);
		close(s);
		return status;
	}
	status = converse(s, json);
	close(s);
	return status;
}
