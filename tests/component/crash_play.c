// SPDX-License-Identifier: GPL-2.0-only
/* crashd as a process, its guests and an xl that is none, see crash_play.h. */
#include "crash_play.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <check.h>

#include <xenkeep/util.h>

#include "crashd.h"
#include "image_kdump.h"
#include "store.h"
#include "unseal.h"
#include "view.h"

char crash_dir[64];
struct xk_policy crash_policy;
const char *crash_causes;
uint16_t crash_dom;
char crash_node_path[XK_XS_PATH_MAX];

static uint8_t memory[CRASH_DATA][FAKE_PAGE_SIZE];  /* as the guest has it */

void crash_path(char *path, const char *name)
{
    snprintf(path, XK_POLICY_PATH, "%s/%s", crash_dir, name);
}

void crash_cert(const char *name, const char *audience)
{
    const char *src = getenv("XK_SRCDIR");
    char command[1024];

    snprintf(command, sizeof(command),
             "mkdir -p %s/keys/%s && cp %s/tests/unit/certs/%s.pem "
             "%s/keys/%s/", crash_dir, audience, src ? src : ".", name,
             crash_dir, audience);
    ck_assert_int_eq(system(command), 0);
}

/* An xl that destroys and creates nothing, and says what it was told. */
static void make_xl(void)
{
    char path[XK_POLICY_PATH];
    FILE *f;

    crash_path(path, "xl");
    f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    fprintf(f, "#!/bin/sh\necho \"$@\" >>%s/xl.log\n", crash_dir);
    ck_assert_int_eq(fclose(f), 0);
    ck_assert_int_eq(chmod(path, 0755), 0);
}

/* Has xl been told `line` (with its end)? */
bool crash_xl_said(const char *line)
{
    char path[XK_POLICY_PATH], got[128];
    bool said = false;
    FILE *f;

    crash_path(path, "xl.log");
    f = fopen(path, "r");
    while (f && !said && fgets(got, sizeof(got), f))
        said = !strcmp(got, line);
    if (f)
        fclose(f);
    return said;
}

void crash_xl_forget(void)
{
    char path[XK_POLICY_PATH];

    crash_path(path, "xl.log");
    (void)unlink(path);
}

/* In memory where that can be: what is synced here need not reach a disk. */
static void choose_dir(void)
{
    struct statvfs fs;

    strcpy(crash_dir, statvfs("/dev/shm", &fs) || fs.f_flag & ST_NOEXEC
                    ? "/tmp/xk-crashd-XXXXXX" : "/dev/shm/xk-crashd-XXXXXX");
}

void crash_setup(void)
{
    static const struct fake_host host = { .supers = 64 };
    char path[XK_POLICY_PATH];

    choose_dir();
    ck_assert_ptr_nonnull(mkdtemp(crash_dir));
    xk_policy_default(&crash_policy);
    crash_path(crash_policy.store, "store");
    crash_path(crash_policy.keys, "keys");
    crash_policy.workers = 2;
    crash_policy.keep_free_mib = 0;
    crash_policy.loop_delay_s = 1;
    crash_path(path, "cores");
    ck_assert_int_eq(mkdir(path, 0700), 0);
    make_xl();
    crash_cert("ec", "owner");
    ck_assert_int_eq(fake_init(&host), 0);
}

void crash_teardown(void)
{
    char command[128];

    fake_fini();
    snprintf(command, sizeof(command), "rm -rf %s", crash_dir);
    ck_assert_int_eq(system(command), 0);
}

/* As with Xen, no number comes again. */
void crash_make_as(const struct fake_config *like)
{
    struct fake_config config = *like;
    size_t i;
    int id;

    config.domid = crash_dom + 1u;
    id = fake_domain_create(&config);

    ck_assert_int_gt(id, 0);
    crash_dom = (uint16_t)id;
    ck_assert_int_eq(fake_guest_fill(crash_dom, FAKE_SUPER_PAGES,
                                     CRASH_DATA), 0);
    for (i = 0; i < CRASH_DATA; i++)
        ck_assert_int_eq(fake_guest_read(crash_dom, FAKE_SUPER_PAGES + i, 0,
                                         memory[i], FAKE_PAGE_SIZE), 0);
}

void crash_make(const char *name)
{
    struct fake_config config = { .pages = CRASH_PAGES, .name = name };

    crash_make_as(&config);
}

/* ---- crashd as a process ---- */

static void be_crashd(void)
{
    static struct xk_crashd cd;
    static char run[XK_POLICY_PATH], cores[XK_POLICY_PATH],
        xl[XK_POLICY_PATH];
    struct xk_crashd_places places = { run, cores, xl, crash_causes };

    crash_path(run, "run");
    crash_path(cores, "cores");
    crash_path(xl, "xl");
    /* It ends with the test, however that ends. */
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    xk_log_init("crashd", XK_LOG_ERR, true);
    xk_crashd_init(&cd);
    cd.policy = crash_policy;
    if (xk_crashd_open(&cd, &places) || xk_crashd_start(&cd) ||
        xk_loop_run(&cd.loop))
        _exit(1);
    xk_crashd_dispose(&cd);
    _exit(0);
}

pid_t crash_start(const char *fault)
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

void crash_stop(pid_t pid)
{
    int status;

    ck_assert_int_eq(kill(pid, SIGTERM), 0);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFEXITED(status) && !WEXITSTATUS(status));
    fake_reap(pid);
}

unsigned int crash_records(void)
{
    char (*ids)[XK_STORE_ID_SIZE];
    size_t count;

    if (xk_store_list(crash_policy.store, false, &ids, &count))
        return 0;
    free(ids);
    return (unsigned int)count;
}

/* Waits for so many records. False: crashd was killed before. */
bool crash_wait(pid_t pid, unsigned int count)
{
    unsigned int turns;
    int status;

    for (turns = 0; turns < 24000; turns++) {
        if (crash_records() >= count)
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

struct json_object *crash_newest(char id[XK_STORE_ID_SIZE])
{
    struct json_object *record;
    char (*ids)[XK_STORE_ID_SIZE];
    size_t count;

    ck_assert_int_eq(xk_store_list(crash_policy.store, false, &ids, &count), 0);
    ck_assert_uint_gt(count, 0);
    memcpy(id, ids[count - 1], XK_STORE_ID_SIZE);
    free(ids);
    ck_assert_int_eq(xk_store_read_record(crash_policy.store, id, &record), 0);
    return record;
}

const char *crash_text(struct json_object *record, const char *name)
{
    struct json_object *v;

    ck_assert_msg(json_object_object_get_ex(record, name, &v), "%s", name);
    return json_object_get_string(v);
}

/* ---- what a dump holds ---- */

struct xk_private *crash_private(const char *name)
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
    static uint8_t pages[CRASH_DATA][FAKE_PAGE_SIZE]
        __attribute__((aligned(FAKE_PAGE_SIZE)));
    const struct xk_source source = { read_view, &fd };
    struct xk_image *img;
    uint8_t state[CRASH_DATA];
    uint64_t pfns[CRASH_DATA];
    size_t i;

    for (i = 0; i < CRASH_DATA; i++)
        pfns[i] = FAKE_SUPER_PAGES + i;
    ck_assert_int_eq(xk_image_open_kdump(&img, &source), 0);
    ck_assert_int_eq(img->read(img, pfns, CRASH_DATA, pages, state), 0);
    for (i = 0; i < CRASH_DATA; i++)
        ck_assert_int_eq(state[i], XK_PAGE_RAM);
    ck_assert(!memcmp(pages, memory, sizeof(pages)));
    xk_image_close(img);
}

/* A dump that is in the store is whole and right, whatever happened. `part`:
 * one that is not there yet, but would pass. */
void crash_check_by(const char *id, bool part, const char *name)
{
    struct xk_unseal_key key = { .key = crash_private(name) };
    char path[XK_STORE_PATH], why[XK_UNSEAL_WHY];
    struct xk_view_stats stats;
    struct xk_unseal *u;
    int fd, view = memfd_create("view", MFD_CLOEXEC);

    xk_store_path(crash_policy.store, id, part, XK_STORE_DUMP, path);
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

void crash_check(const char *id, bool part)
{
    crash_check_by(id, part, "ec");
}

bool crash_xl_wait(const char *line, unsigned int ms)
{
    unsigned int turns;

    for (turns = 0; !crash_xl_said(line) && turns < ms / 5; turns++)
        usleep(5000);
    return crash_xl_said(line);
}

void crash_node(const char *path, char *buf, size_t size)
{
    unsigned int turns;

    for (turns = 0; turns < 2000; turns++) {
        if (fake_xs_read(crash_dom, path, buf, size) >= 0)
            return;
        usleep(5000);
    }
    ck_abort_msg("%s is not there", path);
}

struct json_object *crash_number(struct json_object *record,
                                  const char *name)
{
    struct json_object *v;

    ck_assert_msg(json_object_object_get_ex(record, name, &v), "%s", name);
    return v;
}
