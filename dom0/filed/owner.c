/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Owners from dom0 to the guest and back, see owner.h.
 */
#include "owner.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <xenkeep/parse.h>
#include <xenkeep/util.h>

/* (uid_t)-1 means "no change" to chown(2). */
#define ID_MAX (UINT32_MAX - 1)

/* The number before `end` (0: all of the text); leaves *at behind `end`. */
static int number(const char **at, char end, uint32_t *v)
{
    const char *stop = end ? strchr(*at, end) : *at + strlen(*at);
    char digits[16];
    size_t len;
    int rc;

    if (!stop)
        return -EINVAL;
    len = (size_t)(stop - *at);
    if (len >= sizeof(digits))
        return -EINVAL;
    memcpy(digits, *at, len);
    digits[len] = '\0';
    rc = xk_parse_u32(digits, 0, ID_MAX, v);
    *at = end ? stop + 1 : stop;
    return rc ? -EINVAL : 0;
}

static int parse_squash(const char *text, struct owner *o)
{
    bool two = strchr(text, '@') != NULL;

    o->kind = OWNER_SQUASH;
    if (number(&text, ':', &o->host_uid) ||
        number(&text, two ? '@' : '\0', &o->host_gid))
        return -EINVAL;
    o->guest_uid = o->host_uid;
    o->guest_gid = o->host_gid;
    if (two && (number(&text, ':', &o->guest_uid) ||
                number(&text, '\0', &o->guest_gid)))
        return -EINVAL;
    return 0;
}

static bool overlap(uint32_t a, uint32_t b, uint32_t na, uint32_t nb)
{
    return (uint64_t)a < (uint64_t)b + nb && (uint64_t)b < (uint64_t)a + na;
}

static int add_range(struct owner *o, const struct owner_range *r)
{
    const struct owner_range *q;
    size_t i;

    if (!r->count || o->nr_ranges == OWNER_RANGES ||
        (uint64_t)r->guest + r->count - 1 > ID_MAX ||
        (uint64_t)r->host + r->count - 1 > ID_MAX)
        return -EINVAL;
    for (i = 0; i < o->nr_ranges; i++) {
        q = &o->ranges[i];
        if (overlap(q->guest, r->guest, q->count, r->count) ||
            overlap(q->host, r->host, q->count, r->count))
            return -EINVAL;
    }
    o->ranges[o->nr_ranges++] = *r;
    return 0;
}

static int parse_map(const char *text, struct owner *o)
{
    struct owner_range r;
    bool more;

    o->kind = OWNER_MAP;
    do {
        more = strchr(text, '+') != NULL;
        if (number(&text, '-', &r.guest) || number(&text, '-', &r.host) ||
            number(&text, more ? '+' : '\0', &r.count) || add_range(o, &r))
            return -EINVAL;
    } while (more);
    return 0;
}

int owner_parse(const char *text, struct owner *owner)
{
    struct owner o = { .kind = OWNER_KEEP };
    int rc = -EINVAL;

    if (!strcmp(text, "keep"))
        rc = 0;
    else if (!strncmp(text, "squash=", 7))
        rc = parse_squash(text + 7, &o);
    else if (!strncmp(text, "map=", 4))
        rc = parse_map(text + 4, &o);
    if (!rc)
        *owner = o;
    return rc;
}

const char *owner_format(const struct owner *o, char *buf, size_t size)
{
    size_t i, used;

    if (o->kind == OWNER_KEEP) {
        snprintf(buf, size, "keep");
    } else if (o->kind == OWNER_SQUASH) {
        snprintf(buf, size, "squash=%u:%u@%u:%u", o->host_uid, o->host_gid,
                 o->guest_uid, o->guest_gid);
    } else {
        used = (size_t)snprintf(buf, size, "map=");
        for (i = 0; i < o->nr_ranges && used < size; i++)
            used += (size_t)snprintf(buf + used, size - used, "%s%u-%u-%u",
                                     i ? "+" : "", o->ranges[i].guest,
                                     o->ranges[i].host, o->ranges[i].count);
    }
    return buf;
}

static uint32_t to_guest(const struct owner *o, uint32_t id, uint32_t squashed)
{
    const struct owner_range *r;
    size_t i;

    if (o->kind == OWNER_KEEP)
        return id;
    if (o->kind == OWNER_SQUASH)
        return squashed;
    for (i = 0; i < o->nr_ranges; i++) {
        r = &o->ranges[i];
        if (id >= r->host && id - r->host < r->count)
            return r->guest + (id - r->host);
    }
    return OWNER_NOBODY;
}

static int to_host(const struct owner *o, uint32_t id, uint32_t squashed,
                   uint32_t *host_r)
{
    const struct owner_range *r;
    size_t i;

    if (o->kind == OWNER_SQUASH)
        id = squashed;
    for (i = 0; o->kind == OWNER_MAP; i++) {
        if (i == o->nr_ranges)
            return -EOVERFLOW;
        r = &o->ranges[i];
        if (id >= r->guest && id - r->guest < r->count) {
            id = r->host + (id - r->guest);
            break;
        }
    }
    if (id > ID_MAX)
        return -EOVERFLOW;
    *host_r = id;
    return 0;
}

uint32_t owner_guest_uid(const struct owner *owner, uint32_t host_uid)
{
    return to_guest(owner, host_uid, owner->guest_uid);
}

uint32_t owner_guest_gid(const struct owner *owner, uint32_t host_gid)
{
    return to_guest(owner, host_gid, owner->guest_gid);
}

int owner_host_uid(const struct owner *owner, uint32_t guest_uid,
                   uint32_t *host_r)
{
    return to_host(owner, guest_uid, owner->host_uid, host_r);
}

int owner_host_gid(const struct owner *owner, uint32_t guest_gid,
                   uint32_t *host_r)
{
    return to_host(owner, guest_gid, owner->host_gid, host_r);
}
