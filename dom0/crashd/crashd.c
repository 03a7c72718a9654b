/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The phases of crashd's life, see crashd.h.
 */
#include "crashd.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <xenkeep/log.h>
#include <xenkeep/util.h>

#include "crash_control.h"
#include "crash_guest.h"
#include "lock.h"
#include "store.h"

void xk_crashd_init(struct xk_crashd *cd)
{
    memset(cd, 0, sizeof(*cd));
    cd->lock_fd = cd->notify[0] = cd->notify[1] = cd->actor.fd = -1;
    xk_policy_default(&cd->policy);
}

static int say(const char *what, int rc)
{
    if (rc)
        xk_err("%s: %s", what, strerror(-rc));
    return rc;
}

/* ---- the store and the host's key --------------------------------------- */

/* Every folder of the path; the last one is the user's alone. */
static int make_store(const struct xk_policy *p)
{
    const struct passwd *pw;
    char path[XK_POLICY_PATH];
    char *slash;

    strcpy(path, p->store);
    for (slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1,
                                                              '/')) {
        *slash = '\0';
        if (mkdir(path, 0755) && errno != EEXIST)
            return -errno;
        *slash = '/';
    }
    if (mkdir(path, 0700) && errno != EEXIST)
        return -errno;
    if (geteuid())
        return 0;
    pw = getpwnam(p->user);
    if (!pw)
        return 0;               /* dropping privileges will say so */
    return chown(path, pw->pw_uid, pw->pw_gid) || chmod(path, 0700) ? -errno
                                                                    : 0;
}

static int make_key(struct xk_crashd *cd, const char *path)
{
    char aside[XK_STORE_PATH + 8];
    xk_cleanup_fd int fd = -1;
    int rc;

    rc = xk_signer_new(&cd->signer);
    if (rc)
        return rc;
    snprintf(aside, sizeof(aside), "%s.new", path);
    fd = open(aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
              0600);
    if (fd < 0)
        return -errno;
    rc = xk_signer_write(cd->signer, fd);
    if (!rc && fsync(fd))
        rc = -errno;
    if (!rc && rename(aside, path))
        rc = -errno;
    return rc;
}

/* The host's own key: made once, root's alone. */
static int open_key(struct xk_crashd *cd)
{
    char path[XK_STORE_PATH];
    xk_cleanup_fd int fd = -1;

    snprintf(path, sizeof(path), "%s/host.key", cd->policy.store);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0)
        return say(path, xk_signer_read(&cd->signer, fd));
    return say(path, errno == ENOENT ? make_key(cd, path) : -errno);
}

/* The public half, for those who check dumps elsewhere. */
static int write_public(struct xk_crashd *cd)
{
    uint8_t public[XK_PUBLIC_SIZE];
    char path[XK_STORE_PATH];
    FILE *f;
    size_t i;
    int rc;

    snprintf(path, sizeof(path), "%s/host.pub", cd->policy.store);
    rc = xk_signer_public(cd->signer, public);
    if (rc)
        return rc;
    f = fopen(path, "we");
    if (!f)
        return say(path, -errno);
    for (i = 0; i < sizeof(public); i++)
        fprintf(f, "%02x", public[i]);
    fputc('\n', f);
    return say(path, fclose(f) ? -errno : 0);
}

static void read_boot(struct xk_crashd *cd)
{
    FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");

    if (f && !fgets(cd->boot, sizeof(cd->boot), f))
        cd->boot[0] = '\0';
    if (f)
        fclose(f);
    cd->boot[strcspn(cd->boot, "\n")] = '\0';
}

static int open_store(struct xk_crashd *cd)
{
    int rc = say(cd->policy.store, make_store(&cd->policy));

    if (!rc)
        rc = open_key(cd);
    if (!rc)
        rc = write_public(cd);
    read_boot(cd);
    return rc;
}

/* ---- phases ------------------------------------------------------------- */

static int open_run(struct xk_crashd *cd, const char *run_dir)
{
    char path[256];
    int rc;

    if (mkdir(run_dir, 0755) && errno != EEXIST)
        return say(run_dir, -errno);
    snprintf(path, sizeof(path), "%s/crashd.lock", run_dir);
    rc = xk_lock(path, &cd->lock_fd);
    if (rc == -EWOULDBLOCK) {
        xk_err("another xenkeep-crashd is running: %s is locked", path);
        return rc;
    }
    if (rc)
        return say(path, rc);
    snprintf(path, sizeof(path), "%s/crashd.sock", run_dir);
    return say(path, xk_ctl_open(&cd->ctl, cd->loop.base, path,
                                 xk_crash_methods, cd));
}

static int open_hypervisor(struct xk_crashd *cd)
{
    const char *what = "hypervisor (is this dom0, and are you root?)";
    unsigned int i;
    int rc;

    rc = say(what, xk_hv_open(&cd->hv));
    for (i = 0; !rc && i < XK_CRASHD_JOBS; i++)
        rc = say(what, xk_hv_open(&cd->job_hv[i]));
    return rc;
}

/* Without rules a death is dumped all the same, and its cause is unknown. */
static void read_causes(struct xk_crashd *cd, const char *dir)
{
    char why[XK_CAUSES_WHY] = "";
    int rc = dir ? xk_causes_load(&cd->causes, dir, why) : 0;

    if (rc)
        xk_warn("rules of the diagnosis: %s: %s", dir,
                why[0] ? why : strerror(-rc));
}

/* Without them modules of guests are not served; all else goes on. */
static void open_chans(struct xk_crashd *cd)
{
    int rc = xk_chans_open(&cd->chans, cd->loop.base);

    if (rc)
        xk_warn("guests with xk_crash do not wait when they panic: event "
                "channels and grants: %s", strerror(-rc));
}

int xk_crashd_open(struct xk_crashd *cd,
                   const struct xk_crashd_places *places)
{
    int rc;

    /* First: it must not inherit what is opened below. */
    rc = say("the helper process",
             xk_actor_start(&cd->actor, &cd->policy, places->dump_dir,
                            places->xl));
    if (!rc)
        rc = say("event loop", xk_loop_init(&cd->loop));
    if (!rc)
        rc = open_run(cd, places->run_dir);
    if (!rc)
        rc = open_store(cd);
    if (!rc && pipe2(cd->notify, O_CLOEXEC | O_NONBLOCK))
        rc = say("a pipe", -errno);
    if (!rc)
        rc = open_hypervisor(cd);
    if (!rc)
        rc = say("xenstore", xk_xs_open(&cd->xs, cd->loop.base));
    if (!rc && cd->policy.hold_panics)
        open_chans(cd);
    if (!rc)
        read_causes(cd, places->causes);
    if (!rc)
        xk_recipients_read(&cd->recipients, cd->policy.keys, time(NULL));
    return rc;
}

/*
 * Dumps that an earlier crashd left unfinished: what they were of is dumped
 * again if it still stands.
 */
static void remove_parts(struct xk_crashd *cd)
{
    char (*ids)[XK_STORE_ID_SIZE];
    size_t count, i;

    if (xk_store_list(cd->policy.store, true, &ids, &count))
        return;
    for (i = 0; i < count; i++) {
        xk_warn("dump %s was not finished by an earlier crashd: it is "
                "removed", ids[i]);
        (void)xk_store_remove(cd->policy.store, ids[i], true);
    }
    free(ids);
}

static void tell_recipients(const struct xk_crashd *cd)
{
    const struct xk_recipients *r = &cd->recipients;
    unsigned int a, used = 0;
    size_t i;

    for (a = 0; a < XK_RECIPIENT_AUDIENCES; a++)
        for (i = 0; i < r->count[a]; i++)
            used += r->list[a][i].cert != NULL;
    if (used)
        xk_info("dumps are sealed for %u certificates", used);
    else
        xk_warn("there is no certificate below %s: what is private in a "
                "guest's memory is left out of dumps", cd->policy.keys);
}

int xk_crashd_start(struct xk_crashd *cd)
{
    remove_parts(cd);
    tell_recipients(cd);
    return say("watching domains", xk_guests_start(cd));
}

void xk_crashd_dispose(struct xk_crashd *cd)
{
    unsigned int i;

    xk_guests_dispose(cd);
    xk_actor_stop(&cd->actor);
    xk_ctl_close(cd->ctl);
    xk_chans_close(cd->chans);
    xk_xs_close(cd->xs);
    for (i = 0; i < XK_CRASHD_JOBS; i++)
        xk_hv_close(cd->job_hv[i]);
    xk_hv_close(cd->hv);
    xk_recipients_dispose(&cd->recipients);
    xk_causes_dispose(&cd->causes);
    xk_signer_free(cd->signer);
    xk_close(&cd->notify[0]);
    xk_close(&cd->notify[1]);
    xk_close(&cd->lock_fd);
    xk_loop_dispose(&cd->loop);
}
