/* SPDX-License-Identifier: BSD-2-Clause */
/* vale-ctl: lists, makes and changes VALE switches and their ports. See vale-ctl(8). */
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../common/json.h"
#include "../common/port.h"
#include "../common/printed.h"
#include "../common/units.h"
#include "counters.h"

#define EXIT_USAGE 2

static const char usage_text[] =
	"usage: vale-ctl [-l [valeX:port]] [-s] [--json]\n"
	"       vale-ctl -a|-h|-d valeX:interface\n"
	"       vale-ctl -n name [-C config] [-m mem_id] | -r name\n"
	"       vale-ctl -p|-P valeX:interface [-C config]\n"
	"       vale-ctl -g port\n"
	"\n"
	"  -l [port]      list all ports of all switches, or this one (default)\n"
	"  -s             list with counters: packets, bytes, drops by cause\n"
	"  -a port        attach the interface to the switch, off the host's stack\n"
	"  -h port        attach it, with the host's stack as another port\n"
	"  -d port        detach it\n"
	"  -n name        make a port that lives without a program\n"
	"  -r name        remove it\n"
	"  -p port        start polling the interface by threads of the host\n"
	"  -P port        stop that\n"
	"  -g port        show the number of rings\n"
	"  -C config      with -n: tx_slots[,rx_slots[,tx_rings[,rx_rings]]]\n"
	"                 with -p: mode[,cpu[,cpus]], mode 0: one CPU for all rings, 1: one each\n"
	"  -m mem_id      with -n, -a, -h: memory region, 1 is the one that NICs share\n"
	"  --json         lists and counters as JSON\n"
	"  --help         this text\n";

struct control {
	int action; /* option letter */
	const char *name;
	struct port_config config; /* -n */
	uint64_t polling[3];	   /* -p */
	const char *config_text;
	uint16_t mem_id;
	int json, counters;
};

/* One request. 0, or -1 with errno and the reason printed, unless it is `quiet_errno`. */
static int request(uint16_t type, const char *name, void *body, char *name_out, int quiet_errno)
{
	struct nmreq_header hdr;
	int fd, err_, e;

	nmreq_header_init(&hdr, type, body);
	if (name && strlen(name) >= sizeof(hdr.nr_name)) {
		warnx("%s: names have at most %zu characters", name, sizeof(hdr.nr_name) - 1);
		return -1;
	}
	strcpy(hdr.nr_name, name ? name : "");
	fd = nmhost_open();
	if (fd < 0) {
		warnx("%s", nmhost_strerror(-1)[0] ? nmhost_strerror(-1) : strerror(errno));
		return -1;
	}
	err_ = nmhost_ioctl(fd, NIOCCTRL, &hdr);
	e = errno;
	if (err_ && e != quiet_errno)
		warnx("%s: %s", name && name[0] ? name : "list",
		      nmhost_strerror(fd)[0] ? nmhost_strerror(fd) : strerror(e));
	if (!err_ && name_out)
		memcpy(name_out, hdr.nr_name, sizeof(hdr.nr_name));
	nmhost_close(fd);
	errno = e;
	return err_;
}

/* ---- lists ------------------------------------------------------------------------------ */

static int list_one(const char *name, int json)
{
	struct nmreq_vale_list body = { 0 };
	struct json j;

	if (request(NETMAP_REQ_VALE_LIST, name, &body, NULL, 0))
		return -1;
	if (!json) {
		printf("%s: bridge %u, port %u\n", name, body.nr_bridge_idx, body.nr_port_idx);
		return 0;
	}
	json_begin(&j, stdout);
	json_object(&j, NULL);
	json_string(&j, "name", name);
	json_uint(&j, "bridge", body.nr_bridge_idx);
	json_uint(&j, "port", body.nr_port_idx);
	json_object_end(&j);
	json_line_end(&j);
	return 0;
}

/* The host gives the first port at or after a place; the place moves on by one each time. */
static int list_all(int json)
{
	struct nmreq_vale_list body = { 0 };
	char name[NETMAP_REQ_IFNAMSIZ];
	unsigned count = 0;
	struct json j;

	json_begin(&j, stdout);
	if (json)
		json_array(&j, NULL);
	while (request(NETMAP_REQ_VALE_LIST, NULL, &body, name, ENOENT) == 0) {
		count++;
		if (json) {
			json_object(&j, NULL);
			json_string(&j, "name", name);
			json_uint(&j, "bridge", body.nr_bridge_idx);
			json_uint(&j, "port", body.nr_port_idx);
			json_object_end(&j);
		} else {
			printf("bridge %u, port %u: %s\n", body.nr_bridge_idx, body.nr_port_idx,
			       name);
		}
		body.nr_port_idx++;
	}
	if (json) {
		json_array_end(&j);
		json_line_end(&j);
	} else if (count == 0 && errno == ENOENT) {
		printf("no VALE port; one is made by opening it, as in: pkt-gen -i vale0:a\n");
	}
	return errno == ENOENT ? 0 : -1;
}

static int show_rings(const char *name, int json)
{
	struct nmreq_port_info_get body = { 0 };
	struct json j;

	if (request(NETMAP_REQ_PORT_INFO_GET, name, &body, NULL, 0))
		return -1;
	if (!json) {
		printf("%s: %u tx rings of %u slots, %u rx rings of %u slots, memory %u\n", name,
		       body.nr_tx_rings, body.nr_tx_slots, body.nr_rx_rings, body.nr_rx_slots,
		       body.nr_mem_id);
		return 0;
	}
	json_begin(&j, stdout);
	json_object(&j, NULL);
	json_string(&j, "name", name);
	json_uint(&j, "tx_rings", body.nr_tx_rings);
	json_uint(&j, "tx_slots", body.nr_tx_slots);
	json_uint(&j, "rx_rings", body.nr_rx_rings);
	json_uint(&j, "rx_slots", body.nr_rx_slots);
	json_uint(&j, "mem_id", body.nr_mem_id);
	json_object_end(&j);
	json_line_end(&j);
	return 0;
}

/* ---- changes ----------------------------------------------------------------------------- */

static int attach(const struct control *c)
{
	struct nmreq_vale_attach body = {
		.reg.nr_mode = c->action == 'h' ? NR_REG_NIC_SW : NR_REG_ALL_NIC,
		.reg.nr_mem_id = c->mem_id,
	};

	return request(NETMAP_REQ_VALE_ATTACH, c->name, &body, NULL, 0);
}

static int detach(const struct control *c)
{
	struct nmreq_vale_detach body = { 0 };

	return request(NETMAP_REQ_VALE_DETACH, c->name, &body, NULL, 0);
}

static int new_port(const struct control *c)
{
	struct nmreq_vale_newif body = {
		.nr_tx_slots = c->config.tx_slots,
		.nr_rx_slots = c->config.rx_slots,
		.nr_tx_rings = c->config.tx_rings,
		.nr_rx_rings = c->config.rx_rings,
		.nr_mem_id = c->mem_id,
	};

	return request(NETMAP_REQ_VALE_NEWIF, c->name, &body, NULL, 0);
}

static int polling(const struct control *c)
{
	struct nmreq_vale_polling body = {
		.nr_mode = c->polling[0] ? NETMAP_POLLING_MODE_MULTI_CPU :
					   NETMAP_POLLING_MODE_SINGLE_CPU,
		.nr_first_cpu_id = (uint32_t)c->polling[1],
		.nr_num_polling_cpus = (uint32_t)c->polling[2],
	};

	return request(c->action == 'p' ? NETMAP_REQ_VALE_POLLING_ENABLE :
					  NETMAP_REQ_VALE_POLLING_DISABLE,
		       c->name, &body, NULL, 0);
}

static int run(const struct control *c)
{
	if (c->counters)
		return counters_print(c->name, c->json);
	switch (c->action) {
	case 'l':
		return c->name ? list_one(c->name, c->json) : list_all(c->json);
	case 'a':
	case 'h':
		return attach(c);
	case 'd':
		return detach(c);
	case 'n':
		return new_port(c);
	case 'r':
		return request(NETMAP_REQ_VALE_DELIF, c->name, NULL, NULL, 0);
	case 'g':
		return show_rings(c->name, c->json);
	default:
		return polling(c);
	}
}

/* ---- options ------------------------------------------------------------------------------ */

static int set_action(struct control *c, int action, const char *name)
{
	if (c->action) {
		warnx("-%c and -%c: one thing at a time", c->action, action);
		return EXIT_USAGE;
	}
	c->action = action;
	c->name = name;
	return -1;
}

/* -C means one thing with -n and another with -p, so it is read when both are known. */
static int parse_config(struct control *c)
{
	char copy[128], *p = copy, *word;
	int n = 0;

	c->polling[2] = 1;
	if (!c->config_text)
		return -1;
	if (c->action == 'n' && port_config_parse(c->config_text, &c->config) == 0)
		return -1;
	if (c->action == 'p' && strlen(c->config_text) < sizeof(copy)) {
		strcpy(copy, c->config_text);
		for (; (word = strsep(&p, ",")) != NULL && n < 3; n++)
			if (parse_number(word, 0, n ? 4096 : 1, &c->polling[n]))
				break;
		if (!word && (c->polling[0] || c->polling[2] == 1))
			return -1;
	}
	warnx("-C %s: with -n: tx_slots[,rx_slots[,tx_rings[,rx_rings]]]; with -p: "
	      "mode[,cpu[,cpus]], and cpus is 1 in mode 0",
	      c->config_text);
	return EXIT_USAGE;
}

static int parse_option(struct control *c, int o, const char *arg, char *const *argv)
{
	uint64_t v;

	switch (o) {
	case 'l':
		/* The name may be there or not, which getopt cannot do for "-l name". */
		if (argv[optind] && argv[optind][0] != '-')
			arg = argv[optind++];
		return set_action(c, 'l', arg);
	case 'a':
	case 'h':
	case 'd':
	case 'n':
	case 'r':
	case 'g':
	case 'p':
	case 'P':
		return set_action(c, o, arg);
	case 'C':
		c->config_text = arg;
		return -1;
	case 'm':
		if (parse_number(arg, 1, 65535, &v)) {
			warnx("-m %s: a memory is a number from 1 to 65535", arg);
			return EXIT_USAGE;
		}
		c->mem_id = (uint16_t)v;
		return -1;
	case 's':
		c->counters = 1;
		return -1;
	case 'J':
		c->json = 1;
		return -1;
	case 'H':
		fputs(usage_text, stdout);
		return EXIT_SUCCESS;
	default:
		fputs("vale-ctl --help shows all options\n", stderr);
		return EXIT_USAGE;
	}
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "json", no_argument, NULL, 'J' },
		{ "help", no_argument, NULL, 'H' },
		{ NULL, 0, NULL, 0 },
	};
	struct control c = { 0 };
	int o, r;

	printed_check_at_exit();
	while ((o = getopt_long(argc, argv, "la:h:d:n:r:g:p:P:C:m:s", longs, NULL)) != -1) {
		r = parse_option(&c, o, optarg, argv);
		if (r >= 0)
			return r;
	}
	if (optind < argc) {
		warnx("%s: not an option; vale-ctl --help shows all", argv[optind]);
		return EXIT_USAGE;
	}
	if (!c.action)
		c.action = 'l';
	r = parse_config(&c);
	if (r >= 0)
		return r;
	if (c.counters && c.action != 'l') {
		warnx("-s: counters go with a list");
		return EXIT_USAGE;
	}
	return run(&c) ? EXIT_FAILURE : EXIT_SUCCESS;
}
