/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From the daemon the listing comes over its socket, in a memfd; from the kernel it is
 * a file. A daemon is never started for this.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <libnetmap.h>
#include <netmapd_proto.h>

#include "state.h"

#define KERNEL_LISTING "/proc/net/netmap.json"
#define EMPTY	       "{\"ports\":[],\"switches\":[],\"memories\":[],\"clients\":[]}"
#define LISTING_MAX    (256UL << 20)

static struct json_value *parse(const char *text, size_t len, const char *from, char *error)
{
	struct json_value *v;
	size_t where;

	v = json_parse(text, len, &where);
	if (!v)
		snprintf(error, STATE_ERROR, "%s: the listing makes no sense at byte %zu", from,
			 where);
	return v;
}

/* Reads to the end: of a file whose size is not known before. */
static struct json_value *read_listing(int fd, const char *from, char *error)
{
	struct json_value *v = NULL;
	size_t len = 0, room = 1 << 16;
	char *text = malloc(room), *more;
	ssize_t n = 1;

	while (text && n > 0 && len < LISTING_MAX) {
		if (len == room) {
			more = realloc(text, room *= 2);
			if (!more)
				break;
			text = more;
		}
		n = read(fd, text + len, room - len);
		if (n > 0)
			len += (size_t)n;
	}
	if (n == 0)
		v = parse(text, len, from, error);
	else
		snprintf(error, STATE_ERROR, "%s: cannot read the listing: %s", from,
			 strerror(errno));
	free(text);
	return v;
}

/* ---- the daemon -------------------------------------------------------------------- */

static int send_message(int fd, void *msg, size_t len, enum nmd_type type)
{
	nmd_header_init(msg, type, len);
	return send(fd, msg, len, MSG_NOSIGNAL) == (ssize_t)len ? 0 : -1;
}

/* The answer, and the descriptor that may come with it (-1). Its type, or -1. */
static int receive_message(int fd, void *buf, size_t size, int *passed)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * NMD_FDS_MAX)];
	} control;
	struct iovec iov = { .iov_base = buf, .iov_len = size };
	struct msghdr m = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct nmd_header *h = buf;
	struct cmsghdr *c;
	ssize_t n;

	*passed = -1;
	n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);
	if (n < (ssize_t)sizeof(*h))
		return -1;
	c = CMSG_FIRSTHDR(&m);
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
		memcpy(passed, CMSG_DATA(c), sizeof(int));
	if (h->magic != NMD_MAGIC || h->version != NMD_VERSION || h->len != (size_t)n) {
		errno = EPROTO;
		return -1;
	}
	return h->type;
}

static int ask(int fd, char *error)
{
	union {
		struct nmd_header h;
		struct nmd_text text;
		char bytes[NMD_MSG_MAX];
	} answer;
	struct nmd_hello hello = { .purpose = NMD_FOR_LIST };
	struct nmd_list list = { .json = 1 };
	int passed, type;

	if (send_message(fd, &hello, sizeof(hello), NMD_HELLO))
		goto broken;
	type = receive_message(fd, &answer, sizeof(answer), &passed);
	if (type == NMD_REFUSED) {
		snprintf(error, STATE_ERROR, "%.*s", NMD_TEXT - 1, answer.text.text);
		return -1;
	}
	if (type != NMD_WELCOME || send_message(fd, &list, sizeof(list), NMD_LIST))
		goto broken;
	type = receive_message(fd, &answer, sizeof(answer), &passed);
	if (type == NMD_LISTING && passed >= 0)
		return passed;
	if (passed >= 0)
		close(passed);
broken:
	snprintf(error, STATE_ERROR,
		 "the daemon does not answer as this program expects: is it "
		 "of the same version?");
	return -1;
}

static struct json_value *from_daemon(char *error)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct json_value *v = NULL;
	int fd, listing;

	if (nmd_socket_path(addr.sun_path, sizeof(addr.sun_path))) {
		snprintf(error, STATE_ERROR, "%.128s is not a place for the daemon's socket",
			 addr.sun_path);
		return NULL;
	}
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		int e = errno;

		if (fd >= 0)
			close(fd);
		if (e == ENOENT || e == ECONNREFUSED)
			return parse(EMPTY, strlen(EMPTY), "no daemon", error);
		snprintf(error, STATE_ERROR, "%.108s: %s", addr.sun_path, strerror(e));
		return NULL;
	}
	listing = ask(fd, error);
	close(fd);
	if (listing >= 0) {
		lseek(listing, 0, SEEK_SET);
		v = read_listing(listing, "netmapd", error);
		close(listing);
	}
	return v;
}

static struct json_value *from_kernel(char *error)
{
	struct json_value *v;
	int fd = open(KERNEL_LISTING, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		snprintf(error, STATE_ERROR, "%s: %s%s", KERNEL_LISTING, strerror(errno),
			 errno == EACCES ? "; root may read it" : "");
		return NULL;
	}
	v = read_listing(fd, KERNEL_LISTING, error);
	close(fd);
	return v;
}

struct json_value *state_get(char error[STATE_ERROR])
{
	const char *host = nmhost_name();

	error[0] = '\0';
	if (!host) {
		snprintf(error, STATE_ERROR, "NETMAP_HOST: %s", strerror(errno));
		return NULL;
	}
	if (strcmp(host, "kernel") == 0)
		return from_kernel(error);
	if (strcmp(host, "embedded") == 0) /* that is this process, which has no ports */
		return parse(EMPTY, strlen(EMPTY), "embedded", error);
	return from_daemon(error);
}

const struct json_value *state_list(const struct json_value *state, const char *key)
{
	const struct json_value *list = json_get(state, key);

	return list && list->type == JSON_ARRAY ? list->child : NULL;
}

double state_drops(const struct json_value *dir)
{
	const struct json_value *drops = json_get(dir, "drops"), *d;
	double sum = 0;

	for (d = drops && drops->type == JSON_OBJECT ? drops->child : NULL; d; d = d->next)
		if (d->type == JSON_NUMBER)
			sum += d->number;
	return sum;
}
