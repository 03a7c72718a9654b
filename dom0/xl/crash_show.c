/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xl-crash show: one record. xl-crash delete: removes one.
 */
#include <inttypes.h>
#include <stdio.h>

#include "crash.h"
#include "units.h"

static const struct xk_option options[] = {
    { .name = NULL },
};

static const struct xk_command command_show = {
    .name = "xl-crash",
    .synopsis = "show ID [--json]",
    .about = "Show what is known of a death. ID: as xl-crash list has it, or "
             "an unambiguous\nbeginning of it, or its last four digits.",
    .daemon = "crashd",
    .options = options,
};

static const struct xk_command command_delete = {
    .name = "xl-crash",
    .synopsis = "delete ID [--json]",
    .about = "Remove a dump and its record. There is no way back.",
    .daemon = "crashd",
    .options = options,
};

static void line(const char *title, const char *text)
{
    if (text[0])
        printf("%-10s %s\n", title, text);
}

static void show_pages(struct json_object *record)
{
    struct json_object *pages;

    if (!json_object_object_get_ex(record, "pages", &pages) ||
        !json_object_is_type(pages, json_type_object))
        return;
    printf("\n%-10s %12s %12s %12s\n", "Pages", "found", "stored", "KiB");
    json_object_object_foreach(pages, cls, one) {
        printf("%-10.10s %12" PRIu64 " %12" PRIu64 " %12" PRIu64 "\n", cls,
               crash_number_of(one, "found"), crash_number_of(one, "stored"),
               crash_number_of(one, "bytes") / 1024);
    }
}

static void show_sealed(struct json_object *record)
{
    struct json_object *list, *one;
    size_t i;

    if (!json_object_object_get_ex(record, "sealed_for", &list) ||
        !json_object_is_type(list, json_type_array))
        return;
    if (!json_object_array_length(list))
        puts("\nsealed for nobody: what is private was left out");
    else
        puts("\nSealed for");
    for (i = 0; i < json_object_array_length(list); i++) {
        one = json_object_array_get_idx(list, i);
        printf("%-10s %-20s %.16s\n", crash_text_of(one, "audience").text,
               crash_text_of(one, "name").text,
               crash_text_of(one, "fingerprint").text);
    }
}

/* Of a guest that died more than once lately. */
static void show_repeat(struct json_object *r)
{
    uint64_t deaths = crash_number_of(r, "deaths");
    uint64_t delay = crash_number_of(r, "delay_s");
    struct json_object *held;
    char text[80];

    if (deaths < 2)
        return;
    if (json_object_object_get_ex(r, "held", &held) &&
        json_object_get_boolean(held))
        snprintf(text, sizeof(text), "%" PRIu64 " lately: it is not started "
                 "any more", deaths);
    else
        snprintf(text, sizeof(text), "%" PRIu64 " lately: the next start "
                 "waits %" PRIu64 " s", deaths, delay);
    line("deaths", text);
}

static void show(struct json_object *r)
{
    line("id", crash_text_of(r, "id").text);
    line("guest", crash_text_of(r, "guest").text);
    line("uuid", crash_text_of(r, "uuid").text);
    line("time", crash_time(crash_number_of(r, "time")).text);
    line("reason", crash_text_of(r, "reason").text);
    line("cause", crash_text_of(r, "title").text);
    line("advice", crash_text_of(r, "advice").text);
    line("stop code", crash_text_of(r, "stop").text);
    show_repeat(r);
    line("kernel", crash_text_of(r, "kernel").text);
    line("dump", crash_text_of(r, "outcome").text);
    line("why", crash_text_of(r, "why").text);
    line("memory", xk_mib(crash_number_of(r, "memory_bytes") / 1024).text);
    line("file", xk_mib(crash_number_of(r, "bytes") / 1024).text);
    line("took", xk_duration(crash_number_of(r, "duration_us")).text);
    line("folder", crash_text_of(r, "folder").text);
    show_pages(r);
    show_sealed(r);
}

static int need_id(const struct xk_command *cmd,
                   const struct xk_common *common)
{
    if (common->domain)
        return 0;
    xk_complain(cmd, "no dump given: expected %s %s", cmd->name,
                cmd->synopsis);
    return XK_EXIT_USAGE;
}

int crash_show(int argc, char **argv)
{
    struct xk_common common = { .domain = NULL };
    struct json_object *record = NULL;
    int code;

    code = xk_command_parse(&command_show, argc, argv, &common, NULL);
    if (code != XK_GO_ON)
        return xk_command_finish(&command_show, code);
    code = need_id(&command_show, &common);
    if (!code)
        code = crash_record(&command_show, common.domain, &record);
    if (!code && common.json)
        xk_command_json(record);
    else if (!code)
        show(record);
    json_object_put(record);
    return xk_command_finish(&command_show, code);
}

int crash_delete(int argc, char **argv)
{
    struct json_object *result = NULL, *params;
    struct xk_common common = { .domain = NULL };
    int code;

    code = xk_command_parse(&command_delete, argc, argv, &common, NULL);
    if (code != XK_GO_ON)
        return xk_command_finish(&command_delete, code);
    code = need_id(&command_delete, &common);
    if (code)
        return xk_command_finish(&command_delete, code);
    params = json_object_new_object();
    json_object_object_add(params, "id",
                           json_object_new_string(common.domain));
    code = xk_command_call(&command_delete, "delete", params, &result);
    if (!code && common.json)
        xk_command_json(result);
    else if (!code)
        printf("removed %s\n", crash_text_of(result, "id").text);
    json_object_put(result);
    return xk_command_finish(&command_delete, code);
}
