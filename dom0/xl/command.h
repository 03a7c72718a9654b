/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What every xl-<verb> has in common: its options (one table from which both
 * the parser and --help are made), its request to a daemon, its exit code.
 */
#ifndef XK_XL_COMMAND_H
#define XK_XL_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include <json-c/json.h>

#define XK_EXIT_DONE   0
#define XK_EXIT_FAILED 1        /* failed, or refused */
#define XK_EXIT_USAGE  2        /* the request cannot be meant */

/* Goes on: what xk_command_parse returns when there is work to do. */
#define XK_GO_ON (-1)

/* Room for the line that says why something failed. */
#define XK_WHY_MAX 768

struct xk_command;

/* An option of one command; the common ones are added to them. */
struct xk_option {
    const char *name;           /* long name, without the dashes */
    const char *arg;            /* what --help calls its value; NULL: none */
    const char *help;
    /* Takes the value; false when it complained and the command is to end. */
    bool (*set)(const struct xk_command *cmd, void *own, const char *value);
};

struct xk_command {
    const char *name;           /* "xl-sweep", "xl-memory map" */
    const char *page;           /* manual page; NULL: the name */
    const char *synopsis;       /* what follows the name in the usage line */
    const char *about;          /* a sentence or two */
    void (*more)(void);         /* prints more of --help, or NULL */
    const char *daemon;         /* "memoryd" */
    bool needs_domain;
    const char *operand;        /* what comes after the domain; NULL: nothing */
    const struct xk_option *options;    /* ends with a NULL name */
};

/* What the common options and the operand said. */
struct xk_common {
    const char *domain;         /* name or id, checked; NULL: not given */
    const char *operand;        /* not checked; only where there is one */
    bool json;
};

/* One line on standard error, behind the command's name. */
void xk_complain(const struct xk_command *cmd, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* XK_GO_ON, or the code to leave with (--help, --version, bad usage). */
int xk_command_parse(const struct xk_command *cmd, int argc, char **argv,
                     struct xk_common *common, void *own);

/*
 * Ask the daemon, with a progress bar. Takes `params` over; the caller puts
 * the result. Returns an exit code, having complained if it is not 0.
 */
int xk_command_call(const struct xk_command *cmd, const char *method,
                    struct json_object *params,
                    struct json_object **result_r);

/*
 * The same without a word, for what redraws: `why` takes the line to complain
 * with. 0, or -errno of xk_client_call (client.h); -EINTR: a signal came that
 * ends the command, and it is still pending.
 */
int xk_command_try(const struct xk_command *cmd, const char *method,
                   struct json_object *params, char *why, size_t size,
                   struct json_object **result_r);

/* The exit code that follows from such an error. */
int xk_command_code(int rc);

/* The result as one line of JSON. */
void xk_command_json(struct json_object *result);

/* The answer lacks `field`: complain, and the exit code for it. */
int xk_command_lacks(const struct xk_command *cmd, const char *field);

/* The code to leave with, once everything has reached standard output. */
int xk_command_finish(const struct xk_command *cmd, int exit_code);

#endif /* XK_XL_COMMAND_H */
