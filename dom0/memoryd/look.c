/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Looks, see look.h.
 */
#include "look.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <xenkeep/control.h>
#include <xenkeep/log.h>
#include <xenkeep/proto/balloon.h>
#include <xenkeep/util.h>

#include "domain.h"
#include "map_json.h"

/* A look yields to the loop after this, microseconds. */
#define SLICE_US 3000u

/* A page that every guest has, and one that is a hole below the first MiB of
 * those with a display: then the first range is not one mapping. */
#define FIRST_RAM ((xk_gfn_t)0x100)
#define DISPLAY_GFN ((xk_gfn_t)0xa0)

/* Since this version a restore populates 2 MiB at a time where it can. */
#define RESTORES_WHOLE XK_HV_VERSION(4, 21)

struct look {
    struct domain *dom;
    struct xk_ctl_call *call;
    struct event *timer;
    size_t cursor;              /* the next range */
    struct look *next;
};

/* --- the layout of the RAM, and how it began ----------------------------- */

static bool is_ram(struct domain *dom, xk_gfn_t gfn)
{
    enum xk_gfn_type type;

    return !xk_hv_gfn_type(dom->md->hv, dom->info.domid, gfn, &type) &&
           (type == XK_GFN_RAM || type == XK_GFN_RAM_RO);
}

/* The first page that is none in [from, end), of a guest that has not run:
 * its RAM has no gaps. */
static xk_gfn_t end_of_ram(struct domain *dom, xk_gfn_t from, xk_gfn_t end)
{
    if (from >= end || !is_ram(dom, from))
        return from;
    while (from + 1 < end) {
        xk_gfn_t middle = from + (end - from) / 2;

        if (is_ram(dom, middle))
            from = middle;
        else
            end = middle;
    }
    return end;
}

/* By what the toolstack says it can have. */
static int shape_by_size(struct domain *dom)
{
    uint64_t ram = domain_ram_pages(dom), video_kib;
    xk_gfn_t low;

    if (!domain_video_kib(dom, &video_kib))
        ram -= xk_min_u64(ram, video_kib / 4);
    low = xk_min_u64(ram, MAP_LOW_END);
    return map_shape(dom, low, MAP_HIGH + (ram - low));
}

static int shape_by_sight(struct domain *dom)
{
    uint64_t ram = domain_ram_pages(dom);
    xk_gfn_t low = end_of_ram(dom, FIRST_RAM, xk_min_u64(ram, MAP_LOW_END));

    if (low == FIRST_RAM)
        return shape_by_size(dom);
    return map_shape(dom, low, end_of_ram(dom, MAP_HIGH,
                                          MAP_HIGH + (ram - low)));
}

/*
 * libxl builds with mappings of 1 GiB and 2 MiB. With less memory than the
 * maximum it makes entries, and fills some; which, only a probe would tell.
 */
static int born(struct domain *dom)
{
    struct xk_pod pod;
    int rc;

    rc = xk_hv_pod(dom->md->hv, dom->info.domid, &pod);
    if (!rc)
        rc = shape_by_sight(dom);
    if (rc || pod.entries)
        return rc;
    map_note_ram(dom, MAP_INTACT);
    if (!is_ram(dom, DISPLAY_GFN))
        map_note(dom, 0, 1, MAP_SHATTERED);
    return 0;
}

/* A restore fills one page after the other; what the guest had given away is
 * found by the next look. */
static int came_back(struct domain *dom)
{
    int rc = shape_by_size(dom), version = xk_hv_version(dom->md->hv);

    if (!rc && version >= 0 && version < RESTORES_WHOLE)
        map_note_ram(dom, MAP_SHATTERED);
    return rc;
}

static void decide(struct domain *dom, enum map_origin origin)
{
    dom->map.origin = origin;
    xk_debug("%s: origin: %s", dom->name, map_origin_names[origin]);
}

void look_origin(struct domain *dom)
{
    bool fresh;

    if (dom->map.origin != MAP_ORIGIN_UNDECIDED ||
        xk_hv_dominfo(dom->md->hv, dom->info.domid, &dom->info))
        return;
    if (dom->info.type == XK_GUEST_PV || dom->info.ran) {
        if (dom->info.type != XK_GUEST_PV)
            (void)shape_by_size(dom);
        decide(dom, MAP_ORIGIN_UNKNOWN);
        return;
    }
    /* One that is being made has no vcpu yet; there will be another event. */
    if (xk_hv_vcpu_fresh(dom->md->hv, dom->info.domid, &fresh))
        return;
    if (!(fresh ? born : came_back)(dom))
        decide(dom, fresh ? MAP_ORIGIN_BUILT : MAP_ORIGIN_RESTORED);
}

/* --- one look ------------------------------------------------------------ */

static void look_free(struct look *look)
{
    struct look **at;

    for (at = &look->dom->looks; *at; at = &(*at)->next) {
        if (*at == look) {
            *at = look->next;
            break;
        }
    }
    if (look->timer)
        event_free(look->timer);
    free(look);
}

static void fail(struct look *look, int code, const char *why)
{
    xk_ctl_fail(look->call, code, "%s: cannot look: %s", look->dom->name,
                why);
    look_free(look);
}

/* First, middle and last page of a range. */
static int look_at(struct domain *dom, xk_gfn_t gfn)
{
    static const unsigned int at[] = { 0, XK_SUPER_PAGES / 2,
                                       XK_SUPER_PAGES - 1 };
    unsigned int ram = 0, ro = 0;
    enum xk_gfn_type type;
    size_t i;
    int rc;

    for (i = 0; i < XK_ARRAY_SIZE(at); i++) {
        rc = xk_hv_gfn_type(dom->md->hv, dom->info.domid, gfn + at[i], &type);
        if (rc)
            return rc;
        ram += type == XK_GFN_RAM || type == XK_GFN_RAM_RO;
        ro += type == XK_GFN_RAM_RO;
    }
    map_saw(dom, gfn, !ram                        ? MAP_SAW_NOTHING
                      : ram < XK_ARRAY_SIZE(at) ? MAP_SAW_PART
                      : ro                        ? MAP_SAW_RAM_RO
                                                  : MAP_SAW_RAM);
    return 0;
}

static int slice(struct look *look, uint64_t *wait_us)
{
    uint64_t start = xk_now_us(), spent = 0;
    struct domain *dom = look->dom;
    int rc;

    for (; look->cursor < dom->map.count && spent < SLICE_US;
         look->cursor++) {
        xk_gfn_t gfn = (xk_gfn_t)look->cursor * XK_SUPER_PAGES;

        if (map_is_ram(dom, gfn)) {
            rc = look_at(dom, gfn);
            if (rc)
                return rc;
            spent = xk_now_us() - start;
        }
    }
    *wait_us = spent * 100u / dom->md->settings.scan_share_percent - spent;
    return 0;
}

static void finish(struct look *look)
{
    struct domain *dom = look->dom;
    struct json_object *obj;
    struct xk_pod pod;

    if (xk_hv_pod(dom->md->hv, dom->info.domid, &pod)) {
        fail(look, XK_RPC_FAILED, "it is gone");
        return;
    }
    /* Without entries all that was one has been filled, or given away. */
    if (!pod.entries)
        map_doubt(dom, MAP_POD);
    obj = map_json(dom, &pod);
    if (!obj) {
        fail(look, XK_RPC_FAILED, "out of memory");
        return;
    }
    xk_ctl_reply(look->call, obj);
    look_free(look);
}

static void again(struct look *look, uint64_t wait_us)
{
    struct timeval tv = { .tv_sec = (time_t)(wait_us / 1000000),
                          .tv_usec = (suseconds_t)(wait_us % 1000000) };

    (void)evtimer_add(look->timer, &tv);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct look *look = arg;
    uint64_t wait_us = 0;
    int rc;

    (void)fd, (void)what;
    rc = slice(look, &wait_us);
    if (rc) {
        fail(look, XK_RPC_FAILED, rc == -ESRCH ? "it is gone"
                                               : strerror(-rc));
    } else if (look->cursor < look->dom->map.count) {
        xk_ctl_progress(look->call, "look",
                        (uint64_t)look->cursor * XK_SUPER_PAGES,
                        (uint64_t)look->dom->map.count * XK_SUPER_PAGES);
        again(look, wait_us);
    } else {
        finish(look);
    }
}

static void on_gone(void *arg)
{
    fail(arg, XK_RPC_FAILED, "the command went away");
}

/* Why its memory cannot be looked at; NULL: it can. */
static const char *cannot_look(struct domain *dom)
{
    if (domain_refresh(dom))
        return "it is gone";
    if (dom->info.type == XK_GUEST_PV)
        return "it is a PV guest, which maps its memory itself";
    if (dom->info.dying)
        return "it is being destroyed";
    return NULL;
}

void look_start(struct domain *dom, struct xk_ctl_call *call)
{
    const char *why = cannot_look(dom);
    struct look *look;

    if (why) {
        xk_ctl_fail(call, XK_RPC_REFUSED, "%s: cannot look: %s", dom->name,
                    why);
        return;
    }
    look_origin(dom);
    look = calloc(1, sizeof(*look));
    if (!look) {
        xk_ctl_fail(call, XK_RPC_FAILED, "out of memory");
        return;
    }
    *look = (struct look){ .dom = dom, .call = call, .next = dom->looks };
    dom->looks = look;
    look->timer = evtimer_new(dom->md->loop.base, on_timer, look);
    /* Its maximum may have changed; of a guest seen in the making the end of
     * the RAM was. */
    if (!look->timer ||
        (dom->map.origin != MAP_ORIGIN_BUILT && shape_by_size(dom))) {
        fail(look, XK_RPC_FAILED, "out of memory");
        return;
    }
    xk_ctl_on_gone(call, on_gone, look);
    again(look, 0);
}

void look_forget(struct domain *dom)
{
    while (dom->looks)
        fail(dom->looks, XK_RPC_FAILED, "it is gone, or memoryd ends");
}
