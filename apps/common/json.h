/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * JSON, written straight to a stream and read into a small tree. The writer puts the commas;
 * its caller nests the calls right.
 */
#ifndef APPS_JSON_H
#define APPS_JSON_H

#include <stdint.h>
#include <stdio.h>

struct json {
	FILE *out;
	int comma; /* the next value is not the first one at its level */
};

void json_begin(struct json *j, FILE *out);
/* In all of these: key is NULL inside an array and at the top. */
void json_object(struct json *j, const char *key);
void json_object_end(struct json *j);
void json_array(struct json *j, const char *key);
void json_array_end(struct json *j);
void json_string(struct json *j, const char *key, const char *value);
void json_uint(struct json *j, const char *key, uint64_t value);
void json_double(struct json *j, const char *key, double value);
void json_bool(struct json *j, const char *key, int value);
/* Ends the line: one object, one line. */
void json_line_end(struct json *j);

enum json_type {
	JSON_NULL,
	JSON_BOOL,
	JSON_NUMBER,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT,
};

struct json_value {
	enum json_type type;
	const char *key; /* name in the surrounding object, or NULL */
	union {
		int boolean;
		double number;
		const char *string;
	};
	struct json_value *child; /* first member of an array or object */
	struct json_value *next;  /* next one at the same level */
};

/* NULL if the text is not JSON; *where is then the offset of the fault. */
struct json_value *json_parse(const char *text, size_t len, size_t *where);
void json_free(struct json_value *v);

const struct json_value *json_get(const struct json_value *object, const char *key);
/* The member as text or number, or the default if there is none of that type. */
const char *json_get_string(const struct json_value *object, const char *key, const char *def);
double json_get_number(const struct json_value *object, const char *key, double def);

#endif
