/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * filed and a server of its own, from the front-end's side: what a guest can
 * do with its shares, and what dom0's commands do to them.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files_play.h"

static struct files_play play;
#define G (&play.guest)

static void setup(void)
{
    char items[200];

    files_play_init(&play);
    snprintf(items, sizeof(items), "\"path=%s/data\"", play.dir);
    files_play_keep(&play, items);
    files_play_up(&play);
    ck_assert_int_eq(files_connect(G), 0);
}

static void teardown(void)
{
    files_play_fini(&play);
}

static uint64_t share(const char *name)
{
    struct xk_xkfs_entry e;

    ck_assert_int_eq(files_lookup(G, XK_XKFS_ROOT, name, &e), 0);
    return e.node;
}

START_TEST(hello_tells_epoch)
{
    ck_assert_uint_eq(G->hello.version, XK_XKFS_VERSION);
    ck_assert_uint_ne(G->hello.epoch, 0);
    ck_assert_uint_eq(G->hello.io_max, XK_XKFS_IO_MAX);
}
END_TEST

START_TEST(what_is_written_is_in_dom0)
{
    char text[] = "trusted", back[32] = "", path[80];
    struct xk_xkfs_entry e;
    struct stat st;
    uint64_t fh, dir = share("data");
    FILE *f;

    ck_assert_int_eq(files_create(G, dir, "a", O_RDWR | O_EXCL, 0640, &e,
                                  &fh), 0);
    ck_assert_int_eq(files_write(G, fh, 0, text, sizeof(text)),
                     sizeof(text));
    ck_assert_int_eq(files_read(G, fh, 0, back, sizeof(back)), sizeof(text));
    ck_assert_str_eq(back, text);
    snprintf(path, sizeof(path), "%s/data/a", play.dir);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_eq(st.st_mode, S_IFREG | 0640);
    ck_assert_uint_eq(st.st_ino, e.attr.ino);
    f = fopen(path, "re");
    ck_assert_uint_eq(fread(back, 1, sizeof(back), f), sizeof(text));
    fclose(f);
    ck_assert_int_eq(files_simple(G, XK_XKFS_FSYNC, 0, fh, 0), 0);
    ck_assert_int_eq(files_simple(G, XK_XKFS_RELEASE, 0, fh, 0), 0);
    ck_assert_int_eq(files_simple(G, XK_XKFS_RELEASE, 0, fh, 0), -EBADF);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("filed");
    Suite *s = suite_create("filed");
    SRunner *r;
    int failed;

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, hello_tells_epoch);
    tcase_add_test(t, what_is_written_is_in_dom0);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
