// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Objects, clients' memory, the read-mostly domain, wait queues, workers, log. */
#include "chardev.h"

#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/preempt.h>
#include <linux/ratelimit.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

/* At a cache line, since the core's types ask for that; charged to the client. */
void *nm_os_alloc(size_t size)
{
	/* of small sizes only the powers of two are aligned to themselves */
	if (size <= 256)
		size = roundup_pow_of_two(max_t(size_t, size, NM_CACHELINE));
	return kvzalloc(size, GFP_KERNEL_ACCOUNT);
}

void nm_os_free(void *p)
{
	kvfree(p);
}

/*
 * Clients share slots of shared memories, so that anyone may have left an address in
 * one that is looked at in a softirq: that is in nobody's name, and must not sleep.
 */
static bool user_here(const struct nm_os_user *u)
{
	return u && u->here && !in_interrupt() && current->mm;
}

int nm_os_copyin(struct nm_os_user *u, void *dst, uint64_t addr, size_t len)
{
	if (!user_here(u) || addr != (unsigned long)addr)
		return -EFAULT;
	return copy_from_user(dst, (void __user *)(unsigned long)addr, len) ? -EFAULT : 0;
}

int nm_os_copyout(struct nm_os_user *u, uint64_t addr, const void *src, size_t len)
{
	if (!user_here(u) || addr != (unsigned long)addr)
		return -EFAULT;
	return copy_to_user((void __user *)(unsigned long)addr, src, len) ? -EFAULT : 0;
}

/* ---- locks ---- */

void nm_os_mutex_init(struct nm_os_mutex *m)
{
	mutex_init(&m->m);
}

void nm_os_mutex_fini(struct nm_os_mutex *m)
{
	mutex_destroy(&m->m);
}

void nm_os_mutex_lock(struct nm_os_mutex *m)
{
	mutex_lock(&m->m);
}

void nm_os_mutex_unlock(struct nm_os_mutex *m)
{
	mutex_unlock(&m->m);
}

void nm_os_lock_init(struct nm_os_lock *l)
{
	spin_lock_init(&l->l);
}

int nm_os_rm_init(struct nm_os_rm *rm)
{
	return init_srcu_struct(&rm->srcu);
}

void nm_os_rm_fini(struct nm_os_rm *rm)
{
	cleanup_srcu_struct(&rm->srcu);
}

/* Opening and closing a port waits for it: expedited. */
void nm_os_rm_sync(struct nm_os_rm *rm)
{
	synchronize_srcu_expedited(&rm->srcu);
}

/* ---- waiting ---- */

void nm_os_waitq_init(struct nm_os_waitq *q)
{
	init_waitqueue_head(&q->q);
}

void nm_os_wake_slow(struct nm_os_waitq *q)
{
	wake_up_interruptible_poll(&q->q, EPOLLIN | EPOLLRDNORM | EPOLLOUT | EPOLLWRNORM |
						  EPOLLERR);
}

/* Who polls holds the descriptor, and with it the ring: nobody can be waiting here. */
void nm_os_waitq_fini(struct nm_os_waitq *q)
{
	/* no barrier: nobody comes or goes any more */
	WARN_ON_ONCE(waitqueue_active(&q->q));
}

void nm_os_poll_wait(struct nm_os_poller *poller, struct nm_os_waitq *q)
{
	poll_wait(poller->file, &q->q, poller->table);
	smp_mb(); /* pairs with the one in nm_os_wake() */
}

/* ---- workers ---- */

static int thread_main(void *arg)
{
	struct nm_os_thread *t = arg;

	t->fn(t->arg);
	/* stop() wants a thread that is still there */
	set_current_state(TASK_INTERRUPTIBLE);
	while (!kthread_should_stop()) {
		schedule();
		set_current_state(TASK_INTERRUPTIBLE);
	}
	__set_current_state(TASK_RUNNING);
	return 0;
}

int nm_os_thread_start(struct nm_os_thread *t, void (*fn)(void *), void *arg,
		       const char *name)
{
	t->fn = fn;
	t->arg = arg;
	t->task = kthread_run(thread_main, t, "%s", name);
	return PTR_ERR_OR_ZERO(t->task);
}

bool nm_os_thread_stopping(struct nm_os_thread *t)
{
	cond_resched();
	return kthread_should_stop();
}

int nm_os_thread_bind(struct nm_os_thread *t, uint32_t cpu)
{
	if (cpu >= nr_cpu_ids || !cpu_online(cpu))
		return -EINVAL;
	return set_cpus_allowed_ptr(t->task, cpumask_of(cpu));
}

void nm_os_thread_stop(struct nm_os_thread *t)
{
	kthread_stop(t->task);
}

/* ---- text ---- */

void nm_os_log(enum nm_os_loglevel level, const char *fmt, ...)
{
	static DEFINE_RATELIMIT_STATE(limit, 5 * HZ, 20);
	struct va_format vaf = { .fmt = fmt };
	va_list ap;

	/* clients can cause messages */
	if (!__ratelimit(&limit))
		return;
	va_start(ap, fmt);
	vaf.va = &ap;
	switch (level) {
	case NM_LOG_ERROR:
		pr_err("netmap: %pV\n", &vaf);
		break;
	case NM_LOG_WARN:
		pr_warn("netmap: %pV\n", &vaf);
		break;
	case NM_LOG_INFO:
		pr_info("netmap: %pV\n", &vaf);
		break;
	case NM_LOG_DEBUG:
		pr_debug("netmap: %pV\n", &vaf);
		break;
	}
	va_end(ap);
}

/* struct nm_os_out is a seq_file under another name. */
void nm_os_print(struct nm_os_out *out, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	seq_vprintf((struct seq_file *)out, fmt, ap);
	va_end(ap);
}
