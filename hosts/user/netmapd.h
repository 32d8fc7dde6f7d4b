/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inside the daemon. The main thread accepts connections and reads their few
 * messages; it never waits for the core, nor for a client. Each channel has a
 * thread that executes calls; it may wait for the core's locks, never for its
 * client, except for the next request.
 */
#ifndef NETMAPD_H
#define NETMAPD_H

#include "libnmcore.h"
#include "netmapd_proto.h"

#include <pthread.h>
#include <stdbool.h>
#include <sys/types.h>

/* Nobody needs more than this, and no client can take more from the others. */
#define NMD_FILES_MAX	   4096	 /* connections, with or without ports */
#define NMD_CHANNELS_MAX   16384 /* of all descriptors */
#define NMD_FILE_CHANNELS  256	 /* of one descriptor */
#define NMD_FILE_POLLERS   256
#define NMD_HELLO_TIMEOUT  5000 /* ms until a connection must have said HELLO */
#define NMD_LINGER_DEFAULT 1000 /* ms */

struct nmd_chan;

/* One who waits: when woken, the core writes to the pipe whose read end a client has. */
struct nmd_poll {
	pthread_mutex_t lock; /* held while in use */
	struct nmcore_poller *p;
	struct nmd_chan *owner; /* whose end frees it */
	int fd;
};

/*
 * An open file of /dev/netmap. The connection and each channel hold it open: it is
 * closed when the last process has let go of it.
 */
struct nmd_file {
	int conn;	      /* the connection's socket; -1: closed. Under the lock */
	bool connected;	      /* the connection's reference is still held */
	unsigned int holders; /* who keeps it open */
	unsigned int refs;    /* who knows of this struct */
	unsigned int nchannels;
	pid_t pid; /* who opened it */
	pthread_mutex_t lock;
	struct nmcore *nm; /* since the first call */
	struct nmd_poll poll[NMD_FILE_POLLERS];
};

struct nmd_file *nmd_file_new(int conn, pid_t pid);
void nmd_file_hold(struct nmd_file *f); /* one more channel */
void nmd_file_put(struct nmd_file *f);
/* The connection does not hold it any more; with `if_gone`: if nobody has its other end. */
void nmd_file_disconnect(struct nmd_file *f, bool if_gone);
void nmd_file_unref(struct nmd_file *f); /* the connection forgets it */
/* The core's descriptor, opened at the first call. NULL and errno. */
struct nmcore *nmd_file_core(struct nmd_file *f);
/* A new poller; *rd is the end for the client. Its number, or -1 and errno. */
int nmd_poller_new(struct nmd_file *f, struct nmd_chan *owner, int *rd);
int nmd_poller_poll(struct nmd_file *f, struct nmcore *nm, unsigned int id, int events);
void nmd_poller_free(struct nmd_file *f, unsigned int id);
void nmd_pollers_free(struct nmd_file *f, struct nmd_chan *owner);

/* The daemon's books. Counters change under the lock, and are read without. */
struct nmd_server {
	pthread_mutex_t lock;
	struct nmd_chan *chans;
	unsigned int nchans;
	unsigned int nfiles;   /* open files, or being closed */
	unsigned int nlists;   /* threads that make a listing */
	unsigned int nclosing; /* threads that close a file */
	bool stopping;
	int wakefd; /* eventfd: have the main thread look at the books */
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
};
extern struct nmd_server nmd;

void nmd_wake_main(void);
__attribute__((format(printf, 2, 3))) void nmd_log(int level, const char *fmt, ...);
extern int nmd_verbose;

/* A detached thread with a small stack, no signals. 0 or an errno value. */
int nmd_thread(void *(*fn)(void *), void *arg);

/* ---- messages ---- */

/* Sends without waiting: 0, or an errno value. */
int nmd_send(int sock, const void *msg, size_t len, const int *fds, unsigned int nfds);
/*
 * Takes one message without waiting. Its length; 0 at the end; -1 and errno.
 * Of the descriptors received, fds[] has at most NMD_FDS_MAX; the rest is closed.
 */
ssize_t nmd_recv(int sock, void *buf, size_t size, int *fds, unsigned int *nfds);
void nmd_close_fds(const int *fds, unsigned int nfds);
/* Last words to a client that is turned away. */
void nmd_refuse(int sock, int error, const char *text);

/* ---- channels ---- */

struct nmd_chan {
	struct nmd_chan *next, **prevp;
	struct nmd_file *file;
	pthread_t thread;
	pid_t pid; /* who made it */
	int sock;
	int req; /* read end */
	int rep; /* write end */
	struct nmcore *nm;
	uint16_t cpu, seen_cpu, seen;
	struct nmcore_poller *waiter; /* for NMD_OP_WAIT; made by the first */
	int waitfd;
	/* the client's memory */
	uint64_t nonce_addr;
	uint8_t nonce[NMD_NONCE];
	const struct nmd_msg *call; /* the request being executed, if it has windows */
	uint32_t dirty;
	char in[NMD_MSG_MAX];
	char out[NMD_MSG_MAX];
};

/* Starts a channel; takes `sock` whatever becomes of it. 0 or an errno value. */
int nmd_chan_start(struct nmd_file *f, int sock, uint64_t nonce_addr);
/* Executes the message that waits on the socket. false: the client is at fault. */
bool nmd_chan_message(struct nmd_chan *ch);
/* Is some client gone that we have not cleaned up after yet? */
bool nmd_chans_leaving(void);
/* Stops all channels; false if some did not end in time. */
bool nmd_chans_stop(void);

/* The memory of the client whose call this thread executes. */
extern const struct nmcore_user_ops nmd_user_ops;
extern __thread struct nmd_chan *nmd_current;

/* ---- the server ---- */

struct nmd_options {
	bool foreground;
	bool stay;
	int linger; /* ms */
	int ready_fd;
	int lock_fd;
};

/* Binds the socket. 0; or -1, with the reason in words. */
int nmd_listen(struct nmd_options *opt, char *text, size_t size);
/* Serves until it is not needed any more. The exit status. */
int nmd_serve(struct nmd_options *opt);
/* Prints what a running daemon has. The exit status. */
int nmd_print_list(bool json);

#endif /* NETMAPD_H */
