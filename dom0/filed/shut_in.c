/* SPDX-License-Identifier: GPL-2.0-only */
/* See shut_in.h. */
#include "shut_in.h"

#include "sandbox.h"

/* Beside those of nodes, files and locks. */
#define SPARE_DESCRIPTORS 256u

/* With fewer descriptors than are wanted, half are for nodes. */
static void fit(struct ops_limits *limits, uint32_t descriptors)
{
    uint32_t others = limits->files + limits->locks + SPARE_DESCRIPTORS;

    if (descriptors >= limits->descriptors + others)
        return;
    limits->descriptors = descriptors / 2;
    limits->locks = descriptors / 16;
    limits->files = descriptors > 4 * SPARE_DESCRIPTORS
                        ? descriptors / 4 : descriptors / 8;
}

int shut_in(uint32_t uid, struct ops_config *config, struct ops **ops_r)
{
    const struct ops_limits *limits = &config->limits;
    uint32_t descriptors = limits->descriptors + limits->files +
                           limits->locks + SPARE_DESCRIPTORS;
    int rc = sandbox_enter(uid, &descriptors, &config->fd_dir);

    fit(&config->limits, descriptors);
    if (!rc)
        rc = ops_open(ops_r, config);
    return rc ? rc : sandbox_filter();
}
