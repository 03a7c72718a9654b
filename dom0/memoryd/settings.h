/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The configuration of memoryd: xenkeep-memoryd.conf(5), in xl's own syntax.
 */
#ifndef XK_MEMORYD_SETTINGS_H
#define XK_MEMORYD_SETTINGS_H

#include <stddef.h>
#include <stdint.h>

#include <xenkeep/log.h>

#include "rule.h"

/* Guests that a configuration may name. */
#define SETTINGS_RULES 128

struct settings {
    uint32_t pause_max_us;          /* longest pause aimed at */
    uint32_t pause_share_permille;  /* share of time a guest may be paused */
    uint32_t scan_share_percent;    /* of one CPU, for scanning */
    uint32_t sweep_regular;         /* 1: single pages of split ranges too */
    uint32_t inflate_chunk_mib;     /* given between two settlements */
    uint32_t host_reserve_mib;      /* of free memory that no guest gets */
    uint32_t guard;                 /* 1: guests in debt are guarded */
    uint32_t guard_lend;            /* 1: with host memory */
    uint32_t guard_low_mib;         /* stopped below it; 0: by its vcpus */
    uint32_t recover_share_percent; /* of a guest's time, for recovery */
    uint32_t recover_background;    /* 1: by itself, see background.h */
    uint32_t background_share_percent;  /* of a guest's time, for that */
    uint32_t free_page_reporting;   /* 1: offered to guests */
    uint32_t balancer;              /* 1: memory moves between guests */
    uint32_t balance_interval_ms;   /* from one plan to the next */
    enum xk_log_level log_level;
    char user[33];                  /* LOGIN_NAME_MAX of Debian's adduser */
    struct rule rules[SETTINGS_RULES];
    size_t nr_rules;
};

void settings_default(struct settings *s);

/* 0, -ENOENT (no such file), or -EINVAL: then the reason was logged. */
int settings_read(struct settings *s, const char *path);

/* What was decided for the guest of this name; NULL: nothing. */
const struct rule *settings_rule(const struct settings *s, const char *name);

#endif /* XK_MEMORYD_SETTINGS_H */
