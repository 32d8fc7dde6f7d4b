/* SPDX-License-Identifier: BSD-2-Clause */
/* What a live handle says of itself, before and after it is activated. */
#include "conform.h"

static pcap_t *create(void)
{
	char err[PCAP_ERRBUF_SIZE] = "";
	pcap_t *p = pcap_create(dev_cap, err);

	if (p == NULL)
		die("pcap_create", err);
	return p;
}

/* The text stays what it was where a function does not set it: start from the same. */
static void ask(pcap_t *p)
{
	struct bpf_program prog = { 0, NULL };
	char err[PCAP_ERRBUF_SIZE] = "";
	const unsigned char *data;
	struct pcap_pkthdr *h, hdr;
	struct pcap_stat st;
	int *list = NULL, n;

	result(p, "datalink", pcap_datalink(p));
	result(p, "datalink_ext", pcap_datalink_ext(p));
	n = pcap_list_datalinks(p, &list);
	result(p, "list_datalinks", n < 0 ? n : n > 0);
	if (n > 0) {
		say("  first %d", list[0]);
		pcap_free_datalinks(list);
	}
	result(p, "set_datalink(same)", pcap_set_datalink(p, DLT_EN10MB));
	result(p, "set_datalink(802.11)", pcap_set_datalink(p, DLT_IEEE802_11));
	result(p, "set_datalink(-1)", pcap_set_datalink(p, -1));
	result(p, "snapshot", pcap_snapshot(p));
	result(p, "is_swapped", pcap_is_swapped(p));
	result(p, "major_version", pcap_major_version(p));
	result(p, "minor_version", pcap_minor_version(p));
	n = pcap_bufsize(p);
	result(p, "bufsize", n < 0 ? n : n > 0);
	n = pcap_fileno(p);
	result(p, "fileno", n < 0 ? n : 0);
	n = pcap_get_selectable_fd(p);
	result(p, "get_selectable_fd", n < 0 ? n : 0);
	say("required timeout %d", pcap_get_required_select_timeout(p) != NULL);
	say("file %d", pcap_file(p) != NULL);
	result(p, "get_tstamp_precision", pcap_get_tstamp_precision(p));
	result(p, "stats", pcap_stats(p, &st));
	n = pcap_getnonblock(p, err);
	say("getnonblock = %d: %s", n, err);
	err[0] = '\0';
	n = pcap_setnonblock(p, 1, err);
	say("setnonblock = %d: %s", n, err);
	err[0] = '\0';
	n = pcap_getnonblock(p, err);
	say("getnonblock = %d: %s", n, err);
	result(p, "dispatch", pcap_dispatch(p, 1, NULL, NULL));
	result(p, "loop", pcap_setnonblock(p, 0, err) == 0 ? 0 : pcap_loop(p, 1, NULL, NULL));
	pcap_setnonblock(p, 1, err);
	result(p, "next_ex", pcap_next_ex(p, &h, &data));
	say("next %d", pcap_next(p, &hdr) != NULL);
	result(p, "setfilter(NULL)", pcap_setfilter(p, NULL));
	result(p, "setfilter(empty)", pcap_setfilter(p, &prog));
	result(p, "setdirection(IN)", pcap_setdirection(p, PCAP_D_IN));
	result(p, "setdirection(OUT)", pcap_setdirection(p, PCAP_D_OUT));
	result(p, "setdirection(INOUT)", pcap_setdirection(p, PCAP_D_INOUT));
	result(p, "setdirection(9)", pcap_setdirection(p, (pcap_direction_t)9));
	result(p, "compile", pcap_compile(p, &prog, "udp", 1, 0));
	pcap_freecode(&prog);
	result(p, "compile(bad)", pcap_compile(p, &prog, "udp and and", 1, 0));
}

static void set_all(pcap_t *p)
{
	result(p, "set_snaplen(200)", pcap_set_snaplen(p, 200));
	result(p, "set_promisc", pcap_set_promisc(p, 1));
	result(p, "set_timeout(20)", pcap_set_timeout(p, 20));
	result(p, "set_immediate_mode", pcap_set_immediate_mode(p, 1));
	result(p, "set_buffer_size", pcap_set_buffer_size(p, 1 << 20));
	result(p, "set_buffer_size(0)", pcap_set_buffer_size(p, 0));
	result(p, "set_buffer_size(-5)", pcap_set_buffer_size(p, -5));
	result(p, "set_rfmon(0)", pcap_set_rfmon(p, 0));
	result(p, "set_tstamp_type(host)", pcap_set_tstamp_type(p, PCAP_TSTAMP_HOST));
	result(p, "set_tstamp_type(-1)", pcap_set_tstamp_type(p, -1));
	result(p, "set_tstamp_type(77)", pcap_set_tstamp_type(p, 77));
	result(p, "set_tstamp_precision(nano)", pcap_set_tstamp_precision(p, 1));
	result(p, "set_tstamp_precision(-1)", pcap_set_tstamp_precision(p, -1));
	result(p, "set_tstamp_precision(7)", pcap_set_tstamp_precision(p, 7));
	result(p, "set_tstamp_precision(micro)", pcap_set_tstamp_precision(p, 0));
	result(p, "set_protocol_linux", pcap_set_protocol_linux(p, 0));
}

void conform_inactive(void)
{
	unsigned char b[60] = { 0 };
	pcap_t *p = create();
	int *types = NULL, n;

	say("== created, not activated");
	say("text at first '%s'", pcap_geterr(p));
	result(p, "can_set_rfmon", pcap_can_set_rfmon(p));
	n = pcap_list_tstamp_types(p, &types);
	/* How many there are is the device's affair. */
	result(p, "list_tstamp_types", n < 0 ? n : 0);
	if (n > 0)
		say("  first %d", types[0]);
	pcap_free_tstamp_types(types);
	ask(p);
	result(p, "inject", pcap_inject(p, b, 60));
	/* The manual says -3; the system's returns 0 here, as if it had been sent. */
	say("sendpacket %d", pcap_sendpacket(p, b, 60) <= 0);
	say("dump_open %d", pcap_dump_open(p, "/dev/null") != NULL);
	say("  %s", pcap_geterr(p));
	set_all(p);
	pcap_perror(p, "conform");
	pcap_breakloop(p);
	pcap_close(p);

	p = create();
	result(p, "set_rfmon(1)", pcap_set_rfmon(p, 1));
	n = pcap_activate(p);
	/* What it was that failed first is not the same. */
	say("activate with rfmon = %d", n);
	pcap_close(p);
}

static void snaplens(void)
{
	static const int len[] = { -1, 0, 1, 65535, 262144, 262145, 1 << 30 };
	unsigned int i;

	for (i = 0; i < sizeof(len) / sizeof(len[0]); i++) {
		pcap_t *p = create();

		pcap_set_snaplen(p, len[i]);
		result(p, "activate", pcap_activate(p));
		say("snaplen %d gives %d", len[i], pcap_snapshot(p));
		pcap_close(p);
	}
}

static void tstamps(void)
{
	static const int types[] = { PCAP_TSTAMP_HOST, PCAP_TSTAMP_ADAPTER };
	unsigned int i;

	for (i = 0; i < 2; i++) {
		pcap_t *p = create();

		result(p, "set_tstamp_type", pcap_set_tstamp_type(p, types[i]));
		result(p, "set_tstamp_precision", pcap_set_tstamp_precision(p, 1));
		result(p, "activate", pcap_activate(p));
		result(p, "get_tstamp_precision", pcap_get_tstamp_precision(p));
		pcap_close(p);
	}
}

void conform_active(void)
{
	pcap_t *p = create();

	say("== activated");
	set_all(p);
	pcap_set_timeout(p, 20);
	result(p, "activate", pcap_activate(p));
	say("text '%s'", pcap_geterr(p));
	ask(p);
	result(p, "activate again", pcap_activate(p));
	set_all(p);
	result(p, "can_set_rfmon", pcap_can_set_rfmon(p));
	pcap_close(p);
	snaplens();
	tstamps();
}
