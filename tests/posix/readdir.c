/* SPDX-License-Identifier: GPL-2.0-only */
/* Directories: every name once, also while they change. */
#include "groups.h"

#include <dirent.h>

#define NAMES 1000

static unsigned char seen[NAMES * 2];

/* Reads on, counts names that are numbers. `stop`: after so many, 0: all. */
static int note(DIR *dir, int stop)
{
    struct dirent *entry;
    int n = 0;

    while ((!stop || n < stop) && (entry = readdir(dir))) {
        int i = atoi(entry->d_name + 1);

        if (entry->d_name[0] != 'n' || i < 0 || i >= NAMES * 2)
            continue;
        seen[i]++;
        n++;
    }
    return n;
}

static int count(int from, int to, int step, int times)
{
    int n = 0;

    for (int i = from; i < to; i += step)
        n += seen[i] == times;
    return n;
}

static void fill(int from, int to)
{
    char path[32];

    for (int i = from; i < to; i++) {
        snprintf(path, sizeof(path), "d/n%d", i);
        px_close(open(path, O_CREAT | O_WRONLY, 0644));
    }
}

static void drop(int from, int to, int step)
{
    char path[32];

    for (int i = from; i < to; i += step) {
        snprintf(path, sizeof(path), "d/n%d", i);
        unlink(path);
    }
}

static void all(void)
{
    DIR *dir;

    px_case("all");
    mkdir("d", 0755);
    fill(0, NAMES);
    dir = opendir("d");
    memset(seen, 0, sizeof(seen));
    px_eq("names", note(dir, 0), NAMES);
    px_eq("each-once", count(0, NAMES, 1, 1), NAMES);
    rewinddir(dir);
    memset(seen, 0, sizeof(seen));
    px_eq("again", note(dir, 0), NAMES);
    px_eq("each-once-again", count(0, NAMES, 1, 1), NAMES);
    closedir(dir);
}

static void while_removed(void)
{
    DIR *dir = opendir("d");

    px_case("removed");
    memset(seen, 0, sizeof(seen));
    note(dir, 100);
    drop(0, NAMES, 2);
    note(dir, 0);
    px_eq("left-once", count(1, NAMES, 2, 1), NAMES / 2);
    px_eq("none-twice", count(0, NAMES, 1, 2), 0);
    rewinddir(dir);
    memset(seen, 0, sizeof(seen));
    px_eq("rewound", note(dir, 0), NAMES / 2);
    px_eq("none-gone", count(0, NAMES, 2, 1), 0);
    closedir(dir);
}

static void while_added(void)
{
    DIR *dir = opendir("d");

    px_case("added");
    memset(seen, 0, sizeof(seen));
    note(dir, 50);
    fill(NAMES, NAMES + 500);
    note(dir, 0);
    px_eq("old-once", count(1, NAMES, 2, 1), NAMES / 2);
    px_eq("new-at-most-once", count(NAMES, NAMES + 500, 1, 0) +
                                  count(NAMES, NAMES + 500, 1, 1), 500);
    rewinddir(dir);
    memset(seen, 0, sizeof(seen));
    px_eq("rewound", note(dir, 0), NAMES / 2 + 500);
    closedir(dir);
}

static void remove_as_read(void)
{
    DIR *dir = opendir("d");
    struct dirent *entry;
    char path[300];
    int n = 0;

    px_case("rm-r");
    while ((entry = readdir(dir))) {
        if (entry->d_name[0] != 'n')
            continue;
        snprintf(path, sizeof(path), "d/%s", entry->d_name);
        n += unlink(path) == 0;
    }
    closedir(dir);
    px_eq("unlinked", n, NAMES / 2 + 500);
    px_eq("left", px_entries("d"), 0);
    px_done("rmdir", rmdir("d"));
}

static void positions(void)
{
    long pos[60];
    char name[60][NAME_MAX + 1];
    struct dirent *entry;
    DIR *dir;
    int n = 0, wrong = 0;

    px_case("seek");
    mkdir("d", 0755);
    fill(0, 50);
    dir = opendir("d");
    for (;;) {
        pos[n] = telldir(dir);
        entry = readdir(dir);
        if (!entry || n == 59)
            break;
        snprintf(name[n++], sizeof(name[0]), "%s", entry->d_name);
    }
    px_eq("entries", n, 52);
    for (int i = n - 1; i >= 0; i -= 3) {
        seekdir(dir, pos[i]);
        entry = readdir(dir);
        wrong += !entry || strcmp(entry->d_name, name[i]);
    }
    px_eq("wrong", wrong, 0);
    seekdir(dir, pos[n]);
    px_true("end", !readdir(dir));
    seekdir(dir, pos[0]);
    entry = readdir(dir);
    px_same("first", entry ? entry->d_name : "", name[0]);
    closedir(dir);
    px_clear("d");
}

static const struct type {
    enum px_kind kind;
    unsigned char type;
} types[] = {
    { PX_FILE, DT_REG },   { PX_DIR, DT_DIR },      { PX_LINK, DT_LNK },
    { PX_FIFO, DT_FIFO },  { PX_DANGLING, DT_LNK }, { PX_SOCKET, DT_SOCK },
};

static void kinds(void)
{
    char path[NAME_MAX + 8], what[NAME_MAX + 8];
    struct dirent *entry;
    DIR *dir;
    int dots = 0;

    px_case("types");
    mkdir("t", 0755);
    for (size_t i = 0; i < PX_COUNT(types); i++) {
        snprintf(path, sizeof(path), "t/%s", px_kind_name(types[i].kind));
        px_make(types[i].kind, path);
    }
    dir = opendir("t");
    while ((entry = readdir(dir))) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) {
            dots++;
            px_eq(entry->d_name[1] ? "dotdot-type" : "dot-type",
                  entry->d_type, DT_DIR);
            continue;
        }
        for (size_t i = 0; i < PX_COUNT(types); i++)
            if (!strcmp(entry->d_name, px_kind_name(types[i].kind))) {
                snprintf(what, sizeof(what), "%s-type", entry->d_name);
                px_eq(what, entry->d_type, types[i].type);
                snprintf(what, sizeof(what), "%s-inode", entry->d_name);
                snprintf(path, sizeof(path), "t/%s", entry->d_name);
                px_eq(what, (long long)entry->d_ino,
                      (long long)px_stat(path).st_ino);
            }
    }
    closedir(dir);
    px_eq("dots", dots, 2);
}

/* Long names, in buffers of the kernel that take only a few of them. */
static void long_names(void)
{
    char path[NAME_MAX + 8];
    int wrong = 0;

    px_case("long");
    mkdir("l", 0755);
    for (int i = 0; i < 300; i++) {
        snprintf(path, sizeof(path), "l/%0255d", i);
        wrong += px_fill(path, 0) != 0;
    }
    px_eq("made", wrong, 0);
    px_eq("listed", px_entries("l"), 300);
    px_clear("l");
}

static void errors(void)
{
    struct dirent *entry;
    DIR *dir;
    int n = 0;

    px_case("errors");
    px_make(PX_FILE, "f");
    px_rc("file", opendir("f") ? 0 : -1, ENOTDIR);
    mkdir("gone", 0755);
    dir = opendir("gone");
    rmdir("gone");
    errno = 0;
    while ((entry = readdir(dir)))
        n++;
    px_eq("removed-entries", n, 0);
    closedir(dir);
    mkdir("empty", 0755);
    dir = opendir("empty");
    for (n = 0; readdir(dir); n++)
        ;
    px_eq("empty", n, 2);
    closedir(dir);
}

void px_readdir(void)
{
    all();
    while_removed();
    while_added();
    remove_as_read();
    positions();
    kinds();
    long_names();
    errors();
}
