/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The trace of memory calls: one line a call, written by the stand-in when
 * XK_FAKE_TRACE names a file, written by the lab on real Xen with the same
 * words, and read back by fake_replay(). A difference between the two is an
 * error of the stand-in.
 *
 *   # text                                    comment
 *   host SUPERS SINGLES                       before all else
 *   domain ID TYPE KEY=VALUE...               TYPE pvh, hvm or pv; keys:
 *       pages static max special vcpus layout passthrough bare (numbers,
 *       names as in struct fake_config; max is max_pages)
 *   destroy ID
 *   data ID GFNS                              these pages hold data now
 *   zero ID GFNS                              these are zero now
 *   passthrough ID 0|1
 *   log_dirty ID 0|1
 *   maxmem ID PAGES
 *   ref ID GFNS, unref ID GFNS                another user of the frames
 *
 *   mark       ID ORDER GFNS -> RESULT        populate_physmap with PoD
 *   populate   ID ORDER GFNS -> RESULT
 *   decrease   ID ORDER GFNS -> RESULT
 *   give       ID ORDER GFNS -> RESULT        decrease, by the guest itself
 *   take       ID ORDER GFNS -> RESULT        populate, by the guest itself
 *   touch      ID GFNS       -> RESULT        accesses by the guest
 *   map        ID GFNS       -> RESULT        foreign mapping, kept
 *   unmap      ID GFNS       -> RESULT        of the map with these GFNS
 *   set_target ID PAGES      -> RESULT
 *   pod        ID            -> RESULT        get_pod_target
 *
 *   RESULT: DONE RET TOT C E, read after the call. DONE: extents or pages
 *   that were done. RET: what the call returned, -errno for a failure. A
 *   field that was not read is `?` and is not compared.
 *   GFNS: one or more of GFN or GFN+STRIDExCOUNT, for COUNT frame numbers
 *   STRIDE apart. All numbers as strtoull() takes them with base 0.
 *
 * A domain's calls must be recorded while it is paused (or by itself):
 * what a running guest touches in between is in no line.
 */
#ifndef XK_FAKE_TRACE_H
#define XK_FAKE_TRACE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "fake.h"

struct fk_domain;

/*
 * Runs a trace on a new host. The number of lines whose result differs, or
 * -errno (-EINVAL: a line could not be understood). Reports to `report`.
 */
int fake_replay(FILE *trace, FILE *report);

void fk_trace_open(void);
void fk_trace_close(void);
void fk_trace(const char *format, ...) __attribute__((format(printf, 1, 2)));
void fk_trace_domain(const struct fk_domain *d,
                     const struct fake_config *config);
/* A call with frame numbers; order -1: the line has no ORDER. d may be NULL. */
void fk_trace_call(const char *call, uint16_t id, int order,
                   const uint64_t *gfns, size_t count, long done, long ret);
void fk_trace_value(const char *call, uint16_t id, const uint64_t *value,
                    long ret);
/* data, zero, ref, unref */
void fk_trace_gfns(const char *what, uint16_t id, const uint64_t *gfns,
                   size_t count);

#endif /* XK_FAKE_TRACE_H */
