/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Giving up privileges, see depriv.h. The list of system calls is an
 * allow-list: each row says what needs it.
 */
#include "depriv.h"

#include <dlfcn.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <unistd.h>

#include <cap-ng.h>
#include <seccomp.h>

#include <xenkeep/util.h>

static const int allowed[] = {
    /* the loop: sockets, xenstore's pipe, event channels, timers, signals */
    SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_ctl),
    SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(read), SCMP_SYS(readv),
    SCMP_SYS(write), SCMP_SYS(writev), SCMP_SYS(recvfrom),
    SCMP_SYS(recvmsg), SCMP_SYS(sendto), SCMP_SYS(sendmsg),
    SCMP_SYS(accept4), SCMP_SYS(getsockopt), SCMP_SYS(shutdown),
    SCMP_SYS(close), SCMP_SYS(fcntl), SCMP_SYS(timerfd_settime),
    SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
    SCMP_SYS(restart_syscall), SCMP_SYS(clock_gettime),
    SCMP_SYS(gettimeofday), SCMP_SYS(clock_nanosleep), SCMP_SYS(nanosleep),
    /* hypercalls, grants and event channels on the open handles */
    SCMP_SYS(ioctl),
    /* guests' pages, and malloc */
    SCMP_SYS(mmap), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise),
    SCMP_SYS(brk), SCMP_SYS(mprotect),
    /* the journal */
    SCMP_SYS(pwrite64), SCMP_SYS(pread64), SCMP_SYS(fdatasync),
    SCMP_SYS(fsync),
    /* libxenstore's reader thread, locks, and the end of the process */
    SCMP_SYS(futex), SCMP_SYS(sched_yield), SCMP_SYS(gettid),
    SCMP_SYS(getpid), SCMP_SYS(geteuid), SCMP_SYS(getuid),
    SCMP_SYS(clone), SCMP_SYS(clone3), SCMP_SYS(set_robust_list),
    SCMP_SYS(rseq), SCMP_SYS(sched_getaffinity),
    SCMP_SYS(tgkill), SCMP_SYS(exit), SCMP_SYS(exit_group),
    SCMP_SYS(unlink), SCMP_SYS(getrandom), SCMP_SYS(newfstatat),
    SCMP_SYS(fstat), SCMP_SYS(sysinfo),
};

static const int with_files[] = {
    SCMP_SYS(openat), SCMP_SYS(mkdir), SCMP_SYS(rename), SCMP_SYS(rmdir),
    SCMP_SYS(getdents64), SCMP_SYS(lseek), SCMP_SYS(ftruncate),
    SCMP_SYS(statfs), SCMP_SYS(fstatfs), SCMP_SYS(statx), SCMP_SYS(stat),
    SCMP_SYS(unlinkat), SCMP_SYS(access), SCMP_SYS(sync_file_range),
    SCMP_SYS(fadvise64), SCMP_SYS(uname),
    /* threads of low priority, and the end of a helper */
    SCMP_SYS(setpriority), SCMP_SYS(prlimit64), SCMP_SYS(sched_getparam),
    SCMP_SYS(sched_getscheduler), SCMP_SYS(sched_setscheduler),
    SCMP_SYS(wait4), SCMP_SYS(mlock), SCMP_SYS(munlock), SCMP_SYS(prctl),
};

static int allow(scmp_filter_ctx ctx, const int *calls, size_t count)
{
    size_t i;
    int rc = 0;

    for (i = 0; !rc && i < count; i++)
        rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, calls[i], 0);
    return rc;
}

static int filter_syscalls(bool files)
{
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
    int rc;

    if (!ctx)
        return -ENOMEM;
    rc = allow(ctx, allowed, XK_ARRAY_SIZE(allowed));
    if (!rc && files)
        rc = allow(ctx, with_files, XK_ARRAY_SIZE(with_files));
    if (!rc)
        rc = seccomp_load(ctx);
    seccomp_release(ctx);
    return rc;
}

static int change_user(const char *user)
{
    const struct passwd *pw;

    errno = 0;
    pw = getpwnam(user);
    if (!pw)
        return errno ? -errno : -ENOENT;
    capng_clear(CAPNG_SELECT_BOTH);
    if (capng_change_id((int)pw->pw_uid, (int)pw->pw_gid,
                        CAPNG_DROP_SUPP_GRP | CAPNG_CLEAR_BOUNDING))
        return -EPERM;
    return 0;
}

static int depriv(const char *user, bool files)
{
    int rc;

    /* libxenstore ends its thread with pthread_cancel(), for which glibc
     * loads this library: later it could not be opened. */
    (void)dlopen("libgcc_s.so.1", RTLD_NOW);
    if (geteuid() == 0) {
        rc = change_user(user);
        if (rc)
            return rc;
    }
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        return -errno;
    return filter_syscalls(files);
}

int xk_depriv(const char *user)
{
    return depriv(user, false);
}

int xk_depriv_with_files(const char *user)
{
    return depriv(user, true);
}
