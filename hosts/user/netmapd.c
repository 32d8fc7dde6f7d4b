// SPDX-License-Identifier: BSD-2-Clause
/* netmapd: the framework for other processes. Options, and becoming a daemon. */
#include "netmapd.h"

#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/resource.h>
#include <sys/wait.h>

int nmd_verbose;

void nmd_log(int level, const char *fmt, ...)
{
	char line[512];
	va_list ap;

	if (level > nmd_verbose)
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	fprintf(stderr, "netmapd: %s\n", line);
}

static const char usage_text[] =
	"usage: netmapd [OPTION]...\n"
	"  --foreground        stay in the terminal, and stay when nobody is left\n"
	"  --stay              stay when nobody is left\n"
	"  --linger MS         how long to wait for somebody else then (1000)\n"
	"  --list [--json]     what a running daemon has: ports, rings, clients, "
	"counters\n"
	"  --socket PATH       where to listen (see netmapd(8); NETMAP_SOCKET)\n"
	"  --log FILE          append messages to FILE\n"
	"  --verbose           say more; twice: debugging\n"
	"  --nic-bufs N        buffers of the memory that NIC ports share\n"
	"  --nic-buf-size N    bytes of such a buffer: 2048 or 4096\n"
	"  --nic-mode N        0 best first, 1 zero-copy only, 2 native copy, 3 generic\n"
	"  --memory BYTES      most bytes of a private memory\n"
	"  --vale-age SECONDS  until a switch forgets a silent station\n"
	"  --help, --version\n";

enum {
	OPT_FOREGROUND = 256,
	OPT_STAY,
	OPT_LINGER,
	OPT_LIST,
	OPT_JSON,
	OPT_SOCKET,
	OPT_LOG,
	OPT_VERBOSE,
	OPT_READY_FD,
	OPT_LOCK_FD,
	OPT_HELP,
	OPT_VERSION,
	OPT_SETTING, /* and above: nmcore_set(name of the option) */
};

static const struct option options[] = {
	{ "foreground", no_argument, NULL, OPT_FOREGROUND },
	{ "stay", no_argument, NULL, OPT_STAY },
	{ "linger", required_argument, NULL, OPT_LINGER },
	{ "list", no_argument, NULL, OPT_LIST },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "socket", required_argument, NULL, OPT_SOCKET },
	{ "log", required_argument, NULL, OPT_LOG },
	{ "verbose", no_argument, NULL, OPT_VERBOSE },
	{ "ready-fd", required_argument, NULL, OPT_READY_FD },
	{ "lock-fd", required_argument, NULL, OPT_LOCK_FD },
	{ "help", no_argument, NULL, OPT_HELP },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ "nic-bufs", required_argument, NULL, OPT_SETTING },
	{ "nic-buf-size", required_argument, NULL, OPT_SETTING },
	{ "nic-mode", required_argument, NULL, OPT_SETTING },
	{ "memory", required_argument, NULL, OPT_SETTING },
	{ "vale-age", required_argument, NULL, OPT_SETTING },
	{ NULL, 0, NULL, 0 },
};

static void die(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));

static void die(const char *fmt, ...)
{
	va_list ap;

	fputs("netmapd: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

static long number(const char *name, const char *s, long max)
{
	char *end;
	long v;

	errno = 0;
	v = strtol(s, &end, 0);
	if (errno || !*s || *end || v < 0 || v > max)
		die("--%s %s: must be a number from 0 to %ld", name, s, max);
	return v;
}

static void setting(const char *name, const char *value)
{
	if (nmcore_set(name, number(name, value, LONG_MAX)) < 0)
		die("--%s %s: out of range", name, value);
}

static void open_log(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	if (fd < 0)
		die("can't open the log %s: %s", path, strerror(errno));
	dup2(fd, 2);
	close(fd);
}

struct command {
	struct nmd_options opt;
	bool list, json;
	const char *log;
};

static void set_path(const char *path)
{
	if (nmd_path_fits(nmd.path, sizeof(nmd.path), path, ""))
		die("--socket %s: a path of at most %zu bytes is needed", path,
		    sizeof(nmd.path) - 1);
}

static void parse(int argc, char **argv, struct command *cmd)
{
	int c, index;

	while ((c = getopt_long(argc, argv, "", options, &index)) != -1) {
		switch (c) {
		case OPT_FOREGROUND:
			cmd->opt.foreground = cmd->opt.stay = true;
			break;
		case OPT_STAY:
			cmd->opt.stay = true;
			break;
		case OPT_LINGER:
			cmd->opt.linger = (int)number("linger", optarg, 86400000);
			break;
		case OPT_LIST:
			cmd->list = true;
			break;
		case OPT_JSON:
			cmd->json = true;
			break;
		case OPT_SOCKET:
			set_path(optarg);
			break;
		case OPT_LOG:
			cmd->log = optarg;
			break;
		case OPT_VERBOSE:
			nmd_verbose = nmd_verbose ? 3 : 2;
			break;
		case OPT_READY_FD:
			cmd->opt.ready_fd = (int)number("ready-fd", optarg, INT_MAX);
			break;
		case OPT_LOCK_FD:
			cmd->opt.lock_fd = (int)number("lock-fd", optarg, INT_MAX);
			break;
		case OPT_HELP:
			fputs(usage_text, stdout);
			exit(0);
		case OPT_VERSION:
			printf("netmapd, protocol version %d\n", NMD_VERSION);
			exit(0);
		case OPT_SETTING:
			setting(options[index].name, optarg);
			break;
		default:
			exit(2);
		}
	}
	if (optind < argc)
		die("%s: not an option; see netmapd --help", argv[optind]);
	if (cmd->json && !cmd->list)
		die("--json goes with --list");
}

/* What we inherited from the program that started us must not limit the others. */
static void shed_limits(void)
{
	struct sigaction sa = { .sa_handler = SIG_IGN };
	struct rlimit rl;
	cpu_set_t all;
	sigset_t none;

	sigaction(SIGPIPE, &sa, NULL);
	sa.sa_handler = SIG_DFL;
	sigaction(SIGCHLD, &sa, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (!getrlimit(RLIMIT_NOFILE, &rl)) {
		rl.rlim_cur = rl.rlim_max;
		setrlimit(RLIMIT_NOFILE, &rl);
	}
	memset(&all, 0xff, sizeof(all));
	sched_setaffinity(0, sizeof(all), &all);
	umask(077);
}

/* Ends a read() of a channel's thread, for the stop; nothing else. */
static void on_interrupt(int sig)
{
	(void)sig;
}

static void detach_stdio(bool keep_stderr)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return;
	dup2(fd, 0);
	dup2(fd, 1);
	if (!keep_stderr)
		dup2(fd, 2);
	if (fd > 2)
		close(fd);
}

/* Parent: waits until the daemon is ready, and repeats what it says if it is not. */
static void await_ready(int fd)
{
	char text[256];
	ssize_t n = read(fd, text, sizeof(text) - 1);

	if (n == 1 && text[0] == '\n')
		exit(0);
	text[n > 0 ? n : 0] = '\0';
	die("%s", n > 0 ? text : "died while starting");
}

static void daemonize(struct nmd_options *opt)
{
	int ready[2];
	pid_t pid;

	if (pipe2(ready, O_CLOEXEC) < 0)
		die("pipe: %s", strerror(errno));
	pid = fork();
	if (pid < 0)
		die("fork: %s", strerror(errno));
	if (pid) {
		close(ready[1]);
		await_ready(ready[0]);
	}
	close(ready[0]);
	opt->ready_fd = ready[1];
	setsid();
}

/* Tells who started us: ready, or why not. */
static void report(const struct nmd_options *opt, const char *text)
{
	if (opt->ready_fd >= 0) {
		if (write(opt->ready_fd, text, strlen(text)) < 0)
			nmd_log(1, "who started us is gone");
		close(opt->ready_fd);
	} else if (*text != '\n') {
		fprintf(stderr, "netmapd: %s\n", text);
	}
}

static int run(struct command *cmd)
{
	struct sigaction sa = { .sa_handler = on_interrupt };
	struct nmd_options *opt = &cmd->opt;
	char text[256];

	if (cmd->log)
		open_log(cmd->log);
	if (opt->ready_fd >= 0)
		fcntl(opt->ready_fd, F_SETFD, FD_CLOEXEC);
	else if (!opt->foreground)
		daemonize(opt);
	if (opt->lock_fd >= 0)
		fcntl(opt->lock_fd, F_SETFD, FD_CLOEXEC);
	shed_limits();
	sigaction(SIGUSR1, &sa, NULL);
	if (nmd_listen(opt, text, sizeof(text)) < 0) {
		report(opt, text);
		return 1;
	}
	nmd_log(2, "process %d listens at %s", (int)getpid(), nmd.path);
	report(opt, "\n");
	if (!opt->foreground) {
		detach_stdio(cmd->log != NULL);
		if (chdir("/") < 0)
			nmd_log(1, "can't leave the working directory");
	}
	return nmd_serve(opt);
}

int main(int argc, char **argv)
{
	struct command cmd = {
		.opt = { .linger = NMD_LINGER_DEFAULT, .ready_fd = -1, .lock_fd = -1 }
	};
	int error = nmd_socket_path(nmd.path, sizeof(nmd.path));

	parse(argc, argv, &cmd);
	if (!nmd.path[0] || (error && nmd.path[0] != '/'))
		die("no place for a socket: %s", strerror(-error));
	if (cmd.list)
		return nmd_print_list(cmd.json);
	nmcore_set("verbose", nmd_verbose ? nmd_verbose : 1);
	return run(&cmd);
}
