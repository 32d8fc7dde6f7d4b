/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Starting the daemon. Programs that want to do so at the same time queue up at a lock file;
 * the first one starts it and hands the lock over, the others find it running.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/file.h>
#include <sys/syscall.h>

#include "client.h"

#define PATIENCE 20000 /* ms for the daemon to get ready */

#ifndef NETMAPD_PATH
#define NETMAPD_PATH "/usr/bin/netmapd"
#endif

extern char **environ;

static bool usable(const char *path)
{
	return access(path, X_OK) == 0;
}

/* Relative to the directory that `file` is in. */
static bool near(const char *file, const char *rel, char *path, size_t size)
{
	const char *slash = strrchr(file, '/');

	return slash != NULL &&
	       (size_t)snprintf(path, size, "%.*s/%s", (int)(slash - file), file, rel) < size &&
	       usable(path);
}

/* The daemon that belongs to this library: where both are installed, or were built. */
static bool beside_library(char *path, size_t size)
{
	static const char *const places[] = { "../bin/netmapd", "../../bin/netmapd",
					      "../hosts/user/netmapd", "../../hosts/user/netmapd",
					      "netmapd" };
	char exe[PATH_MAX] = "";
	Dl_info info;
	size_t i;
	ssize_t n;

	if (dladdr((void *)(uintptr_t)&nmc_start, &info) == 0 || info.dli_fname == NULL)
		info.dli_fname = "";
	n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	exe[n > 0 ? n : 0] = '\0';
	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (near(info.dli_fname, places[i], path, size) || near(exe, places[i], path, size))
			return true;
	return false;
}

static bool in_path(char *path, size_t size)
{
	const char *p = getenv("PATH"), *end;

	while (p != NULL && *p != '\0') {
		end = strchrnul(p, ':');
		if (*p == '/' &&
		    (size_t)snprintf(path, size, "%.*s/netmapd", (int)(end - p), p) < size &&
		    usable(path))
			return true;
		p = *end != '\0' ? end + 1 : end;
	}
	return false;
}

/* A program with privileges of its own lets nobody but the installer choose. */
static bool find_daemon(char *path, size_t size, char *err, size_t errlen)
{
	const char *env = secure_getenv("NETMAPD");
	bool secure = getauxval(AT_SECURE) != 0;

	if (env != NULL && *env != '\0') {
		snprintf(path, size, "%s", env);
		if (usable(path))
			return true;
		snprintf(err, errlen, "NETMAPD=%s: %s", env, strerror(errno));
		return false;
	}
	if (!secure && beside_library(path, size))
		return true;
	snprintf(path, size, "%s", NETMAPD_PATH);
	if (usable(path) || (!secure && in_path(path, size)))
		return true;
	snprintf(err, errlen,
		 "netmapd is not running, and it is neither at %s nor in PATH: set NETMAPD to "
		 "where it is",
		 NETMAPD_PATH);
	return false;
}

/* All but what would load our own preload library into the daemon. */
static char **environment(void)
{
	size_t n = 0, i;
	char **env;

	while (environ != NULL && environ[n] != NULL)
		n++;
	env = calloc(n + 1, sizeof(*env));
	if (env == NULL)
		return NULL;
	for (i = n = 0; environ != NULL && environ[i] != NULL; i++)
		if (strncmp(environ[i], "LD_PRELOAD=", 11) != 0)
			env[n++] = environ[i];
	return env;
}

#define READY_FD 3
#define LOCK_FD	 4

/* In the child: system calls only, the other threads may hold any lock of the library. */
static void become_daemon(const char *path, char **argv, char **env, int ready, int lock)
{
	int null, fd;

	/* First out of the way of the numbers they will get. */
	ready = (int)syscall(SYS_fcntl, ready, F_DUPFD, 10);
	lock = (int)syscall(SYS_fcntl, lock, F_DUPFD, 10);
	null = (int)syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDWR, 0);
	for (fd = 0; fd < 3 && null >= 0; fd++)
		if (fd != null)
			syscall(SYS_dup3, null, fd, 0);
	syscall(SYS_dup3, ready, READY_FD, 0);
	syscall(SYS_dup3, lock, LOCK_FD, 0);
#ifdef SYS_close_range
	if (syscall(SYS_close_range, 5, ~0U, 0) < 0)
#endif
		for (fd = 5; fd < 1024; fd++)
			syscall(SYS_close, fd);
	syscall(SYS_setsid);
	syscall(SYS_execve, path, argv, env);
	syscall(SYS_write, READY_FD, "the daemon can't be executed", 28);
	syscall(SYS_exit_group, 127);
}

/*
 * Twice removed, so that it is not our child. By the system call, so that the program's
 * fork handlers do not run; with no signal at its end, so that its SIGCHLD handler does not.
 */
static int spawn(const char *path, char **argv, char **env, int ready, int lock)
{
	sigset_t all, old;
	long pid;
	int error = 0;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	pid = syscall(SYS_clone, 0L, 0L, 0L, 0L, 0L);
	if (pid == 0) {
		pid = syscall(SYS_clone, 0L, 0L, 0L, 0L, 0L);
		if (pid == 0)
			become_daemon(path, argv, env, ready, lock);
		syscall(SYS_exit_group, 0);
	}
	if (pid < 0)
		error = errno;
	else
		syscall(SYS_wait4, pid, NULL, (long)0x80000000 /* __WCLONE */, NULL);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return error;
}

/* A newline: it is ready. Anything else is why it is not. */
static int await_ready(int fd, const char *path, char *err, size_t errlen)
{
	char text[200];
	long n;

	if (nmc_wait_fd(fd, POLLIN, PATIENCE) == 0) {
		snprintf(err, errlen, "%s does not get ready", path);
		return ETIMEDOUT;
	}
	do {
		n = syscall(SYS_read, fd, text, sizeof(text) - 1);
	} while (n < 0 && errno == EINTR);
	text[n > 0 ? n : 0] = '\0';
	if (n == 1 && text[0] == '\n')
		return 0;
	snprintf(err, errlen, "%s: %s", path, n > 0 ? text : "died while starting");
	return ENXIO;
}

static int start_locked(const char *socket_path, int lock, char *err, size_t errlen)
{
	static char ready_arg[] = "3", lock_arg[] = "4";
	char daemon[PATH_MAX], *argv[12];
	const char *log = secure_getenv("NETMAPD_LOG");
	char **env = environment();
	int ready[2], error, n = 0;

	if (env == NULL)
		return ENOMEM;
	if (!find_daemon(daemon, sizeof(daemon), err, errlen)) {
		free(env);
		return ENOENT;
	}
	argv[n++] = daemon;
	argv[n++] = (char *)"--socket";
	argv[n++] = (char *)socket_path;
	argv[n++] = (char *)"--ready-fd";
	argv[n++] = ready_arg;
	argv[n++] = (char *)"--lock-fd";
	argv[n++] = lock_arg;
	if (log != NULL && *log != '\0') {
		argv[n++] = (char *)"--verbose";
		argv[n++] = (char *)"--log";
		argv[n++] = (char *)log;
	}
	argv[n] = NULL;
	error = pipe2(ready, O_CLOEXEC) < 0 ? errno : 0;
	if (error == 0) {
		error = spawn(daemon, argv, env, ready[1], lock);
		nmc_close(ready[1]);
		if (error == 0)
			error = await_ready(ready[0], daemon, err, errlen);
		else
			snprintf(err, errlen, "can't start %s: %s", daemon, strerror(error));
		nmc_close(ready[0]);
	}
	free(env);
	return error;
}

/* Is one there by now? Without a greeting: the daemon takes that for a change of mind. */
static bool answers(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool yes;

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	yes = s >= 0 && (connect(s, (struct sockaddr *)&sun, sizeof(sun)) == 0 || errno == EAGAIN);
	nmc_close(s);
	return yes;
}

int nmc_start(const char *path, char *err, size_t errlen)
{
	char name[sizeof(((struct sockaddr_un *)NULL)->sun_path) + 8];
	int lock, error = 0;

	snprintf(name, sizeof(name), "%s.lock", path);
	lock = (int)syscall(SYS_openat, AT_FDCWD, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
			    0600);
	if (lock < 0) {
		error = errno;
		snprintf(err, errlen, "can't make the lock file %s: %s", name, strerror(error));
		return error;
	}
	while (syscall(SYS_flock, lock, LOCK_EX) < 0 && errno == EINTR)
		;
	if (!answers(path))
		error = start_locked(path, lock, err, errlen);
	/* The daemon has unlocked it, if it is the one we started; else it is ours to do. */
	syscall(SYS_flock, lock, LOCK_UN);
	nmc_close(lock);
	return error;
}
