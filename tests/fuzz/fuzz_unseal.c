// SPDX-License-Identifier: GPL-2.0-only
/*
 * The reader of sealed dumps. Either a sound dump is edited and cut as the
 * input says: what is then read without an error must be what was written.
 * Or a host that means harm signs chunks that hold anything: reading them
 * may fail, and must do no more.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "seal.h"
#include "unseal.h"

#define CLASSES (XK_CLASS_BIT(XK_CLASS_INDEX) | XK_CLASS_BIT(XK_CLASS_USER))
#define SIZE 100000u

static uint8_t content[SIZE], dump[XK_SEAL_HEADER + 2 * SIZE];
static size_t dump_size;
static struct xk_signer *host;

static int to_dump(void *ctx, const void *data, size_t len)
{
    (void)ctx;
    FUZZ_CHECK(len <= sizeof(dump) - dump_size);
    memcpy(dump + dump_size, data, len);
    dump_size += len;
    return 0;
}

static void make_once(void)
{
    struct xk_seal_plan plan = { .classes = CLASSES, .plain = CLASSES };
    struct xk_seal *seal;
    size_t i;

    if (host)
        return;
    FUZZ_CHECK(!xk_signer_new(&host));
    for (i = 0; i < SIZE; i++)
        content[i] = (uint8_t)(i * 7 + i / 256);
    plan.signer = host;
    FUZZ_CHECK(!xk_seal_new(&seal, &plan, to_dump, NULL));
    for (i = 4096; i < SIZE; i += 1024)
        FUZZ_CHECK(!xk_seal_extent(seal, XK_CLASS_USER, i, content + i,
                                   i + 1024 < SIZE ? 1024 : SIZE - i));
    FUZZ_CHECK(!xk_seal_extent(seal, XK_CLASS_INDEX, 0, content, 4096));
    FUZZ_CHECK(!xk_seal_end(seal));
    xk_seal_free(seal);
}

static int to_nothing(void *ctx, enum xk_class cls, uint64_t offset,
                      const void *data, size_t len)
{
    uint8_t sum = 0;
    size_t i;

    for (i = 0; i < len; i++)
        sum ^= ((const uint8_t *)data)[i];
    *(uint64_t *)ctx += offset + cls + sum;
    return 0;
}

/* Reads all there is to read; true: without one error, and not torn. */
static bool read_all(int fd, uint8_t *got)
{
    const struct xk_unseal_key key = { .key = NULL };
    struct xk_sink sink = { to_nothing, NULL };
    char why[XK_UNSEAL_WHY];
    struct xk_unseal *u;
    uint64_t sum = 0;
    bool whole;

    sink.ctx = &sum;
    if (xk_unseal_open(&u, fd, &key, why)) {
        FUZZ_CHECK(why[0]);
        return false;
    }
    whole = !xk_unseal_walk(u, &sink, NULL, NULL, why);
    if (xk_unseal_read(u, 0, got, SIZE, why))
        whole = false;
    (void)xk_unseal_read(u, xk_unseal_size(u) / 2, got, 1, why);
    whole = whole && !xk_unseal_torn(u, NULL) &&
            !xk_unseal_read(u, 0, got, SIZE, why);
    xk_unseal_close(u);
    return whole;
}

static void edit(struct fuzz_input *in, int fd)
{
    static uint8_t got[SIZE];
    uint32_t pos;
    uint16_t cut;
    uint8_t byte;

    FUZZ_CHECK(write(fd, dump, dump_size) == (ssize_t)dump_size);
    fuzz_take(in, &cut, sizeof(cut));
    if (cut)
        FUZZ_CHECK(!ftruncate(fd, (off_t)(dump_size * cut / 65536)));
    while (in->left) {
        fuzz_take(in, &pos, sizeof(pos));
        byte = fuzz_byte(in);
        if (!cut)
            FUZZ_CHECK(pwrite(fd, &byte, 1, pos % dump_size) == 1);
    }
    if (read_all(fd, got))
        FUZZ_CHECK(!memcmp(got, content, SIZE));
}

/* ---- chunks that are sealed and signed, and mean harm ---- */

static int write_frame(struct fuzz_input *in, int fd, struct xk_gcm *gcm,
                       struct xk_seal_bound *bound, struct xk_hash *root)
{
    static uint8_t data[XK_SEAL_CHUNK];
    uint8_t tag[XK_TAG_SIZE], nonce[XK_NONCE_SIZE];
    struct seal_frame *frame = &bound->frame;
    uint8_t shape[8];
    uint32_t count;

    fuzz_take(in, shape, sizeof(shape));
    frame->length = 4 + 16 * (uint32_t)shape[0] + shape[1];
    frame->last = shape[2] & 1;
    frame->first = shape[3];
    frame->end = frame->first + (uint64_t)shape[4] * 257;
    memset(data, 0, sizeof(data));
    fuzz_take(in, data, frame->length < in->left ? frame->length : in->left);
    count = shape[5] ? shape[5] : UINT32_MAX;
    memcpy(data + frame->length - 4, &count, sizeof(count));
    xk_seal_nonce(frame, nonce);
    FUZZ_CHECK(!xk_gcm_seal(gcm, nonce, bound, sizeof(*bound), data,
                            frame->length, data, tag));
    FUZZ_CHECK(!xk_hash_add(root, frame, sizeof(*frame)));
    FUZZ_CHECK(!xk_hash_add(root, tag, sizeof(tag)));
    FUZZ_CHECK(write(fd, frame, sizeof(*frame)) == sizeof(*frame));
    FUZZ_CHECK(write(fd, data, frame->length) == frame->length);
    FUZZ_CHECK(write(fd, tag, sizeof(tag)) == sizeof(tag));
    frame->number++;
    return frame->last;
}

static void write_footer(int fd, const struct xk_seal_bound *bound,
                         const struct xk_hash *root)
{
    static const char label[] = "xenkeep-dump-1 footer";
    struct seal_footer footer = { .magic = XK_SEAL_FOOTER_MAGIC };
    const size_t before = offsetof(struct seal_footer, signature);
    uint8_t text[256];
    size_t len = sizeof(label) - 1;

    footer.frames = bound->frame.number;
    FUZZ_CHECK(!xk_hash_get(root, footer.root));
    memcpy(text, label, len);
    memcpy(text + len, bound->core_hash, XK_HASH_SIZE);
    len += XK_HASH_SIZE;
    memcpy(text + len, &footer, before);
    len += before;
    FUZZ_CHECK(!xk_sign(host, text, len, footer.signature));
    FUZZ_CHECK(write(fd, &footer, sizeof(footer)) == sizeof(footer));
}

static void forge(struct fuzz_input *in, int fd)
{
    static uint8_t got[SIZE];
    struct xk_seal_bound bound = {
        .frame = { .magic = XK_SEAL_FRAME_MAGIC, .cls = XK_CLASS_USER },
    };
    struct seal_core core;
    struct xk_hash *root;
    struct xk_gcm *gcm;

    memcpy(&core, dump, sizeof(core));
    FUZZ_CHECK(write(fd, dump, XK_SEAL_HEADER) == XK_SEAL_HEADER);
    FUZZ_CHECK(!xk_hash_new(&root));
    FUZZ_CHECK(!xk_hash_add(root, dump, XK_SEAL_CORE));
    FUZZ_CHECK(!xk_hash_get(root, bound.core_hash));
    xk_hash_free(root);
    FUZZ_CHECK(!xk_hash_new(&root));
    FUZZ_CHECK(!xk_gcm_new(&gcm, core.key[XK_CLASS_USER]));
    while (in->left && !write_frame(in, fd, gcm, &bound, root))
        ;
    write_footer(fd, &bound, root);
    (void)read_all(fd, got);
    xk_gcm_free(gcm);
    xk_hash_free(root);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = { data, size };
    int fd;

    make_once();
    fd = memfd_create("dump", MFD_CLOEXEC);
    FUZZ_CHECK(fd >= 0);
    if (fuzz_byte(&in) & 1)
        forge(&in, fd);
    else
        edit(&in, fd);
    close(fd);
    return 0;
}
