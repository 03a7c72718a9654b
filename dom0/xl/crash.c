/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xl-crash: the verb picks the command; without one it lists the dumps.
 */
#include "crash.h"

#include <time.h>

#include <xenkeep/log.h>

#include "verbs.h"

static const struct xk_verb verbs[] = {
    { "list", crash_list, "the deaths that are known (default)" },
    { "show", crash_show, "what is known of one" },
    { "dump", crash_dump, "dump a guest now" },
    { "open", crash_file, "start a debugger on a dump; nothing is written" },
    { "mount", crash_file, "show what a key opens as files, to this user" },
    { "export", crash_file, "write a dump in clear, as far as a key opens it" },
    { "verify", crash_file, "check a dump's signature, and with a key all" },
    { "rewrap", crash_file, "seal a dump for other certificates" },
    { "delete", crash_delete, "remove a dump" },
    { "keys", crash_keys, "for whom dumps are sealed; reads them anew" },
    { .name = NULL },
};

void crash_verbs_help(void)
{
    xk_verbs_help(verbs);
}

struct crash_text crash_text_of(struct json_object *obj, const char *name)
{
    struct crash_text t = { "" };
    struct json_object *v;

    if (json_object_object_get_ex(obj, name, &v) &&
        json_object_is_type(v, json_type_string))
        xk_log_safe(t.text, sizeof(t.text), json_object_get_string(v));
    return t;
}

uint64_t crash_number_of(struct json_object *obj, const char *name)
{
    struct json_object *v;
    int64_t n;

    if (!json_object_object_get_ex(obj, name, &v) ||
        !json_object_is_type(v, json_type_int))
        return 0;
    n = json_object_get_int64(v);
    return n > 0 ? (uint64_t)n : 0;
}

struct crash_text crash_time(uint64_t seconds)
{
    struct crash_text t = { "" };
    time_t at = (time_t)seconds;
    struct tm tm;

    if (localtime_r(&at, &tm))
        (void)strftime(t.text, sizeof(t.text), "%Y-%m-%d %H:%M:%S %Z", &tm);
    return t;
}

int crash_record(const struct xk_command *cmd, const char *word,
                 struct json_object **record_r)
{
    struct json_object *params = json_object_new_object();

    json_object_object_add(params, "id", json_object_new_string(word));
    return xk_command_call(cmd, "show", params, record_r);
}

int main(int argc, char **argv)
{
    return xk_verbs_run(verbs, crash_list, argc, argv);
}
