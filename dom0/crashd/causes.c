/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading the rules, see causes.h.
 */
#include "causes.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xenkeep/util.h>

struct reader {
    struct xk_causes *causes;
    const char *name;
    int line;
    char *why;
};

static int wrong(const struct reader *r, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static int wrong(const struct reader *r, const char *fmt, ...)
{
    char what[XK_CAUSES_WHY / 2];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(what, sizeof(what), fmt, ap);
    va_end(ap);
    snprintf(r->why, XK_CAUSES_WHY, "%.96s:%d: %s", r->name, r->line, what);
    return -EINVAL;
}

static void cause_free(struct xk_cause *c)
{
    size_t i;

    if (!c)
        return;
    for (i = 0; i < c->procedure_count; i++)
        free(c->procedure[i]);
    for (i = 0; i < c->advice_count; i++)
        free(c->advice[i]);
    if (c->compiled)
        regfree(&c->pattern);
    free(c);
}

static int set_text(const struct reader *r, char *dst, size_t size,
                    const char *value)
{
    if (strlen(value) >= size)
        return wrong(r, "the value is too long: at most %zu bytes", size - 1);
    strcpy(dst, value);
    return 0;
}

static int set_key(const struct reader *r, char *dst, const char *value)
{
    if (!*value || strspn(value, "abcdefghijklmnopqrstuvwxyz0123456789-_") !=
                       strlen(value))
        return wrong(r, "\"%.40s\": expected a word of a-z, 0-9, - and _",
                     value);
    return set_text(r, dst, XK_CAUSE_KEY, value);
}

static int set_source(const struct reader *r, struct xk_cause *c,
                      const char *value)
{
    if (!strcmp(value, "log"))
        c->source = XK_CAUSE_LOG;
    else if (!strcmp(value, "xen"))
        c->source = XK_CAUSE_XEN;
    else if (!strncmp(value, "fact ", 5)) {
        c->source = XK_CAUSE_FACT;
        return set_key(r, c->fact, value + 5);
    } else {
        return wrong(r, "source: expected log, xen or fact NAME");
    }
    return 0;
}

/* Counts and back references can cost any amount of memory and time. */
static bool simple(const char *pattern)
{
    for (; *pattern; pattern++) {
        if (*pattern == '{')
            return false;
        if (*pattern == '\\' && pattern[1] >= '0' && pattern[1] <= '9')
            return false;
        pattern += *pattern == '\\' && pattern[1];
    }
    return true;
}

static int set_pattern(const struct reader *r, struct xk_cause *c,
                       const char *value)
{
    if (c->compiled || !*value)
        return wrong(r, "pattern: expected one");
    if (strlen(value) >= XK_CAUSE_TEXT)
        return wrong(r, "pattern: too long");
    if (!simple(value))
        return wrong(r, "pattern: no {count} and no \\1 here");
    if (regcomp(&c->pattern, value, REG_EXTENDED))
        return wrong(r, "pattern: not a regular expression");
    c->compiled = true;
    return 0;
}

static int set_tier(const struct reader *r, struct xk_cause *c,
                    const char *value)
{
    static const char *const tiers[] = {
        [XK_CAUSE_SECONDARY] = "secondary", [XK_CAUSE_PRIMARY] = "primary",
        [XK_CAUSE_HARDWARE] = "hardware",
    };
    size_t i;

    for (i = 0; i < XK_ARRAY_SIZE(tiers); i++) {
        if (!strcmp(value, tiers[i])) {
            c->tier = (enum xk_cause_tier)i;
            return 0;
        }
    }
    return wrong(r, "tier: expected hardware, primary or secondary");
}

static int set_confidence(const struct reader *r, struct xk_cause *c,
                          const char *value)
{
    char *end;
    unsigned long v = strtoul(value, &end, 10);

    if (end == value || *end || v > 100)
        return wrong(r, "confidence: expected a number from 0 to 100");
    c->confidence = (unsigned int)v;
    return 0;
}

static int set_when(const struct reader *r, struct xk_cause *c,
                    const char *value)
{
    static const char *const operations[] = { "<", "<=", "=", "!=", ">=",
                                              ">" };
    struct xk_when *w = &c->when[c->when_count];
    char fact[XK_CAUSE_KEY];
    int end = 0;
    size_t i;

    if (c->when_count == XK_CAUSE_WHENS)
        return wrong(r, "when: at most %u", XK_CAUSE_WHENS);
    if (sscanf(value, "%47s %2[<>=!] %18lld%n", fact, w->operation,
               &w->number, &end) != 3 || value[end])
        return wrong(r, "when: expected FACT OPERATION NUMBER");
    for (i = 0; i < XK_ARRAY_SIZE(operations); i++) {
        if (!strcmp(w->operation, operations[i])) {
            c->when_count++;
            return set_key(r, w->fact, fact);
        }
    }
    return wrong(r, "when: expected <, <=, =, !=, >= or >");
}

static int add_step(const struct reader *r, char **steps, size_t *count,
                    const char *value)
{
    if (*count == XK_CAUSE_STEPS || strlen(value) >= XK_CAUSE_TEXT)
        return wrong(r, "too long, or more than %u of them", XK_CAUSE_STEPS);
    steps[*count] = strdup(value);
    if (!steps[*count])
        return -ENOMEM;
    ++*count;
    return 0;
}

static int set(const struct reader *r, struct xk_cause *c, const char *key,
               const char *value)
{
    if (!strcmp(key, "source"))
        return set_source(r, c, value);
    if (!strcmp(key, "pattern"))
        return set_pattern(r, c, value);
    if (!strcmp(key, "when"))
        return set_when(r, c, value);
    if (!strcmp(key, "class"))
        return set_key(r, c->class, value);
    if (!strcmp(key, "origin"))
        return set_key(r, c->origin, value);
    if (!strcmp(key, "tier"))
        return set_tier(r, c, value);
    if (!strcmp(key, "confidence"))
        return set_confidence(r, c, value);
    if (!strcmp(key, "where"))
        return set_text(r, c->where, sizeof(c->where), value);
    if (!strcmp(key, "cause"))
        return set_text(r, c->cause, sizeof(c->cause), value);
    if (!strcmp(key, "procedure"))
        return add_step(r, c->procedure, &c->procedure_count, value);
    if (!strcmp(key, "advice"))
        return add_step(r, c->advice, &c->advice_count, value);
    return wrong(r, "unknown key \"%.40s\"", key);
}

/* Takes over `c` when it is whole. */
static int keep(const struct reader *r, struct xk_cause *c)
{
    struct xk_causes *all = r->causes;
    struct xk_cause **more;
    size_t i;

    if (!c->compiled || !*c->class || !*c->cause)
        return wrong(r, "[%s]: expected pattern, class and cause", c->key);
    if (!*c->origin)
        strcpy(c->origin, c->source == XK_CAUSE_XEN ? "hypervisor" : "guest");
    for (i = 0; i < all->count; i++) {
        if (!strcmp(all->cause[i]->key, c->key)) {
            cause_free(all->cause[i]);
            all->cause[i] = c;
            return 0;
        }
    }
    if (all->count == XK_CAUSES_MAX)
        return wrong(r, "more than %u rules", XK_CAUSES_MAX);
    more = reallocarray(all->cause, all->count + 1, sizeof(*more));
    if (!more)
        return -ENOMEM;
    all->cause = more;
    all->cause[all->count++] = c;
    return 0;
}

static int begin(const struct reader *r, char *line, struct xk_cause **c_r)
{
    char *end = strchr(line, ']');
    struct xk_cause *c;

    if (!end || end[1])
        return wrong(r, "expected [key]");
    *end = '\0';
    c = calloc(1, sizeof(*c));
    if (!c)
        return -ENOMEM;
    *c_r = c;
    c->tier = XK_CAUSE_PRIMARY;
    c->confidence = 50;
    return set_key(r, c->key, line + 1);
}

static char *trim(char *s)
{
    char *end;

    s += strspn(s, " \t");
    end = s + strlen(s);
    while (end > s && strchr(" \t\r", end[-1]))
        *--end = '\0';
    return s;
}

/* Keeps the rule before when a new one begins. */
static int take_line(struct reader *r, char *line, struct xk_cause **c)
{
    char *value;
    int rc = 0;

    line = trim(line);
    if (!*line || *line == '#')
        return 0;
    if (*line == '[') {
        if (*c)
            rc = keep(r, *c);
        if (!rc) {
            *c = NULL;
            rc = begin(r, line, c);
        }
        return rc;
    }
    value = strchr(line, '=');
    if (!value || !*c)
        return wrong(r, value ? "expected [key] first"
                              : "expected NAME = VALUE");
    *value++ = '\0';
    return set(r, *c, trim(line), trim(value));
}

static int parse(struct reader *r, char *text)
{
    struct xk_cause *c = NULL;
    char *line, *next = text;
    int rc = 0;

    while (!rc && (line = strsep(&next, "\n"))) {
        r->line++;
        rc = take_line(r, line, &c);
    }
    if (!rc && c) {
        rc = keep(r, c);
        c = rc ? c : NULL;
    }
    cause_free(c);
    return rc;
}

int xk_causes_parse(struct xk_causes *causes, const char *text,
                    const char *name, char why[XK_CAUSES_WHY])
{
    struct xk_causes fresh = { 0 };
    struct reader r = { &fresh, name, 0, why };
    char *copy = strdup(text);
    size_t i;
    int rc;

    *why = '\0';
    if (!copy)
        return -ENOMEM;
    rc = parse(&r, copy);
    free(copy);
    r.causes = causes;
    for (i = 0; i < fresh.count; i++) {
        if (!rc)
            rc = keep(&r, fresh.cause[i]);
        if (rc)
            cause_free(fresh.cause[i]);
    }
    free(fresh.cause);
    return rc;
}

static int is_conf(const struct dirent *e)
{
    size_t len = strlen(e->d_name);

    return len > 5 && e->d_name[0] != '.' &&
           !strcmp(e->d_name + len - 5, ".conf");
}

static int load_file(struct xk_causes *causes, const char *path,
                     char why[XK_CAUSES_WHY])
{
    FILE *f = fopen(path, "re");
    size_t len;
    char *text;
    int rc;

    text = f ? malloc(XK_CAUSES_FILE_MAX + 1) : NULL;
    if (!f || !text) {
        rc = f ? -ENOMEM : -errno;
        snprintf(why, XK_CAUSES_WHY, "%.160s: %s", path, strerror(-rc));
        if (f)
            fclose(f);
        return rc;
    }
    len = fread(text, 1, XK_CAUSES_FILE_MAX + 1, f);
    rc = len > XK_CAUSES_FILE_MAX || memchr(text, 0, len) ? -EINVAL : 0;
    if (rc) {
        snprintf(why, XK_CAUSES_WHY, "%.160s: no text, or too long", path);
    } else {
        text[len] = '\0';
        rc = xk_causes_parse(causes, text, path, why);
    }
    free(text);
    fclose(f);
    return rc;
}

int xk_causes_load(struct xk_causes *causes, const char *dir,
                   char why[XK_CAUSES_WHY])
{
    struct dirent **entries;
    int count, i, rc = 0;
    char *path;

    *why = '\0';
    count = scandir(dir, &entries, is_conf, alphasort);
    if (count < 0) {
        rc = -errno;
        snprintf(why, XK_CAUSES_WHY, "%.160s: %s", dir, strerror(-rc));
        return rc;
    }
    for (i = 0; i < count; i++) {
        if (!rc && asprintf(&path, "%s/%s", dir, entries[i]->d_name) >= 0) {
            rc = load_file(causes, path, why);
            free(path);
        }
        free(entries[i]);
    }
    free(entries);
    return rc;
}

void xk_causes_dispose(struct xk_causes *causes)
{
    size_t i;

    for (i = 0; i < causes->count; i++)
        cause_free(causes->cause[i]);
    free(causes->cause);
    memset(causes, 0, sizeof(*causes));
}
