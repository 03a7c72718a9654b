/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading a configuration by tables, see cfg.h.
 */
#include "cfg.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <libxlutil.h>

#include <xenkeep/log.h>

#include "cfgkeys.h"

const char *const xk_cfg_levels[4] = {
    [XK_LOG_ERR] = "err", [XK_LOG_WARN] = "warn", [XK_LOG_INFO] = "info",
    [XK_LOG_DEBUG] = "debug",
};

/* One reading. */
struct reading {
    const XLU_Config *in;
    void *s;
    const char *path;
};

/* For each row `r` of a table that may be missing. */
#define FOR_ROWS(r, table) \
    for ((r) = (table); (r) && (r)->key; (r)++)

static void *field(void *s, size_t offset)
{
    return (char *)s + offset;
}

void xk_cfg_default(const struct xk_cfg *cfg, void *s)
{
    const struct xk_cfg_number *n;
    const struct xk_cfg_word *w;
    const struct xk_cfg_text *t;

    FOR_ROWS(n, cfg->numbers)
        *(uint32_t *)field(s, n->offset) = (uint32_t)n->value;
    FOR_ROWS(w, cfg->words)
        *(uint32_t *)field(s, w->offset) = w->value;
    FOR_ROWS(t, cfg->texts)
        strcpy(field(s, t->offset), t->value);
}

static int read_number(const struct reading *r, const struct xk_cfg_number *n)
{
    long value;
    int err = xlu_cfg_get_long(r->in, n->key, &value, 1);

    if (err == ESRCH)
        return 0;
    if (err || value < n->min || value > n->max) {
        xk_err("%s: %s: expected a number from %ld to %ld", r->path, n->key,
               n->min, n->max);
        return -EINVAL;
    }
    *(uint32_t *)field(r->s, n->offset) = (uint32_t)value;
    return 0;
}

static int read_word(const struct reading *r, const struct xk_cfg_word *w)
{
    const char *value;
    uint32_t i;
    int err = xlu_cfg_get_string(r->in, w->key, &value, 1);

    if (err == ESRCH)
        return 0;
    for (i = 0; !err && i < w->count; i++) {
        if (!strcmp(value, w->words[i])) {
            *(uint32_t *)field(r->s, w->offset) = i;
            return 0;
        }
    }
    xk_err("%s: %s: expected %s", r->path, w->key, w->right);
    return -EINVAL;
}

static int read_text(const struct reading *r, const struct xk_cfg_text *t)
{
    const char *value;
    int err = xlu_cfg_get_string(r->in, t->key, &value, 1);

    if (err == ESRCH)
        return 0;
    if (err || !*value || strlen(value) >= t->size ||
        (t->path && *value != '/')) {
        xk_err("%s: %s: expected %s", r->path, t->key,
               t->path ? "an absolute path" : "a user name");
        return -EINVAL;
    }
    strcpy(field(r->s, t->offset), value);
    return 0;
}

static int read_list(const struct reading *r, const struct xk_cfg_list *l)
{
    XLU_ConfigList *list;
    const char *text;
    int i, count, rc = 0, err;

    err = xlu_cfg_get_list(r->in, l->key, &list, &count, 1);
    if (err == ESRCH)
        return 0;
    for (i = 0; !err && !rc && i < count; i++) {
        text = xlu_cfg_get_listitem(list, i);
        if (text)
            rc = l->item(r->s, (size_t)i, text, r->path);
        else
            err = EINVAL;
    }
    if (!err)
        return rc;
    xk_err("%s: %s: expected a list: %s", r->path, l->key, l->right);
    return -EINVAL;
}

static int read_rows(const struct xk_cfg *cfg, const struct reading *r)
{
    const struct xk_cfg_number *n;
    const struct xk_cfg_word *w;
    const struct xk_cfg_text *t;
    const struct xk_cfg_list *l;
    int rc = 0;

    FOR_ROWS(n, cfg->numbers)
        rc = rc ? rc : read_number(r, n);
    FOR_ROWS(w, cfg->words)
        rc = rc ? rc : read_word(r, w);
    FOR_ROWS(t, cfg->texts)
        rc = rc ? rc : read_text(r, t);
    FOR_ROWS(l, cfg->lists)
        rc = rc ? rc : read_list(r, l);
    return rc;
}

static bool known(const char *key, const void *arg)
{
    const struct xk_cfg *cfg = arg;
    const struct xk_cfg_number *n;
    const struct xk_cfg_word *w;
    const struct xk_cfg_text *t;
    const struct xk_cfg_list *l;

    FOR_ROWS(n, cfg->numbers)
        if (!strcmp(n->key, key))
            return true;
    FOR_ROWS(w, cfg->words)
        if (!strcmp(w->key, key))
            return true;
    FOR_ROWS(t, cfg->texts)
        if (!strcmp(t->key, key))
            return true;
    FOR_ROWS(l, cfg->lists)
        if (!strcmp(l->key, key))
            return true;
    return false;
}

int xk_cfg_read(const struct xk_cfg *cfg, void *s, const char *path)
{
    struct reading r = { .s = s, .path = path };
    XLU_Config *in;
    int rc = xk_cfg_check_keys(path, known, cfg);

    if (rc)
        return rc;
    r.in = in = xlu_cfg_init(stderr, path);
    if (!in)
        return -ENOMEM;
    rc = xlu_cfg_readfile(in, path) ? -EINVAL : 0;
    if (rc)
        xk_err("%s: cannot be read as a configuration", path);
    else
        rc = read_rows(cfg, &r);
    xlu_cfg_destroy(in);
    return rc;
}
