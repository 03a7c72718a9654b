/* SPDX-License-Identifier: MIT */
/*
 * The balloon protocol: how a guest's xk-balloon front-end and dom0's
 * xenkeep-memoryd talk. This header is the specification; the reference
 * page xenkeep-balloon-protocol(7) is its summary.
 *
 * Transport
 *   One page granted by the guest (xenstore node ring-ref) and one event
 *   channel (event-channel) for both directions. The page holds two rings of
 *   fixed slots, one for each direction, struct xk_balloon_ring. A producer
 *   fills slots, then advances its `prod` (release); the consumer reads
 *   `prod` once (acquire), copies each slot once, works on the copy and
 *   advances `cons`. Indices run freely and are taken modulo
 *   XK_BALLOON_SLOTS. `prod - cons` above XK_BALLOON_SLOTS is a broken peer.
 *   After it advanced `prod`, a producer notifies the event channel.
 *   Everything is little endian.
 *
 * Who may say what, and when (G: guest, D: dom0)
 *   G STATE    after connecting, and when the balloon changed outside a job
 *   D TARGET   opens a job `id`: the balloon shall hold `pages` pages. At
 *              most one job is open on a device.
 *   G SWEEP    (growing only) asks dom0 to sweep and to prepare for `pages`
 *              pages that the guest is about to give
 *   D SWEPT    answers SWEEP: dom0 is prepared. `pages` is the allowance: how
 *              much the guest may give before it must report and wait; 0 is
 *              no limit. dom0 may sweep now, or when the job is settled.
 *   G GAVE     progress: `given` pages so far in this job (taken back, when
 *              the balloon shrinks). LAST set: no more will follow.
 *   D SETTLED  answers each GAVE of a growing job: what was given is with the
 *              host; `pages` is the next allowance.
 *   D STOP     the job shall end at the next chunk
 *   G DONE     the job is over; `status` says how
 *   G PRESSURE (version 2) how short of memory the guest is: `pages` could
 *              still be used without taking any from somebody (the kernel's
 *              MemAvailable), `given` is how many it wants back from the
 *              balloon now (0: none), `status` is the share of its last
 *              second in which a task waited for memory, in permille. Belongs
 *              to no job. Sent when something changed that is worth saying,
 *              at most once a second, and while pages are wanted at most
 *              XK_BALLOON_WANTS a second; a guest at rest says nothing. dom0
 *              opens a shrinking job when it can, and otherwise does not
 *              answer.
 *
 *   D RECOVER  (version 2) opens a job `id` of another kind: the guest takes
 *              `given` ranges of 2 MiB, one after the other from gfn `pages`
 *              on, out of use, gives each to Xen and takes it back in one
 *              piece. At most XK_BALLOON_RANGES of them.
 *   G RECOVERED (version 2) one for each of these ranges, in their order:
 *              `pages` is its first gfn, `status` how it went. OK: taken back
 *              as one extent. EBUSY: in use and not to be moved now, nothing
 *              was done. EPINNED: the same, and it holds a page of the kernel
 *              itself, which is never moved. EHOST: the host had no 2 MiB in
 *              one piece, or did not take it; it is as it was, but in single
 *              pages. ENOMEM: not all of it came back, the rest is in the
 *              balloon.
 *
 *   D FEATURES (version 2) at most once, after connecting: `pages` is a sum
 *              of XK_BALLOON_FEATURE_*, what dom0 offers beside jobs
 *   G FREE     (version 2; when dom0 offered REPORTING) `given` ranges of
 *              2 MiB from gfn `pages` on are free memory, and nobody gets
 *              them before the answer; at most XK_BALLOON_RANGES. `id` is the
 *              ticket. At most one FREE waits for its answer.
 *   D REPORTED (version 2) answers FREE `id`. Status OK: all of the ranges
 *              are populate-on-demand entries now, and read as zeroes.
 *              Otherwise nothing was done, and EREFUSED says that asking
 *              again is of no use.
 *
 *   The ticket is a word of the page. The guest writes it before it sends
 *   FREE. Before dom0 does anything to the ranges it exchanges the ticket, if
 *   it still stands there, for the ticket with XK_BALLOON_TAKEN set, in one
 *   step; if it does not stand there, FREE is ignored. A guest that will wait
 *   no longer exchanges the ticket for 0, in the same way: when that fails,
 *   dom0 is at work on the ranges, and the guest has to wait for REPORTED, or
 *   until dom0 closes or renews the connection. A dom0 that died at work has
 *   repaired what it left before it offers a new connection.
 *
 *   growing:   TARGET SWEEP SWEPT (GAVE SETTLED)* GAVE+LAST SETTLED DONE
 *   shrinking: TARGET GAVE* DONE
 *   recovery:  RECOVER RECOVERED* DONE (`given`: ranges that were answered)
 *
 *   A message of a type that is unknown, of a later version than the one
 *   agreed on, out of order, too frequent (PRESSURE, FREE), or of another job
 *   is ignored and counted by the guest and breaks the device in dom0. A
 *   broken device answers nothing more until the front-end reconnects.
 *
 * Trust
 *   dom0 believes no number of the guest: what was given is read from the
 *   hypervisor, the guest's figures are for display only. The guest believes
 *   no index or id of dom0 and waits no longer than XK_BALLOON_WAIT_MS.
 */
#ifndef XENKEEP_PROTO_BALLOON_H
#define XENKEEP_PROTO_BALLOON_H

#ifdef __KERNEL__
#include <linux/build_bug.h>
#include <linux/stddef.h>
#include <linux/types.h>
#define XK_PROTO_ASSERT(cond) static_assert(cond)
#else
#include <stddef.h>
#include <stdint.h>
#define XK_PROTO_ASSERT(cond) _Static_assert(cond, "wire layout")
#endif

/* Version of this protocol; both ends use the lower of the two on offer. */
#define XK_BALLOON_VERSION	2

/* Slots of each ring; a power of two. */
#define XK_BALLOON_SLOTS	16

/* Ranges of one RECOVER or FREE, at most. */
#define XK_BALLOON_RANGES	16

/* Longest wait for an answer, milliseconds. */
#define XK_BALLOON_WAIT_MS	30000

/* PRESSURE in a second: from a guest that wants pages; and what dom0 takes,
 * because what waited for a busy dom0 comes at once. */
#define XK_BALLOON_WANTS	4
#define XK_BALLOON_WANTS_MAX	32

/* Pages of a superpage (2 MiB of 4 KiB pages) and its extent order. */
#define XK_SUPER_ORDER		9
#define XK_SUPER_PAGES		(1u << XK_SUPER_ORDER)

/* Types, guest to dom0 */
#define XK_BALLOON_STATE	1
#define XK_BALLOON_SWEEP	2
#define XK_BALLOON_GAVE		3
#define XK_BALLOON_DONE		4
#define XK_BALLOON_PRESSURE	5	/* version 2 */
#define XK_BALLOON_RECOVERED	6	/* version 2 */
#define XK_BALLOON_FREE		7	/* version 2 */

/* Types, dom0 to guest */
#define XK_BALLOON_TARGET	16
#define XK_BALLOON_SWEPT	17
#define XK_BALLOON_SETTLED	18
#define XK_BALLOON_STOP		19
#define XK_BALLOON_RECOVER	20	/* version 2 */
#define XK_BALLOON_FEATURES	21	/* version 2 */
#define XK_BALLOON_REPORTED	22	/* version 2 */

/* Flags */
#define XK_BALLOON_F_LAST	0x1	/* GAVE: nothing more in this job */

/* Bits of FEATURES */
#define XK_BALLOON_FEATURE_REPORTING	0x1	/* FREE is served */

/* Tickets are above 0 and below this bit, which dom0 sets. */
#define XK_BALLOON_TAKEN	0x80000000u

/* Status of DONE, SWEPT, RECOVERED and REPORTED */
#define XK_BALLOON_OK		0
#define XK_BALLOON_ENOMEM	1	/* the guest has no more to give */
#define XK_BALLOON_ESTOP	2	/* stopped by dom0 */
#define XK_BALLOON_EREFUSED	3	/* beyond the limit, or not now */
#define XK_BALLOON_EBUSY	4	/* suspending, unloading, another job */
#define XK_BALLOON_EHOST	5	/* the host gave no memory back */
#define XK_BALLOON_EPINNED	6	/* it holds what is never moved */
#define XK_BALLOON_STATUS_MAX	XK_BALLOON_EPINNED

/*
 * One message, 64 bytes. Fields a type does not name are zero and ignored.
 * Every count is in 4 KiB pages unless its type says otherwise.
 */
struct xk_balloon_slot {
	uint16_t type;
	uint16_t flags;
	uint32_t status;
	uint64_t id;		/* job, chosen by dom0, never 0; 0: no job's;
				 * FREE, REPORTED: the ticket */
	uint64_t pages;		/* see each type above */
	uint64_t given;		/* GAVE, DONE: pages moved in this job */
	uint64_t ballooned;	/* G: pages in the balloon now */
	uint64_t super;		/* G: of these, in 2 MiB extents */
	uint64_t limit;		/* G: largest balloon the guest agrees to */
	uint64_t reserved;
};
XK_PROTO_ASSERT(sizeof(struct xk_balloon_slot) == 64);
XK_PROTO_ASSERT(offsetof(struct xk_balloon_slot, id) == 8);
XK_PROTO_ASSERT(offsetof(struct xk_balloon_slot, limit) == 48);

/* One index on a cache line of its own. */
struct xk_balloon_index {
	uint32_t value;
	uint32_t pad[15];
};

/* The shared page. */
struct xk_balloon_ring {
	struct xk_balloon_index guest_prod;	/* written by the guest */
	struct xk_balloon_index dom0_cons;	/* written by dom0 */
	struct xk_balloon_index dom0_prod;	/* written by dom0 */
	struct xk_balloon_index guest_cons;	/* written by the guest */
	struct xk_balloon_index ticket;		/* written by both, see FREE */
	uint8_t pad[704];
	struct xk_balloon_slot to_dom0[XK_BALLOON_SLOTS];
	struct xk_balloon_slot to_guest[XK_BALLOON_SLOTS];
	uint8_t tail[1024];
};
XK_PROTO_ASSERT(sizeof(struct xk_balloon_ring) == 4096);
XK_PROTO_ASSERT(offsetof(struct xk_balloon_ring, ticket) == 256);
XK_PROTO_ASSERT(offsetof(struct xk_balloon_ring, to_dom0) == 1024);
XK_PROTO_ASSERT(offsetof(struct xk_balloon_ring, to_guest) == 2048);

#endif /* XENKEEP_PROTO_BALLOON_H */
