/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Drawing of the progress bar. It takes any numbers: a daemon that counts
 * past its total or backwards gets a full or an empty bar, nothing worse.
 */
#include "progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

/* Ten pictures a second are smooth enough, and cheap over a slow line. */
#define DRAW_EVERY_US 100000

/* Of a terminal's width, what stands beside the bar. */
#define BESIDE_BAR 38
#define BAR_MIN 8
#define BAR_MAX 40

static const struct {
    const char *phase;
    const char *label;
} labels[] = {
    { "inflate", "inflating" },
    { "deflate", "deflating" },
    { "dump",    "dumping" },
    { "scan",    "sweeping" },
    { "look",    "looking" },
    { "recover", "recovering" },
};

static int64_t now_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * INT64_C(1000000) + ts.tv_nsec / 1000;
}

static const char *label_of(const char *phase)
{
    size_t i;

    for (i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
        if (!strcmp(labels[i].phase, phase))
            return labels[i].label;
    }
    return "working";
}

void xk_progress_init(struct xk_progress *p)
{
    const char *term = getenv("TERM");
    struct winsize ws = { .ws_col = 0 };

    memset(p, 0, sizeof(*p));
    p->on = isatty(STDERR_FILENO) && term && strcmp(term, "dumb");
    p->columns = BAR_MIN;
    if (p->on && !ioctl(STDERR_FILENO, TIOCGWINSZ, &ws) &&
        ws.ws_col > BESIDE_BAR + BAR_MIN)
        p->columns = ws.ws_col - BESIDE_BAR;
    if (p->columns > BAR_MAX)
        p->columns = BAR_MAX;
}

/* MiB a second since the phase began. */
static double rate_of(const struct xk_progress *p, uint64_t done, int64_t now)
{
    int64_t us = now - p->begun_us;

    if (us <= 0 || done <= p->first)
        return 0;
    return (double)(done - p->first) / 256 * 1e6 / (double)us;
}

static void draw(struct xk_progress *p, uint64_t done, uint64_t total,
                 int64_t now)
{
    static const char full[BAR_MAX + 1] =
        "########################################";
    static const char empty[BAR_MAX + 1] =
        "........................................";
    double share = 0;
    int filled;

    if (total)
        share = done < total ? (double)done / (double)total : 1;
    filled = (int)(share * p->columns);
    fprintf(stderr, "\r%-9s [%.*s%.*s] %3d %%  %8.1f MiB/s\033[K", p->label,
            filled, full, (int)p->columns - filled, empty,
            (int)(share * 100), rate_of(p, done, now));
    fflush(stderr);
    p->drawn = true;
    p->drawn_us = now;
}

void xk_progress_show(void *arg, const char *phase, uint64_t done,
                      uint64_t total)
{
    struct xk_progress *p = arg;
    const char *label;
    int64_t now;

    if (!p->on)
        return;
    label = label_of(phase);
    now = now_us();
    if (label != p->label) {
        p->label = label;
        p->first = done;
        p->begun_us = now;
    } else if (now - p->drawn_us < DRAW_EVERY_US) {
        return;
    }
    draw(p, done, total, now);
}

void xk_progress_end(struct xk_progress *p)
{
    if (!p->drawn)
        return;
    fputs("\r\033[K", stderr);
    fflush(stderr);
    p->drawn = false;
}
