/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The stand-in against real Xen: each trace that is given is replayed, and
 * every result must be the one that was recorded. The format is in
 * tests/fake/trace.h. Without a trace there is nothing to say: exit code 77.
 */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>

#include "trace.h"

#define SKIPPED 77

static int replay(const char *path)
{
    FILE *f = fopen(path, "re");
    int differ;

    if (!f) {
        perror(path);
        return -1;
    }
    differ = fake_replay(f, stderr);
    fclose(f);
    fake_fini();
    return differ;
}

int main(void)
{
    const char *dir = getenv("XK_TRACES");
    char pattern[512];
    int failed = 0, differ;
    glob_t found;
    size_t i;

    snprintf(pattern, sizeof(pattern), "%s/*.trace", dir ? dir : XK_TRACES);
    if (glob(pattern, 0, NULL, &found)) {
        printf("1..0 # SKIP no trace in %s\n", dir ? dir : XK_TRACES);
        return SKIPPED;
    }
    printf("1..%zu\n", found.gl_pathc);
    for (i = 0; i < found.gl_pathc; i++) {
        differ = replay(found.gl_pathv[i]);
        printf("%sok %zu - %s (%d lines differ)\n", differ ? "not " : "",
               i + 1, found.gl_pathv[i], differ);
        failed |= differ;
    }
    globfree(&found);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
