// SPDX-License-Identifier: GPL-2.0-only
/* Expanded keys and private keys in pages, and what only looks like them. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "hv.h"
#include "secrets.h"
#include "unit.h"

static _Alignas(64) uint8_t page[XK_PAGE_SIZE];

/* FIPS 197, appendix A: the first words of the schedules printed there. */
static const uint8_t aes128[] = {
    0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6, 0xab, 0xf7, 0x15, 0x88,
    0x09, 0xcf, 0x4f, 0x3c, 0xa0, 0xfa, 0xfe, 0x17, 0x88, 0x54, 0x2c, 0xb1,
    0x23, 0xa3, 0x39, 0x39, 0x2a, 0x6c, 0x76, 0x05, 0xf2, 0xc2, 0x95, 0xf2,
    0x7a, 0x96, 0xb9, 0x43, 0x59, 0x35, 0x80, 0x7a, 0x73, 0x59, 0xf6, 0x7f,
};
static const uint8_t aes256[] = {
    0x60, 0x3d, 0xeb, 0x10, 0x15, 0xca, 0x71, 0xbe, 0x2b, 0x73, 0xae, 0xf0,
    0x85, 0x7d, 0x77, 0x81, 0x1f, 0x35, 0x2c, 0x07, 0x3b, 0x61, 0x08, 0xd7,
    0x2d, 0x98, 0x10, 0xa3, 0x09, 0x14, 0xdf, 0xf4, 0x9b, 0xa3, 0x54, 0x11,
    0x8e, 0x69, 0x25, 0xaf, 0xa5, 0x1a, 0x8b, 0x5f, 0x20, 0x67, 0xfc, 0xde,
    0xa8, 0xb0, 0x9c, 0x1a, 0x93, 0xd1, 0x94, 0xcd, 0xbe, 0x49, 0x84, 0x6e,
    0xb7, 0x5d, 0x5b, 0x9a,
};

static enum xk_secret at(const void *what, size_t len, size_t offset)
{
    memset(page, 0x55, sizeof(page));
    memcpy(page + offset, what, len);
    return xk_secrets_in(page);
}

START_TEST(test_aes)
{
    /* A page's last words are enough; one less would be none. */
    ck_assert_int_eq(at(aes128, sizeof(aes128), XK_PAGE_SIZE - 48),
                     XK_SECRET_AES);
    ck_assert_int_eq(at(aes256, sizeof(aes256), XK_PAGE_SIZE - 64),
                     XK_SECRET_AES);
    ck_assert_int_eq(at(aes128, 44, XK_PAGE_SIZE - 44), XK_SECRET_NONE);
    /* In the middle it has to go on, which this one does not. */
    ck_assert_int_eq(at(aes128, sizeof(aes128), 64), XK_SECRET_NONE);
    ck_assert_str_eq(xk_secret_name(XK_SECRET_AES), "aes-key");
}
END_TEST

START_TEST(test_pem)
{
    static const char key[] = "-----BEGIN RSA PRIVATE KEY-----\n"
        "MIIEpAIBAAKCAQEAn2NzHkZ0xkxV";
    static const char plain[] = "-----BEGIN PRIVATE KEY-----\n"
        "MIIEpAIBAAKCAQEAn2NzHkZ0xkxV";
    static const char public[] = "-----BEGIN PUBLIC KEY-----\n"
        "MIIEpAIBAAKCAQEAn2NzHkZ0xkxV";
    static const char word[] = "-----BEGIN RSA PRIVATE KEY-----\n\0%s\n";

    ck_assert_int_eq(at(key, strlen(key), 100), XK_SECRET_PRIVATE_KEY);
    ck_assert_int_eq(at(plain, strlen(plain), 3), XK_SECRET_PRIVATE_KEY);
    ck_assert_int_eq(at(public, strlen(public), 3), XK_SECRET_NONE);
    ck_assert_int_eq(at(word, sizeof(word), 3), XK_SECRET_NONE);
    ck_assert_int_eq(at(key, strlen(key), XK_PAGE_SIZE - strlen(key)),
                     XK_SECRET_PRIVATE_KEY);
    ck_assert_int_eq(at(key, 34, XK_PAGE_SIZE - 34), XK_SECRET_NONE);
}
END_TEST

START_TEST(test_none)
{
    size_t i;
    int n;

    memset(page, 0, sizeof(page));
    ck_assert_int_eq(xk_secrets_in(page), XK_SECRET_NONE);
    srand(1);
    for (n = 0; n < 200; n++) {
        for (i = 0; i < sizeof(page); i++)
            page[i] = (uint8_t)rand();
        ck_assert_int_eq(xk_secrets_in(page), XK_SECRET_NONE);
    }
}
END_TEST

TCase *tcase_secrets(void)
{
    TCase *tc = tcase_create("secrets");

    tcase_add_test(tc, test_aes);
    tcase_add_test(tc, test_pem);
    tcase_add_test(tc, test_none);
    return tc;
}
