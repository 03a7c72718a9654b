/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest as the parent sees it: its shares, its device in xenstore, its
 * server.
 */
#ifndef XK_FILED_GUEST_H
#define XK_FILED_GUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "area.h"
#include "child.h"
#include "device.h"
#include "filed.h"
#include "link.h"
#include "sandbox.h"
#include "share.h"

struct p9_device;

enum lent_state { LENT_LIVE, LENT_DRAINING, LENT_REVOKED };

/* A share that was lent. */
struct lent {
    struct lent *next;
    uint32_t id;
    struct share share;
    enum lent_state state;
    int fd;                     /* see share_path_open; -1: it cannot be had */
    char why[SHARE_WHY_MAX];    /* then, why */
};

struct guest {
    struct guest *next;
    struct filed *filed;
    struct xk_dominfo info;
    char name[257];
    struct lent *lent;
    uint32_t next_id;
    struct device device;
    struct p9_device *p9;       /* one for each share lent to stock guests */
    struct area *area;          /* NULL: not yet */
    uint8_t key[OPS_KEY_SIZE];
    bool keyed;
    struct sandbox_home home;
    struct child server;
};

int guests_start(struct filed *fd);
void guests_dispose(struct filed *fd);
/* By name or id. */
struct guest *guest_find(struct filed *fd, const char *name);
struct guest *guest_by_domid(struct filed *fd, uint32_t domid);

/* Lends it now. `why` has the reason of a failure. Takes the share's type. */
int guest_lend(struct guest *g, struct share *share, char why[SHARE_WHY_MAX]);
/* Its settings changed. */
void guest_lent_changed(struct guest *g, struct lent *lent);
void guest_revoke(struct guest *g, struct lent *lent, bool now);
struct lent *guest_lent(struct guest *g, const char *name);
const char *lent_state_name(const struct lent *lent);

/* The front-end has named its rings: a server for them. */
int guest_serve(struct guest *g, struct plan *plan);
/* The front-end is gone, or starts over. */
void guest_unserve(struct guest *g);

#endif /* XK_FILED_GUEST_H */
