/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names of ports: SUBSYSTEM:PORT[MODE]. The functions depend on their arguments alone, so
 * that a fuzzer can call them; the grammar is in libnetmap.h.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "libnetmap.h"
#include "lib.h"

#define WORD_MAX 24

static int min3(int a, int b, int c)
{
	int m = a < b ? a : b;

	return m < c ? m : c;
}

/*
 * How many letters must be changed, added, left out or exchanged with their neighbour to
 * make word from s, ignoring case.
 */
static int distance(const char *s, size_t len, const char *word)
{
	int d[WORD_MAX + 1][WORD_MAX + 1];
	size_t i, j, wlen = strlen(word);

	if (len > WORD_MAX || wlen > WORD_MAX)
		return WORD_MAX;
	for (i = 0; i <= len; i++)
		d[i][0] = (int)i;
	for (j = 0; j <= wlen; j++)
		d[0][j] = (int)j;
	for (i = 1; i <= len; i++) {
		for (j = 1; j <= wlen; j++) {
			int a = tolower((unsigned char)s[i - 1]), b = word[j - 1];

			d[i][j] =
				min3(d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (a != b));
			if (i > 1 && j > 1 && a == word[j - 2] &&
			    tolower((unsigned char)s[i - 2]) == b && d[i][j] > d[i - 2][j - 2] + 1)
				d[i][j] = d[i - 2][j - 2] + 1;
		}
	}
	return d[len][wlen];
}

/* Near enough: at most two slips, and at least half of the word is right. */
const char *nm_nearest(const char *s, size_t len, const char *const *list)
{
	const char *best = NULL;
	int least = 3;

	for (; *list != NULL; list++) {
		int d = distance(s, len, *list);

		if (d < least && 2 * d <= (int)strlen(*list)) {
			least = d;
			best = *list;
		}
	}
	return best;
}

static int invalid(void)
{
	errno = EINVAL;
	return -1;
}

/* Neither netmap: nor valeX: comes first: what was meant? */
static int bad_prefix(const char *spec, struct nmctx *ctx)
{
	static const char *const netmap[] = { "netmap", NULL }, *const vale[] = { "vale", NULL };
	size_t len = strcspn(spec, "*^/@{}:"), alpha = 0;

	if (spec[0] == '\0') {
		nmctx_ferror(ctx, "empty port name: a port is netmap:NAME or valeX:NAME");
		return invalid();
	}
	while (alpha < len && isalpha((unsigned char)spec[alpha]))
		alpha++;
	if (spec[len] != ':') {
		if (!strncmp(spec, "vale", 4))
			nmctx_ferror(ctx, "%s: which port of the switch? did you mean %.*s:1?",
				     spec, (int)len, spec);
		else if (len == 6 && !strncmp(spec, "netmap", 6))
			nmctx_ferror(ctx, "%s: no port name: write netmap:NAME, as in netmap:eth0",
				     spec);
		else
			nmctx_ferror(ctx, "%s: did you mean netmap:%s?", spec, spec);
	} else if (nm_nearest(spec, len, netmap)) {
		nmctx_ferror(ctx, "%s: did you mean netmap:%s?", spec, spec + len + 1);
	} else if (nm_nearest(spec, alpha, vale)) {
		nmctx_ferror(ctx, "%s: did you mean vale%s?", spec, spec + alpha);
	} else {
		nmctx_ferror(ctx,
			     "%s: unknown prefix %.*s, names begin with netmap: or valeX:", spec,
			     (int)len + 1, spec);
	}
	return invalid();
}

/* The length of netmap: or valeX: at the start of spec, 0 if there is neither. */
static size_t prefix_len(const char *spec)
{
	size_t n = 4;

	if (!strncmp(spec, "netmap:", 7))
		return 7;
	if (strncmp(spec, "vale", 4))
		return 0;
	while (isalnum((unsigned char)spec[n]) || (spec[n] && strchr("_.-", spec[n])))
		n++;
	return spec[n] == ':' ? n + 1 : 0;
}

/*
 * Where the name of the port ends. A dash is part of it (br-lan), unless digits alone
 * follow up to the end or to a '/' or '@': then it is the number of a ring.
 */
static size_t name_len(const char *port)
{
	size_t end = strcspn(port, "*^/@"), n = end;

	if (port[end] == '*' || port[end] == '^')
		return end;
	while (n > 0 && isdigit((unsigned char)port[n - 1]))
		n--;
	return n > 0 && n < end && port[n - 1] == '-' ? n - 1 : end;
}

static int check_name(const char *spec, const char *port, size_t len, struct nmctx *ctx)
{
	size_t i, brace = 0;

	if (len == 0) {
		nmctx_ferror(ctx, "%s: no port name after the colon", spec);
		return invalid();
	}
	for (i = 0; i < len; i++) {
		if (port[i] == '{' || port[i] == '}') {
			if (i == 0 || i + 1 == len || brace > 0) {
				nmctx_ferror(ctx,
					     "%s: a pipe is PORT{ID at one end and PORT}ID "
					     "at the other",
					     spec);
				return invalid();
			}
			brace = i;
		} else if (port[i] == ':') {
			nmctx_ferror(ctx, "%s: two colons, did you mean %s?", spec, port);
			return invalid();
		} else if (!isalnum((unsigned char)port[i]) && !strchr("_.-", port[i])) {
			nmctx_ferror(ctx, "%s: '%c' cannot be in a port name", spec, port[i]);
			return invalid();
		}
	}
	return 0;
}

int nmreq_header_decode(const char **pspec, struct nmreq_header *hdr, struct nmctx *ctx)
{
	const char *spec = *pspec, *name, *port;
	size_t prefix = prefix_len(spec), len;

	if (prefix == 0)
		return bad_prefix(spec, ctx);
	port = spec + prefix;
	len = name_len(port);
	if (check_name(spec, port, len, ctx) < 0)
		return -1;
	/* The host wants the name of a switch port whole, but that of a NIC plain. */
	name = *spec == 'v' ? spec : port;
	len += (size_t)(port - name);
	if (len >= sizeof(hdr->nr_name)) {
		nmctx_ferror(ctx, "%s: name of %zu characters, the limit is %zu", spec, len,
			     sizeof(hdr->nr_name) - 1);
		return invalid();
	}
	memset(hdr->nr_name, 0, sizeof(hdr->nr_name));
	memcpy(hdr->nr_name, name, len);
	*pspec = port + (len - (size_t)(port - name));
	return 0;
}

/* A number up to 65535 at *p, which moves past it. */
static int decode_u16(const char **p, const char *what, uint16_t *v, struct nmctx *ctx)
{
	const char *s = *p;
	unsigned long n = 0;

	for (; isdigit((unsigned char)*s) && n <= UINT16_MAX; s++)
		n = n * 10 + (unsigned long)(*s - '0');
	if (s == *p || n > UINT16_MAX) {
		nmctx_ferror(ctx, "%s: expected the number of a %s, 0 to %d", *p, what, UINT16_MAX);
		return invalid();
	}
	*v = (uint16_t)n;
	*p = s;
	return 0;
}

/* The letters after '/'. */
static int decode_flags(const char **p, uint64_t *flags, struct nmctx *ctx)
{
	static const struct {
		char letter;
		uint64_t flag;
	} map[] = {
		{ 'x', NR_EXCLUSIVE },	{ 'z', NR_ZCOPY_MON },	   { 't', NR_MONITOR_TX },
		{ 'r', NR_MONITOR_RX }, { 'R', NR_RX_RINGS_ONLY }, { 'T', NR_TX_RINGS_ONLY },
	};
	const size_t letters = sizeof(map) / sizeof(map[0]);
	const uint64_t monitor = NR_MONITOR_TX | NR_MONITOR_RX;
	const uint64_t one_way = NR_RX_RINGS_ONLY | NR_TX_RINGS_ONLY;
	const char *s = *p;
	size_t i;

	for (; *s != '\0' && *s != '@' && *s != '/'; s++) {
		for (i = 0; i < letters && map[i].letter != *s; i++)
			;
		if (i == letters) {
			nmctx_ferror(ctx, "/%s: '%c' is no flag, those are x z t r R T", *p, *s);
			return invalid();
		}
		*flags |= map[i].flag;
	}
	if (s == *p) {
		nmctx_ferror(ctx, "no flag after /, it takes any of x z t r R T");
		return invalid();
	}
	if ((*flags & NR_ZCOPY_MON) && !(*flags & monitor))
		*flags |= monitor;
	if ((*flags & one_way) == one_way) {
		nmctx_ferror(ctx, "/%s: R (only receive) and T (only transmit) exclude each other",
			     *p);
		return invalid();
	}
	*p = s;
	return 0;
}

/* * or ^ or ^N or -N */
static int decode_rings(const char **p, struct nmreq_register *reg, struct nmctx *ctx)
{
	reg->nr_mode = NR_REG_ALL_NIC;
	reg->nr_ringid = 0;
	switch (**p) {
	case '*':
		(*p)++;
		reg->nr_mode = NR_REG_NIC_SW;
		return 0;
	case '-':
		(*p)++;
		reg->nr_mode = NR_REG_ONE_NIC;
		return decode_u16(p, "ring", &reg->nr_ringid, ctx);
	case '^':
		(*p)++;
		reg->nr_mode = NR_REG_SW;
		if (!isdigit((unsigned char)**p))
			return 0;
		reg->nr_mode = NR_REG_ONE_SW;
		return decode_u16(p, "host ring", &reg->nr_ringid, ctx);
	default:
		return 0;
	}
}

int nmreq_register_decode(const char **pmode, struct nmreq_register *reg, struct nmctx *ctx)
{
	struct nmreq_register r = *reg;
	const char *p = *pmode;

	r.nr_flags = 0;
	if (decode_rings(&p, &r, ctx) < 0)
		return -1;
	while (*p != '\0') {
		if (*p == '/') {
			p++;
			if (decode_flags(&p, &r.nr_flags, ctx) < 0)
				return -1;
		} else if (*p == '@' && isdigit((unsigned char)p[1])) {
			p++;
			if (decode_u16(&p, "memory region", &r.nr_mem_id, ctx) < 0)
				return -1;
		} else if (*p == '@') {
			break; /* options */
		} else {
			nmctx_ferror(ctx,
				     "'%s' after the port name: expected ^, *, -RING, "
				     "@MEMORY, /FLAGS or @OPTION",
				     p);
			return invalid();
		}
	}
	*reg = r;
	*pmode = p;
	return 0;
}
