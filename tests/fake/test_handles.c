/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The stand-ins of libxenstore, libxenevtchn and libxengnttab, and what a
 * killed process leaves behind.
 */
#include <check.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xenctrl.h>
#include <xenevtchn.h>
#include <xenforeignmemory.h>
#include <xengnttab.h>
#include <xenstore.h>
#include <xentoolcore.h>

#include "fake.h"

#define SCRATCH UINT64_C(0x20000)

static uint16_t dom;

static void setup(void)
{
    struct fake_config config = { .pages = 4096 };
    int id;

    ck_assert_int_eq(fake_init(NULL), 0);
    id = fake_domain_create(&config);
    ck_assert_int_gt(id, 0);
    dom = (uint16_t)id;
}

static void teardown(void)
{
    fake_fini();
}

static bool readable(int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };

    return poll(&p, 1, 0) == 1;
}

/* ---- xenstore --------------------------------------------------------- */

static void expect_event(struct xs_handle *h, const char *path,
                         const char *token)
{
    char **event;

    ck_assert(readable(xs_fileno(h)));
    event = xs_check_watch(h);
    ck_assert_ptr_nonnull(event);
    ck_assert_str_eq(event[XS_WATCH_PATH], path);
    ck_assert_str_eq(event[XS_WATCH_TOKEN], token);
    free(event);
}

static void expect_no_event(struct xs_handle *h)
{
    ck_assert(!readable(xs_fileno(h)));
    ck_assert_ptr_null(xs_check_watch(h));
    ck_assert_int_eq(errno, EAGAIN);
}

START_TEST(xs_values)
{
    struct xs_handle *h = xs_open(0);
    unsigned int len = 99, n;
    char *v, **list;

    ck_assert(xs_write(h, XBT_NULL, "/a/b/c", "hello", 5));
    v = xs_read(h, XBT_NULL, "/a/b/c", &len);
    ck_assert_str_eq(v, "hello");
    ck_assert_uint_eq(len, 5);
    free(v);
    v = xs_read(h, XBT_NULL, "/a/b", &len);
    ck_assert_uint_eq(len, 0);
    free(v);
    ck_assert_ptr_null(xs_read(h, XBT_NULL, "/a/x", &len));
    ck_assert_int_eq(errno, ENOENT);
    ck_assert(!xs_write(h, XBT_NULL, "/a//b", "", 0));
    ck_assert_int_eq(errno, EINVAL);
    ck_assert(xs_mkdir(h, XBT_NULL, "/a/d"));
    ck_assert(xs_mkdir(h, XBT_NULL, "/a/d"));
    list = xs_directory(h, XBT_NULL, "/a", &n);
    ck_assert_uint_eq(n, 2);
    ck_assert_str_eq(list[0], "b");
    ck_assert_str_eq(list[1], "d");
    free(list);
    list = xs_directory(h, XBT_NULL, "/a/d", &n);
    ck_assert_ptr_nonnull(list);
    ck_assert_uint_eq(n, 0);
    free(list);
    /* Gone is gone; removing it again is fine while the parent lives. */
    ck_assert(xs_rm(h, XBT_NULL, "/a/b"));
    ck_assert(xs_rm(h, XBT_NULL, "/a/b"));
    ck_assert(!xs_rm(h, XBT_NULL, "/a/b/c"));
    ck_assert_int_eq(errno, ENOENT);
    ck_assert(!fake_xs_exists("/a/b/c"));
    v = xs_get_domain_path(h, 12);
    ck_assert_str_eq(v, "/local/domain/12");
    free(v);
    ck_assert(xs_is_domain_introduced(h, dom));
    ck_assert(!xs_is_domain_introduced(h, 12));
    xs_close(h);
}
END_TEST

START_TEST(xs_watches)
{
    struct xs_handle *h = xs_open(0);
    struct fake_config config = { .pages = 4096, .domid = 9 };

    expect_no_event(h);
    ck_assert(xs_watch(h, "/a", "t1"));
    ck_assert(!xs_watch(h, "/a", "t1"));
    ck_assert_int_eq(errno, EEXIST);
    expect_event(h, "/a", "t1");            /* a new watch fires once */
    expect_no_event(h);
    fake_xs_write(0, "/a/b/c", "1");
    expect_event(h, "/a/b/c", "t1");
    fake_xs_write(0, "/ab", "1");
    expect_no_event(h);
    /* A removed tree reports the top to those above, the rest to itself. */
    ck_assert(xs_watch(h, "/a/b/c", "t2"));
    expect_event(h, "/a/b/c", "t2");
    fake_xs_rm(0, "/a/b");
    expect_event(h, "/a/b", "t1");
    expect_event(h, "/a/b/c", "t2");
    expect_no_event(h);

    ck_assert(xs_watch(h, "@introduceDomain", "in"));
    ck_assert(xs_watch(h, "@releaseDomain", "out"));
    expect_event(h, "@introduceDomain", "in");
    expect_event(h, "@releaseDomain", "out");
    ck_assert_int_eq(fake_domain_create(&config), 9);
    expect_event(h, "@introduceDomain", "in");
    fake_domain_shutdown(9, 3);
    expect_event(h, "@releaseDomain", "out");
    fake_domain_destroy(9);
    expect_event(h, "@releaseDomain", "out");

    ck_assert(xs_watch(h, "memory/target", "rel"));
    expect_event(h, "memory/target", "rel");
    /* What is on its way still comes after unwatch. */
    fake_xs_write(0, "/a/z", "1");
    ck_assert(xs_unwatch(h, "/a", "t1"));
    ck_assert(!xs_unwatch(h, "/a", "t1"));
    ck_assert_int_eq(errno, ENOENT);
    expect_event(h, "/a/z", "t1");
    fake_xs_write(0, "/a/z", "2");
    expect_no_event(h);
    xs_close(h);
}
END_TEST

START_TEST(xs_rights)
{
    struct xs_handle *h = xs_open(0);
    struct xs_permissions perms[2] = {
        { .id = dom, .perms = XS_PERM_NONE }, { .id = 0, .perms = 1 },
    };
    char buf[32];
    unsigned int n;
    struct xs_permissions *got;

    ck_assert_int_eq(fake_xs_write(dom, "/local/domain/1/x", "1"), -EACCES);
    ck_assert_int_eq(fake_xs_read(dom, "/local/domain/1/memory/target", buf,
                                  sizeof(buf)), 5);
    ck_assert_str_eq(buf, "16384");
    ck_assert_int_eq(fake_xs_read(dom, "/local/domain/0/name", buf,
                                  sizeof(buf)), -EACCES);
    ck_assert(xs_mkdir(h, XBT_NULL, "/local/domain/1/device/dev/0"));
    ck_assert(xs_set_permissions(h, XBT_NULL, "/local/domain/1/device/dev/0",
                                 perms, 2));
    ck_assert_int_eq(fake_xs_perms("/local/domain/1/device/dev/0", buf,
                                   sizeof(buf)), 0);
    ck_assert_str_eq(buf, "n1,r0");
    got = xs_get_permissions(h, XBT_NULL, "/local/domain/1/device/dev/0", &n);
    ck_assert_uint_eq(n, 2);
    ck_assert_uint_eq(got[0].id, dom);
    free(got);
    ck_assert_int_eq(fake_xs_write(dom, "/local/domain/1/device/dev/0/state",
                                   "1"), 0);
    ck_assert_int_eq(fake_xs_read(2, "/local/domain/1/device/dev/0/state",
                                  buf, sizeof(buf)), -EACCES);
    /* What dom0 makes below belongs to the guest, too. */
    ck_assert(xs_write(h, XBT_NULL, "/local/domain/1/device/dev/0/y", "1",
                       1));
    ck_assert_int_eq(fake_xs_write(dom, "/local/domain/1/device/dev/0/y",
                                   "2"), 0);
    xs_close(h);
}
END_TEST

START_TEST(xs_transactions)
{
    struct xs_handle *h = xs_open(0);
    xs_transaction_t t;
    unsigned int len;
    char *v;

    ck_assert(xs_watch(h, "/t", "t"));
    expect_event(h, "/t", "t");
    t = xs_transaction_start(h);
    ck_assert(xs_write(h, t, "/t/a", "1", 1));
    ck_assert(!fake_xs_exists("/t/a"));
    v = xs_read(h, t, "/t/a", &len);
    ck_assert_str_eq(v, "1");
    free(v);
    expect_no_event(h);
    ck_assert(xs_transaction_end(h, t, false));
    ck_assert(fake_xs_exists("/t/a"));
    expect_event(h, "/t/a", "t");

    t = xs_transaction_start(h);
    ck_assert(xs_rm(h, t, "/t/a"));
    ck_assert(xs_transaction_end(h, t, true));
    ck_assert(fake_xs_exists("/t/a"));

    /* Somebody else was faster; and one the test asked for. */
    t = xs_transaction_start(h);
    ck_assert(xs_write(h, t, "/t/b", "1", 1));
    fake_xs_write(0, "/elsewhere", "1");
    ck_assert(!xs_transaction_end(h, t, false));
    ck_assert_int_eq(errno, EAGAIN);
    fake_xs_conflicts(1);
    t = xs_transaction_start(h);
    ck_assert(!xs_transaction_end(h, t, false));
    ck_assert_int_eq(errno, EAGAIN);
    ck_assert(!xs_write(h, t, "/t/b", "1", 1));
    ck_assert_int_eq(errno, ENOENT);
    expect_no_event(h);
    xs_close(h);
}
END_TEST

/* ---- Event channels ------------------------------------------------------ */

START_TEST(events_both_ways)
{
    xenevtchn_handle *xce = xenevtchn_open(NULL, 0);
    int remote = fake_guest_port_alloc(dom), port;

    ck_assert_int_gt(remote, 0);
    port = xenevtchn_bind_interdomain(xce, dom, (evtchn_port_t)remote);
    ck_assert_int_gt(port, 0);
    /* It is bound by one only. */
    ck_assert_int_eq(xenevtchn_bind_interdomain(xce, dom,
                                                (evtchn_port_t)remote), -1);
    ck_assert_int_eq(errno, EINVAL);
    ck_assert_int_eq(xenevtchn_bind_interdomain(xce, 33, 1), -1);
    ck_assert_int_eq(errno, ESRCH);

    /* A first event comes with the binding. */
    ck_assert(readable(xenevtchn_fd(xce)));
    ck_assert_int_eq(xenevtchn_pending(xce), port);
    ck_assert(!readable(xenevtchn_fd(xce)));
    ck_assert_int_eq(xenevtchn_pending(xce), -1);

    /* Masked until it is unmasked; then at once. */
    ck_assert_int_eq(fake_guest_port_notify(dom, (uint32_t)remote), 0);
    ck_assert(!readable(xenevtchn_fd(xce)));
    ck_assert_int_eq(xenevtchn_unmask(xce, (evtchn_port_t)port), 0);
    ck_assert(readable(xenevtchn_fd(xce)));
    ck_assert_int_eq(xenevtchn_pending(xce), port);
    ck_assert_int_eq(xenevtchn_unmask(xce, (evtchn_port_t)port), 0);
    ck_assert(!readable(xenevtchn_fd(xce)));

    ck_assert(!fake_guest_port_pending(dom, (uint32_t)remote));
    ck_assert_int_eq(xenevtchn_notify(xce, (evtchn_port_t)port), 0);
    ck_assert(fake_guest_port_pending(dom, (uint32_t)remote));
    ck_assert(!fake_guest_port_pending(dom, (uint32_t)remote));

    /* Unbound by dom0, the guest's port can be bound again. */
    ck_assert_int_eq(xenevtchn_unbind(xce, (evtchn_port_t)port), 0);
    ck_assert_int_eq(xenevtchn_notify(xce, (evtchn_port_t)port), -1);
    ck_assert_int_eq(fake_guest_port_notify(dom, (uint32_t)remote), 0);
    ck_assert_int_gt(xenevtchn_bind_interdomain(xce, dom,
                                                (evtchn_port_t)remote), 0);
    ck_assert_int_eq(fake_guest_port_close(dom, (uint32_t)remote), 0);
    ck_assert_int_eq(xenevtchn_close(xce), 0);
}
END_TEST

/* ---- Grants -------------------------------------------------------------- */

START_TEST(grants_share_memory)
{
    xengnttab_handle *xgt = xengnttab_open(NULL, 0);
    int ref = fake_guest_grant(dom, 1000, false);
    int ro = fake_guest_grant(dom, 1001, true);
    char *mine = fake_guest_page(dom, 1000), *theirs;

    theirs = xengnttab_map_grant_ref(xgt, dom, (uint32_t)ref,
                                     PROT_READ | PROT_WRITE);
    ck_assert_ptr_nonnull(theirs);
    strcpy(mine, "from the guest");
    ck_assert_str_eq(theirs, "from the guest");
    strcpy(theirs, "from dom0");
    ck_assert_str_eq(mine, "from dom0");
    ck_assert_int_eq(fake_guest_end_grant(dom, (uint32_t)ref), -EBUSY);
    ck_assert_ptr_null(xengnttab_map_grant_ref(xgt, dom, (uint32_t)ro,
                                               PROT_READ | PROT_WRITE));
    ck_assert_ptr_null(xengnttab_map_grant_ref(xgt, dom, 500, PROT_READ));
    ck_assert_ptr_null(xengnttab_map_grant_ref(xgt, dom, 50000, PROT_READ));
    ck_assert_int_eq(xengnttab_unmap(xgt, theirs, 1), 0);
    ck_assert_int_eq(fake_guest_end_grant(dom, (uint32_t)ref), 0);
    ck_assert_uint_eq(fake_mappings(), 0);
    xengnttab_close(xgt);
}
END_TEST

START_TEST(grant_table_is_mapped)
{
    xenforeignmemory_handle *fmem = xenforeignmemory_open(NULL, 0);
    xc_interface *xch = xc_interface_open(NULL, NULL, 0);
    struct gnttab_query_size size = { .dom = dom };
    xenforeignmemory_resource_handle *res;
    int ref = fake_guest_grant(dom, 1000, false);
    const grant_entry_v1_t *table;
    grant_entry_v1_t *hostile;
    void *addr = NULL;
    size_t count;

    ck_assert_int_eq(xc_gnttab_get_version(xch, dom), 1);
    ck_assert_int_eq(xc_gnttab_query_size(xch, &size), 0);
    ck_assert_int_eq(size.status, GNTST_okay);
    ck_assert_uint_eq(size.nr_frames, 1);
    res = xenforeignmemory_map_resource(
        fmem, dom, XENMEM_resource_grant_table,
        XENMEM_resource_grant_table_id_shared, 0, 1, &addr, PROT_READ, 0);
    ck_assert_ptr_nonnull(res);
    table = addr;
    /* As the toolstack left them: console and xenstore. */
    ck_assert_uint_eq(table[0].frame, 0xfeffc);
    ck_assert_uint_eq(table[1].frame, 0xfefff);
    ck_assert_uint_eq(table[ref].frame, 1000);
    ck_assert_uint_eq(table[ref].flags, GTF_permit_access);
    hostile = fake_guest_grant_table(dom, &count);
    hostile[100].frame = 0xffffffff;
    hostile[100].flags = GTF_permit_access;
    ck_assert_uint_eq(table[100].frame, 0xffffffff);
    ck_assert_int_eq(xenforeignmemory_unmap_resource(fmem, res), 0);

    /* It grows by itself, or when dom0 asks for more than there is. */
    ck_assert_int_eq(fake_guest_grant_grow(dom, 3), 0);
    ck_assert_int_eq(xc_gnttab_query_size(xch, &size), 0);
    ck_assert_uint_eq(size.nr_frames, 3);
    res = xenforeignmemory_map_resource(
        fmem, dom, XENMEM_resource_grant_table,
        XENMEM_resource_grant_table_id_shared, 0, 5, &addr, PROT_READ, 0);
    ck_assert_ptr_nonnull(res);
    ck_assert_int_eq(xenforeignmemory_unmap_resource(fmem, res), 0);
    ck_assert_int_eq(xc_gnttab_query_size(xch, &size), 0);
    ck_assert_uint_eq(size.nr_frames, 5);
    ck_assert_int_eq(fake_guest_grant_version(dom, 2), 0);
    ck_assert_int_eq(xc_gnttab_get_version(xch, dom), 2);
    ck_assert_int_eq(fake_guest_grant(dom, 1000, false), -EOPNOTSUPP);
    ck_assert_ptr_null(xenforeignmemory_map_resource(
        fmem, dom, XENMEM_resource_grant_table,
        XENMEM_resource_grant_table_id_status, 0, 1, &addr, PROT_READ, 0));
    ck_assert_int_eq(errno, EINVAL);
    xc_interface_close(xch);
    xenforeignmemory_close(fmem);
}
END_TEST

/* ---- The end of a process ---------------------------------------------- */

/* A small daemon: holds everything, then works until it is killed. */
static void doomed(int remote, int ref)
{
    xc_interface *xch = xc_interface_open(NULL, NULL, 0);
    xenforeignmemory_handle *fmem = xenforeignmemory_open(NULL, 0);
    xenevtchn_handle *xce = xenevtchn_open(NULL, 0);
    xengnttab_handle *xgt = xengnttab_open(NULL, 0);
    struct xs_handle *h = xs_open(0);
    uint64_t gfn = 2048, scratch = SCRATCH;

    xs_watch(h, "/a", "t");
    xenevtchn_bind_interdomain(xce, dom, (evtchn_port_t)remote);
    xengnttab_map_grant_ref(xgt, dom, (uint32_t)ref, PROT_READ);
    xenforeignmemory_map(fmem, dom, PROT_READ, 1, &gfn, NULL);
    xc_domain_pause(xch, dom);
    xc_domain_populate_physmap(xch, dom, 1, 9, XENMEMF_populate_on_demand,
                               &scratch);
    xc_domain_unpause(xch, dom);
    _exit(0);
}

START_TEST(killed_between_calls)
{
    int remote = fake_guest_port_alloc(dom), status;
    int ref = fake_guest_grant(dom, 1000, false);
    struct fake_info info;
    unsigned long n;
    pid_t pid;

    for (n = 1; ; n++) {
        pid = fork();
        ck_assert_int_ge(pid, 0);
        if (!pid) {
            fake_kill_at(n);
            doomed(remote, ref);
        }
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        fake_domain_info(dom, &info);
        if (WIFEXITED(status))
            break;
        ck_assert_int_eq(WTERMSIG(status), SIGKILL);
        ck_assert_uint_eq(fake_mappings(), n > 4 ? 2 : n > 3 ? 1 : 0);
        /* What the dead daemon left is seen here. */
        ck_assert_uint_eq(info.pauses, n > 5 ? 1 : 0);
        ck_assert_uint_eq(info.entries, n > 6 ? 512 : 0);
        fake_reap(pid);
        ck_assert_uint_eq(fake_mappings(), 0);
        ck_assert_ptr_null(fake_check(dom));
        if (info.pauses)
            fake_domain_unpause(dom);
    }
    ck_assert_uint_eq(n, 8);
    fake_reap(pid);
    ck_assert_int_eq(fake_guest_end_grant(dom, (uint32_t)ref), 0);
}
END_TEST

START_TEST(two_processes_talk)
{
    int remote = fake_guest_port_alloc(dom), status, i;
    pid_t pid = fork();

    if (!pid) {
        xenevtchn_handle *xce = xenevtchn_open(NULL, 0);
        struct xs_handle *h = xs_open(0);
        struct pollfd p = { .events = POLLIN };
        int port;

        xenevtchn_bind_interdomain(xce, dom, (evtchn_port_t)remote);
        port = xenevtchn_pending(xce);
        xenevtchn_unmask(xce, (evtchn_port_t)port);
        xs_watch(h, "/ready", "t");
        free(xs_check_watch(h));
        xs_write(h, XBT_NULL, "/listening", "1", 1);
        /* Both kinds of descriptor wake from the other process. */
        p.fd = xenevtchn_fd(xce);
        if (poll(&p, 1, 10000) != 1 || xenevtchn_pending(xce) != port)
            _exit(1);
        p.fd = xs_fileno(h);
        if (poll(&p, 1, 10000) != 1)
            _exit(2);
        xentoolcore_restrict_all(dom);
        _exit(0);
    }
    for (i = 0; i < 1000 && !fake_xs_exists("/listening"); i++)
        usleep(10000);
    ck_assert_int_eq(fake_guest_port_notify(dom, (uint32_t)remote), 0);
    fake_xs_write(0, "/ready", "1");
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 0);
    ck_assert_int_eq(fake_restricted(), dom);
    fake_reap(pid);
}
END_TEST

static Suite *handles_suite(void)
{
    Suite *suite = suite_create("fake-handles");
    TCase *tc = tcase_create("all");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, xs_values);
    tcase_add_test(tc, xs_watches);
    tcase_add_test(tc, xs_rights);
    tcase_add_test(tc, xs_transactions);
    tcase_add_test(tc, events_both_ways);
    tcase_add_test(tc, grants_share_memory);
    tcase_add_test(tc, grant_table_is_mapped);
    tcase_add_test(tc, killed_between_calls);
    tcase_add_test(tc, two_processes_talk);
    suite_add_tcase(suite, tc);
    return suite;
}

int main(void)
{
    SRunner *runner = srunner_create(handles_suite());
    int failed;

    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
