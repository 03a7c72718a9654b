/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From a dump to findings, see inquest.h.
 */
#include "inquest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <xenkeep/log.h>
#include <xenkeep/util.h>

#include "findings.h"
#include "klog.h"
#include "record.h"

/* What Xen may have said meanwhile: its console ring is 16 KiB by default. */
#define XEN_LOG_MAX (64u << 10)
#define FACTS_MAX 8

struct evidence {
    struct xk_evidence e;
    struct xk_fact facts[FACTS_MAX];
    struct xk_klog log;
    bool has_log;
    char *xen;
};

static void __attribute__((format(printf, 3, 4)))
add_fact(struct evidence *ev, const char *name, const char *fmt, ...)
{
    struct xk_fact *fact = &ev->facts[ev->e.fact_count];
    va_list args;

    if (ev->e.fact_count == FACTS_MAX)
        return;
    snprintf(fact->name, sizeof(fact->name), "%s", name);
    va_start(args, fmt);
    vsnprintf(fact->value, sizeof(fact->value), fmt, args);
    va_end(args);
    ev->e.fact_count++;
}

static void add_facts(struct evidence *ev, const struct xk_job *job)
{
    static const char *const types[] = {
        [XK_GUEST_PV] = "pv", [XK_GUEST_PVH] = "pvh", [XK_GUEST_HVM] = "hvm",
    };
    /* One that waits for its dump has yet to tell Xen. */
    const char *reason = job->info.shutdown ? xk_reason_name(&job->info)
                                            : "crash";
    struct xk_pod pod;

    add_fact(ev, "shutdown", "%s", strcmp(reason, "soft reset") ? reason
                                                                : "soft-reset");
    add_fact(ev, "type", "%s", types[job->info.type]);
    add_fact(ev, "pages", "%llu", (unsigned long long)job->info.tot_pages);
    add_fact(ev, "max_pages", "%llu",
             (unsigned long long)job->info.max_pages);
    if (job->uptime_s != UINT64_MAX)
        add_fact(ev, "uptime_s", "%llu", (unsigned long long)job->uptime_s);
    add_fact(ev, "starts", "%u", job->starts);
    if (job->info.type == XK_GUEST_PV ||
        xk_hv_pod(job->hv, job->info.domid, &pod))
        return;
    add_fact(ev, "pod_entries", "%llu", (unsigned long long)pod.entries);
    add_fact(ev, "pod_cache", "%llu", (unsigned long long)pod.cache);
}

/* Xen names a guest in one of these ways. */
static bool names(const char *line, unsigned int domid)
{
    static const char *const forms[] = {
        "d%uv", "(d%u)", "d%u ", "d%u:", "omain %u ", "omain %u:", "dom%u",
    };
    char word[32];
    size_t i;

    for (i = 0; i < XK_ARRAY_SIZE(forms); i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(word, sizeof(word), forms[i], domid);
#pragma GCC diagnostic pop
        if (strstr(line, word))
            return true;
    }
    return false;
}

/* Of Xen's console, the lines on this guest, in place. */
static void keep_lines(char *text, unsigned int domid)
{
    char *line, *end, *to = text;
    size_t len;

    for (line = text; *line; line = end) {
        end = strchrnul(line, '\n');
        len = (size_t)(end - line);
        if (*end)
            *end++ = '\0';
        if (!names(line, domid))
            continue;
        memmove(to, line, len);
        to += len;
        *to++ = '\n';
    }
    *to = '\0';
}

static void read_xen(struct evidence *ev, const struct xk_job *job)
{
    uint32_t index = 0;

    ev->xen = malloc(XEN_LOG_MAX + 1);
    if (!ev->xen)
        return;
    if (xk_hv_console(job->hv, ev->xen, XEN_LOG_MAX, &index))
        ev->xen[0] = '\0';
    keep_lines(ev->xen, job->info.domid);
    ev->e.xen = ev->xen;
}

static void gather(struct evidence *ev, const struct xk_job *job,
                   const struct xk_kernel *kernel)
{
    memset(ev, 0, sizeof(*ev));
    ev->e.facts = ev->facts;
    add_facts(ev, job);
    read_xen(ev, job);
    if (!kernel)
        return;
    ev->has_log = !xk_klog_read(&ev->log, kernel);
    ev->e.log = ev->has_log ? ev->log.text : NULL;
    ev->e.build_id = kernel->build_id;
    ev->e.release = job->release;
}

/* ---- reports ------------------------------------------------------------ */

static void write_report(const struct xk_job *job, const char *name,
                         const char *text)
{
    char path[XK_STORE_PATH];
    xk_cleanup_fd int fd = -1;
    size_t len = text ? strlen(text) : 0;

    xk_store_path(job->store, job->id, true, name, path);
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
              0600);
    if (!text || fd < 0 || write(fd, text, len) != (ssize_t)len ||
        fsync(fd))
        xk_warn("%s is not written: %s", path, strerror(text ? errno
                                                             : ENOMEM));
}

static void write_reports(struct xk_job *job, const struct xk_story *story)
{
    struct json_object *json = xk_findings_json(story);
    xk_cleanup_free char *text = xk_findings_text(story);
    xk_cleanup_free char *html = xk_findings_html(story);

    write_report(job, "report.json", json ? json_object_to_json_string_ext(
                                                json, JSON_C_TO_STRING_PRETTY)
                                          : NULL);
    write_report(job, "report.txt", text);
    write_report(job, "report.html", html);
    json_object_put(json);
}

void xk_inquest(struct xk_job *job, const struct xk_kernel *kernel)
{
    xk_cleanup_free struct xk_diagnosis *d = calloc(1, sizeof(*d));
    xk_cleanup_free struct evidence *ev = calloc(1, sizeof(*ev));
    struct xk_story story = {
        .guest = job->name, .dump = job->id, .seconds = job->plan.time,
        .stats = &job->stats,
    };

    if (!d || !ev)
        return;
    gather(ev, job, kernel);
    xk_diagnose(d, job->causes, &ev->e);
    xk_diagnosis_code(d, job->stop);
    if (d->first.cause)
        xk_log_safe(job->title, sizeof(job->title), d->first.text);
    if (d->first.cause && d->first.cause->advice_count)
        xk_log_safe(job->advice, sizeof(job->advice),
                    d->first.cause->advice[0]);
    story.diagnosis = d;
    story.evidence = &ev->e;
    story.uts = kernel ? &kernel->uts : NULL;
    write_reports(job, &story);
    if (ev->has_log)
        xk_klog_dispose(&ev->log);
    free(ev->xen);
}
