/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The record of a death: what is known of it in clear, record.json in the
 * store. Fields (all there unless said):
 *
 *     version 1, id, time (seconds since 1970), boot (of the host)
 *     guest, uuid, domid, type ("pvh", ...)
 *     reason    "crash", "watchdog", ... as Xen says; "panic", "oops" as the
 *               guest's module says
 *     outcome   "stored"  there is a dump
 *               "skipped" by policy, why says which
 *               "lost"    the guest was gone before it could be read
 *               "failed"  why says what went wrong
 *               "thinned" there was a dump: others of its kind stay
 *     why       a clause, or ""
 *     live      it ran on
 *     kernel    release, or ""
 *     stop, title, advice   the diagnosis: its code, in words, what to do; of
 *               a dumped one
 *     pages     {class: {found, stored, bytes}}, of a stored one
 *     bytes     of the dump's file; memory_bytes: of the guest
 *     duration_us, dump (its id, hex), plain (classes that anybody can read)
 *     sealed_for  [{audience, name, fingerprint}]
 *     action    what was to become of the guest
 *     deaths    of the guest in the time that counts (loop_minutes), with this
 *     delay_s   that its next start was to wait; held: there was to be none
 *     told      true once the next instance has it in its xenstore
 */
#ifndef XK_CRASHD_RECORD_H
#define XK_CRASHD_RECORD_H

#include <json-c/json.h>

#include "job.h"
#include "policy.h"
#include "repeat.h"

struct xk_record {
    const char *id, *guest, *boot;
    const struct xk_dominfo *info;
    uint64_t time;
    const char *outcome, *why;
    bool live;
    enum xk_action action;
    const char *reason;                 /* NULL: as `info` has it */
    const struct xk_repeat *repeat;
    const struct xk_job *job;           /* NULL: no dump was tried */
    const struct xk_recipients *recipients;
};

/* The caller puts it. */
struct json_object *xk_record_json(const struct xk_record *rec);

/* Adds how often the guest died; of a death. */
void xk_record_repeat(struct json_object *obj, const struct xk_repeat *r);

/* "crash", "watchdog", ...; of a guest that runs: "running". */
const char *xk_reason_name(const struct xk_dominfo *info);

void xk_uuid_text(const uint8_t uuid[16], char text[37]);

#endif /* XK_CRASHD_RECORD_H */
