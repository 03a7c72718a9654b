/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The reader of a sealed dump, see unseal.h. The file is hostile until a tag
 * or the signature says otherwise.
 */
#include "unseal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xenkeep/util.h>

/* Chunks kept open; readers of a dump come back to the same few. */
#define CACHE_CHUNKS 32

struct frame_at {
    uint64_t pos;               /* of the frame's header in the file */
    struct seal_frame frame;
};

struct class_frames {
    struct xk_gcm *gcm;         /* NULL: sealed for others */
    size_t *list;               /* of u->frames, by the content's offset */
    size_t count, room;
    uint64_t bytes;
    bool ended;                 /* the last one was seen */
};

struct cached {
    size_t frame;               /* of u->frames; SIZE_MAX: none */
    uint64_t used;
    uint8_t data[XK_SEAL_CHUNK];
};

struct xk_unseal {
    int fd;
    uint64_t file_size, good;   /* good: where the last whole frame ends */
    bool torn, look_only;       /* look_only: frames are counted, not kept */
    struct seal_core core;
    struct xk_seal_bound bound;
    struct xk_seal_keys keys;
    unsigned int slot;          /* the one that holds */
    uint32_t generation;
    uint64_t size;
    struct frame_at *frames;
    size_t count, room;
    struct class_frames classes[XK_CLASSES];
    uint64_t ticks;
    struct cached cache[CACHE_CHUNKS];
    uint8_t sealed[XK_SEAL_CHUNK + XK_TAG_SIZE];
};

/* ---- saying why --------------------------------------------------------- */

static int __attribute__((format(printf, 3, 4)))
refuse(char *why, int rc, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(why, XK_UNSEAL_WHY, fmt, args);
    va_end(args);
    return rc;
}

static int refuse_chunk(char *why, const struct frame_at *at, const char *what)
{
    return refuse(why, -EBADMSG, "chunk %" PRIu64 " of class %s, at byte %"
                  PRIu64 ": %s", at->frame.number,
                  xk_class_name(at->frame.cls), at->pos, what);
}

/* ---- reading ------------------------------------------------------------ */

/* -ENODATA: the file ends before. */
static int read_at(int fd, uint64_t pos, void *buf, size_t len)
{
    size_t done = 0;
    ssize_t n;

    while (done < len) {
        n = pread(fd, (char *)buf + done, len - done, (off_t)(pos + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n ? -errno : -ENODATA;
        done += (size_t)n;
    }
    return 0;
}

static int read_core(struct xk_unseal *u, const uint8_t *header,
                     const uint8_t *host, char *why)
{
    const char *fault;

    memcpy(&u->core, header, sizeof(u->core));
    fault = xk_seal_core_fault(&u->core);
    if (fault)
        return refuse(why, -EBADMSG, "%s", fault);
    if (host && memcmp(host, u->core.host, XK_PUBLIC_SIZE))
        return refuse(why, -EKEYREJECTED, "it is of another host, whose key "
                      "begins with %02x%02x%02x%02x", u->core.host[0],
                      u->core.host[1], u->core.host[2], u->core.host[3]);
    return xk_hash_of(header, XK_SEAL_CORE, u->bound.core_hash);
}

static int read_keys(struct xk_unseal *u, const uint8_t *header,
                     const struct xk_private *key, char *why)
{
    const uint8_t *slots = header + XK_SEAL_CORE;
    unsigned int i, cls;
    uint32_t generation;
    int rc;

    for (i = 0; i < XK_SEAL_SLOTS; i++) {
        generation = xk_seal_slot_sound(slots + i * XK_SEAL_SLOT);
        if (generation > u->generation) {
            u->generation = generation;
            u->slot = i;
        }
    }
    rc = xk_seal_keys_find(&u->core, slots + u->slot * XK_SEAL_SLOT, key,
                           &u->keys);
    if (rc == -ENOKEY)
        return refuse(why, rc, u->generation
                      ? "it is not sealed for this key"
                      : "both places of its envelopes are damaged");
    if (rc)
        return refuse(why, rc, "the keys in its header are not its own");
    for (cls = 0; !rc && cls < XK_CLASSES; cls++)
        if (u->keys.have & XK_CLASS_BIT(cls))
            rc = xk_gcm_new(&u->classes[cls].gcm, u->keys.key[cls]);
    return rc;
}

static int read_header(struct xk_unseal *u, const struct xk_unseal_key *key,
                       char *why)
{
    xk_cleanup_free uint8_t *header = malloc(XK_SEAL_HEADER);
    int rc;

    if (!header)
        return -ENOMEM;
    rc = read_at(u->fd, 0, header, XK_SEAL_HEADER);
    if (rc == -ENODATA)
        return refuse(why, -EBADMSG, "it is too short for a sealed dump");
    if (rc)
        return refuse(why, rc, "%s", strerror(-rc));
    rc = read_core(u, header, key->host, why);
    return rc ? rc : read_keys(u, header, key->key, why);
}

/* ---- the frames --------------------------------------------------------- */

static int grow(void *array, size_t *room, size_t size)
{
    size_t more = *room ? 2 * *room : 64;
    void *grown = realloc(*(void **)array, more * size);

    if (!grown)
        return -ENOMEM;
    *(void **)array = grown;
    *room = more;
    return 0;
}

static int keep_frame(struct xk_unseal *u, const struct frame_at *at)
{
    struct class_frames *cls = &u->classes[at->frame.cls];
    int rc = 0;

    if (u->count == u->room)
        rc = grow(&u->frames, &u->room, sizeof(*u->frames));
    if (!rc && cls->count == cls->room)
        rc = grow(&cls->list, &cls->room, sizeof(*cls->list));
    if (rc)
        return rc;
    cls->list[cls->count] = u->count;
    u->frames[u->count] = *at;
    return 0;
}

static int add_frame(struct xk_unseal *u, const struct frame_at *at)
{
    struct class_frames *cls = &u->classes[at->frame.cls];
    int rc;

    rc = u->look_only ? 0 : keep_frame(u, at);
    if (rc)
        return rc;
    cls->count++;
    cls->ended = at->frame.last;
    cls->bytes += sizeof(at->frame) + at->frame.length + XK_TAG_SIZE;
    u->count++;
    return 0;
}

/* What is wrong with a frame's header at this place; NULL: nothing. */
static const char *frame_fault(const struct xk_unseal *u,
                               const struct seal_frame *untrusted)
{
    const struct class_frames *cls;

    if (untrusted->magic != XK_SEAL_FRAME_MAGIC || untrusted->zero ||
        untrusted->zero2 || untrusted->last > 1 ||
        untrusted->length > XK_SEAL_CHUNK ||
        untrusted->length < sizeof(uint32_t) ||
        untrusted->cls >= XK_CLASSES ||
        !(u->core.classes & XK_CLASS_BIT(untrusted->cls)) ||
        untrusted->end < untrusted->first || untrusted->end > INT64_MAX)
        return "this is no chunk";
    cls = &u->classes[untrusted->cls];
    if (cls->ended)
        return "its class has ended before it";
    if (untrusted->number != cls->count)
        return "it is not the next of its class";
    return NULL;
}

/*
 * Looks at the frame at `pos`. 0: it is whole; 1: there is no whole one, why
 * says what is instead.
 */
static int look(struct xk_unseal *u, uint64_t pos, struct xk_hash *root,
                char *why)
{
    uint8_t tag[XK_TAG_SIZE];
    struct frame_at at = { .pos = pos };
    const char *fault;
    uint64_t end;
    int rc;

    rc = read_at(u->fd, pos, &at.frame, sizeof(at.frame));
    if (rc == -ENODATA)
        return refuse(why, 1, "it ends at byte %" PRIu64, u->file_size);
    if (rc)
        return refuse(why, rc, "%s", strerror(-rc));
    fault = frame_fault(u, &at.frame);
    if (fault)
        return refuse(why, 1, "at byte %" PRIu64 ": %s", pos, fault);
    end = pos + sizeof(at.frame) + at.frame.length + XK_TAG_SIZE;
    if (end > u->file_size)
        return refuse(why, 1, "it ends at byte %" PRIu64, u->file_size);
    rc = read_at(u->fd, end - XK_TAG_SIZE, tag, sizeof(tag));
    if (rc)
        return refuse(why, rc, "%s", strerror(-rc));
    rc = add_frame(u, &at);
    if (!rc)
        rc = xk_hash_add(root, &at.frame, sizeof(at.frame));
    if (!rc)
        rc = xk_hash_add(root, tag, sizeof(tag));
    u->good = end;
    u->size = xk_max_u64(u->size, at.frame.end);
    return rc;
}

static bool footer_read(const struct xk_unseal *u, struct seal_footer *footer)
{
    return u->file_size >= XK_SEAL_HEADER + sizeof(*footer) &&
           !read_at(u->fd, u->file_size - sizeof(*footer), footer,
                    sizeof(*footer)) &&
           !memcmp(footer->magic, XK_SEAL_FOOTER_MAGIC,
                   sizeof(footer->magic));
}

static int footer_check(const struct xk_unseal *u,
                        const struct seal_footer *footer,
                        const struct xk_hash *root, char *why)
{
    static const char label[] = "xenkeep-dump-1 footer";
    uint8_t text[sizeof(label) - 1 + XK_HASH_SIZE + sizeof(*footer)];
    uint8_t sum[XK_HASH_SIZE], *at = text;
    unsigned int cls;
    int rc;

    memcpy(at, label, sizeof(label) - 1);
    at += sizeof(label) - 1;
    memcpy(at, u->bound.core_hash, XK_HASH_SIZE);
    at += XK_HASH_SIZE;
    memcpy(at, footer, offsetof(struct seal_footer, signature));
    at += offsetof(struct seal_footer, signature);
    rc = xk_sign_verify(u->core.host, text, (size_t)(at - text),
                        footer->signature);
    if (rc)
        return refuse(why, -EBADMSG, "its end, at byte %" PRIu64
                      ": the host's signature is not over this header and "
                      "this end", u->good);
    rc = xk_hash_get(root, sum);
    if (rc)
        return rc;
    if (memcmp(sum, footer->root, sizeof(sum)) || footer->frames != u->count)
        return refuse(why, -EBADMSG, "its chunks are not those that the host "
                      "signed: one was changed or exchanged");
    for (cls = 0; cls < XK_CLASSES; cls++)
        if (u->classes[cls].count && !u->classes[cls].ended)
            return refuse(why, -EBADMSG, "class %s has no end",
                          xk_class_name((enum xk_class)cls));
    return 0;
}

static int by_place(const void *a, const void *b, void *arg)
{
    const struct xk_unseal *u = arg;
    const struct seal_frame *x = &u->frames[*(const size_t *)a].frame;
    const struct seal_frame *y = &u->frames[*(const size_t *)b].frame;

    return x->first < y->first ? -1 : x->first > y->first;
}

static void order_frames(struct xk_unseal *u)
{
    struct class_frames *cls;
    unsigned int c;

    for (c = 0; c < XK_CLASSES; c++) {
        cls = &u->classes[c];
        if (cls->list)
            qsort_r(cls->list, cls->count, sizeof(*cls->list), by_place, u);
    }
}

static int read_frames(struct xk_unseal *u, char *why)
{
    struct xk_hash *root = NULL;
    struct seal_footer footer;
    uint64_t pos = XK_SEAL_HEADER, end;
    int rc;

    rc = xk_hash_new(&root);
    if (rc)
        return rc;
    u->torn = !footer_read(u, &footer);
    end = u->file_size - (u->torn ? 0 : sizeof(footer));
    u->good = pos;
    for (; !rc && pos < end; pos = u->good)
        rc = look(u, pos, root, why);
    if (rc == 1 && u->torn)
        rc = 0;                 /* as far as it goes */
    else if (rc == 1 || (!rc && !u->torn && u->good != end))
        rc = -EBADMSG;
    if (!rc && !u->torn)
        rc = footer_check(u, &footer, root, why);
    order_frames(u);
    xk_hash_free(root);
    return rc;
}

int xk_unseal_open(struct xk_unseal **u_r, int fd,
                   const struct xk_unseal_key *key, char *why)
{
    struct xk_unseal *u = calloc(1, sizeof(*u));
    struct stat st;
    size_t i;
    int rc;

    if (!u)
        return refuse(why, -ENOMEM, "out of memory");
    why[0] = '\0';
    u->fd = fd;
    u->look_only = key->look_only;
    for (i = 0; i < CACHE_CHUNKS; i++)
        u->cache[i].frame = SIZE_MAX;
    rc = fstat(fd, &st) ? -errno : 0;
    if (!rc && !S_ISREG(st.st_mode))
        rc = refuse(why, -EBADMSG, "it is no file");
    u->file_size = rc ? 0 : (uint64_t)st.st_size;
    if (!rc)
        rc = read_header(u, key, why);
    if (!rc)
        rc = read_frames(u, why);
    if (rc) {
        if (!why[0])
            refuse(why, rc, "%s", strerror(-rc));
        xk_unseal_close(u);
        return rc;
    }
    *u_r = u;
    return 0;
}

void xk_unseal_close(struct xk_unseal *u)
{
    unsigned int cls;

    if (!u)
        return;
    for (cls = 0; cls < XK_CLASSES; cls++) {
        xk_gcm_free(u->classes[cls].gcm);
        free(u->classes[cls].list);
    }
    free(u->frames);
    xk_wipe(u, sizeof(*u));
    free(u);
}

bool xk_unseal_torn(const struct xk_unseal *u, uint64_t *good_r)
{
    if (good_r)
        *good_r = u->good;
    return u->torn;
}

const struct seal_core *xk_unseal_core(const struct xk_unseal *u)
{
    return &u->core;
}

uint32_t xk_unseal_classes(const struct xk_unseal *u)
{
    return u->keys.have;
}

uint64_t xk_unseal_size(const struct xk_unseal *u)
{
    return u->size;
}

uint64_t xk_unseal_class_bytes(const struct xk_unseal *u, enum xk_class cls)
{
    return u->classes[cls].bytes;
}

/* ---- chunks ------------------------------------------------------------- */

/* A chunk that was opened: its extents are sound. */
struct chunk {
    const uint8_t *data;
    uint32_t count;
};

static struct seal_extent chunk_extent(const struct chunk *chunk,
                                       const struct seal_frame *frame,
                                       uint32_t i)
{
    size_t table = frame->length - sizeof(uint32_t) -
                   (chunk->count - i) * sizeof(struct seal_extent);
    struct seal_extent ext;

    memcpy(&ext, chunk->data + table, sizeof(ext));
    return ext;
}

static bool chunk_sound(const struct seal_frame *frame, const uint8_t *data,
                        struct chunk *chunk)
{
    size_t room = frame->length - sizeof(chunk->count), sum = 0;
    uint64_t from = frame->first;
    struct seal_extent ext;
    uint32_t i;

    chunk->data = data;
    memcpy(&chunk->count, data + room, sizeof(chunk->count));
    if (chunk->count > room / sizeof(ext))
        return false;
    room -= chunk->count * sizeof(ext);
    for (i = 0; i < chunk->count; i++) {
        ext = chunk_extent(chunk, frame, i);
        if (ext.zero || ext.offset < from || ext.offset > frame->end ||
            ext.length > frame->end - ext.offset || ext.length > room - sum)
            return false;
        sum += ext.length;
        from = ext.offset + ext.length;
    }
    return sum == room;
}

/* Opens the chunk into `data`, of XK_SEAL_CHUNK bytes. */
static int chunk_open(struct xk_unseal *u, const struct frame_at *at,
                      uint8_t *data, struct chunk *chunk, char *why)
{
    size_t len = at->frame.length;
    uint8_t nonce[XK_NONCE_SIZE];
    int rc;

    rc = read_at(u->fd, at->pos + sizeof(at->frame), u->sealed,
                 len + XK_TAG_SIZE);
    if (rc)
        return refuse(why, rc, "%s", strerror(-rc));
    u->bound.frame = at->frame;
    xk_seal_nonce(&at->frame, nonce);
    rc = xk_gcm_open(u->classes[at->frame.cls].gcm, nonce, &u->bound,
                     sizeof(u->bound), u->sealed, len, u->sealed + len, data);
    if (rc)
        return refuse_chunk(why, at, "it was changed");
    if (!chunk_sound(&at->frame, data, chunk))
        return refuse_chunk(why, at, "its extents are not sound");
    return 0;
}

static int walk_chunk(const struct frame_at *at, const struct chunk *chunk,
                      const struct xk_sink *sink, char *why)
{
    struct seal_extent ext;
    size_t used = 0;
    uint32_t i;
    int rc = 0;

    for (i = 0; !rc && i < chunk->count; i++, used += ext.length) {
        ext = chunk_extent(chunk, &at->frame, i);
        rc = sink->extent(sink->ctx, (enum xk_class)at->frame.cls,
                          ext.offset, chunk->data + used, ext.length);
    }
    return rc ? refuse(why, rc, "%s", strerror(-rc)) : 0;
}

int xk_unseal_walk(struct xk_unseal *u, const struct xk_sink *sink,
                   xk_unseal_progress_fn *progress, void *arg, char *why)
{
    xk_cleanup_free uint8_t *data = malloc(XK_SEAL_CHUNK);
    struct chunk chunk;
    size_t i;
    int rc = !data ? refuse(why, -ENOMEM, "out of memory")
             : u->look_only ? refuse(why, -EINVAL, "it was not to be read")
                            : 0;

    for (i = 0; !rc && i < u->count; i++) {
        if (progress)
            progress(arg, u->frames[i].pos, u->good);
        if (!u->classes[u->frames[i].frame.cls].gcm)
            continue;
        rc = chunk_open(u, &u->frames[i], data, &chunk, why);
        if (!rc && sink)
            rc = walk_chunk(&u->frames[i], &chunk, sink, why);
    }
    if (data)
        xk_wipe(data, XK_SEAL_CHUNK);
    return rc;
}

/* ---- any place ---------------------------------------------------------- */

/* The first frame of a class that ends after `offset`; count if none. */
static size_t frame_after(const struct xk_unseal *u,
                          const struct class_frames *cls, uint64_t offset)
{
    size_t low = 0, high = cls->count, mid;

    while (low < high) {
        mid = (low + high) / 2;
        if (u->frames[cls->list[mid]].frame.end > offset)
            high = mid;
        else
            low = mid + 1;
    }
    return low;
}

static int cache_get(struct xk_unseal *u, size_t frame, struct chunk *chunk,
                     char *why)
{
    struct cached *oldest = &u->cache[0];
    size_t i;
    int rc;

    for (i = 0; i < CACHE_CHUNKS; i++) {
        if (u->cache[i].frame == frame) {
            u->cache[i].used = ++u->ticks;
            (void)chunk_sound(&u->frames[frame].frame, u->cache[i].data,
                              chunk);
            return 0;
        }
        if (u->cache[i].used < oldest->used)
            oldest = &u->cache[i];
    }
    oldest->frame = SIZE_MAX;
    rc = chunk_open(u, &u->frames[frame], oldest->data, chunk, why);
    if (rc)
        return rc;
    oldest->frame = frame;
    oldest->used = ++u->ticks;
    return 0;
}

/* Copies what the chunk has of [offset, offset + len). */
static void copy_from(const struct seal_frame *frame,
                      const struct chunk *chunk, uint64_t offset,
                      uint8_t *buf, size_t len)
{
    struct seal_extent ext;
    uint64_t first, end;
    size_t used = 0;
    uint32_t i;

    for (i = 0; i < chunk->count; i++, used += ext.length) {
        ext = chunk_extent(chunk, frame, i);
        first = xk_max_u64(ext.offset, offset);
        end = xk_min_u64(ext.offset + ext.length, offset + len);
        if (first < end)
            memcpy(buf + (first - offset),
                   chunk->data + used + (first - ext.offset), end - first);
    }
}

int xk_unseal_read(struct xk_unseal *u, uint64_t offset, void *buf,
                   size_t len, char *why)
{
    const struct class_frames *cls;
    const struct seal_frame *frame;
    struct chunk chunk;
    unsigned int c;
    size_t i;
    int rc;

    memset(buf, 0, len);
    if (u->look_only)
        return refuse(why, -EINVAL, "it was not to be read");
    for (c = 0; c < XK_CLASSES; c++) {
        cls = &u->classes[c];
        if (!cls->gcm)
            continue;
        for (i = frame_after(u, cls, offset); i < cls->count; i++) {
            frame = &u->frames[cls->list[i]].frame;
            if (frame->first >= offset + len)
                break;
            rc = cache_get(u, cls->list[i], &chunk, why);
            if (rc)
                return rc;
            copy_from(frame, &chunk, offset, buf, len);
        }
    }
    return 0;
}

/* ---- new envelopes ------------------------------------------------------ */

static int write_slot(int fd, unsigned int slot, const uint8_t *data)
{
    off_t pos = XK_SEAL_CORE + (off_t)slot * XK_SEAL_SLOT;

    if (pwrite(fd, data, XK_SEAL_SLOT, pos) != (ssize_t)XK_SEAL_SLOT)
        return errno ? -errno : -EIO;
    return fdatasync(fd) ? -errno : 0;
}

int xk_unseal_rewrap(struct xk_unseal *u, int fd,
                     const struct xk_audience *audiences, size_t count,
                     char *why)
{
    xk_cleanup_free uint8_t *slot = malloc(XK_SEAL_SLOT);
    unsigned int other = (u->slot + 1) % XK_SEAL_SLOTS;
    int rc;

    if (!slot)
        return refuse(why, -ENOMEM, "out of memory");
    if (u->core.classes & ~u->keys.have)
        return refuse(why, -EACCES, "the key opens a part of it only: the "
                      "rest would be lost for everybody");
    rc = xk_seal_slot_make(&u->core, &u->keys, audiences, count,
                           u->generation + 1, slot);
    if (rc)
        return refuse(why, rc, rc == -E2BIG ? "there are too many recipients"
                                            : "a certificate cannot be used");
    errno = 0;
    rc = write_slot(fd, other, slot);
    if (!rc) {
        memset(slot, 0, XK_SEAL_SLOT);
        rc = write_slot(fd, u->slot, slot);
    }
    if (rc)
        return refuse(why, rc, "%s", strerror(-rc));
    u->slot = other;
    u->generation++;
    return 0;
}
