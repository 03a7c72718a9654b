/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xl-files stats: operations, bytes and latencies of a guest's shares.
 */
#include <inttypes.h>
#include <stdio.h>

#include <xenkeep/log.h>

#include "fields.h"
#include "files.h"
#include "units.h"
#include "verbs.h"

struct share {
    const char *name;
    uint64_t read_bytes, written_bytes, errors, refused;
    struct json_object *operations, *latency_us;
};

#define FIELD(kind, field) \
    { #field, XK_FIELD_##kind, offsetof(struct share, field) }

static const struct xk_field fields[] = {
    FIELD(TEXT, name), FIELD(COUNT, read_bytes), FIELD(COUNT, written_bytes),
    FIELD(COUNT, errors), FIELD(COUNT, refused), FIELD(OBJECT, operations),
    FIELD(ARRAY, latency_us),
};

static const struct xk_option options[] = {
    { .name = NULL },
};

static const struct xk_command command = {
    .name = "xl-files stats",
    .page = "xl-files",
    .synopsis = "DOMAIN [--json]",
    .about = "Show what the guest DOMAIN did on its shares since it booted: "
             "operations, how\nlong they took, and what was refused.",
    .daemon = "filed",
    .needs_domain = true,
    .options = options,
};

static uint64_t number_at(struct json_object *list, size_t i)
{
    int64_t n = json_object_get_int64(json_object_array_get_idx(list, i));

    return n > 0 ? (uint64_t)n : 0;
}

/* A bar for each power of two of a microsecond that has any. */
static void show_latency(struct json_object *list)
{
    size_t count = (size_t)json_object_array_length(list), i;
    uint64_t most = 0, n;
    int bar;

    for (i = 0; i < count && i < 63; i++)
        if (number_at(list, i) > most)
            most = number_at(list, i);
    for (i = 0; most && i < count && i < 63; i++) {
        n = number_at(list, i);
        if (!n)
            continue;
        bar = (int)((double)n * 40 / (double)most);
        printf("  below %8s %12" PRIu64 " %.*s\n",
               xk_duration(UINT64_C(1) << i).text, n, bar ? bar : 1,
               "########################################");
    }
}

static void show_share(const struct share *s)
{
    char safe[1032];

    printf("%s: %s MiB read, %s MiB written, %" PRIu64 " errors, of these %"
           PRIu64 " refused\n", xk_log_safe(safe, sizeof(safe), s->name),
           xk_mib(s->read_bytes / 1024).text,
           xk_mib(s->written_bytes / 1024).text, s->errors, s->refused);
    json_object_object_foreach(s->operations, key, value) {
        printf("  %-14s %12" PRId64 "\n",
               xk_log_safe(safe, sizeof(safe), key),
               json_object_get_int64(value));
    }
    show_latency(s->latency_us);
}

static int show(struct json_object *result)
{
    struct json_object *list;
    const char *bad = NULL;
    struct share s;
    size_t i, count;

    if (!json_object_object_get_ex(result, "shares", &list) ||
        !json_object_is_type(list, json_type_array))
        return xk_command_lacks(&command, "shares");
    count = (size_t)json_object_array_length(list);
    for (i = 0; !bad && i < count; i++) {
        bad = xk_fields_read(json_object_array_get_idx(list, i), fields,
                             sizeof(fields) / sizeof(fields[0]), &s);
        if (!bad)
            show_share(&s);
    }
    return bad ? xk_command_lacks(&command, bad) : XK_EXIT_DONE;
}

int files_stats(int argc, char **argv)
{
    return xk_verb_ask(&command, "stats", show, argc, argv);
}
