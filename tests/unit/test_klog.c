// SPDX-License-Identifier: GPL-2.0-only
/* The log, the symbols and the types of a dead kernel. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "btf.h"
#include "classify.h"
#include "corpse.h"
#include "klog.h"
#include "symbols.h"
#include "unit.h"

static struct corpse corpse;
static struct xk_kernel kernel;

static void setup(void)
{
    corpse_make(&corpse);
    corpse_log(&corpse);
    corpse_symbols(&corpse);
    corpse_types(&corpse);
    ck_assert_int_eq(xk_kernel_find(&kernel, &corpse.img, CORPSE_NOTE), 0);
}

static void teardown(void)
{
    corpse_dispose(&corpse);
}

START_TEST(test_log)
{
    struct xk_klog log;

    ck_assert_int_eq(xk_klog_read(&log, &kernel), 0);
    ck_assert_uint_eq(log.records, 2);
    ck_assert(!log.cut);
    ck_assert_str_eq(log.text, "[    1.500000] first\n"
                     "[    2.500001] second\n[    2.500001] line\\x1b\n");
    xk_klog_dispose(&log);
}
END_TEST

/* Records that lie: of another id, not committed, longer than their room. */
START_TEST(test_lies)
{
    uint64_t *desc = corpse_page(&corpse, CORPSE_LOG + 1);
    uint64_t *ring = corpse_page(&corpse, CORPSE_LOG);
    uint16_t *len = (uint16_t *)corpse_page(&corpse, CORPSE_LOG + 2) + 8;
    struct xk_klog log;
    unsigned int slot = 100 % CORPSE_LOG_RECORDS;

    len[slot * 44] = 0xffff;
    ck_assert_int_eq(xk_klog_read(&log, &kernel), 0);
    ck_assert_ptr_nonnull(strstr(log.text, "first\\x00"));
    ck_assert_uint_lt(log.size, 400);
    xk_klog_dispose(&log);
    desc[slot * 3] = 2ull << 62 | 99;
    ck_assert_int_eq(xk_klog_read(&log, &kernel), 0);
    ck_assert_uint_eq(log.records, 1);
    xk_klog_dispose(&log);
    desc[slot * 3] = 3ull << 62 | 100;
    ring[8 + 3] = ~0ull;
    ring[8 + 4] = 0;
    ck_assert_int_eq(xk_klog_read(&log, &kernel), -ENOENT);
    ring[8 + 0] = 60;
    ck_assert_int_eq(xk_klog_read(&log, &kernel), -ENOENT);
}
END_TEST

/* A record of 24 bytes with a text of 3, at an address of any kind. */
static void old_record(uint8_t *at, uint64_t ts_nsec, const char *text)
{
    static const uint16_t len = 24, text_len = 3;

    memcpy(at, &ts_nsec, sizeof(ts_nsec));
    memcpy(at + 8, &len, sizeof(len));
    memcpy(at + 10, &text_len, sizeof(text_len));
    memcpy(at + 16, text, text_len);
}

/* The buffer of 3.5 to 5.9, its second record behind the end. */
START_TEST(test_old)
{
    uint8_t *ring = corpse_page(&corpse, CORPSE_LOG + 3);
    uint64_t *vars = corpse_page(&corpse, CORPSE_LOG);
    struct xk_kernel old = kernel;
    struct xk_klog log;

    memset(ring, 0, XK_PAGE_SIZE);
    old_record(ring + 100, 3000000000, "one");
    old_record(ring, 4000000000, "two");
    vars[0] = XK_KERNEL_MAP + (CORPSE_LOG + 3) * 4096ull;
    ((uint32_t *)vars)[2] = 4096;
    ((uint32_t *)vars)[3] = 100;
    ((uint32_t *)vars)[4] = 24;
    *strstr(corpse.info, "SYMBOL(prb)") = 'X';
    corpse_info(&corpse, "SYMBOL(log_buf)=%llx\nSYMBOL(log_buf_len)=%llx\n"
                "SYMBOL(log_first_idx)=%llx\nSYMBOL(log_next_idx)=%llx\n"
                "SIZE(printk_log)=16\nOFFSET(printk_log.ts_nsec)=0\n"
                "OFFSET(printk_log.len)=8\nOFFSET(printk_log.text_len)=10\n",
                XK_KERNEL_MAP + CORPSE_LOG * 4096ull,
                XK_KERNEL_MAP + CORPSE_LOG * 4096ull + 8,
                XK_KERNEL_MAP + CORPSE_LOG * 4096ull + 12,
                XK_KERNEL_MAP + CORPSE_LOG * 4096ull + 16);
    ck_assert_int_eq(xk_vmcoreinfo_parse(&old.vi, corpse.info,
                                         strlen(corpse.info)), 0);
    ck_assert_int_eq(xk_klog_read(&log, &old), 0);
    ck_assert_str_eq(log.text, "[    3.000000] one\n[    4.000000] two\n");
    xk_klog_dispose(&log);
    ((uint32_t *)vars)[4] = 13;         /* an end that never comes */
    ck_assert_int_eq(xk_klog_read(&log, &old), 0);
    xk_klog_dispose(&log);
}
END_TEST

START_TEST(test_symbols)
{
    uint64_t address, offset, size;
    char name[XK_SYMBOL_NAME];
    struct xk_symbols s;

    ck_assert_int_eq(xk_symbols_load(&s, &kernel), 0);
    ck_assert_int_eq(xk_symbols_find(&s, "bar.isra.0", &address), 0);
    ck_assert_uint_eq(address, CORPSE_IMAGE + 0x200);
    ck_assert_int_eq(xk_symbols_find(&s, "__per_cpu", &address), 0);
    ck_assert_uint_eq(address, 0x40);
    ck_assert_int_eq(xk_symbols_find(&s, "nothing", &address), -ENOENT);
    ck_assert_int_eq(xk_symbols_at(&s, CORPSE_IMAGE + 0x204, name, &offset,
                                   &size), 0);
    ck_assert_str_eq(name, "bar.isra.0");
    ck_assert_uint_eq(offset, 4);
    ck_assert_int_eq(xk_symbols_at(&s, CORPSE_IMAGE + 0x1ff, name, &offset,
                                   &size), 0);
    ck_assert(!strncmp(name, "foo", 3));
    ck_assert_uint_eq(size, 0x100);
    ck_assert_int_eq(xk_symbols_at(&s, CORPSE_IMAGE + (1 << 28), name,
                                   &offset, &size), -ENOENT);
    xk_symbols_dispose(&s);
    *(uint32_t *)((char *)corpse_page(&corpse, CORPSE_SYMBOLS + 3) + 2048) =
        1000;
    ck_assert_int_eq(xk_symbols_load(&s, &kernel), -ENOENT);
}
END_TEST

START_TEST(test_types)
{
    struct xk_symbols s;
    struct xk_btf btf;
    uint32_t v;

    ck_assert_int_eq(xk_symbols_load(&s, &kernel), 0);
    ck_assert_int_eq(xk_btf_load(&btf, &kernel, &s), 0);
    ck_assert_int_eq(xk_btf_enum(&btf, "pageflags", "PG_reserved", &v), 0);
    ck_assert_uint_eq(v, 12);
    ck_assert_int_eq(xk_btf_enum(&btf, "pageflags", "PG_none", &v), -ENOENT);
    ck_assert_int_eq(xk_btf_offset(&btf, "task_struct", "pid", &v), 0);
    ck_assert_uint_eq(v, 16);
    ck_assert_int_eq(xk_btf_offset(&btf, "task_struct", "comm", &v), 0);
    ck_assert_uint_eq(v, 36);           /* in the struct without a name */
    xk_btf_dispose(&btf);
    xk_symbols_dispose(&s);
}
END_TEST

/* With the flag's number known, reserved pages are no longer plain. */
START_TEST(test_reserved)
{
    uint8_t cls[XK_PAGES_BLOCK];
    struct xk_classifier c;
    struct xk_mem mem;

    corpse_desc(&corpse, 200)->flags = 1 << 12;
    ck_assert_int_eq(xk_classifier_init(&c, &kernel), 0);
    ck_assert_int_eq(xk_kernel_mem(&kernel, &mem), 0);
    xk_classifier_block(&c, &mem, 0, cls);
    ck_assert_int_eq(cls[200], XK_CLASS_KERNEL);
    ck_assert_int_eq(cls[201], XK_CLASS_UNKNOWN);
    xk_mem_dispose(&mem);
    xk_classifier_dispose(&c);
}
END_TEST

TCase *tcase_klog(void)
{
    TCase *tc = tcase_create("klog");

    tcase_set_timeout(tc, 20);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, test_log);
    tcase_add_test(tc, test_lies);
    tcase_add_test(tc, test_old);
    tcase_add_test(tc, test_symbols);
    tcase_add_test(tc, test_types);
    tcase_add_test(tc, test_reserved);
    return tc;
}
