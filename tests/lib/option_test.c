/* SPDX-License-Identifier: BSD-2-Clause */
/* Options of port names, and the list of options of a request. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "test_ctx.h"

/* Two parsers of our own: what they are called with goes into seen[]. */
static char seen[256];

static int record(struct nmreq_parse_ctx *pctx)
{
	size_t n = strlen(seen);
	int i;

	assert_ptr_equal(pctx->ctx, &test_ctx);
	assert_ptr_equal(pctx->token, seen);
	for (i = 0; i < NMREQ_OPT_MAXKEYS; i++) {
		if (pctx->keys[i] != NULL)
			n += (size_t)snprintf(seen + n, sizeof(seen) - n, "%d=%s ", i,
					      pctx->keys[i]);
	}
	snprintf(seen + n, sizeof(seen) - n, ";");
	return 0;
}

static int refuse(struct nmreq_parse_ctx *pctx)
{
	(void)pctx;
	errno = ENOSPC;
	return -1;
}

static struct nmreq_opt_parser p_refuse = {
	.prefix = "refuse", .parse = refuse, .flags = NMREQ_OPTF_ALLOWEMPTY, .default_key = -1
};
static struct nmreq_opt_parser p_off = { .prefix = "off",
					 .parse = record,
					 .next = &p_refuse,
					 .flags = NMREQ_OPTF_DISABLED | NMREQ_OPTF_ALLOWEMPTY };
static struct nmreq_opt_parser p_flag = { .prefix = "flag",
					  .parse = record,
					  .next = &p_off,
					  .flags = NMREQ_OPTF_ALLOWEMPTY,
					  .default_key = -1 };
static struct nmreq_opt_parser p_one = { .prefix = "one",
					 .parse = record,
					 .next = &p_flag,
					 .nr_keys = 1,
					 .default_key = 5,
					 .keys = { { "value", 5, 0 } } };
static struct nmreq_opt_parser p_many = { .prefix = "many",
					  .parse = record,
					  .next = &p_one,
					  .nr_keys = 4,
					  .default_key = -1,
					  .keys = { { "must", 0, NMREQ_OPTK_MUSTSET },
						    { "may", 1, 0 },
						    { "empty", 2, NMREQ_OPTK_ALLOWEMPTY },
						    { "high", 15, 0 } } };
static struct nmreq_opt_parser p_nodef = { .prefix = "nodef",
					   .parse = record,
					   .next = &p_many,
					   .nr_keys = 2,
					   .default_key = -1,
					   .keys = { { "x", 0, 0 }, { "far", 16, 0 } } };

static void decode_good(void **state)
{
	static const struct {
		const char *opt, *seen;
	} t[] = {
		{ "", "" },
		{ "@flag", ";" },
		{ "@flag=", ";" },
		{ "@one=abc", "5=abc ;" },
		{ "@one:value=abc", "5=abc ;" },
		{ "@one=a=b:c,d", "5=a=b:c,d ;" },
		{ "@many:must=1", "0=1 ;" },
		{ "@many:high=z,must=1,may=2", "0=1 1=2 15=z ;" },
		{ "@many:must=1,empty", "0=1 2= ;" },
		{ "@many:must=1,empty=", "0=1 2= ;" },
		{ "@many:must=1,empty=9", "0=1 2=9 ;" },
		{ "@flag@one=1@flag@many:must=x", ";5=1 ;;0=x ;" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		seen[0] = '\0';
		assert_int_equal(nmreq_options_decode(t[i].opt, &p_nodef, seen, &test_ctx), 0);
		assert_string_equal(seen, t[i].seen);
	}
	assert_int_equal(messages, 0);
}

static void decode_bad(void **state)
{
	static const struct {
		const char *opt;
		int e;
		const char *says;
	} t[] = {
		{ "flag", EINVAL, "begin with @" },
		{ "@", EINVAL, "no option after @" },
		{ "@flag@", EINVAL, "no option after @" },
		{ "@flga", EOPNOTSUPP, "did you mean flag?" },
		{ "@something", EOPNOTSUPP, "unknown option something" },
		{ "@off", EOPNOTSUPP, "not supported by this program" },
		{ "@one", EINVAL, "needs a value" },
		{ "@one=", EINVAL, "needs a value" },
		{ "@one:", EINVAL, "unknown key" },
		{ "@one:value", EINVAL, "value needs a value, value=..." },
		{ "@one:value=", EINVAL, "value needs a value" },
		{ "@one:valeu=3", EINVAL, "did you mean value?" },
		{ "@flag=3", EINVAL, "no single value" },
		{ "@nodef=3", EINVAL, "no single value" },
		{ "@nodef:far=3", EINVAL, "has id 16" },
		{ "@many:may=3", EINVAL, "must must be given" },
		{ "@many:must=1,must=1", EINVAL, "must given twice" },
		{ "@many:must=1,", EINVAL, "unknown key" },
		{ "@many:must=1,,may=2", EINVAL, "unknown key" },
		{ "@refuse", ENOSPC, NULL },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		messages = 0;
		errno = 0;
		assert_int_equal(nmreq_options_decode(t[i].opt, &p_nodef, seen, &test_ctx), -1);
		assert_int_equal(errno, t[i].e);
		assert_int_equal(messages, t[i].says != NULL);
		if (t[i].says)
			assert_says(t[i].says);
	}
}

static void decode_no_memory(void **state)
{
	(void)state;
	fail_after = 0;
	assert_int_equal(nmreq_options_decode("@flag", &p_nodef, seen, &test_ctx), -1);
	assert_int_equal(errno, ENOMEM);
}

/* What comes before the option that fails has been done, and stays so. */
static void decode_stops(void **state)
{
	(void)state;
	seen[0] = '\0';
	assert_int_equal(nmreq_options_decode("@one=1@bad@one=2", &p_nodef, seen, &test_ctx), -1);
	assert_string_equal(seen, "5=1 ;");
}

static void option_list(void **state)
{
	struct nmreq_option a = { .nro_reqtype = 1 }, b = { .nro_reqtype = 2 },
			    c = { .nro_reqtype = 1 };
	struct nmreq_option *o, *heap;
	struct nmreq_header hdr;
	int n = 0;

	(void)state;
	memset(&hdr, 0xff, sizeof(hdr));
	nmreq_header_init(&hdr, NETMAP_REQ_PORT_INFO_GET, &a);
	assert_int_equal(hdr.nr_version, NETMAP_API);
	assert_int_equal(hdr.nr_reqtype, NETMAP_REQ_PORT_INFO_GET);
	assert_int_equal(hdr.nr_body, (uintptr_t)&a);
	assert_int_equal(hdr.nr_reserved, 0);
	assert_int_equal(hdr.nr_options, 0);
	assert_string_equal(hdr.nr_name, "");

	nmreq_push_option(&hdr, &a);
	nmreq_push_option(&hdr, &b);
	nmreq_push_option(&hdr, &c);
	nmreq_foreach_option(&hdr, o) n++;
	assert_int_equal(n, 3);
	assert_ptr_equal(nmreq_find_option(&hdr, 1), &c);
	assert_ptr_equal(nmreq_find_option(&hdr, 2), &b);
	assert_null(nmreq_find_option(&hdr, 3));
	nmreq_remove_option(&hdr, &b);
	nmreq_remove_option(&hdr, &b); /* no longer there: nothing happens */
	assert_null(nmreq_find_option(&hdr, 2));
	nmreq_remove_option(&hdr, &c);
	assert_ptr_equal(nmreq_find_option(&hdr, 1), &a);
	nmreq_remove_option(&hdr, &a);
	assert_int_equal(hdr.nr_options, 0);

	for (n = 0; n < 3; n++) {
		heap = nmctx_malloc(nmctx_get(), sizeof(*heap));
		nmreq_push_option(&hdr, heap);
	}
	nmreq_free_options(&hdr);
	assert_int_equal(hdr.nr_options, 0);
	nmreq_free_options(&hdr);
}

static void option_names(void **state)
{
	uint32_t i, j;

	(void)state;
	for (i = 1; i < NETMAP_REQ_OPT_MAX; i++) {
		assert_string_not_equal(nmreq_option_name(i), "unknown");
		for (j = 1; j < i; j++)
			assert_string_not_equal(nmreq_option_name(i), nmreq_option_name(j));
	}
	assert_string_equal(nmreq_option_name(0), "unknown");
	assert_string_equal(nmreq_option_name(NETMAP_REQ_OPT_MAX), "unknown");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, use_test_ctx, nothing_left)
	const struct CMUnitTest tests[] = {
		TEST(decode_good),  TEST(decode_bad),  TEST(decode_no_memory),
		TEST(decode_stops), TEST(option_list), TEST(option_names),
	};

	return cmocka_run_group_tests_name("option", tests, NULL, NULL);
}
