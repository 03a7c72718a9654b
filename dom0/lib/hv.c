/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The hypervisor calls of xenkeep, and the only file that includes xenctrl.h.
 * It translates errors and partial success and decides nothing.
 */
#include "hv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <xenctrl.h>
#include <xencall.h>
#include <xenforeignmemory.h>
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>
#include <xen/hvm/save.h>

#include <xenkeep/util.h>

/* Domains read in one call. */
#define DOMAINS_STEP 64u

struct xk_hv {
    xc_interface *xch;
    xencall_handle *call;
    xenforeignmemory_handle *fmem;
    struct xen_hvm_get_mem_type *type_arg; /* hypercall-safe buffer */
};

/* libxenctrl sets errno, most of the time. */
static int hv_errno(void)
{
    return errno ? -errno : -EIO;
}

int xk_hv_open(struct xk_hv **hv_r)
{
    struct xk_hv *hv = calloc(1, sizeof(*hv));
    int rc;

    if (!hv)
        return -ENOMEM;
    errno = 0;
    hv->xch = xc_interface_open(NULL, NULL, 0);
    if (!hv->xch)
        goto err;
    hv->call = xencall_open(NULL, 0);
    if (!hv->call)
        goto err;
    hv->fmem = xenforeignmemory_open(NULL, 0);
    if (!hv->fmem)
        goto err;
    hv->type_arg = xencall_alloc_buffer(hv->call, sizeof(*hv->type_arg));
    if (!hv->type_arg)
        goto err;
    *hv_r = hv;
    return 0;

err:
    rc = hv_errno();
    xk_hv_close(hv);
    return rc;
}

void xk_hv_close(struct xk_hv *hv)
{
    if (!hv)
        return;
    if (hv->type_arg)
        xencall_free_buffer(hv->call, hv->type_arg);
    if (hv->fmem)
        xenforeignmemory_close(hv->fmem);
    if (hv->call)
        xencall_close(hv->call);
    if (hv->xch)
        xc_interface_close(hv->xch);
    free(hv);
}

/*
 * PVH is an HVM domain without a device model: of the emulated devices only
 * the local APIC is switched on (arch-x86/xen.h, XEN_X86_EMU_LAPIC).
 */
static enum xk_guest_type guest_type(const xc_domaininfo_t *di)
{
    if (!(di->flags & XEN_DOMINF_hvm_guest))
        return XK_GUEST_PV;
    if (di->arch_config.emulation_flags & ~(uint32_t)XEN_X86_EMU_LAPIC)
        return XK_GUEST_HVM;
    return XK_GUEST_PVH;
}

static void dominfo_from(struct xk_dominfo *info, const xc_domaininfo_t *di)
{
    *info = (struct xk_dominfo){
        .domid = di->domain,
        .type = guest_type(di),
        .dying = di->flags & XEN_DOMINF_dying,
        .shutdown = di->flags & XEN_DOMINF_shutdown,
        .reason = (uint8_t)(di->flags >> XEN_DOMINF_shutdownshift &
                            XEN_DOMINF_shutdownmask),
        .paused = di->flags & XEN_DOMINF_paused,
        .ran = di->cpu_time != 0,
        .vcpus = di->nr_online_vcpus,
        .max_vcpus = di->max_vcpu_id + 1,
        .tot_pages = di->tot_pages,
        .max_pages = di->max_pages,
    };
    memcpy(info->uuid, di->handle, sizeof(info->uuid));
}

int xk_hv_dominfo(struct xk_hv *hv, xk_domid_t domid, struct xk_dominfo *info)
{
    xc_domaininfo_t di;
    int r;

    /* The call answers with the first domain at or above domid. */
    errno = 0;
    r = xc_domain_getinfolist(hv->xch, domid, 1, &di);
    if (r < 0)
        return hv_errno();
    if (r == 0 || di.domain != domid)
        return -ESRCH;
    dominfo_from(info, &di);
    return 0;
}

/* Those from `first` on are appended, DOMAINS_STEP at most; how many. */
static int more_domains(struct xk_hv *hv, uint32_t first,
                        struct xk_dominfo **list, size_t count)
{
    xc_domaininfo_t di[DOMAINS_STEP];
    struct xk_dominfo *p;
    int i, n;

    p = reallocarray(*list, count + DOMAINS_STEP, sizeof(*p));
    if (!p)
        return -ENOMEM;
    *list = p;
    errno = 0;
    n = xc_domain_getinfolist(hv->xch, first, DOMAINS_STEP, di);
    if (n < 0)
        return hv_errno();
    for (i = 0; i < n && di[i].domain < XK_DOMID_RESERVED; i++)
        dominfo_from(&p[count + (size_t)i], &di[i]);
    return i;
}

int xk_hv_domains(struct xk_hv *hv, struct xk_dominfo **list_r,
                  size_t *count_r)
{
    struct xk_dominfo *list = NULL;
    uint32_t first = 1;
    size_t count = 0;
    int n;

    do {
        n = more_domains(hv, first, &list, count);
        if (n > 0) {
            count += (size_t)n;
            first = list[count - 1].domid + 1u;
        }
    } while (n == (int)DOMAINS_STEP && first < XK_DOMID_RESERVED);
    if (n < 0) {
        free(list);
        list = NULL;
        count = 0;
    }
    *list_r = list;
    *count_r = count;
    return n < 0 ? n : 0;
}

int xk_hv_host(struct xk_hv *hv, struct xk_host *host)
{
    xc_physinfo_t info = { 0 };

    errno = 0;
    if (xc_physinfo(hv->xch, &info))
        return hv_errno();
    host->total_pages = info.total_pages;
    host->free_pages = info.free_pages;
    return 0;
}

int xk_hv_version(struct xk_hv *hv)
{
    int r;

    errno = 0;
    r = xc_version(hv->xch, XENVER_version, NULL);
    return r < 0 ? hv_errno() : r;
}

/*
 * A builder sets the instruction pointer, a register for the start info and
 * segments, in protected mode without paging. Code that has run for more than
 * a moment has a stack, and an operating system has page tables.
 */
int xk_hv_vcpu_fresh(struct xk_hv *hv, xk_domid_t domid, bool *fresh_r)
{
    HVM_SAVE_TYPE(CPU) cpu;

    memset(&cpu, 0, sizeof(cpu));
    errno = 0;
    if (xc_domain_hvm_getcontext_partial(hv->xch, domid, HVM_SAVE_CODE(CPU),
                                         0, &cpu, sizeof(cpu)))
        return hv_errno();
    *fresh_r = !cpu.rsp && !cpu.cr3 && !(cpu.cr0 >> 31 & 1);
    return 0;
}

int xk_hv_pause(struct xk_hv *hv, xk_domid_t domid)
{
    errno = 0;
    return xc_domain_pause(hv->xch, domid) ? hv_errno() : 0;
}

int xk_hv_unpause(struct xk_hv *hv, xk_domid_t domid)
{
    errno = 0;
    return xc_domain_unpause(hv->xch, domid) ? hv_errno() : 0;
}

int xk_hv_cap(struct xk_hv *hv, xk_domid_t domid, uint16_t *percent_r)
{
    struct xen_domctl_sched_credit2 share;

    /* Xen refuses the question when the scheduler is another. */
    errno = 0;
    if (xc_sched_credit2_domain_get(hv->xch, domid, &share))
        return errno == EINVAL ? -EOPNOTSUPP : hv_errno();
    *percent_r = share.cap;
    return 0;
}

int xk_hv_set_cap(struct xk_hv *hv, xk_domid_t domid, uint16_t percent)
{
    /* A weight of 0 leaves it as it is. */
    struct xen_domctl_sched_credit2 share = { .cap = percent };

    errno = 0;
    return xc_sched_credit2_domain_set(hv->xch, domid, &share) ? hv_errno()
                                                               : 0;
}

int xk_hv_pod(struct xk_hv *hv, xk_domid_t domid, struct xk_pod *pod)
{
    errno = 0;
    if (xc_domain_get_pod_target(hv->xch, domid, &pod->tot, &pod->cache,
                                 &pod->entries))
        return hv_errno();
    return 0;
}

int xk_hv_pod_cover(struct xk_hv *hv, xk_domid_t domid, uint64_t debt)
{
    uint64_t tot, cache, entries;
    struct xk_pod pod;
    int rc;

    rc = xk_hv_pod(hv, domid, &pod);
    if (rc || pod.cache + debt >= pod.entries)
        return rc;
    errno = 0;
    if (xc_domain_set_pod_target(hv->xch, domid,
                                 pod.tot - pod.cache + pod.entries - debt,
                                 &tot, &cache, &entries))
        return hv_errno();
    rc = xk_hv_pod(hv, domid, &pod);
    if (rc)
        return rc;
    return pod.cache + debt >= pod.entries ? 0 : -ENOMEM;
}

int xk_hv_pod_add(struct xk_hv *hv, xk_domid_t domid, uint64_t pages)
{
    uint64_t tot, cache, entries;
    struct xk_pod pod;
    int rc;

    rc = xk_hv_pod(hv, domid, &pod);
    if (rc)
        return rc;
    errno = 0;
    if (xc_domain_set_pod_target(hv->xch, domid, pod.tot + pages, &tot, &cache,
                                 &entries))
        return hv_errno();
    return 0;
}

int xk_hv_set_max_pages(struct xk_hv *hv, xk_domid_t domid, uint64_t pages)
{
    errno = 0;
    if (xc_domain_setmaxmem(hv->xch, domid, pages << (XK_PAGE_SHIFT - 10)))
        return hv_errno();
    return 0;
}

int xk_hv_max_gfn(struct xk_hv *hv, xk_domid_t domid, xk_gfn_t *gfn_r)
{
    xen_pfn_t gfn;

    errno = 0;
    if (xc_domain_maximum_gpfn(hv->xch, domid, &gfn) < 0)
        return hv_errno();
    *gfn_r = gfn;
    return 0;
}

int xk_hv_gfn_type(struct xk_hv *hv, xk_domid_t domid, xk_gfn_t gfn,
                   enum xk_gfn_type *type_r)
{
    static const enum xk_gfn_type types[] = {
        [HVMMEM_ram_rw] = XK_GFN_RAM,
        [HVMMEM_ram_ro] = XK_GFN_RAM_RO,
        [HVMMEM_mmio_dm] = XK_GFN_HOLE,
    };

    *hv->type_arg = (struct xen_hvm_get_mem_type){ .domid = domid, .pfn = gfn };
    errno = 0;
    if (xencall2(hv->call, __HYPERVISOR_hvm_op, HVMOP_get_mem_type,
                 (uintptr_t)hv->type_arg))
        return hv_errno();
    *type_r = hv->type_arg->mem_type < XK_ARRAY_SIZE(types)
                  ? types[hv->type_arg->mem_type] : XK_GFN_OTHER;
    return 0;
}

/* Both calls answer with the number of extents they did. */
static int extents_done(int r, size_t count, int stopped, size_t *done_r)
{
    size_t done = r > 0 ? (size_t)r : 0;

    if (done_r)
        *done_r = done;
    if (r < 0)
        return hv_errno();
    return done == count ? 0 : stopped;
}

int xk_hv_mark_pod(struct xk_hv *hv, xk_domid_t domid, const xk_gfn_t *gfns,
                   size_t count, unsigned int order, size_t *done_r)
{
    int r;

    errno = 0;
    r = xc_domain_populate_physmap(hv->xch, domid, count, order,
                                   XENMEMF_populate_on_demand,
                                   (xen_pfn_t *)(uintptr_t)gfns);
    return extents_done(r, count, -EBUSY, done_r);
}

int xk_hv_decrease(struct xk_hv *hv, xk_domid_t domid, const xk_gfn_t *gfns,
                   size_t count, unsigned int order, size_t *done_r)
{
    int r;

    errno = 0;
    r = xc_domain_decrease_reservation(hv->xch, domid, count, order,
                                       (xen_pfn_t *)(uintptr_t)gfns);
    return extents_done(r, count, -EAGAIN, done_r);
}

int xk_hv_map(struct xk_hv *hv, xk_domid_t domid, const xk_gfn_t *gfns,
              size_t count, int *errs, void **addr_r)
{
    void *addr;
    size_t i;

    errno = 0;
    addr = xenforeignmemory_map(hv->fmem, domid, PROT_READ, count,
                                (const xen_pfn_t *)gfns, errs);
    if (!addr)
        return hv_errno();
    for (i = 0; errs && i < count; i++)
        errs[i] = errs[i] > 0 ? -errs[i] : errs[i];
    *addr_r = addr;
    return 0;
}

void xk_hv_unmap(struct xk_hv *hv, void *addr, size_t count)
{
    if (addr)
        xenforeignmemory_unmap(hv->fmem, addr, count);
}

/* Xen's record has the selectors as 32 bits; the upper half means nothing. */
static void regs_from(struct xk_regs *r, const HVM_SAVE_TYPE(CPU) *c)
{
    *r = (struct xk_regs){
        .rax = c->rax, .rbx = c->rbx, .rcx = c->rcx, .rdx = c->rdx,
        .rsi = c->rsi, .rdi = c->rdi, .rbp = c->rbp, .rsp = c->rsp,
        .r8 = c->r8, .r9 = c->r9, .r10 = c->r10, .r11 = c->r11,
        .r12 = c->r12, .r13 = c->r13, .r14 = c->r14, .r15 = c->r15,
        .rip = c->rip, .rflags = c->rflags, .cr0 = c->cr0, .cr3 = c->cr3,
        .cr4 = c->cr4, .efer = c->msr_efer, .fs_base = c->fs_base,
        .gs_base = c->gs_base, .gs_shadow = c->shadow_gs,
        .idt_base = c->idtr_base, .gdt_base = c->gdtr_base,
        .cs = (uint16_t)c->cs_sel, .ss = (uint16_t)c->ss_sel,
        .ds = (uint16_t)c->ds_sel, .es = (uint16_t)c->es_sel,
        .fs = (uint16_t)c->fs_sel, .gs = (uint16_t)c->gs_sel,
    };
}

int xk_hv_regs(struct xk_hv *hv, xk_domid_t domid, uint32_t vcpu,
               struct xk_regs *regs)
{
    HVM_SAVE_TYPE(CPU) cpu;

    if (vcpu > UINT16_MAX)
        return -EINVAL;
    memset(&cpu, 0, sizeof(cpu));
    errno = 0;
    if (xc_domain_hvm_getcontext_partial(hv->xch, domid, HVM_SAVE_CODE(CPU),
                                         (uint16_t)vcpu, &cpu, sizeof(cpu)))
        return hv_errno();
    regs_from(regs, &cpu);
    return 0;
}

int xk_hv_log_dirty(struct xk_hv *hv, xk_domid_t domid, bool on)
{
    errno = 0;
    if (xc_shadow_control(hv->xch, domid,
                          on ? XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY
                             : XEN_DOMCTL_SHADOW_OP_OFF, NULL, 0) < 0)
        return errno == EINVAL && on ? -EBUSY : hv_errno();
    return 0;
}

int xk_hv_catch_triple_fault(struct xk_hv *hv, xk_domid_t domid)
{
    errno = 0;
    return xc_hvm_param_set(hv->xch, domid, HVM_PARAM_TRIPLE_FAULT_REASON,
                            SHUTDOWN_crash) ? hv_errno() : 0;
}

int xk_hv_console(struct xk_hv *hv, char *buf, size_t size, uint32_t *index_r)
{
    unsigned int count = (unsigned int)size - 1;

    errno = 0;
    if (xc_readconsolering(hv->xch, buf, &count, 0, 1, index_r))
        return hv_errno();
    buf[count] = '\0';
    return 0;
}

/* The types that let another domain reach the page; grant_table.h. */
static bool entry_permits(uint16_t flags)
{
    return (flags & GTF_type_mask) == GTF_permit_access;
}

static void walk_v1(const void *table, size_t bytes,
                    void (*fn)(xk_gfn_t, void *), void *arg)
{
    const volatile grant_entry_v1_t *e = table;
    size_t i;

    for (i = 0; i < bytes / sizeof(*e); i++)
        if (entry_permits(e[i].flags))
            fn(e[i].frame, arg);
}

static void walk_v2(const void *table, size_t bytes,
                    void (*fn)(xk_gfn_t, void *), void *arg)
{
    const volatile grant_entry_v2_t *e = table;
    size_t i;

    for (i = 0; i < bytes / sizeof(*e); i++)
        if (entry_permits(e[i].hdr.flags))
            fn(e[i].full_page.frame, arg);
}

struct xk_grants {
    xenforeignmemory_resource_handle *res;
    void *table;
    xk_domid_t domid;
    int version;
    uint32_t nr_frames;
};

/* Version and size of a domain's grant table as they are now. */
static int grants_shape(struct xk_hv *hv, xk_domid_t domid, int *version_r,
                        uint32_t *nr_frames_r)
{
    struct gnttab_query_size size = { .dom = domid };
    int version;

    errno = 0;
    version = xc_gnttab_get_version(hv->xch, domid);
    if (version < 0)
        return hv_errno();
    if (version < 1 || version > 2)
        return -EOPNOTSUPP;
    if (xc_gnttab_query_size(hv->xch, &size))
        return hv_errno();
    if (size.status != GNTST_okay)
        return -EIO;
    *version_r = version;
    *nr_frames_r = size.nr_frames;
    return 0;
}

int xk_hv_grants_map(struct xk_hv *hv, xk_domid_t domid,
                     struct xk_grants **grants_r)
{
    struct xk_grants *grants = calloc(1, sizeof(*grants));
    int rc;

    if (!grants)
        return -ENOMEM;
    grants->domid = domid;
    rc = grants_shape(hv, domid, &grants->version, &grants->nr_frames);
    if (rc)
        goto out;
    /* No more frames than there are: asking for more would add them. */
    if (grants->nr_frames) {
        errno = 0;
        grants->res = xenforeignmemory_map_resource(
            hv->fmem, domid, XENMEM_resource_grant_table,
            XENMEM_resource_grant_table_id_shared, 0, grants->nr_frames,
            &grants->table, PROT_READ, 0);
        if (!grants->res) {
            rc = hv_errno();
            goto out;
        }
    }
    *grants_r = grants;
    grants = NULL;
out:
    xk_hv_grants_unmap(hv, grants);
    return rc;
}

void xk_hv_grants_unmap(struct xk_hv *hv, struct xk_grants *grants)
{
    if (!grants)
        return;
    if (grants->res)
        xenforeignmemory_unmap_resource(hv->fmem, grants->res);
    free(grants);
}

int xk_hv_grants_walk(struct xk_hv *hv, const struct xk_grants *grants,
                      void (*fn)(xk_gfn_t untrusted_gfn, void *arg),
                      void *arg)
{
    uint32_t nr_frames;
    int rc, version;

    rc = grants_shape(hv, grants->domid, &version, &nr_frames);
    if (rc)
        return rc;
    if (version != grants->version || nr_frames != grants->nr_frames)
        return -ESTALE;
    if (grants->table)
        (version == 1 ? walk_v1 : walk_v2)(
            grants->table, (size_t)nr_frames * XK_PAGE_SIZE, fn, arg);
    return 0;
}
