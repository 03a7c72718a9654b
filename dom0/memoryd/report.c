/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * JSON answers, see report.h.
 */
#include "report.h"

#include <string.h>

#include <xenkeep/util.h>

static void add_u64(struct json_object *obj, const char *key, uint64_t value)
{
    json_object_object_add(obj, key, json_object_new_int64((int64_t)value));
}

static void add_kib(struct json_object *obj, const char *key, uint64_t pages)
{
    add_u64(obj, key, pages * (XK_PAGE_SIZE / 1024));
}

static void add_string(struct json_object *obj, const char *key,
                       const char *value)
{
    json_object_object_add(obj, key, json_object_new_string(value));
}

void snapshot_take(struct domain *dom, struct snapshot *snap)
{
    struct xk_host host = { 0 };

    memset(snap, 0, sizeof(*snap));
    (void)xk_hv_dominfo(dom->md->hv, dom->info.domid, &dom->info);
    (void)xk_hv_pod(dom->md->hv, dom->info.domid, &snap->pod);
    (void)xk_hv_host(dom->md->hv, &host);
    if (!dom->scratch.slots)
        overcommit_note(dom, &snap->pod);
    snap->tot_pages = dom->info.tot_pages;
    snap->given = dom->overcommit.given;
    snap->ballooned = dom->device.balloon.ballooned;
    snap->host_free = host.free_pages;
}

static struct json_object *snapshot_json(const struct snapshot *snap)
{
    struct json_object *obj = json_object_new_object();

    add_kib(obj, "size_kib", snap->tot_pages);
    add_kib(obj, "overcommitted_kib", snap->given);
    add_kib(obj, "pod_entries_kib", snap->pod.entries);
    add_kib(obj, "pod_cache_kib", snap->pod.cache);
    add_kib(obj, "ballooned_kib", snap->ballooned);
    add_kib(obj, "host_free_kib", snap->host_free);
    return obj;
}

static struct json_object *skipped_json(const struct sweep_report *r)
{
    struct json_object *obj = json_object_new_object();
    size_t i;

    for (i = 0; i < SKIP_COUNT; i++)
        if (r->skipped[i])
            add_u64(obj, sweep_skip_names[i], r->skipped[i]);
    return obj;
}

static struct json_object *pauses_json(const struct budget *now,
                                       const struct budget *before)
{
    struct json_object *obj = json_object_new_object();

    add_u64(obj, "count", now->count - before->count);
    add_u64(obj, "longest_us", now->longest_us);
    add_u64(obj, "total_us", now->total_us - before->total_us);
    add_u64(obj, "over_budget", now->over - before->over);
    return obj;
}

static struct json_object *balloon_json(const struct domain *dom,
                                        const struct report *r)
{
    struct json_object *obj;

    if (!r->ballooned)
        return NULL;
    obj = json_object_new_object();
    add_kib(obj, "asked_kib", r->asked);
    add_kib(obj, "moved_kib", r->moved);
    add_kib(obj, "super_kib", dom->device.balloon.super);
    add_u64(obj, "duration_us", r->balloon_us);
    return obj;
}

struct json_object *report_sweep(const struct domain *dom,
                                 const struct report *r)
{
    struct json_object *obj = json_object_new_object();

    add_u64(obj, "domid", dom->info.domid);
    add_string(obj, "name", dom->name);
    json_object_object_add(obj, "dry_run",
                           json_object_new_boolean(r->dry_run));
    add_u64(obj, "scanned_pages", r->sweep.scanned_pages);
    add_u64(obj, "zero_super", r->sweep.zero_super);
    add_u64(obj, "zero_regular", r->sweep.zero_regular);
    add_u64(obj, "committed_super", r->sweep.committed_super);
    add_u64(obj, "committed_regular", r->sweep.committed_regular);
    json_object_object_add(obj, "skipped", skipped_json(&r->sweep));
    json_object_object_add(obj, "pauses", pauses_json(&dom->budget,
                                                      &r->pauses_before));
    json_object_object_add(obj, "before", snapshot_json(&r->before));
    json_object_object_add(obj, "after", snapshot_json(&r->after));
    json_object_object_add(obj, "returned_kib", json_object_new_int64(
        ((int64_t)r->before.tot_pages - (int64_t)r->after.tot_pages) *
        (int64_t)(XK_PAGE_SIZE / 1024)));
    json_object_object_add(obj, "balloon", balloon_json(dom, r));
    add_u64(obj, "duration_us", r->end_us - r->start_us);
    return obj;
}

struct json_object *report_recovery(const struct domain *dom,
                                    const struct recovery_report *r)
{
    struct json_object *obj = json_object_new_object();

    add_u64(obj, "domid", dom->info.domid);
    add_string(obj, "name", dom->name);
    add_u64(obj, "ranges", r->ranges);
    add_u64(obj, "recovered", r->recovered);
    add_u64(obj, "busy", r->busy);
    add_u64(obj, "pinned", r->pinned);
    add_u64(obj, "refused", r->refused);
    add_u64(obj, "skipped", r->skipped);
    add_u64(obj, "duration_us", r->duration_us);
    return obj;
}

struct json_object *report_domain(struct domain *dom)
{
    static const char *const types[] = {
        [XK_GUEST_PV] = "pv", [XK_GUEST_PVH] = "pvh", [XK_GUEST_HVM] = "hvm",
    };
    const char *note = domain_refuses(dom);
    struct json_object *obj = json_object_new_object();
    const struct balloon *b = &dom->device.balloon;
    struct snapshot snap;
    uint64_t target = 0;

    snapshot_take(dom, &snap);
    (void)domain_target_kib(dom, &target);
    add_u64(obj, "domid", dom->info.domid);
    add_string(obj, "name", dom->name);
    add_string(obj, "type", types[dom->info.type]);
    add_kib(obj, "size_kib", snap.tot_pages);
    add_u64(obj, "target_kib", target);
    add_kib(obj, "max_kib", dom->info.max_pages);
    add_kib(obj, "overcommitted_kib", snap.given);
    add_kib(obj, "pod_entries_kib", snap.pod.entries);
    add_kib(obj, "pod_cache_kib", snap.pod.cache);
    add_kib(obj, "swept_kib", dom->swept_pages);
    add_kib(obj, "ballooned_kib", snap.ballooned);
    add_kib(obj, "limit_kib", b->limit);
    add_string(obj, "frontend", device_state_name(&dom->device));
    json_object_object_add(obj, "busy",
                           json_object_new_boolean(dom->op || dom->recovery ||
                                                   dom->drain));
    add_string(obj, "note", note ? note : "");
    return obj;
}
