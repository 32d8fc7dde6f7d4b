/* SPDX-License-Identifier: BSD-2-Clause */
/* nmhost_*: the choice of the host, descriptors, and poll over a core that is a fake. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fake_core.h"
#include "test_ctx.h"

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* ---- The choice, in a child: it holds for the life of a process ---------------------
 */

static int child(const char *env, int (*fn)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (env)
			setenv("NETMAP_HOST", env, 1);
		else
			unsetenv("NETMAP_HOST");
		_exit(fn());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int is_wrong(void)
{
	if (nmhost_name() != NULL || errno != EINVAL)
		return 1;
	if (nmhost_open() != -1 || errno != EINVAL)
		return 2;
	return strstr(nmhost_strerror(-1), "must be kernel, daemon or embedded") ? 0 : 3;
}

static int is_kernel(void)
{
	int fd;

	if (strcmp(nmhost_name(), "kernel"))
		return 1;
	fd = nmhost_open();
	if (fd >= 0) {
		/* There is a device here. A plain descriptor, then. */
		if (*nmhost_strerror(fd) != '\0')
			return 2;
		return nmhost_close(fd) == 0 && fcntl(fd, F_GETFD) == -1 ? 0 : 3;
	}
	return strstr(nmhost_strerror(-1), "/dev/netmap") ? 0 : 4;
}

static int is_daemon(void)
{
	return strcmp(nmhost_name(), "daemon") ? 1 : 0;
}

static int is_default(void)
{
	return strcmp(nmhost_name(), access("/dev/netmap", F_OK) ? "daemon" : "kernel") ? 1 : 0;
}

static void choice(void **state)
{
	(void)state;
	assert_int_equal(child("vax", is_wrong), 0);
	assert_int_equal(child("kernel", is_kernel), 0);
	assert_int_equal(child("daemon", is_daemon), 0);
	assert_int_equal(child(NULL, is_default), 0);
	assert_int_equal(child("", is_default), 0);
	assert_string_equal(nmhost_name(), "embedded");
}

/* ---- Descriptors --------------------------------------------------------------------
 */

static void open_fails(void **state)
{
	(void)state;
	fake_open_errno = ENOMEM;
	assert_int_equal(nmhost_open(), -1);
	assert_int_equal(errno, ENOMEM);
	assert_non_null(strstr(nmhost_strerror(-1), strerror(ENOMEM)));
	fake_open_errno = 0;
}

static void calls(void **state)
{
	int fd = nmhost_open(), before = fake_syncs;
	struct nmreq_register reg;
	struct nmreq_header hdr;
	char *p;

	(void)state;
	assert_true(fd >= 0);
	assert_string_equal(nmhost_strerror(-1), "");
	assert_int_equal(nmhost_ioctl(fd, NIOCTXSYNC, NULL), 0);
	assert_int_equal(fake_last_request, NIOCTXSYNC);
	assert_int_equal(nmhost_ioctl(fd, NIOCRXSYNC, NULL), 0);
	assert_int_equal(fake_syncs, before + 2);

	memset(&reg, 0, sizeof(reg));
	nmreq_header_init(&hdr, NETMAP_REQ_REGISTER, &reg);
	fake_ctrl_errno = EBUSY;
	assert_int_equal(nmhost_ioctl(fd, NIOCCTRL, &hdr), -1);
	assert_int_equal(errno, EBUSY);
	assert_string_equal(nmhost_strerror(fd), "the port is taken, close the other one");
	fake_ctrl_errno = 0;
	assert_int_equal(nmhost_ioctl(fd, NIOCCTRL, &hdr), 0);

	p = nmhost_mmap(fd, reg.nr_memsize);
	assert_ptr_not_equal(p, MAP_FAILED);
	p[reg.nr_memsize - 1] = 1;
	munmap(p, reg.nr_memsize);
	assert_ptr_equal(nmhost_mmap(fd, reg.nr_memsize + 1), MAP_FAILED);
	assert_int_equal(errno, EINVAL);
	fake_memfd_errno = ENXIO;
	assert_ptr_equal(nmhost_mmap(fd, 4096), MAP_FAILED);
	assert_int_equal(errno, ENXIO);
	fake_memfd_errno = 0;

	assert_int_equal(nmhost_close(fd), 0);
	assert_int_equal(fake_descriptors, 0);
	assert_int_equal(nmhost_close(fd), -1);
	assert_int_equal(errno, EBADF);
	assert_int_equal(nmhost_ioctl(fd, NIOCTXSYNC, NULL), -1);
	assert_int_equal(errno, EBADF);
	assert_ptr_equal(nmhost_mmap(fd, 4096), MAP_FAILED);
}

/* Descriptors that are not ours get the system calls. */
static void foreign(void **state)
{
	int p[2], n = -1;

	(void)state;
	assert_int_equal(pipe(p), 0);
	assert_int_equal(write(p[1], "abc", 3), 3);
	assert_int_equal(nmhost_ioctl(p[0], FIONREAD, &n), 0);
	assert_int_equal(n, 3);
	assert_string_equal(nmhost_strerror(p[0]), "");
	assert_int_equal(nmhost_close(p[0]), 0);
	assert_int_equal(nmhost_close(p[1]), 0);
	assert_int_equal(nmhost_ioctl(-1, NIOCTXSYNC, NULL), -1);
	assert_int_equal(errno, EBADF);
	assert_int_equal(nmhost_ioctl(INT32_MAX, NIOCTXSYNC, NULL), -1);
	assert_int_equal(errno, EBADF);
	assert_int_equal(nmhost_close(-1), -1);
}

static void *open_and_close(void *arg)
{
	int i, fd;

	for (i = 0; i < 500; i++) {
		fd = nmhost_open();
		if (fd < 0 || nmhost_ioctl(fd, NIOCTXSYNC, NULL) || nmhost_close(fd))
			return arg;
	}
	return NULL;
}

static void many_threads(void **state)
{
	pthread_t t[4];
	void *ret;
	int i;

	(void)state;
	for (i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, open_and_close, t);
	for (i = 0; i < 4; i++) {
		pthread_join(t[i], &ret);
		assert_null(ret);
	}
	assert_int_equal(fake_descriptors, 0);
}

/* More than one chunk of the table. */
static void many_descriptors(void **state)
{
	int fds[1050], i, n, before = fake_syncs;
	struct rlimit limit;

	(void)state;
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max < 2048 ? limit.rlim_max : 2048;
	setrlimit(RLIMIT_NOFILE, &limit);
	for (n = 0; n < 1050; n++) {
		fds[n] = nmhost_open();
		if (fds[n] < 0)
			break;
	}
	assert_true(n > 500);
	for (i = 0; i < n; i++)
		assert_int_equal(nmhost_ioctl(fds[i], NIOCTXSYNC, NULL), 0);
	assert_int_equal(fake_syncs, before + n);
	for (i = 0; i < n; i++)
		assert_int_equal(nmhost_close(fds[i]), 0);
	assert_int_equal(fake_descriptors, 0);
}

/* ---- Poll ---------------------------------------------------------------------------
 */

struct later {
	int ms, ready, plain; /* plain: a descriptor to write to */
	pthread_t thread;
};

static void *do_later(void *arg)
{
	struct later *l = arg;

	usleep((useconds_t)l->ms * 1000);
	if (l->ready >= 0)
		__atomic_store_n(&fake_ready, l->ready, __ATOMIC_SEQ_CST);
	if (l->plain >= 0) {
		if (write(l->plain, "x", 1) != 1)
			abort();
	} else {
		fake_wake();
	}
	return NULL;
}

static void later(struct later *l, int ms, int ready, int plain)
{
	l->ms = ms;
	l->ready = ready;
	l->plain = plain;
	pthread_create(&l->thread, NULL, do_later, l);
}

static int a, b, pipe_fds[2];

static int poll_setup(void **state)
{
	use_test_ctx(state);
	a = nmhost_open();
	b = nmhost_open();
	fake_ready = fake_polls = fake_arms = 0;
	return pipe(pipe_fds);
}

static int poll_teardown(void **state)
{
	nmhost_close(a);
	nmhost_close(b);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
	return nothing_left(state);
}

static void poll_now(void **state)
{
	struct pollfd f[3] = { { .fd = a, .events = POLLIN | POLLOUT },
			       { .fd = b, .events = POLLIN | POLLRDNORM },
			       { .fd = -1, .events = POLLIN, .revents = 77 } };

	(void)state;
	assert_int_equal(nmhost_poll(f, 3, 0), 0);
	assert_int_equal(fake_polls, 2);
	assert_int_equal(fake_arms, 0);
	assert_int_equal(f[2].revents, 0);
	fake_ready = POLLIN;
	assert_int_equal(nmhost_poll(f, 3, -1), 2); /* would hang if it waited */
	assert_int_equal(f[0].revents, POLLIN);
	assert_int_equal(f[1].revents, POLLIN | POLLRDNORM);
	assert_int_equal(fake_polls, 4);
	assert_int_equal(fake_arms, 1); /* the first was ready: nobody will wait */
	fake_ready = POLLOUT;
	assert_int_equal(nmhost_poll(f, 3, 1000), 1);
	assert_int_equal(f[0].revents, POLLOUT);
	assert_int_equal(f[1].revents, 0);
	fake_ready = POLLERR;
	assert_int_equal(nmhost_poll(f, 2, -1), 2);
	assert_int_equal(f[1].revents, POLLERR);
}

static void poll_timeout(void **state)
{
	struct pollfd f[2] = { { .fd = a, .events = POLLIN }, { .fd = -1 } };
	int64_t t0 = now_ms();

	(void)state;
	assert_int_equal(nmhost_poll(f, 2, 60), 0);
	assert_in_range(now_ms() - t0, 59, 2000);
	assert_int_equal(fake_arms, 1);
	assert_int_equal(f[0].revents, 0);
}

/* With one descriptor there is nothing to put together: its host waits. */
static void poll_one(void **state)
{
	struct pollfd f = { .fd = a, .events = POLLIN | POLLRDNORM };

	(void)state;
	fake_wait_result = POLLIN;
	assert_int_equal(nmhost_poll(&f, 1, 77), 1);
	assert_int_equal(f.revents, POLLIN | POLLRDNORM);
	assert_int_equal(fake_wait_events, POLLIN);
	assert_int_equal(fake_wait_ms, 77);
	fake_wait_result = POLLERR;
	f.events = POLLOUT;
	assert_int_equal(nmhost_poll(&f, 1, -1), 1);
	assert_int_equal(f.revents, POLLERR);
	assert_int_equal(fake_wait_events, POLLOUT);
	assert_int_equal(fake_wait_ms, -1);
	fake_wait_result = 0;
	assert_int_equal(nmhost_poll(&f, 1, 1), 0);
	assert_int_equal(f.revents, 0);
	fake_wait_result = -1;
	fake_wait_errno = EINTR;
	assert_int_equal(nmhost_poll(&f, 1, 1), -1);
	assert_int_equal(errno, EINTR);
	assert_int_equal(fake_polls, 0);
}

static void poll_wakeup(void **state)
{
	struct pollfd f[2] = { { .fd = a, .events = POLLIN }, { .fd = b, .events = POLLOUT } };
	struct later l;

	(void)state;
	later(&l, 30, POLLIN, -1);
	assert_int_equal(nmhost_poll(f, 2, -1), 1);
	pthread_join(l.thread, NULL);
	assert_int_equal(f[0].revents, POLLIN);
	assert_int_equal(f[1].revents, 0);
}

/* Woken for nothing: goes on waiting, and not longer than it was asked to. */
static void poll_spurious(void **state)
{
	struct pollfd f[2] = { { .fd = a, .events = POLLIN }, { .fd = -1 } };
	int64_t t0 = now_ms();
	struct later l;

	(void)state;
	later(&l, 20, -1, -1);
	assert_int_equal(nmhost_poll(f, 2, 80), 0);
	pthread_join(l.thread, NULL);
	assert_in_range(now_ms() - t0, 79, 2000);
	assert_true(fake_polls >= 3);
}

static void poll_mixed(void **state)
{
	struct pollfd f[3] = { { .fd = a, .events = POLLIN },
			       { .fd = pipe_fds[0], .events = POLLIN },
			       { .fd = pipe_fds[1], .events = 0 } };
	struct later l;
	char c;

	(void)state;
	later(&l, 30, -1, pipe_fds[1]);
	assert_int_equal(nmhost_poll(f, 3, -1), 1);
	pthread_join(l.thread, NULL);
	assert_int_equal(f[0].revents, 0);
	assert_int_equal(f[1].revents, POLLIN);
	fake_ready = POLLIN;
	assert_int_equal(nmhost_poll(f, 3, -1), 2); /* both, although one is enough */
	assert_int_equal(f[0].revents, POLLIN);
	assert_int_equal(f[1].revents, POLLIN);
	assert_int_equal(read(pipe_fds[0], &c, 1), 1);
	fake_ready = 0;
	f[2].events = POLLOUT;
	assert_int_equal(nmhost_poll(f, 3, -1), 1);
	assert_int_equal(f[2].revents, POLLOUT);
}

static void poll_only_plain(void **state)
{
	struct pollfd f = { .fd = pipe_fds[0], .events = POLLIN };
	int64_t t0 = now_ms();

	(void)state;
	assert_int_equal(nmhost_poll(&f, 1, 30), 0);
	assert_in_range(now_ms() - t0, 29, 2000);
	assert_int_equal(write(pipe_fds[1], "x", 1), 1);
	assert_int_equal(nmhost_poll(&f, 1, -1), 1);
	assert_int_equal(nmhost_poll(NULL, 0, 0), 0);
}

static void poll_closed(void **state)
{
	int fd = nmhost_open();
	struct pollfd f[2] = { { .fd = fd, .events = POLLIN }, { .fd = a, .events = POLLIN } };

	(void)state;
	nmhost_close(fd);
	assert_int_equal(nmhost_poll(f, 2, -1), 1);
	assert_int_equal(f[0].revents, POLLNVAL);
	assert_int_equal(f[1].revents, 0);
}

static void poll_many(void **state)
{
	struct pollfd f[40];
	int i;

	(void)state;
	for (i = 0; i < 40; i++) {
		f[i].fd = i % 2 ? a : pipe_fds[0];
		f[i].events = POLLIN;
	}
	fake_ready = POLLIN;
	assert_int_equal(nmhost_poll(f, 40, -1), 20);
	fake_ready = 0;
	assert_int_equal(write(pipe_fds[1], "x", 1), 1);
	assert_int_equal(nmhost_poll(f, 40, -1), 20);
}

static void on_signal(int sig)
{
	(void)sig;
}

static void poll_interrupted(void **state)
{
	struct sigaction sa = { .sa_handler = on_signal };
	struct pollfd f[2] = { { .fd = a, .events = POLLIN }, { .fd = -1 } };

	(void)state;
	sigaction(SIGALRM, &sa, NULL);
	ualarm(20000, 0);
	assert_int_equal(nmhost_poll(f, 2, -1), -1);
	assert_int_equal(errno, EINTR);
}

/* For other people's event loops: arm, wait for the descriptor, ask again. */
static void arm_and_wake(void **state)
{
	int wake = nmhost_wakefd(a);
	struct pollfd f = { .fd = wake, .events = POLLIN };
	struct later l;

	(void)state;
	assert_int_equal(nmhost_arm(a, POLLIN | POLLRDNORM), 0);
	assert_int_equal(fake_arms, 1);
	assert_int_equal(poll(&f, 1, 0), 0);
	later(&l, 20, POLLIN, -1);
	assert_int_equal(poll(&f, 1, -1), 1);
	pthread_join(l.thread, NULL);
	assert_int_equal(nmhost_arm(a, POLLRDNORM), POLLRDNORM);
	assert_int_equal(poll(&f, 1, 0), 0); /* asking has reset it */

	/* Any other descriptor is its own. */
	assert_int_equal(nmhost_wakefd(pipe_fds[0]), pipe_fds[0]);
	assert_int_equal(nmhost_arm(pipe_fds[0], POLLIN), 0);
	assert_int_equal(nmhost_arm(pipe_fds[1], POLLOUT), POLLOUT);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, use_test_ctx, nothing_left)
#define POLL(f) cmocka_unit_test_setup_teardown(f, poll_setup, poll_teardown)
	const struct CMUnitTest tests[] = {
		TEST(choice),	     TEST(open_fails),	 TEST(calls),
		TEST(foreign),	     TEST(many_threads), TEST(many_descriptors),
		POLL(poll_now),	     POLL(poll_timeout), POLL(poll_wakeup),
		POLL(poll_spurious), POLL(poll_mixed),	 POLL(poll_only_plain),
		POLL(poll_closed),   POLL(poll_many),	 POLL(poll_interrupted),
		POLL(arm_and_wake),  POLL(poll_one),
	};

	alarm(60);
	setenv("NETMAP_HOST", "embedded", 1);
	return cmocka_run_group_tests_name("host", tests, NULL, NULL);
}
