/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xl-crash verify, export, open, mount, rewrap: crashd is asked where the dump
 * is, xenkeep-dump does the rest. A private key is never given to a daemon.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <xenkeep/log.h>

#include "crash.h"

#define PROGRAM "xenkeep-dump"

static const struct xk_option options[] = {
    { .name = NULL },
};

static const struct xk_command command = {
    .name = "xl-crash",
    .synopsis = "verify|export|open|mount|rewrap ID [option…]",
    .about = "Work on a stored dump; the options are those of "
             PROGRAM "(1).",
    .daemon = "crashd",
    .options = options,
};

/* argv: the verb, the id, and what is for the program. */
static int start(int argc, char **argv, const char *folder)
{
    char **args = calloc((size_t)argc + 4, sizeof(*args));
    char dump[640], host[640];
    int i, n = 0;

    if (!args)
        return XK_EXIT_FAILED;
    snprintf(dump, sizeof(dump), "%s/dump", folder);
    snprintf(host, sizeof(host), "%s/../host.pub", folder);
    args[n++] = (char *)(uintptr_t)PROGRAM;
    args[n++] = argv[0];
    args[n++] = dump;
    args[n++] = (char *)(uintptr_t)"--host";
    args[n++] = host;
    for (i = 2; i < argc; i++)
        args[n++] = argv[i];
    execvp(PROGRAM, args);
    xk_complain(&command, PROGRAM ": %s", strerror(errno));
    free(args);
    return XK_EXIT_FAILED;
}

int crash_file(int argc, char **argv)
{
    struct json_object *record = NULL;
    struct crash_text folder;
    int code;

    if (argc < 2 || argv[1][0] == '-') {
        if (argc == 2 && (!strcmp(argv[1], "--help") ||
                          !strcmp(argv[1], "-h"))) {
            execlp(PROGRAM, PROGRAM, "--help", (char *)NULL);
            return XK_EXIT_FAILED;
        }
        xk_complain(&command, "no dump given: expected xl-crash %s ID",
                    argv[0]);
        return XK_EXIT_USAGE;
    }
    code = crash_record(&command, argv[1], &record);
    if (code)
        return code;
    folder = crash_text_of(record, "folder");
    if (strcmp(crash_text_of(record, "outcome").text, "stored")) {
        xk_complain(&command, "%s: there is no dump: %s",
                    crash_text_of(record, "id").text,
                    crash_text_of(record, "why").text);
        code = XK_EXIT_FAILED;
    }
    json_object_put(record);
    return code ? code : start(argc, argv, folder.text);
}
