/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Handles of nodes, as the guest keeps them: which share, and what the file is
 * there, sealed with the guest's key, so that a guest can bring back what it
 * got and nothing else.
 */
#ifndef XK_FILED_HANDLE_H
#define XK_FILED_HANDLE_H

#include <stddef.h>
#include <stdint.h>

#include "node.h"
#include "ops.h"

struct slot;

/* Fills in entry->handle; without one if the file's own is too long. */
void handle_seal(struct ops *ops, const struct node *node,
                 struct ops_entry *entry);

/* What is sealed in it. -ESTALE: it is none of ours, or its share is gone. */
int handle_open(struct ops *ops, const void *untrusted, size_t len,
                struct slot **slot_r, struct identity *id_r);

/* The tag of a new share. */
void handle_tag(struct ops *ops, struct slot *slot);

#endif /* XK_FILED_HANDLE_H */
