// SPDX-License-Identifier: BSD-2-Clause
#include "t.h"

#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SKIP 77

static const char *case_name;
static char *skip_reason; /* shared with the case's process */
#define REASON 256

static void say(const char *prefix, const char *fmt, va_list ap)
{
	char line[1024];
	int n = snprintf(line, sizeof(line), "# %s%s", case_name ? case_name : "", prefix);

	vsnprintf(line + n, sizeof(line) - n, fmt, ap);
	printf("%s\n", line);
	fflush(stdout);
}

/* The case may have threads running: nothing of theirs is waited for. */
void t_fail(const char *file, int line, const char *fmt, ...)
{
	const char *base = strrchr(file, '/');
	char where[128];
	va_list ap;

	snprintf(where, sizeof(where), ": %s:%d: ", base ? base + 1 : file, line);
	va_start(ap, fmt);
	say(where, fmt, ap);
	va_end(ap);
	_exit(1);
}

void t_fail_cond(const char *file, int line, const char *cond, const char *fmt, ...)
{
	char why[900];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	t_fail(file, line, "%s%s", cond, why[2] ? why : "");
}

void t_skip(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(skip_reason, REASON, fmt, ap);
	va_end(ap);
	_exit(SKIP);
}

void t_note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(": ", fmt, ap);
	va_end(ap);
}

bool t_slow(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(T_COVERAGE)
	return true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
	return true;
#endif
#endif
	return false;
}

static double scale(void)
{
	const char *s = getenv("T_SCALE");

	return s && atof(s) > 0 ? atof(s) : 1;
}

uint64_t t_rounds(uint64_t n)
{
	if (t_slow())
		n = n / 10 ? n / 10 : 1;
	return n * scale() >= 1 ? n * scale() : 1;
}

double t_patience(double seconds)
{
	const char *patience = getenv("T_PATIENCE");

	return patience && atoi(patience) > 1 ? seconds * atoi(patience) : seconds;
}

static unsigned int seconds_of(const struct t_case *c)
{
	unsigned int seconds = t_patience(c->seconds ? c->seconds : T_SECONDS);

	return scale() > 1 ? seconds * scale() : seconds;
}

double t_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

void t_sleep(double seconds)
{
	struct timespec ts = { .tv_sec = seconds };

	ts.tv_nsec = (seconds - ts.tv_sec) * 1e9;
	nanosleep(&ts, NULL);
}

static char dir[128];

static void dir_make(void)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(dir, sizeof(dir), "%.100s/nmtest.XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(dir)) {
		perror(dir);
		exit(1);
	}
}

static int dir_unlink(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

const char *t_dir(void)
{
	return dir;
}

void t_path(char *buf, size_t size, const char *name)
{
	int n = snprintf(buf, size, "%s/%s-%s", dir, case_name, name);

	t_check(n < (int)size);
}

uint32_t t_random(void)
{
	static __thread uint64_t state;

	if (!state) {
		const char *seed = getenv("T_SEED");

		state = seed ? strtoull(seed, NULL, 0) : (uint64_t)(t_now() * 1e9);
		if (!seed)
			t_note("T_SEED=%llu", (unsigned long long)state);
		state = state * 2 + 1;
	}
	state = state * 6364136223846793005ull + 1442695040888963407ull;
	return state >> 32;
}

static int verdict(const struct t_case *c, int status, char *why, size_t size)
{
	why[0] = '\0';
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == SKIP)
		return SKIP;
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		snprintf(why, size, "still running after %u s", seconds_of(c));
	else if (WIFSIGNALED(status))
		snprintf(why, size, "%s", strsignal(WTERMSIG(status)));
	else
		snprintf(why, size, "exit code %d", WEXITSTATUS(status));
	return 1;
}

static int run_case(const struct t_case *c, char *why, size_t size)
{
	int status;
	pid_t pid;

	case_name = c->name;
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		alarm(seconds_of(c));
		c->fn();
		/* by exit(), so that leaks are looked for and coverage is saved */
		exit(0);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	case_name = NULL;
	if (pid < 0) {
		snprintf(why, size, "fork: %s", strerror(errno));
		return 1;
	}
	return verdict(c, status, why, size);
}

static bool chosen(const char *name, int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++)
		if (!strcmp(name, argv[i]))
			return true;
	return argc < 2;
}

int t_run(const struct t_case *cases, size_t n, int argc, char **argv)
{
	int failed = 0, count = 0, bad;
	char why[128];
	double start;
	size_t i;

	setvbuf(stdout, NULL, _IOLBF, 0);
	skip_reason = mmap(NULL, REASON, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (skip_reason == MAP_FAILED) {
		perror("mmap");
		return 1;
	}
	dir_make();
	for (i = 0; i < n; i++) {
		if (!chosen(cases[i].name, argc, argv))
			continue;
		start = t_now();
		bad = run_case(&cases[i], why, sizeof(why));
		count++;
		if (bad == SKIP)
			printf("ok %d - %s # SKIP %s\n", count, cases[i].name, skip_reason);
		else
			printf("%s %d - %s%s%s (%.1f s)\n", bad ? "not ok" : "ok", count,
			       cases[i].name, bad ? ": " : "", why, t_now() - start);
		failed += bad == 1;
	}
	nftw(dir, dir_unlink, 16, FTW_DEPTH | FTW_PHYS);
	printf("1..%d\n", count);
	if (!count)
		printf("# no such case\n");
	return failed || !count ? 1 : 0;
}
