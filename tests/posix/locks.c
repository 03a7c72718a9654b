/* SPDX-License-Identifier: GPL-2.0-only */
/* Locks of fcntl (by process, by open file), and of flock. */
#include "groups.h"

#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <time.h>

static int set(int fd, int cmd, short type, off_t start, off_t len)
{
    struct flock fl = { .l_type = type, .l_whence = SEEK_SET,
                        .l_start = start, .l_len = len };

    return fcntl(fd, cmd, &fl);
}

/* What another process would meet; l_type F_UNLCK: nothing. */
static struct flock ask(const char *path, short type, off_t start, off_t len)
{
    struct flock fl = { .l_type = type, .l_whence = SEEK_SET,
                        .l_start = start, .l_len = len };
    int fd, p[2];
    pid_t pid;

    if (pipe(p))
        return fl;
    pid = fork();
    if (!pid) {
        fd = open(path, O_RDWR);
        if (fcntl(fd, F_GETLK, &fl))
            fl.l_type = -1;
        if (write(p[1], &fl, sizeof(fl)) != sizeof(fl))
            _exit(1);
        _exit(0);
    }
    waitpid(pid, NULL, 0);
    if (read(p[0], &fl, sizeof(fl)) != sizeof(fl))
        fl.l_type = -2;
    close(p[0]);
    close(p[1]);
    return fl;
}

/* Tries in another process: 0 or its errno. */
static int try(const char *path, int cmd, short type, off_t start, off_t len)
{
    int status, fd;
    pid_t pid = fork();

    if (!pid) {
        alarm(20);
        fd = open(path, O_RDWR);
        _exit(set(fd, cmd, type, start, len) ? errno : 0);
    }
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

static const struct conflict {
    const char *name;
    short held, wanted;
    off_t start, len, start2, len2;
    int error;
} conflicts[] = {
    { "read-read", F_RDLCK, F_RDLCK, 0, 10, 0, 10, 0 },
    { "read-write", F_RDLCK, F_WRLCK, 0, 10, 0, 10, EAGAIN },
    { "write-read", F_WRLCK, F_RDLCK, 0, 10, 0, 10, EAGAIN },
    { "write-write", F_WRLCK, F_WRLCK, 0, 10, 0, 10, EAGAIN },
    { "apart", F_WRLCK, F_WRLCK, 0, 10, 10, 10, 0 },
    { "last-byte", F_WRLCK, F_WRLCK, 0, 10, 9, 1, EAGAIN },
    { "inside", F_WRLCK, F_WRLCK, 0, 100, 50, 1, EAGAIN },
    { "around", F_WRLCK, F_WRLCK, 50, 1, 0, 100, EAGAIN },
    { "to-end", F_WRLCK, F_WRLCK, 50, 0, 1L << 40, 1, EAGAIN },
    { "before-to-end", F_WRLCK, F_WRLCK, 50, 0, 0, 50, 0 },
    { "beyond-file", F_WRLCK, F_WRLCK, 1L << 50, 10, 1L << 50, 1, EAGAIN },
    { "negative-length", F_WRLCK, F_WRLCK, 100, -50, 60, 10, EAGAIN },
    { "negative-apart", F_WRLCK, F_WRLCK, 100, -50, 100, 10, 0 },
};

static const struct kind {
    const char *name;
    int set, wait;
} kinds[] = {
    { "posix", F_SETLK, F_SETLKW },
    { "ofd", F_OFD_SETLK, F_OFD_SETLKW },
};

static void conflict(const struct kind *k, const struct conflict *c)
{
    int fd;

    px_case("%s-%s", k->name, c->name);
    px_make(PX_FILE, "f");
    fd = open("f", O_RDWR);
    px_done("hold", set(fd, k->set, c->held, c->start, c->len));
    px_eq("posix", try("f", F_SETLK, c->wanted, c->start2, c->len2),
          c->error);
    px_eq("ofd", try("f", F_OFD_SETLK, c->wanted, c->start2, c->len2),
          c->error);
    px_done("release", set(fd, k->set, F_UNLCK, 0, 0));
    px_eq("after", try("f", k->set, c->wanted, c->start2, c->len2), 0);
    px_close(fd);
    unlink("f");
}

static void asking(void)
{
    struct flock fl;
    int fd;

    px_case("getlk");
    px_make(PX_FILE, "g");
    fd = open("g", O_RDWR);
    fl = ask("g", F_WRLCK, 0, 0);
    px_eq("free", fl.l_type, F_UNLCK);
    px_done("lock", set(fd, F_SETLK, F_WRLCK, 100, 20));
    fl = ask("g", F_RDLCK, 0, 0);
    px_eq("type", fl.l_type, F_WRLCK);
    px_eq("start", fl.l_start, 100);
    px_eq("length", fl.l_len, 20);
    px_eq("pid", fl.l_pid, getpid());
    fl = ask("g", F_WRLCK, 0, 100);
    px_eq("beside", fl.l_type, F_UNLCK);
    px_done("split", set(fd, F_SETLK, F_UNLCK, 105, 5));
    fl = ask("g", F_WRLCK, 105, 5);
    px_eq("hole", fl.l_type, F_UNLCK);
    fl = ask("g", F_WRLCK, 0, 0);
    px_eq("first-start", fl.l_start, 100);
    px_eq("first-length", fl.l_len, 5);
    fl = ask("g", F_WRLCK, 107, 0);
    px_eq("second-start", fl.l_start, 110);
    px_eq("second-length", fl.l_len, 10);
    px_done("downgrade", set(fd, F_SETLK, F_RDLCK, 110, 10));
    px_eq("shared-now", try("g", F_SETLK, F_RDLCK, 110, 10), 0);
    px_done("to-end", set(fd, F_SETLK, F_WRLCK, 1000, 0));
    fl = ask("g", F_WRLCK, 2000, 1);
    px_eq("to-end-start", fl.l_start, 1000);
    px_eq("to-end-length", fl.l_len, 0);
    px_close(fd);
}

/* A process loses its locks with any descriptor; an open file does not. */
static void closing(void)
{
    int a, b, c;

    px_case("close");
    px_make(PX_FILE, "c");
    a = open("c", O_RDWR);
    b = open("c", O_RDWR);
    px_done("posix", set(a, F_SETLK, F_WRLCK, 0, 0));
    px_eq("held", try("c", F_SETLK, F_WRLCK, 0, 0), EAGAIN);
    px_close(b);
    px_eq("lost", try("c", F_SETLK, F_WRLCK, 0, 0), 0);
    b = open("c", O_RDWR);
    px_done("ofd", set(a, F_OFD_SETLK, F_WRLCK, 0, 0));
    px_close(b);
    px_eq("ofd-held", try("c", F_SETLK, F_WRLCK, 0, 0), EAGAIN);
    c = dup(a);
    px_close(a);
    px_eq("ofd-dup-held", try("c", F_SETLK, F_WRLCK, 0, 0), EAGAIN);
    px_close(c);
    px_eq("ofd-lost", try("c", F_SETLK, F_WRLCK, 0, 0), 0);
}

static void one_process(void)
{
    int a, b;

    px_case("own");
    px_make(PX_FILE, "o");
    a = open("o", O_RDWR);
    b = open("o", O_RDWR);
    px_done("posix", set(a, F_SETLK, F_WRLCK, 0, 10));
    px_done("posix-again", set(b, F_SETLK, F_WRLCK, 0, 10));
    px_rc("ofd-against-posix", set(b, F_OFD_SETLK, F_WRLCK, 0, 10), EAGAIN);
    px_done("posix-free", set(a, F_SETLK, F_UNLCK, 0, 0));
    px_done("ofd", set(a, F_OFD_SETLK, F_WRLCK, 0, 10));
    px_done("ofd-same", set(a, F_OFD_SETLK, F_RDLCK, 0, 10));
    px_done("ofd-upgrade", set(a, F_OFD_SETLK, F_WRLCK, 0, 10));
    px_rc("ofd-other", set(b, F_OFD_SETLK, F_RDLCK, 0, 10), EAGAIN);
    px_close(a);
    px_close(b);
}

static void errors(void)
{
    struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET,
                        .l_pid = 5 };
    int fd;

    px_case("errors");
    px_make(PX_FILE, "e");
    fd = open("e", O_RDONLY);
    px_rc("write-of-read-only", set(fd, F_SETLK, F_WRLCK, 0, 1), EBADF);
    px_done("read-of-read-only", set(fd, F_SETLK, F_RDLCK, 0, 1));
    px_done("flock-of-read-only", flock(fd, LOCK_EX));
    px_close(fd);
    fd = open("e", O_WRONLY);
    px_rc("read-of-write-only", set(fd, F_SETLK, F_RDLCK, 0, 1), EBADF);
    px_rc("negative-start", set(fd, F_SETLK, F_WRLCK, -1, 1), EINVAL);
    px_rc("before-zero", set(fd, F_SETLK, F_WRLCK, 5, -10), EINVAL);
    px_rc("type", set(fd, F_SETLK, 77, 0, 1), EINVAL);
    px_rc("ofd-with-pid", fcntl(fd, F_OFD_SETLK, &fl), EINVAL);
    px_rc("overflow", set(fd, F_SETLK, F_WRLCK, INT64_MAX, 10), EOVERFLOW);
    px_rc("flock-nothing", flock(fd, 0), EINVAL);
    px_close(fd);
    fd = open("e", O_PATH);
    px_rc("path", set(fd, F_SETLK, F_RDLCK, 0, 1), EBADF);
    px_rc("flock-path", flock(fd, LOCK_SH), EBADF);
    px_close(fd);
}

/* In another process: 0 or its errno. */
static int try_flock(const char *path, int how)
{
    int status, fd;
    pid_t pid = fork();

    if (!pid) {
        fd = open(path, O_RDONLY);
        _exit(flock(fd, how | LOCK_NB) ? errno : 0);
    }
    waitpid(pid, &status, 0);
    return WEXITSTATUS(status);
}

static void flocks(void)
{
    int a, b;

    px_case("flock");
    px_make(PX_FILE, "fl");
    px_make(PX_DIR, "fd");
    a = open("fl", O_RDWR);
    px_done("shared", flock(a, LOCK_SH));
    px_eq("shared-shared", try_flock("fl", LOCK_SH), 0);
    px_eq("shared-exclusive", try_flock("fl", LOCK_EX), EAGAIN);
    px_done("upgrade", flock(a, LOCK_EX));
    px_eq("exclusive-shared", try_flock("fl", LOCK_SH), EAGAIN);
    px_eq("apart-from-fcntl", try("fl", F_SETLK, F_WRLCK, 0, 0), 0);
    b = dup(a);
    px_close(a);
    px_eq("dup-holds", try_flock("fl", LOCK_SH), EAGAIN);
    px_done("unlock", flock(b, LOCK_UN));
    px_eq("free", try_flock("fl", LOCK_EX), 0);
    px_done("again", flock(b, LOCK_EX | LOCK_NB));
    px_close(b);
    px_eq("closed", try_flock("fl", LOCK_EX), 0);
    a = open("fd", O_RDONLY | O_DIRECTORY);
    px_done("dir", flock(a, LOCK_EX));
    px_eq("dir-held", try_flock("fd", LOCK_SH), EAGAIN);
    px_close(a);
}

static void on_alarm(int sig)
{
    (void)sig;
}

static double now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

enum how { POSIX, OFD, FLOCK };

static int lock_wait(int fd, enum how how)
{
    if (how == FLOCK)
        return flock(fd, LOCK_EX);
    return set(fd, how == OFD ? F_OFD_SETLKW : F_SETLKW, F_WRLCK, 0, 0);
}

static int unlock(int fd, enum how how)
{
    if (how == FLOCK)
        return flock(fd, LOCK_UN);
    return set(fd, how == OFD ? F_OFD_SETLK : F_SETLK, F_UNLCK, 0, 0);
}

/* One waits until the other lets go; a signal ends the wait. */
static void waiting(enum how how, const char *name)
{
    struct sigaction act = { .sa_handler = on_alarm };
    int fd, status, ready[2];
    double start;
    pid_t pid;

    px_case("wait-%s", name);
    px_make(PX_FILE, "w");
    fd = open("w", O_RDWR);
    px_done("hold", lock_wait(fd, how));
    (void)!pipe(ready);
    pid = fork();
    if (!pid) {
        int own = open("w", O_RDWR);

        sigaction(SIGALRM, &act, NULL);
        alarm(1);
        status = lock_wait(own, how) ? errno : 0;
        (void)!write(ready[1], &status, sizeof(status));
        alarm(20);
        _exit(lock_wait(own, how) ? errno : 0);
    }
    status = -1;
    px_eq("first", read(ready[0], &status, sizeof(status)),
          sizeof(status));
    px_eq("interrupted", status, EINTR);
    start = now();
    px_tick();
    px_done("let-go", unlock(fd, how));
    waitpid(pid, &status, 0);
    px_eq("got-it", status, 0);
    px_true("soon", now() - start < 5);
    px_close(fd);
    px_close(ready[0]);
    px_close(ready[1]);
    unlink("w");
}

/* Two that wait for each other: the second is told. */
static void deadlock(void)
{
    int fd, status, ready[2];
    char c;
    pid_t pid;

    px_case("deadlock");
    px_make(PX_FILE, "dl");
    fd = open("dl", O_RDWR);
    (void)!pipe(ready);
    px_done("first", set(fd, F_SETLK, F_WRLCK, 0, 1));
    pid = fork();
    if (!pid) {
        int own = open("dl", O_RDWR);

        alarm(20);
        if (set(own, F_SETLK, F_WRLCK, 1, 1))
            _exit(1);
        (void)!write(ready[1], "x", 1);
        _exit(set(own, F_SETLKW, F_WRLCK, 0, 1) ? errno : 0);
    }
    px_eq("second", read(ready[0], &c, 1), 1);
    for (int i = 0; i < 20; i++)
        px_tick();
    px_rc("told", set(fd, F_SETLKW, F_WRLCK, 1, 1), EDEADLK);
    px_done("let-go", set(fd, F_SETLK, F_UNLCK, 0, 0));
    waitpid(pid, &status, 0);
    px_eq("other-got-it", status, 0);
    px_close(fd);
    px_close(ready[0]);
    px_close(ready[1]);
}

/* The locks of one that was killed are free. */
static void killed(void)
{
    int status, ready[2];
    char c;
    pid_t pid;

    px_case("killed");
    px_make(PX_FILE, "k");
    (void)!pipe(ready);
    pid = fork();
    if (!pid) {
        int fd = open("k", O_RDWR);

        set(fd, F_SETLK, F_WRLCK, 0, 10);
        set(fd, F_OFD_SETLK, F_WRLCK, 20, 10);
        flock(fd, LOCK_EX);
        (void)!write(ready[1], "x", 1);
        pause();
    }
    px_eq("ready", read(ready[0], &c, 1), 1);
    px_eq("posix-held", try("k", F_SETLK, F_WRLCK, 0, 10), EAGAIN);
    px_eq("ofd-held", try("k", F_SETLK, F_WRLCK, 20, 10), EAGAIN);
    px_eq("flock-held", try_flock("k", LOCK_EX), EAGAIN);
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    px_eq("posix-free", try("k", F_SETLK, F_WRLCK, 0, 10), 0);
    px_eq("ofd-free", try("k", F_SETLK, F_WRLCK, 20, 10), 0);
    px_eq("flock-free", try_flock("k", LOCK_EX), 0);
    px_close(ready[0]);
    px_close(ready[1]);
}

void px_locks(void)
{
    for (size_t k = 0; k < PX_COUNT(kinds); k++)
        for (size_t i = 0; i < PX_COUNT(conflicts); i++)
            conflict(&kinds[k], &conflicts[i]);
    asking();
    closing();
    one_process();
    errors();
    flocks();
    waiting(POSIX, "posix");
    waiting(OFD, "ofd");
    waiting(FLOCK, "flock");
    deadlock();
    killed();
}
