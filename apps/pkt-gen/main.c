/* SPDX-License-Identifier: BSD-2-Clause */
/* pkt-gen: sends, receives and measures packets on netmap ports. See pkt-gen(8). */
#include <err.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../common/clock.h"
#include "../common/printed.h"
#include "../common/signals.h"
#include "report.h"
#include "worker.h"

struct program {
	struct options o;
	struct pcapfile file;
	struct worker *workers;
	unsigned started;
	_Atomic int running;
};

/* ---- ports ------------------------------------------------------------------------- */

static void apply_config(struct nmport_d *d, const struct options *o, unsigned threads)
{
	const struct port_config *c = &o->config;

	if (c->tx_slots)
		d->reg.nr_tx_slots = c->tx_slots;
	if (c->rx_slots)
		d->reg.nr_rx_slots = c->rx_slots;
	if (c->tx_rings)
		d->reg.nr_tx_rings = c->tx_rings;
	if (c->rx_rings)
		d->reg.nr_rx_rings = c->rx_rings;
	/* A port made for us may as well have a ring for each thread. */
	if (threads > 1 && !port_is_nic(port_name(d))) {
		if (!d->reg.nr_tx_rings)
			d->reg.nr_tx_rings = (uint16_t)threads;
		if (!d->reg.nr_rx_rings)
			d->reg.nr_rx_rings = (uint16_t)threads;
	}
	d->reg.nr_extra_bufs = o->extra_bufs;
	/* A receiver has nothing to send, and asks the host not to look. */
	if (o->function == FUNCTION_RX)
		d->reg.nr_flags |= NR_NO_TX_POLL;
}

static int check_rings(const struct options *o, const struct nmport_d *d)
{
	int tx = o->function != FUNCTION_RX, rx = o->function != FUNCTION_TX;

	if ((tx && d->last_tx_ring < d->first_tx_ring) ||
	    (rx && d->last_rx_ring < d->first_rx_ring)) {
		warnx("%s: %s needs rings to %s, which this name leaves out", o->ifname,
		      function_names[o->function],
		      d->last_tx_ring < d->first_tx_ring ? "send" : "receive");
		return -1;
	}
	return 0;
}

static int open_ring(struct program *p, struct worker *w, unsigned i)
{
	const struct options *o = &p->o;
	unsigned rings;

	w->port = port_prepare(o->ifname);
	if (!w->port)
		return -1;
	if (o->threads > 1) {
		if (w->port->reg.nr_mode != NR_REG_ALL_NIC) {
			warnx("%s: -p %u is for a port with all its rings", o->ifname, o->threads);
			goto close;
		}
		w->port->reg.nr_mode = NR_REG_ONE_NIC;
		w->port->reg.nr_ringid = (uint16_t)i;
	}
	apply_config(w->port, o, o->threads);
	if (o->offset && nmport_offset(w->port, o->offset, o->offset, 0, 0)) {
		warnx("%s: -O: %s", o->ifname, strerror(errno));
		goto close;
	}
	if (port_open(w->port)) {
		w->port = NULL;
		return -1;
	}
	rings = o->function == FUNCTION_RX ? w->port->nifp->ni_rx_rings :
					     w->port->nifp->ni_tx_rings;
	if (o->threads > rings) {
		warnx("%s: has %u rings, too few for -p %u", o->ifname, rings, o->threads);
		goto close;
	}
	if (check_rings(o, w->port))
		goto close;
	return 0;
close:
	nmport_close(w->port);
	w->port = NULL;
	return -1;
}

static int open_ports(struct program *p)
{
	char full[256];

	if (p->o.offset)
		nmport_enable_option("offset");
	for (unsigned i = 0; i < p->o.threads; i++) {
		if (open_ring(p, &p->workers[i], i))
			return -1;
		if (i == 0 && p->o.packet.vnet_len &&
		    port_set_header(port_full_name(p->o.ifname, full, sizeof(full)),
				    p->o.packet.vnet_len))
			return -1;
	}
	if (!p->o.json)
		printf("%s on %s: %u tx and %u rx rings of %u and %u slots, host: %s\n",
		       function_names[p->o.function], p->o.ifname,
		       p->workers[0].port->nifp->ni_tx_rings, p->workers[0].port->nifp->ni_rx_rings,
		       p->workers[0].port->reg.nr_tx_slots, p->workers[0].port->reg.nr_rx_slots,
		       nmhost_name());
	return port_wait_link(p->workers[0].port, p->o.wait_s < 0 ? 2 : p->o.wait_s,
			      p->o.wait_s >= 0);
}

/* ---- workers ------------------------------------------------------------------------- */

static int init_worker(struct program *p, unsigned i)
{
	const struct options *o = &p->o;
	struct worker *w = &p->workers[i];
	unsigned cpus = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
	struct packet_spec spec = o->packet;
	const char *why = "no memory";

	if (o->cpus && o->cpus < cpus)
		cpus = o->cpus;
	w->o = o;
	w->index = i;
	w->cpu = o->first_cpu < 0 && !o->cpus ?
			 -1 :
			 (int)(((unsigned)(o->first_cpu < 0 ? 0 : o->first_cpu) + i) % cpus);
	if (o->first_cpu >= 0 && !o->cpus && i == 0)
		w->cpu = o->first_cpu; /* as asked, even if there is no such CPU: it will say */
	w->rate = o->rate / o->threads;
	w->count = o->count / o->threads + (i < o->count % o->threads);
	w->running = &p->running;
	pthread_mutex_init(&w->lock, NULL);
	histogram_init(&w->latency);
	histogram_init(&w->recent);
	if (o->check && o->function == FUNCTION_RX && sequence_init(&w->sequence))
		goto fail;
	if (o->file)
		w->file = &p->file;
	if (o->function == FUNCTION_RX || o->function == FUNCTION_PONG || o->file)
		return 0;
	w->packet = aligned_alloc(64, (sizeof(*w->packet) + 63) & ~63UL);
	spec.stream = (uint16_t)((spec.stream + i) & (STAMP_STREAMS - 1));
	spec.seed += i;
	if (w->packet && packet_init(w->packet, &spec, &why) == 0)
		return 0;
fail:
	warnx("%s", why);
	return -1;
}

static void *thread_body(void *arg)
{
	static void (*const run[])(struct worker *) = { tx_run, rx_run, ping_run, pong_run };
	struct worker *w = arg;
	cpu_set_t set;

	if (w->cpu >= 0) {
		CPU_ZERO(&set);
		CPU_SET((unsigned)w->cpu, &set);
		if (pthread_setaffinity_np(pthread_self(), sizeof(set), &set))
			warnx("cannot run on CPU %d, running anywhere", w->cpu);
	}
	/* A share of nothing: more threads than packets. */
	if (w->count || !w->o->count)
		run[w->o->function](w);
	atomic_fetch_sub(w->running, 1);
	return NULL;
}

static int start_workers(struct program *p)
{
	sigset_t all, old;
	int e = 0;

	/* Signals go to the main thread; the workers see the flag. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	atomic_store(&p->running, (int)p->o.threads);
	for (; p->started < p->o.threads && !e; p->started += !e)
		e = pthread_create(&p->workers[p->started].thread, NULL, thread_body,
				   &p->workers[p->started]);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (e) {
		warnx("cannot start a thread: %s", strerror(e));
		stop_requested = 1;
		atomic_fetch_sub(&p->running, (int)(p->o.threads - p->started));
		return -1;
	}
	return 0;
}

static void watch_workers(struct program *p, struct report *r)
{
	uint64_t step = (uint64_t)p->o.report_ms * 1000000, next = now_ns() + step;

	while (atomic_load(&p->running) > 0) {
		uint64_t now = now_ns();

		if (now >= next) {
			report_interval(r);
			next += step;
			continue;
		}
		/* Short sleeps at first, so that short runs end at once. */
		sleep_until_ns(next - now < 10000000 ? next : now + 10000000);
	}
}

static double cpu_seconds(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static int run(struct program *p)
{
	struct report r;
	int failed;

	report_init(&r, &p->o, p->workers, p->o.threads);
	failed = start_workers(p);
	watch_workers(p, &r);
	for (unsigned i = 0; i < p->started; i++)
		pthread_join(p->workers[i].thread, NULL);
	for (unsigned i = 0; i < p->started; i++) {
		if (!p->workers[i].failed)
			continue;
		if (!failed) /* one line, even if all threads met the same fate */
			warnx("%s", p->workers[i].why);
		failed = 1;
	}
	report_summary(&r, cpu_seconds());
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int load_file(struct program *p)
{
	char error[PCAPFILE_ERROR];

	if (!p->o.file)
		return 0;
	if (p->o.function != FUNCTION_TX) {
		warnx("-P %s: only tx sends a file", p->o.file);
		return -1;
	}
	if (pcapfile_load(&p->file, p->o.file, 0, error)) {
		warnx("%s", error);
		return -1;
	}
	if (p->file.cut)
		warnx("%s: %zu packets were cut when they were captured; they are sent as they are",
		      p->o.file, p->file.cut);
	if (!p->o.count_given)
		p->o.count = (uint64_t)p->file.count * p->o.threads;
	return 0;
}

static void close_all(struct program *p)
{
	for (unsigned i = 0; p->workers && i < p->o.threads; i++) {
		struct worker *w = &p->workers[i];

		if (w->port)
			nmport_close(w->port);
		if (w->packet)
			packet_free(w->packet);
		free(w->packet);
		sequence_free(&w->sequence);
	}
	free(p->workers);
	pcapfile_free(&p->file);
}

int main(int argc, char **argv)
{
	static struct program p;
	int status;

	printed_check_at_exit();
	status = options_parse(&p.o, argc, argv);
	if (status >= 0)
		return status;
	status = EXIT_FAILURE;
	signals_init();
	if (load_file(&p))
		return status;
	p.workers = aligned_alloc(64, p.o.threads * sizeof(*p.workers));
	if (!p.workers)
		err(EXIT_FAILURE, "%u threads", p.o.threads);
	memset(p.workers, 0, p.o.threads * sizeof(*p.workers));
	for (unsigned i = 0; i < p.o.threads; i++)
		if (init_worker(&p, i))
			goto out;
	if (open_ports(&p) == 0)
		status = run(&p);
	else if (stop_requested)
		status = EXIT_SUCCESS;
out:
	close_all(&p);
	return status;
}
