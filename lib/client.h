/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The client's side of netmapd's protocol (include/netmapd_proto.h): shared by libnetmap and
 * by the preload library. System calls are made by syscall(2), since the preload library has
 * functions of its own under the usual names, and because none of them may be a cancellation
 * point: a thread cancelled between request and answer would leave the answer for the next.
 */
#ifndef LIB_CLIENT_H
#define LIB_CLIENT_H

#include <netmapd_proto.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>

/*
 * A thread makes its calls on a channel of its own, number `slot of the thread`. Should the
 * call be interrupted by a signal whose handler makes a call too, that one takes the next
 * channel that is not busy.
 */
#define NMC_CHANS 512

/* A poller of the daemon, and the pipe that it wakes us by. One user at a time. */
struct nmc_waiter {
	int fd; /* -1: there is none yet */
	uint16_t id;
	bool armed; /* the pipe may have something to read */
	uint32_t generation;
};

struct nmc_chan {
	uint32_t busy;
	int sock;
	int req;		  /* write end */
	int keep;		  /* its read end: so that the death of the daemon is no SIGPIPE */
	int rep;		  /* read end */
	struct nmc_waiter waiter; /* of the thread */
	uint8_t nonce[NMD_NONCE];
};

/*
 * Rings that need no call to be synced: client_csb.c. The mapping is ours, since the
 * program's may be gone when it polls.
 */
#define NMC_CSB_RINGS 64

struct nmc_csb {
	char *region; /* NULL: none */
	size_t size;
	size_t front; /* bytes before a ring */
	bool calls;   /* a sync takes a call all the same; there is only news of one */
	unsigned int nrx, ntx;
	struct netmap_ring *ring[NMC_CSB_RINGS]; /* nrx, and ntx behind them */
	int64_t checked; /* ns: when a sync that found nothing last made a call */
	int64_t spin;	 /* ns that a wait may look by itself before it sleeps */
};

/* An open file of /dev/netmap, in this process. */
struct nmc_file {
	struct nmc_file *next, **prevp;
	uint64_t id;   /* the same in every process */
	uint32_t refs; /* held by descriptors and by calls in progress */
	bool dead;     /* the daemon is gone */
	bool registered;
	bool ask;	      /* the daemon knows why the last call failed */
	char *region;	      /* where the program has it mapped, */
	uint64_t nifp_offset; /* and its netmap_if in there; for nmc_rings() */
	struct nmc_csb csb;
	bool csb_ready; /* set with release once that is complete */
	pthread_mutex_t lock;
	struct nmc_chan *chan[NMC_CHANS];
	char err[NMD_TEXT];
};

/* client_open.c: a descriptor, connected to a daemon that is started if need be. */
int nmc_open(bool cloexec, struct nmc_file **fp, char *err, size_t errlen);
/* The id of a netmap descriptor, 0: it is something else. Any descriptor, any process. */
uint64_t nmc_identify(int fd);

/* client_start.c: connects to the daemon, or starts it. 0 or an errno value. */
int nmc_start(const char *path, char *err, size_t errlen);

/* client_file.c */
struct nmc_file *nmc_file_get(uint64_t id); /* finds or makes it, with a reference */
void nmc_file_hold(struct nmc_file *f);
bool nmc_file_tryhold(struct nmc_file *f); /* false: it was closed meanwhile */
void nmc_file_put(struct nmc_file *f);
int nmc_fail(struct nmc_file *f, int error, const char *text);

/*
 * client_chan.c: the channel of the calling thread, busy; `fd` is any descriptor of the file.
 * NULL and errno.
 */
struct nmc_chan *nmc_chan_get(struct nmc_file *f, int fd);
void nmc_chan_put(struct nmc_chan *ch);
void nmc_chan_close(struct nmc_chan *ch);
/* A round trip over the pipes, or its halves. 0 or an errno value. */
int nmc_pipe_send(struct nmc_file *f, struct nmc_chan *ch, struct nmd_request r);
int nmc_pipe_answer(struct nmc_file *f, struct nmc_chan *ch, uint32_t *value);
int nmc_pipe_call(struct nmc_file *f, struct nmc_chan *ch, struct nmd_request r, uint32_t *value);
/*
 * As poll(2) on the descriptor alone, which waits: the ready ones of events, POLLERR; 0
 * when timeout_ms are over; -1 and EINTR.
 */
int nmc_await(struct nmc_file *f, int fd, int events, int timeout_ms);
/* One over the socket: the length of the answer, or -1. *fd: one that came with it, or -1. */
ssize_t nmc_msg_call(struct nmc_file *f, struct nmc_chan *ch, const void *msg, size_t len,
		     void *answer, size_t size, int *fd);

/* client_fork.c: after fork() the channels are the parent's. At the start of every call. */
extern uint32_t *nmc_forkmark;
extern uint32_t nmc_generation; /* forks from the first process to this one */
void nmc_forked(void);
void nmc_watch_forks(void);
void nmc_files_forked(void); /* client_file.c */

static inline void nmc_enter(void)
{
	if (__builtin_expect(nmc_forkmark && !*nmc_forkmark, 0))
		nmc_forked();
}

/* client_slot.c: a small number, no other thread has it. */
unsigned int nmc_slot(void);

/* client_call.c: the system calls. Results and errno as theirs. */
int nmc_ioctl(struct nmc_file *f, int fd, unsigned long request, void *arg);
void *nmc_mmap(struct nmc_file *f, int fd, void *addr, size_t len, int prot, int flags, off_t off);
/*
 * The driver's part of poll(2), as nm_host_ops has it: the ready ones of events, or POLLERR;
 * never blocks. With wake, and nothing ready: *wake becomes readable when it is time to ask
 * again (by the same thread). With waiter: that one is used instead of the thread's.
 */
int nmc_poll(struct nmc_file *f, int fd, int events, int *wake);
int nmc_poll_with(struct nmc_file *f, int fd, int events, struct nmc_waiter *w);
/* A number that is another one when head or tail of any ring changed; 0: can't tell. */
uint64_t nmc_rings(struct nmc_file *f);
void nmc_waiter_free(struct nmc_file *f, int fd, struct nmc_waiter *w);
const char *nmc_strerror(struct nmc_file *f, int fd);

/*
 * client_csb.c: learns where the rings are, from the answer to NMD_MEMORY; forgets it. Then:
 * a sync without a call, false: it takes one. The same for poll(2), whether POLLIN is all of
 * `events` and there is some; wait() goes on looking for a moment if that is worth it, and
 * is told by waited() how long the real wait took.
 */
void nmc_csb_init(struct nmc_file *f, int memfd, const struct nmd_memory *m);
void nmc_csb_fini(struct nmc_file *f);
bool nmc_csb_sync(struct nmc_file *f);
bool nmc_csb_poll(struct nmc_file *f, int events);
bool nmc_csb_calls_first(struct nmc_file *f, int events);
bool nmc_csb_wait(struct nmc_file *f, int events, int64_t *since);
void nmc_csb_waited(struct nmc_file *f, int64_t since, int got);

/* client_request.c: what a request's argument points to. */
bool nmc_peek(void *dst, uint64_t addr, size_t len);
size_t nmc_marshal(unsigned long request, void *arg, struct nmd_ioctl *m, size_t size);
/* false: what the program points to can not be written. */
bool nmc_unmarshal(const struct nmd_ioctl *m, const struct nmd_ioctl_done *done);

/* client_sys.c */
int nmc_close(int fd);
int nmc_high_fd(int fd); /* moves it out of the way of the program's own */
int nmc_hidden(int fd);	 /* one of those? */
ssize_t nmc_recv(int sock, void *buf, size_t size, int *fds, unsigned int *nfds, int ms);
int nmc_send(int sock, const void *buf, size_t len, int fd, int ms);
int nmc_wait_fd(int fd, int events, int ms);

#endif /* LIB_CLIENT_H */
