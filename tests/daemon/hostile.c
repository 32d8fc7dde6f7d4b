// SPDX-License-Identifier: BSD-2-Clause
/* What a client may do that does not mean well: the server, and the others, take no harm. */
#include "daemon.h"

#include <fcntl.h>
#include <libnetmap.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/wait.h>

static pid_t server;
static struct usage at_rest;

static void setup(void)
{
	server = daemon_start(NULL);
	at_rest = usage_of(server);
}

/* Everything the case did is gone, and the daemon works. */
static void still_well(void)
{
	struct nmport_d *a, *b;
	struct netmap_ring *r;

	a = nmport_open("vale0:a");
	b = nmport_open("vale0:b");
	t_check(a && b);
	r = NETMAP_TXRING(a->nifp, 0);
	memset(NETMAP_BUF(r, r->slot[0].buf_idx), 0xff, 60);
	r->slot[0].len = 60;
	r->head = r->cur = 1;
	t_check(!nmhost_ioctl(a->fd, NIOCTXSYNC, NULL));
	t_check(!nmhost_ioctl(b->fd, NIOCRXSYNC, NULL));
	t_eq(nm_ring_space(NETMAP_RXRING(b->nifp, 0)), 1);
	nmport_close(a);
	nmport_close(b);
	t_eq(daemon_pid(), server);
	expect_no_more(server, &at_rest);
	daemon_kill(server, SIGTERM);
}

static void fill_random(void *p, size_t len)
{
	unsigned char *c = p;

	while (len--)
		*c++ = (unsigned char)t_random();
}

static void expect_refused(int s)
{
	char buf[NMD_MSG_MAX];

	t_eq(proto_recv(s, buf, sizeof(buf), NULL, NULL), NMD_REFUSED);
	t_eq(proto_recv(s, buf, sizeof(buf), NULL, NULL), 0);
	close(s);
}

static void garbage(void)
{
	char buf[4096];
	uint64_t i;
	int s;

	setup();
	for (i = 0; i < t_rounds(300); i++) {
		s = i % 2 ? proto_connect() : proto_hello();
		fill_random(buf, sizeof(buf));
		if (i % 3 == 0)
			nmd_header_init((void *)buf, t_random() % 20, 200);
		proto_send(s, buf, i % 3 ? 1 + t_random() % sizeof(buf) : 200, NULL, 0);
		expect_refused(s);
	}
	still_well();
}

/* Each message cut at every length, and one byte too long. */
static void truncated(void)
{
	struct nmd_hello hello = { .purpose = NMD_FOR_PORTS };
	struct nmd_attach attach = { .nonce_addr = 0 };
	struct nmd_list list = { .json = 0 };
	char buf[100];
	size_t len;
	int s;

	setup();
	nmd_header_init(&hello.h, NMD_HELLO, sizeof(hello));
	nmd_header_init(&attach.h, NMD_ATTACH, sizeof(attach));
	nmd_header_init(&list.h, NMD_LIST, sizeof(list));
	for (len = 1; len <= sizeof(hello) + 1; len++) {
		if (len == sizeof(hello))
			continue;
		s = proto_connect();
		memset(buf, 0, sizeof(buf));
		memcpy(buf, &hello, sizeof(hello));
		proto_send(s, buf, len, NULL, 0);
		expect_refused(s);
	}
	for (len = 1; len <= sizeof(attach) + 1; len++) {
		s = proto_hello();
		memset(buf, 0, sizeof(buf));
		memcpy(buf, &attach, sizeof(attach));
		/* the full one has no descriptor with it */
		proto_send(s, buf, len, NULL, 0);
		expect_refused(s);
	}
	for (len = 1; len < sizeof(list); len++) {
		s = proto_hello();
		proto_send(s, &list, len, NULL, 0);
		expect_refused(s);
	}
	still_well();
}

static void out_of_order(void)
{
	struct nmd_hello hello = { .purpose = NMD_FOR_PORTS };
	struct nmd_attach attach = { .nonce_addr = 0 };
	struct nmd_list list = { .json = 0 };
	struct nmd_header h;
	int s, sv[2], type;

	setup();
	nmd_header_init(&hello.h, NMD_HELLO, sizeof(hello));
	nmd_header_init(&attach.h, NMD_ATTACH, sizeof(attach));
	nmd_header_init(&list.h, NMD_LIST, sizeof(list));
	t_check(!socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sv));

	s = proto_connect(); /* no HELLO */
	proto_send(s, &list, sizeof(list), NULL, 0);
	expect_refused(s);
	s = proto_connect();
	proto_send(s, &attach, sizeof(attach), sv, 1);
	expect_refused(s);
	s = proto_hello(); /* two of them */
	proto_send(s, &hello, sizeof(hello), NULL, 0);
	expect_refused(s);
	for (type = 0; type < NMD_TYPES + 3; type++) { /* those of channels, and of the daemon */
		if (type == NMD_HELLO || type == NMD_ATTACH || type == NMD_LIST)
			continue;
		s = proto_hello();
		nmd_header_init(&h, type, sizeof(h));
		proto_send(s, &h, sizeof(h), NULL, 0);
		expect_refused(s);
	}
	close(sv[0]);
	close(sv[1]);
	still_well();
}

/* Descriptors that nobody asked for, and channels that are no channels. */
static void unwanted_descriptors(void)
{
	struct nmd_attach attach = { .nonce_addr = 0 };
	struct nmd_list list = { .json = 0 };
	int fds[60], i, s, sv[2], p[2], wrong[6];

	setup();
	nmd_header_init(&attach.h, NMD_ATTACH, sizeof(attach));
	nmd_header_init(&list.h, NMD_LIST, sizeof(list));
	for (i = 0; i < 60; i++)
		fds[i] = eventfd(0, 0);
	for (i = 1; i <= 60; i += 7) {
		s = proto_hello();
		proto_send(s, &list, sizeof(list), fds, i);
		expect_refused(s);
		s = proto_hello();
		proto_send(s, &attach, sizeof(attach), fds, i + 1 > 60 ? 60 : i + 1);
		expect_refused(s);
	}
	t_check(!socketpair(AF_UNIX, SOCK_STREAM, 0, sv) && !pipe(p));
	wrong[0] = sv[0];
	wrong[1] = p[0];
	wrong[2] = fds[0];
	wrong[3] = open("/dev/zero", O_RDWR);
	wrong[4] = socket(AF_INET, SOCK_STREAM, 0);
	wrong[5] = open("/", O_RDONLY | O_DIRECTORY);
	s = proto_hello();
	for (i = 0; i < 6; i++)
		proto_send(s, &attach, sizeof(attach), &wrong[i], 1);
	struct proto_chan ch = proto_attach(s); /* the descriptor is none the worse */
	proto_chan_close(&ch);
	close(s);
	for (i = 0; i < 6; i++)
		close(wrong[i]);
	for (i = 0; i < 60; i++)
		close(fds[i]);
	close(sv[1]);
	close(p[1]);
	still_well();
}

/* The other end of the channel: nonsense in the pipes and on the socket. */
static void garbage_in_channels(void)
{
	struct nmd_request ring = { .op = NMD_OP_MSG };
	unsigned char buf[NMD_MSG_MAX];
	struct proto_chan ch;
	uint64_t i;
	size_t len;
	int s;

	setup();
	s = proto_hello();
	for (i = 0; i < t_rounds(500); i++) {
		ch = proto_attach(s);
		fill_random(buf, sizeof(buf));
		switch (i % 4) {
		case 0: /* no request */
			buf[0] = NMD_OP_CLOSE + 1 + buf[0] % 100;
			t_eq(write(ch.req, buf, 8), 8);
			break;
		case 1: /* part of one */
			len = 1 + (buf[0] & 3);
			t_eq(write(ch.req, buf, len), len);
			break;
		case 2: /* a message that is none */
			len = 1 + t_random() % (sizeof(buf) - 1);
			if (buf[0] & 1)
				nmd_header_init((void *)buf, NMD_IOCTL, len);
			send(ch.sock, buf, len, MSG_NOSIGNAL);
			t_eq(write(ch.req, &ring, sizeof(ring)), sizeof(ring));
			break;
		case 3: /* or that does not come */
			t_eq(write(ch.req, &ring, sizeof(ring)), sizeof(ring));
			break;
		}
		struct pollfd p = { .fd = ch.rep };
		close(ch.keep);
		ch.keep = -1;
		if (i % 4 == 1) /* it waits for the rest, rightly */
			close(ch.req);
		t_check(poll(&p, 1, 5000) == 1 && p.revents & POLLHUP, "kind %d", (int)(i % 4));
		proto_chan_close(&ch);
	}
	close(s);
	still_well();
}

static void send_ioctl(struct proto_chan *ch, struct nmd_ioctl *m, size_t len)
{
	struct nmd_request ring = { .op = NMD_OP_MSG };

	nmd_header_init(&m->h, NMD_IOCTL, len);
	proto_send(ch->sock, m, len, NULL, 0);
	t_eq(write(ch->req, &ring, sizeof(ring)), sizeof(ring));
}

/* Well-formed, with windows, requests and addresses of all kinds. */
static void strange_ioctls(void)
{
	static const unsigned long requests[] = { NIOCCTRL,   NIOCREGIF, NIOCGINFO, NIOCCONFIG,
						  NIOCTXSYNC, 0,	 ~0ul,	    0x5401 };
	union {
		struct nmd_ioctl m;
		unsigned char room[NMD_MSG_MAX];
	} out;
	unsigned char in[NMD_MSG_MAX];
	struct proto_chan ch;
	uint64_t i;
	unsigned int w;
	size_t at, len;
	int s;

	setup();
	s = proto_hello();
	ch = proto_attach(s);
	for (i = 0; i < t_rounds(5000); i++) {
		memset(&out.m, 0, sizeof(out.m));
		out.m.request = requests[t_random() % 8];
		out.m.nwindows = t_random() % 5;
		at = sizeof(out.m) + out.m.nwindows * sizeof(struct nmd_window);
		for (w = 0; w < out.m.nwindows; w++) {
			len = 1 + t_random() % 300;
			out.m.window[w].addr = t_random() % 4 ? 4096 + w * 512 : t_random();
			out.m.window[w].len = (uint32_t)len;
			out.m.window[w].reserved = 0;
			fill_random(out.room + at, len);
			if (w == 0 && len >= sizeof(struct nmreq_header)) {
				struct nmreq_header *h = (void *)(out.room + at);

				h->nr_version = NETMAP_API;
				h->nr_reqtype = t_random() % 18;
				h->nr_reserved = 0;
				snprintf(h->nr_name, sizeof(h->nr_name), "vale%d:x", (int)(i % 3));
				h->nr_body = t_random() % 2 ? 4096 + 512 : t_random();
				h->nr_options = t_random() % 2 ? 0 : 4096 + 1024;
			}
			at += len;
		}
		out.m.arg = t_random() % 4 ? 4096 : t_random();
		send_ioctl(&ch, &out.m, at);
		t_eq(proto_recv(ch.sock, in, sizeof(in), NULL, NULL), NMD_IOCTL_DONE);
	}
	proto_chan_close(&ch);
	close(s);
	still_well();
}

/* Many requests whose answers nobody reads: the thread does not wait for that. */
static void answers_not_read(void)
{
	struct nmd_request r = { .op = NMD_OP_TXSYNC };
	struct proto_chan ch;
	struct pollfd p;
	int s, i;

	setup();
	s = proto_hello();
	ch = proto_attach(s);
	fcntl(ch.req, F_SETFL, O_NONBLOCK);
	p.fd = ch.rep;
	p.events = 0;
	close(ch.keep);
	ch.keep = -1;
	signal(SIGPIPE, SIG_IGN);
	for (i = 0; i < 10000000; i++) {
		if (write(ch.req, &r, sizeof(r)) < 0 && errno == EAGAIN)
			t_sleep(0.001);
		if (i % 100 == 0 && poll(&p, 1, 0) == 1)
			break;
	}
	t_check(p.revents & POLLHUP, "the daemon reads on and on");
	proto_chan_close(&ch);
	close(s);
	still_well();
}

/* What the daemon wakes us by is in our hands; it is not what the daemon waits for. */
static void full_wakeup_pipe(void)
{
	struct nmd_request ring = { .op = NMD_OP_MSG }, r;
	struct nmd_poller m;
	struct nmd_header ask;
	struct nmd_reply reply;
	struct nmport_d *d;
	struct proto_chan ch;
	struct netmap_ring *tx;
	char path[64];
	int s, fds[64], nfds, w, i;
	union {
		struct nmd_ioctl m;
		char room[1000];
	} out;
	struct nmreq_header h = { .nr_version = NETMAP_API,
				  .nr_reqtype = NETMAP_REQ_REGISTER,
				  .nr_name = "vale0:victim",
				  .nr_body = 8192 };
	struct nmreq_register reg = { .nr_mode = NR_REG_ALL_NIC };
	char in[NMD_MSG_MAX];

	setup();
	s = proto_hello();
	ch = proto_attach(s);
	memset(&out, 0, sizeof(out));
	out.m.request = NIOCCTRL;
	out.m.arg = 4096;
	out.m.nwindows = 2;
	out.m.window[0] = (struct nmd_window){ 4096, sizeof(h), 0 };
	out.m.window[1] = (struct nmd_window){ 8192, sizeof(reg), 0 };
	memcpy(&out.m.window[2], &h, sizeof(h));
	memcpy((char *)&out.m.window[2] + sizeof(h), &reg, sizeof(reg));
	send_ioctl(&ch, &out.m,
		   sizeof(out.m) + 2 * sizeof(struct nmd_window) + sizeof(h) + sizeof(reg));
	t_eq(proto_recv(ch.sock, in, sizeof(in), NULL, NULL), NMD_IOCTL_DONE);
	t_eq(((struct nmd_header *)in)->error, 0);

	nmd_header_init(&ask, NMD_POLLER, sizeof(ask));
	proto_send(ch.sock, &ask, sizeof(ask), NULL, 0);
	t_eq(write(ch.req, &ring, sizeof(ring)), sizeof(ring));
	t_eq(proto_recv(ch.sock, &m, sizeof(m), fds, &nfds), NMD_POLLER_IS);
	t_eq(nfds, 1);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fds[0]);
	w = open(path, O_WRONLY | O_NONBLOCK);
	t_check(w >= 0);
	memset(in, 0, sizeof(in));
	while (write(w, in, 4096) > 0)
		;
	while (write(w, in, 1) > 0)
		;
	/* Armed, and nobody reads. */
	r = (struct nmd_request){ .op = NMD_OP_POLL, .events = POLLIN, .poller = m.id };
	for (i = 0; i < 50; i++) {
		t_eq(write(ch.req, &r, sizeof(r)), sizeof(r));
		t_eq(read(ch.rep, &reply, sizeof(reply)), sizeof(reply));
		t_eq(reply.error, 0);
		d = nmport_open("vale0:sender");
		t_check(d);
		tx = NETMAP_TXRING(d->nifp, 0);
		memset(NETMAP_BUF(tx, tx->slot[0].buf_idx), 0xff, 60);
		tx->slot[0].len = 60;
		tx->head = tx->cur = 1;
		t_check(!nmhost_ioctl(d->fd, NIOCTXSYNC, NULL));
		nmport_close(d);
	}
	close(w);
	close(fds[0]);
	proto_chan_close(&ch);
	close(s);
	still_well();
}

static void too_much_of_everything(void)
{
	struct nmd_request ring = { .op = NMD_OP_MSG };
	struct proto_chan ch[400];
	struct nmd_attach attach = { .nonce_addr = 0 };
	struct nmd_header ask;
	struct nmd_poller m;
	char answer[NMD_MSG_MAX];
	struct rlimit rl;
	int s, sv[2], fds[64], nfds, n = 0, i, type, pipes[600], npipes = 0;

	t_check(!getrlimit(RLIMIT_NOFILE, &rl));
	rl.rlim_cur = rl.rlim_max;
	setrlimit(RLIMIT_NOFILE, &rl);
	if (rl.rlim_cur < 3000)
		t_skip("no more than %ld descriptors are allowed here", (long)rl.rlim_cur);
	setup();
	s = proto_hello();
	nmd_header_init(&attach.h, NMD_ATTACH, sizeof(attach));
	for (;;) { /* channels */
		t_check(n < 400, "no limit");
		t_check(!socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sv));
		proto_send(s, &attach, sizeof(attach), &sv[1], 1);
		close(sv[1]);
		type = proto_recv(sv[0], answer, sizeof(answer), fds, &nfds);
		if (type != NMD_CHANNEL)
			break;
		ch[n++] = (struct proto_chan){ sv[0], fds[1], fds[0], fds[2] };
	}
	t_eq(type, NMD_REFUSED);
	close(sv[0]);
	t_check(n >= 64);
	nmd_header_init(&ask, NMD_POLLER, sizeof(ask));
	for (;;) { /* pollers */
		t_check(npipes < 600, "no limit");
		proto_send(ch[0].sock, &ask, sizeof(ask), NULL, 0);
		t_eq(write(ch[0].req, &ring, sizeof(ring)), sizeof(ring));
		t_eq(proto_recv(ch[0].sock, &m, sizeof(m), fds, &nfds), NMD_POLLER_IS);
		if (m.h.error)
			break;
		pipes[npipes++] = fds[0];
	}
	while (npipes)
		close(pipes[--npipes]);
	for (i = 0; i < n; i++)
		proto_chan_close(&ch[i]);
	close(s);
	still_well();
}

/* Who says nothing is shown out; others do not wait for that. */
static void silent_connections(void)
{
	double start;
	char buf[500];
	int s[300], i;

	setup();
	for (i = 0; i < 300; i++)
		s[i] = proto_connect();
	start = t_now();
	for (i = 0; i < 20; i++)
		close(proto_hello());
	t_check(t_now() - start < 2, "others wait for %g s", t_now() - start);
	for (i = 0; i < 300; i++) {
		struct pollfd p = { .fd = s[i], .events = POLLIN };

		t_check(poll(&p, 1, 15000) == 1);
		t_check(recv(s[i], buf, sizeof(buf), 0) > 0);
		close(s[i]);
	}
	still_well();
}

/* No descriptors left in the daemon: errors, no crash, no busy loop; and it recovers. */
static void daemon_out_of_descriptors(void)
{
	int fd[60], i, bad = 0;
	struct nmport_d *d;
	char cmd[100];

	setup();
	snprintf(cmd, sizeof(cmd), "prlimit --pid %d --nofile=40:40", (int)server);
	if (system(cmd))
		t_skip("prlimit is not to be had");
	for (i = 0; i < 24; i++) {
		fd[i] = nmhost_open();
		if (fd[i] < 0)
			break;
	}
	for (; i > 4 && bad < 3; i--) {
		d = nmport_open("vale0:x");
		bad += !d;
		if (d)
			nmport_close(d);
		nmhost_close(fd[i - 1]);
		d = nmport_open("vale0:y");
		if (d)
			nmport_close(d);
	}
	while (i > 0)
		nmhost_close(fd[--i]);
	t_sleep(0.3); /* it may have to pause after EMFILE */
	still_well();
}

/* No memory: the request fails and says so, whatever else the client holds lives on. */
static void daemon_out_of_memory(void)
{
	struct nmport_d *d, *more[200];
	char cmd[120];
	int n = 0, i;

	if (t_slow())
		t_skip("a sanitizer needs more addresses than that");
	setup();
	d = nmport_open("vale0:a");
	t_check(d);
	snprintf(cmd, sizeof(cmd), "prlimit --pid %d --as=%lld", (int)server, 1500ll << 20);
	if (system(cmd))
		t_skip("prlimit is not to be had");
	while (n < 200 && (more[n] = nmport_prepare("vale1:x"))) {
		snprintf(more[n]->hdr.nr_name, sizeof(more[n]->hdr.nr_name), "vale1:p%d", n);
		if (nmport_register(more[n])) {
			t_check(errno == ENOMEM || errno == EAGAIN, "%s", strerror(errno));
			nmport_close(more[n]);
			break;
		}
		n++;
	}
	t_check(n < 200, "200 regions in 1500 MiB of addresses");
	t_note("%d ports before there is no more memory", n);
	t_check(!nmhost_ioctl(d->fd, NIOCTXSYNC, NULL));
	for (i = 0; i < n; i++)
		nmport_close(more[i]);
	nmport_close(d);
	still_well();
}

T_MAIN(T_CASE(garbage), T_CASE(truncated), T_CASE(out_of_order), T_CASE(unwanted_descriptors),
       T_CASE(garbage_in_channels), T_CASE(strange_ioctls), T_CASE(answers_not_read),
       T_CASE(full_wakeup_pipe), T_CASE(too_much_of_everything), T_CASE(silent_connections),
       T_CASE(daemon_out_of_descriptors), T_CASE(daemon_out_of_memory))
