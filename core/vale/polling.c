// SPDX-License-Identifier: BSD-2-Clause
/*
 * Polling: threads of the host look at the rx rings of an attached NIC over and over, and
 * the NIC's events are not asked for meanwhile. It takes a processor, and saves the wait
 * for the event.
 *
 * The threads never take the namespace's lock, so they can be stopped under it.
 */
#include "vale.h"

struct poller {
	struct nm_os_thread thread;
	struct nm_port *port;
	uint32_t first, step; /* its rings: first, first + step, ... */
};

struct nm_vale_polling {
	uint32_t n;
	struct poller poller[];
};

static void poll_rings(void *arg)
{
	struct poller *p = arg;
	uint32_t i;

	while (!nm_os_thread_stopping(&p->thread))
		for (i = p->first; i < p->port->nrings[NM_RX]; i += p->step)
			nm_vale_nic_take(&p->port->krings[NM_RX][i]);
}

static void stop_threads(struct nm_vale_polling *polling)
{
	while (polling->n)
		nm_os_thread_stop(&polling->poller[--polling->n].thread);
	nm_os_free(polling);
}

/* Thread i is on processor cpu + i. */
static int start_threads(struct nm_vale_polling *polling, struct nm_port *port, uint32_t n,
			 uint32_t cpu, struct nm_err *err)
{
	char name[NETMAP_REQ_IFNAMSIZ + 24];
	int error;

	for (; polling->n < n; polling->n++) {
		struct poller *p = &polling->poller[polling->n];

		p->port = port;
		p->first = polling->n;
		p->step = n;
		snprintf(name, sizeof(name), "nm-%s-%u", port->name, polling->n);
		error = nm_os_thread_start(&p->thread, poll_rings, p, name);
		if (error)
			return nm_fail(err, error, "no thread to poll %s with", port->name);
		error = nm_os_thread_bind(&p->thread, cpu + polling->n);
		if (error) {
			nm_os_thread_stop(&p->thread);
			return nm_fail(err, error,
				       "no thread can be on processor %u: "
				       "nr_first_cpu_id is %u, nr_num_polling_cpus %u",
				       cpu + polling->n, cpu, n);
		}
	}
	return 0;
}

/* How many threads a request asks for; 0: none that make sense. */
static uint32_t wanted_threads(const struct nmreq_vale_polling *req, uint32_t rings)
{
	uint32_t n = req->nr_num_polling_cpus;

	switch (req->nr_mode) {
	case NETMAP_POLLING_MODE_SINGLE_CPU:
		return n <= 1;
	case NETMAP_POLLING_MODE_MULTI_CPU:
		return n == 0 ? rings : n <= rings ? n : 0;
	default:
		return 0;
	}
}

/* The attached NIC, or NULL: there is none that could be polled. */
static struct nm_port *find_nic(struct nm_ns *ns, const char *name, const struct nm_os_user *user,
				struct nm_err *err, int *error)
{
	struct nm_vport *vp = nm_vale_member(ns, name, user, err, error);

	if (vp && nm_vale_is_nic(vp->port))
		return vp->port;
	if (vp)
		*error = nm_fail(err, -EINVAL,
				 "%s is a port of a program: only attached "
				 "interfaces are polled",
				 name);
	return NULL;
}

int nm_vale_polling_start(struct nm_ns *ns, const char *name, struct nmreq_vale_polling *req,
			  const struct nm_os_user *user, struct nm_err *err)
{
	struct nm_vale_polling *polling;
	struct nm_port *port;
	struct nm_vport *vp;
	uint32_t n, rings;
	int error;

	port = find_nic(ns, name, user, err, &error);
	if (!port)
		return error;
	vp = port->vale;
	rings = port->nrings[NM_RX];
	if (vp->polling)
		return nm_fail(err, -EBUSY, "%s is polled already", name);
	n = wanted_threads(req, rings);
	if (!n)
		return nm_fail(err, -EINVAL,
			       "nr_mode %u with nr_num_polling_cpus %u: must be %u with 1, or "
			       "%u with at most %u, the rx rings of %s",
			       req->nr_mode, req->nr_num_polling_cpus,
			       NETMAP_POLLING_MODE_SINGLE_CPU, NETMAP_POLLING_MODE_MULTI_CPU, rings,
			       port->name);
	polling = nm_os_alloc(sizeof(*polling) + n * sizeof(polling->poller[0]));
	if (!polling)
		return nm_fail(err, -ENOMEM, "no memory to poll %s", name);
	nm_vale_nic_events(port, false);
	error = start_threads(polling, port, n, req->nr_first_cpu_id, err);
	if (error) {
		stop_threads(polling);
		nm_vale_nic_events(port, true);
		return error;
	}
	vp->polling = polling;
	req->nr_num_polling_cpus = n;
	return 0;
}

int nm_vale_polling_stop(struct nm_ns *ns, const char *name, const struct nm_os_user *user,
			 struct nm_err *err)
{
	struct nm_port *port;
	int error;

	port = find_nic(ns, name, user, err, &error);
	if (!port)
		return error;
	if (!((struct nm_vport *)port->vale)->polling)
		return nm_fail(err, -EINVAL, "%s is not polled", name);
	nm_vale_polling_end(port->vale);
	nm_vale_nic_events(port, true);
	return 0;
}

void nm_vale_polling_end(struct nm_vport *vp)
{
	if (vp->polling)
		stop_threads(vp->polling);
	vp->polling = NULL;
}
