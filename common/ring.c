// SPDX-License-Identifier: GPL-2.0-only
/*
 * Moves slots through the shared page of the balloon protocol. Must never
 * read one byte of the page twice for one decision, nor trust an index or a
 * slot that the peer can still change: indices are loaded once into a local,
 * slots are copied word by word, and our own two indices are private.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include <xenkeep/ring.h>

#define SLOT_WORDS (sizeof(struct xk_balloon_slot) / sizeof(uint64_t))

/* A slot as words: the type that every other may be copied through. */
typedef uint64_t __attribute__((may_alias)) word_t;

/* What of the page belongs to one end. */
struct view {
    volatile uint32_t *my_prod;
    volatile uint32_t *my_cons;
    const volatile uint32_t *peer_prod;
    const volatile uint32_t *peer_cons;
    volatile struct xk_balloon_slot *out;
    const volatile struct xk_balloon_slot *in;
};

static struct view view_of(const struct xk_ring *ring)
{
    volatile struct xk_balloon_ring *page = ring->page;

    if (ring->role == XK_RING_DOM0)
        return (struct view){
            .my_prod = &page->dom0_prod.value,
            .my_cons = &page->dom0_cons.value,
            .peer_prod = &page->guest_prod.value,
            .peer_cons = &page->guest_cons.value,
            .out = page->to_guest,
            .in = page->to_dom0,
        };
    return (struct view){
        .my_prod = &page->guest_prod.value,
        .my_cons = &page->guest_cons.value,
        .peer_prod = &page->dom0_prod.value,
        .peer_cons = &page->dom0_cons.value,
        .out = page->to_dom0,
        .in = page->to_guest,
    };
}

/* The compiler may not merge, split or move what stands around this. */
static inline void barrier(void)
{
    __asm__ __volatile__("" ::: "memory");
}

/*
 * memcpy() may read a byte twice; volatile words are read and written once
 * each. At least one side is the shared page.
 */
static void copy_words(volatile word_t *dst, const volatile word_t *src)
{
    size_t i;

    for (i = 0; i < SLOT_WORDS; i++)
        dst[i] = src[i];
    barrier();
}

void xk_ring_init(struct xk_ring *ring, void *page, enum xk_ring_role role)
{
    struct view v;

    *ring = (struct xk_ring){ .page = page, .role = role };
    if (role == XK_RING_GUEST)
        memset(page, 0, sizeof(struct xk_balloon_ring));
    v = view_of(ring);
    __atomic_store_n(v.my_cons, 0, __ATOMIC_RELAXED);
    __atomic_store_n(v.my_prod, 0, __ATOMIC_RELEASE);
}

int xk_ring_get(struct xk_ring *ring, struct xk_balloon_slot *out)
{
    struct view v = view_of(ring);
    uint32_t prod, at;

    if (ring->broken)
        return -EPROTO;
    prod = __atomic_load_n(v.peer_prod, __ATOMIC_ACQUIRE);
    barrier();
    if (prod == ring->cons)
        return 0;
    if (prod - ring->cons > XK_BALLOON_SLOTS) {
        ring->broken = true;
        return -EPROTO;
    }
    at = ring->cons % XK_BALLOON_SLOTS;
    copy_words((volatile word_t *)out, (const volatile word_t *)&v.in[at]);
    ring->cons++;
    __atomic_store_n(v.my_cons, ring->cons, __ATOMIC_RELEASE);
    return 1;
}

int xk_ring_put(struct xk_ring *ring, const struct xk_balloon_slot *slot)
{
    struct view v = view_of(ring);
    struct xk_balloon_slot clean = *slot;
    uint32_t cons;

    if (ring->broken)
        return -EPROTO;
    cons = __atomic_load_n(v.peer_cons, __ATOMIC_ACQUIRE);
    barrier();
    /* It may only advance, and not beyond what the peer was told of. */
    if (cons - ring->peer_cons > ring->pushed - ring->peer_cons) {
        ring->broken = true;
        return -EPROTO;
    }
    ring->peer_cons = cons;
    if (ring->prod - cons >= XK_BALLOON_SLOTS)
        return -ENOSPC;
    clean.reserved = 0;
    copy_words((volatile word_t *)&v.out[ring->prod % XK_BALLOON_SLOTS],
               (const volatile word_t *)&clean);
    ring->prod++;
    return 0;
}

void xk_ring_push(struct xk_ring *ring)
{
    struct view v = view_of(ring);

    if (ring->broken || ring->pushed == ring->prod)
        return;
    ring->pushed = ring->prod;
    __atomic_store_n(v.my_prod, ring->prod, __ATOMIC_RELEASE);
}

static bool exchange_ticket(struct xk_ring *ring, uint32_t from, uint32_t to)
{
    return __atomic_compare_exchange_n(&ring->page->ticket.value, &from, to,
                                       false, __ATOMIC_SEQ_CST,
                                       __ATOMIC_SEQ_CST);
}

bool xk_ring_take_ticket(struct xk_ring *ring, uint32_t ticket)
{
    return !ring->broken && ticket && !(ticket & XK_BALLOON_TAKEN) &&
           exchange_ticket(ring, ticket, ticket | XK_BALLOON_TAKEN);
}

bool xk_ring_withdraw_ticket(struct xk_ring *ring, uint32_t ticket)
{
    return exchange_ticket(ring, ticket, 0);
}

void xk_ring_put_ticket(struct xk_ring *ring, uint32_t ticket)
{
    __atomic_store_n(&ring->page->ticket.value, ticket, __ATOMIC_SEQ_CST);
}
