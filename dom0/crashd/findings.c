/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Rendering a diagnosis, see findings.h. Everything is gathered once, as the
 * JSON object; text and page are two ways to write that down.
 */
#include "findings.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <xenkeep/util.h>

/* Of the log, from its end. */
#define LOG_LINES 60

typedef struct json_object json;

static void add_text(json *o, const char *key, const char *value)
{
    if (value && *value)
        json_object_object_add(o, key, json_object_new_string(value));
}

static void add_key(json *o, const char *key, uint64_t value)
{
    char text[20];

    snprintf(text, sizeof(text), "%016" PRIx64, value);
    add_text(o, key, text);
}

static void add_time(json *o, uint64_t seconds)
{
    time_t t = (time_t)seconds;
    struct tm tm;
    char text[32];

    if (seconds && gmtime_r(&t, &tm) &&
        strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm))
        add_text(o, "time", text);
}

static json *texts(char *const *list, size_t count)
{
    json *a = json_object_new_array();
    size_t i;

    for (i = 0; i < count; i++)
        json_object_array_add(a, json_object_new_string(list[i]));
    return a;
}

static json *finding(const struct xk_finding *f)
{
    const struct xk_cause *c = f->cause;
    json *o = json_object_new_object();

    add_text(o, "cause", c->key);
    add_text(o, "text", f->text);
    add_text(o, "where", f->where);
    add_text(o, "line", f->line);
    json_object_object_add(o, "confidence",
                           json_object_new_int((int)c->confidence));
    json_object_object_add(o, "procedure",
                           texts(c->procedure, c->procedure_count));
    json_object_object_add(o, "advice", texts(c->advice, c->advice_count));
    return o;
}

static json *trace(const struct xk_trace *t)
{
    json *a = json_object_new_array(), *o;
    size_t i;

    for (i = 0; i < t->count; i++) {
        o = json_object_new_object();
        add_text(o, "function", t->frame[i].function);
        add_text(o, "module", t->frame[i].module);
        json_object_array_add(a, o);
    }
    return a;
}

static json *facts(const struct xk_evidence *e)
{
    json *o = json_object_new_object();
    size_t i;

    for (i = 0; i < e->fact_count; i++)
        add_text(o, e->facts[i].name, e->facts[i].value);
    return o;
}

static json *pages(const struct xk_dump_stats *s)
{
    json *all = json_object_new_object(), *o;
    int i;

    for (i = XK_CLASS_ZERO; i < XK_CLASSES; i++) {
        o = json_object_new_object();
        json_object_object_add(o, "pages",
                               json_object_new_int64((int64_t)s->pages[i]));
        json_object_object_add(o, "stored",
                               json_object_new_int64((int64_t)s->stored[i]));
        json_object_object_add(o, "bytes",
                               json_object_new_int64((int64_t)s->bytes[i]));
        json_object_object_add(all, xk_class_name((enum xk_class)i), o);
    }
    return all;
}

static const char *last_lines(const char *log, int lines)
{
    const char *p = log + strlen(log);

    while (p > log) {
        if (p[-1] == '\n' && lines-- == 0)
            break;
        p--;
    }
    return p;
}

static void add_guest(json *o, const struct xk_story *s)
{
    add_text(o, "guest", s->guest);
    add_text(o, "uuid", s->uuid);
    add_text(o, "dump", s->dump);
    add_time(o, s->seconds);
    if (s->uts) {
        add_text(o, "kernel", s->uts->release);
        add_text(o, "version", s->uts->version);
        add_text(o, "node", s->uts->nodename);
    }
    add_text(o, "host", s->evidence->host);
    add_text(o, "image", s->evidence->image);
    add_text(o, "changed", s->changed);
    json_object_object_add(o, "repeats", json_object_new_int((int)s->repeats));
}

static void add_keys(json *o, const struct xk_diagnosis *d)
{
    json *keys = json_object_new_object();

    add_key(keys, "exact", d->exact);
    add_key(keys, "loose", d->loose);
    add_key(keys, "context", d->context);
    json_object_object_add(o, "keys", keys);
}

json *xk_findings_json(const struct xk_story *s)
{
    const struct xk_diagnosis *d = s->diagnosis;
    json *o = json_object_new_object(), *others;
    char code[200];
    size_t i;

    if (!o)
        return NULL;
    xk_diagnosis_code(d, code);
    add_text(o, "stop_code", code);
    add_text(o, "origin", d->origin);
    add_text(o, "class", d->class);
    add_text(o, "where", d->where);
    add_text(o, "cause", d->cause);
    json_object_object_add(o, "confidence",
                           json_object_new_int((int)d->confidence));
    add_guest(o, s);
    add_keys(o, d);
    if (d->first.cause)
        json_object_object_add(o, "finding", finding(&d->first));
    others = json_object_new_array();
    for (i = 0; i < d->other_count; i++)
        json_object_array_add(others, finding(&d->others[i]));
    json_object_object_add(o, "others", others);
    json_object_object_add(o, "trace", trace(&d->trace));
    add_text(o, "process", d->trace.command);
    add_text(o, "taint", d->trace.taint);
    json_object_object_add(o, "facts", facts(s->evidence));
    if (s->stats)
        json_object_object_add(o, "pages", pages(s->stats));
    if (s->log && s->evidence->log)
        add_text(o, "log", last_lines(s->evidence->log, LOG_LINES));
    if (s->log && s->evidence->xen)
        add_text(o, "xen", last_lines(s->evidence->xen, LOG_LINES));
    return o;
}

/* A growing text. `html`: what put_safe() is given is escaped for a page. */
struct out {
    FILE *f;
    bool html;
};

static void put(struct out *o, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void put(struct out *o, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vfprintf(o->f, fmt, ap);
    va_end(ap);
}

static void put_safe(struct out *o, const char *text)
{
    for (; *text; text++) {
        if (o->html && strchr("<>&\"'", *text))
            put(o, "&#%d;", *text);
        else if ((*text >= ' ' && *text <= '~') || *text == '\n' ||
                 *text == '\t')
            put(o, "%c", *text);
        else
            put(o, "\\x%02x", (unsigned char)*text);
    }
}

static const char *text_of(json *o, const char *key)
{
    json *v;

    return json_object_object_get_ex(o, key, &v) ? json_object_get_string(v)
                                                 : NULL;
}

static int int_of(json *o, const char *key)
{
    json *v;

    return json_object_object_get_ex(o, key, &v) ? json_object_get_int(v) : 0;
}

/* One fact on a line: "name  value". */
static void put_row(struct out *o, const char *name, const char *value)
{
    if (!value || !*value)
        return;
    put(o, o->html ? "<tr><th>%s</th><td>" : "%-12s ", name);
    put_safe(o, value);
    put(o, o->html ? "</td></tr>\n" : "\n");
}

static void put_title(struct out *o, const char *title)
{
    put(o, o->html ? "<h2>%s</h2>\n" : "\n%s\n", title);
}

static void put_list(struct out *o, const char *title, json *list)
{
    size_t i, n = list ? json_object_array_length(list) : 0;

    if (!n)
        return;
    put_title(o, title);
    put(o, "%s", o->html ? "<ul>\n" : "");
    for (i = 0; i < n; i++) {
        put(o, "%s", o->html ? "<li>" : "  - ");
        put_safe(o, json_object_get_string(json_object_array_get_idx(list,
                                                                     i)));
        put(o, "%s", o->html ? "</li>\n" : "\n");
    }
    put(o, "%s", o->html ? "</ul>\n" : "");
}

static void put_block(struct out *o, const char *title, const char *text)
{
    if (!text)
        return;
    put_title(o, title);
    put(o, "%s", o->html ? "<pre>" : "");
    put_safe(o, text);
    put(o, "%s", o->html ? "</pre>\n" : "");
}

static void put_table(struct out *o, json *all)
{
    static const char *const rows[][2] = {
        { "guest", "guest" }, { "uuid", "uuid" }, { "dump", "dump" },
        { "died", "time" }, { "kernel", "kernel" }, { "version", "version" },
        { "process", "process" }, { "taint", "taint" }, { "host", "host" },
        { "image", "image" }, { "changed", "changed" },
    };
    char text[32];
    size_t i;

    put(o, "%s", o->html ? "<table>\n" : "");
    for (i = 0; i < XK_ARRAY_SIZE(rows); i++)
        put_row(o, rows[i][0], text_of(all, rows[i][1]));
    snprintf(text, sizeof(text), "%d", int_of(all, "repeats"));
    put_row(o, "before", int_of(all, "repeats") ? text : NULL);
    put(o, "%s", o->html ? "</table>\n" : "");
}

static void put_facts(struct out *o, json *all)
{
    json *list = json_object_object_get(all, "facts");

    if (!list || !json_object_object_length(list))
        return;
    put_title(o, "What Xen and the toolstack say");
    put(o, "%s", o->html ? "<table>\n" : "");
    json_object_object_foreach(list, name, value)
        put_row(o, name, json_object_get_string(value));
    put(o, "%s", o->html ? "</table>\n" : "");
}

static void put_trace(struct out *o, json *all)
{
    json *list = json_object_object_get(all, "trace"), *frame;
    size_t i, n = list ? json_object_array_length(list) : 0;
    const char *module;

    if (!n)
        return;
    put_title(o, "Where it was");
    put(o, "%s", o->html ? "<pre>" : "");
    for (i = 0; i < n; i++) {
        frame = json_object_array_get_idx(list, i);
        module = text_of(frame, "module");
        put(o, "  ");
        put_safe(o, text_of(frame, "function"));
        if (module) {
            put(o, " [");
            put_safe(o, module);
            put(o, "]");
        }
        put(o, "\n");
    }
    put(o, "%s", o->html ? "</pre>\n" : "");
}

static void put_others(struct out *o, json *all)
{
    json *list = json_object_object_get(all, "others"), *f;
    size_t i, n = list ? json_object_array_length(list) : 0;

    if (!n)
        return;
    put_title(o, "What fits as well");
    put(o, "%s", o->html ? "<ul>\n" : "");
    for (i = 0; i < n; i++) {
        f = json_object_array_get_idx(list, i);
        put(o, o->html ? "<li>%d %%: " : "  %2d %%  ", int_of(f,
                                                             "confidence"));
        put_safe(o, text_of(f, "text"));
        put(o, "%s", o->html ? "</li>\n" : "\n");
    }
    put(o, "%s", o->html ? "</ul>\n" : "");
}

static void put_head(struct out *o, json *all)
{
    json *f = json_object_object_get(all, "finding");
    const char *text = f ? text_of(f, "text") : NULL;

    if (o->html)
        put(o, "<!DOCTYPE html>\n<html lang=\"en\"><head>"
            "<meta charset=\"utf-8\"><title>Crash report</title><style>"
            "body{font:15px/1.5 sans-serif;margin:2em auto;max-width:60em;"
            "padding:0 1em;color:#222;background:#fff}"
            "h1{font-size:1.3em}h2{font-size:1.05em;margin-top:1.6em}"
            "code,pre{font-family:monospace;font-size:.9em}"
            "pre{background:#f4f4f4;padding:.8em;overflow:auto}"
            "th{text-align:left;padding-right:1.5em;vertical-align:top;"
            "font-weight:600}.sure{color:#666}"
            "@media(prefers-color-scheme:dark){body{background:#181818;"
            "color:#ddd}pre{background:#242424}.sure{color:#999}}"
            "</style></head><body>\n<h1>");
    put_safe(o, text ? text : "No rule knows this death.");
    put(o, o->html ? "</h1>\n<p><code>" : "\n");
    put_safe(o, text_of(all, "stop_code"));
    put(o, o->html ? "</code> <span class=\"sure\">%d %% sure</span></p>\n"
                   : "  (%d %% sure)\n\n", int_of(all, "confidence"));
}

static char *render(const struct xk_story *s, bool html)
{
    json *all = xk_findings_json(s), *f;
    char *text = NULL;
    struct out o = { NULL, html };
    size_t size;

    if (all)
        o.f = open_memstream(&text, &size);
    if (!o.f) {
        json_object_put(all);
        return NULL;
    }
    f = json_object_object_get(all, "finding");
    put_head(&o, all);
    put_table(&o, all);
    put_block(&o, "What says so", f ? text_of(f, "line") : NULL);
    if (f && !html)
        put(&o, "\n");
    put_list(&o, "What to look at",
             f ? json_object_object_get(f, "procedure") : NULL);
    put_list(&o, "What to do", f ? json_object_object_get(f, "advice") : NULL);
    put_trace(&o, all);
    put_others(&o, all);
    put_facts(&o, all);
    put_block(&o, "The end of its log", text_of(all, "log"));
    put_block(&o, "What Xen logged", text_of(all, "xen"));
    put(&o, "%s", html ? "</body></html>\n" : "");
    json_object_put(all);
    if (fclose(o.f)) {
        free(text);
        return NULL;
    }
    return text;
}

char *xk_findings_text(const struct xk_story *s)
{
    return render(s, false);
}

char *xk_findings_html(const struct xk_story *s)
{
    return render(s, true);
}
