// SPDX-License-Identifier: BSD-2-Clause
/* Listings of a namespace: text for people, JSON for programs. */
#include "binding.h"
#include "vale/vale.h"

static const char *const dir_name[NM_DIRS] = { "tx", "rx" };

static void describe(struct nm_port *port, char *buf, size_t size)
{
	buf[0] = '\0';
	if (port->ops->describe)
		port->ops->describe(port, buf, size);
}

/* Names come from clients: what JSON does not take as it is gets escaped. */
static void json_string(struct nm_os_out *out, const char *s)
{
	nm_os_print(out, "\"");
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			nm_os_print(out, "\\%c", *s);
		else if ((unsigned char)*s < ' ')
			nm_os_print(out, "\\u%04x", (unsigned char)*s);
		else
			nm_os_print(out, "%c", *s);
	}
	nm_os_print(out, "\"");
}

static void json_stats(struct nm_os_out *out, const struct nm_stats *s)
{
	const char *sep = "";
	int i;

	nm_os_print(out,
		    "\"packets\":%llu,\"bytes\":%llu,\"syncs\":%llu,\"errors\":%llu,"
		    "\"drops\":{",
		    (unsigned long long)s->packets, (unsigned long long)s->bytes,
		    (unsigned long long)s->syncs, (unsigned long long)s->errors);
	for (i = 0; i < NM_DROPS; i++, sep = ",")
		nm_os_print(out, "%s\"%s\":%llu", sep, nm_drop_name(i),
			    (unsigned long long)s->drops[i]);
	nm_os_print(out, "}");
}

static void json_ring(struct nm_os_out *out, struct nm_kring *kr)
{
	struct nm_stats s = { 0 };

	nm_kring_stats(kr, &s);
	nm_os_print(out,
		    "{\"dir\":\"%s\",\"ring\":%u,\"host\":%s,\"slots\":%u,\"open\":%s,"
		    "\"head\":%u,\"cur\":%u,\"tail\":%u,\"hwcur\":%u,\"hwtail\":%u,",
		    dir_name[kr->dir], kr->id, kr->flags & NM_KR_HOST ? "true" : "false",
		    kr->num_slots, kr->users ? "true" : "false", nm_load(&kr->rhead),
		    nm_load(&kr->rcur), nm_load(&kr->rtail), nm_load(&kr->hwcur),
		    nm_load(&kr->hwtail));
	json_stats(out, &s);
	nm_os_print(out, "}");
}

static void json_port(struct nm_os_out *out, struct nm_port *port)
{
	struct nm_stats s;
	const char *sep = "";
	char text[128];
	uint32_t i;
	int dir;

	nm_os_print(out, "{\"name\":");
	json_string(out, port->name);
	describe(port, text, sizeof(text));
	nm_os_print(out, ",\"kind\":\"%s\",\"info\":", port->ops->kind);
	json_string(out, text);
	nm_os_print(out, ",\"up\":%s,\"gone\":%d,\"mem_id\":%u,\"hdr_len\":%u",
		    port->users ? "true" : "false", port->gone, port->mem ? port->mem->id : 0,
		    port->hdr_len);
	for (dir = 0; dir < NM_DIRS; dir++) {
		nm_port_stats(port, dir, &s);
		nm_os_print(out, ",\"%s\":{", dir_name[dir]);
		json_stats(out, &s);
		nm_os_print(out, "}");
	}
	nm_os_print(out, ",\"rings\":[");
	for (dir = 0; dir < NM_DIRS; dir++) {
		for (i = 0; port->krings[dir] && i < nm_port_nrings(port, dir); i++) {
			nm_os_print(out, "%s", sep);
			json_ring(out, &port->krings[dir][i]);
			sep = ",";
		}
	}
	nm_os_print(out, "]}");
}

static void json_switch(struct nm_os_out *out, struct nm_switch *sw)
{
	const char *sep = "";
	uint32_t i;

	nm_os_print(out, "{\"name\":");
	json_string(out, sw->name);
	nm_os_print(out, ",\"number\":%u,\"stations\":%u,\"ports\":[", sw->number,
		    nm_fdb_count(sw->fdb, nm_os_now_coarse() / 1000000000));
	for (i = 1; i <= sw->active; i++) {
		if (!sw->port[i])
			continue;
		nm_os_print(out, "%s{\"index\":%u,\"port\":", sep, i);
		json_string(out, sw->port[i]->port->name);
		nm_os_print(out, ",\"host\":%s}", nm_vport_is_host(sw->port[i]) ? "true" : "false");
		sep = ",";
	}
	nm_os_print(out, "]}");
}

static void json_mem(struct nm_os_out *out, struct nm_mem *mem)
{
	const struct nm_pool *p = &mem->pool[NM_POOL_BUF];

	nm_mem_settle(mem);
	nm_os_print(out,
		    "{\"id\":%u,\"size\":%llu,\"buf_size\":%u,\"bufs\":%u,"
		    "\"bufs_committed\":%u,\"bufs_used\":%u,\"bufs_lost\":%u,"
		    "\"rings_used\":%u,\"users\":%u}",
		    mem->id, (unsigned long long)nm_mem_size(mem), mem->conf.stride, p->limit,
		    p->committed, p->used, nm_mem_lost(mem), mem->pool[NM_POOL_RING].used,
		    mem->refs);
}

static void json_binding(struct nm_os_out *out, struct nm_binding *b)
{
	nm_os_print(out, "{\"pid\":%u,\"port\":", b->owner);
	json_string(out, b->port ? b->port->name : "");
	nm_os_print(out, ",\"tx\":[%u,%u],\"rx\":[%u,%u],\"flags\":%llu,\"extra_bufs\":%u}",
		    b->first[NM_TX], b->last[NM_TX], b->first[NM_RX], b->last[NM_RX],
		    (unsigned long long)b->flags, b->extra.n);
}

#define JSON_LIST(out, head, type, print)                \
	do {                                             \
		const char *sep_ = "";                   \
		type *e_;                                \
		nm_list_for_each(e_, head, type, link) { \
			nm_os_print(out, "%s", sep_);    \
			print(out, e_);                  \
			sep_ = ",\n  ";                  \
		}                                        \
	} while (0)

static void print_json(struct nm_ns *ns, struct nm_os_out *out)
{
	nm_os_print(out, "{\"version\":%u,\n \"ports\":[", NETMAP_API);
	JSON_LIST(out, &ns->ports, struct nm_port, json_port);
	nm_os_print(out, "],\n \"switches\":[");
	JSON_LIST(out, &ns->switches, struct nm_switch, json_switch);
	nm_os_print(out, "],\n \"memories\":[");
	JSON_LIST(out, &ns->mems, struct nm_mem, json_mem);
	nm_os_print(out, "],\n \"clients\":[");
	JSON_LIST(out, &ns->bindings, struct nm_binding, json_binding);
	nm_os_print(out, "]}\n");
}

static void text_drops(struct nm_os_out *out, const struct nm_stats *s)
{
	int i;

	for (i = 0; i < NM_DROPS; i++)
		if (s->drops[i])
			nm_os_print(out, "  %s %llu", nm_drop_name(i),
				    (unsigned long long)s->drops[i]);
}

/* Host rings, which the sums have too, when somebody has some open. */
static void text_host(struct nm_os_out *out, struct nm_port *port)
{
	struct nm_stats s[NM_DIRS] = { 0 };
	bool open = false;
	uint32_t i;
	int dir;

	for (dir = 0; dir < NM_DIRS; dir++) {
		for (i = port->nrings[dir]; port->krings[dir] && i < nm_port_nrings(port, dir);
		     i++) {
			open = open || port->krings[dir][i].users;
			nm_kring_stats(&port->krings[dir][i], &s[dir]);
		}
	}
	if (open)
		nm_os_print(out,
			    "  of these host rings: tx %u, packets %llu; rx %u, "
			    "packets %llu\n",
			    port->nhost[NM_TX], (unsigned long long)s[NM_TX].packets,
			    port->nhost[NM_RX], (unsigned long long)s[NM_RX].packets);
}

static void text_port(struct nm_os_out *out, struct nm_port *port)
{
	struct nm_stats s;
	char text[128];
	int dir;

	describe(port, text, sizeof(text));
	nm_os_print(out, "%-20s %-5s memory %u%s%s%s\n", port->name, port->ops->kind,
		    port->mem ? port->mem->id : 0, text[0] ? ", " : "", text,
		    port->gone	? ", gone" :
		    port->users ? "" :
				  ", not open");
	for (dir = 0; dir < NM_DIRS; dir++) {
		nm_port_stats(port, dir, &s);
		nm_os_print(out, "  %s %u x %-5u packets %-12llu bytes %-14llu", dir_name[dir],
			    port->nrings[dir], port->nslots[dir], (unsigned long long)s.packets,
			    (unsigned long long)s.bytes);
		text_drops(out, &s);
		nm_os_print(out, "\n");
	}
	text_host(out, port);
}

static void print_text(struct nm_ns *ns, struct nm_os_out *out)
{
	struct nm_port *port;
	struct nm_switch *sw;
	struct nm_binding *b;
	struct nm_mem *mem;

	nm_list_for_each(port, &ns->ports, struct nm_port, link)
		text_port(out, port);
	nm_list_for_each(sw, &ns->switches, struct nm_switch, link)
		nm_os_print(out, "switch %-13s %u ports, %u stations\n", sw->name, sw->nports,
			    nm_fdb_count(sw->fdb, nm_os_now_coarse() / 1000000000));
	nm_list_for_each(mem, &ns->mems, struct nm_mem, link) {
		nm_mem_settle(mem);
		nm_os_print(out, "memory %-13u %u of at most %u buffers of %u bytes in use\n",
			    mem->id, mem->pool[NM_POOL_BUF].used, nm_mem_nbufs(mem),
			    mem->conf.stride);
	}
	nm_list_for_each(b, &ns->bindings, struct nm_binding, link)
		nm_os_print(out, "client %-13u %s\n", b->owner, b->port ? b->port->name : "-");
}

void nm_ns_print(struct nm_ns *ns, struct nm_os_out *out, bool json)
{
	nm_os_mutex_lock(&ns->lock);
	if (json)
		print_json(ns, out);
	else
		print_text(ns, out);
	nm_os_mutex_unlock(&ns->lock);
}
