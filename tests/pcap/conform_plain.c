/* SPDX-License-Identifier: BSD-2-Clause */
/* What needs no handle: names, texts, filters; and savefiles and dead handles. */
#include "conform.h"

#include <netdb.h>
#include <arpa/inet.h>

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

static const char *str(const char *s)
{
	return s != NULL ? s : "NULL";
}

static void texts(void)
{
	int i;

	say("pcap_lib_version = %s", pcap_lib_version());
	for (i = -14; i <= 5; i++)
		say("pcap_statustostr(%d) = %s", i, str(pcap_statustostr(i)));
	for (i = -1; i < 140; i += 7)
		say("pcap_strerror(%d) = %s", i, str(pcap_strerror(i)));
	for (i = -1; i < 8; i++)
		say("pcap_tstamp_type %d = %s, %s", i, str(pcap_tstamp_type_val_to_name(i)),
		    str(pcap_tstamp_type_val_to_description(i)));
	say("pcap_tstamp_type_name_to_val = %d %d", pcap_tstamp_type_name_to_val("host_hiprec"),
	    pcap_tstamp_type_name_to_val("no-such"));
	for (i = -1; i < 300; i++)
		if (pcap_datalink_val_to_name(i) != NULL || i % 50 == 0)
			say("datalink %d = %s, %s, %s", i, str(pcap_datalink_val_to_name(i)),
			    str(pcap_datalink_val_to_description(i)),
			    str(pcap_datalink_val_to_description_or_dlt(i)));
	say("pcap_datalink_name_to_val = %d %d", pcap_datalink_name_to_val("EN10MB"),
	    pcap_datalink_name_to_val("no-such"));
}

static void names(void)
{
	char err[PCAP_ERRBUF_SIZE] = "";
	struct pcap_etherent *ent;
	struct addrinfo *ai;
	bpf_u_int32 **addrs;
	int port = 0, port2 = 0, proto = 0;
	unsigned char *mac;
	FILE *f;

	say("pcap_nametoport = %d", pcap_nametoport("domain", &port, &proto));
	say("  port %d proto %d", port, proto);
	say("pcap_nametoport = %d", pcap_nametoport("no-such-port", &port, &proto));
	say("pcap_nametoportrange = %d", pcap_nametoportrange("10-20", &port, &port2, &proto));
	say("  ports %d-%d proto %d", port, port2, proto);
	say("pcap_nametoproto = %d %d", pcap_nametoproto("udp"), pcap_nametoproto("no-such"));
	say("pcap_nametoeproto = %#x %d", pcap_nametoeproto("arp"), pcap_nametoeproto("no-such"));
	say("pcap_nametollc = %#x %d", pcap_nametollc("stp"), pcap_nametollc("no-such"));
	say("pcap_nametonetaddr = %#x", pcap_nametonetaddr("no-such-net"));
	ai = pcap_nametoaddrinfo("127.0.0.1");
	say("pcap_nametoaddrinfo family %d", ai != NULL ? ai->ai_family : -1);
	if (ai != NULL)
		freeaddrinfo(ai);
	addrs = pcap_nametoaddr("127.0.0.1");
	say("pcap_nametoaddr = %#x", addrs != NULL ? *addrs[0] : 0);
	mac = pcap_ether_aton("02:00:5e:10:20:ff");
	say("pcap_ether_aton = %02x..%02x", mac[0], mac[5]);
	free(mac);
	say("pcap_ether_hostton = %d", pcap_ether_hostton("no-such-host") != NULL);
	f = tmpfile();
	fputs("02:00:00:00:00:09 nine\n# no\n02:00:00:00:00:0a ten\n", f);
	rewind(f);
	while ((ent = pcap_next_etherent(f)) != NULL)
		say("pcap_next_etherent = %02x %s", ent->addr[5], ent->name);
	fclose(f);
	say("pcap_init(bad) = %d", pcap_init(0x77, err));
	say("  %s", err);
	say("pcap_init = %d", pcap_init(PCAP_CHAR_ENC_LOCAL, err));
	/* After pcap_init() this one is refused; that is what it is called for here. */
	err[0] = '\0';
	say("pcap_lookupdev = %s", str(pcap_lookupdev(err)));
	say("  %s", err);
}

static void filters(void)
{
	static const char *const exprs[] = {
		"",
		"ip",
		"udp port 10000",
		"vlan 7 and tcp",
		"ip6 proto 17",
		"host 192.0.2.1 and (udp[8] = 3 or len > 1000)",
		"no such thing",
		"ether broadcast",
		"inbound",
		"less 60 or ip multicast",
	};
	static const struct bpf_insn bad[] = { { BPF_JMP | BPF_JA, 0, 0, 77 } };
	unsigned char b[100];
	struct pcap_pkthdr h = { .caplen = 100, .len = 100 };
	struct bpf_program prog;
	pcap_t *dead = pcap_open_dead(DLT_EN10MB, 65535);
	unsigned int i, k;

	make_packet(b, 3, sizeof(b));
	for (i = 0; i < sizeof(exprs) / sizeof(exprs[0]); i++) {
		int r = pcap_compile(dead, &prog, exprs[i], 1, 0xffffff00);

		say("pcap_compile '%s' = %d", exprs[i], r);
		if (r < 0) {
			say("  %s", pcap_geterr(dead));
			continue;
		}
		for (k = 0; k < prog.bf_len; k++)
			say("  %s", bpf_image(&prog.bf_insns[k], (int)k));
		fflush(stdout);
		bpf_dump(&prog, 1);
		say("  bpf_validate = %d", bpf_validate(prog.bf_insns, (int)prog.bf_len));
		say("  bpf_filter = %u", bpf_filter(prog.bf_insns, b, 100, 100));
		say("  pcap_offline_filter = %d", pcap_offline_filter(&prog, &h, b));
		pcap_freecode(&prog);
	}
	say("bpf_validate(bad) = %d", bpf_validate(bad, 1));
	say("pcap_compile_nopcap = %d", pcap_compile_nopcap(96, DLT_EN10MB, &prog, "tcp", 1, 0));
	pcap_freecode(&prog);
	pcap_close(dead);
}

void conform_plain(void)
{
	say("== without a handle");
	texts();
	names();
	filters();
}

static void ask_all(pcap_t *p)
{
	struct pcap_stat st;
	char err[PCAP_ERRBUF_SIZE] = "";
	int *list, n;

	result(p, "datalink", pcap_datalink(p));
	result(p, "datalink_ext", pcap_datalink_ext(p));
	n = pcap_list_datalinks(p, &list);
	result(p, "list_datalinks", n);
	if (n > 0) {
		say("  %d", list[0]);
		pcap_free_datalinks(list);
	}
	result(p, "set_datalink", pcap_set_datalink(p, DLT_RAW));
	result(p, "snapshot", pcap_snapshot(p));
	result(p, "is_swapped", pcap_is_swapped(p));
	result(p, "major_version", pcap_major_version(p));
	result(p, "minor_version", pcap_minor_version(p));
	result(p, "fileno >= 0", pcap_fileno(p) >= 0);
	result(p, "get_selectable_fd >= 0", pcap_get_selectable_fd(p) >= 0);
	say("required timeout %d", pcap_get_required_select_timeout(p) != NULL);
	say("file %d", pcap_file(p) != NULL);
	result(p, "get_tstamp_precision", pcap_get_tstamp_precision(p));
	result(p, "stats", pcap_stats(p, &st));
	result(p, "getnonblock", pcap_getnonblock(p, err));
	result(p, "setnonblock", pcap_setnonblock(p, 1, err));
	result(p, "setdirection", pcap_setdirection(p, PCAP_D_IN));
	result(p, "inject", pcap_inject(p, err, 60));
	result(p, "sendpacket", pcap_sendpacket(p, (unsigned char *)err, 60));
	result(p, "set_snaplen", pcap_set_snaplen(p, 100));
}

static void show(unsigned char *user, const struct pcap_pkthdr *h, const unsigned char *b)
{
	(void)user;
	say("packet %ld.%06ld %u/%u %02x", (long)h->ts.tv_sec, (long)h->ts.tv_usec, h->caplen,
	    h->len, b[43]);
}

static void write_file(const char *path)
{
	pcap_t *dead =
		pcap_open_dead_with_tstamp_precision(DLT_EN10MB, 200, PCAP_TSTAMP_PRECISION_NANO);
	struct pcap_pkthdr h = { .ts = { 1000000000, 5 } };
	unsigned char b[1600];
	pcap_dumper_t *d;
	unsigned int i;

	ask_all(dead);
	d = pcap_dump_open(dead, path);
	for (i = 0; i < 5; i++) {
		h.len = (bpf_u_int32)make_packet(b, i, 60 + i * 50);
		h.caplen = h.len < 200 ? h.len : 200;
		h.ts.tv_usec += 1001;
		pcap_dump((unsigned char *)d, &h, b);
	}
	say("dump_flush = %d", pcap_dump_flush(d));
	say("dump_ftell = %ld %ld", pcap_dump_ftell(d), (long)pcap_dump_ftell64(d));
	say("dump_file %d", pcap_dump_file(d) != NULL);
	pcap_dump_close(d);
	d = pcap_dump_open_append(dead, path);
	pcap_dump((unsigned char *)d, &h, b);
	pcap_dump_close(d);
	say("dump_open(no dir) %d", pcap_dump_open(dead, "/no/such/dir") != NULL);
	say("  %s", pcap_geterr(dead));
	pcap_perror(dead, "conform");
	pcap_close(dead);
}

void conform_savefile(void)
{
	char path[] = "/tmp/conformXXXXXX", err[PCAP_ERRBUF_SIZE] = "";
	const unsigned char *data;
	struct pcap_pkthdr *h, hdr;
	pcap_t *p;
	FILE *f;

	say("== savefiles");
	close(mkstemp(path));
	write_file(path);
	p = pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, err);
	ask_all(p);
	say("loop = %d", pcap_loop(p, 2, show, NULL));
	say("next_ex = %d", pcap_next_ex(p, &h, &data));
	show(NULL, h, data);
	say("next %d", pcap_next(p, &hdr) != NULL);
	say("dispatch = %d", pcap_dispatch(p, -1, show, NULL));
	say("next_ex = %d", pcap_next_ex(p, &h, &data));
	pcap_close(p);
	p = pcap_open_offline(path, err);
	pcap_breakloop(p);
	say("loop after breakloop = %d", pcap_loop(p, -1, show, NULL));
	say("loop = %d", pcap_loop(p, -1, show, NULL));
	pcap_close(p);
	f = fopen(path, "r");
	p = pcap_fopen_offline(f, err);
	say("fopen_offline %d", p != NULL);
	pcap_close(p);
	f = fopen(path, "r");
	p = pcap_fopen_offline_with_tstamp_precision(f, 0, err);
	say("fopen_offline %d", p != NULL);
	pcap_close(p);
	unlink(path);
	say("open_offline %d", pcap_open_offline("/no/such/file", err) != NULL);
	say("  %s", err);
}
