// SPDX-License-Identifier: GPL-2.0-only
/* Images in files: what is where, and descriptions that make no sense. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "class.h"
#include "image.h"
#include "unit.h"

#define PATH "test-image"

static void put(const char *about, size_t pages)
{
    char page[XK_PAGE_SIZE];
    FILE *f = fopen(PATH, "w");
    size_t i;

    for (i = 0; i < pages; i++) {
        memset(page, 'a' + (int)i, sizeof(page));
        ck_assert_uint_eq(fwrite(page, sizeof(page), 1, f), 1);
    }
    fclose(f);
    unlink(PATH ".about");
    if (about) {
        f = fopen(PATH ".about", "w");
        fputs(about, f);
        fclose(f);
    }
}

static void gone(void)
{
    unlink(PATH);
    unlink(PATH ".about");
}

START_TEST(test_plain)
{
    static _Alignas(4096) char buf[3 * XK_PAGE_SIZE];
    const uint64_t pfns[] = { 1, 0, 5 };
    struct xk_image *img;
    uint64_t first, end;
    uint8_t state[3];
    char why[128];

    put(NULL, 2);
    ck_assert_int_eq(xk_image_open_file(&img, PATH, why, sizeof(why)), 0);
    ck_assert_uint_eq(img->max_pfn, 2);
    ck_assert_int_eq(img->read(img, pfns, 3, buf, state), 0);
    ck_assert_int_eq(buf[0], 'b');
    ck_assert_int_eq(buf[XK_PAGE_SIZE], 'a');
    ck_assert_int_eq(buf[2 * XK_PAGE_SIZE], 0);
    ck_assert_int_eq(state[0], XK_PAGE_RAM);
    ck_assert_int_eq(state[2], XK_PAGE_ABSENT);
    ck_assert(xk_image_next(img, 1, &first, &end) && first == 1 && end == 2);
    ck_assert(!xk_image_next(img, 2, &first, &end));
    ck_assert_int_eq(xk_image_read_phys(img, 4094, buf, 4), 0);
    ck_assert_int_eq(memcmp(buf, "aabb", 4), 0);
    ck_assert_int_eq(xk_image_read_phys(img, 8190, buf, 4), -EFAULT);
    xk_image_close(img);
    gone();
}
END_TEST

START_TEST(test_about)
{
    static _Alignas(4096) char buf[4 * XK_PAGE_SIZE];
    const uint64_t pfns[] = { 0, 1, 2, 3 };
    struct xk_image *img;
    uint64_t first, end;
    uint8_t state[4];
    char why[128];

    put("type hvm\nram 0 1\npod 2 3\nram 3 5\n"
        "vcpu rip=ffffffff81000000 cr3=1000 cs=10\n", 4);
    ck_assert_int_eq(xk_image_open_file(&img, PATH, why, sizeof(why)), 0);
    ck_assert_int_eq(img->type, XK_GUEST_HVM);
    ck_assert_uint_eq(img->max_pfn, 5);
    ck_assert_uint_eq(img->vcpu_count, 1);
    ck_assert(img->vcpus[0].valid);
    ck_assert_uint_eq(img->vcpus[0].rip, 0xffffffff81000000);
    ck_assert_uint_eq(img->vcpus[0].cs, 0x10);
    ck_assert_int_eq(img->read(img, pfns, 4, buf, state), 0);
    ck_assert_int_eq(state[1], XK_PAGE_ABSENT);
    ck_assert_int_eq(state[2], XK_PAGE_ZERO);
    ck_assert_int_eq(buf[2 * XK_PAGE_SIZE], 0);
    ck_assert_int_eq(buf[3 * XK_PAGE_SIZE], 'd');
    ck_assert(xk_image_next(img, 1, &first, &end) && first == 2 && end == 3);
    xk_image_close(img);
    gone();
}
END_TEST

START_TEST(test_wrong)
{
    static const char *const wrong[] = {
        "type xen\n", "ram 0\n", "ram 1 1\n", "ram 2 1\n", "ram 0 2 3\n",
        "ram 0 2\nram 1 3\n", "ram 0 ffffffffffff\n", "ram -1 2\n",
        "vcpu rip\n", "vcpu rip=x\n", "vcpu rip=-1\n", "vcpu foo=1\n",
        "hello\n", "ram 0 fffffffffffffffff\n",
    };
    struct xk_image *img;
    char why[128];
    size_t i;

    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        put(wrong[i], 1);
        ck_assert_msg(xk_image_open_file(&img, PATH, why, sizeof(why)) ==
                      -EINVAL, "%s", wrong[i]);
        ck_assert_ptr_nonnull(strstr(why, "line "));
    }
    put(NULL, 0);
    ck_assert_int_eq(xk_image_open_file(&img, PATH, why, sizeof(why)),
                     -EINVAL);
    gone();
    ck_assert_int_eq(xk_image_open_file(&img, PATH, why, sizeof(why)),
                     -ENOENT);
}
END_TEST

START_TEST(test_names)
{
    int i;

    for (i = 0; i < XK_CLASSES; i++)
        ck_assert_int_eq(xk_class_of_name(xk_class_name(i)), i);
    ck_assert_int_eq(xk_class_of_name("all"), -EINVAL);
    ck_assert_str_eq(xk_class_name(XK_CLASSES), "none");
}
END_TEST

TCase *tcase_image(void)
{
    TCase *tc = tcase_create("image");

    tcase_add_test(tc, test_plain);
    tcase_add_test(tc, test_about);
    tcase_add_test(tc, test_wrong);
    tcase_add_test(tc, test_names);
    return tc;
}
