/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xl-sweep: ask xenkeep-memoryd to take back the zero memory of a guest, and
 * show what came of it. All the work is the daemon's; this file only asks and
 * prints.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <xenkeep/log.h>
#include <xenkeep/parse.h>

#include "command.h"
#include "fields.h"
#include "table.h"
#include "units.h"

#define SUPER_KIB 2048
#define REGULAR_KIB 4

struct sweep {
    struct xk_common common;
    uint64_t target_kib;        /* 0: not given */
    bool dry_run;
};

struct state {
    uint64_t size, over, pod_entries, pod_cache, ballooned, host_free;
};

struct pauses {
    uint64_t count, longest_us, total_us, over_budget;
};

struct balloon {
    uint64_t asked, moved, super, duration_us;
};

struct outcome {
    uint64_t domid;
    const char *name;
    bool dry_run;
    uint64_t scanned, zero_super, zero_regular;
    uint64_t committed_super, committed_regular, duration_us;
    int64_t returned;
    struct json_object *skipped_obj, *pauses_obj, *before_obj, *after_obj;
    struct pauses pauses;
    struct state before, after;
    bool ballooned;             /* `balloon` is there */
    struct balloon balloon;
};

#define FIELD(kind, type, name, member) \
    { name, XK_FIELD_##kind, offsetof(struct type, member) }

static const struct xk_field outcome_fields[] = {
    FIELD(COUNT, outcome, "domid", domid),
    FIELD(TEXT, outcome, "name", name),
    FIELD(BOOL, outcome, "dry_run", dry_run),
    FIELD(COUNT, outcome, "scanned_pages", scanned),
    FIELD(COUNT, outcome, "zero_super", zero_super),
    FIELD(COUNT, outcome, "zero_regular", zero_regular),
    FIELD(COUNT, outcome, "committed_super", committed_super),
    FIELD(COUNT, outcome, "committed_regular", committed_regular),
    FIELD(OBJECT, outcome, "skipped", skipped_obj),
    FIELD(OBJECT, outcome, "pauses", pauses_obj),
    FIELD(OBJECT, outcome, "before", before_obj),
    FIELD(OBJECT, outcome, "after", after_obj),
    FIELD(CHANGE, outcome, "returned_kib", returned),
    FIELD(COUNT, outcome, "duration_us", duration_us),
};

static const struct xk_field state_fields[] = {
    FIELD(COUNT, state, "size_kib", size),
    FIELD(COUNT, state, "overcommitted_kib", over),
    FIELD(COUNT, state, "pod_entries_kib", pod_entries),
    FIELD(COUNT, state, "pod_cache_kib", pod_cache),
    FIELD(COUNT, state, "ballooned_kib", ballooned),
    FIELD(COUNT, state, "host_free_kib", host_free),
};

static const struct xk_field pauses_fields[] = {
    FIELD(COUNT, pauses, "count", count),
    FIELD(COUNT, pauses, "longest_us", longest_us),
    FIELD(COUNT, pauses, "total_us", total_us),
    FIELD(COUNT, pauses, "over_budget", over_budget),
};

static const struct xk_field balloon_fields[] = {
    FIELD(COUNT, balloon, "asked_kib", asked),
    FIELD(COUNT, balloon, "moved_kib", moved),
    FIELD(COUNT, balloon, "super_kib", super),
    FIELD(COUNT, balloon, "duration_us", duration_us),
};

#define READ(obj, table, out) \
    xk_fields_read(obj, table, sizeof(table) / sizeof((table)[0]), out)

static bool set_target(const struct xk_command *cmd, void *own,
                       const char *value)
{
    struct sweep *s = own;
    char safe[96];
    int rc;

    rc = xk_parse_size_kib(value, &s->target_kib);
    if (!rc && s->target_kib && s->target_kib <= (uint64_t)XK_FIELD_MAX)
        return true;
    xk_complain(cmd, "target \"%s\": expected a size such as 512M or 1G",
                xk_log_safe(safe, sizeof(safe), value));
    return false;
}

static bool set_dry_run(const struct xk_command *cmd, void *own,
                        const char *value)
{
    struct sweep *s = own;

    (void)cmd;
    (void)value;
    s->dry_run = true;
    return true;
}

static const struct xk_option options[] = {
    { "target", "SIZE", "first bring the guest to SIZE (512M, 1G) with its "
      "balloon", set_target },
    { "dry-run", NULL, "only look: count what could be swept, change nothing",
      set_dry_run },
    { .name = NULL },
};

static const struct xk_command command = {
    .name = "xl-sweep",
    .synopsis = "DOMAIN [--target SIZE] [--dry-run] [--json]",
    .about = "Take back the zero memory of the guest DOMAIN (a name or an "
             "id).",
    .daemon = "memoryd",
    .needs_domain = true,
    .options = options,
};

static struct json_object *sweep_params(const struct sweep *s)
{
    struct json_object *params = json_object_new_object();

    json_object_object_add(params, "domain",
                           json_object_new_string(s->common.domain));
    if (s->target_kib)
        json_object_object_add(params, "target_kib",
                               json_object_new_int64((int64_t)s->target_kib));
    if (s->dry_run)
        json_object_object_add(params, "dry_run",
                               json_object_new_boolean(true));
    return params;
}

/* NULL, or the field that is not sound. */
static const char *outcome_read(struct json_object *obj, struct outcome *o)
{
    struct json_object *balloon = NULL;
    const char *bad;

    bad = READ(obj, outcome_fields, o);
    if (!bad)
        bad = READ(o->pauses_obj, pauses_fields, &o->pauses);
    if (!bad)
        bad = READ(o->before_obj, state_fields, &o->before);
    if (!bad)
        bad = READ(o->after_obj, state_fields, &o->after);
    if (bad)
        return bad;
    if (!json_object_object_get_ex(obj, "balloon", &balloon))
        return "balloon";
    o->ballooned = balloon != NULL;
    return balloon ? READ(balloon, balloon_fields, &o->balloon) : NULL;
}

static uint64_t super_and_regular_kib(uint64_t super, uint64_t regular)
{
    return super * SUPER_KIB + regular * REGULAR_KIB;
}

static void show_headline(const struct outcome *o)
{
    uint64_t found = super_and_regular_kib(o->zero_super, o->zero_regular);
    uint64_t swept = super_and_regular_kib(o->committed_super,
                                           o->committed_regular);
    int64_t moved = o->returned;
    char name[1032];

    printf("%s (domain %" PRIu64 "): ",
           xk_log_safe(name, sizeof(name), o->name), o->domid);
    if (o->dry_run) {
        printf("%s MiB of zero memory found in %s, nothing changed\n",
               xk_mib(found).text, xk_duration(o->duration_us).text);
        return;
    }
    printf("swept %s MiB", xk_mib(swept).text);
    if (moved > 0)
        printf(", returned %s MiB to the host", xk_mib((uint64_t)moved).text);
    else if (moved < 0)
        printf(", took %s MiB from the host", xk_mib((uint64_t)-moved).text);
    printf(", in %s\n", xk_duration(o->duration_us).text);
}

static int show_states(const struct outcome *o)
{
    static const struct xk_column columns[] = {
        { "MiB", XK_LEFT }, { "before", XK_RIGHT }, { "after", XK_RIGHT },
        { "change", XK_RIGHT },
    };
    const struct {
        const char *title;
        uint64_t before, after;
    } rows[] = {
        { "guest size", o->before.size, o->after.size },
        { "overcommit", o->before.over, o->after.over },
        { "ballooned", o->before.ballooned, o->after.ballooned },
        { "PoD entries", o->before.pod_entries, o->after.pod_entries },
        { "PoD cache", o->before.pod_cache, o->after.pod_cache },
        { "host free", o->before.host_free, o->after.host_free },
    };
    struct xk_table t;
    size_t i;
    int rc;

    xk_table_init(&t, columns, sizeof(columns) / sizeof(columns[0]));
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        xk_table_cell(&t, rows[i].title);
        xk_table_cell(&t, xk_mib(rows[i].before).text);
        xk_table_cell(&t, xk_mib(rows[i].after).text);
        xk_table_cell(&t, xk_mib_change((int64_t)rows[i].after -
                                        (int64_t)rows[i].before).text);
    }
    putchar('\n');
    rc = xk_table_print(&t, stdout);
    putchar('\n');
    xk_table_dispose(&t);
    return rc;
}

static void show_pages(const char *title, uint64_t super, uint64_t regular)
{
    printf("%-12s %" PRIu64 " super, %" PRIu64 " regular (%s MiB)\n", title,
           super, regular,
           xk_mib(super_and_regular_kib(super, regular)).text);
}

/* A reason is the daemon's word, a count that is none reads as 0. */
static void show_skipped(struct json_object *skipped)
{
    const char *before = "";
    char safe[96];

    printf("%-12s ", "skipped");
    json_object_object_foreach(skipped, reason, count) {
        printf("%s%s %" PRId64, before,
               xk_log_safe(safe, sizeof(safe), reason),
               json_object_get_int64(count));
        before = ", ";
    }
    puts(*before ? " (ranges of 2 MiB)" : "none");
}

static void show_pauses(const struct pauses *p)
{
    printf("%-12s %" PRIu64, "pauses", p->count);
    if (p->count)
        printf(", longest %s, together %s", xk_duration(p->longest_us).text,
               xk_duration(p->total_us).text);
    if (p->over_budget)
        printf("; %" PRIu64 " above the limit", p->over_budget);
    putchar('\n');
}

static void show_balloon(const struct balloon *b)
{
    printf("%-12s %s of %s MiB moved, %s MiB in superpages, in %s\n",
           "balloon", xk_mib(b->moved).text, xk_mib(b->asked).text,
           xk_mib(b->super).text, xk_duration(b->duration_us).text);
}

static int show_outcome(struct json_object *result)
{
    struct outcome o = { .name = NULL };
    const char *bad;
    int rc;

    bad = outcome_read(result, &o);
    if (bad)
        return xk_command_lacks(&command, bad);

    show_headline(&o);
    rc = show_states(&o);
    if (rc) {
        xk_complain(&command, "out of memory");
        return XK_EXIT_FAILED;
    }
    printf("%-12s %" PRIu64 " pages (%s MiB)\n", "scanned", o.scanned,
           xk_mib(o.scanned * REGULAR_KIB).text);
    show_pages("zero", o.zero_super, o.zero_regular);
    show_pages("committed", o.committed_super, o.committed_regular);
    show_skipped(o.skipped_obj);
    show_pauses(&o.pauses);
    if (o.ballooned)
        show_balloon(&o.balloon);
    printf("%-12s %s MiB\n", "returned", o.returned
           ? xk_mib_change(o.returned).text : "0.0");
    printf("%-12s %s\n", "time", xk_duration(o.duration_us).text);
    return XK_EXIT_DONE;
}

int main(int argc, char **argv)
{
    struct sweep s = { .target_kib = 0 };
    struct json_object *result = NULL;
    int exit_code;

    exit_code = xk_command_parse(&command, argc, argv, &s.common, &s);
    if (exit_code != XK_GO_ON)
        goto out;
    exit_code = xk_command_call(&command, "sweep", sweep_params(&s), &result);
    if (exit_code)
        goto out;
    if (s.common.json)
        xk_command_json(result);
    else
        exit_code = show_outcome(result);

out:
    json_object_put(result);
    return xk_command_finish(&command, exit_code);
}
