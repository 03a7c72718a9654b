/* SPDX-License-Identifier: GPL-2.0-only */
/* Extended attributes: names, values, flags, rights. */
#include "groups.h"

#include <linux/limits.h>
#include <sys/xattr.h>

static void values(void)
{
    static const size_t sizes[] = { 0, 1, 2, 64, 255, 256, 1000, 2000 };
    static char in[4096], out[4096];

    px_make(PX_FILE, "v");
    for (size_t i = 0; i < sizeof(in); i++)
        in[i] = (char)(i * 7);
    for (size_t i = 0; i < PX_COUNT(sizes); i++) {
        px_case("value-%zu", sizes[i]);
        px_done("set", setxattr("v", "user.v", in, sizes[i], 0));
        px_eq("length", getxattr("v", "user.v", NULL, 0),
              (long long)sizes[i]);
        memset(out, 0, sizeof(out));
        px_eq("get", getxattr("v", "user.v", out, sizeof(out)),
              (long long)sizes[i]);
        px_true("same", !memcmp(in, out, sizes[i]));
        if (sizes[i] > 1)
            px_rc("short-buffer", getxattr("v", "user.v", out, 1), ERANGE);
        px_done("exact", getxattr("v", "user.v", out,
                                  sizes[i] ? sizes[i] : 1) < 0 ? -1 : 0);
    }
}

static const struct set {
    const char *name;
    bool there;
    int flags;
    int error;
} sets[] = {
    { "new", false, 0, 0 },
    { "new-create", false, XATTR_CREATE, 0 },
    { "new-replace", false, XATTR_REPLACE, ENODATA },
    { "there", true, 0, 0 },
    { "there-create", true, XATTR_CREATE, EEXIST },
    { "there-replace", true, XATTR_REPLACE, 0 },
    { "unknown-flag", false, 4, EINVAL },
};

static void flags(void)
{
    char v[4] = "";

    for (size_t i = 0; i < PX_COUNT(sets); i++) {
        px_case("set-%s", sets[i].name);
        px_make(PX_FILE, "s");
        if (sets[i].there)
            px_done("prepare", setxattr("s", "user.a", "old", 3, 0));
        px_rc("set", setxattr("s", "user.a", "new", 3, sets[i].flags),
              sets[i].error);
        if (!sets[i].error || sets[i].there) {
            px_eq("get", getxattr("s", "user.a", v, 4), 3);
            px_true("value", !memcmp(v, sets[i].error ? "old" : "new", 3));
        }
        unlink("s");
    }
}

static bool in_list(const char *list, ssize_t n, const char *name)
{
    for (ssize_t at = 0; at < n; at += (ssize_t)strlen(list + at) + 1)
        if (!strcmp(list + at, name))
            return true;
    return false;
}

static void lists(void)
{
    char list[2048], name[64], what[32];
    ssize_t n;

    px_case("list");
    px_make(PX_FILE, "l");
    px_eq("empty", listxattr("l", list, sizeof(list)), 0);
    for (int i = 0; i < 20; i++) {
        snprintf(name, sizeof(name), "user.name-%d", i);
        snprintf(what, sizeof(what), "set-%d", i);
        px_done(what, setxattr("l", name, &i, sizeof(i), 0));
    }
    n = listxattr("l", list, sizeof(list));
    px_eq("length", listxattr("l", NULL, 0), n);
    for (int i = 0; i < 20; i++) {
        snprintf(name, sizeof(name), "user.name-%d", i);
        snprintf(what, sizeof(what), "in-list-%d", i);
        px_true(what, in_list(list, n, name));
    }
    px_rc("short", listxattr("l", list, 10), ERANGE);
    px_done("remove", removexattr("l", "user.name-7"));
    px_rc("removed", getxattr("l", "user.name-7", list, 4), ENODATA);
    px_rc("remove-again", removexattr("l", "user.name-7"), ENODATA);
    n = listxattr("l", list, sizeof(list));
    px_true("not-in-list", !in_list(list, n, "user.name-7"));
    px_true("others-in-list", in_list(list, n, "user.name-8"));
}

static void names(void)
{
    static char name[65540];

    px_case("name");
    px_make(PX_FILE, "n");
    memset(name, 'x', 300);
    memcpy(name, "user.", 5);
    name[255] = '\0';
    px_done("longest", setxattr("n", name, "v", 1, 0));
    px_eq("longest-get", getxattr("n", name, NULL, 0), 1);
    memset(name + 5, 'x', 251);
    name[256] = '\0';
    px_rc("too-long", setxattr("n", name, "v", 1, 0), ERANGE);
    px_rc("empty", setxattr("n", "", "v", 1, 0), ERANGE);
    px_rc("user-alone", setxattr("n", "user.", "v", 1, 0), EINVAL);
    px_rc("no-namespace", setxattr("n", "plain", "v", 1, 0), EOPNOTSUPP);
    px_rc("strange-namespace", setxattr("n", "foo.x", "v", 1, 0),
          EOPNOTSUPP);
    px_rc("too-large", setxattr("n", "user.big", name, 65537, 0), E2BIG);
    px_rc("missing", getxattr("n", "user.none", name, 1), ENODATA);
    px_done("odd-bytes", setxattr("n", "user.\xff\n =", "v", 1, 0));
    px_eq("odd-bytes-get", getxattr("n", "user.\xff\n =", NULL, 0), 1);
}

static const struct carrier {
    const char *name;
    enum px_kind kind;
    const char *attr;
    int error;
} carriers[] = {
    { "dir-user", PX_DIR, "user.x", 0 },
    { "link-user", PX_LINK, "user.x", EPERM },
    { "fifo-user", PX_FIFO, "user.x", EPERM },
    { "socket-user", PX_SOCKET, "user.x", EPERM },
    { "file-trusted", PX_FILE, "trusted.x", 0 },
    { "dir-trusted", PX_DIR, "trusted.x", 0 },
    { "link-trusted", PX_LINK, "trusted.x", 0 },
    { "fifo-trusted", PX_FIFO, "trusted.x", 0 },
    { "file-security", PX_FILE, "security.xkposix", 0 },
    { "dir-security", PX_DIR, "security.xkposix", 0 },
};

static void kinds(void)
{
    char v[8];

    for (size_t i = 0; i < PX_COUNT(carriers); i++) {
        px_case("on-%s", carriers[i].name);
        px_make(carriers[i].kind, "o");
        px_rc("set", lsetxattr("o", carriers[i].attr, "val", 3, 0),
              carriers[i].error);
        if (!carriers[i].error) {
            px_eq("get", lgetxattr("o", carriers[i].attr, v, 8), 3);
            px_done("remove", lremovexattr("o", carriers[i].attr));
        }
        px_clear("o");
        px_clear("o.pointed");
    }
}

static void rights(void)
{
    char v[16], list[256];
    int fd;

    px_case("rights");
    px_make(PX_FILE, "r");
    chmod("r", 0640);
    setxattr("r", "user.u", "v", 1, 0);
    setxattr("r", "trusted.t", "v", 1, 0);
    px_become(PX_OTHER, PX_OTHER);
    px_rc("get-unreadable", getxattr("r", "user.u", v, 8), EACCES);
    px_rc("get-trusted", getxattr("r", "trusted.t", v, 8), ENODATA);
    px_rc("set-trusted", setxattr("r", "trusted.t", "v", 1, 0), EPERM);
    px_true("list-without-trusted",
            !in_list(list, listxattr("r", list, sizeof(list)),
                     "trusted.t"));
    px_root();
    chmod("r", 0644);
    px_become(PX_OTHER, PX_OTHER);
    px_eq("get-readable", getxattr("r", "user.u", v, 8), 1);
    px_rc("set-readable", setxattr("r", "user.u", "w", 1, 0), EACCES);
    px_rc("remove-readable", removexattr("r", "user.u"), EACCES);
    px_root();
    /* On sticky directories user attributes are their owner's. */
    mkdir("st", 01777);
    chmod("st", 01777);
    px_become(PX_OTHER, PX_OTHER);
    px_rc("sticky-dir", setxattr("st", "user.u", "w", 1, 0), EPERM);
    px_root();
    fd = open("r", O_RDONLY);
    px_done("descriptor", fsetxattr(fd, "user.d", "d", 1, 0));
    px_eq("descriptor-get", fgetxattr(fd, "user.d", v, 8), 1);
    unlink("r");
    px_eq("unlinked", fgetxattr(fd, "user.d", v, 8), 1);
    px_done("unlinked-set", fsetxattr(fd, "user.e", "e", 1, 0));
    px_close(fd);
    fd = open("st", O_PATH);
    px_rc("path-descriptor", fsetxattr(fd, "user.d", "d", 1, 0), EBADF);
    px_close(fd);
}

/* They go with the node, wherever it goes; a write takes capabilities. */
static void fate(void)
{
    static const unsigned char caps[20] = {
        0, 0, 0, 2, 0, 4, 0, 0,     /* VFS_CAP_REVISION_2, CAP_NET_BIND */
    };
    char v[32];
    int fd;

    px_case("fate");
    px_make(PX_FILE, "f");
    setxattr("f", "user.k", "kept", 4, 0);
    px_done("rename", rename("f", "g"));
    px_eq("renamed", getxattr("g", "user.k", v, 8), 4);
    px_done("link", link("g", "h"));
    px_eq("linked", getxattr("h", "user.k", v, 8), 4);
    px_done("truncate", truncate("g", 0));
    px_eq("truncated", getxattr("g", "user.k", v, 8), 4);
    px_make(PX_FILE, "other");
    px_rc("not-others", getxattr("other", "user.k", v, 8), ENODATA);
    px_done("set-caps",
            setxattr("g", "security.capability", caps, sizeof(caps), 0));
    px_eq("get-caps", getxattr("g", "security.capability", v, 32), 20);
    fd = open("g", O_WRONLY);
    px_eq("write", write(fd, "x", 1), 1);
    px_close(fd);
    px_rc("caps-are-gone", getxattr("g", "security.capability", v, 32),
          ENODATA);
    setxattr("g", "security.capability", caps, sizeof(caps), 0);
    px_done("chown", chown("g", PX_OTHER, PX_OTHER));
    px_rc("caps-are-gone-again",
          getxattr("g", "security.capability", v, 32), ENODATA);
}

void px_xattr(void)
{
    values();
    flags();
    lists();
    names();
    kinds();
    rights();
    fate();
}
