// SPDX-License-Identifier: GPL-2.0-only
/*
 * crypto.c against published vectors, and against what must be refused.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <xenkeep/util.h>

#include "crypto.h"
#include "unit.h"

static size_t unhex(const char *hex, uint8_t *out)
{
    size_t n;
    unsigned int byte;

    for (n = 0; hex[2 * n]; n++) {
        ck_assert_int_eq(sscanf(hex + 2 * n, "%2x", &byte), 1);
        out[n] = (uint8_t)byte;
    }
    return n;
}

/* The GCM specification's own, McGrew and Viega 2005, appendix B. */
static const struct {
    const char *key, *nonce, *aad, *plain, *sealed, *tag;
} gcm_vectors[] = {
    { /* test case 13 */
      "0000000000000000000000000000000000000000000000000000000000000000",
      "000000000000000000000000", "", "", "",
      "530f8afbc74536b9a963b4f1c4cb738b" },
    { /* test case 14 */
      "0000000000000000000000000000000000000000000000000000000000000000",
      "000000000000000000000000", "", "00000000000000000000000000000000",
      "cea7403d4d606b6e074ec5d3baf39d18", "d0d1c8a799996bf0265b98b5d48ab919" },
    { /* test case 16 */
      "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
      "cafebabefacedbaddecaf888", "feedfacedeadbeeffeedfacedeadbeefabaddad2",
      "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
      "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
      "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
      "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
      "76fc6ece0f4e1768cddf8853bb2d551b" },
};

START_TEST(gcm_known)
{
    uint8_t key[XK_KEY_SIZE], nonce[XK_NONCE_SIZE], aad[64], plain[64];
    uint8_t sealed[64], want[64], tag[XK_TAG_SIZE], want_tag[XK_TAG_SIZE];
    struct xk_gcm *gcm;
    size_t aad_len, len;

    unhex(gcm_vectors[_i].key, key);
    unhex(gcm_vectors[_i].nonce, nonce);
    aad_len = unhex(gcm_vectors[_i].aad, aad);
    len = unhex(gcm_vectors[_i].plain, plain);
    unhex(gcm_vectors[_i].sealed, want);
    unhex(gcm_vectors[_i].tag, want_tag);
    ck_assert_int_eq(xk_gcm_new(&gcm, key), 0);
    ck_assert_int_eq(xk_gcm_seal(gcm, nonce, aad, aad_len, plain, len, sealed,
                                 tag), 0);
    ck_assert(!len || !memcmp(sealed, want, len));
    ck_assert_mem_eq(tag, want_tag, sizeof(tag));
    ck_assert_int_eq(xk_gcm_open(gcm, nonce, aad, aad_len, sealed, len, tag,
                                 sealed), 0);
    ck_assert(!len || !memcmp(sealed, plain, len));
    xk_gcm_free(gcm);
}
END_TEST

/* Each bit of what is sealed, bound or tagged counts. */
START_TEST(gcm_refuses)
{
    uint8_t key[XK_KEY_SIZE] = { 1 }, nonce[XK_NONCE_SIZE] = { 2 };
    uint8_t box[16 + 40 + XK_TAG_SIZE], plain[40], none[40] = { 0 };
    uint8_t *sealed = box + 16, *tag = box + 56;
    struct xk_gcm *gcm;
    unsigned int bit;

    memset(box, 0x5a, sizeof(box));
    memset(plain, 0xa5, sizeof(plain));
    ck_assert_int_eq(xk_gcm_new(&gcm, key), 0);
    ck_assert_int_eq(xk_gcm_seal(gcm, nonce, box, 16, plain, 40, sealed, tag),
                     0);
    for (bit = 0; bit < 8 * sizeof(box); bit++) {
        box[bit / 8] ^= (uint8_t)(1 << bit % 8);
        ck_assert_int_eq(xk_gcm_open(gcm, nonce, box, 16, sealed, 40, tag,
                                     plain), -EBADMSG);
        ck_assert_mem_eq(plain, none, 40);
        box[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    nonce[11]++;
    ck_assert_int_eq(xk_gcm_open(gcm, nonce, box, 16, sealed, 40, tag, plain),
                     -EBADMSG);
    nonce[11]--;
    ck_assert_int_eq(xk_gcm_open(gcm, nonce, box, 16, sealed, 40, tag, plain),
                     0);
    xk_gcm_free(gcm);
}
END_TEST

/* RFC 5869, appendix A.1 and A.3. */
START_TEST(hkdf_known)
{
    uint8_t key[22], salt[13], info[10], out[42], want[42];

    memset(key, 0x0b, sizeof(key));
    unhex("000102030405060708090a0b0c", salt);
    unhex("f0f1f2f3f4f5f6f7f8f9", info);
    unhex("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"
          "34007208d5b887185865", want);
    ck_assert_int_eq(xk_hkdf(key, sizeof(key), salt, sizeof(salt), info,
                             sizeof(info), out, sizeof(out)), 0);
    ck_assert_mem_eq(out, want, sizeof(want));
    unhex("8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
          "9d201395faa4b61a96c8", want);
    ck_assert_int_eq(xk_hkdf(key, sizeof(key), "", 0, "", 0, out,
                             sizeof(out)), 0);
    ck_assert_mem_eq(out, want, sizeof(want));
}
END_TEST

/* FIPS 180-4: "abc"; the hash can be taken and added to. */
START_TEST(hash_known)
{
    uint8_t out[XK_HASH_SIZE], want[XK_HASH_SIZE];
    struct xk_hash *hash;

    ck_assert_int_eq(xk_hash_new(&hash), 0);
    ck_assert_int_eq(xk_hash_add(hash, "ab", 2), 0);
    ck_assert_int_eq(xk_hash_get(hash, out), 0);
    ck_assert_int_eq(xk_hash_add(hash, "c", 1), 0);
    ck_assert_int_eq(xk_hash_get(hash, out), 0);
    unhex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
          want);
    ck_assert_mem_eq(out, want, sizeof(want));
    xk_hash_free(hash);
}
END_TEST

static int memory_file(const char *text)
{
    int fd = memfd_create("pem", MFD_CLOEXEC);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

static int cert_file(const char *name)
{
    const char *src = getenv("XK_SRCDIR");
    char path[512];
    int fd;

    snprintf(path, sizeof(path), "%s/tests/unit/certs/%s", src ? src : ".",
             name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    ck_assert_msg(fd >= 0, "%s: %s", path, strerror(errno));
    return fd;
}

/* RFC 8032, section 7.1, test 2: the message is one byte, 0x72. */
START_TEST(sign_known)
{
    static const char pem[] =
        "-----BEGIN PRIVATE KEY-----\n"
        "MC4CAQAwBQYDK2VwBCIEIEzNCJso/5banbbDRuwRTg9bijGfNaumJNqM9u1PuKb7\n"
        "-----END PRIVATE KEY-----\n";
    uint8_t public[XK_PUBLIC_SIZE], signature[XK_SIGNATURE_SIZE];
    uint8_t want_public[XK_PUBLIC_SIZE], want[XK_SIGNATURE_SIZE];
    xk_cleanup_fd int fd = memory_file(pem);
    struct xk_signer *signer;
    unsigned int bit;

    unhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
          want_public);
    unhex("92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
          "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
          want);
    ck_assert_int_eq(xk_signer_read(&signer, fd), 0);
    ck_assert_int_eq(xk_signer_public(signer, public), 0);
    ck_assert_mem_eq(public, want_public, sizeof(public));
    ck_assert_int_eq(xk_sign(signer, "\x72", 1, signature), 0);
    ck_assert_mem_eq(signature, want, sizeof(want));
    ck_assert_int_eq(xk_sign_verify(public, "\x72", 1, signature), 0);
    ck_assert_int_eq(xk_sign_verify(public, "\x73", 1, signature), -EBADMSG);
    for (bit = 0; bit < 8 * XK_SIGNATURE_SIZE; bit += 7) {
        signature[bit / 8] ^= (uint8_t)(1 << bit % 8);
        ck_assert_int_eq(xk_sign_verify(public, "\x72", 1, signature),
                         -EBADMSG);
        signature[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    xk_signer_free(signer);
}
END_TEST

START_TEST(signer_kept)
{
    uint8_t a[XK_PUBLIC_SIZE], b[XK_PUBLIC_SIZE];
    xk_cleanup_fd int fd = memory_file(""), rsa = cert_file("rsa.key");
    struct xk_signer *signer, *again;

    ck_assert_int_eq(xk_signer_read(&signer, rsa), -EINVAL);
    ck_assert_int_eq(xk_signer_read(&signer, fd), -EINVAL);
    ck_assert_int_eq(xk_signer_new(&signer), 0);
    ck_assert_int_eq(xk_signer_write(signer, fd), 0);
    ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
    ck_assert_int_eq(xk_signer_read(&again, fd), 0);
    ck_assert_int_eq(xk_signer_public(signer, a), 0);
    ck_assert_int_eq(xk_signer_public(again, b), 0);
    ck_assert_mem_eq(a, b, sizeof(a));
    xk_signer_free(signer);
    xk_signer_free(again);
}
END_TEST

static struct xk_cert *cert_of(const char *name)
{
    xk_cleanup_fd int fd = cert_file(name);
    struct xk_cert *cert;

    ck_assert_int_eq(xk_cert_read(&cert, fd), 0);
    return cert;
}

static struct xk_private *private_of(const char *name)
{
    xk_cleanup_fd int fd = cert_file(name);
    struct xk_private *key;

    ck_assert_int_eq(xk_private_read(&key, fd, ""), 0);
    return key;
}

START_TEST(cert_faults)
{
    static const struct {
        const char *name;
        time_t at;
        const char *fault;      /* in its words; NULL: none */
    } cases[] = {
        { "rsa.pem", 0, NULL },
        { "ec.pem", 0, NULL },
        { "other.pem", 0, NULL },
        { "rsa.pem", 1000000000, "not valid yet" },
        { "rsa.pem", 8000000000, "expired" },
        { "expired.pem", 0, "expired" },
        { "small.pem", 0, "2048 bits" },
        { "signing.pem", 0, "keyUsage" },
    };
    struct xk_cert *cert = cert_of(cases[_i].name);
    const char *fault = xk_cert_fault(cert, cases[_i].at ? cases[_i].at
                                                         : time(NULL));
    char subject[64];

    if (cases[_i].fault)
        ck_assert_msg(fault && strstr(fault, cases[_i].fault), "%s",
                      fault ? fault : "none");
    else
        ck_assert_msg(!fault, "%s", fault);
    xk_cert_subject(cert, subject, sizeof(subject));
    ck_assert_int_eq(strncmp(subject, "CN=", 3), 0);
    ck_assert_int_gt(xk_cert_not_after(cert), 1600000000);
    xk_cert_free(cert);
}
END_TEST

START_TEST(cert_bad)
{
    xk_cleanup_fd int fd = memory_file("no certificate");
    struct xk_cert *cert;
    struct xk_private *key;

    ck_assert_int_eq(xk_cert_read(&cert, fd), -EINVAL);
    ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
    ck_assert_int_eq(xk_private_read(&key, fd, ""), -EINVAL);
}
END_TEST

/* One envelope for both kinds of recipients; a third is none. */
START_TEST(envelope_for_two)
{
    struct xk_cert *certs[] = { cert_of("rsa.pem"), cert_of("ec.pem") };
    static const char *const keys[] = { "rsa.key", "ec.key" };
    uint8_t secret[200], *der, *plain;
    struct xk_private *key;
    size_t der_len, len, i;
    int rc;

    memset(secret, 0x77, sizeof(secret));
    ck_assert_int_eq(xk_envelope_seal(certs, 2, secret, sizeof(secret), &der,
                                      &der_len), 0);
    for (i = 0; i < 2; i++) {
        key = private_of(keys[i]);
        ck_assert_int_eq(xk_envelope_open(key, der, der_len, 200, &plain,
                                          &len), 0);
        ck_assert_uint_eq(len, sizeof(secret));
        ck_assert_mem_eq(plain, secret, len);
        free(plain);
        ck_assert_int_eq(xk_envelope_open(key, der, der_len, 199, &plain,
                                          &len), -EBADMSG);
        ck_assert_int_eq(xk_envelope_open(key, der, der_len / 2, 200, &plain,
                                          &len), -EBADMSG);
        xk_private_free(key);
    }
    key = private_of("other.key");
    plain = NULL;
    rc = xk_envelope_open(key, der, der_len, 200, &plain, &len);
    /* By design of CMS a foreign key may yield noise: never the secret. */
    ck_assert(rc || len != sizeof(secret) || memcmp(plain, secret, len));
    free(plain);
    xk_private_free(key);
    free(der);
    xk_cert_free(certs[0]);
    xk_cert_free(certs[1]);
}
END_TEST

START_TEST(random_differs)
{
    uint8_t a[32] = { 0 }, b[32] = { 0 };

    ck_assert_int_eq(xk_random(a, sizeof(a)), 0);
    ck_assert_int_eq(xk_random(b, sizeof(b)), 0);
    ck_assert(!xk_same(a, b, sizeof(a)));
    xk_wipe(a, sizeof(a));
    xk_wipe(b, sizeof(b));
    ck_assert(xk_same(a, b, sizeof(a)));
}
END_TEST

TCase *tcase_crypto(void)
{
    TCase *tc = tcase_create("crypto");

    tcase_add_loop_test(tc, gcm_known, 0, XK_ARRAY_SIZE(gcm_vectors));
    tcase_add_test(tc, gcm_refuses);
    tcase_add_test(tc, hkdf_known);
    tcase_add_test(tc, hash_known);
    tcase_add_test(tc, sign_known);
    tcase_add_test(tc, signer_kept);
    tcase_add_loop_test(tc, cert_faults, 0, 8);
    tcase_add_test(tc, cert_bad);
    tcase_add_test(tc, envelope_for_two);
    tcase_add_test(tc, random_differs);
    return tc;
}
