/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Causes of death, as rules in plain files (crash.d/NAME.conf):
 *
 *     [null-pointer]                   its key, in stop codes
 *     source = log                     or xen, or fact NAME
 *     pattern = BUG: kernel NULL pointer dereference, address: ([0-9a-f]+)
 *     when = steal_permille >= 200     a fact; may be given again
 *     class = kernel-bug
 *     origin = guest                   or hypervisor, hardware, host, toolstack
 *     tier = primary                   hardware before primary, primary
 *                                      before secondary
 *     confidence = 70                  percent
 *     where = trace                    or a text, or nothing
 *     cause = The kernel followed a pointer that is not set (\1).
 *     procedure = What to look at.     may be given again, as may advice
 *     advice = What to do.
 *
 * Patterns are extended regular expressions (regex(7)) without counts in
 * braces and back references; in texts \1 to \9 stand for what parentheses
 * matched. # begins a comment line.
 */
#ifndef XK_CRASHD_CAUSES_H
#define XK_CRASHD_CAUSES_H

#include <regex.h>
#include <stdbool.h>
#include <stddef.h>

#define XK_CAUSE_KEY 48u
#define XK_CAUSE_TEXT 512u
#define XK_CAUSE_STEPS 8u
#define XK_CAUSE_WHENS 4u
#define XK_CAUSES_MAX 512u
#define XK_CAUSES_FILE_MAX (256u << 10)
#define XK_CAUSES_WHY 256u

enum xk_cause_source { XK_CAUSE_LOG, XK_CAUSE_XEN, XK_CAUSE_FACT };
enum xk_cause_tier {
    XK_CAUSE_SECONDARY, XK_CAUSE_PRIMARY, XK_CAUSE_HARDWARE
};

struct xk_when {
    char fact[XK_CAUSE_KEY];
    char operation[3];          /* < <= = != >= > */
    long long number;
};

struct xk_cause {
    char key[XK_CAUSE_KEY];
    enum xk_cause_source source;
    char fact[XK_CAUSE_KEY];    /* of XK_CAUSE_FACT */
    bool compiled;
    regex_t pattern;
    struct xk_when when[XK_CAUSE_WHENS];
    size_t when_count;
    char class[XK_CAUSE_KEY];
    char origin[XK_CAUSE_KEY];
    enum xk_cause_tier tier;
    unsigned int confidence;
    char where[XK_CAUSE_TEXT];
    char cause[XK_CAUSE_TEXT];
    char *procedure[XK_CAUSE_STEPS];
    size_t procedure_count;
    char *advice[XK_CAUSE_STEPS];
    size_t advice_count;
};

struct xk_causes {
    struct xk_cause **cause;
    size_t count;
};

/*
 * Adds the rules of one file's text; `name` is for messages. A key that is
 * there already is replaced, so that a later file can correct an earlier one.
 * -EINVAL: `why` says "NAME:LINE: what"; nothing of the text is kept then.
 */
int xk_causes_parse(struct xk_causes *causes, const char *text,
                    const char *name, char why[XK_CAUSES_WHY]);

/* All DIR/NAME.conf in the order of their names. -ENOENT: no such folder. */
int xk_causes_load(struct xk_causes *causes, const char *dir,
                   char why[XK_CAUSES_WHY]);

void xk_causes_dispose(struct xk_causes *causes);

#endif /* XK_CRASHD_CAUSES_H */
