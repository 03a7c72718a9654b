/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The map of a guest as the control protocol has it. Pure.
 */
#ifndef XK_MEMORYD_MAP_JSON_H
#define XK_MEMORYD_MAP_JSON_H

#include <json-c/json.h>

#include "domain.h"

/* Bytes that "runs" has at most, of the XK_CONTROL_LINE of an answer. */
#define MAP_RUNS_MAX 57344u

/* The result of "map", see xenkeep/control.h. NULL: out of memory. */
struct json_object *map_json(const struct domain *dom,
                             const struct xk_pod *pod);

#endif /* XK_MEMORYD_MAP_JSON_H */
