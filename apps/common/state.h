/* SPDX-License-Identifier: BSD-2-Clause */
/* The host's own listing of ports, rings, switches and counters, as JSON. */
#ifndef APPS_STATE_H
#define APPS_STATE_H

#include <stddef.h>

#include "json.h"

#define STATE_ERROR 256

/*
 * The tree, to be freed with json_free(). NULL: a line in error. A host that does not run has
 * no ports, which is no error: an empty listing.
 */
struct json_value *state_get(char error[STATE_ERROR]);

/* The members of the array `key` of the listing: the first one, the rest by ->next. */
const struct json_value *state_list(const struct json_value *state, const char *key);

/* Sum of the drops of a direction (the object "tx" or "rx" of a port, or a ring). */
double state_drops(const struct json_value *dir);

#endif
