// SPDX-License-Identifier: BSD-2-Clause
/* Port names, by all three that read them: libnetmap's two steps, its options, nm_parse(). */
#define NETMAP_WITH_LIBS
#include "fuzz.h"

#include <errno.h>
#include <libnetmap.h>
#include <net/netmap_user.h>

static void quiet(struct nmctx *ctx, const char *msg)
{
	(void)ctx;
	must(strlen(msg) > 0);
}

static int take_option(struct nmreq_parse_ctx *p)
{
	size_t n = 0;
	int i;

	for (i = 0; i < NMREQ_OPT_MAXKEYS; i++)
		if (p->keys[i])
			n += strlen(p->keys[i]);
	*(size_t *)p->token += n;
	return 0;
}

static struct nmreq_opt_parser conf = {
	.prefix = "conf",
	.parse = take_option,
	.default_key = 0,
	.nr_keys = 3,
	.keys = { { "rings", 0, NMREQ_OPTK_DEFAULT },
		  { "slots", 1, 0 },
		  { "empty", 2, NMREQ_OPTK_ALLOWEMPTY } },
};
static struct nmreq_opt_parser share = {
	.prefix = "share",
	.parse = take_option,
	.default_key = 0,
	.nr_keys = 1,
	.flags = NMREQ_OPTF_ALLOWEMPTY,
	.next = &conf,
	.keys = { { "port", 0, NMREQ_OPTK_MUSTSET } },
};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct nmctx *ctx = nmctx_get();

	(void)argc;
	(void)argv;
	ctx->error = quiet;
	return 0;
}

/* Ends in time, is not empty, and has none of what separates the parts of a name. */
static void check_name(const char *name, size_t room)
{
	size_t len = strnlen(name, room);

	must(len > 0 && len < room);
	must(!strpbrk(name, "@/*^"));
}

static bool by_library(const char *text, struct nmreq_header *hdr)
{
	struct nmreq_register reg;
	const char *p = text;
	size_t token = 0;

	nmreq_header_init(hdr, NETMAP_REQ_REGISTER, &reg);
	memset(&reg, 0, sizeof(reg));
	if (nmreq_header_decode(&p, hdr, nmctx_get())) {
		must(p == text);
		return false;
	}
	must(p > text && p <= text + strlen(text));
	check_name(hdr->nr_name, sizeof(hdr->nr_name));
	if (nmreq_register_decode(&p, &reg, nmctx_get()))
		return false;
	must(p <= text + strlen(text));
	must(reg.nr_mode >= NR_REG_ALL_NIC && reg.nr_mode <= NR_REG_ONE_SW);
	if (nmreq_options_decode(p, &share, &token, nmctx_get()))
		return false;
	must(token <= strlen(text));
	return true;
}

static bool by_header(const char *text, struct nm_desc *d)
{
	char err[MAXERRMSG];

	memset(d, 0, sizeof(*d));
	memset(err, 0x55, sizeof(err));
	if (nm_parse(text, d, err)) {
		must(memchr(err, '\0', sizeof(err)));
		must(nm_parse(text, d, NULL) == -1);
		return false;
	}
	check_name(d->req.nr_name, sizeof(d->req.nr_name));
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct nmreq_header hdr;
	bool library, header;
	struct nm_desc d;

	must(text);
	memcpy(text, data, size);
	text[size] = '\0';
	library = by_library(text, &hdr);
	header = by_header(text, &d);
	if (library && header)
		must(!strcmp(hdr.nr_name, d.req.nr_name));
	free(text);
	return 0;
}
