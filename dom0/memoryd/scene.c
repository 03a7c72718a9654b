/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading the scene, see scene.h. What a guest says of its balloon narrows
 * its own bounds and nothing else.
 */
#include "scene.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xenkeep/util.h>

#include "operation.h"
#include "xk-keys.h"

#define PAGES_PER_MIB 256u
#define KIB_PER_PAGE 4u

/* The minimum of a guest that nobody gave one: this, or a part of its
 * maximum. */
#define DEFAULT_MIN_PAGES (256u * PAGES_PER_MIB)
#define DEFAULT_MIN_PART 4u

/* No number of a guest is above this: 4 PiB in pages. */
#define SAID_MAX (UINT64_C(1) << 40)

/* Who still wants pages after this long says so again. */
#define WANT_US 3000000u

static uint64_t less(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

void scene_word(const struct domain *dom, struct policy_word *word)
{
    const struct pressure *p = &dom->device.balloon.pressure;

    word->age_ms = p->at_us ? less(xk_now_us(), p->at_us) / 1000 : UINT64_MAX;
    word->available = p->available;
    word->wanted = less(xk_now_us(), dom->balance.wanted_us) < WANT_US
                       ? dom->balance.wanted : 0;
    word->stall_permille = p->stall_permille;
}

static void read_min(const struct rule *rule, const struct actor *a,
                     struct policy_guest *g, const char **from_r)
{
    const struct balloon *b = &a->dom->device.balloon;
    uint64_t floor = g->size - xk_min_u64(g->size, less(b->limit,
                                                        b->ballooned));

    if (rule && rule->min_kib) {
        g->min = rule->min_kib / KIB_PER_PAGE;
        *from_r = "configuration";
    } else {
        g->min = xk_max_u64(DEFAULT_MIN_PAGES, g->max / DEFAULT_MIN_PART);
        g->min = xk_min_u64(g->min, g->max);
        *from_r = "default";
    }
    if (g->connected && floor > g->min) {
        g->min = floor;
        *from_r = "guest";
    }
}

static void read_max(const struct rule *rule, struct actor *a,
                     struct policy_guest *g)
{
    uint64_t kib;

    g->max = domain_static_max_kib(a->dom, &kib) ? g->size
                                                 : kib / KIB_PER_PAGE;
    a->from.max = "maximum";
    if (rule && rule->max_kib && rule->max_kib / KIB_PER_PAGE < g->max) {
        g->max = rule->max_kib / KIB_PER_PAGE;
        a->from.max = "configuration";
    }
}

/* Only what its balloon holds can come back. */
static void narrow_max(struct actor *a, struct policy_guest *g)
{
    const struct balloon *b = &a->dom->device.balloon;
    uint64_t most = g->size + xk_min_u64(b->ballooned, SAID_MAX);

    if (g->connected && most < g->max) {
        g->max = most;
        a->from.max = "balloon";
    }
}

static void read_pace(const struct rule *rule, struct actor *a,
                      struct policy_guest *g)
{
    uint32_t interval_ms = a->dom->md->settings.balance_interval_ms;
    bool given = rule && rule->pace_kib;

    a->pace = (given ? rule->pace_kib : RULE_PACE_KIB) / KIB_PER_PAGE;
    a->from.pace = given ? "configuration" : "default";
    a->limit = xk_max_u64(a->pace * interval_ms / 1000, POLICY_UNIT);
    g->step = a->dom->balance.step ? xk_min_u64(a->dom->balance.step, a->limit)
                                   : a->limit;
    given = rule && rule->weight;
    g->weight = given ? (uint32_t)rule->weight : RULE_WEIGHT;
    a->from.weight = given ? "configuration" : "default";
}

/* May its balloon be moved at all? A migration counts on its memory. */
static bool can_move(struct domain *dom)
{
    return dom->device.state == DEVICE_CONNECTED &&
           dom->device.balloon.known && !domain_refuses(dom) &&
           !domain_migrating(dom, DOMAIN_RAM_GFN);
}

static void read_guest(struct domain *dom, struct actor *a,
                       struct policy_guest *g)
{
    const struct rule *rule;

    a->dom = dom;
    (void)domain_refresh(dom);
    rule = settings_rule(&dom->md->settings, dom->name);
    g->connected = can_move(dom);
    g->size = less(domain_size(dom), domain_beside(dom));
    g->busy = domain_busy(dom) || dom->guard.watching ||
              dom->device.balloon.phase != BALLOON_IDLE ||
              xk_now_us() < dom->balance.next_us;
    if (dom->op)
        operation_due(dom->op, &g->taking, &g->giving);
    read_max(rule, a, g);
    read_min(rule, a, g, &a->from.min);
    narrow_max(a, g);
    read_pace(rule, a, g);
    scene_word(dom, &g->word);
}

/* xenopsd writes these bounds for squeezed; xl's toolstack has none. */
static bool has_dynamic_max(struct domain *dom)
{
    char path[XK_XS_PATH_MAX];

    snprintf(path, sizeof(path), XK_PATH_MEMORY_DYNAMIC_MAX, dom->info.domid);
    return xk_xs_exists(dom->md->xs, path);
}

static const char *foreign(struct memoryd *md)
{
    static const char who[] = "xapi's squeezed moves the guests' memory here: "
                              "the balancer does not";
    struct domain *dom;

    if (xk_xs_exists(md->xs, XK_PATH_SQUEEZED))
        return who;
    for (dom = md->domains; dom; dom = dom->next)
        if (has_dynamic_max(dom))
            return who;
    return NULL;
}

static int scene_alloc(struct memoryd *md, struct scene *s)
{
    struct domain *dom;
    size_t room;

    for (dom = md->domains; dom; dom = dom->next)
        s->count++;
    room = s->count + 1;
    s->guests = calloc(room, sizeof(*s->guests));
    s->verdicts = calloc(room, sizeof(*s->verdicts));
    s->actors = calloc(room, sizeof(*s->actors));
    return s->guests && s->verdicts && s->actors ? 0 : -ENOMEM;
}

int scene_take(struct memoryd *md, struct scene *s)
{
    struct xk_host host;
    struct domain *dom;
    size_t i = 0;
    int rc;

    memset(s, 0, sizeof(*s));
    rc = scene_alloc(md, s);
    if (rc)
        return rc;
    s->foreign = foreign(md);
    for (dom = md->domains; dom; dom = dom->next, i++)
        read_guest(dom, &s->actors[i], &s->guests[i]);
    /* Last: what a guest took meanwhile is not free any more. */
    rc = xk_hv_host(md->hv, &host);
    if (rc)
        return rc;
    s->host.free = host.free_pages;
    s->host.reserve = (uint64_t)md->settings.host_reserve_mib * PAGES_PER_MIB;
    policy_plan(&s->host, s->guests, s->count, s->verdicts);
    return 0;
}

void scene_dispose(struct scene *s)
{
    free(s->guests);
    free(s->verdicts);
    free(s->actors);
    memset(s, 0, sizeof(*s));
}

/* ---- as JSON ---- */

static void add_number(struct json_object *obj, const char *key, uint64_t n)
{
    json_object_object_add(obj, key, json_object_new_int64(
        (int64_t)xk_min_u64(n, UINT64_C(1) << 50)));
}

static void add_kib(struct json_object *obj, const char *key, uint64_t pages)
{
    add_number(obj, key, xk_min_u64(pages, SAID_MAX) * KIB_PER_PAGE);
}

static void add_text(struct json_object *obj, const char *key, const char *s)
{
    json_object_object_add(obj, key, json_object_new_string(s));
}

static struct json_object *new_guest(const struct actor *a,
                                     const struct policy_guest *g)
{
    struct json_object *obj = json_object_new_object();

    add_number(obj, "domid", a->dom->info.domid);
    add_text(obj, "name", a->dom->name);
    add_kib(obj, "size_kib", g->size);
    return obj;
}

static struct json_object *verdict_json(const struct scene *s, size_t i)
{
    const struct policy_guest *g = &s->guests[i];
    const struct policy_verdict *v = &s->verdicts[i];
    struct json_object *obj = new_guest(&s->actors[i], g);
    bool said = g->word.age_ms != UINT64_MAX;

    add_kib(obj, "target_kib", v->target);
    add_text(obj, "reason", policy_reason_names[v->reason]);
    json_object_object_add(obj, "word_age_ms", said
        ? json_object_new_int64((int64_t)xk_min_u64(g->word.age_ms, INT64_MAX))
        : NULL);
    add_kib(obj, "available_kib", g->word.available);
    add_kib(obj, "wanted_kib", g->word.wanted);
    add_number(obj, "stall_permille", g->word.stall_permille);
    add_kib(obj, "overcommitted_kib", s->actors[i].dom->overcommit.given);
    return obj;
}

static struct json_object *bounds_json(const struct scene *s, size_t i)
{
    const struct policy_guest *g = &s->guests[i];
    const struct actor *a = &s->actors[i];
    struct json_object *obj = new_guest(a, g);

    add_kib(obj, "min_kib", g->min);
    add_text(obj, "min_from", a->from.min);
    add_kib(obj, "max_kib", g->max);
    add_text(obj, "max_from", a->from.max);
    add_number(obj, "weight", g->weight);
    add_text(obj, "weight_from", a->from.weight);
    add_kib(obj, "pace_kib", a->pace);
    add_text(obj, "pace_from", a->from.pace);
    add_kib(obj, "overcommit_kib", overcommit_budget(a->dom));
    return obj;
}

static struct json_object *scene_json(const struct memoryd *md,
                                      const struct scene *s,
                                      const struct domain *one,
                                      struct json_object *(*fn)(
                                          const struct scene *s, size_t i))
{
    struct json_object *obj = json_object_new_object();
    struct json_object *list = json_object_new_array();
    size_t i;

    json_object_object_add(obj, "balancer", json_object_new_boolean(
                               md->settings.balancer && !s->foreign));
    add_text(obj, "note", s->foreign ? s->foreign : "");
    add_number(obj, "interval_ms", md->settings.balance_interval_ms);
    add_kib(obj, "host_free_kib", s->host.free);
    add_kib(obj, "host_reserve_kib", s->host.reserve);
    for (i = 0; i < s->count; i++)
        if (!one || s->actors[i].dom == one)
            json_object_array_add(list, fn(s, i));
    json_object_object_add(obj, "domains", list);
    return obj;
}

struct json_object *scene_plan(const struct memoryd *md,
                               const struct scene *scene,
                               const struct domain *one)
{
    return scene_json(md, scene, one, verdict_json);
}

struct json_object *scene_policy(const struct memoryd *md,
                                 const struct scene *scene,
                                 const struct domain *one)
{
    return scene_json(md, scene, one, bounds_json);
}
