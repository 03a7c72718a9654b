/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libxentoolcore: remembers that a daemon restricted itself. What a
 * restricted daemon may no longer do is for the lab to find out.
 */
#include <xentoolcore.h>

#include "state.h"

int xentoolcore_restrict_all(domid_t domid)
{
    fk_lock();
    fk->restricted = domid;
    fk_unlock();
    return 0;
}

int fake_restricted(void)
{
    return fk->restricted;
}
