/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xl-memory: the verb picks the command; without one it shows the table.
 */
#include "memory.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
} verbs[] = {
    { "show", memory_show, "the table of all guests, or of one (default)" },
    { "resume", memory_resume, "lend a guest memory that the guard stopped" },
    { "map", memory_map, "a picture of one guest's memory" },
    { "top", memory_top, "all guests, and how their memory moves" },
    { "recoalesce", memory_recoalesce,
      "make a guest's shattered 2 MiB ranges whole again" },
};

#define VERBS (sizeof(verbs) / sizeof(verbs[0]))

void memory_verbs_help(void)
{
    size_t i;

    puts("\nVerbs, each with its own --help:");
    for (i = 0; i < VERBS; i++)
        printf("  %-15s %s\n", verbs[i].name, verbs[i].help);
}

int main(int argc, char **argv)
{
    size_t i;

    for (i = 0; argc > 1 && i < VERBS; i++)
        if (!strcmp(argv[1], verbs[i].name))
            return verbs[i].run(argc - 1, argv + 1);
    return memory_show(argc, argv);
}
