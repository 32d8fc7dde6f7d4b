// SPDX-License-Identifier: BSD-2-Clause
#include "binding.h"
#include "vale/vale.h"

/*
 * A stride of 33 cache lines spreads the first line of buffers over all sets
 * of a cache; with 32 they would all compete for a few.
 */
#define PRIVATE_STRIDE	2112
#define PRIVATE_RESERVE (256u << 20)

void nm_ns_conf_default(struct nm_ns_conf *conf)
{
	conf->private_ = (struct nm_mem_conf){
		.stride = PRIVATE_STRIDE,
		.buf_len = PRIVATE_STRIDE,
		.reserve = PRIVATE_RESERVE,
	};
	conf->global = conf->private_;
	conf->vale_age = 300;
	conf->csb = false;
}

int nm_ns_init(struct nm_ns *ns, const struct nm_ns_conf *conf)
{
	int error;

	memset(ns, 0, sizeof(*ns));
	ns->conf = *conf;
	error = nm_os_rm_init(&ns->rm);
	if (error)
		return error;
	nm_os_mutex_init(&ns->lock);
	nm_list_init(&ns->ports);
	nm_list_init(&ns->switches);
	nm_list_init(&ns->mems);
	nm_list_init(&ns->bindings);
	return 0;
}

void nm_ns_fini(struct nm_ns *ns)
{
	nm_os_mutex_lock(&ns->lock);
	nm_vale_fini(ns);
	nm_os_mutex_unlock(&ns->lock);
	nm_os_mutex_fini(&ns->lock);
	nm_os_rm_fini(&ns->rm);
}

void nm_ns_reap(struct nm_ns *ns)
{
	nm_os_mutex_lock(&ns->lock);
	nm_vale_reap(ns);
	nm_os_mutex_unlock(&ns->lock);
}

bool nm_ns_idle(struct nm_ns *ns)
{
	bool idle;

	nm_os_mutex_lock(&ns->lock);
	idle = nm_list_empty(&ns->bindings) && nm_list_empty(&ns->switches) &&
	       nm_list_empty(&ns->ports);
	nm_os_mutex_unlock(&ns->lock);
	return idle;
}
