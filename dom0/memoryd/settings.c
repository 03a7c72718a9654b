/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading the configuration with libxlutil. A key that is not known is an
 * error: a misspelt limit must not be a limit that is not there.
 */
#include "settings.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <libxlutil.h>

#include <xenkeep/util.h>

struct number {
    const char *key;
    size_t offset;
    long min, max, value;
};

static const struct number numbers[] = {
    { "pause_max_us", offsetof(struct settings, pause_max_us),
      100, 20000, 2000 },
    { "pause_share_permille", offsetof(struct settings, pause_share_permille),
      1, 500, 20 },
    { "scan_share_percent", offsetof(struct settings, scan_share_percent),
      1, 100, 25 },
    { "sweep_regular", offsetof(struct settings, sweep_regular), 0, 1, 1 },
    { "inflate_chunk_mib", offsetof(struct settings, inflate_chunk_mib),
      2, 128, 32 },
    { "host_reserve_mib", offsetof(struct settings, host_reserve_mib),
      0, 16777216, 256 },
    { "guard", offsetof(struct settings, guard), 0, 1, 1 },
    { "guard_lend", offsetof(struct settings, guard_lend), 0, 1, 1 },
    { "guard_low_mib", offsetof(struct settings, guard_low_mib), 0, 65536, 0 },
    { "recover_share_percent",
      offsetof(struct settings, recover_share_percent), 1, 100, 25 },
    { "free_page_reporting", offsetof(struct settings, free_page_reporting),
      0, 1, 1 },
    { "balancer", offsetof(struct settings, balancer), 0, 1, 0 },
    { "balance_interval_ms", offsetof(struct settings, balance_interval_ms),
      100, 60000, 1000 },
};

static const char *const levels[] = {
    [XK_LOG_ERR] = "err", [XK_LOG_WARN] = "warn", [XK_LOG_INFO] = "info",
    [XK_LOG_DEBUG] = "debug",
};

static uint32_t *field(struct settings *s, const struct number *n)
{
    return (uint32_t *)(void *)((char *)s + n->offset);
}

void settings_default(struct settings *s)
{
    size_t i;

    memset(s, 0, sizeof(*s));
    for (i = 0; i < XK_ARRAY_SIZE(numbers); i++)
        *field(s, &numbers[i]) = (uint32_t)numbers[i].value;
    s->log_level = XK_LOG_INFO;
    strcpy(s->user, "xenkeep");
}

static int read_number(struct settings *s, const XLU_Config *cfg,
                       const struct number *n, const char *path)
{
    long value;
    int r;

    r = xlu_cfg_get_long(cfg, n->key, &value, 1);
    if (r == ESRCH)
        return 0;
    if (r || value < n->min || value > n->max) {
        xk_err("%s: %s: expected a number from %ld to %ld", path, n->key,
               n->min, n->max);
        return -EINVAL;
    }
    *field(s, n) = (uint32_t)value;
    return 0;
}

static int read_level(struct settings *s, const XLU_Config *cfg,
                      const char *path)
{
    const char *value;
    size_t i;
    int r;

    r = xlu_cfg_get_string(cfg, "log_level", &value, 1);
    if (r == ESRCH)
        return 0;
    for (i = 0; !r && i < XK_ARRAY_SIZE(levels); i++) {
        if (!strcmp(value, levels[i])) {
            s->log_level = (enum xk_log_level)i;
            return 0;
        }
    }
    xk_err("%s: log_level: expected err, warn, info or debug", path);
    return -EINVAL;
}

static int read_user(struct settings *s, const XLU_Config *cfg,
                     const char *path)
{
    const char *value;
    int r;

    r = xlu_cfg_get_string(cfg, "user", &value, 1);
    if (r == ESRCH)
        return 0;
    if (r || !*value || strlen(value) >= sizeof(s->user)) {
        xk_err("%s: user: expected a user name", path);
        return -EINVAL;
    }
    strcpy(s->user, value);
    return 0;
}

const struct rule *settings_rule(const struct settings *s, const char *name)
{
    size_t i;

    for (i = 0; i < s->nr_rules; i++)
        if (!strcmp(s->rules[i].name, name))
            return &s->rules[i];
    return NULL;
}

static int read_rule(struct settings *s, const char *text, const char *path)
{
    char why[RULE_WHY_MAX];
    struct rule rule;

    if (s->nr_rules == SETTINGS_RULES) {
        xk_err("%s: guests: expected at most %d", path, SETTINGS_RULES);
        return -EINVAL;
    }
    if (rule_parse(text, &rule, why)) {
        xk_err("%s: guests: item %zu: %s", path, s->nr_rules + 1, why);
        return -EINVAL;
    }
    if (settings_rule(s, rule.name)) {
        xk_err("%s: guests: item %zu: \"%s\" is named twice: expected one "
               "item for each guest", path, s->nr_rules + 1, rule.name);
        return -EINVAL;
    }
    s->rules[s->nr_rules++] = rule;
    return 0;
}

static int read_rules(struct settings *s, const XLU_Config *cfg,
                      const char *path)
{
    XLU_ConfigList *list;
    const char *text;
    int i, count, rc, r;

    r = xlu_cfg_get_list(cfg, "guests", &list, &count, 1);
    if (r == ESRCH)
        return 0;
    for (rc = r ? -EINVAL : 0, i = 0; !rc && i < count; i++) {
        text = xlu_cfg_get_listitem(list, i);
        if (!text)
            r = rc = -EINVAL;
        else
            rc = read_rule(s, text, path);
    }
    if (r)
        xk_err("%s: guests: expected a list: [ \"name=web,min=256M\", ... ]",
               path);
    return rc;
}

static bool known_key(const char *key, size_t len)
{
    static const char *const others[] = { "log_level", "user", "guests" };
    size_t i;

    for (i = 0; i < XK_ARRAY_SIZE(numbers); i++)
        if (strlen(numbers[i].key) == len && !strncmp(numbers[i].key, key, len))
            return true;
    for (i = 0; i < XK_ARRAY_SIZE(others); i++)
        if (strlen(others[i]) == len && !strncmp(others[i], key, len))
            return true;
    return false;
}

/* The next byte that is neither blank nor the end of a statement. */
static int skip_blanks(FILE *f, int *line)
{
    int c;

    do {
        c = getc(f);
        *line += c == '\n';
    } while (c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == ';');
    return c;
}

/* Where in a statement we are. */
struct place {
    int until;                  /* the end of a quote or comment; 0: in none */
    int depth;                  /* brackets */
};

static void step_on(struct place *p, int c)
{
    if (c == '\n')
        p->until = 0;           /* neither goes over a line's end */
    else if (c == p->until)
        p->until = 0;
    else if (p->until)
        return;
    else if (c == '"' || c == '\'')
        p->until = c;
    else if (c == '#')
        p->until = '\n';
    else if (c == '[')
        p->depth++;
    else if (c == ']' && p->depth)
        p->depth--;
}

/*
 * To the end of a statement that `c` is part of: a line's end or a semicolon
 * outside of quotes and comments; in brackets a line's end is a blank.
 */
static void skip_statement(FILE *f, int c, int *line)
{
    struct place p = { 0, 0 };

    for (; c != EOF; c = getc(f)) {
        if (c == '\n' && !p.depth)
            break;
        if (c == ';' && !p.until)
            return;
        *line += c == '\n';
        step_on(&p, c);
    }
    if (c == '\n')
        (void)ungetc(c, f);
}

/*
 * libxlutil has no way to list the keys of a file, so the first word of each
 * statement is looked at here. The one value that goes over several lines is
 * a list.
 */
static int check_keys(FILE *f, const char *path)
{
    char key[64];
    int c, line = 1, rc = 0;
    size_t len;

    while ((c = skip_blanks(f, &line)) != EOF) {
        for (len = 0; c != EOF && len < sizeof(key) - 1 &&
                      !strchr(" \t\r\n=+#;", c); len++) {
            key[len] = (char)c;
            c = getc(f);
        }
        key[len] = '\0';
        if (len && !known_key(key, len)) {
            xk_err("%s:%d: unknown key \"%s\"", path, line, key);
            rc = -EINVAL;
        }
        skip_statement(f, c, &line);
    }
    return rc;
}

int settings_read(struct settings *s, const char *path)
{
    XLU_Config *cfg = NULL;
    FILE *f;
    size_t i;
    int rc;

    f = fopen(path, "re");
    if (!f)
        return -errno;
    rc = check_keys(f, path);
    fclose(f);
    if (rc)
        return rc;
    cfg = xlu_cfg_init(stderr, path);
    if (!cfg)
        return -ENOMEM;
    rc = xlu_cfg_readfile(cfg, path) ? -EINVAL : 0;
    if (rc) {
        xk_err("%s: cannot be read as a configuration", path);
        goto out;
    }
    for (i = 0; !rc && i < XK_ARRAY_SIZE(numbers); i++)
        rc = read_number(s, cfg, &numbers[i], path);
    if (!rc)
        rc = read_level(s, cfg, path);
    if (!rc)
        rc = read_user(s, cfg, path);
    if (!rc)
        rc = read_rules(s, cfg, path);
out:
    xlu_cfg_destroy(cfg);
    return rc;
}
