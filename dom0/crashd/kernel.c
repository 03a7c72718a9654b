/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Finding the kernel of a guest and checking what it says, see kernel.h.
 */
#include "kernel.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <xenkeep/util.h>

/* Notes that are looked at before giving up: a guest can plant any number. */
#define CANDIDATES 256u
/* Of a 4-level PTI kernel cr3's low 13 bits are PCID and half. */
#define CR3_FRAME 0x000fffffffffe000ull
/* Physical memory is mapped at a multiple of this. */
#define DIRECT_ALIGN (1ull << 30)

int xk_kernel_mem(const struct xk_kernel *kernel, struct xk_mem *mem)
{
    return xk_mem_init(mem, kernel->img, &kernel->paging);
}

uint32_t xk_kernel_version(const struct xk_kernel *kernel)
{
    unsigned int major = 0, minor = 0, patch = 0;

    (void)sscanf(kernel->uts.release, "%3u.%3u.%3u", &major, &minor, &patch);
    return (major & 0xff) << 16 | (minor & 0xff) << 8 |
           (patch > 255 ? 255 : patch);
}

static bool in_image(uint64_t va)
{
    return va >= XK_KERNEL_MAP && va - XK_KERNEL_MAP < XK_KERNEL_MAP_SIZE;
}

/* How addresses translate, from numbers and symbols alone. */
static int read_paging(struct xk_kernel *k)
{
    int64_t number = 0;
    uint64_t top, phys;

    if (xk_vmcoreinfo_number(&k->vi, "phys_base", &number))
        return -EINVAL;
    k->phys_base = (uint64_t)number;
    if (xk_vmcoreinfo_symbol(&k->vi, "init_top_pgt", &top) &&
        xk_vmcoreinfo_symbol(&k->vi, "swapper_pg_dir", &top))
        return -EINVAL;
    phys = top - XK_KERNEL_MAP + k->phys_base;
    if (!in_image(top) || phys & (XK_PAGE_SIZE - 1) ||
        phys >> XK_PAGE_SHIFT >= k->img->max_pfn)
        return -EINVAL;
    k->paging.root = phys >> XK_PAGE_SHIFT;
    k->paging.levels =
        !xk_vmcoreinfo_number(&k->vi, "pgtable_l5_enabled", &number) &&
        number == 1 ? 5 : 4;
    k->paging.ignore = xk_vmcoreinfo_number(&k->vi, "sme_mask", &number)
                           ? 0 : (uint64_t)number & XK_PTE_FRAME;
    return 0;
}

static void read_offset(struct xk_kernel *k)
{
    char value[32];
    unsigned long long v;

    k->offset = 0;
    if (!xk_vmcoreinfo_string(&k->vi, "KERNELOFFSET", value, sizeof(value)) &&
        sscanf(value, "%16llx", &v) == 1 && v < XK_KERNEL_MAP_SIZE)
        k->offset = v;
}

static bool is_field(const char *s)
{
    size_t i;

    for (i = 0; i < XK_UTS_FIELD && s[i]; i++)
        if (s[i] < ' ' || s[i] > '~')
            return false;
    return i && i < XK_UTS_FIELD;
}

/* The names of init_uts_ns, which must be what the note says. */
static int read_uts(struct xk_kernel *k, struct xk_mem *mem)
{
    uint32_t offset = 0;
    char release[XK_UTS_FIELD];
    uint64_t ns;

    if (xk_vmcoreinfo_symbol(&k->vi, "init_uts_ns", &ns) ||
        xk_vmcoreinfo_string(&k->vi, "OSRELEASE", release, sizeof(release)))
        return -EINVAL;
    /* Before 5.11 the reference count was first, and nobody told. */
    if (xk_vmcoreinfo_offset(&k->vi, "uts_namespace.name", &offset))
        offset = 4;
    if (xk_mem_read(mem, ns + offset, &k->uts, sizeof(k->uts)))
        return -EINVAL;
    if (strncmp(k->uts.release, release, XK_UTS_FIELD) ||
        strcmp(k->uts.sysname, "Linux") || !is_field(k->uts.version) ||
        !is_field(k->uts.machine))
        return -EINVAL;
    k->uts.nodename[XK_UTS_FIELD - 1] = '\0';
    return 0;
}

static void read_build_id(struct xk_kernel *k)
{
    if (xk_vmcoreinfo_string(&k->vi, "BUILD-ID", k->build_id,
                             sizeof(k->build_id)) ||
        strspn(k->build_id, "0123456789abcdef") != strlen(k->build_id))
        k->build_id[0] = '\0';
}

/*
 * mem_section points to an array in the direct map: where that is mapped
 * tells where physical memory begins.
 */
static void read_page_offset(struct xk_kernel *k, struct xk_mem *mem)
{
    uint64_t symbol, pointer;
    struct xk_mapping m;

    k->page_offset = 0;
    if (xk_vmcoreinfo_symbol(&k->vi, "mem_section", &symbol) ||
        xk_mem_u64(mem, symbol, &pointer) ||
        xk_mem_translate(mem, pointer, &m))
        return;
    if (!((pointer - m.phys) % DIRECT_ALIGN) && pointer - m.phys >= 1ull << 63)
        k->page_offset = pointer - m.phys;
}

/*
 * Does a vcpu run on tables that share this kernel's own? All tables have the
 * same entry for the last 512 GiB, where the kernel is.
 */
static bool runs(struct xk_kernel *k, struct xk_mem *mem)
{
    const uint64_t *table = xk_mem_page(mem, k->paging.root);
    uint64_t own = table ? table[511] & XK_PTE_FRAME : 0;
    size_t i;

    for (i = 0; own && i < k->img->vcpu_count; i++) {
        if (!k->img->vcpus[i].valid)
            continue;
        table = xk_mem_page(mem, (k->img->vcpus[i].cr3 & XK_PTE_FRAME) >>
                                     XK_PAGE_SHIFT);
        if (table && (table[511] & XK_PTE_FRAME) == own)
            return true;
        table = xk_mem_page(mem, (k->img->vcpus[i].cr3 & CR3_FRAME) >>
                                     XK_PAGE_SHIFT);
        if (table && (table[511] & XK_PTE_FRAME) == own)
            return true;
    }
    return false;
}

/* The tables must map the kernel where phys_base says that it is. */
static bool maps_itself(struct xk_kernel *k, struct xk_mem *mem)
{
    struct xk_mapping m;
    uint64_t text;

    return !xk_vmcoreinfo_symbol(&k->vi, "_stext", &text) &&
           in_image(text) && !xk_mem_translate(mem, text, &m) &&
           m.phys == text - XK_KERNEL_MAP + k->phys_base;
}

int xk_kernel_check(struct xk_kernel *k, struct xk_image *img)
{
    struct xk_mem mem;
    int rc;

    k->img = img;
    rc = read_paging(k);
    if (rc)
        return rc;
    rc = xk_kernel_mem(k, &mem);
    if (rc)
        return rc;
    rc = maps_itself(k, &mem) ? read_uts(k, &mem) : -EINVAL;
    if (!rc) {
        read_offset(k);
        read_build_id(k);
        read_page_offset(k, &mem);
        k->running = runs(k, &mem);
    }
    xk_mem_dispose(&mem);
    return rc;
}

int xk_kernel_find(struct xk_kernel *k, struct xk_image *img,
                   uint64_t hint_pfn)
{
    uint64_t from = 0, idle = UINT64_MAX;
    unsigned int tries;
    int rc = -ENOENT;

    if (!xk_vmcoreinfo_at(img, hint_pfn, &k->vi) && !xk_kernel_check(k, img))
        return 0;
    for (tries = 0; tries < CANDIDATES; tries++) {
        rc = xk_vmcoreinfo_scan(img, from, &k->vi);
        if (rc)
            break;
        from = k->vi.pfn + 1;
        rc = xk_kernel_check(k, img);
        if (rc == -ENOMEM || (!rc && (k->running || !img->vcpu_count)))
            return rc;
        if (!rc && idle == UINT64_MAX)
            idle = k->vi.pfn;
        rc = -ENOENT;
    }
    if (rc == -ENOENT && idle != UINT64_MAX) {
        rc = xk_vmcoreinfo_at(img, idle, &k->vi);
        if (!rc)
            rc = xk_kernel_check(k, img);
    }
    return rc;
}
