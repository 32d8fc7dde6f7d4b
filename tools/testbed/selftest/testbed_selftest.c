// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * A module that does on loading what the parameter `fault` says: nothing wrong, or one
 * thing wrong that a test bed must notice.
 */
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

static char *fault = "none";
module_param(fault, charp, 0444);
MODULE_PARM_DESC(fault, "none, warn, oob, uaf, sleep, deadlock, leak or shift");

static DEFINE_MUTEX(one);
static DEFINE_MUTEX(two);
static DEFINE_SPINLOCK(spin);

static void fault_memory(bool after_free)
{
	char *p = kmalloc(64, GFP_KERNEL);
	int past = after_free ? 0 : 64;

	if (!p)
		return;
	OPTIMIZER_HIDE_VAR(past);
	if (after_free)
		kfree(p);
	*(volatile char *)(p + past) = 1;
	if (!after_free)
		kfree(p);
}

static void fault_deadlock(void)
{
	mutex_lock(&one);
	mutex_lock(&two);
	mutex_unlock(&two);
	mutex_unlock(&one);
	mutex_lock(&two);
	mutex_lock(&one);
	mutex_unlock(&one);
	mutex_unlock(&two);
}

static void fault_sleep(void)
{
	spin_lock(&spin);
	msleep(1);
	spin_unlock(&spin);
}

static void fault_leak(void)
{
	void *p = kmalloc(333, GFP_KERNEL);

	OPTIMIZER_HIDE_VAR(p);
	p = NULL;
	OPTIMIZER_HIDE_VAR(p);
}

static void fault_shift(void)
{
	int by = 40, x = 1;

	OPTIMIZER_HIDE_VAR(by);
	x <<= by;
	OPTIMIZER_HIDE_VAR(x);
}

static int __init selftest_init(void)
{
	if (!strcmp(fault, "warn"))
		WARN(1, "testbed selftest\n");
	else if (!strcmp(fault, "oob"))
		fault_memory(false);
	else if (!strcmp(fault, "uaf"))
		fault_memory(true);
	else if (!strcmp(fault, "sleep"))
		fault_sleep();
	else if (!strcmp(fault, "deadlock"))
		fault_deadlock();
	else if (!strcmp(fault, "leak"))
		fault_leak();
	else if (!strcmp(fault, "shift"))
		fault_shift();
	else if (strcmp(fault, "none"))
		return -EINVAL;
	pr_info("testbed_selftest: loaded, fault=%s\n", fault);
	return 0;
}

static void __exit selftest_exit(void)
{
	pr_info("testbed_selftest: unloaded\n");
}

module_init(selftest_init);
module_exit(selftest_exit);
MODULE_LICENSE("Dual BSD/GPL");
MODULE_DESCRIPTION("self-test of netmap's test beds");
