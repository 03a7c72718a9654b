/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The hypervisor, as far as xenkeep needs it. hv.c is the only file that
 * includes xenctrl.h; what it offers is what was checked on Xen 4.17 and
 * nothing more. Every call returns 0 or -errno and never half of a success:
 * where the hypervisor can stop in the middle, `done_r` says how far it came
 * and the call returns -EAGAIN when that is not all.
 *
 * gfn: guest frame number (4 KiB). Sizes are pages unless the name says KiB.
 */
#ifndef XK_LIB_HV_H
#define XK_LIB_HV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define XK_PAGE_SIZE 4096u
#define XK_PAGE_SHIFT 12

typedef uint16_t xk_domid_t;
typedef uint64_t xk_gfn_t;

/* First domid that is not a domain: DOMID_FIRST_RESERVED of xen.h. */
#define XK_DOMID_RESERVED 0x7ff0u

enum xk_guest_type { XK_GUEST_PV, XK_GUEST_PVH, XK_GUEST_HVM };

/* SHUTDOWN_* of Xen's public sched.h. */
enum xk_shutdown {
    XK_SHUTDOWN_POWEROFF,
    XK_SHUTDOWN_REBOOT,
    XK_SHUTDOWN_SUSPEND,
    XK_SHUTDOWN_CRASH,
    XK_SHUTDOWN_WATCHDOG,
    XK_SHUTDOWN_SOFT_RESET
};

struct xk_dominfo {
    xk_domid_t domid;
    enum xk_guest_type type;
    uint8_t uuid[16];
    bool dying;             /* being torn down */
    bool shutdown;          /* suspended, powered off or crashed */
    uint8_t reason;         /* of the shutdown: enum xk_shutdown, or more */
    bool paused;            /* by the toolstack */
    bool ran;               /* here, be it an instant */
    uint32_t vcpus;
    uint32_t max_vcpus;         /* that it can bring up */
    uint64_t tot_pages;     /* includes the PoD cache */
    uint64_t max_pages;
};

/* Populate-on-demand accounting, pages. */
struct xk_pod {
    uint64_t tot;           /* tot_pages */
    uint64_t cache;         /* C: frames that wait for a fault */
    uint64_t entries;       /* E: gfns that a fault would fill */
};

struct xk_host {
    uint64_t total_pages;
    uint64_t free_pages;    /* what `xl info` shows as free_memory */
};

enum xk_gfn_type {
    XK_GFN_RAM,             /* RAM or PoD: the call does not tell which */
    XK_GFN_RAM_RO,          /* log-dirty (migration) or read-only */
    XK_GFN_HOLE,
    XK_GFN_OTHER
};

struct xk_hv;

/* Of a Xen, as xk_hv_version() has it. */
#define XK_HV_VERSION(major, minor) ((major) << 16 | (minor))

/* Needs root (or an inherited right on /dev/xen/privcmd). */
int xk_hv_open(struct xk_hv **hv_r);
void xk_hv_close(struct xk_hv *hv);

/* -ESRCH: no such domain. */
int xk_hv_dominfo(struct xk_hv *hv, xk_domid_t domid, struct xk_dominfo *info);

/* All domains but domain 0, by rising domid; the caller frees *list_r. On
 * failure there is no list: NULL, 0. */
int xk_hv_domains(struct xk_hv *hv, struct xk_dominfo **list_r,
                  size_t *count_r);

int xk_hv_host(struct xk_hv *hv, struct xk_host *host);

/* XK_HV_VERSION() of this Xen, or -errno. */
int xk_hv_version(struct xk_hv *hv);

/*
 * Of a guest that has not run here: is its first vcpu as a builder leaves it,
 * or does it go on from somewhere? Changes nothing. An error: it has no state
 * yet, the domain is being made.
 */
int xk_hv_vcpu_fresh(struct xk_hv *hv, xk_domid_t domid, bool *fresh_r);

/* Pauses are counted by Xen: each needs its unpause. Pausing is synchronous:
 * no vcpu runs when the call has returned. */
int xk_hv_pause(struct xk_hv *hv, xk_domid_t domid);
int xk_hv_unpause(struct xk_hv *hv, xk_domid_t domid);

/*
 * Share of one processor that the domain's vcpus may use together, percent; 0:
 * any. -EOPNOTSUPP: the domain's scheduler is another than credit2.
 */
int xk_hv_cap(struct xk_hv *hv, xk_domid_t domid, uint16_t *percent_r);
int xk_hv_set_cap(struct xk_hv *hv, xk_domid_t domid, uint16_t percent);

int xk_hv_pod(struct xk_hv *hv, xk_domid_t domid, struct xk_pod *pod);

/*
 * Raise the PoD cache until it covers all entries but `debt` pages (it can
 * only grow). -ENOMEM: the host has not enough free memory.
 */
int xk_hv_pod_cover(struct xk_hv *hv, xk_domid_t domid, uint64_t debt);

/* Raise the PoD cache by `pages`, or by what its entries lack if that is
 * less; the domain's limit must allow it. -ENOMEM: by less, or not at all. */
int xk_hv_pod_add(struct xk_hv *hv, xk_domid_t domid, uint64_t pages);

int xk_hv_set_max_pages(struct xk_hv *hv, xk_domid_t domid, uint64_t pages);

/* Highest gfn that was ever mapped; it never falls. */
int xk_hv_max_gfn(struct xk_hv *hv, xk_domid_t domid, xk_gfn_t *gfn_r);

/* Does not populate. */
int xk_hv_gfn_type(struct xk_hv *hv, xk_domid_t domid, xk_gfn_t gfn,
                   enum xk_gfn_type *type_r);

/*
 * Mark extents populate-on-demand. An extent that holds RAM anywhere is
 * refused and left as it was; holes and PoD entries become PoD entries.
 * Stops at the first refusal: *done_r extents are marked, -EBUSY.
 */
int xk_hv_mark_pod(struct xk_hv *hv, xk_domid_t domid, const xk_gfn_t *gfns,
                   size_t count, unsigned int order, size_t *done_r);

/*
 * Take extents away from the domain (XENMEM_decrease_reservation). What Xen
 * does with the frames depends on the debt E - C, see docs/memory.md.
 */
int xk_hv_decrease(struct xk_hv *hv, xk_domid_t domid, const xk_gfn_t *gfns,
                   size_t count, unsigned int order, size_t *done_r);

/*
 * Map guest frames read-only into this process. POPULATES PoD entries: only
 * for gfns known to be RAM. errs[i] (may be NULL) is 0 or -errno for gfn i;
 * without errs one bad gfn fails the whole call.
 */
int xk_hv_map(struct xk_hv *hv, xk_domid_t domid, const xk_gfn_t *gfns,
              size_t count, int *errs, void **addr_r);
void xk_hv_unmap(struct xk_hv *hv, void *addr, size_t count);

/*
 * The registers of a virtual processor of a PVH or HVM guest that stands
 * still. -ENODATA: that processor is not up.
 */
struct xk_regs {
    uint64_t rax, rbx, rcx, rdx, rsi, rdi, rbp, rsp;
    uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
    uint64_t rip, rflags, cr0, cr3, cr4, efer;
    uint64_t fs_base, gs_base, gs_shadow, idt_base, gdt_base;
    uint16_t cs, ss, ds, es, fs, gs;
};

int xk_hv_regs(struct xk_hv *hv, xk_domid_t domid, uint32_t vcpu,
               struct xk_regs *regs);

/*
 * While it is on, xk_hv_gfn_type() tells RAM (XK_GFN_RAM_RO) from
 * populate-on-demand (XK_GFN_RAM). A guest that runs meanwhile loses its
 * superpages where it writes. -EBUSY: somebody migrates the guest.
 */
int xk_hv_log_dirty(struct xk_hv *hv, xk_domid_t domid, bool on);

/* From now on a triple fault of the guest counts as a crash, not a reboot. */
int xk_hv_catch_triple_fault(struct xk_hv *hv, xk_domid_t domid);

/*
 * What Xen said since *index_r (0: all it still has), at most `size` - 1
 * bytes and always a string; *index_r moves on.
 */
int xk_hv_console(struct xk_hv *hv, char *buf, size_t size,
                  uint32_t *index_r);

/*
 * The guest's grant table, mapped read-only. Mapping it holds no reference on
 * the guest's own pages. Xen never shrinks a grant table.
 */
struct xk_grants;

int xk_hv_grants_map(struct xk_hv *hv, xk_domid_t domid,
                     struct xk_grants **grants_r);
void xk_hv_grants_unmap(struct xk_hv *hv, struct xk_grants *grants);

/*
 * Calls fn(gfn, arg) for each entry that permits another domain access; the
 * entries are hostile, a gfn may be any number. -ESTALE: the table grew or
 * changed its version since it was mapped, map it anew.
 */
int xk_hv_grants_walk(struct xk_hv *hv, const struct xk_grants *grants,
                      void (*fn)(xk_gfn_t untrusted_gfn, void *arg),
                      void *arg);

#endif /* XK_LIB_HV_H */
