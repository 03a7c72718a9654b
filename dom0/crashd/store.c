/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The store of dumps, see store.h. Whatever a kill leaves behind is a folder
 * ID.part; a rename makes it a dump.
 */
#include "store.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <xenkeep/util.h>

#include "crypto.h"

#define ID_LENGTH 20

static const char *const files[] = {
    XK_STORE_DUMP, XK_STORE_RECORD, XK_STORE_RECORD ".new", "report.json",
    "report.txt", "report.html", "log.txt",
};

void xk_store_id(time_t now, char id[XK_STORE_ID_SIZE])
{
    uint8_t salt[2] = { 0 };
    struct tm tm;

    (void)xk_random(salt, sizeof(salt));
    gmtime_r(&now, &tm);
    snprintf(id, XK_STORE_ID_SIZE, "%04u%02u%02u-%02u%02u%02u-%02x%02x",
             (unsigned int)(tm.tm_year + 1900) % 10000,
             (unsigned int)(tm.tm_mon + 1) % 100,
             (unsigned int)tm.tm_mday % 100, (unsigned int)tm.tm_hour % 100,
             (unsigned int)tm.tm_min % 100, (unsigned int)tm.tm_sec % 100,
             salt[0], salt[1]);
}

bool xk_store_is_id(const char *s)
{
    static const char form[] = "dddddddd-dddddd-xxxx";
    size_t i;

    if (strlen(s) != ID_LENGTH)
        return false;
    for (i = 0; i < ID_LENGTH; i++) {
        if (form[i] == 'd' ? !isdigit((unsigned char)s[i])
            : form[i] == 'x' ? !isdigit((unsigned char)s[i]) &&
                                   !(s[i] >= 'a' && s[i] <= 'f')
                             : s[i] != form[i])
            return false;
    }
    return true;
}

void xk_store_path(const char *store, const char *id, bool part,
                   const char *file, char path[XK_STORE_PATH])
{
    snprintf(path, XK_STORE_PATH, "%s/%s%s%s%s", store, id,
             part ? ".part" : "", file ? "/" : "", file ? file : "");
}

static int sync_folder(const char *path)
{
    xk_cleanup_fd int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    return fd < 0 || fsync(fd) ? -errno : 0;
}

int xk_store_begin(const char *store, const char *id)
{
    char path[XK_STORE_PATH];

    xk_store_path(store, id, true, NULL, path);
    return mkdir(path, 0700) ? -errno : 0;
}

static int write_all(int fd, const char *text, size_t len)
{
    ssize_t n;

    for (; len; text += n, len -= (size_t)n) {
        n = write(fd, text, len);
        if (n < 0)
            return -errno;
    }
    return fsync(fd) ? -errno : 0;
}

int xk_store_write_record(const char *store, const char *id, bool part,
                          struct json_object *record)
{
    char path[XK_STORE_PATH], to[XK_STORE_PATH];
    xk_cleanup_fd int fd = -1;
    const char *text;
    size_t len;
    int rc;

    text = json_object_to_json_string_length(
        record, JSON_C_TO_STRING_PRETTY, &len);
    if (!text)
        return -ENOMEM;
    xk_store_path(store, id, part, XK_STORE_RECORD ".new", path);
    xk_store_path(store, id, part, XK_STORE_RECORD, to);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
              0600);
    if (fd < 0)
        return -errno;
    rc = write_all(fd, text, len);
    if (!rc && rename(path, to))
        rc = -errno;
    return rc;
}

int xk_store_commit(const char *store, const char *id)
{
    char from[XK_STORE_PATH], to[XK_STORE_PATH];
    int rc;

    xk_store_path(store, id, true, NULL, from);
    xk_store_path(store, id, false, NULL, to);
    rc = sync_folder(from);
    if (!rc && rename(from, to))
        rc = -errno;
    return rc ? rc : sync_folder(store);
}

/* A dump goes by its record first: what is left is not taken for one. */
int xk_store_remove(const char *store, const char *id, bool part)
{
    char path[XK_STORE_PATH], aside[XK_STORE_PATH];
    size_t i;

    xk_store_path(store, id, part, NULL, path);
    if (!part) {
        xk_store_path(store, id, true, NULL, aside);
        if (rename(path, aside))
            return -errno;
    }
    for (i = 0; i < XK_ARRAY_SIZE(files); i++) {
        xk_store_path(store, id, true, files[i], path);
        if (unlink(path) && errno != ENOENT)
            return -errno;
    }
    xk_store_path(store, id, true, NULL, path);
    return rmdir(path) ? -errno : 0;
}

int xk_store_read_record(const char *store, const char *id,
                         struct json_object **record_r)
{
    xk_cleanup_free char *text = malloc(XK_RECORD_MAX + 1);
    char path[XK_STORE_PATH];
    xk_cleanup_fd int fd = -1;
    ssize_t n;

    if (!text)
        return -ENOMEM;
    xk_store_path(store, id, false, XK_STORE_RECORD, path);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return -errno;
    n = read(fd, text, XK_RECORD_MAX + 1);
    if (n < 0)
        return -errno;
    if (n > XK_RECORD_MAX)
        return -EINVAL;
    text[n] = '\0';
    *record_r = json_tokener_parse(text);
    if (*record_r && json_object_is_type(*record_r, json_type_object))
        return 0;
    json_object_put(*record_r);
    *record_r = NULL;
    return -EINVAL;
}

/* ---- which there are ---------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* The id that a folder's name has, or false. */
static bool id_of(const char *name, bool part, char id[XK_STORE_ID_SIZE])
{
    size_t len = strlen(name), tail = part ? strlen(".part") : 0;

    if (len != ID_LENGTH + tail || (part && strcmp(name + ID_LENGTH,
                                                   ".part")))
        return false;
    memcpy(id, name, ID_LENGTH);
    id[ID_LENGTH] = '\0';
    return xk_store_is_id(id);
}

int xk_store_list(const char *store, bool parts,
                  char (**ids_r)[XK_STORE_ID_SIZE], size_t *count_r)
{
    char (*ids)[XK_STORE_ID_SIZE] = NULL, (*more)[XK_STORE_ID_SIZE];
    size_t count = 0, room = 0;
    struct dirent *entry;
    DIR *folder = opendir(store);

    if (!folder)
        return -errno;
    while ((entry = readdir(folder))) {
        if (count == room) {
            room = room ? 2 * room : 64;
            more = realloc(ids, room * sizeof(*ids));
            if (!more)
                break;
            ids = more;
        }
        count += id_of(entry->d_name, parts, ids[count]);
    }
    closedir(folder);
    if (entry) {
        free(ids);
        return -ENOMEM;
    }
    if (count)
        qsort(ids, count, sizeof(*ids), by_name);
    *ids_r = ids;
    *count_r = count;
    return 0;
}

static bool means(const char *word, const char *id)
{
    size_t len = strlen(word);

    return len && (!strncmp(id, word, len) ||
                   (len == 4 && !strcmp(id + ID_LENGTH - 4, word)));
}

int xk_store_find(const char *store, const char *word,
                  char id[XK_STORE_ID_SIZE])
{
    char (*ids)[XK_STORE_ID_SIZE];
    size_t count, i;
    int rc;

    rc = xk_store_list(store, false, &ids, &count);
    if (rc)
        return rc;
    for (i = 0, rc = -ENOENT; i < count && rc != -EEXIST; i++) {
        if (!means(word, ids[i]))
            continue;
        rc = rc == -ENOENT ? 0 : -EEXIST;
        memcpy(id, ids[i], XK_STORE_ID_SIZE);
    }
    free(ids);
    return rc;
}

int xk_store_free_bytes(const char *store, uint64_t *bytes_r)
{
    struct statfs fs;

    if (statfs(store, &fs))
        return -errno;
    *bytes_r = (uint64_t)fs.f_bavail * (uint64_t)fs.f_bsize;
    return 0;
}
