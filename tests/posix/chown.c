/* SPDX-License-Identifier: GPL-2.0-only */
/* chown, lchown, fchown: owners, who may, set-id bits. */
#include "groups.h"

static const enum px_kind kinds[] = {
    PX_FILE, PX_DIR, PX_FIFO, PX_SOCKET, PX_LINK, PX_DANGLING,
};

static const struct pair {
    const char *name;
    uid_t uid;
    gid_t gid;
} pairs[] = {
    { "both", PX_OWNER, PX_GROUP }, { "uid", PX_OTHER, (gid_t)-1 },
    { "gid", (uid_t)-1, PX_OTHER }, { "neither", (uid_t)-1, (gid_t)-1 },
    { "large", 0x7ffffffe, 0x7ffffffd }, { "root", 0, 0 },
};

static void kind(enum px_kind k)
{
    uid_t uid = 0;
    gid_t gid = 0;
    char what[32];

    px_case("%s", px_kind_name(k));
    px_done("make", px_make(k, "node"));
    for (size_t i = 0; i < PX_COUNT(pairs); i++) {
        px_done(pairs[i].name, lchown("node", pairs[i].uid, pairs[i].gid));
        if (pairs[i].uid != (uid_t)-1)
            uid = pairs[i].uid;
        if (pairs[i].gid != (gid_t)-1)
            gid = pairs[i].gid;
        snprintf(what, sizeof(what), "%s-uid", pairs[i].name);
        px_eq(what, px_stat("node").st_uid, uid);
        snprintf(what, sizeof(what), "%s-gid", pairs[i].name);
        px_eq(what, px_stat("node").st_gid, gid);
    }
    if (k == PX_LINK) {
        px_done("follow", chown("node", PX_OWNER, PX_GROUP));
        px_eq("follow-target", px_stat("node.pointed").st_uid, PX_OWNER);
        px_eq("follow-link", px_stat("node").st_uid, 0);
    }
    px_clear("node");
    px_clear("node.pointed");
}

static const struct may {
    const char *name;
    uid_t as_uid;
    gid_t as_gid;
    uid_t uid;
    gid_t gid;
    int error;
} mays[] = {
    { "owner-gives-away", PX_OWNER, PX_OWNER, PX_OTHER, -1, EPERM },
    { "owner-to-itself", PX_OWNER, PX_OWNER, PX_OWNER, -1, 0 },
    { "owner-to-own-group", PX_OWNER, PX_GROUP, -1, PX_GROUP, 0 },
    { "owner-to-strange-group", PX_OWNER, PX_OWNER, -1, PX_OTHER, EPERM },
    { "owner-nothing", PX_OWNER, PX_OWNER, -1, -1, 0 },
    { "other-takes", PX_OTHER, PX_OTHER, PX_OTHER, -1, EPERM },
    { "other-group", PX_OTHER, PX_OTHER, -1, PX_OTHER, EPERM },
    { "other-nothing", PX_OTHER, PX_OTHER, -1, -1, 0 },
    { "member-group", PX_MEMBER, PX_MEMBER, -1, PX_GROUP, EPERM },
};

static void who(void)
{
    for (size_t i = 0; i < PX_COUNT(mays); i++) {
        const struct may *m = &mays[i];

        px_case("who-%s", m->name);
        px_make(PX_FILE, "w");
        px_done("prepare", chown("w", PX_OWNER, PX_OWNER));
        px_become(m->as_uid, m->as_gid);
        px_rc("chown", chown("w", m->uid, m->gid), m->error);
        px_root();
        px_eq("uid", px_stat("w").st_uid, PX_OWNER);
        px_eq("gid", px_stat("w").st_gid,
              !m->error && m->gid != (gid_t)-1 ? m->gid : PX_OWNER);
        unlink("w");
    }
}

static const struct bits {
    const char *name;
    enum px_kind kind;
    bool root;
    mode_t before, after;
} bits[] = {
    { "user-suid", PX_FILE, false, 04755, 0755 },
    { "user-sgid", PX_FILE, false, 02755, 0755 },
    { "user-both", PX_FILE, false, 06755, 0755 },
    { "root-suid", PX_FILE, true, 04755, 0755 },
    { "root-both", PX_FILE, true, 06755, 0755 },
    { "root-sgid-no-exec", PX_FILE, true, 02644, 02644 },
    { "root-dir", PX_DIR, true, 06755, 06755 },
    { "user-dir", PX_DIR, false, 06755, 06755 },
    { "user-sticky", PX_FILE, false, 01755, 01755 },
};

static void set_id(void)
{
    for (size_t i = 0; i < PX_COUNT(bits); i++) {
        const struct bits *b = &bits[i];

        px_case("bits-%s", b->name);
        px_make(b->kind, "b");
        chown("b", PX_OWNER, PX_OWNER);
        chmod("b", b->before);
        if (!b->root)
            px_become(PX_OWNER, PX_GROUP);
        px_done("chown", chown("b", PX_OWNER, PX_GROUP));
        px_root();
        px_eq("mode", px_stat("b").st_mode & 07777, b->after);
        px_clear("b");
    }
}

static void by_descriptor(void)
{
    struct stat st = { 0 };
    int fd;

    px_case("fchown");
    px_make(PX_FILE, "f");
    fd = open("f", O_RDONLY);
    px_done("read-only", fchown(fd, PX_OWNER, PX_OWNER));
    px_eq("seen", px_stat("f").st_uid, PX_OWNER);
    unlink("f");
    px_done("unlinked", fchown(fd, PX_OTHER, PX_GROUP));
    px_done("fstat", fstat(fd, &st));
    px_eq("unlinked-uid", st.st_uid, PX_OTHER);
    px_eq("unlinked-gid", st.st_gid, PX_GROUP);
    px_close(fd);
    px_make(PX_LINK, "l");
    fd = open("l", O_PATH | O_NOFOLLOW);
    px_done("link-by-descriptor",
            fchownat(fd, "", PX_OTHER, PX_OTHER, AT_EMPTY_PATH));
    px_eq("link-seen", px_stat("l").st_uid, PX_OTHER);
    px_eq("link-target", px_stat("l.pointed").st_uid, 0);
    px_close(fd);
}

void px_chown(void)
{
    for (size_t i = 0; i < PX_COUNT(kinds); i++)
        kind(kinds[i]);
    who();
    set_id();
    by_descriptor();
}
