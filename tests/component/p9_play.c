/* SPDX-License-Identifier: GPL-2.0-only */
/* See p9_play.h. */
#include "p9_play.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <xenstore.h>

#include <xenkeep/util.h>

#include "fake.h"

/* Guest frames, beside those of files_play.c. */
#define INTF_GFN 700u
#define DATA_GFN 2048u
#define WAIT_MS 20000u

enum { INITIALISING = 1, INIT_WAIT, INITIALISED, CONNECTED, CLOSING, CLOSED };

/* ---- nodes ---- */

void p9_play_write(const struct p9_front *f, const char *key,
                   const char *value)
{
    char path[160];

    snprintf(path, sizeof(path), "%s/%s", f->fe, key);
    ck_assert_int_eq(fake_xs_write(f->domid, path, value), 0);
}

static void write_number(const struct p9_front *f, const char *key,
                         uint32_t value)
{
    char text[16];

    snprintf(text, sizeof(text), "%u", value);
    p9_play_write(f, key, text);
}

static bool read_node(uint16_t domid, const char *dir, const char *key,
                      char *buf, size_t size)
{
    char path[160];

    snprintf(path, sizeof(path), "%s/%s", dir, key);
    return fake_xs_read(domid, path, buf, size) >= 0;
}

unsigned int p9_play_state(const struct p9_front *f)
{
    char text[16];

    return read_node(f->domid, f->be, "state", text, sizeof(text))
               ? (unsigned int)strtoul(text, NULL, 10) : 0;
}

bool p9_play_await(const struct p9_front *f, unsigned int state)
{
    uint64_t end = xk_now_ms() + WAIT_MS;

    while (p9_play_state(f) != state && xk_now_ms() < end)
        usleep(500);
    return p9_play_state(f) == state;
}

/* One of the devices has the share's name as its tag. */
static bool find_once(struct p9_front *f, struct xs_handle *xsh,
                      const char *share)
{
    char dir[64], tag[256];
    unsigned int n = 0, i;
    bool found = false;
    char **names;

    snprintf(dir, sizeof(dir), "/local/domain/%u/device/9pfs", f->domid);
    names = xs_directory(xsh, XBT_NULL, dir, &n);
    for (i = 0; i < n && !found; i++) {
        snprintf(f->fe, sizeof(f->fe), "%s/%.16s", dir, names[i]);
        found = read_node(f->domid, f->fe, "tag", tag, sizeof(tag)) &&
                !strcmp(tag, share) &&
                read_node(f->domid, f->fe, "state", tag, sizeof(tag)) &&
                read_node(f->domid, f->fe, "backend", f->be, sizeof(f->be));
    }
    free(names);
    return found;
}

int p9_play_find(struct p9_front *f, uint16_t domid, const char *share)
{
    struct xs_handle *xsh = xs_open(0);
    uint64_t end = xk_now_ms() + WAIT_MS;
    bool found;

    ck_assert_ptr_nonnull(xsh);
    memset(f, 0, sizeof(*f));
    f->domid = domid;
    while (!(found = find_once(f, xsh, share)) && xk_now_ms() < end)
        usleep(500);
    xs_close(xsh);
    return found ? 0 : -ETIMEDOUT;
}

/* ---- rings ---- */

static uint32_t grant(const struct p9_front *f, uint64_t gfn)
{
    int ref = fake_guest_grant(f->domid, gfn, false);

    ck_assert_int_ge(ref, 0);
    return (uint32_t)ref;
}

/* Granted once; a page of indices is written anew for each connection. */
static void grant_all(struct p9_front *f)
{
    uint32_t i, k, pages = 1u << P9_PLAY_ORDER;
    uint64_t gfn;

    ck_assert_int_eq(fake_guest_grant_grow(f->domid, 8), 0);
    for (i = 0; i < P9_PLAY_RINGS; i++) {
        gfn = DATA_GFN + i * pages;
        f->intf[i] = fake_guest_page(f->domid, INTF_GFN + i);
        f->answers[i] = fake_guest_page(f->domid, gfn);
        f->requests[i] = f->answers[i] + P9_PLAY_BYTES;
        f->intf_refs[i] = grant(f, INTF_GFN + i);
        for (k = 0; k < pages; k++)
            f->refs[i * pages + k] = grant(f, gfn + k);
    }
    f->granted = true;
}

static void make_rings(struct p9_front *f)
{
    uint32_t i, k, pages = 1u << P9_PLAY_ORDER;
    int port;

    if (!f->granted)
        grant_all(f);
    for (i = 0; i < P9_PLAY_RINGS; i++) {
        memset((void *)(uintptr_t)f->intf[i], 0, 4096);
        f->intf[i]->ring_order = P9_PLAY_ORDER;
        for (k = 0; k < pages; k++)
            f->intf[i]->ref[k] = f->refs[i * pages + k];
        if (f->port[i])
            (void)fake_guest_port_close(f->domid, f->port[i]);
        port = fake_guest_port_alloc(f->domid);
        ck_assert_int_gt(port, 0);
        f->port[i] = (uint32_t)port;
    }
}

void p9_play_offer(struct p9_front *f)
{
    if (p9_play_state(f) == CLOSED)
        write_number(f, "state", INITIALISING);
    ck_assert(p9_play_await(f, INIT_WAIT));
    make_rings(f);
    write_number(f, "version", 1);
    write_number(f, "num-rings", P9_PLAY_RINGS);
    write_number(f, "ring-ref0", f->intf_refs[0]);
    write_number(f, "ring-ref1", f->intf_refs[1]);
    write_number(f, "event-channel-0", f->port[0]);
    write_number(f, "event-channel-1", f->port[1]);
}

int p9_play_finish(struct p9_front *f)
{
    uint64_t end = xk_now_ms() + WAIT_MS;
    unsigned int state;

    write_number(f, "state", INITIALISED);
    do {
        state = p9_play_state(f);
        if (state == CLOSED)
            return -ECONNREFUSED;
        usleep(500);
    } while (state != CONNECTED && xk_now_ms() < end);
    if (state != CONNECTED)
        return -ETIMEDOUT;
    write_number(f, "state", CONNECTED);
    return 0;
}

int p9_play_connect(struct p9_front *f)
{
    p9_play_offer(f);
    return p9_play_finish(f);
}

/* ---- messages ---- */

void p9_play_put(struct p9_front *f, unsigned int ring, const void *bytes,
                 uint32_t n, bool quiet)
{
    volatile struct xen_9pfs_data_intf *intf = f->intf[ring];
    uint32_t i, prod = intf->out_prod;

    for (i = 0; i < n; i++)
        f->requests[ring][(prod + i) & (P9_PLAY_BYTES - 1)] =
            ((const uint8_t *)bytes)[i];
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    intf->out_prod = prod + n;
    if (!quiet)
        (void)fake_guest_port_notify(f->domid, f->port[ring]);
}

static void copy_out(const struct p9_front *f, unsigned int ring, uint32_t at,
                     void *dst, uint32_t n)
{
    uint32_t i;

    for (i = 0; i < n; i++)
        ((uint8_t *)dst)[i] =
            f->answers[ring][(at + i) & (P9_PLAY_BYTES - 1)];
}

long p9_play_get(struct p9_front *f, unsigned int ring, unsigned int ms)
{
    volatile struct xen_9pfs_data_intf *intf = f->intf[ring];
    uint64_t end = xk_now_ms() + ms;
    uint32_t cons = intf->in_cons, size = 0;

    /* An answer comes as a whole. */
    while (intf->in_prod - cons < P9_HEADER) {
        if (xk_now_ms() > end)
            return -ETIMEDOUT;
        usleep(100);
    }
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    copy_out(f, ring, cons, &size, sizeof(size));
    ck_assert_uint_ge(size, P9_HEADER);
    ck_assert_uint_le(size, intf->in_prod - cons);
    copy_out(f, ring, cons, f->answer, size);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    intf->in_cons = cons + size;
    (void)fake_guest_port_notify(f->domid, f->port[ring]);
    return (long)size;
}

int p9_play_call(struct p9_front *f, uint8_t type, const char *fields, ...)
{
    uint8_t msg[P9_PLAY_BYTES];
    va_list ap;
    size_t n;
    long got;

    va_start(ap, fields);
    n = p9_client_build(msg, sizeof(msg), type, fields, ap);
    va_end(ap);
    p9_play_put(f, f->ring, msg, (uint32_t)n, false);
    got = p9_play_get(f, f->ring, WAIT_MS);
    return got < 0 ? (int)got
                   : p9_client_answer(type, f->answer, (size_t)got, &f->in);
}

int p9_play_mount(struct p9_front *f, const char *share)
{
    int rc = p9_play_call(f, 100, "ds", P9_PLAY_MSIZE, "9P2000.L");

    return rc ? rc : p9_play_call(f, 104, "ddssd", 0, ~0u, "root", share, 0);
}
