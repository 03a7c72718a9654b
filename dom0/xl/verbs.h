/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The verbs of a command: "xl-memory map" is the verb map of xl-memory. Tables
 * of them end with a NULL name.
 */
#ifndef XK_XL_VERBS_H
#define XK_XL_VERBS_H

#include <json-c/json.h>

#include "command.h"
#include "table.h"

struct xk_verb {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
};

/* The rest of a command's --help. */
void xk_verbs_help(const struct xk_verb *verbs);

/* What main() does: the verb that argv[1] names, or `otherwise`. */
int xk_verbs_run(const struct xk_verb *verbs,
                 int (*otherwise)(int argc, char **argv), int argc,
                 char **argv);

/* Parse, ask, print: what verbs without options of their own do. */
int xk_verb_ask(const struct xk_command *cmd, const char *method,
                int (*show)(struct json_object *result), int argc,
                char **argv);

/* Prints it, or complains; the exit code. */
int xk_verb_table(const struct xk_command *cmd, const struct xk_table *table);

#endif /* XK_XL_VERBS_H */
