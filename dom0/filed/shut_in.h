/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A server shuts itself in, and has its operations then.
 */
#ifndef XK_FILED_SHUT_IN_H
#define XK_FILED_SHUT_IN_H

#include "ops.h"

/*
 * In the child, as user `uid`: the sandbox, ops_open(), the filter of system
 * calls. The limits of `config` are cut to the descriptors that may be had;
 * its fd_dir is found here.
 */
int shut_in(uint32_t uid, struct ops_config *config, struct ops **ops_r);

#endif /* XK_FILED_SHUT_IN_H */
