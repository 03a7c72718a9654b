/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Why a guest died: what Xen and the toolstack know first, then what its log
 * says, by the rules of causes.h. The result is a stop code (origin, class,
 * where, cause key), the keys by which repeats are recognised, and what to do.
 */
#ifndef XK_CRASHD_DIAGNOSIS_H
#define XK_CRASHD_DIAGNOSIS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "causes.h"
#include "oops.h"

#define XK_FACT_VALUE 512u
#define XK_DIAGNOSIS_TEXT 640u
#define XK_DIAGNOSIS_OTHERS 8u

/*
 * What is known besides the guest's memory; names are the rules' words:
 *
 *   shutdown          crash, watchdog, soft-reset, reboot, triple-fault,
 *                     poweroff; how Xen says that it ended
 *   uptime_s          since it was started
 *   starts            of this guest in the last ten minutes
 *   pod_entries, pod_cache, pages, max_pages, balloon_target    pages
 *   steal_permille    time that its vcpus waited for a processor
 *   backend           what a back-end said last, if it was an error
 *   last_action       of the administrator; last_action_s: seconds before
 *   viridian_code     a Windows bug check's number; viridian_1 to _4
 *   type              pv, pvh, hvm
 */
struct xk_fact {
    char name[XK_CAUSE_KEY];
    char value[XK_FACT_VALUE];
};

struct xk_evidence {
    const struct xk_fact *facts;
    size_t fact_count;
    const char *log;            /* of the kernel; NULL: none was found */
    const char *xen;            /* Xen's lines on this domain; NULL: none */
    const struct xk_trace *stack;   /* of the vcpu that died; may be NULL */
    const char *build_id;       /* of the kernel; may be NULL, as all below */
    const char *release;
    const char *image;          /* what the guest was made from */
    const char *host;
};

/* A cause that fits. */
struct xk_finding {
    const struct xk_cause *cause;
    char text[XK_DIAGNOSIS_TEXT];   /* the cause, with what was matched */
    char where[XK_DIAGNOSIS_TEXT];
    char line[XK_DIAGNOSIS_TEXT];   /* what matched */
};

struct xk_diagnosis {
    char origin[XK_CAUSE_KEY];
    char class[XK_CAUSE_KEY];
    char where[XK_DIAGNOSIS_TEXT];
    char cause[XK_CAUSE_KEY];       /* "unknown": no rule fits */
    unsigned int confidence;        /* percent; 0: unknown */
    struct xk_finding first;
    struct xk_finding others[XK_DIAGNOSIS_OTHERS];
    size_t other_count;
    struct xk_trace trace;
    uint64_t exact, loose, context; /* keys of repeats */
};

/* Never fails: what is not known is said to be unknown. */
void xk_diagnose(struct xk_diagnosis *d, const struct xk_causes *causes,
                 const struct xk_evidence *evidence);

/* "origin/class/where/cause", at most 200 bytes. */
void xk_diagnosis_code(const struct xk_diagnosis *d, char code[200]);

/* The value of a fact, or NULL. */
const char *xk_fact(const struct xk_evidence *evidence, const char *name);

#endif /* XK_CRASHD_DIAGNOSIS_H */
