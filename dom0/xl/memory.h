/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The verbs of xl-memory. Each is a command of its own (command.h), in a file
 * of its own, and returns the exit code.
 */
#ifndef XK_XL_MEMORY_H
#define XK_XL_MEMORY_H

int memory_resume(int argc, char **argv);
int memory_drain(int argc, char **argv);
int memory_show(int argc, char **argv);
int memory_map(int argc, char **argv);
int memory_top(int argc, char **argv);
int memory_recoalesce(int argc, char **argv);
int memory_show(int argc, char **argv);
int memory_plan(int argc, char **argv);
int memory_policy(int argc, char **argv);

/* A line for each verb, for --help. */
void memory_verbs_help(void);

#endif /* XK_XL_MEMORY_H */
