// SPDX-License-Identifier: GPL-2.0-only
/* The lab's own program in dom0: see usage(). */
#include "lab.h"

#include <stdio.h>
#include <string.h>

static int usage(void)
{
    fputs("usage: labctl run GUEST SECONDS COMMAND  run it in a guest\n"
          "       labctl domid GUEST                its number\n"
          "       labctl free                       free KiB of the host\n"
          "       labctl domain DOMID               its page counts\n"
          "       labctl ports                      event channels of dom0\n",
          stderr);
    return 2;
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return usage();
    if (!strcmp(argv[1], "run") && argc == 5)
        return client_main(argc, argv);
    if (!strcmp(argv[1], "domid") && argc == 3)
        return domid_main(argv[2]);
    if (!strcmp(argv[1], "free") || !strcmp(argv[1], "ports") ||
        !strcmp(argv[1], "hold-port") ||
        (!strcmp(argv[1], "domain") && argc == 3))
        return hv_main(argc, argv);
    return usage();
}
