/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The host and its guests as the policy sees them: read from Xen, xenstore,
 * the configuration and what the guests said, in one place.
 */
#ifndef XK_MEMORYD_SCENE_H
#define XK_MEMORYD_SCENE_H

#include <json-c/json.h>

#include "domain.h"
#include "policy.h"

/* Where a value of a guest comes from: "default", "configuration", ... */
struct origin {
    const char *min, *max, *weight, *pace;
};

struct actor {
    struct domain *dom;
    struct origin from;
    uint64_t pace;              /* pages a second */
    uint64_t limit;             /* its step, if it keeps up */
};

struct scene {
    struct policy_host host;
    size_t count;
    struct policy_guest *guests;
    struct policy_verdict *verdicts;
    struct actor *actors;
    const char *foreign;        /* who else moves memory; NULL: nobody */
};

/* Reads all and plans. -ENOMEM, or what Xen said. */
int scene_take(struct memoryd *md, struct scene *scene);
void scene_dispose(struct scene *scene);

/* What a guest said, as the policy takes it. */
void scene_word(const struct domain *dom, struct policy_word *word);

/* control.h: the results of "plan" and "policy"; one: NULL for all. */
struct json_object *scene_plan(const struct memoryd *md,
                               const struct scene *scene,
                               const struct domain *one);
struct json_object *scene_policy(const struct memoryd *md,
                                 const struct scene *scene,
                                 const struct domain *one);

#endif /* XK_MEMORYD_SCENE_H */
