/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading the kernel's log, see klog.h.
 *
 * The ring buffer has descriptors and a ring of texts; a descriptor's id, and
 * what its state word says of it, must agree. Texts are copied one at a time:
 * the ring may be large, and lie about it.
 */
#include "klog.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xenkeep/util.h>

/* Descriptors and bytes, log2: log_buf_len= goes to 2 GiB, nobody does. */
#define COUNT_BITS_MAX 24u
#define SIZE_BITS_MAX 31u
/* Records that are gone through: more than the text kept can have. */
#define RECORDS_MAX 32768u
/* Of a state word: the two top bits are the state, the rest the id. */
#define STATE_SHIFT 62
#define STATE_COMMITTED 1u
#define STATE_FINALIZED 2u
#define ID_MASK (~0ull >> 2)
/* An odd position means that a record has no text. */
#define NO_TEXT 1ull
#define RECORD_HEAD 8u          /* the id before each text */

/* Where things are in the structures. */
struct shape {
    uint32_t desc_ring, text_ring;
    uint32_t count_bits, descs, infos, head_id, tail_id, counter;
    uint32_t size_bits, data;
    uint32_t desc_size, state_var, lpos, begin, next;
    uint32_t info_size, ts, len;
};

struct ring {
    struct shape at;
    uint64_t descs, infos, data;
    uint64_t head, tail;        /* ids; the head's is the newest */
    uint64_t count, size;
};

struct record {
    uint64_t ts;
    uint64_t text;              /* VA */
    size_t len;
};

static const struct {
    const char *name;
    size_t to;
    bool size;
} fields[] = {
#define OFFSET(name, field) { name, offsetof(struct shape, field), false }
#define SIZE(name, field) { name, offsetof(struct shape, field), true }
    OFFSET("printk_ringbuffer.desc_ring", desc_ring),
    OFFSET("printk_ringbuffer.text_data_ring", text_ring),
    OFFSET("prb_desc_ring.count_bits", count_bits),
    OFFSET("prb_desc_ring.descs", descs),
    OFFSET("prb_desc_ring.infos", infos),
    OFFSET("prb_desc_ring.head_id", head_id),
    OFFSET("prb_desc_ring.tail_id", tail_id),
    OFFSET("atomic_long_t.counter", counter),
    OFFSET("prb_data_ring.size_bits", size_bits),
    OFFSET("prb_data_ring.data", data),
    SIZE("prb_desc", desc_size),
    OFFSET("prb_desc.state_var", state_var),
    OFFSET("prb_desc.text_blk_lpos", lpos),
    OFFSET("prb_data_blk_lpos.begin", begin),
    OFFSET("prb_data_blk_lpos.next", next),
    SIZE("printk_info", info_size),
    OFFSET("printk_info.ts_nsec", ts),
    OFFSET("printk_info.text_len", len),
#undef OFFSET
#undef SIZE
};

static int read_shape(struct shape *at, const struct xk_vmcoreinfo *vi)
{
    uint32_t *to;
    size_t i;

    for (i = 0; i < XK_ARRAY_SIZE(fields); i++) {
        to = (uint32_t *)(void *)((char *)at + fields[i].to);
        if (fields[i].size ? xk_vmcoreinfo_size(vi, fields[i].name, to)
                           : xk_vmcoreinfo_offset(vi, fields[i].name, to))
            return -ENOENT;
    }
    return 0;
}

static int read_ring(struct ring *r, struct xk_mem *mem, uint64_t prb)
{
    uint64_t desc = prb + r->at.desc_ring, text = prb + r->at.text_ring;
    uint32_t count_bits, size_bits;

    if (xk_mem_u32(mem, desc + r->at.count_bits, &count_bits) ||
        xk_mem_u64(mem, desc + r->at.descs, &r->descs) ||
        xk_mem_u64(mem, desc + r->at.infos, &r->infos) ||
        xk_mem_u64(mem, desc + r->at.head_id + r->at.counter, &r->head) ||
        xk_mem_u64(mem, desc + r->at.tail_id + r->at.counter, &r->tail) ||
        xk_mem_u32(mem, text + r->at.size_bits, &size_bits) ||
        xk_mem_u64(mem, text + r->at.data, &r->data) ||
        count_bits > COUNT_BITS_MAX || size_bits > SIZE_BITS_MAX)
        return -ENOENT;
    r->count = 1ull << count_bits;
    r->size = 1ull << size_bits;
    r->head &= ID_MASK;
    r->tail &= ID_MASK;
    return 0;
}

/* The text's place in the ring; false: it has none, or makes no sense. */
static bool place_text(const struct ring *r, uint64_t begin, uint64_t next,
                       struct record *rec)
{
    uint64_t at = begin % r->size, end = next % r->size;

    if (begin & NO_TEXT || next & NO_TEXT)
        return false;
    if (begin / r->size != next / r->size)
        at = 0;                 /* it did not fit at the end */
    if (end <= at + RECORD_HEAD)
        return false;
    rec->text = r->data + at + RECORD_HEAD;
    rec->len = (size_t)xk_min_u64(rec->len, end - at - RECORD_HEAD);
    return true;
}

/* False: the record is not there (any more). */
static bool read_record(const struct ring *r, struct xk_mem *mem, uint64_t id,
                        struct record *rec)
{
    uint64_t desc = r->descs + id % r->count * r->at.desc_size;
    uint64_t info = r->infos + id % r->count * r->at.info_size;
    uint64_t state, begin, next;
    uint16_t len;

    if (xk_mem_u64(mem, desc + r->at.state_var + r->at.counter, &state) ||
        (state & ID_MASK) != id ||
        (state >> STATE_SHIFT != STATE_COMMITTED &&
         state >> STATE_SHIFT != STATE_FINALIZED) ||
        xk_mem_u64(mem, desc + r->at.lpos + r->at.begin, &begin) ||
        xk_mem_u64(mem, desc + r->at.lpos + r->at.next, &next) ||
        xk_mem_u64(mem, info + r->at.ts, &rec->ts) ||
        xk_mem_read(mem, info + r->at.len, &len, sizeof(len)))
        return false;
    rec->len = len;
    return place_text(r, begin, next, rec);
}

/* Text on its way out; what does not fit is dropped. */
static void put(struct xk_klog *log, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void put(struct xk_klog *log, const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(log->text + log->size, XK_KLOG_MAX - log->size, fmt, ap);
    va_end(ap);
    if (n > 0)
        log->size += xk_min_size((size_t)n, XK_KLOG_MAX - 1 - log->size);
}

static void put_time(struct xk_klog *log, uint64_t ns)
{
    put(log, "[%5llu.%06llu] ", (unsigned long long)(ns / 1000000000),
        (unsigned long long)(ns / 1000 % 1000000));
}

static void put_record(struct xk_klog *log, struct xk_mem *mem,
                       const struct record *rec)
{
    uint8_t room[1024];
    size_t at, n, i;

    put_time(log, rec->ts);
    for (at = 0; at < rec->len; at += n) {
        n = xk_min_size(sizeof(room), rec->len - at);
        if (xk_mem_read(mem, rec->text + at, room, n))
            break;
        for (i = 0; i < n; i++) {
            if (room[i] == '\n') {
                put(log, "\n");
                put_time(log, rec->ts);
            } else if ((room[i] >= ' ' && room[i] <= '~') ||
                       room[i] == '\t') {
                put(log, "%c", room[i]);
            } else {
                put(log, "\\x%02x", room[i]);
            }
        }
    }
    put(log, "\n");
    log->records++;
}

/* The oldest record from which on all fit, counting back from the newest. */
static uint64_t first_that_fits(struct xk_klog *log, const struct ring *r,
                                struct xk_mem *mem)
{
    struct record rec;
    uint64_t id, n = (r->head - r->tail) & ID_MASK, room = XK_KLOG_MAX / 4;

    n = xk_min_u64(xk_min_u64(n, r->count - 1), RECORDS_MAX);
    for (id = r->head; n; n--, id = (id - 1) & ID_MASK) {
        if (read_record(r, mem, id, &rec)) {
            if (room < rec.len + 24) {
                log->cut = true;
                break;
            }
            room -= rec.len + 24;
        }
    }
    return id;
}

static int read_prb(struct xk_klog *log, const struct xk_kernel *k,
                    struct xk_mem *mem, uint64_t symbol)
{
    struct record rec;
    struct ring r;
    uint64_t prb, id;

    if (read_shape(&r.at, &k->vi) || xk_mem_u64(mem, symbol, &prb) ||
        read_ring(&r, mem, prb))
        return -ENOENT;
    id = first_that_fits(log, &r, mem);
    for (;; id = (id + 1) & ID_MASK) {
        if (read_record(&r, mem, id, &rec))
            put_record(log, mem, &rec);
        if (id == r.head)
            break;
    }
    return 0;
}

/* The buffer before 5.10: records one behind the other, a length of zero
 * where it goes on at the start. */
struct old_ring {
    uint64_t buf;
    uint32_t size, first, next;
    uint32_t head, ts, len, text_len;
};

static int find_old(struct old_ring *o, const struct xk_vmcoreinfo *vi,
                    struct xk_mem *mem)
{
    uint64_t buf, size, first, next;

    if (xk_vmcoreinfo_symbol(vi, "log_buf", &buf) ||
        xk_vmcoreinfo_symbol(vi, "log_buf_len", &size) ||
        xk_vmcoreinfo_symbol(vi, "log_first_idx", &first) ||
        xk_vmcoreinfo_symbol(vi, "log_next_idx", &next) ||
        xk_vmcoreinfo_size(vi, "printk_log", &o->head) ||
        xk_vmcoreinfo_offset(vi, "printk_log.ts_nsec", &o->ts) ||
        xk_vmcoreinfo_offset(vi, "printk_log.len", &o->len) ||
        xk_vmcoreinfo_offset(vi, "printk_log.text_len", &o->text_len) ||
        xk_mem_u64(mem, buf, &o->buf) || xk_mem_u32(mem, size, &o->size) ||
        xk_mem_u32(mem, first, &o->first) || xk_mem_u32(mem, next, &o->next))
        return -ENOENT;
    return o->head && o->size <= 1u << SIZE_BITS_MAX && o->first < o->size &&
           o->next <= o->size ? 0 : -ENOENT;
}

static int read_old(struct xk_klog *log, const struct xk_kernel *k,
                    struct xk_mem *mem)
{
    struct old_ring o;
    struct record rec;
    uint16_t len, text_len;
    uint64_t done = 0;
    uint32_t at;

    if (find_old(&o, &k->vi, mem))
        return -ENOENT;
    for (at = o.first; at != o.next && done < 2ull * o.size; at += len) {
        done += o.head;
        len = 0;
        if (at + o.head > o.size ||
            xk_mem_read(mem, o.buf + at + o.len, &len, sizeof(len)) || !len) {
            at = 0;
            len = 0;
            continue;
        }
        if (len < o.head || at + len > o.size ||
            xk_mem_u64(mem, o.buf + at + o.ts, &rec.ts) ||
            xk_mem_read(mem, o.buf + at + o.text_len, &text_len, 2))
            break;
        rec.text = o.buf + at + o.head;
        rec.len = xk_min_size(text_len, len - o.head);
        put_record(log, mem, &rec);
    }
    return 0;
}

int xk_klog_read(struct xk_klog *log, const struct xk_kernel *k)
{
    struct xk_mem mem;
    uint64_t symbol;
    int rc;

    memset(log, 0, sizeof(*log));
    log->text = malloc(XK_KLOG_MAX);
    if (!log->text)
        return -ENOMEM;
    log->text[0] = '\0';
    rc = xk_kernel_mem(k, &mem);
    if (!rc) {
        rc = xk_vmcoreinfo_symbol(&k->vi, "prb", &symbol)
                 ? read_old(log, k, &mem) : read_prb(log, k, &mem, symbol);
        xk_mem_dispose(&mem);
    }
    if (!rc && !log->records)
        rc = -ENOENT;
    if (rc)
        xk_klog_dispose(log);
    return rc;
}

void xk_klog_dispose(struct xk_klog *log)
{
    free(log->text);
    log->text = NULL;
    log->size = 0;
}
