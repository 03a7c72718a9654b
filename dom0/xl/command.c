/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What every xl-<verb> has in common. Bad input gets one line that names what
 * was wrong and what would be right; nothing from outside is printed
 * unescaped.
 */
#include "command.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xenkeep/log.h>

#include "client.h"
#include "progress.h"

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

/* Options of one command, the common ones included. */
#define OPTIONS_MAX 20

/* DOMAIN_NAME of xenstore-schema/nodes.schema. */
#define NAME_MAX_BYTES 256

/* What getopt_long returns for the common options; the others come after. */
enum { OPT_HELP = 'h', OPT_VERSION = 256, OPT_JSON, OPT_OWN };

static const struct {
    const char *name;
    const char *help;
    int value;
} common_options[] = {
    { "json",    "print the result as one line of JSON", OPT_JSON },
    { "help",    "show this text (also -h)",             OPT_HELP },
    { "version", "show the version",                     OPT_VERSION },
};

#define COMMON_OPTIONS (sizeof(common_options) / sizeof(common_options[0]))

void xk_complain(const struct xk_command *cmd, const char *fmt, ...)
{
    va_list args;

    fprintf(stderr, "%s: ", cmd->name);
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
}

static void help_line(const char *name, const char *arg, const char *help)
{
    int used;

    used = printf("  --%s%s%s", name, arg ? " " : "", arg ? arg : "");
    printf("%*s%s\n", used < 18 ? 18 - used : 1, "", help);
}

static void command_help(const struct xk_command *cmd)
{
    const struct xk_option *o;
    size_t i;

    printf("Usage: %s %s\n\n%s\n\n", cmd->name, cmd->synopsis, cmd->about);
    for (o = cmd->options; o->name; o++)
        help_line(o->name, o->arg, o->help);
    for (i = 0; i < COMMON_OPTIONS; i++)
        help_line(common_options[i].name, NULL, common_options[i].help);
    if (cmd->more)
        cmd->more();
    printf("\nExit code: 0 done, 1 failed or refused, 2 bad usage."
           "\nSee %s(1).\n", cmd->page ? cmd->page : cmd->name);
}

static void command_options(const struct xk_command *cmd, struct option *list)
{
    const struct xk_option *o;
    size_t n = 0, i;

    for (o = cmd->options; o->name && n < OPTIONS_MAX - COMMON_OPTIONS; o++) {
        list[n++] = (struct option){
            .name = o->name,
            .has_arg = o->arg ? required_argument : no_argument,
            .val = OPT_OWN + (int)(o - cmd->options),
        };
    }
    for (i = 0; i < COMMON_OPTIONS; i++) {
        list[n++] = (struct option){
            .name = common_options[i].name,
            .val = common_options[i].value,
        };
    }
    list[n] = (struct option){ .name = NULL };
}

/* getopt_long stopped at argv[at]: say why. */
static int command_bad_option(const struct xk_command *cmd, int opt, char *at)
{
    char safe[96], letter[] = { '-', (char)optopt, '\0' };
    bool is_long = !strncmp(at, "--", 2);

    xk_log_safe(safe, sizeof(safe), is_long || !optopt ? at : letter);
    if (opt == ':')
        xk_complain(cmd, "option \"%s\" needs a value: see %s --help", safe,
                    cmd->name);
    else if (is_long && optopt)
        xk_complain(cmd, "option \"%s\" takes no value: see %s --help", safe,
                    cmd->name);
    else
        xk_complain(cmd, "unknown option \"%s\": see %s --help", safe,
                    cmd->name);
    return XK_EXIT_USAGE;
}

static int command_option(const struct xk_command *cmd, int opt,
                          struct xk_common *common, void *own)
{
    if (opt >= OPT_OWN) {
        return cmd->options[opt - OPT_OWN].set(cmd, own, optarg)
               ? XK_GO_ON : XK_EXIT_USAGE;
    }
    if (opt == OPT_JSON) {
        common->json = true;
        return XK_GO_ON;
    }
    if (opt == OPT_HELP)
        command_help(cmd);
    else
        printf("%s (xenkeep) %s\n", cmd->name, PACKAGE_VERSION);
    return XK_EXIT_DONE;
}

static bool domain_ok(const char *s)
{
    size_t len = strlen(s), i;

    if (!len || len > NAME_MAX_BYTES)
        return false;
    for (i = 0; i < len; i++) {
        if (s[i] < 0x20 || s[i] > 0x7e)
            return false;
    }
    return true;
}

static int command_operands(const struct xk_command *cmd, int count,
                            char **operands, struct xk_common *common)
{
    int max = cmd->operand ? 2 : 1;
    char safe[96];

    if (!count && cmd->needs_domain) {
        xk_complain(cmd, "no domain given: expected %s %s", cmd->name,
                    cmd->synopsis);
        return XK_EXIT_USAGE;
    }
    if (count > max) {
        xk_complain(cmd, "unexpected \"%s\": expected one %s",
                    xk_log_safe(safe, sizeof(safe), operands[max]),
                    cmd->operand ? cmd->operand : "domain");
        return XK_EXIT_USAGE;
    }
    if (cmd->operand && count < max) {
        xk_complain(cmd, "no %s given: expected %s %s", cmd->operand,
                    cmd->name, cmd->synopsis);
        return XK_EXIT_USAGE;
    }
    if (count && !domain_ok(operands[0])) {
        xk_complain(cmd, "domain \"%s\": expected a name of printable ASCII "
                    "or an id", xk_log_safe(safe, sizeof(safe), operands[0]));
        return XK_EXIT_USAGE;
    }
    common->domain = count ? operands[0] : NULL;
    common->operand = count > 1 ? operands[1] : NULL;
    return XK_GO_ON;
}

int xk_command_parse(const struct xk_command *cmd, int argc, char **argv,
                     struct xk_common *common, void *own)
{
    struct option list[OPTIONS_MAX + 1];
    int opt, rc;

    command_options(cmd, list);
    opterr = 0;
    while ((opt = getopt_long(argc, argv, ":h", list, NULL)) != -1) {
        if (opt == '?' || opt == ':')
            return command_bad_option(cmd, opt, argv[optind - 1]);
        rc = command_option(cmd, opt, common, own);
        if (rc != XK_GO_ON)
            return rc;
    }
    return command_operands(cmd, argc - optind, argv + optind, common);
}

static int command_ask(const struct xk_command *cmd, const char *method,
                       struct json_object *params,
                       struct xk_progress *progress, char *why, size_t size,
                       struct json_object **result_r)
{
    struct xk_client client;
    int rc;

    xk_client_init(&client, cmd->daemon);
    rc = xk_client_open(&client);
    if (rc)
        json_object_put(params);
    else
        rc = xk_client_call(&client, method, params,
                            progress ? xk_progress_show : NULL, progress,
                            result_r);
    if (rc)
        snprintf(why, size, "%s", client.why);
    xk_client_dispose(&client);
    return rc;
}

int xk_command_call(const struct xk_command *cmd, const char *method,
                    struct json_object *params, struct json_object **result_r)
{
    struct xk_progress progress;
    char why[XK_WHY_MAX];
    int rc;

    xk_progress_init(&progress);
    rc = command_ask(cmd, method, params, &progress, why, sizeof(why),
                     result_r);
    xk_progress_end(&progress);
    if (rc)
        xk_complain(cmd, "%s", why);
    return xk_command_code(rc);
}

int xk_command_try(const struct xk_command *cmd, const char *method,
                   struct json_object *params, char *why, size_t size,
                   struct json_object **result_r)
{
    return command_ask(cmd, method, params, NULL, why, size, result_r);
}

int xk_command_code(int rc)
{
    if (!rc)
        return XK_EXIT_DONE;
    return rc == -EINVAL ? XK_EXIT_USAGE : XK_EXIT_FAILED;
}

void xk_command_json(struct json_object *result)
{
    puts(json_object_to_json_string_ext(result, JSON_C_TO_STRING_PLAIN));
}

int xk_command_lacks(const struct xk_command *cmd, const char *field)
{
    xk_complain(cmd, "the answer of xenkeep-%s has no sound \"%s\"; "
                "is it of this version?", cmd->daemon, field);
    return XK_EXIT_FAILED;
}

int xk_command_finish(const struct xk_command *cmd, int exit_code)
{
    int r;

    errno = 0;
    r = fflush(stdout);
    if (!r && !ferror(stdout))
        return exit_code;
    xk_complain(cmd, "cannot write to standard output: %s",
                errno ? strerror(errno) : "an earlier write failed");
    return exit_code ? exit_code : XK_EXIT_FAILED;
}
