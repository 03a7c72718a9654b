/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What becomes of the dead, see corpse.h.
 */
#include "corpse.h"

#include <stdlib.h>
#include <string.h>

#include <xenkeep/log.h>

#include "errand.h"
#include "fault.h"
#include "fifo.h"
#include "store.h"

enum xk_action xk_corpse_action(const struct xk_guest *g)
{
    const struct xk_rule *rule = xk_policy_rule(&g->cd->policy, g->name);

    return rule && rule->has_action ? rule->action : g->cd->policy.action;
}

struct xk_record xk_corpse_record(const struct xk_guest *g, const char *id,
                                  const char *outcome, const char *why)
{
    return (struct xk_record){
        .id = id, .guest = g->name, .boot = g->cd->boot, .info = &g->info,
        .time = g->died, .outcome = outcome, .why = why,
        .action = xk_corpse_action(g), .job = g->job,
        .recipients = &g->cd->recipients,
    };
}

/* Into the store; the record stays the caller's. */
int xk_corpse_keep(struct xk_guest *g, const char *id,
                struct json_object *record)
{
    const char *store = g->cd->policy.store;
    int rc;

    rc = xk_store_write_record(store, id, true, record);
    xk_fault("dump-recorded");
    if (!rc)
        rc = xk_store_commit(store, id);
    xk_fault("dump-committed");
    if (rc)
        xk_err("%s: its record cannot be stored: %s", g->name,
               strerror(-rc));
    return rc;
}

void xk_corpse_settle(struct xk_guest *g)
{
    enum xk_action action = xk_corpse_action(g);
    struct xk_dominfo now;

    g->state = XK_GUEST_SETTLED;
    xk_fault("guest-settled");
    xk_fifo_release(g);
    if (g->xl_dumps) {
        xk_info("%s: let go: xl goes on as its on_crash says", g->name);
        return;
    }
    if (action == XK_ACTION_PRESERVE ||
        xk_hv_dominfo(g->cd->hv, g->info.domid, &now) || now.dying ||
        !now.shutdown)
        return;
    g->info = now;              /* xl may have given it another uuid */
    xk_errand(g, action == XK_ACTION_RESTART ? XK_ACTOR_RESTART
                                        : XK_ACTOR_DESTROY);
}

/* A death without a dump. */
void xk_corpse_skip(struct xk_guest *g, const char *outcome, const char *why)
{
    struct xk_record rec;
    struct json_object *record;
    char id[XK_STORE_ID_SIZE];
    int rc;

    xk_store_id((time_t)g->died, id);
    rec = xk_corpse_record(g, id, outcome, why);
    record = xk_record_json(&rec);
    rc = xk_store_begin(g->cd->policy.store, id);
    if (!rc)
        rc = xk_corpse_keep(g, id, record);
    else
        xk_err("%s: no record: %s", g->name, strerror(-rc));
    json_object_put(record);
    g->cd->totals.skipped += !strcmp(outcome, "skipped");
    g->cd->totals.failed += !strcmp(outcome, "failed");
    xk_info("%s (domain %u) died, %s: no dump: %s", g->name, g->info.domid,
            xk_reason_name(&g->info), why);
    xk_corpse_settle(g);
}

/* Stored or skipped already, by a crashd that was stopped since. */
bool xk_corpse_known(struct xk_guest *g)
{
    struct json_object *record, *boot, *uuid, *domid, *live;
    char (*ids)[XK_STORE_ID_SIZE], text[37];
    size_t i, ids_count;
    bool found = false;

    if (xk_store_list(g->cd->policy.store, false, &ids, &ids_count))
        return false;
    xk_uuid_text(g->info.uuid, text);
    for (i = 0; !found && i < ids_count; i++) {
        if (xk_store_read_record(g->cd->policy.store, ids[i], &record))
            continue;
        found = json_object_object_get_ex(record, "boot", &boot) &&
                json_object_object_get_ex(record, "uuid", &uuid) &&
                json_object_object_get_ex(record, "domid", &domid) &&
                json_object_object_get_ex(record, "live", &live) &&
                !json_object_get_boolean(live) &&
                json_object_get_int(domid) == g->info.domid &&
                !strcmp(json_object_get_string(uuid), text) &&
                !strcmp(json_object_get_string(boot), g->cd->boot);
        json_object_put(record);
    }
    free(ids);
    return found;
}
