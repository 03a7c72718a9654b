/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Log lines of the daemons and commands: one message, one line. Nothing here
 * ever fails, allocates memory or lets a control character through, so that
 * no string of a guest can forge or split a line.
 */
#ifndef XENKEEP_LOG_H
#define XENKEEP_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum xk_log_level {
    XK_LOG_ERR,     /* work was refused or lost */
    XK_LOG_WARN,    /* something the administrator should look at */
    XK_LOG_INFO,    /* what happened */
    XK_LOG_DEBUG,   /* how it happened */
};

/* Longest message, bytes; what is longer ends in "...". */
#define XK_LOG_LINE_MAX 1024

/*
 * `ident` is the program's name; the pointer is kept. Messages above `max`
 * are dropped. With `to_stderr` they go to standard error, with the journal's
 * "<N>" prefixes when JOURNAL_STREAM is set and with `ident: ` otherwise;
 * without it they go to syslog(3), facility daemon. Before the first call:
 * standard error, XK_LOG_INFO. Call it before threads start.
 */
void xk_log_init(const char *ident, enum xk_log_level max, bool to_stderr);

/* True when a message of this level would be written. */
bool xk_log_enabled(enum xk_log_level level);

/*
 * Writes one line; no newline in `fmt`. Control characters in the finished
 * text are escaped. errno is left as it was.
 */
void xk_log(enum xk_log_level level, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#define xk_err(...) xk_log(XK_LOG_ERR, __VA_ARGS__)
#define xk_warn(...) xk_log(XK_LOG_WARN, __VA_ARGS__)
#define xk_info(...) xk_log(XK_LOG_INFO, __VA_ARGS__)
#define xk_debug(...) xk_log(XK_LOG_DEBUG, __VA_ARGS__)

/*
 * Copies a string that a guest wrote to `dst` of `n` bytes: printable ASCII
 * stays, backslash becomes \\, every other byte \xNN. Ends in "..." when it
 * does not fit. NULL reads as "(none)". Returns `dst`, always terminated when
 * `n` is not 0.
 */
const char *xk_log_safe(char *dst, size_t n, const char *untrusted);

/*
 * At most `burst` messages in each `interval_ms`. Initialise with
 * XK_RATELIMIT_INIT(interval_ms, burst); one for each peer and cause.
 */
struct xk_ratelimit {
    uint32_t interval_ms;
    uint32_t burst;
    uint32_t used;          /* let through in this interval */
    uint32_t suppressed;    /* held back since the last one let through */
    uint64_t start_ms;
    bool started;
};

#define XK_RATELIMIT_INIT(interval, count) \
    { .interval_ms = (interval), .burst = (count) }

/*
 * True when the message may be written now. `*suppressed_r` (may be NULL) is
 * then how many were held back since the last one, for "(N more like this)";
 * it is 0 when the answer is false. `now_ms` is any monotonic clock.
 */
bool xk_ratelimit_ok(struct xk_ratelimit *rl, uint64_t now_ms,
                     uint32_t *suppressed_r);

#endif /* XENKEEP_LOG_H */
