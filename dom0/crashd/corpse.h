/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The dead: their records, and what becomes of them.
 */
#ifndef XK_CRASHD_CORPSE_H
#define XK_CRASHD_CORPSE_H

#include <json-c/json.h>

#include "crash_guest.h"
#include "record.h"

/* What is to become of it, by the configuration. */
enum xk_action xk_corpse_action(const struct xk_guest *g);

/* All strings are the guest's, the job's or the caller's. */
struct xk_record xk_corpse_record(const struct xk_guest *g, const char *id,
                                  const char *outcome, const char *why);

/* Into the store, where ID.part is; the record stays the caller's. A failure
 * was logged. */
int xk_corpse_keep(struct xk_guest *g, const char *id,
                   struct json_object *record);

/* How often it died before, and what that means for its next start: into
 * g->repeat, by g->died. */
void xk_corpse_weigh(struct xk_guest *g);

/* What was dumped as it ran on, by that id, has died of it after all: its
 * record becomes that of a death. */
int xk_corpse_turn(struct xk_guest *g, const char *id);

/* A death without a dump: a record, then settled. */
void xk_corpse_skip(struct xk_guest *g, const char *outcome,
                    const char *why);

/* There is nothing more to be had of it: xl goes on with it, or what the
 * configuration says is done; later, or not, if it dies all the time. */
void xk_corpse_settle(struct xk_guest *g);

#endif /* XK_CRASHD_CORPSE_H */
