// SPDX-License-Identifier: GPL-2.0-only
/*
 * The shape of each message of the balloon protocol, as a table. Must never
 * change the message, and never look at anything but the message.
 */
#include <errno.h>
#include <stddef.h>

#include <xenkeep/balloon_msg.h>
#include <xenkeep/util.h>

/* Fields that a type uses. */
#define F_ID        0x01u
#define F_STATUS    0x02u
#define F_PAGES     0x04u
#define F_GIVEN     0x08u
#define F_HELD      0x10u   /* ballooned, super, limit */
#define F_PERMILLE  0x20u   /* status is a share */

struct rule {
    const char *name;
    uint16_t type;
    bool from_guest;
    uint16_t flags;         /* that it may have */
    unsigned int fields;
};

static const struct rule rules[] = {
    { "STATE", XK_BALLOON_STATE, true, 0, F_HELD },
    { "SWEEP", XK_BALLOON_SWEEP, true, 0, F_ID | F_PAGES | F_HELD },
    { "GAVE", XK_BALLOON_GAVE, true, XK_BALLOON_F_LAST,
      F_ID | F_GIVEN | F_HELD },
    { "DONE", XK_BALLOON_DONE, true, 0,
      F_ID | F_STATUS | F_GIVEN | F_HELD },
    { "PRESSURE", XK_BALLOON_PRESSURE, true, 0,
      F_PAGES | F_GIVEN | F_PERMILLE | F_HELD },
    { "RECOVERED", XK_BALLOON_RECOVERED, true, 0,
      F_ID | F_STATUS | F_PAGES | F_HELD },
    { "FREE", XK_BALLOON_FREE, true, 0,
      F_ID | F_PAGES | F_GIVEN | F_HELD },
    { "TARGET", XK_BALLOON_TARGET, false, 0, F_ID | F_PAGES },
    { "SWEPT", XK_BALLOON_SWEPT, false, 0, F_ID | F_STATUS | F_PAGES },
    { "SETTLED", XK_BALLOON_SETTLED, false, 0, F_ID | F_PAGES },
    { "STOP", XK_BALLOON_STOP, false, 0, F_ID },
    { "RECOVER", XK_BALLOON_RECOVER, false, 0, F_ID | F_PAGES | F_GIVEN },
    { "FEATURES", XK_BALLOON_FEATURES, false, 0, F_PAGES },
    { "REPORTED", XK_BALLOON_REPORTED, false, 0,
      F_ID | F_STATUS | F_GIVEN },
};

static const struct rule *rule_of(unsigned int type)
{
    size_t i;

    for (i = 0; i < XK_ARRAY_SIZE(rules); i++) {
        if (rules[i].type == type)
            return &rules[i];
    }
    return NULL;
}

static bool counts_ok(const struct xk_balloon_slot *untrusted,
                      unsigned int fields)
{
    const uint64_t max = XK_BALLOON_PAGES_MAX;

    if ((fields & F_PAGES) && untrusted->pages > max)
        return false;
    if ((fields & F_GIVEN) && untrusted->given > max)
        return false;
    if (!(fields & F_HELD))
        return true;
    return untrusted->ballooned <= max && untrusted->super <= max &&
           untrusted->limit <= max;
}

int xk_balloon_check(const struct xk_balloon_slot *untrusted,
                     bool from_guest)
{
    const struct rule *rule = rule_of(untrusted->type);

    if (!rule || rule->from_guest != from_guest)
        return -EPROTO;
    if (untrusted->flags & ~(unsigned int)rule->flags)
        return -EPROTO;
    if ((rule->fields & F_ID) && !untrusted->id)
        return -EPROTO;
    if ((rule->fields & F_STATUS) &&
        untrusted->status > XK_BALLOON_STATUS_MAX)
        return -EPROTO;
    if ((rule->fields & F_PERMILLE) && untrusted->status > 1000)
        return -EPROTO;
    return counts_ok(untrusted, rule->fields) ? 0 : -EPROTO;
}

const char *xk_balloon_type_name(unsigned int type)
{
    const struct rule *rule = rule_of(type);

    return rule ? rule->name : "unknown";
}

const char *xk_balloon_status_name(uint32_t status)
{
    static const char *const names[] = {
        [XK_BALLOON_OK] = "ok",
        [XK_BALLOON_ENOMEM] = "no memory",
        [XK_BALLOON_ESTOP] = "stopped",
        [XK_BALLOON_EREFUSED] = "refused",
        [XK_BALLOON_EBUSY] = "busy",
        [XK_BALLOON_EHOST] = "host kept it",
        [XK_BALLOON_EPINNED] = "never moved",
    };

    return status < XK_ARRAY_SIZE(names) ? names[status] : "unknown";
}
