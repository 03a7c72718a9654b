/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hooks, kills and failures, see fault.h. The hook and the count of calls
 * belong to the process, the list of failures to all of them.
 */
#include "fault.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <unistd.h>

#include "state.h"

static fake_hook_fn *hook_fn;
static void *hook_arg;
static unsigned long calls, kill_at;

void fk_fault_reset(void)
{
    hook_fn = NULL;
    calls = kill_at = 0;
}

void fake_hook(fake_hook_fn *fn, void *arg)
{
    hook_fn = fn;
    hook_arg = arg;
}

void fake_kill_at(unsigned long n)
{
    calls = 0;
    kill_at = n;
}

unsigned long fake_calls(void)
{
    return calls;
}

void fake_fail(enum fake_call call, unsigned int skip, int err, long done)
{
    unsigned int i;

    fk_lock();
    for (i = 0; i < FK_MAX_FAULTS; i++) {
        if (!fk->faults.list[i].armed) {
            fk->faults.list[i] = (struct fk_fault){
                .armed = true, .call = call, .skip = skip, .err = err,
                .done = done,
            };
            break;
        }
    }
    fk_unlock();
}

/* The failure that is due at this call, or NULL. */
static struct fk_fault *due(enum fake_call call)
{
    struct fk_fault *f, *found = NULL;
    unsigned int i;

    for (i = 0; i < FK_MAX_FAULTS; i++) {
        f = &fk->faults.list[i];
        if (!f->armed || (f->call != FAKE_CALL_ANY && f->call != call))
            continue;
        if (f->skip)
            f->skip--;
        else if (!found)
            found = f;
    }
    return found;
}

bool fk_enter(enum fake_call call, long *limit)
{
    struct fk_fault *f;
    long done = LONG_MAX;
    int err = 0;

    calls++;
    if (kill_at && calls == kill_at)
        kill(getpid(), SIGKILL);
    if (hook_fn)
        hook_fn(call, calls, hook_arg);
    fk_lock();
    f = due(call);
    if (f) {
        f->armed = false;
        err = f->err;
        done = err ? 0 : f->done;
    }
    if (err) {
        fk_unlock();
        errno = err;
        return false;
    }
    if (limit)
        *limit = done;
    return true;
}

int fk_leave(int r)
{
    int saved = errno;

    fk_unlock();
    errno = saved;
    return r;
}

int fk_leave_rc(long rc)
{
    fk_unlock();
    if (rc >= 0)
        return rc > INT_MAX ? INT_MAX : (int)rc;
    errno = (int)-rc;
    return -1;
}
