/* SPDX-License-Identifier: BSD-2-Clause */
/* A new descriptor: a connection to the daemon, past its greeting. */
#include <sys/random.h>
#include <sys/syscall.h>

#include "client.h"

#define PATIENCE 10000 /* ms that a living daemon may take to greet us */
#define TRIES	 5     /* daemons may end while we connect, but not one after the other */

static int say(char *err, size_t errlen, int error, const char *what, const char *path)
{
	snprintf(err, errlen, "%s %s: %s", what, path, strerror(error));
	return error;
}

/* Our end gets a name: whoever holds the descriptor can see by it what it is. */
static int name_socket(int s, uint64_t *id)
{
	struct sockaddr_un sun;
	int n;

	do {
		if (getrandom(id, sizeof(*id), 0) != sizeof(*id))
			*id = (uint64_t)getpid() << 32 ^ (uintptr_t)&n;
		memset(&sun, 0, sizeof(sun));
		sun.sun_family = AF_UNIX;
		n = snprintf(sun.sun_path + 1, sizeof(sun.sun_path) - 1, NMD_ABSTRACT "%016llx",
			     (unsigned long long)*id);
		if (*id != 0 &&
		    bind(s, (struct sockaddr *)&sun,
			 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n)) == 0)
			return 0;
	} while (errno == EADDRINUSE);
	return errno;
}

uint64_t nmc_identify(int fd)
{
	struct sockaddr_un sun;
	socklen_t len = sizeof(sun);
	const size_t prefix = sizeof(NMD_ABSTRACT) - 1;
	char hex[17], *end;
	uint64_t id;
	int e = errno;

	memset(&sun, 0, sizeof(sun));
	if (syscall(SYS_getsockname, fd, &sun, &len) < 0 || sun.sun_family != AF_UNIX ||
	    len != offsetof(struct sockaddr_un, sun_path) + 1 + prefix + 16 ||
	    sun.sun_path[0] != '\0' || memcmp(sun.sun_path + 1, NMD_ABSTRACT, prefix) != 0) {
		errno = e;
		return 0;
	}
	memcpy(hex, sun.sun_path + 1 + prefix, 16);
	hex[16] = '\0';
	id = strtoull(hex, &end, 16);
	errno = e;
	return *end == '\0' ? id : 0;
}

static int connect_to(int s, const char *path)
{
	const struct timeval patience = { PATIENCE / 1000, 0 };
	struct sockaddr_un sun = { .sun_family = AF_UNIX };

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (connect(s, (struct sockaddr *)&sun, sizeof(sun)) == 0)
		return 0;
	return errno == EAGAIN ? ETIMEDOUT : errno;
}

/* ECONNRESET: the daemon was about to end. Other errors have a text. */
static int greet(int s, char *err, size_t errlen)
{
	union {
		struct nmd_header h;
		struct nmd_welcome welcome;
		struct nmd_text text;
	} in;
	struct nmd_hello hello;
	int fds[NMD_FDS_MAX];
	unsigned int nfds;
	ssize_t n;

	memset(&hello, 0, sizeof(hello));
	nmd_header_init(&hello.h, NMD_HELLO, sizeof(hello));
	hello.purpose = NMD_FOR_PORTS;
	/*
	 * It may have refused us already: then its reason is there to be read, though the
	 * error of its hanging up comes first.
	 */
	if (nmc_send(s, &hello, sizeof(hello), -1, PATIENCE) < 0 && errno != EPIPE &&
	    errno != ECONNRESET)
		return say(err, errlen, errno, "netmapd", "(greeting)");
	n = nmc_recv(s, &in, sizeof(in), fds, &nfds, PATIENCE);
	if (n < 0 && errno == ECONNRESET)
		n = nmc_recv(s, &in, sizeof(in), fds, &nfds, PATIENCE);
	while (n >= 0 && nfds > 0)
		nmc_close(fds[--nfds]);
	if (n == 0 || (n < 0 && errno == ECONNRESET))
		return ECONNRESET;
	if (n < 0)
		return say(err, errlen, errno, "netmapd", "does not answer");
	if (n == (ssize_t)sizeof(in.text) && in.h.type == NMD_REFUSED) {
		in.text.text[NMD_TEXT - 1] = '\0';
		snprintf(err, errlen, "%s", in.text.text);
		return in.h.error != 0 ? (int)in.h.error : ECONNREFUSED;
	}
	if (n == (ssize_t)sizeof(in.welcome) && in.h.type == NMD_WELCOME &&
	    in.h.version == NMD_VERSION)
		return 0;
	snprintf(err, errlen,
		 "netmapd speaks version %u of the protocol, this program version %d: end "
		 "netmapd, or use the program that came with it",
		 in.h.version, NMD_VERSION);
	return EPROTONOSUPPORT;
}

/* One attempt. ENOENT, ECONNREFUSED, ECONNRESET: nobody is there. */
static int attempt(const char *path, bool cloexec, int *fdp, uint64_t *id, char *err, size_t errlen)
{
	int s, error;

	s = socket(AF_UNIX, SOCK_SEQPACKET | (cloexec ? SOCK_CLOEXEC : 0), 0);
	if (s < 0)
		return say(err, errlen, errno, "socket for", path);
	error = name_socket(s, id);
	if (error != 0) {
		say(err, errlen, error, "name for the socket to", path);
		goto fail;
	}
	error = connect_to(s, path);
	if (error != 0) {
		say(err, errlen, error, "connect to netmapd at", path);
		goto fail;
	}
	error = greet(s, err, errlen);
	if (error != 0)
		goto fail;
	*fdp = s;
	return 0;

fail:
	nmc_close(s);
	return error;
}

static bool nobody_there(int error)
{
	return error == ENOENT || error == ECONNREFUSED || error == ECONNRESET;
}

int nmc_open(bool cloexec, struct nmc_file **fp, char *err, size_t errlen)
{
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)] = "";
	int fd = -1, error, tries;
	uint64_t id = 0;

	nmc_enter();
	err[0] = '\0';
	error = -nmd_socket_path(path, sizeof(path));
	if (error != 0) {
		say(err, errlen, error, "no safe place for netmapd's socket:", path);
		errno = error;
		return -1;
	}
	for (tries = 0; tries < TRIES; tries++) {
		error = attempt(path, cloexec, &fd, &id, err, errlen);
		if (!nobody_there(error))
			break;
		error = nmc_start(path, err, errlen);
		if (error != 0)
			break;
		error = ECONNRESET;
	}
	if (error == 0) {
		*fp = nmc_file_get(id);
		if (*fp != NULL)
			return fd;
		error = ENOMEM;
		snprintf(err, errlen, "no memory for a netmap descriptor");
		nmc_close(fd);
	}
	errno = error;
	return -1;
}
