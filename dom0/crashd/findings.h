/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A diagnosis for people and programs: as text, as JSON, and as one HTML page
 * that needs nothing else. What came from the guest is escaped in all three.
 */
#ifndef XK_CRASHD_FINDINGS_H
#define XK_CRASHD_FINDINGS_H

#include <stdbool.h>
#include <stdint.h>

#include <json-c/json.h>

#include "diagnosis.h"
#include "dump.h"
#include "kernel.h"

/* All but `diagnosis` and `evidence` may be NULL or zero: not known. */
struct xk_story {
    const struct xk_diagnosis *diagnosis;
    const struct xk_evidence *evidence;
    const char *guest, *uuid, *dump;    /* dump: its id */
    uint64_t seconds;                   /* of death; of the epoch */
    const struct xk_uts *uts;
    const struct xk_dump_stats *stats;
    unsigned int repeats;               /* deaths of this kind before */
    const char *changed;                /* since the last good start */
    bool log;                           /* show the log's end: it is private */
};

/* The caller puts the object; NULL: no memory. */
struct json_object *xk_findings_json(const struct xk_story *story);

/* Both malloc'd, NUL-terminated; NULL: no memory. */
char *xk_findings_text(const struct xk_story *story);
char *xk_findings_html(const struct xk_story *story);

#endif /* XK_CRASHD_FINDINGS_H */
