/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The sandbox of a server, see sandbox.h.
 */
#include "sandbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/securebits.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cap-ng.h>
#include <seccomp.h>
#include <xen/xen.h>
#include <xen/sys/evtchn.h>

#include <xenkeep/log.h>
#include <xenkeep/util.h>

/* Descriptors that a daemon may have been started with. */
#define NOTED_MAX 256

static struct {
    int fds[NOTED_MAX];
    size_t count;
    int pid_ns;
} noted = { .pid_ns = -1 };

/* What a server may do beyond its user, and why. */
static const unsigned int capabilities[] = {
    CAP_CHOWN,          /* owners are the guest's to choose */
    CAP_DAC_OVERRIDE,   /* permission is looked at by the guest's kernel */
    CAP_FOWNER,         /* so are chmod, utimes and sticky directories */
    CAP_FSETID,         /* a set-gid bit stays when the guest sets it */
    CAP_MKNOD,          /* only where the share has devices */
    CAP_SETUID,         /* what is made belongs to the guest's user */
    CAP_SETGID,
    CAP_SETFCAP,        /* security.capability */
    CAP_SYS_RESOURCE,   /* reserved blocks, as a guest's root has them */
};

/* System calls of a server, and what needs them. */
static const int allowed[] = {
    /* names and nodes */
    SCMP_SYS(openat), SCMP_SYS(openat2), SCMP_SYS(close),
    SCMP_SYS(name_to_handle_at), SCMP_SYS(statx), SCMP_SYS(fstat),
    SCMP_SYS(newfstatat), SCMP_SYS(fstatfs), SCMP_SYS(readlinkat),
    SCMP_SYS(getdents64), SCMP_SYS(mkdirat), SCMP_SYS(mknodat),
    SCMP_SYS(symlinkat), SCMP_SYS(linkat), SCMP_SYS(unlinkat),
    SCMP_SYS(renameat), SCMP_SYS(renameat2),
    /* attributes */
    SCMP_SYS(fchmodat), SCMP_SYS(fchownat), SCMP_SYS(utimensat),
    SCMP_SYS(getxattr), SCMP_SYS(setxattr), SCMP_SYS(listxattr),
    SCMP_SYS(removexattr), SCMP_SYS(setfsuid), SCMP_SYS(setfsgid),
    SCMP_SYS(geteuid), SCMP_SYS(getegid),
    /* data */
    SCMP_SYS(preadv2), SCMP_SYS(pwritev2), SCMP_SYS(lseek),
    SCMP_SYS(ftruncate), SCMP_SYS(fallocate), SCMP_SYS(fsync),
    SCMP_SYS(fdatasync), SCMP_SYS(syncfs), SCMP_SYS(copy_file_range),
    SCMP_SYS(flock), SCMP_SYS(fcntl),
    /* event channels (their ioctl is below), the link, the log */
    SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(read), SCMP_SYS(write),
    SCMP_SYS(writev), SCMP_SYS(recvmsg), SCMP_SYS(sendmsg),
    /* threads, memory, time, the end */
    SCMP_SYS(futex), SCMP_SYS(clone), SCMP_SYS(clone3),
    SCMP_SYS(set_robust_list), SCMP_SYS(rseq), SCMP_SYS(sched_yield),
    SCMP_SYS(sched_getaffinity), SCMP_SYS(gettid), SCMP_SYS(getpid),
    SCMP_SYS(mmap), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(mprotect),
    SCMP_SYS(madvise), SCMP_SYS(brk), SCMP_SYS(sigaltstack),
    SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn), SCMP_SYS(restart_syscall),
    SCMP_SYS(clock_gettime), SCMP_SYS(clock_nanosleep), SCMP_SYS(nanosleep),
    SCMP_SYS(getrandom), SCMP_SYS(exit), SCMP_SYS(exit_group),
};

/* ---- descriptors ---- */

static int each_fd(int (*fn)(int fd, void *arg), void *arg)
{
    DIR *dir = opendir("/proc/self/fd");
    struct dirent *d;
    int rc = 0, fd;

    if (!dir)
        return -errno;
    while (!rc && (d = readdir(dir))) {
        fd = atoi(d->d_name);
        if (d->d_name[0] != '.' && fd != dirfd(dir))
            rc = fn(fd, arg);
    }
    closedir(dir);
    return rc;
}

static int note(int fd, void *arg)
{
    (void)arg;
    if (noted.count == NOTED_MAX)
        return -EMFILE;
    noted.fds[noted.count++] = fd;
    return 0;
}

int sandbox_note_fds(void)
{
    noted.count = 0;
    return each_fd(note, NULL);
}

static int close_other(int fd, void *arg)
{
    size_t i;

    for (i = 0; i < noted.count; i++)
        if (noted.fds[i] == fd)
            return 0;
    if (fd != *(const int *)arg)
        close(fd);
    return 0;
}

int sandbox_close_fds(int keep)
{
    return each_fd(close_other, &keep);
}

/* ---- namespaces ---- */

static int make_namespace(const char *path, int kind, int *fd_r)
{
    xk_cleanup_fd int own = open(path, O_RDONLY | O_CLOEXEC);
    int fd;

    if (own < 0 || unshare(kind))
        return -errno;
    fd = open(path, O_RDONLY | O_CLOEXEC);
    *fd_r = fd;
    /* Without the way back nothing would be as it was. */
    if (setns(own, kind))
        abort();
    return fd < 0 ? -EMFILE : 0;
}

int sandbox_make_home(struct sandbox_home *home)
{
    int rc = 0;

    if (home->net < 0)
        rc = make_namespace("/proc/self/ns/net", CLONE_NEWNET, &home->net);
    if (!rc && home->ipc < 0)
        rc = make_namespace("/proc/self/ns/ipc", CLONE_NEWIPC, &home->ipc);
    return rc;
}

void sandbox_drop_home(struct sandbox_home *home)
{
    xk_close(&home->net);
    xk_close(&home->ipc);
}

int sandbox_go_home(const struct sandbox_home *home)
{
    return setns(home->net, CLONE_NEWNET) || setns(home->ipc, CLONE_NEWIPC)
               ? -errno : 0;
}

int sandbox_before_fork(void)
{
    noted.pid_ns = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
    if (noted.pid_ns < 0)
        return -errno;
    if (!unshare(CLONE_NEWPID))
        return 0;
    xk_close(&noted.pid_ns);
    return -errno;
}

void sandbox_after_fork(void)
{
    if (noted.pid_ns >= 0 && setns(noted.pid_ns, CLONE_NEWPID))
        xk_err("the process namespace cannot be left: %s", strerror(errno));
    xk_close(&noted.pid_ns);
}

static int open_tree_clone(const char *path)
{
    long fd = syscall(SYS_open_tree, AT_FDCWD, path,
                      OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

    return fd < 0 ? -errno : (int)fd;
}

/* The own descriptors and nothing else of procfs: the way up ends there. */
static int open_fd_dir(int *fd_r)
{
    int fd;

    if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC,
              NULL))
        return -errno;
    fd = open_tree_clone("/proc/self/fd");
    if (fd == -ENOSYS) {
        /* Alone once the root is gone: each mount is let go by itself. */
        if (mount("/proc/self/fd", "/proc", NULL, MS_BIND, NULL))
            return -errno;
        fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
        fd = fd < 0 ? -errno : fd;
    }
    *fd_r = fd;
    return fd < 0 ? fd : 0;
}

/* Shares come as descriptors of mounts that are nowhere: the root is empty. */
static int empty_root(void)
{
    if (mount("none", "/proc", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
              "mode=0555,size=4k,nr_inodes=1") || chdir("/proc"))
        return -errno;
    if (syscall(SYS_pivot_root, ".", ".") || umount2(".", MNT_DETACH) ||
        chdir("/"))
        return -errno;
    if (mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID |
              MS_NODEV | MS_NOEXEC, NULL))
        return -errno;
    return 0;
}

static int leave_dom0(int *fd_dir_r)
{
    int rc;

    if (unshare(CLONE_NEWNS | CLONE_NEWUTS) ||
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
        return -errno;
    rc = open_fd_dir(fd_dir_r);
    if (!rc)
        rc = empty_root();
    return rc;
}

/* ---- privileges ---- */

/* As many descriptors as are wanted, or as may be had. */
static int limit_resources(uint32_t *descriptors)
{
    struct rlimit files = { *descriptors, *descriptors }, none = { 0, 0 };

    if (setrlimit(RLIMIT_NOFILE, &files)) {
        if (errno != EPERM || getrlimit(RLIMIT_NOFILE, &files))
            return -errno;
        files.rlim_cur = files.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &files))
            return -errno;
        *descriptors = (uint32_t)files.rlim_max;
    }
    return setrlimit(RLIMIT_CORE, &none) ? -errno : 0;
}

static int drop_privileges(uint32_t uid)
{
    bool have[XK_ARRAY_SIZE(capabilities)];
    size_t i;

    /* Capabilities follow no change of user, now or later, and no program
     * that root starts gets any. */
    if (prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP |
              SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_NOROOT |
              SECBIT_NOROOT_LOCKED, 0, 0, 0))
        return -errno;
    if (setgroups(0, NULL) || setresgid(uid, uid, uid) ||
        setresuid(uid, uid, uid))
        return -errno;
    (void)capng_get_caps_process();
    for (i = 0; i < XK_ARRAY_SIZE(capabilities); i++)
        have[i] = capng_have_capability(CAPNG_PERMITTED, capabilities[i]);
    capng_clear(CAPNG_SELECT_BOTH);
    for (i = 0; i < XK_ARRAY_SIZE(capabilities); i++)
        if (have[i] &&
            capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED |
                         CAPNG_BOUNDING_SET, capabilities[i]))
            return -EPERM;
    if (capng_apply(CAPNG_SELECT_BOTH))
        return -EPERM;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) ||
        prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0))
        return -errno;
    return 0;
}

int sandbox_enter(uint32_t uid, uint32_t *descriptors, int *fd_dir_r)
{
    int rc = leave_dom0(fd_dir_r);

    if (!rc)
        rc = limit_resources(descriptors);
    return rc ? rc : drop_privileges(uid);
}

int sandbox_filter(void)
{
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
    size_t i;
    int rc;

    if (!ctx)
        return -ENOMEM;
    for (i = 0, rc = 0; !rc && i < XK_ARRAY_SIZE(allowed); i++)
        rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, allowed[i], 0);
    if (!rc)
        rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
                              SCMP_A1(SCMP_CMP_EQ, IOCTL_EVTCHN_NOTIFY));
    if (!rc)
        rc = seccomp_load(ctx);
    seccomp_release(ctx);
    return rc;
}
