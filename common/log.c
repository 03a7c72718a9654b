// SPDX-License-Identifier: GPL-2.0-only
/*
 * Log lines to standard error, the journal or syslog. Must never fail the
 * caller, change errno, or write a byte that is not printable ASCII: a line
 * of a guest's making would otherwise pass for one of ours.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include <xenkeep/log.h>

/* Room for "<N>", the program's name and the newline around a message. */
#define LINE_ROOM (XK_LOG_LINE_MAX + 80)

static struct {
    const char *ident;
    enum xk_log_level max;
    bool to_stderr;
    bool journal;
} log_state = { "xenkeep", XK_LOG_INFO, true, false };

static const int priorities[] = {
    [XK_LOG_ERR] = LOG_ERR,
    [XK_LOG_WARN] = LOG_WARNING,
    [XK_LOG_INFO] = LOG_INFO,
    [XK_LOG_DEBUG] = LOG_DEBUG,
};

void xk_log_init(const char *ident, enum xk_log_level max, bool to_stderr)
{
    log_state.ident = ident;
    log_state.max = max;
    log_state.to_stderr = to_stderr;
    log_state.journal = to_stderr && getenv("JOURNAL_STREAM");
    closelog();
    /* Connect now: the socket may be out of reach in a sandbox. */
    if (!to_stderr)
        openlog(ident, LOG_PID | LOG_NDELAY, LOG_DAEMON);
}

bool xk_log_enabled(enum xk_log_level level)
{
    return level <= log_state.max;
}

/*
 * Writes `c` as it may stand in a log line to `out`, at most 4 bytes, and
 * returns how many.
 */
static size_t escape(char *out, unsigned char c, bool backslash)
{
    static const char hex[] = "0123456789abcdef";

    if (c == '\\' && backslash) {
        out[0] = out[1] = '\\';
        return 2;
    }
    if (c >= ' ' && c <= '~') {
        out[0] = (char)c;
        return 1;
    }
    out[0] = '\\';
    out[1] = 'x';
    out[2] = hex[c >> 4];
    out[3] = hex[c & 15];
    return 4;
}

/* Copies `src` to `dst` of `n` bytes, escaped; cut off with "...". */
static void copy_escaped(char *dst, size_t n, const char *src, bool backslash)
{
    char piece[4];
    size_t used = 0, whole = 0, len;

    if (!n)
        return;
    for (; *src; src++) {
        len = escape(piece, (unsigned char)*src, backslash);
        if (used + len >= n)
            break;
        memcpy(dst + used, piece, len);
        used += len;
        if (used + 3 < n)
            whole = used;   /* here "..." still fits behind */
    }
    if (*src) {
        used = whole;
        for (len = 0; len < 3 && used + 1 < n; len++)
            dst[used++] = '.';
    }
    dst[used] = '\0';
}

const char *xk_log_safe(char *dst, size_t n, const char *untrusted)
{
    copy_escaped(dst, n, untrusted ? untrusted : "(none)", true);
    return dst;
}

/* One write, so that lines of several processes do not mix. */
static void write_stderr(int priority, const char *text)
{
    char line[LINE_ROOM];
    size_t len;
    int n;

    if (log_state.journal)
        n = snprintf(line, sizeof(line), "<%d>%s\n", priority, text);
    else
        n = snprintf(line, sizeof(line), "%.64s: %s\n", log_state.ident,
                     text);
    if (n < 0)
        return;
    len = (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1;
    /* Nowhere to report that reporting failed. */
    if (write(STDERR_FILENO, line, len) < 0)
        return;
}

void xk_log(enum xk_log_level level, const char *fmt, ...)
{
    char raw[XK_LOG_LINE_MAX + 1], text[XK_LOG_LINE_MAX];
    int saved = errno;
    va_list ap;
    int n;

    if (!xk_log_enabled(level))
        return;
    va_start(ap, fmt);
    n = vsnprintf(raw, sizeof(raw), fmt, ap);
    va_end(ap);
    if (n >= 0) {
        copy_escaped(text, sizeof(text), raw, false);
        if (log_state.to_stderr)
            write_stderr(priorities[level], text);
        else
            syslog(priorities[level], "%s", text);
    }
    errno = saved;
}

bool xk_ratelimit_ok(struct xk_ratelimit *rl, uint64_t now_ms,
                     uint32_t *suppressed_r)
{
    bool ok;

    if (!rl->started || now_ms - rl->start_ms >= rl->interval_ms) {
        rl->started = true;
        rl->start_ms = now_ms;
        rl->used = 0;
    }
    ok = rl->used < rl->burst;
    if (suppressed_r)
        *suppressed_r = ok ? rl->suppressed : 0;
    if (ok) {
        rl->used++;
        rl->suppressed = 0;
    } else if (rl->suppressed < UINT32_MAX) {
        rl->suppressed++;
    }
    return ok;
}
