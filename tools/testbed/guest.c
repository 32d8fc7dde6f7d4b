/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Process 1 of both test beds: gets the host's files under the guest, loads the
 * modules, runs the command, says how it went, and powers off.
 *
 * One static program and not a script, because a fork costs User-Mode Linux ten
 * milliseconds, and a script needs fifty of them.
 */
#include "guest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

struct conf conf;

static void vsay(const char *fmt, va_list ap)
{
	char line[512];
	int n = snprintf(line, sizeof(line), "testbed: ");

	vsnprintf(line + n, sizeof(line) - n, fmt, ap);
	if (put_text("/dev/kmsg", line) != 0)
		fprintf(stderr, "%s\n", line);
}

/* Into the kernel's log, where it stands between the kernel's own lines. */
void say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsay(fmt, ap);
	va_end(ap);
}

/* The guest is of no use: the host reads why. */
void fail(const char *fmt, ...)
{
	char line[512];
	va_list ap;

	va_start(ap, fmt);
	vsay(fmt, ap);
	va_end(ap);
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	put_text(RUN "/failed", line);
	power_off();
}

int put_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOCTTY | O_CLOEXEC, 0644);
	size_t len = strlen(text);
	int bad;

	if (fd < 0)
		return -1;
	bad = write(fd, text, len) != (ssize_t)len;
	close(fd);
	return -bad;
}

/* The whole file, with a NUL added; NULL when it can't be read. */
char *get_file(const char *path, unsigned long *size)
{
	size_t room = 65536, n = 0;
	char *buf = malloc(room);
	ssize_t k;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || !buf) {
		free(buf);
		return NULL;
	}
	while ((k = read(fd, buf + n, room - n - 1)) > 0) {
		n += k;
		if (n == room - 1)
			buf = realloc(buf, room *= 2);
		if (!buf)
			fail("no memory for %s", path);
	}
	close(fd);
	buf[n] = 0;
	if (size)
		*size = n;
	return buf;
}

void power_off(void)
{
	int i;

	sync();
	/* What is shared must have reached the host before the machine is gone. */
	for (i = 0; i < MAX_LIST && conf.shares[i]; i++)
		umount2(conf.shares[i], MNT_DETACH);
	umount2(RUN, MNT_DETACH);
	sync();
	/* QEMU runs with -no-reboot, and a reset is the fastest way out. */
	reboot(conf.vm ? RB_AUTOBOOT : RB_POWER_OFF);
	for (;;)
		pause();
}

/* NUL-separated strings as a vector. */
static char **vector(const char *path)
{
	unsigned long size, i;
	char *s = get_file(path, &size), **v;
	int n = 0;

	if (!s)
		fail("no %s", path);
	v = calloc(size + 2, sizeof(*v));
	if (!v)
		fail("no memory for %s", path);
	for (i = 0; i < size; i += strlen(s + i) + 1)
		v[n++] = s + i;
	return v;
}

static void list_add(char **list, char *value)
{
	int i;

	for (i = 0; list[i]; i++)
		;
	if (i == MAX_LIST - 1)
		fail("too many modules or shares");
	list[i] = value;
}

/* Lines of "key value". */
static void read_conf(void)
{
	char *line, *value, *save, *s = get_file(RUN "/conf", NULL);

	if (!s)
		fail("no " RUN "/conf");
	for (line = strtok_r(s, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		value = strchr(line, ' ');
		if (!value)
			continue;
		*value++ = 0;
		if (!strcmp(line, "timeout"))
			conf.timeout = atoi(value);
		else if (!strcmp(line, "leaks"))
			conf.leaks = atoi(value);
		else if (!strcmp(line, "tty"))
			conf.tty = atoi(value);
		else if (!strcmp(line, "merge"))
			conf.merge = atoi(value);
		else if (!strcmp(line, "nic"))
			list_add(conf.nics, value);
		else if (!strcmp(line, "cwd"))
			conf.cwd = value;
		else if (!strcmp(line, "module"))
			list_add(conf.modules, value);
		else if (!strcmp(line, "share"))
			list_add(conf.shares, value);
		else
			fail("unknown line in conf: %s", line);
	}
	conf.argv = vector(RUN "/argv");
	conf.env = vector(RUN "/env");
}

static int load(const char *path, const char *params)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err;

	if (fd < 0)
		return -1;
	err = syscall(SYS_finit_module, fd, params, 0);
	close(fd);
	return err;
}

static void load_modules(void)
{
	char path[512], *params, *name;
	int i;

	if (conf.leaks)
		put_text("/sys/kernel/debug/kmemleak", "clear");
	say("loading modules");
	for (i = 0; conf.modules[i]; i++) {
		name = conf.modules[i];
		params = strchr(name, ' ');
		if (params)
			*params++ = 0;
		snprintf(path, sizeof(path), RUN "/modules/%s", name);
		if (load(path, params ? params : "") != 0)
			fail("can not load %s: %s", name, strerror(errno));
	}
}

/* Named network namespaces go, and what is in them, as far as it can. */
static void drop_netns(void)
{
	DIR *d = opendir("/run/netns");
	struct dirent *e;
	char path[512];

	while (d && (e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/run/netns/%s", e->d_name);
		umount2(path, MNT_DETACH);
		unlink(path);
	}
	if (d)
		closedir(d);
}

static void unload_modules(void)
{
	char text[512], *name, *p;
	int i, n, try, err;

	drop_netns();
	for (n = 0; conf.modules[n]; n++)
		;
	for (i = n - 1; i >= 0; i--) {
		name = conf.modules[i];
		p = strrchr(name, '.');
		if (p)
			*p = 0;
		for (p = name; *p; p++)
			if (*p == '-')
				*p = '_';
		/* A namespace just dropped is taken apart in the background. */
		for (try = 0; try < 50; try++) {
			err = syscall(SYS_delete_module, name, O_NONBLOCK);
			if (err == 0 || errno == ENOENT)
				break;
			usleep(100000);
		}
		if (try == 50) {
			snprintf(text, sizeof(text), "%s could not be unloaded: %s", name,
				 strerror(errno));
			say("%s", text);
			put_text(RUN "/unload", text);
		}
	}
}

/* kmemleak looks only at what is five seconds old, and is sure at the second look. */
static void find_leaks(void)
{
	char *s, *line, *save;

	if (!conf.leaks)
		return;
	sleep(6);
	put_text("/sys/kernel/debug/kmemleak", "scan");
	put_text("/sys/kernel/debug/kmemleak", "scan");
	s = get_file("/sys/kernel/debug/kmemleak", NULL);
	for (line = s ? strtok_r(s, "\n", &save) : NULL; line; line = strtok_r(NULL, "\n", &save))
		put_text("/dev/kmsg", line);
}

int main(void)
{
	char status[16], *run = getenv("TB_RUN");
	char *modprobe[] = { "/sbin/modprobe", NULL, NULL };
	int rc, i;

	umask(022);
	if (run) {
		root_um(run);
	} else {
		conf.vm = true;
		root_vm();
	}
	read_conf();
	root_own();
	root_shares();
	for (i = 0; conf.nics[i]; i++) {
		modprobe[1] = conf.nics[i];
		if (run_quiet(modprobe) != 0)
			fail("can not load the driver %s", conf.nics[i]);
	}
	/*
	 * The checkers of User-Mode Linux complain once about how that itself forks: let
	 * them do so here, before the part of the log that is looked at.
	 */
	run_quiet((char *[]){ "/bin/true", NULL });
	load_modules();
	rc = run_command();
	unload_modules();
	find_leaks();
	say("done, exit code %d", rc);
	snprintf(status, sizeof(status), "%d\n", rc);
	put_text(RUN "/status", status);
	power_off();
}
