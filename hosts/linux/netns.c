// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * What a network namespace has of netmap: its own ports, switches and memories, of which
 * no other can see anything, and the file /proc/net/netmap that lists them.
 */
#include "chardev.h"
#include "params.h"

#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>

static unsigned int netns_id;
static DEFINE_MUTEX(list_lock); /* outside the namespaces' own */
static LIST_HEAD(list);

struct nm_ns *nm_netns_get(struct net *net)
{
	return net_generic(net, netns_id);
}

void nm_netns_for_each(void (*fn)(struct nm_ns *ns))
{
	struct nm_os_ns *os;

	mutex_lock(&list_lock);
	list_for_each_entry(os, &list, link)
		fn(container_of(os, struct nm_ns, os));
	mutex_unlock(&list_lock);
}

static int show_text(struct seq_file *m, void *v)
{
	nm_ns_print(nm_netns_get(seq_file_single_net(m)), (struct nm_os_out *)m, false);
	return 0;
}

static int show_json(struct seq_file *m, void *v)
{
	nm_ns_print(nm_netns_get(seq_file_single_net(m)), (struct nm_os_out *)m, true);
	return 0;
}

static int __net_init netns_init(struct net *net)
{
	struct nm_ns *ns = nm_netns_get(net);
	struct nm_ns_conf conf;
	int error;

	nm_params_conf(&conf);
	error = nm_ns_init(ns, &conf);
	if (error)
		return error;
	ns->os.net = net;
	if (!proc_create_net_single("netmap", 0440, net->proc_net, show_text, NULL))
		goto fail;
	if (!proc_create_net_single("netmap.json", 0440, net->proc_net, show_json, NULL))
		goto fail_text;
	mutex_lock(&list_lock);
	list_add_tail(&ns->os.link, &list);
	mutex_unlock(&list_lock);
	return 0;

fail_text:
	remove_proc_entry("netmap", net->proc_net);
fail:
	nm_ns_fini(ns);
	return -ENOMEM;
}

/* No descriptor is open in it: each would hold the namespace. */
static void __net_exit netns_exit(struct net *net)
{
	struct nm_ns *ns = nm_netns_get(net);

	mutex_lock(&list_lock);
	list_del(&ns->os.link);
	mutex_unlock(&list_lock);
	remove_proc_entry("netmap.json", net->proc_net);
	remove_proc_entry("netmap", net->proc_net);
	nm_ns_fini(ns);
}

static struct pernet_operations netns_ops = {
	.init = netns_init,
	.exit = netns_exit,
	.id = &netns_id,
	.size = sizeof(struct nm_ns),
};

int nm_netns_register(void)
{
	return register_pernet_subsys(&netns_ops);
}

void nm_netns_unregister(void)
{
	unregister_pernet_subsys(&netns_ops);
}
