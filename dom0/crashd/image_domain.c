/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An image of a domain, see image_domain.h.
 *
 * What must not be mapped is found first. Xen does not tell RAM from
 * populate-on-demand entries but while log-dirty mode is on, when RAM counts
 * as read-only. So, of a guest that has entries and is dead, the mode is
 * switched on for as long as the types are asked for: nothing writes to its
 * memory, and what the mode changes is undone as it is switched off.
 */
#include "image_domain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <xenkeep/util.h>

/* Layout of a guest of Xen: below 4 GiB no RAM is above the first (hvmloader
 * and libxl leave at least this much for devices), special pages and video
 * memory are between them, and RAM goes on at the third. */
#define LOW_END 0xf0000u
#define HIGH 0x100000u

/* Pages mapped by one call: a page of gfns, 8 times. */
#define BATCH 4096u

struct range {
    uint64_t first, end;
    enum xk_page_state state;   /* RAM: it may yet turn out to be absent */
};

struct image_domain {
    struct xk_image img;
    struct xk_hv *hv;
    xk_domid_t domid;
    struct range *ranges;       /* sorted, apart from each other */
    size_t count, room;
};

static struct image_domain *domain_of(struct xk_image *img)
{
    return XK_CONTAINER_OF(img, struct image_domain, img);
}

/* ---- where there is something ------------------------------------------- */

static int add_range(struct image_domain *d, uint64_t first, uint64_t end,
                     enum xk_page_state state)
{
    struct range *last = d->count ? &d->ranges[d->count - 1] : NULL, *more;

    if (first >= end || state == XK_PAGE_ABSENT)
        return 0;
    if (last && last->end == first && last->state == state) {
        last->end = end;
        return 0;
    }
    if (d->count == d->room) {
        d->room = d->room ? 2 * d->room : 64;
        more = realloc(d->ranges, d->room * sizeof(*more));
        if (!more)
            return -ENOMEM;
        d->ranges = more;
    }
    d->ranges[d->count++] = (struct range){ first, end, state };
    return 0;
}

/* Each page by its type, while log-dirty mode is on. */
static int add_typed(struct image_domain *d, uint64_t first, uint64_t end)
{
    static const enum xk_page_state states[] = {
        [XK_GFN_RAM] = XK_PAGE_ZERO,
        [XK_GFN_RAM_RO] = XK_PAGE_RAM,
        [XK_GFN_HOLE] = XK_PAGE_ABSENT,
        [XK_GFN_OTHER] = XK_PAGE_ABSENT,
    };
    enum xk_gfn_type type;
    int rc = 0;

    for (; !rc && first < end; first++) {
        rc = xk_hv_gfn_type(d->hv, d->domid, first, &type);
        if (!rc)
            rc = add_range(d, first, first + 1, states[type]);
    }
    return rc;
}

static int lay_out(struct image_domain *d, uint64_t ram_pages,
                   int (*add)(struct image_domain *d, uint64_t first,
                              uint64_t end))
{
    uint64_t low = xk_min_u64(ram_pages, LOW_END), end = d->img.max_pfn;
    int rc;

    rc = add(d, 0, xk_min_u64(low, end));
    if (!rc)
        rc = add(d, LOW_END, xk_min_u64(HIGH, end));
    if (!rc)
        rc = add(d, HIGH, xk_min_u64(HIGH + ram_pages - low, end));
    return rc;
}

static int add_all(struct image_domain *d, uint64_t first, uint64_t end)
{
    return add_range(d, first, end, XK_PAGE_RAM);
}

static int find_ranges(struct image_domain *d, uint64_t ram_pages, bool still)
{
    struct xk_pod pod;
    int rc, off;

    rc = xk_hv_pod(d->hv, d->domid, &pod);
    if (rc)
        return rc;
    if (!pod.entries)
        return lay_out(d, ram_pages, add_all);
    if (!still)
        return -EBUSY;
    rc = xk_hv_log_dirty(d->hv, d->domid, true);
    if (rc)
        return rc;
    rc = lay_out(d, ram_pages, add_typed);
    off = xk_hv_log_dirty(d->hv, d->domid, false);
    return rc ? rc : off;
}

/* The first range that ends after `pfn`; count if none does. */
static size_t range_after(const struct image_domain *d, uint64_t pfn)
{
    size_t low = 0, high = d->count, mid;

    while (low < high) {
        mid = (low + high) / 2;
        if (d->ranges[mid].end > pfn)
            high = mid;
        else
            low = mid + 1;
    }
    return low;
}

static bool domain_next(struct xk_image *img, uint64_t from,
                        uint64_t *first_r, uint64_t *end_r)
{
    const struct image_domain *d = domain_of(img);
    size_t i = range_after(d, from);

    if (i == d->count)
        return false;
    *first_r = xk_max_u64(d->ranges[i].first, from);
    *end_r = d->ranges[i].end;
    return true;
}

/* ---- reading ------------------------------------------------------------ */

/* Maps the `count` pages that are `at` in the caller's arrays. */
static int copy_pages(struct image_domain *d, const xk_gfn_t *gfns,
                      const size_t *at, size_t count, uint8_t *buf,
                      uint8_t *state)
{
    int errs[BATCH];
    const uint8_t *from;
    void *addr;
    size_t i;
    int rc;

    if (!count)
        return 0;
    rc = xk_hv_map(d->hv, d->domid, gfns, count, errs, &addr);
    if (rc)
        return rc;
    from = addr;
    for (i = 0; i < count; i++) {
        if (errs[i]) {
            state[at[i]] = XK_PAGE_ABSENT;
            memset(buf + at[i] * XK_PAGE_SIZE, 0, XK_PAGE_SIZE);
        } else {
            memcpy(buf + at[i] * XK_PAGE_SIZE, from + i * XK_PAGE_SIZE,
                   XK_PAGE_SIZE);
        }
    }
    xk_hv_unmap(d->hv, addr, count);
    return 0;
}

static int domain_read(struct xk_image *img, const uint64_t *pfns,
                       size_t count, void *buf, uint8_t *state)
{
    struct image_domain *d = domain_of(img);
    xk_gfn_t gfns[BATCH];
    size_t at[BATCH], i, r, n = 0;
    int rc = 0;

    for (i = 0; !rc && i < count; i++) {
        r = range_after(d, pfns[i]);
        state[i] = r < d->count && d->ranges[r].first <= pfns[i]
                       ? d->ranges[r].state : XK_PAGE_ABSENT;
        if (state[i] != XK_PAGE_RAM) {
            memset((uint8_t *)buf + i * XK_PAGE_SIZE, 0, XK_PAGE_SIZE);
            continue;
        }
        gfns[n] = pfns[i];
        at[n++] = i;
        if (n == BATCH) {
            rc = copy_pages(d, gfns, at, n, buf, state);
            n = 0;
        }
    }
    return rc ? rc : copy_pages(d, gfns, at, n, buf, state);
}

static void domain_close(struct xk_image *img)
{
    struct image_domain *d = domain_of(img);

    free(d->ranges);
    free(d->img.vcpus);
    free(d);
}

/* ---- processors --------------------------------------------------------- */

static void vcpu_from(struct xk_vcpu *v, const struct xk_regs *r)
{
    *v = (struct xk_vcpu){
        .valid = true,
        .rax = r->rax, .rbx = r->rbx, .rcx = r->rcx, .rdx = r->rdx,
        .rsi = r->rsi, .rdi = r->rdi, .rbp = r->rbp, .rsp = r->rsp,
        .r8 = r->r8, .r9 = r->r9, .r10 = r->r10, .r11 = r->r11,
        .r12 = r->r12, .r13 = r->r13, .r14 = r->r14, .r15 = r->r15,
        .rip = r->rip, .rflags = r->rflags, .cr0 = r->cr0, .cr3 = r->cr3,
        .cr4 = r->cr4, .efer = r->efer, .fs_base = r->fs_base,
        .gs_base = r->gs_base, .gs_shadow = r->gs_shadow,
        .idt_base = r->idt_base, .gdt_base = r->gdt_base,
        .cs = r->cs, .ss = r->ss, .ds = r->ds, .es = r->es, .fs = r->fs,
        .gs = r->gs,
    };
}

static int read_vcpus(struct image_domain *d, uint32_t count)
{
    struct xk_regs regs;
    uint32_t i;

    count = (uint32_t)xk_min_u64(count, XK_IMAGE_VCPUS);
    d->img.vcpus = calloc(count ? count : 1, sizeof(*d->img.vcpus));
    if (!d->img.vcpus)
        return -ENOMEM;
    d->img.vcpu_count = count;
    for (i = 0; i < count; i++)
        if (!xk_hv_regs(d->hv, d->domid, i, &regs))
            vcpu_from(&d->img.vcpus[i], &regs);
    return 0;
}

int xk_image_open_domain(struct xk_image **img_r, struct xk_hv *hv,
                         xk_domid_t domid, uint64_t ram_pages, bool still)
{
    struct image_domain *d;
    struct xk_dominfo info;
    xk_gfn_t max_gfn;
    int rc;

    rc = xk_hv_dominfo(hv, domid, &info);
    if (rc)
        return rc;
    if (info.type == XK_GUEST_PV)
        return -EOPNOTSUPP;
    rc = xk_hv_max_gfn(hv, domid, &max_gfn);
    if (rc)
        return rc;
    d = calloc(1, sizeof(*d));
    if (!d)
        return -ENOMEM;
    d->hv = hv;
    d->domid = domid;
    d->img = (struct xk_image){
        .type = info.type,
        .max_pfn = xk_min_u64(max_gfn + 1, XK_IMAGE_PFNS),
        .read = domain_read,
        .next = domain_next,
        .close = domain_close,
    };
    rc = read_vcpus(d, info.max_vcpus);
    if (!rc)
        rc = find_ranges(d, ram_pages ? ram_pages : info.max_pages,
                         still || info.shutdown);
    if (rc) {
        domain_close(&d->img);
        return rc;
    }
    *img_r = &d->img;
    return 0;
}
