/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Runs a trace against the model, see trace.h. It stops at a line that it
 * does not understand and goes on after a result that differs.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "memop.h"
#include "state.h"
#include "trace.h"

#define MAX_GFNS (1u << 20)

struct call {
    uint16_t id;
    unsigned int order;
    uint64_t *gfns;
    size_t count;
    uint64_t value;
    long done, ret;         /* what the model said */
};

enum args { ARGS_NONE, ARGS_VALUE, ARGS_GFNS, ARGS_ORDER_GFNS };

static bool number(char **at, uint64_t *v_r)
{
    char *end;

    *at += strspn(*at, " \t");
    errno = 0;
    *v_r = strtoull(*at, &end, 0);
    if (end == *at || errno)
        return false;
    *at = end;
    return true;
}

static bool one_run(char **at, struct call *c)
{
    uint64_t gfn, stride = 0, n = 1;

    if (!number(at, &gfn))
        return false;
    if (**at == '+') {
        (*at)++;
        if (!number(at, &stride) || *(*at)++ != 'x' || !number(at, &n))
            return false;
    }
    for (; n--; gfn += stride) {
        if (c->count == MAX_GFNS)
            return false;
        c->gfns[c->count++] = gfn;
    }
    return true;
}

static bool parse(char *at, enum args args, struct call *c)
{
    uint64_t v;

    if (!number(&at, &v) || v > UINT16_MAX)
        return false;
    c->id = (uint16_t)v;
    c->count = 0;
    if (args == ARGS_VALUE && !number(&at, &c->value))
        return false;
    if (args == ARGS_ORDER_GFNS) {
        if (!number(&at, &v) || v > 18)
            return false;
        c->order = (unsigned int)v;
    }
    if (args >= ARGS_GFNS)
        while (*(at += strspn(at, " \t")))
            if (!one_run(&at, c))
                return false;
    return !*(at + strspn(at, " \t"));
}

static void do_mark(struct call *c)
{
    c->done = c->ret = fk_memop_populate(0, c->id, c->gfns, c->count,
                                         c->order, true);
}

static void do_populate(struct call *c)
{
    c->done = c->ret = fk_memop_populate(0, c->id, c->gfns, c->count,
                                         c->order, false);
}

static void do_decrease(struct call *c)
{
    c->done = c->ret = fk_memop_decrease(0, c->id, c->gfns, c->count,
                                         c->order);
}

static void do_give(struct call *c)
{
    c->done = c->ret = fk_memop_decrease(c->id, c->id, c->gfns, c->count,
                                         c->order);
}

static void do_take(struct call *c)
{
    c->done = c->ret = fk_memop_populate(c->id, c->id, c->gfns, c->count,
                                         c->order, false);
}

static void do_touch(struct call *c)
{
    c->done = c->ret = fk_memop_touch(c->id, c->gfns, c->count);
}

static void do_map(struct call *c)
{
    int *errs = calloc(c->count + 1, sizeof(*errs));
    size_t i;

    c->ret = -ENOMEM;
    if (errs && fk_memop_map(c->id, c->gfns, c->count, PROT_READ, errs)) {
        c->ret = 0;
        for (i = 0; i < c->count; i++)
            c->done += !errs[i];
    }
    free(errs);
}

static void do_unmap(struct call *c)
{
    struct fk_map *map = fk_map_of(FK_MAP_FOREIGN, c->id, c->gfns, c->count);

    c->ret = map ? 0 : -EINVAL;
    c->done = map ? (long)c->count : 0;
    if (map)
        fk_map_drop(map);
}

static void do_set_target(struct call *c)
{
    c->ret = fk_memop_set_target(c->id, c->value);
}

static void do_pod(struct call *c)
{
    uint64_t v;

    c->ret = fk_memop_get_target(c->id, &v, &v, &v);
}

static void do_data(struct call *c)
{
    struct fk_domain *d = fk_dom(c->id);
    uint32_t mfn;
    size_t i;

    for (i = 0; d && i < c->count; i++) {
        mfn = fk_dom_access(d, c->gfns[i], true);
        if (mfn != FK_NO_MFN)
            *(uint64_t *)fk_frame(mfn) = c->gfns[i] + 1;
    }
}

static void do_zero(struct call *c)
{
    const struct fk_domain *d = fk_dom(c->id);
    struct fk_entry e;
    size_t i;

    for (i = 0; d && i < c->count; i++) {
        e = fk_p2m_get(d, c->gfns[i]);
        if (fk_is_ram(e.type) && fk_frame_is_dirty(e.mfn))
            memset(fk_frame(e.mfn), 0, FAKE_PAGE_SIZE);
    }
}

static void do_ref(struct call *c)
{
    size_t i;

    for (i = 0; i < c->count; i++)
        fake_backend_get(c->id, c->gfns[i]);
}

static void do_unref(struct call *c)
{
    size_t i;

    for (i = 0; i < c->count; i++)
        fake_backend_put(c->id, c->gfns[i]);
}

static void do_destroy(struct call *c)
{
    fake_domain_destroy(c->id);
}

static void do_passthrough(struct call *c)
{
    fake_domain_passthrough(c->id, c->value);
}

static void do_log_dirty(struct call *c)
{
    fake_domain_log_dirty(c->id, c->value);
}

static void do_maxmem(struct call *c)
{
    fake_domain_set_max_pages(c->id, c->value);
}

static const struct {
    const char *name;
    enum args args;
    void (*fn)(struct call *c);
} calls[] = {
    { "mark", ARGS_ORDER_GFNS, do_mark },
    { "populate", ARGS_ORDER_GFNS, do_populate },
    { "decrease", ARGS_ORDER_GFNS, do_decrease },
    { "give", ARGS_ORDER_GFNS, do_give },
    { "take", ARGS_ORDER_GFNS, do_take },
    { "touch", ARGS_GFNS, do_touch },
    { "map", ARGS_GFNS, do_map },
    { "unmap", ARGS_GFNS, do_unmap },
    { "set_target", ARGS_VALUE, do_set_target },
    { "pod", ARGS_NONE, do_pod },
    { "data", ARGS_GFNS, do_data },
    { "zero", ARGS_GFNS, do_zero },
    { "ref", ARGS_GFNS, do_ref },
    { "unref", ARGS_GFNS, do_unref },
    { "destroy", ARGS_NONE, do_destroy },
    { "passthrough", ARGS_VALUE, do_passthrough },
    { "log_dirty", ARGS_VALUE, do_log_dirty },
    { "maxmem", ARGS_VALUE, do_maxmem },
};

static int do_host(char *args)
{
    struct fake_host host;
    int rc;

    if (!number(&args, &host.supers) || !number(&args, &host.singles))
        return -EINVAL;
    rc = fake_init(&host);
    if (!rc)
        fk_trace_close();   /* not into the file that may be read now */
    return rc;
}

static bool set_key(struct fake_config *config, const char *key, uint64_t v)
{
    if (!strcmp(key, "pages"))
        config->pages = v;
    else if (!strcmp(key, "static"))
        config->static_max = v;
    else if (!strcmp(key, "max"))
        config->max_pages = v;
    else if (!strcmp(key, "special"))
        config->special = (unsigned int)v;
    else if (!strcmp(key, "vcpus"))
        config->vcpus = (unsigned int)v;
    else if (!strcmp(key, "layout") && v <= FAKE_SCATTERED)
        config->layout = (enum fake_layout)v;
    else if (!strcmp(key, "passthrough"))
        config->passthrough = v;
    else if (!strcmp(key, "bare"))
        config->bare = v;
    else
        return false;
    return true;
}

static int do_domain(char *args)
{
    struct fake_config config = { 0 };
    char *word, *save = NULL, *value;
    uint64_t v;

    if (!number(&args, &v) || !v || v > UINT16_MAX)
        return -EINVAL;
    config.domid = (uint16_t)v;
    word = strtok_r(args, " \t", &save);
    if (!word)
        return -EINVAL;
    if (!strcmp(word, "hvm"))
        config.type = FAKE_HVM;
    else if (!strcmp(word, "pv"))
        config.type = FAKE_PV;
    else if (strcmp(word, "pvh"))
        return -EINVAL;
    while ((word = strtok_r(NULL, " \t", &save))) {
        value = strchr(word, '=');
        if (!value)
            return -EINVAL;
        *value++ = '\0';
        if (!number(&value, &v) || !set_key(&config, word, v))
            return -EINVAL;
    }
    return fake_domain_create(&config) < 0 ? -EINVAL : 0;
}

/* True: what the trace says and what the model did are the same. */
static bool same(const char *result, const struct call *c)
{
    const struct fk_domain *d = fk_dom(c->id);
    long model[5] = { c->done < 0 ? 0 : c->done, c->ret };
    char *end;
    long v;
    int i;

    if (d) {
        model[2] = (long)d->tot;
        model[3] = (long)d->pod.cache;
        model[4] = (long)d->pod.entries;
    }
    for (i = 0; i < 5; i++) {
        result += strspn(result, " \t");
        if (*result == '?') {
            result++;
            continue;
        }
        v = strtol(result, &end, 0);
        if (end == result || v != model[i])
            return false;
        result = end;
    }
    return true;
}

static int do_call(char *name, char *args, struct call *c, bool *differs_r)
{
    char *result = strstr(args, "->");
    size_t i;
    int rc = -EINVAL;

    if (result) {
        *result = '\0';
        result += 2;
    }
    if (!fk)
        return -EINVAL;
    fk_lock();
    for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        if (strcmp(calls[i].name, name))
            continue;
        if (!parse(args, calls[i].args, c))
            break;
        c->done = c->ret = 0;
        calls[i].fn(c);
        *differs_r = result && !same(result, c);
        rc = 0;
    }
    fk_unlock();
    return rc;
}

static void report_difference(FILE *report, unsigned long nr,
                              const char *line, const struct call *c)
{
    const struct fk_domain *d = fk_dom(c->id);

    fprintf(report, "%lu: %s\n", nr, line);
    fprintf(report, "    the model: %ld %ld %" PRIu64 " %" PRIu64 " %" PRIu64
            "\n", c->done < 0 ? 0 : c->done, c->ret, d ? d->tot : 0,
            d ? d->pod.cache : 0, d ? d->pod.entries : 0);
}

int fake_replay(FILE *trace, FILE *report)
{
    struct call c = { .gfns = malloc(MAX_GFNS * sizeof(uint64_t)) };
    char *line = NULL, *copy, *name, *save;
    unsigned long nr = 0;
    size_t room = 0;
    int differ = 0, rc = 0;
    bool differs;

    if (!c.gfns)
        return -ENOMEM;
    while (!rc && getline(&line, &room, trace) >= 0) {
        nr++;
        line[strcspn(line, "\r\n#")] = '\0';
        copy = strdup(line);
        if (!copy) {
            rc = -ENOMEM;
            break;
        }
        differs = false;
        name = strtok_r(copy, " \t", &save);
        if (name && !strcmp(name, "host"))
            rc = do_host(save);
        else if (name && !strcmp(name, "domain"))
            rc = fk ? do_domain(save) : -EINVAL;
        else if (name)
            rc = do_call(name, save, &c, &differs);
        if (rc)
            fprintf(report, "%lu: not understood: %s\n", nr, line);
        if (differs)
            report_difference(report, nr, line, &c);
        differ += differs;
        free(copy);
    }
    free(line);
    free(c.gfns);
    return rc ? rc : differ;
}
