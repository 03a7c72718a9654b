/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Random operations on one guest, by the toolstack, by commands, by the guest
 * and by whoever kills memoryd, and after each of them what must always hold:
 * the guest's data, its accounts, I1 and I2.
 *
 *   XK_SEED=N     other operations; a failure prints the seed and the round
 *   XK_ROUNDS=N   more or fewer of them, 25 operations each: 400 are ten
 *                 thousand, and take two minutes
 */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xenkeep/util.h>

#include "domain.h"
#include "play.h"

#define SUPER FAKE_SUPER_PAGES
#define PAGES (24 * SUPER)
#define DATA (20 * SUPER)       /* ranges 20 to 22 */
#define DATA_END (23 * SUPER)
#define FREE (4 * SUPER)        /* ranges 4 to 19: the guest may give them */
#define FREE_PAGES (16 * SUPER)
#define STOCK (2 * SUPER)       /* a page of it is the stock driver's to move */

#define ROUNDS 100u
#define OPS 25u                 /* of a round */

/* A kill comes before one of so many acts, or not at all. */
#define ACTS 120u

/* Outlives the daemons. */
struct world {
    struct guest guest;
    uint64_t random;
    uint64_t sum;
    unsigned int done[32];      /* operations, by kind */
    bool taken;                 /* the stock driver's page */
};

static struct play play;
static struct world *w;
static uint16_t dom;

/* xorshift64*: any would do, as long as a seed says all. */
static uint64_t dice(uint64_t sides)
{
    w->random ^= w->random >> 12;
    w->random ^= w->random << 25;
    w->random ^= w->random >> 27;
    return (w->random * 2685821657736338717ull >> 11) % sides;
}

/* ---- operations ---- */

/* A command may be refused, and may fail; nothing may come to harm. */
static void command(const char *method, const char *more)
{
    char params[96];

    snprintf(params, sizeof(params), "{\"domain\":\"%u\"%s}", dom, more);
    json_object_put(play_call(&play, method, params));
    play_hang_up(&play);
}

static void op_sweep(void)
{
    command("sweep", dice(3) ? "" : ",\"dry_run\":true");
}

static void op_resize(void)
{
    char more[48];

    snprintf(more, sizeof(more), ",\"target_kib\":%llu",
             (unsigned long long)(PAGES - dice(FREE_PAGES + SUPER)) * 4);
    command("sweep", more);
}

static void op_full(void)
{
    char more[48];

    snprintf(more, sizeof(more), ",\"target_kib\":%u", PAGES * 4);
    command("sweep", more);
}

static void op_recoalesce(void)
{
    command("recoalesce", "");
}

static void op_look(void)
{
    command(dice(2) ? "map" : "memory", "");
}

static bool answered(struct play *p, void *arg)
{
    (void)p;
    return w->guest.reported != *(unsigned long *)arg;
}

/* Blocks that it still has, it reports as free. */
static void op_report(void)
{
    unsigned long before = w->guest.reported;
    uint64_t gfn = FREE + dice(12) * SUPER;

    if (w->guest.ballooned || guest_offer(&w->guest, gfn, 1 + dice(3)))
        return;
    (void)play_until(&play, answered, &before, 5000);
}

static void op_write(void)
{
    uint64_t gfn = DATA + dice(DATA_END - DATA - 64);

    ck_assert_int_eq(fake_guest_fill(dom, gfn, 1 + dice(64)), 0);
    w->sum = play_checksum(&w->guest);
}

static void op_wipe(void)
{
    uint64_t gfn = DATA + dice(DATA_END - DATA - 600);

    ck_assert_int_eq(fake_guest_zero(dom, gfn, 1 + dice(600)), 0);
    w->sum = play_checksum(&w->guest);
}

static void op_touch(void)
{
    unsigned int i;

    for (i = 0; i < 40; i++)
        ck_assert_int_eq(fake_guest_touch(dom, DATA + dice(DATA_END - DATA)),
                         0);
}

/* xl mem-set by a page: the kernel's own driver gives it, or takes it back,
 * which brings whatever was in the frame. */
static void op_mem_set(void)
{
    uint64_t gfn = STOCK + 9;

    if (!w->taken) {
        ck_assert_int_eq(fake_guest_decrease(dom, &gfn, 1, 0), 1);
    } else {
        if (fake_guest_populate(dom, &gfn, 1, 0) != 1)
            return;
        ck_assert_int_eq(fake_guest_zero(dom, gfn, 1), 0);
    }
    w->taken = !w->taken;
    w->sum = play_checksum(&w->guest);
}

static void shutdown_node(const char *value)
{
    char path[64];

    snprintf(path, sizeof(path), "/local/domain/%u/control/shutdown", dom);
    ck_assert_int_eq(fake_xs_write(0, path, value), 0);
    play_idle(&play, 2);
}

/* A suspend that is asked for, and called off. */
static void op_suspend(void)
{
    shutdown_node("suspend");
    command("sweep", "");
    shutdown_node("");
}

/* A migration that begins and is given up. */
static void op_migrate(void)
{
    ck_assert_int_eq(fake_domain_log_dirty(dom, true), 0);
    command("sweep", "");
    ck_assert_int_eq(fake_domain_log_dirty(dom, false), 0);
}

/* The command goes away in the middle. */
static void op_hang_up(void)
{
    char params[64];

    snprintf(params, sizeof(params), "{\"domain\":\"%u\",\"target_kib\":%u}",
             dom, (PAGES - 8 * SUPER) * 4);
    play_ask(&play, "sweep", params);
    play_idle(&play, (unsigned int)dice(6));
    play_hang_up(&play);
    play_idle(&play, 20);
}

static bool at_rest(struct play *p, void *arg)
{
    const struct domain *d = play_domain(p, dom);

    (void)arg;
    return !d->op && !d->recovery && !d->scratch.slots;
}

static const struct {
    void (*run)(void);
    unsigned int weight;
} ops[] = {
    { op_sweep, 4 }, { op_resize, 5 }, { op_full, 2 }, { op_recoalesce, 1 },
    { op_look, 2 }, { op_report, 3 }, { op_write, 4 }, { op_wipe, 4 },
    { op_touch, 2 }, { op_mem_set, 2 }, { op_suspend, 1 }, { op_migrate, 1 },
    { op_hang_up, 2 },
};

/* ---- what must hold ---- */

static void check_all(void)
{
    play_check(dom);
    ck_assert_uint_eq(play_checksum(&w->guest), w->sum);
}

static void one(void)
{
    unsigned int i, n = 0;

    for (i = 0; i < XK_ARRAY_SIZE(ops); i++)
        n += ops[i].weight;
    n = (unsigned int)dice(n);
    for (i = 0; n >= ops[i].weight; i++)
        n -= ops[i].weight;
    ops[i].run();
    w->done[i]++;
    ck_assert(play_until(&play, at_rest, NULL, 8000));
    check_all();
}

/* ---- rounds ---- */

static unsigned int kill_at, acts;

static void on_call(enum fake_call call, unsigned long nr, void *arg)
{
    (void)nr, (void)arg;
    if ((call == FAKE_CALL_PAUSE || call == FAKE_CALL_UNPAUSE ||
         call == FAKE_CALL_SET_POD || call == FAKE_CALL_SETMAXMEM ||
         call == FAKE_CALL_MARK || call == FAKE_CALL_DECREASE ||
         call == FAKE_CALL_MAP) && ++acts == kill_at)
        (void)kill(getpid(), SIGKILL);
}

static void child(unsigned int n)
{
    unsigned int i;

    (void)alarm(60);
    kill_at = n;
    fake_hook(on_call, NULL);
    ck_assert_int_eq(play_up(&play), 0);
    /* A killed memoryd's limit, which the toolstack would have set. */
    if (!w->guest.ballooned)
        (void)fake_domain_set_max_pages(dom, PAGES + 256);
    play_connect(&play);
    check_all();
    for (i = 0; i < OPS; i++)
        one();
    play_down(&play);
    _exit(EXIT_SUCCESS);
}

/* False: an operation or a check failed in it. */
static bool round_ok(unsigned int n)
{
    int status;
    pid_t pid;

    fflush(NULL);
    pid = fork();
    ck_assert_int_ge(pid, 0);
    if (!pid)
        child(n);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    fake_reap(pid);
    return WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL
                               : WEXITSTATUS(status) == EXIT_SUCCESS;
}

static unsigned long number(const char *name, unsigned long otherwise)
{
    const char *value = getenv(name);

    return value ? strtoul(value, NULL, 10) : otherwise;
}

static void setup(void)
{
    static const struct fake_host host = { .supers = 96 };

    w = mmap(NULL, sizeof(*w), PROT_READ | PROT_WRITE,
             MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(w, MAP_FAILED);
    w->random = number("XK_SEED", 20261120) | 1;
    ck_assert_int_eq(fake_init(&host), 0);
    play_init(&play);
    dom = play_create(PAGES, DATA, DATA_END);
    guest_init(&w->guest, dom, FREE, FREE_PAGES);
    /* The vcpu_info pages, in the last range: no kernel moves them. The data:
     * the played one does not. */
    w->guest.pinned = DATA;
    w->guest.pinned_end = PAGES;
    play_guest(&play, &w->guest);
    w->sum = fake_checksum(dom);
}

static void teardown(void)
{
    play_fini(&play);
    fake_fini();
    munmap(w, sizeof(*w));
}

START_TEST(random_operations)
{
    unsigned long i, rounds = number("XK_ROUNDS", ROUNDS);
    unsigned int k;

    for (i = 0; i < rounds; i++)
        ck_assert_msg(round_ok(dice(2) ? 1 + (unsigned int)dice(ACTS) : 0),
                      "XK_SEED=%lu: round %lu",
                      number("XK_SEED", 20261120), i);
    for (k = 0; rounds >= ROUNDS && k < XK_ARRAY_SIZE(ops); k++)
        ck_assert_uint_gt(w->done[k], rounds / 20);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("random");
    TCase *tc = tcase_create("random");
    SRunner *runner;
    int failed;

    tcase_set_timeout(tc, 1200);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, random_operations);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
