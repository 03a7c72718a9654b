/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Remembered answers, see remember.h. The memory is a dead process's, but of
 * our own make: numbers in it are looked at again, never used as places.
 */
#include "remember.h"

#include <stddef.h>
#include <string.h>

void memory_init(struct memory *m, struct remember *remember)
{
    pthread_mutex_init(&m->lock, NULL);
    m->remember = remember;
}

void memory_clear(struct memory *m)
{
    pthread_mutex_lock(&m->lock);
    memset(m->remember, 0, sizeof(*m->remember));
    pthread_mutex_unlock(&m->lock);
}

struct remember_record *memory_find(struct memory *m, uint64_t id,
                                    uint16_t op)
{
    struct remember_record *r, *found = NULL;
    uint32_t i;

    pthread_mutex_lock(&m->lock);
    for (i = 0; i < REMEMBER_SLOTS && !found; i++) {
        r = &m->remember->records[i];
        if (r->state != REMEMBER_FREE && r->id == id && r->op == op)
            found = r;
    }
    pthread_mutex_unlock(&m->lock);
    return found;
}

static struct remember_record *oldest(struct memory *m)
{
    struct remember_record *r, *old = NULL;
    uint32_t i;

    for (i = 0; i < REMEMBER_SLOTS; i++) {
        r = &m->remember->records[i];
        if (r->state == REMEMBER_FREE)
            return r;
        if (r->state != REMEMBER_BEGUN && (!old || r->turn < old->turn))
            old = r;
    }
    return old;
}

/* The state is written last, and taken away first: a record that counts is
 * whole. */
static void set_state(struct remember_record *r, enum remember_state state)
{
    __atomic_store_n(&r->state, state, __ATOMIC_SEQ_CST);
}

struct remember_record *memory_begin(struct memory *m, uint64_t id,
                                     uint16_t op, uint64_t before)
{
    struct remember_record *r;

    pthread_mutex_lock(&m->lock);
    r = oldest(m);
    if (r) {
        set_state(r, REMEMBER_FREE);
        *r = (struct remember_record){
            .id = id, .op = op, .before = before,
            .turn = ++m->remember->turn,
        };
        set_state(r, REMEMBER_BEGUN);
    }
    pthread_mutex_unlock(&m->lock);
    return r;
}

void memory_done(struct remember_record *r, int status, uint64_t value,
                 uint64_t value2, uint64_t ino)
{
    r->status = status;
    r->value = value;
    r->value2 = value2;
    r->ino = ino;
    set_state(r, REMEMBER_DONE);
}
