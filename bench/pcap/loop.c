/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The cost of a counting loop by itself: pcap_dispatch() on a pipe of this process, whose
 * other end is filled beforehand. Nobody waits, and no other process takes part; the
 * library's own objects are in here.
 *
 *	pcap-loop [-b BATCH] [-l LENGTH] [-r ROUNDS] [-f FILTER]
 */
#include <libnetmap.h>
#include <unistd.h>

#include "count.h"

static void fill(struct nmport_d *d, unsigned int batch, unsigned int len)
{
	struct netmap_ring *ring = NETMAP_TXRING(d->nifp, d->first_tx_ring);
	uint32_t i = ring->head;

	while (batch-- > 0) {
		memcpy(NETMAP_BUF(ring, ring->slot[i].buf_idx), count_head, sizeof(count_head));
		ring->slot[i].len = (uint16_t)len;
		ring->slot[i].flags = 0;
		i = nm_ring_next(ring, i);
	}
	ring->head = ring->cur = i;
	if (nmhost_ioctl(d->fd, NIOCTXSYNC, NULL) != 0)
		die("sending", nmhost_strerror(d->fd));
}

int main(int argc, char **argv)
{
	unsigned int batch = 256, len = 60, rounds = 20000, i;
	char err[PCAP_ERRBUF_SIZE] = "";
	const char *filter = NULL;
	double took = 0, start;
	struct nmport_d *d;
	pcap_t *p;
	int opt;

	while ((opt = getopt(argc, argv, "b:l:r:f:")) != -1) {
		if (opt == 'f')
			filter = optarg;
		else if (opt == 'b' || opt == 'l' || opt == 'r')
			*(opt == 'b' ? &batch :
			  opt == 'l' ? &len :
				       &rounds) = (unsigned int)strtoul(optarg, NULL, 0);
		else
			return 2;
	}
	if (batch < 1 || batch > 1000 || len < 60 || len > 1514 || rounds < 1)
		die("usage", "batches of 1 to 1000, lengths of 60 to 1514");
	d = nmport_open("netmap:loop{1");
	if (d == NULL)
		die("netmap:loop{1", "cannot be opened");
	p = pcap_create("netmap:loop}1", err);
	if (p == NULL)
		die("netmap:loop}1", err);
	pcap_set_snaplen(p, 2048);
	pcap_set_timeout(p, 10);
	if (pcap_activate(p) < 0)
		die("netmap:loop}1", pcap_geterr(p));
	set_filter(p, filter);
	for (i = 0; i < rounds; i++) {
		fill(d, batch, len);
		start = now();
		if (pcap_dispatch(p, -1, look, NULL) < 0)
			die("pcap_dispatch", pcap_geterr(p));
		took += now() - start;
	}
	if (packets != (uint64_t)batch * rounds)
		die("packets", "not all of them came");
	printf("{\"batch\":%u,\"len\":%u,\"filter\":%s,\"ns\":%.2f}\n", batch, len,
	       filter != NULL ? "true" : "false", took * 1e9 / (double)packets);
	pcap_close(p);
	nmport_close(d);
	return 0;
}
