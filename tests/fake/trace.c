/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Writes the trace, see trace.h. Each line is one write() to a file opened
 * for appending, so that several processes can share it.
 */
#include "trace.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "state.h"

void fk_trace_open(void)
{
    const char *path = getenv("XK_FAKE_TRACE");

    if (path && *path)
        fk->trace_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
                            0666);
}

void fk_trace_close(void)
{
    if (fk->trace_fd >= 0)
        close(fk->trace_fd);
    fk->trace_fd = -1;
}

/* One line under construction. */
struct line {
    char *text;
    size_t len;
    FILE *out;
};

static bool line_open(struct line *l)
{
    l->out = fk->trace_fd < 0 ? NULL : open_memstream(&l->text, &l->len);
    return l->out != NULL;
}

static void line_close(struct line *l)
{
    ssize_t r;

    putc('\n', l->out);
    fclose(l->out);
    r = write(fk->trace_fd, l->text, l->len);
    (void)r;
    free(l->text);
}

static void put_gfns(FILE *out, const uint64_t *gfns, size_t count)
{
    size_t i, n;

    for (i = 0; i < count; i += n) {
        n = 1;
        if (i + 1 < count && gfns[i + 1] > gfns[i])
            while (i + n < count &&
                   gfns[i + n] - gfns[i + n - 1] == gfns[i + 1] - gfns[i])
                n++;
        if (n < 3)
            n = 1;
        fprintf(out, " %#" PRIx64, gfns[i]);
        if (n > 1)
            fprintf(out, "+%#" PRIx64 "x%zu", gfns[i + 1] - gfns[i], n);
    }
}

static void put_result(FILE *out, uint16_t id, long done, long ret)
{
    const struct fk_domain *d = fk_dom(id);

    fprintf(out, " -> %ld %ld", done, ret);
    if (d && d->type != FAKE_PV)
        fprintf(out, " %" PRIu64 " %" PRIu64 " %" PRIu64, d->tot,
                d->pod.cache, d->pod.entries);
    else
        fprintf(out, " ? ? ?");
}

void fk_trace(const char *format, ...)
{
    struct line l;
    va_list args;

    if (!line_open(&l))
        return;
    va_start(args, format);
    vfprintf(l.out, format, args);
    va_end(args);
    line_close(&l);
}

void fk_trace_domain(const struct fk_domain *d,
                     const struct fake_config *config)
{
    static const char *const types[] = {
        [FAKE_PVH] = "pvh", [FAKE_HVM] = "hvm", [FAKE_PV] = "pv",
    };

    fk_trace("domain %u %s pages=%" PRIu64 " static=%" PRIu64 " max=%" PRIu64
             " special=%u vcpus=%u layout=%d passthrough=%d bare=%d", d->id,
             types[d->type], config->pages, config->static_max,
             config->max_pages, config->special, config->vcpus,
             config->layout, config->passthrough, config->bare);
}

void fk_trace_call(const char *call, uint16_t id, int order,
                   const uint64_t *gfns, size_t count, long done, long ret)
{
    struct line l;

    if (!line_open(&l))
        return;
    fprintf(l.out, "%s %u", call, id);
    if (order >= 0)
        fprintf(l.out, " %d", order);
    put_gfns(l.out, gfns, count);
    put_result(l.out, id, done, ret);
    line_close(&l);
}

void fk_trace_value(const char *call, uint16_t id, const uint64_t *value,
                    long ret)
{
    struct line l;

    if (!line_open(&l))
        return;
    fprintf(l.out, "%s %u", call, id);
    if (value)
        fprintf(l.out, " %" PRIu64, *value);
    put_result(l.out, id, 0, ret);
    line_close(&l);
}

void fk_trace_gfns(const char *what, uint16_t id, const uint64_t *gfns,
                   size_t count)
{
    struct line l;

    if (!count || !line_open(&l))
        return;
    fprintf(l.out, "%s %u", what, id);
    put_gfns(l.out, gfns, count);
    line_close(&l);
}
