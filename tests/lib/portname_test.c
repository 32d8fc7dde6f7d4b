/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names of ports, good and bad: nmreq_header_decode(), nmreq_register_decode(), and
 * nm_parse() of netmap_user.h, which must agree with them.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define NETMAP_WITH_LIBS
#include "net/netmap_user.h"
#include "test_ctx.h"

struct good {
	const char *spec, *name;
	uint32_t mode;
	uint16_t ring;
	uint64_t flags;
	uint16_t mem_id;
	const char *rest;
};

#define MON (NR_MONITOR_TX | NR_MONITOR_RX)

static const struct good good[] = {
	{ "netmap:eth0", "eth0", NR_REG_ALL_NIC, 0, 0, 0, "" },
	{ "netmap:e", "e", NR_REG_ALL_NIC, 0, 0, 0, "" },
	{ "netmap:eth0.100", "eth0.100", NR_REG_ALL_NIC, 0, 0, 0, "" },
	{ "netmap:br-lan", "br-lan", NR_REG_ALL_NIC, 0, 0, 0, "" },
	{ "netmap:br-1a", "br-1a", NR_REG_ALL_NIC, 0, 0, 0, "" },
	{ "netmap:-", "-", NR_REG_ALL_NIC, 0, 0, 0, "" },
	{ "netmap:my_if", "my_if", NR_REG_ALL_NIC, 0, 0, 0, "" },
	{ "vale0:1", "vale0:1", NR_REG_ALL_NIC, 0, 0, 0, "" },
	{ "vale:p", "vale:p", NR_REG_ALL_NIC, 0, 0, 0, "" },
	{ "valeab_c:p", "valeab_c:p", NR_REG_ALL_NIC, 0, 0, 0, "" },
	{ "vale0:eth0-3", "vale0:eth0", NR_REG_ONE_NIC, 3, 0, 0, "" },
	{ "netmap:vale", "vale", NR_REG_ALL_NIC, 0, 0, 0, "" },
	{ "netmap:x{1", "x{1", NR_REG_ALL_NIC, 0, 0, 0, "" },
	{ "netmap:x}abc", "x}abc", NR_REG_ALL_NIC, 0, 0, 0, "" },
	{ "vale0:x}9", "vale0:x}9", NR_REG_ALL_NIC, 0, 0, 0, "" },
	{ "netmap:x{1-2", "x{1", NR_REG_ONE_NIC, 2, 0, 0, "" },
	{ "netmap:eth0^", "eth0", NR_REG_SW, 0, 0, 0, "" },
	{ "netmap:eth0^3", "eth0", NR_REG_ONE_SW, 3, 0, 0, "" },
	{ "netmap:eth0*", "eth0", NR_REG_NIC_SW, 0, 0, 0, "" },
	{ "netmap:eth0-0", "eth0", NR_REG_ONE_NIC, 0, 0, 0, "" },
	{ "netmap:eth0-4095", "eth0", NR_REG_ONE_NIC, 4095, 0, 0, "" },
	{ "netmap:br-1-0", "br-1", NR_REG_ONE_NIC, 0, 0, 0, "" },
	{ "netmap:br-1^", "br-1", NR_REG_SW, 0, 0, 0, "" },
	{ "netmap:br-1*", "br-1", NR_REG_NIC_SW, 0, 0, 0, "" },
	{ "netmap:eth0@5", "eth0", NR_REG_ALL_NIC, 0, 0, 5, "" },
	{ "netmap:eth0@65535", "eth0", NR_REG_ALL_NIC, 0, 0, 65535, "" },
	{ "netmap:eth0-1@5/x", "eth0", NR_REG_ONE_NIC, 1, NR_EXCLUSIVE, 5, "" },
	{ "netmap:eth0-1/x@5", "eth0", NR_REG_ONE_NIC, 1, NR_EXCLUSIVE, 5, "" },
	{ "netmap:eth0/x", "eth0", NR_REG_ALL_NIC, 0, NR_EXCLUSIVE, 0, "" },
	{ "netmap:eth0/z", "eth0", NR_REG_ALL_NIC, 0, NR_ZCOPY_MON | MON, 0, "" },
	{ "netmap:eth0/zr", "eth0", NR_REG_ALL_NIC, 0, NR_ZCOPY_MON | NR_MONITOR_RX, 0, "" },
	{ "netmap:eth0/t", "eth0", NR_REG_ALL_NIC, 0, NR_MONITOR_TX, 0, "" },
	{ "netmap:eth0/rt", "eth0", NR_REG_ALL_NIC, 0, MON, 0, "" },
	{ "netmap:eth0/R", "eth0", NR_REG_ALL_NIC, 0, NR_RX_RINGS_ONLY, 0, "" },
	{ "netmap:eth0^/Tx", "eth0", NR_REG_SW, 0, NR_TX_RINGS_ONLY | NR_EXCLUSIVE, 0, "" },
	/* With options, which nm_parse() does not know. */
	{ "netmap:eth0@conf:rings=2", "eth0", NR_REG_ALL_NIC, 0, 0, 0, "@conf:rings=2" },
	{ "netmap:eth0-1@3@share=netmap:x", "eth0", NR_REG_ONE_NIC, 1, 0, 3, "@share=netmap:x" },
	{ "netmap:eth0/x@offset", "eth0", NR_REG_ALL_NIC, 0, NR_EXCLUSIVE, 0, "@offset" },
};

struct bad {
	const char *spec, *says;
};

static const struct bad bad[] = {
	{ "", "empty port name" },
	{ "eth0", "did you mean netmap:eth0?" },
	{ "eth0-1", "did you mean netmap:eth0-1?" },
	{ "eth0@conf:rings=2", "did you mean netmap:eth0@conf:rings=2?" },
	{ "nemap:eth0", "did you mean netmap:eth0?" },
	{ "netmpa:eth0", "did you mean netmap:eth0?" },
	{ "NETMAP:eth0", "did you mean netmap:eth0?" },
	{ "netmap", "netmap:NAME" },
	{ "vale0", "did you mean vale0:1?" },
	{ "val0:1", "did you mean vale0:1?" },
	{ "Vale0:1", "did you mean vale0:1?" },
	{ "pcap:eth0", "unknown prefix pcap:" },
	{ "vale/0:1", "which port of the switch" },
	{ "netmap:", "no port name after the colon" },
	{ "vale0:", "no port name after the colon" },
	{ "netmap:^", "no port name after the colon" },
	{ "netmap:@3", "no port name after the colon" },
	{ "netmap:vale0:1", "did you mean vale0:1?" },
	{ "netmap:eth 0", "' ' cannot be in a port name" },
	{ "netmap:eth0+", "'+' cannot be in a port name" },
	{ "netmap:\xc3\xa9", "cannot be in a port name" },
	{ "netmap:{1", "a pipe is" },
	{ "netmap:x{", "a pipe is" },
	{ "netmap:x}", "a pipe is" },
	{ "netmap:x{1}2", "a pipe is" },
	{ "netmap:x{{1", "a pipe is" },
	{ "netmap:eth0-65536", "number of a ring" },
	{ "netmap:eth0-99999999999999999999999", "number of a ring" },
	{ "netmap:eth0^65536", "number of a host ring" },
	{ "netmap:eth0@65536", "number of a memory region" },
	{ "netmap:eth0@5x", "after the port name" },
	{ "netmap:eth0^x", "after the port name" },
	{ "netmap:eth0**", "after the port name" },
	{ "netmap:eth0*^", "after the port name" },
	{ "netmap:eth0/", "no flag after /" },
	{ "netmap:eth0/q", "'q' is no flag" },
	{ "netmap:eth0/x/", "no flag after /" },
	{ "netmap:eth0/RT", "exclude each other" },
	{ "netmap:eth0/R/T", "exclude each other" },
	{ "netmap:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	  "name of 64 characters, the limit is 63" },
};

static void good_names(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		const struct good *g = &good[i];
		struct nmreq_header hdr;
		struct nmreq_register reg;
		const char *p = g->spec;

		memset(&hdr, 0xa5, sizeof(hdr));
		memset(&reg, 0, sizeof(reg));
		print_message("%s\n", g->spec);
		assert_int_equal(nmreq_header_decode(&p, &hdr, &test_ctx), 0);
		assert_string_equal(hdr.nr_name, g->name);
		assert_int_equal(hdr.nr_version, 0xa5a5); /* only the name is written */
		assert_int_equal(nmreq_register_decode(&p, &reg, &test_ctx), 0);
		assert_int_equal(reg.nr_mode, g->mode);
		assert_int_equal(reg.nr_ringid, g->ring);
		assert_int_equal(reg.nr_flags, g->flags);
		assert_int_equal(reg.nr_mem_id, g->mem_id);
		assert_string_equal(p, g->rest);
	}
	assert_int_equal(messages, 0);
}

static void bad_names(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct nmreq_header hdr, hdr_before;
		struct nmreq_register reg, reg_before;
		const char *p = bad[i].spec, *before = p;
		int ret;

		memset(&hdr, 0xa5, sizeof(hdr));
		memset(&reg, 0xa5, sizeof(reg));
		memcpy(&hdr_before, &hdr, sizeof(hdr));
		memcpy(&reg_before, &reg, sizeof(reg));
		messages = 0;
		errno = 0;
		ret = nmreq_header_decode(&p, &hdr, &test_ctx);
		if (ret == 0) {
			before = p;
			ret = nmreq_register_decode(&p, &reg, &test_ctx);
		} else {
			assert_memory_equal(&hdr, &hdr_before, sizeof(hdr));
		}
		if (ret == 0)
			fail_msg("\"%s\" was accepted", bad[i].spec);
		assert_int_equal(ret, -1);
		assert_int_equal(errno, EINVAL);
		assert_int_equal(messages, 1);
		assert_says(bad[i].says);
		assert_ptr_equal(p, before);
		assert_memory_equal(&reg, &reg_before, sizeof(reg));
	}
}

/* The mode alone: what cannot come after a name that nmreq_header_decode() has read. */
static void bad_modes(void **state)
{
	static const char *const modes[] = { "x", "-", "-x", "- 1", "--1", "^-1" };
	struct nmreq_register reg;
	size_t i;

	(void)state;
	memset(&reg, 0, sizeof(reg));
	for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		const char *p = modes[i];

		assert_int_equal(nmreq_register_decode(&p, &reg, &test_ctx), -1);
		assert_int_equal(errno, EINVAL);
		assert_ptr_equal(p, modes[i]);
	}
}

/* No message if the context does not want any, and none on top of errno. */
static void quiet(void **state)
{
	struct nmctx ctx = test_ctx;
	struct nmreq_header hdr;
	const char *p = "eth0";

	(void)state;
	ctx.verbose = 0;
	assert_int_equal(nmreq_header_decode(&p, &hdr, &ctx), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(messages, 0);
}

/* What users type comes back without what a terminal would act on. */
static void harmless_messages(void **state)
{
	struct nmreq_header hdr;
	const char *p = "\033[2Jeth0\n";

	(void)state;
	assert_int_equal(nmreq_header_decode(&p, &hdr, &test_ctx), -1);
	assert_null(strchr(last_msg, '\033'));
	assert_null(strchr(last_msg, '\n'));
	assert_says("did you mean netmap:?[2Jeth0??");
}

/* nm_parse(): the same names mean the same, within the limits of struct nmreq. */
static void nm_parse_good(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		const struct good *g = &good[i];
		char err[MAXERRMSG] = "";
		struct nm_desc d;

		if (*g->rest != '\0')
			continue;
		memset(&d, 0, sizeof(d));
		d.req.nr_flags = NR_ACCEPT_VNET_HDR | NR_REG_SW;
		if (nm_parse(g->spec, &d, err))
			fail_msg("%s: %s", g->spec, err);
		assert_string_equal(d.req.nr_name, g->name);
		assert_int_equal(d.req.nr_flags, g->mode | g->flags | NR_ACCEPT_VNET_HDR);
		assert_int_equal(d.req.nr_ringid, g->ring);
		assert_int_equal(d.req.nr_arg2, g->mem_id);
	}
}

static void nm_parse_bad(void **state)
{
	static const char *const more[] = { "netmap:sixteen_letters_", "netmap:eth0-4096",
					    "netmap:eth0@conf:rings=2", "netmap:eth0@" };
	struct nm_desc d, before;
	char err[MAXERRMSG];
	size_t i;

	(void)state;
	memset(&d, 0x5a, sizeof(d));
	memcpy(&before, &d, sizeof(d));
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]) + 4; i++) {
		size_t n = sizeof(bad) / sizeof(bad[0]);
		const char *spec = i < n ? bad[i].spec : more[i - n];

		err[0] = '\0';
		if (nm_parse(spec, &d, err) == 0)
			fail_msg("\"%s\" was accepted", spec);
		assert_int_equal(errno, EINVAL);
		assert_true(strlen(err) > 0 && strlen(err) < MAXERRMSG);
		assert_memory_equal(&d, &before, sizeof(d));
		assert_int_equal(nm_parse(spec, &d, NULL), -1);
	}
	nm_parse("nemap:eth0", &d, err);
	assert_non_null(strstr(err, "did you mean netmap:eth0?"));
	nm_parse("eth0", &d, err);
	assert_non_null(strstr(err, "did you mean netmap:eth0?"));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, use_test_ctx, nothing_left)
	const struct CMUnitTest tests[] = {
		TEST(good_names),	 TEST(bad_names),     TEST(bad_modes),	  TEST(quiet),
		TEST(harmless_messages), TEST(nm_parse_good), TEST(nm_parse_bad),
	};

	return cmocka_run_group_tests_name("portname", tests, NULL, NULL);
}
