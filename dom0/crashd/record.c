/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Records as JSON, see record.h.
 */
#include "record.h"

#include <stdio.h>
#include <string.h>

#include <xenkeep/util.h>

static const char *const types[] = {
    [XK_GUEST_PV] = "pv", [XK_GUEST_PVH] = "pvh", [XK_GUEST_HVM] = "hvm",
};

const char *xk_reason_name(const struct xk_dominfo *info)
{
    static const char *const reasons[] = {
        [XK_SHUTDOWN_POWEROFF] = "poweroff", [XK_SHUTDOWN_REBOOT] = "reboot",
        [XK_SHUTDOWN_SUSPEND] = "suspend", [XK_SHUTDOWN_CRASH] = "crash",
        [XK_SHUTDOWN_WATCHDOG] = "watchdog",
        [XK_SHUTDOWN_SOFT_RESET] = "soft reset",
    };

    if (!info->shutdown)
        return "running";
    return info->reason < XK_ARRAY_SIZE(reasons) ? reasons[info->reason]
                                                 : "unknown";
}

void xk_uuid_text(const uint8_t uuid[16], char text[37])
{
    unsigned int i, at = 0;

    for (i = 0; i < 16; i++)
        at += (unsigned int)snprintf(text + at, 37 - at, "%s%02x",
                                     i == 4 || i == 6 || i == 8 || i == 10
                                         ? "-" : "", uuid[i]);
}

static void hex(const uint8_t *bytes, size_t len, char *text)
{
    size_t i;

    for (i = 0; i < len; i++)
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
}

static void add_text(struct json_object *obj, const char *name,
                     const char *text)
{
    json_object_object_add(obj, name, json_object_new_string(text));
}

static void add_number(struct json_object *obj, const char *name, uint64_t n)
{
    json_object_object_add(obj, name, json_object_new_int64((int64_t)n));
}

static struct json_object *pages_json(const struct xk_job *job)
{
    struct json_object *obj = json_object_new_object(), *one;
    unsigned int cls;

    for (cls = XK_CLASS_ZERO; cls < XK_CLASSES; cls++) {
        one = json_object_new_object();
        add_number(one, "found", job->stats.pages[cls]);
        add_number(one, "stored", job->stats.stored[cls]);
        add_number(one, "bytes", job->sealed[cls]);
        json_object_object_add(obj, xk_class_name((enum xk_class)cls), one);
    }
    return obj;
}

static struct json_object *plain_json(uint32_t classes)
{
    struct json_object *list = json_object_new_array();
    unsigned int cls;

    for (cls = 0; cls < XK_CLASSES; cls++)
        if (classes & XK_CLASS_BIT(cls))
            json_object_array_add(list, json_object_new_string(
                                  xk_class_name((enum xk_class)cls)));
    return list;
}

static struct json_object *sealed_json(const struct xk_recipients *r)
{
    struct json_object *list = json_object_new_array(), *one;
    char print[2 * XK_HASH_SIZE + 1];
    unsigned int a;
    size_t i;

    for (a = 0; a < XK_RECIPIENT_AUDIENCES; a++) {
        for (i = 0; i < r->count[a]; i++) {
            if (!r->list[a][i].cert)
                continue;
            one = json_object_new_object();
            hex(r->list[a][i].fingerprint, XK_HASH_SIZE, print);
            add_text(one, "audience", xk_audience_names[a]);
            add_text(one, "name", r->list[a][i].name);
            add_text(one, "fingerprint", print);
            json_object_array_add(list, one);
        }
    }
    return list;
}

static void add_job(struct json_object *obj, const struct xk_record *rec)
{
    const struct xk_job *job = rec->job;
    char id[33] = "";

    hex(job->dump_id, sizeof(job->dump_id), id);
    add_text(obj, "kernel", job->release);
    add_text(obj, "stop", job->stop);
    add_text(obj, "title", job->title);
    add_text(obj, "advice", job->advice);
    add_number(obj, "duration_us", job->duration_us);
    if (job->rc)
        return;
    add_text(obj, "dump", id);
    add_number(obj, "bytes", job->file_bytes);
    json_object_object_add(obj, "pages", pages_json(job));
    json_object_object_add(obj, "plain", plain_json(job->plan.plain));
    json_object_object_add(obj, "sealed_for", sealed_json(rec->recipients));
}

void xk_record_repeat(struct json_object *obj, const struct xk_repeat *r)
{
    add_number(obj, "deaths", r->deaths);
    add_number(obj, "delay_s", r->delay_s);
    json_object_object_add(obj, "held", json_object_new_boolean(r->stop));
}

struct json_object *xk_record_json(const struct xk_record *rec)
{
    struct json_object *obj = json_object_new_object();
    char uuid[37];

    xk_uuid_text(rec->info->uuid, uuid);
    add_number(obj, "version", 1);
    add_text(obj, "id", rec->id);
    add_number(obj, "time", rec->time);
    add_text(obj, "boot", rec->boot);
    add_text(obj, "guest", rec->guest);
    add_text(obj, "uuid", uuid);
    add_number(obj, "domid", rec->info->domid);
    add_text(obj, "type", types[rec->info->type]);
    add_text(obj, "reason", rec->reason ? rec->reason
                                        : xk_reason_name(rec->info));
    add_text(obj, "outcome", rec->outcome);
    add_text(obj, "why", rec->why ? rec->why : "");
    json_object_object_add(obj, "live", json_object_new_boolean(rec->live));
    add_number(obj, "memory_bytes", rec->info->tot_pages * XK_PAGE_SIZE);
    add_text(obj, "action", xk_action_name(rec->action));
    if (!rec->live)
        xk_record_repeat(obj, rec->repeat);
    if (rec->job)
        add_job(obj, rec);
    else
        add_text(obj, "kernel", "");
    return obj;
}
