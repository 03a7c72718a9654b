/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Finding the cause, see diagnosis.h.
 *
 * Each rule is held against every line of its source. Of those that fit, the
 * first is: hardware before anything, what came first in the last two minutes
 * before what followed from it, a rule with conditions before one without.
 */
#include "diagnosis.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xenkeep/util.h>

/* Lines are cut for matching. */
#define LINE_BYTES 1024u
#define GROUPS 10u
/* What is older than this before the log's end did not kill the guest. */
#define WINDOW_S 120.0
/* Frames that make the exact key. */
#define KEY_FRAMES 5u

/* A rule that fits, and where. */
struct match {
    const struct xk_cause *cause;
    const char *at;             /* in the log; NULL: not there */
    size_t line_number;
    char line[LINE_BYTES];
    regmatch_t group[GROUPS];
};

const char *xk_fact(const struct xk_evidence *e, const char *name)
{
    size_t i;

    for (i = 0; i < e->fact_count; i++)
        if (!strcmp(e->facts[i].name, name))
            return e->facts[i].value;
    return NULL;
}

static bool holds(const struct xk_when *w, const struct xk_evidence *e)
{
    const char *value = xk_fact(e, w->fact);
    long long v;
    char *end;

    if (!value || !*value)
        return false;
    errno = 0;
    v = strtoll(value, &end, 10);
    if (errno || *end)
        return false;
    switch (w->operation[0]) {
    case '<': return w->operation[1] ? v <= w->number : v < w->number;
    case '>': return w->operation[1] ? v >= w->number : v > w->number;
    case '!': return v != w->number;
    default: return v == w->number;
    }
}

static bool all_hold(const struct xk_cause *c, const struct xk_evidence *e)
{
    size_t i;

    for (i = 0; i < c->when_count; i++)
        if (!holds(&c->when[i], e))
            return false;
    return true;
}

static bool match_line(struct match *m, const struct xk_cause *c,
                       const char *from, size_t len)
{
    len = xk_min_size(len, LINE_BYTES - 1);
    memcpy(m->line, from, len);
    m->line[len] = '\0';
    m->cause = c;
    return !regexec(&c->pattern, m->line, GROUPS, m->group, 0);
}

/* Seconds at the start of a line; negative: it has none. */
static double time_of(const char *line)
{
    char *end;
    double t;

    if (*line != '[')
        return -1;
    t = strtod(line + 1, &end);
    return *end == ']' && t >= 0 ? t : -1;
}

static double last_time(const char *log)
{
    double t, last = -1;
    const char *p;

    for (p = log; *p; p += *p == '\n') {
        t = time_of(p);
        if (t > last)
            last = t;
        p += strcspn(p, "\n");
    }
    return last;
}

/* The first line of a text that fits, from `since` on. */
static bool match_text(struct match *m, const struct xk_cause *c,
                       const char *text, double since)
{
    size_t len, number = 0;
    const char *p;
    double t;

    for (p = text; *p; p += len, p += *p == '\n', number++) {
        len = strcspn(p, "\n");
        t = time_of(p);
        if (t >= 0 && t < since && c->tier != XK_CAUSE_HARDWARE)
            continue;
        if (!match_line(m, c, p, len))
            continue;
        m->at = p;
        m->line_number = number;
        return true;
    }
    return false;
}

static bool match_rule(struct match *m, const struct xk_cause *c,
                       const struct xk_evidence *e, double since)
{
    const char *value;

    memset(m, 0, sizeof(*m));
    if (!all_hold(c, e))
        return false;
    if (c->source == XK_CAUSE_LOG)
        return e->log && match_text(m, c, e->log, since);
    if (c->source == XK_CAUSE_XEN) {
        if (!e->xen || !match_text(m, c, e->xen, -1))
            return false;
        m->at = NULL;
        return true;
    }
    value = xk_fact(e, c->fact);
    return value && match_line(m, c, value, strlen(value));
}

/* Is `a` the better explanation? */
static bool better(const struct match *a, const struct match *b)
{
    if (a->cause->tier != b->cause->tier)
        return a->cause->tier > b->cause->tier;
    if (!a->cause->when_count != !b->cause->when_count)
        return a->cause->when_count;
    /* Of two in the log, what came first; hypervisor facts before the log. */
    if (!a->at != !b->at)
        return !a->at;
    if (a->at && a->line_number != b->line_number)
        return a->line_number < b->line_number;
    return a->cause->confidence > b->cause->confidence;
}

/* A rule's text with \1 to \9 filled in. */
static void fill(char dst[XK_DIAGNOSIS_TEXT], const char *text,
                 const struct match *m)
{
    size_t used = 0, n;
    const char *from;
    regmatch_t g;

    for (; *text && used < XK_DIAGNOSIS_TEXT - 1; text++) {
        if (*text != '\\' || text[1] < '1' || text[1] > '9') {
            dst[used++] = *text;
            continue;
        }
        g = m->group[*++text - '0'];
        from = g.rm_so >= 0 ? m->line + g.rm_so : "";
        n = g.rm_so >= 0 ? (size_t)(g.rm_eo - g.rm_so) : 0;
        n = xk_min_size(n, XK_DIAGNOSIS_TEXT - 1 - used);
        memcpy(dst + used, from, n);
        used += n;
    }
    dst[used] = '\0';
}

static void name_frame(char dst[XK_DIAGNOSIS_TEXT], const struct xk_frame *f)
{
    snprintf(dst, XK_DIAGNOSIS_TEXT, *f->module ? "%s [%s]" : "%s",
             f->function, f->module);
}

static void make_finding(struct xk_finding *f, const struct match *m,
                         const struct xk_trace *trace)
{
    const char *p;

    f->cause = m->cause;
    fill(f->text, m->cause->cause, m);
    p = m->line;
    snprintf(f->line, sizeof(f->line), "%.600s", p);
    f->where[0] = '\0';
    if (strcmp(m->cause->where, "trace"))
        fill(f->where, m->cause->where, m);
    else if (trace->count)
        name_frame(f->where, &trace->frame[0]);
}

/* FNV-1a: keys only group what is alike. */
static uint64_t add_to_key(uint64_t key, const char *text)
{
    for (; *text; text++)
        key = (key ^ (uint8_t)*text) * 0x100000001b3ull;
    return (key ^ 0xff) * 0x100000001b3ull;
}

static void make_keys(struct xk_diagnosis *d, const struct xk_evidence *e)
{
    uint64_t key = add_to_key(0xcbf29ce484222325ull, d->origin);
    const char *words[] = { e->build_id, e->image, e->host };
    const struct xk_trace *t = &d->trace;
    size_t i;

    key = add_to_key(add_to_key(key, d->class), d->cause);
    d->exact = d->loose = key;
    for (i = 0; i < t->count && i < KEY_FRAMES; i++) {
        d->exact = add_to_key(d->exact, t->frame[i].function);
        d->exact = add_to_key(d->exact, t->frame[i].module);
    }
    /* Where is a frame too, unless the rule says better. */
    d->exact = add_to_key(d->exact, d->where);
    d->loose = add_to_key(d->loose, t->count ? t->frame[0].function
                                             : d->where);
    d->context = 0xcbf29ce484222325ull;
    for (i = 0; i < XK_ARRAY_SIZE(words); i++)
        d->context = add_to_key(d->context, words[i] ? words[i] : "");
}

/* No rule fits: what is known without one. */
static void not_known(struct xk_diagnosis *d, const struct xk_evidence *e)
{
    const char *shutdown = xk_fact(e, "shutdown");

    strcpy(d->origin, "guest");
    snprintf(d->class, sizeof(d->class), "%.40s",
             shutdown ? shutdown : "unknown");
    strcpy(d->cause, "unknown");
    if (e->stack)
        d->trace = *e->stack;
    if (d->trace.count)
        name_frame(d->where, &d->trace.frame[0]);
}

static void conclude(struct xk_diagnosis *d, const struct match *m,
                     const struct xk_evidence *e)
{
    if (m->at)
        xk_oops_parse(&d->trace, m->at);
    if (!d->trace.count && e->stack)
        d->trace = *e->stack;
    make_finding(&d->first, m, &d->trace);
    strcpy(d->origin, m->cause->origin);
    strcpy(d->class, m->cause->class);
    strcpy(d->cause, m->cause->key);
    strcpy(d->where, d->first.where);
    d->confidence = m->cause->confidence;
}

void xk_diagnose(struct xk_diagnosis *d, const struct xk_causes *causes,
                 const struct xk_evidence *e)
{
    double since = e->log ? last_time(e->log) - WINDOW_S : -1;
    struct match best = { 0 }, m;
    size_t i;

    memset(d, 0, sizeof(*d));
    for (i = 0; i < causes->count; i++)
        if (match_rule(&m, causes->cause[i], e, since) &&
            (!best.cause || better(&m, &best)))
            best = m;
    if (best.cause)
        conclude(d, &best, e);
    else
        not_known(d, e);
    for (i = 0; i < causes->count && d->other_count < XK_DIAGNOSIS_OTHERS;
         i++) {
        if (causes->cause[i] != best.cause &&
            match_rule(&m, causes->cause[i], e, since))
            make_finding(&d->others[d->other_count++], &m, &d->trace);
    }
    make_keys(d, e);
}

void xk_diagnosis_code(const struct xk_diagnosis *d, char code[200])
{
    snprintf(code, 200, "%.20s/%.30s/%.100s/%.40s", d->origin, d->class,
             *d->where ? d->where : "-", d->cause);
}
