// SPDX-License-Identifier: GPL-2.0-only
/* The stage of the targets that run all of memoryd, see stage.h. */
#include "stage.h"

#include <stdio.h>
#include <sys/mman.h>

#include <xenkeep/log.h>

#include "domain.h"
#include "fake.h"
#include "fuzz.h"

#define PAGES (6 * FAKE_SUPER_PAGES)

struct memoryd stage_md;

void stage_once(void)
{
    static const struct fake_host host = { .supers = 32 };
    struct memoryd *md = &stage_md;

    if (md->hv)
        return;
    xk_log_init("fuzz", XK_LOG_ERR, true);
    FUZZ_CHECK(!fake_init(&host));
    memoryd_init(md);
    md->settings.inflate_chunk_mib = 4;
    md->settings.host_reserve_mib = 4;
    FUZZ_CHECK(!xk_loop_init(&md->loop));
    md->journal.fd = memfd_create("journal", MFD_CLOEXEC);
    FUZZ_CHECK(md->journal.fd >= 0);
    FUZZ_CHECK(!xk_hv_open(&md->hv));
    FUZZ_CHECK(!xk_xs_open(&md->xs, md->loop.base));
    FUZZ_CHECK(!xk_chans_open(&md->chans, md->loop.base));
    FUZZ_CHECK(!memoryd_start(md));
    stage_turn();
}

void stage_turn(void)
{
    unsigned int i;

    for (i = 0; i < 3; i++)
        event_base_loop(stage_md.loop.base, EVLOOP_NONBLOCK);
}

uint16_t stage_guest(void)
{
    struct fake_config config = { .pages = PAGES };
    int id = fake_domain_create(&config);

    FUZZ_CHECK(id > 0);
    return (uint16_t)id;
}

struct domain *stage_domain(uint16_t domid)
{
    struct domain *dom;

    for (dom = stage_md.domains; dom && dom->info.domid != domid;
         dom = dom->next)
        ;
    return dom;
}

void stage_end(uint16_t domid)
{
    (void)fake_domain_destroy(domid);
    stage_turn();
    FUZZ_CHECK(!stage_domain(domid));
    FUZZ_CHECK(!fake_mappings());
}
