// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * /dev/netmap: each open file is a binding of the core, in the network namespace that the
 * program was in when it opened it.
 */
#include "chardev.h"
#include "region.h"

#include <linux/compat.h>
#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/nsproxy.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <net/net_namespace.h>

static_assert(NM_POLLIN == (__force int)EPOLLIN);
static_assert(NM_POLLOUT == (__force int)EPOLLOUT);
static_assert(NM_POLLERR == (__force int)EPOLLERR);

struct nm_file {
	struct nm_binding b;
	struct nm_os_user user;
	struct net *net;
};

static int dev_open(struct inode *inode, struct file *file)
{
	struct nm_file *f = nm_os_alloc(sizeof(*f));

	if (!f)
		return -ENOMEM;
	f->net = get_net(current->nsproxy->net_ns);
	nm_binding_init(&f->b, nm_netns_get(f->net), task_tgid_vnr(current));
	f->user.here = true;
	f->user.id = from_kuid(&init_user_ns, file->f_cred->euid);
	f->user.admin = file_ns_capable(file, f->net->user_ns, CAP_NET_ADMIN);
	f->b.user = &f->user;
	file->private_data = f;
	return 0;
}

/* Nobody is in a call any more, or waits: each would hold the file. */
static int dev_release(struct inode *inode, struct file *file)
{
	struct nm_file *f = file->private_data;

	nm_binding_fini(&f->b);
	put_net(f->net);
	nm_os_free(f);
	return 0;
}

static long dev_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct nm_file *f = file->private_data;

	if (likely(cmd == NIOCTXSYNC))
		return nm_binding_sync(&f->b, NM_TX);
	if (likely(cmd == NIOCRXSYNC))
		return nm_binding_sync(&f->b, NM_RX);
	return nm_binding_ioctl(&f->b, cmd, arg);
}

#ifdef CONFIG_COMPAT
/*
 * The ABI has a struct netmap_if whose ring_ofs are as wide as a size_t, and a struct timeval
 * in each ring, which all that have the port open share: a program of 32 bits would look for
 * its rings, and for what follows the time, where they are not.
 */
static long dev_compat_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct nm_file *f = file->private_data;

	return nm_fail(&f->b.err, -EOPNOTSUPP,
		       "a 32-bit program has another struct netmap_if: build it for 64 bits");
}
#endif

/* How select(2) and poll(2) put themselves on a wait queue: for the time of the call. */
static poll_queue_proc select_proc;

/* Others, such as epoll, come once, and rely on being there from then on. */
static bool stays(const poll_table *table)
{
	return !poll_does_not_wait(table) && table->_qproc != select_proc;
}

static __poll_t dev_poll(struct file *file, poll_table *table)
{
	struct nm_file *f = file->private_data;
	struct nm_os_poller poller = { .file = file, .table = table };
	__poll_t wanted = poll_requested_events(table);
	int events = 0, got;
	__poll_t result;

	if (wanted & (EPOLLIN | EPOLLRDNORM))
		events |= NM_POLLIN;
	if (wanted & (EPOLLOUT | EPOLLWRNORM))
		events |= NM_POLLOUT;
	if (stays(table)) {
		nm_binding_watch(&f->b, &poller);
		got = nm_binding_poll(&f->b, events, NULL);
	} else {
		got = nm_binding_poll(&f->b, events,
				      poll_does_not_wait(table) ? NULL : &poller);
	}
	result = (__force __poll_t)got;
	if (got & NM_POLLIN)
		result |= EPOLLRDNORM;
	if (got & NM_POLLOUT)
		result |= EPOLLWRNORM;
	return result;
}

/* The memory is known, and stays, once the binding is complete. */
static int dev_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct nm_file *f = file->private_data;

	if (!nm_load_acquire(&f->b.ready))
		return -ENXIO;
	return nm_region_mmap(&f->b.mem->region, vma);
}

/* Why the last failed call failed: one line, however often it is read. */
static ssize_t dev_read(struct file *file, char __user *buf, size_t len, loff_t *pos)
{
	struct nm_file *f = file->private_data;
	char text[NM_ERR_TEXT + 1];
	size_t n;

	/* another thread may be writing it: what we take ends within our copy */
	memcpy(text, f->b.err.text, NM_ERR_TEXT);
	n = strnlen(text, NM_ERR_TEXT - 1);
	if (!n)
		return 0;
	text[n++] = '\n';
	n = min(n, len);
	return copy_to_user(buf, text, n) ? -EFAULT : n;
}

static const struct file_operations dev_fops = {
	.owner = THIS_MODULE,
	.open = dev_open,
	.release = dev_release,
	.unlocked_ioctl = dev_ioctl,
#ifdef CONFIG_COMPAT
	.compat_ioctl = dev_compat_ioctl,
#endif
	.poll = dev_poll,
	.mmap = dev_mmap,
	.read = dev_read,
	.llseek = noop_llseek,
};

static struct miscdevice dev_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "netmap",
	.mode = 0600,
	.fops = &dev_fops,
};

int nm_chardev_register(void)
{
	struct poll_wqueues probe;

	poll_initwait(&probe);
	select_proc = probe.pt._qproc;
	poll_freewait(&probe);
	return misc_register(&dev_misc);
}

void nm_chardev_unregister(void)
{
	misc_deregister(&dev_misc);
}
