/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libxenctrl and libxencall, as far as the daemons use them: arguments in,
 * -1 and errno out, everything else in memop.c and domain.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <xenctrl.h>
#include <xencall.h>
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>
#include <xen/hvm/save.h>

#include "memop.h"
#include "state.h"
#include "trace.h"

struct xc_interface_core {
    int dummy;
};

struct xencall_handle {
    int dummy;
};

xc_interface *xc_interface_open(xentoollog_logger *logger,
                                xentoollog_logger *dombuild_logger,
                                unsigned int open_flags)
{
    (void)logger, (void)dombuild_logger, (void)open_flags;
    return calloc(1, sizeof(xc_interface));
}

int xc_interface_close(xc_interface *xch)
{
    free(xch);
    return 0;
}

static void fill_info(xc_domaininfo_t *info, const struct fk_domain *d)
{
    memset(info, 0, sizeof(*info));
    info->domain = d->id;
    if (d->dying)
        info->flags |= XEN_DOMINF_dying;
    if (d->shutdown)
        info->flags |= XEN_DOMINF_shutdown |
                       d->reason << XEN_DOMINF_shutdownshift;
    if (d->pauses)
        info->flags |= XEN_DOMINF_paused;
    else if (!d->shutdown)
        info->flags |= d->id ? XEN_DOMINF_blocked : XEN_DOMINF_running;
    if (d->type != FAKE_PV)
        info->flags |= XEN_DOMINF_hvm_guest | XEN_DOMINF_hap;
    info->tot_pages = d->tot;
    info->max_pages = d->max_pages;
    info->shared_info_frame = ~UINT64_C(0);
    info->nr_online_vcpus = d->vcpus;
    info->cpu_time = d->ran;
    info->max_vcpu_id = d->vcpus - 1;
    memcpy(info->handle, d->uuid, sizeof(info->handle));
    if (d->type == FAKE_PVH)
        info->arch_config.emulation_flags = XEN_X86_EMU_LAPIC;
    else if (d->type == FAKE_HVM)
        info->arch_config.emulation_flags =
            XEN_X86_EMU_ALL & ~(XEN_X86_EMU_VPCI | XEN_X86_EMU_USE_PIRQ);
}

int xc_domain_getinfolist(xc_interface *xch, uint32_t first_domain,
                          unsigned int max_domains, xc_domaininfo_t *info)
{
    const struct fk_domain *d;
    unsigned int n = 0;
    long limit;

    (void)xch;
    if (!fk_enter(FAKE_CALL_DOMLIST, &limit))
        return -1;
    if (limit < (long)max_domains)
        max_domains = (unsigned int)limit;
    if (first_domain < DOMID_FIRST_RESERVED)
        for (d = fk_dom_from((uint16_t)first_domain); d && n < max_domains;
             d = d->next)
            fill_info(&info[n++], d);
    return fk_leave_rc(n);
}

int xc_physinfo(xc_interface *xch, xc_physinfo_t *info)
{
    (void)xch;
    if (!fk_enter(FAKE_CALL_PHYSINFO, NULL))
        return -1;
    memset(info, 0, sizeof(*info));
    info->threads_per_core = info->cores_per_socket = 1;
    info->nr_cpus = 2;
    info->max_cpu_id = 1;
    info->nr_nodes = 1;
    info->cpu_khz = 2000000;
    info->capabilities = XEN_SYSCTL_PHYSCAP_hvm | XEN_SYSCTL_PHYSCAP_pv |
                         XEN_SYSCTL_PHYSCAP_hap;
    info->total_pages = fk->host.total_pages;
    info->free_pages = fk->host.free_pages;
    info->max_mfn = fk->host.nr_frames - 1;
    return fk_leave_rc(0);
}

/* A call on a domain; the caller leaves. NULL: it has left. */
static struct fk_domain *enter_dom(enum fake_call call, uint32_t domid)
{
    struct fk_domain *d;

    if (!fk_enter(call, NULL))
        return NULL;
    d = domid < DOMID_FIRST_RESERVED ? fk_dom((uint16_t)domid) : NULL;
    if (!d)
        fk_leave_rc(-ESRCH);
    return d;
}

int xc_version(xc_interface *xch, int cmd, void *arg)
{
    (void)xch, (void)arg;
    if (cmd != XENVER_version) {
        errno = ENOSYS;
        return -1;
    }
    return fk->version;
}

/* A builder's first vcpu, or one in the middle of a kernel. */
int xc_domain_hvm_getcontext_partial(xc_interface *xch, uint32_t domid,
                                     uint16_t typecode, uint16_t instance,
                                     void *ctxt_buf, uint32_t size)
{
    const struct fk_domain *d = enter_dom(FAKE_CALL_CONTEXT, domid);
    HVM_SAVE_TYPE(CPU) cpu = { .rip = 0x1000, .cr0 = 0x11 };

    (void)xch;
    if (!d)
        return -1;
    if (d->type == FAKE_PV || typecode != HVM_SAVE_CODE(CPU) ||
        size != sizeof(cpu))
        return fk_leave_rc(-EINVAL);
    if (instance >= d->vcpus)
        return fk_leave_rc(-ENODATA);
    if (d->ran || d->restored) {
        cpu.rsp = 0xffffc90000013e80;
        cpu.cr3 = 0x2a10000;
        cpu.cr0 = 0x80050033;
    }
    memcpy(ctxt_buf, &cpu, sizeof(cpu));
    return fk_leave_rc(0);
}

int xc_shadow_control(xc_interface *xch, uint32_t domid, unsigned int sop,
                      unsigned int *mb, unsigned int mode)
{
    struct fk_domain *d = enter_dom(FAKE_CALL_SHADOW, domid);
    bool on = sop == XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY;

    (void)xch, (void)mb, (void)mode;
    if (!d)
        return -1;
    if ((!on && sop != XEN_DOMCTL_SHADOW_OP_OFF) || (on && d->log_dirty))
        return fk_leave_rc(-EINVAL);
    fk_dom_log_dirty(d, on);
    return fk_leave_rc(0);
}

int xc_hvm_param_set(xc_interface *xch, uint32_t domid, uint32_t param,
                     uint64_t value)
{
    struct fk_domain *d = enter_dom(FAKE_CALL_PARAM, domid);

    (void)xch;
    if (!d)
        return -1;
    if (d->type == FAKE_PV || param != HVM_PARAM_TRIPLE_FAULT_REASON)
        return fk_leave_rc(-EINVAL);
    d->triple_fault = (unsigned int)value;
    return fk_leave_rc(0);
}

/* Nothing was ever said. */
int xc_readconsolering(xc_interface *xch, char *buffer,
                       unsigned int *pnr_chars, int clear, int incremental,
                       uint32_t *pindex)
{
    (void)xch, (void)buffer, (void)clear, (void)incremental, (void)pindex;
    if (!fk_enter(FAKE_CALL_CONSOLE, NULL))
        return -1;
    *pnr_chars = 0;
    return fk_leave_rc(0);
}

int xc_domain_pause(xc_interface *xch, uint32_t domid)
{
    struct fk_domain *d = enter_dom(FAKE_CALL_PAUSE, domid);

    (void)xch;
    if (!d)
        return -1;
    /* A domain cannot pause itself. */
    if (!domid)
        return fk_leave_rc(-EINVAL);
    d->pause_calls++;
    return fk_leave_rc(fk_dom_pause(d));
}

int xc_domain_unpause(xc_interface *xch, uint32_t domid)
{
    struct fk_domain *d = enter_dom(FAKE_CALL_UNPAUSE, domid);

    (void)xch;
    if (!d)
        return -1;
    return fk_leave_rc(domid ? fk_dom_unpause(d) : -EINVAL);
}

int xc_domain_setmaxmem(xc_interface *xch, uint32_t domid, uint64_t max_memkb)
{
    struct fk_domain *d = enter_dom(FAKE_CALL_SETMAXMEM, domid);

    (void)xch;
    if (!d)
        return -1;
    /* Below what it has is allowed: it gets nothing more then. */
    d->max_pages = max_memkb / 4;
    fk_trace("maxmem %u %llu", domid, (unsigned long long)d->max_pages);
    return fk_leave_rc(0);
}

int xc_sched_credit2_domain_get(xc_interface *xch, uint32_t domid,
                                struct xen_domctl_sched_credit2 *sdom)
{
    struct fk_domain *d = enter_dom(FAKE_CALL_SCHED, domid);

    (void)xch;
    if (!d)
        return -1;
    *sdom = (struct xen_domctl_sched_credit2){ .weight = 256, .cap = d->cap };
    return fk_leave_rc(0);
}

int xc_sched_credit2_domain_set(xc_interface *xch, uint32_t domid,
                                struct xen_domctl_sched_credit2 *sdom)
{
    struct fk_domain *d = enter_dom(FAKE_CALL_SCHED, domid);

    (void)xch;
    if (!d)
        return -1;
    if (sdom->cap > 100 * d->vcpus)
        return fk_leave_rc(-EINVAL);
    d->cap = sdom->cap;
    return fk_leave_rc(0);
}

int xc_domain_maximum_gpfn(xc_interface *xch, uint32_t domid,
                           xen_pfn_t *gpfns)
{
    struct fk_domain *d = enter_dom(FAKE_CALL_MAX_GFN, domid);

    (void)xch;
    if (!d)
        return -1;
    *gpfns = d->p2m.max_gfn;
    return fk_leave_rc(0);
}

int xc_domain_get_pod_target(xc_interface *xch, uint32_t domid,
                             uint64_t *tot_pages, uint64_t *pod_cache_pages,
                             uint64_t *pod_entries)
{
    uint64_t tot, cache, entries;
    long rc;

    (void)xch;
    if (!fk_enter(FAKE_CALL_GET_POD, NULL))
        return -1;
    rc = fk_memop_get_target((uint16_t)domid, &tot, &cache, &entries);
    if (tot_pages)
        *tot_pages = tot;
    if (pod_cache_pages)
        *pod_cache_pages = cache;
    if (pod_entries)
        *pod_entries = entries;
    return fk_leave_rc(rc);
}

int xc_domain_set_pod_target(xc_interface *xch, uint32_t domid,
                             uint64_t target_pages, uint64_t *tot_pages,
                             uint64_t *pod_cache_pages, uint64_t *pod_entries)
{
    const struct fk_domain *d;
    long rc;

    (void)xch;
    if (!fk_enter(FAKE_CALL_SET_POD, NULL))
        return -1;
    rc = fk_memop_set_target((uint16_t)domid, target_pages);
    /* Xen answers with the state only when the call went well. */
    d = rc ? NULL : fk_dom((uint16_t)domid);
    if (tot_pages)
        *tot_pages = d ? d->tot : 0;
    if (pod_cache_pages)
        *pod_cache_pages = d ? d->pod.cache : 0;
    if (pod_entries)
        *pod_entries = d ? d->pod.entries : 0;
    return fk_leave_rc(rc);
}

int xc_domain_populate_physmap(xc_interface *xch, uint32_t domid,
                               unsigned long nr_extents,
                               unsigned int extent_order,
                               unsigned int mem_flags,
                               xen_pfn_t *extent_start)
{
    bool pod = mem_flags & XENMEMF_populate_on_demand;
    long limit;

    (void)xch;
    if (!fk_enter(pod ? FAKE_CALL_MARK : FAKE_CALL_POPULATE, &limit))
        return -1;
    if ((unsigned long)limit < nr_extents)
        nr_extents = (unsigned long)limit;
    return fk_leave_rc(fk_memop_populate(0, (uint16_t)domid, extent_start,
                                         nr_extents, extent_order, pod));
}

int xc_domain_decrease_reservation(xc_interface *xch, uint32_t domid,
                                   unsigned long nr_extents,
                                   unsigned int extent_order,
                                   xen_pfn_t *extent_start)
{
    long limit;

    (void)xch;
    if (!extent_start) {
        errno = EINVAL;
        return -1;
    }
    if (!fk_enter(FAKE_CALL_DECREASE, &limit))
        return -1;
    if ((unsigned long)limit < nr_extents)
        nr_extents = (unsigned long)limit;
    return fk_leave_rc(fk_memop_decrease(0, (uint16_t)domid, extent_start,
                                         nr_extents, extent_order));
}

int xc_gnttab_get_version(xc_interface *xch, uint32_t domid)
{
    const struct fk_domain *d = enter_dom(FAKE_CALL_GNTTAB_INFO, domid);

    (void)xch;
    return d ? fk_leave_rc((int)d->grant_version) : -1;
}

int xc_gnttab_query_size(xc_interface *xch, struct gnttab_query_size *query)
{
    const struct fk_domain *d;

    (void)xch;
    if (!fk_enter(FAKE_CALL_GNTTAB_INFO, NULL))
        return -1;
    d = fk_dom(query->dom);
    query->status = d ? GNTST_okay : GNTST_bad_domain;
    query->nr_frames = d ? d->nr_grant_frames : 0;
    query->max_nr_frames = FK_GRANT_FRAMES;
    return fk_leave_rc(0);
}

xencall_handle *xencall_open(struct xentoollog_logger *logger,
                             unsigned int open_flags)
{
    (void)logger, (void)open_flags;
    return calloc(1, sizeof(xencall_handle));
}

int xencall_close(xencall_handle *xcall)
{
    free(xcall);
    return 0;
}

void *xencall_alloc_buffer(xencall_handle *xcall, size_t size)
{
    (void)xcall;
    return calloc(1, size);
}

void xencall_free_buffer(xencall_handle *xcall, void *p)
{
    (void)xcall;
    free(p);
}

void *xencall_alloc_buffer_pages(xencall_handle *xcall, size_t nr_pages)
{
    void *p;

    (void)xcall;
    if (posix_memalign(&p, FAKE_PAGE_SIZE, nr_pages * FAKE_PAGE_SIZE))
        return NULL;
    return memset(p, 0, nr_pages * FAKE_PAGE_SIZE);
}

void xencall_free_buffer_pages(xencall_handle *xcall, void *p,
                               size_t nr_pages)
{
    (void)xcall, (void)nr_pages;
    free(p);
}

int xencall2(xencall_handle *xcall, unsigned int op, uint64_t arg1,
             uint64_t arg2)
{
    struct xen_hvm_get_mem_type *arg = (void *)(uintptr_t)arg2;
    const struct fk_domain *d;

    (void)xcall;
    if (op != __HYPERVISOR_hvm_op || arg1 != HVMOP_get_mem_type) {
        errno = ENOSYS;
        return -1;
    }
    d = enter_dom(FAKE_CALL_MEM_TYPE, arg->domid);
    if (!d)
        return -1;
    if (d->type == FAKE_PV)
        return fk_leave_rc(-EINVAL);
    switch (fk_p2m_get(d, arg->pfn).type) {
    case FK_RAM:
    case FK_POD:
        arg->mem_type = HVMMEM_ram_rw;
        break;
    case FK_RAM_LD:
        arg->mem_type = HVMMEM_ram_ro;
        break;
    case FK_HOLE:
    case FK_MMIO:
        arg->mem_type = HVMMEM_mmio_dm;
        break;
    }
    return fk_leave_rc(0);
}
