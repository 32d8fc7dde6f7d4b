/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What tests of NIC ports need: a network namespace of their own with a veth
 * pair nt0 - nt1, descriptors of the host that NETMAP_HOST names (in this
 * process, or the kernel's), and plain sockets for the other end.
 */
#ifndef NM_TEST_NIC_FIXTURE_H
#define NM_TEST_NIC_FIXTURE_H

#include <libnetmap.h>
#include <net/netmap.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define SKIP 77

#define check(cond, ...)                                                     \
	do {                                                                 \
		if (!(cond))                                                 \
			fail_at(__FILE__, __LINE__, #cond, " " __VA_ARGS__); \
	} while (0)

__attribute__((noreturn, format(printf, 4, 5))) void
fail_at(const char *file, int line, const char *cond, const char *fmt, ...);
__attribute__((noreturn, format(printf, 1, 2))) void skip(const char *fmt, ...);

/* The host, by name: "embedded", "kernel". */
bool host_is(const char *name);

/* Whether ports that the kernel host opens from now on may use XDP. */
void nic_xdp(bool use);
/* A fresh network namespace with nt0 and nt1, both up, of so many queues. */
void net_setup(int queues);
/* Runs a command; its exit status. */
__attribute__((format(printf, 1, 2))) int sh(const char *fmt, ...);

/*
 * From the next port on: packets by way of the stack, as for drivers that can do no better, or
 * again by the best way there is.
 */
void net_by_stack(bool yes);

struct net_counters {
	uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes;
};
struct net_counters net_counters(const char *ifname); /* the kernel's */

/* A port: one descriptor, registered and mapped. */
struct port {
	int fd;
	struct nmreq_register reg;
	char *mem;
	struct netmap_if *nifp;
	int error; /* of registration */
};

/* mode NR_REG_*; on failure p->fd stays open, for port_error(). */
int port_open(struct port *p, const char *name, uint32_t mode, uint16_t ring, uint64_t flags);
/* The same, with a wish for so many host rings of each direction. */
int port_open_host(struct port *p, const char *name, uint32_t mode, uint16_t ring, uint64_t flags,
		   uint16_t host_rings);
/* The same, with wishes for numbers of rings and slots. */
int port_open_wish(struct port *p, const char *name, uint32_t mode, uint16_t ring, uint64_t flags,
		   const struct nmreq_register *wish);
void port_close(struct port *p);
int port_ioctl(struct port *p, unsigned long request, void *arg);
int port_events(struct port *p, int events); /* poll(2) without waiting: revents */
const char *port_error(struct port *p);
/* NIOCCTRL: 0 or errno. */
int port_request(struct port *p, uint16_t type, const char *name, void *body);
struct netmap_ring *port_txring(struct port *p, uint32_t i);
struct netmap_ring *port_rxring(struct port *p, uint32_t i);

/* One field of a ring that belongs to its client, made something else than it should be. */
void ring_scribble(struct netmap_ring *r, unsigned int *seed);

/* A broadcast frame of the given length that carries a number. */
void frame_make(uint8_t *buf, uint32_t len, uint32_t seq);
bool frame_check(const uint8_t *buf, uint32_t len, uint32_t *seq);

/* Sends n frames numbered from seq on, on one ring; gives up after 5 s. Returns sent. */
uint32_t port_send(struct port *p, uint32_t ring, uint32_t n, uint32_t len, uint32_t seq);
/* Receives frames of ours on all rings until n or a silence of ms. */
uint32_t port_receive(struct port *p, uint32_t n, int ms);

/* Waits as a program does, with poll(2); the returned events, 0 at timeout. */
int port_wait(struct port *p, int events, int ms);

int raw_open(const char *ifname); /* AF_PACKET, all frames */
uint32_t raw_receive(int fd, uint32_t n, int ms);
uint32_t raw_send(int fd, uint32_t n, uint32_t len, uint32_t seq);

double now(void); /* seconds */
/* As many seconds, or more where everything is slow (T_PATIENCE). */
double patience(double seconds);

/* The text of the listing has this. */
bool state_has(const char *text);
bool state_lacks(const char *text);
/* A port's packets in the listing, dir "rx" or "tx"; -1 if it is not there. */
long port_stat(const char *port, const char *dir);

#endif /* NM_TEST_NIC_FIXTURE_H */
