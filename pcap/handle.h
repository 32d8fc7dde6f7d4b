/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A handle of ours. Programs see pcap_t, which is opaque, and so this may look as we like,
 * but for its start: the system's begins with the address of a function, never with the
 * number that ours begins with. That is how the front tells them apart.
 *
 * Threads: as with libpcap, one thread reads. Others may at any time break the loop, set a
 * filter, send, ask for statistics, and close.
 */
#ifndef NMP_HANDLE_H
#define NMP_HANDLE_H

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "system.h"
#include "libnetmap.h"

#define NMP_MAGIC 0x7061636e6574006eULL

/* Most that libpcap lets a packet be; what a snapshot length of nothing means. */
#define NMP_MAX_SNAPLEN 262144

struct filter;

struct tx_side {
	pthread_mutex_t lock; /* the transmit rings, and all below */
	uint16_t ring;	      /* where to go on */
	unsigned int pending; /* packets in the rings that no sync has told of */
	unsigned int sends;   /* all packets so far, and as the flusher saw it last */
	unsigned int sends_seen;
	unsigned int close; /* sends that followed the last one at once */
	uint64_t last_ns;   /* when the last one was */
	bool burst;	    /* leave syncs to the flusher */
	bool stop;
	bool has_flusher; /* in this process */
	pthread_t flusher;
	pthread_cond_t work;
	struct pcap *next; /* of all handles */
};

struct pcap {
	uint64_t magic;
	bool active;

	/* Settings. */
	char *device; /* as the program called it */
	int snaplen;
	int timeout_ms;
	int rfmon;
	int immediate;
	int buffer_size;
	int tstamp_type;
	int precision;
	int nonblock;
	pcap_direction_t direction;

	/* The port. */
	struct nmport_d *port;
	unsigned int nic_index; /* if it is an interface, its number, else 0 */
	pcap_t *twin;		/* a dead handle of the system's, for what needs one */
	int breakfd;		/* eventfd: wakes the reader */
	int selectfd;		/* epoll: what programs wait for; -1 if not asked for */
	int morefd;		/* eventfd in it: there are packets in the rings */
	int wakefd;		/* of the host, in it; -1: none yet */
	bool more;		/* morefd is set */

	/* The reader. */
	uint16_t ring; /* where to go on */
	clockid_t clock;
	bool each_time;		    /* read the clock for each packet */
	struct timeval now;	    /* of the last sync; tv_usec in the wanted precision */
	struct filter *filter;	    /* NULL: all packets */
	struct filter *old_filters; /* the reader may still be in one of these */
	struct pcap_pkthdr oneshot; /* for pcap_next_ex() */
	u_char *joined;		    /* a packet of several slots */
	size_t joined_size;
	uint64_t received;     /* that passed the filter */
	uint64_t drops_before; /* of the port, when it was opened */
	uint64_t ifdrops_before;
	int broken; /* pcap_breakloop() */

	/* Who is in here; see handle_enter(). */
	int users;
	int closing;
	pthread_t reader; /* the last one, */
	int reading;	  /* and how deep it is in read calls now */

	struct tx_side tx;
	char err[PCAP_ERRBUF_SIZE + 1];
};

static inline bool handle_is_ours(const pcap_t *p)
{
	return p->magic == NMP_MAGIC;
}

#define PLAIN(ret, name, params, args)
#define HANDLE(ret, name, params, args) ret netmap_##name params;
#define OWN(ret, name, params, args)
#include "table.h"

/* handle.c */
pcap_t *handle_new(const char *device);
void handle_free(pcap_t *p);
int handle_fail(pcap_t *p, int status, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
int handle_inactive(pcap_t *p);
bool handle_enter(pcap_t *p);
void handle_leave(pcap_t *p);

/* name.c: the name of the port that a device is, or NULL if it is none of ours. */
char *name_of_port(const char *device);
bool name_of_nic(const char *device, char nic[]);

/* port.c */
int port_open(pcap_t *p);
void port_close(pcap_t *p);
int port_failed(pcap_t *p);

/* counters.c */
void counters_read(const pcap_t *p, uint64_t *drops, uint64_t *ifdrops);
pcap_if_t *counters_ports(void);
void counters_free(pcap_if_t *list);

/* event.c */
int event_open(pcap_t *p);
void event_close(pcap_t *p);
void event_break(pcap_t *p);
int event_wait(pcap_t *p, int timeout_ms);
void event_settle(pcap_t *p);

/* capture.c */
bool capture_pending(pcap_t *p);
void capture_stamp(pcap_t *p);
void capture_release(pcap_t *p);

/* filter.c */
struct filter *filter_new(const struct bpf_program *prog, unsigned int nic, char *err);
void filter_free(struct filter *f);
u_int filter_run(const struct filter *f, const u_char *data, u_int len, u_int caplen,
		 bool outgoing);

/* inject.c */
void inject_init(pcap_t *p);
void inject_fini(pcap_t *p);
int inject_flush(pcap_t *p);
void inject_stop(pcap_t *p);

#endif
