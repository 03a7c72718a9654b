// SPDX-License-Identifier: GPL-2.0-only
/*
 * The sealed container: what was written is read, by those it is for, and
 * whatever was done to the file is refused with its place named.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <xenkeep/util.h>

#include "seal.h"
#include "seal_format.h"
#include "unit.h"
#include "unseal.h"

#define ALL (XK_CLASS_BIT(XK_CLASS_INDEX) | XK_CLASS_BIT(XK_CLASS_TEXT) | \
             XK_CLASS_BIT(XK_CLASS_USER))
#define TRIAGE (XK_CLASS_BIT(XK_CLASS_INDEX) | XK_CLASS_BIT(XK_CLASS_TEXT))
#define SIZE 700000u            /* of the content; about eleven chunks */

static struct xk_cert *owner, *triage;
static struct xk_private *owner_key, *triage_key, *other_key;
static struct xk_signer *host;
static uint8_t host_public[XK_PUBLIC_SIZE];
static uint8_t content[SIZE];
static char why[XK_UNSEAL_WHY];

static int fixture(const char *name)
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

static struct xk_cert *cert_of(const char *name)
{
    xk_cleanup_fd int fd = fixture(name);
    struct xk_cert *cert;

    ck_assert_int_eq(xk_cert_read(&cert, fd), 0);
    return cert;
}

static struct xk_private *private_of(const char *name)
{
    xk_cleanup_fd int fd = fixture(name);
    struct xk_private *key;

    ck_assert_int_eq(xk_private_read(&key, fd, ""), 0);
    return key;
}

static void setup(void)
{
    uint32_t x = 1;
    size_t i;

    owner = cert_of("rsa.pem");
    triage = cert_of("ec.pem");
    owner_key = private_of("rsa.key");
    triage_key = private_of("ec.key");
    other_key = private_of("other.key");
    ck_assert_int_eq(xk_signer_new(&host), 0);
    ck_assert_int_eq(xk_signer_public(host, host_public), 0);
    for (i = 0; i < SIZE; i++) {
        x = x * 1103515245u + 12345u;
        content[i] = (uint8_t)(x >> 16);
    }
}

static void teardown(void)
{
    xk_cert_free(owner);
    xk_cert_free(triage);
    xk_private_free(owner_key);
    xk_private_free(triage_key);
    xk_private_free(other_key);
    xk_signer_free(host);
}

/* ---- writing ---- */

static int to_file(void *ctx, const void *data, size_t len)
{
    return write(*(int *)ctx, data, len) == (ssize_t)len ? 0 : -EIO;
}

static struct xk_seal_plan plan_of(void)
{
    return (struct xk_seal_plan){
        .domain = { 1, 2, 3 },
        .time = 1700000000,
        .classes = ALL,
        .audiences = {
            { .classes = ALL, .certs = &owner, .count = 1 },
            { .classes = TRIAGE, .certs = &triage, .count = 1 },
        },
        .audience_count = 2,
        .signer = host,
    };
}

/* Whose is the piece of the content at `offset`? */
static enum xk_class class_at(size_t offset)
{
    if (offset < 5000)
        return XK_CLASS_INDEX;
    return offset / 3000 % 3 ? XK_CLASS_USER : XK_CLASS_TEXT;
}

/* The content in pieces of odd sizes, but for every eighth, the index last. */
static void write_pieces(struct xk_seal *seal)
{
    size_t at, n, i;

    for (at = 5000, i = 0; at < SIZE; at += n, i++) {
        n = xk_min_size(1000 + 37 * (i % 40), SIZE - at);
        n = xk_min_size(n, 3000 - at % 3000);
        if (i % 8)
            ck_assert_int_eq(xk_seal_extent(seal, class_at(at), at,
                                            content + at, n), 0);
        else
            memset(content + at, 0, n);
    }
    ck_assert_int_eq(xk_seal_extent(seal, XK_CLASS_INDEX, 0, content, 5000),
                     0);
}

static int make_dump_of(const struct xk_seal_plan *plan)
{
    int fd = memfd_create("dump", MFD_CLOEXEC);
    struct xk_seal *seal;

    ck_assert_int_eq(xk_seal_new(&seal, plan, to_file, &fd), 0);
    write_pieces(seal);
    ck_assert_int_eq(xk_seal_end(seal), 0);
    xk_seal_free(seal);
    return fd;
}

static int make_dump(void)
{
    struct xk_seal_plan plan = plan_of();

    return make_dump_of(&plan);
}

static off_t size_of(int fd)
{
    return lseek(fd, 0, SEEK_END);
}

/* ---- reading ---- */

static int open_dump(struct xk_unseal **u, int fd,
                     const struct xk_private *key)
{
    struct xk_unseal_key k = { .key = key, .host = host_public };

    return xk_unseal_open(u, fd, &k, why);
}

struct copy {
    uint8_t bytes[SIZE];
    unsigned int user;          /* extents of class user */
};

static int to_copy(void *ctx, enum xk_class cls, uint64_t offset,
                   const void *data, size_t len)
{
    struct copy *copy = ctx;

    ck_assert_uint_le(offset + len, SIZE);
    memcpy(copy->bytes + offset, data, len);
    copy->user += cls == XK_CLASS_USER;
    return 0;
}

static void check_range(const uint8_t *got, size_t from, size_t len, bool all)
{
    size_t i;
    uint8_t want;

    for (i = from; i < from + len; i++) {
        want = all || class_at(i) != XK_CLASS_USER ? content[i] : 0;
        if (got[i - from] != want)
            ck_abort_msg("byte %zu", i);
    }
}

START_TEST(reads_what_was_written)
{
    static struct copy copy;
    xk_cleanup_fd int fd = make_dump();
    struct xk_sink sink = { to_copy, &copy };
    struct xk_unseal *u;

    ck_assert_msg(!open_dump(&u, fd, owner_key), "%s", why);
    ck_assert(!xk_unseal_torn(u, NULL));
    ck_assert_uint_eq(xk_unseal_classes(u), ALL);
    ck_assert_uint_eq(xk_unseal_size(u), SIZE);
    ck_assert_int_eq(xk_unseal_core(u)->domain[2], 3);
    ck_assert_int_eq(xk_unseal_walk(u, &sink, NULL, NULL, why), 0);
    check_range(copy.bytes, 0, SIZE, true);
    ck_assert_uint_gt(copy.user, 100);
    xk_unseal_close(u);
}
END_TEST

START_TEST(reads_any_place)
{
    static const size_t places[][2] = {
        { 0, 1 }, { 4990, 20 }, { 100000, 70000 }, { 65530, 12 },
        { SIZE - 1, 1 }, { 0, SIZE }, { 333333, 0 },
    };
    static uint8_t got[SIZE];
    xk_cleanup_fd int fd = make_dump();
    struct xk_unseal *u;
    size_t i;

    ck_assert_int_eq(open_dump(&u, fd, owner_key), 0);
    for (i = 0; i < XK_ARRAY_SIZE(places); i++) {
        ck_assert_int_eq(xk_unseal_read(u, places[i][0], got, places[i][1],
                                        why), 0);
        check_range(got, places[i][0], places[i][1], true);
    }
    xk_unseal_close(u);
}
END_TEST

/* Looked at only: it is as sound or not, and gives nothing. */
START_TEST(looks_only)
{
    struct xk_unseal_key key = { .host = host_public, .look_only = true };
    xk_cleanup_fd int fd = make_dump();
    uint64_t good;
    struct xk_unseal *u;
    uint8_t byte;

    ck_assert_msg(!xk_unseal_open(&u, fd, &key, why), "%s", why);
    ck_assert(!xk_unseal_torn(u, NULL));
    ck_assert_uint_gt(xk_unseal_class_bytes(u, XK_CLASS_USER), 65536);
    ck_assert_int_eq(xk_unseal_walk(u, NULL, NULL, NULL, why), -EINVAL);
    ck_assert_int_eq(xk_unseal_read(u, 0, &byte, 1, why), -EINVAL);
    xk_unseal_close(u);
    ck_assert_int_eq(ftruncate(fd, size_of(fd) - 1), 0);
    ck_assert_int_eq(xk_unseal_open(&u, fd, &key, why), 0);
    ck_assert(xk_unseal_torn(u, &good));
    xk_unseal_close(u);
    byte = 0x55;
    ck_assert_int_eq(pwrite(fd, &byte, 1, (off_t)XK_SEAL_HEADER), 1);
    ck_assert_int_eq(xk_unseal_open(&u, fd, &key, why), 0);
    ck_assert(xk_unseal_torn(u, &good) && good == XK_SEAL_HEADER);
    xk_unseal_close(u);
}
END_TEST

/* The other audience sees its classes, and nothing of the rest. */
START_TEST(audience_sees_its_own)
{
    static uint8_t got[SIZE];
    xk_cleanup_fd int fd = make_dump();
    struct xk_unseal *u;

    ck_assert_msg(!open_dump(&u, fd, triage_key), "%s", why);
    ck_assert_uint_eq(xk_unseal_classes(u), TRIAGE);
    ck_assert_int_eq(xk_unseal_walk(u, NULL, NULL, NULL, why), 0);
    ck_assert_int_eq(xk_unseal_read(u, 0, got, SIZE, why), 0);
    check_range(got, 0, SIZE, false);
    xk_unseal_close(u);
}
END_TEST

START_TEST(wrong_key)
{
    xk_cleanup_fd int fd = make_dump();
    struct xk_unseal *u;

    ck_assert_int_eq(open_dump(&u, fd, other_key), -ENOKEY);
    ck_assert_ptr_nonnull(strstr(why, "not sealed for this key"));
    /* Without a key the structure and the signature can be looked at. */
    ck_assert_int_eq(open_dump(&u, fd, NULL), 0);
    ck_assert_uint_eq(xk_unseal_classes(u), 0);
    xk_unseal_close(u);
}
END_TEST

START_TEST(foreign_host)
{
    xk_cleanup_fd int fd = make_dump();
    struct xk_unseal *u;

    host_public[0] ^= 1;
    ck_assert_int_eq(open_dump(&u, fd, owner_key), -EKEYREJECTED);
    ck_assert_ptr_nonnull(strstr(why, "another host"));
}
END_TEST

/* No recipient: what is plain is there, the rest cannot be written. */
START_TEST(plain_only)
{
    struct xk_seal_plan plan = plan_of();
    int fd = memfd_create("dump", MFD_CLOEXEC);
    static uint8_t got[5000];
    struct xk_seal *seal;
    struct xk_unseal *u;

    plan.audience_count = 0;
    ck_assert_int_eq(xk_seal_new(&seal, &plan, to_file, &fd), -EINVAL);
    plan.classes = plan.plain = TRIAGE;
    ck_assert_int_eq(xk_seal_new(&seal, &plan, to_file, &fd), 0);
    ck_assert_int_eq(xk_seal_extent(seal, XK_CLASS_USER, 5000, content, 10),
                     -EPERM);
    ck_assert_int_eq(xk_seal_extent(seal, XK_CLASS_INDEX, 3000,
                                    content + 3000, 2000), 0);
    ck_assert_int_eq(xk_seal_extent(seal, XK_CLASS_INDEX, 0, content, 3000),
                     0);
    ck_assert_int_eq(xk_seal_end(seal), 0);
    xk_seal_free(seal);
    ck_assert_int_eq(open_dump(&u, fd, NULL), 0);
    ck_assert_int_eq(xk_unseal_read(u, 0, got, sizeof(got), why), 0);
    check_range(got, 0, sizeof(got), true);
    xk_unseal_close(u);
    close(fd);
}
END_TEST

/* ---- damage ---- */

/* Opens and checks all of it: 0 only when nothing is wrong. */
static int verify(int fd)
{
    struct xk_unseal *u;
    int rc;

    rc = open_dump(&u, fd, owner_key);
    if (rc)
        return rc;
    rc = xk_unseal_torn(u, NULL) ? -ENODATA
                                 : xk_unseal_walk(u, NULL, NULL, NULL, why);
    xk_unseal_close(u);
    return rc;
}

static void flip(int fd, off_t pos, unsigned int bit)
{
    uint8_t byte;

    ck_assert_int_eq(pread(fd, &byte, 1, pos), 1);
    byte ^= (uint8_t)(1 << bit);
    ck_assert_int_eq(pwrite(fd, &byte, 1, pos), 1);
}

/*
 * A bit flipped at any of many places. In the unused rest of a slot it does
 * not matter, and in the slot that holds it may cost the key.
 */
START_TEST(flipped_bit)
{
    xk_cleanup_fd int fd = make_dump();
    off_t size = size_of(fd), pos;
    unsigned int n = 0;
    int rc;

    ck_assert_int_eq(verify(fd), 0);
    for (pos = 0; pos < size; pos += pos < 200 ? 3 : 6007, n++) {
        flip(fd, pos, n % 8);
        rc = verify(fd);
        if (pos < XK_SEAL_CORE || pos >= XK_SEAL_HEADER)
            ck_assert_msg(rc, "byte %lld", (long long)pos);
        flip(fd, pos, n % 8);
    }
    for (pos = size - 400; pos < size; pos += 3) {
        flip(fd, pos, 0);
        ck_assert_msg(verify(fd), "byte %lld", (long long)pos);
        flip(fd, pos, 0);
    }
    ck_assert_int_eq(verify(fd), 0);
}
END_TEST

START_TEST(names_the_place)
{
    xk_cleanup_fd int fd = make_dump();

    /* In the ciphertext of the first chunk. */
    flip(fd, XK_SEAL_HEADER + 1000, 3);
    ck_assert_int_eq(verify(fd), -EBADMSG);
    ck_assert_msg(strstr(why, "chunk 0 of class ") &&
                  strstr(why, "at byte 65536: it was changed"), "%s", why);
    flip(fd, XK_SEAL_HEADER + 1000, 3);
    flip(fd, XK_SEAL_HEADER + 16, 0);
    ck_assert_int_eq(verify(fd), -EBADMSG);
    ck_assert_msg(strstr(why, "at byte 65536: it is not the next"), "%s",
                  why);
}
END_TEST

/* Cut anywhere: it is torn, says where, and has all whole chunks. */
START_TEST(cut_tail)
{
    static uint8_t got[SIZE];
    xk_cleanup_fd int fd = make_dump();
    off_t size = size_of(fd), cut;
    struct xk_unseal *u;
    uint64_t good, before = 0;
    size_t i;

    for (cut = XK_SEAL_HEADER; cut < size; cut += 19997) {
        xk_cleanup_fd int part = memfd_create("part", MFD_CLOEXEC);
        uint8_t *all = mmap(NULL, (size_t)size, PROT_READ, MAP_SHARED, fd, 0);

        ck_assert_ptr_ne(all, MAP_FAILED);
        ck_assert_int_eq(write(part, all, (size_t)cut), cut);
        munmap(all, (size_t)size);
        ck_assert_int_eq(verify(part), -ENODATA);
        ck_assert_msg(!open_dump(&u, part, owner_key), "%s", why);
        ck_assert(xk_unseal_torn(u, &good));
        ck_assert_uint_le(good, (uint64_t)cut);
        ck_assert_uint_ge(good, before);
        before = good;
        ck_assert_int_eq(xk_unseal_read(u, 0, got, SIZE, why), 0);
        for (i = 0; i < SIZE; i++)
            if (got[i] && got[i] != content[i])
                ck_abort_msg("byte %zu", i);
        xk_unseal_close(u);
    }
    ck_assert_uint_gt(before, (uint64_t)size / 2);
    ck_assert_int_eq(ftruncate(fd, XK_SEAL_HEADER - 1), 0);
    ck_assert_int_eq(verify(fd), -EBADMSG);
}
END_TEST

/* The first frame of `cls` after `pos`; its whole length. */
static off_t find_frame(int fd, off_t pos, enum xk_class cls, size_t *len_r)
{
    struct seal_frame frame;

    for (;; pos += (off_t)*len_r) {
        ck_assert_int_eq(pread(fd, &frame, sizeof(frame), pos),
                         sizeof(frame));
        ck_assert_uint_eq(frame.magic, XK_SEAL_FRAME_MAGIC);
        *len_r = sizeof(frame) + frame.length + XK_TAG_SIZE;
        if (frame.cls == cls)
            return pos;
    }
}

static void copy_bytes(int to, off_t to_pos, int from, off_t from_pos,
                       size_t len)
{
    xk_cleanup_free uint8_t *buf = malloc(len);

    ck_assert_int_eq(pread(from, buf, len, from_pos), (ssize_t)len);
    ck_assert_int_eq(pwrite(to, buf, len, to_pos), (ssize_t)len);
}

/* A chunk at the place of another, with its own header or with the other's;
 * a chunk again; a chunk of another dump of the same guest. */
START_TEST(exchanged_chunks)
{
    xk_cleanup_fd int fd = make_dump(), twin = make_dump();
    const size_t head = sizeof(struct seal_frame);
    off_t a, b, size = size_of(fd);
    size_t a_len, b_len;

    a = find_frame(fd, XK_SEAL_HEADER, XK_CLASS_USER, &a_len);
    b = find_frame(fd, a + (off_t)a_len, XK_CLASS_USER, &b_len);
    /* Only the bodies change places. */
    copy_bytes(fd, a + (off_t)head, twin, a + (off_t)head, a_len - head);
    ck_assert_int_eq(verify(fd), -EBADMSG);
    copy_bytes(fd, a, twin, a, a_len);
    ck_assert_int_eq(verify(fd), -EBADMSG);
    ck_assert_msg(strstr(why, "one was changed or exchanged"), "%s", why);
    close(fd);
    fd = make_dump();
    copy_bytes(fd, b, fd, a, xk_min_size(a_len, b_len));
    ck_assert_int_eq(verify(fd), -EBADMSG);
    ck_assert_msg(strstr(why, "not the next of its class") ||
                  strstr(why, "no chunk"), "%s", why);
    close(fd);
    fd = make_dump();
    /* The header of one dump before the chunks of the other. */
    copy_bytes(fd, 0, twin, 0, XK_SEAL_HEADER);
    ck_assert_int_eq(verify(fd), -EBADMSG);
    ck_assert_msg(strstr(why, "signature"), "%s", why);
    ck_assert_int_eq(size, size_of(twin));
}
END_TEST

/* ---- other recipients ---- */

START_TEST(rewraps)
{
    xk_cleanup_fd int fd = make_dump(), before = make_dump();
    struct xk_audience audience = { ALL, &triage, 1 };
    struct xk_unseal *u;
    off_t size = size_of(fd);
    unsigned int turn;

    ck_assert_int_eq(open_dump(&u, fd, triage_key), 0);
    ck_assert_int_eq(xk_unseal_rewrap(u, fd, &audience, 1, why), -EACCES);
    xk_unseal_close(u);
    copy_bytes(before, 0, fd, 0, (size_t)size);
    for (turn = 0; turn < 3; turn++) {
        audience.certs = turn % 2 ? &owner : &triage;
        ck_assert_int_eq(open_dump(&u, fd, turn % 2 ? triage_key : owner_key),
                         0);
        ck_assert_int_eq(xk_unseal_rewrap(u, fd, &audience, 1, why), 0);
        xk_unseal_close(u);
        ck_assert_int_eq(open_dump(&u, fd, turn % 2 ? triage_key : owner_key),
                         -ENOKEY);
        ck_assert_int_eq(open_dump(&u, fd, turn % 2 ? owner_key : triage_key),
                         0);
        ck_assert_int_eq(xk_unseal_walk(u, NULL, NULL, NULL, why), 0);
        xk_unseal_close(u);
    }
    ck_assert_int_eq(size_of(fd), size);
    /* Nothing else was touched. */
    copy_bytes(fd, XK_SEAL_CORE, before, XK_SEAL_CORE,
               XK_SEAL_HEADER - XK_SEAL_CORE);
    ck_assert_int_eq(verify(fd), 0);
}
END_TEST

/* Between the two writes of a rewrap both slots are sound: the newer holds.
 * With the newer one half written, the older does. */
START_TEST(rewrap_cut_off)
{
    xk_cleanup_fd int fd = make_dump(), old = make_dump();
    struct xk_audience audience = { ALL, &triage, 1 };
    struct xk_unseal *u;

    copy_bytes(old, 0, fd, 0, XK_SEAL_HEADER);
    ck_assert_int_eq(open_dump(&u, fd, owner_key), 0);
    ck_assert_int_eq(xk_unseal_rewrap(u, fd, &audience, 1, why), 0);
    xk_unseal_close(u);
    copy_bytes(fd, XK_SEAL_CORE, old, XK_SEAL_CORE, XK_SEAL_SLOT);
    ck_assert_int_eq(open_dump(&u, fd, triage_key), 0);
    xk_unseal_close(u);
    flip(fd, XK_SEAL_CORE + XK_SEAL_SLOT + 300, 0);
    ck_assert_int_eq(open_dump(&u, fd, owner_key), 0);
    xk_unseal_close(u);
}
END_TEST

/* Written through a pipe: the same reader reads it. */
START_TEST(through_a_pipe)
{
    xk_cleanup_fd int fd = memfd_create("dump", MFD_CLOEXEC);
    struct xk_seal_plan plan = plan_of();
    struct xk_seal *seal;
    uint8_t buf[4096];
    int ends[2];
    ssize_t n;

    ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
    if (!fork()) {
        close(ends[0]);
        if (xk_seal_new(&seal, &plan, to_file, &ends[1]))
            _exit(1);
        write_pieces(seal);
        _exit(xk_seal_end(seal) ? 1 : 0);
    }
    close(ends[1]);
    while ((n = read(ends[0], buf, sizeof(buf))) > 0)
        ck_assert_int_eq(write(fd, buf, (size_t)n), n);
    close(ends[0]);
    ck_assert_int_eq(verify(fd), 0);
}
END_TEST

static int to_nowhere(void *ctx, const void *data, size_t len)
{
    unsigned int *left = ctx;

    (void)data, (void)len;
    return (*left)-- ? 0 : -ENOSPC;
}

/* The disk is full at the n-th write: every later call says so. */
START_TEST(write_fails)
{
    struct xk_seal_plan plan = plan_of();
    unsigned int n, left;
    struct xk_seal *seal;
    size_t at;
    int rc;

    for (n = 0; n < 12; n++) {
        left = n;
        rc = xk_seal_new(&seal, &plan, to_nowhere, &left);
        for (at = 0; !rc && at < SIZE; at += 1000)
            rc = xk_seal_extent(seal, XK_CLASS_USER, at, content + at, 1000);
        if (!rc)
            rc = xk_seal_end(seal);
        ck_assert_int_eq(rc, -ENOSPC);
        if (n)
            xk_seal_free(seal);
    }
}
END_TEST

TCase *tcase_seal(void)
{
    TCase *tc = tcase_create("seal");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, reads_what_was_written);
    tcase_add_test(tc, reads_any_place);
    tcase_add_test(tc, looks_only);
    tcase_add_test(tc, audience_sees_its_own);
    tcase_add_test(tc, wrong_key);
    tcase_add_test(tc, foreign_host);
    tcase_add_test(tc, plain_only);
    tcase_add_test(tc, flipped_bit);
    tcase_add_test(tc, names_the_place);
    tcase_add_test(tc, cut_tail);
    tcase_add_test(tc, exchanged_chunks);
    tcase_add_test(tc, rewraps);
    tcase_add_test(tc, rewrap_cut_off);
    tcase_add_test(tc, through_a_pipe);
    tcase_add_test(tc, write_fails);
    return tc;
}
