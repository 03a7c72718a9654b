/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The shares of a guest, as they are added, changed and taken back. See ops.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <xenkeep/util.h>

#include "handle.h"
#include "ops.h"
#include "state.h"

const struct rule *slot_rule(const struct slot *slot)
{
    return atomic_load(&slot->rule);
}

struct slot *slot_find(struct ops *ops, uint32_t id)
{
    struct slot *slot;

    pthread_mutex_lock(&ops->lock);
    for (slot = ops->slots; slot && slot->id != id; slot = slot->next)
        ;
    pthread_mutex_unlock(&ops->lock);
    return slot;
}

int slot_dup(struct ops *ops, struct slot *slot)
{
    int fd = -ESTALE;

    pthread_mutex_lock(&ops->lock);
    if (slot->root_fd >= 0) {
        fd = fcntl(slot->root_fd, F_DUPFD_CLOEXEC, 0);
        fd = fd < 0 ? -errno : fd;
    }
    pthread_mutex_unlock(&ops->lock);
    return fd;
}

int slot_check(const struct node *node, bool change)
{
    const struct slot *slot = node->slot;

    if (!slot)
        return change ? -EPERM : 0;
    if (atomic_load(&slot->state) == SLOT_REVOKED)
        return -ESTALE;
    if (!change)
        return 0;
    return slot_rule(slot)->read_only ? -EROFS : 0;
}

static struct rule *rule_of(const struct share *share)
{
    struct rule *rule = calloc(1, sizeof(*rule));

    if (!rule)
        return NULL;
    rule->read_only = share->read_only;
    rule->set_id = share->set_id;
    rule->devices = share->devices;
    rule->audit = share->audit;
    rule->size_limit = share->size_limit;
    rule->files_limit = share->files_limit;
    rule->rate = share->rate;
    rule->open_limit = share->open_limit;
    rule->owner = share->owner;
    return rule;
}

void slot_free(struct slot *slot)
{
    struct rule *rule, *before;

    for (rule = atomic_load(&slot->rule); rule; rule = before) {
        before = rule->before;
        free(rule);
    }
    xk_close(&slot->root_fd);
    pthread_mutex_destroy(&slot->append);
    free(slot);
}

static bool name_taken(struct ops *ops, const char *name)
{
    struct slot *s;

    for (s = ops->slots; s; s = s->next)
        if (!strcmp(s->name, name) &&
            atomic_load(&s->state) != SLOT_REVOKED)
            return true;
    return false;
}

int ops_share_add(struct ops *ops, uint32_t id, const struct share *share,
                  int root)
{
    struct slot *slot = calloc(1, sizeof(*slot));
    struct node *node;
    int rc, fd;

    if (!slot) {
        xk_close(&root);
        return -ENOMEM;
    }
    pthread_mutex_init(&slot->append, NULL);
    slot->root_fd = root;
    slot->id = id;
    slot->type = share->type;
    memcpy(slot->name, share->name, sizeof(slot->name));
    atomic_init(&slot->rule, rule_of(share));
    if (!atomic_load(&slot->rule)) {
        slot_free(slot);
        return -ENOMEM;
    }
    handle_tag(ops, slot);
    fd = fcntl(root, F_DUPFD_CLOEXEC, 0);
    if (fd < 0) {
        rc = -errno;
        slot_free(slot);
        return rc;
    }
    rc = !id || slot_find(ops, id) || name_taken(ops, share->name)
             ? -EEXIST : 0;
    if (!rc)
        rc = node_of_fd(ops, slot, NULL, NULL, xk_steal_fd(&fd), &node);
    xk_close(&fd);
    if (rc) {
        slot_free(slot);
        return rc;
    }
    if (slot->type == SHARE_VOLUME)
        node->mode = S_IFREG;
    slot->root = node;
    quota_scan(ops, slot);
    pthread_mutex_lock(&ops->lock);
    slot->next = ops->slots;
    ops->slots = slot;
    pthread_mutex_unlock(&ops->lock);
    node_put(ops, node);
    return 0;
}

int ops_share_set(struct ops *ops, uint32_t id, const struct share *share)
{
    struct slot *slot = slot_find(ops, id);
    struct rule *rule;

    if (!slot)
        return -ENOENT;
    rule = rule_of(share);
    if (!rule)
        return -ENOMEM;
    rule->before = atomic_load(&slot->rule);
    atomic_store(&slot->rule, rule);
    quota_scan(ops, slot);
    return 0;
}

int ops_share_drain(struct ops *ops, uint32_t id)
{
    struct slot *slot = slot_find(ops, id);

    if (!slot)
        return -ENOENT;
    if (atomic_load(&slot->state) == SLOT_LIVE)
        atomic_store(&slot->state, SLOT_DRAINING);
    return 0;
}

int ops_share_revoke(struct ops *ops, uint32_t id)
{
    struct slot *slot = slot_find(ops, id);

    if (!slot)
        return -ENOENT;
    atomic_store(&slot->state, SLOT_REVOKED);
    lock_drop_slot(ops, slot);
    file_drop_slot(ops, slot);
    node_drop_slot(ops, slot);
    pthread_mutex_lock(&ops->lock);
    xk_close(&slot->root_fd);
    pthread_mutex_unlock(&ops->lock);
    return 0;
}

uint32_t ops_share_users(struct ops *ops, uint32_t id)
{
    struct slot *slot = slot_find(ops, id);

    return slot ? atomic_load(&slot->users) : 0;
}
