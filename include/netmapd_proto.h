/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How programs talk to netmapd. Both ends run on one machine and are built from
 * one source tree; the version in every message guards against mixing builds.
 *
 * Sockets are Unix SOCK_SEQPACKET. There are two kinds:
 *
 *   The descriptor. What a program holds in place of open("/dev/netmap") is a
 *   socket connected to the daemon, so it lives through dup, fork, exec and
 *   SCM_RIGHTS as any descriptor does, and its last close is what the daemon
 *   takes for close(2). Its own address is abstract, "\0netmap/" and 16 hex
 *   digits that are the same in every process that holds it. After HELLO and
 *   WELCOME it only carries ATTACH.
 *
 *   The channel. Several processes and threads may hold one descriptor, and a
 *   reply must reach who asked. So each makes a socketpair and sends one end
 *   over the descriptor (ATTACH); the daemon starts a thread for it that
 *   executes one call at a time in the name of whoever made the socketpair.
 *
 * The frequent calls on a channel (the syncs and poll) take neither messages nor
 * buffers of the socket: the daemon's first message on a channel brings two
 * pipes, one for requests of eight bytes, one for replies of eight bytes. (A
 * round trip over pipes takes two thirds of the time of one over the socket, and
 * unlike futexes and eventfds pipes tell when the other side is dead.) For all
 * other calls the client puts a message on the channel's socket, then writes a
 * request NMD_OP_MSG; the answer comes on the socket.
 *
 * All integers are in the byte order of the machine.
 */
#ifndef NETMAPD_PROTO_H
#define NETMAPD_PROTO_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define NMD_MAGIC   0x6d74656eu /* "netm" */
#define NMD_VERSION 3

#define NMD_MSG_MAX	16384 /* bytes of any message */
#define NMD_FDS_MAX	3     /* descriptors that come with any message */
#define NMD_WINDOWS_MAX 32
#define NMD_TEXT	192 /* a line of explanation, with its terminating 0 */
#define NMD_NONCE	16

#define NMD_ABSTRACT "netmap/" /* after a 0 byte, before the hex digits */

enum nmd_type {
	/* the descriptor */
	NMD_HELLO = 1, /* first message of the client: struct nmd_hello */
	NMD_WELCOME,   /* its answer: struct nmd_welcome */
	NMD_REFUSED,   /* or this one, and the end: struct nmd_text */
	NMD_ATTACH,    /* struct nmd_attach, with one descriptor; answered on that */
	NMD_LIST,      /* struct nmd_list */
	NMD_LISTING,   /* its answer: nmd_header, with a memfd that has the text */
	/* a channel */
	NMD_CHANNEL,	/* first message of the daemon: struct nmd_channel, three descriptors */
	NMD_IOCTL,	/* struct nmd_ioctl, windows, bytes */
	NMD_IOCTL_DONE, /* struct nmd_ioctl_done, bytes */
	NMD_MEMORY,	/* nmd_header: asks for the region */
	NMD_MEMORY_IS,	/* struct nmd_memory, with the memfd unless `error` is set */
	NMD_POLLER,	/* nmd_header: asks for a poller */
	NMD_POLLER_IS,	/* struct nmd_poller, with a pipe's read end unless `error` is set */
	NMD_ERROR,	/* nmd_header: why did the last call on the descriptor fail? */
	NMD_ERROR_IS,	/* struct nmd_text */
	NMD_TYPES
};

struct nmd_header {
	uint32_t magic;
	uint16_t version;
	uint16_t type;
	uint32_t len;	/* of the whole message */
	uint32_t error; /* answers: 0 or an errno value; requests: 0 */
};

enum nmd_purpose { NMD_FOR_PORTS = 1, NMD_FOR_LIST };

struct nmd_hello {
	struct nmd_header h;
	uint32_t purpose;
	uint32_t reserved; /* 0 */
};

struct nmd_welcome {
	struct nmd_header h;
	int32_t pid; /* of the daemon */
	uint32_t reserved;
};

struct nmd_text {
	struct nmd_header h;
	char text[NMD_TEXT]; /* ends with a 0 byte */
};

/*
 * `nonce_addr`: where the client will store the nonce that NMD_CHANNEL brings.
 * The daemon looks there before it reads other memory of the client, which it
 * does for NS_INDIRECT: so it can't be led to another process.
 */
struct nmd_attach {
	struct nmd_header h;
	uint64_t nonce_addr;
};

/* Descriptors: the request pipe's two ends (read, write), the reply pipe's read end. */
struct nmd_channel {
	struct nmd_header h;
	uint8_t nonce[NMD_NONCE];
};

struct nmd_list {
	struct nmd_header h;
	uint32_t json;
	uint32_t reserved;
};

/*
 * An ioctl whose argument points to memory of the client. The client can't know
 * what all of it means, but it knows where it is: each window is a range of its
 * memory, whose bytes follow the array of windows one after the other. The
 * answer has the windows that changed (a bit for each in `dirty`), in order.
 */
struct nmd_window {
	uint64_t addr;
	uint32_t len;
	uint32_t reserved; /* 0 */
};

struct nmd_ioctl {
	struct nmd_header h;
	uint64_t request;
	uint64_t arg;
	uint32_t nwindows;
	uint32_t reserved; /* 0 */
	struct nmd_window window[];
};

struct nmd_ioctl_done {
	struct nmd_header h;
	uint32_t dirty;
	uint32_t reserved;
	char text[NMD_TEXT];
};

struct nmd_memory {
	struct nmd_header h;
	uint64_t size;
	uint32_t csb;	/* as of nmcore_csb(), or, if */
	uint32_t calls; /* is not 0, of nmcore_news() */
};

struct nmd_poller {
	struct nmd_header h;
	uint32_t id;
	uint32_t reserved;
};

/* ---- the pipes -------------------------------------------------------------- */

enum nmd_op {
	NMD_OP_TXSYNC = 1,
	NMD_OP_RXSYNC,
	NMD_OP_POLL,   /* value of the answer: revents */
	NMD_OP_WAIT,   /* the same, but answered only when there are some, or after a CANCEL */
	NMD_OP_CANCEL, /* ends a WAIT, if one is on; no answer of its own */
	NMD_OP_MSG,    /* take a message from the socket; no answer on the pipe */
	NMD_OP_FREE,   /* frees a poller */
	NMD_OP_CLOSE,  /* the last one: answered when what the process held is free */
};

#define NMD_NO_POLLER 0xffff /* poll: do not arm anything */

struct nmd_request {
	uint8_t op;
	uint8_t reserved;
	uint16_t events;
	uint16_t poller;
	uint16_t cpu; /* where the caller runs: a good place for its thread here */
};

struct nmd_reply {
	int32_t error; /* errno, 0: done */
	uint32_t value;
};

/* ---- the decoder (hosts/user/netmapd_msg.c) ------------------------------------ */

/* A message that was checked: nothing in here points outside of the buffer. */
struct nmd_msg {
	uint32_t type;
	uint32_t nfds; /* descriptors that must have come with it */
	union {
		struct {
			uint32_t purpose;
		} hello;
		struct {
			uint64_t nonce_addr;
		} attach;
		struct {
			uint32_t json;
		} list;
		struct {
			uint64_t request, arg;
			uint32_t nwindows;
			struct {
				uint64_t addr;
				uint32_t len;
				uint32_t off; /* of the bytes in the buffer */
			} window[NMD_WINDOWS_MAX];
		} ioctl;
	};
};

/*
 * Decodes what a client may send. 0, or a positive errno: EBADMSG for what is
 * no message, EPROTONOSUPPORT for one of another version.
 */
int nmd_msg_decode(const void *buf, size_t len, struct nmd_msg *out);

/* ---- where the daemon is -------------------------------------------------------- */

static inline void nmd_header_init(struct nmd_header *h, enum nmd_type type, size_t len)
{
	h->magic = NMD_MAGIC;
	h->version = NMD_VERSION;
	h->type = type;
	h->len = (uint32_t)len;
	h->error = 0;
}

/* A directory that only we can write to: made if need be. 0 or -errno. */
static inline int nmd_private_dir(const char *dir)
{
	struct stat st;

	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return -errno;
	if (lstat(dir, &st) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode))
		return -ENOTDIR;
	if (st.st_uid != geteuid() || (st.st_mode & 022))
		return -EPERM;
	return 0;
}

static inline int nmd_path_fits(char *path, size_t size, const char *dir, const char *file)
{
	int n = snprintf(path, size, "%s%s", dir, file);

	return n > 0 && (size_t)n < size ? 0 : -ENAMETOOLONG;
}

/*
 * The path of the daemon's socket: NETMAP_SOCKET, or a place that belongs to
 * the user. 0 or -errno; then `path` has the place that was not good enough.
 */
static inline int nmd_socket_path(char *path, size_t size)
{
	const char *env = secure_getenv("NETMAP_SOCKET");
	const char *run = secure_getenv("XDG_RUNTIME_DIR");
	char dir[64];
	int error;

	if (size > sizeof(((struct sockaddr_un *)NULL)->sun_path))
		size = sizeof(((struct sockaddr_un *)NULL)->sun_path);
	if (env && *env)
		return nmd_path_fits(path, size, env, "");
	if (geteuid() == 0 && nmd_private_dir("/run/netmap") == 0)
		return nmd_path_fits(path, size, "/run/netmap", "/netmapd.sock");
	if (geteuid() != 0 && run && *run == '/' && access(run, W_OK) == 0)
		return nmd_path_fits(path, size, run, "/netmapd.sock");
	snprintf(dir, sizeof(dir), "/tmp/netmap-%u", (unsigned int)geteuid());
	error = nmd_private_dir(dir);
	if (error) {
		snprintf(path, size, "%s", dir);
		return error;
	}
	return nmd_path_fits(path, size, dir, "/netmapd.sock");
}

#endif /* NETMAPD_PROTO_H */
