/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Files of shares, see store.h.
 */
#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libxlutil.h>

#include <xenkeep/log.h>
#include <xenkeep/util.h>

#include "cfgkeys.h"

static int file_of(const char *dir, const char *guest, char *path,
                   size_t size)
{
    /* As a share's name: one component. */
    if (!share_name_ok(guest) ||
        (size_t)snprintf(path, size, "%s/%s.conf", dir, guest) >= size)
        return -ENAMETOOLONG;
    return 0;
}

int store_find(const struct kept *kept, const char *name)
{
    size_t i;

    for (i = 0; i < kept->count; i++)
        if (!strcmp(kept->shares[i].name, name))
            return (int)i;
    return -ENOENT;
}

int store_add(struct kept *kept, const struct share *share)
{
    struct share *grown;

    if (kept->count == SHARES_MAX)
        return -ENOSPC;
    grown = realloc(kept->shares, (kept->count + 1) * sizeof(*grown));
    if (!grown)
        return -ENOMEM;
    grown[kept->count++] = *share;
    kept->shares = grown;
    return 0;
}

void store_remove(struct kept *kept, size_t at)
{
    kept->count--;
    memmove(&kept->shares[at], &kept->shares[at + 1],
            (kept->count - at) * sizeof(*kept->shares));
}

void store_dispose(struct kept *kept)
{
    free(kept->shares);
    memset(kept, 0, sizeof(*kept));
}

static bool known_key(const char *key, const void *arg)
{
    (void)arg;
    return !strcmp(key, "shares");
}

static int read_item(const char *path, size_t nr, const char *text,
                     struct kept *kept)
{
    char why[SHARE_WHY_MAX];
    struct share share;
    int rc = share_parse(text, &share, why);

    if (rc) {
        xk_err("%s: item %zu: %s", path, nr, why);
        return rc;
    }
    if (store_find(kept, share.name) >= 0) {
        xk_err("%s: item %zu: a share is called so already: name it "
               "otherwise", path, nr);
        return -EINVAL;
    }
    rc = store_add(kept, &share);
    if (rc)
        xk_err("%s: item %zu: %s", path, nr, strerror(-rc));
    return rc;
}

static int read_list(const char *path, XLU_Config *cfg, struct kept *kept)
{
    XLU_ConfigList *list;
    const char *text;
    int i, count, rc = 0, r;

    r = xlu_cfg_get_list(cfg, "shares", &list, &count, 1);
    if (r == ESRCH)
        return 0;
    for (i = 0; !r && i < count; i++) {
        text = xlu_cfg_get_listitem(list, i);
        if (!text || read_item(path, (size_t)i + 1, text, kept))
            rc = -EINVAL;
    }
    if (r)
        xk_err("%s: shares: expected a list: [ \"path=/srv/data\", ... ]",
               path);
    return r ? -EINVAL : rc;
}

int store_read(const char *dir, const char *guest, struct kept *kept)
{
    char path[600];
    XLU_Config *cfg;
    int rc = file_of(dir, guest, path, sizeof(path));

    memset(kept, 0, sizeof(*kept));
    if (!rc)
        rc = xk_cfg_check_keys(path, known_key, NULL);
    if (rc)
        return rc == -ENAMETOOLONG ? -ENOENT : rc;
    cfg = xlu_cfg_init(stderr, path);
    if (!cfg)
        return -ENOMEM;
    if (xlu_cfg_readfile(cfg, path)) {
        xk_err("%s: cannot be read as a configuration", path);
        rc = -EINVAL;
    } else {
        rc = read_list(path, cfg, kept);
    }
    xlu_cfg_destroy(cfg);
    return rc;
}

/* In double quotes, as libxlutil reads them back. */
static void write_quoted(FILE *f, const char *text)
{
    fputc('"', f);
    for (; *text; text++) {
        if (*text == '"')
            fputs("\\x22", f);
        else if (*text == '\\')
            fputs("\\\\", f);
        else
            fputc(*text, f);
    }
    fputc('"', f);
}

static int write_file(const char *path, const struct kept *kept)
{
    char text[SHARE_TEXT_MAX];
    FILE *f = fopen(path, "we");
    size_t i;
    int rc;

    if (!f)
        return -errno;
    fputs("# Written by xl-files; may be edited, see xl-files(1).\n"
          "shares = [\n", f);
    for (i = 0; i < kept->count; i++) {
        fputs("    ", f);
        write_quoted(f, share_format(&kept->shares[i], text, sizeof(text)));
        fputs(",\n", f);
    }
    fputs("]\n", f);
    rc = fflush(f) || fsync(fileno(f)) || ferror(f) ? -errno : 0;
    return fclose(f) && !rc ? -errno : rc;
}

int store_write(const char *dir, const char *guest, const struct kept *kept)
{
    char path[600], fresh[604];
    int rc = file_of(dir, guest, path, sizeof(path));

    if (rc)
        return rc;
    if (!kept->count)
        return unlink(path) && errno != ENOENT ? -errno : 0;
    snprintf(fresh, sizeof(fresh), "%s.new", path);
    rc = write_file(fresh, kept);
    if (!rc && rename(fresh, path))
        rc = -errno;
    if (rc)
        (void)unlink(fresh);
    return rc;
}
