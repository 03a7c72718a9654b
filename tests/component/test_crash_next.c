// SPDX-License-Identifier: GPL-2.0-only
/*
 * After a death: the next start is told, loops are stopped, and guests with
 * the module xk_crash wait for their dump.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <check.h>

#include <xenkeep/proto/crash.h>

#include "crash_play.h"
#include "store.h"
#include "xk-keys.h"

/* Started, died, and the xl that is none was told to end it. */
static void live_and_die(pid_t pid, const char *name, unsigned int count)
{
    char line[64], version[8];

    crash_make(name);
    crash_node(CRASH_AT(XK_PATH_CRASH_VERSION), version, sizeof(version));
    ck_assert_int_eq(fake_domain_shutdown(crash_dom, CRASH_SHUTDOWN), 0);
    ck_assert(crash_wait(pid, count));
    snprintf(line, sizeof(line), "destroy %u\n", crash_dom);
    (void)crash_xl_wait(line, 1500);
    usleep(1000000);            /* ids have the second */
}

static void again_rule(const char *fallback)
{
    crash_policy.rule_count = 1;
    crash_policy.rules[0] = (struct xk_rule){
        .name = "web", .has_action = true, .action = XK_ACTION_RESTART,
        .config = "/web.cfg",
    };
    strcpy(crash_policy.rules[0].fallback, fallback);
    crash_policy.loop_deaths = 2;
    crash_policy.loop_delay_s = 2;
}

/* At once, later, not any more; the next crashd keeps to it. */
START_TEST(stops_a_loop)
{
    char id[XK_STORE_ID_SIZE], line[64];
    struct json_object *record;
    pid_t pid;

    again_rule("");
    pid = crash_start(NULL);
    live_and_die(pid, "web", 1);
    ck_assert(crash_xl_said("create /web.cfg\n"));
    ck_assert_int_eq(fake_domain_destroy(crash_dom), 0);
    crash_xl_forget();
    /* The second waits, also when crashd is another by then. */
    crash_make("web");
    usleep(200000);
    ck_assert_int_eq(fake_domain_shutdown(crash_dom, CRASH_SHUTDOWN), 0);
    ck_assert(crash_wait(pid, 2));
    snprintf(line, sizeof(line), "destroy %u\n", crash_dom);
    crash_stop(pid);
    ck_assert(!crash_xl_said(line));
    pid = crash_start(NULL);
    ck_assert(crash_xl_wait("create /web.cfg\n", 6000));
    ck_assert(crash_xl_said(line));
    record = crash_newest(id);
    ck_assert_int_eq(json_object_get_int(crash_number(record, "deaths")), 2);
    ck_assert_int_eq(json_object_get_int(crash_number(record, "delay_s")), 2);
    ck_assert(!json_object_get_boolean(crash_number(record, "held")));
    json_object_put(record);
    ck_assert_int_eq(fake_domain_destroy(crash_dom), 0);
    crash_xl_forget();
    live_and_die(pid, "web", 3);
    record = crash_newest(id);
    ck_assert(json_object_get_boolean(crash_number(record, "held")));
    json_object_put(record);
    crash_stop(pid);
    pid = crash_start(NULL);
    usleep(500000);
    crash_stop(pid);
    snprintf(line, sizeof(line), "destroy %u\n", crash_dom);
    ck_assert(!crash_xl_said(line));
    ck_assert(!crash_xl_said("create /web.cfg\n"));
    ck_assert_uint_eq(crash_records(), 3);
}
END_TEST

/* What the store knows of earlier deaths is a fact of the diagnosis. */
START_TEST(calls_it_a_loop)
{
    const char *src = getenv("XK_SRCDIR");
    char id[XK_STORE_ID_SIZE], dir[512];
    struct json_object *record;
    unsigned int i;
    pid_t pid;

    snprintf(dir, sizeof(dir), "%s/dom0/crashd/crash.d", src ? src : ".");
    crash_causes = dir;
    pid = crash_start(NULL);
    usleep(200000);
    for (i = 1; i <= 3; i++) {
        live_and_die(pid, "web", i);
        record = crash_newest(id);
        ck_assert(!strstr(crash_text(record, "stop"), "boot-loop") ==
                  (i < 3));
        ck_assert(!crash_text(record, "advice")[0] == (i < 3));
        json_object_put(record);
        ck_assert_int_eq(fake_domain_destroy(crash_dom), 0);
    }
    crash_stop(pid);
}
END_TEST

/* The fallback is started once; if that dies too, it is over. */
START_TEST(falls_back)
{
    pid_t pid;

    again_rule("/good.cfg");
    crash_policy.loop_deaths = 1;
    pid = crash_start(NULL);
    live_and_die(pid, "web", 1);
    ck_assert_int_eq(fake_domain_destroy(crash_dom), 0);
    ck_assert(!crash_xl_said("create /good.cfg\n"));
    live_and_die(pid, "web", 2);
    ck_assert(crash_xl_wait("create /good.cfg\n", 5000));
    ck_assert_int_eq(fake_domain_destroy(crash_dom), 0);
    crash_xl_forget();
    live_and_die(pid, "web", 3);
    ck_assert(!crash_xl_said("create /good.cfg\n"));
    ck_assert(!crash_xl_said("create /web.cfg\n"));
    crash_stop(pid);
}
END_TEST

/* ---- the next start ---- */

static void say_died(pid_t pid)
{
    char version[8];

    crash_node(CRASH_AT(XK_PATH_CRASH_VERSION), version, sizeof(version));
    ck_assert_str_eq(version, "1");
    ck_assert_int_eq(fake_domain_shutdown(crash_dom, CRASH_SHUTDOWN), 0);
    ck_assert(crash_wait(pid, 1));
    ck_assert_int_eq(fake_domain_destroy(crash_dom), 0);
}

START_TEST(tells_the_next)
{
    char value[512], id[XK_STORE_ID_SIZE], path[XK_XS_PATH_MAX];
    pid_t pid = crash_start(NULL);

    crash_make("web");
    say_died(pid);
    /* Another guest is told nothing. */
    crash_make("other");
    crash_node(CRASH_AT(XK_PATH_CRASH_VERSION), value, sizeof(value));
    snprintf(path, sizeof(path), XK_PATH_CRASH_LAST_TIME, crash_dom);
    usleep(100000);
    ck_assert(!fake_xs_exists(path));
    /* The next of its name is, and may read it, not write it. */
    crash_make("web");
    crash_node(CRASH_AT(XK_PATH_CRASH_LAST_TIME), value, sizeof(value));
    crash_node(CRASH_AT(XK_PATH_CRASH_LAST_REASON), value, sizeof(value));
    ck_assert_str_eq(value, "crash");
    crash_node(CRASH_AT(XK_PATH_CRASH_LAST_OUTCOME), value, sizeof(value));
    ck_assert_str_eq(value, "stored");
    crash_node(CRASH_AT(XK_PATH_CRASH_LAST_DEATHS), value, sizeof(value));
    ck_assert_str_eq(value, "1");
    crash_node(CRASH_AT(XK_PATH_CRASH_LAST_STOP), value, sizeof(value));
    ck_assert_uint_gt(strlen(value), 0);
    crash_node(CRASH_AT(XK_PATH_CRASH_LAST_DUMP), value, sizeof(value));
    json_object_put(crash_newest(id));
    ck_assert_str_eq(value, id);
    snprintf(path, sizeof(path), XK_PATH_CRASH_LAST_STOP, crash_dom);
    ck_assert_int_lt(fake_xs_write(crash_dom, path, "mine"), 0);
    snprintf(path, sizeof(path), XK_PATH_CRASH_GUEST_VERSION, crash_dom);
    ck_assert_int_ge(fake_xs_write(crash_dom, path, "1"), 0);
    crash_stop(pid);
    /* Nor is the one after it, or this one by another crashd. */
    ck_assert_int_eq(fake_domain_destroy(crash_dom), 0);
    pid = crash_start(NULL);
    crash_make("web");
    crash_node(CRASH_AT(XK_PATH_CRASH_VERSION), value, sizeof(value));
    snprintf(path, sizeof(path), XK_PATH_CRASH_LAST_TIME, crash_dom);
    usleep(100000);
    ck_assert(!fake_xs_exists(path));
    crash_stop(pid);
}
END_TEST

/* With rename-restart the next one runs before the dump is there. */
START_TEST(tells_who_runs_already)
{
    char value[64];
    uint16_t dead;
    pid_t pid;

    crash_make("web");
    dead = crash_dom;
    crash_make("web");
    pid = crash_start(NULL);
    crash_node(CRASH_AT(XK_PATH_CRASH_VERSION), value, sizeof(value));
    ck_assert_int_eq(fake_domain_shutdown(dead, CRASH_SHUTDOWN), 0);
    crash_node(CRASH_AT(XK_PATH_CRASH_LAST_TIME), value, sizeof(value));
    crash_stop(pid);
}
END_TEST

/* ---- the guest's module ---- */

#define PAGE_GFN 77u

static volatile struct xk_crash_page *page;
static uint32_t port;

static void write_node(const char *path, unsigned long long value)
{
    char text[24];

    snprintf(text, sizeof(text), "%llu", value);
    ck_assert_int_ge(fake_xs_write(crash_dom, path, text), 0);
}

static void be_module(void)
{
    static const uint8_t zero[FAKE_PAGE_SIZE];
    char version[8];
    int ref, p;

    crash_node(CRASH_AT(XK_PATH_CRASH_VERSION), version, sizeof(version));
    ck_assert_int_ge(fake_guest_write(crash_dom, PAGE_GFN, 0, zero,
                                      sizeof(zero)), 0);
    page = fake_guest_page(crash_dom, PAGE_GFN);
    ref = fake_guest_grant(crash_dom, PAGE_GFN, false);
    p = fake_guest_port_alloc(crash_dom);
    ck_assert_int_ge(ref, 0);
    ck_assert_int_gt(p, 0);
    port = (uint32_t)p;
    write_node(CRASH_AT(XK_PATH_CRASH_GUEST_PAGE_REF), (unsigned int)ref);
    write_node(CRASH_AT(XK_PATH_CRASH_GUEST_EVENT_CHANNEL), port);
    write_node(CRASH_AT(XK_PATH_CRASH_GUEST_VMCOREINFO), 0x1000);
    write_node(CRASH_AT(XK_PATH_CRASH_GUEST_VERSION), 1);
}

static bool wait_page(const volatile uint32_t *word, uint32_t value,
                      unsigned int ms)
{
    unsigned int turns;

    for (turns = 0; *word != value && turns < ms / 5; turns++)
        usleep(5000);
    return *word == value;
}

static void ask(uint32_t kind)
{
    page->kind = kind;
    page->asked++;
    ck_assert_int_ge(fake_guest_port_notify(crash_dom, port), 0);
}

/* Dumped while Xen says that it runs; its death then needs no dump. */
START_TEST(holds_a_panic)
{
    char id[XK_STORE_ID_SIZE], line[64];
    struct json_object *record;
    pid_t pid;

    crash_policy.action = XK_ACTION_DESTROY;
    crash_make("web");
    pid = crash_start(NULL);
    be_module();
    ck_assert(wait_page(&page->serving, 1, 5000));
    ask(XK_CRASH_PANIC);
    ck_assert(wait_page(&page->taken, 1, 10000));
    ck_assert_uint_eq(crash_records(), 1);
    record = crash_newest(id);
    ck_assert_str_eq(crash_text(record, "reason"), "panic");
    ck_assert_str_eq(crash_text(record, "outcome"), "stored");
    ck_assert(!json_object_get_boolean(crash_number(record, "live")));
    json_object_put(record);
    crash_check(id, false);
    snprintf(line, sizeof(line), "destroy %u\n", crash_dom);
    ck_assert(!crash_xl_said(line));
    /* Asking again is answered, and costs no dump. */
    ask(XK_CRASH_PANIC);
    ck_assert(wait_page(&page->taken, 2, 5000));
    ck_assert_int_eq(fake_domain_shutdown(crash_dom, CRASH_SHUTDOWN), 0);
    ck_assert(crash_xl_wait(line, 5000));
    ck_assert_uint_eq(crash_records(), 1);
    /* crashd holds nothing of it. */
    ck_assert_int_eq(fake_domain_dying(crash_dom), 0);
    usleep(200000);
    ck_assert_uint_eq(fake_mappings(), 0);
    crash_stop(pid);
}
END_TEST

/* One that goes on: a live dump, and its death is another one. */
START_TEST(holds_an_oops)
{
    char id[XK_STORE_ID_SIZE];
    struct json_object *record;
    pid_t pid;

    crash_make("web");
    pid = crash_start(NULL);
    be_module();
    ck_assert(wait_page(&page->serving, 1, 5000));
    ask(XK_CRASH_OOPS);
    ck_assert(wait_page(&page->taken, 1, 10000));
    record = crash_newest(id);
    ck_assert_str_eq(crash_text(record, "reason"), "oops");
    ck_assert(json_object_get_boolean(crash_number(record, "live")));
    ck_assert_uint_gt(strlen(crash_text(record, "stop")), 0);
    json_object_put(record);
    usleep(1100000);
    ck_assert_int_eq(fake_domain_shutdown(crash_dom, CRASH_SHUTDOWN), 0);
    ck_assert(crash_wait(pid, 2));
    record = crash_newest(id);
    ck_assert_str_eq(crash_text(record, "reason"), "crash");
    ck_assert_int_eq(json_object_get_int(crash_number(record, "deaths")), 1);
    json_object_put(record);
    crash_stop(pid);
    ck_assert_uint_eq(page->serving, 0);
}
END_TEST

/* Its first oops was its last: one dump, and that is of its death. */
START_TEST(holds_an_oops_that_kills)
{
    char id[XK_STORE_ID_SIZE], line[64];
    struct json_object *record;
    pid_t pid;

    crash_policy.action = XK_ACTION_DESTROY;
    crash_make("web");
    pid = crash_start(NULL);
    be_module();
    ck_assert(wait_page(&page->serving, 1, 5000));
    ask(XK_CRASH_OOPS);
    ck_assert(wait_page(&page->taken, 1, 10000));
    ask(XK_CRASH_PANIC);
    ck_assert(wait_page(&page->taken, 2, 5000));
    ck_assert_int_eq(fake_domain_shutdown(crash_dom, CRASH_SHUTDOWN), 0);
    snprintf(line, sizeof(line), "destroy %u\n", crash_dom);
    ck_assert(crash_xl_wait(line, 5000));
    ck_assert_uint_eq(crash_records(), 1);
    record = crash_newest(id);
    ck_assert_str_eq(crash_text(record, "reason"), "panic");
    ck_assert(!json_object_get_boolean(crash_number(record, "live")));
    ck_assert_int_eq(json_object_get_int(crash_number(record, "deaths")), 1);
    json_object_put(record);
    crash_stop(pid);
}
END_TEST

/* It asked a crashd that was killed: the next one takes it. With entries,
 * which a guest that stands still does not touch. */
START_TEST(takes_who_waits)
{
    struct fake_config config = {
        .pages = CRASH_PAGES, .static_max = 2 * CRASH_PAGES, .name = "pod",
    };
    char id[XK_STORE_ID_SIZE];
    struct fake_info before, after;
    struct json_object *record;
    int status;
    pid_t pid;

    crash_make_as(&config);
    pid = crash_start(NULL);
    be_module();
    ck_assert(wait_page(&page->serving, 1, 5000));
    ck_assert_int_eq(kill(pid, SIGKILL), 0);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    fake_reap(pid);
    ck_assert_int_eq(fake_domain_info(crash_dom, &before), 0);
    page->kind = XK_CRASH_PANIC;
    page->asked++;
    pid = crash_start(NULL);
    ck_assert(wait_page(&page->taken, 1, 10000));
    record = crash_newest(id);
    ck_assert_str_eq(crash_text(record, "outcome"), "stored");
    json_object_put(record);
    crash_check(id, false);
    ck_assert_int_eq(fake_domain_info(crash_dom, &after), 0);
    ck_assert_uint_eq(after.entries, before.entries);
    crash_stop(pid);
}
END_TEST

/* Nodes that make no sense, a page that storms: it is served, or not, and
 * crashd goes on. */
START_TEST(bears_a_hostile_module)
{
    char path[XK_XS_PATH_MAX];
    unsigned int i;
    pid_t pid;

    crash_policy.rule_count = 1;
    crash_policy.rules[0] = (struct xk_rule){
        .name = "web", .stateless = true,
    };
    crash_make("web");
    pid = crash_start(NULL);
    be_module();
    ck_assert(wait_page(&page->serving, 1, 5000));
    for (i = 0; i < 500; i++)
        ask(i % 5);
    ck_assert(wait_page(&page->taken, 500, 5000));
    ck_assert_uint_eq(crash_records(), 0);    /* it is stateless */
    /* Unloaded, and loaded with nonsense. */
    snprintf(path, sizeof(path), XK_PATH_CRASH_GUEST_VERSION, crash_dom);
    ck_assert_int_eq(fake_xs_rm(crash_dom, path), 0);
    ck_assert(wait_page(&page->serving, 0, 5000));
    write_node(CRASH_AT(XK_PATH_CRASH_GUEST_PAGE_REF), 0xffffffff);
    write_node(CRASH_AT(XK_PATH_CRASH_GUEST_EVENT_CHANNEL), 131071);
    write_node(CRASH_AT(XK_PATH_CRASH_GUEST_VMCOREINFO), ~0ull);
    write_node(CRASH_AT(XK_PATH_CRASH_GUEST_VERSION), 1);
    usleep(200000);
    crash_stop(pid);
    ck_assert_uint_eq(fake_mappings(), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("crash_next");
    TCase *tc = tcase_create("crash_next");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, crash_setup, crash_teardown);
    tcase_set_timeout(tc, 300);
    tcase_add_test(tc, stops_a_loop);
    tcase_add_test(tc, calls_it_a_loop);
    tcase_add_test(tc, falls_back);
    tcase_add_test(tc, tells_the_next);
    tcase_add_test(tc, tells_who_runs_already);
    tcase_add_test(tc, holds_a_panic);
    tcase_add_test(tc, holds_an_oops);
    tcase_add_test(tc, holds_an_oops_that_kills);
    tcase_add_test(tc, takes_who_waits);
    tcase_add_test(tc, bears_a_hostile_module);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
