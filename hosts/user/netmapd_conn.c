// SPDX-License-Identifier: BSD-2-Clause
/* What comes over the connections themselves, in the main thread. */
#include "netmapd_conn.h"

#include <fcntl.h>
#include <sys/mman.h>

static struct nmd_conn *conns;

unsigned int nmd_conns;	     /* all */
unsigned int nmd_conn_ports; /* those that hold a descriptor of /dev/netmap */

static int64_t nmd_deadline; /* of the next connection that has said nothing */

struct nmd_conn *nmd_conn_new(int fd, pid_t pid)
{
	struct nmd_conn *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->fd = fd;
	c->pid = pid;
	c->deadline = nmd_now_ms() + NMD_HELLO_TIMEOUT;
	if (!nmd_deadline || c->deadline < nmd_deadline)
		nmd_deadline = c->deadline;
	c->next = conns;
	c->prevp = &conns;
	if (c->next)
		c->next->prevp = &c->next;
	conns = c;
	nmd_conns++;
	return c;
}

void nmd_conn_free(struct nmd_conn *c)
{
	*c->prevp = c->next;
	if (c->next)
		c->next->prevp = c->prevp;
	nmd_conns--;
	if (c->file) {
		__atomic_fetch_sub(&nmd_conn_ports, 1, __ATOMIC_RELAXED);
		nmd_file_disconnect(c->file, false);
		nmd_file_unref(c->file);
	}
	/* a listing's thread may hold another descriptor of it: close alone is not enough */
	nmd_unwatch(c->fd);
	close(c->fd);
	free(c);
}

void nmd_conns_free(void)
{
	while (conns)
		nmd_conn_free(conns);
}

int nmd_conns_timeout(void)
{
	int64_t now, next = 0;
	struct nmd_conn *c, *after;

	if (!nmd_deadline)
		return -1;
	now = nmd_now_ms();
	if (now < nmd_deadline)
		return (int)(nmd_deadline - now);
	for (c = conns; c; c = after) {
		after = c->next;
		if (!c->deadline)
			continue;
		if (c->deadline <= now) {
			nmd_refuse(c->fd, ETIMEDOUT, "netmapd: no HELLO came in time");
			nmd_conn_free(c);
		} else if (!next || c->deadline < next) {
			next = c->deadline;
		}
	}
	nmd_deadline = next;
	return next ? (int)(next - now) : -1;
}

static int hello(struct nmd_conn *c, const struct nmd_msg *m)
{
	struct nmd_welcome w;

	if (c->purpose)
		return EBADMSG;
	if (m->hello.purpose == NMD_FOR_PORTS) {
		c->file = nmd_file_new(c->fd, c->pid);
		if (!c->file)
			return ENOMEM;
		__atomic_fetch_add(&nmd_conn_ports, 1, __ATOMIC_RELAXED);
	}
	c->purpose = m->hello.purpose;
	c->deadline = 0;
	memset(&w, 0, sizeof(w));
	nmd_header_init(&w.h, NMD_WELCOME, sizeof(w));
	w.pid = getpid();
	return nmd_send(c->fd, &w, sizeof(w), NULL, 0);
}

struct list_job {
	int sock;
	bool json;
};

/* The core's listing, with a line about the daemon itself. */
static void print_listing(FILE *f, bool json)
{
	unsigned int ports = __atomic_load_n(&nmd_conn_ports, __ATOMIC_RELAXED);
	unsigned int chans = __atomic_load_n(&nmd.nchans, __ATOMIC_RELAXED);
	char *state = nmcore_state(json), *rest = state;
	const char *s;

	if (!json) {
		fprintf(f, "netmapd %d: socket %s, %u descriptors, %u channels\n", (int)getpid(),
			nmd.path, ports, chans);
		fputs(state ? state : "out of memory\n", f);
		free(state);
		return;
	}
	fprintf(f, "{\"daemon\":{\"pid\":%d,\"protocol\":%d,\"socket\":\"", (int)getpid(),
		NMD_VERSION);
	for (s = nmd.path; *s; s++) {
		if (*s == '"' || *s == '\\')
			fputc('\\', f);
		if ((unsigned char)*s >= ' ')
			fputc(*s, f);
	}
	fprintf(f, "\",\"descriptors\":%u,\"channels\":%u}", ports, chans);
	/* The core's object goes on where ours begins. */
	while (rest && (*rest == ' ' || *rest == '\n'))
		rest++;
	if (rest && *rest == '{') {
		rest++;
		while (*rest == ' ' || *rest == '\n')
			rest++;
		fputs(*rest == '}' ? "" : ",", f);
		fputs(rest, f);
	} else {
		fputs("}\n", f);
	}
	free(state);
}

static void *list_main(void *arg)
{
	struct list_job *job = arg;
	struct nmd_header h;
	int fd = memfd_create("netmapd-list", MFD_CLOEXEC), out = fd < 0 ? -1 : dup(fd);
	FILE *f = out < 0 ? NULL : fdopen(out, "w");

	nmd_header_init(&h, NMD_LISTING, sizeof(h));
	if (f) {
		print_listing(f, job->json);
		fclose(f);
		nmd_send(job->sock, &h, sizeof(h), &fd, 1);
	} else {
		if (out >= 0)
			close(out);
		nmd_refuse(job->sock, ENOMEM, "netmapd: no resources for a listing");
	}
	if (fd >= 0)
		close(fd);
	close(job->sock);
	free(job);
	__atomic_fetch_sub(&nmd.nlists, 1, __ATOMIC_RELEASE);
	nmd_wake_main();
	return NULL;
}

/* The core's locks may be taken for a while: not a thing for the main thread. */
static int list(struct nmd_conn *c, const struct nmd_msg *m)
{
	struct list_job *job;
	int error;

	if (!c->purpose)
		return EBADMSG;
	if (__atomic_load_n(&nmd.nlists, __ATOMIC_ACQUIRE) >= 8)
		return EBUSY;
	job = malloc(sizeof(*job));
	if (!job)
		return ENOMEM;
	job->json = m->list.json;
	job->sock = fcntl(c->fd, F_DUPFD_CLOEXEC, 0);
	if (job->sock < 0) {
		error = errno;
		free(job);
		return error;
	}
	__atomic_fetch_add(&nmd.nlists, 1, __ATOMIC_RELAXED);
	error = nmd_thread(list_main, job);
	if (error) {
		__atomic_fetch_sub(&nmd.nlists, 1, __ATOMIC_RELAXED);
		close(job->sock);
		free(job);
	}
	return error;
}

/* Takes over the descriptor, if it comes that far. */
static int dispatch(struct nmd_conn *c, const struct nmd_msg *m, int *fds, unsigned int *nfds)
{
	switch (m->type) {
	case NMD_HELLO:
		return hello(c, m);
	case NMD_LIST:
		return list(c, m);
	case NMD_ATTACH:
		if (!c->file)
			return EBADMSG;
		*nfds = 0;
		/* What went wrong is told to the channel; the descriptor is none the
		 * worse. */
		nmd_chan_start(c->file, fds[0], m->attach.nonce_addr);
		return 0;
	default:
		return EBADMSG;
	}
}

static void turn_away(struct nmd_conn *c, int error, const void *buf, size_t len)
{
	char text[NMD_TEXT];
	struct nmd_header h = { 0 };

	memcpy(&h, buf, len < sizeof(h) ? len : sizeof(h));
	switch (error) {
	case EPROTONOSUPPORT:
		snprintf(text, sizeof(text),
			 "this program speaks version %u of the protocol, netmapd "
			 "(process "
			 "%d) version %d: end netmapd, or use the program that came with "
			 "it",
			 h.version, (int)getpid(), NMD_VERSION);
		break;
	case EBADMSG:
	case EMSGSIZE:
		snprintf(text, sizeof(text), "netmapd: this is no message of its protocol");
		break;
	default:
		snprintf(text, sizeof(text), "netmapd: %s", strerror(error));
	}
	nmd_log(2, "process %d: %s", (int)c->pid, text);
	nmd_refuse(c->fd, error, text);
}

bool nmd_conn_input(struct nmd_conn *c)
{
	static char buf[NMD_MSG_MAX];
	struct nmd_msg m;
	int fds[NMD_FDS_MAX];
	unsigned int nfds;
	ssize_t n = nmd_recv(c->fd, buf, sizeof(buf), fds, &nfds);
	int error;

	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return true;
	if (n == 0)
		return false;
	error = n < 0 ? errno : nmd_msg_decode(buf, n, &m);
	if (!error)
		error = m.nfds == nfds ? dispatch(c, &m, fds, &nfds) : EBADMSG;
	nmd_close_fds(fds, nfds);
	if (error)
		turn_away(c, error, buf, n < 0 ? 0 : n);
	return !error;
}
