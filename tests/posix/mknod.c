/* SPDX-License-Identifier: GPL-2.0-only */
/* mknod, mkfifo, and the use of pipes. */
#include "groups.h"

#include <sys/sysmacros.h>

static const struct node {
    const char *name;
    mode_t type;
    unsigned int major, minor;
    int as_user;                /* error of one that is not root */
} nodes[] = {
    { "file", S_IFREG, 0, 0, 0 },
    { "typeless", 0, 0, 0, 0 },
    { "fifo", S_IFIFO, 0, 0, 0 },
    { "socket", S_IFSOCK, 0, 0, 0 },
    { "char", S_IFCHR, 1, 3, EPERM },
    { "char-large", S_IFCHR, 4095, 1048575, EPERM },
    { "whiteout", S_IFCHR, 0, 0, 0 },
    { "block", S_IFBLK, 7, 200, EPERM },
};

static void node(const struct node *n, mode_t mode, mode_t mask)
{
    mode_t type = n->type ? n->type : S_IFREG;
    struct stat st;

    px_case("%s-%04o-%04o", n->name, (unsigned int)mode,
            (unsigned int)mask);
    umask(mask);
    px_done("mknod", mknod("n", n->type | mode,
                           makedev(n->major, n->minor)));
    umask(0);
    st = px_stat("n");
    px_eq("mode", st.st_mode, type | (mode & ~mask));
    px_eq("links", (long long)st.st_nlink, 1);
    px_eq("size", st.st_size, 0);
    if (n->type == S_IFCHR || n->type == S_IFBLK) {
        px_eq("major", major(st.st_rdev), n->major);
        px_eq("minor", minor(st.st_rdev), n->minor);
    }
    px_rc("again", mknod("n", n->type | mode, 0), EEXIST);
    px_done("unlink", unlink("n"));
}

static void as_user(const struct node *n)
{
    px_case("user-%s", n->name);
    mkdir("u", 0777);
    px_become(PX_OTHER, PX_OTHER);
    px_rc("mknod", mknod("u/n", n->type | 0600,
                         makedev(n->major, n->minor)), n->as_user);
    px_root();
    if (!n->as_user)
        px_eq("uid", px_stat("u/n").st_uid, PX_OTHER);
    px_clear("u");
}

static void pipes(void)
{
    char buf[8] = "";
    int rd, wr;

    px_case("pipe");
    px_done("mkfifo", mkfifo("p", 0600));
    px_rc("write-alone", open("p", O_WRONLY | O_NONBLOCK), ENXIO);
    rd = open("p", O_RDONLY | O_NONBLOCK);
    px_true("read-alone", rd >= 0);
    wr = open("p", O_WRONLY | O_NONBLOCK);
    px_true("write-end", wr >= 0);
    px_rc("empty", read(rd, buf, 4), EAGAIN);
    px_eq("write", write(wr, "abcd", 4), 4);
    px_eq("read", read(rd, buf, sizeof(buf)), 4);
    px_same("data", buf, "abcd");
    px_eq("no-size", px_stat("p").st_size, 0);
    px_rc("seek", lseek(rd, 0, SEEK_SET), ESPIPE);
    px_close(wr);
    px_eq("end", read(rd, buf, 4), 0);
    px_close(rd);
    rd = open("p", O_RDWR);
    px_true("both", rd >= 0);
    px_done("unlink-open", unlink("p"));
    px_eq("write-unlinked", write(rd, "x", 1), 1);
    px_eq("read-unlinked", read(rd, buf, 1), 1);
    px_close(rd);
    px_rc("type-dir", mknod("x", S_IFDIR | 0755, 0), EPERM);
    px_rc("type-link", mknod("x", S_IFLNK | 0755, 0), EINVAL);
    px_rc("type-wrong", mknod("x", 0150000 | 0755, 0), EINVAL);
    px_done("socket", px_make(PX_SOCKET, "s"));
    px_rc("open-socket", open("s", O_RDONLY), ENXIO);
}

void px_mknod(void)
{
    static const mode_t modes[][2] = {
        { 0644, 0 }, { 0777, 022 }, { 0, 0 }, { 06777, 0 },
    };

    for (size_t i = 0; i < PX_COUNT(nodes); i++) {
        for (size_t m = 0; m < PX_COUNT(modes); m++)
            node(&nodes[i], modes[m][0], modes[m][1]);
        as_user(&nodes[i]);
    }
    pipes();
}
