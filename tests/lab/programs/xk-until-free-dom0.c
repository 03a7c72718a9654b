// SPDX-License-Identifier: GPL-2.0-only
/*
 * How long a command takes until the host has more free memory: starts it,
 * asks Xen every 4 ms for the free pages (what `xl info` shows as
 * free_memory), and prints the microseconds from the start of the command to
 * the moment they had grown by KIB, and to the end of the command.
 *
 *   xk-until-free-dom0 KIB COMMAND...
 */
#define _GNU_SOURCE            /* environ */

#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <xenctrl.h>

/* A command that does not free the memory within this has failed. */
#define LIMIT_US 200000000u

static uint64_t now_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000u + (uint64_t)ts.tv_nsec / 1000u;
}

static uint64_t free_kib(xc_interface *xch)
{
    xc_physinfo_t info = { 0 };

    return xc_physinfo(xch, &info) ? 0 : info.free_pages * 4;
}

int main(int argc, char **argv)
{
    struct timespec nap = { .tv_nsec = 4000000 };
    xc_interface *xch = xc_interface_open(NULL, NULL, 0);
    uint64_t want, start, freed = 0, ended = 0;
    posix_spawn_file_actions_t actions;
    int status;
    pid_t pid;

    if (argc < 3 || !xch)
        return 2;
    want = free_kib(xch) + strtoull(argv[1], NULL, 10);
    start = now_us();
    if (posix_spawn_file_actions_init(&actions) ||
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null",
                                         O_WRONLY, 0) ||
        posix_spawnp(&pid, argv[2], &actions, NULL, argv + 2, environ))
        return 1;
    while ((!freed || !ended) && now_us() - start < LIMIT_US) {
        if (!freed && free_kib(xch) >= want)
            freed = now_us();
        if (!ended && waitpid(pid, &status, WNOHANG) == pid) {
            ended = now_us();
            if (!WIFEXITED(status) || WEXITSTATUS(status))
                return 1;
        }
        nanosleep(&nap, NULL);
    }
    if (!freed || !ended)
        return 1;
    printf("%llu %llu\n", (unsigned long long)(freed - start),
           (unsigned long long)(ended - start));
    return 0;
}
