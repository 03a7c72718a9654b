/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * When the guard acts: how much of its cache a guest in debt may use up before
 * it is refilled, and before it is stopped. Pure. All counts are pages.
 */
#ifndef XK_MEMORYD_MARKS_H
#define XK_MEMORYD_MARKS_H

#include <stdint.h>

/*
 * What a vcpu can populate at its fastest, pages a millisecond: one superpage
 * in 50 us. Touching one byte of each 2 MiB, the emulated lab reaches a tenth
 * of it (tests/lab/cases/guard prints it); Xen's own part of such a fault is
 * some tens of microseconds on a host.
 */
#define MARKS_RATE 10240u

struct marks {
    uint64_t low;           /* below: stopped until it is refilled */
    uint64_t high;          /* below: refilled while it runs; and so far */
    uint64_t floor;         /* below: it does not run at all */
};

enum marks_need {
    MARKS_COVERED,          /* each entry has its page: nothing can happen */
    MARKS_EASY,
    MARKS_REFILL,
    MARKS_STOP
};

/* `low_mib`: the setting; 0: by the number of vcpus. */
void marks_init(struct marks *m, uint32_t low_mib, uint32_t vcpus);

enum marks_need marks_need(const struct marks *m, uint64_t entries,
                           uint64_t cache);

/* Until the next look, microseconds: what the fastest guest needs to come
 * from `cache` down to the next mark, within bounds. */
uint64_t marks_wait_us(const struct marks *m, uint64_t cache, uint32_t vcpus);

/* What the vcpus populate at their fastest in the shortest time for which Xen's
 * scheduler lets one run, 500 us (CSCHED2_MIN_TIMER of credit2). */
uint64_t marks_quantum(uint32_t vcpus);

#endif /* XK_MEMORYD_MARKS_H */
