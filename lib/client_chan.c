/* SPDX-License-Identifier: BSD-2-Clause */
/* Channels: how they are made, and the two kinds of round trips. */
#include <sys/syscall.h>

#include "client.h"

#define PATIENCE 10000 /* ms that a living daemon may take to greet us */

static int dead(struct nmc_file *f)
{
	f->dead = true;
	nmc_fail(f, ENXIO, "netmapd went away");
	return ENXIO;
}

void nmc_chan_close(struct nmc_chan *ch)
{
	nmc_close(ch->sock);
	nmc_close(ch->req);
	nmc_close(ch->keep);
	nmc_close(ch->rep);
	nmc_close(ch->waiter.fd);
	free(ch);
}

static void close_all(const int *fds, unsigned int n)
{
	while (n > 0)
		nmc_close(fds[--n]);
}

/* The daemon's first words on the new channel. 0 or an errno value. */
static int greeting(struct nmc_file *f, struct nmc_chan *ch)
{
	union {
		struct nmd_header h;
		struct nmd_channel channel;
		struct nmd_text text;
	} in;
	int fds[NMD_FDS_MAX];
	unsigned int nfds;
	ssize_t n = nmc_recv(ch->sock, &in, sizeof(in), fds, &nfds, PATIENCE);

	if (n == (ssize_t)sizeof(in.channel) && in.h.type == NMD_CHANNEL && nfds == 3) {
		memcpy(ch->nonce, in.channel.nonce, sizeof(ch->nonce));
		ch->keep = nmc_high_fd(fds[0]);
		ch->req = nmc_high_fd(fds[1]);
		ch->rep = nmc_high_fd(fds[2]);
		return 0;
	}
	close_all(fds, nfds);
	if (n == (ssize_t)sizeof(in.text) && in.h.type == NMD_REFUSED) {
		in.text.text[NMD_TEXT - 1] = '\0';
		nmc_fail(f, (int)in.h.error, in.text.text);
		return (int)in.h.error;
	}
	if (n < 0 && errno == ETIMEDOUT) {
		nmc_fail(f, ETIMEDOUT, "netmapd does not answer");
		return ETIMEDOUT;
	}
	return dead(f);
}

static struct nmc_chan *chan_new(struct nmc_file *f, int fd)
{
	struct nmc_chan *ch = malloc(sizeof(*ch));
	struct nmd_attach m;
	int sv[2], error;

	if (ch == NULL)
		return NULL;
	memset(ch, 0, sizeof(*ch));
	ch->busy = 1;
	ch->req = ch->keep = ch->rep = ch->waiter.fd = -1;
	if (syscall(SYS_socketpair, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0) {
		error = errno;
		nmc_fail(f, error, "no socket for a channel to netmapd");
		free(ch);
		errno = error;
		return NULL;
	}
	ch->sock = nmc_high_fd(sv[0]);
	memset(&m, 0, sizeof(m));
	nmd_header_init(&m.h, NMD_ATTACH, sizeof(m));
	m.nonce_addr = (uintptr_t)ch->nonce;
	error = nmc_send(fd, &m, sizeof(m), sv[1], PATIENCE) < 0 ? errno : 0;
	nmc_close(sv[1]);
	if (error == EPIPE || error == ECONNRESET || error == ENOTCONN)
		error = dead(f);
	if (error == 0)
		error = greeting(f, ch);
	if (error != 0) {
		nmc_chan_close(ch);
		errno = error;
		return NULL;
	}
	return ch;
}

/* Two may find the same place empty, when threads are many: the second goes on looking. */
static struct nmc_chan *chan_make(struct nmc_file *f, int fd, unsigned int i)
{
	struct nmc_chan *ch = chan_new(f, fd);
	struct nmc_chan *none = NULL;

	if (ch == NULL)
		return NULL;
	if (__atomic_compare_exchange_n(&f->chan[i], &none, ch, false, __ATOMIC_ACQ_REL,
					__ATOMIC_RELAXED))
		return ch;
	nmc_chan_close(ch);
	errno = EAGAIN;
	return NULL;
}

struct nmc_chan *nmc_chan_get(struct nmc_file *f, int fd)
{
	unsigned int first = nmc_slot(), n, i;
	struct nmc_chan *ch;

	if (f->dead) {
		nmc_fail(f, ENXIO, "netmapd went away");
		return NULL;
	}
	for (n = 0; n < NMC_CHANS; n++) {
		i = (first + n) % NMC_CHANS;
		ch = __atomic_load_n(&f->chan[i], __ATOMIC_ACQUIRE);
		if (ch == NULL) {
			ch = chan_make(f, fd, i);
			if (ch != NULL || errno != EAGAIN)
				return ch;
			continue;
		}
		if (!__atomic_exchange_n(&ch->busy, 1, __ATOMIC_ACQUIRE))
			return ch;
	}
	nmc_fail(f, EBUSY, "too many calls at once on one descriptor");
	return NULL;
}

void nmc_chan_put(struct nmc_chan *ch)
{
	__atomic_store_n(&ch->busy, 0, __ATOMIC_RELEASE);
}

/* The daemon executes the call where we wait for it. */
static bool ring(struct nmc_chan *ch, struct nmd_request r)
{
	unsigned int cpu = 0;
	long n;

	getcpu(&cpu, NULL);
	r.cpu = (uint16_t)cpu;
	do {
		n = syscall(SYS_write, ch->req, &r, sizeof(r));
	} while (n < 0 && errno == EINTR);
	return n == sizeof(r);
}

int nmc_pipe_send(struct nmc_file *f, struct nmc_chan *ch, struct nmd_request r)
{
	return ring(ch, r) ? 0 : dead(f);
}

int nmc_pipe_answer(struct nmc_file *f, struct nmc_chan *ch, uint32_t *value)
{
	struct nmd_reply reply;
	long n;

	do {
		n = syscall(SYS_read, ch->rep, &reply, sizeof(reply));
	} while (n < 0 && errno == EINTR);
	if (n != sizeof(reply))
		return dead(f);
	if (value != NULL)
		*value = reply.value;
	return reply.error;
}

int nmc_pipe_call(struct nmc_file *f, struct nmc_chan *ch, struct nmd_request r, uint32_t *value)
{
	int error = nmc_pipe_send(f, ch, r);

	return error != 0 ? error : nmc_pipe_answer(f, ch, value);
}

ssize_t nmc_msg_call(struct nmc_file *f, struct nmc_chan *ch, const void *msg, size_t len,
		     void *answer, size_t size, int *fd)
{
	struct nmd_request r = { .op = NMD_OP_MSG };
	struct nmd_header *h = answer;
	int fds[NMD_FDS_MAX];
	unsigned int nfds;
	ssize_t n = -1;

	*fd = -1;
	if (nmc_send(ch->sock, msg, len, -1, PATIENCE) == 0 && ring(ch, r))
		n = nmc_recv(ch->sock, answer, size, fds, &nfds, -1);
	if (n < (ssize_t)sizeof(*h)) {
		dead(f);
		return -1;
	}
	if (nfds > 0) {
		*fd = fds[0];
		close_all(fds + 1, nfds - 1);
	}
	if (h->type == NMD_REFUSED || h->magic != NMD_MAGIC || h->len != (uint32_t)n) {
		nmc_close(*fd);
		*fd = -1;
		nmc_fail(f, EPROTO, "netmapd did not understand us");
		return -1;
	}
	return n;
}
