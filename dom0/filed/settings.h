/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The configuration of filed: xenkeep-filed.conf(5), in xl's own syntax.
 */
#ifndef XK_FILED_SETTINGS_H
#define XK_FILED_SETTINGS_H

#include <stdint.h>

#include <xenkeep/log.h>

struct settings {
    uint32_t queues;            /* data queues of a guest, at most */
    uint32_t pool_mib;          /* of a guest, at most */
    uint32_t nodes;             /* files that a guest may know at a time */
    uint32_t descriptors;       /* of these, kept open */
    uint32_t open_files;
    uint32_t locks;
    uint32_t poll_us;           /* a queue looks on before it sleeps */
    uint32_t uid_base;          /* a server is user uid_base + domid */
    enum xk_log_level log_level;
};

void settings_default(struct settings *s);

/* 0, -ENOENT (no such file), or -EINVAL: then the reason was logged. */
int settings_read(struct settings *s, const char *path);

#endif /* XK_FILED_SETTINGS_H */
