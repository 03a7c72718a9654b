/* SPDX-License-Identifier: GPL-2.0-only */
/* Counts of all processes of a run. */
#ifndef XK_TESTS_REPORT_H
#define XK_TESTS_REPORT_H

#include "px.h"

struct px_counts {
    unsigned long passed, failed;
};

extern struct px_counts *px_counts;     /* shared by all processes */
extern bool px_quiet;                   /* says what failed only */

void px_report_init(void);

#endif /* XK_TESTS_REPORT_H */
