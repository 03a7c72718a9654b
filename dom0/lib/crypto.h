/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Cryptography, all of it OpenSSL's: crypto.c is the only file that includes
 * its headers. Calls return 0 or -errno; -EBADMSG is always "what was given
 * does not verify", -ENOMEM also stands for a failure inside of the library.
 *
 * Sources of the constants: AES-256-GCM is NIST SP 800-38D, HKDF is RFC 5869,
 * Ed25519 is RFC 8032,
 * HMAC is RFC 2104, EnvelopedData is RFC 5652.
 */
#ifndef XK_LIB_CRYPTO_H
#define XK_LIB_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define XK_KEY_SIZE 32u         /* of AES-256, and of HKDF's results here */
#define XK_NONCE_SIZE 12u
#define XK_TAG_SIZE 16u
#define XK_HASH_SIZE 32u        /* SHA-256 */
#define XK_PUBLIC_SIZE 32u      /* Ed25519 */
#define XK_SIGNATURE_SIZE 64u

/* Smallest RSA key that a certificate may hold, bits. */
#define XK_RSA_BITS_MIN 2048

int xk_random(void *buf, size_t len);

/* Overwrites a secret; the compiler does not leave it out. */
void xk_wipe(void *buf, size_t len);

/* The same bytes? In a time that does not tell where they differ. */
bool xk_same(const void *a, const void *b, size_t len);

/* ---- AES-256-GCM; a context holds one key and is for one thread --------- */

struct xk_gcm;

int xk_gcm_new(struct xk_gcm **gcm_r, const uint8_t key[XK_KEY_SIZE]);
void xk_gcm_free(struct xk_gcm *gcm);

/* `sealed` has room for `len` bytes; it may be `plain`. A nonce is used once
 * with a key. */
int xk_gcm_seal(struct xk_gcm *gcm, const uint8_t nonce[XK_NONCE_SIZE],
                const void *aad, size_t aad_len, const void *plain,
                size_t len, void *sealed, uint8_t tag[XK_TAG_SIZE]);

/* -EBADMSG: not one bit of `plain` may be used; it is overwritten. */
int xk_gcm_open(struct xk_gcm *gcm, const uint8_t nonce[XK_NONCE_SIZE],
                const void *aad, size_t aad_len, const void *sealed,
                size_t len, const uint8_t tag[XK_TAG_SIZE], void *plain);

/* ---- HKDF-SHA256 and SHA-256 -------------------------------------------- */

int xk_hkdf(const void *key, size_t key_len, const void *salt,
            size_t salt_len, const void *info, size_t info_len, void *out,
            size_t out_len);

struct xk_hash;

int xk_hash_new(struct xk_hash **hash_r);
void xk_hash_free(struct xk_hash *hash);
int xk_hash_add(struct xk_hash *hash, const void *data, size_t len);
/* The hash of what was added; more may be added afterwards. */
int xk_hash_get(const struct xk_hash *hash, uint8_t out[XK_HASH_SIZE]);
/* Of data that is there in one piece. */
int xk_hash_of(const void *data, size_t len, uint8_t out[XK_HASH_SIZE]);

/* ---- HMAC-SHA256, cut to 128 bits; a context is for one thread ----------- */

#define XK_MAC_SIZE 16u

struct xk_mac;

int xk_mac_new(struct xk_mac **mac_r, const uint8_t key[XK_KEY_SIZE]);
void xk_mac_free(struct xk_mac *mac);
int xk_mac_get(struct xk_mac *mac, const void *data, size_t len,
               uint8_t out[XK_MAC_SIZE]);

/* ---- Ed25519: which host wrote this ------------------------------------- */

struct xk_signer;

int xk_signer_new(struct xk_signer **signer_r);
/* PEM (PKCS #8). -EINVAL: no Ed25519 key is in it. */
int xk_signer_read(struct xk_signer **signer_r, int fd);
int xk_signer_write(const struct xk_signer *signer, int fd);
void xk_signer_free(struct xk_signer *signer);
int xk_signer_public(const struct xk_signer *signer,
                     uint8_t public_r[XK_PUBLIC_SIZE]);
int xk_sign(const struct xk_signer *signer, const void *data, size_t len,
            uint8_t signature[XK_SIGNATURE_SIZE]);
int xk_sign_verify(const uint8_t public[XK_PUBLIC_SIZE], const void *data,
                   size_t len, const uint8_t signature[XK_SIGNATURE_SIZE]);

/* ---- Certificates of recipients ----------------------------------------- */

struct xk_cert;

/* PEM, one certificate. -EINVAL: none is in it. */
int xk_cert_read(struct xk_cert **cert_r, int fd);
void xk_cert_free(struct xk_cert *cert);

/* The subject, made safe for a log line; hex of the SHA-256 of the whole. */
void xk_cert_subject(const struct xk_cert *cert, char *buf, size_t size);
int xk_cert_fingerprint(const struct xk_cert *cert,
                        uint8_t out[XK_HASH_SIZE]);
/* Seconds since 1970; -1: the certificate has no sound date. */
time_t xk_cert_not_after(const struct xk_cert *cert);

/*
 * Why nothing should be sealed for this certificate at time `now`: a short
 * clause ("it expired"), a constant. NULL: nothing speaks against it.
 */
const char *xk_cert_fault(const struct xk_cert *cert, time_t now);

/* ---- The envelope: a few KiB for some recipients ------------------------ */

/*
 * A CMS EnvelopedData in DER: RSA recipients by OAEP with SHA-256, EC ones by
 * ECDH; the content by AES-256-CBC. Not authenticated: the caller's content
 * must prove itself. The caller frees *der_r.
 */
int xk_envelope_seal(struct xk_cert *const *certs, size_t count,
                     const void *plain, size_t len, uint8_t **der_r,
                     size_t *der_len_r);

/* A private key, PEM; asks on the terminal for the passphrase it may need,
 * or not when `passphrase` is given. */
struct xk_private;

int xk_private_read(struct xk_private **key_r, int fd,
                    const char *passphrase);
void xk_private_free(struct xk_private *key);

/*
 * -ENOKEY: the envelope is for others. -EBADMSG: this is no envelope. The
 * caller wipes and frees *plain_r, which is at most `max` bytes.
 */
int xk_envelope_open(const struct xk_private *key, const uint8_t *der,
                     size_t der_len, size_t max, uint8_t **plain_r,
                     size_t *len_r);

#endif /* XK_LIB_CRYPTO_H */
