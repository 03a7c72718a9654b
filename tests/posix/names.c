/* SPDX-License-Identifier: GPL-2.0-only */
/* Names and paths: every byte, every length, deep trees. */
#include "groups.h"

#include <dirent.h>
#include <limits.h>
#include <sys/statfs.h>

static bool listed(const char *dir, const char *name)
{
    DIR *d = opendir(dir);
    struct dirent *entry;
    bool found = false;

    if (!d)
        return false;
    while ((entry = readdir(d)))
        found |= !strcmp(entry->d_name, name);
    closedir(d);
    return found;
}

static void bytes(void)
{
    char path[16], what[32];
    int made = 0, seen = 0;

    mkdir("b", 0755);
    for (int c = 1; c < 256; c++) {
        if (c == '/' || c == '.')
            continue;
        snprintf(path, sizeof(path), "b/%c", c);
        snprintf(what, sizeof(what), "byte-%02x", (unsigned int)c);
        px_case("%s", what);
        px_done("create", px_fill(path, (size_t)c));
        made++;
    }
    for (int c = 1; c < 256; c++) {
        if (c == '/' || c == '.')
            continue;
        snprintf(path, sizeof(path), "b/%c", c);
        seen += px_stat(path).st_size == c;
    }
    px_case("bytes");
    px_eq("seen", seen, made);
    px_eq("listed", px_entries("b"), made);
    px_clear("b");
}

static const char *const odd[] = {
    "...", "..x", ".hidden", "-", "--help", " ", "a b", "tab\there",
    "new\nline", "$(x)", "`x`", "'", "\"", "\\", "\\x00", "*", "?", "[",
    "a:b", "C:", "con", "NUL", "~", "#x#", "%s%n", "\xff", "\xc3\xa9",
    "e\xcc\x81", "\xe2\x80\xae", "\xed\xa0\x80", "A", "a", ".xattr", "=",
    ".nfs000", "lost+found2", "@", "\x7f", "\x1b[31m",
};

static void odd_names(void)
{
    char path[64], to[64];

    for (size_t i = 0; i < PX_COUNT(odd); i++) {
        px_case("odd-%zu", i);
        mkdir("o", 0755);
        snprintf(path, sizeof(path), "o/%s", odd[i]);
        snprintf(to, sizeof(to), "o/%s.", odd[i]);
        px_done("mkdir", mkdir(path, 0755));
        px_true("listed", listed("o", odd[i]));
        px_done("rename", rename(path, to));
        px_rc("old", access(path, F_OK), ENOENT);
        px_done("symlink", symlink(odd[i], path));
        px_true("both", px_entries("o") == 2);
        px_clear("o");
    }
}

static void lengths(void)
{
    static const size_t list[] = { 1, 100, 127, 128, 254, 255 };
    char name[NAME_MAX + 2], other[NAME_MAX + 2];
    struct statfs st = { 0 };

    px_case("length");
    px_done("statfs", statfs(".", &st));
    px_eq("name-max", st.f_namelen, 255);
    px_eq("pathconf", pathconf(".", _PC_NAME_MAX), 255);
    for (size_t i = 0; i < PX_COUNT(list); i++) {
        px_case("length-%zu", list[i]);
        memset(name, 'x', list[i]);
        name[list[i]] = '\0';
        memset(other, 'y', list[i]);
        other[list[i]] = '\0';
        px_done("create", px_fill(name, 3));
        px_true("listed", listed(".", name));
        px_done("link", link(name, other));
        px_done("unlink", unlink(name));
        px_done("rename", rename(other, name));
        px_rc("exchange-missing",
              renameat2(AT_FDCWD, name, AT_FDCWD, other, RENAME_EXCHANGE),
              ENOENT);
        px_done("mkdir", mkdir(other, 0755));
        px_done("rmdir", rmdir(other));
        px_done("mkfifo", mkfifo(other, 0600));
        px_done("unlink-fifo", unlink(other));
        px_done("symlink", symlink(name, other));
        px_done("through", access(other, F_OK));
        unlink(other);
        unlink(name);
    }
}

/* Deeper than PATH_MAX, one step at a time. */
static void deep(void)
{
    char name[101], cwd[PATH_MAX * 3];
    int failed = 0, depth = 0, i;

    px_case("deep");
    memset(name, 'd', 100);
    name[100] = '\0';
    for (i = 0; i < 60; i++) {
        failed += mkdir(name, 0755) != 0;
        if (chdir(name))
            break;
        depth++;
    }
    px_eq("mkdir", failed, 0);
    px_eq("depth", depth, 60);
    px_done("create", px_fill("bottom", 9));
    px_eq("size", px_stat("bottom").st_size, 9);
    px_true("getcwd", !getcwd(cwd, PATH_MAX) && errno == ERANGE);
    px_done("unlink", unlink("bottom"));
    failed = 0;
    while (depth--) {
        failed += chdir("..") != 0;
        failed += rmdir(name) != 0;
    }
    px_eq("back", failed, 0);
}

static void paths(void)
{
    char path[PATH_MAX + 8];
    struct stat st;
    int i;

    px_case("path");
    px_make(PX_FILE, "p");
    px_make(PX_DIR, "d");
    for (i = 0; i < PATH_MAX - 3; i += 2)
        memcpy(path + i, "./", 2);
    strcpy(path + i - 1, "/p");
    px_eq("length", (long long)strlen(path), PATH_MAX - 1);
    px_done("longest", stat(path, &st));
    px_done("slashes", stat(".////d///", &st));
    px_done("dots", stat("d/./././../d/../p", &st));
    px_eq("dots-size", st.st_size, 7);
    px_done("dot", stat("d/.", &st));
    px_done("root-dotdot", stat("/../..", &st));
    px_rc("case", stat("P", &st), ENOENT);
}

void px_names(void)
{
    bytes();
    odd_names();
    lengths();
    deep();
    paths();
}
