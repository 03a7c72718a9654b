/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Balloon jobs, see balloon.h. While a growing job runs, the scratch is open
 * between SWEPT or SETTLED and the GAVE that follows, so that Xen takes each
 * 2 MiB the guest gives in one step; it is closed at each GAVE, and then the
 * memory is the host's.
 */
#include "balloon.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <xenkeep/balloon_msg.h>
#include <xenkeep/log.h>
#include <xenkeep/util.h>

#include "device.h"
#include "domain.h"
#include "fault.h"

/* Superpages of one MiB setting; rounded down, at least one. */
#define MIB_PER_SUPER 2u

/* Reports in a second; an honest guest waits for each answer. */
#define FREES_MAX 4000u

/* How long the next message is looked for before its event is waited for,
 * microseconds: about what a guest needs for a chunk. */
#define POLL_US 100000u

/* As the balancer has it: a guest is short that waits so long for memory, or
 * has less than this part of it available. */
#define PRESSED_PERMILLE 50u
#define PRESSED_PART 16u

/* The guest bounds each of its own waits by XK_BALLOON_WAIT_MS. */
static const struct timeval patience = {
    .tv_sec = 2 * XK_BALLOON_WAIT_MS / 1000,
};

static struct domain *domain_of(struct balloon *b)
{
    return b->dev->dom;
}

static void scratch_done(struct domain *dom)
{
    int rc;

    if (!dom->scratch.slots)
        return;
    rc = scratch_close(dom->md->hv, dom->info.domid, &dom->scratch);
    if (rc && rc != -ESRCH)
        xk_err("%s: scratch at gfn 0x%" PRIx64 " cannot be removed: %s",
               dom->name, dom->scratch.base, strerror(-rc));
    xk_fault("inflate-closed");
    (void)domain_journal(dom, JOURNAL_IDLE, NULL, 0);
}

/*
 * Opens the debt for the next part. What is below a superpage goes page by
 * page without one: an allowance of 0. So does everything when the scratch
 * cannot be had; it is only slower then.
 */
static void scratch_next(struct balloon *b)
{
    struct domain *dom = domain_of(b);
    uint64_t left = (b->want - b->moved) / XK_SUPER_PAGES;
    uint64_t chunk = dom->md->settings.inflate_chunk_mib / MIB_PER_SUPER;
    int rc;

    b->allowance = 0;
    /* A migration walks all gfns, the scratch too: none may be open. */
    if (!left || b->stopping || !dom->scratch.placed || dom->leaving ||
        dom->aside ||
        domain_migrating(dom, DOMAIN_RAM_GFN))
        return;
    rc = domain_note_debt(dom);
    if (!rc)
        rc = domain_journal(dom, JOURNAL_OPEN, NULL, 0);
    xk_fault("inflate-opening");
    if (!rc)
        rc = scratch_open(dom->md->hv, dom->info.domid, &dom->scratch,
                          (unsigned int)xk_min_u64(left, chunk));
    xk_fault("inflate-opened");
    if (rc) {
        xk_debug("%s: inflating without a debt: %s", dom->name,
                 strerror(-rc));
        (void)domain_journal(dom, JOURNAL_IDLE, NULL, 0);
        return;
    }
    b->allowance = xk_min_u64(left, chunk) * XK_SUPER_PAGES;
}

/*
 * While a chunk is under way dom0 looks for the answer instead of sleeping. It
 * comes sooner so; and what the guest gives, Xen flushes from the processors
 * that still hold the guest's other, idle vcpus: waking a sleeping processor
 * for that costs more than the rest of the work, and one that runs dom0 holds
 * none of them.
 */
static void poll_again(struct balloon *b)
{
    static const struct timeval now = { 0 };

    if (xk_now_us() < b->poll_end_us)
        (void)evtimer_add(b->poll, &now);
}

static void on_poll(evutil_socket_t fd, short what, void *arg)
{
    struct balloon *b = arg;

    (void)fd, (void)what;
    device_poll(b->dev);
    if (b->phase == BALLOON_ASKED || b->phase == BALLOON_GIVING)
        poll_again(b);
}

static void reset(struct balloon *b)
{
    b->phase = BALLOON_IDLE;
    if (b->poll)
        (void)evtimer_del(b->poll);
    b->done = NULL;
    b->progress = NULL;
    b->range = NULL;
    if (b->deadline)
        (void)evtimer_del(b->deadline);
}

static void finish(struct balloon *b, int status)
{
    balloon_done_fn *done = b->done;

    scratch_done(domain_of(b));
    reset(b);
    if (done)
        done(status, b->arg);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
    struct balloon *b = arg;

    (void)fd, (void)what;
    xk_warn("%s: no word from the balloon front-end for %d s",
            domain_of(b)->name, (int)patience.tv_sec);
    device_break(b->dev, "a job without an end");
}

bool balloon_pressed(const struct balloon *b, uint64_t size)
{
    const struct pressure *p = &b->pressure;

    return p->at_us && (p->wanted || p->stall_permille >= PRESSED_PERMILLE ||
                        p->available < size / PRESSED_PART);
}

void balloon_init(struct balloon *b, struct device *dev)
{
    memset(b, 0, sizeof(*b));
    b->dev = dev;
    b->pressures = (struct xk_ratelimit)XK_RATELIMIT_INIT(
        1000, XK_BALLOON_WANTS_MAX);
    b->frees = (struct xk_ratelimit)XK_RATELIMIT_INIT(1000, FREES_MAX);
}

void balloon_dispose(struct balloon *b)
{
    balloon_abandon(b);
    if (b->deadline)
        event_free(b->deadline);
    if (b->poll)
        event_free(b->poll);
    b->deadline = b->poll = NULL;
}

/* A job that was asked to stop does not get new time with each message. */
static void be_patient(struct balloon *b)
{
    if (!b->stopping)
        (void)evtimer_add(b->deadline, &patience);
}

/* With the time since the job began: where it goes is what one asks. */
static void log_message(struct balloon *b, const char *way,
                        const struct xk_balloon_slot *msg)
{
    xk_debug("%s: job %" PRIu64 " +%" PRIu64 " us: %s %s, pages %" PRIu64
             ", given %" PRIu64, domain_of(b)->name, b->id,
             b->start_us ? xk_now_us() - b->start_us : 0, way,
             xk_balloon_type_name(msg->type), msg->pages, msg->given);
}

static int tell_slot(struct balloon *b, struct xk_balloon_slot *slot)
{
    slot->id = b->id;
    be_patient(b);
    log_message(b, "sent", slot);
    b->poll_end_us = xk_now_us() + POLL_US;
    if (b->phase == BALLOON_ASKED || b->phase == BALLOON_GIVING)
        poll_again(b);
    return device_send(b->dev, slot);
}

static int tell(struct balloon *b, uint16_t type, uint64_t pages)
{
    struct xk_balloon_slot slot = { .type = type, .pages = pages };

    return tell_slot(b, &slot);
}

/* May a job begin? */
static int check_idle(struct balloon *b)
{
    struct domain *dom = domain_of(b);

    if (b->dev->state != DEVICE_CONNECTED || !b->known)
        return -ENOTCONN;
    if (b->phase != BALLOON_IDLE)
        return -EBUSY;
    if (!b->deadline)
        b->deadline = evtimer_new(dom->md->loop.base, on_deadline, b);
    if (!b->poll)
        b->poll = evtimer_new(dom->md->loop.base, on_poll, b);
    return b->deadline && b->poll ? 0 : -ENOMEM;
}

static void begin(struct balloon *b, enum balloon_phase phase, uint64_t want)
{
    b->id++;
    b->want = want;
    b->moved = 0;
    b->start_us = xk_now_us();
    b->settle_us = 0;
    b->stopping = false;
    b->phase = phase;
}

int balloon_start(struct balloon *b, uint64_t pages,
                  balloon_progress_fn *progress, balloon_done_fn *done,
                  void *arg)
{
    struct domain *dom = domain_of(b);
    bool grow = pages > b->ballooned;
    int rc;

    rc = check_idle(b);
    if (rc)
        return rc;
    if (pages == b->ballooned)
        return -EALREADY;
    if (grow && pages > b->limit)
        return -ERANGE;
    if (grow && domain_place_scratch(dom))
        xk_debug("%s: no place for a scratch", dom->name);
    begin(b, grow ? BALLOON_ASKED : BALLOON_TAKING,
          grow ? pages - b->ballooned : b->ballooned - pages);
    rc = tell(b, XK_BALLOON_TARGET, pages);
    if (rc) {
        reset(b);
        return rc;
    }
    /* Only now: a device that breaks while it is told shall call nobody. */
    b->progress = progress;
    b->done = done;
    b->arg = arg;
    return 0;
}

int balloon_recover(struct balloon *b, uint64_t first, unsigned int count,
                    balloon_range_fn *range, balloon_done_fn *done, void *arg)
{
    struct xk_balloon_slot slot = {
        .type = XK_BALLOON_RECOVER, .pages = first, .given = count,
    };
    int rc = check_idle(b);

    if (!rc && b->dev->version < 2)
        rc = -EOPNOTSUPP;
    if (!rc && (!count || count > XK_BALLOON_RANGES))
        rc = -EINVAL;
    if (rc)
        return rc;
    begin(b, BALLOON_RECOVERING, count);
    b->range_gfn = first;
    rc = tell_slot(b, &slot);
    if (rc) {
        reset(b);
        return rc;
    }
    b->range = range;
    b->done = done;
    b->arg = arg;
    return 0;
}

void balloon_stop(struct balloon *b)
{
    if (b->phase == BALLOON_IDLE)
        return;
    scratch_done(domain_of(b));
    be_patient(b);
    b->stopping = true;
    (void)tell(b, XK_BALLOON_STOP, 0);
}

void balloon_abandon(struct balloon *b)
{
    if (b->phase == BALLOON_IDLE)
        return;
    scratch_done(domain_of(b));
    reset(b);
}

void balloon_connected(struct balloon *b)
{
    b->known = false;
    b->ballooned = b->super = b->limit = 0;
    memset(&b->pressure, 0, sizeof(b->pressure));
}

void balloon_greet(struct balloon *b)
{
    struct xk_balloon_slot slot = {
        .type = XK_BALLOON_FEATURES, .pages = XK_BALLOON_FEATURE_REPORTING,
    };

    if (b->dev->version < 2)
        return;
    if (reporting_offered(domain_of(b)))
        (void)device_send(b->dev, &slot);
    else if (domain_of(b)->info.type == XK_GUEST_HVM)
        xk_info("%s: it is not asked to report free memory: its device model "
                "may hold pages that no grant shows", domain_of(b)->name);
}

void balloon_lost(struct balloon *b)
{
    b->known = false;
    memset(&b->pressure, 0, sizeof(b->pressure));
    if (b->phase != BALLOON_IDLE)
        finish(b, -ENOTCONN);
}

static bool on_state(struct balloon *b, const struct xk_balloon_slot *msg)
{
    (void)msg;
    b->known = true;
    background_soon(domain_of(b));
    return true;
}

static bool on_sweep(struct balloon *b, const struct xk_balloon_slot *msg)
{
    if (b->phase != BALLOON_ASKED || msg->pages > b->want)
        return false;
    /* The debt now; the pass over the memory begins when what was asked for
     * is with the host, which is what somebody waits for. */
    b->phase = BALLOON_GIVING;
    scratch_next(b);
    (void)tell(b, XK_BALLOON_SWEPT, b->allowance);
    return true;
}

/* Each chunk but the last moves something: or a job could go on for ever. */
static bool moved_sound(const struct balloon *b,
                        const struct xk_balloon_slot *msg)
{
    bool last = msg->flags & XK_BALLOON_F_LAST;

    return msg->given >= b->moved + !last && msg->given <= b->want &&
           (!b->allowance || msg->given - b->moved <= b->allowance);
}

static bool on_gave_taking(struct balloon *b,
                           const struct xk_balloon_slot *msg)
{
    if (msg->given < b->moved || msg->given > b->want)
        return false;
    b->moved = msg->given;
    be_patient(b);
    return true;
}

static bool on_gave_giving(struct balloon *b,
                           const struct xk_balloon_slot *msg)
{
    bool last = msg->flags & XK_BALLOON_F_LAST;
    uint64_t start = xk_now_us();

    if (!moved_sound(b, msg))
        return false;
    b->moved = msg->given;
    scratch_done(domain_of(b));
    b->settle_us += xk_now_us() - start;
    b->allowance = 0;
    if (last)
        b->phase = BALLOON_SETTLED;
    else
        scratch_next(b);
    (void)tell(b, XK_BALLOON_SETTLED, b->allowance);
    return true;
}

static bool on_gave(struct balloon *b, const struct xk_balloon_slot *msg)
{
    bool ok = b->phase == BALLOON_GIVING   ? on_gave_giving(b, msg)
              : b->phase == BALLOON_TAKING ? on_gave_taking(b, msg)
                                           : false;

    if (ok && b->progress)
        b->progress(b->moved, b->want, b->arg);
    return ok;
}

static bool on_recovered(struct balloon *b, const struct xk_balloon_slot *msg)
{
    if (b->phase != BALLOON_RECOVERING || b->moved >= b->want ||
        msg->pages != b->range_gfn)
        return false;
    b->moved++;
    b->range_gfn += XK_SUPER_PAGES;
    be_patient(b);
    b->range(msg->pages, msg->status, b->arg);
    return true;
}

static bool on_done(struct balloon *b, const struct xk_balloon_slot *msg)
{
    if (b->phase == BALLOON_IDLE || msg->given < b->moved ||
        msg->given > b->want)
        return false;
    b->moved = msg->given;
    finish(b, (int)msg->status);
    return true;
}

/* A claim about itself, see struct pressure: noted, and its own share of what
 * there is may move. */
static bool on_pressure(struct balloon *b, const struct xk_balloon_slot *msg)
{
    if (!xk_ratelimit_ok(&b->pressures, xk_now_ms(), NULL))
        return false;
    b->pressure = (struct pressure){
        .at_us = xk_now_us(), .available = msg->pages, .wanted = msg->given,
        .stall_permille = msg->status,
    };
    demand_want(&domain_of(b)->demand, msg->given);
    return true;
}

static bool on_free(struct balloon *b, const struct xk_balloon_slot *msg)
{
    struct xk_balloon_slot answer = {
        .type = XK_BALLOON_REPORTED, .id = msg->id, .given = msg->given,
    };

    if (!reporting_offered(domain_of(b)) || msg->id >= XK_BALLOON_TAKEN ||
        !msg->given || msg->given > XK_BALLOON_RANGES ||
        !xk_ratelimit_ok(&b->frees, xk_now_ms(), NULL))
        return false;
    if (!reporting_free(domain_of(b), msg, &answer.status))
        return true;
    if (answer.status)
        answer.given = 0;
    (void)device_send(b->dev, &answer);
    return true;
}

/* Messages of later versions than the first. */
bool balloon_speaks(const struct balloon *b,
                    const struct xk_balloon_slot *msg)
{
    return b->dev->version >= (msg->type >= XK_BALLOON_PRESSURE ? 2u : 1u);
}

/* These belong to no job. */
static bool of_no_job(unsigned int type)
{
    return type == XK_BALLOON_STATE || type == XK_BALLOON_PRESSURE ||
           type == XK_BALLOON_FREE;
}

static bool (*const handlers[])(struct balloon *b,
                                const struct xk_balloon_slot *msg) = {
    [XK_BALLOON_STATE] = on_state,
    [XK_BALLOON_SWEEP] = on_sweep,
    [XK_BALLOON_GAVE] = on_gave,
    [XK_BALLOON_DONE] = on_done,
    [XK_BALLOON_PRESSURE] = on_pressure,
    [XK_BALLOON_RECOVERED] = on_recovered,
    [XK_BALLOON_FREE] = on_free,
};

void balloon_message(struct balloon *b, const struct xk_balloon_slot *msg)
{
    log_message(b, "received", msg);
    if (!of_no_job(msg->type) && msg->id != b->id) {
        device_break(b->dev, "a message of another job");
        return;
    }
    b->ballooned = msg->ballooned;
    b->super = msg->super;
    b->limit = msg->limit;
    if (!handlers[msg->type](b, msg))
        device_break(b->dev, "a message out of order");
    balancer_heard(domain_of(b));
}
