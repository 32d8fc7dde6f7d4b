/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A TAP interface: where the kernel hands packets to a process, and takes them from it.
 * It has queues, which come and go, and is gone with its last descriptor.
 */
#ifndef NM_TAP_H
#define NM_TAP_H

#include "os.h"

struct tap {
	unsigned int ifindex;
	char name[16];
};

/*
 * A new one, up, which sends nothing by itself; with an alias for those who list
 * interfaces. The descriptor of its first queue, which is attached; -errno. Each packet
 * has a virtio-net header of 10 bytes, little-endian; the kernel leaves checksums and the
 * cutting of TCP segments to the reader.
 */
int tap_open(struct tap *tap, const char *alias);
/* One more queue, attached. */
int tap_queue(const struct tap *tap);
/* A queue that is not attached gets no packets, and takes none; attaching empties it. */
int tap_attach(int fd, bool attach);

#endif /* NM_TAP_H */
