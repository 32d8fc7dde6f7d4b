// SPDX-License-Identifier: BSD-2-Clause
/*
 * libpcap as good programs use it: what netmap is measured against.
 *
 *   sock-pcap tx IFNAME   pcap_inject()
 *   sock-pcap rx IFNAME   pcap_dispatch() and a callback that looks at the packet
 */
#include "sock.h"

#include <err.h>
#include <pcap/pcap.h>
#include <poll.h>
#include <string.h>

static pcap_t *open_device(const struct sock_run *r)
{
	char text[PCAP_ERRBUF_SIZE];
	pcap_t *p = pcap_create(r->ifname, text);
	int status;

	if (!p)
		errx(1, "%s", text);
	pcap_set_snaplen(p, 2048);
	pcap_set_promisc(p, 1);
	pcap_set_timeout(p, 10);
	pcap_set_buffer_size(p, 16 << 20);
	status = pcap_activate(p);
	if (status < 0)
		errx(1, "%s: %s", r->ifname, pcap_geterr(p));
	return p;
}

static void run_tx(struct sock_run *r)
{
	unsigned char frame[2048];
	pcap_t *p = open_device(r);

	sock_begin(r);
	while (!sock_over(r)) {
		unsigned n = 0;

		for (unsigned i = 0; i < r->batch; i++) {
			sock_frame(r, frame);
			n += pcap_inject(p, frame, r->len) == (int)r->len;
		}
		sock_count(r, n);
	}
	pcap_close(p);
}

static void look(unsigned char *arg, const struct pcap_pkthdr *h, const unsigned char *data)
{
	struct sock_run *r = (struct sock_run *)arg;
	uint32_t word;

	(void)h;
	memcpy(&word, data, sizeof(word));
	r->sum += word;
}

static void run_rx(struct sock_run *r)
{
	pcap_t *p = open_device(r);
	struct pollfd pfd = { .fd = pcap_get_selectable_fd(p), .events = POLLIN };
	char text[PCAP_ERRBUF_SIZE];

	pcap_setdirection(p, PCAP_D_IN);
	pcap_setnonblock(p, 1, text);
	while (!sock_over(r)) {
		int n = pcap_dispatch(p, -1, look, (unsigned char *)r);

		if (!n)
			poll(&pfd, 1, 100);
		if (n == PCAP_ERROR)
			errx(1, "%s", pcap_geterr(p));
		sock_count(r, n > 0 ? n : 0);
	}
	pcap_close(p);
}

int main(int argc, char **argv)
{
	struct sock_run r = { 0 };

	sock_options(&r, argc, argv, "tx|rx");
	if (!strcmp(r.what, "tx"))
		run_tx(&r);
	else if (!strcmp(r.what, "rx"))
		run_rx(&r);
	else
		errx(2, "%s: must be tx or rx", r.what);
	sock_report(&r);
	return 0;
}
