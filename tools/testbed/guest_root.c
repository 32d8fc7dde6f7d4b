/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's root: the host's files below, read-only; an overlay above that takes the
 * writes and vanishes with the guest; and what every machine has of its own.
 */
#include "guest.h"

#include <dirent.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <fcntl.h>
#include <unistd.h>

#define P9 "trans=virtio,version=9p2000.L,msize=262144,cache=loose"

static void make_dirs(const char *path)
{
	char buf[512], *p;

	snprintf(buf, sizeof(buf), "%s", path);
	for (p = buf + 1; (p = strchr(p, '/')); *p++ = '/') {
		*p = 0;
		mkdir(buf, 0755);
	}
	mkdir(buf, 0755);
}

static int try_mount(const char *what, const char *where, const char *type, unsigned long flags,
		     const char *options)
{
	make_dirs(where);
	return mount(what, where, type, flags, options);
}

static void must_mount(const char *what, const char *where, const char *type, unsigned long flags,
		       const char *options)
{
	if (try_mount(what, where, type, flags, options) != 0)
		fail("can not mount %s (%s) on %s: %s", what, type, where, strerror(errno));
}

/* An overlay over `lower` at base/root; base must be a directory. */
static void overlay(const char *lower, const char *base)
{
	char path[512], options[2048];

	must_mount("tmpfs", base, "tmpfs", 0, "mode=755");
	snprintf(path, sizeof(path), "%s/upper", base);
	make_dirs(path);
	snprintf(path, sizeof(path), "%s/work", base);
	make_dirs(path);
	snprintf(options, sizeof(options), "lowerdir=%s,upperdir=%s/upper,workdir=%s/work", lower,
		 base, base);
	snprintf(path, sizeof(path), "%s/root", base);
	must_mount("root", path, "overlay", 0, options);
	if (chdir(path) != 0)
		fail("can not enter the new root: %s", strerror(errno));
}

/* User-Mode Linux has the host's root as its root already. */
void root_um(const char *run)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/root", run);
	overlay("/", path);
	must_mount("devtmpfs", "dev", "devtmpfs", 0, NULL);
	must_mount("run", "run", "tmpfs", 0, "mode=755");
	must_mount("run", "run/testbed", "hostfs", 0, run);
	/* The old root ends up mounted over the new one, and is let go. */
	if (syscall(SYS_pivot_root, ".", ".") != 0 || umount2(".", MNT_DETACH) != 0 ||
	    chdir("/") != 0)
		fail("can not change the root: %s", strerror(errno));
}

/* QEMU starts in an initramfs, with the drivers in /m. */
static void load_drivers(void)
{
	struct dirent **names;
	char path[300];
	int i, fd, n = scandir("/m", &names, NULL, alphasort);

	for (i = 0; i < n; i++) {
		if (names[i]->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/m/%s", names[i]->d_name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if ((fd < 0 || syscall(SYS_finit_module, fd, "", 0) != 0) && errno != EEXIST)
			fail("can not load %s: %s", path, strerror(errno));
		close(fd);
	}
}

void root_vm(void)
{
	char path[512];
	struct utsname uts;

	must_mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	load_drivers();
	must_mount("root", "/host", "9p", MS_RDONLY, P9);
	overlay("/host", "/new");
	uname(&uts);
	snprintf(path, sizeof(path), "lib/modules/%.128s", uts.release);
	must_mount("modules", path, "9p", MS_RDONLY, P9);
	must_mount("run", "run", "tmpfs", 0, "mode=755");
	must_mount("run", "run/testbed", "9p", 0, P9);
	make_dirs("dev");
	/* An initramfs can not be pivoted away: the new root is moved over it. */
	if (mount("/dev", "dev", NULL, MS_MOVE, NULL) != 0 ||
	    mount(".", "/", NULL, MS_MOVE, NULL) != 0 || chroot(".") != 0 || chdir("/") != 0)
		fail("can not change the root: %s", strerror(errno));
}

static void loopback_up(void)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &ifr) != 0)
		say("lo stays down: %s", strerror(errno));
	close(fd);
}

/* What a machine has of its own. The last five are there only if the kernel has them. */
void root_own(void)
{
	must_mount("proc", "/proc", "proc", 0, NULL);
	must_mount("sysfs", "/sys", "sysfs", 0, NULL);
	must_mount("devpts", "/dev/pts", "devpts", 0, "mode=620,ptmxmode=666");
	must_mount("shm", "/dev/shm", "tmpfs", 0, "mode=1777");
	must_mount("tmp", "/tmp", "tmpfs", 0, "mode=1777");
	must_mount("tmp", "/var/tmp", "tmpfs", 0, "mode=1777");
	mkdir("/run/lock", 0755);
	mount("debugfs", "/sys/kernel/debug", "debugfs", 0, NULL);
	mount("tracefs", "/sys/kernel/tracing", "tracefs", 0, NULL);
	mount("bpf", "/sys/fs/bpf", "bpf", 0, NULL);
	mount("cgroup2", "/sys/fs/cgroup", "cgroup2", 0, NULL);
	try_mount("hugetlbfs", "/dev/hugepages", "hugetlbfs", 0, NULL);
	if (symlink("/proc/self/fd", "/dev/fd") != 0 || symlink("fd/0", "/dev/stdin") != 0 ||
	    symlink("fd/1", "/dev/stdout") != 0 || symlink("fd/2", "/dev/stderr") != 0)
		say("/dev/fd and the like: %s", strerror(errno));
	/* Where TUN is a module, opening this loads it. */
	make_dirs("/dev/net");
	mknod("/dev/net/tun", S_IFCHR, makedev(10, 200));
	chmod("/dev/net/tun", 0666);
	put_text("/proc/sys/kernel/printk", "8 4 1 8");
	/* All of a report must reach the log. */
	put_text("/proc/sys/kernel/printk_devkmsg", "on");
	sethostname(conf.vm ? "vm" : "um", 2);
	loopback_up();
}

/* Directories of the host's that the command may write to. */
void root_shares(void)
{
	char tag[32];
	int i;

	for (i = 0; conf.shares[i]; i++) {
		snprintf(tag, sizeof(tag), "share%d", i);
		if (conf.vm)
			must_mount(tag, conf.shares[i], "9p", 0, P9);
		else
			must_mount(tag, conf.shares[i], "hostfs", 0, conf.shares[i]);
	}
}
