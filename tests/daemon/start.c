// SPDX-License-Identifier: BSD-2-Clause
/* The daemon comes when it is needed, goes when it is not, and lets in whom it should. */
#include "daemon.h"

#include <libnetmap.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

static const char *socket_path(void)
{
	return getenv("NETMAP_SOCKET");
}

static int exit_of(pid_t pid)
{
	int status;

	t_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static void comes_and_goes(void)
{
	struct nmport_d *d;
	struct stat st;
	pid_t first;

	daemon_place();
	t_check(!daemon_list(false), "a listing started the daemon");
	d = nmport_open("vale0:a");
	t_check(d);
	first = daemon_pid();
	t_check(first > 0 && first != getpid());
	t_check(!stat(socket_path(), &st));
	t_eq(st.st_mode & 07777, 0600);
	t_sleep(1.5);
	t_eq(daemon_pid(), first);
	nmport_close(d);
	t_eq(daemon_pid(), first);
	daemon_await_end(20);
	t_check(stat(socket_path(), &st) && errno == ENOENT);
	d = nmport_open("vale0:a");
	t_check(d);
	t_check(daemon_pid() != first);
	nmport_close(d);
	daemon_await_end(20);
}

/* A crowd that finds no daemon starts one, not many; and all get in. */
static void one_for_a_crowd(void)
{
	int report[2], i, n;
	pid_t pids[20], pid;

	daemon_place();
	t_check(!pipe(report));
	for (i = 0; i < 20; i++) {
		pids[i] = fork();
		if (!pids[i]) {
			n = nmhost_open();
			pid = n < 0 ? -1 : daemon_pid();
			if (write(report[1], &pid, sizeof(pid)) != sizeof(pid) || n < 0)
				_exit(1);
			t_sleep(0.5);
			_exit(0);
		}
	}
	n = 0;
	for (i = 0; i < 20; i++) {
		t_eq(read(report[0], &pid, sizeof(pid)), sizeof(pid));
		t_check(pid > 0);
		if (!n)
			n = pid;
		t_eq(pid, n);
	}
	for (i = 0; i < 20; i++)
		t_eq(exit_of(pids[i]), 0);
	daemon_await_end(20);
}

/* Clients that come just while it leaves: each of them is served by some daemon. */
static void leaving_while_others_come(void)
{
	const char *argv0 = getenv("NETMAPD");
	uint64_t i, rounds = t_rounds(60);
	char cmd[400];
	int fd;

	daemon_place();
	for (i = 0; i < rounds; i++) {
		if (i % 4 == 0 && !daemon_pid()) {
			snprintf(cmd, sizeof(cmd), "'%s' --linger 1", argv0);
			t_eq(system(cmd), 0);
		}
		t_sleep(t_random() % 4000 / 1e6);
		fd = nmhost_open();
		t_check(fd >= 0, "%s: %s", strerror(errno), nmhost_strerror(-1));
		nmhost_close(fd);
	}
	daemon_await_end(20);
}

static void stays_for_persistent_ports(void)
{
	struct nmreq_vale_newif body = { 0 };
	struct nmreq_header h = { .nr_version = NETMAP_API,
				  .nr_reqtype = NETMAP_REQ_VALE_NEWIF,
				  .nr_name = "per0",
				  .nr_body = (uintptr_t)&body };
	int fd;

	daemon_place();
	fd = nmhost_open();
	t_check(fd >= 0);
	t_check(!nmhost_ioctl(fd, NIOCCTRL, &h), "%s", nmhost_strerror(fd));
	nmhost_close(fd);
	t_sleep(2.5);
	t_check(daemon_pid() > 0, "the daemon left a persistent port behind");
	fd = nmhost_open();
	h.nr_reqtype = NETMAP_REQ_VALE_DELIF;
	h.nr_body = 0;
	t_check(!nmhost_ioctl(fd, NIOCCTRL, &h), "%s", nmhost_strerror(fd));
	nmhost_close(fd);
	daemon_await_end(20);
}

static void only_one_at_a_place(void)
{
	const char *argv0 = getenv("NETMAPD");
	pid_t first = daemon_start(NULL);
	char cmd[500], line[300] = "";
	FILE *f;

	snprintf(cmd, sizeof(cmd), "'%s' --foreground 2>&1", argv0);
	f = popen(cmd, "r");
	t_check(f && fgets(line, sizeof(line), f));
	t_check(strstr(line, "running already"), "%s", line);
	t_check(pclose(f) != 0);
	t_eq(daemon_pid(), first);
	/* One that was killed leaves a socket, which is in nobody's way. */
	daemon_kill(first, SIGKILL);
	t_check(!access(socket_path(), F_OK));
	first = daemon_start(NULL);
	daemon_kill(first, SIGTERM);
	t_check(access(socket_path(), F_OK));
}

static void errors_say_why(void)
{
	char was[300];

	daemon_place();
	snprintf(was, sizeof(was), "%s", getenv("NETMAPD"));
	setenv("NETMAPD", "/nonexistent/netmapd", 1);
	t_eq(nmhost_open(), -1);
	t_check(strstr(nmhost_strerror(-1), "/nonexistent/netmapd"), "%s", nmhost_strerror(-1));
	/* It can be executed, but it is no daemon. */
	setenv("NETMAPD", "/bin/true", 1);
	t_eq(nmhost_open(), -1);
	t_check(strstr(nmhost_strerror(-1), "/bin/true"), "%s", nmhost_strerror(-1));
	setenv("NETMAPD", was, 1);
	setenv("NETMAP_SOCKET", "/nonexistent/dir/sock", 1);
	t_eq(nmhost_open(), -1);
	t_check(strstr(nmhost_strerror(-1), "/nonexistent/dir"), "%s", nmhost_strerror(-1));
}

static void another_version(void)
{
	struct nmd_hello m = { .purpose = NMD_FOR_PORTS };
	struct nmd_text answer;
	pid_t pid = daemon_start(NULL);
	char pids[20];
	int s = proto_connect();

	nmd_header_init(&m.h, NMD_HELLO, sizeof(m));
	m.h.version = NMD_VERSION + 7;
	proto_send(s, &m, sizeof(m), NULL, 0);
	t_eq(proto_recv(s, &answer, sizeof(answer), NULL, NULL), NMD_REFUSED);
	t_eq(answer.h.error, EPROTONOSUPPORT);
	snprintf(pids, sizeof(pids), "%d", (int)pid);
	t_check(strstr(answer.text, "version") && strstr(answer.text, pids), "%s", answer.text);
	t_eq(proto_recv(s, &answer, sizeof(answer), NULL, NULL), 0);
	close(s);
}

/* A daemon of another version, as our library sees it. */
static void another_daemon(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct nmd_welcome w = { .pid = 1 };
	char buf[1000];
	int s, c, status;
	pid_t pid;

	daemon_place();
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", socket_path());
	s = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	t_check(!bind(s, (struct sockaddr *)&sun, sizeof(sun)) && !listen(s, 5));
	pid = fork();
	if (!pid) {
		t_eq(nmhost_open(), -1);
		t_eq(errno, EPROTONOSUPPORT);
		t_check(strstr(nmhost_strerror(-1), "version"), "%s", nmhost_strerror(-1));
		_exit(0);
	}
	c = accept(s, NULL, NULL);
	t_check(recv(c, buf, sizeof(buf), 0) > 0);
	nmd_header_init(&w.h, NMD_WELCOME, sizeof(w));
	w.h.version = NMD_VERSION + 1;
	t_check(send(c, &w, sizeof(w), 0) > 0);
	t_eq(waitpid(pid, &status, 0), pid);
	t_eq(status, 0);
}

#define STRANGER 54321

static void strangers_stay_out(void)
{
	pid_t pid, child;

	if (geteuid())
		t_skip("only root can be somebody else");
	pid = daemon_start(NULL);
	t_check(!chmod(t_dir(), 0755));
	child = fork();
	if (!child) {
		t_check(!setgid(STRANGER) && !setuid(STRANGER));
		t_eq(nmhost_open(), -1);
		t_eq(errno, EACCES);
		_exit(0);
	}
	t_eq(exit_of(child), 0);
	/* Even if somebody opened the socket to all. */
	t_check(!chmod(socket_path(), 0666));
	child = fork();
	if (!child) {
		t_check(!setgid(STRANGER) && !setuid(STRANGER));
		t_eq(nmhost_open(), -1);
		t_eq(errno, EACCES);
		t_check(strstr(nmhost_strerror(-1), "54321"), "%s", nmhost_strerror(-1));
		_exit(0);
	}
	t_eq(exit_of(child), 0);
	t_eq(daemon_pid(), pid);
}

static void forget_place(void)
{
	unlink("/tmp/netmap-54321/netmapd.sock.lock");
	rmdir("/tmp/netmap-54321");
	unlink("/tmp/netmap-54321");
}

/* The default places are only good if they are ours alone. */
static void unsafe_places(void)
{
	pid_t child;

	if (geteuid())
		t_skip("only root can be somebody else");
	child = fork();
	if (!child) {
		t_check(!setgid(STRANGER) && !setuid(STRANGER));
		unsetenv("NETMAP_SOCKET");
		unsetenv("XDG_RUNTIME_DIR");
		setenv("NETMAP_HOST", "daemon", 1);
		forget_place();
		t_check(!symlink("/tmp", "/tmp/netmap-54321"));
		t_eq(nmhost_open(), -1);
		t_eq(errno, ENOTDIR);
		t_check(strstr(nmhost_strerror(-1), "/tmp/netmap-54321"), "%s",
			nmhost_strerror(-1));
		unlink("/tmp/netmap-54321");
		t_check(!mkdir("/tmp/netmap-54321", 0700) && !chmod("/tmp/netmap-54321", 0777));
		t_eq(nmhost_open(), -1);
		t_eq(errno, EPERM);
		rmdir("/tmp/netmap-54321");
		_exit(0);
	}
	t_eq(exit_of(child), 0);
}

/* Starts one on demand at the default place, which must be `path`. */
static void expect_place(const char *path)
{
	char at[108];
	struct stat st;
	int fd;

	unsetenv("NETMAP_SOCKET");
	setenv("NETMAP_HOST", "daemon", 1);
	fd = nmhost_open();
	t_check(fd >= 0, "%s", nmhost_strerror(-1));
	t_check(!nmd_socket_path(at, sizeof(at)) && !strcmp(at, path), "%s, not %s", at, path);
	t_check(!stat(path, &st), "nothing at %s", path);
	t_check(S_ISSOCK(st.st_mode) && st.st_uid == geteuid());
	t_eq(st.st_mode & 07777, 0600);
	nmhost_close(fd);
	for (int i = 0; i < 400 && !access(path, F_OK); i++)
		t_sleep(0.05);
	t_check(access(path, F_OK));
	_exit(0);
}

/* The daemon where everybody may execute it: the build may be in a private place. */
static void publish_daemon(void)
{
	char path[150], cmd[500];

	t_path(path, sizeof(path), "netmapd");
	snprintf(cmd, sizeof(cmd), "cp '%s' '%s' && chmod 755 '%s' '%s'", getenv("NETMAPD"), path,
		 path, t_dir());
	t_eq(system(cmd), 0);
	setenv("NETMAPD", path, 1);
}

static void default_places(void)
{
	char run[100], path[150];
	pid_t child;
	int code;

	if (geteuid())
		t_skip("only root can be somebody else");
	publish_daemon();
	t_path(run, sizeof(run), "run");
	t_check(!mkdir(run, 0700) && !chown(run, STRANGER, STRANGER));
	snprintf(path, sizeof(path), "%s/netmapd.sock", run);
	child = fork();
	if (!child) { /* an ordinary user's */
		t_check(!setgid(STRANGER) && !setuid(STRANGER));
		setenv("XDG_RUNTIME_DIR", run, 1);
		expect_place(path);
	}
	t_eq(exit_of(child), 0);
	child = fork();
	if (!child) {
		t_check(!setgid(STRANGER) && !setuid(STRANGER));
		unsetenv("XDG_RUNTIME_DIR");
		expect_place("/tmp/netmap-54321/netmapd.sock");
	}
	t_eq(exit_of(child), 0);
	forget_place();
	child = fork();
	if (!child) { /* root's, in a /run of our own: the machine's may have a daemon */
		if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
		    mount("none", "/run", "tmpfs", 0, NULL))
			_exit(77);
		expect_place("/run/netmap/netmapd.sock");
	}
	code = exit_of(child);
	if (code == 77)
		t_skip("no mounts are allowed here");
	t_eq(code, 0);
}

static void wrong_arguments(void)
{
	static const char *const bad[] = { "--nonsense",       "extra",
					   "--linger x",       "--json",
					   "--nic-buf-size 1", "--socket \"$(printf %0200d 1)\"" };
	char cmd[500];
	size_t i;

	daemon_place();
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(cmd, sizeof(cmd), "'%s' %s >/dev/null 2>&1", getenv("NETMAPD"), bad[i]);
		t_check(system(cmd) != 0, "%s", bad[i]);
	}
	t_eq(daemon_pid(), 0);
}

T_MAIN(T_CASE(comes_and_goes), T_CASE(one_for_a_crowd), T_CASE(leaving_while_others_come),
       T_CASE(stays_for_persistent_ports), T_CASE(only_one_at_a_place), T_CASE(errors_say_why),
       T_CASE(another_version), T_CASE(another_daemon), T_CASE(strangers_stay_out),
       T_CASE(unsafe_places), T_CASE(default_places), T_CASE(wrong_arguments))
