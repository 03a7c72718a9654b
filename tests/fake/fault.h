/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What happens before a call: the test's hook, the end of the process, a
 * failure that was asked for. Every function of a library passes here first.
 */
#ifndef XK_FAKE_FAULT_H
#define XK_FAKE_FAULT_H

#include <stdbool.h>

#include "fake.h"

#define FK_MAX_FAULTS 16

struct fk_fault {
    bool armed;
    enum fake_call call;
    unsigned int skip;
    int err;
    long done;
};

struct fk_faults {
    struct fk_fault list[FK_MAX_FAULTS];
};

/*
 * Takes the lock if the call may go on. True with *limit: at most so many
 * extents. False: errno is set, the call has failed, no lock is held.
 */
bool fk_enter(enum fake_call call, long *limit);
/* Returns r, for a tail call; errno is kept. */
int fk_leave(int r);
/* The usual way out: r < 0 is -errno; -1 with errno then. */
int fk_leave_rc(long rc);

void fk_fault_reset(void);

#endif /* XK_FAKE_FAULT_H */
