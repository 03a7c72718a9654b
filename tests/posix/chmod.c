/* SPDX-License-Identifier: GPL-2.0-only */
/* chmod, fchmod, fchmodat: bits, who may, what it does to set-id bits. */
#include "groups.h"

#include <sys/xattr.h>

static const mode_t modes[] = {
    0000, 0001, 0002, 0004, 0007, 0010, 0020, 0040, 0070, 0100, 0200,
    0400, 0700, 0644, 0755, 0777, 01777, 02755, 04755, 06755, 07777,
};

static const enum px_kind kinds[] = {
    PX_FILE, PX_DIR, PX_FIFO, PX_SOCKET, PX_LINK,
};

static void every_mode(enum px_kind kind)
{
    const char *seen = kind == PX_LINK ? "node.pointed" : "node";
    char what[32];

    for (size_t i = 0; i < PX_COUNT(modes); i++) {
        snprintf(what, sizeof(what), "%04o", (unsigned int)modes[i]);
        px_done(what, chmod("node", modes[i]));
        snprintf(what, sizeof(what), "%04o-seen", (unsigned int)modes[i]);
        px_eq(what, px_stat(seen).st_mode & 07777, modes[i]);
    }
}

static void kind(enum px_kind k)
{
    px_case("%s", px_kind_name(k));
    px_done("make", px_make(k, "node"));
    every_mode(k);
    if (k == PX_LINK)
        px_eq("link-itself", px_stat("node").st_mode, S_IFLNK | 0777);
    px_clear("node");
    px_clear("node.pointed");
}

static void by_descriptor(void)
{
    int fd;

    px_case("fchmod");
    px_make(PX_FILE, "f");
    fd = open("f", O_RDONLY);
    px_done("read-only-descriptor", fchmod(fd, 0600));
    px_eq("seen", px_stat("f").st_mode, S_IFREG | 0600);
    unlink("f");
    px_done("unlinked", fchmod(fd, 0640));
    {
        struct stat st = { 0 };

        px_done("unlinked-fstat", fstat(fd, &st));
        px_eq("unlinked-seen", st.st_mode, S_IFREG | 0640);
    }
    px_close(fd);
    px_make(PX_DIR, "d");
    fd = open("d", O_RDONLY | O_DIRECTORY);
    px_done("directory", fchmod(fd, 0711));
    px_eq("directory-seen", px_stat("d").st_mode, S_IFDIR | 0711);
    px_close(fd);
    fd = open("d", O_PATH);
    px_rc("path-descriptor", fchmod(fd, 0700), EBADF);
    px_done("at", fchmodat(AT_FDCWD, "d", 0500, 0));
    px_eq("at-seen", px_stat("d").st_mode, S_IFDIR | 0500);
    px_close(fd);
}

static void who(void)
{
    px_case("who");
    px_make(PX_FILE, "w");
    px_done("chown", chown("w", PX_OWNER, PX_GROUP));
    px_become(PX_OTHER, PX_OTHER);
    px_rc("other", chmod("w", 0777), EPERM);
    px_become(PX_MEMBER, PX_MEMBER);
    px_rc("group", chmod("w", 0777), EPERM);
    px_become(PX_OWNER, PX_GROUP);
    px_done("owner", chmod("w", 0751));
    px_root();
    px_eq("seen", px_stat("w").st_mode, S_IFREG | 0751);
    px_done("root", chmod("w", 0640));
}

/* A group that its owner is not in: the set-group bit falls. */
static void set_group(void)
{
    px_case("setgid");
    px_make(PX_FILE, "g");
    px_done("chown", chown("g", PX_OWNER, PX_GROUP));
    px_become(PX_OWNER, PX_OWNER);
    px_done("stranger", chmod("g", 02755));
    px_root();
    px_eq("stranger-seen", px_stat("g").st_mode, S_IFREG | 0755);
    px_become(PX_OWNER, PX_GROUP);
    px_done("member", chmod("g", 02755));
    px_root();
    px_eq("member-seen", px_stat("g").st_mode, S_IFREG | 02755);
    chown("g", PX_MEMBER, PX_GROUP);
    px_become(PX_MEMBER, PX_MEMBER);
    px_done("supplementary", chmod("g", 02711));
    px_root();
    px_eq("supplementary-seen", px_stat("g").st_mode, S_IFREG | 02711);
}

static void kill_bits_of(const char *what, void (*act)(int fd), bool root,
                         mode_t before, mode_t after)
{
    char name[64];
    int fd;

    px_case("kill-%s-%s-%04o", what, root ? "root" : "user",
            (unsigned int)before);
    px_make(PX_FILE, "k");
    chown("k", PX_OWNER, PX_OWNER);
    chmod("k", before);
    if (!root)
        px_become(PX_OTHER, PX_OTHER);
    fd = open("k", O_RDWR);
    px_true("open", fd >= 0);
    act(fd);
    px_close(fd);
    px_root();
    snprintf(name, sizeof(name), "after");
    px_eq(name, px_stat("k").st_mode & 07777, after);
    unlink("k");
}

static void act_write(int fd)
{
    px_eq("write", write(fd, "x", 1), 1);
}

static void act_truncate(int fd)
{
    px_done("truncate", ftruncate(fd, 2));
}

static void act_read(int fd)
{
    char c;

    px_eq("read", read(fd, &c, 1), 1);
}

static void act_fallocate(int fd)
{
    px_done("fallocate", fallocate(fd, 0, 0, 4096));
}

void px_chmod(void)
{
    for (size_t i = 0; i < PX_COUNT(kinds); i++)
        kind(kinds[i]);
    by_descriptor();
    who();
    set_group();
    /* Another user's write takes them, the group's only when executable. */
    kill_bits_of("write", act_write, false, 04777, 0777);
    kill_bits_of("write", act_write, false, 02777, 0777);
    kill_bits_of("write", act_write, false, 06777, 0777);
    kill_bits_of("write", act_write, true, 06777, 06777);
    kill_bits_of("truncate", act_truncate, false, 04777, 0777);
    kill_bits_of("truncate", act_truncate, false, 06777, 0777);
    kill_bits_of("fallocate", act_fallocate, false, 06777, 0777);
    kill_bits_of("read", act_read, false, 06777, 06777);
    kill_bits_of("write", act_write, false, 01777, 01777);
}
