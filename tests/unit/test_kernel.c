// SPDX-License-Identifier: GPL-2.0-only
/* Finding a kernel, walking its tables, and telling its pages apart. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "classify.h"
#include "corpse.h"
#include "kernel.h"
#include "unit.h"

static struct corpse corpse;
static struct xk_kernel kernel;

static void setup(void)
{
    corpse_make(&corpse);
}

static void teardown(void)
{
    corpse_dispose(&corpse);
}

START_TEST(test_vmcoreinfo)
{
    struct xk_vmcoreinfo vi;
    uint64_t symbol;
    int64_t number;
    uint32_t small;
    char text[16];

    ck_assert_int_eq(xk_vmcoreinfo_scan(&corpse.img, 0, &vi), 0);
    ck_assert_uint_eq(vi.pfn, CORPSE_NOTE);
    ck_assert_int_eq(xk_vmcoreinfo_scan(&corpse.img, CORPSE_NOTE + 1, &vi),
                     -ENOENT);
    ck_assert_int_eq(xk_vmcoreinfo_at(&corpse.img, CORPSE_NOTE, &vi), 0);
    ck_assert_int_eq(xk_vmcoreinfo_symbol(&vi, "_stext", &symbol), 0);
    ck_assert_uint_eq(symbol, CORPSE_IMAGE);
    ck_assert_int_eq(xk_vmcoreinfo_symbol(&vi, "_etext", &symbol), -ENOENT);
    ck_assert_int_eq(xk_vmcoreinfo_number(&vi, "PAGE_BUDDY_MAPCOUNT_VALUE",
                                          &number), 0);
    ck_assert_int_eq(number, -129);
    ck_assert_int_eq(xk_vmcoreinfo_size(&vi, "page", &small), 0);
    ck_assert_uint_eq(small, 64);
    ck_assert_int_eq(xk_vmcoreinfo_string(&vi, "PAGESIZE", text, 16), 0);
    ck_assert_str_eq(text, "4096");
    ck_assert_int_eq(xk_vmcoreinfo_string(&vi, "PAGESIZE", text, 4),
                     -ENAMETOOLONG);
}
END_TEST

START_TEST(test_strict)
{
    static const char *const wrong[] = {
        "", "OSRELEASE=\n", "PAGESIZE=4096\n", "OSRELEASE=6\n\x01=1\n",
        "OSRELEASE=6\n\xff\n",
    };
    static const char odd[] = "OSRELEASE=6\nSYMBOL(a)=zz\nSYMBOL(b)=\n"
        "SYMBOL(c)=-1\n" "NUMBER(d)=1x\nSIZE(e)=-1\nSIZE(f)=9999999999\n"
        "SIZE(g)";
    struct xk_vmcoreinfo vi;
    uint64_t symbol;
    int64_t number;
    uint32_t small;
    size_t i;

    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        ck_assert_int_eq(xk_vmcoreinfo_parse(&vi, wrong[i],
                                             strlen(wrong[i])), -EINVAL);
    ck_assert_int_eq(xk_vmcoreinfo_parse(&vi, odd, sizeof(odd)), 0);
    ck_assert_int_eq(xk_vmcoreinfo_symbol(&vi, "a", &symbol), -EINVAL);
    ck_assert_int_eq(xk_vmcoreinfo_symbol(&vi, "b", &symbol), -EINVAL);
    ck_assert_int_eq(xk_vmcoreinfo_symbol(&vi, "c", &symbol), -EINVAL);
    ck_assert_int_eq(xk_vmcoreinfo_number(&vi, "d", &number), -EINVAL);
    ck_assert_int_eq(xk_vmcoreinfo_size(&vi, "e", &small), -EINVAL);
    ck_assert_int_eq(xk_vmcoreinfo_size(&vi, "f", &small), -EINVAL);
    ck_assert_int_eq(xk_vmcoreinfo_size(&vi, "g", &small), -ENOENT);
}
END_TEST

START_TEST(test_find)
{
    ck_assert_int_eq(xk_kernel_find(&kernel, &corpse.img, UINT64_MAX), 0);
    ck_assert_str_eq(kernel.uts.release, CORPSE_RELEASE);
    ck_assert_str_eq(kernel.uts.nodename, "corpse");
    ck_assert_uint_eq(kernel.page_offset, CORPSE_DIRECT);
    ck_assert_uint_eq(kernel.paging.root, CORPSE_ROOT);
    ck_assert(kernel.running);
    ck_assert_uint_eq(xk_kernel_version(&kernel), 0x060100);
}
END_TEST

/* Planted before the true one: of another release, looping, truncated. */
START_TEST(test_planted)
{
    struct corpse fake = corpse;
    char *at;

    at = strstr(fake.info, CORPSE_RELEASE);
    memcpy(at, "9.9.9-test", 10);
    corpse_note(&fake, 10);
    memcpy(corpse_page(&corpse, 11), corpse_page(&corpse, CORPSE_NOTE), 512);
    memset((char *)corpse_page(&corpse, 11) + 40, 0, 400);
    memcpy(corpse_page(&corpse, 12), corpse_page(&corpse, CORPSE_NOTE), 24);
    *(uint32_t *)((char *)corpse_page(&corpse, 12) + 4) = 0xffffffff;
    strcpy(fake.info, corpse.info);
    at = strstr(fake.info, "NUMBER(phys_base)=0");
    memcpy(at, "NUMBER(phys_base)=9", 19);
    corpse_note(&fake, 13);
    ck_assert_int_eq(xk_kernel_find(&kernel, &corpse.img, 10), 0);
    ck_assert_uint_eq(kernel.vi.pfn, CORPSE_NOTE);
}
END_TEST

/* The remains of a kernel that ran before: the one that a vcpu runs wins. */
START_TEST(test_stale)
{
    uint64_t *root;

    corpse_note(&corpse, 100);
    corpse.vcpu.valid = false;
    ck_assert_int_eq(xk_kernel_find(&kernel, &corpse.img, UINT64_MAX), 0);
    ck_assert_uint_eq(kernel.vi.pfn, 100);
    ck_assert(!kernel.running);
    root = corpse_page(&corpse, CORPSE_ROOT);
    root[511] = 0;
    ck_assert_int_eq(xk_kernel_find(&kernel, &corpse.img, UINT64_MAX),
                     -ENOENT);
}
END_TEST

START_TEST(test_translate)
{
    struct xk_mapping m;
    struct xk_mem mem;

    ck_assert_int_eq(xk_kernel_find(&kernel, &corpse.img, UINT64_MAX), 0);
    ck_assert_int_eq(xk_kernel_mem(&kernel, &mem), 0);
    ck_assert_int_eq(xk_mem_translate(&mem, CORPSE_IMAGE + 5, &m), 0);
    ck_assert_uint_eq(m.phys, CORPSE_TEXT * 4096 + 5);
    ck_assert_uint_eq(m.left, 4091);
    ck_assert(!(m.flags & XK_PTE_WRITE));
    ck_assert_int_eq(xk_mem_translate(&mem, CORPSE_DIRECT + 0x212345, &m), 0);
    ck_assert_uint_eq(m.phys, 0x212345);
    ck_assert_uint_eq(m.left, 0x200000 - 0x12345);
    ck_assert_int_eq(xk_mem_translate(&mem, 0x400000, &m), -EFAULT);
    ck_assert_int_eq(xk_mem_translate(&mem, 0x800000000000, &m), -EFAULT);
    mem.paging.root = CORPSE_PROCESS;
    ck_assert_int_eq(xk_mem_translate(&mem, 0x400000, &m), 0);
    ck_assert(m.flags & XK_PTE_USER);
    /* A table that is its own child ends after as many levels as there are. */
    *corpse_entry(&corpse, CORPSE_PROCESS, 1) = CORPSE_PROCESS << 12 | 7;
    xk_mem_dispose(&mem);
    ck_assert_int_eq(xk_kernel_mem(&kernel, &mem), 0);
    mem.paging.root = CORPSE_PROCESS;
    ck_assert_int_eq(xk_mem_translate(&mem, 0x8040201000, &m), 0);
    ck_assert_uint_eq(m.phys >> 12, CORPSE_PROCESS);
    xk_mem_dispose(&mem);
}
END_TEST

static uint8_t classes[CORPSE_PAGES];

static void classify(void)
{
    struct xk_classifier c;
    struct xk_mem mem;
    unsigned int i;

    ck_assert_int_eq(xk_kernel_find(&kernel, &corpse.img, UINT64_MAX), 0);
    ck_assert_int_eq(xk_classifier_init(&c, &kernel), 0);
    ck_assert_int_eq(xk_kernel_mem(&kernel, &mem), 0);
    for (i = 0; i < CORPSE_PAGES; i += XK_PAGES_BLOCK)
        xk_classifier_block(&c, &mem, i, classes + i);
    xk_mem_dispose(&mem);
    xk_classifier_dispose(&c);
}

static void expect(unsigned int pfn, unsigned int count, enum xk_class cls)
{
    unsigned int i;

    for (i = pfn; i < pfn + count; i++)
        ck_assert_msg(classes[i] == cls, "page %u: %s, not %s", i,
                      xk_class_name((enum xk_class)classes[i]),
                      xk_class_name(cls));
}

START_TEST(test_classes)
{
    classify();
    expect(CORPSE_ROOT, 12, XK_CLASS_TABLE);
    expect(CORPSE_PROCESS, 4, XK_CLASS_TABLE);
    expect(CORPSE_TEXT, 256, XK_CLASS_TEXT);
    expect(CORPSE_DATA, 256, XK_CLASS_KERNEL);
    expect(CORPSE_DESCRIPTORS, 64, XK_CLASS_TEXT);
    expect(CORPSE_USER, 16, XK_CLASS_USER);
    expect(CORPSE_STACK, 4, XK_CLASS_KERNEL);
    expect(CORPSE_SLAB, 8, XK_CLASS_KERNEL);
    expect(CORPSE_CACHE, 8, XK_CLASS_CACHE);
    expect(CORPSE_FREE, 512, XK_CLASS_FREE);
    expect(CORPSE_PLAIN, 4, XK_CLASS_UNKNOWN);
}
END_TEST

/* One source alone is not believed. */
START_TEST(test_disagree)
{
    corpse_desc(&corpse, CORPSE_USER)->flags = 1 << 9;      /* a slab? */
    corpse_desc(&corpse, CORPSE_USER)->mapping = 0;
    corpse_desc(&corpse, CORPSE_USER + 1)->flags = 0;
    corpse_desc(&corpse, CORPSE_USER + 1)->mapping = 0;
    corpse_desc(&corpse, CORPSE_USER + 2)->mapcount = 0xffffff7f;
    *corpse_entry(&corpse, CORPSE_PROCESS + 3, 200) =
        (uint64_t)CORPSE_SLAB << 12 | 7;
    *corpse_entry(&corpse, CORPSE_PROCESS + 3, 201) =
        (uint64_t)(CORPSE_TEXT + 1) << 12 | 5;
    *corpse_entry(&corpse, CORPSE_PROCESS + 3, 202) =
        (uint64_t)(CORPSE_FREE + 3) << 12 | 5;
    classify();
    expect(CORPSE_USER, 3, XK_CLASS_UNKNOWN);
    expect(CORPSE_USER + 3, 13, XK_CLASS_USER);
    expect(CORPSE_SLAB, 1, XK_CLASS_UNKNOWN);
    expect(CORPSE_SLAB + 1, 7, XK_CLASS_KERNEL);
    expect(CORPSE_TEXT + 1, 1, XK_CLASS_UNKNOWN);
    expect(CORPSE_FREE + 3, 1, XK_CLASS_UNKNOWN);
    expect(CORPSE_FREE + 4, 508, XK_CLASS_FREE);
}
END_TEST

/* Tables that map without end, and heads that lead nowhere. */
START_TEST(test_hostile)
{
    unsigned int i;

    for (i = 0; i < 256; i++)
        *corpse_entry(&corpse, CORPSE_PROCESS + 1, i) = 0x87;   /* 1 GiB */
    corpse_desc(&corpse, CORPSE_SLAB + 1)->head = 0xffffffffffffffff;
    corpse_desc(&corpse, CORPSE_SLAB + 2)->head = CORPSE_VMEMMAP | 3;
    classify();
    expect(0, CORPSE_PAGES, XK_CLASS_UNKNOWN);
}
END_TEST

START_TEST(test_untold)
{
    struct xk_classifier c;
    struct xk_mem mem;

    memcpy(strstr(corpse.info, "NUMBER(PG_lru)"), "NUMBER(PG_lrv)", 14);
    corpse_note(&corpse, CORPSE_NOTE);
    classify();
    expect(0, CORPSE_PAGES, XK_CLASS_UNKNOWN);
    ck_assert_int_eq(xk_classifier_init(&c, NULL), 0);
    ck_assert_int_eq(xk_mem_init(&mem, &corpse.img, NULL), 0);
    xk_classifier_block(&c, &mem, 0, classes);
    expect(0, XK_PAGES_BLOCK, XK_CLASS_UNKNOWN);
    xk_mem_dispose(&mem);
    xk_classifier_dispose(&c);
}
END_TEST

TCase *tcase_kernel(void)
{
    TCase *tc = tcase_create("kernel");

    tcase_set_timeout(tc, 30);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, test_vmcoreinfo);
    tcase_add_test(tc, test_strict);
    tcase_add_test(tc, test_find);
    tcase_add_test(tc, test_planted);
    tcase_add_test(tc, test_stale);
    tcase_add_test(tc, test_translate);
    tcase_add_test(tc, test_classes);
    tcase_add_test(tc, test_disagree);
    tcase_add_test(tc, test_hostile);
    tcase_add_test(tc, test_untold);
    return tc;
}
