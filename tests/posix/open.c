/* SPDX-License-Identifier: GPL-2.0-only */
/* open: every flag, on every kind of node. */
#include "groups.h"

#include <sys/syscall.h>

static const struct access {
    const char *name;
    int flags;
} accesses[] = {
    { "rd", O_RDONLY }, { "wr", O_WRONLY }, { "rw", O_RDWR },
};

static const struct flag {
    const char *name;
    int flags;
} flags[] = {
    { "plain", 0 },
    { "creat", O_CREAT },
    { "excl", O_CREAT | O_EXCL },
    { "trunc", O_TRUNC },
    { "creat-trunc", O_CREAT | O_TRUNC },
    { "append", O_APPEND },
    { "nofollow", O_NOFOLLOW },
    { "creat-nofollow", O_CREAT | O_NOFOLLOW },
    { "directory", O_DIRECTORY },
    { "sync", O_SYNC },
    { "noatime", O_NOATIME },
};

/* A FIFO is opened without waiting. */
static int wanted(enum px_kind k, int access, int fl)
{
    bool create = fl & O_CREAT;

    if (k == PX_NONE)
        return create ? 0 : ENOENT;
    if ((fl & O_CREAT) && (fl & O_EXCL))
        return EEXIST;
    if (k == PX_DIR) {
        if (create)
            return EISDIR;
        return access != O_RDONLY || (fl & O_TRUNC) ? EISDIR : 0;
    }
    if ((k == PX_LINK || k == PX_DANGLING) && (fl & O_NOFOLLOW))
        return ELOOP;
    if (k == PX_DANGLING)
        return create ? 0 : ENOENT;
    if (fl & O_DIRECTORY)
        return ENOTDIR;
    if (k == PX_SOCKET || (k == PX_FIFO && access == O_WRONLY))
        return ENXIO;
    return 0;
}

static void one(enum px_kind k, const struct access *a, const struct flag *f)
{
    const char *seen = k == PX_LINK ? "n.pointed" : "n";
    int fd, error = wanted(k, a->flags, f->flags);
    long long size = k == PX_FILE ? 7 : k == PX_LINK ? 3 : 0;

    /* O_TRUNC without write access truncates on Linux all the same. */
    if (f->flags & O_TRUNC)
        size = 0;
    px_case("%s-%s-%s", px_kind_name(k), a->name, f->name);
    px_make(k, "n");
    fd = open("n", a->flags | f->flags | O_NONBLOCK, 0640);
    px_rc("open", fd, error);
    px_close(fd);
    if (!error && (k == PX_FILE || k == PX_LINK))
        px_eq("size", px_stat(seen).st_size, size);
    if (!error && k == PX_NONE)
        px_eq("mode", px_stat("n").st_mode, S_IFREG | 0640);
    if (!error && k == PX_DANGLING)
        px_eq("made", px_stat("points-nowhere").st_mode, S_IFREG | 0640);
    px_clear("n");
    px_clear("n.pointed");
    px_clear("points-nowhere");
}

static void matrix(void)
{
    static const enum px_kind kinds[] = {
        PX_NONE, PX_FILE, PX_DIR, PX_LINK, PX_DANGLING, PX_FIFO, PX_SOCKET,
    };

    for (size_t k = 0; k < PX_COUNT(kinds); k++)
        for (size_t a = 0; a < PX_COUNT(accesses); a++)
            for (size_t f = 0; f < PX_COUNT(flags); f++)
                one(kinds[k], &accesses[a], &flags[f]);
}

static void access_of_descriptors(void)
{
    char c = 'x';
    int fd;

    px_case("access");
    px_make(PX_FILE, "a");
    fd = open("a", O_RDONLY);
    px_rc("write-read-only", write(fd, &c, 1), EBADF);
    px_rc("truncate-read-only", ftruncate(fd, 0), EINVAL);
    px_rc("fallocate-read-only", fallocate(fd, 0, 0, 1), EBADF);
    px_eq("read", read(fd, &c, 1), 1);
    px_close(fd);
    fd = open("a", O_WRONLY);
    px_rc("read-write-only", read(fd, &c, 1), EBADF);
    px_eq("write", write(fd, &c, 1), 1);
    px_close(fd);
    fd = open("a", O_PATH);
    px_rc("read-path", read(fd, &c, 1), EBADF);
    px_rc("write-path", write(fd, &c, 1), EBADF);
    px_close(fd);
    fd = open(".", O_RDONLY);
    px_rc("read-dir", read(fd, &c, 1), EISDIR);
    px_rc("write-dir", write(fd, &c, 1), EBADF);
    px_close(fd);
    /* Made without the right to write: this descriptor has it. */
    px_become(PX_OTHER, PX_OTHER);
    px_root();
    mkdir("pub", 0777);
    chmod("pub", 0777);
    px_become(PX_OTHER, PX_OTHER);
    fd = open("pub/ro", O_CREAT | O_EXCL | O_RDWR, 0444);
    px_true("create-read-only", fd >= 0);
    px_eq("write-own-descriptor", write(fd, "abc", 3), 3);
    px_rc("second-open", open("pub/ro", O_RDWR), EACCES);
    px_close(fd);
    fd = open("pub/none", O_CREAT | O_EXCL | O_RDWR, 0);
    px_true("create-mode-0", fd >= 0);
    px_eq("write-mode-0", write(fd, "abc", 3), 3);
    px_rc("open-mode-0", open("pub/none", O_RDONLY), EACCES);
    px_close(fd);
    px_rc("noatime-of-other", open("a", O_RDONLY | O_NOATIME), EPERM);
    px_root();
    px_eq("size-of-read-only", px_stat("pub/ro").st_size, 3);
}

static void masks(void)
{
    static const mode_t modes[][2] = {
        { 0666, 022 }, { 0777, 0 }, { 0777, 077 }, { 04755, 0 },
        { 02755, 0 },  { 01644, 0 }, { 0, 0 },     { 0666, 0666 },
    };
    int fd;

    for (size_t i = 0; i < PX_COUNT(modes); i++) {
        px_case("create-%04o-%04o", (unsigned int)modes[i][0],
                (unsigned int)modes[i][1]);
        umask(modes[i][1]);
        fd = open("m", O_CREAT | O_WRONLY, modes[i][0]);
        umask(0);
        px_true("open", fd >= 0);
        px_close(fd);
        px_eq("mode", px_stat("m").st_mode,
              S_IFREG | (modes[i][0] & ~modes[i][1]));
        unlink("m");
    }
}

static void append(void)
{
    char buf[16] = "";
    int a, b;

    px_case("append");
    a = open("ap", O_CREAT | O_WRONLY | O_APPEND, 0644);
    b = open("ap", O_WRONLY | O_APPEND);
    px_eq("first", write(a, "aa", 2), 2);
    px_eq("second", write(b, "bb", 2), 2);
    px_eq("third", write(a, "cc", 2), 2);
    px_eq("offset", lseek(a, 0, SEEK_CUR), 6);
    px_done("seek-back", lseek(a, 0, SEEK_SET));
    px_eq("fourth", write(a, "dd", 2), 2);
    px_eq("size", px_stat("ap").st_size, 8);
    /* Linux: pwrite appends too. */
    px_eq("pwrite", pwrite(a, "ee", 2, 0), 2);
    px_close(a);
    px_close(b);
    a = open("ap", O_RDWR);
    px_eq("read", read(a, buf, sizeof(buf)), 10);
    px_same("data", buf, "aabbccddee");
    px_done("set", fcntl(a, F_SETFL, O_APPEND));
    px_true("get", fcntl(a, F_GETFL) & O_APPEND);
    px_done("seek", lseek(a, 0, SEEK_SET));
    px_eq("write", write(a, "f", 1), 1);
    px_eq("size-11", px_stat("ap").st_size, 11);
    px_close(a);
}

static void running(void)
{
    static const char *const none[] = { NULL };
    int fd;

    px_case("exec");
    /* No format that the kernel knows: it gets as far as reading it. */
    px_fill("prog", 64);
    chmod("prog", 0755);
    px_rc("no-format", execve("prog", (char *const *)none,
                              (char *const *)none), ENOEXEC);
    chmod("prog", 0644);
    px_rc("not-executable", execve("prog", (char *const *)none,
                                   (char *const *)none), EACCES);
    px_make(PX_DIR, "progdir");
    px_rc("dir", execve("progdir", (char *const *)none,
                        (char *const *)none), EACCES);
    chmod("prog", 0755);
    fd = open("prog", O_WRONLY);
    px_true("write", fd >= 0);
    px_rc("busy", execve("prog", (char *const *)none, (char *const *)none),
          ETXTBSY);
    px_close(fd);
}

static int resolve(const char *path, uint64_t how)
{
    struct {
        uint64_t flags, mode, resolve;
    } arg = { O_RDONLY, 0, how };
    int fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &arg, sizeof(arg));

    px_close(fd);
    return fd < 0 ? -1 : 0;
}

static void beneath(void)
{
    px_case("openat2");
    px_make(PX_DIR, "in");
    px_make(PX_FILE, "in/f");
    (void)!symlink("in/f", "sl");
    px_done("plain", resolve("in/f", 0));
    px_done("beneath", resolve("in/f", 0x08));
    px_rc("beneath-dotdot", resolve("../x", 0x08), EXDEV);
    px_rc("beneath-root", resolve("/", 0x08), EXDEV);
    px_rc("no-symlinks", resolve("sl", 0x04), ELOOP);
    px_done("no-xdev", resolve("in/f", 0x01));
    px_done("in-root", resolve("/in/f", 0x10));
}

void px_open(void)
{
    matrix();
    access_of_descriptors();
    masks();
    append();
    running();
    beneath();
}
