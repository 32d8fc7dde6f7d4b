/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The options of a port name: "@option", "@option=value", "@option:key=value,...", one
 * after the other. Splits them up, checks them against the parsers' tables, and calls the
 * parsers.
 */
#include <errno.h>
#include <string.h>

#include "libnetmap.h"
#include "lib.h"

static int invalid(void)
{
	errno = EINVAL;
	return -1;
}

static const struct nmreq_opt_key *find_key(const struct nmreq_opt_parser *p, const char *name)
{
	int i;

	for (i = 0; i < p->nr_keys && i < NMREQ_OPT_MAXKEYS; i++) {
		if (!strcmp(p->keys[i].key, name))
			return &p->keys[i];
	}
	return NULL;
}

/* The key that "option=value" sets. */
static const struct nmreq_opt_key *default_key(const struct nmreq_opt_parser *p)
{
	int i;

	for (i = 0; i < p->nr_keys && i < NMREQ_OPT_MAXKEYS; i++) {
		if (p->keys[i].flags & NMREQ_OPTK_DEFAULT)
			return &p->keys[i];
	}
	for (i = 0; i < p->nr_keys && i < NMREQ_OPT_MAXKEYS; i++) {
		if (p->default_key >= 0 && p->keys[i].id == p->default_key)
			return &p->keys[i];
	}
	return NULL;
}

static int unknown_key(const struct nmreq_opt_parser *p, const char *key, struct nmctx *ctx)
{
	const char *names[NMREQ_OPT_MAXKEYS + 1] = { NULL }, *near;
	int i;

	for (i = 0; i < p->nr_keys && i < NMREQ_OPT_MAXKEYS; i++)
		names[i] = p->keys[i].key;
	near = nm_nearest(key, strlen(key), names);
	if (near != NULL)
		nmctx_ferror(ctx, "option %s: unknown key %s, did you mean %s?", p->prefix, key,
			     near);
	else
		nmctx_ferror(ctx, "option %s: unknown key %s", p->prefix, key);
	return invalid();
}

static int set_key(struct nmreq_parse_ctx *pctx, const struct nmreq_opt_parser *p,
		   const struct nmreq_opt_key *k, const char *value)
{
	if (k->id < 0 || k->id >= NMREQ_OPT_MAXKEYS) {
		nmctx_ferror(pctx->ctx, "option %s: key %s has id %d, not 0 to %d", p->prefix,
			     k->key, k->id, NMREQ_OPT_MAXKEYS - 1);
		return invalid();
	}
	if (pctx->keys[k->id] != NULL) {
		nmctx_ferror(pctx->ctx, "option %s: %s given twice", p->prefix, k->key);
		return invalid();
	}
	pctx->keys[k->id] = value;
	return 0;
}

/* "key=value" or "key" */
static int decode_key(struct nmreq_parse_ctx *pctx, const struct nmreq_opt_parser *p, char *text)
{
	static const char nothing[] = "";
	const struct nmreq_opt_key *k;
	char *value = strchr(text, '=');

	if (value != NULL)
		*value++ = '\0';
	k = find_key(p, text);
	if (k == NULL)
		return unknown_key(p, text, pctx->ctx);
	if (value == NULL || *value == '\0') {
		if (!(k->flags & NMREQ_OPTK_ALLOWEMPTY)) {
			nmctx_ferror(pctx->ctx, "option %s: %s needs a value, %s=...", p->prefix,
				     text, text);
			return invalid();
		}
		return set_key(pctx, p, k, value != NULL ? value : nothing);
	}
	return set_key(pctx, p, k, value);
}

/* What follows the name of the option: nothing, "=value" or ":key=value,..." */
static int decode_values(struct nmreq_parse_ctx *pctx, const struct nmreq_opt_parser *p, char mark,
			 char *text)
{
	const struct nmreq_opt_key *k = default_key(p);
	char *next;

	if (mark == '\0' || (mark == '=' && *text == '\0')) {
		if (p->flags & NMREQ_OPTF_ALLOWEMPTY)
			return 0;
		nmctx_ferror(pctx->ctx, "option %s needs a value", p->prefix);
		return invalid();
	}
	if (mark == '=') {
		if (k == NULL) {
			nmctx_ferror(pctx->ctx, "option %s takes no single value: use %s:KEY=VALUE",
				     p->prefix, p->prefix);
			return invalid();
		}
		return set_key(pctx, p, k, text);
	}
	for (; text != NULL; text = next) {
		next = strchr(text, ',');
		if (next != NULL)
			*next++ = '\0';
		if (decode_key(pctx, p, text) < 0)
			return -1;
	}
	return 0;
}

static int check_mandatory(const struct nmreq_parse_ctx *pctx, const struct nmreq_opt_parser *p)
{
	int i;

	for (i = 0; i < p->nr_keys && i < NMREQ_OPT_MAXKEYS; i++) {
		const struct nmreq_opt_key *k = &p->keys[i];

		if ((k->flags & NMREQ_OPTK_MUSTSET) && k->id >= 0 && k->id < NMREQ_OPT_MAXKEYS &&
		    pctx->keys[k->id] == NULL) {
			nmctx_ferror(pctx->ctx, "option %s: %s must be given", p->prefix, k->key);
			return invalid();
		}
	}
	return 0;
}

static int unknown_option(const char *name, struct nmreq_opt_parser *parsers, struct nmctx *ctx)
{
	struct nmreq_opt_parser *p;
	const char *near = NULL;

	for (p = parsers; p != NULL && near == NULL; p = p->next) {
		const char *const one[] = { p->prefix, NULL };

		near = nm_nearest(name, strlen(name), one);
	}
	if (*name == '\0')
		nmctx_ferror(ctx, "no option after @");
	else if (near != NULL)
		nmctx_ferror(ctx, "unknown option %s, did you mean %s?", name, near);
	else
		nmctx_ferror(ctx, "unknown option %s", name);
	errno = *name != '\0' ? EOPNOTSUPP : EINVAL;
	return -1;
}

/* One option, without its '@', in a buffer of its own that is cut up here. */
static int decode_option(char *text, struct nmreq_opt_parser *parsers, void *token,
			 struct nmctx *ctx)
{
	struct nmreq_parse_ctx pctx = { .ctx = ctx, .token = token };
	size_t len = strcspn(text, "=:");
	char mark = text[len], *values = text + len;
	struct nmreq_opt_parser *p;

	if (mark != '\0')
		*values++ = '\0';
	for (p = parsers; p != NULL && strcmp(p->prefix, text); p = p->next)
		;
	if (p == NULL)
		return unknown_option(text, parsers, ctx);
	if (p->flags & NMREQ_OPTF_DISABLED) {
		nmctx_ferror(ctx, "option %s: not supported by this program", text);
		errno = EOPNOTSUPP;
		return -1;
	}
	if (decode_values(&pctx, p, mark, values) < 0 || check_mandatory(&pctx, p) < 0)
		return -1;
	return p->parse(&pctx);
}

int nmreq_options_decode(const char *opt, struct nmreq_opt_parser *parsers, void *token,
			 struct nmctx *ctx)
{
	size_t size = strlen(opt) + 1;
	char *copy, *text, *next;
	int ret = 0, e;

	if (*opt == '\0')
		return 0;
	if (*opt != '@') {
		nmctx_ferror(ctx, "'%s': options begin with @", opt);
		return invalid();
	}
	copy = nmctx_malloc(ctx, size);
	if (copy == NULL) {
		nmctx_ferror(ctx, "no memory to read the options %s", opt);
		return -1;
	}
	memcpy(copy, opt, size);
	for (text = copy + 1; ret == 0 && text != NULL; text = next) {
		next = strchr(text, '@');
		if (next != NULL)
			*next++ = '\0';
		ret = decode_option(text, parsers, token, ctx);
	}
	e = errno;
	nmctx_free(ctx, copy);
	if (ret < 0)
		errno = e;
	return ret;
}
