/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Cryptography on OpenSSL 3, see crypto.h. What is here translates calls and
 * errors; what is sealed, for whom and in which order is its callers' affair.
 */
#include "crypto.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/cms.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <xenkeep/log.h>
#include <xenkeep/util.h>

/* A PEM file of ours has one key or certificate. */
#define PEM_FILE_MAX 65536

/* The library's queue of errors is not looked at: it must not grow. */
static int failed(int rc)
{
    ERR_clear_error();
    return rc;
}

int xk_random(void *buf, size_t len)
{
    if (len > INT_MAX || RAND_bytes(buf, (int)len) != 1)
        return failed(-EIO);
    return 0;
}

void xk_wipe(void *buf, size_t len)
{
    OPENSSL_cleanse(buf, len);
}

bool xk_same(const void *a, const void *b, size_t len)
{
    return CRYPTO_memcmp(a, b, len) == 0;
}

/* ---- AES-256-GCM -------------------------------------------------------- */

struct xk_gcm {
    EVP_CIPHER_CTX *seal, *open;
};

int xk_gcm_new(struct xk_gcm **gcm_r, const uint8_t key[XK_KEY_SIZE])
{
    struct xk_gcm *gcm = calloc(1, sizeof(*gcm));

    if (!gcm)
        return -ENOMEM;
    gcm->seal = EVP_CIPHER_CTX_new();
    gcm->open = EVP_CIPHER_CTX_new();
    if (!gcm->seal || !gcm->open ||
        EVP_EncryptInit_ex(gcm->seal, EVP_aes_256_gcm(), NULL, key,
                           NULL) != 1 ||
        EVP_DecryptInit_ex(gcm->open, EVP_aes_256_gcm(), NULL, key,
                           NULL) != 1) {
        xk_gcm_free(gcm);
        return failed(-ENOMEM);
    }
    *gcm_r = gcm;
    return 0;
}

void xk_gcm_free(struct xk_gcm *gcm)
{
    if (!gcm)
        return;
    EVP_CIPHER_CTX_free(gcm->seal);     /* overwrites the key */
    EVP_CIPHER_CTX_free(gcm->open);
    free(gcm);
}

int xk_gcm_seal(struct xk_gcm *gcm, const uint8_t nonce[XK_NONCE_SIZE],
                const void *aad, size_t aad_len, const void *plain,
                size_t len, void *sealed, uint8_t tag[XK_TAG_SIZE])
{
    int n;

    if (aad_len > INT_MAX || len > INT_MAX)
        return -EINVAL;
    if (EVP_EncryptInit_ex(gcm->seal, NULL, NULL, NULL, nonce) != 1 ||
        EVP_EncryptUpdate(gcm->seal, NULL, &n, aad, (int)aad_len) != 1 ||
        EVP_EncryptUpdate(gcm->seal, sealed, &n, plain, (int)len) != 1 ||
        EVP_EncryptFinal_ex(gcm->seal, (uint8_t *)sealed + len, &n) != 1 ||
        EVP_CIPHER_CTX_ctrl(gcm->seal, EVP_CTRL_GCM_GET_TAG, XK_TAG_SIZE,
                            tag) != 1)
        return failed(-EIO);
    return 0;
}

int xk_gcm_open(struct xk_gcm *gcm, const uint8_t nonce[XK_NONCE_SIZE],
                const void *aad, size_t aad_len, const void *sealed,
                size_t len, const uint8_t tag[XK_TAG_SIZE], void *plain)
{
    uint8_t expected[XK_TAG_SIZE];
    int n;

    if (aad_len > INT_MAX || len > INT_MAX)
        return -EINVAL;
    memcpy(expected, tag, sizeof(expected));
    if (EVP_DecryptInit_ex(gcm->open, NULL, NULL, NULL, nonce) == 1 &&
        EVP_DecryptUpdate(gcm->open, NULL, &n, aad, (int)aad_len) == 1 &&
        EVP_DecryptUpdate(gcm->open, plain, &n, sealed, (int)len) == 1 &&
        EVP_CIPHER_CTX_ctrl(gcm->open, EVP_CTRL_GCM_SET_TAG, XK_TAG_SIZE,
                            expected) == 1 &&
        EVP_DecryptFinal_ex(gcm->open, (uint8_t *)plain + len, &n) == 1)
        return 0;
    xk_wipe(plain, len);
    return failed(-EBADMSG);
}

/* ---- HKDF and SHA-256 --------------------------------------------------- */

int xk_hkdf(const void *key, size_t key_len, const void *salt,
            size_t salt_len, const void *info, size_t info_len, void *out,
            size_t out_len)
{
    char digest[] = "SHA256";
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
    /* The library's parameters are not const; it only reads them. */
    OSSL_PARAM params[] = {
        OSSL_PARAM_utf8_string(OSSL_KDF_PARAM_DIGEST, digest,
                               sizeof(digest) - 1),
        OSSL_PARAM_octet_string(OSSL_KDF_PARAM_KEY,
                                (void *)(uintptr_t)key, key_len),
        OSSL_PARAM_octet_string(OSSL_KDF_PARAM_SALT,
                                (void *)(uintptr_t)salt, salt_len),
        OSSL_PARAM_octet_string(OSSL_KDF_PARAM_INFO,
                                (void *)(uintptr_t)info, info_len),
        OSSL_PARAM_END,
    };
    int rc = -ENOMEM;

    if (ctx && EVP_KDF_derive(ctx, out, out_len, params) == 1)
        rc = 0;
    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
    return rc ? failed(rc) : 0;
}

struct xk_hash {
    EVP_MD_CTX *ctx, *copy;
};

int xk_hash_new(struct xk_hash **hash_r)
{
    struct xk_hash *hash = calloc(1, sizeof(*hash));

    if (!hash)
        return -ENOMEM;
    hash->ctx = EVP_MD_CTX_new();
    hash->copy = EVP_MD_CTX_new();
    if (!hash->ctx || !hash->copy ||
        EVP_DigestInit_ex(hash->ctx, EVP_sha256(), NULL) != 1) {
        xk_hash_free(hash);
        return failed(-ENOMEM);
    }
    *hash_r = hash;
    return 0;
}

void xk_hash_free(struct xk_hash *hash)
{
    if (!hash)
        return;
    EVP_MD_CTX_free(hash->ctx);
    EVP_MD_CTX_free(hash->copy);
    free(hash);
}

int xk_hash_add(struct xk_hash *hash, const void *data, size_t len)
{
    return EVP_DigestUpdate(hash->ctx, data, len) == 1 ? 0 : failed(-EIO);
}

int xk_hash_get(const struct xk_hash *hash, uint8_t out[XK_HASH_SIZE])
{
    if (EVP_MD_CTX_copy_ex(hash->copy, hash->ctx) != 1 ||
        EVP_DigestFinal_ex(hash->copy, out, NULL) != 1)
        return failed(-ENOMEM);
    return 0;
}

int xk_hash_of(const void *data, size_t len, uint8_t out[XK_HASH_SIZE])
{
    struct xk_hash *hash;
    int rc;

    rc = xk_hash_new(&hash);
    if (rc)
        return rc;
    rc = xk_hash_add(hash, data, len);
    if (!rc)
        rc = xk_hash_get(hash, out);
    xk_hash_free(hash);
    return rc;
}

/* ---- HMAC --------------------------------------------------------------- */

struct xk_mac {
    EVP_MAC_CTX *ctx;
};

int xk_mac_new(struct xk_mac **mac_r, const uint8_t key[XK_KEY_SIZE])
{
    struct xk_mac *mac = calloc(1, sizeof(*mac));
    EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    char digest[] = "SHA256";
    OSSL_PARAM params[] = {
        OSSL_PARAM_utf8_string(OSSL_MAC_PARAM_DIGEST, digest,
                               sizeof(digest) - 1),
        OSSL_PARAM_END,
    };

    if (mac && hmac)
        mac->ctx = EVP_MAC_CTX_new(hmac);
    EVP_MAC_free(hmac);
    if (mac && mac->ctx &&
        EVP_MAC_init(mac->ctx, key, XK_KEY_SIZE, params) == 1) {
        *mac_r = mac;
        return 0;
    }
    xk_mac_free(mac);
    return failed(-ENOMEM);
}

void xk_mac_free(struct xk_mac *mac)
{
    if (!mac)
        return;
    EVP_MAC_CTX_free(mac->ctx);
    free(mac);
}

int xk_mac_get(struct xk_mac *mac, const void *data, size_t len,
               uint8_t out[XK_MAC_SIZE])
{
    uint8_t whole[XK_HASH_SIZE];
    size_t got;

    /* Without a key: with the one it has, from the start. */
    if (EVP_MAC_init(mac->ctx, NULL, 0, NULL) != 1 ||
        EVP_MAC_update(mac->ctx, data, len) != 1 ||
        EVP_MAC_final(mac->ctx, whole, &got, sizeof(whole)) != 1)
        return failed(-EIO);
    memcpy(out, whole, XK_MAC_SIZE);
    return 0;
}

/* ---- PEM files ---------------------------------------------------------- */

/* All of the file, in memory. The caller frees it. */
static int pem_read(int fd, BIO **bio_r)
{
    xk_cleanup_free char *text = malloc(PEM_FILE_MAX);
    size_t used = 0;
    ssize_t n;
    BIO *bio;

    if (!text)
        return -ENOMEM;
    while ((n = read(fd, text + used, PEM_FILE_MAX - used)) > 0)
        used += (size_t)n;
    if (n < 0)
        return -errno;
    if (used == PEM_FILE_MAX)
        return -EFBIG;
    bio = BIO_new(BIO_s_mem());
    if (bio && used && BIO_write(bio, text, (int)used) != (int)used) {
        BIO_free(bio);
        bio = NULL;
    }
    xk_wipe(text, used);
    if (!bio)
        return failed(-ENOMEM);
    *bio_r = bio;
    return 0;
}

/* ---- Ed25519 ------------------------------------------------------------ */

struct xk_signer {
    EVP_PKEY *key;
};

static int signer_of(struct xk_signer **signer_r, EVP_PKEY *key)
{
    struct xk_signer *signer;

    if (!key || EVP_PKEY_get_base_id(key) != EVP_PKEY_ED25519) {
        EVP_PKEY_free(key);
        return failed(-EINVAL);
    }
    signer = malloc(sizeof(*signer));
    if (!signer) {
        EVP_PKEY_free(key);
        return -ENOMEM;
    }
    signer->key = key;
    *signer_r = signer;
    return 0;
}

int xk_signer_new(struct xk_signer **signer_r)
{
    return signer_of(signer_r, EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"));
}

int xk_signer_read(struct xk_signer **signer_r, int fd)
{
    EVP_PKEY *key;
    BIO *bio;
    int rc;

    rc = pem_read(fd, &bio);
    if (rc)
        return rc;
    key = PEM_read_bio_PrivateKey(bio, NULL, NULL, (void *)(uintptr_t)"");
    BIO_free(bio);
    return signer_of(signer_r, key);
}

int xk_signer_write(const struct xk_signer *signer, int fd)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text;
    long len;
    int rc = -ENOMEM;

    if (bio && PEM_write_bio_PrivateKey(bio, signer->key, NULL, NULL, 0, NULL,
                                        NULL) == 1) {
        len = BIO_get_mem_data(bio, &text);
        rc = write(fd, text, (size_t)len) == len ? 0 : -EIO;
        xk_wipe(text, (size_t)len);
    }
    BIO_free(bio);
    return rc ? failed(rc) : 0;
}

void xk_signer_free(struct xk_signer *signer)
{
    if (!signer)
        return;
    EVP_PKEY_free(signer->key);
    free(signer);
}

int xk_signer_public(const struct xk_signer *signer,
                     uint8_t public_r[XK_PUBLIC_SIZE])
{
    size_t len = XK_PUBLIC_SIZE;

    if (EVP_PKEY_get_raw_public_key(signer->key, public_r, &len) != 1 ||
        len != XK_PUBLIC_SIZE)
        return failed(-EIO);
    return 0;
}

int xk_sign(const struct xk_signer *signer, const void *data, size_t len,
            uint8_t signature[XK_SIGNATURE_SIZE])
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    size_t size = XK_SIGNATURE_SIZE;
    bool done;

    done = ctx && EVP_DigestSignInit(ctx, NULL, NULL, NULL,
                                     signer->key) == 1 &&
           EVP_DigestSign(ctx, signature, &size, data, len) == 1 &&
           size == XK_SIGNATURE_SIZE;
    EVP_MD_CTX_free(ctx);
    return done ? 0 : failed(-EIO);
}

int xk_sign_verify(const uint8_t public[XK_PUBLIC_SIZE], const void *data,
                   size_t len, const uint8_t signature[XK_SIGNATURE_SIZE])
{
    EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL,
                                                public, XK_PUBLIC_SIZE);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool sound;

    sound = key && ctx &&
            EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) == 1 &&
            EVP_DigestVerify(ctx, signature, XK_SIGNATURE_SIZE, data,
                             len) == 1;
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
    return sound ? 0 : failed(-EBADMSG);
}

/* ---- Certificates ------------------------------------------------------- */

struct xk_cert {
    X509 *x509;
};

int xk_cert_read(struct xk_cert **cert_r, int fd)
{
    struct xk_cert *cert;
    X509 *x509;
    BIO *bio;
    int rc;

    rc = pem_read(fd, &bio);
    if (rc)
        return rc;
    x509 = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    BIO_free(bio);
    cert = x509 ? malloc(sizeof(*cert)) : NULL;
    if (!cert) {
        rc = x509 ? -ENOMEM : -EINVAL;
        X509_free(x509);
        return failed(rc);
    }
    cert->x509 = x509;
    *cert_r = cert;
    return 0;
}

void xk_cert_free(struct xk_cert *cert)
{
    if (!cert)
        return;
    X509_free(cert->x509);
    free(cert);
}

void xk_cert_subject(const struct xk_cert *cert, char *buf, size_t size)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char name[256] = "";
    int n;

    if (bio && X509_NAME_print_ex(bio, X509_get_subject_name(cert->x509), 0,
                                  XN_FLAG_RFC2253) >= 0) {
        n = BIO_read(bio, name, sizeof(name) - 1);
        name[n > 0 ? n : 0] = '\0';
    }
    BIO_free(bio);
    ERR_clear_error();
    xk_log_safe(buf, size, name);
}

int xk_cert_fingerprint(const struct xk_cert *cert, uint8_t out[XK_HASH_SIZE])
{
    unsigned int len = XK_HASH_SIZE;

    return X509_digest(cert->x509, EVP_sha256(), out, &len) == 1
               ? 0 : failed(-EIO);
}

time_t xk_cert_not_after(const struct xk_cert *cert)
{
    struct tm tm;

    if (ASN1_TIME_to_tm(X509_get0_notAfter(cert->x509), &tm) != 1) {
        ERR_clear_error();
        return -1;
    }
    return timegm(&tm);
}

/* Is the key one that an envelope can be sealed for? */
static const char *key_fault(X509 *x509)
{
    EVP_PKEY *key = X509_get0_pubkey(x509);
    uint32_t usage = X509_get_key_usage(x509);

    switch (key ? EVP_PKEY_get_base_id(key) : 0) {
    case EVP_PKEY_RSA:
        if (EVP_PKEY_get_bits(key) < XK_RSA_BITS_MIN)
            return "its RSA key has less than 2048 bits";
        return usage & X509v3_KU_KEY_ENCIPHERMENT
                   ? NULL : "its key may not encipher keys (keyUsage)";
    case EVP_PKEY_EC:
        if (EVP_PKEY_get_bits(key) < 256)
            return "its EC key has less than 256 bits";
        return usage & X509v3_KU_KEY_AGREEMENT
                   ? NULL : "its key may not agree on keys (keyUsage)";
    default:
        return "its key is neither RSA nor EC";
    }
}

const char *xk_cert_fault(const struct xk_cert *cert, time_t now)
{
    const char *fault;

    if (X509_cmp_time(X509_get0_notBefore(cert->x509), &now) >= 0)
        return "it is not valid yet";
    if (X509_cmp_time(X509_get0_notAfter(cert->x509), &now) <= 0)
        return "it expired";
    fault = key_fault(cert->x509);
    ERR_clear_error();
    return fault;
}

/* ---- The envelope ------------------------------------------------------- */

/* RSA by OAEP with SHA-256; PKCS #1 v1.5, the default, is an oracle. */
static bool add_recipient(CMS_ContentInfo *cms, X509 *x509)
{
    EVP_PKEY *key = X509_get0_pubkey(x509);
    CMS_RecipientInfo *ri;
    EVP_PKEY_CTX *ctx;

    if (!key)
        return false;
    if (EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA)
        return CMS_add1_recipient_cert(cms, x509, 0) != NULL;
    ri = CMS_add1_recipient_cert(cms, x509, CMS_KEY_PARAM);
    ctx = ri ? CMS_RecipientInfo_get0_pkey_ctx(ri) : NULL;
    return ctx &&
           EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) > 0 &&
           EVP_PKEY_CTX_set_rsa_oaep_md(ctx, EVP_sha256()) > 0 &&
           EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, EVP_sha256()) > 0;
}

int xk_envelope_seal(struct xk_cert *const *certs, size_t count,
                     const void *plain, size_t len, uint8_t **der_r,
                     size_t *der_len_r)
{
    const unsigned int flags = CMS_BINARY | CMS_PARTIAL | CMS_USE_KEYID;
    CMS_ContentInfo *cms = NULL;
    uint8_t *der = NULL;
    int der_len, rc = -ENOMEM;
    BIO *in = NULL;
    size_t i;

    if (!count || len > INT_MAX)
        return -EINVAL;
    cms = CMS_encrypt(NULL, NULL, EVP_aes_256_cbc(), flags);
    in = BIO_new_mem_buf(plain, (int)len);
    if (!cms || !in)
        goto out;
    for (i = 0; i < count; i++) {
        if (!add_recipient(cms, certs[i]->x509)) {
            rc = -EINVAL;
            goto out;
        }
    }
    if (CMS_final(cms, in, NULL, flags) != 1)
        goto out;
    der_len = i2d_CMS_ContentInfo(cms, &der);
    if (der_len <= 0)
        goto out;
    *der_r = malloc((size_t)der_len);
    if (*der_r) {
        memcpy(*der_r, der, (size_t)der_len);
        *der_len_r = (size_t)der_len;
        rc = 0;
    }
out:
    OPENSSL_free(der);
    BIO_free(in);
    CMS_ContentInfo_free(cms);
    return rc ? failed(rc) : 0;
}

struct xk_private {
    EVP_PKEY *key;
};

int xk_private_read(struct xk_private **key_r, int fd, const char *passphrase)
{
    struct xk_private *key;
    EVP_PKEY *pkey;
    BIO *bio;
    int rc;

    rc = pem_read(fd, &bio);
    if (rc)
        return rc;
    pkey = PEM_read_bio_PrivateKey(bio, NULL, NULL,
                                   (void *)(uintptr_t)passphrase);
    BIO_free(bio);
    key = pkey ? malloc(sizeof(*key)) : NULL;
    if (!key) {
        rc = pkey ? -ENOMEM : -EINVAL;
        EVP_PKEY_free(pkey);
        return failed(rc);
    }
    key->key = pkey;
    *key_r = key;
    return 0;
}

void xk_private_free(struct xk_private *key)
{
    if (!key)
        return;
    EVP_PKEY_free(key->key);
    free(key);
}

/* The content of `cms`, whose key is set, into a buffer of its own. */
static int envelope_content(CMS_ContentInfo *cms, size_t max,
                            uint8_t **plain_r, size_t *len_r)
{
    BIO *out = BIO_new(BIO_s_secmem());
    char *text;
    long len;
    int rc = -ENOKEY;

    if (!out)
        return -ENOMEM;
    if (CMS_decrypt(cms, NULL, NULL, NULL, out, CMS_BINARY) != 1)
        goto out;
    len = BIO_get_mem_data(out, &text);
    rc = -EBADMSG;
    if (len <= 0 || (size_t)len > max)
        goto out;
    *plain_r = malloc((size_t)len);
    rc = *plain_r ? 0 : -ENOMEM;
    if (!rc) {
        memcpy(*plain_r, text, (size_t)len);
        *len_r = (size_t)len;
    }
out:
    BIO_free(out);
    return rc;
}

int xk_envelope_open(const struct xk_private *key, const uint8_t *der,
                     size_t der_len, size_t max, uint8_t **plain_r,
                     size_t *len_r)
{
    const unsigned char *at = der;
    CMS_ContentInfo *cms;
    int rc = -EBADMSG;

    if (der_len > LONG_MAX)
        return -EINVAL;
    cms = d2i_CMS_ContentInfo(NULL, &at, (long)der_len);
    if (cms && OBJ_obj2nid(CMS_get0_type(cms)) == NID_pkcs7_enveloped) {
        rc = -ENOKEY;
        if (CMS_decrypt_set1_pkey(cms, key->key, NULL) == 1)
            rc = envelope_content(cms, max, plain_r, len_r);
    }
    CMS_ContentInfo_free(cms);
    return rc ? failed(rc) : 0;
}
