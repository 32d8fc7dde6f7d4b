// SPDX-License-Identifier: BSD-2-Clause
/* The calls of a channel that come as messages: ioctl, memory, pollers, errors. */
#include "netmapd.h"

#include <time.h>

static bool answer(struct nmd_chan *ch, const void *msg, size_t len, const int *fd)
{
	return !nmd_send(ch->sock, msg, len, fd, fd != NULL);
}

/* The core's line may be about to change under us; its last byte always is 0. */
static void copy_text(char *dst, const char *src)
{
	size_t n = src ? strnlen(src, NMD_TEXT - 1) : 0;

	memcpy(dst, src ? src : "", n);
	memset(dst + n, 0, NMD_TEXT - n);
}

/*
 * A program that was killed a moment ago may still hold what this one asks for: in
 * the kernel, its descriptors would be closed before anybody hears of its end.
 */
static int execute(struct nmcore *nm, unsigned long request, void *arg)
{
	const struct timespec pause = { 0, 2000000 };
	int tries;

	for (tries = 0; tries < 250; tries++) {
		if (!nmcore_ioctl(nm, request, arg))
			return 0;
		if ((errno != EBUSY && errno != ENOMEM) || !nmd_chans_leaving())
			break;
		nanosleep(&pause, NULL);
	}
	return errno;
}

static bool call_ioctl(struct nmd_chan *ch, struct nmd_msg *m)
{
	struct nmd_ioctl_done *done = (struct nmd_ioctl_done *)ch->out;
	struct nmcore *nm = nmd_file_core(ch->file);
	size_t len = sizeof(*done);
	unsigned int i;
	int error;

	ch->call = m;
	ch->dirty = 0;
	error = nm ? execute(nm, m->ioctl.request, (void *)(uintptr_t)m->ioctl.arg) : errno;
	ch->call = NULL;
	for (i = 0; i < m->ioctl.nwindows; i++) {
		if (!(ch->dirty & 1u << i))
			continue;
		memcpy(ch->out + len, ch->in + m->ioctl.window[i].off, m->ioctl.window[i].len);
		len += m->ioctl.window[i].len;
	}
	memset(done, 0, sizeof(*done));
	nmd_header_init(&done->h, NMD_IOCTL_DONE, len);
	done->h.error = error;
	done->dirty = ch->dirty;
	if (error)
		copy_text(done->text, nm ? nmcore_error(nm) : "netmapd: no memory");
	return answer(ch, done, len, NULL);
}

static bool call_memory(struct nmd_chan *ch)
{
	struct nmcore *nm = nmd_file_core(ch->file);
	struct nmd_memory m;
	int fd = -1;

	memset(&m, 0, sizeof(m));
	nmd_header_init(&m.h, NMD_MEMORY_IS, sizeof(m));
	if (nm) {
		fd = nmcore_memfd(nm, &m.size);
		m.csb = nmcore_news(nm);
		m.calls = m.csb != 0;
		if (!m.calls)
			m.csb = nmcore_csb(nm);
	}
	if (fd < 0) {
		m.h.error = errno;
		return answer(ch, &m, sizeof(m), NULL);
	}
	return answer(ch, &m, sizeof(m), &fd);
}

static bool call_poller(struct nmd_chan *ch)
{
	struct nmd_poller m;
	int rd = -1, id = -1;
	bool ok;

	memset(&m, 0, sizeof(m));
	nmd_header_init(&m.h, NMD_POLLER_IS, sizeof(m));
	if (nmd_file_core(ch->file))
		id = nmd_poller_new(ch->file, ch, &rd);
	if (id < 0) {
		m.h.error = errno;
		return answer(ch, &m, sizeof(m), NULL);
	}
	m.id = id;
	ok = answer(ch, &m, sizeof(m), &rd);
	close(rd);
	return ok;
}

static bool call_error(struct nmd_chan *ch)
{
	struct nmcore *nm = nmd_file_core(ch->file);
	struct nmd_text m;

	memset(&m, 0, sizeof(m));
	nmd_header_init(&m.h, NMD_ERROR_IS, sizeof(m));
	copy_text(m.text, nm ? nmcore_error(nm) : "netmapd: no memory");
	return answer(ch, &m, sizeof(m), NULL);
}

static bool dispatch(struct nmd_chan *ch, struct nmd_msg *m)
{
	switch (m->type) {
	case NMD_IOCTL:
		return call_ioctl(ch, m);
	case NMD_MEMORY:
		return call_memory(ch);
	case NMD_POLLER:
		return call_poller(ch);
	case NMD_ERROR:
		return call_error(ch);
	default:
		return false;
	}
}

bool nmd_chan_message(struct nmd_chan *ch)
{
	struct nmd_msg m;
	int fds[NMD_FDS_MAX];
	unsigned int nfds;
	ssize_t n = nmd_recv(ch->sock, ch->in, sizeof(ch->in), fds, &nfds);
	int error;

	if (n <= 0)
		return false;
	error = nmd_msg_decode(ch->in, n, &m);
	if (!error && m.nfds != nfds)
		error = EBADMSG;
	nmd_close_fds(fds, nfds);
	if (error) {
		nmd_log(2, "process %d sent a bad message: %s", (int)ch->pid, strerror(error));
		nmd_refuse(ch->sock, error, "netmapd: bad message");
		return false;
	}
	return dispatch(ch, &m);
}
