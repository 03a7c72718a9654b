/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Limits of shares, see quota.h. Threads may pass a limit together by what
 * they have under way; they never pass it twice.
 */
#include "quota.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <xenkeep/util.h>

#include "state.h"
#include "tally.h"

/* Of stat's st_blocks. */
#define BLOCK 512
/* A share may be ahead of its rate by so much time. */
#define BURST_US 100000u

static bool limited(const struct slot *slot)
{
    const struct rule *rule = slot_rule(slot);

    return rule->size_limit || rule->files_limit;
}

void quota_scan(struct ops *ops, struct slot *slot)
{
    int fd;

    if (!limited(slot) || slot->scanned || slot->type != SHARE_DIR)
        return;
    slot->scanned = true;
    fd = fd_reopen(ops, slot->root, slot->root_fd, O_RDONLY | O_DIRECTORY);
    if (fd >= 0)
        tally(slot, fd);
}

/* ---- changes ---- */

static bool over(int64_t used, uint64_t limit)
{
    return limit && used > 0 && (uint64_t)used > limit;
}

int quota_take(struct slot *slot, uint64_t bytes, uint64_t files)
{
    const struct rule *rule = slot_rule(slot);
    int64_t b, f;

    if (!limited(slot))
        return 0;
    b = atomic_fetch_add(&slot->bytes, (int64_t)bytes) + (int64_t)bytes;
    f = atomic_fetch_add(&slot->files, (int64_t)files) + (int64_t)files;
    if ((!bytes || !over(b, rule->size_limit)) &&
        (!files || !over(f, rule->files_limit)))
        return 0;
    quota_settle(slot, (int64_t)bytes, 0, -(int64_t)files);
    return -EDQUOT;
}

void quota_settle(struct slot *slot, int64_t taken, int64_t came,
                  int64_t files)
{
    if (!limited(slot))
        return;
    atomic_fetch_add(&slot->bytes, came - taken);
    atomic_fetch_add(&slot->files, files);
}

static int64_t allocated(int fd)
{
    struct stat st;

    return fstat(fd, &st) ? 0 : (int64_t)st.st_blocks * BLOCK;
}

int quota_begin(struct quota_change *q, struct slot *slot, int fd,
                uint64_t growth)
{
    int rc;

    *q = (struct quota_change){ .slot = slot, .fd = -1 };
    if (!limited(slot) || slot->type == SHARE_VOLUME)
        return 0;
    rc = quota_take(slot, growth, 0);
    if (rc)
        return rc;
    q->taken = (int64_t)growth;
    q->before = allocated(fd);
    q->fd = fd;
    return 0;
}

void quota_end(struct quota_change *q)
{
    if (q->fd >= 0)
        quota_settle(q->slot, q->taken, allocated(q->fd) - q->before, 0);
}

void quota_look(struct slot *slot, int fd, const char *name,
                struct quota_loss *loss)
{
    struct stat st;

    memset(loss, 0, sizeof(*loss));
    if (!limited(slot) || fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW))
        return;
    loss->files = 1;
    if (S_ISDIR(st.st_mode) || st.st_nlink == 1)
        loss->bytes = (int64_t)st.st_blocks * BLOCK;
}

void quota_lost(struct slot *slot, const struct quota_loss *loss)
{
    quota_settle(slot, loss->bytes, 0, -loss->files);
}

/* ---- what the guest sees ---- */

static uint64_t left(int64_t used, uint64_t limit)
{
    uint64_t u = used > 0 ? (uint64_t)used : 0;

    return limit > u ? limit - u : 0;
}

void quota_statfs(const struct slot *slot, struct statvfs *st)
{
    const struct rule *rule = slot_rule(slot);
    uint64_t unit = st->f_frsize ? st->f_frsize : 1, room;

    if (rule->size_limit) {
        room = left(atomic_load(&slot->bytes), rule->size_limit) / unit;
        st->f_blocks = rule->size_limit / unit;
        st->f_bfree = xk_min_u64(st->f_bfree, room);
        st->f_bavail = xk_min_u64(st->f_bavail, room);
    }
    if (rule->files_limit) {
        room = left(atomic_load(&slot->files), rule->files_limit);
        st->f_files = rule->files_limit;
        st->f_ffree = xk_min_u64(st->f_ffree, room);
        st->f_favail = xk_min_u64(st->f_favail, room);
    }
}

/* ---- rate ---- */

/* `due` is when all that went is paid for. */
int quota_pace(struct slot *slot, uint64_t bytes, bool wait)
{
    uint64_t rate = slot_rule(slot)->rate, now = xk_now_us(), due, ahead;
    uint64_t cost;
    struct timespec ts;

    if (!rate || !bytes)
        return 0;
    if (!wait)
        return -EAGAIN;     /* a worker's, who may wait */
    cost = bytes * 1000000u / rate;
    due = atomic_load(&slot->due_us);
    do
        ahead = due > now ? due - now : 0;
    while (!atomic_compare_exchange_weak(&slot->due_us, &due,
                                           (ahead ? due : now) + cost));
    if (ahead <= BURST_US)
        return 0;
    ahead -= BURST_US;
    ts.tv_sec = (time_t)(ahead / 1000000u);
    ts.tv_nsec = (long)(ahead % 1000000u) * 1000;
    (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
    return 0;
}
