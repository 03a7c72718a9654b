/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shutting a server in: nothing of dom0 but the shares can be reached from
 * within, whatever code runs there.
 */
#ifndef XK_FILED_SANDBOX_H
#define XK_FILED_SANDBOX_H

#include <stddef.h>
#include <stdint.h>

/* The descriptors that are open now: those of a later start are closed in
 * each server. */
int sandbox_note_fds(void);
/* Closes all others but `keep` (which may be -1). */
int sandbox_close_fds(int keep);

/*
 * Network and IPC namespaces of a guest's own, empty. They are made once for
 * all its servers: making and ending them takes the kernel long.
 */
struct sandbox_home {
    int net, ipc;               /* -1: none */
};

#define SANDBOX_NO_HOME { -1, -1 }

int sandbox_make_home(struct sandbox_home *home);
void sandbox_drop_home(struct sandbox_home *home);

/* The next child of this process is the first of its own process namespace;
 * undone by the second. */
int sandbox_before_fork(void);
void sandbox_after_fork(void);

/*
 * In the child, at home: the other namespaces, an empty root, user `uid`, a
 * few capabilities.
 * *descriptors: how many are wanted, and then how many there are.
 * *fd_dir_r: /proc/self/fd, alone in its mount, for ops_config.
 */
int sandbox_enter(uint32_t uid, uint32_t *descriptors, int *fd_dir_r);
/* Before that, and before descriptors are closed. */
int sandbox_go_home(const struct sandbox_home *home);
/* The last step: any system call that a server does not need ends it. */
int sandbox_filter(void);

#endif /* XK_FILED_SANDBOX_H */
