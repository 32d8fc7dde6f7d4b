// SPDX-License-Identifier: BSD-2-Clause
/*
 * The system calls of /dev/netmap as functions.
 *
 * One namespace serves the process, from the first open to the last close. A
 * child made by fork() has none: descriptors it inherited answer EBADF (their
 * rings still belong to the parent), those that it opens are its own.
 */
#pragma GCC visibility push(default)
#include "libnmcore.h"
#pragma GCC visibility pop

#include "binding.h"
#include "nic.h"
#include "poller.h"
#include "settings.h"
#include "vale/vale.h"

#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#define SPIN_NS	   50000	 /* a sleep and a wakeup across processors can take as long */
#define SOON_NS	   (4 * SPIN_NS) /* packets that came before would have come to a look */
#define SPIN_LOOKS 8		 /* between two looks at the clock */

struct nmcore {
	struct nm_binding b;
	struct nm_os_user user;
	struct nm_os_poller poller, waiter;
	uint32_t waiting; /* a thread uses the waiter */
	uint32_t soon;	  /* what was waited for last came soon */
	unsigned int generation;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct nm_ns *the_ns;
static unsigned long opens;
static unsigned int generation; /* how many forks away from the first process */

static int fail(int error)
{
	errno = error;
	return -1;
}

static void before_fork(void)
{
	pthread_mutex_lock(&lock);
}

static void after_fork_parent(void)
{
	pthread_mutex_unlock(&lock);
}

/* The parent's threads, which may hold any lock of the namespace, are not here. */
static void after_fork_child(void)
{
	nm_store(&generation, generation + 1);
	the_ns = NULL;
	opens = 0;
	nm_poller_forked();
	pthread_mutex_unlock(&lock);
}

static bool inherited(const struct nmcore *nm)
{
	return nm_unlikely(nm->generation != nm_load(&generation));
}

static int ns_get(struct nm_ns **nsp)
{
	static bool watching_forks;
	struct nm_ns_conf conf;
	struct nm_ns *ns;
	int error = 0;

	pthread_mutex_lock(&lock);
	if (!the_ns) {
		ns = nm_os_alloc(sizeof(*ns));
		if (ns)
			nm_settings_conf(&conf);
		error = ns ? nm_ns_init(ns, &conf) : -ENOMEM;
		if (error) {
			nm_os_free(ns);
			goto out;
		}
		the_ns = ns;
	}
	if (!watching_forks) {
		pthread_atfork(before_fork, after_fork_parent, after_fork_child);
		watching_forks = true;
	}
	opens++;
	*nsp = the_ns;
out:
	pthread_mutex_unlock(&lock);
	return error;
}

static void ns_free(void)
{
	struct nm_nics *nics = the_ns->os.nics;

	nm_nics_stop(the_ns);
	nm_ns_fini(the_ns);
	nm_nics_free(nics);
	nm_os_free(the_ns);
	the_ns = NULL;
}

/* Ports that live on when no descriptor is open. */
static int outliving(struct nm_ns *ns)
{
	struct nm_port *port;
	int n = 0;

	nm_os_mutex_lock(&ns->lock);
	nm_list_for_each(port, &ns->ports, struct nm_port, link)
		n += port->persistent || nm_vale_is_nic(port);
	nm_os_mutex_unlock(&ns->lock);
	return n;
}

static void ns_put(void)
{
	pthread_mutex_lock(&lock);
	opens--;
	if (!opens && !outliving(the_ns))
		ns_free();
	pthread_mutex_unlock(&lock);
}

struct nmcore *nmcore_open(void)
{
	struct nmcore *nm = nm_os_alloc(sizeof(*nm));
	struct nm_ns *ns;
	int error;

	if (!nm) {
		errno = ENOMEM;
		return NULL;
	}
	error = ns_get(&ns);
	if (error) {
		nm_os_free(nm);
		errno = -error;
		return NULL;
	}
	nm->generation = generation;
	nm_poller_init(&nm->poller);
	nm_poller_init_sleeper(&nm->waiter);
	nm_binding_init(&nm->b, ns, getpid());
	nm->b.user = &nm->user;
	return nm;
}

int nmcore_close(struct nmcore *nm)
{
	if (!nm)
		return fail(EBADF);
	if (inherited(nm)) {
		nm_poller_abandon(&nm->poller);
		nm_poller_abandon(&nm->waiter);
		nm_os_free(nm);
		return 0;
	}
	nm_poller_reset(&nm->poller);
	nm_binding_fini(&nm->b);
	nm_poller_fini(&nm->poller);
	nm_poller_fini(&nm->waiter);
	nm_os_free(nm);
	ns_put();
	return 0;
}

static int fail_inherited(struct nmcore *nm)
{
	return fail(-nm_fail(&nm->b.err, -EBADF,
			     "this descriptor was opened by the parent process: open "
			     "one after fork()"));
}

int nmcore_ioctl(struct nmcore *nm, unsigned long request, void *arg)
{
	int error;

	if (inherited(nm))
		return fail_inherited(nm);
	if (request == NIOCTXSYNC)
		error = nm_binding_sync(&nm->b, NM_TX);
	else if (request == NIOCRXSYNC)
		error = nm_binding_sync(&nm->b, NM_RX);
	else
		error = nm_binding_ioctl(&nm->b, request, (uintptr_t)arg);
	return nm_likely(error >= 0) ? error : fail(-error);
}

int nmcore_memfd(struct nmcore *nm, uint64_t *size)
{
	struct nm_mem *mem;

	if (inherited(nm))
		return fail_inherited(nm);
	mem = nm_load_acquire(&nm->b.mem);
	if (!mem)
		return fail(-nm_fail(&nm->b.err, -ENXIO, "no memory before a port is registered"));
	if (size)
		*size = nm_mem_size(mem);
	return mem->region.fd;
}

_Static_assert(NM_POLLIN == POLLIN && NM_POLLOUT == POLLOUT && NM_POLLERR == POLLERR,
	       "the core's poll bits are this system's");

static int poll_with(struct nmcore *nm, int events, struct nm_os_poller *poller)
{
	int want = events & (POLLIN | POLLOUT), got;

	if (events & POLLRDNORM)
		want |= POLLIN;
	if (events & POLLWRNORM)
		want |= POLLOUT;
	if (poller)
		nm_poller_reset(poller);
	nm_poller_mine = poller;
	got = nm_binding_poll(&nm->b, want, poller);
	nm_poller_mine = NULL;
	if (poller && !got)
		nm_poller_settle(poller);
	if (got & POLLIN)
		got |= POLLRDNORM;
	if (got & POLLOUT)
		got |= POLLWRNORM;
	return got & (events | POLLERR);
}

static int fail_no_eventfd(struct nmcore *nm, int error)
{
	return fail(-nm_fail(&nm->b.err, error, "no eventfd to wait with: %s", strerror(-error)));
}

/* What kind of descriptor it is depends on the port, as known at the first wait. */
static int open_poller(struct nmcore *nm)
{
	bool nic = nm_load_acquire(&nm->b.ready) && nic_is(nm->b.port);

	return nm_poller_open(&nm->poller, nic);
}

int nmcore_poll(struct nmcore *nm, int events, int arm)
{
	int error;

	if (inherited(nm))
		return fail_inherited(nm);
	if (arm) {
		error = open_poller(nm);
		if (error)
			return fail_no_eventfd(nm, error);
	}
	return poll_with(nm, events, arm ? &nm->poller : NULL);
}

int nmcore_wakefd(struct nmcore *nm)
{
	int error;

	if (inherited(nm))
		return fail_inherited(nm);
	error = open_poller(nm);
	return error ? fail(-error) : nm_poller_fd(&nm->poller);
}

/* What is left of a wait that ends at `deadline` (0: never), rounded up. */
static int ms_until(uint64_t deadline)
{
	uint64_t now = deadline ? nm_os_now() : 0, ms;

	if (!deadline)
		return -1;
	ms = deadline > now ? (deadline - now + 999999) / 1000000 : 0;
	return ms < INT_MAX ? (int)ms : INT_MAX;
}

static int wait_with(struct nmcore *nm, int events, int timeout_ms, struct nm_os_poller *p)
{
	uint64_t deadline = 0;
	int error = nm_poller_open(p, false), got, n;

	if (error)
		return fail_no_eventfd(nm, error);
	while (!(got = poll_with(nm, events, p))) {
		if (timeout_ms > 0 && !deadline)
			deadline = nm_os_now() + (uint64_t)timeout_ms * 1000000;
		n = nm_poller_sleep(p, ms_until(deadline));
		if (n < 0)
			return -1;
		if (!n)
			return poll_with(nm, events, NULL);
	}
	return got;
}

/*
 * To be woken costs who wakes as much as many packets do, and takes longer than it takes
 * the next ones to come, if there are many: then we look for a while, if that would have
 * paid the last time. With one processor, who looks keeps others from sending.
 */
static bool looking_pays(struct nmcore *nm)
{
	static int processors;

	if (!nm_load(&nm->soon))
		return false;
	if (!nm_load(&processors))
		nm_store(&processors, (int)sysconf(_SC_NPROCESSORS_ONLN));
	return nm_load(&processors) > 1;
}

static int look_for_a_while(struct nmcore *nm, int events, uint64_t until)
{
	int i, got = 0;

	while (!got && nm_os_now() < until) {
		for (i = 0; i < SPIN_LOOKS && !got; i++) {
			cpu_relax();
			got = poll_with(nm, events, NULL);
		}
		if (!got)
			sched_yield(); /* they may need this one all the same */
	}
	return got;
}

static int sleep_until(struct nmcore *nm, int events, int timeout_ms)
{
	struct nm_os_poller mine, *p = &nm->waiter;
	int got, e;

	if (nm_unlikely(nm_xchg(&nm->waiting, 1))) {
		nm_poller_init_sleeper(&mine);
		p = &mine;
	}
	got = wait_with(nm, events, timeout_ms, p);
	e = errno;
	if (nm_unlikely(p == &mine)) {
		nm_poller_fini(p);
	} else {
		nm_poller_reset(p);
		nm_store_release(&nm->waiting, 0);
	}
	errno = e;
	return got;
}

int nmcore_wait(struct nmcore *nm, int events, int timeout_ms)
{
	uint64_t since;
	int got;

	if (inherited(nm))
		return fail_inherited(nm);
	got = poll_with(nm, events, NULL);
	if (got || !timeout_ms)
		return got;
	since = nm_os_now();
	if (looking_pays(nm))
		got = look_for_a_while(nm, events, since + SPIN_NS);
	if (!got)
		got = sleep_until(nm, events, timeout_ms);
	nm_store(&nm->soon, got > 0 && nm_os_now() - since < SOON_NS);
	return got;
}

struct nmcore_poller {
	struct nm_os_poller p;
	unsigned int generation;
};

struct nmcore_poller *nmcore_poller_new(int fd)
{
	struct nmcore_poller *p = nm_os_alloc(sizeof(*p));

	if (!p) {
		errno = ENOMEM;
		return NULL;
	}
	nm_poller_init_fd(&p->p, fd);
	p->generation = generation;
	return p;
}

void nmcore_poller_free(struct nmcore_poller *p)
{
	if (!p)
		return;
	if (p->generation == generation)
		nm_poller_fini(&p->p);
	else
		nm_poller_abandon(&p->p);
	nm_os_free(p);
}

int nmcore_poller_poll(struct nmcore_poller *p, struct nmcore *nm, int events)
{
	if (inherited(nm))
		return fail_inherited(nm);
	return poll_with(nm, events, &p->p);
}

/* Bytes before its rx rings, if they share `what` with clients. */
static size_t shared(struct nmcore *nm, uint32_t what)
{
	return !inherited(nm) && nm_binding_csb(&nm->b) == what ? sizeof(struct nm_csb) : 0;
}

size_t nmcore_csb(struct nmcore *nm)
{
	return shared(nm, NM_KR_CSB);
}

size_t nmcore_news(struct nmcore *nm)
{
	return shared(nm, NM_KR_NEWS);
}

const char *nmcore_error(struct nmcore *nm)
{
	return nm->b.err.text;
}

void nmcore_set_user(struct nmcore *nm, const struct nmcore_user_ops *ops, void *ctx, pid_t owner)
{
	nm->user.ops = ops;
	nm->user.ctx = ctx;
	nm->b.owner = owner;
}

void nmcore_set_guest(struct nmcore *nm, uint32_t id)
{
	nm->user.id = id;
	nm->user.guest = true;
}

int nmcore_users(void)
{
	int n;

	pthread_mutex_lock(&lock);
	n = the_ns ? (int)opens + outliving(the_ns) : 0;
	pthread_mutex_unlock(&lock);
	return n;
}

void nmcore_shutdown(void)
{
	pthread_mutex_lock(&lock);
	if (the_ns && !opens)
		ns_free();
	pthread_mutex_unlock(&lock);
}

char *nmcore_state(int json)
{
	struct nm_ns *ns;
	char *text = NULL;
	size_t size;
	FILE *f;
	int error = ns_get(&ns);

	if (error) {
		errno = -error;
		return NULL;
	}
	f = open_memstream(&text, &size);
	if (f) {
		nm_ns_print(ns, (struct nm_os_out *)f, json);
		fclose(f);
	}
	ns_put();
	return text;
}

int nmcore_set(const char *name, long value)
{
	int error;

	if (!strcmp(name, "verbose")) {
		if (value < NM_LOG_ERROR || value > NM_LOG_DEBUG)
			return fail(EINVAL);
		nm_store(&nm_os_verbose, (int)value);
		return 0;
	}
	pthread_mutex_lock(&lock);
	error = the_ns ? EBUSY : nm_settings_set(name, value);
	pthread_mutex_unlock(&lock);
	return error ? fail(error) : 0;
}
