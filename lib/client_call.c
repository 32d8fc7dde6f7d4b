/* SPDX-License-Identifier: BSD-2-Clause */
/* The system calls of /dev/netmap, on a descriptor of the daemon. */
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <net/netmap.h>
#include "client.h"

static int sync_rings(struct nmc_file *f, int fd, uint8_t op)
{
	struct nmc_chan *ch = nmc_chan_get(f, fd);
	int error;

	if (ch == NULL)
		return -1;
	error = nmc_pipe_call(f, ch, (struct nmd_request){ .op = op }, NULL);
	nmc_chan_put(ch);
	if (__builtin_expect(error == 0, 1))
		return 0;
	return nmc_fail(f, error, f->dead ? "netmapd went away" : NULL);
}

/* The request succeeded, so its pointers are good. */
static void note_registration(struct nmc_file *f, unsigned long request, const void *arg)
{
	const struct nmreq_header *hdr = arg;
	const struct nmreq *old = arg;

	if (request == NIOCCTRL && hdr->nr_reqtype == NETMAP_REQ_REGISTER)
		f->nifp_offset =
			((const struct nmreq_register *)(uintptr_t)hdr->nr_body)->nr_offset;
	else if (request == NIOCREGIF)
		f->nifp_offset = old->nr_offset;
	else
		return;
	f->registered = true;
}

static int ctrl(struct nmc_file *f, int fd, unsigned long request, void *arg)
{
	union {
		struct nmd_ioctl m;
		char room[NMD_MSG_MAX];
	} out;
	union {
		struct nmd_ioctl_done done;
		char room[NMD_MSG_MAX];
	} in;
	struct nmc_chan *ch;
	ssize_t n;
	int newfd;

	ch = nmc_chan_get(f, fd);
	if (ch == NULL)
		return -1;
	n = nmc_msg_call(f, ch, &out, nmc_marshal(request, arg, &out.m, sizeof(out)), &in,
			 sizeof(in), &newfd);
	nmc_chan_put(ch);
	nmc_close(newfd);
	if (n < (ssize_t)sizeof(in.done) || in.done.h.type != NMD_IOCTL_DONE) {
		errno = f->dead ? ENXIO : EPROTO;
		return -1;
	}
	if (!nmc_unmarshal(&out.m, &in.done) && in.done.h.error == 0)
		return nmc_fail(f, EFAULT, "the answer to the request can not be written");
	if (in.done.h.error == 0) {
		note_registration(f, request, arg);
		return 0;
	}
	in.done.text[NMD_TEXT - 1] = '\0';
	return nmc_fail(f, (int)in.done.h.error, in.done.text);
}

int nmc_ioctl(struct nmc_file *f, int fd, unsigned long request, void *arg)
{
	nmc_enter();
	switch ((unsigned int)request) {
	case NIOCTXSYNC:
		return sync_rings(f, fd, NMD_OP_TXSYNC);
	case NIOCRXSYNC:
		return nmc_csb_sync(f) ? 0 : sync_rings(f, fd, NMD_OP_RXSYNC);
	case NIOCCTRL:
	case NIOCREGIF:
	case NIOCGINFO:
	case NIOCCONFIG:
		return ctrl(f, fd, (unsigned int)request, arg);
	default:
		/* Those of any descriptor, such as FIOCLEX. */
		return (int)syscall(SYS_ioctl, fd, request, arg);
	}
}

/* The region's descriptor, to be closed by the caller; -1 and errno. */
static int memory(struct nmc_file *f, int fd, struct nmd_memory *m)
{
	struct nmc_chan *ch = nmc_chan_get(f, fd);
	struct nmd_header ask;
	int memfd, seals;
	ssize_t n;

	if (ch == NULL)
		return -1;
	nmd_header_init(&ask, NMD_MEMORY, sizeof(ask));
	n = nmc_msg_call(f, ch, &ask, sizeof(ask), m, sizeof(*m), &memfd);
	nmc_chan_put(ch);
	if (n != sizeof(*m) || m->h.type != NMD_MEMORY_IS || (memfd < 0 && m->h.error == 0)) {
		nmc_close(memfd);
		errno = f->dead ? ENXIO : EPROTO;
		return -1;
	}
	if (m->h.error != 0) {
		nmc_close(memfd);
		return nmc_fail(f, (int)m->h.error, NULL);
	}
	/* A file that could shrink would be a SIGBUS in the program one day. */
	seals = (int)syscall(SYS_fcntl, memfd, F_GET_SEALS);
	if (seals < 0 || !(seals & F_SEAL_SHRINK)) {
		nmc_close(memfd);
		return nmc_fail(f, EPROTO, "netmapd's memory is not sealed");
	}
	return memfd;
}

#define HUGE ((size_t)2 << 20)

/*
 * A place that begins where a huge page may, so that those of the daemon's memory are huge
 * here too.
 */
static void *map_aligned(size_t len, int prot, int flags, int memfd)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), size = (len + page - 1) / page * page;
	char *room = (char *)syscall(SYS_mmap, NULL, size + HUGE, PROT_NONE,
				     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, (off_t)0);
	char *at;
	void *p;

	if (room == MAP_FAILED)
		return MAP_FAILED;
	at = (char *)(((uintptr_t)room + HUGE - 1) / HUGE * HUGE);
	p = (void *)syscall(SYS_mmap, at, len, prot, flags | MAP_FIXED, memfd, (off_t)0);
	if (p == MAP_FAILED) {
		syscall(SYS_munmap, room, size + HUGE);
		return MAP_FAILED;
	}
	if (at != room)
		syscall(SYS_munmap, room, at - room);
	syscall(SYS_munmap, at + size, room + HUGE - at);
	return p;
}

void *nmc_mmap(struct nmc_file *f, int fd, void *addr, size_t len, int prot, int flags, off_t off)
{
	struct nmd_memory m;
	void *p;
	int memfd, e;

	nmc_enter();
	memfd = memory(f, fd, &m);
	if (memfd < 0)
		return MAP_FAILED;
	if (off < 0 || (uint64_t)off > m.size || len > m.size - (uint64_t)off) {
		nmc_close(memfd);
		nmc_fail(f, EINVAL, "mmap beyond the end of the region (nr_memsize)");
		return MAP_FAILED;
	}
	if (addr == NULL && off == 0 && len >= HUGE)
		p = map_aligned(len, prot, flags, memfd);
	else
		p = (void *)syscall(SYS_mmap, addr, len, prot, flags, memfd, off);
	e = errno;
	if (p != MAP_FAILED && off == 0)
		f->region = p;
	nmc_csb_init(f, memfd, &m);
	nmc_close(memfd);
	errno = e;
	return p;
}

static int waiter_make(struct nmc_file *f, struct nmc_chan *ch, struct nmc_waiter *w)
{
	struct nmd_header ask;
	struct nmd_poller m;
	int pipefd;
	ssize_t n;

	nmd_header_init(&ask, NMD_POLLER, sizeof(ask));
	n = nmc_msg_call(f, ch, &ask, sizeof(ask), &m, sizeof(m), &pipefd);
	if (n != sizeof(m) || m.h.type != NMD_POLLER_IS || m.h.error != 0 || pipefd < 0) {
		nmc_close(pipefd);
		return -1;
	}
	w->id = (uint16_t)m.id;
	w->fd = nmc_high_fd(pipefd);
	w->armed = false;
	w->generation = nmc_generation;
	return 0;
}

static void waiter_drain(struct nmc_waiter *w)
{
	char buf[64];

	while (syscall(SYS_read, w->fd, buf, sizeof(buf)) == sizeof(buf))
		;
	w->armed = false;
}

/*
 * A waiter that was inherited by fork() is shared with the parent, and ends with it: then the
 * daemon says EINVAL, and we need one of our own.
 */
static int poll_waiter(struct nmc_file *f, struct nmc_chan *ch, struct nmd_request r,
		       struct nmc_waiter *w, uint32_t *got)
{
	int error;

	if (w->fd < 0 && waiter_make(f, ch, w) < 0)
		return f->dead ? ENXIO : ENOSPC;
	if (w->armed)
		waiter_drain(w);
	r.poller = w->id;
	error = nmc_pipe_call(f, ch, r, got);
	if (error == EINVAL && w->generation != nmc_generation) {
		nmc_close(w->fd);
		w->fd = -1;
		return poll_waiter(f, ch, r, w, got);
	}
	w->armed = error == 0 && *got == 0;
	return error;
}

static int poll_on(struct nmc_file *f, struct nmc_chan *ch, int events, struct nmc_waiter *w)
{
	struct nmd_request r = { .op = NMD_OP_POLL,
				 .events = (uint16_t)events,
				 .poller = NMD_NO_POLLER };
	uint32_t got = 0;
	int error = w != NULL ? poll_waiter(f, ch, r, w, &got) : nmc_pipe_call(f, ch, r, &got);

	if (error == 0)
		return (int)got;
	nmc_fail(f, error, f->dead ? "netmapd went away" : NULL);
	return POLLERR;
}

int nmc_poll(struct nmc_file *f, int fd, int events, int *wake)
{
	struct nmc_chan *ch;
	int got;

	nmc_enter();
	if (nmc_csb_poll(f, events))
		return POLLIN;
	ch = nmc_chan_get(f, fd);
	if (ch == NULL)
		return POLLERR;
	got = poll_on(f, ch, events, wake != NULL ? &ch->waiter : NULL);
	if (wake != NULL)
		*wake = ch->waiter.fd;
	nmc_chan_put(ch);
	return got;
}

static int poll_reply(struct nmc_chan *ch, int timeout_ms)
{
	struct pollfd p = { .fd = ch->rep, .events = POLLIN };
	struct timespec ts = { timeout_ms / 1000, timeout_ms % 1000 * 1000000L };

	return (int)syscall(SYS_ppoll, &p, 1, timeout_ms < 0 ? NULL : &ts, NULL, 0);
}

/*
 * The daemon waits for us and answers when there is something. A signal or the time may end
 * it earlier; then the answer, which is on its way or comes now, is taken all the same.
 */
static int wait_on(struct nmc_file *f, struct nmc_chan *ch, int events, int timeout_ms)
{
	struct nmd_request r = { .op = NMD_OP_WAIT, .events = (uint16_t)events };
	int error = nmc_pipe_send(f, ch, r), n = 1, e = 0;
	uint32_t got = 0;

	if (error == 0) {
		n = poll_reply(ch, timeout_ms);
		e = errno;
		if (n <= 0)
			error = nmc_pipe_send(f, ch, (struct nmd_request){ .op = NMD_OP_CANCEL });
	}
	if (error == 0)
		error = nmc_pipe_answer(f, ch, &got);
	if (error != 0) {
		nmc_fail(f, error, f->dead ? "netmapd went away" : NULL);
		return POLLERR;
	}
	if (got == 0 && n < 0) {
		errno = e;
		return -1;
	}
	return (int)got;
}

int nmc_await(struct nmc_file *f, int fd, int events, int timeout_ms)
{
	struct nmc_chan *ch;
	int64_t since;
	int got;

	nmc_enter();
	if (nmc_csb_calls_first(f, events)) {
		got = nmc_poll(f, fd, events, NULL);
		if (got != 0)
			return got;
	}
	if (nmc_csb_wait(f, events, &since))
		return POLLIN;
	ch = nmc_chan_get(f, fd);
	if (ch == NULL)
		return POLLERR;
	got = wait_on(f, ch, events, timeout_ms);
	nmc_chan_put(ch);
	nmc_csb_waited(f, since, got);
	return got;
}

int nmc_poll_with(struct nmc_file *f, int fd, int events, struct nmc_waiter *w)
{
	struct nmc_chan *ch;
	int got;

	nmc_enter();
	if (nmc_csb_poll(f, events))
		return POLLIN;
	ch = nmc_chan_get(f, fd);
	if (ch == NULL)
		return POLLERR;
	got = poll_on(f, ch, events, w);
	nmc_chan_put(ch);
	return got;
}

void nmc_waiter_free(struct nmc_file *f, int fd, struct nmc_waiter *w)
{
	struct nmc_chan *ch = NULL;

	nmc_enter();
	if (w->fd >= 0 && !f->dead && w->generation == nmc_generation)
		ch = nmc_chan_get(f, fd);
	if (ch != NULL) {
		nmc_pipe_call(f, ch, (struct nmd_request){ .op = NMD_OP_FREE, .poller = w->id },
			      NULL);
		nmc_chan_put(ch);
	}
	nmc_close(w->fd);
	w->fd = -1;
}

/* The program may have unmapped the region meanwhile: so we do not just look. */
uint64_t nmc_rings(struct nmc_file *f)
{
	struct netmap_if nif;
	struct {
		uint32_t head, cur, tail;
	} r;
	uint64_t sum = 1469598103934665603u, at = (uintptr_t)f->region + f->nifp_offset;
	int64_t ofs;
	uint32_t i, n;

	if (f->region == NULL || !nmc_peek(&nif, at, sizeof(nif)))
		return 0;
	n = nif.ni_tx_rings + nif.ni_rx_rings + nif.ni_host_tx_rings + nif.ni_host_rx_rings;
	for (i = 0; i < n && i < 1024; i++) {
		if (!nmc_peek(&ofs, at + sizeof(nif) + i * sizeof(ofs), sizeof(ofs)))
			return 0;
		if (ofs == 0)
			continue;
		if (!nmc_peek(&r, at + (uint64_t)ofs + offsetof(struct netmap_ring, head),
			      sizeof(r)))
			return 0;
		sum = ((sum ^ r.head) * 1099511628211u ^ r.tail) * 1099511628211u;
	}
	return sum != 0 ? sum : 1;
}

const char *nmc_strerror(struct nmc_file *f, int fd)
{
	static __thread char line[NMD_TEXT];
	struct nmc_chan *ch = f->ask && !f->dead ? nmc_chan_get(f, fd) : NULL;
	struct nmd_header ask;
	struct nmd_text m;
	int newfd, e = errno;

	if (ch != NULL) {
		nmd_header_init(&ask, NMD_ERROR, sizeof(ask));
		if (nmc_msg_call(f, ch, &ask, sizeof(ask), &m, sizeof(m), &newfd) == sizeof(m) &&
		    m.h.type == NMD_ERROR_IS) {
			m.text[NMD_TEXT - 1] = '\0';
			nmc_fail(f, 0, m.text);
		}
		nmc_close(newfd);
		nmc_chan_put(ch);
	}
	pthread_mutex_lock(&f->lock);
	memcpy(line, f->err, sizeof(line));
	pthread_mutex_unlock(&f->lock);
	errno = e;
	return line;
}
