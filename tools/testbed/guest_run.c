/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command: started in the caller's directory and environment, its output carried
 * to the host, its time limited, and everybody it left behind killed.
 */
#include "guest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define GRACE 10 /* seconds from SIGTERM to SIGKILL */

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec * 1e-9;
}

static int exit_code(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int run_quiet(char *const argv[])
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		execv(argv[0], argv);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return exit_code(status);
}

/* A serial line that passes bytes through as they are. */
static int raw_line(const char *path)
{
	struct termios t;
	int fd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (fd >= 0 && tcgetattr(fd, &t) == 0) {
		cfmakeraw(&t);
		tcsetattr(fd, TCSANOW, &t);
	}
	return fd;
}

/* QEMU's ports have names, and appear a moment after their driver. */
static int virtio_port(const char *name)
{
	char path[300], *s;
	struct dirent *e;
	int i, fd = -1;
	DIR *d;

	for (i = 0; i < 100 && fd < 0; i++) {
		d = opendir("/sys/class/virtio-ports");
		while (d && fd < 0 && (e = readdir(d))) {
			snprintf(path, sizeof(path), "/sys/class/virtio-ports/%s/name", e->d_name);
			s = get_file(path, NULL);
			if (s && !strncmp(s, name, strlen(name))) {
				snprintf(path, sizeof(path), "/dev/%s", e->d_name);
				fd = open(path, O_WRONLY | O_CLOEXEC);
			}
			free(s);
		}
		if (d)
			closedir(d);
		if (fd < 0)
			usleep(50000);
	}
	return fd;
}

static void child_files(int out, int err)
{
	const char *tty = conf.vm ? "/dev/hvc0" : "/dev/ttyS0";
	int in = open(conf.tty ? tty : "/dev/null", O_RDWR | O_NOCTTY);

	if (conf.tty) {
		ioctl(in, TIOCSCTTY, 0);
		out = err = in;
	}
	dup2(in, 0);
	dup2(out, 1);
	dup2(err, 2);
}

static pid_t start(int out, int err)
{
	sigset_t none;
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	child_files(out, err);
	if (chdir(conf.cwd) != 0) {
		dprintf(2, "testbed: no directory %s in the guest\n", conf.cwd);
		_exit(125);
	}
	environ = conf.env; /* its PATH is the one that counts */
	execvp(conf.argv[0], conf.argv);
	dprintf(2, "testbed: %s: %s\n", conf.argv[0], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

/* False at the end of the stream. */
static bool carry(int from, int to)
{
	char buf[16384];
	ssize_t n = read(from, buf, sizeof(buf)), k, done;

	if (n <= 0)
		return n < 0 && errno == EINTR;
	for (done = 0; done < n; done += k) {
		k = write(to, buf + done, n - done);
		if (k < 0 && errno != EINTR)
			break;
		if (k < 0)
			k = 0;
	}
	return true;
}

struct watch {
	pid_t pid;
	bool over; /* the command itself has ended */
	int status;
	bool late;	 /* its time was up */
	double deadline; /* 0: none */
};

/* The kernel's view of what hangs, then the signal. */
static void time_up(struct watch *w)
{
	if (!w->late) {
		say("timeout: blocked tasks, held locks");
		put_text("/proc/sysrq-trigger", "w");
		put_text("/proc/sysrq-trigger", "d");
		kill(-w->pid, SIGTERM);
		w->late = true;
		w->deadline = now() + GRACE;
		return;
	}
	kill(-1, SIGKILL);
	w->deadline = 0;
}

static void reap(struct watch *w)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid != w->pid)
			continue;
		w->over = true;
		w->status = exit_code(status);
		w->deadline = 0;
		/* Whoever is left holds the pipes open, or the modules. */
		kill(-1, SIGKILL);
	}
}

/* Carries output and waits, until the command and all its output are through. */
static void watch(struct watch *w, int sig, const int from[2], const int to[2])
{
	struct pollfd p[3] = {
		{ .fd = from[0], .events = POLLIN },
		{ .fd = from[1], .events = POLLIN },
		{ .fd = sig, .events = POLLIN },
	};
	struct signalfd_siginfo si;
	int i, ms;

	while (!w->over || p[0].fd >= 0 || p[1].fd >= 0) {
		ms = -1;
		if (w->deadline != 0) {
			ms = (w->deadline - now()) * 1000;
			if (ms <= 0) {
				time_up(w);
				continue;
			}
		}
		if (poll(p, 3, ms) <= 0)
			continue;
		for (i = 0; i < 2; i++)
			if (p[i].fd >= 0 && p[i].revents && !carry(p[i].fd, to[i]))
				p[i].fd = -1;
		if (p[2].revents && read(sig, &si, sizeof(si)) > 0)
			reap(w);
	}
}

/* Nobody but this process is left when this returns. */
static void reap_all(void)
{
	kill(-1, SIGKILL);
	while (waitpid(-1, NULL, 0) > 0)
		;
}

int run_command(void)
{
	int out[2] = { -1, -1 }, err[2] = { -1, -1 }, to[2] = { -1, -1 }, from[2], sig;
	struct watch w = { .pid = -1 };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sig = signalfd(-1, &set, SFD_CLOEXEC);
	if (!conf.tty) {
		to[0] = conf.vm ? virtio_port("out") : raw_line("/dev/ttyS0");
		to[1] = conf.vm ? virtio_port("err") : raw_line("/dev/ttyS1");
		if (to[0] < 0 || to[1] < 0)
			fail("no line to the host: %s", strerror(errno));
		if (pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0)
			fail("no pipe: %s", strerror(errno));
	}
	w.pid = start(out[1], conf.merge ? out[1] : err[1]);
	if (w.pid < 0)
		fail("can not fork: %s", strerror(errno));
	close(out[1]);
	close(err[1]);
	if (conf.timeout)
		w.deadline = now() + conf.timeout;
	from[0] = out[0];
	from[1] = err[0];
	watch(&w, sig, from, to);
	reap_all();
	/* Closing waits until the line has sent all. */
	close(to[0]);
	close(to[1]);
	return w.late ? 124 : w.status;
}
