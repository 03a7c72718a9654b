/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xl-memory: the verb picks the command; without one it shows the table.
 */
#include "memory.h"

#include "verbs.h"

static const struct xk_verb verbs[] = {
    { "show", memory_show, "the table of all guests, or of one (default)" },
    { "map", memory_map, "a picture of one guest's memory" },
    { "top", memory_top, "all guests, and how their memory moves" },
    { "plan", memory_plan, "what the balancer would do now, and why" },
    { "policy", memory_policy, "what holds for each guest, and who said so" },
    { "resume", memory_resume, "lend a guest memory that the guard stopped" },
    { "drain", memory_drain,
      "leave a guest without populate-on-demand, for xl pci-attach" },
    { "recoalesce", memory_recoalesce,
      "make a guest's shattered 2 MiB ranges whole again" },
    { .name = NULL },
};

void memory_verbs_help(void)
{
    xk_verbs_help(verbs);
}

int main(int argc, char **argv)
{
    return xk_verbs_run(verbs, memory_show, argc, argv);
}
