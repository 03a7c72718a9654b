// SPDX-License-Identifier: GPL-2.0-only
/*
 * The real crashd on the stand-in of Xen: deaths, records, what becomes of
 * the dead; and crashd killed at each of many points of a dump, after which
 * nothing may be in the store that verifies and is wrong, and the next crashd
 * must have a whole dump of the guest that still stands.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <check.h>

#include <xenkeep/proto/crash.h>
#include <xenkeep/util.h>

#include "config.h"

#include "crash_guest.h"
#include "crashd.h"
#include "fake.h"
#include "image_kdump.h"
#include "seal_format.h"
#include "store.h"
#include "unseal.h"
#include "view.h"
#include "xk-keys.h"

#define PAGES 2048u             /* of a guest: 8 MiB */
#define DATA 700u               /* of these, from the second 2 MiB on */
#define SHUTDOWN_CRASH 3u

static char dir[64];
static struct xk_policy policy;
static uint16_t dom;
static uint8_t memory[DATA][FAKE_PAGE_SIZE];    /* as the guest has it */

/* ---- a world ---- */

static void path_of(char *path, const char *name)
{
    snprintf(path, XK_POLICY_PATH, "%s/%s", dir, name);
}

static void copy_cert(const char *name, const char *audience)
{
    const char *src = getenv("XK_SRCDIR");
    char command[1024];

    snprintf(command, sizeof(command),
             "mkdir -p %s/keys/%s && cp %s/tests/unit/certs/%s.pem "
             "%s/keys/%s/", dir, audience, src ? src : ".", name, dir,
             audience);
    ck_assert_int_eq(system(command), 0);
}

/* An xl that destroys and creates nothing, and says what it was told. */
static void make_xl(void)
{
    char path[XK_POLICY_PATH];
    FILE *f;

    path_of(path, "xl");
    f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    fprintf(f, "#!/bin/sh\necho \"$@\" >>%s/xl.log\n", dir);
    ck_assert_int_eq(fclose(f), 0);
    ck_assert_int_eq(chmod(path, 0755), 0);
}

/* Has xl been told `line` (with its end)? */
static bool xl_said(const char *line)
{
    char path[XK_POLICY_PATH], got[128];
    bool said = false;
    FILE *f;

    path_of(path, "xl.log");
    f = fopen(path, "r");
    while (f && !said && fgets(got, sizeof(got), f))
        said = !strcmp(got, line);
    if (f)
        fclose(f);
    return said;
}

static void forget_xl(void)
{
    char path[XK_POLICY_PATH];

    path_of(path, "xl.log");
    (void)unlink(path);
}

/* In memory where that can be: what is synced here need not reach a disk. */
static void choose_dir(void)
{
    struct statvfs fs;

    strcpy(dir, statvfs("/dev/shm", &fs) || fs.f_flag & ST_NOEXEC
                    ? "/tmp/xk-crashd-XXXXXX" : "/dev/shm/xk-crashd-XXXXXX");
}

static void setup(void)
{
    static const struct fake_host host = { .supers = 64 };
    char path[XK_POLICY_PATH];

    choose_dir();
    ck_assert_ptr_nonnull(mkdtemp(dir));
    xk_policy_default(&policy);
    path_of(policy.store, "store");
    path_of(policy.keys, "keys");
    policy.workers = 2;
    policy.keep_free_mib = 0;
    policy.loop_delay_s = 1;
    path_of(path, "cores");
    ck_assert_int_eq(mkdir(path, 0700), 0);
    make_xl();
    copy_cert("ec", "owner");
    ck_assert_int_eq(fake_init(&host), 0);
}

static void teardown(void)
{
    char command[128];

    fake_fini();
    snprintf(command, sizeof(command), "rm -rf %s", dir);
    ck_assert_int_eq(system(command), 0);
}

/* As with Xen, no number comes again. */
static void make_guest_as(const struct fake_config *like)
{
    struct fake_config config = *like;
    size_t i;
    int id;

    config.domid = dom + 1u;
    id = fake_domain_create(&config);

    ck_assert_int_gt(id, 0);
    dom = (uint16_t)id;
    ck_assert_int_eq(fake_guest_fill(dom, FAKE_SUPER_PAGES, DATA), 0);
    for (i = 0; i < DATA; i++)
        ck_assert_int_eq(fake_guest_read(dom, FAKE_SUPER_PAGES + i, 0,
                                         memory[i], FAKE_PAGE_SIZE), 0);
}

static void make_guest(const char *name)
{
    struct fake_config config = { .pages = PAGES, .name = name };

    make_guest_as(&config);
}

/* ---- crashd as a process ---- */

static void be_crashd(void)
{
    static struct xk_crashd cd;
    static char run[XK_POLICY_PATH], cores[XK_POLICY_PATH],
        xl[XK_POLICY_PATH];
    struct xk_crashd_places places = { run, cores, xl, NULL };

    path_of(run, "run");
    path_of(cores, "cores");
    path_of(xl, "xl");
    /* It ends with the test, however that ends. */
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    xk_log_init("crashd", XK_LOG_ERR, true);
    xk_crashd_init(&cd);
    cd.policy = policy;
    if (xk_crashd_open(&cd, &places) || xk_crashd_start(&cd) ||
        xk_loop_run(&cd.loop))
        _exit(1);
    xk_crashd_dispose(&cd);
    _exit(0);
}

static pid_t start(const char *fault)
{
    pid_t pid;

    fflush(NULL);
    pid = fork();
    ck_assert_int_ge(pid, 0);
    if (!pid) {
        if (fault)
            (void)setenv("XK_FAULT", fault, 1);
        be_crashd();
    }
    return pid;
}

static void stop(pid_t pid)
{
    int status;

    ck_assert_int_eq(kill(pid, SIGTERM), 0);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFEXITED(status) && !WEXITSTATUS(status));
    fake_reap(pid);
}

static unsigned int records(void)
{
    char (*ids)[XK_STORE_ID_SIZE];
    size_t count;

    if (xk_store_list(policy.store, false, &ids, &count))
        return 0;
    free(ids);
    return (unsigned int)count;
}

/* Waits for so many records. False: crashd was killed before. */
static bool wait_records(pid_t pid, unsigned int count)
{
    unsigned int turns;
    int status;

    for (turns = 0; turns < 24000; turns++) {
        if (records() >= count)
            return true;
        if (waitpid(pid, &status, WNOHANG) == pid) {
            ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
            fake_reap(pid);
            return false;
        }
        usleep(5000);
    }
    ck_abort_msg("no record after two minutes");
    return false;
}

static struct json_object *newest(char id[XK_STORE_ID_SIZE])
{
    struct json_object *record;
    char (*ids)[XK_STORE_ID_SIZE];
    size_t count;

    ck_assert_int_eq(xk_store_list(policy.store, false, &ids, &count), 0);
    ck_assert_uint_gt(count, 0);
    memcpy(id, ids[count - 1], XK_STORE_ID_SIZE);
    free(ids);
    ck_assert_int_eq(xk_store_read_record(policy.store, id, &record), 0);
    return record;
}

static const char *text(struct json_object *record, const char *name)
{
    struct json_object *v;

    ck_assert_msg(json_object_object_get_ex(record, name, &v), "%s", name);
    return json_object_get_string(v);
}

/* ---- what a dump holds ---- */

static struct xk_private *private_of(const char *name)
{
    const char *src = getenv("XK_SRCDIR");
    struct xk_private *key;
    char path[512];
    int fd;

    snprintf(path, sizeof(path), "%s/tests/unit/certs/%s.key",
             src ? src : ".", name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(xk_private_read(&key, fd, ""), 0);
    close(fd);
    return key;
}

static int read_view(void *ctx, uint64_t offset, void *buf, size_t len)
{
    ssize_t n = pread(*(int *)ctx, buf, len, (off_t)offset);

    return n == (ssize_t)len ? 0 : -EIO;
}

/* Every page of the guest's data, as the guest has it. */
static void check_pages(int fd)
{
    static uint8_t pages[DATA][FAKE_PAGE_SIZE]
        __attribute__((aligned(FAKE_PAGE_SIZE)));
    const struct xk_source source = { read_view, &fd };
    struct xk_image *img;
    uint8_t state[DATA];
    uint64_t pfns[DATA];
    size_t i;

    for (i = 0; i < DATA; i++)
        pfns[i] = FAKE_SUPER_PAGES + i;
    ck_assert_int_eq(xk_image_open_kdump(&img, &source), 0);
    ck_assert_int_eq(img->read(img, pfns, DATA, pages, state), 0);
    for (i = 0; i < DATA; i++)
        ck_assert_int_eq(state[i], XK_PAGE_RAM);
    ck_assert(!memcmp(pages, memory, sizeof(pages)));
    xk_image_close(img);
}

/* A dump that is in the store is whole and right, whatever happened. `part`:
 * one that is not there yet, but would pass. */
static void check_dump_by(const char *id, bool part, const char *name)
{
    struct xk_unseal_key key = { .key = private_of(name) };
    char path[XK_STORE_PATH], why[XK_UNSEAL_WHY];
    struct xk_view_stats stats;
    struct xk_unseal *u;
    int fd, view = memfd_create("view", MFD_CLOEXEC);

    xk_store_path(policy.store, id, part, XK_STORE_DUMP, path);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    ck_assert_msg(!xk_unseal_open(&u, fd, &key, why), "%s", why);
    ck_assert(!xk_unseal_torn(u, NULL));
    ck_assert_msg(!xk_view_make(u, view, NULL, NULL, &stats, why), "%s",
                  why);
    ck_assert_uint_eq(stats.hidden, 0);
    check_pages(view);
    xk_unseal_close(u);
    xk_private_free((struct xk_private *)(uintptr_t)key.key);
    close(fd);
    close(view);
}

static void check_dump(const char *id, bool part)
{
    check_dump_by(id, part, "ec");
}

/* ---- deaths ---- */

START_TEST(dumps_the_dead)
{
    char id[XK_STORE_ID_SIZE], path[XK_POLICY_PATH];
    struct json_object *record;
    pid_t pid;

    make_guest("web");
    pid = start(NULL);
    usleep(200000);
    ck_assert_uint_eq(records(), 0);
    ck_assert_int_eq(fake_domain_shutdown(dom, SHUTDOWN_CRASH), 0);
    ck_assert(wait_records(pid, 1));
    record = newest(id);
    ck_assert_str_eq(text(record, "outcome"), "stored");
    ck_assert_str_eq(text(record, "guest"), "web");
    ck_assert_str_eq(text(record, "reason"), "crash");
    check_dump(id, false);
    json_object_put(record);
    stop(pid);
    /* The default is to leave it alone. */
    path_of(path, "xl.log");
    ck_assert_int_ne(access(path, F_OK), 0);
    /* The next crashd knows that it has it already. */
    pid = start(NULL);
    usleep(300000);
    ck_assert_uint_eq(records(), 1);
    stop(pid);
    ck_assert_uint_eq(fake_mappings(), 0);
}
END_TEST

/* Shut down by its own will: nothing to keep. */
START_TEST(leaves_others)
{
    pid_t pid;

    make_guest("web");
    pid = start(NULL);
    ck_assert_int_eq(fake_domain_shutdown(dom, 0), 0);
    make_guest("other");
    ck_assert_int_eq(fake_domain_destroy(dom), 0);
    usleep(300000);
    ck_assert_uint_eq(records(), 0);
    stop(pid);
}
END_TEST

/* Entries are not filled by looking, and what the guest gave away is not
 * there. */
START_TEST(touches_no_entry)
{
    struct fake_config config = {
        .pages = PAGES, .static_max = 2 * PAGES, .name = "pod",
    };
    char id[XK_STORE_ID_SIZE];
    struct fake_info before, after;
    struct json_object *record;
    pid_t pid;

    make_guest_as(&config);
    ck_assert_int_eq(fake_domain_info(dom, &before), 0);
    ck_assert_uint_gt(before.entries, 0);
    ck_assert_int_eq(fake_domain_shutdown(dom, SHUTDOWN_CRASH), 0);
    pid = start(NULL);
    ck_assert(wait_records(pid, 1));
    record = newest(id);
    ck_assert_str_eq(text(record, "outcome"), "stored");
    json_object_put(record);
    check_dump(id, false);
    ck_assert_int_eq(fake_domain_info(dom, &after), 0);
    ck_assert_uint_eq(after.entries, before.entries);
    ck_assert_uint_eq(after.cache, before.cache);
    stop(pid);
}
END_TEST

START_TEST(skips_the_stateless)
{
    char id[XK_STORE_ID_SIZE], path[XK_STORE_PATH];
    struct json_object *record;
    pid_t pid;

    policy.rule_count = 1;
    policy.rules[0] = (struct xk_rule){ .name = "web", .stateless = true };
    make_guest("web");
    ck_assert_int_eq(fake_domain_shutdown(dom, SHUTDOWN_CRASH), 0);
    pid = start(NULL);
    ck_assert(wait_records(pid, 1));
    record = newest(id);
    ck_assert_str_eq(text(record, "outcome"), "skipped");
    ck_assert_ptr_nonnull(strstr(text(record, "why"), "stateless"));
    json_object_put(record);
    xk_store_path(policy.store, id, false, XK_STORE_DUMP, path);
    ck_assert_int_ne(access(path, F_OK), 0);
    stop(pid);
}
END_TEST

/* No certificate: what is private, and that is all, is left out. */
START_TEST(nobody_to_seal_for)
{
    char id[XK_STORE_ID_SIZE], command[128];
    struct json_object *record, *pages, *one, *n;
    pid_t pid;

    snprintf(command, sizeof(command), "rm -r %s/keys", dir);
    ck_assert_int_eq(system(command), 0);
    make_guest("web");
    ck_assert_int_eq(fake_domain_shutdown(dom, SHUTDOWN_CRASH), 0);
    pid = start(NULL);
    ck_assert(wait_records(pid, 1));
    record = newest(id);
    ck_assert_str_eq(text(record, "outcome"), "stored");
    ck_assert(json_object_object_get_ex(record, "pages", &pages) &&
              json_object_object_get_ex(pages, "unknown", &one) &&
              json_object_object_get_ex(one, "found", &n));
    ck_assert_int_ge(json_object_get_int(n), (int)DATA);
    ck_assert(json_object_object_get_ex(one, "stored", &n));
    ck_assert_int_eq(json_object_get_int(n), 0);
    json_object_put(record);
    stop(pid);
}
END_TEST

START_TEST(acts_on_the_corpse)
{
    unsigned int turns;
    char want[64];
    pid_t pid;

    policy.action = XK_ACTION_DESTROY;
    make_guest("web");
    pid = start(NULL);
    ck_assert_int_eq(fake_domain_shutdown(dom, SHUTDOWN_CRASH), 0);
    ck_assert(wait_records(pid, 1));
    snprintf(want, sizeof(want), "destroy %u\n", dom);
    for (turns = 0; !xl_said(want) && turns < 2000; turns++)
        usleep(5000);
    ck_assert(xl_said(want));
    stop(pid);
}
END_TEST

/* xl's dump waits at the FIFO until the guest is stored, then runs into
 * nothing. */
START_TEST(holds_at_the_fifo)
{
    static uint8_t core[1 << 20];
    char path[XK_POLICY_PATH];
    unsigned int turns;
    struct stat st;
    size_t done = 0;
    ssize_t n;
    pid_t pid;
    int fd;

    policy.action = XK_ACTION_DESTROY;
    make_guest("web");
    pid = start(NULL);
    path_of(path, "cores/web");
    for (turns = 0; stat(path, &st) && turns < 1000; turns++)
        usleep(5000);
    ck_assert(S_ISFIFO(st.st_mode));
    fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_NONBLOCK | O_CLOEXEC,
              0600);
    ck_assert_int_ge(fd, 0);
    n = write(fd, core, sizeof(core));
    ck_assert_int_gt(n, 0);
    ck_assert_int_lt(n, 256 * 1024);    /* it is full, and nobody reads */
    ck_assert_int_eq(fake_domain_shutdown(dom, SHUTDOWN_CRASH), 0);
    ck_assert(wait_records(pid, 1));
    for (turns = 0; done < sizeof(core) && turns < 2000; turns++) {
        n = write(fd, core, sizeof(core) - done);
        done += n > 0 ? (size_t)n : 0;
        usleep(2000);
    }
    ck_assert_uint_eq(done, sizeof(core));
    close(fd);
    /* What becomes of it is xl's affair. */
    path_of(path, "xl.log");
    ck_assert_int_ne(access(path, F_OK), 0);
    ck_assert_int_eq(fake_domain_destroy(dom), 0);
    path_of(path, "cores/web");
    for (turns = 0; !stat(path, &st) && turns < 1000; turns++)
        usleep(5000);
    ck_assert_int_ne(stat(path, &st), 0);
    stop(pid);
}
END_TEST

/* xl comes to the FIFO when the dump is made already: it goes on all the
 * same, and crashd does not get in its way. */
START_TEST(lets_xl_come_late)
{
    char path[XK_POLICY_PATH];
    unsigned int turns;
    struct stat st;
    pid_t pid;
    int fd;

    policy.action = XK_ACTION_DESTROY;
    make_guest("web");
    pid = start(NULL);
    path_of(path, "cores/web");
    for (turns = 0; stat(path, &st) && turns < 1000; turns++)
        usleep(5000);
    ck_assert_int_eq(fake_domain_shutdown(dom, SHUTDOWN_CRASH), 0);
    ck_assert(wait_records(pid, 1));
    fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, "core", 4), 4);
    usleep(1500000);
    close(fd);
    path_of(path, "xl.log");
    ck_assert_int_ne(access(path, F_OK), 0);
    stop(pid);
}
END_TEST

START_TEST(keeps_to_its_limits)
{
    unsigned int turn;
    pid_t pid;

    policy.keep_dumps = 2;
    pid = start(NULL);
    for (turn = 0; turn < 4; turn++) {
        struct fake_config config = {
            .pages = PAGES, .name = "web", .uuid = { 7 },
        };

        make_guest_as(&config);
        usleep(200000);
        ck_assert_int_eq(fake_domain_shutdown(dom, SHUTDOWN_CRASH), 0);
        ck_assert(wait_records(pid, turn < 2 ? turn + 1 : 2));
        usleep(1100000);        /* ids have the second */
        ck_assert_int_eq(fake_domain_destroy(dom), 0);
        usleep(100000);
    }
    ck_assert_uint_eq(records(), 2);
    stop(pid);
}
END_TEST

/* ---- what is kept ---- */

/* Is the newest record that of the guest? */
static bool is_recorded(void)
{
    char id[XK_STORE_ID_SIZE];
    struct json_object *record, *domid;
    bool is;

    if (!records())
        return false;
    record = newest(id);
    is = json_object_object_get_ex(record, "domid", &domid) &&
         json_object_get_int(domid) == dom;
    json_object_put(record);
    return is;
}

/* One more death of a guest of that name; so many records are left. */
static void one_more(pid_t pid, const char *name, unsigned int count)
{
    unsigned int turns;

    make_guest(name);
    usleep(100000);
    ck_assert_int_eq(fake_domain_shutdown(dom, SHUTDOWN_CRASH), 0);
    for (turns = 0; !is_recorded() && turns < 2000; turns++)
        usleep(5000);
    ck_assert(wait_records(pid, count));
    usleep(1100000);            /* ids have the second */
    ck_assert_uint_eq(records(), count);
    ck_assert_int_eq(fake_domain_destroy(dom), 0);
}

/* Ids from the oldest on; the caller frees them. */
static char (*ids_of(size_t *count_r))[XK_STORE_ID_SIZE]
{
    char (*ids)[XK_STORE_ID_SIZE];

    ck_assert_int_eq(xk_store_list(policy.store, false, &ids, count_r), 0);
    return ids;
}

static void set_field(const char *id, const char *name,
                      struct json_object *value)
{
    struct json_object *record;

    ck_assert_int_eq(xk_store_read_record(policy.store, id, &record), 0);
    json_object_object_add(record, name, value);
    ck_assert_int_eq(xk_store_write_record(policy.store, id, false, record),
                     0);
    json_object_put(record);
}

static bool has_dump(const char *id)
{
    char path[XK_STORE_PATH];

    xk_store_path(policy.store, id, false, XK_STORE_DUMP, path);
    return !access(path, F_OK);
}

/* Too old: gone, though it is the only one of its guest. */
START_TEST(keeps_for_days)
{
    char (*ids)[XK_STORE_ID_SIZE], old[XK_STORE_ID_SIZE];
    size_t count;
    pid_t pid;

    policy.keep_days = 2;
    pid = start(NULL);
    one_more(pid, "old", 1);
    ids = ids_of(&count);
    memcpy(old, ids[0], sizeof(old));
    free(ids);
    set_field(old, "time", json_object_new_int64(time(NULL) - 3 * 86400));
    one_more(pid, "new", 1);
    ids = ids_of(&count);
    ck_assert_uint_eq(count, 1);
    ck_assert_str_ne(ids[0], old);
    free(ids);
    stop(pid);
}
END_TEST

/* Too much: the older go, the newest of each guest stays. `_i`: by the size
 * of the store, or by what the file system has left. */
START_TEST(keeps_what_fits)
{
    char (*ids)[XK_STORE_ID_SIZE];
    struct json_object *record;
    size_t count, i;
    pid_t pid;

    policy.keep_mib = _i ? 1024 : 0;
    policy.keep_free_mib = _i ? 1u << 30 : 0;
    pid = start(NULL);
    one_more(pid, "a", 1);
    one_more(pid, "b", 2);
    one_more(pid, "a", 2);
    ids = ids_of(&count);
    ck_assert_uint_eq(count, 2);
    for (i = 0; i < count; i++) {
        ck_assert_int_eq(xk_store_read_record(policy.store, ids[i], &record),
                         0);
        ck_assert_str_eq(text(record, "guest"), i ? "a" : "b");
        json_object_put(record);
        ck_assert(has_dump(ids[i]));
    }
    free(ids);
    stop(pid);
}
END_TEST

/* The same death over and over: the first and the last dump, and records.
 * What was cut off is done at the next turn. */
START_TEST(thins_out_what_repeats)
{
    char (*ids)[XK_STORE_ID_SIZE], path[XK_STORE_PATH];
    struct json_object *record;
    size_t count, i;
    pid_t pid;

    pid = start(NULL);
    one_more(pid, "web", 1);
    one_more(pid, "web", 2);
    one_more(pid, "web", 3);
    ids = ids_of(&count);
    for (i = 0; i < 3; i++) {
        ck_assert(has_dump(ids[i]));        /* of unknown causes: all stay */
        set_field(ids[i], "stop",
                  json_object_new_string("guest/kernel-bug/x/null-pointer"));
    }
    one_more(pid, "other", 4);
    ck_assert(has_dump(ids[0]) && !has_dump(ids[1]) && has_dump(ids[2]));
    ck_assert_int_eq(xk_store_read_record(policy.store, ids[1], &record), 0);
    ck_assert_str_eq(text(record, "outcome"), "thinned");
    json_object_put(record);
    xk_store_path(policy.store, ids[1], false, XK_STORE_DUMP, path);
    ck_assert_int_eq(close(open(path, O_WRONLY | O_CREAT, 0600)), 0);
    ck_assert_int_eq(truncate(path, 1), 0);
    one_more(pid, "other", 5);
    ck_assert(!has_dump(ids[1]));
    ck_assert(has_dump(ids[0]) && has_dump(ids[2]));
    free(ids);
    stop(pid);
}
END_TEST

/* ---- who may see it ---- */

static int run_tool(const char *verb, const char *key, const char *more,
                    const char *dump)
{
    const char *src = getenv("XK_SRCDIR"), *build = getenv("XK_BUILDDIR");
    char command[1024];
    int status;

    snprintf(command, sizeof(command), "%s/xenkeep-dump %s --key "
             "%s/tests/unit/certs/%s.key %s %s >/dev/null 2>&1",
             build ? build : ".", verb, src ? src : ".", key, more, dump);
    status = system(command);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* A certificate is exchanged: the content stays as it is, byte by byte, the
 * old key opens nothing and the new one all. */
START_TEST(rotates_keys)
{
    char id[XK_STORE_ID_SIZE], path[XK_STORE_PATH], more[300];
    static uint8_t before[1 << 20], after[1 << 20];
    ssize_t n;
    pid_t pid;
    int fd;

    make_guest("web");
    ck_assert_int_eq(fake_domain_shutdown(dom, SHUTDOWN_CRASH), 0);
    pid = start(NULL);
    ck_assert(wait_records(pid, 1));
    stop(pid);
    json_object_put(newest(id));
    xk_store_path(policy.store, id, false, XK_STORE_DUMP, path);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    n = read(fd, before, sizeof(before));
    copy_cert("rsa", "../next/owner");
    snprintf(more, sizeof(more), "--keys %s/next", dir);
    ck_assert_int_eq(run_tool("rewrap", "other", more, path), 1);
    ck_assert_int_eq(run_tool("rewrap", "ec", more, path), 0);
    ck_assert_int_eq(run_tool("verify", "ec", "", path), 1);
    ck_assert_int_eq(run_tool("verify", "rsa", "", path), 0);
    check_dump_by(id, false, "rsa");
    ck_assert_int_eq(pread(fd, after, sizeof(after), 0), n);
    ck_assert_int_gt(n, 2 * XK_SEAL_HEADER);
    ck_assert(memcmp(before, after, XK_SEAL_HEADER));
    ck_assert(!memcmp(before + XK_SEAL_HEADER, after + XK_SEAL_HEADER,
                      (size_t)n - XK_SEAL_HEADER));
    close(fd);
}
END_TEST

/* ---- policy of guests without a state ---- */

/* Without a disk that it can write, if the configuration counts that. */
START_TEST(skips_the_diskless)
{
    char id[XK_STORE_ID_SIZE], path[XK_XS_PATH_MAX];
    struct json_object *record;
    pid_t pid;

    policy.skip_diskless = 1;
    make_guest("web");
    snprintf(path, sizeof(path), XK_PATH_VBD_MODE, dom, 51712u);
    ck_assert_int_ge(fake_xs_write(0, path, _i ? "w" : "r"), 0);
    ck_assert_int_eq(fake_domain_shutdown(dom, SHUTDOWN_CRASH), 0);
    pid = start(NULL);
    ck_assert(wait_records(pid, 1));
    record = newest(id);
    ck_assert_str_eq(text(record, "outcome"), _i ? "stored" : "skipped");
    ck_assert(_i || strstr(text(record, "why"), "no disk"));
    ck_assert(has_dump(id) == (_i == 1));
    json_object_put(record);
    stop(pid);
}
END_TEST

/* ---- again and again ---- */

static bool wait_xl(const char *line, unsigned int ms)
{
    unsigned int turns;

    for (turns = 0; !xl_said(line) && turns < ms / 5; turns++)
        usleep(5000);
    return xl_said(line);
}

static char node[XK_XS_PATH_MAX];

/* The path of a node of the guest's. */
#define AT(format) (snprintf(node, sizeof(node), format, dom), node)

static void wait_node(const char *path, char *buf, size_t size)
{
    unsigned int turns;

    for (turns = 0; turns < 2000; turns++) {
        if (fake_xs_read(dom, path, buf, size) >= 0)
            return;
        usleep(5000);
    }
    ck_abort_msg("%s is not there", path);
}

static struct json_object *number(struct json_object *record,
                                  const char *name)
{
    struct json_object *v;

    ck_assert_msg(json_object_object_get_ex(record, name, &v), "%s", name);
    return v;
}

/* Started, died, and the xl that is none was told to end it. */
static void live_and_die(pid_t pid, const char *name, unsigned int count)
{
    char line[64], version[8];

    make_guest(name);
    wait_node(AT(XK_PATH_CRASH_VERSION), version, sizeof(version));
    ck_assert_int_eq(fake_domain_shutdown(dom, SHUTDOWN_CRASH), 0);
    ck_assert(wait_records(pid, count));
    snprintf(line, sizeof(line), "destroy %u\n", dom);
    (void)wait_xl(line, 1500);
    usleep(1000000);            /* ids have the second */
}

static void again_rule(const char *fallback)
{
    policy.rule_count = 1;
    policy.rules[0] = (struct xk_rule){
        .name = "web", .has_action = true, .action = XK_ACTION_RESTART,
        .config = "/web.cfg",
    };
    strcpy(policy.rules[0].fallback, fallback);
    policy.loop_deaths = 2;
    policy.loop_delay_s = 2;
}

/* At once, later, not any more; the next crashd keeps to it. */
START_TEST(stops_a_loop)
{
    char id[XK_STORE_ID_SIZE], line[64];
    struct json_object *record;
    pid_t pid;

    again_rule("");
    pid = start(NULL);
    live_and_die(pid, "web", 1);
    ck_assert(xl_said("create /web.cfg\n"));
    ck_assert_int_eq(fake_domain_destroy(dom), 0);
    forget_xl();
    /* The second waits, also when crashd is another by then. */
    make_guest("web");
    usleep(200000);
    ck_assert_int_eq(fake_domain_shutdown(dom, SHUTDOWN_CRASH), 0);
    ck_assert(wait_records(pid, 2));
    snprintf(line, sizeof(line), "destroy %u\n", dom);
    stop(pid);
    ck_assert(!xl_said(line));
    pid = start(NULL);
    ck_assert(wait_xl("create /web.cfg\n", 6000));
    ck_assert(xl_said(line));
    record = newest(id);
    ck_assert_int_eq(json_object_get_int(number(record, "deaths")), 2);
    ck_assert_int_eq(json_object_get_int(number(record, "delay_s")), 2);
    ck_assert(!json_object_get_boolean(number(record, "held")));
    json_object_put(record);
    ck_assert_int_eq(fake_domain_destroy(dom), 0);
    forget_xl();
    live_and_die(pid, "web", 3);
    record = newest(id);
    ck_assert(json_object_get_boolean(number(record, "held")));
    json_object_put(record);
    stop(pid);
    pid = start(NULL);
    usleep(500000);
    stop(pid);
    snprintf(line, sizeof(line), "destroy %u\n", dom);
    ck_assert(!xl_said(line));
    ck_assert(!xl_said("create /web.cfg\n"));
    ck_assert_uint_eq(records(), 3);
}
END_TEST

/* The fallback is started once; if that dies too, it is over. */
START_TEST(falls_back)
{
    pid_t pid;

    again_rule("/good.cfg");
    policy.loop_deaths = 1;
    pid = start(NULL);
    live_and_die(pid, "web", 1);
    ck_assert_int_eq(fake_domain_destroy(dom), 0);
    ck_assert(!xl_said("create /good.cfg\n"));
    live_and_die(pid, "web", 2);
    ck_assert(wait_xl("create /good.cfg\n", 5000));
    ck_assert_int_eq(fake_domain_destroy(dom), 0);
    forget_xl();
    live_and_die(pid, "web", 3);
    ck_assert(!xl_said("create /good.cfg\n"));
    ck_assert(!xl_said("create /web.cfg\n"));
    stop(pid);
}
END_TEST

/* ---- the next start ---- */

static void say_died(pid_t pid)
{
    char version[8];

    wait_node(AT(XK_PATH_CRASH_VERSION), version, sizeof(version));
    ck_assert_str_eq(version, "1");
    ck_assert_int_eq(fake_domain_shutdown(dom, SHUTDOWN_CRASH), 0);
    ck_assert(wait_records(pid, 1));
    ck_assert_int_eq(fake_domain_destroy(dom), 0);
}

START_TEST(tells_the_next)
{
    char value[512], id[XK_STORE_ID_SIZE], path[XK_XS_PATH_MAX];
    pid_t pid = start(NULL);

    make_guest("web");
    say_died(pid);
    /* Another guest is told nothing. */
    make_guest("other");
    wait_node(AT(XK_PATH_CRASH_VERSION), value, sizeof(value));
    snprintf(path, sizeof(path), XK_PATH_CRASH_LAST_TIME, dom);
    usleep(100000);
    ck_assert(!fake_xs_exists(path));
    /* The next of its name is, and may read it, not write it. */
    make_guest("web");
    wait_node(AT(XK_PATH_CRASH_LAST_TIME), value, sizeof(value));
    wait_node(AT(XK_PATH_CRASH_LAST_REASON), value, sizeof(value));
    ck_assert_str_eq(value, "crash");
    wait_node(AT(XK_PATH_CRASH_LAST_OUTCOME), value, sizeof(value));
    ck_assert_str_eq(value, "stored");
    wait_node(AT(XK_PATH_CRASH_LAST_DEATHS), value, sizeof(value));
    ck_assert_str_eq(value, "1");
    wait_node(AT(XK_PATH_CRASH_LAST_STOP), value, sizeof(value));
    ck_assert_uint_gt(strlen(value), 0);
    wait_node(AT(XK_PATH_CRASH_LAST_DUMP), value, sizeof(value));
    json_object_put(newest(id));
    ck_assert_str_eq(value, id);
    snprintf(path, sizeof(path), XK_PATH_CRASH_LAST_STOP, dom);
    ck_assert_int_lt(fake_xs_write(dom, path, "mine"), 0);
    snprintf(path, sizeof(path), XK_PATH_CRASH_GUEST_VERSION, dom);
    ck_assert_int_ge(fake_xs_write(dom, path, "1"), 0);
    stop(pid);
    /* Nor is the one after it, or this one by another crashd. */
    ck_assert_int_eq(fake_domain_destroy(dom), 0);
    pid = start(NULL);
    make_guest("web");
    wait_node(AT(XK_PATH_CRASH_VERSION), value, sizeof(value));
    snprintf(path, sizeof(path), XK_PATH_CRASH_LAST_TIME, dom);
    usleep(100000);
    ck_assert(!fake_xs_exists(path));
    stop(pid);
}
END_TEST

/* With rename-restart the next one runs before the dump is there. */
START_TEST(tells_who_runs_already)
{
    char value[64];
    uint16_t dead;
    pid_t pid;

    make_guest("web");
    dead = dom;
    make_guest("web");
    pid = start(NULL);
    wait_node(AT(XK_PATH_CRASH_VERSION), value, sizeof(value));
    ck_assert_int_eq(fake_domain_shutdown(dead, SHUTDOWN_CRASH), 0);
    wait_node(AT(XK_PATH_CRASH_LAST_TIME), value, sizeof(value));
    stop(pid);
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
    ck_assert_int_ge(fake_xs_write(dom, path, text), 0);
}

static void be_module(void)
{
    static const uint8_t zero[FAKE_PAGE_SIZE];
    char version[8];
    int ref, p;

    wait_node(AT(XK_PATH_CRASH_VERSION), version, sizeof(version));
    ck_assert_int_ge(fake_guest_write(dom, PAGE_GFN, 0, zero,
                                      sizeof(zero)), 0);
    page = fake_guest_page(dom, PAGE_GFN);
    ref = fake_guest_grant(dom, PAGE_GFN, false);
    p = fake_guest_port_alloc(dom);
    ck_assert_int_ge(ref, 0);
    ck_assert_int_gt(p, 0);
    port = (uint32_t)p;
    write_node(AT(XK_PATH_CRASH_GUEST_PAGE_REF), (unsigned int)ref);
    write_node(AT(XK_PATH_CRASH_GUEST_EVENT_CHANNEL), port);
    write_node(AT(XK_PATH_CRASH_GUEST_VMCOREINFO), 0x1000);
    write_node(AT(XK_PATH_CRASH_GUEST_VERSION), 1);
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
    ck_assert_int_ge(fake_guest_port_notify(dom, port), 0);
}

/* Dumped while Xen says that it runs; its death then needs no dump. */
START_TEST(holds_a_panic)
{
    char id[XK_STORE_ID_SIZE], line[64];
    struct json_object *record;
    pid_t pid;

    policy.action = XK_ACTION_DESTROY;
    make_guest("web");
    pid = start(NULL);
    be_module();
    ck_assert(wait_page(&page->serving, 1, 5000));
    ask(XK_CRASH_PANIC);
    ck_assert(wait_page(&page->taken, 1, 10000));
    ck_assert_uint_eq(records(), 1);
    record = newest(id);
    ck_assert_str_eq(text(record, "reason"), "panic");
    ck_assert_str_eq(text(record, "outcome"), "stored");
    ck_assert(!json_object_get_boolean(number(record, "live")));
    json_object_put(record);
    check_dump(id, false);
    snprintf(line, sizeof(line), "destroy %u\n", dom);
    ck_assert(!xl_said(line));
    /* Asking again is answered, and costs no dump. */
    ask(XK_CRASH_PANIC);
    ck_assert(wait_page(&page->taken, 2, 5000));
    ck_assert_int_eq(fake_domain_shutdown(dom, SHUTDOWN_CRASH), 0);
    ck_assert(wait_xl(line, 5000));
    ck_assert_uint_eq(records(), 1);
    /* crashd holds nothing of it. */
    ck_assert_int_eq(fake_domain_dying(dom), 0);
    usleep(200000);
    ck_assert_uint_eq(fake_mappings(), 0);
    stop(pid);
}
END_TEST

/* One that goes on: a live dump, and its death is another one. */
START_TEST(holds_an_oops)
{
    char id[XK_STORE_ID_SIZE];
    struct json_object *record;
    pid_t pid;

    make_guest("web");
    pid = start(NULL);
    be_module();
    ck_assert(wait_page(&page->serving, 1, 5000));
    ask(XK_CRASH_OOPS);
    ck_assert(wait_page(&page->taken, 1, 10000));
    record = newest(id);
    ck_assert_str_eq(text(record, "reason"), "oops");
    ck_assert(json_object_get_boolean(number(record, "live")));
    ck_assert_uint_gt(strlen(text(record, "stop")), 0);
    json_object_put(record);
    usleep(1100000);
    ck_assert_int_eq(fake_domain_shutdown(dom, SHUTDOWN_CRASH), 0);
    ck_assert(wait_records(pid, 2));
    record = newest(id);
    ck_assert_str_eq(text(record, "reason"), "crash");
    ck_assert_int_eq(json_object_get_int(number(record, "deaths")), 1);
    json_object_put(record);
    stop(pid);
    ck_assert_uint_eq(page->serving, 0);
}
END_TEST

/* Its first oops was its last: one dump, and that is of its death. */
START_TEST(holds_an_oops_that_kills)
{
    char id[XK_STORE_ID_SIZE], line[64];
    struct json_object *record;
    pid_t pid;

    policy.action = XK_ACTION_DESTROY;
    make_guest("web");
    pid = start(NULL);
    be_module();
    ck_assert(wait_page(&page->serving, 1, 5000));
    ask(XK_CRASH_OOPS);
    ck_assert(wait_page(&page->taken, 1, 10000));
    ask(XK_CRASH_PANIC);
    ck_assert(wait_page(&page->taken, 2, 5000));
    ck_assert_int_eq(fake_domain_shutdown(dom, SHUTDOWN_CRASH), 0);
    snprintf(line, sizeof(line), "destroy %u\n", dom);
    ck_assert(wait_xl(line, 5000));
    ck_assert_uint_eq(records(), 1);
    record = newest(id);
    ck_assert_str_eq(text(record, "reason"), "panic");
    ck_assert(!json_object_get_boolean(number(record, "live")));
    ck_assert_int_eq(json_object_get_int(number(record, "deaths")), 1);
    json_object_put(record);
    stop(pid);
}
END_TEST

/* It asked a crashd that was killed: the next one takes it. With entries,
 * which a guest that stands still does not touch. */
START_TEST(takes_who_waits)
{
    struct fake_config config = {
        .pages = PAGES, .static_max = 2 * PAGES, .name = "pod",
    };
    char id[XK_STORE_ID_SIZE];
    struct fake_info before, after;
    struct json_object *record;
    int status;
    pid_t pid;

    make_guest_as(&config);
    pid = start(NULL);
    be_module();
    ck_assert(wait_page(&page->serving, 1, 5000));
    ck_assert_int_eq(kill(pid, SIGKILL), 0);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    fake_reap(pid);
    ck_assert_int_eq(fake_domain_info(dom, &before), 0);
    page->kind = XK_CRASH_PANIC;
    page->asked++;
    pid = start(NULL);
    ck_assert(wait_page(&page->taken, 1, 10000));
    record = newest(id);
    ck_assert_str_eq(text(record, "outcome"), "stored");
    json_object_put(record);
    check_dump(id, false);
    ck_assert_int_eq(fake_domain_info(dom, &after), 0);
    ck_assert_uint_eq(after.entries, before.entries);
    stop(pid);
}
END_TEST

/* Nodes that make no sense, a page that storms: it is served, or not, and
 * crashd goes on. */
START_TEST(bears_a_hostile_module)
{
    char path[XK_XS_PATH_MAX];
    unsigned int i;
    pid_t pid;

    policy.rule_count = 1;
    policy.rules[0] = (struct xk_rule){ .name = "web", .stateless = true };
    make_guest("web");
    pid = start(NULL);
    be_module();
    ck_assert(wait_page(&page->serving, 1, 5000));
    for (i = 0; i < 500; i++)
        ask(i % 5);
    ck_assert(wait_page(&page->taken, 500, 5000));
    ck_assert_uint_eq(records(), 0);    /* it is stateless */
    /* Unloaded, and loaded with nonsense. */
    snprintf(path, sizeof(path), XK_PATH_CRASH_GUEST_VERSION, dom);
    ck_assert_int_eq(fake_xs_rm(dom, path), 0);
    ck_assert(wait_page(&page->serving, 0, 5000));
    write_node(AT(XK_PATH_CRASH_GUEST_PAGE_REF), 0xffffffff);
    write_node(AT(XK_PATH_CRASH_GUEST_EVENT_CHANNEL), 131071);
    write_node(AT(XK_PATH_CRASH_GUEST_VMCOREINFO), ~0ull);
    write_node(AT(XK_PATH_CRASH_GUEST_VERSION), 1);
    usleep(200000);
    stop(pid);
    ck_assert_uint_eq(fake_mappings(), 0);
}
END_TEST

/* ---- the configuration ---- */

static const struct {
    const char *text;
    int rc;
} configs[] = {
    { "loop_minutes = 5\nloop_deaths = 7\nloop_delay_s = 1\n", 0 },
    { "loop_action = \"destroy\"\nhold_panics = 0\n", 0 },
    { "guests = [ \"name=a,action=restart,config=/a,fallback=/b\" ]\n", 0 },
    { "loop_deaths = 8\n", -EINVAL },     /* keep_dumps is 8 */
    { "keep_dumps = 4\n", -EINVAL },
    { "loop_delay_s = 0\n", -EINVAL },
    { "loop_action = \"restart\"\n", -EINVAL },
    { "guests = [ \"name=a,fallback=/b\" ]\n", -EINVAL },
    { "guests = [ \"name=a,action=restart,config=/a,fallback=b\" ]\n",
      -EINVAL },
};

START_TEST(reads_its_configuration)
{
    char path[XK_POLICY_PATH];
    struct xk_policy p;
    FILE *f;

    path_of(path, "crashd.conf");
    f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    fputs(configs[_i].text, f);
    ck_assert_int_eq(fclose(f), 0);
    xk_policy_default(&p);
    ck_assert_msg(xk_policy_read(&p, path) == configs[_i].rc, "%s",
                  configs[_i].text);
}
END_TEST

/* ---- killed ---- */

#ifdef XK_FAULT_POINTS
#define WORLDS 4u
#define BYTES 124               /* kills in each, at bytes of the files;
                                 * with those at frames more than 500 */

/* Bytes that crashd may yet write to files of the store; then it dies. */
static atomic_llong may_write = INT64_MAX;

/* Memory that was freed is of no interest here, and is copied by each fork. */
const char *__asan_default_options(void);

const char *__asan_default_options(void)
{
    return "quarantine_size_mb=8";
}

ssize_t __wrap_write(int fd, const void *buf, size_t len);

/* Linked in the place of write() in all of crashd. */
ssize_t __wrap_write(int fd, const void *buf, size_t len)
{
    struct stat st;
    long long left;

    if (fd <= STDERR_FILENO || fstat(fd, &st) || !S_ISREG(st.st_mode))
        return syscall(SYS_write, fd, buf, len);
    left = atomic_fetch_sub(&may_write, (long long)len);
    if (left >= (long long)len)
        return syscall(SYS_write, fd, buf, len);
    if (left > 0)
        (void)!syscall(SYS_write, fd, buf, (size_t)left);
    (void)raise(SIGKILL);
    return -1;
}

/* A moment later, when the last step of its way is taken. */
static bool lives(pid_t pid)
{
    unsigned int turns;
    int status;

    for (turns = 0; turns < 60; turns++) {
        if (waitpid(pid, &status, WNOHANG) == pid) {
            ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
            fake_reap(pid);
            return false;
        }
        usleep(5000);
    }
    return true;
}

/* What a dump, its record and its reports have written, bytes. */
static long long bytes_of(const char *id)
{
    static const char *const names[] = {
        XK_STORE_DUMP, XK_STORE_RECORD, "report.json", "report.txt",
        "report.html",
    };
    char path[XK_STORE_PATH];
    long long sum = 0;
    struct stat st;
    size_t i;

    for (i = 0; i < XK_ARRAY_SIZE(names); i++) {
        xk_store_path(policy.store, id, false, names[i], path);
        sum += stat(path, &st) ? 0 : (long long)st.st_size;
    }
    return sum;
}

/* What an unfinished dump has: if that passes for whole, it is. */
static void check_part(const char *id)
{
    struct xk_unseal_key key = { .key = private_of("ec") };
    char path[XK_STORE_PATH], why[XK_UNSEAL_WHY];
    struct xk_unseal *u;
    bool whole;
    int fd;

    xk_store_path(policy.store, id, true, XK_STORE_DUMP, path);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    whole = fd >= 0 && !xk_unseal_open(&u, fd, &key, why);
    if (whole) {
        whole = !xk_unseal_torn(u, NULL) &&
                !xk_unseal_walk(u, NULL, NULL, NULL, why);
        xk_unseal_close(u);
    }
    if (fd >= 0)
        close(fd);
    xk_private_free((struct xk_private *)(uintptr_t)key.key);
    if (whole)
        check_dump(id, true);
}

static unsigned int check_parts(void)
{
    char (*ids)[XK_STORE_ID_SIZE];
    size_t count, i;

    if (xk_store_list(policy.store, true, &ids, &count))
        return 0;
    for (i = 0; i < count; i++)
        check_part(ids[i]);
    free(ids);
    return (unsigned int)count;
}

/* A crashd that dies at `point`, or, without one, when it has written so much;
 * nothing of its dump may be taken for one, or else it is right. False: it
 * never came there. */
static bool killed_at(const char *point, long long bytes)
{
    char id[XK_STORE_ID_SIZE];
    bool was;
    pid_t pid;

    atomic_store(&may_write, point ? INT64_MAX : bytes);
    pid = start(point);
    atomic_store(&may_write, INT64_MAX);
    was = !wait_records(pid, 1) || !lives(pid);
    /* Two: the one before, if it died before it could tidy up. */
    ck_assert_uint_le(check_parts(), 2);
    if (records()) {
        json_object_put(newest(id));
        check_dump(id, false);
    }
    if (!was)
        stop(pid);
    return was;
}

/* The next crashd: one whole dump, no rest, and the guest is dealt with. */
static void repairs(void)
{
    char id[XK_STORE_ID_SIZE], want[64];
    struct json_object *record;
    unsigned int turns;
    pid_t pid;

    snprintf(want, sizeof(want), "destroy %u\n", dom);
    pid = start(NULL);
    ck_assert(wait_records(pid, 1));
    for (turns = 0; !xl_said(want) && turns < 2000; turns++)
        usleep(5000);
    ck_assert(xl_said(want));
    record = newest(id);
    ck_assert_str_eq(text(record, "outcome"), "stored");
    json_object_put(record);
    check_dump(id, false);
    ck_assert_uint_eq(records(), 1);
    ck_assert_uint_eq(check_parts(), 0);
    stop(pid);
    ck_assert_uint_eq(fake_mappings(), 0);
}

/* A guest that stands dead, whatever was stored of it gone again. */
static long long measure_and_forget(void)
{
    char id[XK_STORE_ID_SIZE];
    long long bytes;

    repairs();
    json_object_put(newest(id));
    bytes = bytes_of(id);
    ck_assert_int_eq(xk_store_remove(policy.store, id, false), 0);
    forget_xl();
    return bytes;
}

static void make_corpse(unsigned int seed)
{
    struct fake_config config = {
        .pages = PAGES, .name = "web", .layout = seed % 3,
        .static_max = seed % 2 ? 2 * PAGES : 0,
    };

    policy.action = XK_ACTION_DESTROY;
    policy.hold_coredumps = 0;
    policy.workers = 1 + seed % 2;
    make_guest_as(&config);
    ck_assert_int_eq(fake_domain_shutdown(dom, SHUTDOWN_CRASH), 0);
}

/*
 * Each of the kills but the first meets what the one before left. Bytes are
 * taken from all of what is written, each world its own.
 */
START_TEST(killed_while_it_writes)
{
    long long bytes, i;
    char point[32];

    make_corpse((unsigned int)_i);
    bytes = measure_and_forget();
    ck_assert_int_gt(bytes, 16 * BYTES);
    for (i = 0; i < BYTES; i++)
        ck_assert(killed_at(NULL, (bytes - 512) * (4 * i + _i) /
                                      (4 * BYTES)));
    do
        snprintf(point, sizeof(point), "dump-frame:%lld", i - BYTES + 1);
    while (killed_at(point, 0) && ++i);
    ck_assert_int_gt(i, BYTES + 4);
    repairs();
}
END_TEST

/* It is whole by then, or will be; once killed is enough to see that. */
START_TEST(killed_at_the_end)
{
    static const char *const points[] = {
        "dump-recorded", "dump-committed", "guest-settled",
    };

    make_corpse(0);
    ck_assert(killed_at(points[_i], 0));
    repairs();
}
END_TEST
#endif

int main(void)
{
    Suite *suite = suite_create("crashd");
    TCase *tc = tcase_create("crashd"), *kills = tcase_create("kills");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 300);
    tcase_add_test(tc, dumps_the_dead);
    tcase_add_test(tc, leaves_others);
    tcase_add_test(tc, touches_no_entry);
    tcase_add_test(tc, skips_the_stateless);
    tcase_add_test(tc, nobody_to_seal_for);
    tcase_add_test(tc, acts_on_the_corpse);
    tcase_add_test(tc, holds_at_the_fifo);
    tcase_add_test(tc, lets_xl_come_late);
    tcase_add_test(tc, keeps_to_its_limits);
    tcase_add_test(tc, keeps_for_days);
    tcase_add_loop_test(tc, keeps_what_fits, 0, 2);
    tcase_add_test(tc, thins_out_what_repeats);
    tcase_add_test(tc, rotates_keys);
    tcase_add_loop_test(tc, skips_the_diskless, 0, 2);
    tcase_add_test(tc, stops_a_loop);
    tcase_add_test(tc, falls_back);
    tcase_add_test(tc, tells_the_next);
    tcase_add_test(tc, tells_who_runs_already);
    tcase_add_test(tc, holds_a_panic);
    tcase_add_test(tc, holds_an_oops);
    tcase_add_test(tc, holds_an_oops_that_kills);
    tcase_add_test(tc, takes_who_waits);
    tcase_add_test(tc, bears_a_hostile_module);
    tcase_add_loop_test(tc, reads_its_configuration, 0,
                        XK_ARRAY_SIZE(configs));
    suite_add_tcase(suite, tc);
#ifdef XK_FAULT_POINTS
    tcase_add_checked_fixture(kills, setup, teardown);
    tcase_set_timeout(kills, 600);
    tcase_add_loop_test(kills, killed_while_it_writes, 0, WORLDS);
    tcase_add_loop_test(kills, killed_at_the_end, 0, 3);
#endif
    suite_add_tcase(suite, kills);
    runner = srunner_create(suite);
    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
