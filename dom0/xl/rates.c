/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Rates, see rates.h.
 */
#include "rates.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fields.h"

/* Two answers are never closer: a change of XK_FIELD_MAX then still gives a
 * number of KiB a second that fits. */
#define INTERVAL_MIN_US 1000u

struct answer {
    struct json_object *host, *domains;
};

#define FIELD(kind, type, name, member) \
    { name, XK_FIELD_##kind, offsetof(struct type, member) }

static const struct xk_field answer_fields[] = {
    FIELD(OBJECT, answer, "host", host),
    FIELD(ARRAY, answer, "domains", domains),
};

static const struct xk_field host_fields[] = {
    FIELD(COUNT, xk_sample, "free_kib", host_free),
};

static const struct xk_field domain_fields[] = {
    FIELD(COUNT, xk_sample_domain, "domid", domid),
    FIELD(TEXT, xk_sample_domain, "name", name),
    FIELD(COUNT, xk_sample_domain, "size_kib", size),
    FIELD(COUNT, xk_sample_domain, "swept_kib", swept),
    FIELD(COUNT, xk_sample_domain, "ballooned_kib", ballooned),
    FIELD(COUNT, xk_sample_domain, "pod_entries_kib", entries),
    FIELD(COUNT, xk_sample_domain, "pod_cache_kib", cache),
};

#define READ(obj, table, out) \
    xk_fields_read(obj, table, sizeof(table) / sizeof((table)[0]), out)

static const char *read_domains(struct json_object *list, struct xk_sample *s)
{
    size_t count = (size_t)json_object_array_length(list);
    struct json_object *obj;
    const char *bad;

    s->domains = calloc(count ? count : 1, sizeof(*s->domains));
    if (!s->domains)
        return "domains";
    for (; s->count < count; s->count++) {
        obj = json_object_array_get_idx(list, s->count);
        if (!json_object_is_type(obj, json_type_object))
            return "domains";
        bad = READ(obj, domain_fields, &s->domains[s->count]);
        if (bad)
            return bad;
    }
    return NULL;
}

const char *xk_sample_read(struct json_object *answer, uint64_t at_us,
                           struct xk_sample *s)
{
    struct answer a;
    const char *bad;

    *s = (struct xk_sample){ .answer = answer, .at_us = at_us };
    bad = READ(answer, answer_fields, &a);
    if (!bad)
        bad = READ(a.host, host_fields, s);
    if (!bad)
        bad = read_domains(a.domains, s);
    if (bad)
        xk_sample_dispose(s);
    return bad;
}

void xk_sample_dispose(struct xk_sample *s)
{
    free(s->domains);
    json_object_put(s->answer);
    memset(s, 0, sizeof(*s));
}

static const struct xk_sample_domain *
find(const struct xk_sample *s, const struct xk_sample_domain *like)
{
    size_t i;

    /* Ids are given again; a name with it is hardly the same by chance. */
    for (i = 0; s && i < s->count; i++)
        if (s->domains[i].domid == like->domid &&
            !strcmp(s->domains[i].name, like->name))
            return &s->domains[i];
    return NULL;
}

static int64_t rate(uint64_t before, uint64_t now, uint64_t us)
{
    double change = (double)((int64_t)now - (int64_t)before);

    return (int64_t)(change * 1e6 / (double)us);
}

static uint64_t activity(const struct xk_rate *r)
{
    return (uint64_t)llabs(r->size) + (uint64_t)llabs(r->swept) +
           (uint64_t)llabs(r->ballooned) + (uint64_t)llabs(r->entries) +
           (uint64_t)llabs(r->cache);
}

static int busier(const void *left, const void *right)
{
    const struct xk_rate *a = left, *b = right;
    uint64_t of_a = activity(a), of_b = activity(b);

    if (of_a != of_b)
        return of_a < of_b ? 1 : -1;
    return (a->now->domid > b->now->domid) - (a->now->domid < b->now->domid);
}

static void fill_rate(struct xk_rate *r, const struct xk_sample_domain *was,
                      const struct xk_sample_domain *is, uint64_t us)
{
    *r = (struct xk_rate){ .now = is, .known = was != NULL };
    if (!was)
        return;
    r->size = rate(was->size, is->size, us);
    r->swept = rate(was->swept, is->swept, us);
    r->ballooned = rate(was->ballooned, is->ballooned, us);
    r->entries = rate(was->entries, is->entries, us);
    r->cache = rate(was->cache, is->cache, us);
}

int xk_rates(const struct xk_sample *before, const struct xk_sample *now,
             struct xk_rate **rates_r)
{
    struct xk_rate *rates = calloc(now->count ? now->count : 1,
                                   sizeof(*rates));
    uint64_t us = INTERVAL_MIN_US;
    size_t i;

    if (!rates)
        return -ENOMEM;
    if (before && now->at_us > before->at_us + INTERVAL_MIN_US)
        us = now->at_us - before->at_us;
    for (i = 0; i < now->count; i++)
        fill_rate(&rates[i], find(before, &now->domains[i]), &now->domains[i],
                  us);
    qsort(rates, now->count, sizeof(*rates), busier);
    *rates_r = rates;
    return 0;
}
