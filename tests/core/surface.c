// SPDX-License-Identifier: BSD-2-Clause
/* libnmcore's own calls: settings, errors, other address spaces, fork. */
#include "client.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void settings(void)
{
	struct nmcore *nm;

	t_check(nmcore_set("no-such-setting", 1) < 0);
	t_eq(errno, EINVAL);
	t_check(nmcore_set("memory", 1) < 0);
	t_eq(errno, EINVAL);
	t_check(nmcore_set("memory", -1) < 0);
	t_check(nmcore_set("vale-age", 0) < 0);
	t_check(nmcore_set("nic-buf-size", 3000) < 0);
	t_check(nmcore_set("verbose", 17) < 0);
	t_eq(nmcore_set("vale-age", 10), 0);
	t_eq(nmcore_set("memory", 16 << 20), 0);
	nm = nmcore_open();
	t_check(nm);
	t_check(nmcore_set("vale-age", 20) < 0);
	t_eq(errno, EBUSY);
	t_eq(nmcore_set("verbose", 0), 0); /* at any time */
	nmcore_close(nm);
	t_eq(nmcore_set("vale-age", 20), 0);
}

static void unbound(void)
{
	struct nmcore *nm = nmcore_open();
	uint64_t size;

	t_check(nmcore_memfd(nm, &size) < 0);
	t_eq(errno, ENXIO);
	t_check(nmcore_error(nm)[0]);
	t_check(nmcore_ioctl(nm, NIOCTXSYNC, NULL) < 0);
	t_eq(errno, ENXIO);
	t_check(nmcore_poll(nm, POLLIN, 0) & POLLERR);
	t_eq(nmcore_wait(nm, POLLIN, -1), POLLERR);
	t_check(nmcore_wakefd(nm) >= 0);
	t_eq(nmcore_users(), 1);
	t_eq(nmcore_close(nm), 0);
	t_check(nmcore_close(NULL) < 0);
	expect_nothing_left();
}

/* No memory is as large as this: the text names the limit. */
static void memory_exhausted(void)
{
	static const struct nmreq_register reg = { .nr_mode = NR_REG_ALL_NIC,
						   .nr_tx_rings = 100,
						   .nr_rx_rings = 100 };
	struct nmcore *nm = nmcore_open();
	struct nmreq_register r = reg;

	t_eq(client_request(nm, NETMAP_REQ_REGISTER, "vale0:big", &r), ENOMEM);
	t_check(strstr(nmcore_error(nm), "limited to"), "%s", nmcore_error(nm));
	nmcore_close(nm);
	expect_nothing_left();
}

/* ---- somebody else's memory ---- */

static int calls, bad_call;

static int in(void *ctx, void *dst, uint64_t addr, size_t len)
{
	t_check(ctx == &calls);
	if (calls++ == bad_call)
		return -EFAULT;
	memcpy(dst, (void *)(uintptr_t)addr, len);
	return 0;
}

static int out(void *ctx, uint64_t addr, const void *src, size_t len)
{
	t_check(ctx == &calls);
	if (calls++ == bad_call)
		return -EFAULT;
	memcpy((void *)(uintptr_t)addr, src, len);
	return 0;
}

static const struct nmcore_user_ops ops = { in, out };

/* Any access of any request may be the one that fails. */
static void every_access_fails(void)
{
	struct nmreq_option opt[3] = { { .nro_next = (uintptr_t)&opt[1] },
				       { .nro_next = (uintptr_t)&opt[2] },
				       { 0 } };
	struct nmreq_header hdr = { .nr_version = NETMAP_API };
	static const struct nmreq wish = { .nr_version = NETMAP_API, .nr_name = "vale0:x" };
	struct nmreq old;
	char body[256];
	struct nmcore *nm;
	unsigned int type, done;

	for (type = 1; type <= NETMAP_REQ_POOLS_INFO_GET; type++) {
		for (bad_call = 0, done = 0; !done; bad_call++) {
			nm = nmcore_open();
			nmcore_set_user(nm, &ops, &calls, 4711);
			memset(body, 0, sizeof(body));
			((struct nmreq_register *)body)->nr_mode = NR_REG_ALL_NIC;
			hdr.nr_reqtype = type;
			hdr.nr_body = (uintptr_t)body;
			hdr.nr_options = bad_call & 64 ? (uintptr_t)opt : 0;
			strcpy(hdr.nr_name, "vale0:x");
			calls = 0;
			nmcore_ioctl(nm, NIOCCTRL, &hdr);
			done = calls <= bad_call;
			t_check(done || errno == EFAULT, "request %u, access %d: errno %d", type,
				bad_call, errno);
			nmcore_close(nm);
		}
		nmcore_shutdown(); /* a persistent port may have come to be */
		expect_nothing_left();
	}
	for (bad_call = 0; bad_call < 7; bad_call++) {
		nm = nmcore_open();
		nmcore_set_user(nm, &ops, &calls, 4711);
		memset(&hdr, 0, sizeof(hdr));
		hdr.nr_version = NETMAP_API;
		hdr.nr_reqtype = NETMAP_REQ_REGISTER;
		hdr.nr_options = (uintptr_t)opt;
		calls = 0;
		t_check(nmcore_ioctl(nm, NIOCCTRL, &hdr) < 0);
		t_eq(errno, calls <= bad_call ? EOPNOTSUPP : EFAULT);
		calls = 0;
		old = wish;
		t_eq(nmcore_ioctl(nm, NIOCREGIF, &old) < 0, bad_call < 2);
		nmcore_close(nm);
	}
	expect_nothing_left();
}

static void listing_names_the_owner(void)
{
	struct nmreq_register reg = { .nr_mode = NR_REG_ALL_NIC };
	struct nmcore *nm = nmcore_open();
	char *state;

	bad_call = -1;
	nmcore_set_user(nm, &ops, &calls, 4711);
	t_eq(client_request(nm, NETMAP_REQ_REGISTER, "vale0:\"\\\x01", &reg), 0);
	state = nmcore_state(1);
	t_check(strstr(state, "\"pid\":4711"), "%s", state);
	t_check(strstr(state, "\"vale0:\\\"\\\\\\u0001\""), "%s", state);
	free(state);
	state = nmcore_state(0);
	t_check(strstr(state, "client 4711"), "%s", state);
	free(state);
	nmcore_close(nm);
}

/* ---- pollers ---- */

static void poller_writes_once(void)
{
	struct nmcore_poller *p;
	struct client a, b;
	uint64_t one = 0;
	int fd[2], i;

	t_check(!pipe(fd));
	client_open(&a, "vale0:a", NULL);
	client_open(&b, "vale0:b", NULL);
	p = nmcore_poller_new(fd[1]);
	t_check(p);
	t_eq(nmcore_poller_poll(p, b.nm, POLLIN), 0);
	for (i = 0; i < 3; i++) {
		t_check(client_put(&a, ALL, 1, i));
		client_sync(&a, NIOCTXSYNC);
	}
	t_eq(read(fd[0], &one, sizeof(one)), 8);
	t_eq(one, 1);
	t_eq(poll(&(struct pollfd){ .fd = fd[0], .events = POLLIN }, 1, 100), 0);
	t_check(nmcore_poller_poll(p, b.nm, POLLIN) & POLLIN);
	t_check(nmcore_poller_poll(p, b.nm, POLLRDNORM) & POLLRDNORM);
	nmcore_poller_free(p);
	nmcore_poller_free(NULL);
	client_close(&a);
	client_close(&b);
	expect_nothing_left();
}

/* ---- waits ---- */

static struct client sender, receiver;

static void on_alarm(int sig)
{
	(void)sig;
}

static void *wait_a_long_time(void *arg)
{
	*(int *)arg = nmcore_wait(receiver.nm, POLLIN, 20000);
	return NULL;
}

static void send_one(void)
{
	t_check(client_put(&sender, ALL, 1, 5));
	client_sync(&sender, NIOCTXSYNC);
}

static void waits_end(void)
{
	const struct sigaction sa = { .sa_handler = on_alarm };
	pthread_t thread[3];
	int got[3], i;
	double start;

	client_open(&sender, "vale0:a", NULL);
	client_open(&receiver, "vale0:b", NULL);
	t_eq(nmcore_wait(receiver.nm, POLLIN, 0), 0);
	t_eq(nmcore_wait(receiver.nm, POLLIN | POLLOUT, -1), POLLOUT);
	start = t_now();
	t_eq(nmcore_wait(receiver.nm, POLLIN, 30), 0);
	t_check(t_now() - start >= 0.03, "%f s instead of 0.03", t_now() - start);
	sigaction(SIGALRM, &sa, NULL);
	ualarm(20000, 0);
	t_check(nmcore_wait(receiver.nm, POLLIN, -1) < 0);
	t_eq(errno, EINTR);
	/* several at once, of which one has the descriptor's own means to wait */
	for (i = 0; i < 3; i++)
		t_check(!pthread_create(&thread[i], NULL, wait_a_long_time, &got[i]));
	usleep(20000);
	send_one();
	for (i = 0; i < 3; i++) {
		pthread_join(thread[i], NULL);
		t_eq(got[i], POLLIN);
	}
	t_eq(nmcore_wait(receiver.nm, POLLIN | POLLRDNORM, -1), POLLIN | POLLRDNORM);
	client_close(&receiver);
	client_close(&sender);
	expect_nothing_left();
}

/* ---- fork ---- */

/* The child has no ports; it may open its own, and the parent's go on. */
static void child_has_no_ports(void)
{
	struct client a, b;
	uint32_t number;
	uint8_t from;
	int status;
	pid_t pid;

	client_open(&a, "vale0:a", NULL);
	client_open(&b, "vale0:b", NULL);
	fflush(NULL);
	pid = fork();
	t_check(pid >= 0);
	if (!pid) {
		struct client c;

		t_check(nmcore_ioctl(a.nm, NIOCTXSYNC, NULL) < 0);
		t_eq(errno, EBADF);
		t_check(nmcore_poll(a.nm, POLLIN, 1) < 0);
		t_check(nmcore_wait(a.nm, POLLIN, -1) < 0);
		t_check(nmcore_memfd(a.nm, NULL) < 0);
		t_check(nmcore_wakefd(a.nm) < 0);
		t_check(nmcore_error(a.nm)[0]);
		client_open(&c, "vale0:a", NULL);
		client_close(&c);
		t_eq(nmcore_close(a.nm), 0);
		t_eq(nmcore_close(b.nm), 0);
		_exit(0);
	}
	t_eq(waitpid(pid, &status, 0), pid);
	t_eq(status, 0);
	t_check(client_put(&a, ALL, 1, 5));
	client_sync(&a, NIOCTXSYNC);
	client_sync(&b, NIOCRXSYNC);
	t_check(client_take(&b, &from, &number) && number == 5);
	client_close(&a);
	client_close(&b);
	expect_nothing_left();
}

static void persistent_ports_keep_the_core(void)
{
	struct nmreq_vale_newif req = { 0 };
	struct nmreq_vale_attach att = { .reg.nr_mode = NR_REG_ALL_NIC };
	struct nmcore *nm = nmcore_open();

	t_eq(client_request(nm, NETMAP_REQ_VALE_NEWIF, "keep", &req), 0);
	t_eq(client_request(nm, NETMAP_REQ_VALE_ATTACH, "vale0:keep", &att), 0);
	att.reg.nr_mode = NR_REG_ALL_NIC;
	t_eq(client_request(nm, NETMAP_REQ_VALE_ATTACH, "vale0:null", &att), 0);
	nmcore_close(nm);
	t_check(nmcore_users() > 0);
	nm = nmcore_open();
	t_eq(client_request(nm, NETMAP_REQ_VALE_NEWIF, "keep", &req), EEXIST);
	nmcore_close(nm);
	nmcore_shutdown();
	expect_nothing_left();
}

T_MAIN(T_CASE(settings), T_CASE(unbound), T_CASE(memory_exhausted), T_CASE(every_access_fails),
       T_CASE(listing_names_the_owner), T_CASE(poller_writes_once), T_CASE(waits_end),
       T_CASE(child_has_no_ports), T_CASE(persistent_ports_keep_the_core))
