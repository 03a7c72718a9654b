// SPDX-License-Identifier: GPL-2.0-only
/* The journal's file: what is written comes back, and nothing else does. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xenkeep/util.h>

#include "journal.h"
#include "unit.h"

static char path[32];
static struct journal j;

static void setup(void)
{
    int fd;

    strcpy(path, "/tmp/xkjournal-XXXXXX");
    fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    close(fd);
    ck_assert_int_eq(journal_open(&j, path), 0);
}

static void teardown(void)
{
    journal_close(&j);
    (void)unlink(path);
}

static struct journal_record record(void)
{
    return (struct journal_record){
        .uuid = { 1, 2, 3 }, .domid = 7, .phase = JOURNAL_PAUSED,
        .scratch_base = 0xd8000, .scratch_slots = 1, .nr_gfns = 2,
        .debt = 5, .gfns = { 0x400, 0x600 },
    };
}

START_TEST(test_round_trip)
{
    struct journal_record rec = record(), got;

    ck_assert_int_eq(journal_read(&j, 3, &got), -ENOENT);
    ck_assert_int_eq(journal_write(&j, 3, &rec), 0);
    ck_assert_int_eq(journal_read(&j, 3, &got), 0);
    ck_assert_mem_eq(&got, &rec, sizeof(rec));
    ck_assert_int_eq(journal_read(&j, 2, &got), -ENOENT);
    ck_assert_int_eq(journal_read(&j, 4, &got), -ENOENT);
    /* It outlives the process. */
    journal_close(&j);
    ck_assert_int_eq(journal_open(&j, path), 0);
    ck_assert_int_eq(journal_read(&j, 3, &got), 0);
    memset(&rec, 0, sizeof(rec));
    ck_assert_int_eq(journal_write(&j, 3, &rec), 0);
    ck_assert_int_eq(journal_read(&j, 3, &got), -ENOENT);
}
END_TEST

/* A domain's record is found by its number and its uuid, whatever its slot. */
START_TEST(test_find)
{
    struct journal_record rec = record(), other = record(), got;
    static const uint8_t stranger[16] = { 9 };

    ck_assert_int_eq(journal_find(&j, 7, rec.uuid, &got), -ENOENT);
    other.domid = 8;
    ck_assert_int_eq(journal_write(&j, 0, &other), 0);
    ck_assert_int_eq(journal_write(&j, JOURNAL_SLOTS - 1, &rec), 0);
    ck_assert_int_eq(journal_find(&j, 7, rec.uuid, &got), JOURNAL_SLOTS - 1);
    ck_assert_mem_eq(&got, &rec, sizeof(rec));
    ck_assert_int_eq(journal_find(&j, 7, stranger, &got), -ENOENT);
    ck_assert_int_eq(journal_find(&j, 9, rec.uuid, &got), -ENOENT);
    /* So it does for the next process. */
    journal_close(&j);
    ck_assert_int_eq(journal_open(&j, path), 0);
    ck_assert_int_eq(journal_find(&j, 7, rec.uuid, &got), JOURNAL_SLOTS - 1);
    ck_assert_int_eq(journal_find(&j, 8, rec.uuid, &got), 0);
    memset(&rec, 0, sizeof(rec));
    ck_assert_int_eq(journal_write(&j, JOURNAL_SLOTS - 1, &rec), 0);
    ck_assert_int_eq(journal_find(&j, 7, other.uuid, &got), -ENOENT);
}
END_TEST

START_TEST(test_torn)
{
    struct journal_record rec = record(), got;
    size_t size;

    ck_assert_int_eq(journal_write(&j, 0, &rec), 0);
    for (size = 0; size < sizeof(rec); size += 7) {
        ck_assert_int_eq(truncate(path, (off_t)size), 0);
        ck_assert_int_eq(journal_read(&j, 0, &got), -ENOENT);
    }
}
END_TEST

/* Any byte that is not as it was written. */
START_TEST(test_damaged)
{
    struct journal_record rec = record();
    uint8_t *bytes = (uint8_t *)&rec;
    size_t i;

    journal_seal(&rec);
    ck_assert(journal_sound(&rec));
    for (i = 0; i < sizeof(rec); i++) {
        bytes[i] ^= 0x20;
        ck_assert_msg(!journal_sound(&rec), "byte %zu", i);
        bytes[i] ^= 0x20;
    }
}
END_TEST

/* Well sealed, and still no record that memoryd writes. */
START_TEST(test_foreign)
{
    struct journal_record rec = record();

    rec.nr_gfns = JOURNAL_GFNS + 1;
    journal_seal(&rec);
    ck_assert(!journal_sound(&rec));
    rec = record();
    rec.phase = JOURNAL_PHASES;
    journal_seal(&rec);
    ck_assert(!journal_sound(&rec));
    rec = record();
    rec.phase = JOURNAL_FREE;
    journal_seal(&rec);
    ck_assert(!journal_sound(&rec));
    rec = record();
    rec.domid = XK_DOMID_RESERVED;
    journal_seal(&rec);
    ck_assert(!journal_sound(&rec));
}
END_TEST

START_TEST(test_open)
{
    struct journal other;
    struct stat st;
    char link[48];

    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0600);
    ck_assert_int_eq(journal_open(&other, "/nonexistent/journal"), -ENOENT);
    snprintf(link, sizeof(link), "%s.link", path);
    ck_assert_int_eq(symlink(path, link), 0);
    ck_assert_int_eq(journal_open(&other, link), -ELOOP);
    (void)unlink(link);
}
END_TEST

TCase *tcase_journal(void)
{
    TCase *tc = tcase_create("journal");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, test_round_trip);
    tcase_add_test(tc, test_find);
    tcase_add_test(tc, test_torn);
    tcase_add_test(tc, test_damaged);
    tcase_add_test(tc, test_foreign);
    tcase_add_test(tc, test_open);
    return tc;
}
