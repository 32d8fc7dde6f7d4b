// SPDX-License-Identifier: BSD-2-Clause
#include "daemon.h"

#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/wait.h>

static char place[108];

static const char *program(void)
{
	const char *path = getenv("NETMAPD");

	t_check(path, "NETMAPD must name the daemon");
	return path;
}

void daemon_place(void)
{
	t_path(place, sizeof(place), "sock");
	setenv("NETMAP_SOCKET", place, 1);
	setenv("NETMAP_HOST", "daemon", 1);
}

pid_t daemon_start(const char *arg, ...)
{
	const char *argv[32] = { program(), "--foreground", NULL };
	pid_t parent = getpid(), pid;
	double start = t_now();
	va_list ap;
	int n = 2;

	daemon_place();
	va_start(ap, arg);
	for (; arg && n < 31; arg = va_arg(ap, const char *))
		argv[n++] = arg;
	va_end(ap);
	argv[n] = NULL;
	pid = fork();
	t_check(pid >= 0);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		unsetenv("LD_PRELOAD");
		if (getppid() == parent)
			execv(argv[0], (char **)argv);
		_exit(127);
	}
	while (daemon_pid() != pid) {
		t_check(t_now() < start + 20, "%s does not listen", argv[0]);
		t_check(!waitpid(pid, NULL, WNOHANG), "%s has ended", argv[0]);
		t_sleep(0.01);
	}
	return pid;
}

void daemon_kill(pid_t pid, int sig)
{
	int status;

	t_check(!kill(pid, sig));
	t_eq(waitpid(pid, &status, 0), pid);
	if (sig == SIGTERM)
		t_eq(status, 0);
}

/* Without connecting, which would be a reason to stay. */
void daemon_await_end(double seconds)
{
	double end = t_now() + seconds;

	while (!access(place, F_OK)) {
		t_check(t_now() < end, "the daemon stays");
		t_sleep(0.05);
	}
	t_eq(daemon_pid(), 0);
}

pid_t daemon_pid(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct nmd_hello m = { .purpose = NMD_FOR_LIST };
	struct nmd_welcome w;
	int s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	pid_t pid = 0;

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", place);
	nmd_header_init(&m.h, NMD_HELLO, sizeof(m));
	if (!connect(s, (struct sockaddr *)&sun, sizeof(sun)) &&
	    send(s, &m, sizeof(m), MSG_NOSIGNAL) == sizeof(m) &&
	    recv(s, &w, sizeof(w), 0) == sizeof(w) && w.h.type == NMD_WELCOME)
		pid = w.pid;
	close(s);
	return pid;
}

char *daemon_list(bool json)
{
	const size_t size = 1 << 20;
	char cmd[400], *text = malloc(size);
	size_t n = 0, got;
	FILE *f;

	t_check(text);
	snprintf(cmd, sizeof(cmd), "LD_PRELOAD= '%s' --list %s 2>/dev/null", program(),
		 json ? "--json" : "");
	f = popen(cmd, "r");
	t_check(f);
	while (n < size - 1 && (got = fread(text + n, 1, size - 1 - n, f)) > 0)
		n += got;
	text[n] = '\0';
	if (!pclose(f))
		return text;
	free(text);
	return NULL;
}

/* ---- usage ---- */

static long count_entries(pid_t pid, const char *what)
{
	char path[64];
	struct dirent *d;
	DIR *dir;
	long n = 0;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, what);
	dir = opendir(path);
	t_check(dir, "%s", path);
	while ((d = readdir(dir)))
		n += d->d_name[0] != '.';
	closedir(dir);
	return n;
}

struct usage usage_of(pid_t pid)
{
	struct usage u = { .fds = count_entries(pid, "fd"), .threads = count_entries(pid, "task") };
	char path[64], line[512];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	f = fopen(path, "r");
	t_check(f, "%s", path);
	while (fgets(line, sizeof(line), f))
		u.maps += strstr(line, "memfd:netmap") != NULL;
	fclose(f);
	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "r");
	t_check(f, "%s", path);
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, "RssAnon:", 8))
			u.kbytes = atol(line + 8);
	fclose(f);
	return u;
}

void expect_no_more(pid_t pid, const struct usage *then)
{
	double end = t_now() + 10;
	struct usage now;

	do {
		now = usage_of(pid);
		/* a sanitizer has a thread of its own, and pipes to its symbolizer */
		if (now.fds <= then->fds + (t_slow() ? 4 : 0) &&
		    now.threads <= then->threads + t_slow() && now.maps <= then->maps)
			return;
		t_sleep(0.05);
	} while (t_now() < end);
	t_eq(now.fds, then->fds);
	t_eq(now.threads, then->threads);
	t_eq(now.maps, then->maps);
}

/* ---- by hand ---- */

int proto_connect(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", place);
	t_check(s >= 0 && !connect(s, (struct sockaddr *)&sun, sizeof(sun)), "%s", strerror(errno));
	return s;
}

void proto_send(int s, const void *msg, size_t len, const int *fds, int nfds)
{
	char control[CMSG_SPACE(64 * sizeof(int))];
	struct iovec iov = { (void *)msg, len };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *c;

	if (nfds) {
		memset(control, 0, sizeof(control));
		m.msg_control = control;
		m.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(nfds * sizeof(int));
		memcpy(CMSG_DATA(c), fds, nfds * sizeof(int));
	}
	/* The daemon may have hung up on us: to be seen when receiving. */
	sendmsg(s, &m, MSG_NOSIGNAL);
}

int proto_recv(int s, void *buf, size_t size, int *fds, int *nfds)
{
	char control[CMSG_SPACE(64 * sizeof(int))];
	struct iovec iov = { buf, size };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };
	struct pollfd p = { .fd = s, .events = POLLIN };
	struct nmd_header *h = buf;
	struct cmsghdr *c;
	ssize_t n;

	t_check(poll(&p, 1, 5000) == 1, "no answer");
	n = recvmsg(s, &m, MSG_CMSG_CLOEXEC);
	if (n < 0 && errno == ECONNRESET) /* that it hung up comes before its last words */
		n = recvmsg(s, &m, MSG_CMSG_CLOEXEC);
	if (n <= 0)
		return 0;
	t_check(n >= (ssize_t)sizeof(*h) && h->magic == NMD_MAGIC && h->len == n);
	if (!nfds)
		return h->type;
	*nfds = 0;
	c = CMSG_FIRSTHDR(&m);
	if (c) {
		*nfds = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		memcpy(fds, CMSG_DATA(c), *nfds * sizeof(int));
	}
	return h->type;
}

int proto_hello(void)
{
	struct nmd_hello m = { .purpose = NMD_FOR_PORTS };
	struct nmd_welcome w;
	int s = proto_connect();

	nmd_header_init(&m.h, NMD_HELLO, sizeof(m));
	proto_send(s, &m, sizeof(m), NULL, 0);
	t_eq(proto_recv(s, &w, sizeof(w), NULL, NULL), NMD_WELCOME);
	return s;
}

struct proto_chan proto_attach(int s)
{
	struct nmd_attach m = { .nonce_addr = 0 };
	struct nmd_channel c;
	int sv[2], fds[64], nfds;

	t_check(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv));
	nmd_header_init(&m.h, NMD_ATTACH, sizeof(m));
	proto_send(s, &m, sizeof(m), &sv[1], 1);
	close(sv[1]);
	t_eq(proto_recv(sv[0], &c, sizeof(c), fds, &nfds), NMD_CHANNEL);
	t_eq(nfds, 3);
	return (struct proto_chan){ sv[0], fds[1], fds[0], fds[2] };
}

void proto_chan_close(struct proto_chan *ch)
{
	close(ch->sock);
	close(ch->req);
	close(ch->keep);
	close(ch->rep);
}
