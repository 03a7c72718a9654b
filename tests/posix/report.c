/* SPDX-License-Identifier: GPL-2.0-only */
/* One line for each assertion, and their count over all groups. */
#include "report.h"

#include <stdarg.h>
#include <sys/mman.h>

struct px_counts *px_counts;
bool px_quiet;

static char group[32];
static char name[160];

void px_report_init(void)
{
    px_counts = mmap(NULL, sizeof(*px_counts), PROT_READ | PROT_WRITE,
                     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (px_counts == MAP_FAILED) {
        perror("xk-posix: mmap");
        exit(3);
    }
}

void px_begin_group(const char *of)
{
    snprintf(group, sizeof(group), "%s", of);
    name[0] = '\0';
}

void px_case(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(name, sizeof(name), fmt, ap);
    va_end(ap);
}

/* The line, in one write: several processes of a group may report. */
static void verdict(const char *what, bool holds, const char *fmt, ...)
{
    char line[1024], why[512] = "";
    va_list ap;
    int n;

    if (holds) {
        __atomic_add_fetch(&px_counts->passed, 1, __ATOMIC_RELAXED);
        if (px_quiet)
            return;
    } else {
        __atomic_add_fetch(&px_counts->failed, 1, __ATOMIC_RELAXED);
        va_start(ap, fmt);
        vsnprintf(why, sizeof(why), fmt, ap);
        va_end(ap);
    }
    n = snprintf(line, sizeof(line), "%sok %s.%s.%s%s\n", holds ? "" : "not ",
                 group, name, what, why);
    if (write(STDOUT_FILENO, line, (size_t)n) != n)
        _exit(3);
}

void px_true(const char *what, bool holds)
{
    verdict(what, holds, ": is not so");
}

void px_eq(const char *what, long long got, long long want)
{
    verdict(what, got == want, ": %lld (%llo), not %lld (%llo)", got, got,
            want, want);
}

void px_same(const char *what, const char *got, const char *want)
{
    verdict(what, !strcmp(got, want), ": \"%.200s\", not \"%.200s\"", got,
            want);
}

void px_rc(const char *what, long rc, int error)
{
    int got = rc == -1 ? errno : 0;

    verdict(what, got == error, ": %s, not %s",
            got ? strerrorname_np(got) : "done",
            error ? strerrorname_np(error) : "done");
}
