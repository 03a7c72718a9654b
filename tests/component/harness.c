/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The loop inside of a test, see harness.h. It knows nothing of daemons.
 */
#include "harness.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fake.h"

/* A round waits so long at most: done() may depend on no event at all. */
#define ROUND_MS 10u

static uint64_t now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what, (void)arg;
}

/* One round, which waits a moment for an event if none is ready. */
static void one_round(struct event_base *base)
{
    struct timeval tv = { .tv_usec = ROUND_MS * 1000 };
    struct event *timer = evtimer_new(base, on_timer, NULL);

    if (!timer || evtimer_add(timer, &tv))
        abort();
    event_base_loop(base, EVLOOP_ONCE);
    event_free(timer);
}

bool harness_run(struct event_base *base, harness_done_fn *done, void *arg,
                 unsigned int timeout_ms)
{
    uint64_t end = now_ms() + timeout_ms;

    while (!done(arg)) {
        if (now_ms() >= end)
            return false;
        one_round(base);
    }
    return true;
}

void harness_settle(struct event_base *base, unsigned int rounds)
{
    while (rounds--)
        event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

void harness_idle(struct event_base *base, unsigned int ms)
{
    uint64_t end = now_ms() + ms;

    while (now_ms() < end)
        one_round(base);
}

int harness_killed_at(unsigned long n, void (*fn)(void *arg), void *arg)
{
    int status;
    pid_t pid = fork();

    if (pid < 0)
        return -errno;
    if (!pid) {
        fake_kill_at(n);
        fn(arg);
        _exit(EXIT_SUCCESS);
    }
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -errno;
    fake_reap(pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS)
        return 0;
    if (n && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
        return 1;
    return -ECHILD;
}
