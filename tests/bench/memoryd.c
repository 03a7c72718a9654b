// SPDX-License-Identifier: GPL-2.0-only
/*
 * What memoryd costs, by the number of its guests and by the size of one: the
 * real daemon in this process, on the stand-in of Xen (tests/fake). Times are
 * memoryd's own on the processor, without what was spent in the stand-in; what
 * it asks of Xen and xenstore is counted beside them.
 *
 *   bench-memoryd quiet GUESTS SECONDS   at rest, with the balancer
 *   bench-memoryd debt GUESTS SECONDS    at rest too, each guest in debt
 *   bench-memoryd guests GUESTS          coming, going, looking at all of them
 *   bench-memoryd size GIB               one guest: start, look at its map
 *   bench-memoryd pass GIB               one guest: a sweep that is none
 *
 * Prints "KEY MS CALLS", or "KEY VALUE", a line. Memory is what is resident of
 * this process, without the stand-in and the played guests, which are shared.
 */
#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <json-c/json.h>

#include <xenkeep/log.h>
#include <xenkeep/util.h>

#include "domain.h"
#include "fake.h"
#include "guest.h"
#include "memoryd.h"

#define SUPER 512u
#define GUEST_PAGES (8u * SUPER)    /* of each of many */
#define FREE_GFN (4u * SUPER)       /* its free memory begins here */
#define GIB ((uint64_t)262144)      /* pages */
#define ZERO_EVERY 256u             /* of the large one's ranges, each so many
                                     * are zero */
#define DEVICES_GFN 0xf0000u        /* no RAM from here on, up to 4 GiB */
#define FOUR_GIB_GFN 0x100000u
#define EVENTS 5u                   /* that are averaged */

static struct memoryd md;
static struct guest *guests;        /* shared memory */
static unsigned int nr_guests;
static char run_dir[] = "/tmp/xkbench-XXXXXX";

/* --- measuring ------------------------------------------------------------ */

struct mark {
    uint64_t own_ns;            /* on the processor, outside of the stand-in */
    unsigned long calls;
};

static struct mark now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return (struct mark){ (uint64_t)ts.tv_sec * 1000000000u +
                          (uint64_t)ts.tv_nsec - fake_inside_ns(),
                          fake_calls() };
}

/* What has gone since `from`, added to *sum. */
static void add_since(struct mark *sum, const struct mark *from)
{
    struct mark t = now();

    sum->own_ns += t.own_ns - from->own_ns;
    sum->calls += t.calls - from->calls;
}

/* Without what is shared with other processes, or could be. */
static unsigned long resident_kib(void)
{
    FILE *f = fopen("/proc/self/status", "r");
    unsigned long kib, sum = 0;
    char line[256];

    if (!f)
        err(1, "/proc/self/status");
    while (fgets(line, sizeof(line), f))
        if (sscanf(line, "RssAnon: %lu", &kib) == 1 ||
            sscanf(line, "RssFile: %lu", &kib) == 1)
            sum += kib;
    fclose(f);
    return sum;
}

static void say(const char *key, double value)
{
    printf("%s %.4g\n", key, value);
}

static void say_cost(const char *key, const struct mark *sum, unsigned int of)
{
    printf("%s %.3g %lu\n", key, (double)sum->own_ns / 1e6 / of,
           sum->calls / of);
}

/* --- the daemon ----------------------------------------------------------- */

static void tune(struct settings *s)
{
    s->balancer = 1;
    s->scan_share_percent = 100;
    s->log_level = XK_LOG_ERR;
}

static void start(void)
{
    memoryd_init(&md);
    tune(&md.settings);
    xk_log_init("bench-memoryd", md.settings.log_level, true);
    if (memoryd_open(&md, run_dir) || memoryd_start(&md))
        errx(1, "memoryd does not start");
}

static void stop(void)
{
    static const char *const files[] = { "lock", "journal", "sock" };
    char path[64];
    size_t i;

    memoryd_dispose(&md);
    for (i = 0; i < XK_ARRAY_SIZE(files); i++) {
        snprintf(path, sizeof(path), "%s/memoryd.%s", run_dir, files[i]);
        (void)unlink(path);
    }
    (void)rmdir(run_dir);
}

/* What is ready, until nothing has been for a while. The guests' own doing is
 * not counted. */
static void settle(struct mark *sum)
{
    struct mark from;
    unsigned int i, n;

    for (n = 0; n < 20; n++) {
        from = now();
        event_base_loop(md.loop.base, EVLOOP_NONBLOCK);
        add_since(sum, &from);
        for (i = 0; i < nr_guests; i++)
            guest_poll(&guests[i]);
    }
}

static void rest(unsigned int seconds)
{
    struct timeval tv = { .tv_sec = (time_t)seconds };

    event_base_loopexit(md.loop.base, &tv);
    event_base_dispatch(md.loop.base);
}

/* --- guests --------------------------------------------------------------- */

static uint16_t create(uint64_t pages, uint64_t static_max)
{
    struct fake_config config = { .pages = pages, .static_max = static_max };
    int id = fake_domain_create(&config);

    if (id <= 0)
        errx(1, "no guest %u: %s", nr_guests, strerror(-id));
    return (uint16_t)id;
}

static void make_guests(unsigned int count, uint64_t pages,
                        uint64_t static_max)
{
    guests = mmap(NULL, count * sizeof(*guests), PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (guests == MAP_FAILED)
        err(1, "memory");
    for (nr_guests = 0; nr_guests < count; nr_guests++)
        guest_init(&guests[nr_guests], create(pages, static_max),
                   FREE_GFN, GUEST_PAGES - FREE_GFN);
}

static bool all_connected(void)
{
    const struct domain *dom;

    for (dom = md.domains; dom; dom = dom->next)
        if (!dom->device.balloon.known)
            return false;
    return true;
}

/* What memoryd does for it is added to *sum. */
static void connect_guests(struct mark *sum)
{
    unsigned int i;

    settle(sum);
    for (i = 0; i < nr_guests; i++)
        if (guest_connect(&guests[i]))
            errx(1, "guest %u does not connect", i);
    for (i = 0; i < 100 && !all_connected(); i++)
        settle(sum);
    if (!all_connected())
        errx(1, "not all guests are connected");
    /* What they have to spare, so that the balancer can plan. */
    for (i = 0; i < nr_guests; i++)
        (void)guest_press(&guests[i], GUEST_PAGES / 2, 0, 0);
    settle(sum);
}

/* --- a command ------------------------------------------------------------ */

static int ask(const char *method, const char *params)
{
    struct sockaddr_un sa = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    char line[256];
    int n;

    snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/memoryd.sock", run_dir);
    n = snprintf(line, sizeof(line), "{\"jsonrpc\":\"2.0\",\"id\":1,"
                 "\"method\":\"%s\",\"params\":%s}\n", method, params);
    if (fd < 0 || connect(fd, (struct sockaddr *)&sa, sizeof(sa)) ||
        write(fd, line, (size_t)n) != n)
        err(1, "%s", sa.sun_path);
    return fd;
}

/* Reads to the end of the answer, past progress. Its length. */
static size_t answer(int fd, const char *method)
{
    static char buf[1 << 16];
    char head[32] = "";
    size_t in_line = 0;
    ssize_t n, i;

    for (;;) {
        event_base_loop(md.loop.base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
        n = read(fd, buf, sizeof(buf));
        if (n == 0 || (n < 0 && errno != EAGAIN))
            errx(1, "%s: no answer", method);
        for (i = 0; i < n; i++) {
            if (in_line < sizeof(head) - 1)
                head[in_line] = buf[i];
            in_line++;
            if (buf[i] != '\n')
                continue;
            if (strstr(head, "\"id\"")) {
                close(fd);
                return in_line;
            }
            in_line = 0;
        }
    }
}

static void command(const char *key, const char *method, const char *params)
{
    struct mark from = now(), sum = { 0 };

    (void)answer(ask(method, params), method);
    add_since(&sum, &from);
    say_cost(key, &sum, 1);
}

/* --- what is measured ----------------------------------------------------- */

static void at_rest(unsigned int seconds)
{
    struct mark from, sum = { 0 };

    from = now();
    rest(seconds);
    add_since(&sum, &from);
    say("cpu-percent", (double)sum.own_ns / 1e7 / seconds);
    say("calls-a-second", (double)sum.calls / seconds);
    say("resident-mib", (double)resident_kib() / 1024);
}

static void quiet(unsigned int count, unsigned int seconds)
{
    struct mark sum = { 0 };

    make_guests(count, GUEST_PAGES, 0);
    start();
    connect_guests(&sum);
    at_rest(seconds);
}

/* They have touched nothing yet, and have no balloon. */
static void debt(unsigned int count, unsigned int seconds)
{
    struct mark sum = { 0 };

    make_guests(count, GIB, 2 * GIB);
    start();
    settle(&sum);
    at_rest(seconds);
}

static void come_and_go(void)
{
    struct mark come = { 0 }, go = { 0 }, from;
    unsigned int i;
    uint16_t id;

    for (i = 0; i < EVENTS; i++) {
        id = create(GUEST_PAGES, 0);
        from = now();
        event_base_loop(md.loop.base, EVLOOP_NONBLOCK);
        add_since(&come, &from);
        if (md.totals.domains != nr_guests + 1)
            errx(1, "memoryd has not seen a guest come");
        (void)fake_domain_destroy(id);
        from = now();
        event_base_loop(md.loop.base, EVLOOP_NONBLOCK);
        add_since(&go, &from);
        if (md.totals.domains != nr_guests)
            errx(1, "memoryd has not seen a guest go");
    }
    say_cost("come", &come, EVENTS);
    say_cost("go", &go, EVENTS);
}

static void many(unsigned int count)
{
    struct mark from, sum = { 0 };
    unsigned long resident;

    make_guests(count, GUEST_PAGES, 0);
    resident = resident_kib();
    from = now();
    start();
    add_since(&sum, &from);
    say_cost("start", &sum, 1);
    sum = (struct mark){ 0 };
    connect_guests(&sum);
    say_cost("connect", &sum, 1);
    say("resident-kib", (double)(resident_kib() - resident));
    come_and_go();
    command("show", "memory", "{}");
    command("plan", "plan", "{}");
}

/* The n-th page of its RAM. */
static uint64_t gfn_of(uint64_t n)
{
    return n < DEVICES_GFN ? n : n - DEVICES_GFN + FOUR_GIB_GFN;
}

static void size(unsigned int gib)
{
    struct mark from, sum = { 0 };
    unsigned long resident;
    char params[64];
    uint16_t id = create(gib * GIB, 0);

    resident = resident_kib();
    from = now();
    start();
    add_since(&sum, &from);
    say_cost("start", &sum, 1);
    snprintf(params, sizeof(params), "{\"domain\":\"%u\"}", id);
    command("map", "map", params);
    say("resident-kib", (double)(resident_kib() - resident));
}

/* It makes use of all its ranges but some. */
static void pass(unsigned int gib)
{
    uint64_t pages = gib * GIB, n;
    unsigned long resident;
    char params[64];
    uint16_t id = create(pages, 0);

    for (n = SUPER; n + SUPER <= pages; n += SUPER)
        if (n / SUPER % ZERO_EVERY && fake_guest_fill(id, gfn_of(n), 1))
            errx(1, "data at %" PRIx64, gfn_of(n));
    resident = resident_kib();
    start();
    snprintf(params, sizeof(params), "{\"domain\":\"%u\",\"dry_run\":true}",
             id);
    command("dry-run", "sweep", params);
    say("resident-kib", (double)(resident_kib() - resident));
}

int main(int argc, char **argv)
{
    unsigned int n = argc > 2 ? (unsigned int)strtoul(argv[2], NULL, 10) : 0;
    unsigned int s = argc > 3 ? (unsigned int)strtoul(argv[3], NULL, 10) : 0;
    struct fake_host host = { .supers = 0 };

    if (!n)
        errx(2, "usage: bench-memoryd quiet|debt GUESTS SECONDS | "
             "guests GUESTS | size GIB | pass GIB");
    host.supers = (n + 8u) * (GIB / SUPER);
    if (!mkdtemp(run_dir) || fake_init(&host))
        err(1, "the stand-in");
    if (!strcmp(argv[1], "quiet") && s)
        quiet(n, s);
    else if (!strcmp(argv[1], "debt") && s)
        debt(n, s);
    else if (!strcmp(argv[1], "guests"))
        many(n);
    else if (!strcmp(argv[1], "size"))
        size(n);
    else if (!strcmp(argv[1], "pass"))
        pass(n);
    else
        errx(2, "no such benchmark: %s", argv[1]);
    stop();
    fake_fini();
    return 0;
}
