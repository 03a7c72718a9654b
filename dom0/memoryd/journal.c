/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The journal file, see journal.h. It stores and checks; repair.c decides.
 */
#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xenkeep/util.h>

#define MAGIC 0x4a4b5832u       /* "2XKJ" in memory */

_Static_assert(sizeof(struct journal_record) <= XK_PAGE_SIZE, "one page");

/* FNV-1a: a torn or foreign record is to be noticed, nobody is to be kept
 * out; the file is root's. */
static uint32_t sum_of(const struct journal_record *rec)
{
    const uint8_t *p = (const uint8_t *)rec + offsetof(struct journal_record,
                                                       uuid);
    const uint8_t *end = (const uint8_t *)(rec + 1);
    uint32_t h = 2166136261u;

    while (p < end)
        h = (h ^ *p++) * 16777619u;
    return h;
}

bool journal_sound(const struct journal_record *untrusted)
{
    return untrusted->magic == MAGIC && untrusted->sum == sum_of(untrusted) &&
           untrusted->phase < JOURNAL_PHASES &&
           untrusted->phase != JOURNAL_FREE &&
           untrusted->domid < XK_DOMID_RESERVED &&
           untrusted->nr_gfns <= JOURNAL_GFNS;
}

void journal_seal(struct journal_record *rec)
{
    rec->magic = MAGIC;
    rec->sum = sum_of(rec);
}

int journal_open(struct journal *j, const char *path)
{
    j->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    return j->fd < 0 ? -errno : 0;
}

void journal_close(struct journal *j)
{
    xk_close(&j->fd);
}

int journal_read(const struct journal *j, unsigned int slot,
                 struct journal_record *rec)
{
    ssize_t n;

    n = pread(j->fd, rec, sizeof(*rec), (off_t)slot * XK_PAGE_SIZE);
    if (n < 0)
        return -errno;
    return (size_t)n == sizeof(*rec) && journal_sound(rec) ? 0 : -ENOENT;
}

int journal_write(const struct journal *j, unsigned int slot,
                  struct journal_record *rec)
{
    ssize_t n;

    journal_seal(rec);
    n = pwrite(j->fd, rec, sizeof(*rec), (off_t)slot * XK_PAGE_SIZE);
    if (n < 0)
        return -errno;
    return (size_t)n == sizeof(*rec) ? 0 : -EIO;
}
