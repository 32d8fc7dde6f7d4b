/* SPDX-License-Identifier: BSD-2-Clause */
#include <err.h>
#include <stdio.h>
#include <string.h>

#include "../common/state.h"
#include "counters.h"

static const char *const directions[] = { "tx", "rx" };

static const struct json_value *find_port(const struct json_value *state, const char *name)
{
	const struct json_value *p;

	for (p = state_list(state, "ports"); p; p = p->next)
		if (strcmp(json_get_string(p, "name", ""), name) == 0)
			return p;
	return NULL;
}

static void print_port(const char *on, const struct json_value *p)
{
	printf("%s%s\n", on, json_get_string(p, "name", "?"));
	for (int i = 0; i < 2; i++) {
		const struct json_value *d = json_get(p, directions[i]), *drops, *c;

		printf("  %s packets %-14.0f bytes %-16.0f", directions[i],
		       json_get_number(d, "packets", 0), json_get_number(d, "bytes", 0));
		drops = json_get(d, "drops");
		for (c = drops ? drops->child : NULL; c; c = c->next)
			if (c->type == JSON_NUMBER && c->number > 0)
				printf(" dropped(%s) %.0f", c->key, c->number);
		putchar('\n');
	}
}

static void json_port(struct json *j, const char *sw, const struct json_value *p)
{
	json_object(j, NULL);
	json_string(j, "name", json_get_string(p, "name", "?"));
	json_string(j, "switch", sw);
	for (int i = 0; i < 2; i++) {
		const struct json_value *d = json_get(p, directions[i]), *drops, *c;

		json_object(j, directions[i]);
		json_double(j, "packets", json_get_number(d, "packets", 0));
		json_double(j, "bytes", json_get_number(d, "bytes", 0));
		json_object(j, "drops");
		drops = json_get(d, "drops");
		for (c = drops ? drops->child : NULL; c; c = c->next)
			json_double(j, c->key, c->number);
		json_object_end(j);
		json_object_end(j);
	}
	json_object_end(j);
}

/* Ports that are members of a switch: VALE's own, and NICs that are attached to one. */
static int print_all(const struct json_value *state, const char *only, struct json *j)
{
	const struct json_value *sw, *m, *port, *members;
	int found = 0;

	for (sw = state_list(state, "switches"); sw; sw = sw->next) {
		const char *name = json_get_string(sw, "name", "");

		members = json_get(sw, "ports");
		for (m = members ? members->child : NULL; m; m = m->next) {
			const char *member = json_get_string(m, "port", "");
			char full[160];

			snprintf(full, sizeof(full), "%.70s:%.70s", name, member);
			if (only && strcmp(only, member) && strcmp(only, full))
				continue;
			port = find_port(state, member);
			if (!port)
				continue;
			found = 1;
			if (j) {
				json_port(j, name, port);
				continue;
			}
			/* A NIC's own name does not tell the switch that it is part of. */
			if (strncmp(member, "vale", 4) == 0)
				full[0] = '\0';
			else
				snprintf(full, sizeof(full), "%.70s:", name);
			print_port(full, port);
		}
	}
	return found;
}

int counters_print(const char *only, int json)
{
	char error[STATE_ERROR];
	struct json_value *state = state_get(error);
	struct json j;
	int found;

	if (!state) {
		warnx("%s", error);
		return -1;
	}
	json_begin(&j, stdout);
	if (json)
		json_array(&j, NULL);
	found = print_all(state, only, json ? &j : NULL);
	if (json) {
		json_array_end(&j);
		json_line_end(&j);
	}
	json_free(state);
	if (only && !found)
		warnx("%s: no such port; vale-ctl -l lists all", only);
	else if (!found && !json)
		printf("no VALE port\n");
	return only && !found ? -1 : 0;
}
