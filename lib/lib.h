/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the library share with each other, and nobody else sees. */
#ifndef LIB_LIB_H
#define LIB_LIB_H

#include "libnetmap.h"

/* nmreq.c: a request, or a descriptor, with the reason of failure sent to ctx. */
int nm_ctrl(int fd, struct nmreq_header *hdr, const char *what, struct nmctx *ctx);
int nm_host_fd(const char *name, struct nmctx *ctx);

/*
 * Something that nmport_parse(), nmport_extmem() and so on leave behind in a port; undo
 * runs when the port goes, last one first. The creator embeds this in what undo needs.
 */
struct nmport_cleanup_d {
	struct nmport_cleanup_d *next;
	void (*undo)(struct nmport_d *d, struct nmport_cleanup_d *c);
};

/* nmport.c */
void nmport_push_cleanup(struct nmport_d *d, struct nmport_cleanup_d *c,
			 void (*undo)(struct nmport_d *, struct nmport_cleanup_d *));
void nmport_undo_cleanups(struct nmport_d *d, const struct nmport_cleanup_d *until);

/* nmport_spec.c: the options of port names, into the port that is the token. */
int nmport_options_decode(struct nmport_d *d, const char *opt);

/*
 * nmport_extmem.c: takes the mapping of an extmem file out of the port's hands, so that
 * it outlives the port. NULL if it has none.
 */
void *nmport_extmem_steal(struct nmport_d *d, size_t *size);

/* nmem.c: the region of a registered port, with its reference held. */
int nmem_get(struct nmport_d *d);
void nmem_put(struct nmport_d *d);
int nmem_map(struct nmport_d *d);

/* The word in list (NULL at its end) that is nearest to s, if one is near enough. */
const char *nm_nearest(const char *s, size_t len, const char *const *list);

#endif /* LIB_LIB_H */
