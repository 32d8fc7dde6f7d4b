// SPDX-License-Identifier: BSD-2-Clause
/*
 * The client's memory, as the core sees it while it executes a call: first the
 * windows that came with the request; for the rest (payloads of NS_INDIRECT)
 * the process itself. Which client that is, follows from the thread.
 */
#include "netmapd.h"

#include <sys/uio.h>

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
 * The process that made the channel may be gone, and its number may be that of
 * another one by now: so the same call that reads the data reads the nonce, which
 * only the owner of the channel knows, from where the owner said it would be.
 */
static int read_process(struct nmd_chan *ch, void *dst, uint64_t addr, size_t len)
{
	uint8_t nonce[NMD_NONCE];
	struct iovec local[2] = { { nonce, sizeof(nonce) }, { dst, len } };
	struct iovec remote[2] = { { (void *)(uintptr_t)ch->nonce_addr, sizeof(nonce) },
				   { (void *)(uintptr_t)addr, len } };
	ssize_t n = process_vm_readv(ch->pid, local, 2, remote, 2, 0);

	if (n == (ssize_t)(sizeof(nonce) + len) && !memcmp(nonce, ch->nonce, sizeof(nonce)))
		return 0;
	/* Nothing of somebody else's memory goes any further. */
	memset(dst, 0, len);
	return -EFAULT;
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
	return read_process(ch, dst, addr, len);
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

const struct nmcore_user_ops nmd_user_ops = { .copyin = copyin, .copyout = copyout };
