/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the administrator decided for one guest: an item of "guests" in
 * xenkeep-memoryd.conf(5), such as "name=web,min=256M,max=2G,weight=200".
 * Pure; fuzzed.
 */
#ifndef XK_MEMORYD_RULE_H
#define XK_MEMORYD_RULE_H

#include <stddef.h>
#include <stdint.h>

/* Room for why an item cannot be taken: one line. */
#define RULE_WHY_MAX 200

#define RULE_WEIGHT 100u                /* of a guest that is not named */
#define RULE_PACE_KIB (64u * 1024)      /* a second; likewise */
#define RULE_SIZE_MAX_KIB (UINT64_C(1) << 40)

enum rule_answer { RULE_UNSAID, RULE_NO, RULE_YES };

/* What was not said is 0. */
struct rule {
    char name[64];              /* as in struct domain */
    uint64_t min_kib, max_kib;
    uint64_t weight;            /* 1 to 1000 */
    uint64_t pace_kib;          /* a second */
    uint64_t recover;           /* enum rule_answer: in the background */
    uint64_t overcommit_kib;    /* of its memory that the host may have */
};

/* 0, or -EINVAL and a line in `why` that names what would be right. */
int rule_parse(const char *text, struct rule *rule, char why[RULE_WHY_MAX]);

#endif /* XK_MEMORYD_RULE_H */
