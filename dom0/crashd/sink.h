/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where a dump goes: a file of the kdump format in pieces, each of one class.
 * The container seals them; an export puts them where they belong.
 */
#ifndef XK_CRASHD_SINK_H
#define XK_CRASHD_SINK_H

#include <stddef.h>
#include <stdint.h>

#include "class.h"

struct xk_sink {
    /*
     * Takes `len` bytes that belong at `offset` of the file; what no call
     * covers reads as zeroes. Calls never overlap in time, but come from
     * several threads. Page data comes at rising offsets; between it, and
     * at the end, what is of class XK_CLASS_INDEX, at any offset.
     * The data is the caller's again after the call. An error (-errno) ends
     * the dump with it.
     */
    int (*extent)(void *ctx, enum xk_class cls, uint64_t offset,
                  const void *data, size_t len);
    void *ctx;
};

#endif /* XK_CRASHD_SINK_H */
