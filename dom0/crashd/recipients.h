/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For whom dumps are sealed: the certificates in three folders, one for each
 * audience, NAME.pem each. They are read and checked when crashd starts and
 * when it is told to look again, never when a guest dies.
 *
 *     owner/      sees all of a dump
 *     engineer/   sees the kernel: code, page tables, data
 *     triage/     sees the kernel's code and page tables
 */
#ifndef XK_CRASHD_RECIPIENTS_H
#define XK_CRASHD_RECIPIENTS_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "class.h"
#include "seal_keys.h"

#define XK_RECIPIENT_AUDIENCES 3
#define XK_RECIPIENTS_EACH 16

struct xk_recipient {
    char name[64];              /* of the file, without .pem */
    char subject[128];
    char fault[96];             /* why it is not used; "": it is */
    uint8_t fingerprint[XK_HASH_SIZE];
    time_t not_after;
    struct xk_cert *cert;       /* NULL: not used */
};

struct xk_recipients {
    struct xk_recipient list[XK_RECIPIENT_AUDIENCES][XK_RECIPIENTS_EACH];
    size_t count[XK_RECIPIENT_AUDIENCES];
};

extern const char *const xk_audience_names[XK_RECIPIENT_AUDIENCES];

/* The classes that an audience sees. */
uint32_t xk_audience_classes(unsigned int audience);

/*
 * Reads the folders below `dir`. What cannot be used is in the list with its
 * fault, and logged. A folder that is not there has nobody. Also seals a
 * trial envelope for those that can be used: one that cannot be sealed for
 * is found now.
 */
void xk_recipients_read(struct xk_recipients *r, const char *dir, time_t now);
void xk_recipients_dispose(struct xk_recipients *r);

/*
 * Who gets what of a dump, into a plan. `wanted`: the classes that should be
 * stored. Those that nobody may see are left out of plan->classes; without
 * anybody at all the kernel's code and page tables are stored in plain. The
 * certificates are `r`'s; `certs` is room for their pointers.
 */
struct xk_recipient_room {
    struct xk_cert *certs[XK_RECIPIENT_AUDIENCES][XK_RECIPIENTS_EACH];
};

struct xk_seal_plan;
void xk_recipients_plan(const struct xk_recipients *r, uint32_t wanted,
                        struct xk_recipient_room *room,
                        struct xk_seal_plan *plan);

#endif /* XK_CRASHD_RECIPIENTS_H */
