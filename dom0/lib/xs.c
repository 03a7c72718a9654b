/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Typed xenstore on libxenstore, see xs.h. Keeps the list of watches and
 * hands their events out; believes no value that the schema does not know.
 */
#include "xs.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xenstore.h>

#include <xenkeep/log.h>
#include <xenkeep/parse.h>
#include <xenkeep/util.h>

#include "schema.h"

/* Watch events that are handled before the loop looks elsewhere. */
#define EVENTS_AT_ONCE 32u

struct xk_xs {
    struct xs_handle *h;
    struct event *readable;
    struct xk_watch **watches;      /* by rising number */
    size_t nr_watches, room;
    uint64_t last_number;
};

static int xs_errno(void)
{
    return errno ? -errno : -EIO;
}

/* Of the first watch whose number is not below it. */
static size_t place_of(const struct xk_xs *xs, uint64_t number)
{
    size_t low = 0, high = xs->nr_watches, middle;

    while (low < high) {
        middle = low + (high - low) / 2;
        if (xs->watches[middle]->number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/*
 * The token finds the watch: a pointer would dangle when an event of a watch
 * comes after it was removed.
 */
static struct xk_watch *by_token(struct xk_xs *xs, const char *token)
{
    size_t at = place_of(xs, strtoull(token, NULL, 16));
    struct xk_watch *w = at < xs->nr_watches ? xs->watches[at] : NULL;

    return w && !strcmp(w->token, token) ? w : NULL;
}

static int append(struct xk_xs *xs, struct xk_watch *watch)
{
    size_t room = xs->room ? 2 * xs->room : 16;
    struct xk_watch **p;

    if (xs->nr_watches == xs->room) {
        p = reallocarray(xs->watches, room, sizeof(*p));
        if (!p)
            return -ENOMEM;
        xs->watches = p;
        xs->room = room;
    }
    watch->number = ++xs->last_number;
    xs->watches[xs->nr_watches++] = watch;
    return 0;
}

static void drop(struct xk_xs *xs, const struct xk_watch *watch)
{
    size_t at = place_of(xs, watch->number);

    xs->nr_watches--;
    memmove(xs->watches + at, xs->watches + at + 1,
            (xs->nr_watches - at) * sizeof(*xs->watches));
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct xk_xs *xs = arg;
    struct xk_watch *w;
    unsigned int n;
    char **event;

    (void)fd, (void)what;
    /* It stays readable while there are more: a guest that writes all the
     * time shall not keep the loop here. */
    for (n = 0; n < EVENTS_AT_ONCE; n++) {
        event = xs_check_watch(xs->h);
        if (!event)
            break;
        w = by_token(xs, event[XS_WATCH_TOKEN]);
        if (w)
            w->fn(event[XS_WATCH_PATH], w->arg);
        free(event);
    }
}

int xk_xs_open(struct xk_xs **xs_r, struct event_base *base)
{
    struct xk_xs *xs = calloc(1, sizeof(*xs));
    int rc;

    if (!xs)
        return -ENOMEM;
    errno = 0;
    xs->h = xs_open(0);
    if (!xs->h) {
        rc = xs_errno();
        goto out;
    }
    if (base) {
        xs->readable = event_new(base, xs_fileno(xs->h), EV_READ | EV_PERSIST,
                                 on_readable, xs);
        if (!xs->readable || event_add(xs->readable, NULL)) {
            rc = -ENOMEM;
            goto out;
        }
    }
    rc = 0;
    *xs_r = xs;
    xs = NULL;
out:
    xk_xs_close(xs);
    return rc;
}

void xk_xs_close(struct xk_xs *xs)
{
    if (!xs)
        return;
    if (xs->readable)
        event_free(xs->readable);
    if (xs->h)
        xs_close(xs->h);
    free(xs->watches);
    free(xs);
}

int xk_xs_watch(struct xk_xs *xs, struct xk_watch *watch, const char *path,
                xk_watch_fn *fn, void *arg)
{
    int rc;

    if (strlen(path) >= sizeof(watch->path))
        return -ENAMETOOLONG;
    *watch = (struct xk_watch){ .fn = fn, .arg = arg };
    memcpy(watch->path, path, strlen(path) + 1);
    /* Kept first: xenstore fires the new watch at once. */
    rc = append(xs, watch);
    if (rc)
        return rc;
    snprintf(watch->token, sizeof(watch->token), "%" PRIx64, watch->number);
    watch->active = true;
    errno = 0;
    if (xs_watch(xs->h, watch->path, watch->token))
        return 0;
    rc = xs_errno();
    drop(xs, watch);
    watch->active = false;
    return rc;
}

void xk_xs_unwatch(struct xk_xs *xs, struct xk_watch *watch)
{
    if (!watch->active)
        return;
    drop(xs, watch);
    watch->active = false;
    (void)xs_unwatch(xs->h, watch->path, watch->token);
}

int xk_xs_read(struct xk_xs *xs, const char *path, char *buf, size_t size)
{
    xk_cleanup_free char *untrusted = NULL;
    unsigned int len;
    int rc;

    errno = 0;
    untrusted = xs_read(xs->h, XBT_NULL, path, &len);
    if (!untrusted)
        return xs_errno();
    if (len >= size)
        return -E2BIG;
    /* A value may hold any byte; a string ends at the first NUL. */
    if (strlen(untrusted) != len)
        return -EINVAL;
    rc = xk_schema_check(path, untrusted);
    if (rc)
        return rc == -ENOENT ? -EPROTO : -EINVAL;
    memcpy(buf, untrusted, len + 1u);
    return 0;
}

int xk_xs_read_u64(struct xk_xs *xs, const char *path, uint64_t *value_r)
{
    char buf[32];
    int rc;

    rc = xk_xs_read(xs, path, buf, sizeof(buf));
    if (rc)
        return rc == -E2BIG ? -EINVAL : rc;
    return xk_parse_u64(buf, 0, UINT64_MAX, value_r) ? -EINVAL : 0;
}

bool xk_xs_exists(struct xk_xs *xs, const char *path)
{
    xk_cleanup_free char *value = NULL;
    unsigned int len;

    value = xs_read(xs->h, XBT_NULL, path, &len);
    return value != NULL;
}

int xk_xs_write(struct xk_xs *xs, const char *path, const char *value)
{
    if (xk_schema_check(path, value)) {
        xk_err("%s: not in the schema, or \"%s\" does not fit it", path,
               value);
        return -EPROTO;
    }
    errno = 0;
    if (!xs_write(xs->h, XBT_NULL, path, value, (unsigned int)strlen(value)))
        return xs_errno();
    return 0;
}

int xk_xs_write_u64(struct xk_xs *xs, const char *path, uint64_t value)
{
    char buf[24];

    snprintf(buf, sizeof(buf), "%" PRIu64, value);
    return xk_xs_write(xs, path, buf);
}

int xk_xs_mkdir(struct xk_xs *xs, const char *path, unsigned int owner,
                unsigned int reader)
{
    /* The first entry names the owner and what all others may do. */
    struct xs_permissions perms[2] = {
        { .id = owner, .perms = XS_PERM_NONE },
        { .id = reader, .perms = XS_PERM_READ },
    };

    errno = 0;
    if (!xs_mkdir(xs->h, XBT_NULL, path) ||
        !xs_set_permissions(xs->h, XBT_NULL, path, perms, 2))
        return xs_errno();
    return 0;
}

int xk_xs_rm(struct xk_xs *xs, const char *path)
{
    errno = 0;
    if (!xs_rm(xs->h, XBT_NULL, path) && errno != ENOENT)
        return xs_errno();
    return 0;
}
