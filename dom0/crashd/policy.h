/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The configuration of crashd: xenkeep-crashd.conf(5), in xl's own syntax.
 */
#ifndef XK_CRASHD_POLICY_H
#define XK_CRASHD_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xenkeep/log.h>

/* Guests that a configuration may name. */
#define XK_POLICY_RULES 128
#define XK_POLICY_PATH 192

/* The most that loop_deaths can be. */
#define XK_POLICY_LOOP_DEATHS 100

/* What becomes of a guest that died and that the toolstack left standing. */
enum xk_action {
    XK_ACTION_PRESERVE,     /* it stays, for somebody to look at */
    XK_ACTION_DESTROY,
    XK_ACTION_RESTART       /* destroyed, and created from its file again */
};

struct xk_rule {
    char name[64];          /* of the guest, as a log line has it */
    bool stateless;         /* nothing of it is worth a dump */
    bool has_action;
    enum xk_action action;
    char config[XK_POLICY_PATH];    /* of xl, absolute; "" unless restart */
    char fallback[XK_POLICY_PATH];  /* likewise, for one that dies all the
                                     * time; "": none */
};

struct xk_policy {
    char store[XK_POLICY_PATH];     /* where dumps are kept */
    char keys[XK_POLICY_PATH];      /* certificates, by audience */
    char user[33];
    enum xk_log_level log_level;
    uint32_t keep_dumps;        /* of one guest, at most */
    uint32_t keep_mib;          /* of all guests, at most */
    uint32_t keep_days;         /* at most */
    uint32_t keep_free_mib;     /* that the store's file system keeps */
    uint32_t workers;           /* threads of one dump */
    uint32_t store_free;        /* 1: with the guest's free pages */
    uint32_t skip_diskless;     /* 1: no disk it can write: stateless */
    uint32_t catch_triple_faults;   /* 1: they count as crashes */
    uint32_t hold_coredumps;    /* 1: FIFOs where xl dumps to */
    uint32_t hold_panics;       /* 1: modules of guests are served */
    uint32_t loop_minutes;      /* deaths in this time are counted together */
    uint32_t loop_deaths;       /* in it; one more and it is not started */
    uint32_t loop_delay_s;      /* before the start after a second death */
    enum xk_action loop_action; /* preserve or destroy: of one that is not */
    enum xk_action action;
    struct xk_rule rules[XK_POLICY_RULES];
    size_t rule_count;
};

void xk_policy_default(struct xk_policy *p);

/* 0, -ENOENT (no such file), or -EINVAL: then the reason was logged. */
int xk_policy_read(struct xk_policy *p, const char *path);

/* NULL: the guest is not named. */
const struct xk_rule *xk_policy_rule(const struct xk_policy *p,
                                     const char *name);

const char *xk_action_name(enum xk_action action);

/* "name=web,action=restart,config=/etc/xen/web.cfg". Pure. 0, or -EINVAL
 * and one clause. */
#define XK_RULE_WHY 160
int xk_rule_parse(const char *text, struct xk_rule *rule,
                  char why[XK_RULE_WHY]);

#endif /* XK_CRASHD_POLICY_H */
