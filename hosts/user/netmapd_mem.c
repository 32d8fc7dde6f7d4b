// SPDX-License-Identifier: BSD-2-Clause
/*
 * The client's memory, as the core sees it while it executes a call: first the
 * windows that came with the request; for the rest (payloads of NS_INDIRECT)
 * the process itself. Which client that is, follows from the thread.
 */
#include "netmapd.h"

#include <fcntl.h>

__thread struct nmd_chan *nmd_current;

static char *window_at(struct nmd_chan *ch, uint64_t addr, size_t len, unsigned int *nr)
{
	const struct nmd_msg *m = ch->call;
	uint64_t off;

	for (unsigned int i = 0; m && i < m->ioctl.nwindows; i++) {
		off = addr - m->ioctl.window[i].addr;
		if (addr < m->ioctl.window[i].addr || off > m->ioctl.window[i].len ||
		    len > m->ioctl.window[i].len - off)
			continue;
		*nr = i;
		return ch->in + m->ioctl.window[i].off + off;
	}
	return NULL;
}

/*
 * Opened when first needed. The process that made the channel may be gone and
 * its number may be that of another one by now: the nonce, which only the owner
 * of the channel knows, must be where the owner said it would be.
 */
static int open_mem(struct nmd_chan *ch)
{
	uint8_t nonce[NMD_NONCE];
	char path[32];
	int fd;

	ch->memfd = -2;
	snprintf(path, sizeof(path), "/proc/%d/mem", (int)ch->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (pread(fd, nonce, sizeof(nonce), (off_t)ch->nonce_addr) != sizeof(nonce) ||
	    memcmp(nonce, ch->nonce, sizeof(nonce))) {
		close(fd);
		return -1;
	}
	ch->memfd = fd;
	return 0;
}

static int copyin(void *ctx, void *dst, uint64_t addr, size_t len)
{
	struct nmd_chan *ch = nmd_current;
	unsigned int nr;
	char *w;

	(void)ctx;
	if (!ch)
		return -EFAULT;
	w = window_at(ch, addr, len, &nr);
	if (w) {
		memcpy(dst, w, len);
		return 0;
	}
	if (ch->memfd == -2 || (ch->memfd == -1 && open_mem(ch) < 0))
		return -EFAULT;
	return pread(ch->memfd, dst, len, (off_t)addr) == (ssize_t)len ? 0 : -EFAULT;
}

/* Answers go to windows only: the client put them where it wants them. */
static int copyout(void *ctx, uint64_t addr, const void *src, size_t len)
{
	struct nmd_chan *ch = nmd_current;
	unsigned int nr;
	char *w;

	(void)ctx;
	w = ch ? window_at(ch, addr, len, &nr) : NULL;
	if (!w)
		return -EFAULT;
	memcpy(w, src, len);
	ch->dirty |= 1u << nr;
	return 0;
}

const struct nmcore_user_ops nmd_user_ops = {.copyin = copyin, .copyout = copyout};
