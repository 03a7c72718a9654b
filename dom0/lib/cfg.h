/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A daemon's configuration, in xl's own syntax, by libxlutil. The daemon says
 * in tables what there is; what is wrong is logged in one line that tells what
 * would be right. A key that is in no table is an error: a misspelt limit must
 * not be a limit that is not there.
 */
#ifndef XK_LIB_CFG_H
#define XK_LIB_CFG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A uint32_t of the daemon's struct. */
struct xk_cfg_number {
    const char *key;
    size_t offset;
    long min, max, value;       /* value: the default */
};

/* A char array of the daemon's struct, never empty. */
struct xk_cfg_text {
    const char *key;
    size_t offset, size;
    bool path;                  /* absolute; else a user's name */
    const char *value;          /* the default */
};

/* A uint32_t of the daemon's struct: which of the words it is. */
struct xk_cfg_word {
    const char *key;
    size_t offset;
    const char *const *words;
    size_t count;
    const char *right;          /* "this, that or another" */
    uint32_t value;             /* the default */
};

/* A list of strings. */
struct xk_cfg_list {
    const char *key;
    /* Item `index`, from 0, of the list. 0, or -errno when it was logged. */
    int (*item)(void *s, size_t index, const char *text, const char *path);
    const char *right;          /* "[ \"name=web\", ... ]" */
};

/* Tables end with a NULL key; NULL: none of the kind. */
struct xk_cfg {
    const struct xk_cfg_number *numbers;
    const struct xk_cfg_text *texts;
    const struct xk_cfg_word *words;
    const struct xk_cfg_list *lists;
};

/* For log_level: the words of enum xk_log_level, by its value. */
#define XK_CFG_LOG_LEVEL(type, member) \
    { "log_level", offsetof(type, member), xk_cfg_levels, 4, \
      "err, warn, info or debug", XK_LOG_INFO }
extern const char *const xk_cfg_levels[4];

/* Writes the defaults to `s`, and nothing else. */
void xk_cfg_default(const struct xk_cfg *cfg, void *s);

/* -errno of opening the file (-ENOENT), -EINVAL: what is wrong was logged. */
int xk_cfg_read(const struct xk_cfg *cfg, void *s, const char *path);

#endif /* XK_LIB_CFG_H */
