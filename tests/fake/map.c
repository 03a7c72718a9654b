/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Mappings, see map.h. A run of frames in sequence is one mmap() of the file
 * that holds the machine's memory.
 */
#include "map.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "gnttab.h"
#include "state.h"
#include "trace.h"

/* How many frames from the first on are one after the other. */
static size_t run_of(const uint32_t *mfns, size_t max)
{
    size_t n = 1;

    while (n < max && mfns[n] == mfns[0] + n)
        n++;
    return n;
}

static void *map_frames(const uint32_t *mfns, size_t pages, int prot)
{
    size_t i, n;
    char *addr;

    addr = mmap(NULL, pages * FAKE_PAGE_SIZE, PROT_NONE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (addr == MAP_FAILED)
        return NULL;
    for (i = 0; i < pages; i += n) {
        n = 1;
        if (mfns[i] == FK_NO_MFN)
            continue;
        n = run_of(mfns + i, pages - i);
        /* They will be read: one call is far cheaper than n faults. */
        if (mmap(addr + i * FAKE_PAGE_SIZE, n * FAKE_PAGE_SIZE, prot,
                 MAP_SHARED | MAP_FIXED | MAP_POPULATE, fk->host.fd,
                 (off_t)mfns[i] * FAKE_PAGE_SIZE) == MAP_FAILED) {
            munmap(addr, pages * FAKE_PAGE_SIZE);
            return NULL;
        }
    }
    return addr;
}

struct fk_map *fk_map_new(enum fk_map_kind kind, uint16_t domid,
                          const uint32_t *mfns, const uint64_t *labels,
                          size_t pages, int prot)
{
    struct fk_map *map;
    void *addr = NULL;
    size_t i;

    if (kind != FK_MAP_REF) {
        addr = map_frames(mfns, pages, prot);
        if (!addr)
            return NULL;
    }
    map = fk_alloc(sizeof(*map));
    map->kind = kind;
    map->pid = kind == FK_MAP_REF ? 0 : getpid();
    map->domid = domid;
    map->addr = addr;
    map->pages = pages;
    map->write = prot & PROT_WRITE;
    map->mfns = fk_alloc(pages * sizeof(*mfns));
    memcpy(map->mfns, mfns, pages * sizeof(*mfns));
    map->labels = fk_alloc(pages * sizeof(*labels));
    memcpy(map->labels, labels, pages * sizeof(*labels));
    for (i = 0; i < pages; i++) {
        if (mfns[i] == FK_NO_MFN)
            continue;
        fk_frame_ref(mfns[i]);
        if (map->write)
            fk_frame_dirty(mfns[i]);
    }
    map->next = fk->maps;
    fk->maps = map;
    return map;
}

struct fk_map *fk_map_at(enum fk_map_kind kind, const void *addr)
{
    struct fk_map *map;

    for (map = fk->maps; map; map = map->next)
        if (map->kind == kind && map->addr == addr && map->pid == getpid())
            return map;
    return NULL;
}

struct fk_map *fk_map_of(enum fk_map_kind kind, uint16_t domid,
                         const uint64_t *labels, size_t pages)
{
    struct fk_map *map;

    for (map = fk->maps; map; map = map->next)
        if (map->kind == kind && map->domid == domid && map->pages == pages &&
            !memcmp(map->labels, labels, pages * sizeof(*labels)))
            return map;
    return NULL;
}

/* Reading pages that nobody ever wrote had allocated them. */
static void forget_read(const struct fk_map *map)
{
    size_t i, n;

    for (i = 0; i < map->pages; i += n) {
        n = 1;
        if (map->mfns[i] == FK_NO_MFN)
            continue;
        n = run_of(map->mfns + i, map->pages - i);
        fk_frames_forget(map->mfns[i], n);
    }
}

void fk_map_drop(struct fk_map *map)
{
    struct fk_map **at;
    size_t i;

    for (at = &fk->maps; *at != map; at = &(*at)->next)
        ;
    *at = map->next;
    if (map->addr && map->pid == getpid())
        munmap(map->addr, map->pages * FAKE_PAGE_SIZE);
    if (map->kind == FK_MAP_FOREIGN && !map->write)
        forget_read(map);
    for (i = 0; i < map->pages; i++) {
        if (map->mfns[i] == FK_NO_MFN)
            continue;
        if (map->kind == FK_MAP_GRANT)
            fk_grant_unused(map->domid, (uint32_t)map->labels[i]);
        fk_dom_unref(map->domid, map->mfns[i]);
    }
    /* A label of a grant is its gfn and its reference. */
    for (i = 0; map->kind == FK_MAP_GRANT && i < map->pages; i++)
        map->labels[i] >>= 32;
    if (map->kind == FK_MAP_FOREIGN)
        fk_trace_call("unmap", map->domid, -1, map->labels, map->pages,
                      (long)map->pages, 0);
    else if (map->kind != FK_MAP_RESOURCE)
        fk_trace_gfns("unref", map->domid, map->labels, map->pages);
    fk_free(map->mfns, map->pages * sizeof(*map->mfns));
    fk_free(map->labels, map->pages * sizeof(*map->labels));
    fk_free(map, sizeof(*map));
}

void fk_map_reap(pid_t pid)
{
    struct fk_map *map, *next;

    for (map = fk->maps; map; map = next) {
        next = map->next;
        if (map->pid == pid)
            fk_map_drop(map);
    }
}

unsigned long fake_mappings(void)
{
    const struct fk_map *map;
    unsigned long n = 0;

    fk_lock();
    for (map = fk->maps; map; map = map->next)
        n += map->kind != FK_MAP_REF;
    fk_unlock();
    return n;
}
