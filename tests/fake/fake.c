/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Start and end of the stand-in, see fake.h.
 */
#include "fake.h"

#include <errno.h>
#include <stddef.h>

#include "fds.h"
#include "state.h"
#include "trace.h"

struct fk_state *fk;

int fake_init(const struct fake_host *host)
{
    static const struct fake_host usual = { .supers = 1024 };
    int rc;

    fake_fini();
    fk = fk_arena_new(sizeof(*fk), offsetof(struct fk_state, arena));
    if (!fk)
        return -ENOMEM;
    fk->host.fd = -1;
    fk->trace_fd = -1;
    fk->restricted = -1;
    fake_version(4, 17);
    fk_fault_reset();
    rc = fk_fds_init();
    if (!rc)
        rc = fk_host_init(&fk->host, host ? host : &usual);
    if (rc) {
        fake_fini();
        return rc;
    }
    fk_store_init();
    fk_dom0_create();
    fk_trace_open();
    fk_trace("host %llu %llu",
             (unsigned long long)(host ? host : &usual)->supers,
             (unsigned long long)(host ? host : &usual)->singles);
    return 0;
}

void fake_version(unsigned int major, unsigned int minor)
{
    fk->version = (int)(major << 16 | minor);
}

void fake_fini(void)
{
    if (!fk)
        return;
    fk_trace_close();
    fk_host_dispose(&fk->host);
    fk_arena_delete(fk);
    fk = NULL;
}

void fake_reap(pid_t pid)
{
    fk_lock();
    fk_map_reap(pid);
    fk_evtchn_reap(pid);
    fk_xs_reap(pid);
    fk_unlock();
}
