/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <math.h>

#include "json.h"

void json_begin(struct json *j, FILE *out)
{
	j->out = out;
	j->comma = 0;
}

static void put_string(FILE *out, const char *s)
{
	fputc('"', out);
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (c < 0x20 || c >= 0x7f)
			fprintf(out, "\\u%04x", c);
		else
			fputc(c, out);
	}
	fputc('"', out);
}

static void put_key(struct json *j, const char *key)
{
	if (j->comma)
		fputc(',', j->out);
	j->comma = 1;
	if (key) {
		put_string(j->out, key);
		fputc(':', j->out);
	}
}

void json_object(struct json *j, const char *key)
{
	put_key(j, key);
	fputc('{', j->out);
	j->comma = 0;
}

void json_object_end(struct json *j)
{
	fputc('}', j->out);
	j->comma = 1;
}

void json_array(struct json *j, const char *key)
{
	put_key(j, key);
	fputc('[', j->out);
	j->comma = 0;
}

void json_array_end(struct json *j)
{
	fputc(']', j->out);
	j->comma = 1;
}

void json_string(struct json *j, const char *key, const char *value)
{
	put_key(j, key);
	put_string(j->out, value);
}

void json_uint(struct json *j, const char *key, uint64_t value)
{
	put_key(j, key);
	fprintf(j->out, "%" PRIu64, value);
}

void json_double(struct json *j, const char *key, double value)
{
	put_key(j, key);
	if (isfinite(value))
		fprintf(j->out, "%.10g", value);
	else
		fputs("null", j->out); /* JSON has no infinity */
}

void json_bool(struct json *j, const char *key, int value)
{
	put_key(j, key);
	fputs(value ? "true" : "false", j->out);
}

void json_line_end(struct json *j)
{
	fputc('\n', j->out);
	fflush(j->out);
	j->comma = 0;
}
