// SPDX-License-Identifier: GPL-2.0-only
/* A dump that is written and read again, and one that goes wrong. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "corpse.h"
#include "dump.h"
#include "image_kdump.h"
#include "kdump.h"
#include "unit.h"

#define FILE_MAX (20u << 20)

static struct corpse corpse;
static struct xk_kernel kernel;
static struct xk_classifier classifier;
static uint8_t *file;

static void setup(void)
{
    corpse_make(&corpse);
    ck_assert_int_eq(xk_kernel_find(&kernel, &corpse.img, UINT64_MAX), 0);
    ck_assert_int_eq(xk_classifier_init(&classifier, &kernel), 0);
    file = calloc(1, FILE_MAX);
    ck_assert_ptr_nonnull(file);
}

static void teardown(void)
{
    xk_classifier_dispose(&classifier);
    corpse_dispose(&corpse);
    free(file);
}

struct collected {
    uint64_t last;              /* end of the page data before */
    uint64_t bytes[XK_CLASSES];
    unsigned int fail_after;    /* extents; 0: never */
};

static int collect(void *ctx, enum xk_class cls, uint64_t offset,
                   const void *data, size_t len)
{
    struct collected *c = ctx;

    if (c->fail_after && !--c->fail_after)
        return -ENOSPC;
    ck_assert(len && offset + len <= FILE_MAX);
    if (cls != XK_CLASS_INDEX) {
        ck_assert_uint_ge(offset, c->last);
        c->last = offset + len;
    }
    c->bytes[cls] += len;
    memcpy(file + offset, data, len);
    return 0;
}

static int from_file(void *ctx, uint64_t offset, void *buf, size_t len)
{
    (void)ctx;
    if (offset > FILE_MAX || len > FILE_MAX - offset)
        return -EIO;
    memcpy(buf, file + offset, len);
    return 0;
}

static const struct xk_source source = { from_file, NULL };

/* Every page of a class that was stored is as it was, the others are gone. */
static void compare(uint32_t store)
{
    static _Alignas(4096) uint8_t page[XK_PAGE_SIZE];
    static const uint8_t zero[XK_PAGE_SIZE];
    uint8_t cls[XK_PAGES_BLOCK], state;
    struct xk_image *img;
    struct xk_mem mem;
    uint64_t pfn;
    bool here;

    ck_assert_int_eq(xk_image_open_kdump(&img, &source), 0);
    ck_assert_int_eq(xk_kernel_mem(&kernel, &mem), 0);
    for (pfn = 0; pfn < CORPSE_PAGES; pfn++) {
        if (!(pfn % XK_PAGES_BLOCK))
            xk_classifier_block(&classifier, &mem, pfn, cls);
        here = store & XK_CLASS_BIT(cls[pfn % XK_PAGES_BLOCK]);
        if (here && !memcmp(corpse_page(&corpse, pfn), zero, XK_PAGE_SIZE))
            here = store & XK_CLASS_BIT(XK_CLASS_ZERO);
        ck_assert_int_eq(img->read(img, &pfn, 1, page, &state), 0);
        ck_assert_int_eq(state, here ? XK_PAGE_RAM : XK_PAGE_ABSENT);
        ck_assert(!here || !memcmp(page, corpse_page(&corpse, pfn),
                                   XK_PAGE_SIZE));
    }
    xk_mem_dispose(&mem);
    xk_image_close(img);
}

static void write_and_read(enum xk_compression compression, uint32_t store,
                           unsigned int workers)
{
    const struct xk_dump_options options = {
        .workers = workers, .store = store, .compression = compression,
        .seconds = 1700000000,
    };
    struct collected c = { 0 };
    const struct xk_sink sink = { collect, &c };
    struct xk_dump_stats stats;
    uint64_t pages = 0;
    unsigned int i;

    memset(file, 0, FILE_MAX);
    ck_assert_int_eq(xk_dump_write(&corpse.img, &kernel, &classifier,
                                   &options, &sink, &stats), 0);
    for (i = XK_CLASS_ZERO; i < XK_CLASSES; i++) {
        pages += stats.pages[i];
        ck_assert_uint_eq(stats.bytes[i], c.bytes[i]);
        ck_assert(!stats.stored[i] || store & XK_CLASS_BIT(i));
    }
    ck_assert_uint_eq(pages, CORPSE_PAGES);
    compare(store);
}

START_TEST(test_kinds)
{
    static const enum xk_compression kinds[] = {
        XK_COMPRESS_NONE, XK_COMPRESS_ZSTD, XK_COMPRESS_ZLIB,
        XK_COMPRESS_LZO,
    };

    write_and_read(kinds[_i], XK_DUMP_STORE_DEFAULT, 1);
    write_and_read(kinds[_i], XK_DUMP_STORE_ALL, 3);
}
END_TEST

START_TEST(test_levels)
{
    write_and_read(XK_COMPRESS_ZSTD, XK_CLASS_BIT(XK_CLASS_KERNEL) |
                   XK_CLASS_BIT(XK_CLASS_TEXT), 2);
    write_and_read(XK_COMPRESS_ZSTD, 0, 2);
    write_and_read(XK_COMPRESS_ZSTD, XK_DUMP_STORE_ALL &
                   ~XK_CLASS_BIT(XK_CLASS_ZERO), 16);
}
END_TEST

START_TEST(test_head)
{
    struct xk_kdump_sub_header sub;
    struct xk_kdump_header head;
    struct xk_vmcoreinfo vi;
    struct xk_image *img;

    write_and_read(XK_COMPRESS_ZSTD, XK_DUMP_STORE_DEFAULT, 1);
    memcpy(&head, file, sizeof(head));
    memcpy(&sub, file + XK_PAGE_SIZE, sizeof(sub));
    ck_assert_str_eq(head.utsname[0], "Linux");
    ck_assert_str_eq(head.utsname[2], CORPSE_RELEASE);
    ck_assert_str_eq(head.utsname[4], "x86_64");
    ck_assert_uint_eq(head.status, XK_COMPRESS_ZSTD);
    ck_assert_uint_eq(sub.max_mapnr_64, CORPSE_PAGES);
    ck_assert_uint_eq(sub.level, XK_KDUMP_NO_ZERO | XK_KDUMP_NO_FREE);
    ck_assert(!memcmp(file + sub.offset_vmcoreinfo, corpse.info,
                      sub.size_vmcoreinfo));
    ck_assert(sub.offset_vmcoreinfo > sub.offset_note &&
              sub.offset_vmcoreinfo + sub.size_vmcoreinfo <=
              sub.offset_note + sub.size_note);
    ck_assert_int_eq(xk_image_open_kdump(&img, &source), 0);
    ck_assert_int_eq(xk_image_kdump_vmcoreinfo(img, &vi), 0);
    ck_assert_uint_eq(img->vcpu_count, 1);
    ck_assert_uint_eq(img->vcpus[0].rip, CORPSE_IMAGE);
    ck_assert_uint_eq(xk_image_kdump_seconds(img), 1700000000);
    xk_image_close(img);
}
END_TEST

/* Nothing is known of the guest: all of it is private. */
START_TEST(test_unknown)
{
    const struct xk_dump_options options = {
        .workers = 2, .store = XK_DUMP_STORE_DEFAULT,
        .compression = XK_COMPRESS_ZSTD,
    };
    struct collected c = { 0 };
    const struct xk_sink sink = { collect, &c };
    struct xk_dump_stats stats;
    struct xk_image *img;

    ck_assert_int_eq(xk_dump_write(&corpse.img, NULL, NULL, &options, &sink,
                                   &stats), 0);
    ck_assert_uint_eq(stats.pages[XK_CLASS_UNKNOWN] +
                      stats.pages[XK_CLASS_ZERO], CORPSE_PAGES);
    ck_assert_int_eq(xk_image_open_kdump(&img, &source), 0);
    xk_image_close(img);
}
END_TEST

static bool give_up(void *ctx, uint64_t done, uint64_t total)
{
    (void)ctx;
    return done < total / 2;
}

START_TEST(test_errors)
{
    struct xk_dump_options options = {
        .workers = 4, .store = XK_DUMP_STORE_DEFAULT,
        .compression = XK_COMPRESS_ZSTD,
    };
    struct collected c = { 0 };
    const struct xk_sink sink = { collect, &c };
    struct xk_dump_stats stats;
    unsigned int after;

    for (after = 1; after < 12; after++) {
        c = (struct collected){ .fail_after = after };
        ck_assert_int_eq(xk_dump_write(&corpse.img, &kernel, &classifier,
                                       &options, &sink, &stats), -ENOSPC);
    }
    c = (struct collected){ 0 };
    options.progress = give_up;
    ck_assert_int_eq(xk_dump_write(&corpse.img, &kernel, &classifier,
                                   &options, &sink, &stats), -ECANCELED);
    options.compression = (enum xk_compression)99;
    ck_assert_int_eq(xk_dump_write(&corpse.img, &kernel, &classifier,
                                   &options, &sink, &stats), -EINVAL);
}
END_TEST

/* A head of which any byte is another: refused, or read without harm. */
START_TEST(test_torn)
{
    static _Alignas(4096) uint8_t page[XK_PAGE_SIZE];
    struct xk_image *img;
    uint64_t at, pfn;
    uint8_t state;

    write_and_read(XK_COMPRESS_ZSTD, XK_DUMP_STORE_DEFAULT, 1);
    for (at = 0; at < 8192; at += at < 600 ? 7 : 211) {
        file[at] ^= 0xff;
        if (!xk_image_open_kdump(&img, &source)) {
            for (pfn = 0; pfn < 2 * CORPSE_PAGES; pfn += 997)
                (void)img->read(img, &pfn, 1, page, &state);
            xk_image_close(img);
        }
        file[at] ^= 0xff;
    }
}
END_TEST

TCase *tcase_dump(void)
{
    TCase *tc = tcase_create("dump");

    tcase_set_timeout(tc, 30);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, test_kinds, 0, 4);
    tcase_add_test(tc, test_levels);
    tcase_add_test(tc, test_head);
    tcase_add_test(tc, test_unknown);
    tcase_add_test(tc, test_errors);
    tcase_add_test(tc, test_torn);
    return tc;
}
