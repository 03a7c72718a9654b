/* SPDX-License-Identifier: MIT */
/*
 * The crash protocol: how a guest's xk_crash module and dom0's
 * xenkeep-crashd talk. This header is the specification.
 *
 * Transport
 *   One page granted by the guest (xenstore node page-ref) and one event
 *   channel (event-channel), by which only the guest notifies. The page is a
 *   struct xk_crash_page, little endian, zero at first. Each side writes its
 *   own two words and nothing else.
 *
 * The hold
 *   When crashd has mapped the page and bound the port it sets `serving`.
 *   A guest that dies, or goes on after an oops, sets `kind`, then adds one
 *   to `asked` (release), and notifies. It then does nothing but read `taken`
 *   until that equals `asked` (acquire), or its own bound is over: 60 seconds
 *   unless its administrator says otherwise. crashd reads the guest's memory
 *   meanwhile and sets `taken` to the value of `asked` that it acted on, when
 *   it has the dump or will not make one. The guest goes on in either case;
 *   what xl does with a guest that died does not change.
 *   A guest that asks again within a minute of an answer is answered at once:
 *   what it was is stored already.
 *   Where `serving` is 0 nobody would answer, and the guest does not ask.
 *
 * Neither side can harm the other: the page has no lengths, no addresses and
 * no indices. The note's address in xenstore (vmcoreinfo) is a hint, which
 * crashd checks like any note that it finds by itself.
 */
#ifndef XENKEEP_PROTO_CRASH_H
#define XENKEEP_PROTO_CRASH_H

#ifdef __KERNEL__
#include <linux/types.h>
#else
#include <stdint.h>
#endif

#define XK_CRASH_VERSION 1u

/* Values of `kind`. */
#define XK_CRASH_PANIC 1u       /* it will not run again */
#define XK_CRASH_OOPS 2u        /* it goes on after the answer */

struct xk_crash_page {
    /* The guest's. */
    uint32_t kind;
    uint32_t asked;
    /* dom0's. */
    uint32_t serving;
    uint32_t taken;
};

#endif /* XENKEEP_PROTO_CRASH_H */
