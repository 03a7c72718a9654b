/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Draining: a guest has no entry and no cache then, memoryd makes none, and
 * Xen would assign it a device.
 */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xenkeep/control.h>
#include <xenkeep/util.h>

#include "domain.h"
#include "play.h"

#define SUPER FAKE_SUPER_PAGES
#define RANGES 24u
#define PAGES (RANGES * SUPER)
#define DATA (4 * SUPER)

static struct play play;
static struct guest *guest;
static uint16_t dom;
static uint64_t sum;

static void setup(void)
{
    ck_assert_int_eq(fake_init(NULL), 0);
    play_init(&play);
    dom = play_create(PAGES, SUPER, DATA);
    sum = fake_checksum(dom);
    ck_assert_int_eq(play_up(&play), 0);
}

static void teardown(void)
{
    play_fini(&play);
    ck_assert_uint_eq(fake_mappings(), 0);
    free(guest);
    guest = NULL;
    fake_fini();
}

static int call(const char *method, const char *more, const char *says)
{
    struct json_object *reply;
    char params[96];
    int code;

    snprintf(params, sizeof(params), "{\"domain\":\"%u\"%s}", dom, more);
    reply = play_call(&play, method, params);
    code = play_error(reply);
    ck_assert_msg(strstr(code ? play_message(reply)
                              : json_object_to_json_string(reply), says) !=
                      NULL, "%s", json_object_to_json_string(reply));
    json_object_put(reply);
    return code;
}

static void sweep(void)
{
    ck_assert_int_eq(call("sweep", "", ""), 0);
    ck_assert_uint_gt(play_info(dom).entries, 0);
}

static void drain(void)
{
    ck_assert_int_eq(call("drain", "", "\"drained\": true"), 0);
}

static void check_drained(void)
{
    struct fake_info info = play_info(dom);

    ck_assert_uint_eq(info.entries, 0);
    ck_assert_uint_eq(info.cache, 0);
    ck_assert_uint_eq(info.tot, PAGES + 16);
    ck_assert_uint_eq(info.pause_calls, 0);
    play_check(dom);
}

/* Ranges come back as wholes, without a pause. */
START_TEST(drains)
{
    uint64_t supers = play_info(dom).supers;
    unsigned long pauses;

    sweep();
    pauses = play_info(dom).pause_calls;
    drain();
    ck_assert_uint_eq(play_info(dom).pause_calls, pauses);
    ck_assert_uint_eq(play_info(dom).entries, 0);
    ck_assert_uint_eq(play_info(dom).cache, 0);
    ck_assert_uint_eq(play_info(dom).supers, supers);
    ck_assert_uint_eq(fake_checksum(dom), sum);
    play_check(dom);
}
END_TEST

/* Nobody makes entries from then on, until it is ended; it outlasts memoryd. */
START_TEST(leaves_alone)
{
    drain();
    check_drained();
    ck_assert_int_eq(call("sweep", "", "drain --end"), XK_RPC_REFUSED);
    play_down(&play);
    ck_assert_int_eq(play_up(&play), 0);
    ck_assert_int_eq(call("sweep", "", "drain --end"), XK_RPC_REFUSED);
    ck_assert_int_eq(call("memory", "", "drain --end"), 0);
    /* Again: nothing to do. */
    drain();
    check_drained();
    ck_assert_int_eq(call("drain", ",\"end\":true", "\"drained\": false"), 0);
    ck_assert_int_eq(call("drain", ",\"end\":true", "not drained"),
                     XK_RPC_REFUSED);
    sweep();
    play_check(dom);
}
END_TEST

/* A device is assigned: Xen takes it, and memoryd says why it does nothing. */
START_TEST(with_a_device)
{
    char path[64];

    sweep();
    drain();
    ck_assert_int_eq(fake_domain_passthrough(dom, true), 0);
    snprintf(path, sizeof(path), "/local/domain/0/backend/pci/%u", dom);
    ck_assert_int_eq(fake_xs_write(0, path, ""), 0);
    ck_assert_int_eq(call("drain", ",\"end\":true", "false"), 0);
    ck_assert_int_eq(call("sweep", "", "passed-through"), XK_RPC_REFUSED);
    ck_assert_int_eq(call("drain", "", "passed-through"), XK_RPC_REFUSED);
    ck_assert_uint_eq(play_info(dom).entries, 0);
}
END_TEST

/* Its balloon still moves, without a debt; free ranges are not reported. */
START_TEST(with_a_balloon)
{
    guest = calloc(1, sizeof(*guest));
    guest_init(guest, dom, DATA, 16 * SUPER);
    play_guest(&play, guest);
    play_connect(&play);
    sweep();
    drain();
    ck_assert_int_eq(guest_offer(guest, 12 * SUPER, 2), 0);
    play_idle(&play, 50);
    ck_assert_uint_eq(guest->report_status, XK_BALLOON_EBUSY);
    ck_assert_uint_eq(play_info(dom).entries, 0);
    ck_assert_int_eq(call("drain", ",\"end\":true", "false"), 0);
    ck_assert_int_eq(guest_offer(guest, 12 * SUPER, 2), 0);
    play_idle(&play, 50);
    ck_assert_uint_eq(guest->report_status, XK_BALLOON_OK);
    play_check(dom);
}
END_TEST

/* What cannot be drained: and it is as it was. */
START_TEST(refuses)
{
    struct fake_config config = { .pages = 8 * SUPER,
                                  .static_max = 16 * SUPER };
    int id;

    play.md.settings.guard = 0;
    id = fake_domain_create(&config);
    ck_assert_int_gt(id, 0);
    ck_assert_int_eq(call("drain", ",\"end\":1", "true or false"),
                     XK_RPC_PARAMS);
    ck_assert_int_eq(fake_domain_pause(dom), 0);
    ck_assert_int_eq(call("drain", "", "paused"), XK_RPC_REFUSED);
    ck_assert_int_eq(fake_domain_unpause(dom), 0);
    sweep();
    ck_assert_int_eq(fake_domain_log_dirty(dom, true), 0);
    ck_assert_int_eq(call("drain", "", "being migrated"), XK_RPC_FAILED);
    ck_assert_int_eq(fake_domain_log_dirty(dom, false), 0);
    sweep();
    dom = (uint16_t)id;
    ck_assert_int_eq(call("drain", "", "less than its maximum"),
                     XK_RPC_REFUSED);
}
END_TEST

static bool at_rest(struct play *p, void *arg)
{
    (void)arg;
    return !play_domain(p, dom)->drain;
}

/* The command, the guest or memoryd goes in the middle. */
START_TEST(ends_in_the_middle)
{
    char params[32], path[64];

    sweep();
    play.md.settings.scan_share_percent = 1;
    snprintf(params, sizeof(params), "{\"domain\":\"%u\"}", dom);
    snprintf(path, sizeof(path), "/local/domain/%u/control/shutdown", dom);
    play_ask(&play, "drain", params);
    /* It does a slice at least. */
    play_idle(&play, 2);
    if (_i == 0)
        play_hang_up(&play);
    else if (_i == 1)
        ck_assert_int_eq(fake_xs_write(0, path, "poweroff"), 0);
    else if (_i == 2)
        ck_assert_int_eq(fake_domain_destroy(dom), 0);
    else
        play_down(&play);
    if (_i == 3)
        ck_assert_int_eq(play_up(&play), 0);
    if (_i == 2)
        play_idle(&play, 30);
    else
        ck_assert(play_until(&play, at_rest, NULL, 3000));
    if (_i != 2) {
        ck_assert_uint_eq(fake_checksum(dom), sum);
        play_check(dom);
    }
}
END_TEST

/* ---- killed ---- */

static bool killed(unsigned long n)
{
    int status;
    pid_t pid;

    fflush(NULL);
    pid = fork();
    ck_assert_int_ge(pid, 0);
    if (!pid) {
        ck_assert_int_eq(play_up(&play), 0);
        sweep();
        fake_kill_at(n);
        drain();
        fake_kill_at(0);
        play_down(&play);
        _exit(EXIT_SUCCESS);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    fake_reap(pid);
    return WIFSIGNALED(status);
}

START_TEST(killed_at_calls)
{
    bool was = true, drained;
    unsigned long n;

    /* How many calls a drain takes depends on how its slices of time fall:
     * close steps at first, where it does different things. */
    for (n = 1; was; n += 11 + n / 16) {
        ck_assert_uint_lt(n, 100000);
        if (n > 1)
            setup();
        play_down(&play);
        was = killed(n);
        ck_assert_int_eq(play_up(&play), 0);
        play_idle(&play, 10);
        ck_assert_uint_eq(fake_checksum(dom), sum);
        play_check(dom);
        drained = play_domain(&play, dom)->aside;
        ck_assert(drained || was);
        ck_assert(!drained || !play_info(dom).entries);
        teardown();
    }
    ck_assert_uint_gt(n, 30);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("drain"), *kills = tcase_create("kills");
    Suite *suite = suite_create("drain");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_checked_fixture(kills, setup, NULL);
    tcase_set_timeout(tc, 60);
    tcase_set_timeout(kills, 300);
    tcase_add_test(tc, drains);
    tcase_add_test(tc, leaves_alone);
    tcase_add_test(tc, with_a_device);
    tcase_add_test(tc, with_a_balloon);
    tcase_add_test(tc, refuses);
    tcase_add_loop_test(tc, ends_in_the_middle, 0, 4);
    tcase_add_test(kills, killed_at_calls);
    suite_add_tcase(suite, tc);
    suite_add_tcase(suite, kills);
    runner = srunner_create(suite);
    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
