/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A recursive reader for RFC 8259 text. Its input comes from our own daemon, but it trusts
 * nothing: depth is bounded, strings are checked, numbers are what strtod() makes of what
 * the grammar allows.
 */
#include <stdlib.h>
#include <string.h>

#include "json.h"

#define MAX_DEPTH 64

struct reader {
	const char *p, *end;
	int depth;
};

static int read_value(struct reader *r, struct json_value *v);

static void skip_space(struct reader *r)
{
	while (r->p < r->end && memchr(" \t\r\n", *r->p, 4))
		r->p++;
}

static int next_is(struct reader *r, char c)
{
	skip_space(r);
	if (r->p == r->end || *r->p != c)
		return 0;
	r->p++;
	return 1;
}

static int read_hex4(struct reader *r, unsigned *out)
{
	*out = 0;
	for (int i = 0; i < 4; i++, r->p++) {
		const char *digits = "0123456789abcdef0123456789ABCDEF";
		const char *d;

		if (r->p == r->end || *r->p == '\0')
			return -1;
		d = strchr(digits, *r->p);
		if (!d)
			return -1;
		*out = *out << 4 | ((d - digits) & 15);
	}
	return 0;
}

static char *put_utf8(char *out, unsigned c)
{
	if (c < 0x80) {
		*out++ = (char)c;
	} else if (c < 0x800) {
		*out++ = (char)(0xc0 | c >> 6);
		*out++ = (char)(0x80 | (c & 63));
	} else if (c < 0x10000) {
		*out++ = (char)(0xe0 | c >> 12);
		*out++ = (char)(0x80 | (c >> 6 & 63));
		*out++ = (char)(0x80 | (c & 63));
	} else {
		*out++ = (char)(0xf0 | c >> 18);
		*out++ = (char)(0x80 | (c >> 12 & 63));
		*out++ = (char)(0x80 | (c >> 6 & 63));
		*out++ = (char)(0x80 | (c & 63));
	}
	return out;
}

static int read_unicode(struct reader *r, char **out)
{
	unsigned c, low;

	if (read_hex4(r, &c) || c == 0 || (c >= 0xdc00 && c < 0xe000))
		return -1;
	if (c >= 0xd800 && c < 0xdc00) { /* the first half of a pair */
		if (r->end - r->p < 2 || r->p[0] != '\\' || r->p[1] != 'u')
			return -1;
		r->p += 2;
		if (read_hex4(r, &low) || low < 0xdc00 || low >= 0xe000)
			return -1;
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
	}
	*out = put_utf8(*out, c);
	return 0;
}

static int read_escape(struct reader *r, char **out)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *e;

	if (r->p == r->end)
		return -1;
	if (*r->p == 'u') {
		r->p++;
		return read_unicode(r, out);
	}
	e = *r->p ? strchr(from, *r->p) : NULL;
	if (!e)
		return -1;
	r->p++;
	*(*out)++ = to[e - from];
	return 0;
}

/* The decoded text is never longer than the source: six bytes give at most three. */
static char *read_string(struct reader *r)
{
	const char *start = r->p, *q;
	char *s, *out;

	for (q = start; q < r->end && *q != '"'; q++)
		if (*q == '\\')
			q++;
	if (q >= r->end)
		return NULL;
	s = out = malloc((size_t)(q - start) + 1);
	if (!s)
		return NULL;
	while (*r->p != '"') {
		if ((unsigned char)*r->p < 0x20)
			goto bad;
		if (*r->p != '\\') {
			*out++ = *r->p++;
			continue;
		}
		r->p++;
		if (read_escape(r, &out))
			goto bad;
		if (r->p > q)
			goto bad;
	}
	r->p++;
	*out = '\0';
	return s;
bad:
	free(s);
	return NULL;
}

static int read_number(struct reader *r, struct json_value *v)
{
	char text[64], *end;
	size_t n = 0;

	while (r->p < r->end && *r->p && strchr("+-.0123456789eE", *r->p)) {
		if (n == sizeof(text) - 1)
			return -1;
		text[n++] = *r->p++;
	}
	text[n] = '\0';
	if (n == 0 || text[0] == '+' || text[0] == '.')
		return -1;
	v->type = JSON_NUMBER;
	v->number = strtod(text, &end);
	return *end ? -1 : 0;
}

static int read_word(struct reader *r, const char *word)
{
	size_t n = strlen(word);

	if ((size_t)(r->end - r->p) < n || memcmp(r->p, word, n))
		return -1;
	r->p += n;
	return 0;
}

/* Members up to `close`. What was read so far hangs off v, and is freed with it. */
static int read_members(struct reader *r, struct json_value *v, char close)
{
	struct json_value **tail = &v->child;

	if (next_is(r, close))
		return 0;
	do {
		struct json_value *m = calloc(1, sizeof(*m));

		if (!m)
			return -1;
		*tail = m;
		tail = &m->next;
		if (v->type == JSON_OBJECT) {
			if (!next_is(r, '"'))
				return -1;
			m->key = read_string(r);
			if (!m->key || !next_is(r, ':'))
				return -1;
		}
		if (read_value(r, m))
			return -1;
	} while (next_is(r, ','));
	return next_is(r, close) ? 0 : -1;
}

static int read_value(struct reader *r, struct json_value *v)
{
	int err;

	skip_space(r);
	if (r->p == r->end)
		return -1;
	switch (*r->p) {
	case '{':
	case '[':
		if (++r->depth > MAX_DEPTH)
			return -1;
		v->type = *r->p == '{' ? JSON_OBJECT : JSON_ARRAY;
		r->p++;
		err = read_members(r, v, v->type == JSON_OBJECT ? '}' : ']');
		r->depth--;
		return err;
	case '"':
		r->p++;
		v->type = JSON_STRING;
		v->string = read_string(r);
		return v->string ? 0 : -1;
	case 't':
		v->type = JSON_BOOL;
		v->boolean = 1;
		return read_word(r, "true");
	case 'f':
		v->type = JSON_BOOL;
		return read_word(r, "false");
	case 'n':
		return read_word(r, "null");
	default:
		return read_number(r, v);
	}
}

struct json_value *json_parse(const char *text, size_t len, size_t *where)
{
	struct reader r = { .p = text, .end = text + len };
	struct json_value *v = calloc(1, sizeof(*v));

	if (!v)
		return NULL;
	if (read_value(&r, v) == 0) {
		skip_space(&r);
		if (r.p == r.end)
			return v;
	}
	if (where)
		*where = (size_t)(r.p - text);
	json_free(v);
	return NULL;
}

void json_free(struct json_value *v)
{
	while (v) {
		struct json_value *next = v->next;

		json_free(v->child);
		if (v->type == JSON_STRING)
			free((void *)v->string);
		free((void *)v->key);
		free(v);
		v = next;
	}
}

const struct json_value *json_get(const struct json_value *object, const char *key)
{
	const struct json_value *m;

	if (!object || object->type != JSON_OBJECT)
		return NULL;
	for (m = object->child; m; m = m->next)
		if (strcmp(m->key, key) == 0)
			return m;
	return NULL;
}

const char *json_get_string(const struct json_value *object, const char *key, const char *def)
{
	const struct json_value *m = json_get(object, key);

	return m && m->type == JSON_STRING ? m->string : def;
}

double json_get_number(const struct json_value *object, const char *key, double def)
{
	const struct json_value *m = json_get(object, key);

	return m && m->type == JSON_NUMBER ? m->number : def;
}
