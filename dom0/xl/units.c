/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Numbers as people read them. Plain integer arithmetic with one decimal, so
 * that the same figure always reads the same.
 */
#include "units.h"

#include <inttypes.h>
#include <stdio.h>

struct xk_number xk_mib(uint64_t kib)
{
    uint64_t whole = kib / 1024;
    uint64_t tenths = (kib % 1024 * 10 + 512) / 1024;
    struct xk_number n;

    if (tenths == 10) {
        whole++;
        tenths = 0;
    }
    snprintf(n.text, sizeof(n.text), "%" PRIu64 ".%" PRIu64, whole, tenths);
    return n;
}

struct xk_number xk_mib_change(int64_t kib)
{
    uint64_t size = kib < 0 ? -(uint64_t)kib : (uint64_t)kib;
    struct xk_number n = { .text = "" };

    if (!kib)
        return n;
    snprintf(n.text, sizeof(n.text), "%c%.30s", kib < 0 ? '-' : '+',
             xk_mib(size).text);
    return n;
}

struct xk_number xk_duration(uint64_t us)
{
    struct xk_number n;

    if (us < 1000)
        snprintf(n.text, sizeof(n.text), "%" PRIu64 " us", us);
    else if (us < 1000000)
        snprintf(n.text, sizeof(n.text), "%" PRIu64 ".%" PRIu64 " ms",
                 us / 1000, us % 1000 / 100);
    else if (us < 60000000)
        snprintf(n.text, sizeof(n.text), "%" PRIu64 ".%" PRIu64 " s",
                 us / 1000000, us % 1000000 / 100000);
    else
        snprintf(n.text, sizeof(n.text), "%" PRIu64 " min %" PRIu64 " s",
                 us / 60000000, us / 1000000 % 60);
    return n;
}
