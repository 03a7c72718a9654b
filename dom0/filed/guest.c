/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guests and their servers, see guest.h.
 */
#include "guest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <xenkeep/log.h>
#include <xenkeep/parse.h>
#include <xenkeep/util.h>

#include "key.h"
#include "p9_device.h"
#include "server.h"
#include "share_path.h"
#include "store.h"
#include "xk-keys.h"

const char *lent_state_name(const struct lent *lent)
{
    static const char *const names[] = {
        [LENT_LIVE] = "live", [LENT_DRAINING] = "draining",
        [LENT_REVOKED] = "revoked",
    };

    return names[lent->state];
}

/* ---- what is lent ---- */

static void tell(struct guest *g, enum link_type type,
                 const struct lent *lent)
{
    struct link_msg msg = { .type = type };
    int rc;

    if (!child_is_there(&g->server))
        return;
    if (lent) {
        msg.id = lent->id;
        if (type == LINK_ADD || type == LINK_SET)
            msg.share = lent->share;
    }
    rc = child_tell(&g->server, &msg, type == LINK_ADD ? lent->fd : -1);
    if (rc)
        xk_warn("%s: its server does not listen, the next one is told all: %s",
                g->name, strerror(-rc));
}

struct lent *guest_lent(struct guest *g, const char *name)
{
    struct lent *l;

    for (l = g->lent; l; l = l->next)
        if (l->state != LENT_REVOKED && !strcmp(l->share.name, name))
            return l;
    return NULL;
}

/* Also one whose path cannot be had: it is shown with the reason. */
static struct lent *new_lent(struct guest *g, const struct share *share)
{
    struct lent *l = calloc(1, sizeof(*l)), **at;

    if (!l)
        return NULL;
    l->share = *share;
    l->id = g->next_id++;
    l->fd = -1;
    for (at = &g->lent; *at; at = &(*at)->next)
        ;
    *at = l;
    return l;
}

static void show(struct guest *g, struct lent *l)
{
    device_create(&g->device);
    device_share(&g->device, l);
    p9_device_share(g, l);
    tell(g, LINK_ADD, l);
}

int guest_lend(struct guest *g, struct share *share, char why[SHARE_WHY_MAX])
{
    struct lent *l;
    int fd, rc;

    snprintf(why, SHARE_WHY_MAX, "out of memory");
    rc = share_path_open(share, &fd, why);
    if (rc)
        return rc;
    l = new_lent(g, share);
    if (!l) {
        xk_close(&fd);
        return -ENOMEM;
    }
    l->fd = fd;
    show(g, l);
    return 0;
}

void guest_lent_changed(struct guest *g, struct lent *l)
{
    if (l->fd < 0)
        return;
    if (l->share.type != SHARE_VOLUME)
        share_path_mode(l->fd, &l->share);
    device_share(&g->device, l);
    p9_device_share(g, l);
    tell(g, LINK_SET, l);
}

static void gone(struct guest *g, struct lent *l)
{
    struct lent **at;

    l->state = LENT_REVOKED;
    device_share(&g->device, l);
    for (at = &g->lent; *at != l; at = &(*at)->next)
        ;
    *at = l->next;
    xk_close(&l->fd);
    free(l);
}

void guest_revoke(struct guest *g, struct lent *l, bool now)
{
    p9_device_revoke(g, l->id, now);
    if (!child_is_there(&g->server) || l->fd < 0) {
        gone(g, l);
        return;
    }
    if (!now) {
        l->state = LENT_DRAINING;
        device_share(&g->device, l);
        tell(g, LINK_DRAIN, l);
        return;
    }
    tell(g, LINK_REVOKE, l);
    gone(g, l);
}

static void lend_kept(struct guest *g)
{
    struct kept kept;
    struct lent *l;
    size_t i;

    (void)store_read(g->filed->share_dir, g->name, &kept);
    for (i = 0; i < kept.count; i++) {
        l = new_lent(g, &kept.shares[i]);
        if (!l)
            break;
        if (share_path_open(&l->share, &l->fd, l->why))
            xk_warn("%s: share %s: %s: %s", g->name, l->share.name,
                    l->share.path, l->why);
    }
    store_dispose(&kept);
    if (g->lent)
        device_create(&g->device);
    for (l = g->lent; l; l = l->next)
        p9_device_share(g, l);
}

/* ---- the server ---- */

/* It ended, or is ended now; its status, as of waitpid(). */
static int bury(struct guest *g)
{
    if (child_is_there(&g->server))
        g->filed->totals.servers--;
    return child_bury(&g->server);
}

static void say_how(const struct guest *g, int status)
{
    if (WIFSIGNALED(status))
        xk_warn("%s: its server was ended by signal %d%s", g->name,
                WTERMSIG(status), WTERMSIG(status) == SIGSYS
                ? ": a system call that it has no need of" : "");
    else
        xk_warn("%s: its server ended with code %d", g->name,
                WEXITSTATUS(status));
}

/* What drained has nobody left who uses it. */
static void end_drains(struct guest *g)
{
    struct lent *l, *next;

    for (l = g->lent; l; l = next) {
        next = l->next;
        if (l->state == LENT_DRAINING)
            gone(g, l);
    }
}

void guest_unserve(struct guest *g)
{
    (void)bury(g);
    end_drains(g);
}

static void on_gone(struct guest *g, uint32_t id)
{
    struct lent *l;

    for (l = g->lent; l && l->id != id; l = l->next)
        ;
    if (l && l->state == LENT_DRAINING)
        gone(g, l);
}

static void on_link(evutil_socket_t fd, short what, void *arg)
{
    struct guest *g = arg;
    struct link_msg msg;
    int rc, came;

    (void)what;
    rc = link_recv(fd, &msg, &came);
    xk_close(&came);
    if (rc == -EAGAIN)
        return;
    if (rc <= 0) {
        g->filed->totals.deaths++;
        say_how(g, bury(g));
        device_lost(&g->device);
        return;
    }
    if (msg.type == LINK_UP)
        device_up(&g->device);
    else if (msg.type == LINK_GONE)
        on_gone(g, msg.id);
    else if (msg.type == LINK_BROKEN)
        device_break(&g->device, msg.why);
}

/* What outlives the server: made when there is the first. */
static int have_state(struct guest *g)
{
    int rc = 0;

    if (!g->area)
        rc = area_open(g->filed->run_dir, g->info.domid, g->info.uuid,
                       &g->area);
    if (!rc && !g->keyed) {
        rc = key_get(g->filed->state_dir, g->name, g->key);
        g->keyed = !rc;
    }
    return rc ? rc : sandbox_make_home(&g->home);
}

static void complete(struct guest *g, struct plan *plan)
{
    const struct settings *s = &g->filed->settings;

    plan->area = g->area;
    memcpy(plan->key, g->key, sizeof(plan->key));
    plan->domid = g->info.domid;
    plan->epoch = filed_epoch(g->filed);
    plan->uid = s->uid_base + g->info.domid;
    plan->poll_us = s->poll_us;
    plan->limits = (struct ops_limits){
        .nodes = s->nodes, .files = s->open_files, .locks = s->locks,
        .descriptors = s->descriptors,
    };
}

int guest_serve(struct guest *g, struct plan *plan)
{
    struct lent *l;
    int rc;

    (void)bury(g);
    rc = have_state(g);
    if (rc)
        return rc;
    complete(g, plan);
    rc = child_start(&g->server, g->filed->loop.base, &g->home, server_run,
                     plan, on_link, g);
    if (rc)
        return rc;
    g->filed->totals.servers++;
    g->filed->totals.starts++;
    for (l = g->lent; l; l = l->next) {
        if (l->fd < 0)
            continue;
        tell(g, LINK_ADD, l);
        if (l->state == LENT_DRAINING)
            tell(g, LINK_DRAIN, l);
    }
    tell(g, LINK_GO, NULL);
    return 0;
}

/* ---- the list of guests ---- */

static void read_name(struct guest *g)
{
    char path[XK_XS_PATH_MAX], name[257];

    snprintf(path, sizeof(path), XK_PATH_DOMAIN_NAME, g->info.domid);
    if (xk_xs_read(g->filed->xs, path, name, sizeof(name)) || !name[0])
        snprintf(name, sizeof(name), "dom%u", g->info.domid);
    xk_log_safe(g->name, sizeof(g->name), name);
}

static void guest_add(struct filed *fd, const struct xk_dominfo *info)
{
    struct guest *g = calloc(1, sizeof(*g));

    if (!g)
        return;
    g->filed = fd;
    g->info = *info;
    g->next_id = 1;
    g->server.link = -1;
    g->home = (struct sandbox_home)SANDBOX_NO_HOME;
    read_name(g);
    device_init(&g->device, g);
    g->next = fd->guests;
    fd->guests = g;
    lend_kept(g);
}

static void guest_free(struct guest *g)
{
    struct guest **at;
    struct lent *l;

    (void)bury(g);
    p9_devices_dispose(g, false);
    for (at = &g->filed->guests; *at != g; at = &(*at)->next)
        ;
    *at = g->next;
    area_close(g->area);
    sandbox_drop_home(&g->home);
    while ((l = g->lent)) {
        g->lent = l->next;
        xk_close(&l->fd);
        free(l);
    }
    free(g);
}

struct guest *guest_by_domid(struct filed *fd, uint32_t domid)
{
    struct guest *g;

    for (g = fd->guests; g && g->info.domid != domid; g = g->next)
        ;
    return g;
}

struct guest *guest_find(struct filed *fd, const char *name)
{
    struct guest *g;
    uint64_t id;

    for (g = fd->guests; g; g = g->next)
        if (!strcmp(g->name, name))
            return g;
    if (!xk_parse_u64(name, 1, XK_DOMID_RESERVED - 1, &id))
        return guest_by_domid(fd, (uint32_t)id);
    return NULL;
}

static void drop_gone(struct filed *fd)
{
    struct guest *g, *next;
    struct xk_dominfo info;
    int rc;

    for (g = fd->guests; g; g = next) {
        next = g->next;
        rc = xk_hv_dominfo(fd->hv, g->info.domid, &info);
        if (rc && rc != -ESRCH)
            continue;
        /* A dying one keeps living as long as we map its pages. */
        if (rc || info.dying ||
            memcmp(info.uuid, g->info.uuid, sizeof(info.uuid))) {
            device_remove(&g->device);
            p9_devices_dispose(g, true);
            area_remove(fd->run_dir, g->info.domid);
            guest_free(g);
        }
    }
}

static void add_new(struct filed *fd)
{
    xk_cleanup_free struct xk_dominfo *list = NULL;
    size_t i, n;

    if (xk_hv_domains(fd->hv, &list, &n))
        return;
    for (i = 0; i < n; i++)
        if (!list[i].dying && !guest_by_domid(fd, list[i].domid))
            guest_add(fd, &list[i]);
}

static void on_change(const char *path, void *arg)
{
    struct filed *fd = arg;
    struct guest *g;

    (void)path;
    drop_gone(fd);
    /* The toolstack begins a guest with an empty directory. */
    for (g = fd->guests; g; g = g->next) {
        device_check(&g->device);
        p9_devices_check(g);
    }
    add_new(fd);
}

int guests_start(struct filed *fd)
{
    int rc;

    on_change(NULL, fd);
    rc = xk_xs_watch(fd->xs, &fd->introduced, "@introduceDomain", on_change,
                     fd);
    if (!rc)
        rc = xk_xs_watch(fd->xs, &fd->released, "@releaseDomain", on_change,
                         fd);
    return rc;
}

void guests_dispose(struct filed *fd)
{
    while (fd->guests) {
        device_dispose(&fd->guests->device);
        guest_free(fd->guests);
    }
    if (fd->xs) {
        xk_xs_unwatch(fd->xs, &fd->introduced);
        xk_xs_unwatch(fd->xs, &fd->released);
    }
}
