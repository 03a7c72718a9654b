// SPDX-License-Identifier: GPL-2.0-only
/* The shared page: both ends honest, then one of them not. */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include <xenkeep/ring.h>

#include "unit.h"

static union {
    struct xk_balloon_ring ring;
    uint8_t bytes[4096];
} page;

static struct xk_ring dom0, guest;

static void setup(void)
{
    memset(&page, 0xa5, sizeof(page));
    xk_ring_init(&guest, &page, XK_RING_GUEST);
    xk_ring_init(&dom0, &page, XK_RING_DOM0);
}

static struct xk_balloon_slot slot(uint64_t id)
{
    return (struct xk_balloon_slot){
        .type = XK_BALLOON_TARGET, .id = id, .pages = id * 3,
        .limit = ~id, .reserved = 0x5ec4e7,
    };
}

static void put(struct xk_ring *ring, uint64_t id, int rc)
{
    struct xk_balloon_slot s = slot(id);

    ck_assert_int_eq(xk_ring_put(ring, &s), rc);
}

static void get(struct xk_ring *ring, uint64_t id)
{
    struct xk_balloon_slot got, want = slot(id);

    want.reserved = 0;
    ck_assert_int_eq(xk_ring_get(ring, &got), 1);
    ck_assert_mem_eq(&got, &want, sizeof(got));
}

static void get_rc(struct xk_ring *ring, int rc)
{
    struct xk_balloon_slot got, before;

    memset(&got, 0x77, sizeof(got));
    before = got;
    ck_assert_int_eq(xk_ring_get(ring, &got), rc);
    ck_assert_mem_eq(&got, &before, sizeof(got));
}

START_TEST(test_init)
{
    uint8_t zero[4096] = { 0 };

    ck_assert_mem_eq(&page, zero, sizeof(page));
    memset(&page, 0xa5, sizeof(page));
    xk_ring_init(&dom0, &page, XK_RING_DOM0);
    ck_assert_uint_eq(page.ring.dom0_prod.value, 0);
    ck_assert_uint_eq(page.ring.dom0_cons.value, 0);
    ck_assert_uint_eq(page.ring.guest_prod.value, 0xa5a5a5a5);
    ck_assert_uint_eq(page.ring.dom0_prod.pad[0], 0xa5a5a5a5);
}
END_TEST

START_TEST(test_order)
{
    uint64_t i;

    get_rc(&guest, 0);
    put(&dom0, 1, 0);
    put(&dom0, 2, 0);
    get_rc(&guest, 0);      /* not pushed */
    xk_ring_push(&dom0);
    get(&guest, 1);
    get(&guest, 2);
    get_rc(&guest, 0);
    get_rc(&dom0, 0);       /* the other direction is its own */
    for (i = 0; i < 100; i++) {
        put(&guest, i, 0);
        xk_ring_push(&guest);
        get(&dom0, i);
    }
}
END_TEST

START_TEST(test_full)
{
    uint64_t i;

    for (i = 0; i < XK_BALLOON_SLOTS; i++)
        put(&dom0, i, 0);
    put(&dom0, i, -ENOSPC);
    xk_ring_push(&dom0);
    put(&dom0, i, -ENOSPC);
    get(&guest, 0);
    put(&dom0, i, 0);
    put(&dom0, i + 1, -ENOSPC);
    xk_ring_push(&dom0);
    for (i = 1; i <= XK_BALLOON_SLOTS; i++)
        get(&guest, i);
    get_rc(&guest, 0);
}
END_TEST

/* Both ends close to where the indices wrap. */
START_TEST(test_wrap)
{
    const uint32_t start = UINT32_MAX - 5;
    uint64_t i;

    dom0.prod = dom0.pushed = dom0.peer_cons = start;
    guest.cons = start;
    page.ring.dom0_prod.value = page.ring.guest_cons.value = start;
    for (i = 0; i < XK_BALLOON_SLOTS; i++)
        put(&dom0, i, 0);
    put(&dom0, i, -ENOSPC);
    xk_ring_push(&dom0);
    for (i = 0; i < XK_BALLOON_SLOTS; i++)
        get(&guest, i);
    get_rc(&guest, 0);
    put(&dom0, 1, 0);
}
END_TEST

START_TEST(test_bad_prod)
{
    static const uint32_t bad[] = { XK_BALLOON_SLOTS + 1, UINT32_MAX,
                                    0x80000000u };

    page.ring.guest_prod.value = bad[_i];
    get_rc(&dom0, -EPROTO);
    ck_assert(dom0.broken);
    page.ring.guest_prod.value = 1;     /* it stays broken */
    get_rc(&dom0, -EPROTO);
    put(&dom0, 1, -EPROTO);
    xk_ring_push(&dom0);
    ck_assert_uint_eq(page.ring.dom0_prod.value, 0);
    ck_assert_uint_eq(page.ring.dom0_cons.value, 0);
}
END_TEST

/* A whole ring at once is within bounds. */
START_TEST(test_most_prod)
{
    struct xk_balloon_slot got;
    unsigned int i;

    page.ring.guest_prod.value = XK_BALLOON_SLOTS;
    for (i = 0; i < XK_BALLOON_SLOTS; i++)
        ck_assert_int_eq(xk_ring_get(&dom0, &got), 1);
    get_rc(&dom0, 0);
}
END_TEST

START_TEST(test_bad_cons)
{
    put(&dom0, 1, 0);
    put(&dom0, 2, 0);
    xk_ring_push(&dom0);
    put(&dom0, 3, 0);
    page.ring.guest_cons.value = 2;
    put(&dom0, 4, 0);
    switch (_i) {
    case 0:     /* beyond what was pushed, though it was put */
        page.ring.guest_cons.value = 3;
        break;
    case 1:     /* backwards */
        page.ring.guest_cons.value = 1;
        break;
    default:
        page.ring.guest_cons.value = UINT32_MAX;
    }
    put(&dom0, 5, -EPROTO);
    ck_assert(dom0.broken);
    xk_ring_push(&dom0);
    ck_assert_uint_eq(page.ring.dom0_prod.value, 2);
}
END_TEST

/* What the peer writes over our own indices changes nothing. */
START_TEST(test_own_indices)
{
    put(&guest, 1, 0);
    put(&guest, 2, 0);
    xk_ring_push(&guest);
    get(&dom0, 1);
    page.ring.dom0_cons.value = 0;
    page.ring.dom0_prod.value = 99;
    get(&dom0, 2);
    ck_assert_uint_eq(page.ring.dom0_cons.value, 2);
    put(&dom0, 7, 0);
    xk_ring_push(&dom0);
    ck_assert_uint_eq(page.ring.dom0_prod.value, 1);
}
END_TEST

START_TEST(test_ticket)
{
    static union { struct xk_balloon_ring ring; uint8_t bytes[4096]; } shared;
    struct xk_ring front, back;

    xk_ring_init(&front, &shared, XK_RING_GUEST);
    xk_ring_init(&back, &shared, XK_RING_DOM0);
    ck_assert(!xk_ring_take_ticket(&back, 1));
    ck_assert(!xk_ring_take_ticket(&back, 0));
    xk_ring_put_ticket(&front, 7);
    ck_assert(!xk_ring_take_ticket(&back, 6));
    ck_assert(xk_ring_take_ticket(&back, 7));
    ck_assert_uint_eq(shared.ring.ticket.value, 7 | XK_BALLOON_TAKEN);
    /* Once only, and not to be taken back. */
    ck_assert(!xk_ring_take_ticket(&back, 7));
    ck_assert(!xk_ring_take_ticket(&back, 7 | XK_BALLOON_TAKEN));
    ck_assert(!xk_ring_withdraw_ticket(&front, 7));
    xk_ring_put_ticket(&front, 8);
    ck_assert(xk_ring_withdraw_ticket(&front, 8));
    ck_assert(!xk_ring_take_ticket(&back, 8));
    /* Nothing of a broken peer. */
    xk_ring_put_ticket(&front, 9);
    back.broken = true;
    ck_assert(!xk_ring_take_ticket(&back, 9));
}
END_TEST

TCase *tcase_ring(void)
{
    TCase *tc = tcase_create("ring");

    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_add_test(tc, test_init);
    tcase_add_test(tc, test_order);
    tcase_add_test(tc, test_full);
    tcase_add_test(tc, test_wrap);
    tcase_add_loop_test(tc, test_bad_prod, 0, 3);
    tcase_add_test(tc, test_most_prod);
    tcase_add_loop_test(tc, test_bad_cons, 0, 3);
    tcase_add_test(tc, test_own_indices);
    tcase_add_test(tc, test_ticket);
    return tc;
}
