/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Domains, see domain.h: creation as libxl does it, the account of their
 * pages, pause, death. Their own acts are in guest.c.
 */
#include "domain.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xen/grant_table.h>
#include <xen/sched.h>

#include "state.h"
#include "trace.h"

#define SUPER FAKE_SUPER_PAGES

/* Guest-physical layout below 4 GiB, as libxl lays it out. */
#define LOW_END UINT64_C(0xf0000)
#define HIGH_START UINT64_C(0x100000)
#define VGA_START UINT64_C(0xa0)
#define VGA_END UINT64_C(0xc0)
#define SPECIAL_START UINT64_C(0xfeff8)
#define SPECIAL_NR 8u
#define ACPI_START UINT64_C(0xfc000)
#define CONSOLE_GFN UINT64_C(0xfeffc)
#define XENSTORE_GFN UINT64_C(0xfefff)

#define DEFAULT_SPECIAL 16u
/* LIBXL_MAXMEM_CONSTANT, 1 MiB. */
#define SLACK_PAGES 256u
/* The toolstack's pauses are limited to this depth. */
#define MAX_PAUSES 255u

struct fk_domain *fk_dom_from(uint16_t id)
{
    struct fk_domain *d;

    for (d = fk->domains; d && d->id < id; d = d->next)
        ;
    return d;
}

struct fk_domain *fk_dom(uint16_t id)
{
    return id < FK_NR_DOMIDS ? fk->by_id[id] : NULL;
}

struct fk_domain *fk_dom_running(uint16_t id)
{
    struct fk_domain *d = fk_dom(id);

    if (!d || d->dying || d->shutdown || d->pauses || d->frozen)
        return NULL;
    return d;
}

uint32_t fk_dom_alloc(struct fk_domain *d, unsigned int order)
{
    uint64_t n = UINT64_C(1) << order;
    uint32_t mfn;

    if (d->dying || d->tot + n > d->max_pages)
        return FK_NO_MFN;
    mfn = fk_host_alloc(order);
    if (mfn != FK_NO_MFN)
        d->tot += n;
    return mfn;
}

static void frame_done(struct fk_domain *d, uint32_t mfn)
{
    /* Only a dying domain's frames are scrubbed. */
    if (d->dying)
        fk_frames_clear(mfn, 1);
    if (fk_frame_special(mfn))
        fk_frame_set_special(mfn, false);
    fk_host_free(mfn, 0);
    d->tot--;
}

void fk_dom_free(struct fk_domain *d, uint32_t mfn)
{
    if (fk_frame_refs(mfn)) {
        fk_frame_set_orphan(mfn, true);
        d->orphans++;
        return;
    }
    frame_done(d, mfn);
}

static void unlink_domain(struct fk_domain *d)
{
    struct fk_domain **at;

    for (at = &fk->domains; *at; at = &(*at)->next) {
        if (*at == d) {
            *at = d->next;
            fk->by_id[d->id] = NULL;
            fk_free(d, sizeof(*d));
            return;
        }
    }
}

void fk_dom_unref(uint16_t id, uint32_t mfn)
{
    struct fk_domain *d;

    if (fk_frame_unref(mfn) || !fk_frame_orphan(mfn))
        return;
    d = fk_dom(id);
    if (!d)
        return;
    fk_frame_set_orphan(mfn, false);
    d->orphans--;
    frame_done(d, mfn);
    if (d->gone && !d->orphans)
        unlink_domain(d);
}

static void die(struct fk_domain *d, unsigned int reason)
{
    if (d->shutdown)
        return;
    d->shutdown = true;
    d->reason = reason;
    fk_store_special("@releaseDomain");
}

void fk_dom_crash(struct fk_domain *d)
{
    die(d, SHUTDOWN_crash);
}

bool fk_dom_unpinned(const struct fk_domain *d)
{
    unsigned int i;

    for (i = 0; i < d->nr_pins; i++)
        if (fk_p2m_get(d, d->pins[i].gfn).mfn != d->pins[i].mfn)
            return true;
    return false;
}

void fk_dom_settle(struct fk_domain *d)
{
    if (d->type == FAKE_PV || d->pauses || d->shutdown || d->dying)
        return;
    if (fk_dom_unpinned(d))
        d->frozen = true;
    if (d->pod.cache + d->scratch >= d->pod.entries)
        d->in_debt = false;
    else if (!d->in_debt)
        d->uncovered++;
}

int fk_dom_pause(struct fk_domain *d)
{
    if (d->pauses == MAX_PAUSES)
        return -EOVERFLOW;
    d->pauses++;
    return 0;
}

int fk_dom_unpause(struct fk_domain *d)
{
    if (!d->pauses)
        return -EINVAL;
    d->ran = d->ran || d->pauses == 1;
    if (--d->pauses == 0)
        fk_dom_settle(d);
    return 0;
}

uint64_t fk_ram_count(const struct fk_domain *d, uint64_t gfn, uint64_t n)
{
    uint64_t count = 0, start, end;
    unsigned int i;

    for (i = 0; i < d->nr_ram; i++) {
        start = gfn > d->ram[i].start ? gfn : d->ram[i].start;
        end = gfn + n < d->ram[i].end ? gfn + n : d->ram[i].end;
        if (start < end)
            count += end - start;
    }
    return count;
}

uint32_t fk_dom_access(struct fk_domain *d, uint64_t gfn, bool write)
{
    struct fk_entry e = fk_p2m_get(d, gfn);

    if (e.type == FK_POD) {
        if (!fk_pod_populate(d, gfn))
            return FK_NO_MFN;
        e = fk_p2m_get(d, gfn);
    }
    if (!fk_is_ram(e.type))
        return FK_NO_MFN;
    if (write) {
        if (e.type == FK_RAM_LD)
            fk_p2m_set(d, gfn, 0, FK_RAM, e.mfn);
        fk_frame_dirty(e.mfn);
    }
    return e.mfn;
}

/* Lays out `pages` pages of RAM. */
static void lay_out(struct fk_domain *d, uint64_t pages)
{
    static const struct fk_range parts[] = {
        { 0, VGA_START }, { VGA_END, LOW_END }, { HIGH_START, FK_GFN_END },
    };
    static const struct fk_range flat[] = {
        { 0, LOW_END }, { HIGH_START, FK_GFN_END },
    };
    const struct fk_range *r = d->type == FAKE_HVM ? parts : flat;
    uint64_t n;

    /* The VGA hole is taken from the guest's memory. */
    if (d->type == FAKE_HVM && pages > VGA_END)
        pages -= VGA_END - VGA_START;
    for (; pages; r++) {
        n = r->end - r->start < pages ? r->end - r->start : pages;
        d->ram[d->nr_ram++] = (struct fk_range){ r->start, r->start + n };
        pages -= n;
    }
}

/* One aligned chunk of RAM. False: no memory. */
static bool fill_chunk(struct fk_domain *d, uint64_t gfn, unsigned int order,
                       enum fake_layout layout)
{
    uint32_t n = 1u << order, i, mfn = fk_dom_alloc(d, order);

    if (mfn == FK_NO_MFN) {
        for (i = 0; order && i < n; i++)
            if (!fill_chunk(d, gfn + i, 0, layout))
                return false;
        return order;
    }
    fk_frames_clear(mfn, n);
    if (layout == FAKE_SUPERPAGES || !order)
        return !fk_p2m_set(d, gfn, order, FK_RAM, mfn);
    for (i = 0; i < n; i++)
        if (fk_p2m_set(d, gfn + i, 0, FK_RAM,
                       layout == FAKE_SPLIT ? mfn + i : mfn + n - 1 - i))
            return false;
    return true;
}

static int fill(struct fk_domain *d, const struct fake_config *config)
{
    bool pod = d->type != FAKE_PV && config->static_max > config->pages;
    uint64_t gfn, end;
    unsigned int i, order;

    for (i = 0; i < d->nr_ram; i++) {
        end = d->ram[i].end;
        for (gfn = d->ram[i].start; gfn < end; gfn += UINT64_C(1) << order) {
            order = gfn % SUPER || end - gfn < SUPER ? 0 : FAKE_SUPER_ORDER;
            if (pod ? fk_pod_mark(d, gfn, order)
                    : !fill_chunk(d, gfn, order, config->layout))
                return -ENOMEM;
        }
    }
    if (pod) {
        d->in_debt = true;
        if (fk_pod_set_target(d, config->pages))
            return -ENOMEM;
    }
    return 0;
}

static int fill_special(struct fk_domain *d, unsigned int nr)
{
    unsigned int i;
    uint64_t gfn;

    for (i = 0; i < nr; i++) {
        gfn = i < SPECIAL_NR ? SPECIAL_START + i
                             : ACPI_START + i - SPECIAL_NR;
        if (!fill_chunk(d, gfn, 0, FAKE_SUPERPAGES))
            return -ENOMEM;
        fk_frame_dirty(fk_p2m_get(d, gfn).mfn);
    }
    return 0;
}

/* The toolstack grants the console and xenstore pages in fixed entries. */
static int grants_init(struct fk_domain *d)
{
    grant_entry_v1_t *table;

    d->grant_frames[0] = fk_host_own_alloc();
    if (d->grant_frames[0] == FK_NO_MFN)
        return -ENOMEM;
    d->nr_grant_frames = 1;
    d->grant_version = 1;
    if (d->type == FAKE_PV)
        return 0;
    table = fk_frame(d->grant_frames[0]);
    table[GNTTAB_RESERVED_CONSOLE] = (grant_entry_v1_t){
        .flags = GTF_permit_access, .domid = 0, .frame = CONSOLE_GFN,
    };
    table[GNTTAB_RESERVED_XENSTORE] = (grant_entry_v1_t){
        .flags = GTF_permit_access, .domid = 0, .frame = XENSTORE_GFN,
    };
    return 0;
}

/* The guest's kernel has told Xen where each vcpu_info is: ordinary RAM. */
static void pin_vcpu_info(struct fk_domain *d)
{
    unsigned int nr = (d->vcpus + 63) / 64, i;
    uint64_t gfn = d->ram[d->nr_ram - 1].end - 3;
    uint32_t mfn;

    for (i = 0; i < nr && i < FK_VCPU_PAGES; i++, gfn--) {
        mfn = fk_dom_access(d, gfn, true);
        if (mfn == FK_NO_MFN)
            return;
        memset(fk_frame(mfn), 0x5a, 64);
        fk_frame_ref(mfn);
        d->pins[d->nr_pins++] = (struct fk_pin){ gfn, mfn };
    }
}

#define NO_VALUE UINT64_MAX

static void put_node(uint16_t id, const char *perms, const char *name,
                     uint64_t value)
{
    char path[128], text[24] = "";

    snprintf(path, sizeof(path), "/local/domain/%u%s%s", id, *name ? "/" : "",
             name);
    if (value != NO_VALUE)
        snprintf(text, sizeof(text), "%" PRIu64, value);
    fk_store_write(0, path, text, strlen(text));
    fk_store_set_perms(path, perms, id);
}

/* What libxl writes and this project or its guests read. */
static void put_nodes(const struct fk_domain *d,
                      const struct fake_config *config)
{
    char path[128], uuid[37], name[32];
    const uint8_t *u = d->uuid;
    uint64_t max = config->static_max ? config->static_max : config->pages;

    snprintf(uuid, sizeof(uuid),
             "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-"
             "%02x%02x%02x%02x%02x%02x", u[0], u[1], u[2], u[3], u[4], u[5],
             u[6], u[7], u[8], u[9], u[10], u[11], u[12], u[13], u[14],
             u[15]);
    snprintf(name, sizeof(name), "fake%u", d->id);
    put_node(d->id, "n0,r$", "", NO_VALUE);
    put_node(d->id, "n0,r$", "domid", d->id);
    put_node(d->id, "n0,r$", "memory", NO_VALUE);
    put_node(d->id, "n0,r$", "memory/target", config->pages * 4);
    put_node(d->id, "n0,r$", "memory/static-max", max * 4);
    put_node(d->id, "n0,r$", "device", NO_VALUE);
    put_node(d->id, "n0,r$", "control", NO_VALUE);
    put_node(d->id, "n$,r0", "control/shutdown", NO_VALUE);
    put_node(d->id, "n$,r0", "data", NO_VALUE);
    snprintf(path, sizeof(path), "/local/domain/%u/name", d->id);
    fk_store_write(0, path, config->name ? config->name : name,
                   strlen(config->name ? config->name : name));
    snprintf(path, sizeof(path), "/vm/%s/uuid", uuid);
    fk_store_write(0, path, uuid, strlen(uuid));
    *strrchr(path, '/') = '\0';
    fk_store_set_perms(path, "n0,r$", d->id);
    snprintf(name, sizeof(name), "/local/domain/%u/vm", d->id);
    fk_store_write(0, name, path, strlen(path));
}

static void empty(struct fk_domain *d)
{
    struct fk_entry e;
    uint64_t gfn;
    unsigned int i;

    for (i = 0; i < d->nr_pins; i++)
        fk_dom_unref(d->id, d->pins[i].mfn);
    d->nr_pins = 0;
    fk_pod_empty(d);
    for (gfn = 0; gfn < d->p2m.nr_slots * SUPER; gfn++) {
        e = fk_p2m_get(d, gfn);
        if (fk_is_ram(e.type))
            fk_dom_free(d, e.mfn);
        else if (e.order)
            gfn += SUPER - 1;
    }
    while (d->lost.len)
        fk_dom_free(d, fk_fifo_pop(&d->lost));
    for (i = 0; i < d->nr_grant_frames; i++)
        fk_host_own_free(d->grant_frames[i]);
    d->nr_grant_frames = 0;
    fk_p2m_dispose(&d->p2m);
    fk_fifo_dispose(&d->lost);
    fk_fifo_dispose(&d->pod.super);
    fk_fifo_dispose(&d->pod.single);
}

static struct fk_domain *new_domain(const struct fake_config *config)
{
    struct fk_domain *d, **at;
    uint16_t id = config->domid ? config->domid : 1;

    if (config->domid && fk_dom(id))
        return NULL;
    while (fk_dom(id))
        id++;
    d = fk_alloc(sizeof(*d));
    d->id = id;
    d->type = config->type;
    d->vcpus = config->vcpus ? config->vcpus : 2;
    memcpy(d->uuid, config->uuid, sizeof(d->uuid));
    if (!d->uuid[0] && !memcmp(d->uuid, d->uuid + 1, sizeof(d->uuid) - 1)) {
        memset(d->uuid, 0xfa, sizeof(d->uuid));
        d->uuid[14] = (uint8_t)(id >> 8);
        d->uuid[15] = (uint8_t)id;
    }
    for (at = &fk->domains; *at && (*at)->id < id; at = &(*at)->next)
        ;
    d->next = *at;
    *at = d;
    fk->by_id[id] = d;
    return d;
}

int fk_dom0_create(void)
{
    struct fk_domain *d = fk_alloc(sizeof(*d));

    d->type = FAKE_PV;
    d->vcpus = 1;
    d->next = fk->domains;
    fk->domains = d;
    fk->by_id[0] = d;
    return 0;
}

int fake_domain_create(const struct fake_config *config)
{
    uint64_t max = config->static_max ? config->static_max : config->pages;
    unsigned int special = config->special ? config->special
                                           : DEFAULT_SPECIAL;
    struct fk_domain *d;
    int rc = 0;

    if (config->pages < SUPER || max < config->pages)
        return -EINVAL;
    fk_lock();
    d = new_domain(config);
    if (!d) {
        rc = -EEXIST;
        goto out;
    }
    if (config->type == FAKE_PV)
        special = 0;
    d->max_pages = max + SLACK_PAGES;
    fk_pod_init(&d->pod);
    lay_out(d, config->type == FAKE_PV ? config->pages : max);
    if (fill(d, config) || fill_special(d, special) || grants_init(d)) {
        d->dying = true;
        empty(d);
        unlink_domain(d);
        rc = -ENOMEM;
        goto out;
    }
    if (config->max_pages)
        d->max_pages = config->max_pages;
    if (config->type != FAKE_PV && !config->bare)
        pin_vcpu_info(d);
    d->passthrough = config->passthrough;
    d->pauses = config->paused;
    d->ran = !config->paused;
    d->restored = config->restored;
    fk_trace_domain(d, config);
    put_nodes(d, config);
    fk_store_special("@introduceDomain");
    rc = d->id;
out:
    fk_unlock();
    return rc;
}

int fake_domain_dying(uint16_t id)
{
    struct fk_domain *d;

    fk_lock();
    d = fk_dom(id);
    if (d && id) {
        d->dying = true;
        fk_store_special("@releaseDomain");
    }
    fk_unlock();
    return d && id ? 0 : -ESRCH;
}

int fake_domain_destroy(uint16_t id)
{
    struct fk_domain *d;
    char path[64];
    int rc = -ESRCH;

    fk_lock();
    d = fk_dom(id);
    if (!d || !id || d->gone)
        goto out;
    d->dying = true;
    fk_evtchn_domain_gone(id);
    /* Not yet: the last reference that goes may take the domain along. */
    d->gone = false;
    empty(d);
    snprintf(path, sizeof(path), "/local/domain/%u", id);
    fk_store_rm(0, path);
    d->gone = true;
    fk_trace("destroy %u", id);
    if (!d->orphans)
        unlink_domain(d);
    fk_store_special("@releaseDomain");
    rc = 0;
out:
    fk_unlock();
    return rc;
}

int fake_domain_shutdown(uint16_t id, unsigned int reason)
{
    struct fk_domain *d;

    fk_lock();
    d = fk_dom(id);
    if (d)
        die(d, reason);
    fk_unlock();
    return d ? 0 : -ESRCH;
}

int fake_domain_passthrough(uint16_t id, bool on)
{
    struct fk_domain *d;
    char path[64];
    int rc = 0;

    fk_lock();
    d = fk_dom(id);
    if (!d) {
        rc = -ESRCH;
        goto out;
    }
    if (on && (d->pod.entries || d->pod.cache)) {
        rc = -EEXIST;
        goto out;
    }
    d->passthrough = on;
    fk_trace("passthrough %u %d", id, on);
    snprintf(path, sizeof(path), "/local/domain/0/backend/pci/%u/0", id);
    if (on) {
        fk_store_write(0, path, "", 0);
    } else {
        *strrchr(path, '/') = '\0';
        fk_store_rm(0, path);
    }
out:
    fk_unlock();
    return rc;
}

void fk_dom_log_dirty(struct fk_domain *d, bool on)
{
    enum fk_p2mt from = on ? FK_RAM : FK_RAM_LD, to = on ? FK_RAM_LD : FK_RAM;
    struct fk_entry e;
    uint64_t gfn;

    for (gfn = 0; gfn < d->p2m.nr_slots * SUPER;) {
        e = fk_p2m_get(d, gfn);
        if (e.type == from)
            fk_p2m_set(d, gfn, e.order, to, e.mfn);
        gfn += UINT64_C(1) << e.order;
    }
    d->log_dirty = on;
}

int fake_domain_log_dirty(uint16_t id, bool on)
{
    struct fk_domain *d;

    fk_lock();
    d = fk_dom(id);
    if (d) {
        fk_dom_log_dirty(d, on);
        fk_trace("log_dirty %u %d", id, on);
    }
    fk_unlock();
    return d ? 0 : -ESRCH;
}

int fake_domain_device(uint16_t id, uint64_t gfn)
{
    struct fk_domain *d;
    int rc = -ESRCH;

    fk_lock();
    d = fk_dom(id);
    if (d)
        rc = fk_p2m_get(d, gfn).type == FK_HOLE
                 ? fk_p2m_set(d, gfn, 0, FK_MMIO, 0) : -EBUSY;
    fk_unlock();
    return rc;
}

int fake_domain_special(uint16_t id, uint64_t gfn)
{
    struct fk_domain *d;
    uint32_t mfn = FK_NO_MFN;

    fk_lock();
    d = fk_dom(id);
    if (d)
        mfn = fk_dom_access(d, gfn, true);
    if (mfn != FK_NO_MFN)
        fk_frame_set_special(mfn, true);
    fk_unlock();
    return mfn == FK_NO_MFN ? -EFAULT : 0;
}

int fake_domain_set_max_pages(uint16_t id, uint64_t pages)
{
    struct fk_domain *d;

    fk_lock();
    d = fk_dom(id);
    if (d) {
        d->max_pages = pages;
        fk_trace("maxmem %u %" PRIu64, id, pages);
    }
    fk_unlock();
    return d ? 0 : -ESRCH;
}

int fake_domain_pause(uint16_t id)
{
    struct fk_domain *d;
    int rc;

    fk_lock();
    d = fk_dom(id);
    rc = d ? fk_dom_pause(d) : -ESRCH;
    fk_unlock();
    return rc;
}

int fake_domain_unpause(uint16_t id)
{
    struct fk_domain *d;
    int rc;

    fk_lock();
    d = fk_dom(id);
    rc = d ? fk_dom_unpause(d) : -ESRCH;
    fk_unlock();
    return rc;
}

int fake_domain_info(uint16_t id, struct fake_info *info)
{
    const struct fk_domain *d;
    const struct fk_slot *slot;
    uint64_t i;

    fk_lock();
    d = fk_dom(id);
    if (!d) {
        fk_unlock();
        return -ESRCH;
    }
    *info = (struct fake_info){
        .tot = d->tot, .max_pages = d->max_pages,
        .cache = d->pod.cache, .cache_supers = d->pod.super.len,
        .entries = d->pod.entries, .scratch = d->scratch,
        .pauses = d->pauses, .cap = d->cap, .pause_calls = d->pause_calls,
        .crashed = d->shutdown && d->reason == SHUTDOWN_crash,
        .out_of_pod = d->out_of_pod, .frozen = d->frozen,
        .uncovered = d->uncovered,
    };
    for (i = 0; i < d->p2m.nr_slots; i++) {
        slot = &d->p2m.slots[i];
        if (slot->split)
            continue;
        if (fk_is_ram(fk_p2m_get(d, i * SUPER).type))
            info->supers++;
        else if (fk_p2m_get(d, i * SUPER).type == FK_POD)
            info->pod_supers++;
    }
    fk_unlock();
    return 0;
}
