/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Traces in text, see oops.h.
 */
#include "oops.h"

#include <ctype.h>
#include <string.h>

#include <xenkeep/util.h>

#define LINES_MAX 200

/* How a trace came to be is no part of where it is. */
static const char *const generic[] = {
    "__die", "__die_body", "__might_resched", "__warn", "__schedule",
    "__do_softirq", "__handle_sysrq", "_printk", "asm_exc_general_protection",
    "asm_exc_invalid_op", "asm_exc_page_fault", "asm_exc_int3",
    "asm_sysvec_apic_timer_interrupt", "asm_sysvec_xen_hvm_callback",
    "bad_area_nosemaphore", "check_panic_on_warn", "die", "die_addr",
    "do_error_trap", "do_exit", "do_syscall_64", "do_trap",
    "do_user_addr_fault", "dump_stack", "dump_stack_lvl",
    "entry_SYSCALL_64", "entry_SYSCALL_64_after_hwframe", "exc_invalid_op",
    "exc_general_protection", "exc_page_fault", "handle_bug", "kthread",
    "make_task_dead", "no_context", "nmi_panic", "oops_end", "out_of_memory",
    "page_fault_oops", "panic", "printk", "process_one_work",
    "report_bug", "ret_from_fork", "ret_from_fork_asm", "rewind_stack_do_exit",
    "schedule", "search_extable", "show_regs", "show_stack", "vprintk_emit",
    "warn_slowpath_fmt", "watchdog_timer_fn", "worker_thread",
    "xen_hypercall_amd", "xen_hypercall_intel", "xen_panic_event",
    "xen_safe_halt", "atomic_notifier_call_chain", "notifier_call_chain",
};

bool xk_oops_generic(const char *function)
{
    size_t i;

    for (i = 0; i < XK_ARRAY_SIZE(generic); i++)
        if (!strcmp(function, generic[i]))
            return true;
    return false;
}

static bool in_name(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '.' || c == '$';
}

/* Copies a name up to its first dot; false: empty, or too long. */
static bool take_name(char dst[XK_OOPS_NAME], const char *from, size_t len)
{
    size_t n = 0;

    while (n < len && from[n] != '.')
        n++;
    if (!n || n >= XK_OOPS_NAME || isdigit((unsigned char)*from))
        return false;
    memcpy(dst, from, n);
    dst[n] = '\0';
    return true;
}

bool xk_oops_frame(struct xk_frame *f, const char *text)
{
    const char *end = text, *module, *close;

    memset(f, 0, sizeof(*f));
    while (in_name(*end))
        end++;
    if (strncmp(end, "+0x", 3) ||
        !take_name(f->function, text, (size_t)(end - text)))
        return false;
    end += strcspn(end, " \n");
    if (!strncmp(end, " [", 2)) {
        module = end + 2;
        close = module + strspn(module, "abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
        (void)take_name(f->module, module, (size_t)(close - module));
    }
    return true;
}

/* The text of a line after its time. */
static const char *after_time(const char *line)
{
    const char *p = line;

    if (*p == '[') {
        p += strcspn(p, "]\n");
        if (*p == ']')
            p++;
    }
    return p + strspn(p, " \t");
}

static void add(struct xk_trace *t, const struct xk_frame *f)
{
    size_t n = t->count;

    if (n == XK_OOPS_FRAMES || xk_oops_generic(f->function) ||
        (n && !strcmp(t->frame[n - 1].function, f->function)))
        return;
    t->frame[t->count++] = *f;
}

static void take_word(char dst[XK_OOPS_NAME], const char *from)
{
    size_t n = strcspn(from, " \n");

    n = xk_min_size(n, XK_OOPS_NAME - 1);
    memcpy(dst, from, n);
    dst[n] = '\0';
}

/* "CPU: 0 PID: 116 Comm: sh Tainted: G  S   6.1.0-56-amd64 #1" */
static void take_process(struct xk_trace *t, const char *line)
{
    const char *end = line + strcspn(line, "\n"), *p, *q;
    size_t n = 0;

    p = strstr(line, "Comm: ");
    if (p && p < end && !*t->command)
        take_word(t->command, p + 6);
    p = strstr(line, "Tainted: ");
    if (!p || p > end || *t->taint)
        return;
    for (q = p + 9; q < end && (isupper((unsigned char)*q) || *q == ' '); q++)
        if (*q != ' ' && *q != 'G' && n < XK_OOPS_NAME - 1)
            t->taint[n++] = *q;
    t->taint[n] = '\0';
}

/* False: the trace ends here. */
static bool take_line(struct xk_trace *t, const char *line, bool *rip,
                      bool *calls)
{
    const char *text = after_time(line);
    struct xk_frame f;

    if (!strncmp(text, "---[ end", 8) || !strncmp(text, "</TASK>", 7))
        return !*calls;
    if (!strncmp(text, "CPU: ", 5))
        take_process(t, text);
    if (!strncmp(text, "Call Trace:", 11)) {
        *calls = true;
    } else if (!strncmp(text, "RIP: 0010:", 10) && !*rip && !*calls) {
        *rip = true;
        if (xk_oops_frame(&f, text + 10))
            add(t, &f);
    } else if (*calls && *text != '?' && xk_oops_frame(&f, text)) {
        add(t, &f);
    }
    return true;
}

void xk_oops_parse(struct xk_trace *t, const char *at)
{
    bool rip = false, calls = false;
    int lines;

    memset(t, 0, sizeof(*t));
    for (lines = 0; *at && lines < LINES_MAX; lines++) {
        if (!take_line(t, at, &rip, &calls))
            break;
        at += strcspn(at, "\n");
        at += *at == '\n';
    }
}
