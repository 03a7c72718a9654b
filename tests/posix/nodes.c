/* SPDX-License-Identifier: GPL-2.0-only */
/* Nodes of every kind, made and removed. */
#include "px.h"

#include <dirent.h>
#include <ftw.h>
#include <sys/socket.h>
#include <sys/un.h>

static const char *const names[PX_KINDS] = {
    "none", "file", "dir", "full", "link", "dangling", "fifo", "socket",
};

const char *px_kind_name(enum px_kind kind)
{
    return names[kind];
}

void px_close(int fd)
{
    if (fd >= 0)
        close(fd);
}

int px_fill(const char *path, size_t n)
{
    char buf[4096];
    int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0644);
    size_t at, i, take;

    if (fd < 0)
        return -1;
    for (at = 0; at < n; at += take) {
        take = n - at < sizeof(buf) ? n - at : sizeof(buf);
        for (i = 0; i < take; i++)
            buf[i] = (char)(at + i);
        if (write(fd, buf, take) != (ssize_t)take) {
            close(fd);
            return -1;
        }
    }
    return close(fd);
}

static int make_socket(const char *path)
{
    struct sockaddr_un sa = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0), rc;

    if (fd < 0)
        return -1;
    snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
    rc = bind(fd, (struct sockaddr *)&sa, sizeof(sa));
    close(fd);
    return rc;
}

int px_make(enum px_kind kind, const char *path)
{
    char inner[300];

    switch (kind) {
    case PX_FILE:
        return px_fill(path, 7);
    case PX_DIR:
        return mkdir(path, 0755);
    case PX_FULL:
        snprintf(inner, sizeof(inner), "%s/inner", path);
        return mkdir(path, 0755) ? -1 : px_fill(inner, 1);
    case PX_LINK:
        snprintf(inner, sizeof(inner), "%s.pointed", path);
        return px_fill(inner, 3) ? -1 : symlink(strrchr(inner, '/') ?
                                                strrchr(inner, '/') + 1 :
                                                inner, path);
    case PX_DANGLING:
        return symlink("points-nowhere", path);
    case PX_FIFO:
        return mkfifo(path, 0644);
    case PX_SOCKET:
        return make_socket(path);
    default:
        return 0;
    }
}

struct stat px_stat(const char *path)
{
    struct stat st;

    if (lstat(path, &st))
        memset(&st, 0, sizeof(st));
    return st;
}

static int clear_one(const char *path, const struct stat *st, int what,
                     struct FTW *ftw)
{
    (void)st, (void)what, (void)ftw;
    (void)remove(path);
    return 0;
}

void px_clear(const char *path)
{
    nftw(path, clear_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

long px_entries(const char *path)
{
    DIR *dir = opendir(path);
    struct dirent *entry;
    long n = 0;

    if (!dir)
        return -1;
    while ((entry = readdir(dir)))
        n += strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..");
    closedir(dir);
    return n;
}
