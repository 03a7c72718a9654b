/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Runs the event loop of a daemon inside of a test, for as long as the test
 * needs it and never longer than it allows.
 */
#ifndef XK_COMPONENT_HARNESS_H
#define XK_COMPONENT_HARNESS_H

#include <stdbool.h>

#include <event2/event.h>

typedef bool harness_done_fn(void *arg);

/*
 * Runs rounds of the loop until done(arg) holds. False: it did not within
 * `timeout_ms`. done is asked before the first round and after each.
 */
bool harness_run(struct event_base *base, harness_done_fn *done, void *arg,
                 unsigned int timeout_ms);

/* Runs `rounds` rounds of what is ready, without waiting for anything. */
void harness_settle(struct event_base *base, unsigned int rounds);

/* Runs the loop for about this long, whatever happens. */
void harness_idle(struct event_base *base, unsigned int ms);

/*
 * Runs fn(arg) in a child process that is killed right before its n-th call
 * of a Xen library (0: never), and drops what it held. 0: it returned and
 * exited; 1: it was killed as asked; -ECHILD: it ended in another way.
 */
int harness_killed_at(unsigned long n, void (*fn)(void *arg), void *arg);

#endif /* XK_COMPONENT_HARNESS_H */
