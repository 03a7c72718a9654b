/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * POSIX access control lists, in the kernel's own form: the attributes
 * system.posix_acl_access and system.posix_acl_default.
 */
#include "groups.h"

#include <endian.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <sys/xattr.h>

#define ACCESS "system.posix_acl_access"
#define DEFAULT "system.posix_acl_default"
#define NO_ID ((uint32_t)ACL_UNDEFINED_ID)

struct entry {
    uint16_t tag, perm;
    uint32_t id;
};

struct acl {
    uint32_t version;
    struct entry entries[8];
};

static size_t fill(struct acl *acl, const struct entry *entries, size_t n)
{
    acl->version = htole32(POSIX_ACL_XATTR_VERSION);
    for (size_t i = 0; i < n; i++) {
        acl->entries[i].tag = htole16(entries[i].tag);
        acl->entries[i].perm = htole16(entries[i].perm);
        acl->entries[i].id = htole32(entries[i].id);
    }
    return sizeof(acl->version) + n * sizeof(acl->entries[0]);
}

static int set(const char *path, const char *which,
               const struct entry *entries, size_t n)
{
    struct acl acl;
    size_t len = fill(&acl, entries, n);

    return setxattr(path, which, &acl, len, 0);
}

/* The permissions of an entry, -1: there is none. */
static int perm_of(const char *path, const char *which, uint16_t tag,
                   uint32_t id)
{
    struct acl acl;
    ssize_t n = getxattr(path, which, &acl, sizeof(acl));

    for (ssize_t i = 0; i < (n - 4) / 8; i++)
        if (le16toh(acl.entries[i].tag) == tag &&
            (id == NO_ID || le32toh(acl.entries[i].id) == id))
            return le16toh(acl.entries[i].perm);
    return -1;
}

/* rwx as numbers: user::, user:PX_OTHER:, group::, group:PX_GROUP:, mask */
static const struct list {
    const char *name;
    unsigned int user, other_user, group, named_group, mask, other;
    mode_t mode;
    int owner, named, member, stranger;     /* what they may */
} lists[] = {
    { "plain", 6, 4, 4, 4, 6, 0, 0660, 6, 4, 4, 0 },
    { "named-more", 4, 6, 0, 0, 6, 0, 0460, 4, 6, 0, 0 },
    { "named-less", 6, 0, 6, 6, 6, 6, 0666, 6, 0, 6, 6 },
    { "mask-cuts", 6, 6, 6, 6, 4, 0, 0640, 6, 4, 4, 0 },
    { "mask-none", 6, 6, 6, 6, 0, 0, 0600, 6, 0, 0, 0 },
    { "group-only", 6, 0, 0, 6, 6, 0, 0660, 6, 0, 6, 0 },
    { "group-less", 6, 6, 6, 0, 6, 6, 0666, 6, 6, 0, 6 },
    { "everybody", 6, 6, 6, 6, 6, 6, 0666, 6, 6, 6, 6 },
    { "nobody", 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 },
};

static int may(const char *path, int how)
{
    return faccessat(AT_FDCWD, path, how, AT_EACCESS);
}

static void check_user(const char *who, uid_t uid, gid_t gid, int perm)
{
    char what[32];
    int fd;

    px_become(uid, gid);
    snprintf(what, sizeof(what), "%s-read", who);
    fd = open("a", O_RDONLY);
    px_rc(what, fd, perm & 4 ? 0 : EACCES);
    px_close(fd);
    snprintf(what, sizeof(what), "%s-write", who);
    fd = open("a", O_WRONLY);
    px_rc(what, fd, perm & 2 ? 0 : EACCES);
    px_close(fd);
    snprintf(what, sizeof(what), "%s-access", who);
    px_rc(what, may("a", R_OK | W_OK), (perm & 6) == 6 ? 0 : EACCES);
    px_root();
}

static void list(const struct list *l)
{
    const struct entry entries[] = {
        { ACL_USER_OBJ, (uint16_t)l->user, NO_ID },
        { ACL_USER, (uint16_t)l->other_user, PX_OTHER },
        { ACL_GROUP_OBJ, (uint16_t)l->group, NO_ID },
        { ACL_GROUP, (uint16_t)l->named_group, PX_GROUP },
        { ACL_MASK, (uint16_t)l->mask, NO_ID },
        { ACL_OTHER, (uint16_t)l->other, NO_ID },
    };

    px_case("list-%s", l->name);
    px_make(PX_FILE, "a");
    chown("a", PX_OWNER, PX_OWNER);
    px_done("set", set("a", ACCESS, entries, 6));
    px_eq("mode", px_stat("a").st_mode & 0777, l->mode);
    px_eq("get-named", perm_of("a", ACCESS, ACL_USER, PX_OTHER),
          l->other_user);
    px_eq("get-group", perm_of("a", ACCESS, ACL_GROUP, PX_GROUP),
          l->named_group);
    px_eq("get-mask", perm_of("a", ACCESS, ACL_MASK, NO_ID), l->mask);
    check_user("owner", PX_OWNER, PX_OWNER, l->owner);
    check_user("named", PX_OTHER, PX_OTHER, l->named);
    check_user("member", PX_MEMBER, PX_MEMBER, l->member);
    check_user("stranger", 12009, 12009, l->stranger);
    unlink("a");
}

/* chmod and the list are two views of the same. */
static void and_chmod(void)
{
    const struct entry entries[] = {
        { ACL_USER_OBJ, 7, NO_ID }, { ACL_USER, 6, PX_OTHER },
        { ACL_GROUP_OBJ, 5, NO_ID }, { ACL_MASK, 7, NO_ID },
        { ACL_OTHER, 1, NO_ID },
    };
    const struct entry small[] = {
        { ACL_USER_OBJ, 6, NO_ID }, { ACL_GROUP_OBJ, 4, NO_ID },
        { ACL_OTHER, 2, NO_ID },
    };
    struct acl acl;

    px_case("chmod");
    px_make(PX_FILE, "c");
    px_done("set", set("c", ACCESS, entries, 5));
    px_eq("mode", px_stat("c").st_mode & 0777, 0771);
    px_done("chmod", chmod("c", 0640));
    px_eq("mask", perm_of("c", ACCESS, ACL_MASK, NO_ID), 4);
    px_eq("group", perm_of("c", ACCESS, ACL_GROUP_OBJ, NO_ID), 5);
    px_eq("named", perm_of("c", ACCESS, ACL_USER, PX_OTHER), 6);
    px_eq("other", perm_of("c", ACCESS, ACL_OTHER, NO_ID), 0);
    px_eq("user", perm_of("c", ACCESS, ACL_USER_OBJ, NO_ID), 6);
    px_done("minimal", set("c", ACCESS, small, 3));
    px_eq("minimal-mode", px_stat("c").st_mode & 0777, 0642);
    px_rc("minimal-is-none", getxattr("c", ACCESS, &acl, sizeof(acl)),
          ENODATA);
    px_done("set-again", set("c", ACCESS, entries, 5));
    px_done("remove", removexattr("c", ACCESS));
    px_rc("removed", getxattr("c", ACCESS, &acl, sizeof(acl)), ENODATA);
    px_eq("removed-mode", px_stat("c").st_mode & 0777, 0771);
}

static void inherited(void)
{
    const struct entry entries[] = {
        { ACL_USER_OBJ, 7, NO_ID }, { ACL_USER, 6, PX_OTHER },
        { ACL_GROUP_OBJ, 5, NO_ID }, { ACL_MASK, 7, NO_ID },
        { ACL_OTHER, 0, NO_ID },
    };
    struct acl acl;
    int fd;

    px_case("default");
    mkdir("d", 0777);
    px_done("set", set("d", DEFAULT, entries, 5));
    px_eq("mode-as-it-was", px_stat("d").st_mode & 0777, 0777);
    px_rc("no-access-list", getxattr("d", ACCESS, &acl, sizeof(acl)),
          ENODATA);
    umask(077);
    fd = open("d/f", O_CREAT | O_WRONLY, 0666);
    px_true("create", fd >= 0);
    px_close(fd);
    px_done("mkdir", mkdir("d/sub", 0777));
    px_done("mkfifo", mkfifo("d/p", 0666));
    px_done("symlink", symlink("x", "d/l"));
    fd = open("d/narrow", O_CREAT | O_WRONLY, 0600);
    px_true("create-narrow", fd >= 0);
    px_close(fd);
    umask(0);
    px_eq("file-mode", px_stat("d/f").st_mode & 0777, 0660);
    px_eq("file-named", perm_of("d/f", ACCESS, ACL_USER, PX_OTHER), 6);
    px_eq("file-mask", perm_of("d/f", ACCESS, ACL_MASK, NO_ID), 6);
    px_rc("file-no-default", getxattr("d/f", DEFAULT, &acl, sizeof(acl)),
          ENODATA);
    px_eq("dir-mode", px_stat("d/sub").st_mode & 0777, 0770);
    px_eq("dir-named", perm_of("d/sub", ACCESS, ACL_USER, PX_OTHER), 6);
    px_eq("dir-default", perm_of("d/sub", DEFAULT, ACL_USER, PX_OTHER), 6);
    px_eq("fifo-mode", px_stat("d/p").st_mode & 0777, 0660);
    px_eq("link-mode", px_stat("d/l").st_mode & 0777, 0777);
    px_eq("narrow-mode", px_stat("d/narrow").st_mode & 0777, 0600);
    px_eq("narrow-mask", perm_of("d/narrow", ACCESS, ACL_MASK, NO_ID), 0);
    px_done("remove", removexattr("d", DEFAULT));
    umask(027);
    px_done("mkdir-after", mkdir("d/after", 0777));
    umask(0);
    px_eq("mkdir-after-mode", px_stat("d/after").st_mode & 0777, 0750);
}

static const struct broken {
    const char *name;
    size_t n;
    struct entry entries[5];
} brokens[] = {
    { "no-user", 2, { { ACL_GROUP_OBJ, 4, NO_ID }, { ACL_OTHER, 4, NO_ID } } },
    { "no-mask", 4, { { ACL_USER_OBJ, 6, NO_ID }, { ACL_USER, 6, PX_OTHER },
                      { ACL_GROUP_OBJ, 4, NO_ID }, { ACL_OTHER, 4, NO_ID } } },
    { "twice", 4, { { ACL_USER_OBJ, 6, NO_ID }, { ACL_USER_OBJ, 6, NO_ID },
                    { ACL_GROUP_OBJ, 4, NO_ID }, { ACL_OTHER, 4, NO_ID } } },
    { "order", 3, { { ACL_OTHER, 6, NO_ID }, { ACL_GROUP_OBJ, 4, NO_ID },
                    { ACL_USER_OBJ, 4, NO_ID } } },
    { "perm", 3, { { ACL_USER_OBJ, 64, NO_ID }, { ACL_GROUP_OBJ, 4, NO_ID },
                   { ACL_OTHER, 4, NO_ID } } },
    { "tag", 3, { { ACL_USER_OBJ, 6, NO_ID }, { 0x99, 4, NO_ID },
                  { ACL_OTHER, 4, NO_ID } } },
};

static void errors(void)
{
    const struct entry good[] = {
        { ACL_USER_OBJ, 6, NO_ID }, { ACL_GROUP_OBJ, 4, NO_ID },
        { ACL_OTHER, 4, NO_ID },
    };
    struct acl acl;
    size_t len = fill(&acl, good, 3);

    px_case("errors");
    px_make(PX_FILE, "e");
    px_make(PX_LINK, "l");
    for (size_t i = 0; i < PX_COUNT(brokens); i++)
        px_rc(brokens[i].name,
              set("e", ACCESS, brokens[i].entries, brokens[i].n), EINVAL);
    px_rc("short", setxattr("e", ACCESS, &acl, len - 1, 0), EINVAL);
    acl.version = htole32(1);
    px_rc("version", setxattr("e", ACCESS, &acl, len, 0), EOPNOTSUPP);
    px_rc("default-of-file", set("e", DEFAULT, good, 3), EACCES);
    px_become(PX_OTHER, PX_OTHER);
    px_rc("not-the-owner", set("e", ACCESS, good, 3), EPERM);
    px_root();
    px_eq("mode", px_stat("e").st_mode & 0777, 0644);
}

void px_acl(void)
{
    for (size_t i = 0; i < PX_COUNT(lists); i++)
        list(&lists[i]);
    and_chmod();
    inherited();
    errors();
}
