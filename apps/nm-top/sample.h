/* SPDX-License-Identifier: BSD-2-Clause */
/* One look at the host: its listing in plain structs, with rates since the look before. */
#ifndef NMTOP_SAMPLE_H
#define NMTOP_SAMPLE_H

#include <stdint.h>

#include "../common/state.h"

#define SAMPLE_CAUSES 16

enum { SAMPLE_TX, SAMPLE_RX, SAMPLE_DIRS };

/* Counters of a direction of a port, or of a ring. Strings belong to the tree. */
struct sample_counters {
	double packets, bytes, syncs, errors, drops;
	unsigned causes;
	struct {
		const char *name;
		double count;
	} cause[SAMPLE_CAUSES];
	/* per second, since the sample before; 0 in the first one */
	double pps, bps, drops_ps;
};

struct sample_ring {
	int dir;
	unsigned number, slots, open;
	unsigned fill; /* rx: packets for the program; tx: packets that have not left */
	struct sample_counters c;
};

struct sample_port {
	const char *name, *kind, *info;
	int up;
	unsigned mem_id, clients;
	struct sample_counters c[SAMPLE_DIRS];
	unsigned fill[SAMPLE_DIRS], slots[SAMPLE_DIRS]; /* of all open rings */
	struct sample_ring *ring;
	unsigned rings;
};

struct sample {
	struct json_value *tree;
	uint64_t ns;
	struct sample_port *port;
	unsigned ports, switches, memories, clients;
};

extern const char *const sample_dir_name[SAMPLE_DIRS];

/* 0, or -1 with a line in error. previous may be NULL. */
int sample_take(struct sample *s, const struct sample *previous, char error[STATE_ERROR]);
/* From a tree that is there already; takes it over. -1: no memory. */
int sample_from(struct sample *s, struct json_value *tree, const struct sample *previous,
		uint64_t ns);
void sample_free(struct sample *s);

#endif
