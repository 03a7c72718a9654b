/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the store knows of a guest: the records of its earlier instances, and
 * that of its own death. Two instances are of one guest when they have the
 * uuid or the name in common: xl gives a guest that is created anew a new
 * uuid, and rename-restart gives a corpse a new name.
 */
#ifndef XK_CRASHD_HISTORY_H
#define XK_CRASHD_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <json-c/json.h>

#include "crash_guest.h"
#include "store.h"

/* The death of this very instance, if it was stored or skipped already, by a
 * crashd that was stopped since; *time_r: when. */
bool xk_history_own(const struct xk_guest *g, uint64_t *time_r);

/* Deaths of earlier instances, the newest first, at most `max`. */
size_t xk_history_deaths(const struct xk_guest *g, uint64_t *times,
                         size_t max);

/* The record of the newest of these; NULL: none. The caller puts it. */
struct json_object *xk_history_last(const struct xk_guest *g,
                                    char id[XK_STORE_ID_SIZE]);

#endif /* XK_CRASHD_HISTORY_H */
