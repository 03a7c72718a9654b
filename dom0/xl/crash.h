/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The verbs of xl-crash. Each is a command of its own (command.h) and returns
 * the exit code.
 */
#ifndef XK_XL_CRASH_H
#define XK_XL_CRASH_H

#include <stdint.h>

#include "command.h"

int crash_list(int argc, char **argv);
int crash_show(int argc, char **argv);
int crash_dump(int argc, char **argv);
int crash_delete(int argc, char **argv);
int crash_keys(int argc, char **argv);

/* verify, export, open, mount, rewrap: by xenkeep-dump on the dump's file.
 * argv[0] is the verb. */
int crash_file(int argc, char **argv);

/* The record of the dump that `word` names, and "folder"; the caller puts it.
 * An exit code, having complained if it is not 0. */
int crash_record(const struct xk_command *cmd, const char *word,
                 struct json_object **record_r);

/* A line for each verb, for --help. */
void crash_verbs_help(void);

/* A text of a record for the terminal, "" when it is not there. */
struct crash_text {
    char text[512];
};
struct crash_text crash_text_of(struct json_object *obj, const char *name);
uint64_t crash_number_of(struct json_object *obj, const char *name);
/* Seconds since 1970 as local time. */
struct crash_text crash_time(uint64_t seconds);

#endif /* XK_XL_CRASH_H */
