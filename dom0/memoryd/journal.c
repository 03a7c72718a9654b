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

#define MAGIC 0x4a4b5833u       /* "3XKJ" in memory */

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

/* Who has a record, so that a domain without one costs no reading. */
static void note_owner(struct journal *j, unsigned int slot,
                       const struct journal_record *rec)
{
    j->owner[slot] = journal_sound(rec) ? rec->domid + 1u : 0;
}

int journal_open(struct journal *j, const char *path)
{
    struct journal_record rec;
    unsigned int slot;

    memset(j->owner, 0, sizeof(j->owner));
    j->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (j->fd < 0)
        return -errno;
    for (slot = 0; slot < JOURNAL_SLOTS; slot++)
        if (!journal_read(j, slot, &rec))
            note_owner(j, slot, &rec);
    return 0;
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

int journal_find(const struct journal *j, xk_domid_t domid,
                 const uint8_t uuid[16], struct journal_record *rec)
{
    unsigned int slot;

    for (slot = 0; slot < JOURNAL_SLOTS; slot++)
        if (j->owner[slot] == domid + 1u && !journal_read(j, slot, rec) &&
            rec->domid == domid && !memcmp(rec->uuid, uuid, sizeof(rec->uuid)))
            return (int)slot;
    return -ENOENT;
}

int journal_write(struct journal *j, unsigned int slot,
                  struct journal_record *rec)
{
    ssize_t n;

    journal_seal(rec);
    n = pwrite(j->fd, rec, sizeof(*rec), (off_t)slot * XK_PAGE_SIZE);
    if (n < 0)
        return -errno;
    if ((size_t)n != sizeof(*rec))
        return -EIO;
    note_owner(j, slot, rec);
    return 0;
}
