// SPDX-License-Identifier: BSD-2-Clause
/* The main thread: accepts, listens to connections, and knows when it is time to go. */
#include "netmapd_conn.h"

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <time.h>

struct nmd_server nmd = { .lock = PTHREAD_MUTEX_INITIALIZER, .wakefd = -1 };

static int listenfd = -1, epfd = -1, sigfd = -1, lockfd = -1;
static bool quit;
static int64_t accept_after; /* out of descriptors: no accept until then */

/* What an event is about: one of these, or a connection. */
static char is_listen, is_wake, is_signal;

int64_t nmd_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void nmd_wake_main(void)
{
	const uint64_t one = 1;

	/* Full means that it is awake already. */
	if (write(nmd.wakefd, &one, sizeof(one)) < 0 && errno != EAGAIN)
		nmd_log(0, "wakeup lost: %s", strerror(errno));
}

int nmd_thread(void *(*fn)(void *), void *arg)
{
	pthread_attr_t attr;
	pthread_t id;
	int error = pthread_attr_init(&attr);

	if (error)
		return error;
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, 256 << 10);
	error = pthread_create(&id, &attr, fn, arg);
	pthread_attr_destroy(&attr);
	return error;
}

static int watch(int fd, uint32_t events, void *what)
{
	struct epoll_event ev = { .events = events, .data.ptr = what };

	return epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &ev);
}

void nmd_unwatch(int fd)
{
	epoll_ctl(epfd, EPOLL_CTL_DEL, fd, NULL);
}

static int say(char *text, size_t size, const char *what)
{
	snprintf(text, size, "%s %s: %s", what, nmd.path, strerror(errno));
	return -1;
}

static bool somebody_listens(const struct sockaddr_un *sun)
{
	int s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool yes = s >= 0 &&
		   (!connect(s, (const struct sockaddr *)sun, sizeof(*sun)) || errno == EAGAIN);

	if (s >= 0)
		close(s);
	return yes;
}

/* Between programs that start the daemon, and a daemon that ends. */
static int take_lock(const struct nmd_options *opt, char *text, size_t size)
{
	char path[sizeof(nmd.path) + 8];

	lockfd = opt->lock_fd;
	if (lockfd >= 0)
		return 0;
	snprintf(path, sizeof(path), "%s.lock", nmd.path);
	lockfd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (lockfd < 0)
		return say(text, size, "can't make the lock file of");
	while (flock(lockfd, LOCK_EX) < 0)
		if (errno != EINTR)
			return say(text, size, "can't lock");
	return 0;
}

static int bind_socket(char *text, size_t size)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	mode_t mask;
	int error;

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", nmd.path);
	if (somebody_listens(&sun)) {
		snprintf(text, size, "a netmapd is running already at %s", nmd.path);
		return -1;
	}
	listenfd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (listenfd < 0)
		return say(text, size, "can't make socket");
	unlink(nmd.path);
	mask = umask(0177);
	error = bind(listenfd, (struct sockaddr *)&sun, sizeof(sun));
	umask(mask);
	if (error < 0)
		return say(text, size, "can't bind");
	if (listen(listenfd, 1024) < 0)
		return say(text, size, "can't listen at");
	return 0;
}

static int watch_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	if (pthread_sigmask(SIG_BLOCK, &set, NULL))
		return -1;
	sigfd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return sigfd < 0 ? -1 : watch(sigfd, EPOLLIN, &is_signal);
}

int nmd_listen(struct nmd_options *opt, char *text, size_t size)
{
	epfd = epoll_create1(EPOLL_CLOEXEC);
	nmd.wakefd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (epfd < 0 || nmd.wakefd < 0 || watch(nmd.wakefd, EPOLLIN, &is_wake) < 0 ||
	    watch_signals() < 0) {
		snprintf(text, size, "no resources: %s", strerror(errno));
		return -1;
	}
	if (take_lock(opt, text, size) < 0 || bind_socket(text, size) < 0)
		return -1;
	if (watch(listenfd, EPOLLIN, &is_listen) < 0)
		return say(text, size, "can't watch");
	flock(lockfd, LOCK_UN);
	return 0;
}

/* The mode of the socket keeps others out; so does this, should it be opened up. */
static bool welcome_peer(int fd, pid_t *pid)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);
	char text[NMD_TEXT];

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return false;
	*pid = cred.pid;
	if (cred.uid == 0 || cred.uid == geteuid())
		return true;
	snprintf(text, sizeof(text),
		 "netmapd serves user %u and root, not user %u: start one of your own "
		 "(NETMAP_SOCKET)",
		 (unsigned int)geteuid(), (unsigned int)cred.uid);
	nmd_log(1, "process %d turned away: %s", (int)cred.pid, text);
	nmd_refuse(fd, EACCES, text);
	return false;
}

/* Level-triggered, the socket would keep us awake for a connection we can't take. */
static void pause_accepting(bool pause)
{
	struct epoll_event ev = { .events = pause ? 0 : EPOLLIN, .data.ptr = &is_listen };

	accept_after = pause ? nmd_now_ms() + 100 : 0;
	epoll_ctl(epfd, EPOLL_CTL_MOD, listenfd, &ev);
}

/* false: nobody waits. */
static bool accept_one(void)
{
	struct nmd_conn *c;
	pid_t pid;
	int fd = accept4(listenfd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
			nmd_log(1, "no resources for a connection: %s", strerror(errno));
			pause_accepting(true);
		}
		return errno == EINTR || errno == ECONNABORTED;
	}
	if (!welcome_peer(fd, &pid)) {
		close(fd);
		return true;
	}
	if (nmd_conns >= NMD_FILES_MAX) {
		nmd_refuse(fd, EMFILE, "netmapd: too many descriptors are open");
		close(fd);
		return true;
	}
	c = nmd_conn_new(fd, pid);
	if (!c)
		close(fd);
	else if (watch(fd, EPOLLIN | EPOLLRDHUP, c) < 0)
		nmd_conn_free(c);
	return true;
}

static void drain_wake(void)
{
	uint64_t n;

	while (read(nmd.wakefd, &n, sizeof(n)) == sizeof(n))
		;
}

static void take_signal(void)
{
	struct signalfd_siginfo si;

	while (read(sigfd, &si, sizeof(si)) == sizeof(si)) {
		nmd_log(2, "ends on signal %u", si.ssi_signo);
		quit = true;
	}
}

static void handle(const struct epoll_event *ev)
{
	void *what = ev->data.ptr;

	if (what == &is_listen) {
		for (int i = 0; i < 64 && accept_one(); i++)
			;
	} else if (what == &is_wake) {
		drain_wake();
	} else if (what == &is_signal) {
		take_signal();
	} else if (!nmd_conn_input(what)) {
		nmd_conn_free(what);
	}
}

static bool idle(void)
{
	return !nmd_conns && !__atomic_load_n(&nmd.nfiles, __ATOMIC_ACQUIRE) &&
	       !__atomic_load_n(&nmd.nlists, __ATOMIC_ACQUIRE) && !nmcore_users();
}

/*
 * Goes, unless somebody is starting us at this very moment. Who connects between
 * our last look and the end of the socket is reset before a WELCOME; it waits
 * for the lock then, and starts another daemon.
 */
static bool try_to_leave(void)
{
	struct epoll_event ev;

	if (flock(lockfd, LOCK_EX | LOCK_NB) < 0)
		return false;
	if (epoll_wait(epfd, &ev, 1, 0) > 0) {
		flock(lockfd, LOCK_UN);
		return false;
	}
	unlink(nmd.path);
	close(listenfd);
	listenfd = -1;
	nmd_log(2, "nobody is left: ends");
	return true;
}

/* ms until there is something to do that no event tells; -1: nothing. */
static int next_timeout(const struct nmd_options *opt, int64_t *idle_since)
{
	int64_t now = nmd_now_ms(), left;
	int timeout = nmd_conns_timeout();

	if (accept_after) {
		if (now >= accept_after)
			pause_accepting(false);
		else if (timeout < 0 || accept_after - now < timeout)
			timeout = (int)(accept_after - now);
	}
	if (opt->stay || !idle()) {
		*idle_since = 0;
		return timeout;
	}
	if (!*idle_since)
		*idle_since = now;
	left = *idle_since + opt->linger - now;
	if (left <= 0) {
		if (try_to_leave())
			quit = true;
		left = 50;
	}
	return timeout < 0 || left < timeout ? (int)left : timeout;
}

static void clean_up(void)
{
	const struct timespec pause = { 0, 5000000 };

	/* Ended by a signal: who starts another one waits until we are gone, if we can.
	 */
	flock(lockfd, LOCK_EX | LOCK_NB);
	if (listenfd >= 0) {
		unlink(nmd.path);
		close(listenfd);
	}
	nmd_conns_free();
	if (!nmd_chans_stop())
		nmd_log(0, "some calls did not end: leaving anyway");
	for (int i = 0; i < 600 && __atomic_load_n(&nmd.nfiles, __ATOMIC_ACQUIRE); i++)
		nanosleep(&pause, NULL);
	if (!__atomic_load_n(&nmd.nfiles, __ATOMIC_ACQUIRE))
		nmcore_shutdown();
}

int nmd_serve(struct nmd_options *opt)
{
	struct epoll_event ev[16];
	int64_t idle_since = 0;
	int n, timeout;

	while (!quit) {
		timeout = next_timeout(opt, &idle_since);
		if (quit)
			break;
		n = epoll_wait(epfd, ev, 16, timeout);
		if (n < 0 && errno != EINTR) {
			nmd_log(0, "epoll_wait: %s", strerror(errno));
			break;
		}
		for (int i = 0; i < n; i++)
			handle(&ev[i]);
	}
	clean_up();
	return 0;
}
