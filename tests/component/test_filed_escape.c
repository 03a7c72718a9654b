/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a server could do if its guest had taken it over: a debugger puts
 * system calls into it. It opens what is in its share, and nothing else of
 * this machine, by whatever name and from whatever descriptor it has; and a
 * call that it has no need of is its last.
 */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xenkeep/util.h>

#include "files_play.h"

#define DESCRIPTORS 256
#define KILLED INT64_MIN

static struct files_play play;
#define G (&play.guest)

static pid_t server;
static char secret[64];     /* a file beside the share */

static void make_file(const char *path)
{
    FILE *f = fopen(path, "we");

    ck_assert_ptr_nonnull(f);
    fputs("for dom0 alone\n", f);
    ck_assert_int_eq(fclose(f), 0);
}

static void setup(void)
{
    char items[100], path[64];

    files_play_init(&play);
    snprintf(secret, sizeof(secret), "%s/outside/secret", play.dir);
    make_file(secret);
    snprintf(path, sizeof(path), "%s/data/mine", play.dir);
    make_file(path);
    snprintf(path, sizeof(path), "%s/data/link", play.dir);
    ck_assert_int_eq(symlink(secret, path), 0);
    snprintf(items, sizeof(items), "\"path=%s/data\"", play.dir);
    files_play_keep(&play, items);
    files_play_up(&play);
    ck_assert_int_eq(files_connect(G), 0);
    server = files_play_server(&play);
    ck_assert_int_gt(server, 0);
}

static void teardown(void)
{
    files_play_fini(&play);
}

/* ---- the debugger ---- */

/* Is the instruction before where it stands a system call? */
static bool in_call(void)
{
    struct user_regs_struct regs;

    ck_assert_int_eq(ptrace(PTRACE_GETREGS, server, 0, &regs), 0);
    return (ptrace(PTRACE_PEEKTEXT, server, regs.rip - 2, 0) & 0xffff) ==
           0x050f;
}

/* May this machine's processes be debugged by their root? */
static bool debugging_works(void)
{
    int status;
    pid_t pid = fork();
    bool works;

    if (!pid) {
        pause();
        _exit(0);
    }
    works = pid > 0 && !ptrace(PTRACE_SEIZE, pid, 0, 0);
    kill(pid, SIGKILL);
    (void)waitpid(pid, &status, 0);
    return works;
}

/* Stopped while it listens to its parent. */
static bool stop(void)
{
    int status, tries;

    ck_assert_int_eq(ptrace(PTRACE_SEIZE, server, 0, 0), 0);
    for (tries = 0; tries < 100; tries++) {
        ck_assert_int_eq(ptrace(PTRACE_INTERRUPT, server, 0, 0), 0);
        ck_assert_int_eq(waitpid(server, &status, __WALL), server);
        ck_assert(WIFSTOPPED(status));
        if (in_call())
            return true;
        ck_assert_int_eq(ptrace(PTRACE_CONT, server, 0, 0), 0);
        usleep(20000);
    }
    return false;
}

static void put_text(uint64_t at, const char *text)
{
    size_t i, len = strlen(text) + 1;
    uint64_t word;

    for (i = 0; i < len; i += sizeof(word)) {
        word = 0;
        memcpy(&word, text + i, xk_min_size(sizeof(word), len - i));
        ck_assert_int_eq(ptrace(PTRACE_POKEDATA, server, at + i, word), 0);
    }
}

/* It sits in a system call: that instruction is used again. */
static int64_t call5(long nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
                     uint64_t e)
{
    struct user_regs_struct saved, regs;
    int status;

    ck_assert_int_eq(ptrace(PTRACE_GETREGS, server, 0, &saved), 0);
    regs = saved;
    regs.rip -= 2;
    regs.orig_rax = (unsigned long long)-1;
    regs.rax = (unsigned long long)nr;
    regs.rdi = a;
    regs.rsi = b;
    regs.rdx = c;
    regs.r10 = d;
    regs.r8 = e;
    ck_assert_int_eq(ptrace(PTRACE_SETREGS, server, 0, &regs), 0);
    ck_assert_int_eq(ptrace(PTRACE_SINGLESTEP, server, 0, 0), 0);
    ck_assert_int_eq(waitpid(server, &status, __WALL), server);
    if (!WIFSTOPPED(status))
        return KILLED;
    ck_assert_int_eq(ptrace(PTRACE_GETREGS, server, 0, &regs), 0);
    saved.orig_rax = (unsigned long long)-1;
    ck_assert_int_eq(ptrace(PTRACE_SETREGS, server, 0, &saved), 0);
    return (int64_t)regs.rax;
}

static int64_t call(long nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    return call5(nr, a, b, c, d, 0);
}

/* A place on its stack, below what it uses. */
static uint64_t scratch(void)
{
    struct user_regs_struct regs;

    ck_assert_int_eq(ptrace(PTRACE_GETREGS, server, 0, &regs), 0);
    return (regs.rsp - 65536) & ~UINT64_C(15);
}

static int64_t open_at(int dir, const char *path, int flags)
{
    uint64_t at = scratch();

    put_text(at, path);
    return call(SYS_openat, (uint64_t)(int64_t)dir, at, (uint64_t)flags, 0);
}

static size_t descriptors(int fds[DESCRIPTORS])
{
    char path[40];
    struct dirent *d;
    size_t n = 0;
    DIR *dir;

    snprintf(path, sizeof(path), "/proc/%d/fd", server);
    dir = opendir(path);
    ck_assert_ptr_nonnull(dir);
    while ((d = readdir(dir)) && n < DESCRIPTORS)
        if (d->d_name[0] != '.')
            fds[n++] = atoi(d->d_name);
    closedir(dir);
    return n;
}

/* Is this descriptor of its the secret, or above the share? */
static bool outside(int64_t fd)
{
    char path[48];
    struct stat got, want;
    const char *above[] = { secret, play.dir, "/", "/tmp", "/etc", "/proc" };
    size_t i;

    snprintf(path, sizeof(path), "/proc/%d/fd/%d", server, (int)fd);
    if (stat(path, &got))
        return false;
    for (i = 0; i < XK_ARRAY_SIZE(above); i++)
        if (!stat(above[i], &want) && got.st_dev == want.st_dev &&
            got.st_ino == want.st_ino)
            return true;
    return false;
}

static void must_not_lead_out(int dir, const char *path)
{
    int64_t fd = open_at(dir, path, O_PATH);

    ck_assert_msg(fd < 0 || !outside(fd), "descriptor %d: \"%s\" leads out",
                  dir, path);
    if (fd >= 0)
        (void)call(SYS_close, (uint64_t)fd, 0, 0, 0);
}

START_TEST(it_opens_nothing_outside)
{
    const char *paths[] = {
        secret, "/", "/etc/passwd", "/proc/self/root", "/proc/1/root", "..",
        "../..", "../../..", "../../../..", "../../../../..",
        "../../../../../..", "../../../../../../etc/passwd",
        "../outside/secret", "root", "../root", "../../root", "cwd", "exe",
        "../exe", "../cwd", "../../1/root", "link", "self/root",
        "task/1/root", "../task/1/root", "../ns/mnt",
    };
    int fds[DESCRIPTORS];
    size_t n, i, k;
    int64_t fd;

    ck_assert(stop());
    /* The debugger works: its own file is there. */
    n = descriptors(fds);
    ck_assert_uint_gt(n, 3);
    for (i = 0, fd = -1; i < n && fd < 0; i++)
        fd = open_at(fds[i], "mine", O_RDONLY);
    ck_assert_int_ge(fd, 0);
    (void)call(SYS_close, (uint64_t)fd, 0, 0, 0);
    for (k = 0; k < XK_ARRAY_SIZE(paths); k++) {
        must_not_lead_out(AT_FDCWD, paths[k]);
        for (i = 0; i < n; i++)
            must_not_lead_out(fds[i], paths[k]);
    }
    /* And no descriptor that it has is one of dom0's places. */
    for (i = 0; i < n; i++)
        ck_assert_msg(!outside(fds[i]), "descriptor %d is outside", fds[i]);
    ptrace(PTRACE_DETACH, server, 0, 0);
}
END_TEST

/* openat2() without any of its restrictions. */
static int64_t open_at2(int dir, const char *path)
{
    uint64_t at = scratch(), how = at + 4096;
    size_t i;

    put_text(at, path);
    for (i = 0; i < 24; i += 8)
        ck_assert_int_eq(ptrace(PTRACE_POKEDATA, server, how + i,
                                i ? 0 : O_RDONLY), 0);
    return call(SYS_openat2, (uint64_t)(int64_t)dir, at, how, 24);
}

#define BUF 1u      /* a place in its memory, with an attribute's name */

/* Calls that have a path, which is the first argument or comes after a
 * directory; what they take behind it would do if it were found. */
static const struct {
    const char *name;
    long nr;
    bool alone;
    uint64_t c, d, e;
} by_path[] = {
    { "newfstatat", SYS_newfstatat, false, BUF, 0, 0 },
    { "statx", SYS_statx, false, 0, 0x7ff, BUF },
    { "readlinkat", SYS_readlinkat, false, BUF, 256, 0 },
    { "unlinkat", SYS_unlinkat, false, 0, 0, 0 },
    { "mkdirat", SYS_mkdirat, false, 0755, 0, 0 },
    { "fchmodat", SYS_fchmodat, false, 0777, 0, 0 },
    { "fchownat", SYS_fchownat, false, 7, 7, 0 },
    { "utimensat", SYS_utimensat, false, 0, 0, 0 },
    { "name_to_handle_at", SYS_name_to_handle_at, false, BUF, BUF, 0 },
    { "getxattr", SYS_getxattr, true, BUF, 0, 0 },
    { "listxattr", SYS_listxattr, true, BUF, 256, 0 },
};

/* Not found, from there; anything else would be a way. */
static bool not_found(int64_t rc)
{
    return rc == -ENOENT || rc == -ENOTDIR || rc == -EBADF || rc == -EXDEV;
}

static uint64_t argument(uint64_t what, uint64_t buf)
{
    return what == BUF ? buf : what;
}

static int64_t call_by_path(size_t k, int dir, const char *path)
{
    uint64_t at = scratch(), buf = at + 4096, c, d, e;

    put_text(at, path);
    put_text(buf, "user.x");
    c = argument(by_path[k].c, buf);
    d = argument(by_path[k].d, buf);
    e = argument(by_path[k].e, buf);
    if (by_path[k].alone)
        return call(by_path[k].nr, at, c, d, 0);
    return call5(by_path[k].nr, (uint64_t)(int64_t)dir, at, c, d, e);
}

/* A second name of it in the share, or another place. */
static void must_not_be_taken(int dir, const char *path, int to)
{
    uint64_t at = scratch(), name = at + 4096;

    put_text(at, path);
    put_text(name, "stolen");
    ck_assert(not_found(call(SYS_linkat, (uint64_t)dir, at, (uint64_t)to,
                             name)));
    ck_assert(not_found(call(SYS_renameat2, (uint64_t)dir, at, (uint64_t)to,
                             name)));
}

START_TEST(it_reaches_nothing_outside)
{
    const char *paths[] = { secret, "/etc/passwd", "../outside/secret",
                            "../../etc/passwd" };
    int fds[DESCRIPTORS];
    size_t n, i, k, p;
    int64_t rc;

    ck_assert(stop());
    n = descriptors(fds);
    for (p = 0; p < XK_ARRAY_SIZE(paths); p++)
        for (i = 0; i < n; i++) {
            ck_assert(not_found(open_at2(fds[i], paths[p])));
            for (k = 0; k < XK_ARRAY_SIZE(by_path); k++) {
                rc = call_by_path(k, fds[i], paths[p]);
                ck_assert_msg(not_found(rc), "%s of %s from descriptor %d: "
                              "%d", by_path[k].name, paths[p], fds[i],
                              (int)rc);
            }
            for (k = 0; k < n; k++)
                must_not_be_taken(fds[i], paths[p], fds[k]);
        }
    ptrace(PTRACE_DETACH, server, 0, 0);
    ck_assert_int_eq(access(secret, F_OK), 0);
}
END_TEST

static const struct {
    const char *name;
    long nr;
} forbidden[] = {
    { "execve", SYS_execve }, { "open_by_handle_at", SYS_open_by_handle_at },
    { "mount", SYS_mount }, { "setns", SYS_setns },
    { "unshare", SYS_unshare }, { "ptrace", SYS_ptrace },
    { "socket", SYS_socket }, { "connect", SYS_connect },
    { "process_vm_readv", SYS_process_vm_readv }, { "chroot", SYS_chroot },
    { "pivot_root", SYS_pivot_root }, { "kill", SYS_kill },
    { "setuid", SYS_setuid }, { "capset", SYS_capset },
    { "init_module", SYS_init_module }, { "bpf", SYS_bpf },
    { "open", SYS_open }, { "open_tree", SYS_open_tree },
    { "move_mount", SYS_move_mount }, { "pidfd_getfd", SYS_pidfd_getfd },
    { "ioctl to map a grant", SYS_ioctl },
};

START_TEST(what_it_needs_not_ends_it)
{
    ck_assert(stop());
    ck_assert_msg(call(forbidden[_i].nr, 0, 0, 0, 0) == KILLED,
                  "%s does not end it", forbidden[_i].name);
}
END_TEST

START_TEST(it_holds_no_grants_and_few_rights)
{
    char path[40], line[256], target[256];
    int fds[DESCRIPTORS];
    size_t n, i;
    ssize_t len;
    FILE *f;
    unsigned long long caps = ~0ull, bits = 0;
    unsigned int uid = 0;

    snprintf(path, sizeof(path), "/proc/%d/status", server);
    f = fopen(path, "re");
    ck_assert_ptr_nonnull(f);
    while (fgets(line, sizeof(line), f)) {
        (void)sscanf(line, "CapEff: %llx", &caps);
        (void)sscanf(line, "Uid: %u", &uid);
        (void)sscanf(line, "Seccomp: %llu", &bits);
    }
    fclose(f);
    ck_assert_uint_ge(uid, 2000000000u);
    ck_assert_uint_eq(bits, 2);
    /* SYS_ADMIN, SYS_PTRACE, DAC_READ_SEARCH, SYS_CHROOT, NET_ADMIN,
     * SYS_MODULE, SYS_RAWIO, KILL, SETPCAP */
    ck_assert_uint_eq(caps & (1ull << 21 | 1ull << 19 | 1ull << 2 |
                              1ull << 18 | 1ull << 12 | 1ull << 16 |
                              1ull << 17 | 1ull << 5 | 1ull << 8), 0);
    n = descriptors(fds);
    for (i = 0; i < n; i++) {
        snprintf(path, sizeof(path), "/proc/%d/fd/%d", server, fds[i]);
        len = readlink(path, target, sizeof(target) - 1);
        if (len < 0)
            continue;
        target[len] = '\0';
        ck_assert_ptr_null(strstr(target, "gntdev"));
        ck_assert_ptr_null(strstr(target, "privcmd"));
        ck_assert_ptr_null(strstr(target, "filed.sock"));
        ck_assert_ptr_null(strstr(target, ".key"));
    }
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("escape");
    Suite *s = suite_create("filed: escapes");
    SRunner *r;
    int failed;

    if (!debugging_works()) {
        fprintf(stderr, "skipped: no process can be debugged here\n");
        return 77;
    }
    tcase_set_timeout(t, 120);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, it_opens_nothing_outside);
    tcase_add_test(t, it_reaches_nothing_outside);
    tcase_add_loop_test(t, what_it_needs_not_ends_it, 0,
                        XK_ARRAY_SIZE(forbidden));
    tcase_add_test(t, it_holds_no_grants_and_few_rights);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
