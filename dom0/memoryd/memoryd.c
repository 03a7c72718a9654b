/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The phases of memoryd's life, see memoryd.h.
 */
#include "memoryd.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <xenkeep/log.h>
#include <xenkeep/util.h>

#include "control.h"
#include "domain.h"
#include "lock.h"

void memoryd_init(struct memoryd *md)
{
    memset(md, 0, sizeof(*md));
    md->lock_fd = -1;
    md->journal.fd = -1;
    settings_default(&md->settings);
}

static int say(const char *what, int rc)
{
    if (rc)
        xk_err("%s: %s", what, strerror(-rc));
    return rc;
}

static int open_files(struct memoryd *md, const char *run_dir)
{
    char path[256];
    int rc;

    if (mkdir(run_dir, 0755) && errno != EEXIST)
        return say(run_dir, -errno);
    snprintf(path, sizeof(path), "%s/memoryd.lock", run_dir);
    rc = xk_lock(path, &md->lock_fd);
    if (rc == -EWOULDBLOCK) {
        xk_err("another xenkeep-memoryd is running: %s is locked", path);
        return rc;
    }
    if (rc)
        return say(path, rc);
    snprintf(path, sizeof(path), "%s/memoryd.journal", run_dir);
    rc = say(path, journal_open(&md->journal, path));
    if (rc)
        return rc;
    snprintf(path, sizeof(path), "%s/memoryd.sock", run_dir);
    return say(path, xk_ctl_open(&md->ctl, md->loop.base, path,
                                 control_methods, md));
}

int memoryd_open(struct memoryd *md, const char *run_dir)
{
    int rc;

    rc = say("event loop", xk_loop_init(&md->loop));
    if (!rc)
        rc = open_files(md, run_dir);
    if (!rc)
        rc = say("hypervisor (is this dom0, and are you root?)",
                 xk_hv_open(&md->hv));
    if (!rc)
        rc = say("xenstore", xk_xs_open(&md->xs, md->loop.base));
    if (!rc)
        rc = say("event channels and grants",
                 xk_chans_open(&md->chans, md->loop.base));
    return rc;
}

int memoryd_start(struct memoryd *md)
{
    int rc = say("the balancer", balancer_start(md));

    return rc ? rc : say("watching domains", domains_start(md));
}

void memoryd_dispose(struct memoryd *md)
{
    domains_dispose(md);
    balancer_dispose(md);
    xk_ctl_close(md->ctl);
    xk_chans_close(md->chans);
    xk_xs_close(md->xs);
    xk_hv_close(md->hv);
    journal_close(&md->journal);
    xk_close(&md->lock_fd);
    xk_loop_dispose(&md->loop);
}
