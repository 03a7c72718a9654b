// SPDX-License-Identifier: GPL-2.0-only
/*
 * Deaths and what is to be said of them, by the rules that are installed; the
 * texts are in the words of Linux 6.1 and Xen 4.17.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "diagnosis.h"
#include "findings.h"
#include "unit.h"

static struct xk_causes causes;

static void setup(void)
{
    char why[XK_CAUSES_WHY], dir[512];
    const char *src = getenv("XK_SRCDIR");

    snprintf(dir, sizeof(dir), "%s/dom0/crashd/crash.d",
             src ? src : "../../..");
    ck_assert_msg(!xk_causes_load(&causes, dir, why), "%s", why);
    ck_assert_uint_ge(causes.count, 30);
}

static void teardown(void)
{
    xk_causes_dispose(&causes);
}

#define OOPS(what, function, rest) \
    "[  100.000000] " what "\n" \
    "[  100.000001] #PF: supervisor read access in kernel mode\n" \
    "[  100.000002] CPU: 0 PID: 7 Comm: worker Tainted: G      D  OE  " \
    "6.1.0 #1\n" \
    "[  100.000003] RIP: 0010:" function "\n" \
    "[  100.000004] Call Trace:\n" \
    "[  100.000005]  <TASK>\n" \
    "[  100.000006]  ? __die+0x10/0x20\n" rest \
    "[  100.000007]  do_syscall_64+0x5d/0xb0\n" \
    "[  100.000008]  </TASK>\n"
#define PANIC(what) \
    "[  100.100000] Kernel panic - not syncing: " what "\n"

struct death {
    const char *log, *xen;
    struct xk_fact facts[3];
    const char *code;
};

static const struct death deaths[] = {
    { OOPS("BUG: kernel NULL pointer dereference, address: 0000000000000000",
           "bad_probe.isra.0+0x1/0x20 [bad]",
           "[  100.0]  bad_init+0x5/0x10 [bad]\n") PANIC("Fatal exception"),
      NULL, { { "", "" } }, "guest/kernel-bug/bad_probe [bad]/null-pointer" },
    { OOPS("BUG: unable to handle page fault for address: ffffc90000200000",
           "memcpy_erms+0x6/0x10", "[  100.0]  ext4_read+0x5/0x10 [ext4]\n"),
      NULL, { { "", "" } }, "guest/kernel-bug/memcpy_erms/page-fault" },
    { OOPS("general protection fault, probably for non-canonical address "
           "0xdead000000000100: 0000 [#1]", "list_walk+0x6/0x10", ""),
      NULL, { { "", "" } },
      "guest/kernel-bug/list_walk/general-protection" },
    { OOPS("kernel BUG at mm/slub.c:435!", "kfree+0x6/0x10", ""),
      NULL, { { "", "" } }, "guest/kernel-bug/mm/slub.c:435/kernel-bug" },
    { "[    9.0] list_del corruption. prev->next should be 1\n"
      OOPS("kernel BUG at lib/list_debug.c:53!",
           "__list_del_entry_valid.cold+0x5/0x10",
           "[  100.0]  free_it+0x5/0x10\n"), NULL, { { "", "" } },
      "guest/corruption/__list_del_entry_valid/list-corruption" },
    { "[    3.0] VFS: Unable to mount root fs on unknown-block(0,0)\n"
      PANIC("VFS: Unable to mount root fs on unknown-block(0,0)"), NULL,
      { { "", "" } }, "guest/config/unknown-block(0,0)/no-root" },
    { PANIC("No working init found.  Try passing init= option to kernel."),
      NULL, { { "", "" } }, "guest/config/-/no-init" },
    { PANIC("Attempted to kill init! exitcode=0x0000000b"), NULL,
      { { "", "" } }, "guest/userspace/0x0000000b/init-killed" },
    { PANIC("Out of memory: system-wide panic_on_oom is enabled"), NULL,
      { { "last_action_s", "4000" } }, "guest/memory/-/oom-panic" },
    { PANIC("System is deadlocked on memory"), NULL,
      { { "last_action", "mem-set 128" }, { "last_action_s", "40" } },
      "toolstack/memory/-/oom-ballooned" },
    { OOPS("watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [a:5]",
           "spin+0x6/0x10", ""), NULL, { { "steal_permille", "3" } },
      "guest/hang/spin/soft-lockup" },
    { OOPS("watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [a:5]",
           "spin+0x6/0x10", ""), NULL, { { "steal_permille", "700" } },
      "host/starved/-/soft-lockup-starved" },
    { "[    1.0] Watchdog detected hard LOCKUP on cpu 0\n"
      PANIC("Hard LOCKUP"), NULL, { { "", "" } },
      "guest/hang/-/hard-lockup" },
    { "[    1.0] rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:\n"
      PANIC("RCU Stall"), NULL, { { "", "" } }, "guest/hang/-/rcu-stall" },
    { "[    1.0] INFO: task jbd2/xvda1-8:99 blocked for more than 120 "
      "seconds.\n" PANIC("hung_task: blocked tasks"), NULL, { { "", "" } },
      "guest/io/jbd2/xvda1-8/hung-task" },
    { "[    1.0] mce: [Hardware Error]: CPU 0: Machine Check: 0 Bank 5\n"
      OOPS("BUG: kernel NULL pointer dereference, address: 0", "a+0x1/0x2",
           ""), NULL, { { "", "" } }, "hardware/hardware/-/mce" },
    { "[    1.0] PANIC: double fault, error_code: 0x0\n"
      PANIC("Machine halted."), NULL, { { "", "" } },
      "guest/kernel-stack/-/double-fault" },
    { PANIC("stack-protector: Kernel stack is corrupted in: foo+0x1/0x2"),
      NULL, { { "", "" } }, "guest/corruption/foo/stack-protector" },
    { PANIC("panic_on_warn set ..."), NULL, { { "", "" } },
      "guest/kernel-bug/-/panic-on-warn" },
    { "[    1.0] sysrq: Trigger a crash\n" PANIC("sysrq triggered crash"),
      NULL, { { "", "" } }, "administrator/requested/sysrq/sysrq" },
    { NULL, NULL, { { "shutdown", "triple-fault" }, { "uptime_s", "500" } },
      "guest/triple-fault/-/triple-fault" },
    { NULL, NULL, { { "shutdown", "triple-fault" }, { "uptime_s", "5" },
                    { "starts", "4" } }, "guest/boot-loop/-/boot-loop" },
    { NULL, "(XEN) p2m_pod_demand_populate: Dom3 out of PoD memory! (tot=1)\n"
      "(XEN) domain_crash called from p2m-pod.c:1254\n",
      { { "shutdown", "crash" } },
      "hypervisor/memory/-/out-of-pod-memory" },
    { NULL, "(XEN) domain_crash called from emulate.c:100\n",
      { { "shutdown", "crash" } },
      "hypervisor/domain-crash/emulate.c:100/domain-crash" },
    { NULL, "(XEN) d2v0 VIRIDIAN CRASH: d1 1 2 0 fffff8000\n",
      { { "shutdown", "crash" } }, "hypervisor/windows/d1/windows-bugcheck" },
    { NULL, NULL, { { "shutdown", "watchdog" }, { "steal_permille", "900" } },
      "host/starved/-/watchdog-starved" },
    { PANIC("something new"), NULL, { { "", "" } }, "guest/panic/-/panic" },
    { NULL, NULL, { { "shutdown", "crash" } }, "guest/crash/-/unknown" },
};

static void diagnose(struct xk_diagnosis *d, const struct death *death)
{
    const struct xk_evidence e = { .facts = death->facts, .fact_count = 3,
                                   .log = death->log, .xen = death->xen };

    xk_diagnose(d, &causes, &e);
}

START_TEST(test_deaths)
{
    struct xk_diagnosis d;
    char code[200];

    diagnose(&d, &deaths[_i]);
    xk_diagnosis_code(&d, code);
    ck_assert_str_eq(code, deaths[_i].code);
}
END_TEST

/* Different causes are kept apart. */
START_TEST(test_apart)
{
    struct xk_diagnosis a, b;
    size_t i, j;

    for (i = 0; i < sizeof(deaths) / sizeof(deaths[0]); i++) {
        for (j = 0; j < i; j++) {
            diagnose(&a, &deaths[i]);
            diagnose(&b, &deaths[j]);
            ck_assert_msg(a.exact != b.exact && a.loose != b.loose,
                          "%zu and %zu", i, j);
        }
    }
}
END_TEST

/* The same again: other times, offsets, address, and a compiler's suffix. */
START_TEST(test_again)
{
    static const struct death again = {
        .log = "[  700.5] BUG: kernel NULL pointer dereference, address: "
               "0000000000000008\n[  700.6] RIP: 0010:bad_probe+0x9/0x44 [bad]"
               "\n[  700.7] Call Trace:\n[  700.8]  bad_init+0x7/0x11 [bad]\n"
               "[  700.9] ---[ end trace 0000000000000000 ]---\n",
    };
    struct xk_diagnosis a, b;

    diagnose(&a, &deaths[0]);
    diagnose(&b, &again);
    ck_assert_uint_eq(a.exact, b.exact);
    ck_assert_uint_eq(a.loose, b.loose);
    ck_assert_str_eq(a.trace.frame[1].function, "bad_init");
    ck_assert_str_eq(a.trace.taint, "DOE");
    ck_assert_str_eq(a.trace.command, "worker");
}
END_TEST

/* What is long past did not kill it. */
START_TEST(test_old)
{
    static const struct death old = {
        .log = "[    5.0] WARNING: CPU: 0 PID: 1 at old/thing.c:5\n"
               "[ 9000.0] BUG: kernel NULL pointer dereference, address: 0\n",
    };
    struct xk_diagnosis d;

    diagnose(&d, &old);
    ck_assert_str_eq(d.cause, "null-pointer");
    ck_assert_uint_eq(d.other_count, 0);
}
END_TEST

START_TEST(test_page)
{
    static const struct death evil = {
        .log = "[ 1.0] Kernel panic - not syncing: <script>alert(1)</script>"
               "\x1b[2J&\n",
    };
    const struct xk_evidence e = { .log = evil.log, .host = "<b>" };
    struct xk_diagnosis d;
    const struct xk_story story = { .diagnosis = &d, .evidence = &e,
                                    .guest = "web", .log = true };
    json_object *json;
    char *text;

    diagnose(&d, &evil);
    text = xk_findings_html(&story);
    ck_assert_ptr_nonnull(strstr(text, "</html>"));
    ck_assert_ptr_null(strstr(text, "<script"));
    ck_assert_ptr_null(strstr(text, "<b>"));
    ck_assert_ptr_null(strchr(text, '\x1b'));
    ck_assert_ptr_null(strstr(text, "http"));
    free(text);
    text = xk_findings_text(&story);
    ck_assert_ptr_nonnull(strstr(text, "guest/panic/-/panic"));
    ck_assert_ptr_null(strchr(text, '\x1b'));
    free(text);
    json = xk_findings_json(&story);
    ck_assert_str_eq(json_object_get_string(
        json_object_object_get(json, "cause")), "panic");
    json_object_put(json);
}
END_TEST

START_TEST(test_rules)
{
    static const char *const wrong[] = {
        "a = b\n", "[a\n", "[A]\n", "[a]\npattern = (\n",
        "[a]\npattern = x\nclass = y\n", "[a]\nsource = dom0\n",
        "[a]\nconfidence = 101\n", "[a]\nwhen = x ~ 3\n", "[a]\nwhen = x\n",
        "[a]\ntier = last\n", "[a]\nnonsense = 1\n", "[a]\nhello\n",
        "[a]\npattern = x\npattern = y\n", "[a]\npattern = (x)\\1\n",
        "[a]\npattern = x{200}\n",
    };
    char why[XK_CAUSES_WHY];
    size_t count = causes.count, i;

    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        ck_assert_msg(xk_causes_parse(&causes, wrong[i], "t", why) ==
                      -EINVAL, "%s", wrong[i]);
        ck_assert(!strncmp(why, "t:", 2));
        ck_assert_uint_eq(causes.count, count);
    }
    ck_assert_int_eq(xk_causes_parse(&causes, "# mine\n[panic]\n"
        "pattern = Kernel panic\nclass = mine\ncause = My own.\n", "t", why),
        0);
    ck_assert_uint_eq(causes.count, count);
    ck_assert_int_eq(xk_causes_load(&causes, "/nowhere", why), -ENOENT);
}
END_TEST

TCase *tcase_diagnosis(void)
{
    TCase *tc = tcase_create("diagnosis");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, test_deaths, 0,
                        sizeof(deaths) / sizeof(deaths[0]));
    tcase_add_test(tc, test_apart);
    tcase_add_test(tc, test_again);
    tcase_add_test(tc, test_old);
    tcase_add_test(tc, test_page);
    tcase_add_test(tc, test_rules);
    return tc;
}
