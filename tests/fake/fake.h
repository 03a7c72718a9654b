/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An in-process stand-in for Xen: what a component test says to it. The
 * daemon under test is linked with libxkfake.a in place of libxenctrl,
 * libxencall, libxenforeignmemory, libxenstore, libxenevtchn, libxengnttab
 * and libxentoolcore, and sees one host; the test plays the host, the
 * toolstack and the guests with the functions below.
 *
 * All state lives in shared memory: a test may fork the daemon, kill it
 * between two calls (fake_kill_at) and look at what it left behind. Call
 * fake_reap() for a child that died, as the kernel does when it closes the
 * files of a process. fake_init() comes before the fork.
 *
 * Functions return 0 (or a count or an id) or -errno. gfn: guest frame
 * number. Every count is in 4 KiB pages unless the name says otherwise.
 */
#ifndef XK_FAKE_FAKE_H
#define XK_FAKE_FAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define FAKE_PAGE_SIZE 4096u
#define FAKE_SUPER_PAGES 512u
#define FAKE_SUPER_ORDER 9u

/* ---- The host ------------------------------------------------------- */

struct fake_host {
    uint64_t supers;    /* free blocks of 2 MiB */
    uint64_t singles;   /* free pages outside of such blocks */
};

/* Forgets everything and starts over. NULL: 1024 supers, no singles. */
int fake_init(const struct fake_host *host);
void fake_fini(void);

uint64_t fake_host_free(void);
uint64_t fake_host_free_supers(void);

/* Somebody else takes `count` extents, until fake_host_give(). */
int fake_host_take(unsigned int order, uint64_t count);
void fake_host_give(void);

/* Breaks free 2 MiB blocks until `keep` are left; costs a page for each. */
void fake_host_fragment(uint64_t keep);

/* ---- Domains, as the toolstack sees them ---------------------------- */

enum fake_type { FAKE_PVH, FAKE_HVM, FAKE_PV };

enum fake_layout {
    FAKE_SUPERPAGES,    /* 2 MiB entries */
    FAKE_SPLIT,         /* 4 KiB entries over whole 2 MiB frames */
    FAKE_SCATTERED      /* 4 KiB entries, no two frames in sequence */
};

struct fake_config {
    enum fake_type type;
    enum fake_layout layout;
    uint64_t pages;         /* RAM at the start; needed */
    uint64_t static_max;    /* above pages: starts with PoD debt */
    uint64_t max_pages;     /* 0: static_max plus libxl's slack, 1 MiB */
    unsigned int special;   /* pages above RAM; 0: 16, as in the lab */
    unsigned int vcpus;     /* 0: 2 */
    const char *name;       /* NULL: "fakeN" */
    uint8_t uuid[16];       /* zero: made of the domid */
    uint16_t domid;         /* 0: the next free one */
    bool passthrough;
    bool paused;            /* not started yet: fake_domain_unpause() */
    bool restored;          /* goes on from a saved image, as xl restore */
    bool bare;              /* no vcpu_info page, all RAM is zero */
};

/* Creates a domain and starts it (unless paused); its domid or -errno. */
int fake_domain_create(const struct fake_config *config);
int fake_domain_destroy(uint16_t domid);

/* The first half of destroying: it is listed as dying, memory still there. */
int fake_domain_dying(uint16_t domid);

/* reason: SHUTDOWN_poweroff, SHUTDOWN_crash, ... of xen/sched.h. */
int fake_domain_shutdown(uint16_t domid, unsigned int reason);
int fake_domain_passthrough(uint16_t domid, bool on);
int fake_domain_log_dirty(uint16_t domid, bool on);
/* A device's page at gfn: get_mem_type shows it as a hole, it is none. */
int fake_domain_device(uint16_t domid, uint64_t gfn);
/* The version that Xen says it is; fake_init(): 4.17. */
void fake_version(unsigned int major, unsigned int minor);
/* The page of RAM at gfn becomes one of Xen's own (shared_info). */
int fake_domain_special(uint16_t domid, uint64_t gfn);
int fake_domain_set_max_pages(uint16_t domid, uint64_t pages);

/* The toolstack's own pause, with the same counter as xc_domain_pause. */
int fake_domain_pause(uint16_t domid);
int fake_domain_unpause(uint16_t domid);

struct fake_info {
    uint64_t tot, max_pages;
    uint64_t cache, cache_supers;   /* C, and the 2 MiB blocks in it */
    uint64_t entries;               /* E */
    uint64_t scratch;               /* S: PoD entries outside of RAM */
    uint64_t supers;                /* slots mapped by one 2 MiB entry */
    uint64_t pod_supers;            /* slots that are one PoD entry */
    unsigned int pauses;            /* depth */
    unsigned int cap;               /* percent of a processor; 0: any */
    unsigned long pause_calls;      /* pauses by a daemon since creation */
    bool crashed;
    bool out_of_pod;                /* killed: cache empty at a fault */
    bool frozen;                    /* Xen and guest disagree on vcpu_info */
    unsigned long uncovered;        /* times it ran with C < E - S; I1 */
};

int fake_domain_info(uint16_t domid, struct fake_info *info);

enum fake_gfn { FAKE_GFN_HOLE, FAKE_GFN_RAM, FAKE_GFN_POD, FAKE_GFN_OTHER };

/* What stands in the p2m; *super_r (may be NULL): by a 2 MiB entry. */
enum fake_gfn fake_gfn(uint16_t domid, uint64_t gfn, bool *super_r);

/*
 * Checks the bookkeeping of the model and that no page of RAM disappeared
 * without the guest (I2). NULL, or what is wrong.
 */
const char *fake_check(uint16_t domid);

/*
 * A digest of all RAM as the guest would read it, without populating: equal
 * before and after anything that must not change the guest's data.
 */
uint64_t fake_checksum(uint16_t domid);

/* ---- The guest ------------------------------------------------------ */
/* A guest that is paused, shut down or crashed does nothing: -EAGAIN. */

int fake_guest_write(uint16_t domid, uint64_t gfn, size_t offset,
                     const void *data, size_t len);
int fake_guest_read(uint16_t domid, uint64_t gfn, size_t offset, void *data,
                    size_t len);
int fake_guest_touch(uint16_t domid, uint64_t gfn);

/* Data that differs from page to page, and zeroes, over whole pages. */
int fake_guest_fill(uint16_t domid, uint64_t gfn, uint64_t count);
int fake_guest_zero(uint16_t domid, uint64_t gfn, uint64_t count);

/* Memory of the guest, shared with whoever maps it; for rings. */
void *fake_guest_page(uint16_t domid, uint64_t gfn);

/* Hypercalls on itself; the number of extents done, or -errno. */
int fake_guest_decrease(uint16_t domid, const uint64_t *gfns, size_t count,
                        unsigned int order);
int fake_guest_populate(uint16_t domid, const uint64_t *gfns, size_t count,
                        unsigned int order);

/* The grant reference; a grant alone takes no reference on the frame. */
int fake_guest_grant(uint16_t domid, uint64_t gfn, bool readonly);
int fake_guest_end_grant(uint16_t domid, uint32_t ref);
/* The table gets `frames` frames; it never shrinks. */
int fake_guest_grant_grow(uint16_t domid, unsigned int frames);
/*
 * Switches to version 1 or 2: all entries are forgotten. Entries of version 2
 * are for reading only: dom0 cannot map them, fake_guest_grant() refuses.
 */
int fake_guest_grant_version(uint16_t domid, unsigned int version);
/* The first frame of the raw table, for hostile entries (count_r of v1). */
void *fake_guest_grant_table(uint16_t domid, size_t *count_r);

/* A reference somebody else holds on the frame behind gfn (qemu, netback). */
int fake_backend_get(uint16_t domid, uint64_t gfn);
int fake_backend_put(uint16_t domid, uint64_t gfn);

/* Event channels: an unbound port for dom0; its number or -errno. */
int fake_guest_port_alloc(uint16_t domid);
int fake_guest_port_notify(uint16_t domid, uint32_t port);
bool fake_guest_port_pending(uint16_t domid, uint32_t port); /* clears it */
int fake_guest_port_close(uint16_t domid, uint32_t port);

/* ---- xenstore, as the domain `as` (0: the toolstack) ---------------- */

int fake_xs_write(uint16_t as, const char *path, const char *value);
/* Into buf; the length or -errno. */
int fake_xs_read(uint16_t as, const char *path, char *buf, size_t size);
int fake_xs_rm(uint16_t as, const char *path);
int fake_xs_mkdir(uint16_t as, const char *path);
bool fake_xs_exists(const char *path);
/* The permissions in the form of `xenstore-ls -p`: "n0,r5". */
int fake_xs_perms(const char *path, char *buf, size_t size);
/* The next `count` ends of a transaction fail with EAGAIN. */
void fake_xs_conflicts(unsigned int count);

/* ---- Faults and the end of a daemon --------------------------------- */

enum fake_call {
    FAKE_CALL_ANY,
    FAKE_CALL_DOMLIST,
    FAKE_CALL_CONTEXT,          /* hvm_getcontext_partial */
    FAKE_CALL_PHYSINFO,
    FAKE_CALL_SHADOW,           /* log-dirty on and off */
    FAKE_CALL_PARAM,            /* hvm_param_set */
    FAKE_CALL_CONSOLE,
    FAKE_CALL_PAUSE,
    FAKE_CALL_UNPAUSE,
    FAKE_CALL_GET_POD,
    FAKE_CALL_SET_POD,
    FAKE_CALL_SETMAXMEM,
    FAKE_CALL_SCHED,
    FAKE_CALL_MAX_GFN,
    FAKE_CALL_MARK,             /* populate_physmap with PoD */
    FAKE_CALL_POPULATE,
    FAKE_CALL_DECREASE,
    FAKE_CALL_MEM_TYPE,
    FAKE_CALL_MAP,
    FAKE_CALL_UNMAP,
    FAKE_CALL_RESOURCE,
    FAKE_CALL_GNTTAB_INFO,
    FAKE_CALL_GNTTAB_MAP,
    FAKE_CALL_EVTCHN_BIND,
    FAKE_CALL_EVTCHN_NOTIFY,
    FAKE_CALL_XS_READ,
    FAKE_CALL_XS_CHANGE,        /* write, mkdir, rm, permissions, end */
    FAKE_CALL_XS_WATCH,
    FAKE_NR_CALLS
};

/*
 * Makes one call fail. `skip` calls of the kind pass first. err: an errno;
 * 0: only `done` extents are carried out and the call returns that.
 */
void fake_fail(enum fake_call call, unsigned int skip, int err, long done);

/* Runs before each call of this process, with the number of the call. */
typedef void fake_hook_fn(enum fake_call call, unsigned long nr, void *arg);
void fake_hook(fake_hook_fn *fn, void *arg);

/* SIGKILL to this process right before its n-th call from now; 0: never. */
void fake_kill_at(unsigned long n);
/* Calls of this process since fake_init() or fake_kill_at(). */
unsigned long fake_calls(void);

/* Processor time that this thread has spent in here since it first asked. Not
 * to be asked first by what the stand-in calls itself. */
uint64_t fake_inside_ns(void);

/* Drops what the dead process held: maps, grants, ports, watches. */
void fake_reap(pid_t pid);

/* The domid of the last xentoolcore_restrict_all(), -1: none. */
int fake_restricted(void);

/* Mappings that exist now: guests' pages, grants, resources. */
unsigned long fake_mappings(void);

#endif /* XK_FAKE_FAKE_H */
