/* SPDX-License-Identifier: BSD-2-Clause */
/* Intrusive doubly linked list with a sentinel head. */
#ifndef NM_LIST_H
#define NM_LIST_H

#include "os.h"

struct nm_list {
	struct nm_list *next, *prev;
};

static inline void nm_list_init(struct nm_list *l)
{
	l->next = l->prev = l;
}

static inline bool nm_list_empty(const struct nm_list *l)
{
	return l->next == l;
}

static inline void nm_list_add_tail(struct nm_list *head, struct nm_list *n)
{
	n->prev = head->prev;
	n->next = head;
	head->prev->next = n;
	head->prev = n;
}

/* Leaves the node a valid empty list, so that a second removal is harmless. */
static inline void nm_list_del(struct nm_list *n)
{
	n->prev->next = n->next;
	n->next->prev = n->prev;
	nm_list_init(n);
}

#define nm_list_entry(ptr, type, member) nm_container_of(ptr, type, member)
#define nm_list_for_each(pos, head, type, member)                                     \
	for (pos = nm_list_entry((head)->next, type, member); &pos->member != (head); \
	     pos = nm_list_entry(pos->member.next, type, member))

#endif /* NM_LIST_H */
