/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A trace of calls in the text of a kernel's log: where it was, and who had
 * called it. Names are made comparable between builds: without offsets, and
 * without what a compiler adds after a dot.
 */
#ifndef XK_CRASHD_OOPS_H
#define XK_CRASHD_OOPS_H

#include <stdbool.h>
#include <stddef.h>

#define XK_OOPS_FRAMES 16u
#define XK_OOPS_NAME 64u

struct xk_frame {
    char function[XK_OOPS_NAME];
    char module[XK_OOPS_NAME];      /* "": the kernel itself */
};

struct xk_trace {
    struct xk_frame frame[XK_OOPS_FRAMES];  /* innermost first */
    size_t count;
    char taint[XK_OOPS_NAME];       /* letters; "": none */
    char command[XK_OOPS_NAME];     /* of the process; "": not told */
};

/*
 * The trace that follows `at` in `log` (NUL-terminated): at most 200 lines on,
 * and no further than its end mark. Frames that are only guesses ("? name")
 * are left out, and those that every trace has.
 */
void xk_oops_parse(struct xk_trace *trace, const char *at);

/* "name.part.0+0x12/0x34 [mod]" as a frame; false: it is none. */
bool xk_oops_frame(struct xk_frame *frame, const char *text);

/* Is it one that every trace has (panic, dump_stack, an interrupt's entry)? */
bool xk_oops_generic(const char *function);

#endif /* XK_CRASHD_OOPS_H */
