/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest frames in an address space: foreign maps, grant maps, resources, and
 * references of somebody outside of the test. Each knows its process, so
 * that what a dead one held can be dropped.
 */
#ifndef XK_FAKE_MAP_H
#define XK_FAKE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum fk_map_kind { FK_MAP_FOREIGN, FK_MAP_GRANT, FK_MAP_RESOURCE, FK_MAP_REF };

struct fk_map {
    struct fk_map *next;
    enum fk_map_kind kind;
    pid_t pid;
    uint16_t domid;
    void *addr;             /* NULL for FK_MAP_REF */
    size_t pages;
    uint32_t *mfns;         /* FK_NO_MFN: this page could not be mapped */
    uint64_t *labels;       /* gfns; of grants: gfn << 32 | reference */
    bool write;
};

/*
 * Maps and takes a reference on each frame. The list of labels is copied.
 * NULL: errno says why.
 */
struct fk_map *fk_map_new(enum fk_map_kind kind, uint16_t domid,
                          const uint32_t *mfns, const uint64_t *labels,
                          size_t pages, int prot);

/* The map of this process at addr, or NULL. */
struct fk_map *fk_map_at(enum fk_map_kind kind, const void *addr);
/* The latest map of any process with these labels, or NULL. */
struct fk_map *fk_map_of(enum fk_map_kind kind, uint16_t domid,
                         const uint64_t *labels, size_t pages);
/* Unmaps (if it is this process's) and drops the references. */
void fk_map_drop(struct fk_map *map);
void fk_map_reap(pid_t pid);

#endif /* XK_FAKE_MAP_H */
