/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The marks, see marks.h.
 */
#include "marks.h"

#include <xenkeep/proto/balloon.h>
#include <xenkeep/util.h>

/* A vcpu gets this much of the low mark: three milliseconds at its fastest,
 * within which dom0 has looked again. */
#define LOW_PER_VCPU ((uint64_t)3 * MARKS_RATE)

#define PAGES_PER_MIB 256u

/* Between two looks. */
#define WAIT_MIN_US 1000u
#define WAIT_MAX_US 100000u

/* Kept at the floor beside one superpage a vcpu: what the sweep's own reads
 * may populate (sweep.c), and some for a look that comes late. */
#define FLOOR_SUPERS 8u

void marks_init(struct marks *m, uint32_t low_mib, uint32_t vcpus)
{
    m->low = low_mib ? (uint64_t)low_mib * PAGES_PER_MIB
                     : LOW_PER_VCPU * vcpus;
    m->high = 2 * m->low;
    m->floor = (uint64_t)(vcpus + FLOOR_SUPERS) * XK_SUPER_PAGES;
    m->low = xk_max_u64(m->low, m->floor);
    m->high = xk_max_u64(m->high, 2 * m->floor);
}

enum marks_need marks_need(const struct marks *m, uint64_t entries,
                           uint64_t cache)
{
    return cache >= entries  ? MARKS_COVERED
           : cache >= m->high ? MARKS_EASY
           : cache >= m->low  ? MARKS_REFILL
                              : MARKS_STOP;
}

/* In which the fastest guest uses up `pages`. */
static uint64_t lasts_us(uint64_t pages, uint32_t vcpus)
{
    return pages * 1000u / (MARKS_RATE * (uint64_t)(vcpus ? vcpus : 1));
}

uint64_t marks_wait_us(const struct marks *m, uint64_t cache, uint32_t vcpus)
{
    uint64_t mark = cache >= m->high ? m->high : m->low;
    uint64_t us = lasts_us(cache - xk_min_u64(cache, mark), vcpus);

    return xk_min_u64(xk_max_u64(us, WAIT_MIN_US), WAIT_MAX_US);
}

uint64_t marks_quantum(uint32_t vcpus)
{
    return (uint64_t)MARKS_RATE * vcpus / 2;
}
