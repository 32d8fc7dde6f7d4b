/* SPDX-License-Identifier: BSD-2-Clause */
/* Live packets written to a savefile and read back; the short way to open; errors. */
#include "conform.h"

static void to_file(const char *path, int precision)
{
	char err[PCAP_ERRBUF_SIZE] = "";
	pcap_t *cap = pcap_create(dev_cap, err), *inj = open_active(dev_inj, 20);
	pcap_dumper_t *d;
	struct bpf_program prog;

	pcap_set_snaplen(cap, 150);
	pcap_set_timeout(cap, 20);
	pcap_set_immediate_mode(cap, 1);
	pcap_set_tstamp_precision(cap, precision);
	result(cap, "activate", pcap_activate(cap));
	result(cap, "compile", pcap_compile(cap, &prog, "udp dst port 10001", 1, 0));
	result(cap, "setfilter", pcap_setfilter(cap, &prog));
	pcap_freecode(&prog);
	d = pcap_dump_open(cap, path);
	if (d == NULL)
		die("pcap_dump_open", pcap_geterr(cap));
	send_packets(inj, 0, 40, 120);
	send_packets(inj, 41, 1, 400);
	say("loop = %d", pcap_loop(cap, 11, pcap_dump, (unsigned char *)d));
	pcap_dump_close(d);
	d = pcap_dump_open_append(cap, path);
	say("append %d", d != NULL);
	if (d != NULL)
		pcap_dump_close(d);
	d = pcap_dump_fopen(cap, fopen("/dev/null", "w"));
	say("dump_fopen %d", d != NULL);
	pcap_dump_close(d);
	d = pcap_dump_open(cap, "/no/such/dir/file");
	say("dump_open %d: %s", d != NULL, pcap_geterr(cap));
	pcap_close(cap);
	pcap_close(inj);
}

static void from_file(const char *path)
{
	char err[PCAP_ERRBUF_SIZE] = "";
	pcap_t *p = pcap_open_offline_with_tstamp_precision(path, 1, err);
	const unsigned char *data;
	struct pcap_pkthdr *h;
	long last = 0;
	int r;

	if (p == NULL)
		die(path, err);
	say("snapshot %d datalink %d", pcap_snapshot(p), pcap_datalink(p));
	while ((r = pcap_next_ex(p, &h, &data)) == 1) {
		long t = h->ts.tv_sec * 1000000000L + h->ts.tv_usec;

		say("record %u/%u port %u number %u time %s", h->caplen, h->len, data[37], data[43],
		    t >= last ? "forward" : "backward");
		last = t;
	}
	say("end %d", r);
	pcap_close(p);
}

void conform_dump(void)
{
	char path[] = "/tmp/conformXXXXXX";

	say("== dump of live packets");
	close(mkstemp(path));
	to_file(path, PCAP_TSTAMP_PRECISION_MICRO);
	from_file(path);
	to_file(path, PCAP_TSTAMP_PRECISION_NANO);
	from_file(path);
	unlink(path);
}

void conform_open(void)
{
	char err[PCAP_ERRBUF_SIZE] = "";
	bpf_u_int32 net = 7, mask = 7;
	pcap_if_t *list, *d;
	int r, found = 0;
	pcap_t *p;

	say("== open and find");
	p = pcap_open_live(dev_cap, 1000, 1, 20, err);
	say("open_live %d '%s'", p != NULL, err);
	if (p != NULL) {
		say("snapshot %d", pcap_snapshot(p));
		r = pcap_findalldevs(&list, err);
		say("findalldevs = %d", r);
		for (d = list; d != NULL; d = d->next)
			found += strcmp(d->name, dev_cap) == 0;
		say("found %d", found);
		pcap_freealldevs(list);
		pcap_close(p);
	}
	err[0] = '\0';
	p = pcap_open_live(dev_nosuch, 1000, 1, 20, err);
	/* The reason in brackets is the device's. */
	*strchrnul(err, '(') = '\0';
	say("open_live(no such) %d '%s'", p != NULL, err);
	p = pcap_create(dev_nosuch, err);
	say("create(no such) %d", p != NULL);
	if (p != NULL) {
		say("can_set_rfmon = %d", pcap_can_set_rfmon(p));
		say("activate = %d", pcap_activate(p));
		say("has a reason %d", pcap_geterr(p)[0] != '\0');
		say("datalink = %d", pcap_datalink(p));
		pcap_close(p);
	}
	err[0] = '\0';
	r = pcap_lookupnet(dev_cap, &net, &mask, err);
	say("lookupnet = %d %#x %#x '%s'", r, net, mask, err);
	err[0] = '\0';
	r = pcap_lookupnet(dev_nosuch, &net, &mask, err);
	say("lookupnet(no such) = %d %#x %#x", r, net, mask);
}
